//! Project commands: `cargo xtask demo | test | chaos | mutants | reliability | bench | load | web | postgres`.
//!
//! Each sets up what it misses and says so. This crate knows how to start, watch and stop programs; it knows nothing of
//! dispatch. It stays light (no async runtime, no SQL client, no HTTP client), so that the first command answers in seconds.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks to its terminal")]

mod bench;
mod chance;
mod chaos;
mod demo;
mod load;
mod mutants;
mod page;
mod postgres;
mod reliability;
mod run;
mod setup;
mod supervise;
mod test;
mod web;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Runs, tests and builds Ondol", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Starts a whole system with a simulated city; `--outage` plays a blackout by itself.
    Demo(demo::Args),
    /// Runs the suites: unit, scenarios, db, chaos, peers, web, house.
    Test(test::Args),
    /// Harms a running system in every way that real processes allow, again and again, and looks for broken promises.
    Chaos(chaos::Args),
    /// Plants bugs that the fault simulator must see, and shows that a release `ondol` holds none.
    Mutants(mutants::Args),
    /// Makes the figures of docs/RELIABILITY.md again: simulator, outages of the past, planted bugs, chaos and heal.
    Reliability(reliability::Args),
    /// Measures what Ondol does beside the best others that do the same, in turns, and makes the table of docs/BENCHMARKS.md.
    Bench(bench::Args),
    /// Measures how central carries a city's whole load at once, clients, PostgreSQL and all on this machine.
    Load(load::Args),
    /// Builds the pages when their sources changed.
    Web,
    /// Runs COMMAND with a private PostgreSQL at `ONDOL_TEST_DATABASE_URL`; without COMMAND, waits for Ctrl-C.
    Postgres(postgres::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Demo(args) => demo::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Chaos(args) => chaos::run(&args),
        Task::Mutants(args) => mutants::run(&args),
        Task::Reliability(args) => reliability::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Load(args) => load::run(&args),
        Task::Web => run::Stop::on_signals().and_then(|stop| web::build(&stop)),
        Task::Postgres(args) => postgres::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
