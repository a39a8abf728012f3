//! What the readers of all formats fill: raw nodes, ways and areas, within bounds.

use std::path::Path;

use crate::error::MapError;
use crate::point::Point;
use crate::tags::Tags;

/// Most nodes of one import: 20 million take 320 MB while importing (Seoul's region has about 5).
pub(crate) const NODES_MAX: usize = 20_000_000;
/// Most ways of one import.
pub(crate) const WAYS_MAX: usize = 4_000_000;
/// Most node references of all ways together.
pub(crate) const REFS_MAX: usize = 60_000_000;
/// Most nodes that carry tags.
pub(crate) const TAGGED_MAX: usize = 4_000_000;

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
#[derive(Debug, Default)]
pub(crate) struct Raw {
    nodes: Vec<(i64, Point)>,
    pub(crate) tagged: Vec<(i64, Tags)>,
    pub(crate) ways: Vec<RawWay>,
    pub(crate) areas: Vec<RawArea>,
    pub(crate) edges: Vec<RawEdge>,
    refs: usize,
}

impl Raw {
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
        self.refs += way.refs.len();
        if self.ways.len() >= WAYS_MAX {
            return Err(MapError::too_large(file, "ways", WAYS_MAX as u64));
        }
        if self.refs > REFS_MAX {
            return Err(MapError::too_large(file, "node references", REFS_MAX as u64));
        }
        self.ways.push(way);
        Ok(())
    }

    /// Adds a multipolygon if it is drawn on the map.
    pub(crate) fn area(&mut self, area: RawArea) {
        if is_drawn(&area.tags) && self.areas.len() < WAYS_MAX {
            self.areas.push(area);
        }
    }

    /// Puts everything in order of id; of what several files hold, the fuller copy stays.
    pub(crate) fn settle(&mut self) {
        self.nodes.sort_unstable();
        self.nodes.dedup_by_key(|(id, _)| *id);
        self.tagged.sort_by_key(|(id, _)| *id);
        self.tagged.dedup_by_key(|(id, _)| *id);
        self.ways.sort_by_key(|way| (way.id, std::cmp::Reverse(way.refs.len())));
        self.ways.dedup_by_key(|way| way.id);
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
