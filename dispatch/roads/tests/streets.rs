//! Goal: one-ways, barriers, closed streets and files that meet are driven as signs say.
//!
//! Method: towns of a few streets written here, routes checked by the junctions they pass.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod support;

use ondol_core::position::Position;
use ondol_core::travel::TravelTimes;
use ondol_roads::{Districts, RoadMap, Route, import, import_in_memory};
use support::{TOWN_XML, file, gzip, town_pbf};

/// Nodes 1 to 9 on a 3 × 3 grid of 0.01 degrees, 1 south-west and 9 north-east.
fn town(ways: &[(&[u32], &str)], node_tags: &[(u32, &str)]) -> RoadMap {
    ruled_town(ways, node_tags, &[])
}

/// The same with relations: members as `role=element`, an element a way's place in `ways` (`w0`) or a node (`n5`).
fn ruled_town(ways: &[(&[u32], &str)], node_tags: &[(u32, &str)], relations: &[(&str, &str)]) -> RoadMap {
    let tag = |tags: &str| {
        let pairs = tags.split_whitespace().filter_map(|pair| pair.split_once('='));
        pairs.map(|(k, v)| format!("<tag k='{k}' v='{v}'/>")).collect::<String>()
    };
    let mut xml = String::from("<osm>");
    for id in 1..=9 {
        let at = corner(id);
        let tags = node_tags.iter().find(|(node, _)| *node == id).map_or("", |(_, tags)| tags);
        xml.push_str(&format!("<node id='{id}' lat='{}' lon='{}'>{}</node>", at.lat(), at.lon(), tag(tags)));
    }
    for (number, (nodes, tags)) in ways.iter().enumerate() {
        let refs: String = nodes.iter().map(|node| format!("<nd ref='{node}'/>")).collect();
        xml.push_str(&format!("<way id='{}'>{refs}{}</way>", 100 + number, tag(tags)));
    }
    for (number, (members, tags)) in relations.iter().enumerate() {
        let member = |pair: &str| {
            let (role, element) = pair.split_once('=').unwrap();
            let number: u32 = element[1..].parse().unwrap();
            let (kind, id) = if element.starts_with('w') { ("way", 100 + number) } else { ("node", number) };
            format!("<member type='{kind}' ref='{id}' role='{role}'/>")
        };
        let members: String = members.split_whitespace().map(member).collect();
        xml.push_str(&format!(
            "<relation id='{number}'>{members}{}</relation>",
            tag(&format!("type=restriction {tags}"))
        ));
    }
    xml.push_str("</osm>");
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "town.osm", xml.as_bytes());
    RoadMap::of(import_in_memory(&[path], None, &mut |_| {}).unwrap())
}

fn corner(id: u32) -> Position {
    let (row, column) = ((id - 1) / 3, (id - 1) % 3);
    Position::new(37.5 + 0.01 * f64::from(row), 127.0 + 0.01 * f64::from(column)).unwrap()
}

/// The corners that a route passes, in order.
fn passes(route: &Route) -> Vec<u32> {
    let near = |(lon, lat): &(f64, f64)| {
        let here = Position::new(*lat, *lon).unwrap();
        (1..=9).find(|id| corner(*id).distance_m(here) < 5.0)
    };
    let mut corners: Vec<u32> = route.geometry.iter().filter_map(near).collect();
    corners.dedup();
    corners
}

fn between(map: &RoadMap, from: u32, to: u32) -> Vec<u32> {
    passes(&map.route(corner(from), corner(to)).unwrap())
}

const SQUARE: (&[u32], &str) = (&[1, 2, 3, 6, 9, 8, 7, 4, 1], "highway=residential");

#[test]
fn a_closed_street_is_not_used() {
    for closed in ["access=private", "motor_vehicle=no", "access=no", "vehicle=forestry"] {
        let map = town(&[SQUARE, (&[4, 5, 6], &format!("highway=primary {closed}"))], &[]);
        assert!(!between(&map, 4, 6).contains(&5), "{closed}");
    }
    let open = town(&[SQUARE, (&[4, 5, 6], "highway=primary access=no taxi=yes")], &[]);
    assert_eq!(between(&open, 4, 6), [4, 5, 6]);
}

#[test]
fn a_barrier_blocks_the_middle_of_a_street_but_not_its_ends() {
    let map = town(&[SQUARE, (&[4, 5, 6], "highway=primary")], &[(5, "barrier=bollard")]);
    assert!(!between(&map, 4, 6).contains(&5));
    // Both stubs are still there, and one drives around between them.
    let near = |lon: f64| Position::new(37.51, lon).unwrap();
    let around = map.route(near(127.009), near(127.011)).unwrap();
    assert!(around.distance_m > 3_000, "{around:?}");
    let lifted = town(&[SQUARE, (&[4, 5, 6], "highway=primary")], &[(5, "barrier=gate")]);
    assert_eq!(between(&lifted, 4, 6), [4, 5, 6]);
}

#[test]
fn one_way_streets_are_driven_one_way() {
    let ring = |tags: &str| town(&[(SQUARE.0, tags)], &[]);
    let clockwise_is_closed = ring("highway=residential oneway=yes");
    assert_eq!(between(&clockwise_is_closed, 2, 1), [2, 3, 6, 9, 8, 7, 4, 1]);
    assert_eq!(between(&ring("highway=residential oneway=-1"), 2, 1), [2, 1]);
    assert_eq!(between(&ring("highway=residential junction=roundabout"), 2, 1), [2, 3, 6, 9, 8, 7, 4, 1]);
    assert_eq!(between(&ring("highway=motorway"), 2, 1), [2, 3, 6, 9, 8, 7, 4, 1]);
    assert_eq!(between(&ring("highway=residential oneway=yes oneway:taxi=no"), 2, 1), [2, 1]);
}

#[test]
fn behind_a_taxi_on_a_one_way_street_is_far_away() {
    let map = town(&[(SQUARE.0, "highway=residential oneway=yes")], &[]);
    let at = |lon: f64| Position::new(37.5, lon).unwrap();
    let (taxi, ahead, behind) = (at(127.005), at(127.006), at(127.004));
    let [ahead_s, behind_s] = map.durations_from(taxi, &[ahead, behind])[..] else {
        panic!("two targets, two times")
    };
    assert!(ahead_s.unwrap() < 20 && behind_s.unwrap() > 700, "{ahead_s:?} {behind_s:?}");
    assert_eq!(map.durations_to(behind, &[taxi]), [behind_s]);
    assert_eq!(map.durations_s(ahead, &[taxi]), [ahead_s]);
    assert_eq!(map.leg(taxi, behind).unwrap().duration_s, behind_s.unwrap());
}

/// A grid of nine corners and twelve streets between them, each its own way: 0 to 5 lead east, 6 to 11 north.
const GRID: [&[u32]; 12] = [
    &[1, 2],
    &[2, 3],
    &[4, 5],
    &[5, 6],
    &[7, 8],
    &[8, 9],
    &[1, 4],
    &[4, 7],
    &[2, 5],
    &[5, 8],
    &[3, 6],
    &[6, 9],
];

/// The grid under some restrictions, and the corners passed from corner 4 to corner 8.
fn from_4_to_8(relations: &[(&str, &str)]) -> (RoadMap, Vec<u32>) {
    // The outer streets are slow: one who may drives over the middle.
    let ways = GRID.map(|way| (way, if way.contains(&5) { "highway=primary" } else { "highway=service" }));
    let map = ruled_town(&ways, &[], relations);
    let corners = between(&map, 4, 8);
    (map, corners)
}

#[test]
fn turns_that_are_forbidden_are_not_driven() {
    for (members, tags, passed) in [
        ("from=w2 via=n5 to=w9", "restriction=no_left_turn", &[4, 7, 8][..]),
        ("from=w2 via=n5 to=w3", "restriction=only_straight_on", &[4, 7, 8]),
        ("from=w2 via=n5 to=w8", "restriction=only_right_turn", &[4, 7, 8]),
        ("from=w2 via=n5 to=w9", "restriction=only_left_turn", &[4, 5, 8]),
        ("from=w9 via=n5 to=w2", "restriction=no_right_turn", &[4, 5, 8]),
        ("from=w2 via=n5 to=w3", "restriction=no_straight_on", &[4, 5, 8]),
        ("from=w2 via=n5 to=w9", "restriction=no_left_turn except=taxi", &[4, 5, 8]),
        ("from=w2 via=n5 to=w9", "restriction=no_left_turn except=bus;psv", &[4, 5, 8]),
        ("from=w2 via=n5 to=w9", "restriction=no_left_turn except=bus", &[4, 7, 8]),
        ("from=w2 via=n5 to=w9", "restriction:motorcar=no_left_turn", &[4, 7, 8]),
        ("from=w2 via=n5 to=w9", "restriction:hgv=no_left_turn", &[4, 5, 8]),
        ("from=w2 from=w8 via=n5 to=w9", "restriction=no_entry", &[4, 7, 8]),
    ] {
        assert_eq!(from_4_to_8(&[(members, tags)]).1, passed, "{members} {tags}");
    }
    let both = [
        ("from=w2 via=n5 to=w9", "restriction=no_left_turn"),
        ("from=w7 via=n7 to=w4", "restriction=no_right_turn"),
    ];
    let (map, around) = from_4_to_8(&both);
    assert!(around.len() > 3, "{around:?}");
    assert_eq!(between(&map, 8, 4), [8, 5, 4], "the other way is free");
    assert_eq!(map.meta().counts.restrictions, 2);
}

#[test]
fn a_restriction_over_a_street_binds_those_who_came_by_the_first() {
    // From corner 1 east over 2 and north over 5 to 6: not by the streets 1-2, 2-5, 5-6 in this order.
    let rules = [("from=w0 via=w8 to=w3", "restriction=no_right_turn")];
    let ways =
        GRID.map(|way| (way, if way.contains(&5) { "highway=primary" } else { "highway=residential" }));
    let free = ruled_town(&ways, &[], &[]);
    let ruled = ruled_town(&ways, &[], &rules);
    let at = |lat: f64, lon: f64| Position::new(lat, lon).unwrap();
    let (taxi, beyond_2, rider) = (at(37.5, 127.005), at(37.505, 127.01), at(37.51, 127.015));
    let passed = |map: &RoadMap, from| passes(&map.route(from, rider).unwrap());
    assert_eq!(passed(&free, taxi), [2, 5]);
    assert_ne!(passed(&ruled, taxi), [2, 5]);
    assert_eq!(passed(&ruled, beyond_2), [5], "who did not come by the first street may turn");
    let only = ruled_town(&ways, &[], &[("from=w0 via=w8 to=w9", "restriction=only_straight_on")]);
    assert_ne!(passed(&only, taxi), [2, 5]);
    assert_eq!([ruled.meta().counts.restrictions, only.meta().counts.restrictions], [1, 1]);
}

#[test]
fn restrictions_that_take_guessing_are_left_out_and_counted() {
    let rules = [
        ("from=w2 via=n5 to=w77", "restriction=no_left_turn"),
        ("from=w2 via=n6 to=w9", "restriction=no_left_turn"),
        ("from=w2 to=w9", "restriction=no_left_turn"),
        ("via=n5 to=w9", "restriction=no_left_turn"),
        ("from=w2 via=n5 via=w3 to=w9", "restriction=no_left_turn"),
        ("from=w2 via=w5 to=w9", "restriction=no_left_turn"),
        ("from=w2 via=n5 to=w9", "restriction:conditional=no_left_turn@(07:00-09:00)"),
        ("from=w2 via=n5 to=w9", "restriction=no_left_turn hour_on=07:00"),
    ];
    let (map, passed) = from_4_to_8(&rules);
    let counts = map.meta().counts;
    assert_eq!(passed, [4, 5, 8]);
    assert_eq!(
        (counts.restrictions, counts.restrictions_left_out, counts.restrictions_conditional),
        (0, 6, 2)
    );
}

#[test]
fn a_restriction_over_a_tangle_is_left_out_soon() {
    // The way between runs forty times to and fro: it has more paths than there is time.
    let tangle: Vec<u32> = [2, 5].repeat(20);
    let mut ways: Vec<(&[u32], &str)> = GRID.iter().map(|way| (*way, "highway=residential")).collect();
    ways.push((&tangle, "highway=residential"));
    let map = ruled_town(&ways, &[], &[("from=w0 via=w12 to=w5", "restriction=no_left_turn")]);
    assert_eq!((map.meta().counts.restrictions, map.meta().counts.restrictions_left_out), (0, 1));
}

#[test]
fn one_turns_back_only_where_no_other_way_leads_on() {
    // A taxi just before 5 that must not turn left there, a rider just behind the corner.
    let way = |more: &[(&[u32], &str)]| {
        let streets: [(&[u32], &str); 3] = [
            (&[4, 5], "highway=residential oneway=yes"),
            (&[5, 8], "highway=residential"),
            (&[8, 7, 4], "highway=residential"),
        ];
        let ways: Vec<_> = streets.iter().chain(more).copied().collect();
        let map = ruled_town(&ways, &[], &[("from=w0 via=n5 to=w1", "restriction=no_left_turn")]);
        let (taxi, rider) = (Position::new(37.51, 127.009).unwrap(), Position::new(37.511, 127.01).unwrap());
        passes(&map.route(taxi, rider).unwrap())
    };
    assert_eq!(way(&[(&[5, 6], "highway=residential")]), [5, 6, 5], "6 is the end of its street");
    let ring: (&[u32], &str) = (&[5, 6, 9, 8], "highway=residential");
    assert_eq!(way(&[ring, (&[3, 6], "highway=residential")]), [5, 6, 9, 8], "6 is not");
}

#[test]
fn a_ring_is_driven_both_ways() {
    let map = town(&[(&[4, 5, 6], "highway=residential"), (&[4, 1, 2, 3, 6], "highway=residential")], &[]);
    let at = |lon| Position::new(37.51, lon).unwrap();
    let [there, back] = [(127.004, 127.016), (127.016, 127.004)].map(|(a, b)| map.leg(at(a), at(b)).unwrap());
    assert_eq!(there, back);
    assert!(there.distance_m < 1_200, "{there:?}");
}

#[test]
fn a_table_has_a_cell_for_every_pair_also_off_the_map() {
    let map = town(&[SQUARE, (&[4, 5, 6], "highway=primary")], &[]);
    let sea = Position::new(38.0, 127.0).unwrap();
    let on_streets =
        |from: f64| (0..20).map(move |at| Position::new(37.5, from + 0.0009 * f64::from(at)).unwrap());
    let sources: Vec<Position> = [sea].into_iter().chain(on_streets(127.0)).collect();
    let targets: Vec<Position> = on_streets(127.0005).chain([sea, corner(5)]).collect();
    let table = map.durations_table(&sources, &targets);
    assert_eq!(table[0], vec![None; targets.len()]);
    for (source, row) in sources.iter().zip(&table) {
        assert_eq!(*row, map.durations_from(*source, &targets));
        assert_eq!((row.len(), row[20]), (targets.len(), None));
    }
    assert_eq!(map.durations_table(&[], &targets), Vec::<Vec<_>>::new());
    assert_eq!(map.durations_table(&sources, &[]), vec![Vec::new(); sources.len()]);
}

#[test]
fn a_bend_is_free_and_a_turn_is_not() {
    let seconds = |from: u32, to: u32, ways: &[(&[u32], &str)]| {
        town(ways, &[]).leg(corner(from), corner(to)).unwrap().duration_s
    };
    let bend: &[(&[u32], &str)] = &[(&[2, 5, 6], "highway=tertiary")];
    let crossing: &[(&[u32], &str)] = &[(&[2, 5, 8], "highway=tertiary"), (&[4, 5, 6], "highway=tertiary")];
    assert_eq!(seconds(2, 6, crossing), seconds(2, 6, bend) + 3);
    assert!(seconds(2, 8, crossing).abs_diff(2 * seconds(2, 5, crossing)) <= 1, "straight on is free");
}

#[test]
fn faster_beats_shorter() {
    let map = town(&[(&[4, 5, 6], "highway=service"), (&[4, 1, 2, 3, 6], "highway=motorway oneway=no")], &[]);
    assert_eq!(between(&map, 4, 6), [4, 1, 2, 3, 6]);
    let limited = town(
        &[(&[4, 5, 6], "highway=service"), (&[4, 1, 2, 3, 6], "highway=motorway oneway=no maxspeed=20")],
        &[],
    );
    assert_eq!(between(&limited, 4, 6), [4, 5, 6]);
}

#[test]
fn a_traffic_signal_takes_its_time() {
    let seconds = |tags: &[(u32, &str)]| {
        let map = town(&[SQUARE, (&[4, 5, 6], "highway=primary")], tags);
        map.leg(corner(4), corner(6)).unwrap().duration_s
    };
    assert_eq!(seconds(&[(5, "highway=traffic_signals")]), seconds(&[]) + 5);
    assert_eq!(seconds(&[(2, "highway=traffic_signals")]), seconds(&[]), "one elsewhere does not");
}

#[test]
fn streets_that_nobody_can_come_back_from_are_left_out() {
    let map = town(&[SQUARE, (&[4, 5], "highway=residential oneway=yes")], &[]);
    assert_eq!(map.meta().counts.left_out, 1);
    assert!(map.route(corner(4), corner(6)).is_ok());
    let snapped = map.snap(Position::new(37.51, 127.001).unwrap()).unwrap();
    assert!(snapped.distance_m > 80.0, "not to the street left out: {snapped:?}");
}

#[test]
fn files_that_meet_become_one_map() {
    let dir = tempfile::tempdir().unwrap();
    let half = |name: &str, way: &str| {
        let nodes: String = (1..=9)
            .map(|id| format!("<node id='{id}' lat='{}' lon='{}'/>", corner(id).lat(), corner(id).lon()))
            .collect();
        file(dir.path(), name, format!("<osm>{nodes}{way}</osm>").as_bytes())
    };
    let west = half("west.osm", "<way id='1'><nd ref='4'/><nd ref='5'/><tag k='highway' v='primary'/></way>");
    let east = half("east.osm", "<way id='2'><nd ref='5'/><nd ref='6'/><tag k='highway' v='primary'/></way>");
    // A street graph joins the others at the nodes they share.
    let graph = r#"<graphml><key id='a' for='node' attr.name='y'/><key id='b' for='node' attr.name='x'/>
        <key id='c' for='edge' attr.name='highway'/><key id='d' for='edge' attr.name='name'/><key id='e' for='edge' attr.name='geometry'/>
        <graph edgedefault='directed'>
        <node id='6'><data key='a'>37.51</data><data key='b'>127.02</data></node>
        <node id='9'><data key='a'>37.52</data><data key='b'>127.02</data></node>
        <edge source='6' target='9'><data key='c'>primary</data><data key='d'>['경기대로', 'A &amp; B']</data>
          <data key='e'>LINESTRING (127.02 37.51, 127.021 37.515, 127.02 37.52)</data></edge>
        <edge source='9' target='6'><data key='c'>['primary', 'secondary']</data><data key='d'>['경기대로', 'A &amp; B']</data>
          <data key='e'>LINESTRING (127.02 37.52, 127.021 37.515, 127.02 37.51)</data></edge>
        </graph></graphml>"#;
    let north = file(dir.path(), "north", &gzip(graph.as_bytes()));
    let map = RoadMap::of(import_in_memory(&[west.clone(), east, north, west], None, &mut |_| {}).unwrap());
    assert_eq!(
        (map.meta().counts.nodes, map.meta().counts.edges),
        (4, 6),
        "one junction for each end, each way once"
    );
    assert_eq!(between(&map, 4, 9), [4, 5, 6, 9]);
    assert_eq!(map.search("경기대로", None, 5)[0].name, "경기대로");
    assert_eq!(map.search("a b", None, 5)[0].name, "A & B");
}

#[test]
fn formats_are_told_by_content_not_by_name() {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("plain.pbf", TOWN_XML.as_bytes().to_vec()),
        ("packed.txt", gzip(TOWN_XML.as_bytes())),
        ("blocks.graphml", town_pbf()),
        ("two-members.gz", [gzip(&TOWN_XML.as_bytes()[..500]), gzip(&TOWN_XML.as_bytes()[500..])].concat()),
    ] {
        let built = import_in_memory(&[file(dir.path(), name, &bytes)], None, &mut |_| {}).unwrap();
        assert_eq!((built.meta.counts.nodes, built.meta.counts.edges), (5, 8), "{name}");
    }
}

#[test]
fn what_is_written_is_what_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let town = file(dir.path(), "town.osm", TOWN_XML.as_bytes());
    let built = RoadMap::of(import_in_memory(std::slice::from_ref(&town), None, &mut |_| {}).unwrap());
    let districts = built.default_districts(2, 1);
    let out = dir.path().join("maps/town");
    let mut steps = 0;
    let report = import(&[town], &out, Some(&districts), &mut |_| steps += 1).unwrap();
    assert!(steps >= 4);
    let json = serde_json::to_value(report).unwrap();
    assert_eq!(json, serde_json::json!({"nodes": 5, "edges": 8, "names": 2, "places": 4}));
    let loaded = RoadMap::load(&out).unwrap();
    assert_eq!(loaded.meta(), built.meta());
    assert_eq!(loaded.stands(), built.stands());
    let (a, b) = (corner(1), Position::new(37.505, 127.0100).unwrap());
    assert_eq!(loaded.route(a, b), built.route(a, b));
    assert_eq!(loaded.overview_geojson().unwrap(), built.overview_geojson().unwrap());
    let located = Districts::locate(loaded.districts().unwrap(), a).unwrap();
    assert_eq!(Some(located), districts.locate(a));
    assert_eq!(built.districts(), None);
}

#[test]
fn json_has_the_documented_shape() {
    let map = town(&[SQUARE], &[]);
    let route = serde_json::to_value(map.route(corner(1), corner(3)).unwrap()).unwrap();
    let keys: Vec<&String> = route.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["distance_m", "duration_s", "geometry"]);
    assert_eq!(route["geometry"][0], serde_json::json!([127.0, 37.5]), "[lon, lat]");
    let overview: serde_json::Value = serde_json::from_slice(&map.overview_geojson().unwrap()).unwrap();
    assert_eq!(overview["type"], "FeatureCollection");
    assert_eq!(overview["attribution"], "© OpenStreetMap contributors");
    assert_eq!(overview["features"][0]["properties"]["class"], "residential");
}
