//! OSM XML 0.6, plain or gzipped, as a stream.
//!
//! Document types and entities beyond XML's own five are not expanded, so they cannot grow.

use std::path::Path;

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

use super::bounded::Bounded;
use super::collect::{Raw, RawWay};
use super::relation::{Element, RawRelation, Role};
use super::sniff;
use crate::error::MapError;
use crate::tags::Tags;

/// Deepest nesting: OSM XML needs 3.
pub(crate) const DEPTH_MAX: usize = 16;
/// Most members or nodes of one element (the OSM API allows 2,000 and 32,000).
const PARTS_MAX: usize = 100_000;

/// The element that is being read.
enum Open {
    Nothing,
    Node { id: i64, lat: f64, lon: f64, tags: Tags },
    Way(RawWay),
    Relation { relation: RawRelation, deleted: bool },
}

/// Reads `file` into `raw`.
pub(crate) fn read(file: &Path, raw: &mut Raw) -> Result<(), MapError> {
    let (bounded, budget) = Bounded::new(sniff::open(file)?);
    let mut reader = Reader::from_reader(bounded);
    let mut buffer = Vec::new();
    let mut depth = 0_usize;
    let mut open = Open::Nothing;
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
                begin(file, &start, &mut open)?;
            }
            Event::Empty(start) => {
                begin(file, &start, &mut open)?;
                end(file, start.name().as_ref(), &mut open, raw)?;
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                end(file, tag.name().as_ref(), &mut open, raw)?;
            }
            Event::Eof if depth == 0 => return Ok(()),
            Event::Eof => return Err(MapError::damaged(file, "the XML ends before its root element does")),
            Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_)
            | Event::GeneralRef(_) => {}
        }
        buffer.clear();
    }
}

fn begin(file: &Path, start: &BytesStart, open: &mut Open) -> Result<(), MapError> {
    match start.name().as_ref() {
        "node" => {
            let (lat, lon) = (attribute(file, start, "lat")?, attribute(file, start, "lon")?);
            let id = number(file, start, "id")?;
            // A deleted node of a history file has no place.
            *open = match (lat, lon) {
                (Some(lat), Some(lon)) => Open::Node {
                    id,
                    lat: degrees(file, id, &lat)?,
                    lon: degrees(file, id, &lon)?,
                    tags: Tags::default(),
                },
                _ => Open::Nothing,
            };
        }
        "way" => {
            let way = RawWay { id: number(file, start, "id")?, refs: Vec::new(), tags: Tags::default() };
            *open = Open::Way(way);
        }
        "relation" => {
            *open = Open::Relation {
                relation: RawRelation::new(number(file, start, "id")?),
                deleted: attribute(file, start, "visible")?.as_deref() == Some("false"),
            };
        }
        "nd" => {
            if let Open::Way(way) = open {
                if way.refs.len() >= PARTS_MAX {
                    return Err(MapError::too_large(file, "nodes of one way", PARTS_MAX as u64));
                }
                way.refs.push(number(file, start, "ref")?);
            }
        }
        "member" => {
            if let Open::Relation { relation, .. } = open
                && relation.members.len() < PARTS_MAX
            {
                let element = match attribute(file, start, "type")?.as_deref() {
                    Some("node") => Element::Node,
                    Some("way") => Element::Way,
                    _ => return Ok(()),
                };
                let role = Role::of(&attribute(file, start, "role")?.unwrap_or_default());
                relation.members.push((role, element(number(file, start, "ref")?)));
            }
        }
        "tag" => {
            if let Some(tags) = open.tags()
                && let (Some(key), Some(value)) = (attribute(file, start, "k")?, attribute(file, start, "v")?)
            {
                tags.keep(&key, &value);
            }
        }
        _ => {}
    }
    Ok(())
}

fn end(file: &Path, name: &str, open: &mut Open, raw: &mut Raw) -> Result<(), MapError> {
    if !matches!(name, "node" | "way" | "relation") {
        return Ok(());
    }
    match std::mem::replace(open, Open::Nothing) {
        Open::Nothing => Ok(()),
        Open::Node { id, lat, lon, tags } => raw.node(file, id, lat, lon, tags),
        Open::Way(way) => raw.way(file, way),
        Open::Relation { deleted: true, .. } => Ok(()),
        Open::Relation { relation, deleted: false } => raw.relation(file, relation),
    }
}

impl Open {
    fn tags(&mut self) -> Option<&mut Tags> {
        match self {
            Self::Nothing => None,
            Self::Node { tags, .. } => Some(tags),
            Self::Way(way) => Some(&mut way.tags),
            Self::Relation { relation, .. } => Some(&mut relation.tags),
        }
    }
}

/// The value of an attribute, unescaped.
pub(crate) fn attribute(file: &Path, start: &BytesStart, name: &str) -> Result<Option<String>, MapError> {
    let found = start.try_get_attribute(name).map_err(|e| MapError::damaged(file, e))?;
    found
        .map(|a| a.normalized_value(XmlVersion::Implicit1_0).map(std::borrow::Cow::into_owned))
        .transpose()
        .map_err(|e| MapError::damaged(file, e))
}

fn number(file: &Path, start: &BytesStart, name: &str) -> Result<i64, MapError> {
    let value = attribute(file, start, name)?.unwrap_or_default();
    value.parse().map_err(|_| {
        let element = start.name();
        MapError::damaged(file, format_args!("{name}={value:?} of a {} is not a number", element.as_ref()))
    })
}

fn degrees(file: &Path, id: i64, value: &str) -> Result<f64, MapError> {
    value.parse().map_err(|_| MapError::damaged(file, format_args!("node {id} at {value:?} has no place")))
}
