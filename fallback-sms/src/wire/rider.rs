//! A rider's side of the text door.

use ondol_messages::Lang;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{DriverFacts, Place, Position, Standing};
use crate::clock::UtcMs;

/// What a node knows of a phone number. Asked before anything is said to that number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiderFacts {
    /// The language this person is known to read.
    #[serde(default)]
    pub lang: Option<Lang>,
    /// Open bookings of the number, oldest first, at most 4.
    pub open: Vec<BookingView>,
    /// Saved places (집, 회사).
    pub saved: Vec<SavedPlace>,
    /// Where this number was picked up last.
    #[serde(default)]
    pub last_pickup: Option<Place>,
    /// Set if the number is that of a registered feature-phone driver.
    #[serde(default)]
    pub driver: Option<DriverFacts>,
    /// Where to search first: the middle of the district this number mostly uses.
    #[serde(default)]
    pub near: Option<Position>,
    /// Who says so.
    pub standing: Standing,
}

/// A place a rider has saved under a word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedPlace {
    /// `home` or `work`.
    pub alias: String,
    /// The place.
    pub place: Place,
}

/// A spot of a booking: where, and what the rider calls it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spot {
    /// The name the rider chose or typed; at most [`super::NAME_MAX_CHARS`].
    pub name: String,
    /// Where a car meets the rider.
    pub position: Position,
    /// The stand's number, if it is a stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand_code: Option<u16>,
}

/// By which door of the text process a booking came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A text message.
    Sms,
    /// A telephone call.
    Phone,
}

/// How the number has shown that it meant it.
///
/// A sender's number can be forged, an answer to a nonce sent to that number cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Only the sender's number.
    Number,
    /// The number answered a nonce that was sent to it.
    Nonce,
}

/// A booking. Sent again with the same `booking_id` it is the same booking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookRequest {
    /// Request key and id, derived from the caller, the text node and the text that asked.
    pub booking_id: Uuid,
    /// The rider's number, E.164.
    pub phone: String,
    /// Where to.
    pub pickup: Spot,
    /// Where from there, if told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Spot>,
    /// People, 1 to 8.
    pub passengers: u8,
    /// When, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pickup_at: Option<UtcMs>,
    /// The language of the dialogue.
    pub lang: Lang,
    /// By which door.
    pub source: Source,
    /// `nonce` allows a second open booking of the number.
    pub proof: Proof,
    /// When the text centre took the rider's message.
    pub asked_at: UtcMs,
}

/// A wish to cancel. Before assignment the number suffices, after it `proof` must be `nonce`, else `proof_needed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {
    /// Names this request.
    pub request_id: Uuid,
    /// The rider's number: the booking must be this number's, else `booking_unknown`.
    pub phone: String,
    /// How the number has shown that it meant it.
    pub proof: Proof,
}

/// A wish to be picked up elsewhere. More than 300 m away `proof` must be `nonce`, else `proof_needed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveRequest {
    /// Names this request.
    pub request_id: Uuid,
    /// The rider's number.
    pub phone: String,
    /// Where now.
    pub pickup: Spot,
    /// How the number has shown that it meant it.
    pub proof: Proof,
}

/// The rider says that a booking which waited through an outage is still wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepRequest {
    /// Names this request.
    pub request_id: Uuid,
    /// The rider's number.
    pub phone: String,
}

/// What a booking's acknowledgement promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accepted {
    /// Durable at the node that answered.
    AcceptedLocal,
    /// Durable at another node as well.
    AcceptedReplicated,
}

/// Where a booking stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BookingState {
    /// Waiting for its time or for a car.
    Open,
    /// A car is on its way.
    Assigned,
    /// The car is at the pickup.
    Arrived,
    /// The rider is in the car.
    Boarded,
    /// Done.
    Completed,
    /// Cancelled by somebody.
    Cancelled,
    /// No car could be found.
    Unserved,
}

/// A car on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VehicleView {
    /// The plate, e.g. `서울33바1234`.
    pub plate: String,
    /// Seconds until it is at the pickup, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_s: Option<u32>,
}

/// A booking as its rider may see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookingView {
    /// The client-made id.
    pub booking_id: Uuid,
    /// Four characters to name it by, the last of them a check character.
    pub code: String,
    /// Four digits that the rider tells the driver.
    pub pin: String,
    /// Where it stands.
    pub state: BookingState,
    /// Where the rider is met.
    pub pickup: Spot,
    /// When, if it was booked ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pickup_at: Option<UtcMs>,
    /// The car, once assigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<VehicleView>,
    /// What the acknowledgement promises.
    pub accepted: Accepted,
    /// Who says so.
    pub standing: Standing,
}
