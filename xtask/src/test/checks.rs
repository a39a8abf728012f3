//! Steps of a suite that are programs and not tests: documentation examples, mutants, a city that is harmed, format,
//! lints, advisories.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use serde_json::Value;

use super::libtest;
use super::suite::Suite;
use super::tally::{Outcome, Tally};
use crate::demo::OWN_EXECUTABLE;
use crate::demo::city::ondol;
use crate::postgres;
use crate::run::{self, Stop};

/// How long one check may take; clippy may have to look at every dependency first.
const LIMIT: Duration = Duration::from_secs(900);
/// How long the city's processes and its database may take to stop when its time is up.
const GRACE: Duration = Duration::from_secs(120);
/// Central's port, those of two edges and that of the text process.
const PORTS: u16 = 4;

/// A step that is no test executable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// The examples in doc comments.
    Doc,
    /// The planted bugs that the fault simulator sees within a few hundred seeds.
    Mutants,
    /// One run of `cargo xtask chaos`: real processes, killed, cut off and healed.
    City,
    /// A few seconds of `cargo xtask load`: every kind of request to a real central, and none refused.
    Load,
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
        Suite::Chaos => &[Check::City, Check::Load],
        Suite::House => &[Check::Format, Check::Lints, Check::Deny],
        Suite::Db | Suite::Peers | Suite::Web => &[],
    }
}

impl Check {
    /// Returns the word for it on the terminal.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Check::Doc => "doc",
            Check::Mutants => "mutants",
            Check::City => "city",
            Check::Load => "load",
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
            Check::City => city(log, stop),
            Check::Load => load(log, stop),
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

/// Has a city live through an outage and three smaller faults, on the executable that was built for the tests.
fn city(log: &Path, stop: &Stop) -> Result<Outcome> {
    let report = log.with_extension("json");
    let port = postgres::free_ports(PORTS)?.to_string();
    let mut chaos = Command::new(run::own_program());
    chaos.args(["chaos", "--runs", "1", "--port", &port, "--report"]).arg(&report);
    // The pages and the executable are built: nothing is built again with other features.
    chaos.env(OWN_EXECUTABLE, ondol());
    let is_well = run::to_log_in_order(&mut chaos, log, LIMIT, GRACE, stop)?.is_success();
    let Ok(text) = fs::read_to_string(&report) else { return Ok(verdict(false)) };
    let (kept, seen) = promises(&serde_json::from_str(&text).context("the report of chaos is no JSON")?);
    Ok(Outcome { notes: vec![seen], ..verdict(is_well && kept) })
}

/// Drives central with 24 phones and a few riders for twelve seconds. How fast it answers depends on who else uses the
/// machine, so the command's verdict on times does not count here.
fn load(log: &Path, stop: &Stop) -> Result<Outcome> {
    let report = log.with_extension("json");
    if report.exists() {
        // A run that fails must not be judged by an earlier one.
        fs::remove_file(&report).with_context(|| format!("cannot remove {}", report.display()))?;
    }
    let mut load = Command::new(run::own_program());
    load.args(["load", "--share", "0.001", "--minutes", "0.2", "--report"]).arg(&report);
    load.args(["--", "--bookings-per-s", "2000", "--quotes-per-s", "4000", "--trip-s", "4"]);
    load.env(OWN_EXECUTABLE, ondol());
    run::to_log_in_order(&mut load, log, LIMIT, GRACE, stop)?;
    let Ok(text) = fs::read_to_string(&report) else { return Ok(verdict(false)) };
    let (carried, seen) = carried(&serde_json::from_str(&text).context("the report of a load is no JSON")?);
    Ok(Outcome { notes: vec![seen], ..verdict(carried) })
}

/// What a report of a load (ondol-load/1) says of its requests, and whether each kind was made and all were answered well.
fn carried(report: &Value) -> (bool, String) {
    let rows = report["operations"].as_array().map_or(&[][..], Vec::as_slice);
    let row = |name: &str| rows.iter().find(|row| row["operation"] == name);
    let kinds = ["beat", "report", "quote", "look", "booking", "offer"];
    let all_made = kinds.iter().all(|kind| row(kind).is_some_and(|row| row["ok"].as_u64() > Some(0)));
    let none_refused = rows.iter().all(|row| row["errors"].as_object().is_some_and(|codes| codes.is_empty()));
    let bookings = &report["bookings"];
    let number = |name: &str| bookings[name].as_u64().unwrap_or(0);
    let all_booked = number("acknowledged") == number("wished") && number("served") > 0;
    let seen = format!("load: {} bookings, {} served", number("acknowledged"), number("served"));
    (all_made && none_refused && all_booked, seen)
}

/// What a report of chaos (ondol-chaos/1) says of the promises, and whether all were kept to somebody.
fn promises(report: &Value) -> (bool, String) {
    let broken = ["lost", "doubled", "double_charges", "diverged"];
    let kept = broken.iter().all(|what| report[what] == 0) && report["acked"].as_u64() > Some(0);
    let counts = ["acked"].iter().chain(&broken).map(|what| format!("{what} {}", report[what]));
    (kept, counts.collect::<Vec<_>>().join(", "))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_broken_promise_and_a_city_that_nobody_served_are_failures() {
        let sound = json!({ "acked": 160, "lost": 0, "doubled": 0, "double_charges": 0, "diverged": 0 });
        assert_eq!(
            promises(&sound),
            (true, "acked 160, lost 0, doubled 0, double_charges 0, diverged 0".to_owned())
        );
        for (what, count) in
            [("lost", 1), ("doubled", 1), ("double_charges", 1), ("diverged", 1), ("acked", 0)]
        {
            let mut report = sound.clone();
            report[what] = json!(count);
            assert!(!promises(&report).0, "{what} {count}");
        }
        assert!(!promises(&json!({})).0, "a report without figures is none");
    }

    #[test]
    fn a_load_of_which_a_kind_is_missing_or_one_request_was_refused_is_a_failure() {
        let row = |name: &str| json!({ "operation": name, "ok": 3, "errors": {} });
        let rows = ["beat", "report", "quote", "look", "booking", "offer"].map(row);
        let sound = json!({
            "operations": rows,
            "bookings": { "wished": 3, "acknowledged": 3, "served": 2 },
        });
        assert_eq!(carried(&sound), (true, "load: 3 bookings, 2 served".to_owned()));
        for (pointer, value) in [
            ("/operations/0/ok", json!(0)),
            ("/operations/5/operation", json!("attach")),
            ("/operations/3/errors", json!({ "overloaded": 1 })),
            ("/bookings/acknowledged", json!(2)),
            ("/bookings/served", json!(0)),
        ] {
            let mut report = sound.clone();
            *report.pointer_mut(pointer).unwrap() = value;
            assert!(!carried(&report).0, "{pointer}");
        }
        assert!(!carried(&json!({})).0, "a report without figures is none");
    }
}
