//! Goal: a fleet's own traces make travel times what they are, whoever lies.
//!
//! Method: taxis drive known ways on the built-in city at a known pace, and tell where they are every 45 s with an
//! error of some metres; what the map says afterwards is compared with how long they really took.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::fs::File;
use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use ondol_core::position::Position;
use ondol_roads::speeds::{Fix, Slot, SpeedBook};
use ondol_roads::{RoadMap, Route, SpeedsError, generate};

/// A workday's hour, and its slot.
const MORNING_S: i64 = 4 * 86_400 + 8 * 3_600;
/// Seconds between two fixes.
const EVERY_S: u32 = 45;

fn morning() -> Slot {
    Slot::at(MORNING_S, 0)
}

/// Pairs of places all over the city, at least a few minutes apart.
fn trips(map: &RoadMap, count: usize) -> Vec<(Position, Position)> {
    let junctions = map.junctions(4 * count);
    let far = |at: usize| (junctions[at], junctions[(at * 7 + junctions.len() / 2) % junctions.len()]);
    (0..junctions.len()).map(far).filter(|(a, b)| a.distance_m(*b) > 1_500.0).take(count).collect()
}

/// Fixes of a taxi that drives `route` evenly in `slower` times its time, up to 8 m beside the line.
fn drive(route: &Route, slower: f64) -> Vec<Fix> {
    let line: Vec<Position> =
        route.geometry.iter().map(|(lon, lat)| Position::new(*lat, *lon).unwrap()).collect();
    let total_m: f64 = line.windows(2).map(|pair| pair[0].distance_m(pair[1])).sum();
    let total_s = f64::from(route.duration_s) * slower;
    let at = |share: f64, number: u32| {
        let mut left_m = total_m * share;
        for pair in line.windows(2) {
            let piece_m = pair[0].distance_m(pair[1]);
            if left_m <= piece_m {
                let part = if piece_m > 0.0 { left_m / piece_m } else { 0.0 };
                let aside = 0.000_07 * f64::from(number % 3) - 0.000_07;
                let between = |a: f64, b: f64| a + part * (b - a);
                return Position::new(
                    between(pair[0].lat(), pair[1].lat()) + aside,
                    between(pair[0].lon(), pair[1].lon()) - aside,
                )
                .unwrap();
            }
            left_m -= piece_m;
        }
        line[line.len() - 1]
    };
    let fixes = (0..).map(|number| number * EVERY_S).take_while(|s| f64::from(*s) <= total_s);
    fixes
        .map(|s| Fix { at_s: MORNING_S + i64::from(s), position: at(f64::from(s) / total_s, s / EVERY_S) })
        .collect()
}

fn learnt(map: &RoadMap, slower: f64) -> SpeedBook {
    let mut book = map.speed_book();
    for (from, to) in trips(map, 300) {
        for step in map.traversals(&drive(&map.route(from, to).unwrap(), slower)) {
            book.learn(morning(), &step);
        }
    }
    book
}

fn total_s(map: &RoadMap) -> u32 {
    let times = trips(map, 60).into_iter().map(|(from, to)| map.durations_from(from, &[to])[0].unwrap());
    times.sum()
}

#[test]
fn what_taxis_drive_becomes_what_the_map_says() {
    let map = RoadMap::of(generate::city(1));
    let free_s = total_s(&map);
    let book = learnt(&map, 2.0);
    map.set_speeds(&book, morning()).unwrap();
    let ratio = f64::from(total_s(&map)) / f64::from(free_s);
    assert!((1.8..2.1).contains(&ratio), "twice the time was driven, the map says {ratio} times");
    let (from, to) = trips(&map, 1)[0];
    assert_eq!(map.durations_table(&[from], &[to])[0][0], Some(map.route(from, to).unwrap().duration_s));
    map.set_speeds(&map.speed_book(), morning()).unwrap();
    assert_eq!(total_s(&map), free_s, "an empty book is a free street");
}

#[test]
fn a_book_outlives_a_restart_and_serves_no_other_map() {
    let map = RoadMap::of(generate::city(1));
    let book = learnt(&map, 1.5);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("speeds.bin");
    book.write(&file).unwrap();
    book.write(&file).unwrap();
    assert_eq!(map.read_speed_book(&file).unwrap(), book);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    let other = RoadMap::of(generate::city(2));
    assert!(matches!(other.read_speed_book(&file), Err(SpeedsError::OtherMap)));
    let before_s = total_s(&other);
    assert!(matches!(other.set_speeds(&book, morning()), Err(SpeedsError::OtherMap)));
    assert_eq!(total_s(&other), before_s);
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    assert!(matches!(map.read_speed_book(&file), Err(SpeedsError::Damaged { .. })));
    let unpacked = |bytes: &[u8]| {
        let mut plain = Vec::new();
        GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
        plain
    };
    let write = |plain: &[u8]| {
        let mut packed = GzEncoder::new(File::create(&file).unwrap(), Compression::fast());
        packed.write_all(plain).unwrap();
        packed.finish().unwrap();
        map.read_speed_book(&file)
    };
    let plain = unpacked(&bytes);
    assert_eq!(write(&plain).unwrap(), book);
    let later = [&[2], &plain[1..]].concat();
    assert!(matches!(write(&later), Err(SpeedsError::OtherFormat { found: 2, known: 1, .. })));
    let endless = [&plain[..], &vec![0; plain.len() * 20]].concat();
    let said = write(&endless).unwrap_err().to_string();
    assert!(said.contains("damaged") && said.contains("bytes unpacked"), "{said}");
    assert!(matches!(
        map.read_speed_book(dir.path().join("none").as_path()),
        Err(SpeedsError::Unreadable { .. })
    ));
}

#[test]
fn what_no_taxi_can_have_driven_teaches_nothing() {
    let map = RoadMap::of(generate::city(1));
    let (from, to) = trips(&map, 1)[0];
    let honest = drive(&map.route(from, to).unwrap(), 1.5);
    assert!(honest.len() > 4 && map.traversals(&honest).len() + 2 >= honest.len());
    let fix = |at_s: i64, position| Fix { at_s: at_s.saturating_add(MORNING_S), position };
    let beside = Position::new(from.lat() + 0.000_5, from.lon()).unwrap();
    for (what, fixes) in [
        ("a jump across the city", vec![fix(0, from), fix(20, to)]),
        ("faster than any car on these streets", drive(&map.route(from, to).unwrap(), 0.2)),
        (
            "a clock that runs backwards",
            vec![fix(100, from), fix(40, to), fix(i64::MIN, from), fix(i64::MAX, to)],
        ),
        (
            "a taxi that stands",
            (0..50).map(|at| fix(at * 30, if at % 2 == 0 { from } else { beside })).collect(),
        ),
        ("a taxi that was silent for an hour", vec![fix(0, from), fix(3_600, to)]),
        ("one fix", vec![fix(0, from)]),
        ("nothing", Vec::new()),
    ] {
        assert_eq!(map.traversals(&fixes), Vec::<Vec<_>>::new(), "{what}");
    }
}

#[test]
fn a_few_liars_do_not_move_the_city() {
    let map = RoadMap::of(generate::city(1));
    let mut book = learnt(&map, 1.5);
    map.set_speeds(&book, morning()).unwrap();
    let honest_s = total_s(&map);
    map.set_speeds(&map.speed_book(), morning()).unwrap();
    // One trip in twenty pretends to have taken as long as fixes may lie apart.
    for (from, to) in trips(&map, 300).into_iter().step_by(20) {
        let line = drive(&map.route(from, to).unwrap(), 1.0);
        let slow = line.iter().enumerate();
        let lie: Vec<Fix> = slow
            .map(|(at, fix)| Fix { at_s: MORNING_S + 240 * i64::try_from(at).unwrap(), ..*fix })
            .collect();
        for step in map.traversals(&lie) {
            book.learn(morning(), &step);
        }
    }
    map.set_speeds(&book, morning()).unwrap();
    let ratio = f64::from(total_s(&map)) / f64::from(honest_s);
    assert!(ratio > 1.0 && ratio < 1.2, "{ratio}");
}
