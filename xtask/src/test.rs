//! `cargo xtask test`: one build, then the suites in order, one line per step and one closing line.
//!
//! Every test of the workspace belongs to exactly one suite ([`suite::Suite::of`]), so none can be forgotten. The test
//! executables that cargo built are run directly: no test runner has to be installed first.

mod artifacts;
mod checks;
mod libtest;
mod suite;
mod tally;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::postgres::{Durability, Server, TEST_URL};
use crate::run::{self, Stop};
use crate::{setup, web};
use artifacts::{Build, TestBinary};
use libtest::How;
use suite::Suite;
use tally::{Outcome, Step, Tally};

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Runs one suite instead of all.
    #[arg(long, value_enum)]
    suite: Option<Suite>,
    /// Lists the tests with their suites instead of running them.
    #[arg(long)]
    list: bool,
}

/// Runs or lists the chosen suites.
///
/// # Errors
///
/// If the set-up or the build fails, or any test failed, or a suite ran nothing.
pub(crate) fn run(args: &Args) -> Result<()> {
    let suites: Vec<Suite> = args.suite.map_or_else(|| Suite::ALL.to_vec(), |suite| vec![suite]);
    let stop = Stop::on_signals()?;
    if !args.list {
        setup::ensure(&suites.iter().flat_map(|suite| suite.needs()).copied().collect::<Vec<_>>())?;
    }
    prepare_pages(&stop)?;
    let build = timed_build()?;
    let tests = attach(&build)?;
    if args.list {
        list(&suites, &tests);
        return Ok(());
    }
    let server = if suites.iter().any(|suite| suite.has_database()) {
        Some(Server::open(Durability::Process)?)
    } else {
        None
    };
    let env = environment(&build, server.as_ref());
    let (mut total, mut failed) = (Tally::default(), Vec::new());
    for suite in suites {
        if stop.is_asked() {
            bail!("stopped before suite {suite}");
        }
        total += run_suite(&How { suite, env: &env, stop: &stop }, &tests, &mut failed)?;
    }
    drop(server);
    println!("{total}");
    if total.failed == 0 {
        Ok(())
    } else {
        bail!("{} failed, in {}; logs are in {}", total.failed, failed.join(" and "), logs().display())
    }
}

/// The tests of one executable that belong to one suite.
struct Share<'a> {
    binary: &'a TestBinary,
    names: Vec<String>,
    /// Whether these are all its tests, so that none has to be named.
    is_whole: bool,
}

type Tests<'a> = BTreeMap<Suite, Vec<Share<'a>>>;

/// Asks each executable for its tests and puts each test into its suite.
fn attach(build: &Build) -> Result<Tests<'_>> {
    let mut tests = Tests::new();
    for binary in &build.tests {
        let names = libtest::list(binary)?;
        let count = names.len();
        let mut shares: BTreeMap<Suite, Vec<String>> = BTreeMap::new();
        for name in names {
            shares.entry(Suite::of(binary.kind, &binary.target, &name)).or_default().push(name);
        }
        for (suite, names) in shares {
            let is_whole = names.len() == count;
            tests.entry(suite).or_default().push(Share { binary, names, is_whole });
        }
    }
    Ok(tests)
}

fn list(suites: &[Suite], tests: &Tests<'_>) {
    for suite in suites {
        for share in tests.get(suite).into_iter().flatten() {
            for name in &share.names {
                println!("{suite}\t{}\t{name}", share.binary.label());
            }
        }
        for check in checks::of(*suite) {
            println!("{suite}\tcheck\t{}", check.name());
        }
    }
}

/// Runs one suite, and adds the names of the steps that failed.
fn run_suite(how: &How<'_>, tests: &Tests<'_>, failed: &mut Vec<String>) -> Result<Tally> {
    let suite = how.suite;
    let mut sum = Tally::default();
    for share in tests.get(&suite).into_iter().flatten() {
        let log = logs().join(format!("{suite}-{}.log", share.binary.label().replace(' ', "-")));
        let started = Instant::now();
        let outcome = libtest::run(share, how, &log)?;
        sum += told(&Step { suite, name: share.binary.label(), started, log }, &outcome, failed);
    }
    for check in checks::of(suite) {
        let log = logs().join(format!("{suite}-{}.log", check.name()));
        let started = Instant::now();
        let outcome = check.run(&log, how.stop)?;
        sum += told(&Step { suite, name: check.name().to_owned(), started, log }, &outcome, failed);
    }
    if sum == Tally::default() && suite.may_be_empty().is_none() {
        println!("{suite:<10} has no tests: that counts as a failure");
        sum.failed += 1;
        failed.push(format!("{suite}, which has no tests"));
    }
    Ok(sum)
}

/// Prints a step, and keeps its name if it failed.
fn told(step: &Step, outcome: &Outcome, failed: &mut Vec<String>) -> Tally {
    step.print(outcome);
    failed.extend((outcome.tally.failed > 0).then(|| format!("{} {}", step.suite, step.name)));
    outcome.tally
}

/// The console embeds the pages, so they are built before the Rust code.
fn prepare_pages(stop: &Stop) -> Result<()> {
    if run::root().join("web/package.json").is_file() {
        web::build(stop).context("the pages cannot be built")
    } else {
        println!("pages: none (web/package.json is missing)");
        Ok(())
    }
}

fn timed_build() -> Result<Build> {
    let started = Instant::now();
    println!("build      the whole workspace");
    let build = artifacts::build()?;
    println!("build      {} test executables{:>40.1} s", build.tests.len(), started.elapsed().as_secs_f64());
    Ok(build)
}

/// What tests find in their environment: the database and the built executable.
fn environment(build: &Build, server: Option<&Server>) -> Vec<(String, String)> {
    let mut env = Vec::new();
    if let Some(server) = server {
        env.push((TEST_URL.to_owned(), server.admin_url()));
    }
    if let Some(ondol) =
        build.programs.iter().find(|path| path.file_name().is_some_and(|name| name == "ondol"))
    {
        env.push(("ONDOL_BIN".to_owned(), ondol.display().to_string()));
    }
    if let Ok(path) = setup::node_path()
        && let Ok(path) = path.into_string()
    {
        env.push(("PATH".to_owned(), path));
    }
    env
}

fn logs() -> PathBuf {
    run::target_dir().join("test-logs")
}
