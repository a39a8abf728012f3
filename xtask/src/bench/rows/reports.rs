//! Where taxis are: what drivers' phones report, against positions put into Redis.

use anyhow::Result;

use super::super::contest::{Bound, Contest, Goal, Peer, Side, Unit};
use super::super::kit::{Kit, ours};
use super::super::node::{Node, Standing};
use super::super::redis;

/// Connections on both sides.
const CONNECTIONS: &str = "32";
/// Drivers who report, in a short run too: each phone may send 60 messages at once and five a second.
const DRIVERS: u32 = 8_000;
/// Commands on the way at a time, at Redis.
const PIPELINE: &str = "16";
/// Fixes of a phone that come in one request.
const BATCH: &str = "50";

/// `reports`: one position a request, many, and over sockets.
pub(super) fn open(kit: &Kit) -> Result<Vec<Contest>> {
    let seconds = kit.size(5, 2);
    let contest = |kind: &'static str, batch: Option<&'static str>, what: &str, goal| {
        let name = format!("reports-{kind}");
        let (pipeline, peer_name) = match batch {
            Some(_) => (PIPELINE, "Redis GEOADD, pipelined 16"),
            None => ("1", "Redis GEOADD, 32 connections"),
        };
        Contest {
            row: "reports",
            what: what.to_owned(),
            peer_name,
            unit: Unit::PerSecond,
            goal,
            is_durable: false,
            peer: Peer::of(geoadd(kit, &name, pipeline, seconds), redis::REMEDY),
            ours: ours(phones(kit, &name, kind, batch, seconds)),
        }
    };
    Ok(vec![
        contest(
            "beats",
            None,
            "positions of taxis, each in a beat of its own over HTTP, authenticated",
            Goal::wished(Bound::RatioAtLeast(0.6)),
        ),
        contest(
            "fixes",
            Some(BATCH),
            "positions of taxis, 50 fixes of a track in a request, authenticated",
            Goal::firm(Bound::RatioAtLeast(2.0), Some(3.0)),
        ),
        contest(
            "sockets",
            Some(PIPELINE),
            "positions of taxis, each in a beat over the phone's own socket, 32 phones at a time, 16 beats on the way",
            Goal { stretch: Some(3.0), ..Goal::wished(Bound::RatioAtLeast(2.0)) },
        ),
    ])
}

/// Phones that report to a node over SQLite: positions are never journalled.
fn phones(kit: &Kit, name: &str, kind: &str, batch: Option<&str>, seconds: u32) -> Result<Side> {
    let mut node = Node::make(kit, name, Standing::Alone, None)?;
    let roster = node.list_drivers(usize::try_from(DRIVERS)?)?.display().to_string();
    node.start()?;
    let (address, map) = (node.address.clone(), node.map.display().to_string());
    let args: Vec<&str> = [kind, &address, &map, &roster, CONNECTIONS].into_iter().chain(batch).collect();
    kit.rush(node, &format!("{name}-phones"), &args, seconds)
}

fn geoadd(kit: &Kit, name: &str, pipeline: &str, seconds: u32) -> Result<Side> {
    let (server, address) = redis::start(kit, name)?;
    let args = ["geoadd", &address, &DRIVERS.to_string(), CONNECTIONS, pipeline];
    kit.rush(server, &format!("{name}-rush"), &args, seconds)
}
