//! Bookings that are durable when they are answered: a node over PostgreSQL and over SQLite, against the bare stores.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::super::contest::{Bound, Contest, Goal, Peer, Played, Side, Unit};
use super::super::kit::{Kit, ours};
use super::super::node::{Node, Standing};
use crate::postgres::{Durability, Server};
use crate::run;

/// Riders who ask at the same time, and clients of the peer.
const AT_ONCE: &str = "32";
/// Drivers among whom the peer's transaction claims one.
const DRIVERS: u32 = 20_000;
/// The peer's transaction: the booking, a guarded claim of a driver, the journal, one commit.
const TRANSACTION: &str = "\
\\set driver random(1, 20000)
\\set rider random(1, 1000000000)
BEGIN;
INSERT INTO ride (rider, driver, lat, lon, state) VALUES (:rider, :driver, 37.5, 127.0, 'offered');
UPDATE driver SET ride = :rider WHERE id = :driver AND status = 'free';
INSERT INTO journal (kind, body) VALUES ('offered', jsonb_build_object('driver', :driver::int, 'rider', :rider::bigint));
COMMIT;
";

/// `bookings`: a whole city's, at central.
pub(super) fn central(kit: &Kit) -> Result<Vec<Contest>> {
    let seconds = kit.size(8, 2);
    let peer = Server::private(Durability::Machine).and_then(|server| pgbench(kit, server, seconds));
    let ours = ours(
        Server::private(Durability::Machine)
            .and_then(|server| riders(kit, "bookings", Some(server), AT_ONCE, seconds)),
    );
    Ok(vec![Contest {
        row: "bookings",
        what: format!("durable bookings over HTTP, {AT_ONCE} riders at a time, PostgreSQL"),
        peer_name: "pgbench: booking, guarded claim, journal in one commit",
        unit: Unit::PerSecond,
        goal: Goal::firm(Bound::RatioAtLeast(0.8), Some(1.2)),
        is_durable: true,
        peer: Peer::of(peer, "apt-get install postgresql"),
        ours,
    }])
}

/// `edge-bookings`: a district's, at its edge.
pub(super) fn edge(kit: &Kit) -> Result<Vec<Contest>> {
    let seconds = kit.size(5, 2);
    let contest = |at_once: &'static str, what: String, least| {
        let name = format!("edge-bookings-{at_once}");
        let side = riders(kit, &name, None, at_once, seconds);
        let peer = kit.python(&[], "sqlite.py").and_then(|mut python| {
            let file = kit.dir.join(format!("{name}-peer.db"));
            let peer = kit.talk(&format!("{name}-peer"), python.arg(file))?;
            Ok(Kit::side(peer, move |_| seconds.to_string()))
        });
        Contest {
            row: "edge-bookings",
            what,
            peer_name: "sqlite3, FULL, one row a commit",
            unit: Unit::PerSecond,
            goal: Goal::wished(Bound::RatioAtLeast(least)),
            is_durable: true,
            peer: Peer::of(peer, "apt-get install python3 python3-venv"),
            ours: ours(side),
        }
    };
    Ok(vec![
        contest("1", "durable bookings over HTTP, one rider after the other, SQLite".to_owned(), 0.8),
        contest(AT_ONCE, format!("the same, {AT_ONCE} riders at a time: one commit serves many"), 5.0),
    ])
}

/// Riders who ask a node that begins each round on an empty store: with nobody on duty bookings stay open, and what a
/// round costs must not depend on how many went before it.
fn riders(
    kit: &Kit,
    name: &str,
    server: Option<Server>,
    at_once: &'static str,
    seconds: u32,
) -> Result<Side> {
    let (kit, name) = (kit.clone(), name.to_owned());
    kit.example("ondol-sim", "rush")?;
    Ok(Box::new(move |round| {
        let url = server.as_ref().map(|server| server.database(&format!("bookings{round}"))).transpose()?;
        let mut node = Node::make(&kit, &name, Standing::Alone, url.as_deref())?;
        node.start()?;
        let (address, map) = (node.address.clone(), node.map.display().to_string());
        let args = ["bookings", &address, &map, at_once];
        kit.rush(node, &format!("{name}-riders"), &args, seconds)?(round)
    }))
}

fn pgbench(kit: &Kit, server: Server, seconds: u32) -> Result<Side> {
    let Server::Private(cluster) = server else { bail!("the cluster is our own") };
    let tables = format!(
        "CREATE TABLE driver (id int PRIMARY KEY, status text NOT NULL, ride bigint);
         INSERT INTO driver SELECT n, 'free', NULL FROM generate_series(1, {DRIVERS}) n;
         CREATE TABLE ride (id bigserial PRIMARY KEY, rider bigint, driver int, lat float8, lon float8, state text);
         CREATE TABLE journal (seq bigserial PRIMARY KEY, kind text, body jsonb);
         ANALYZE driver;"
    );
    let (url, stop) = (cluster.url("postgres"), kit.stop.clone());
    cluster.psql(&["-c", &tables]).context("the peer's tables")?;
    let (script, log) = (kit.dir.join("booking.sql"), kit.dir.join("pgbench.log"));
    std::fs::write(&script, TRANSACTION).with_context(|| script.display().to_string())?;
    Ok(Box::new(move |round| {
        let mut pgbench = cluster.client("pgbench");
        pgbench.args(["--no-vacuum", "--protocol=prepared", "--client", AT_ONCE, "--jobs", "2", "--time"]);
        pgbench.args([&seconds.to_string(), "--random-seed", &(round + 1).to_string(), "--file"]);
        pgbench.arg(&script).arg(&url);
        let limit = Duration::from_secs(u64::from(seconds) + 60);
        if !run::to_log(&mut pgbench, &log, limit, &stop)?.is_success() {
            bail!("pgbench failed:\n{}", run::tail(&log));
        }
        rate(&log)
    }))
}

/// What pgbench says of its rate: `tps = 3123.123 (without initial connection time)`.
fn rate(log: &Path) -> Result<Played> {
    let text = std::fs::read_to_string(log).with_context(|| log.display().to_string())?;
    let rate = read_rate(&text).with_context(|| format!("pgbench says no rate:\n{text}"))?;
    Ok(Played { figure: rate, ..Played::default() })
}

fn read_rate(text: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_what_pgbench_says() {
        let text =
            "pgbench (15.8)\nlatency average = 10 ms\ntps = 3123.5 (without initial connection time)\n";
        assert_eq!(read_rate(text), Some(3_123.5));
        assert_eq!(read_rate("pgbench: error: tps\n"), None);
    }

    #[test]
    fn the_transaction_claims_among_the_drivers_that_there_are() {
        assert!(TRANSACTION.contains(&format!("random(1, {DRIVERS})")));
    }
}
