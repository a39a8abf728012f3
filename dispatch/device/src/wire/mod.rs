//! What a driver's phone and a node say to each other, as JSON.
//!
//! ```text
//! phone ── attach ─▶ node      binds the device, with its whole state; answered by a session
//!       ── beat ───▶           every 5 s; the answer carries everything that is still open between the two
//!       ── reports ▶           the live lane of the outbox; every entry is answered for itself
//!       ── positions ▶         the track lane, newest first
//!       ◀─ push ───            offer, revoke, confirm, replace: a faster copy of what the next beat would bring
//! ```
//!
//! The same messages go over HTTP (one path each) and over the WebSocket ([`Up`], [`Down`]).
//! Every message may come twice. Unknown fields are refused; moments are RFC 3339; positions are
//! `{"lat", "lon"}` in WGS84 degrees; ids are text.
//!
//! Whose shift it is, its district and fleet are *not* in the messages: the node takes them from the shift pass.

use ondol_core::authority::Epoch;
use ondol_core::booking::{Door, Needs, Payment, Priority};
use ondol_core::fact::{Lang, PinCheck, Release};
use ondol_core::ids::{AssignmentId, BookingId, DeviceId, DistrictId, NodeId, ShiftId, StandId};
use ondol_core::position::Position;
use ondol_core::shift::Duty;
use ondol_core::units::{Money, UtcMs};
use serde::{Deserialize, Serialize};

mod capsule;
mod check;
mod convert;
pub mod moment;
mod socket;

pub use capsule::{
    CapsuleAnswer, CapsuleOutcome, InvalidTripText, KeptCapsule, Phase, TRIP_TEXT_MAX, TripText,
};
pub use check::{FIXES_MAX, Invalid, MESSAGES_MAX, REPORTS_MAX, SESSION_MAX, TEXT_MAX};
pub use convert::{RiderTexts, Who};
pub use socket::{Down, Problem, Up};

/// `POST /driver/v1/attach`: a device binds itself to a node, with its whole state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attach {
    /// The shift, named by the device.
    pub shift: ShiftId,
    /// The device.
    pub device: DeviceId,
    /// When the shift began.
    #[serde(with = "moment")]
    pub started_at: UtcMs,
    /// The device's count of bonds with nodes; only rises.
    pub attach_epoch: u64,
    /// What the slot holds.
    pub slot: Slot,
    /// The last change of duty.
    pub duty: DutyChange,
    /// Where it is, if it knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// The capsules of the trips in its slot, in their order; absent if it keeps none and knows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capsules: Option<Vec<KeptCapsule>>,
}

/// The node's answer to an attach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attached {
    /// The node.
    pub node: NodeId,
    /// Names the session; offers carry it, beats show it. A new session voids the offers of older ones.
    pub session: String,
    /// What became of each capsule; nothing for a device that brought none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capsules: Vec<CapsuleAnswer>,
}

/// What a device's durable slot holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// The assignment being served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Held>,
    /// The one after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Held>,
}

/// An assignment in a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// The booking.
    pub booking: BookingId,
    /// The bond.
    pub assignment: AssignmentId,
    /// A node has confirmed it.
    pub confirmed: bool,
    /// The rider is in the vehicle: nothing but the driver ends it now.
    pub boarded: bool,
}

/// A change of duty. The device numbers its changes; the highest number stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DutyChange {
    /// The change's number.
    pub number: u64,
    /// The duty since.
    pub duty: Duty,
}

/// `POST /driver/v1/beat`: a sign of life, every 5 s, to the node it is attached to and to the others it knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beat {
    /// The shift.
    pub shift: ShiftId,
    /// The device.
    pub device: DeviceId,
    /// The session, if it is attached to the node it speaks to; absent in a beacon to another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Central answered this device, alive, within the last 10 s.
    pub hears_central: bool,
    /// Where it is, if it knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// What its slot holds.
    pub slot: Slot,
}

/// The node's answer to a beat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeatAnswer {
    /// The node that answers.
    pub node: NodeId,
    /// It committed something in the last 5 s: a node whose disk is dead does not count as reachable.
    pub alive: bool,
    /// The node that holds the district, as far as the answering node knows.
    pub holder: NodeId,
    /// The authority under which.
    pub epoch: Epoch,
    /// The device's session is in force here.
    pub attached: bool,
    /// Everything open between the node and the device; at most [`MESSAGES_MAX`].
    pub messages: Vec<Push>,
    /// As long as the driver is asked to drive home; only for a device that keeps capsules, because one of a release
    /// before refuses what it does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_home: Option<AskedHome>,
}

/// A free driver is asked to drive back to the own district, where riders wait. To stay has no consequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedHome {
    /// The driver's district.
    pub district: DistrictId,
    /// Where to drive: the nearest stand of the district, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub towards: Option<Position>,
    /// The wish in the driver's language, at most [`TEXT_MAX`] characters.
    pub text: String,
}

/// `POST /driver/v1/reports`: entries of the outbox's live lane, oldest first; at most [`REPORTS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportBatch {
    /// The shift.
    pub shift: ShiftId,
    /// The device.
    pub device: DeviceId,
    /// The entries.
    pub entries: Vec<ReportEntry>,
}

/// An entry of the outbox. Handing it in twice, or at two nodes, is the same as once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportEntry {
    /// The device's own number of the entry; comes back in its answer.
    pub number: u64,
    /// When it happened, on the device's clock.
    #[serde(with = "moment")]
    pub at: UtcMs,
    /// What happened.
    pub what: Happening,
}

/// What a device reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Happening {
    /// The driver's duty changed.
    Duty {
        /// The change's number.
        number: u64,
        /// The duty now.
        duty: Duty,
    },
    /// The slot holds the assignment.
    Assigned {
        /// The booking.
        booking: BookingId,
        /// The bond.
        assignment: AssignmentId,
    },
    /// The vehicle waits at the pickup.
    Arrived {
        /// The booking.
        booking: BookingId,
        /// The bond.
        assignment: AssignmentId,
    },
    /// The rider is in the vehicle.
    Boarded {
        /// The booking.
        booking: BookingId,
        /// The bond.
        assignment: AssignmentId,
        /// How the rider was recognised.
        pin: PinCheck,
    },
    /// The trip is over.
    Done {
        /// The booking.
        booking: BookingId,
        /// The bond.
        assignment: AssignmentId,
        /// Meter facts.
        fare: Fare,
    },
    /// The question or bond ended without a trip.
    Released {
        /// The booking.
        booking: BookingId,
        /// The bond.
        assignment: AssignmentId,
        /// Why.
        reason: Release,
    },
    /// A rider got in from the street.
    StreetHail {
        /// The booking, made by the device.
        booking: BookingId,
        /// The bond, made by the device.
        assignment: AssignmentId,
        /// Where.
        pickup: Position,
    },
    /// The driver joined a stand's queue or left it.
    Stand {
        /// The stand; absent when the driver left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stand: Option<StandId>,
    },
}

/// Meter facts at the end of a trip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fare {
    /// Correction number: the highest stands.
    pub revision: u32,
    /// What is to be paid, in the currency's smallest unit.
    pub amount: Money,
    /// Distance driven with the rider, in metres.
    pub distance_m: u32,
    /// Time driven with the rider, in seconds.
    pub duration_s: u32,
    /// How it is paid.
    pub payment: Payment,
}

/// The node's answer to a batch of reports: one result for each entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportAnswer {
    /// The results.
    pub results: Vec<ReportResult>,
    /// Entries whose time cannot be: the time of receipt stands, and the device should tell its driver that the
    /// clock is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrected: Vec<u64>,
}

/// What became of one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportResult {
    /// The entry's number.
    pub number: u64,
    /// Whether the node has it.
    pub outcome: Outcome,
}

/// Whether the node has an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// It is in the node's journal, or was already: the device may forget it.
    Stored,
    /// It was refused.
    Refused {
        /// The stable code of the refusal.
        code: String,
        /// True if the same entry may be taken later; false lets the device forget it.
        retry: bool,
    },
}

/// `POST /driver/v1/positions`: fixes of the track lane, newest first; at most [`FIXES_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PositionBatch {
    /// The shift.
    pub shift: ShiftId,
    /// The device.
    pub device: DeviceId,
    /// The fixes.
    pub fixes: Vec<Fix>,
}

/// A position with its moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    /// The device's own number of the fix.
    pub number: u64,
    /// When, on the device's clock.
    #[serde(with = "moment")]
    pub at: UtcMs,
    /// Where.
    pub position: Position,
}

/// The node's answer to a batch of fixes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PositionAnswer {
    /// Numbers that the node has taken in.
    pub stored: Vec<u64>,
}

/// A node's message to a device. The same one may come many times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Push {
    /// A question.
    Offer {
        /// The question.
        offer: Box<Offer>,
    },
    /// End the assignment, or never begin it. Void after boarding.
    Revoke {
        /// The bond.
        assignment: AssignmentId,
        /// The booking.
        booking: BookingId,
        /// Why.
        reason: Release,
    },
    /// The node has journalled the assignment.
    Confirm {
        /// The bond.
        assignment: AssignmentId,
        /// The rider's number in E.164, from acceptance to boarding only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rider_phone: Option<String>,
    },
    /// Exchange one assignment for another in a single step, unless the first one is locked.
    Replace {
        /// The bond that must be in the slot.
        expected: AssignmentId,
        /// The one to hold instead.
        offer: Box<Offer>,
    },
}

/// A question to a driver, with all that the trip needs if the network is gone afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// The booking.
    pub booking: BookingId,
    /// The bond in question.
    pub assignment: AssignmentId,
    /// The session it belongs to; void in another.
    pub session: String,
    /// The attach epoch it belongs to; void under another.
    pub attach_epoch: u64,
    /// The assignment that it follows; absent in a question to a free driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<AssignmentId>,
    /// Life of the question from its receipt, in milliseconds.
    pub ttl_ms: u64,
    /// Travel time to the pickup, in seconds.
    pub eta_s: u32,
    /// What the rider wants.
    pub ride: Ride,
    /// Recognises the rider's PIN without holding it.
    pub pin_verifier: String,
    /// The trip, sealed so that neither the device nor a node can read it: to be kept, and brought at each attach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capsule: Option<String>,
}

/// What the rider wants, as far as the driver should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ride {
    /// The door the booking came through.
    pub door: Door,
    /// Where the rider waits.
    pub pickup: Position,
    /// Where that is, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pickup_label: Option<String>,
    /// Where the rider goes, if the rider said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropoff: Option<Position>,
    /// Where that is, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropoff_label: Option<String>,
    /// The stand where the rider waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand: Option<StandId>,
    /// Passengers, 1 to 8.
    pub seats: u8,
    /// What the vehicle must offer.
    pub needs: Needs,
    /// Who goes first.
    pub priority: Priority,
    /// How the rider pays.
    pub payment: Payment,
    /// Fare shown to the rider, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fare_shown: Option<Money>,
    /// What the rider is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rider_name: Option<String>,
    /// What the rider wrote to the driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The rider's language.
    pub lang: Lang,
}

/// `GET /driver/v1/endpoints`: where a device may turn, best first. It keeps the list for when nobody answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoints {
    /// The nodes.
    pub nodes: Vec<Endpoint>,
    /// Number for text messages when no node answers, in E.164.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_number: Option<String>,
}

/// A node that a device may turn to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// The node.
    pub node: NodeId,
    /// What it is.
    pub role: EndpointRole,
    /// Its base URL.
    pub url: String,
}

/// What a node is to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointRole {
    /// Serves all districts.
    Central,
    /// Serves the device's district when central is away.
    Edge,
}

#[cfg(test)]
mod tests;
