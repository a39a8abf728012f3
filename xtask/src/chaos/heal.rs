//! `cargo xtask chaos --heal ENTRIES`: how long an edge and central need to be level again after days apart, and how long
//! riders wait who book meanwhile.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::riders;
use crate::demo::city::{City, ondol};
use crate::demo::outage::CHECK;
use crate::demo::plan::Plan;
use crate::postgres::{Durability, Server};
use crate::run::{self, Stop};
use crate::supervise;

/// How long it may take to write a backlog, and to hand it on.
const WRITE: Duration = Duration::from_secs(1_800);
const HEAL: Duration = Duration::from_secs(900);
/// How often both are asked whether they are level.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// Riders who book from the moment at which central answers, eight a second: for longer than a heal takes, so that a
/// calm time follows to compare with.
const RIDERS: u32 = 480;
/// How long the last of them may take.
const ANSWERS: Duration = Duration::from_secs(300);

/// Lets an edge fill its journal alone, brings central up and waits until both hold the same and the district is
/// back in normal mode, while riders book. Time runs at its own speed.
///
/// # Errors
///
/// If a process does not start, the two are not level after a quarter of an hour, or a booking is lost.
pub(super) fn run(entries: u64, seed: u64, port: u16, stop: &Stop) -> Result<Value> {
    let plan =
        Plan { speed: 1, crash_bookings: Some(RIDERS), ..Plan::chaos(seed, super::nemesis::MINUTES, port) };
    let mut city = City::start(&plan, "heal", Server::private(Durability::Machine)?, stop)?;
    let edge = city.edge(0);
    city.cut()?;
    city.kill(&edge)?;
    println!("heal: {edge} takes bookings until it holds {entries} entries");
    let began = Instant::now();
    let mut write = Command::new(ondol());
    write.args(["load", "backlog", "--entries", &entries.to_string(), "--config"]);
    write.arg(city.dir().join(format!("{edge}.toml")));
    let log = city.dir().join("backlog.log");
    if !run::to_log(&mut write, &log, WRITE, stop)?.is_success() {
        bail!("the backlog was not written:\n{}", run::tail(&log));
    }
    println!("heal: written in {:.0} s; central comes back", began.elapsed().as_secs_f64());
    city.revive(&edge)?;
    city.restore()?;
    let began = Instant::now();
    city.start_load()?;
    wait_level(&mut city, &edge, stop)?;
    let (heal_s, healed_at_ms) = (began.elapsed().as_secs_f64(), city.sim_ms());
    if !city.wait_load(ANSWERS)?.success() {
        bail!("the riders' process failed:\n{}", run::tail(&city.dir().join("load.log")));
    }
    let dir = city.dir().to_owned();
    city.stop_and_export(stop)?;
    let (at_edge, at_central) = (written_by(&edge, &edge, &dir)?, written_by(&edge, "central", &dir)?);
    if at_edge != at_central || (at_edge as u64) < entries {
        bail!("{edge} holds {at_edge} entries of its own, and central {at_central} of them");
    }
    println!("heal: {at_edge} entries, level and in normal mode {heal_s:.1} s after central answered");
    look_for_bookings(&dir, stop)?;
    let (during, after) = riders::waits(&dir, healed_at_ms)?;
    println!("heal: who booked meanwhile: {during}; afterwards: {after}");
    Ok(json!({
        "schema": "ondol-heal/1", "entries": at_edge, "heal_s": heal_s, "bookings_during": during,
        "bookings_after": after,
    }))
}

/// Waits until central and the edge are level and in normal mode.
fn wait_level(city: &mut City<'_>, edge: &str, stop: &Stop) -> Result<()> {
    let began = Instant::now();
    while !is_level(city, "central")? || !is_level(city, edge)? {
        if stop.is_asked() {
            bail!("stopped");
        }
        if began.elapsed() > HEAL {
            bail!("not level after {} s; the logs are in {}", HEAL.as_secs(), city.dir().display());
        }
        city.check()?;
        std::thread::sleep(ASK_EVERY);
    }
    Ok(())
}

/// How many entries that `edge` wrote stand in the journal of `node`.
fn written_by(edge: &str, node: &str, dir: &Path) -> Result<usize> {
    let file = dir.join("journals").join(format!("{node}.jsonl"));
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text.lines().filter(|line| line.contains(&format!("\"{edge}\""))).count())
}

/// Fails if a booking that a rider was promised is in no journal.
fn look_for_bookings(dir: &Path, stop: &Stop) -> Result<()> {
    let mut check = Command::new(ondol());
    check.args(["load", "check-crash", "--run"]).arg(dir);
    let log = dir.join("check.log");
    if run::to_log(&mut check, &log, CHECK, stop)?.is_success() {
        return Ok(());
    }
    bail!("a promised booking is lost; the run is in {}:\n{}", dir.display(), run::tail(&log))
}

/// True if `node` answers and is level.
fn is_level(city: &City<'_>, node: &str) -> Result<bool> {
    city.readiness(node)?.map_or(Ok(false), |ready| supervise::is_level(&ready))
}
