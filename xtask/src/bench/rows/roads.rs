//! On real streets: many taxis to one pickup, a whole table, new speeds for all streets, and a plan for a district in need.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::super::contest::{Bound, Contest, Goal, Missing, Peer, Played, Side, Unit};
use super::super::kit::{Kit, ROUND, ours};
use super::super::talk::Talker;

/// The largest network with turn restrictions that is at hand: a district.
const MAP: &str = "osm/heidelberg-region.osm.pbf";
const REMEDY: &str = "pip install routingkit-cch";

/// `one-to-many`: which taxi is soonest?
pub(super) fn one_to_many(kit: &Kit) -> Result<Vec<Contest>> {
    let queries = kit.size(2_000, 200);
    let (peer, ours) = match streets(kit, "one-to-many") {
        Err(missing) => (Peer::Nobody, Err(missing)),
        Ok(mut streets) => {
            let graph = kit.dir.join("one-to-many.graph");
            let written = streets.ask::<serde_json::Value>(&format!("graph {}", graph.display()), ROUND);
            let peer = written.context("the graph").and_then(|_| {
                let mut python = kit.python(&["routingkit-cch"], "routingkit.py")?;
                kit.talk("routingkit", python.arg(&graph))
            });
            let peer = peer.map(|peer| Kit::side(peer, move |round| format!("{queries} {}", round + 1)));
            let ours = Kit::side(streets, move |round| format!("ask {queries} {}", round + 1));
            (Peer::of(peer, REMEDY), Ok(ours))
        }
    };
    Ok(vec![Contest {
        row: "one-to-many",
        what: "travel times of 50 taxis to one pickup, sources pinned anew, equal times".to_owned(),
        peer_name: "RoutingKit CCH",
        unit: Unit::Microseconds,
        goal: Goal::wished(Bound::RatioAtMost(2.0)),
        is_durable: false,
        peer,
        ours,
    }])
}

/// `table`: every taxi to every rider.
pub(super) fn table(kit: &Kit) -> Result<Vec<Contest>> {
    alone(kit, ("table", "table"), "travel times of 1,000 taxis to 1,000 pickups, one call", 300.0)
}

/// `new-speeds`: from a book of paces to travel times that use them.
pub(super) fn new_speeds(kit: &Kit) -> Result<Vec<Contest>> {
    alone(kit, ("new-speeds", "speeds"), "new times for all streets of a district", 100.0)
}

/// `cycle`: who is asked for whom, when a whole district waits.
pub(super) fn cycle(kit: &Kit) -> Result<Vec<Contest>> {
    let (size, repeats) = (1_000, kit.size(20, 5));
    let side = plans(kit, "cycle")
        .map(|plans| Kit::side(plans, move |round| format!("{size} {size} {repeats} {}", round + 1)));
    Ok(vec![Contest {
        row: "cycle",
        what: format!("a plan for {size} riders and as many free taxis, p99 of {repeats}"),
        peer_name: "–",
        unit: Unit::Milliseconds,
        goal: Goal { bound: Bound::OursAtMost(1_000.0), is_firm: false, stretch: Some(250.0) },
        is_durable: false,
        peer: Peer::Nobody,
        ours: side,
    }])
}

/// A row for which nobody else is measured, with the order that the program takes for it.
fn alone(
    kit: &Kit,
    (row, order): (&'static str, &'static str),
    what: &str,
    within_ms: f64,
) -> Result<Vec<Contest>> {
    // Of a few calls in a round the middle one counts.
    let repeats = kit.size(5, 1);
    let side = streets(kit, row).map(|mut streets| -> Side {
        Box::new(move |_| {
            let asked = (0..repeats).map(|_| streets.ask::<Played>(order, ROUND));
            let mut played = asked.collect::<Result<Vec<Played>>>()?;
            played.sort_by(|a, b| a.figure.total_cmp(&b.figure));
            Ok(played.swap_remove(played.len() / 2))
        })
    });
    Ok(vec![Contest {
        row,
        what: what.to_owned(),
        peer_name: "–",
        unit: Unit::Milliseconds,
        goal: Goal::wished(Bound::OursAtMost(within_ms)),
        is_durable: false,
        peer: Peer::Nobody,
        ours: side,
    }])
}

fn streets(kit: &Kit, name: &str) -> Result<Talker, Missing> {
    program(kit, "ondol-roads", "race_tables", name)
}

/// The program that plans for riders and taxis on the map.
pub(super) fn plans(kit: &Kit, name: &str) -> Result<Talker, Missing> {
    program(kit, "ondol-sim", "plan", name)
}

/// A measuring program with the map.
fn program(kit: &Kit, package: &str, example: &str, log: &str) -> Result<Talker, Missing> {
    let map = kit.data(MAP)?;
    let started = kit.example(package, example);
    ours(started.and_then(|program| kit.talk(log, Command::new(program).arg(map))))
}
