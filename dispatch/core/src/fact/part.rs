//! What facts are made of: a request, an owner, a step of an assignment, a driver, a vehicle.

use serde::{Deserialize, Serialize};

use crate::authority::Epoch;
use crate::booking::{Door, Needs, Payment, Priority};
use crate::ids::{DistrictId, DriverId, FleetId, NodeId, StandId, SubjectId, VehicleId};
use crate::journal::Series;
use crate::position::Position;
use crate::shift::Serialiser;
use crate::units::{Money, UtcMs};

/// Language of the texts a person gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lang {
    /// Korean.
    Ko,
    /// English.
    En,
}

/// Personal text of one person, encrypted by the shell with that person's key; the core never reads it.
///
/// Deleting the key deletes the text everywhere, and chains stay whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sealed {
    /// Whose key opens it.
    pub subject: SubjectId,
    /// Nonce and ciphertext, base64.
    pub text: String,
}

/// Keyed hash of a phone number, hexadecimal: finds a number without holding it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneKey(pub String);

/// What a rider asked for. Fields that people can be recognised by are in `personal`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Request {
    /// The door it came through.
    pub door: Door,
    /// The only fleet that may serve it, if the rider chose one.
    pub fleet: Option<FleetId>,
    /// Where the rider waits.
    pub pickup: Position,
    /// Where the rider goes; optional, the order button never disappears.
    pub dropoff: Option<Position>,
    /// The stand where the rider waits, which gives its queue the first offer.
    pub stand: Option<StandId>,
    /// Passengers, 1 to 8.
    pub seats: u8,
    /// What the vehicle must have.
    pub needs: Needs,
    /// Who goes first.
    pub priority: Priority,
    /// When the taxi is wanted; absent means now.
    pub pickup_at: Option<UtcMs>,
    /// The rider.
    pub rider: SubjectId,
    /// The rider's number, hashed: limits and possible duplicates.
    pub phone: Option<PhoneKey>,
    /// Name, number, note and address labels, sealed.
    pub personal: Option<Sealed>,
    /// Language for the rider's texts.
    pub lang: Lang,
    /// How the rider pays.
    pub payment: Payment,
    /// Fare shown before booking, with the tariff that binds.
    pub quote: Option<Quote>,
    /// Node whose text process tells the rider by SMS; absent for riders who follow on the web.
    pub text_home: Option<NodeId>,
    /// Digest of the request as it came: the same key with another body is refused.
    pub digest: String,
}

impl Request {
    /// The wish of a rider of whom nothing is known but the place: one seat at once, in cash, told in Korean.
    #[must_use]
    pub fn plain(door: Door, pickup: Position, rider: SubjectId) -> Self {
        Self {
            door,
            fleet: None,
            pickup,
            dropoff: None,
            stand: None,
            seats: 1,
            needs: Needs::default(),
            priority: Priority::Normal,
            pickup_at: None,
            rider,
            phone: None,
            personal: None,
            lang: Lang::Ko,
            payment: Payment::Cash,
            quote: None,
            text_home: None,
            digest: String::new(),
        }
    }
}

/// A fare shown before booking.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Quote {
    /// The amount shown.
    pub fare: Money,
    /// The tariff that made it.
    pub tariff: String,
}

/// Who plans a booking; only the owner offers it.
///
/// Ordered by epoch, then by hand-overs within the epoch: the greatest that any node has seen wins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// The authority under which the node owns it.
    pub epoch: Epoch,
    /// Hand-overs within the epoch, each made by the owner before.
    pub version: u32,
    /// The owning node.
    pub node: NodeId,
    /// It came to its owner while the owner's lease had run out, or was asked for again then: no other node adopts it
    /// before central has renewed with an H that covers it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub apart: bool,
}

/// Why an offer or assignment ended without a trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Release {
    /// The driver said no.
    Declined,
    /// The offer ran out of time.
    Lapsed,
    /// The node withdrew the offer before it was accepted.
    Withdrawn,
    /// A new session of the device voided it.
    SessionVoid,
    /// The booking was cancelled.
    Cancelled,
    /// The driver gave it back.
    GivenBack,
    /// An operator recalled it.
    Recalled,
    /// Another assignment of the same booking stands.
    Superseded,
    /// Replaced by another assignment on the same device.
    Replaced,
    /// The rider did not come.
    NoShow,
    /// Assigned but never confirmed, and given up by the device.
    Unconfirmed,
    /// The driver was not heard for too long before boarding.
    ContactLost,
}

/// How a rider was recognised at boarding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PinCheck {
    /// The PIN matched.
    Verified,
    /// No PIN matched in five tries, or none was asked for; an operator sees it.
    Unverified,
    /// A street hail has no PIN.
    NotNeeded,
}

/// Meter facts at the end of a trip.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fare {
    /// Correction number: the highest stands.
    pub revision: u32,
    /// What is to be paid.
    pub amount: Money,
    /// Distance driven with the rider.
    pub distance_m: u32,
    /// Time driven with the rider.
    pub duration_s: u32,
    /// How it is paid.
    pub payment: Payment,
}

/// Why an operator closed a trip that its driver cannot end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// The driver's phone is lost or broken.
    PhoneLost,
    /// The driver forgot to end the trip, and cannot any more.
    Forgotten,
    /// Something else, told to an operator.
    Other,
}

impl CloseReason {
    /// Its name in journals and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PhoneLost => "phone_lost",
            Self::Forgotten => "forgotten",
            Self::Other => "other",
        }
    }
}

/// What happened to one assignment, as its serialiser (device or home edge) saw it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// The slot holds it.
    Assigned,
    /// The vehicle waits at the pickup.
    Arrived,
    /// The rider is in the vehicle.
    Boarded {
        /// How the rider was recognised.
        pin: PinCheck,
    },
    /// The trip is over.
    Done {
        /// Meter facts.
        fare: Fare,
    },
    /// It ended without a trip.
    Released {
        /// Why.
        reason: Release,
    },
}

/// A driver as the roster knows one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Driver {
    /// The driver.
    pub driver: DriverId,
    /// The person, whose key seals name and number.
    pub subject: SubjectId,
    /// The company.
    pub fleet: FleetId,
    /// The district where the driver works.
    pub district: DistrictId,
    /// Hashed number: finds a feature-phone driver by an SMS's sender.
    pub phone: Option<PhoneKey>,
    /// Name and number, sealed.
    pub personal: Option<Sealed>,
    /// Language of the driver's texts.
    pub lang: Lang,
    /// Keyed digest of the code that a feature-phone driver adds to a command, or of the sign-in secret.
    pub secret_digest: String,
    /// The edge that serves this driver by SMS; absent for drivers with the app.
    pub home: Option<NodeId>,
    /// The vehicle usually driven.
    pub vehicle: Vehicle,
    /// Barred from new shifts.
    pub banned: bool,
}

/// A vehicle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Vehicle {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// What the rider looks for ([`is_plate`]).
    pub plate: String,
    /// Passenger seats.
    pub seats: u8,
    /// What it offers.
    pub needs: Needs,
}

/// Longest plate, in characters.
pub const PLATE_MAX: usize = 20;

/// True if `text` may stand as a plate in a rider's text and on the rider's page: letters, digits, spaces and dashes
/// alone, so that nobody puts an address or a sentence there.
#[must_use]
pub fn is_plate(text: &str) -> bool {
    let is_sound = |letter: char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '–');
    (1..=PLATE_MAX).contains(&text.chars().count()) && text.chars().all(is_sound)
}

/// The start of a shift.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ShiftStart {
    /// The driver.
    pub driver: DriverId,
    /// The vehicle.
    pub vehicle: Vehicle,
    /// The company.
    pub fleet: FleetId,
    /// Who puts this shift's assignments in line.
    pub serialiser: Serialiser,
    /// When it began.
    pub at: UtcMs,
}

/// What staff has decided about the next entry of a series, which does not go in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SetAside {
    /// The series.
    pub series: Series,
    /// The entry's number. What comes to be wrong with a later one is another decision.
    pub seq: u64,
    /// What becomes of the entries behind it.
    pub rest: Rest,
}

/// What becomes of a series behind an entry that was set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rest {
    /// It goes in, and is waited for.
    GoesIn,
    /// It stays out: nobody waits for it.
    StaysOut,
}
