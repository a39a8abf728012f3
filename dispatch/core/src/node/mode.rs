//! How a district is dispatched, as screens show it.

use super::Node;
use super::lease::Side;
use crate::authority::{CentralMode, Epoch};
use crate::ids::{DistrictId, NodeId};
use crate::units::UtcMs;

/// How a district is dispatched, as screens show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeView {
    /// The mode.
    pub mode: Mode,
    /// Since when.
    pub since: UtcMs,
    /// The node that holds the district, as far as this one knows.
    pub holder: NodeId,
    /// Under which authority.
    pub epoch: Epoch,
    /// Why.
    pub reason: ModeReason,
}

/// How a district is dispatched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Central dispatches.
    Normal,
    /// Central and the edge cannot reach one another, or the edge dispatches.
    Degraded,
    /// Histories are being joined.
    Healing,
}

/// Why a district is in its mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModeReason {
    /// The lease runs.
    LeaseRuns,
    /// The lease is out, and nobody confirms that central is gone.
    LeaseOut,
    /// Drivers confirm that central is gone.
    Witnesses,
    /// Nobody is heard at all.
    Silence,
    /// An operator took the district.
    ByHand,
    /// Central does not hear the edge.
    EdgeUnheard,
    /// The edge gives the district back.
    Returning,
    /// The link came and went: the edge keeps the district until it has held for a while.
    Unsteady,
}

impl Node {
    /// How a district is dispatched; `None` if it is not served here.
    #[must_use]
    pub fn mode(&self, district: &DistrictId) -> Option<ModeView> {
        self.sides.get(district).map(|side| side.view(&self.config.id, self.board.district(district)))
    }

    pub(super) fn central_mode(&self, district: &DistrictId) -> Option<CentralMode> {
        match self.sides.get(district)? {
            Side::Central(side) => Some(side.lease.mode()),
            Side::Edge(_) => None,
        }
    }
}
