//! Goal: whatever is given as a map, the answer is a map or one clear sentence, and the output stays as it was.
//!
//! Method: broken files made here by hand, cut and flipped at every place.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod support;

use std::path::{Path, PathBuf};

use ondol_core::position::Position;
use ondol_roads::{MapError, RoadMap, RouteError, generate, import, import_in_memory};
use proptest::prelude::*;
use support::{TOWN_XML, blob, bytes_field, file, gzip, primitive_block, town_pbf, varint};

fn refusal(path: &Path) -> MapError {
    match import_in_memory(&[path.to_owned()], None, &mut |_| {}) {
        Ok(built) => panic!("{} was taken: {:?}", path.display(), built.meta.counts),
        Err(error) => error,
    }
}

fn at(lat: f64, lon: f64) -> Position {
    Position::new(lat, lon).unwrap()
}

#[test]
fn what_is_no_map_is_refused_in_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let pbf = town_pbf();
    let deep = format!("<osm>{}", "<a>".repeat(40));
    let long = format!("<osm><node id='1' lat='1' lon='1' user='{}'/></osm>", "x".repeat(3 << 20));
    let no_end = TOWN_XML.replace("</osm>", "");
    let bomb = r#"<!DOCTYPE osm [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><osm><node id='1' lat='1' lon='1'><tag k='name' v='&b;'/></node></osm>"#;
    let footway = TOWN_XML.replace("'primary'", "'footway'").replace("'residential'", "'steps'");
    let one_way = footway.replace("'footway'/>", "'primary'/><tag k='oneway' v='yes'/>");
    let graphml = |body: &str| {
        format!(
            "<graphml><key id='d0' for='node' attr.name='y'/><key id='d1' for='node' attr.name='x'/>{body}</graphml>"
        )
    };
    let future = [blob("OSMHeader", &bytes_field(4, b"Telepathy")), blob("OSMData", &[])].concat();
    let raw_header = [blob("OSMHeader", &[]), vec![0, 0, 0, 200, 1, 2, 3]].concat();
    let enormous_header = [blob("OSMHeader", &[]), vec![255; 8]].concat();
    let off_earth =
        [blob("OSMHeader", &[]), blob("OSMData", &primitive_block(&[(37.5, 127.0), (95.0, 127.01)]))]
            .concat();
    for (name, bytes, code, says) in [
        ("empty.osm.pbf", &b""[..], "map_empty", "empty"),
        ("empty.osm.gz", &gzip(b""), "map_empty", "empty"),
        ("text.osm.pbf", b"I am only a text\n", "map_unknown_format", "is text"),
        ("noise.osm.pbf", &[0x13, 0x37, 0, 1, 2, 255, 254], "map_unknown_format", "binary data"),
        ("archive.osm.gz", b"PK\x03\x04....", "map_unknown_format", "zip"),
        ("data.osm.bz2", b"BZh91AY&SY", "map_unknown_format", "bunzip2"),
        ("overpass.json", br#"{"version": 0.6, "elements": []}"#, "map_unknown_format", "JSON"),
        ("page.osm", b"<html><body>404</body></html>", "map_unknown_format", "XML of another kind"),
        ("packed.osm.pbf", &gzip(&pbf), "map_unknown_format", "gunzip"),
        ("garbage.osm.gz", &[0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 7], "map_damaged", "gzip"),
        ("cut.osm.gz", &gzip(TOWN_XML.as_bytes())[..300], "map_damaged", "cut short"),
        ("cut.osm", &TOWN_XML.as_bytes()[..900], "map_damaged", "cut short"),
        ("no-end.osm", no_end.as_bytes(), "map_damaged", "root element"),
        ("deep.osm", deep.as_bytes(), "map_damaged", "nested deeper"),
        ("long.osm", long.as_bytes(), "map_damaged", "1 MiB"),
        ("bomb.osm", bomb.as_bytes(), "map_damaged", "cut short"),
        ("off.osm", TOWN_XML.replace("37.5100", "97.51").as_bytes(), "map_damaged", "off the earth"),
        ("nan.osm", TOWN_XML.replace("37.5100", "NaN").as_bytes(), "map_damaged", "off the earth"),
        ("word.osm", TOWN_XML.replace("37.5100", "north").as_bytes(), "map_damaged", "has no place"),
        ("no-id.osm", TOWN_XML.replace("id='4'", "id='four'").as_bytes(), "map_damaged", "not a number"),
        (
            "latin.osm",
            b"<osm><node id='1' lat='1' lon='1'><tag k='name' v='Stra\xdfe'/></node></osm>",
            "map_damaged",
            "damaged",
        ),
        ("feet.osm", footway.as_bytes(), "map_no_roads", "no drivable street"),
        ("one-way.osm", one_way.as_bytes(), "map_no_roads", "no drivable street"),
        (
            "empty.graphml",
            graphml("<graph edgedefault='directed'/>").as_bytes(),
            "map_no_roads",
            "no drivable street",
        ),
        ("un.graphml", graphml("<graph edgedefault='undirected'/>").as_bytes(), "map_damaged", "undirected"),
        (
            "names.graphml",
            graphml("<graph><node id='a'/></graph>").as_bytes(),
            "map_damaged",
            "not an OSM node",
        ),
        ("nowhere.graphml", graphml("<graph><node id='1'/></graph>").as_bytes(), "map_damaged", "no x and y"),
        ("future.osm.pbf", &future, "map_damaged", "Telepathy"),
        ("raw.osm.pbf", &raw_header, "map_damaged", "cut short"),
        ("huge.osm.pbf", &enormous_header, "map_damaged", "cut short"),
        ("off.osm.pbf", &off_earth, "map_damaged", "off the earth"),
        ("only-header.osm.pbf", &blob("OSMHeader", &[]), "map_no_roads", "no drivable street"),
    ] {
        let error = refusal(&file(dir.path(), name, bytes));
        let text = error.to_string();
        assert_eq!(error.code(), code, "{name}: {text}");
        assert!(text.contains(says), "{name}: {text}");
        assert!(!text.contains('\n') && text.len() < 600, "{name}: {text}");
    }
    assert_eq!(refusal(&dir.path().join("absent.osm.pbf")).code(), "map_unreadable");
    assert_eq!(refusal(dir.path()).code(), "map_unreadable", "a directory");
    assert_eq!(import_in_memory(&[], None, &mut |_| {}).err().unwrap().code(), "map_no_input");
}

#[test]
fn a_pbf_cut_anywhere_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let whole = town_pbf();
    assert!(import_in_memory(&[file(dir.path(), "whole", &whole)], None, &mut |_| {}).is_ok());
    for length in 0..whole.len() {
        let error = refusal(&file(dir.path(), "cut.osm.pbf", &whole[..length]));
        let between_blocks = error.code() == "map_no_roads";
        assert!(
            matches!(error.code(), "map_damaged" | "map_empty" | "map_unknown_format") || between_blocks,
            "{length}: {error}"
        );
    }
    let longer = [&whole[..], &[0, 0, 1]].concat();
    assert_eq!(refusal(&file(dir.path(), "longer.osm.pbf", &longer)).code(), "map_damaged");
}

#[test]
fn numbers_that_overflow_are_damage_not_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    // Two node ids whose deltas add up beyond 64 bits, and a relation member of a type that does not exist.
    let dense = [
        bytes_field(1, &[support::zigzag(i64::MAX), support::zigzag(i64::MAX)].concat()),
        bytes_field(8, &[2, 2]),
        bytes_field(9, &[2, 2]),
    ]
    .concat();
    let relation = [
        varint(1 << 3),
        varint(1),
        bytes_field(2, &[1]),
        bytes_field(3, &[2]),
        bytes_field(8, &[0]),
        bytes_field(9, &[2]),
        bytes_field(10, &[99]),
    ]
    .concat();
    let strings: Vec<u8> =
        ["", "type", "multipolygon"].iter().flat_map(|s| bytes_field(1, s.as_bytes())).collect();
    for group in [bytes_field(2, &dense), bytes_field(4, &relation)] {
        let block = [bytes_field(1, &strings), bytes_field(2, &group)].concat();
        let bytes = [blob("OSMHeader", &[]), blob("OSMData", &block)].concat();
        assert_eq!(refusal(&file(dir.path(), "odd.osm.pbf", &bytes)).code(), "map_damaged");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn flipped_bytes_never_crash(place in any::<prop::sample::Index>(), value in any::<u8>(), kind in 0..3) {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = match kind {
            0 => town_pbf(),
            1 => gzip(TOWN_XML.as_bytes()),
            _ => TOWN_XML.as_bytes().to_vec(),
        };
        let at = place.index(bytes.len());
        bytes[at] = value;
        // A flipped digit may still be a map; what matters is that there is an answer.
        let _ = import_in_memory(&[file(dir.path(), "flipped", &bytes)], None, &mut |_| {});
    }
}

#[test]
fn a_directory_that_is_no_map_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let town = file(dir.path(), "town.osm", TOWN_XML.as_bytes());
    let photos = dir.path().join("photos");
    std::fs::create_dir(&photos).unwrap();
    file(&photos, "cat.jpg", b"meow");
    let into = |out: &Path| import(std::slice::from_ref(&town), out, None, &mut |_| {});
    assert_eq!(into(&photos).err().unwrap().code(), "map_out_occupied");
    assert_eq!(into(&town).err().unwrap().code(), "map_out_occupied", "a file");
    assert_eq!(into(Path::new("/")).err().unwrap().code(), "map_out_occupied");
    assert_eq!(std::fs::read(photos.join("cat.jpg")).unwrap(), b"meow");
    assert_eq!(into(&town.join("below")).err().unwrap().code(), "map_unwritable");
}

#[test]
fn a_failed_import_leaves_the_older_map() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("map");
    generate::generate(5, &out, &mut |_| {}).unwrap();
    let before = RoadMap::load(&out).unwrap().meta().clone();
    let bad = file(dir.path(), "bad.osm.pbf", &town_pbf()[..100]);
    import(&[bad], &out, None, &mut |_| {}).unwrap_err();
    assert_eq!(RoadMap::load(&out).unwrap().meta(), &before);
    let town = file(dir.path(), "town.osm", TOWN_XML.as_bytes());
    import(&[town], &out, None, &mut |_| {}).unwrap();
    assert_eq!(RoadMap::load(&out).unwrap().meta().sources[0].file, "town.osm", "a good import replaces it");
    let left: Vec<PathBuf> =
        std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    assert_eq!(left, [out], "no working directories stay behind");
}

#[test]
fn a_broken_map_directory_is_told_by_file() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("map");
    let town = file(dir.path(), "town.osm", TOWN_XML.as_bytes());
    import(&[town], &out, None, &mut |_| {}).unwrap();
    assert_eq!(RoadMap::load(&dir.path().join("none")).unwrap_err().code(), "map_bad_directory");
    for (name, from, to, code) in [
        ("meta.json", &b"\"format\": 2"[..], &b"\"format\": 1"[..], "map_other_format"),
        ("meta.json", b"{", b"[", "map_bad_directory"),
        ("roads.bin", b"", b"", "map_bad_directory"),
        ("gazetteer.bin", b"", b"", "map_bad_directory"),
    ] {
        let path = out.join(name);
        let whole = std::fs::read(&path).unwrap();
        let broken = if from.is_empty() {
            let mut broken = whole.clone();
            broken[whole.len() / 2] ^= 0xff;
            broken
        } else {
            String::from_utf8(whole.clone())
                .unwrap()
                .replacen(std::str::from_utf8(from).unwrap(), std::str::from_utf8(to).unwrap(), 1)
                .into_bytes()
        };
        std::fs::write(&path, broken).unwrap();
        let error = RoadMap::load(&out).unwrap_err();
        assert_eq!(error.code(), code, "{name}: {error}");
        std::fs::remove_file(&path).unwrap();
        assert!(RoadMap::load(&out).unwrap_err().to_string().contains(name), "{name} is missing");
        std::fs::write(&path, whole).unwrap();
    }
    std::fs::write(out.join("districts.geojson"), "{}").unwrap();
    assert_eq!(RoadMap::load(&out).unwrap_err().code(), "map_bad_districts");
}

#[test]
fn positions_off_the_map_have_no_route_and_no_time() {
    let dir = tempfile::tempdir().unwrap();
    let town = file(dir.path(), "town.osm", TOWN_XML.as_bytes());
    let map = RoadMap::of(import_in_memory(&[town], None, &mut |_| {}).unwrap());
    let (inside, outside) = (at(37.5, 127.005), at(37.6, 127.0));
    assert_eq!(map.route(outside, inside), Err(RouteError::StartOffRoad { limit_m: 1_000 }));
    assert_eq!(map.route(inside, outside), Err(RouteError::EndOffRoad { limit_m: 1_000 }));
    assert_eq!(map.durations_to(outside, &[inside, inside]), [None, None]);
    assert_eq!(map.durations_to(inside, &[outside, inside]), [None, Some(0)]);
    assert_eq!(map.durations_from(inside, &[outside, inside]), [None, Some(0)]);
    assert_eq!(map.snap(outside), None);
    assert!(map.durations_to(inside, &[]).is_empty());
    for text in ["", " ", "#", "없는 곳", "\u{0}", "🚕", &"가".repeat(10_000)] {
        assert!(map.search(text, None, 10).is_empty(), "{text:?}");
    }
    assert!(map.search("시험", None, 0).is_empty());
}
