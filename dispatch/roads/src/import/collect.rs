//! What the readers of all formats fill: raw nodes, ways and areas, within bounds.

use std::path::Path;

use super::relation::{Element, RawRelation, Role};
use crate::error::MapError;
use crate::point::Point;
use crate::tags::Tags;

/// Most nodes of one import: 20 million take 320 MB while importing (Seoul's region has about 5).
pub(crate) const NODES_MAX: usize = 20_000_000;
/// Most ways of one import.
pub(crate) const WAYS_MAX: usize = 4_000_000;
/// Most points of all ways, areas and lines together.
pub(crate) const REFS_MAX: usize = 60_000_000;
/// Most nodes that carry tags.
pub(crate) const TAGGED_MAX: usize = 4_000_000;
/// Most turn restrictions of one import (South Korea has about 30,000).
pub(crate) const RESTRICTIONS_MAX: usize = 1_000_000;

/// A way: an ordered list of nodes with tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawWay {
    pub(crate) id: i64,
    pub(crate) refs: Vec<i64>,
    pub(crate) tags: Tags,
}

/// A multipolygon: ways that together bound an area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawArea {
    pub(crate) tags: Tags,
    pub(crate) outer: Vec<i64>,
    pub(crate) inner: Vec<i64>,
}

/// A directed edge of a street graph (OSMnx): its ends, its line with both ends, its tags.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RawEdge {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) line: Vec<Point>,
    pub(crate) tags: Tags,
    pub(crate) more_names: Vec<String>,
}

/// Everything read so far from all files of an import.
#[derive(Debug)]
pub(crate) struct Raw {
    nodes: Vec<(i64, Point)>,
    pub(crate) tagged: Vec<(i64, Tags)>,
    pub(crate) ways: Vec<RawWay>,
    pub(crate) areas: Vec<RawArea>,
    pub(crate) edges: Vec<RawEdge>,
    /// Relations of type `restriction`.
    pub(crate) restrictions: Vec<RawRelation>,
    refs: usize,
    refs_max: usize,
}

impl Default for Raw {
    fn default() -> Self {
        Self::within(REFS_MAX)
    }
}

impl Raw {
    /// Takes at most `refs_max` points of ways, areas and lines.
    fn within(refs_max: usize) -> Self {
        Self {
            nodes: Vec::new(),
            tagged: Vec::new(),
            ways: Vec::new(),
            areas: Vec::new(),
            edges: Vec::new(),
            restrictions: Vec::new(),
            refs: 0,
            refs_max,
        }
    }

    /// Adds a node.
    pub(crate) fn node(
        &mut self,
        file: &Path,
        id: i64,
        lat: f64,
        lon: f64,
        tags: Tags,
    ) -> Result<(), MapError> {
        let point = Point::new(lat, lon).ok_or_else(|| {
            MapError::damaged(file, format_args!("node {id} at {lat},{lon} is off the earth"))
        })?;
        if self.nodes.len() >= NODES_MAX {
            return Err(MapError::too_large(file, "nodes", NODES_MAX as u64));
        }
        self.nodes.push((id, point));
        if !tags.is_empty() {
            if self.tagged.len() >= TAGGED_MAX {
                return Err(MapError::too_large(file, "tagged nodes", TAGGED_MAX as u64));
            }
            self.tagged.push((id, tags));
        }
        Ok(())
    }

    /// Adds a way, unless nothing in the map can come of it.
    pub(crate) fn way(&mut self, file: &Path, way: RawWay) -> Result<(), MapError> {
        if !way_matters(&way.tags) {
            return Ok(());
        }
        if self.ways.len() >= WAYS_MAX {
            return Err(MapError::too_large(file, "ways", WAYS_MAX as u64));
        }
        self.refer(file, way.refs.len())?;
        self.ways.push(way);
        Ok(())
    }

    /// Adds what a relation says, if the map has a use for it.
    pub(crate) fn relation(&mut self, file: &Path, relation: RawRelation) -> Result<(), MapError> {
        if relation.tags.is("type", "restriction") {
            if self.restrictions.len() >= RESTRICTIONS_MAX {
                return Err(MapError::too_large(file, "turn restrictions", RESTRICTIONS_MAX as u64));
            }
            self.refer(file, relation.members.len())?;
            self.restrictions.push(relation);
            Ok(())
        } else if relation.tags.is("type", "multipolygon") {
            let ways = |inner: bool| {
                let members = relation.members.iter().filter(|(role, _)| (*role == Role::Inner) == inner);
                let ids = members.filter_map(|(_, element)| match element {
                    Element::Way(id) => Some(*id),
                    Element::Node(_) => None,
                });
                ids.collect()
            };
            let (outer, inner) = (ways(false), ways(true));
            self.area(file, RawArea { tags: relation.tags, outer, inner })
        } else {
            Ok(())
        }
    }

    /// Adds a multipolygon if it is drawn on the map.
    fn area(&mut self, file: &Path, area: RawArea) -> Result<(), MapError> {
        if !is_drawn(&area.tags) {
            return Ok(());
        }
        if self.areas.len() >= WAYS_MAX {
            return Err(MapError::too_large(file, "areas", WAYS_MAX as u64));
        }
        self.refer(file, area.outer.len() + area.inner.len())?;
        self.areas.push(area);
        Ok(())
    }

    /// Adds a directed edge of a street graph.
    pub(crate) fn edge(&mut self, file: &Path, edge: RawEdge) -> Result<(), MapError> {
        if self.edges.len() >= NODES_MAX {
            return Err(MapError::too_large(file, "edges", NODES_MAX as u64));
        }
        self.refer(file, edge.line.len())?;
        self.edges.push(edge);
        Ok(())
    }

    /// Counts what ways, areas and lines are made of, all together: each alone may be long.
    fn refer(&mut self, file: &Path, count: usize) -> Result<(), MapError> {
        self.refs += count;
        if self.refs > self.refs_max {
            return Err(MapError::too_large(file, "points of ways, areas and lines", self.refs_max as u64));
        }
        Ok(())
    }

    /// Puts everything in order of id; of what several files hold, the fuller copy stays.
    pub(crate) fn settle(&mut self) {
        self.nodes.sort_unstable();
        self.nodes.dedup_by_key(|(id, _)| *id);
        self.tagged.sort_by_key(|(id, _)| *id);
        self.tagged.dedup_by_key(|(id, _)| *id);
        self.ways.sort_by_key(|way| (way.id, std::cmp::Reverse(way.refs.len())));
        self.ways.dedup_by_key(|way| way.id);
        self.restrictions.sort_by_key(|relation| (relation.id, std::cmp::Reverse(relation.members.len())));
        self.restrictions.dedup_by_key(|relation| relation.id);
    }

    /// Where a node lies; nothing if no file holds it (extracts cut ways at their border).
    ///
    /// Only after [`Raw::settle`].
    pub(crate) fn point(&self, id: i64) -> Option<Point> {
        self.nodes.binary_search_by_key(&id, |(node, _)| *node).ok().map(|at| self.nodes[at].1)
    }

    /// The points of a way that are known.
    pub(crate) fn line(&self, way: &RawWay) -> Vec<Point> {
        way.refs.iter().filter_map(|id| self.point(*id)).collect()
    }

    /// The way with this id, after [`Raw::settle`].
    pub(crate) fn way_by_id(&self, id: i64) -> Option<&RawWay> {
        self.ways.binary_search_by_key(&id, |way| way.id).ok().map(|at| &self.ways[at])
    }
}

/// Streets, addresses, named things, what is drawn; and bare ways, which may bound an area.
fn way_matters(tags: &Tags) -> bool {
    tags.is_empty()
        || ["highway", "addr:housenumber", "name", "amenity", "railway"]
            .iter()
            .any(|key| tags.get(key).is_some())
        || is_drawn(tags)
}

/// Whether the console's map shows it as water or green.
pub(crate) fn is_drawn(tags: &Tags) -> bool {
    tags.is_any("natural", &["water", "wood", "coastline", "bay"])
        || tags.is_any("waterway", &["river", "riverbank", "canal", "dock"])
        || tags.is_any("leisure", &["park", "garden", "nature_reserve"])
        || tags.is_any("landuse", &["forest", "reservoir", "basin", "grass", "cemetery"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_in_sum_is_refused() {
        let file = Path::new("x.osm");
        let water = || Tags::of(&[("natural", "water")]);
        let area = |members| RawArea { tags: water(), outer: vec![1; members], inner: vec![2; members] };
        let mut raw = Raw::within(10);
        raw.area(file, area(3)).unwrap();
        assert!(raw.area(file, area(3)).is_err(), "6 and 6 are more than 10");
        let mut raw = Raw::within(10);
        raw.way(file, RawWay { id: 1, refs: vec![1; 6], tags: water() }).unwrap();
        let point = Point::new(37.5, 127.0).unwrap();
        let edge =
            RawEdge { from: 1, to: 2, line: vec![point; 5], tags: Tags::default(), more_names: Vec::new() };
        assert!(raw.edge(file, edge).is_err());
        let nothing_drawn = RawArea { tags: Tags::default(), outer: vec![1; 99], inner: Vec::new() };
        Raw::within(10).area(file, nothing_drawn).unwrap();
    }
}
