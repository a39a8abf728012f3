//! Plans for many riders and taxis at once on real streets: our side of `cargo xtask bench --only cycle`, and both of
//! `--only growth`.
//!
//! `cargo run --release -p ondol-sim --example plan -- MAP.osm.pbf`, then a line `RIDERS TAXIS REPEATS SEED` on its
//! standard input: so many riders and free taxis, other ones each time. It answers with the 99th percentile of the plans in
//! milliseconds: `{"figure": …, "p50_ms": …}`. A plan is candidates, travel times by road and the solver, as a node does
//! it; the commit of what it asks is not in it.
#![allow(clippy::print_stdout, reason = "a program that measures")]

use std::collections::BTreeSet;
use std::io::BufRead as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ondol_core::booking::{Needs, Priority};
use ondol_core::face::Timing;
use ondol_core::ids::{BookingId, ShiftId};
use ondol_core::matching::{FreeShift, OpenBooking, Policy as _, RollingAssignment, Snapshot};
use ondol_core::position::Position;
use ondol_core::units::UtcMs;
use ondol_roads::{RoadMap, import_in_memory};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use uuid::Uuid;

/// Most places that are drawn from.
const PLACES: usize = 20_000;
/// The moment of all plans, and how long riders and taxis have waited at most.
const NOW: UtcMs = UtcMs(1_772_442_000_000);
const WAITED_MS: std::ops::Range<i64> = 0..600_000;

fn main() {
    let file = std::env::args_os().nth(1).map(PathBuf::from).expect("usage: plan MAP.osm.pbf");
    let map = RoadMap::of(import_in_memory(&[file], None, &mut |_| {}).expect("the map can be imported"));
    let places = map.junctions(PLACES);
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("lines of text");
        let numbers: Vec<usize> =
            line.split_whitespace().map(|word| word.parse().expect("whole numbers")).collect();
        let [riders, taxis, repeats, seed] = numbers[..] else {
            panic!("RIDERS TAXIS REPEATS SEED, not {line}")
        };
        let mut chance = ChaCha8Rng::seed_from_u64(seed as u64);
        println!("{}", play(&map, &places, (riders, taxis), repeats, &mut chance));
    }
}

fn play(
    map: &RoadMap,
    places: &[Position],
    (riders, taxis): (usize, usize),
    repeats: usize,
    chance: &mut ChaCha8Rng,
) -> Value {
    let (mut took, mut asked) = (Vec::new(), 0);
    for _ in 0..repeats {
        let snapshot = Snapshot {
            now: NOW,
            bookings: (0..riders).map(|_| booking(places, chance)).collect(),
            shifts: (0..taxis).map(|_| shift(places, chance)).collect(),
            on_duty: taxis,
            reach_s: Timing::default().reach_s,
            travel: map,
        };
        let began = Instant::now();
        let plan = std::hint::black_box(RollingAssignment::default().plan(&snapshot));
        took.push(began.elapsed());
        asked += plan.asks.len();
    }
    assert!(asked > 0, "somebody can be asked");
    took.sort_unstable();
    let at = |part: usize| ms(took[(took.len() * part).div_ceil(100).clamp(1, took.len()) - 1]);
    json!({ "figure": at(99), "p50_ms": at(50) })
}

fn booking(places: &[Position], chance: &mut ChaCha8Rng) -> OpenBooking {
    OpenBooking {
        booking: BookingId(Uuid::from_u128(chance.random())),
        pickup: places[chance.random_range(0..places.len())],
        stand: None,
        fleet: None,
        seats: 1,
        needs: Needs::default(),
        priority: Priority::default(),
        waits_since: UtcMs(NOW.0 - chance.random_range(WAITED_MS)),
        not: BTreeSet::new(),
        only: None,
        planned: None,
        promised_at: None,
        gone_at: None,
    }
}

fn shift(places: &[Position], chance: &mut ChaCha8Rng) -> FreeShift {
    FreeShift {
        shift: ShiftId(Uuid::from_u128(chance.random())),
        position: places[chance.random_range(0..places.len())],
        ready_in_s: 0,
        until: None,
        fleet: "blue".parse().expect("a name of a fleet"),
        seats: 4,
        offers: Needs::default(),
        waits_at: None,
        idle_since: UtcMs(NOW.0 - chance.random_range(WAITED_MS)),
        takes_over: true,
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
