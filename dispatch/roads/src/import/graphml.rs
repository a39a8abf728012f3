//! OSMnx street graphs (GraphML): nodes are junctions, edges are directed and carry their line as WKT.
//!
//! **Source**: osmnx `io.save_graphml`. Values that were lists are written as Python lists, `"['경기대로', '충정로']"`.

use std::collections::BTreeMap;
use std::path::Path;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::bounded::{Bounded, PIECE_MAX, TOO_LONG};
use super::collect::{Raw, RawEdge};
use super::osm_xml::{DEPTH_MAX, attribute};
use super::sniff;
use crate::error::MapError;
use crate::names::clean;
use crate::point::Point;
use crate::tags::Tags;

/// Most declared keys.
const KEYS_MAX: usize = 256;
/// Names whose values are kept: of any other nothing is read.
const KEPT: [&str; 13] = [
    "x", "y", "highway", "barrier", "access", "bridge", "tunnel", "junction", "service", "ref", "maxspeed",
    "name", "geometry",
];
/// Most points of one edge's line.
const LINE_MAX: usize = 20_000;

/// The element that is being read, with its values by attribute name.
enum Open {
    Nothing,
    Node { id: i64, values: BTreeMap<String, String> },
    Edge { from: i64, to: i64, values: BTreeMap<String, String> },
}

/// Reads `file` into `raw`.
pub(crate) fn read(file: &Path, raw: &mut Raw) -> Result<(), MapError> {
    let (bounded, budget) = Bounded::new(sniff::open(file)?);
    let mut reader = Reader::from_reader(bounded);
    let mut buffer = Vec::new();
    let mut depth = 0_usize;
    // Key ids (`d13`) and the names they stand for (`length`).
    let mut keys: BTreeMap<String, String> = BTreeMap::new();
    let mut open = Open::Nothing;
    let mut data: Option<(String, String)> = None;
    loop {
        budget.renew();
        let event = reader.read_event_into(&mut buffer).map_err(|e| {
            MapError::damaged(file, format_args!("XML at byte {}: {e}", reader.error_position()))
        })?;
        match event {
            Event::Start(start) => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(MapError::damaged(
                        file,
                        format_args!("elements nested deeper than {DEPTH_MAX}"),
                    ));
                }
                if start.name().as_ref() == "data" {
                    let key = attribute(file, &start, "key")?.unwrap_or_default();
                    let kept = keys.get(&key).filter(|name| KEPT.contains(&name.as_str()));
                    data = kept.map(|name| (name.clone(), String::new()));
                } else {
                    begin(file, &start, &mut keys, &mut open)?;
                }
            }
            Event::Empty(start) => {
                begin(file, &start, &mut keys, &mut open)?;
                end(file, start.name().as_ref(), &mut open, raw)?;
            }
            Event::Text(text) => {
                if let Some((_, value)) = &mut data {
                    extend(file, value, &text.xml10_content())?;
                }
            }
            Event::GeneralRef(reference) => {
                if let Some((_, value)) = &mut data {
                    extend(file, value, &entity(file, &reference)?)?;
                }
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                if tag.name().as_ref() == "data" {
                    if let (Some((name, value)), Some(values)) = (data.take(), open.values()) {
                        values.insert(name, value);
                    }
                } else {
                    end(file, tag.name().as_ref(), &mut open, raw)?;
                }
            }
            Event::Eof if depth == 0 => return Ok(()),
            Event::Eof => return Err(MapError::damaged(file, "the XML ends before its root element does")),
            Event::CData(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
        buffer.clear();
    }
}

/// The reader's budget is for one piece of XML; a value is put together of many.
fn extend(file: &Path, value: &mut String, more: &str) -> Result<(), MapError> {
    if value.len() + more.len() > PIECE_MAX {
        return Err(MapError::damaged(file, TOO_LONG));
    }
    value.push_str(more);
    Ok(())
}

fn begin(
    file: &Path,
    start: &BytesStart,
    keys: &mut BTreeMap<String, String>,
    open: &mut Open,
) -> Result<(), MapError> {
    let id = |name| -> Result<i64, MapError> {
        let value = attribute(file, start, name)?.unwrap_or_default();
        value
            .parse()
            .map_err(|_| MapError::damaged(file, format_args!("{name}={value:?} is not an OSM node")))
    };
    match start.name().as_ref() {
        "key" => {
            if let (Some(id), Some(name)) =
                (attribute(file, start, "id")?, attribute(file, start, "attr.name")?)
                && keys.len() < KEYS_MAX
            {
                keys.insert(id, name);
            }
        }
        "graph" if attribute(file, start, "edgedefault")?.as_deref() == Some("undirected") => {
            return Err(MapError::damaged(file, "the graph is undirected: save the directed one"));
        }
        "node" => *open = Open::Node { id: id("id")?, values: BTreeMap::new() },
        "edge" => *open = Open::Edge { from: id("source")?, to: id("target")?, values: BTreeMap::new() },
        _ => {}
    }
    Ok(())
}

fn end(file: &Path, name: &str, open: &mut Open, raw: &mut Raw) -> Result<(), MapError> {
    if !matches!(name, "node" | "edge") {
        return Ok(());
    }
    match std::mem::replace(open, Open::Nothing) {
        Open::Nothing => Ok(()),
        Open::Node { id, values } => {
            let degrees = |key: &str| values.get(key).and_then(|value| value.trim().parse::<f64>().ok());
            let (Some(lat), Some(lon)) = (degrees("y"), degrees("x")) else {
                return Err(MapError::damaged(file, format_args!("node {id} has no x and y in degrees")));
            };
            let mut tags = Tags::default();
            for key in ["highway", "barrier"] {
                if let Some(value) = values.get(key) {
                    tags.keep(key, value);
                }
            }
            raw.node(file, id, lat, lon, tags)
        }
        Open::Edge { from, to, values } => {
            let edge = edge(file, from, to, &values)?;
            raw.edge(file, edge)
        }
    }
}

fn edge(file: &Path, from: i64, to: i64, values: &BTreeMap<String, String>) -> Result<RawEdge, MapError> {
    let mut tags = Tags::default();
    for key in ["highway", "access", "bridge", "tunnel", "junction", "service", "ref"] {
        if let Some(first) = values.get(key).and_then(|value| list(value).into_iter().next()) {
            tags.keep(key, &first);
        }
    }
    if let Some(value) = values.get("maxspeed") {
        tags.keep("maxspeed", &list(value).join(";"));
    }
    let mut names =
        values.get("name").map(|value| list(value)).unwrap_or_default().into_iter().filter_map(|n| clean(&n));
    if let Some(name) = names.next() {
        tags.keep("name", &name);
    }
    let line = match values.get("geometry") {
        Some(wkt) => line(wkt)
            .ok_or_else(|| MapError::damaged(file, format_args!("edge {from}–{to} has no usable line")))?,
        None => Vec::new(),
    };
    Ok(RawEdge { from, to, line, tags, more_names: names.take(8).collect() })
}

/// The items of a Python list of texts, or the value itself.
fn list(value: &str) -> Vec<String> {
    let value = value.trim();
    let Some(inner) = value.strip_prefix('[').and_then(|v| v.strip_suffix(']')) else {
        return vec![value.to_owned()];
    };
    let mut items = Vec::new();
    let mut rest = inner.trim_start_matches([' ', ',']);
    while let Some(quote) = rest.chars().next() {
        let item = if quote == '\'' || quote == '"' {
            let (item, after) = quoted(&rest[1..], quote);
            rest = after;
            item
        } else {
            let (item, after) = rest.split_once(',').unwrap_or((rest, ""));
            rest = after;
            item.trim().to_owned()
        };
        items.push(item);
        rest = rest.trim_start_matches([' ', ',']);
    }
    items
}

/// The text up to the closing quote, and what follows it.
fn quoted(text: &str, quote: char) -> (String, &str) {
    let mut item = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => item.extend(chars.next().map(|(_, escaped)| escaped)),
            c if c == quote => return (item, &text[at + c.len_utf8()..]),
            c => item.push(c),
        }
    }
    (item, "")
}

/// The points of `LINESTRING (lon lat, lon lat, …)`.
fn line(wkt: &str) -> Option<Vec<Point>> {
    let inner = wkt.trim().strip_prefix("LINESTRING")?.trim().strip_prefix('(')?.strip_suffix(')')?;
    let points: Vec<Point> = inner
        .split(',')
        .take(LINE_MAX + 1)
        .map(|pair| {
            let mut numbers = pair.split_whitespace().map(str::parse::<f64>);
            let (lon, lat) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
            Point::new(lat, lon)
        })
        .collect::<Option<_>>()?;
    (2..=LINE_MAX).contains(&points.len()).then_some(points)
}

fn entity(file: &Path, reference: &BytesRef) -> Result<String, MapError> {
    let unknown = || MapError::damaged(file, "it uses an XML entity that is not one of XML's own");
    if let Some(c) = reference.resolve_char_ref().map_err(|_| unknown())? {
        return Ok(c.to_string());
    }
    resolve_predefined_entity(&reference.xml10_content()).map(str::to_owned).ok_or_else(unknown)
}

impl Open {
    fn values(&mut self) -> Option<&mut BTreeMap<String, String>> {
        match self {
            Self::Nothing => None,
            Self::Node { values, .. } | Self::Edge { values, .. } => Some(values),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_none() {
        for wkt in [
            "",
            "POINT (1 2)",
            "LINESTRING (1 2)",
            "LINESTRING (1 2, 3)",
            "LINESTRING (1 2, 3 x)",
            "LINESTRING (1 2, 3 95)",
        ] {
            assert_eq!(line(wkt), None, "{wkt:?}");
        }
        assert_eq!(line("LINESTRING (127.0 37.5, 127.1 37.6)").unwrap().len(), 2);
    }

    /// Each piece is short, and together they are longer than any honest value.
    #[test]
    fn a_value_in_many_pieces_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("long.graphml");
        let graph = |key: &str| {
            let value = format!("{}<!-- -->", "x".repeat(60_000)).repeat(20);
            format!(
                "<graphml><key id=\"d1\" attr.name=\"{key}\"/><graph edgedefault=\"directed\">\
                 <node id=\"1\"><data key=\"d1\">{value}</data></node></graph></graphml>"
            )
        };
        for (key, says) in [("highway", "longer than 1 MiB"), ("of_no_use", "has no x and y")] {
            std::fs::write(&file, graph(key)).unwrap();
            let refused = read(&file, &mut Raw::default()).unwrap_err().to_string();
            assert!(refused.contains(says), "{key}: {refused}");
        }
    }

    #[test]
    fn python_lists() {
        for (value, items) in [
            ("경기대로", &["경기대로"][..]),
            ("['경기대로', '충정로']", &["경기대로", "충정로"]),
            (r#"["Saint John's", 'b\'c']"#, &["Saint John's", "b'c"]),
            ("[50, 60]", &["50", "60"]),
            ("['broken, 50", &["['broken, 50"]),
            ("['open]", &["open"]),
            ("[]", &[]),
        ] {
            assert_eq!(list(value), items, "{value}");
        }
    }
}
