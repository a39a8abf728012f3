//! Places, and where else a rider's page may ask.

use std::collections::BTreeMap;

use ondol_core::ids::{DistrictId, NodeId, StandId};
use ondol_core::position::Position;
use serde::{Deserialize, Serialize};

/// Places found, best first, at most [`super::PLACES_MAX`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacesAnswer {
    /// The places.
    pub places: Vec<PlaceView>,
}

/// A place of the map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceView {
    /// What people call it.
    pub name: String,
    /// `stand`, `exit`, `station`, `address`, `street`, `place`: shown, never decided upon.
    pub kind: String,
    /// Where it is.
    pub position: Position,
    /// The code on the pole, for a stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand: Option<StandId>,
    /// True if the platform takes bookings from there.
    pub served: bool,
    /// The district that it lies in: the page asks that district's node first, and shows its number for texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub district: Option<DistrictId>,
}

/// Where the page may ask, in the order to try; and what to do when nothing answers.
///
/// It says what the answering node knows, which is less at an edge: a page adds it to what it knows already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointsAnswer {
    /// Nodes, the preferred one first, at most [`super::ENDPOINTS_MAX`].
    pub endpoints: Vec<Endpoint>,
    /// Numbers that take bookings by text message, by the district of the pickup.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sms_numbers: BTreeMap<DistrictId, String>,
    /// Number of a human operator, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
}

/// A node that serves riders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Its name.
    pub node: NodeId,
    /// Scheme, host and port, without a slash at the end.
    pub url: String,
    /// The only district that it serves; absent at central, which serves all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub district: Option<DistrictId>,
}
