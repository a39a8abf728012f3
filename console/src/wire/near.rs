//! Who is free near a place.

use ondol_core::ids::{FleetId, ShiftId};
use ondol_core::position::Position;
use ondol_engine::http::Moment;
use serde::{Deserialize, Serialize};

use super::Standing;

/// Free taxis near a place: an operator with a caller on the line says how near help is, before anything is booked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NearView {
    /// Nearest by straight line first; of two as near the one with the lesser id.
    pub taxis: Vec<NearTaxi>,
    /// Who says so.
    pub standing: Standing,
}

/// A free taxi. Who drives it is not told here: nobody has to be asked yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NearTaxi {
    /// The shift.
    pub shift: ShiftId,
    /// The vehicle's plate.
    pub plate: String,
    /// Its fleet.
    pub fleet: FleetId,
    /// Passengers that it takes.
    pub seats: u8,
    /// Where it is.
    pub position: Position,
    /// How far that is by straight line, in whole metres.
    pub distance_m: u32,
    /// When it was last heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_at: Option<Moment>,
    /// True for a driver without the app.
    pub by_text: bool,
}
