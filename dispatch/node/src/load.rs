//! `ondol load`: drives a running system as a city of separate clients.

use std::path::PathBuf;

use clap::Args;

#[derive(Args)]
pub(crate) struct LoadArguments {
    /// The city's configuration (TOML).
    #[arg(long)]
    config: PathBuf,
}

pub(crate) fn run(arguments: &LoadArguments) -> anyhow::Result<()> {
    crate::block_on(ondol_sim::city::run(&arguments.config))
}
