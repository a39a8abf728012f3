//! What dispatch does most, one piece at a time: assign, find who is near, tell how long a drive takes.
//!
//! `cargo xtask bench --micro` runs it; `--save NAME` keeps the figures, `--against NAME` compares with what was kept. The
//! table of `docs/BENCHMARKS.md` says how fast Ondol is beside others; this says whether a change made one piece slower.
//! Streets are Heidelberg's, from the folder of maps that `ONDOL_DATA` names; without it those pieces are left out, aloud.
#![allow(clippy::print_stderr, reason = "a program that measures")]
#![allow(missing_docs, reason = "criterion's macros make public functions")]

#[path = "../../dispatch/testbed/taxi.rs"]
mod taxi;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ondol_core::board::Board;
use ondol_core::command::Command;
use ondol_core::face::{DistrictConfig, Input, NodeConfig, Role, Timing};
use ondol_core::ids::DistrictId;
use ondol_core::matching::{CostTable, Solver};
use ondol_core::node::Node;
use ondol_core::pin::PinKey;
use ondol_core::position::Position;
use ondol_core::travel::StraightLine;
use ondol_core::units::{Now, Ticks, UtcMs};
use ondol_roads::speeds::Slot as Hour;
use ondol_roads::{RoadMap, import_in_memory};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// What leaving a rider out costs, and how many taxis come into question for each.
const PRICE: i32 = 3_600;
const PER_RIDER: usize = 20;
/// The moment of everything.
const NOW: Now = Now { utc: UtcMs(1_772_442_000_000), ticks: Ticks(1_000_000) };

criterion_group!(pieces, assignment, nearest, roads);
criterion_main!(pieces);

fn chance() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

/// As many taxis as riders, the soonest ones of each, on a square that is driven in half an hour.
fn assignment(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("assignment");
    for riders in [100, 1_000] {
        let mut chance = chance();
        let mut places =
            || -> Vec<[f64; 2]> { (0..riders).map(|_| [chance.random(), chance.random()]).collect() };
        let (waiting, taxis) = (places(), places());
        let mut table = CostTable::new(u32::try_from(riders).expect("few taxis"));
        for rider in &waiting {
            table.row(PRICE);
            for (cost, taxi) in soonest(rider, &taxis) {
                table.arc(taxi, cost);
            }
        }
        let mut solver = Solver::default();
        group.bench_function(BenchmarkId::from_parameter(riders), |bencher| {
            bencher.iter(|| solver.solve(black_box(&table)));
        });
    }
    group.finish();
}

#[allow(clippy::cast_possible_truncation, reason = "at most an hour")]
fn soonest(rider: &[f64; 2], taxis: &[[f64; 2]]) -> Vec<(i32, u32)> {
    let drive = |taxi: &[f64; 2]| ((taxi[0] - rider[0]).hypot(taxi[1] - rider[1]) * 1_800.0) as i32 + 1;
    let mut drives: Vec<(i32, u32)> = taxis.iter().map(drive).zip(0..).collect();
    drives.sort_unstable();
    drives.truncate(PER_RIDER);
    drives.sort_unstable_by_key(|(_, taxi)| *taxi);
    drives
}

/// The ten nearest free shifts of a node.
fn nearest(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("nearest");
    let district: DistrictId = "hanbuk".parse().expect("a name of a district");
    for shifts in [1_000_u32, 10_000] {
        let mut chance = chance();
        let node = node_with(&district, shifts, &mut chance);
        let asked: Vec<Position> = (0..1_000).map(|_| place(&mut chance)).collect();
        let mut next = asked.iter().cycle();
        group.bench_function(BenchmarkId::from_parameter(shifts), |bencher| {
            bencher.iter(|| {
                let from = *next.next().expect("places without end");
                let found = node.nearest_free(&district, from, 10, NOW, |_| true).len();
                assert_eq!(found, 10, "everybody is free");
            });
        });
    }
    group.finish();
}

fn place(chance: &mut ChaCha8Rng) -> Position {
    Position::new(chance.random_range(37.45..37.65), chance.random_range(126.87..127.12)).expect("a place")
}

/// A node over nothing, with so many drivers on duty.
fn node_with(district: &DistrictId, shifts: u32, chance: &mut ChaCha8Rng) -> Node {
    let config = NodeConfig {
        id: "central".parse().expect("a name of a node"),
        role: Role::Central,
        incarnation: 1,
        districts: BTreeMap::from([(
            district.clone(),
            DistrictConfig { zones: vec!["z1".parse().expect("a name of a zone")], edge: None },
        )]),
        pin_key: PinKey([7; 32]),
        neighbours: Vec::new(),
        timing: Timing::default(),
    };
    let mut node = Node::new(config, Board::default(), Arc::new(StraightLine), NOW);
    let mut say = |command: Command| {
        node.handle(Input::Command { request: 1, command: Box::new(command) }, NOW);
        while node.poll_output().is_some() {}
    };
    for number in (1..).take(shifts as usize) {
        say(Command::ListDriver(taxi::driver(district, number)));
        say(Command::Attach(taxi::attach(district, number, place(chance), NOW.utc)));
    }
    node
}

/// Drives of 50 taxis to one pickup, one way turn by turn, and new paces for every street.
fn roads(criterion: &mut Criterion) {
    let file = std::env::var_os("ONDOL_DATA")
        .map(|data| PathBuf::from(data).join("osm/heidelberg-region.osm.pbf"))
        .filter(|file| file.exists());
    let Some(file) = file else {
        eprintln!("roads: left out, because ONDOL_DATA names no folder with osm/heidelberg-region.osm.pbf");
        return;
    };
    let map = RoadMap::of(import_in_memory(&[file], None, &mut |_| {}).expect("the map can be imported"));
    let places = map.junctions(10_000);
    let mut chance = chance();
    let mut draw = |count: usize| -> Vec<Position> {
        (0..count).map(|_| places[chance.random_range(0..places.len())]).collect()
    };
    let asked: Vec<(Vec<Position>, Position)> = (0..100).map(|_| (draw(50), draw(1)[0])).collect();
    let mut group = criterion.benchmark_group("roads");
    let mut next = asked.iter().cycle();
    group.bench_function("50 to 1", |bencher| {
        bencher.iter(|| {
            let (taxis, pickup) = next.next().expect("places without end");
            map.durations_to(*pickup, black_box(taxis))
        });
    });
    let mut next = asked.iter().cycle();
    group.bench_function("one way", |bencher| {
        bencher.iter(|| {
            let (taxis, pickup) = next.next().expect("places without end");
            map.route(taxis[0], *pickup).is_ok()
        });
    });
    let book = map.speed_book();
    group.bench_function("new speeds", |bencher| {
        bencher.iter(|| map.set_speeds(black_box(&book), Hour::at(0, 0)).is_ok());
    });
    group.finish();
}
