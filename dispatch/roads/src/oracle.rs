//! Goal: every driving time on whole maps equals a plain Dijkstra's, and every snap is the nearest street.
//!
//! Method: random places on generated cities and on the real maps, compared with slow and simple code.

use std::path::{Path, PathBuf};

use ondol_core::position::Position;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use slow::Slow;

use crate::arc::ArcId;
use crate::map::RoadMap;
use crate::network::Network;
use crate::point::Point;
use crate::route::{Site, seconds, site};
use crate::snap::OnStreet;
use crate::{generate, import_in_memory};

pub(crate) mod slow;

/// Places asked for on each map: sources times places are the pairs compared with Dijkstra.
const PLACES: usize = 100;

/// Sources on each map, of the [`PLACES`]: few by default; `ONDOL_ORACLE_SOURCES=100` compares 10,000 pairs a map.
fn sources() -> usize {
    let asked = std::env::var("ONDOL_ORACLE_SOURCES").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(10).clamp(1, PLACES)
}

/// Real files under `$ONDOL_DATA` or beside the project.
fn real_maps() -> Vec<(String, RoadMap)> {
    let data = std::env::var_os("ONDOL_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let files = [
        "osm/andorra-2020.osm.pbf",
        "osm/heidelberg-region.osm.pbf",
        "osm/krems-at-2013.osm.gz",
        "osm/liechtenstein-2015.osm.pbf",
        "osm/porto-east-2020.osm.pbf",
        "osm/sf-central-drive-2023.osm.pbf",
        "graph/seoul-jongno-jung-2023.graphml.gz",
    ];
    let mut maps = Vec::new();
    for file in files.map(|file| data.join(file)) {
        if file.exists() {
            let built = import_in_memory(std::slice::from_ref(&file), None, &mut |_| {}).unwrap();
            maps.push((file.display().to_string(), RoadMap::of(built)));
        } else {
            println!("SKIPPED: {} is absent (set ONDOL_DATA)", file.display());
        }
    }
    maps
}

fn maps() -> Vec<(String, RoadMap)> {
    let generated = (1..4).map(|seed| (format!("seed {seed}"), RoadMap::of(generate::city(seed))));
    generated.chain(real_maps()).collect()
}

/// Places near streets, some exactly on junctions.
fn places(map: &RoadMap, seed: u64) -> Vec<Position> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let junctions = map.junctions(2_000);
    (0..PLACES)
        .map(|at| {
            let junction = junctions[rng.random_range(0..junctions.len())];
            let aside = if at % 4 == 0 { 0.0 } else { 0.001 };
            let mut moved = |degrees: f64| degrees + aside * rng.random_range(-1.0..1.0);
            let (lat, lon) = (moved(junction.lat()), moved(junction.lon()));
            Position::new(lat, lon).unwrap()
        })
        .collect()
}

/// Where one may set off from a place, with the time to the end of each arc and whether all of it is driven.
fn starts(network: &Network, place: &OnStreet) -> Vec<(ArcId, u32)> {
    let arcs = network.open_arcs();
    match site(network, place) {
        Site::Junction(junction) => arcs
            .filter(|arc| network.tail(*arc) == junction)
            .map(|arc| (arc, network.free_ms(arc).unwrap()))
            .collect(),
        Site::Segment(segment) => arcs
            .filter(|arc| arc.segment() == segment)
            .map(|arc| (arc, network.free_ms(arc).unwrap() - driven_ms(network, arc, place)))
            .collect(),
    }
}

fn driven_ms(network: &Network, arc: ArcId, place: &OnStreet) -> u32 {
    let share = if arc.is_reversed() { 1.0 - place.share } else { place.share };
    (f64::from(network.free_ms(arc).unwrap()) * share).round() as u32
}

/// Milliseconds from one place to others by Dijkstra: the time at which their arcs are *entered*, and the part
/// of them until the place.
fn slow_ms(network: &Network, slow: &Slow, from: &OnStreet, targets: &[OnStreet]) -> Vec<Option<u32>> {
    let starts = starts(network, from);
    let reached = slow.reached(&starts);
    let here = site(network, from);
    let arcs: Vec<ArcId> = network.open_arcs().collect();
    let time_to = |to: &OnStreet| match site(network, to) {
        there @ Site::Junction(_) if there == here => Some(0),
        Site::Junction(junction) => {
            let ends = arcs.iter().filter(|arc| network.head(**arc) == junction);
            ends.filter_map(|arc| reached.end_ms.get(arc).copied()).min()
        }
        there @ Site::Segment(segment) => {
            let on = arcs.iter().copied().filter(|arc| arc.segment() == segment);
            let times = on.flat_map(|arc| {
                let until = driven_ms(network, arc, to);
                let entered = reached.entered_ms.get(&arc).map(|ms| ms + until);
                let from_its_beginning = starts.iter().any(|(start, _)| *start == arc) && there != here;
                let ahead = there == here
                    && if arc.is_reversed() { from.share >= to.share } else { from.share <= to.share };
                let so_far = if there == here { driven_ms(network, arc, from) } else { 0 };
                [entered, from_its_beginning.then_some(until), ahead.then(|| until.saturating_sub(so_far))]
            });
            times.flatten().min()
        }
    };
    targets.iter().map(time_to).collect()
}

#[test]
fn durations_equal_dijkstra() {
    for (name, map) in maps() {
        let parts = map.parts();
        let network = parts.network;
        let slow = Slow::of(network);
        let places = places(&map, 11);
        let targets: Vec<OnStreet> =
            places.iter().map(|place| parts.snapper.nearest(network, (*place).into()).unwrap()).collect();
        let rows = map.durations_table(&places, &places);
        for (at, source) in places.iter().enumerate().step_by(places.len() / sources()) {
            let wanted: Vec<Option<u32>> = slow_ms(network, &slow, &targets[at], &targets)
                .into_iter()
                .map(|ms| ms.map(seconds))
                .collect();
            assert_eq!(map.durations_from(*source, &places), wanted, "{name}: from place {at}");
            assert_eq!(rows[at], wanted, "{name}: row {at}");
            for (to, wanted) in wanted.iter().enumerate().step_by(places.len() / 10) {
                assert_eq!(map.durations_to(places[to], &[*source]), [*wanted], "{name}: {at} → {to}");
            }
            assert_eq!(wanted[at], Some(0), "{name}: from a place to itself");
        }
        println!("{name}: {} pairs as Dijkstra has them", sources() * places.len());
    }
}

/// The goal is 500 of Heidelberg's pairs; a map without restrictions has none.
#[test]
fn restrictions_change_the_quickest_way() {
    for (name, map) in real_maps() {
        let parts = map.parts();
        let network = parts.network;
        let (slow, lawless) = (Slow::of(network), Slow::lawless(network));
        let places = places(&map, 17);
        let targets: Vec<OnStreet> =
            places.iter().map(|place| parts.snapper.nearest(network, (*place).into()).unwrap()).collect();
        let (mut changed, mut asked) = (0, 0);
        for at in (0..places.len()).step_by(places.len() / sources()) {
            let lawful = slow_ms(network, &slow, &targets[at], &targets);
            let shortcut = slow_ms(network, &lawless, &targets[at], &targets);
            let fast = map.durations_from(places[at], &places);
            for ((lawful, shortcut), fast) in lawful.into_iter().zip(shortcut).zip(fast) {
                assert_eq!(lawful.map(seconds), fast, "{name}: from place {at}");
                changed += usize::from(lawful != shortcut);
                asked += 1;
            }
        }
        println!("{name}: a restriction changes {changed} of {asked} pairs ({:?})", map.meta().counts);
        let least = if name.contains("heidelberg") { asked / 20 } else { 0 };
        assert!(changed >= least, "{name}: {changed} of {asked}");
    }
}

#[test]
fn a_route_takes_as_long_as_the_matrix_says_and_its_line_is_whole() {
    for (name, map) in maps() {
        let places = places(&map, 12);
        for pair in places.windows(2).step_by(4) {
            let route = map.route(pair[0], pair[1]).unwrap();
            assert_eq!(map.durations_to(pair[1], &[pair[0]]), [Some(route.duration_s)], "{name}: {pair:?}");
            assert_eq!(map.durations_from(pair[0], &[pair[1]]), [Some(route.duration_s)], "{name}: {pair:?}");
            let line: Vec<Position> =
                route.geometry.iter().map(|(lon, lat)| Position::new(*lat, *lon).unwrap()).collect();
            let ends = [map.snap(pair[0]).unwrap().position, map.snap(pair[1]).unwrap().position];
            assert_eq!([line[0], line[line.len() - 1]], ends, "{name}: {pair:?}");
            let straight_m = ends[0].distance_m(ends[1]);
            assert!(f64::from(route.distance_m) + 1.0 >= straight_m, "{name}: {pair:?}");
            let on_streets = line.windows(2).map(|pair| {
                let middle = [pair[0].lat() + pair[1].lat(), pair[0].lon() + pair[1].lon()];
                map.snap(Position::new(middle[0] / 2.0, middle[1] / 2.0).unwrap()).unwrap().distance_m
            });
            let off_m = on_streets.fold(0.0, f64::max);
            assert!(off_m < 1.5, "{name}: {pair:?}: the line leaves the streets by {off_m} m");
        }
    }
}

#[test]
fn snapping_finds_the_nearest_street() {
    for (name, map) in maps() {
        let parts = map.parts();
        for position in places(&map, 13).into_iter().step_by(4) {
            let flat = parts.plane.flat(Point::from(position));
            let to_piece = |a: [f64; 2], b: [f64; 2]| {
                let [dx, dy] = [b[0] - a[0], b[1] - a[1]];
                let length_2 = dx * dx + dy * dy;
                let share = if length_2 > 0.0 {
                    ((flat[0] - a[0]) * dx + (flat[1] - a[1]) * dy) / length_2
                } else {
                    0.0
                };
                let share = share.clamp(0.0, 1.0);
                (flat[0] - a[0] - share * dx).hypot(flat[1] - a[1] - share * dy)
            };
            let lines = parts.network.segments.iter().map(|segment| parts.network.line(segment));
            let slow = lines
                .flat_map(|line| {
                    line.windows(2)
                        .map(|p| to_piece(parts.plane.flat(p[0]), parts.plane.flat(p[1])))
                        .collect::<Vec<_>>()
                })
                .fold(f64::INFINITY, f64::min);
            let fast = map.snap(position).unwrap().distance_m;
            assert!((fast - slow).abs() < 0.01, "{name}: {position:?}: {fast} m, nearest is {slow} m");
        }
    }
}
