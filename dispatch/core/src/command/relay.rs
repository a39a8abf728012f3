//! What an edge that stands by tells central of drivers whom only the edge hears.

use serde::{Deserialize, Serialize};

use crate::ids::{DistrictId, ShiftId};
use crate::position::Position;

/// Most drivers of one call.
pub const RELAYED_MAX: usize = 2_000;

/// The free drivers with the app who are attached to an edge: the whole of them, which replaces what was said before.
///
/// Never journalled: only the latest counts, and it ages within seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relay {
    /// The edge's district.
    pub district: DistrictId,
    /// Each shift once, at most [`RELAYED_MAX`].
    pub drivers: Vec<RelayedDriver>,
}

/// A free driver whom an edge hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayedDriver {
    /// The shift.
    pub shift: ShiftId,
    /// Where it is.
    pub position: Position,
    /// How long ago the edge heard it, in milliseconds.
    pub heard_ago_ms: u64,
}
