//! `meta.json`: what a map directory holds and where it comes from.

use serde::{Deserialize, Serialize};

use crate::point::Bbox;

/// Layout of the map directory that this release writes and reads.
pub const FORMAT: u32 = 2;
/// What must stand wherever a map or a place list made from OpenStreetMap is shown.
pub const OSM_ATTRIBUTION: &str = "© OpenStreetMap contributors";
/// The same line for a generated city.
pub const SYNTHETIC_ATTRIBUTION: &str = "Ondol synthetic city";

/// One file that went into a map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its name without the directory.
    pub file: String,
    /// `osm_pbf`, `osm_xml`, `osmnx_graphml` or `synthetic`.
    pub format: String,
}

/// How much a map holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Junctions.
    pub nodes: usize,
    /// Directed arcs: a two-way street between two junctions counts twice.
    pub edges: usize,
    /// Pieces of street between two junctions.
    pub segments: usize,
    /// Pieces of street left out because no taxi could come back from them, or reach them.
    pub left_out: usize,
    /// Turn restrictions that bind taxis.
    pub restrictions: usize,
    /// Turn restrictions left out because they cannot be read without guessing (a street is missing or closed).
    pub restrictions_left_out: usize,
    /// Turn restrictions left out because they hold at some hours only.
    pub restrictions_conditional: usize,
    /// Different street names.
    pub names: usize,
    /// House numbers.
    pub addresses: usize,
    /// Named places, buildings, shops.
    pub places: usize,
    /// Stations.
    pub stations: usize,
    /// Numbered exits of stations.
    pub exits: usize,
    /// Taxi stands.
    pub stands: usize,
}

/// Content of `meta.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Layout of the directory.
    pub format: u32,
    /// Files it was made from.
    pub sources: Vec<Source>,
    /// The line to show with the map.
    pub attribution: String,
    /// Licence of the data.
    pub licence: String,
    /// How much it holds.
    pub counts: Counts,
    /// The box around all streets, degrees.
    pub bbox: Bbox,
}

/// What an import did.
///
/// JSON: `{"nodes", "edges", "names", "places"}`, as `ondol map import --json` prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Junctions.
    pub nodes: usize,
    /// Directed arcs.
    pub edges: usize,
    /// Different street names.
    pub names: usize,
    /// Everything else that can be searched: house numbers, places, stations, exits, stands.
    pub places: usize,
}

impl Meta {
    /// The numbers that `ondol map import --json` prints.
    #[must_use]
    pub fn report(&self) -> ImportReport {
        let Counts { nodes, edges, names, addresses, places, stations, exits, stands, .. } = self.counts;
        ImportReport { nodes, edges, names, places: addresses + places + stations + exits + stands }
    }
}
