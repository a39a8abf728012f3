//! `ondol node bar`, `erase` and their like: what staff tells a node that runs.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use ondol_core::ids::NodeId;
use ondol_core::journal::Series;
use ondol_engine::control::{BookingNamed, DriverNamed, Order, Person, send_order};
use ondol_engine::identity::{PASSWORD_MAX_BYTES, token_id};

use uuid::Uuid;

use super::issuer;
use crate::{output, secret};

#[derive(Subcommand)]
pub(crate) enum OrderCommand {
    /// Bar a driver from new shifts, at every node; at central.
    Bar {
        #[command(flatten)]
        at: At,
        /// The driver: number plate, telephone number or id.
        #[arg(long)]
        driver: DriverNamed,
    },
    /// Let a barred driver work again; at central.
    Admit {
        #[command(flatten)]
        at: At,
        /// The driver: number plate, telephone number or id.
        #[arg(long)]
        driver: DriverNamed,
    },
    /// Delete a person's name, number and places, at every node; at central.
    Erase {
        #[command(flatten)]
        at: At,
        /// A booking of the rider's: its code or id.
        #[arg(long, required_unless_present = "driver", conflicts_with = "driver")]
        booking: Option<BookingNamed>,
        /// The driver: number plate, telephone number or id.
        #[arg(long)]
        driver: Option<DriverNamed>,
    },
    /// Trust no key of another node any longer: its box was stolen.
    Distrust {
        #[command(flatten)]
        at: At,
        /// The stolen node.
        #[arg(long)]
        node: NodeId,
    },
    /// Take a pass, session or text process's token back.
    Revoke {
        #[command(flatten)]
        at: At,
        /// The token's id, as `ondol node text-token` says it.
        #[arg(long, required_unless_present = "token_file", conflicts_with = "token_file")]
        token_id: Option<Uuid>,
        /// A file with the token itself; `-` reads standard input.
        #[arg(long)]
        token_file: Option<PathBuf>,
    },
    /// Give an operator's account the password on standard input, and end its sessions.
    Password {
        #[command(flatten)]
        at: At,
        /// The account.
        #[arg(long)]
        login: String,
    },
    /// Close an operator's account and end its sessions.
    Close {
        #[command(flatten)]
        at: At,
        /// The account.
        #[arg(long)]
        login: String,
    },
    /// Let the return of a district wait no longer for an entry that does not go in; at central. What was in it, and behind
    /// it if its chain is broken, is known to its writer alone: read it there first.
    SetAside {
        #[command(flatten)]
        at: At,
        /// The series, as the console names it: NODE/LIFE/DISTRICT/LANE.
        #[arg(long)]
        series: Series,
    },
    /// After central's store was restored from a copy: let edges give back for a day what it has lost.
    TakeBack {
        #[command(flatten)]
        at: At,
    },
}

#[derive(Args)]
pub(crate) struct At {
    /// The configuration of the node, which runs on this machine.
    #[arg(long)]
    config: PathBuf,
}

pub(crate) async fn run(command: &OrderCommand) -> anyhow::Result<()> {
    let (at, order) = match command {
        OrderCommand::Bar { at, driver } => (at, Order::Bar { driver: driver.clone() }),
        OrderCommand::Admit { at, driver } => (at, Order::Admit { driver: driver.clone() }),
        OrderCommand::Erase { at, booking, driver } => {
            let person = match (booking, driver) {
                (Some(booking), None) => Person::RiderOf(booking.clone()),
                (None, Some(driver)) => Person::Driver(driver.clone()),
                (Some(_), Some(_)) | (None, None) => bail!("name a booking or a driver"),
            };
            (at, Order::Erase { person })
        }
        OrderCommand::Distrust { at, node } => (at, Order::Distrust { node: node.clone() }),
        OrderCommand::Revoke { at, token_id, token_file } => {
            (at, Order::Revoke { token: revoked(*token_id, token_file.as_deref())? })
        }
        OrderCommand::Password { at, login } => {
            (at, Order::Password { login: login.clone(), password: password_from_stdin()? })
        }
        OrderCommand::Close { at, login } => (at, Order::Close { login: login.clone() }),
        OrderCommand::SetAside { at, series } => (at, Order::SetAside { series: series.clone() }),
        OrderCommand::TakeBack { at } => (at, Order::TakeBack {}),
    };
    let (config, issuer, now) = issuer(&at.config)?;
    let done = send_order(&order, config.listen.address, &issuer, config.clock.speed, now).await?;
    output::line(&done.said)
}

fn revoked(id: Option<Uuid>, file: Option<&Path>) -> anyhow::Result<Uuid> {
    match (id, file) {
        (Some(id), _) => Ok(id),
        (None, Some(file)) => token_id(&secret::read(file)?)
            .with_context(|| format!("{}: that is no token of ours", file.display())),
        (None, None) => bail!("name the token by --token-id or --token-file"),
    }
}

/// One line: a password on the command line would be everybody's to see.
fn password_from_stdin() -> anyhow::Result<String> {
    let mut line = String::new();
    let mut bounded = std::io::Read::take(std::io::stdin().lock(), PASSWORD_MAX_BYTES as u64 + 2);
    bounded.read_line(&mut line).context("write the password on standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
