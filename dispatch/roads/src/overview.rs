//! The map that the console draws without the internet: one bounded GeoJSON.
//!
//! **Shape**: a `FeatureCollection`; `properties.kind` is `road` (with `class`, `name`, `name_en`, `bridge`),
//! `water`, `waterway`, `green`, `stand` (with `code`) or `place` / `station` (with `rank`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use geo::{LineString, SimplifyIdx as _, coord};

use crate::gazetteer::{GazetteerData, Kind};
use crate::network::Network;
use crate::point::{Bbox, Point};
use crate::tags::RoadClass;

/// Largest overview in bytes; the least important classes of street are left out until it fits.
pub const OVERVIEW_MAX_BYTES: usize = 16 << 20;
/// How far a simplified line may lie from the true one, in degrees (about 2 m).
const TOLERANCE_DEG: f64 = 0.000_02;
/// Most labels of places and stations.
const LABELS_MAX: usize = 3_000;

/// An area or line under the streets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    pub(crate) kind: ShapeKind,
    /// One line, or an outer ring and its holes.
    pub(crate) rings: Vec<Vec<Point>>,
}

/// What a [`Shape`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ShapeKind {
    /// An area of water.
    Water,
    /// A river or canal as a line.
    Waterway,
    /// Park or forest.
    Green,
}

/// The overview of a map.
pub(crate) fn geojson(
    network: &Network,
    gazetteer: &GazetteerData,
    shapes: &[Shape],
    bbox: Bbox,
    attribution: &str,
) -> Vec<u8> {
    let mut head = String::new();
    let [w, s, e, n] = [bbox.min_lon, bbox.min_lat, bbox.max_lon, bbox.max_lat];
    let _ = write!(
        head,
        r#"{{"type":"FeatureCollection","attribution":{},"bbox":[{w:.6},{s:.6},{e:.6},{n:.6}],"features":["#,
        text(attribution)
    );
    let mut features = Vec::new();
    for class in RoadClass::ALL {
        features.push(roads(network, class));
    }
    let mut rest: Vec<String> = shapes.iter().filter_map(shape).collect();
    rest.extend(labels(gazetteer));
    let mut size = head.len();
    let mut fits = |part: &String| {
        size += part.len() + 1;
        size < OVERVIEW_MAX_BYTES
    };
    // Classes come most important first, then stands and places; what no longer fits is left out.
    let kept: Vec<String> = features.into_iter().flatten().chain(rest).filter(|part| fits(part)).collect();
    format!("{head}{}]}}", kept.join(",")).into_bytes()
}

/// One feature for each name of a class, its segments as lines.
fn roads(network: &Network, class: RoadClass) -> Vec<String> {
    let mut by_name: BTreeMap<(Option<u32>, bool), Vec<String>> = BTreeMap::new();
    for segment in network.segments.iter().filter(|segment| segment.class == class) {
        let line = coordinates(&simplified(&network.line(segment)));
        by_name.entry((segment.name, segment.bridge)).or_default().push(line);
    }
    let feature = |((name, bridge), lines): ((Option<u32>, bool), Vec<String>)| {
        let mut properties = format!(r#""kind":"road","class":"{}""#, class.as_str());
        if let Some(names) = name.map(|name| &network.names[name as usize]) {
            let _ = write!(properties, r#","name":{}"#, text(&names.local));
            if let Some(en) = &names.en {
                let _ = write!(properties, r#","name_en":{}"#, text(en));
            }
        }
        if bridge {
            properties.push_str(r#","bridge":true"#);
        }
        feature(&properties, "MultiLineString", &format!("[{}]", lines.join(",")))
    };
    by_name.into_iter().map(feature).collect()
}

fn shape(shape: &Shape) -> Option<String> {
    let fewest = if shape.kind == ShapeKind::Waterway { 2 } else { 4 };
    let rings = shape.rings.iter().map(|ring| simplified(ring)).filter(|ring| ring.len() >= fewest);
    let rings: Vec<String> = rings.map(|ring| coordinates(&ring)).collect();
    let first = rings.first()?;
    Some(match shape.kind {
        ShapeKind::Waterway => feature(r#""kind":"waterway""#, "LineString", first),
        ShapeKind::Water => feature(r#""kind":"water""#, "Polygon", &format!("[{}]", rings.join(","))),
        ShapeKind::Green => feature(r#""kind":"green""#, "Polygon", &format!("[{}]", rings.join(","))),
    })
}

fn labels(gazetteer: &GazetteerData) -> Vec<String> {
    let mut labelled: Vec<_> = gazetteer
        .places
        .iter()
        .filter(|place| matches!(place.kind, Kind::Stand | Kind::Place | Kind::Station) || place.rank >= 70)
        .filter(|place| place.kind != Kind::Exit)
        .collect();
    labelled.sort_by_key(|place| (place.kind != Kind::Stand, std::cmp::Reverse(place.rank), place.point));
    labelled.truncate(LABELS_MAX);
    let label = |place: &&crate::gazetteer::Place| {
        let mut properties = format!(
            r#""kind":"{}","rank":{},"name":{}"#,
            place.kind.as_str(),
            place.rank,
            text(&place.names.local)
        );
        if let Some(en) = &place.names.en {
            let _ = write!(properties, r#","name_en":{}"#, text(en));
        }
        if let Some(code) = &place.code {
            let _ = write!(properties, r#","code":{}"#, text(code));
        }
        feature(&properties, "Point", &format!("[{:.5},{:.5}]", place.point.lon(), place.point.lat()))
    };
    labelled.iter().map(label).collect()
}

fn feature(properties: &str, kind: &str, coordinates: &str) -> String {
    format!(
        r#"{{"type":"Feature","properties":{{{properties}}},"geometry":{{"type":"{kind}","coordinates":{coordinates}}}}}"#
    )
}

/// Leaves out points that change nothing to the eye. Piece by piece: the algorithm recurses, and the line is
/// as long as its author liked.
fn simplified(line: &[Point]) -> Vec<Point> {
    const PIECE: usize = 512;
    let mut kept: Vec<Point> = Vec::new();
    let mut start = 0;
    while start + 1 < line.len() {
        let piece = &line[start..line.len().min(start + PIECE)];
        let degrees =
            LineString::new(piece.iter().map(|point| coord! { x: point.lon(), y: point.lat() }).collect());
        let again = usize::from(!kept.is_empty());
        kept.extend(degrees.simplify_idx(TOLERANCE_DEG).into_iter().skip(again).map(|at| piece[at]));
        start += piece.len() - 1;
    }
    kept
}

fn coordinates(line: &[Point]) -> String {
    let mut out = String::with_capacity(line.len() * 20);
    out.push('[');
    for (at, point) in line.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(out, "{comma}[{:.5},{:.5}]", point.lon(), point.lat());
    }
    out.push(']');
    out
}

/// A JSON text.
fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}
