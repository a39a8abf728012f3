//! `ondol simulate`: the shipped rules in virtual time, under faults and on real demand.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use indicatif::ProgressBar;
use ondol_sim::faults::{self, Options, Profile};

use crate::output;

mod fleet;

#[derive(Subcommand)]
pub(crate) enum SimulateCommand {
    /// Run seeds of the fault simulator; exit ≠ 0 if a promise was broken.
    Faults {
        /// The first seed; one seed is one run, always the same.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many seeds, from the first on; at least one.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        seeds: u64,
        /// How runs are disturbed: calm, mixed, kakao2022, flap, storm, clock, disk, sms, restore or phones.
        #[arg(long, default_value = "mixed")]
        profile: Profile,
        /// Write the whole report as JSON.
        #[arg(long)]
        report: Option<PathBuf>,
    },
    /// Serve a town's real demand with the shipped matching, and tell how long riders wait.
    Fleet(fleet::FleetArguments),
}

pub(crate) fn run(command: &SimulateCommand) -> anyhow::Result<()> {
    let (seed, seeds, profile, report) = match command {
        SimulateCommand::Faults { seed, seeds, profile, report } => (seed, seeds, profile, report),
        SimulateCommand::Fleet(arguments) => return fleet::run(arguments),
    };
    let mut file = report.as_deref().map(open_report).transpose()?;
    let bar = ProgressBar::new(*seeds);
    let options = Options { seed: *seed, seeds: *seeds, profile: *profile, threads: 0 };
    let result = faults::run_many(options, |done| bar.set_position(done));
    bar.finish_and_clear();
    let json = serde_json::to_string_pretty(&result).context("the report is plain JSON")?;
    if let (Some(file), Some(path)) = (&mut file, report) {
        write_report(file, path, &json)?;
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

/// Opens the report before the run: hours of simulation are not spent on a report that cannot be written.
pub(crate) fn open_report(path: &Path) -> anyhow::Result<File> {
    let opened = File::options().write(true).create(true).truncate(false).open(path);
    opened.with_context(|| format!("--report: cannot write {}", path.display()))
}

/// Writes the report, only now: a run that was broken off leaves the report before it as it was.
pub(crate) fn write_report(file: &mut File, path: &Path, json: &str) -> anyhow::Result<()> {
    file.set_len(0)
        .and_then(|()| file.write_all(json.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(subcommand)]
        command: SimulateCommand,
    }

    fn parse(arguments: &[&str]) -> Result<SimulateCommand, clap::Error> {
        Line::try_parse_from(["simulate", "faults"].iter().chain(arguments)).map(|line| line.command)
    }

    #[test]
    fn no_seeds_are_no_run_that_kept_its_promises() {
        let Err(error) = parse(&["--seeds", "0"]) else { panic!("0 seeds were taken") };
        assert!(error.to_string().contains("--seeds"), "{error}");
        assert!(parse(&["--seeds", "1"]).is_ok());
    }

    #[test]
    fn a_report_that_cannot_be_written_is_told_before_the_run() {
        // So many seeds would run for days.
        let command = parse(&["--seeds", "99999999", "--report", "/no/such/folder/report.json"]).unwrap();
        let error = run(&command).unwrap_err().to_string();
        assert!(error.contains("--report") && error.contains("/no/such/folder/report.json"), "{error}");
    }

    #[test]
    fn a_shorter_report_replaces_a_longer_one_whole() {
        let path = std::env::temp_dir().join(format!("ondol-report-{}.json", std::process::id()));
        std::fs::write(&path, "x".repeat(1 << 20)).unwrap();
        let report = path.to_string_lossy();
        run(&parse(&["--profile", "calm", "--report", &report]).unwrap()).unwrap();
        let written = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(read["seeds"], 1);
    }
}
