//! Times tables and new speeds: our side of `cargo xtask bench --only one-to-many`, `table` and `new-speeds`.
//!
//! `cargo run --release -p ondol-roads --example race_tables -- MAP.osm.pbf`, then a line on its standard input:
//!
//! ```text
//! graph FILE         writes the graph there for a peer; answers {}
//! ask QUERIES SEED   random 50 → 1 questions: {"figure": µs of one, "check": what was found}
//! table              1,000 × 1,000 places: {"figure": ms, …}
//! speeds             new times for every street: {"figure": ms, …}
//! ```
#![allow(clippy::print_stdout, reason = "printing figures is what this program is for")]

use std::fs::File;
use std::io::{BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use ondol_core::position::Position;
use ondol_roads::speeds::Slot;
use ondol_roads::{RoadMap, import_in_memory};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

/// Sources of one question of the race.
const PINNED: usize = 50;
/// Rows and columns of the table.
const TABLE: usize = 1_000;

fn main() -> Result<(), Failure> {
    let file = std::env::args_os().nth(1).map(PathBuf::from).ok_or("give MAP")?;
    let map = RoadMap::of(import_in_memory(&[file], None, &mut |_| {})?);
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let answer = match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["graph", file] => write_graph(&map, Path::new(file))?,
            ["ask", queries, seed] => ask(&map, queries.parse()?, seed.parse()?)?,
            ["table"] => table(&map)?,
            ["speeds"] => speeds(&map)?,
            _ => return Err(format!("graph FILE, ask QUERIES SEED, table or speeds; not {line}").into()),
        };
        println!("{answer}");
    }
    Ok(())
}

fn write_graph(map: &RoadMap, file: &Path) -> Result<Value, Failure> {
    let drawn = map.state_graph();
    let mut file = BufWriter::new(File::create(file)?);
    writeln!(file, "{} {}", drawn.states.len(), drawn.turns.len())?;
    for at in &drawn.states {
        writeln!(file, "{} {}", at.lat(), at.lon())?;
    }
    for (tail, head, ms) in &drawn.turns {
        writeln!(file, "{tail} {head} {ms}")?;
    }
    file.into_inner()?.sync_all()?;
    Ok(json!({}))
}

fn ask(map: &RoadMap, queries: usize, mut seed: u64) -> Result<Value, Failure> {
    let states = u32::try_from(map.state_graph().states.len())?;
    let mut pick = || {
        // The same numbers as in the peer's script.
        seed = (seed * 1_103_515_245 + 12_345) % (1 << 31);
        u32::try_from(seed).expect("31 bits") % states
    };
    let asked: Vec<(Vec<u32>, u32)> =
        (0..queries).map(|_| ((0..PINNED).map(|_| pick()).collect(), pick())).collect();
    let started = Instant::now();
    let (mut sum, mut found) = (0_u64, 0_u64);
    for (sources, target) in &asked {
        for ms in map.state_times_ms(sources, *target).into_iter().flatten() {
            sum += u64::from(ms);
            found += 1;
        }
    }
    #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
    let each_us = ms(started) * 1e3 / queries as f64;
    Ok(json!({ "figure": each_us, "check": format!("{found} ways, {sum} ms in all") }))
}

fn table(map: &RoadMap) -> Result<Value, Failure> {
    let places = map.junctions(6 * TABLE);
    let apart = |from: usize| -> Vec<Position> {
        // Off the junctions, as taxis and riders are.
        let moved = |at: &Position| Position::new(at.lat() + 0.0002, at.lon() + 0.0003);
        places.iter().skip(from).step_by(2).take(TABLE).filter_map(|at| moved(at).ok()).collect()
    };
    let (sources, targets) = (apart(0), apart(1));
    if sources.len() < TABLE || targets.len() < TABLE {
        return Err(format!("the map has places for {} × {}", sources.len(), targets.len()).into());
    }
    let started = Instant::now();
    let table = map.durations_table(&sources, &targets);
    let took_ms = ms(started);
    let known = table.iter().flatten().filter(|time| time.is_some()).count();
    Ok(json!({ "figure": took_ms, "check": format!("{known} times") }))
}

fn speeds(map: &RoadMap) -> Result<Value, Failure> {
    let book = map.speed_book();
    let started = Instant::now();
    map.set_speeds(&book, Slot::at(0, 0))?;
    Ok(json!({ "figure": ms(started) }))
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
