//! The `ondol` executable: one program for central, edges, the text process and the tools around them.
//!
//! Each subcommand is a file of its own; what it does lives in the crate it belongs to.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

mod doors;
#[cfg(test)]
mod guide;
mod health;
mod journal;
mod listen;
mod load;
mod map;
mod node;
mod output;
mod recovery;
mod scenario;
mod secret;
mod serve;
mod served;
mod simulate;
mod sms;
mod speeds;

/// Taxi dispatch that goes on when its data centre does not.
#[derive(Parser)]
#[command(name = "ondol", version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make maps, and ask them for ways and places.
    #[command(subcommand)]
    Map(map::MapCommand),
    /// Run a node: central, an edge, or a stand-alone dispatcher.
    Serve {
        /// Its configuration (TOML).
        #[arg(long)]
        config: PathBuf,
    },
    /// The text and phone process.
    #[command(subcommand)]
    Sms(sms::SmsCommand),
    /// Drive a running system as a city of drivers, riders and operators.
    Load(load::LoadArguments),
    /// Run the shipped rules under faults, in virtual time.
    #[command(subcommand)]
    Simulate(simulate::SimulateCommand),
    /// Play the outages of the past with the shipped rules.
    #[command(subcommand)]
    Scenario(scenario::ScenarioCommand),
    /// Keys, enrolment, accounts and the roster of a node.
    #[command(subcommand)]
    Node(node::NodeCommand),
    /// Trips that drivers' phones keep for the case that every node loses its disk.
    #[command(subcommand)]
    Recovery(recovery::RecoveryCommand),
    /// Check a node's journal, or write it out.
    #[command(subcommand)]
    Journal(journal::JournalCommand),
}

// A board is many small values: with this allocator the fault simulator needs a fifth less time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

// A bug planted for the simulator's mutants never serves anybody.
const _: () = assert!(!ondol_core::planted::IS_POSSIBLE, "build ondol without the feature `planted`");

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Map(command) => map::run(&command),
        Command::Serve { config } => {
            log_to_stderr();
            block_on(serve::serve(&config))
        }
        Command::Sms(command) => {
            log_to_stderr();
            block_on(sms::run(&command))
        }
        Command::Load(arguments) => {
            log_to_stderr();
            load::run(&arguments)
        }
        Command::Simulate(command) => simulate::run(&command),
        Command::Scenario(command) => scenario::run(&command),
        Command::Node(command) => block_on(node::run(&command)),
        Command::Recovery(command) => block_on(recovery::run(&command)),
        Command::Journal(command) => block_on(journal::run(&command)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads us has seen enough, as `head` does.
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("the runtime cannot be started")?.block_on(work)
}

/// Structured logs, one JSON object a line; `ONDOL_LOG` chooses what is told (`info` if unset).
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("ONDOL_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
}
