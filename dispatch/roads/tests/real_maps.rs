//! Goal: every real map at hand is imported in seconds, routes, and is searched.
//!
//! Method: files under `$ONDOL_DATA` or beside the project; says so when they are absent. Times are printed, and
//! no wall clock is judged.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod support;

use std::path::Path;

use ondol_core::position::Position;
use ondol_roads::{Kind, RoadMap, import, import_in_memory};
use support::real_files;

/// What each file must at least hold, and what is searched in it.
struct Expected {
    file: &'static str,
    nodes: usize,
    names: usize,
    addresses: usize,
    searches: &'static [(&'static str, &'static str, Kind)],
}

const EXPECTED: [Expected; 7] = [
    Expected {
        file: "andorra-2020",
        nodes: 3_000,
        names: 300,
        addresses: 150,
        searches: &[("avinguda meritxell", "Avinguda Meritxell", Kind::Street)],
    },
    Expected {
        file: "heidelberg-region",
        nodes: 9_000,
        names: 1_500,
        addresses: 600,
        searches: &[("hauptstrasse", "Hauptstraße", Kind::Street)],
    },
    Expected {
        file: "krems-at-2013",
        nodes: 600,
        names: 130,
        addresses: 280,
        searches: &[
            ("Ringstraße 12", "Ringstraße 12", Kind::Address),
            ("ringstrasse", "Ringstraße", Kind::Street),
        ],
    },
    Expected {
        file: "liechtenstein-2015",
        nodes: 3_000,
        names: 650,
        addresses: 950,
        searches: &[("vaduz", "Vaduz", Kind::Place)],
    },
    Expected {
        file: "porto-east-2020",
        nodes: 1_500,
        names: 450,
        addresses: 1_700,
        searches: &[
            ("estacao de sao bento", "Estação de São Bento", Kind::Poi),
            ("rua do heroismo", "Rua do Heroísmo", Kind::Street),
        ],
    },
    Expected {
        file: "sf-central-drive-2023",
        nodes: 3_500,
        names: 390,
        addresses: 0,
        searches: &[("market st", "Market Street", Kind::Street)],
    },
    Expected {
        file: "seoul-jongno-jung-2023",
        nodes: 3_200,
        names: 700,
        addresses: 0,
        searches: &[("세종대로", "세종대로", Kind::Street), ("경기대로", "경기대로", Kind::Street)],
    },
];

fn expected(file: &Path) -> Option<&'static Expected> {
    let name = file.file_name()?.to_string_lossy().into_owned();
    EXPECTED.iter().find(|expected| name.starts_with(expected.file))
}

#[test]
fn every_map_is_imported_routed_and_searched() {
    let dir = tempfile::tempdir().unwrap();
    for file in real_files() {
        let Some(expected) = expected(&file) else {
            println!("{}: no expectations, imported only", file.display());
            import(&[file], &dir.path().join("other"), None, &mut |_| {}).unwrap();
            continue;
        };
        let out = dir.path().join(expected.file);
        let report = import(std::slice::from_ref(&file), &out, None, &mut |_| {}).unwrap();
        let map = RoadMap::load(&out).unwrap();
        let counts = map.meta().counts;
        println!("{}: {counts:?}", expected.file);
        assert!(counts.nodes >= expected.nodes && counts.nodes < 60_000, "{}: {counts:?}", expected.file);
        assert!(
            counts.names >= expected.names && counts.addresses >= expected.addresses,
            "{}: {counts:?}",
            expected.file
        );
        assert_eq!((report.nodes, report.edges, report.names), (counts.nodes, counts.edges, counts.names));
        assert!(map.overview_geojson().unwrap().len() < 3 << 20, "{}", expected.file);
        for (text, name, kind) in expected.searches {
            let hits = map.search(text, None, 5);
            assert!(
                hits.first().is_some_and(|hit| hit.name == *name && hit.kind == *kind),
                "{}: {text}: {hits:?}",
                expected.file
            );
        }
        let junctions = map.junctions(60);
        for pair in junctions.windows(2) {
            let route = map.route(pair[0], pair[1]).unwrap();
            let straight_m = pair[0].distance_m(pair[1]);
            assert!(f64::from(route.distance_m) >= straight_m - 2.0, "{}: {pair:?}", expected.file);
            let kmh = 3.6 * f64::from(route.distance_m) / f64::from(route.duration_s.max(1));
            assert!(
                route.distance_m < 500 || (3.0..130.0).contains(&kmh),
                "{}: {pair:?}: {kmh} km/h",
                expected.file
            );
            assert!(
                map.reverse(pair[0]).is_some() || counts.names < 500,
                "{}: {pair:?} has no name",
                expected.file
            );
        }
    }
}

#[test]
fn cabs_of_san_francisco_stand_on_its_streets() {
    let Some(file) = real_files().into_iter().find(|file| file.to_string_lossy().contains("sf-central"))
    else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("sf");
    import(&[file], &out, None, &mut |_| {}).unwrap();
    let map = RoadMap::load(&out).unwrap();
    let at = |lat, lon| Position::new(lat, lon).unwrap();
    let union_square = at(37.7880, -122.4075);
    let ferry_building = at(37.7955, -122.3937);
    let route = map.route(union_square, ferry_building).unwrap();
    assert!(
        (1_300..3_500).contains(&route.distance_m) && (150..900).contains(&route.duration_s),
        "{route:?}"
    );
    assert_eq!(map.snap(at(37.60, -122.38)), None, "the airport lies outside");
}

#[test]
fn streets_of_one_name_are_told_apart_by_their_town() {
    let Some(file) = real_files().into_iter().find(|file| file.to_string_lossy().contains("liechtenstein"))
    else {
        return;
    };
    let map = RoadMap::of(import_in_memory(&[file], None, &mut |_| {}).unwrap());
    let streets = map.search("landstrasse", None, 10).into_iter().filter(|hit| hit.name == "Landstrasse");
    let towns: Vec<Option<String>> = streets.map(|hit| hit.town).collect();
    assert!(towns.len() >= 2, "{towns:?}");
    assert!(
        towns.iter().all(|town| town.is_some() && towns.iter().filter(|other| *other == town).count() == 1),
        "{towns:?}"
    );
}
