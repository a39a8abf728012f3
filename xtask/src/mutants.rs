//! `cargo xtask mutants`: the fault simulator must see each bug that is planted, and a release `ondol` must hold none.
//!
//! ```text
//! target/mutants/  ondol-mutants (with the feature `planted`) ──▶ one line of JSON a bug ──▶ seen by its checker?
//!                        └── holds the marker of each bug: so the search below can fail
//! target/          ondol --release ──▶ holds no marker
//! ```
//!
//! The mutants have a target folder of their own, so that nothing built with planted bugs lies where `ondol` is built.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::{demo, run};

/// What each place of a bug leaves in an executable, before its name.
const MARKER: &str = "planted-bug:";
/// `--quick` looks for the bugs that are seen within this many seeds.
const QUICK_SEEDS: u64 = 400;
/// The sound code, in which nobody may see anything.
const CONTROL: &str = "none";

/// Arguments of `cargo xtask mutants`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Looks for this bug alone; may be given several times.
    #[arg(long = "bug", value_name = "NAME")]
    bugs: Vec<String>,
    /// Looks for the bugs alone that are seen within a few hundred seeds, and leaves the release `ondol` out.
    #[arg(long, conflicts_with = "bugs")]
    quick: bool,
    /// Prints the report as JSON, and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// Writes the report as JSON.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Plants the bugs one after the other and looks who sees them; then looks for them in a release `ondol`.
///
/// # Errors
///
/// If something cannot be built or written, a bug is not seen by its checker, the sound code shows something, or `ondol`
/// holds a planted bug.
pub(crate) fn run(args: &Args) -> Result<()> {
    // Before the work: an hour is not spent on a report that cannot be written.
    if let Some(path) = &args.report {
        let opened = fs::File::options().write(true).create(true).truncate(false).open(path);
        opened.with_context(|| format!("--report: cannot write {}", path.display()))?;
    }
    let mutants = build_mutants()?;
    let sightings = look(&mutants, args)?;
    let report = Report::of(&sightings);
    let json = serde_json::to_string_pretty(&report).context("a report is plain JSON")?;
    if let Some(path) = &args.report {
        fs::write(path, &json).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if args.json {
        println!("{json}");
    }
    let missed = missed(&sightings);
    if !missed.is_empty() {
        bail!("not as it must be: {}", missed.join("; "));
    }
    check_markers(&mutants, &sightings)?;
    if args.quick {
        eprintln!("the release ondol was not searched for planted bugs: leave --quick out");
        return Ok(());
    }
    let ondol = demo::build_release()?;
    if holds(&read(&ondol)?, MARKER) {
        bail!("{} holds planted bugs", ondol.display());
    }
    eprintln!("{} holds none of them", ondol.display());
    Ok(())
}

/// What `ondol-mutants` prints of one bug, as far as it matters here.
#[derive(Debug, Clone, Deserialize)]
struct Sighting {
    bug: String,
    does: String,
    checker: String,
    profile: String,
    budget: u64,
    /// Seeds until its checker saw it.
    seeds: Option<u64>,
    seen_by: BTreeMap<String, u64>,
}

impl Sighting {
    /// True if all is as it must be: the bug was seen by its checker, or nobody saw anything in the sound code.
    fn is_well(&self) -> bool {
        if self.bug == CONTROL { self.seen_by.is_empty() } else { self.seeds.is_some() }
    }

    /// The line for people.
    fn line(&self) -> String {
        let Self { bug, does, checker, profile, budget, .. } = self;
        let seen = match self.seeds {
            _ if bug == CONTROL && self.is_well() => format!("nobody saw anything in {budget} seeds"),
            Some(seeds) => format!("{checker} saw it after {seeds} of {budget} seeds of {profile}"),
            None => {
                let others = self.seen_by.iter().map(|(checker, seed)| format!("{checker} in seed {seed}"));
                let others = others.collect::<Vec<_>>();
                let others = if others.is_empty() { "nobody".to_owned() } else { others.join(", ") };
                format!("NOT seen by {checker} in {budget} seeds of {profile}, but by: {others}")
            }
        };
        format!("{bug:<28} {seen} ({does})")
    }
}

/// What a program may read of all bugs.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Report {
    mutants: BTreeMap<String, Entry>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Entry {
    /// Its checker saw it.
    caught: bool,
    /// The first seed in which it did.
    first_seed: Option<u64>,
    /// Seeds that were run.
    seeds: u64,
    /// The checker that must see it.
    checker: String,
}

impl Report {
    fn of(sightings: &[Sighting]) -> Self {
        let bugs = sightings.iter().filter(|sighting| sighting.bug != CONTROL);
        let entry = |sighting: &Sighting| Entry {
            caught: sighting.is_well(),
            first_seed: sighting.seeds,
            seeds: sighting.seeds.unwrap_or(sighting.budget),
            checker: sighting.checker.clone(),
        };
        Self { mutants: bugs.map(|sighting| (sighting.bug.clone(), entry(sighting))).collect() }
    }
}

/// What is not as it must be, in words.
fn missed(sightings: &[Sighting]) -> Vec<String> {
    let bad = sightings.iter().filter(|sighting| !sighting.is_well());
    bad.map(|sighting| match sighting.bug.as_str() {
        CONTROL => format!("the sound code shows {:?}", sighting.seen_by),
        bug => format!("{bug} was not seen by {} in {} seeds", sighting.checker, sighting.budget),
    })
    .collect()
}

fn build_mutants() -> Result<PathBuf> {
    let dir = run::target_dir().join("mutants");
    let mut cargo = run::cargo();
    cargo.args(["build", "--release", "--quiet", "--package", "ondol-sim", "--bin", "ondol-mutants"]);
    cargo.args(["--no-default-features", "--features", "planted", "--target-dir"]).arg(&dir);
    eprintln!("building ondol-mutants in {}", dir.display());
    run::on_terminal(&mut cargo, "the mutants cannot be built")?;
    Ok(dir.join("release/ondol-mutants"))
}

/// Runs the mutants; a line for people leaves as soon as one is looked for.
fn look(mutants: &Path, args: &Args) -> Result<Vec<Sighting>> {
    let mut command = Command::new(mutants);
    if args.quick {
        command.args(["--within", &QUICK_SEEDS.to_string()]);
    }
    let child = command.args(&args.bugs).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = child.with_context(|| format!("cannot start {}", mutants.display()))?;
    let stdout = child.stdout.take().expect("stdout is piped, above");
    let mut sightings = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let line = line.context("cannot read what the mutants say")?;
        let sighting: Sighting =
            serde_json::from_str(&line).with_context(|| format!("not a sighting of a mutant: {line}"))?;
        if !args.json {
            println!("{}", sighting.line());
        }
        sightings.push(sighting);
    }
    let status = child.wait().context("cannot wait for the mutants")?;
    if !status.success() {
        bail!("{} ended with {status}", mutants.display());
    }
    Ok(sightings)
}

/// The mutants' executable must hold what `ondol` may not: else a search that finds nothing shows nothing.
fn check_markers(mutants: &Path, sightings: &[Sighting]) -> Result<()> {
    let executable = read(mutants)?;
    for Sighting { bug, .. } in sightings.iter().filter(|sighting| sighting.bug != CONTROL) {
        if !holds(&executable, &format!("{MARKER}{bug};")) {
            bail!("{} does not hold the marker of {bug}, so no search shows anything", mutants.display());
        }
    }
    Ok(())
}

fn read(executable: &Path) -> Result<Vec<u8>> {
    fs::read(executable).with_context(|| format!("cannot read {}", executable.display()))
}

/// True if the marker stands anywhere in the executable.
fn holds(executable: &[u8], marker: &str) -> bool {
    executable.windows(marker.len()).any(|bytes| bytes == marker.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighting(bug: &str, seeds: Option<u64>, seen_by: &[(&str, u64)]) -> Sighting {
        Sighting {
            bug: bug.to_owned(),
            does: "something wrong".to_owned(),
            checker: "I1".to_owned(),
            profile: "mixed".to_owned(),
            budget: 400,
            seeds,
            seen_by: seen_by.iter().map(|(checker, seed)| ((*checker).to_owned(), *seed)).collect(),
        }
    }

    #[test]
    fn a_bug_that_another_checker_saw_is_missed_and_so_is_sound_code_that_shows_something() {
        let well = [sighting("none", None, &[]), sighting("a", Some(7), &[("I1", 7), ("live", 2)])];
        assert!(missed(&well).is_empty());
        assert!(well[1].line().contains("I1 saw it after 7 of 400 seeds"), "{}", well[1].line());
        let blind = sighting("b", None, &[("live", 2)]);
        assert_eq!(missed(std::slice::from_ref(&blind)), ["b was not seen by I1 in 400 seeds"]);
        assert!(blind.line().contains("NOT seen") && blind.line().contains("live in seed 2"));
        assert_eq!(missed(&[sighting("none", None, &[("live", 3)])]).len(), 1);
    }

    #[test]
    fn the_report_tells_of_each_bug_what_the_checks_read() {
        let all = [sighting("none", None, &[]), sighting("a", Some(7), &[]), sighting("b", None, &[])];
        let report = serde_json::to_value(Report::of(&all)).unwrap();
        let a = serde_json::json!({ "caught": true, "first_seed": 7, "seeds": 7, "checker": "I1" });
        let b = serde_json::json!({ "caught": false, "first_seed": null, "seeds": 400, "checker": "I1" });
        assert_eq!(report, serde_json::json!({ "mutants": { "a": a, "b": b } }));
    }

    #[test]
    fn a_marker_is_found_wherever_it_stands() {
        let executable = b"\0\x7fELF planted-bug:skip-gap;\0planted";
        assert!(holds(executable, "planted-bug:skip-gap;") && holds(executable, MARKER));
        assert!(
            !holds(executable, "planted-bug:skip;") && !holds(b"planted-bu", MARKER) && !holds(b"", MARKER)
        );
    }
}
