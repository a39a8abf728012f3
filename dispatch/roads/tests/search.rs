//! Goal: what a passenger or operator types finds the place meant, in Korean and in English.
//!
//! Method: the generated city, whose names are known, and the hand-made town.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod support;

use ondol_core::position::Position;
use ondol_roads::{Hit, Kind, RoadMap, generate, import_in_memory};
use support::{TOWN_XML, file};

fn town() -> RoadMap {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "town.osm", TOWN_XML.as_bytes());
    RoadMap::of(import_in_memory(&[path], None, &mut |_| {}).unwrap())
}

fn first(map: &RoadMap, text: &str) -> Hit {
    map.search(text, None, 10).into_iter().next().unwrap_or_else(|| panic!("nothing is called {text:?}"))
}

#[test]
fn the_town_by_every_name() {
    let map = town();
    for (text, name, kind) in [
        ("시험대로", "시험대로", Kind::Street),
        ("시험 대로", "시험대로", Kind::Street),
        ("test-daero", "Test-daero", Kind::Street),
        ("Test", "Test Station", Kind::Station),
        ("test d", "Test-daero", Kind::Street),
        ("ringstrasse", "Ringstraße", Kind::Street),
        ("RINGSTR", "Ringstraße", Kind::Street),
        ("시험대로 12", "시험대로 12", Kind::Address),
        ("시험대로12", "시험대로 12", Kind::Address),
        ("시험대로 12번지", "시험대로 12", Kind::Address),
        ("시험대로 99", "시험대로", Kind::Street),
        ("시험역", "시험역", Kind::Station),
        ("test station", "Test Station", Kind::Station),
        ("시험역 3번 출구", "시험역 3번 출구", Kind::Exit),
        ("시험역3번출구", "시험역 3번 출구", Kind::Exit),
        ("시험 3번출구", "시험 3번 출구", Kind::Exit),
        ("test station exit 3", "Test Station Exit 3", Kind::Exit),
        ("exit 3 test", "Test Station Exit 3", Kind::Exit),
        ("#7", "시험대로 택시 승강장", Kind::Stand),
        ("7", "시험대로 택시 승강장", Kind::Stand),
        ("Test-daero Taxi Stand", "Test-daero Taxi Stand", Kind::Stand),
    ] {
        let hit = first(&map, text);
        assert_eq!((hit.name.as_str(), hit.kind), (name, kind), "{text:?}");
        assert!((0.0..=1.0).contains(&hit.score), "{hit:?}");
    }
    assert!(map.search("#8", None, 10).is_empty());
}

#[test]
fn a_hit_serialises_as_documented() {
    let json = serde_json::to_value(first(&town(), "시험역")).unwrap();
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["kind", "lat", "lon", "name", "score"]);
    assert_eq!(json["kind"], "station");
}

#[test]
fn positions_have_names() {
    let map = town();
    let name = |lat, lon| map.reverse(Position::new(lat, lon).unwrap()).map(|hit| (hit.name, hit.kind));
    assert_eq!(name(37.50021, 127.00501), Some(("시험대로 12".to_owned(), Kind::Address)));
    assert_eq!(name(37.5051, 127.0101), Some(("Ringstraße".to_owned(), Kind::Street)));
    assert_eq!(
        name(37.5101, 127.0001),
        Some(("시험역 3번 출구".to_owned(), Kind::Exit)),
        "the nearest place, 1.4 km away"
    );
    assert_eq!(name(38.0, 127.0), None);
}

#[test]
fn every_stand_station_and_exit_of_a_city_is_found_by_both_names() {
    for seed in [1, 2] {
        let map = RoadMap::of(generate::city(seed));
        for stand in map.stands() {
            let by_code = first(&map, &format!("#{}", stand.code));
            assert_eq!(
                (by_code.lat, by_code.lon),
                (stand.position.lat(), stand.position.lon()),
                "seed {seed}: #{}",
                stand.code
            );
            for name in [stand.name.clone(), stand.name_en.clone().unwrap()] {
                let hits = map.search(&name, None, 10);
                assert!(
                    hits.iter().take(3).any(|hit| hit.kind == Kind::Stand && hit.name == name),
                    "seed {seed}: {name}: {hits:?}"
                );
            }
        }
        for text in [
            "시청역",
            "시청역 1번 출구",
            "시청 1번출구",
            "City Hall Station exit 1",
            "온돌시청",
            "ondol city hall",
            "중앙시장",
            "강변북로",
        ] {
            let hit = first(&map, text);
            assert!(hit.score > 0.8, "seed {seed}: {text}: {hit:?}");
        }
    }
}

#[test]
fn nearer_things_come_first() {
    let map = RoadMap::of(generate::city(3));
    let all = map.search("아파트", None, 100);
    assert!(all.is_empty(), "the end of a word is not its beginning");
    for near in map.stands().iter().take(8).map(|stand| stand.position) {
        let distances: Vec<f64> = map
            .search("온돌", Some(near), 20)
            .iter()
            .filter(|hit| hit.kind == Kind::Poi)
            .map(|hit| near.distance_m(Position::new(hit.lat, hit.lon).unwrap()))
            .collect();
        assert!(
            distances.len() > 5 && distances[0] < distances[distances.len() - 1],
            "{near:?}: {distances:?}"
        );
    }
    let street = map.search("강변북로", None, 1).remove(0);
    let east = Position::new(street.lat, street.lon + 0.03).unwrap();
    let near = map.search("강변북로", Some(east), 1).remove(0);
    assert!(near.lon > street.lon + 0.02, "the part of the street that is near");
}

#[test]
fn house_numbers_of_a_city_lead_to_their_street() {
    let map = RoadMap::of(generate::city(4));
    let mut found = 0;
    for stand in map.stands() {
        let Some(here) = map.snap(stand.position).and_then(|snapped| snapped.street) else { continue };
        for number in ["1", "12", "33"] {
            let text = format!("{here} {number}");
            if let Some(hit) = map.search(&text, None, 3).first().filter(|hit| hit.name != here) {
                assert_eq!(hit.name, text);
                let snapped = map.snap(Position::new(hit.lat, hit.lon).unwrap()).unwrap();
                assert!(snapped.distance_m < 40.0, "{text}: {snapped:?}");
                found += 1;
            }
        }
    }
    assert!(found > 20, "{found}");
}
