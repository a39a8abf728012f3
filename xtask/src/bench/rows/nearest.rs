//! Who is free near a place: operators who ask a node, against Redis and PostGIS with the same taxis and no node around them.

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::Value;

use super::super::contest::{Bound, Contest, Goal, Peer, Played, Side, Unit};
use super::super::kit::{Kit, ROUND, ours};
use super::super::pgbench::{self, Load};
use super::super::redis;
use super::super::talk::Talker;
use crate::postgres::{Cluster, Durability};
use crate::setup::{self, Need};

/// Callers on both sides.
const CONNECTIONS: &str = "32";
/// Places of each round at which both sides must find the same.
const CHECKED: usize = 20;
/// How long our search is measured inside the node, in seconds.
const INSIDE_S: u32 = 1;
/// The peer's search, in metres on the plane of `console/examples/near.rs`, 22,038 × 22,239 of them.
const SEARCH: &str = "\
\\set x random(0, 22038)
\\set y random(0, 22239)
SELECT id, geom <-> ST_MakePoint(:x, :y) AS m FROM taxi WHERE free ORDER BY geom <-> ST_MakePoint(:x, :y) LIMIT 10;
";

/// `nearest`: the ten nearest of a town's free taxis, and of a metropolis'.
pub(super) fn open(kit: &Kit) -> Result<Vec<Contest>> {
    let sizes = [kit.size(10_000, 2_000), kit.size(70_000, 10_000)];
    Ok(sizes.into_iter().flat_map(|taxis| of_size(kit, taxis)).collect())
}

fn of_size(kit: &Kit, taxis: u32) -> [Contest; 2] {
    let seconds = kit.size(5, 2);
    let town = Town::open(kit, taxis).map(Rc::new).map_err(|error| format!("{error:#}"));
    let contest = |name: &str, what: &str, peer_name, goal, peer: Peer| Contest {
        row: "nearest",
        what: format!("the nearest 10 of {taxis} free taxis{what}, equal taxis"),
        peer_name,
        unit: Unit::PerSecond,
        goal,
        is_durable: false,
        peer,
        ours: ours(match &town {
            Ok(town) => town.side(kit, &format!("{name}-{taxis}-operators"), seconds),
            Err(why) => Err(anyhow::anyhow!("{why}")),
        }),
    };
    let theirs = |open: fn(&Kit, &Town, u32) -> Result<Side>, remedy| match &town {
        Ok(town) => Peer::of(open(kit, town, seconds), remedy),
        Err(_) => Peer::of(Err(anyhow::anyhow!("our program draws the taxis")), remedy),
    };
    [
        contest(
            "nearest",
            " over HTTP with a session",
            "Redis GEOSEARCH, least radius that suffices, 32 connections",
            Goal::firm(Bound::RatioAtLeast(1.5), None),
            theirs(geosearch, redis::REMEDY),
        ),
        contest(
            "nearest-knn",
            " over HTTP with a session",
            "PostGIS `<->` on a GiST index, prepared, 32 clients",
            Goal::wished(Bound::RatioAtLeast(3.0)),
            theirs(knn, "apt-get install postgresql-postgis"),
        ),
    ]
}

/// A node with free taxis, which has drawn where they and the callers are.
struct Town {
    taxis: u32,
    /// Where it has written them.
    dir: PathBuf,
    door: Door,
    talker: RefCell<Talker>,
}

#[derive(Deserialize)]
struct Door {
    address: String,
    path: String,
    cookie: String,
}

impl Town {
    fn open(kit: &Kit, taxis: u32) -> Result<Town> {
        let dir = kit.dir.join(format!("nearest-{taxis}"));
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let mut command = Command::new(kit.example("ondol-console", "near")?);
        let mut talker =
            kit.talk(&format!("nearest-{taxis}-node"), command.arg(&dir).arg(taxis.to_string()))?;
        let door = talker.ask("door", ROUND)?;
        Ok(Town { taxis, dir, door, talker: RefCell::new(talker) })
    }

    /// Operators who ask; before each round every phone says where it is, and after it the search alone is measured.
    fn side(self: &Rc<Self>, kit: &Kit, name: &str, seconds: u32) -> Result<Side> {
        let Door { address, path, cookie } = &self.door;
        let dir = self.dir.display().to_string();
        let args = ["near", address, path, cookie, &dir, CONNECTIONS];
        let (town, mut operators) = (Rc::clone(self), kit.rush(Rc::clone(self), name, &args, seconds)?);
        Ok(Box::new(move |round| {
            town.talker.borrow_mut().ask::<Value>("beat", ROUND)?;
            let mut played = operators(round)?;
            let inside: Played = town.talker.borrow_mut().ask(&format!("inside {INSIDE_S}"), ROUND)?;
            played.beside.insert("inside_per_s".to_owned(), inside.figure);
            Ok(played)
        }))
    }

    /// Where it is clear who the ten nearest are, the places of one round: metres on the plane.
    fn checked(&self, round: u32) -> Result<Vec<(String, String)>> {
        let file = self.dir.join("asked.csv");
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        clear_places(&text, round).with_context(|| format!("{}: not as it was drawn", file.display()))
    }
}

fn clear_places(text: &str, round: u32) -> Option<Vec<(String, String)>> {
    let lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let clear: Vec<_> = lines.filter(|words| words.last() == Some(&"1")).collect();
    let place = |number: usize| match clear.get(number % clear.len().max(1))?[..] {
        [_lat, _lon, x, y, _radius, _is_clear] => Some((x.to_owned(), y.to_owned())),
        _ => None,
    };
    let first = usize::try_from(round).ok()? * CHECKED;
    (first..first + CHECKED).map(place).collect()
}

fn geosearch(kit: &Kit, town: &Town, seconds: u32) -> Result<Side> {
    let name = format!("nearest-{}", town.taxis);
    let (server, address) = redis::start(kit, &name)?;
    let dir = town.dir.display().to_string();
    kit.rush(server, &format!("{name}-geosearch"), &["geosearch", &address, &dir, CONNECTIONS], seconds)
}

fn knn(kit: &Kit, town: &Town, seconds: u32) -> Result<Side> {
    setup::ensure(&[Need::Postgis])?;
    let mut cluster = Cluster::create(Durability::Process)?;
    cluster.start()?;
    cluster.query("CREATE EXTENSION postgis")?;
    cluster.query("CREATE TABLE drawn (id serial, lat float8, lon float8, x float8, y float8)")?;
    let file = town.dir.join("taxis.csv");
    cluster.query(&format!("\\copy drawn (lat, lon, x, y) FROM '{}' CSV", file.display()))?;
    cluster.query(
        "CREATE TABLE taxi AS SELECT id - 1 AS id, true AS free, ST_MakePoint(x, y) AS geom FROM drawn;
         CREATE INDEX ON taxi USING gist (geom)",
    )?;
    cluster.query("VACUUM ANALYZE taxi")?;
    let places = (0..kit.rounds()).map(|round| town.checked(round)).collect::<Result<Vec<_>>>()?;
    let name = format!("nearest-{}-knn", town.taxis);
    let load = Load { name: &name, script: SEARCH, clients: CONNECTIONS, threads: "1", seconds };
    pgbench::side(kit, cluster, &load, move |cluster, round| {
        let round = usize::try_from(round).context("few rounds")?;
        Ok(Some(cluster.query(&found_at(&places[round]))?))
    })
}

/// Asks for what the callers of `rush` tell: the numbers of the ten at each place in order, the places one after the other.
fn found_at(places: &[(String, String)]) -> String {
    let places = places.iter().enumerate().map(|(number, (x, y))| format!("({number}, {x}, {y})"));
    let places = places.collect::<Vec<_>>().join(", ");
    format!(
        "SELECT string_agg(ids, ';' ORDER BY n) FROM (VALUES {places}) AS place (n, x, y), LATERAL (
           SELECT string_agg(id::text, ' ' ORDER BY id) AS ids FROM (
             SELECT id FROM taxi WHERE free ORDER BY geom <-> ST_MakePoint(place.x, place.y) LIMIT 10) AS near) AS found"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_looks_at_other_places_and_only_at_clear_ones() {
        let text: String =
            (0..100).map(|n| format!("37.5,127.0,{n}.5,7.25,300,{}\n", u8::from(n % 2 == 0))).collect();
        let of = |round| clear_places(&text, round).unwrap();
        assert_eq!((of(0).len(), &of(0)[1]), (CHECKED, &("2.5".to_owned(), "7.25".to_owned())));
        assert_eq!(of(1)[0].0, "40.5");
        assert_eq!(of(2)[10].0, "0.5", "from the first one again");
        assert_eq!(clear_places("37.5,127.0,1,2,300,0\n", 0), None, "no place is clear");
        assert_eq!(clear_places("1,1\n", 0), None);
    }

    #[test]
    fn the_peer_searches_the_square_that_is_drawn() {
        let program = std::fs::read_to_string(crate::run::root().join("console/examples/near.rs")).unwrap();
        for constant in ["SIDES: (f64, f64) = (0.20, 0.25)", "(f64, f64) = (111_195.0, 88_155.0)"] {
            assert!(program.contains(constant), "the sides in metres are of {constant}");
        }
        assert!(SEARCH.contains("random(0, 22038)") && SEARCH.contains("random(0, 22239)"));
    }
}
