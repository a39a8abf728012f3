//! `ondol simulate`: the shipped rules under faults, in virtual time.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use indicatif::ProgressBar;
use ondol_sim::faults::{self, Options, Profile};

use crate::output;

#[derive(Subcommand)]
pub(crate) enum SimulateCommand {
    /// Run seeds of the fault simulator; exit ≠ 0 if a promise was broken.
    Faults {
        /// The first seed; one seed is one run, always the same.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many seeds, from the first on.
        #[arg(long, default_value_t = 1)]
        seeds: u64,
        /// How runs are disturbed: calm, mixed, blackout or storm.
        #[arg(long, default_value = "mixed")]
        profile: Profile,
        /// Write the whole report as JSON.
        #[arg(long)]
        report: Option<PathBuf>,
    },
}

pub(crate) fn run(command: &SimulateCommand) -> anyhow::Result<()> {
    let SimulateCommand::Faults { seed, seeds, profile, report } = command;
    let bar = ProgressBar::new(*seeds);
    let options = Options { seed: *seed, seeds: *seeds, profile: *profile, threads: 0 };
    let result = faults::run_many(options, |done| bar.set_position(done));
    bar.finish_and_clear();
    let json = serde_json::to_string_pretty(&result).context("the report is plain JSON")?;
    if let Some(file) = report {
        std::fs::write(file, &json).with_context(|| format!("cannot write {}", file.display()))?;
    }
    for violation in &result.violations {
        output::line(&format!(
            "seed {} at {} s, {}: {}\n  again: {}",
            violation.seed, violation.at_s, violation.checker, violation.what, violation.replay
        ))?;
    }
    let faults: u64 = result.faults.values().sum();
    output::line(&format!(
        "{} seeds, {} operations, {faults} faults, {} violations, state hash {}",
        result.seeds,
        result.ops,
        result.violations.len(),
        result.state_hash
    ))?;
    if result.violations.is_empty() {
        Ok(())
    } else {
        bail!("{} promises were broken", result.violations.len())
    }
}
