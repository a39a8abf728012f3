//! Bookings that are durable when they are answered: a node over PostgreSQL and over SQLite, against the bare stores.

use anyhow::{Result, bail};

use super::super::contest::{Bound, Contest, Goal, Peer, Side, Unit};
use super::super::kit::{Kit, ours};
use super::super::node::{Node, Standing};
use super::super::pgbench::{self, Load};
use crate::postgres::{Durability, Server};

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
    cluster.query(&tables)?;
    let load = Load { name: "booking", script: TRANSACTION, clients: AT_ONCE, threads: "2", seconds };
    pgbench::side(kit, cluster, &load, |_, _| Ok(None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transaction_claims_among_the_drivers_that_there_are() {
        assert!(TRANSACTION.contains(&format!("random(1, {DRIVERS})")));
    }
}
