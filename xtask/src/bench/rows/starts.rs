//! From a power cut back to work: an edge with a long journal, against PostgreSQL's recovery after the same.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::super::contest::{Bound, Contest, Goal, Peer, Played, Side, Unit};
use super::super::kit::{Kit, ours};
use super::super::node::{Node, Standing};
use crate::postgres::{Cluster, Durability};

/// Writing the journal may take so long: days of an outage in minutes.
pub(super) const BACKLOG: Duration = Duration::from_secs(1_800);
/// Clients that write into the peer when its power goes, and for how long they have.
const CLIENTS: &str = "8";
const WRITES_FOR: Duration = Duration::from_secs(5);

/// `cold-start`.
pub(super) fn open(kit: &Kit) -> Result<Vec<Contest>> {
    let entries = kit.size(200_000, 10_000);
    Ok(vec![Contest {
        row: "cold-start",
        what: format!("an edge with {entries} entries is ready after kill -9"),
        peer_name: "PostgreSQL killed under writes, until the first new row",
        unit: Unit::Milliseconds,
        goal: Goal::wished(Bound::RatioAtMost(1.0)),
        is_durable: true,
        peer: Peer::of(recovery(kit), "apt-get install postgresql"),
        ours: ours(edge(kit, entries)),
    }])
}

fn edge(kit: &Kit, entries: u32) -> Result<Side> {
    let mut node = Node::make(kit, "cold-start", Standing::Edge, None)?;
    node.write_backlog(entries, BACKLOG)?;
    node.start()?;
    Ok(Box::new(move |_| {
        node.kill_9()?;
        Ok(took(node.start()?))
    }))
}

fn recovery(kit: &Kit) -> Result<Side> {
    let mut cluster = Cluster::create(Durability::Machine)?;
    cluster.start()?;
    cluster.query("CREATE TABLE written (at timestamptz)")?;
    let script = kit.dir.join("written.sql");
    std::fs::write(&script, INSERT).with_context(|| script.display().to_string())?;
    Ok(Box::new(move |_| {
        let mut writers = write(&cluster, &script)?;
        std::thread::sleep(WRITES_FOR);
        cluster.kill_9()?;
        let begun = Instant::now();
        writers.wait().context("cannot wait for pgbench")?; // its connections are gone
        cluster.start()?;
        cluster.query(INSERT)?;
        Ok(took(begun.elapsed()))
    }))
}

const INSERT: &str = "INSERT INTO written VALUES (now());";

fn write(cluster: &Cluster, script: &std::path::Path) -> Result<Child> {
    let mut pgbench: Command = cluster.client("pgbench");
    pgbench.args(["--no-vacuum", "--client", CLIENTS, "--time", "60", "--file"]).arg(script);
    pgbench.arg(cluster.url("postgres")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    pgbench.spawn().context("cannot start pgbench")
}

fn took(time: Duration) -> Played {
    Played { figure: time.as_secs_f64() * 1e3, ..Played::default() }
}
