//! What a node holds in memory once a day is over: central for a whole city, and an edge for its district.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::super::contest::{Bound, Contest, Goal, Peer, Played, Side, Unit};
use super::super::kit::{Kit, ours};
use super::super::node::{Node, Standing};
use super::super::usage;
use crate::postgres::{Durability, Server};
use crate::run::{LOOK_EVERY, Stop};

/// Writing a day may take so long.
const DAY: Duration = Duration::from_secs(3_600);
/// How long the two nodes may take until the edge knows its drivers.
const LEVEL: Duration = Duration::from_secs(300);
/// A node that has answered works on for a while before its memory is looked at.
const SETTLES: Duration = Duration::from_secs(10);
/// Districts of the city: their drivers are as many.
const DISTRICTS: u32 = 2;

/// `memory`.
pub(super) fn open(kit: &Kit) -> Result<Vec<Contest>> {
    let contest = |what: String, most: f64, side: Result<Side>| Contest {
        row: "memory",
        what,
        peer_name: "–",
        unit: Unit::Mebibytes,
        goal: Goal::firm(Bound::OursAtMost(most), None),
        is_durable: false,
        peer: Peer::Nobody,
        ours: ours(side),
    };
    let (shifts, bookings) = (kit.size(24_000, 600), kit.size(100_000, 2_000));
    let central = contest(
        format!(
            "central after a day: {shifts} shifts on duty, {bookings} bookings that were driven; the most held"
        ),
        1_024.0,
        Server::private(Durability::Machine).and_then(|server| central(kit, server, shifts, bookings)),
    );
    let (shifts, bookings) = (kit.size(1_000, 100), kit.size(10_000, 500));
    let edge = contest(
        format!(
            "an edge after its district's day: {shifts} shifts on duty, {bookings} bookings; the most held"
        ),
        256.0,
        Server::private(Durability::Machine).and_then(|server| edge(kit, &server, shifts, bookings)),
    );
    Ok(vec![central, edge])
}

/// Central dispatches all districts itself, as it does unless it is away.
fn central(kit: &Kit, server: Server, shifts: u32, bookings: u32) -> Result<Side> {
    let node = Node::make(kit, "memory", Standing::Central, Some(&server.database("memory")?))?;
    node.list_drivers(usize::try_from(shifts)?)?;
    node.write_day(shifts, bookings, DAY)?;
    let mut side = starts(node, kit.stop.clone());
    Ok(Box::new(move |round| {
        let _alive = &server;
        side(round)
    }))
}

/// An edge has its drivers from central, which then goes away.
fn edge(kit: &Kit, server: &Server, shifts: u32, bookings: u32) -> Result<Side> {
    let (mut central, mut edge) = Node::pair(kit, "memory", &server.database("roster")?)?;
    central.list_drivers(usize::try_from(shifts * DISTRICTS)?)?;
    central.start()?;
    edge.start()?;
    Node::wait_level(&mut [&mut central, &mut edge], LEVEL)?;
    edge.kill_9()?;
    central.kill_9()?;
    edge.write_day(shifts, bookings, DAY)?;
    Ok(starts(edge, kit.stop.clone()))
}

/// Each round starts the node on its journal.
fn starts(mut node: Node, stop: Stop) -> Side {
    Box::new(move |_| {
        node.start()?;
        let begun = Instant::now();
        while begun.elapsed() < SETTLES {
            ensure!(!stop.is_asked(), "stopped");
            node.check()?;
            std::thread::sleep(LOOK_EVERY);
        }
        let memory = usage::memory(node.pid()?)?;
        node.kill_9()?;
        let beside = BTreeMap::from([("resident_mib".to_owned(), memory.resident_mib)]);
        Ok(Played { figure: memory.most_mib, beside, ..Played::default() })
    })
}
