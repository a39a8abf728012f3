//! Maps for dispatch: streets and travel times, places by name, districts, and the map that screens draw.
//!
//! A map is made once, by [`import`] from OpenStreetMap files or by [`generate`] from a seed, into a
//! directory; [`RoadMap`] loads it and answers. No request ever leaves the building.
//!
//! | about | module |
//! |---|---|
//! | what tags mean for a taxi: class, access, one-ways, speed | `tags` |
//! | reading PBF, OSM XML and GraphML | `import` |
//! | junctions and segments; their largest strongly connected part | `network`, `connected` |
//! | turns, what they cost, which are forbidden | `turns`, `arc` |
//! | driving times: contraction hierarchy, routes, tables | `hierarchy`, `sweep`, `route`, `snap` |
//! | live speeds learnt from traces; a stated time of arrival | [`speeds`] |
//! | what places are called | `gazetteer` |
//! | districts and zones | [`districts`] |
//! | the built-in city | [`generate`] |
//! | files | `store`, [`meta`], `overview` |
//!
//! Absent: tolerance for typing errors, vector tiles.

mod arc;
mod build;
mod connected;
pub mod districts;
mod error;
mod gazetteer;
pub mod generate;
mod hierarchy;
mod import;
mod map;
pub mod meta;
mod names;
mod network;
#[cfg(test)]
mod oracle;
mod overview;
mod point;
mod route;
mod snap;
pub mod speeds;
mod store;
mod sweep;
mod tags;
mod turns;

pub use build::BuiltMap;
pub use districts::{District, Districts, Zone};
pub use error::{MapError, RouteError, SpeedsError};
pub use gazetteer::{Hit, Kind, SEARCH_TEXT_MAX};
pub use import::{Progress, import, import_in_memory};
pub use map::{RoadMap, Snapped, Stand, StateGraph};
pub use meta::{Counts, ImportReport, Meta, Source};
pub use overview::OVERVIEW_MAX_BYTES;
pub use point::Bbox;
pub use route::{Leg, Route};
pub use snap::SNAP_MAX_M;
pub use tags::RoadClass;
