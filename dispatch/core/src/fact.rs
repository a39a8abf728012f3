//! The facts that entries carry: everything that nodes tell one another and themselves after a restart.
//!
//! A fact says what happened, never what to do. [`crate::board`] joins facts of all nodes in any order
//! that keeps each origin's own order.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::authority::Epoch;
use crate::booking::{CancelReason, Door, Needs, Party, Payment, Priority};
use crate::ids::{
    AssignmentId, BookingId, DeviceId, DistrictId, DriverId, FleetId, NodeId, ShiftId, StandId, SubjectId,
    VehicleId, ZoneId,
};
use crate::journal::{Entry, Head, Lane};
use crate::position::Position;
use crate::shift::{Duty, Serialiser};
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
    /// What the rider looks for.
    pub plate: String,
    /// Passenger seats.
    pub seats: u8,
    /// What it offers.
    pub needs: Needs,
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

/// A fact. `kind` in JSON is the entry's kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fact {
    /// First entry of a series: which life of the node writes it, and where the life before ended.
    Opened {
        /// The life before and its head, unless this is the first.
        predecessor: Option<(u32, Head)>,
    },
    /// A booking was taken in.
    BookingAccepted {
        /// The booking.
        booking: BookingId,
        /// What was asked.
        request: Request,
        /// Who plans it first.
        owner: Owner,
        /// When it was taken in.
        at: UtcMs,
    },
    /// Another node plans the booking from now on.
    BookingOwned {
        /// The booking.
        booking: BookingId,
        /// The new owner.
        owner: Owner,
        /// The shift it was handed over for: a feature-phone driver whom only its home may ask.
        wanted: Option<ShiftId>,
    },
    /// Somebody asked for the booking to end; it does unless the rider has boarded.
    CancelRequested {
        /// The booking.
        booking: BookingId,
        /// Who asked.
        by: Party,
        /// Why.
        reason: CancelReason,
        /// When.
        at: UtcMs,
    },
    /// A shift was asked.
    Offered {
        /// The booking.
        booking: BookingId,
        /// The bond in question.
        assignment: AssignmentId,
        /// The shift asked.
        shift: ShiftId,
        /// Travel time to the pickup when it was planned.
        eta_s: u32,
        /// Why this shift, for whoever asks later.
        why: crate::matching::Reasons,
        /// When.
        at: UtcMs,
    },
    /// The bond took a step, as its serialiser saw it.
    Stepped {
        /// The booking.
        booking: BookingId,
        /// The bond.
        assignment: AssignmentId,
        /// The shift.
        shift: ShiftId,
        /// What happened.
        what: Step,
        /// When, on the serialiser's clock.
        at: UtcMs,
    },
    /// A driver began a trip with a rider who stood in the street.
    StreetHailed {
        /// The booking, made by the device.
        booking: BookingId,
        /// The bond, made by the device.
        assignment: AssignmentId,
        /// The shift.
        shift: ShiftId,
        /// The request as far as it is known.
        request: Request,
        /// When, on the device's clock.
        at: UtcMs,
    },
    /// A shift began.
    ShiftStarted {
        /// The shift.
        shift: ShiftId,
        /// Who, with what, for whom.
        start: ShiftStart,
    },
    /// A shift's duty changed. Its serialiser numbers the changes.
    DutyChanged {
        /// The shift.
        shift: ShiftId,
        /// The change's number; the highest stands.
        number: u64,
        /// The duty now.
        duty: Duty,
        /// When.
        at: UtcMs,
    },
    /// A device bound itself to a node.
    Attached {
        /// The shift.
        shift: ShiftId,
        /// The device.
        device: DeviceId,
        /// The device's own count of such bonds; the highest stands.
        attach_epoch: u64,
        /// The node.
        node: NodeId,
    },
    /// A shift joined the queue of a stand, or left all queues.
    StandChanged {
        /// The shift.
        shift: ShiftId,
        /// The stand, or none.
        stand: Option<StandId>,
        /// When.
        at: UtcMs,
    },
    /// Central holds the district under this epoch.
    ZoneGranted {
        /// The authority.
        epoch: Epoch,
    },
    /// The edge holds the district: central is away.
    ZoneTaken {
        /// The authority.
        epoch: Epoch,
        /// Why it was taken.
        cause: TakeCause,
        /// Milliseconds since central was last heard.
        silence_ms: u64,
    },
    /// The edge gave the district back.
    ZoneReturned {
        /// The authority it returned to.
        epoch: Epoch,
    },
    /// A booking was charged; central only, and once for a booking.
    Charged {
        /// The booking.
        booking: BookingId,
        /// The amount.
        amount: Money,
    },
    /// A driver was added or changed.
    DriverListed {
        /// The driver.
        driver: Driver,
    },
    /// A stand was added or changed.
    StandListed {
        /// The stand.
        stand: StandId,
        /// Its name, in Korean.
        name_ko: String,
        /// Its name, in English.
        name_en: String,
        /// Where it is.
        position: Position,
        /// Its district.
        district: DistrictId,
    },
}

/// Why an edge took its district.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakeCause {
    /// Enough on-duty drivers reported that central does not answer.
    Witnesses,
    /// Too few drivers are heard to ask them; long after the lease.
    Silence,
    /// An operator took it by hand.
    Operator,
}

/// A payload that this release cannot read although it knows its kind.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("entry {seq} of {series} has an unreadable {kind}: {reason}")]
pub struct UnreadableFact {
    series: String,
    seq: u64,
    kind: String,
    reason: String,
}

/// The version of every payload that this release writes.
pub const SCHEMA_VERSION: u16 = 1;

impl Fact {
    /// Reads the fact of an entry; `None` if its kind or version is of a later release, which is stored and
    /// forwarded but not applied.
    ///
    /// # Errors
    ///
    /// [`UnreadableFact`] if the kind is known and its payload is not.
    pub fn read(entry: &Entry) -> Result<Option<Self>, UnreadableFact> {
        if entry.schema_version > SCHEMA_VERSION || !Self::KINDS.contains(&entry.kind.as_str()) {
            return Ok(None);
        }
        let unreadable = |reason: String| UnreadableFact {
            series: entry.series.to_string(),
            seq: entry.seq,
            kind: entry.kind.clone(),
            reason,
        };
        let fact: Self = serde_json::from_str(&entry.payload).map_err(|e| unreadable(e.to_string()))?;
        if fact.kind() == entry.kind {
            Ok(Some(fact))
        } else {
            Err(unreadable("the kinds inside and outside differ".into()))
        }
    }

    /// The fact as the JSON text that is hashed and stored.
    ///
    /// # Panics
    ///
    /// Never: facts hold no map with keys that are not text, the only thing JSON cannot express.
    #[must_use]
    pub fn write(&self) -> String {
        serde_json::to_string(self).expect("facts are plain JSON")
    }

    /// Kinds that this release knows.
    pub const KINDS: [&'static str; 17] = [
        "opened",
        "booking_accepted",
        "booking_owned",
        "cancel_requested",
        "offered",
        "stepped",
        "street_hailed",
        "shift_started",
        "duty_changed",
        "attached",
        "stand_changed",
        "zone_granted",
        "zone_taken",
        "zone_returned",
        "charged",
        "driver_listed",
        "stand_listed",
    ];

    /// The entry's kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::BookingAccepted { .. } => "booking_accepted",
            Self::BookingOwned { .. } => "booking_owned",
            Self::CancelRequested { .. } => "cancel_requested",
            Self::Offered { .. } => "offered",
            Self::Stepped { .. } => "stepped",
            Self::StreetHailed { .. } => "street_hailed",
            Self::ShiftStarted { .. } => "shift_started",
            Self::DutyChanged { .. } => "duty_changed",
            Self::Attached { .. } => "attached",
            Self::StandChanged { .. } => "stand_changed",
            Self::ZoneGranted { .. } => "zone_granted",
            Self::ZoneTaken { .. } => "zone_taken",
            Self::ZoneReturned { .. } => "zone_returned",
            Self::Charged { .. } => "charged",
            Self::DriverListed { .. } => "driver_listed",
            Self::StandListed { .. } => "stand_listed",
        }
    }

    /// What the fact is about, for finding its entries again.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::BookingAccepted { booking, .. }
            | Self::BookingOwned { booking, .. }
            | Self::CancelRequested { booking, .. }
            | Self::Offered { booking, .. }
            | Self::Stepped { booking, .. }
            | Self::StreetHailed { booking, .. }
            | Self::Charged { booking, .. } => booking.to_string(),
            Self::ShiftStarted { shift, .. }
            | Self::DutyChanged { shift, .. }
            | Self::Attached { shift, .. }
            | Self::StandChanged { shift, .. } => shift.to_string(),
            Self::DriverListed { driver } => driver.driver.to_string(),
            Self::StandListed { stand, .. } => stand.to_string(),
            Self::Opened { .. }
            | Self::ZoneGranted { .. }
            | Self::ZoneTaken { .. }
            | Self::ZoneReturned { .. } => String::new(),
        }
    }

    /// The lane that carries it; `Opened` opens whichever lane it is written to.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            Self::ZoneGranted { .. } | Self::ZoneTaken { .. } | Self::ZoneReturned { .. } => Lane::Safety,
            Self::DriverListed { .. } | Self::StandListed { .. } => Lane::Roster,
            _ => Lane::Bookings,
        }
    }
}

/// The zone under which district-wide entries are filed.
///
/// # Panics
///
/// Never: the name is well formed.
#[must_use]
pub fn district_wide() -> ZoneId {
    ZoneId::new("all").expect("a literal that obeys the rule for names")
}
