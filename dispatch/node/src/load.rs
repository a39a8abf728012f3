//! `ondol load`: drives a running system as a city of separate clients, and checks what they were told.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use ondol_sim::checker::{self, Options, crash};

use crate::output;

mod backlog;
mod day;
mod made_up;
mod measured;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct LoadArguments {
    /// A city that lives for a while and writes down what it was told: its configuration (TOML).
    #[arg(long, conflicts_with = "node")]
    config: Option<PathBuf>,
    #[command(flatten)]
    measured: measured::MeasuredArguments,
    #[command(subcommand)]
    command: Option<LoadCommand>,
}

#[derive(Subcommand)]
enum LoadCommand {
    /// Compare what clients wrote down with every node's journal; exit ≠ 0 if a promise was broken.
    Check {
        /// The folder of the run.
        #[arg(long)]
        run: PathBuf,
        /// The folder of the same city's run without the outage.
        #[arg(long)]
        usual: Option<PathBuf>,
        /// Write the report here as JSON.
        #[arg(long)]
        report: Option<PathBuf>,
    },
    /// Write bookings into the new store of an edge that does not run, as a long outage leaves them.
    Backlog {
        /// The edge's configuration.
        #[arg(long)]
        config: PathBuf,
        /// How many entries its journal is to hold.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=2_000_000))]
        entries: u64,
    },
    /// Write a day into the new store of a node that does not run: its roster's drivers come to work and serve bookings. For
    /// an edge, or a node without edges.
    Day {
        /// The node's configuration.
        #[arg(long)]
        config: PathBuf,
        #[command(flatten)]
        size: day::Size,
    },
    /// Look for every acknowledged booking after crashes; exit ≠ 0 if one is lost.
    CheckCrash {
        /// The folder of the run.
        #[arg(long)]
        run: PathBuf,
        /// Leave one booking out of what is looked through, to see that the loss is found.
        #[arg(long)]
        plant_loss: bool,
    },
}

pub(crate) fn run(arguments: &LoadArguments) -> anyhow::Result<()> {
    if let (Some(node), None) = (&arguments.measured.node, &arguments.command) {
        return measured::run(node, &arguments.measured);
    }
    match (&arguments.config, &arguments.command) {
        (Some(config), None) => crate::block_on(ondol_sim::city::run(config)),
        (None, Some(LoadCommand::Check { run, usual, report })) => {
            check(&Options { run: run.clone(), usual: usual.clone(), report: report.clone() })
        }
        (None, Some(LoadCommand::Backlog { config, entries })) => {
            crate::block_on(backlog::write(config, *entries))
        }
        (None, Some(LoadCommand::Day { config, size })) => crate::block_on(day::write(config, *size)),
        (None, Some(LoadCommand::CheckCrash { run, plant_loss })) => {
            let found = crash::run(run, plant_loss.then_some(crash::PlantLoss))?;
            output::json(&found)?;
            if found.lost.is_empty() {
                Ok(())
            } else {
                bail!("{} acknowledged bookings are lost", found.lost.len())
            }
        }
        (None, None) | (Some(_), Some(_)) => {
            bail!("say --node URL with --map DIR and --roster FILE, or --config FILE, or check")
        }
    }
}

fn check(options: &Options) -> anyhow::Result<()> {
    let report = checker::run(options)?;
    output::line(&serde_json::to_string_pretty(&report).context("a report is plain JSON")?)?;
    if report.violations.is_empty() {
        Ok(())
    } else {
        bail!("{} promises were broken", report.violations.len())
    }
}
