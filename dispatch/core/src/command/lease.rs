//! The renewal of a lease and its answer.

use serde::{Deserialize, Serialize};

use crate::authority::{EdgeMode, Epoch};
use crate::ids::DistrictId;
use crate::journal::Heads;
use crate::units::Ticks;

/// Central's renewal of a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renewal {
    /// The district.
    pub district: DistrictId,
    /// The authority being renewed.
    pub epoch: Epoch,
    /// Central's elapsed clock at sending; comes back in the answer.
    pub sent_at: Ticks,
    /// Everything central holds of the district (the cursor H).
    pub heads: Heads,
}

/// An edge's answer to a renewal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewalAnswer {
    /// The district.
    pub district: DistrictId,
    /// The renewal's `sent_at`.
    pub sent_at: Ticks,
    /// Where the edge stands.
    pub mode: EdgeMode,
    /// The authority the edge knows or holds.
    pub epoch: Epoch,
    /// It was not of an older authority than that: its lease runs from this renewal on.
    pub counted: bool,
    /// Everything the edge holds.
    pub heads: Heads,
}
