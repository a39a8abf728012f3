//! `ondol recovery`: the key that opens what drivers' phones keep, and what a driver texts who reaches no node.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use ondol_core::pin::booking_code;
use ondol_device::wire::{Phase, TripText};
use ondol_engine::capsule::RecoverySecret;
use ondol_engine::control::{Order, send_order};

use crate::node::issuer;
use crate::{output, secret};

#[derive(Subcommand)]
pub(crate) enum RecoveryCommand {
    /// Make or read the recovery key, and print its public half; keep the file where no node is.
    Key {
        /// The key file.
        #[arg(long)]
        key: PathBuf,
    },
    /// Let a running node that has lost everything restore trips from drivers' phones for some minutes. It answers at
    /// once and goes on by itself; `progress` tells how far it is, and loading again tries again what it could not open.
    Load {
        /// The configuration of the node, which runs on this machine.
        #[arg(long)]
        config: PathBuf,
        /// The key file.
        #[arg(long)]
        key: PathBuf,
        /// For how long the node holds the key, at most 120.
        #[arg(long, default_value_t = 30)]
        minutes: u64,
    },
    /// Say how far a node has come that restores; the key file may be away by then.
    Progress {
        /// The configuration of the node, which runs on this machine.
        #[arg(long)]
        config: PathBuf,
    },
    /// Say which trip a driver's text names.
    Text {
        /// The text, which begins with OC1.
        text: String,
        /// A file with the capsule that may belong to it; `-` reads standard input.
        #[arg(long)]
        capsule: Option<PathBuf>,
    },
}

pub(crate) async fn run(command: &RecoveryCommand) -> anyhow::Result<()> {
    match command {
        RecoveryCommand::Key { key } => output::line(&made_or_read(key)?.key().public().to_string()),
        RecoveryCommand::Load { config, key, minutes } => {
            let key = RecoverySecret::read(key)?;
            tell(config, &Order::LoadRecovery { key, minutes: *minutes }).await
        }
        RecoveryCommand::Progress { config } => tell(config, &Order::RecoveryProgress {}).await,
        RecoveryCommand::Text { text, capsule } => output::line(&said(text, capsule.as_deref())?),
    }
}

async fn tell(config: &Path, order: &Order) -> anyhow::Result<()> {
    let (config, issuer, now) = issuer(config)?;
    let done = send_order(order, config.listen.address, &issuer, config.clock.speed, now).await?;
    output::line(&done.said)
}

fn made_or_read(file: &Path) -> anyhow::Result<RecoverySecret> {
    if !file.try_exists().with_context(|| file.display().to_string())? {
        RecoverySecret::generate().write_new(file)?;
    }
    Ok(RecoverySecret::read(file)?)
}

fn said(text: &str, capsule: Option<&Path>) -> anyhow::Result<String> {
    let trip: TripText = text.trim().parse()?;
    let phase = match trip.phase {
        Phase::Assigned => "on the way to the pickup",
        Phase::Waits => "at the pickup",
        Phase::Boarded => "with the rider on board",
    };
    let (booking, code) = (trip.booking, booking_code(trip.booking));
    let named = format!("booking {booking} (code {code}), bond {}, {phase}", trip.assignment);
    let Some(file) = capsule else { return Ok(named) };
    let belongs =
        if trip.is_of(&secret::read(file)?) { "this is its capsule" } else { "this is another capsule" };
    Ok(format!("{named}; {belongs}"))
}

#[cfg(test)]
mod tests {
    use ondol_engine::vault::Secrets;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("recovery.key");
        let made = made_or_read(&file).unwrap();
        assert_eq!(made_or_read(&file).unwrap(), made);
        std::fs::write(&file, "hello").unwrap();
        assert!(made_or_read(&file).unwrap_err().to_string().contains("64 hexadecimal digits"));
    }

    /// Every node has the master key: what is sealed to a key made of it would be sealed to nobody.
    #[test]
    fn the_master_key_is_no_recovery_key_nor_the_other_way() {
        let dir = tempfile::tempdir().unwrap();
        let (master, recovery) = (dir.path().join("master.key"), dir.path().join("recovery.key"));
        Secrets::generate().write_new(&master).unwrap();
        let refused = made_or_read(&master).unwrap_err().to_string();
        assert!(refused.ends_with("holds a master key, and a recovery key is asked for"), "{refused}");
        made_or_read(&recovery).unwrap();
        let refused = Secrets::read(&recovery).unwrap_err().to_string();
        assert!(refused.ends_with("holds a recovery key, and a master key is asked for"), "{refused}");
    }

    #[test]
    fn a_text_says_its_trip_and_knows_its_capsule() {
        let dir = tempfile::tempdir().unwrap();
        let (own, other) = (dir.path().join("own"), dir.path().join("other"));
        std::fs::write(&own, "sealed\n").unwrap();
        std::fs::write(&other, "something\n").unwrap();
        let booking = ondol_core::ids::BookingId::from_number(7);
        let text =
            TripText::new(booking, "central:2:8".parse().unwrap(), Phase::Boarded, "sealed").to_string();
        assert!(said(&text, Some(&own)).unwrap().ends_with("on board; this is its capsule"));
        assert!(said(&text, Some(&other)).unwrap().ends_with("another capsule"));
        assert!(said("OC1.x", None).is_err());
    }
}
