//! `cargo xtask reliability`: makes the figures of `docs/RELIABILITY.md` again, each by the command that stands beside it.
//!
//! ```text
//! a release ondol ──▶ simulate faults, scenarios ──┐
//! cargo xtask     ──▶ mutants, chaos, heal         ├─▶ their reports in target/reliability ──▶ one table
//!                                                  ┘
//! ```
//!
//! A step that fails does not end the others: who looks at the figures wants all of them, the bad one first.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use serde_json::Value;

use crate::demo;
use crate::page::{Page, commit, today};
use crate::run::{self, Stop};

mod figures;

/// Where the table stands.
pub(crate) const PAGE: Page = Page("docs/RELIABILITY.md");
/// Profiles of the fault simulator besides `mixed`.
const PROFILES: [&str; 8] = ["storm", "kakao2022", "flap", "clock", "disk", "sms", "restore", "phones"];

/// Arguments of `cargo xtask reliability`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A tenth of everything.
    #[arg(long)]
    quick: bool,
    /// Puts the table into docs/RELIABILITY.md.
    #[arg(long, conflicts_with = "quick")]
    write: bool,
    /// Prints the figures as JSON, and nothing else on standard output.
    #[arg(long)]
    json: bool,
}

/// How much of each is run.
struct Size {
    mixed: u32,
    each_profile: u32,
    chaos_runs: u32,
    heal_entries: u32,
}

const FULL: Size = Size { mixed: 10_000, each_profile: 2_000, chaos_runs: 20, heal_entries: 200_000 };
const QUICK: Size = Size { mixed: 1_000, each_profile: 200, chaos_runs: 2, heal_entries: 20_000 };

/// What one command showed.
#[derive(Debug, Serialize)]
struct Row {
    /// As a person types it.
    command: String,
    /// What came of it.
    figures: String,
    /// It kept what is promised.
    is_well: bool,
    took_s: u64,
}

/// Runs every command, prints the table, and fails if one of them showed a broken promise.
///
/// # Errors
///
/// If `ondol` cannot be built, a report cannot be read, or a promise was broken.
pub(crate) fn run(args: &Args) -> Result<()> {
    let size = if args.quick { QUICK } else { FULL };
    let stop = Stop::on_signals()?;
    demo::build_pages(&stop)?;
    let makers = Makers { ondol: demo::build_release()?, xtask: run::own_program() };
    let dir = run::target_dir().join("reliability");
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut rows = Vec::new();
    for step in steps(&size, args.quick, &dir) {
        if stop.is_asked() {
            bail!("stopped; the reports so far are in {}", dir.display());
        }
        eprintln!("reliability: {}", step.command());
        rows.push(step.play(&makers)?);
    }
    let json = serde_json::json!({
        "schema": "ondol-reliability/1", "commit": commit()?, "day": today(), "quick": args.quick, "rows": rows,
    });
    std::fs::write(dir.join("figures.json"), format!("{json:#}\n")).context("cannot write the figures")?;
    let table = table(&rows)?;
    if args.json {
        println!("{json:#}");
    } else {
        println!("\n{table}");
    }
    if args.write {
        PAGE.write(&table)?;
    }
    let broken: Vec<&str> = rows.iter().filter(|row| !row.is_well).map(|row| row.command.as_str()).collect();
    if broken.is_empty() { Ok(()) } else { bail!("not as promised: {}", broken.join("; ")) }
}

/// The programs that a step runs.
struct Makers {
    ondol: PathBuf,
    xtask: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Program {
    Ondol,
    Xtask,
}

/// Reads a report, and says whether it is as promised.
type Read = fn(&Value) -> Result<(String, bool)>;

/// One command and the report that it writes.
struct Step {
    program: Program,
    args: Vec<String>,
    /// A file, or a folder of files, which are read as one list.
    report: PathBuf,
    read: Read,
    /// It must give the same hash when it is run once more.
    twice: bool,
}

fn steps(size: &Size, quick: bool, dir: &Path) -> Vec<Step> {
    let step = |program, line: &str, name: &str, read| Step {
        program,
        args: line.split(' ').map(str::to_owned).collect(),
        report: dir.join(format!("{name}.json")),
        read,
        twice: false,
    };
    let faults = |profile: &str, seeds| {
        let line = format!("simulate faults --profile {profile} --seeds {seeds}");
        step(Program::Ondol, &line, &format!("faults-{profile}"), figures::faults as Read)
    };
    let mut steps = vec![Step { twice: true, ..faults("mixed", size.mixed) }];
    steps.extend(PROFILES.map(|profile| faults(profile, size.each_profile)));
    let mutants = if quick { "mutants --quick" } else { "mutants" };
    steps.push(step(Program::Xtask, mutants, "mutants", figures::mutants));
    let scenarios = step(Program::Ondol, "scenario run --all", "scenarios", figures::scenarios);
    steps.push(Step { report: dir.join("scenarios"), ..scenarios });
    steps.push(step(Program::Xtask, &format!("chaos --runs {}", size.chaos_runs), "chaos", figures::chaos));
    steps.push(step(Program::Xtask, &format!("chaos --heal {}", size.heal_entries), "heal", figures::heal));
    steps
}

impl Step {
    fn command(&self) -> String {
        let program = if self.program == Program::Ondol { "ondol" } else { "cargo xtask" };
        format!("{program} {}", self.args.join(" "))
    }

    /// Runs the command and reads its report. What it prints goes to standard error, away from the table.
    fn play(&self, makers: &Makers) -> Result<Row> {
        let begun = Instant::now();
        let (report, mut is_well) = self.once(makers)?;
        let (mut figures, is_promised) = (self.read)(&report).with_context(|| self.command())?;
        is_well &= is_promised;
        if self.twice {
            let (again, ended_well) = self.once(makers)?;
            let is_same = again["state_hash"] == report["state_hash"] && again["state_hash"].is_string();
            figures += if is_same { "; a second run gave the same hash" } else { "; A SECOND RUN DIFFERED" };
            is_well &= is_same && ended_well;
        }
        Ok(Row { command: self.command(), figures, is_well, took_s: begun.elapsed().as_secs() })
    }

    /// Runs the command; returns its report, and whether it ended well.
    fn once(&self, makers: &Makers) -> Result<(Value, bool)> {
        // What an earlier run has left must not be read for this one's.
        let removed = if self.report.is_dir() {
            std::fs::remove_dir_all(&self.report)
        } else {
            std::fs::remove_file(&self.report)
        };
        match removed {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| self.report.display().to_string()),
        }
        let program = if self.program == Program::Ondol { &makers.ondol } else { &makers.xtask };
        let mut command = Command::new(program);
        command.args(&self.args).arg("--report").arg(&self.report);
        command.env(demo::OWN_EXECUTABLE, &makers.ondol).stdout(std::io::stderr());
        let status = command.status().with_context(|| format!("cannot start {}", program.display()))?;
        let report = read(&self.report)
            .with_context(|| format!("{} ended with {status} and left no report", self.command()))?;
        Ok((report, status.success()))
    }
}

/// Reads a report: a file, or a folder of files as a list in the order of their names.
fn read(report: &Path) -> Result<Value> {
    if !report.is_dir() {
        let text = std::fs::read_to_string(report).with_context(|| report.display().to_string())?;
        return serde_json::from_str(&text).with_context(|| report.display().to_string());
    }
    let files = std::fs::read_dir(report)?.map(|file| Ok(file?.path())).collect::<Result<Vec<PathBuf>>>();
    let mut files = files?;
    files.sort();
    files.iter().map(|file| read(file)).collect::<Result<Vec<Value>>>().map(Value::Array)
}

fn table(rows: &[Row]) -> Result<String> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut text = format!(
        "Made on {} from commit {} on {cores} cores by `cargo xtask reliability`.\n\n| command | what came of it |\n|---|---|\n",
        today(),
        commit()?
    );
    for row in rows {
        let mark = if row.is_well { "" } else { "**Not as promised:** " };
        text += &format!("| `{}` | {mark}{} |\n", row.command, row.figures);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_promise_is_seen_in_the_table() {
        let row = |is_well| Row { command: "c".into(), figures: "f".into(), is_well, took_s: 1 };
        let table = table(&[row(true), row(false)]).unwrap();
        assert!(
            table.contains("| `c` | f |") && table.contains("| `c` | **Not as promised:** f |"),
            "{table}"
        );
    }

    #[test]
    fn a_step_that_leaves_no_report_is_an_error_and_not_the_figures_of_the_day_before() {
        let dir = std::env::temp_dir().join(format!("ondol-reliability-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let makers = Makers { ondol: "/bin/true".into(), xtask: "/bin/true".into() };
        let step = steps(&QUICK, true, &dir).remove(0);
        std::fs::write(&step.report, "{}").unwrap();
        let error = step.play(&makers).unwrap_err().to_string();
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(error.contains("left no report"), "{error}");
    }
}
