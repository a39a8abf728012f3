//! `ondol sms`: the text process.

use std::path::PathBuf;

use clap::Subcommand;

use crate::{output, serve};

#[derive(Subcommand)]
pub(crate) enum SmsCommand {
    /// Run the text process until Ctrl-C or SIGTERM.
    Serve {
        /// Its configuration (TOML, role = "text").
        #[arg(long)]
        config: PathBuf,
    },
    /// Open everything the text process needs, ask its nodes once, and say how they are.
    Test {
        /// Its configuration.
        #[arg(long)]
        config: PathBuf,
    },
}

pub(crate) async fn run(command: &SmsCommand) -> anyhow::Result<()> {
    match command {
        SmsCommand::Serve { config } => ondol_sms::process::serve(config, serve::asked_to_stop()).await,
        SmsCommand::Test { config } => {
            for line in ondol_sms::process::test(config).await? {
                output::line(&line)?;
            }
            Ok(())
        }
    }
}
