//! A booking on the board and in detail, and what an operator does to it.

use ondol_core::booking::{CancelReason, Door, Needs, Party, Priority, Status};
use ondol_core::fact::{CloseReason, PinCheck, Release};
use ondol_core::ids::{AssignmentId, BookingId, DistrictId, FleetId, NodeId, ShiftId, StandId, ZoneId};
use ondol_core::position::Position;
use ondol_core::units::Money;
use serde::{Deserialize, Serialize};

use super::Standing;
use ondol_engine::http::Moment;
use ondol_engine::vault::Hidden;

/// A place of a booking: where, and what the rider calls it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spot {
    /// The name, if there is one that may still be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Where.
    pub position: Position,
}

/// Why a booking needs a hand, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attention {
    /// Two shifts boarded it: nothing is charged before a person decides.
    TwoBoarded,
    /// The rider boarded without a matching PIN.
    Unverified,
    /// The assigned shift has not been heard for a minute.
    ContactLost,
    /// The rider boarded long ago or the shift was ended, and the phone is silent: somebody closes the trip.
    TripUnended,
    /// It has waited long without a taxi.
    WaitsLong,
    /// It was taken in on both sides of a cut.
    TakenTwice,
}

/// A booking on the board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookingRow {
    /// The booking.
    pub booking: BookingId,
    /// Four characters to name it by.
    pub code: String,
    /// The door it came through.
    pub door: Door,
    /// What it is doing.
    pub status: Status,
    /// Why it needs a hand; empty if it does not.
    pub attention: Vec<Attention>,
    /// Its district.
    pub district: DistrictId,
    /// Its zone.
    pub zone: ZoneId,
    /// Where the rider waits.
    pub pickup: Spot,
    /// Where the rider goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropoff: Option<Spot>,
    /// The stand where the rider waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand: Option<StandId>,
    /// When it was taken in.
    pub made_at: Moment,
    /// When the taxi is wanted, if it was ordered ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pickup_at: Option<Moment>,
    /// Passengers.
    pub seats: u8,
    /// What the vehicle must have.
    pub needs: Needs,
    /// Who goes first.
    pub priority: Priority,
    /// The only fleet that may serve it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetId>,
    /// What the rider is called, if told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rider_name: Option<String>,
    /// The rider's number with its middle hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_masked: Option<String>,
    /// Why the rider's text is not shown, if there is some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rider_hidden: Option<Hidden>,
    /// The taxi that stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taxi: Option<TaxiView>,
    /// The node that plans it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<NodeId>,
    /// Who ended it, if it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<Party>,
    /// Why, if it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<CancelReason>,
    /// What was paid, once the trip is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fare: Option<Money>,
    /// Who says so.
    pub standing: Standing,
}

/// The taxi of a booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaxiView {
    /// The shift.
    pub shift: ShiftId,
    /// The vehicle's plate.
    pub plate: String,
    /// When it should be at the pickup, as planned at the offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrives_at: Option<Moment>,
}

/// Everything about a booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookingDetail {
    /// The booking.
    pub row: BookingRow,
    /// Four digits that the rider says at boarding; the operator reads them to a caller.
    pub pin: String,
    /// The note to the driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Nodes that took it in.
    pub accepted_by: Vec<NodeId>,
    /// Who was asked and what came of it, the first first. Why is another question, and recorded: [`super::DecisionsView`].
    pub assignments: Vec<AssignmentView>,
    /// Shifts that could be asked by hand, nearest first.
    pub candidates: Vec<CandidateView>,
    /// What journals say of it, in order, at most [`super::FACTS_MAX`].
    pub facts: Vec<FactView>,
}

/// One bond of a booking with a shift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignmentView {
    /// The bond.
    pub assignment: AssignmentId,
    /// The shift.
    pub shift: ShiftId,
    /// The vehicle's plate, if it is known here and the caller's to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plate: Option<String>,
    /// Travel time when it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_s: Option<u32>,
    /// When it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered_at: Option<Moment>,
    /// When it accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_at: Option<Moment>,
    /// When it reached the pickup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived_at: Option<Moment>,
    /// When the rider boarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boarded_at: Option<Moment>,
    /// How the rider was recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin_check: Option<PinCheck>,
    /// When the trip ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<Moment>,
    /// Why an operator closed the trip, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<CloseReason>,
    /// When it ended without a trip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Moment>,
    /// Why it ended without a trip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
}

/// A shift that could be asked by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CandidateView {
    /// The shift.
    pub shift: ShiftId,
    /// The vehicle's plate.
    pub plate: String,
    /// What the driver is called, if known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_name: Option<String>,
    /// Why the driver's name is not shown, if there is some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_hidden: Option<Hidden>,
    /// Travel time by road now; absent if no road leads, or nobody knows where the shift is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_s: Option<u32>,
    /// When it was last heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_at: Option<Moment>,
    /// True for a driver without the app.
    pub by_text: bool,
}

/// A journal entry about a booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactView {
    /// When it was written, by its writer's clock.
    pub at: Moment,
    /// The node that wrote it.
    pub origin: NodeId,
    /// Which life of the node.
    pub incarnation: u32,
    /// Its number in the series.
    pub seq: u64,
    /// Its kind, snake_case.
    pub kind: String,
}

/// Ask this shift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignRequest {
    /// The shift.
    pub shift: ShiftId,
    /// How many minutes the driver said that the way takes, 1 to 240: needed where the answer was `eta_unknown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_minutes: Option<u16>,
}

/// Close the trip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseRequest {
    /// Why.
    pub reason: CloseReason,
    /// The fare in won as the driver told it; absent if nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fare: Option<Money>,
}

/// End the booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {
    /// Why.
    pub reason: CancelReason,
}

/// Show the whole number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevealRequest {
    /// Why it is needed; kept in the audit log.
    pub reason: String,
}

/// A number in clear.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevealAnswer {
    /// The number, E.164.
    pub phone: String,
}

impl std::fmt::Debug for RevealAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RevealAnswer(…)")
    }
}
