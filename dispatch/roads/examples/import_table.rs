//! Imports map files and prints what came of them: `cargo run --example import_table -- FILE…`.
#![allow(clippy::print_stdout, reason = "printing a table is what this program is for")]

use std::path::PathBuf;
use std::time::Instant;

use ondol_core::position::Position;
use ondol_roads::{MapError, RoadMap, import_in_memory};

/// Pickups timed for each map.
const PICKUPS: usize = 200;

fn main() -> Result<(), MapError> {
    println!(
        "{:32} {:>7} {:>8} {:>8} {:>7} {:>7} {:>7} {:>6} {:>7} {:>7} {:>9} {:>8}",
        "file",
        "import",
        "load",
        "nodes",
        "edges",
        "left",
        "names",
        "addr",
        "places",
        "stands",
        "map KiB",
        "20 → 1"
    );
    for file in std::env::args_os().skip(1).map(PathBuf::from) {
        let started = Instant::now();
        let built = import_in_memory(std::slice::from_ref(&file), None, &mut |_| {})?;
        let import_s = started.elapsed().as_secs_f64();
        let started = Instant::now();
        let map = RoadMap::of(built);
        let load_s = started.elapsed().as_secs_f64();
        let counts = map.meta().counts;
        println!(
            "{:32} {:>6.2}s {:>7.2}s {:>8} {:>7} {:>7} {:>7} {:>6} {:>7} {:>7} {:>9} {:>6.0}µs",
            file.file_name().unwrap_or_default().to_string_lossy(),
            import_s,
            load_s,
            counts.nodes,
            counts.edges,
            counts.left_out,
            counts.names,
            counts.addresses,
            counts.places + counts.stations + counts.exits,
            counts.stands,
            map.overview_geojson()?.len() >> 10,
            pickup_us(&map),
        );
    }
    Ok(())
}

/// Mean time of one pickup with twenty candidates, in microseconds.
fn pickup_us(map: &RoadMap) -> f64 {
    let places: Vec<Position> = map.junctions(2_000);
    let started = Instant::now();
    let mut known = 0;
    for pickup in 0..PICKUPS {
        let candidates: Vec<Position> =
            (1..=20).map(|at| places[(pickup * 37 + at * 101) % places.len()]).collect();
        known += map.durations_to(places[pickup * 61 % places.len()], &candidates).iter().flatten().count();
    }
    assert_eq!(known, PICKUPS * 20, "junctions are on streets and reach each other");
    #[allow(clippy::cast_precision_loss, reason = "200")]
    let pickups = PICKUPS as f64;
    started.elapsed().as_secs_f64() * 1e6 / pickups
}
