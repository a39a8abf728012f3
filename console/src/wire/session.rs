//! Signing in, who decides, and what was joined after a cut.

use std::collections::BTreeMap;

use ondol_core::ids::{BookingId, DistrictId, FleetId, NodeId};
use serde::{Deserialize, Serialize};

use ondol_engine::http::Moment;

/// An operator signs in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The account's name.
    pub account: String,
    /// Its password.
    pub password: String,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn").field("account", &self.account).field("password", &"…").finish()
    }
}

/// Who is signed in, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionView {
    /// The account's name.
    pub account: String,
    /// The role.
    pub role: String,
    /// The fleet to which the account is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetId>,
    /// The node that answers.
    pub node: NodeId,
    /// True at central, false at an edge.
    pub central: bool,
}

/// Who decided what an answer says, and how fresh it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// The node that decided.
    pub authority: NodeId,
    /// When that was true.
    pub as_of: Moment,
}

/// A request without content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// A grave step, confirmed by naming its object again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmRequest {
    /// The district, as in the address.
    pub confirm: DistrictId,
}

/// Old bans are waived for a while, confirmed by naming the district again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaiveRequest {
    /// The district, as in the address.
    pub confirm: DistrictId,
    /// For how long from now, 0 to 24; 0 ends what was waived before.
    pub hours: u32,
}

/// What joining histories brought to light.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReconciliationView {
    /// Conflicts, the latest first, at most [`super::CONFLICTS_MAX`].
    pub conflicts: Vec<ConflictView>,
    /// First moment of the window.
    pub from: Moment,
    /// What each district went through in the window.
    pub districts: Vec<OutageView>,
    /// Who says so.
    pub standing: Standing,
}

/// What a district went through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutageView {
    /// The district.
    pub district: DistrictId,
    /// Bookings first taken in, by node.
    pub accepted: BTreeMap<NodeId, u64>,
    /// Bookings that several nodes had taken in and that are one now.
    pub merged: u64,
    /// Riders who boarded, by the node whose offer brought them a taxi.
    pub served: BTreeMap<NodeId, u64>,
}

/// One conflict and how the rule settled it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConflictView {
    /// Its kind, snake_case.
    pub kind: String,
    /// The booking.
    pub booking: BookingId,
    /// The booking's code.
    pub code: String,
    /// The other booking, where two are linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<BookingId>,
    /// The district.
    pub district: DistrictId,
    /// When the booking was made.
    pub at: Moment,
    /// What the rule says: `merged`, `nearest_stands`, `operator`, …
    pub resolution: String,
    /// Bonds that gave way: their drivers drove for nothing.
    pub gave_way: usize,
    /// True if a person must decide.
    pub open: bool,
}
