//! `cargo xtask chaos --heal ENTRIES`: how long an edge and central need to be level again after days apart.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::demo::city::{City, ondol};
use crate::demo::plan::Plan;
use crate::postgres::{Durability, Server};
use crate::run::{self, Stop};

/// How long it may take to write a backlog, and to hand it on.
const WRITE: Duration = Duration::from_secs(1_800);
const HEAL: Duration = Duration::from_secs(900);
/// How often both are asked whether they are level.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// Lets an edge fill its journal alone, brings central up and waits until both hold the same and the district is
/// back in normal mode. Time runs at its own speed.
///
/// # Errors
///
/// If a process does not start, or the two are not level after a quarter of an hour.
pub(super) fn run(entries: u64, seed: u64, port: u16, stop: &Stop) -> Result<Value> {
    let plan = Plan { speed: 1, ..Plan::chaos(seed, super::nemesis::MINUTES, port) };
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
    while !is_level(&city, "central")? || !is_level(&city, &edge)? {
        if stop.is_asked() {
            bail!("stopped");
        }
        if began.elapsed() > HEAL {
            bail!("not level after {} s; the logs are in {}", HEAL.as_secs(), city.dir().display());
        }
        city.check()?;
        std::thread::sleep(ASK_EVERY);
    }
    let heal_s = began.elapsed().as_secs_f64();
    let dir = city.dir().to_owned();
    city.stop_and_export(stop)?;
    let count = |node: &str| {
        let file = dir.join("journals").join(format!("{node}.jsonl"));
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let of_edge = text.lines().filter(|line| line.contains(&format!("\"{edge}\"")));
        Ok::<usize, anyhow::Error>(of_edge.count())
    };
    let (at_edge, at_central) = (count(&edge)?, count("central")?);
    if at_edge != at_central || (at_edge as u64) < entries {
        bail!("{edge} holds {at_edge} entries of its own, and central {at_central} of them");
    }
    println!("heal: {at_edge} entries, level and in normal mode {heal_s:.1} s after central answered");
    Ok(json!({ "schema": "ondol-heal/1", "entries": at_edge, "heal_s": heal_s }))
}

/// True if a node says that it holds what its peers hold, and that its districts are in normal mode.
fn is_level(city: &City<'_>, node: &str) -> Result<bool> {
    let Some(ready) = city.readiness(node)? else { return Ok(false) };
    let peers = ready["peers"].as_array().context("/readyz names peers")?;
    Ok(ready["mode"] == "normal" && peers.iter().all(|peer| peer["level_ms"].is_u64()))
}
