//! Running a test executable of Rust's own harness and reading what it says.
//!
//! A test that cannot run here prints a line `skipped: WHY` and returns; it is then counted as skipped, not as passed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::Share;
use super::artifacts::TestBinary;
use super::suite::Suite;
use super::tally::{Outcome, Tally};
use crate::run::{self, Ended, Stop};

/// Lists an executable's tests.
///
/// # Errors
///
/// If it cannot be run or does not answer as Rust's harness does.
pub(crate) fn list(binary: &TestBinary) -> Result<Vec<String>> {
    let output = Command::new(&binary.executable)
        .args(["--list", "--format", "terse"])
        .current_dir(&binary.dir)
        .output();
    let output = output.with_context(|| format!("cannot run {}", binary.executable.display()))?;
    if !output.status.success() {
        bail!("{} does not list its tests: {}", binary.label(), String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout).context("a test's name is not UTF-8")?;
    Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

/// How tests are run: the same for all of a suite.
pub(crate) struct How<'a> {
    pub(crate) suite: Suite,
    /// Variables added to our environment.
    pub(crate) env: &'a [(String, String)],
    pub(crate) stop: &'a Stop,
}

/// Runs a share of an executable's tests.
///
/// # Errors
///
/// If it cannot be started. A test that fails, a crash and a timeout are outcomes.
pub(crate) fn run(share: &Share<'_>, how: &How<'_>, log: &Path) -> Result<Outcome> {
    let binary = share.binary;
    let mut command = Command::new(&binary.executable);
    command.current_dir(&binary.dir).env("CARGO_MANIFEST_DIR", &binary.dir);
    command.envs(how.env.iter().map(|(key, value)| (key, value)));
    command.args(["--show-output", "--color=never", &format!("--test-threads={}", how.suite.threads())]);
    if !share.is_whole {
        command.arg("--exact").args(&share.names);
    }
    let ended = run::to_log(&mut command, log, how.suite.limit(), how.stop)?;
    let text = fs::read(log).with_context(|| format!("cannot read {}", log.display()))?;
    Ok(read(&String::from_utf8_lossy(&text), ended, Some(share.names.len())))
}

/// Reads the harness's output; `expected` is how many tests must be accounted for, if that is known.
pub(crate) fn read(text: &str, ended: Ended, expected: Option<usize>) -> Outcome {
    let mut outcome = Outcome::default();
    for summary in text.lines().filter_map(summary) {
        outcome.tally += summary;
    }
    let reasons = skip_reasons(text);
    let skipped = reasons.len().min(outcome.tally.passed);
    outcome.tally.passed -= skipped;
    outcome.tally.skipped += skipped;
    for (reason, times) in count(&reasons) {
        outcome.notes.push(format!("skipped {times}: {reason}"));
    }
    outcome.notes.extend(text.lines().filter_map(failed_test).map(|name| format!("failed: {name}")));
    account(&mut outcome, text, ended, expected);
    outcome
}

/// Makes tests that nobody accounted for fail: after a crash or a timeout there is no summary.
fn account(outcome: &mut Outcome, text: &str, ended: Ended, expected: Option<usize>) {
    let Tally { passed, failed, skipped } = outcome.tally;
    let seen = passed + failed + skipped;
    match ended {
        Ended::TimedOut => outcome.notes.push("its time was up: it was killed".to_owned()),
        Ended::Stopped => outcome.notes.push("it was killed because we were asked to stop".to_owned()),
        Ended::Exited(_) => {}
    }
    match expected {
        Some(expected) if seen < expected => {
            if seen == 0 {
                outcome.tally.passed = text
                    .lines()
                    .filter(|line| line.starts_with("test ") && line.ends_with(" ... ok"))
                    .count();
            }
            let lost =
                expected.saturating_sub(outcome.tally.passed + outcome.tally.failed + outcome.tally.skipped);
            outcome.notes.push(format!("{lost} tests gave no result"));
            outcome.tally.failed += lost;
        }
        Some(_) | None => {}
    }
    if !ended.is_success() && outcome.tally.failed == 0 {
        outcome.notes.push("every test passed, but the program did not end well".to_owned());
        outcome.tally.failed += 1;
    }
}

/// Reads `test result: ok. 3 passed; 1 failed; 2 ignored; 0 measured; 4 filtered out; finished in 0.00s`.
fn summary(line: &str) -> Option<Tally> {
    let (_, counts) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
    let mut tally = Tally::default();
    for part in counts.split(';') {
        let mut words = part.split_whitespace();
        let (Some(number), Some(word)) = (words.next(), words.next()) else { continue };
        match word {
            "passed" => tally.passed = number.parse().ok()?,
            "failed" => tally.failed = number.parse().ok()?,
            "ignored" => tally.skipped = number.parse().ok()?,
            _ => {}
        }
    }
    Some(tally)
}

/// Returns why tests skipped, one reason for each test: the first that it gave.
fn skip_reasons(text: &str) -> Vec<&str> {
    let mut reasons = Vec::new();
    let mut is_counted = false;
    for line in text.lines() {
        if line.starts_with("---- ") && line.ends_with(" stdout ----") {
            is_counted = false;
        } else if let Some(reason) = skip_reason(line)
            && !is_counted
        {
            reasons.push(reason);
            is_counted = true;
        }
    }
    reasons
}

/// Reads `skipped: WHY`; either case will do for the first word.
fn skip_reason(line: &str) -> Option<&str> {
    let (word, why) = line.trim().split_once(": ")?;
    word.eq_ignore_ascii_case("skipped").then_some(why)
}

fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

fn count<'a>(reasons: &[&'a str]) -> Vec<(&'a str, usize)> {
    let kinds: BTreeSet<&str> = reasons.iter().copied().collect();
    kinds.into_iter().map(|kind| (kind, reasons.iter().filter(|reason| **reason == kind).count())).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::*;

    fn status(code: i32) -> Ended {
        Ended::Exited(ExitStatus::from_raw(code << 8))
    }

    fn tally(passed: usize, failed: usize, skipped: usize) -> Tally {
        Tally { passed, failed, skipped }
    }

    #[test]
    fn a_failure_is_counted_and_named() {
        let text = "running 2 tests\ntest offer::lapses ... FAILED\ntest offer::is_kept ... ok\n\nfailures:\n\n\
                    test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.00s\n";
        let outcome = read(text, status(101), Some(2));
        assert_eq!(outcome.tally, tally(1, 1, 0));
        assert_eq!(outcome.notes, ["failed: offer::lapses"]);
    }

    #[test]
    fn a_crash_fails_every_test_without_a_result() {
        let text = "running 4 tests\ntest a ... ok\nthread 'b' has overflowed its stack\n";
        assert_eq!(read(text, status(134), Some(4)).tally, tally(1, 3, 0));
    }

    #[test]
    fn a_timeout_is_a_failure_and_says_so() {
        let outcome = read("running 2 tests\ntest a ... ok\n", Ended::TimedOut, Some(2));
        assert_eq!(outcome.tally, tally(1, 1, 0));
        assert!(outcome.notes[0].contains("time was up"), "{:?}", outcome.notes);
    }

    #[test]
    fn a_summary_without_the_chosen_tests_is_a_failure() {
        let text = "running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.00s\n";
        assert_eq!(read(text, status(0), Some(3)).tally, tally(0, 3, 0));
    }

    #[test]
    fn a_bad_end_after_good_results_is_a_failure() {
        let text =
            "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        assert_eq!(read(text, status(1), Some(2)).tally, tally(2, 1, 0));
    }

    #[test]
    fn a_test_that_says_it_skipped_did_not_pass() {
        let text = "running 3 tests\ntest a ... ok\ntest b ... ok\ntest c ... ignored\n\nsuccesses:\n\n---- b stdout ----\n\
                    SKIPPED: no map data\nSKIPPED: no street data\n\ntest result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n";
        let outcome = read(text, status(0), Some(3));
        assert_eq!(outcome.tally, tally(1, 0, 2));
        assert_eq!(outcome.notes, ["skipped 1: no map data"]);
    }

    #[test]
    fn several_summaries_are_summed() {
        let text = "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.5s\n\
                    test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s\n";
        assert_eq!(read(text, status(0), None).tally, tally(5, 0, 1));
    }
}
