//! Processes are killed at random moments while riders book; then every promised booking is looked for.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use super::city::{City, ondol};
use super::plan::Plan;
use crate::postgres::{Durability, Server, random_hex};
use crate::run::{self, Stop};

/// Shortest and longest time between two kills, and how long a victim stays dead, in milliseconds.
const BETWEEN_MS: (u64, u64) = (3_000, 7_000);
const DEAD_MS: (u64, u64) = (200, 2_000);
/// How long the load may take after the last kill.
const SLACK: Duration = Duration::from_secs(300);
/// How long the checker may take.
const CHECK: Duration = Duration::from_secs(120);

/// Plays it, and shows that nothing promised is lost and that the checker would see a loss.
///
/// # Errors
///
/// If a victim does not come back, a promise was broken, or a planted loss was not seen.
pub(super) fn run(plan: &Plan, kills: u32, stop: &Stop) -> Result<()> {
    let mut city = City::start(plan, "crash", Server::private(Durability::Machine)?, stop)?;
    city.start_load()?;
    let victims = city.victims();
    for kill in 1..=kills {
        pause(BETWEEN_MS, stop)?;
        city.check()?;
        let victim = &victims[usize::try_from(random()? % victims.len() as u64)?];
        city.kill(victim)?;
        println!("kill {kill} of {kills}: {victim}");
        pause(DEAD_MS, stop)?;
        city.revive(victim)?;
    }
    let status = city.wait_load(SLACK)?;
    let dir = city.dir().to_owned();
    city.stop_and_export(stop)?;
    if !status.success() {
        bail!("the load ended with {status}; its log is {}", dir.join("load.log").display());
    }
    let look = |plant: &[&str]| {
        let mut check = Command::new(ondol());
        check.args(["load", "check-crash", "--run"]).arg(&dir).args(plant);
        let log = dir.join("check.log");
        let ended = run::to_log(&mut check, &log, CHECK, stop)?;
        println!("{}", run::tail(&log));
        Ok::<bool, anyhow::Error>(ended.is_success())
    };
    if !look(&[])? {
        bail!("a promised booking is lost; the run is in {}", dir.display());
    }
    if look(&["--plant-loss"])? {
        bail!("the checker did not see a planted loss");
    }
    Ok(())
}

fn pause((least, most): (u64, u64), stop: &Stop) -> Result<()> {
    let length = Duration::from_millis(least + random()? % (most - least));
    let started = std::time::Instant::now();
    while started.elapsed() < length {
        if stop.is_asked() {
            bail!("stopped");
        }
        std::thread::sleep(run::LOOK_EVERY.min(length));
    }
    Ok(())
}

fn random() -> Result<u64> {
    Ok(u64::from_str_radix(&random_hex()?[..12], 16)?)
}
