//! After a long outage: an edge's backlog goes into central, against as many rows that are put into PostgreSQL.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::super::contest::{Bound, Contest, Goal, Peer, Played, Side, Unit};
use super::super::kit::{Kit, ours};
use super::super::node::Node;
use super::starts::BACKLOG;
use crate::postgres::{Cluster, Durability, Server};

/// Rows in each of the peer's statements, which commits by itself.
const BATCH: u32 = 500;
/// How long the two may take until they are level.
const LEVEL: Duration = Duration::from_secs(900);
/// Where the peer's rows go: what a journal has at least.
const TABLE: &str = "CREATE TABLE entry (origin text, seq bigint, at bigint, kind smallint, body jsonb, PRIMARY KEY (origin, seq))";

/// `catch-up`.
pub(super) fn open(kit: &Kit) -> Result<Vec<Contest>> {
    let entries = kit.size(200_000, 10_000);
    Ok(vec![Contest {
        row: "catch-up",
        what: format!("{entries} entries of an edge are verified, stored and applied by central, PostgreSQL"),
        peer_name: "psql, upserts of 500 rows each",
        unit: Unit::PerSecond,
        goal: Goal::firm(Bound::RatioAtLeast(0.5), None),
        is_durable: true,
        peer: Peer::of(upserts(kit, entries), "apt-get install postgresql"),
        ours: ours(Server::private(Durability::Machine).and_then(|server| heal(kit, server, entries))),
    }])
}

/// Each round begins with the edge as the outage left it and a central that never heard of it.
fn heal(kit: &Kit, server: Server, entries: u32) -> Result<Side> {
    let (mut central, mut edge) = Node::pair(kit, "catch-up", &server.database("catchup")?)?;
    edge.write_backlog(entries, BACKLOG)?;
    edge.keep_store()?;
    // A few more than were asked for: all riders of the last moment have their answer.
    let written = edge.verified_entries()?;
    Ok(Box::new(move |round| {
        edge.put_store_back()?;
        central.stand_on(Some(&server.database(&format!("catchup{round}"))?))?;
        central.start()?;
        edge.start()?;
        let begun = Instant::now();
        Node::wait_level(&mut [&mut central, &mut edge], LEVEL)?;
        let took = begun.elapsed();
        edge.kill_9()?;
        central.kill_9()?;
        let held = central.verified_entries()?;
        ensure!(held >= written, "central holds {held} entries, the edge wrote {written}");
        Ok(rate(written, took))
    }))
}

/// The same number of rows, written out beforehand.
fn upserts(kit: &Kit, entries: u32) -> Result<Side> {
    let mut cluster = Cluster::create(Durability::Machine)?;
    cluster.start()?;
    cluster.query(TABLE)?;
    let script = kit.dir.join("upserts.sql");
    std::fs::write(&script, statements(entries)).with_context(|| script.display().to_string())?;
    let script = script.display().to_string();
    Ok(Box::new(move |_| {
        cluster.query("TRUNCATE entry")?;
        let begun = Instant::now();
        cluster.psql(&["--file", &script])?;
        let took = begun.elapsed();
        let held = cluster.query("SELECT count(*) FROM entry")?;
        ensure!(held == entries.to_string(), "{held} rows of {entries} are there");
        Ok(rate(entries.into(), took))
    }))
}

fn statements(entries: u32) -> String {
    let mut text = String::new();
    for seq in 1..=entries {
        let begins = (seq - 1) % BATCH == 0;
        text += if begins { "INSERT INTO entry VALUES\n" } else { ",\n" };
        let (kind, driver) = (seq % 7, seq % 20_000);
        let body = format!(r#"{{"ride":{seq},"driver":{driver},"lat":37.5{kind},"lon":127.0{kind}}}"#);
        write!(text, "('edge',{seq},{},{kind},'{body}')", 1_772_442_000_000 + u64::from(seq))
            .expect("a string takes everything");
        if seq % BATCH == 0 || seq == entries {
            text += "\nON CONFLICT DO NOTHING;\n";
        }
    }
    text
}

#[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn rate(entries: u64, took: Duration) -> Played {
    Played { figure: entries as f64 / took.as_secs_f64(), ..Played::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_gets_every_row_once_in_statements_of_500() {
        let text = statements(1_200);
        let statements: Vec<&str> = text.split_inclusive(";\n").collect();
        let rows = |statement: &&str| statement.matches("('edge',").count();
        assert_eq!(statements.iter().map(rows).collect::<Vec<_>>(), [500, 500, 200]);
        for statement in statements {
            assert!(statement.starts_with("INSERT INTO entry VALUES\n('edge',"), "{statement}");
            assert!(statement.ends_with(")\nON CONFLICT DO NOTHING;\n"), "{statement}");
        }
        assert!(text.contains("('edge',1,") && text.contains(",\n('edge',1200,1772442001200,"), "{text}");
    }

    #[test]
    fn a_rate_is_entries_a_second() {
        assert!((rate(3_000, Duration::from_millis(1_500)).figure - 2_000.0).abs() < 1e-9);
    }
}
