//! Goal: every driving time on whole maps equals a plain Dijkstra's, and every snap is the nearest street.
//!
//! Method: random places on generated cities and on the real maps, compared with slow and simple code.

use std::path::{Path, PathBuf};

use ondol_core::position::Position;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::hierarchy::tests::dijkstra_ms;
use crate::hierarchy::{Arc, End};
use crate::map::RoadMap;
use crate::point::Point;
use crate::route::{at_junction, seconds};
use crate::{generate, import_in_memory};

/// Places asked for on each map.
const PLACES: usize = 24;

/// Real files under `$ONDOL_DATA` or beside the project.
fn real_maps() -> Vec<(String, RoadMap)> {
    let data = std::env::var_os("ONDOL_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let files = [
        "osm/krems-at-2013.osm.gz",
        "osm/sf-central-drive-2023.osm.pbf",
        "osm/heidelberg-region.osm.pbf",
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

/// Seconds from each source to the target by Dijkstra on a graph into which both places were cut as junctions.
///
/// Nothing is shared with the code under test but the segments themselves.
fn slow_durations(map: &RoadMap, target: Position, sources: &[Position]) -> Vec<Option<u32>> {
    let parts = map.parts();
    let network = parts.network;
    let place = |position: Position| parts.snapper.nearest(network, position.into());
    let Some(to) = place(target) else {
        return vec![None; sources.len()];
    };
    sources
        .iter()
        .map(|source| {
            let from = place(*source)?;
            let nodes = u32::try_from(network.nodes.len()).unwrap();
            let (from_node, to_node) = (nodes, nodes + 1);
            let mut arcs = Vec::new();
            for (number, segment) in (0_u32..).zip(&network.segments) {
                let mut stops = vec![(0.0, segment.from), (1.0, segment.to)];
                if from.segment == number {
                    stops.push((from.share, from_node));
                }
                if to.segment == number {
                    stops.push((to.share, to_node));
                }
                stops.sort_by(|a, b| a.0.total_cmp(&b.0));
                for pair in stops.windows(2) {
                    let share = pair[1].0 - pair[0].0;
                    let ms = |whole: u32| (f64::from(whole) * share).round() as u32;
                    let arc = |tail, head, whole| Arc {
                        tail,
                        head,
                        ms: ms(whole),
                        segment: number,
                        reversed: false,
                    };
                    arcs.extend(segment.forward_ms.map(|whole| arc(pair[0].1, pair[1].1, whole)));
                    arcs.extend(segment.backward_ms.map(|whole| arc(pair[1].1, pair[0].1, whole)));
                }
                for (place, node) in [(&from, from_node), (&to, to_node)] {
                    let junction = at_junction(segment, place).filter(|_| place.segment == number);
                    let arc = |tail, head| Arc { tail, head, ms: 0, segment: number, reversed: false };
                    arcs.extend(
                        junction.into_iter().flat_map(|junction| [arc(node, junction), arc(junction, node)]),
                    );
                }
                if from.segment == number && to.segment == number && (from.share - to.share).abs() < 1e-12 {
                    arcs.push(Arc {
                        tail: from_node,
                        head: to_node,
                        ms: 0,
                        segment: number,
                        reversed: false,
                    });
                }
            }
            let start: End = (from_node, 0);
            dijkstra_ms(network.nodes.len() + 2, &arcs, &[start])[to_node as usize].map(seconds)
        })
        .collect()
}

#[test]
fn durations_equal_dijkstra() {
    for (name, map) in maps() {
        let places = places(&map, 11);
        for (at, target) in places.iter().enumerate().step_by(6) {
            let fast = map.durations_to(*target, &places);
            let slow = slow_durations(&map, *target, &places);
            for (from, (fast, slow)) in fast.iter().zip(&slow).enumerate() {
                // Cutting a segment in three rounds each part to a millisecond: a second may tip over.
                let same = match (fast, slow) {
                    (Some(fast), Some(slow)) => fast.abs_diff(*slow) <= 1,
                    (fast, slow) => fast == slow,
                };
                assert!(same, "{name}: {from} → {at}: {fast:?}, Dijkstra says {slow:?}");
            }
            assert_eq!(fast[at], Some(0), "{name}: from a place to itself");
        }
    }
}

#[test]
fn a_route_takes_as_long_as_the_matrix_says_and_its_line_is_whole() {
    for (name, map) in maps() {
        let places = places(&map, 12);
        for pair in places.windows(2) {
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
        for position in places(&map, 13) {
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
