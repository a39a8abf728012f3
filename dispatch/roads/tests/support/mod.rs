//! Small maps made here, so that tests need no downloads, and the way to the real ones.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]
#![allow(clippy::print_stdout, reason = "what is skipped is said aloud")]
#![allow(dead_code, reason = "each test binary uses a part")]

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

/// A town of two crossing streets with names, a house number, a stand, a station and its exit, as OSM XML.
pub(crate) const TOWN_XML: &str = r#"<?xml version='1.0' encoding='UTF-8'?>
<osm version='0.6' generator='by hand'>
  <node id='1' lat='37.5000' lon='127.0000'/>
  <node id='2' lat='37.5000' lon='127.0100'/>
  <node id='3' lat='37.5000' lon='127.0200'/>
  <node id='4' lat='37.5100' lon='127.0100'><tag k='highway' v='traffic_signals'/></node>
  <node id='5' lat='37.4900' lon='127.0100'/>
  <node id='6' lat='37.5002' lon='127.0050'><tag k='addr:street' v='시험대로'/><tag k='addr:housenumber' v='12'/></node>
  <node id='7' lat='37.50005' lon='127.0103'><tag k='amenity' v='taxi'/><tag k='ref' v='7'/></node>
  <node id='8' lat='37.5003' lon='127.0103'><tag k='railway' v='station'/><tag k='name' v='시험역'/><tag k='name:en' v='Test Station'/></node>
  <node id='9' lat='37.5005' lon='127.0104'><tag k='railway' v='subway_entrance'/><tag k='ref' v='3'/></node>
  <way id='10'><nd ref='1'/><nd ref='2'/><nd ref='3'/><tag k='highway' v='primary'/><tag k='name' v='시험대로'/><tag k='name:en' v='Test-daero'/></way>
  <way id='11'><nd ref='4'/><nd ref='2'/><nd ref='5'/><tag k='highway' v='residential'/><tag k='name' v='Ringstraße'/></way>
</osm>
"#;

/// A file in `dir` with these bytes.
pub(crate) fn file(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The crossing of [`TOWN_XML`] without its names as PBF: a header block and one block of nodes and ways.
pub(crate) fn town_pbf() -> Vec<u8> {
    let mut file = blob("OSMHeader", &bytes_field(4, b"OsmSchema-V0.6"));
    file.extend(blob(
        "OSMData",
        &primitive_block(&[(37.5, 127.0), (37.5, 127.01), (37.5, 127.02), (37.51, 127.01), (37.49, 127.01)]),
    ));
    file
}

/// A block of dense nodes 1, 2, … and two ways: 1-2-3 and 4-2-5.
pub(crate) fn primitive_block(nodes: &[(f64, f64)]) -> Vec<u8> {
    let strings: Vec<u8> = ["", "highway", "primary", "name", "Test"]
        .iter()
        .flat_map(|s| bytes_field(1, s.as_bytes()))
        .collect();
    let e7 = |degrees: f64| (degrees * 1e7).round() as i64;
    let deltas = |values: Vec<i64>| {
        let mut last = 0;
        values
            .into_iter()
            .flat_map(|value| zigzag(value - std::mem::replace(&mut last, value)))
            .collect::<Vec<u8>>()
    };
    let mut dense = bytes_field(1, &deltas((1..=nodes.len() as i64).collect()));
    dense.extend(bytes_field(8, &deltas(nodes.iter().map(|(lat, _)| e7(*lat)).collect())));
    dense.extend(bytes_field(9, &deltas(nodes.iter().map(|(_, lon)| e7(*lon)).collect())));
    let way = |id: u64, refs: Vec<i64>| {
        let mut way = [varint(1 << 3), varint(id)].concat();
        way.extend(bytes_field(2, &[1, 3]));
        way.extend(bytes_field(3, &[2, 4]));
        way.extend(bytes_field(8, &deltas(refs)));
        bytes_field(3, &way)
    };
    let group = [bytes_field(2, &dense), way(10, vec![1, 2, 3]), way(11, vec![4, 2, 5])].concat();
    [bytes_field(1, &strings), bytes_field(2, &group)].concat()
}

/// A blob with its header, packed as every real file does.
pub(crate) fn blob(kind: &str, content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    let packed = encoder.finish().unwrap();
    let blob = [[varint(2 << 3), varint(content.len() as u64)].concat(), bytes_field(3, &packed)].concat();
    let header = [bytes_field(1, kind.as_bytes()), varint(3 << 3), varint(blob.len() as u64)].concat();
    [&u32::try_from(header.len()).unwrap().to_be_bytes()[..], &header, &blob].concat()
}

pub(crate) fn bytes_field(number: u64, bytes: &[u8]) -> Vec<u8> {
    [&varint(number << 3 | 2), &varint(bytes.len() as u64), bytes].concat()
}

pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

pub(crate) fn zigzag(value: i64) -> Vec<u8> {
    varint(((value << 1) ^ (value >> 63)) as u64)
}

/// Real map files under `$ONDOL_DATA` or beside the project; says so when there are none.
pub(crate) fn real_files() -> Vec<PathBuf> {
    let data = std::env::var_os("ONDOL_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let mut files: Vec<PathBuf> = ["osm", "graph"]
        .iter()
        .filter_map(|folder| std::fs::read_dir(data.join(folder)).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.to_string_lossy();
            name.ends_with(".osm.pbf") || name.ends_with(".osm.gz") || name.ends_with(".graphml.gz")
        })
        .collect();
    files.sort();
    if files.is_empty() {
        println!(
            "SKIPPED: no map files in {} (set ONDOL_DATA to a directory with osm/ and graph/)",
            data.display()
        );
    }
    files
}
