//! `cargo xtask bench`: what Ondol does beside the best others that do the same, on this machine, in turns.
//!
//! ```text
//! release programs of ours ──┐
//! peers from packages      ──┴─▶ rounds: peer, ours, peer, ours … ─▶ medians of ratios ─▶ table, JSON, docs/BENCHMARKS.md
//! ```
//!
//! A row whose peer cannot be had is measured all the same and says what is missing. What the figures depend on besides
//! the code (the machine, the rate at which its disk makes a write durable) is measured with them.

mod contest;
pub(crate) mod facts;
pub(crate) mod kit;
pub(crate) mod node;
mod pgbench;
mod redis;
mod rows;
mod table;
mod talk;
mod usage;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::demo::plan;
use crate::page::{Page, commit, today};
use crate::run::Stop;
use contest::Outcome;
use facts::Facts;
use kit::Kit;
use rows::Row;

/// Where the table stands.
pub(crate) const PAGE: Page = Page("docs/BENCHMARKS.md");
/// How long the disk is measured before a round.
const DISK: Duration = Duration::from_millis(500);

/// Arguments of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Measures this row of the table alone; may be given several times.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Two short rounds: to see that everything runs, not for figures.
    #[arg(long)]
    quick: bool,
    /// Writes everything that was seen here, each round and the machine: ondol-bench/1.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Puts the table into docs/BENCHMARKS.md.
    #[arg(long, conflicts_with_all = ["quick", "only"])]
    write: bool,
    /// Measures the pieces that dispatch is made of instead, without a peer: to see what a change did to one of them.
    #[arg(long, conflicts_with_all = ["quick", "only", "json", "write"])]
    micro: bool,
    /// Keeps the figures of `--micro` by this name.
    #[arg(long, value_name = "NAME", requires = "micro")]
    save: Option<String>,
    /// Compares the figures of `--micro` with those kept by this name.
    #[arg(long, value_name = "NAME", requires = "micro", conflicts_with = "save")]
    against: Option<String>,
}

/// Measures the chosen rows, prints the table, and fails if a firm goal was missed.
///
/// # Errors
///
/// If a row is unknown, a report cannot be written, a firm goal was missed, or two sides that must find the same did not.
/// A peer that is missing fails nothing.
pub(crate) fn run(args: &Args) -> Result<()> {
    if args.micro {
        return kit::micro(args.save.as_deref(), args.against.as_deref());
    }
    let chosen = chosen(&args.only)?;
    let report = args.json.as_deref().map(plan::writable).transpose()?;
    let kit = Kit::new(args.quick, Stop::on_signals()?)?;
    let facts = Facts::read();
    let mut outcomes = Vec::new();
    for row in chosen {
        eprintln!("bench: {}", row.name);
        for contest in (row.open)(&kit).with_context(|| row.name)? {
            if kit.stop.is_asked() {
                bail!("stopped");
            }
            let outcome = contest::play(contest, kit.rounds(), || facts::fdatasync_per_s(&kit.dir, DISK));
            eprintln!("bench: {}", table::line(&outcome));
            outcomes.push(outcome);
        }
    }
    let table = format!(
        "Made on {} from commit {} by `cargo xtask bench`, {} rounds each: {facts}.\n\n{}",
        today(),
        commit()?,
        kit.rounds(),
        table::markdown(&outcomes)
    );
    println!("\n{table}");
    if let Some(file) = report {
        let json = serde_json::json!({
            "schema": "ondol-bench/1", "commit": commit()?, "day": today(), "quick": args.quick, "machine": facts,
            "rows": table::json(&outcomes),
        });
        std::fs::write(&file, format!("{json:#}\n"))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if args.write {
        PAGE.write(&table)?;
    }
    match failures(&outcomes) {
        failures if failures.is_empty() => Ok(()),
        failures => bail!("not as it must be: {}", failures.join("; ")),
    }
}

/// The rows of these names, in the table's order; all if none is named.
fn chosen(names: &[String]) -> Result<Vec<&'static Row>> {
    let known = || rows::ALL.iter().map(|row| row.name);
    if let Some(unknown) = names.iter().find(|name| !known().any(|known| known == *name)) {
        bail!("--only {unknown}: no such row (there are {})", known().collect::<Vec<_>>().join(", "));
    }
    let is_chosen = |row: &&Row| names.is_empty() || names.iter().any(|name| name == row.name);
    Ok(rows::ALL.iter().filter(is_chosen).collect())
}

/// The contests because of which the command fails.
fn failures(outcomes: &[Outcome]) -> Vec<String> {
    outcomes.iter().filter(|outcome| outcome.is_failure()).map(table::line).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_row_that_does_not_exist_is_refused_with_those_that_do() {
        let error = chosen(&["assignment".into(), "speed".into()]).err().unwrap().to_string();
        assert!(error.starts_with("--only speed: no such row (there are assignment"), "{error}");
    }

    #[test]
    fn rows_are_measured_in_the_order_of_the_table() {
        let names = |chosen: Result<Vec<&'static Row>>| {
            chosen.unwrap().iter().map(|row| row.name).collect::<Vec<_>>()
        };
        let all = names(chosen(&[]));
        assert_eq!(all, rows::ALL.map(|row| row.name));
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "two rows have one name");
        let (first, last) = (all[0], all[all.len() - 1]);
        let both = BTreeSet::from([first, last]);
        assert_eq!(names(chosen(&[last.into(), first.into()])).into_iter().collect::<BTreeSet<_>>(), both);
        assert_eq!(names(chosen(&[first.into()])), [first]);
    }

    #[test]
    fn the_page_describes_every_row() {
        let page = std::fs::read_to_string(crate::run::root().join(PAGE.0)).unwrap();
        for row in &rows::ALL {
            assert!(page.contains(&format!("`{}`", row.name)), "{} says nothing of {}", PAGE.0, row.name);
        }
    }
}
