//! Times tables and new speeds: `cargo run --release -p ondol-roads --example race_tables -- MAP.osm.pbf [GRAPH]`.
//!
//! With GRAPH it writes the graph there for a peer (`race_routingkit.py` beside this file), then answers lines of
//! `QUERIES SEED` on its standard input with the time and the checksum of so many random 50 → 1 questions: so the
//! two can be asked in turns.
#![allow(clippy::print_stdout, reason = "printing figures is what this program is for")]

use std::fs::File;
use std::io::{BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use ondol_core::position::Position;
use ondol_roads::speeds::Slot;
use ondol_roads::{RoadMap, import_in_memory};

type Failure = Box<dyn std::error::Error>;

/// Sources of one question of the race.
const PINNED: usize = 50;
/// Rows and columns of the table.
const TABLE: usize = 1_000;
const ROUNDS: usize = 7;

fn main() -> Result<(), Failure> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let map = RoadMap::of(import_in_memory(&[args.next().ok_or("give MAP")?], None, &mut |_| {})?);
    let states = u32::try_from(map.state_graph().states.len())?;
    println!(
        "{} junctions, {states} states, {} turns",
        map.meta().counts.nodes,
        map.state_graph().turns.len()
    );
    if let Some(graph) = args.next() {
        return race(&map, states, &graph);
    }
    let places = map.junctions(6 * TABLE);
    let apart = |from: usize| -> Vec<Position> {
        // Off the junctions, as taxis and riders are.
        let moved = |at: &Position| Position::new(at.lat() + 0.0002, at.lon() + 0.0003);
        places.iter().skip(from).step_by(2).take(TABLE).filter_map(|at| moved(at).ok()).collect()
    };
    let (sources, targets) = (apart(0), apart(1));
    let mut table_ms: Vec<f64> = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let table = map.durations_table(&sources, &targets);
        table_ms.push(started.elapsed().as_secs_f64() * 1e3);
        let sum: u64 = table.iter().flatten().flatten().map(|s| u64::from(*s)).sum();
        println!(
            "table {} × {}: {:.1} ms (sum {sum} s)",
            sources.len(),
            targets.len(),
            table_ms[table_ms.len() - 1]
        );
    }
    let mut new_ms: Vec<f64> = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        map.set_speeds(&map.speed_book(), Slot::at(0, 0))?;
        new_ms.push(started.elapsed().as_secs_f64() * 1e3);
    }
    println!("median: table {:.1} ms, new speeds {:.1} ms", median(table_ms), median(new_ms));
    Ok(())
}

fn race(map: &RoadMap, states: u32, graph: &Path) -> Result<(), Failure> {
    let drawn = map.state_graph();
    let mut file = BufWriter::new(File::create(graph)?);
    writeln!(file, "{} {}", drawn.states.len(), drawn.turns.len())?;
    for at in &drawn.states {
        writeln!(file, "{} {}", at.lat(), at.lon())?;
    }
    for (tail, head, ms) in &drawn.turns {
        writeln!(file, "{tail} {head} {ms}")?;
    }
    file.into_inner()?.sync_all()?;
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (queries, seed) = line.split_once(' ').ok_or("give QUERIES SEED")?;
        let (queries, mut seed): (usize, u64) = (queries.parse()?, seed.parse()?);
        let mut pick = || {
            // The same numbers as in the peer's script.
            seed = (seed * 1_103_515_245 + 12_345) % (1 << 31);
            u32::try_from(seed).expect("31 bits") % states
        };
        let asked: Vec<(Vec<u32>, u32)> =
            (0..queries).map(|_| ((0..PINNED).map(|_| pick()).collect(), pick())).collect();
        let started = Instant::now();
        let mut sum = 0_u64;
        for (sources, target) in &asked {
            sum +=
                map.state_times_ms(sources, *target).iter().flatten().map(|ms| u64::from(*ms)).sum::<u64>();
        }
        #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
        let each_us = started.elapsed().as_secs_f64() * 1e6 / queries as f64;
        println!("{each_us:.2} {sum}");
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
