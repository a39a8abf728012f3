//! `ondol journal`: check a node's journal, write it out, or read off it how work was shared.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use ondol_core::ids::DistrictId;
use ondol_core::journal::{Entry, Heads};
use ondol_engine::config::Config;
use ondol_engine::store::Store;

use crate::output;

mod fairness;

/// Entries read at a time, and their bytes.
const PAGE_ENTRIES: usize = 1_000;
const PAGE_BYTES: usize = 8 << 20;

#[derive(Subcommand)]
pub(crate) enum JournalCommand {
    /// Check every hash chain; the first bad entry is named.
    Verify {
        #[command(flatten)]
        which: Which,
        /// Print the counts as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write every entry as one line of JSON, each series in its order.
    Export {
        #[command(flatten)]
        which: Which,
        /// The file to write; standard output if absent.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Show how work, waiting and takings were shared between fleets and drivers.
    Fairness(fairness::FairnessArguments),
}

/// The store to read.
#[derive(Args)]
pub(crate) struct Which {
    /// The configuration of the node whose store is read.
    #[arg(long, required_unless_present = "store", conflicts_with = "store")]
    config: Option<PathBuf>,
    /// The store itself, `postgres://…` or `sqlite:///path`, as a copy that was restored beside; a password in it is
    /// seen in `ps`.
    #[arg(long)]
    store: Option<String>,
}

impl Which {
    /// Opens the store to read it; a complaint names where its address stands.
    async fn open(&self) -> anyhow::Result<Store> {
        let (url, named) = match (&self.config, &self.store) {
            (Some(file), _) => (Config::read(file)?.store.url, format!("{}: store.url", file.display())),
            (None, Some(url)) => (url.clone(), "--store".to_owned()),
            (None, None) => bail!("say --config FILE"),
        };
        let path = url.strip_prefix("sqlite://").map(|path| path.split('?').next().unwrap_or(path));
        if let Some(path) = path
            && !Path::new(path).is_file()
        {
            bail!("{named}: there is no file {path}");
        }
        Store::open_to_read(&url).await.context(named)
    }
}

pub(crate) async fn run(command: &JournalCommand) -> anyhow::Result<()> {
    match command {
        JournalCommand::Verify { which, json } => {
            let verified = which.open().await?.verify().await?;
            let (series, entries) = (verified.series, verified.entries);
            if *json {
                output::json(&serde_json::json!({ "series": series, "entries": entries }))
            } else {
                output::line(&format!("{entries} entries in {series} series: every chain is whole"))
            }
        }
        JournalCommand::Export { which, out } => {
            let store = which.open().await?;
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
        JournalCommand::Fairness(arguments) => fairness::run(arguments).await,
    }
}

async fn export(store: &Store, sink: &mut dyn Write) -> anyhow::Result<()> {
    each(store, |entry| {
        writeln!(sink, "{}", serde_json::to_string(&entry).context("an entry is plain JSON")?)?;
        Ok(())
    })
    .await
}

/// Hands over every entry of the store, each series in its order.
async fn each(store: &Store, mut take: impl FnMut(Entry) -> anyhow::Result<()>) -> anyhow::Result<()> {
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
            take(entry)?;
        }
    }
    held.0.retain(|series, head| cursors.of(series).seq < head.seq);
    if let Some((series, _)) = held.0.first_key_value() {
        bail!("{series} could not be read to its head: run `ondol journal verify`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_store_is_named_by_configuration_or_address_and_a_complaint_says_which() {
        let store = |url: &str| Which { config: None, store: Some(url.to_owned()) };
        for (which, named) in [
            (store("sqlite:///no/such/edge.db"), "--store: there is no file /no/such/edge.db"),
            (store("mysql://x"), "--store"),
            (Which { config: Some("/no/such/edge.toml".into()), store: None }, "/no/such/edge.toml"),
        ] {
            let Err(error) = which.open().await else { panic!("{named} was opened") };
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}
