//! Water and green areas, for drawing only.

use std::collections::BTreeMap;

use super::collect::{Raw, RawArea, is_drawn};
use crate::overview::{Shape, ShapeKind};
use crate::point::Point;
use crate::tags::Tags;

/// Most joins tried for one ring.
const RING_WAYS_MAX: usize = 4_000;

/// What is drawn under the streets.
pub(crate) fn shapes(raw: &Raw) -> Vec<Shape> {
    let mut shapes = Vec::new();
    for way in raw.ways.iter().filter(|way| is_drawn(&way.tags)) {
        let line = raw.line(way);
        if line.len() < 2 {
            continue;
        }
        let closed =
            way.refs.len() >= 4 && way.refs.first() == way.refs.last() && line.len() == way.refs.len();
        match kind_of(&way.tags) {
            Some(kind) if closed && !is_line(&way.tags) => shapes.push(Shape { kind, rings: vec![line] }),
            Some(ShapeKind::Water) if is_line(&way.tags) => {
                shapes.push(Shape { kind: ShapeKind::Waterway, rings: vec![line] });
            }
            _ => {}
        }
    }
    for area in &raw.areas {
        if let Some(kind) = kind_of(&area.tags) {
            let mut rings = rings(raw, &area.outer);
            // Islands of a lake with several outer rings are drawn by the even-odd rule of the first one.
            if rings.len() == 1 {
                rings.extend(self::rings(raw, &area.inner));
                shapes.push(Shape { kind, rings });
            } else {
                shapes.extend(rings.into_iter().map(|ring| Shape { kind, rings: vec![ring] }));
            }
        }
    }
    shapes
}

fn is_line(tags: &Tags) -> bool {
    tags.is_any("waterway", &["river", "canal"]) || tags.is("natural", "coastline")
}

fn kind_of(tags: &Tags) -> Option<ShapeKind> {
    if tags.is_any("natural", &["water", "bay", "coastline"])
        || tags.get("waterway").is_some()
        || tags.is_any("landuse", &["reservoir", "basin"])
    {
        Some(ShapeKind::Water)
    } else if is_drawn(tags) {
        Some(ShapeKind::Green)
    } else {
        None
    }
}

/// Joins ways end to end into closed rings; what does not close (cut at the border) is left out.
fn rings(raw: &Raw, ways: &[i64]) -> Vec<Vec<Point>> {
    let mut open: BTreeMap<usize, (Vec<i64>, Vec<Point>)> = ways
        .iter()
        .take(RING_WAYS_MAX)
        .filter_map(|id| raw.way_by_id(*id))
        .map(|way| (way.refs.clone(), raw.line(way)))
        .filter(|(refs, line)| refs.len() >= 2 && refs.len() == line.len())
        .enumerate()
        .collect();
    let mut rings = Vec::new();
    while let Some((_, (mut refs, mut line))) = open.pop_first() {
        while refs.first() != refs.last() {
            let end = refs.last().copied();
            let next = open
                .iter()
                .find(|(_, (r, _))| r.first().copied() == end || r.last().copied() == end)
                .map(|(at, _)| *at);
            let Some((mut more_refs, mut more_line)) = next.and_then(|at| open.remove(&at)) else {
                break;
            };
            if more_refs.first().copied() != end {
                more_refs.reverse();
                more_line.reverse();
            }
            refs.extend_from_slice(&more_refs[1..]);
            line.extend_from_slice(&more_line[1..]);
        }
        if refs.len() >= 4 && refs.first() == refs.last() {
            rings.push(line);
        }
    }
    rings
}

impl RawArea {
    #[cfg(test)]
    fn of(outer: &[i64], inner: &[i64]) -> Self {
        Self {
            tags: Tags::of(&[("natural", "water"), ("type", "multipolygon")]),
            outer: outer.to_vec(),
            inner: inner.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::collect::RawWay;
    use super::*;

    fn raw_with(ways: &[(i64, &[i64])], areas: Vec<RawArea>) -> Raw {
        let mut raw = Raw::default();
        for id in 1..=9 {
            #[allow(clippy::cast_precision_loss, reason = "small test ids")]
            raw.node(Path::new("t"), id, id as f64 / 100.0, 1.0, Tags::default()).unwrap();
        }
        for (id, refs) in ways {
            raw.way(Path::new("t"), RawWay { id: *id, refs: refs.to_vec(), tags: Tags::default() }).unwrap();
        }
        raw.areas = areas;
        raw.settle();
        raw
    }

    #[test]
    fn a_ring_that_does_not_close_is_not_drawn() {
        let raw = raw_with(&[(10, &[1, 2, 3]), (11, &[3, 4])], vec![RawArea::of(&[10, 11], &[])]);
        assert!(shapes(&raw).is_empty());
    }

    #[test]
    fn ways_in_any_direction_make_one_ring() {
        let raw = raw_with(
            &[(10, &[1, 2, 3]), (11, &[5, 4, 3]), (12, &[5, 1]), (13, &[6, 7, 8, 6])],
            vec![RawArea::of(&[10, 11, 12], &[13])],
        );
        let found = shapes(&raw);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].rings.iter().map(Vec::len).collect::<Vec<_>>(), [6, 4]);
    }
}
