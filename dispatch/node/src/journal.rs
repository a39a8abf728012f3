//! `ondol journal`: check a node's journal, or write it out.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use ondol_core::ids::DistrictId;
use ondol_core::journal::Heads;
use ondol_engine::config::Config;
use ondol_engine::store::Store;

use crate::output;

/// Entries read at a time, and their bytes.
const PAGE_ENTRIES: usize = 1_000;
const PAGE_BYTES: usize = 8 << 20;

#[derive(Subcommand)]
pub(crate) enum JournalCommand {
    /// Check every hash chain; the first bad entry is named.
    Verify {
        /// The store, `postgres://…` or `sqlite:///path`.
        #[arg(long)]
        store: String,
        /// Print the counts as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write every entry as one line of JSON, each series in its order.
    Export {
        /// The configuration of the node whose store is read.
        #[arg(long)]
        config: PathBuf,
        /// The file to write; standard output if absent.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

pub(crate) async fn run(command: &JournalCommand) -> anyhow::Result<()> {
    match command {
        JournalCommand::Verify { store, json } => {
            let opened = Store::open_to_read(store).await.context("--store")?;
            let verified = opened.verify().await?;
            let (series, entries) = (verified.series, verified.entries);
            if *json {
                output::json(&serde_json::json!({ "series": series, "entries": entries }))
            } else {
                output::line(&format!("{entries} entries in {series} series: every chain is whole"))
            }
        }
        JournalCommand::Export { config, out } => {
            let url = Config::read(config)?.store.url;
            let store = Store::open_to_read(&url).await.context("store.url")?;
            let mut sink: Box<dyn Write> = match out {
                Some(file) => {
                    let file =
                        File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
                    Box::new(BufWriter::new(file))
                }
                None => Box::new(std::io::stdout().lock()),
            };
            export(&store, &mut sink).await?;
            sink.flush().context("the journal could not be written to its end")
        }
    }
}

async fn export(store: &Store, sink: &mut dyn Write) -> anyhow::Result<()> {
    let mut held = store.heads();
    let mut districts: Vec<DistrictId> = held.0.keys().map(|series| series.district.clone()).collect();
    districts.sort();
    districts.dedup();
    let mut cursors = Heads::default();
    loop {
        let page = store.read_after(&cursors, &districts, PAGE_ENTRIES, PAGE_BYTES).await?.entries;
        if page.is_empty() {
            break;
        }
        for entry in page {
            cursors.0.insert(entry.series.clone(), entry.as_head());
            writeln!(sink, "{}", serde_json::to_string(&entry).context("an entry is plain JSON")?)?;
        }
    }
    held.0.retain(|series, head| cursors.of(series).seq < head.seq);
    if let Some((series, _)) = held.0.first_key_value() {
        bail!("{series} could not be read to its head: run `ondol journal verify`");
    }
    Ok(())
}
