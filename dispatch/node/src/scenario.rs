//! `ondol scenario`: the outages of the past, played with the shipped rules in virtual time.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use ondol_sim::scenario::{self, Report, Scenario};

use crate::output;

/// No file of a person is larger.
const FILE_MAX: u64 = 1 << 20;

#[derive(Subcommand)]
pub(crate) enum ScenarioCommand {
    /// List the scenarios that the program brings along.
    List,
    /// Play scenarios; exit ≠ 0 if something that must hold has not held.
    Run(RunArguments),
}

#[derive(Args)]
pub(crate) struct RunArguments {
    /// Which of those that are listed.
    #[arg(required_unless_present_any = ["all", "file"], conflicts_with = "all")]
    names: Vec<String>,
    /// All that are listed.
    #[arg(long)]
    all: bool,
    /// A file of your own; its name without the ending is the scenario's.
    #[arg(long)]
    file: Vec<PathBuf>,
    /// Draws cars, riders and everything else: the same seed gives the same report.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write each report as NAME.json into this folder.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Print each report as one line of JSON instead of a table.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &ScenarioCommand) -> anyhow::Result<()> {
    match command {
        ScenarioCommand::List => list(),
        ScenarioCommand::Run(arguments) => play(arguments),
    }
}

fn list() -> anyhow::Result<()> {
    let width = scenario::known().iter().map(|known| known.name.len()).max().unwrap_or(0) + 2;
    for known in scenario::known() {
        let title = read(known.name, known.text)?.title;
        output::line(&format!("{:<width$}{title}", known.name))?;
    }
    Ok(())
}

fn play(arguments: &RunArguments) -> anyhow::Result<()> {
    let scenarios = chosen(arguments)?;
    if let Some(folder) = &arguments.report {
        // Before the first run: minutes are not spent on reports that cannot be written.
        fs::create_dir_all(folder).with_context(|| format!("--report: cannot make {}", folder.display()))?;
    }
    let bar = ProgressBar::new(scenarios.len() as u64);
    let mut missed = Vec::new();
    for (name, scenario) in &scenarios {
        let report = scenario::run(name, scenario, arguments.seed);
        bar.inc(1);
        bar.suspend(|| tell(&report, arguments))?;
        if !report.holds() {
            missed.push(name.as_str());
        }
    }
    bar.finish_and_clear();
    if missed.is_empty() { Ok(()) } else { bail!("what must hold has not held in {}", missed.join(", ")) }
}

fn tell(report: &Report, arguments: &RunArguments) -> anyhow::Result<()> {
    if let Some(folder) = &arguments.report {
        let path = folder.join(format!("{}.json", report.name));
        let json = serde_json::to_string_pretty(report).context("the report is plain JSON")?;
        fs::write(&path, json).with_context(|| format!("--report: cannot write {}", path.display()))?;
    }
    if arguments.json { output::json(report) } else { output::line(&scenario::table(report)) }
}

/// The scenarios that are to be played, read and found sound before any of them is.
fn chosen(arguments: &RunArguments) -> anyhow::Result<Vec<(String, Scenario)>> {
    let mut chosen = Vec::new();
    for known in scenario::known() {
        if arguments.all || arguments.names.iter().any(|name| name == known.name) {
            chosen.push((known.name.to_owned(), read(known.name, known.text)?));
        }
    }
    let is_known = |name: &&String| scenario::known().iter().any(|known| known.name == name.as_str());
    if let Some(unknown) = arguments.names.iter().find(|name| !is_known(name)) {
        bail!("no scenario is named {unknown}: `ondol scenario list` shows those that are");
    }
    for path in &arguments.file {
        let name = path.file_stem().and_then(|stem| stem.to_str()).context("--file needs a file's name")?;
        chosen.push((name.to_owned(), read(&path.display().to_string(), &text_of(path)?)?));
    }
    Ok(chosen)
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    let size = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
    if size > FILE_MAX {
        bail!("{} is larger than {FILE_MAX} bytes", path.display());
    }
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn read(place: &str, text: &str) -> anyhow::Result<Scenario> {
    Scenario::read(text).with_context(|| place.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(subcommand)]
        command: ScenarioCommand,
    }

    fn parse(arguments: &[&str]) -> Result<RunArguments, clap::Error> {
        let line = Line::try_parse_from(["scenario", "run"].iter().chain(arguments))?;
        let ScenarioCommand::Run(arguments) = line.command else { panic!("`run` was parsed as `list`") };
        Ok(arguments)
    }

    #[test]
    fn something_must_be_named_and_not_twice() {
        assert!(parse(&[]).is_err());
        assert!(parse(&["pangyo-2022", "--all"]).is_err());
        assert!(parse(&["--all"]).is_ok() && parse(&["--file", "x.toml"]).is_ok());
    }

    #[test]
    fn a_name_that_is_no_scenario_is_told_before_anything_runs() {
        let error = play(&parse(&["pangyo-2023"]).unwrap()).unwrap_err().to_string();
        assert!(error.contains("pangyo-2023") && error.contains("scenario list"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_sound_is_told_with_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        let known = scenario::known()[0].text;
        fs::write(&path, known.replace("duration_s", "duration_min")).unwrap();
        let arguments = parse(&["--file", path.to_str().unwrap()]).unwrap();
        let error = format!("{:#}", chosen(&arguments).unwrap_err());
        assert!(error.contains("own.toml") && error.contains("duration_min"), "{error}");
    }

    #[test]
    fn all_that_are_listed_are_sound() {
        assert_eq!(chosen(&parse(&["--all"]).unwrap()).unwrap().len(), scenario::known().len());
        list().unwrap();
    }
}
