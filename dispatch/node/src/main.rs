//! The `ondol` executable: one program for central, edges, the text process and the tools around them.
//!
//! Each subcommand is a file of its own; what it does lives in the crate it belongs to.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod map;
mod output;

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
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Map(command) => map::run(&command),
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
