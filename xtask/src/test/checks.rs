//! Steps of a suite that are programs and not tests: documentation examples, mutants, format, lints, advisories.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::libtest;
use super::suite::Suite;
use super::tally::{Outcome, Tally};
use crate::run::{self, Stop};

/// How long one check may take; clippy may have to look at every dependency first.
const LIMIT: Duration = Duration::from_secs(900);

/// A step that is no test executable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// The examples in doc comments.
    Doc,
    /// The planted bugs that the fault simulator sees within a few hundred seeds.
    Mutants,
    /// `rustfmt`, nothing to change.
    Format,
    /// `clippy`, warnings are errors.
    Lints,
    /// `cargo deny` where it is installed. Licences, bans and sources are in the tidy tests too, which always run.
    Deny,
}

/// Returns the checks of a suite, in the order they run.
pub(crate) const fn of(suite: Suite) -> &'static [Check] {
    match suite {
        Suite::Unit => &[Check::Doc],
        Suite::Scenarios => &[Check::Mutants],
        Suite::House => &[Check::Format, Check::Lints, Check::Deny],
        Suite::Db | Suite::Chaos | Suite::Peers | Suite::Web => &[],
    }
}

impl Check {
    /// Returns the word for it on the terminal.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Check::Doc => "doc",
            Check::Mutants => "mutants",
            Check::Format => "format",
            Check::Lints => "lints",
            Check::Deny => "advisories",
        }
    }

    /// Runs the check.
    ///
    /// # Errors
    ///
    /// If its program cannot be started.
    pub(crate) fn run(self, log: &Path, stop: &Stop) -> Result<Outcome> {
        match self {
            Check::Doc => doc(log, stop),
            Check::Mutants => one(run::cargo().args(["xtask", "mutants", "--quick"]), log, stop),
            Check::Format => one(run::cargo().args(["fmt", "--all", "--check"]), log, stop),
            Check::Lints => one(
                run::cargo().args([
                    "clippy",
                    "--workspace",
                    "--all-targets",
                    "--quiet",
                    "--",
                    "-D",
                    "warnings",
                ]),
                log,
                stop,
            ),
            Check::Deny => deny(log, stop),
        }
    }
}

fn doc(log: &Path, stop: &Stop) -> Result<Outcome> {
    let ended =
        run::to_log(run::cargo().args(["test", "--workspace", "--doc", "--quiet"]), log, LIMIT, stop)?;
    Ok(libtest::read(&read(log)?, ended, None))
}

/// A check that passes or fails as a whole.
fn one(command: &mut Command, log: &Path, stop: &Stop) -> Result<Outcome> {
    let passed = run::to_log(command, log, LIMIT, stop)?.is_success();
    Ok(verdict(passed))
}

fn verdict(passed: bool) -> Outcome {
    let tally = Tally { passed: usize::from(passed), failed: usize::from(!passed), skipped: 0 };
    Outcome { tally, notes: Vec::new() }
}

fn skipped(why: &str) -> Outcome {
    Outcome { tally: Tally { skipped: 1, ..Tally::default() }, notes: vec![format!("skipped: {why}")] }
}

fn deny(log: &Path, stop: &Stop) -> Result<Outcome> {
    if run::find("cargo-deny").is_none() {
        return Ok(skipped("cargo-deny is not installed (cargo install cargo-deny --locked)"));
    }
    let ended =
        run::to_log(run::cargo().args(["deny", "--color=never", "check", "advisories"]), log, LIMIT, stop)?;
    let text = read(log)?;
    if !ended.is_success() && text.contains("failed to fetch advisory database") {
        return Ok(skipped("the advisory database cannot be fetched from here"));
    }
    Ok(verdict(ended.is_success()))
}

fn read(log: &Path) -> Result<String> {
    let bytes = fs::read(log).with_context(|| format!("cannot read {}", log.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
