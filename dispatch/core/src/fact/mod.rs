//! The facts that entries carry: everything that nodes tell one another and themselves after a restart.
//!
//! A fact says what happened, never what to do. [`crate::board`] joins facts of all nodes in any order
//! that keeps each origin's own order.

mod about;
mod part;

pub use part::{
    CloseReason, Driver, Fare, Lang, Owner, PLATE_MAX, PhoneKey, PinCheck, Quote, Release, Request, Rest,
    Sealed, SetAside, ShiftStart, Step, Vehicle, is_plate,
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::authority::Epoch;
use crate::booking::{CancelReason, Party};
use crate::command::HomeAnswer;
use crate::ids::{
    AssignmentId, BookingId, CommandId, DeviceId, DistrictId, DriverId, NodeId, ShiftId, StandId, ZoneId,
};
use crate::journal::{Entry, Head};
use crate::loan::{Borrowed, Lent, LoanId, Told};
use crate::position::Position;
use crate::shift::Duty;
use crate::units::{Money, UtcMs};

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
    /// The owner offers to lend the booking to another district, in the journal of its own: see [`crate::loan`].
    BookingLent {
        /// The booking.
        booking: BookingId,
        /// The loan.
        loan: LoanId,
        /// To whom.
        lent: Lent,
    },
    /// An edge took a booking of another district in, in the journal of its own. It may not plan it yet.
    BookingBorrowed {
        /// The booking.
        booking: BookingId,
        /// The loan.
        loan: LoanId,
        /// From whom.
        borrowed: Borrowed,
        /// What was asked.
        request: Request,
        /// When the rider's booking was taken in there.
        at: UtcMs,
    },
    /// In the lender's district: it plans the booking no longer. In the borrower's: the borrower knows that.
    BookingTransferred {
        /// The booking.
        booking: BookingId,
        /// The loan.
        loan: LoanId,
    },
    /// In the borrower's district: it has given the booking back. In the lender's: the booking is the lender's again,
    /// because it came back or was never transferred.
    BookingReturned {
        /// The booking.
        booking: BookingId,
        /// The loan.
        loan: LoanId,
    },
    /// What the borrower tells of the booking, in the lender's district.
    LoanTold {
        /// The booking.
        booking: BookingId,
        /// The loan.
        loan: LoanId,
        /// Which telling of the loan it is, from 1.
        number: u32,
        /// What is told.
        told: Told,
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
    /// An operator closed a trip whose driver cannot end it. The driver's own word, if it comes after all, stands.
    TripClosed {
        /// The booking.
        booking: BookingId,
        /// The bond.
        assignment: AssignmentId,
        /// The shift.
        shift: ShiftId,
        /// Why.
        reason: CloseReason,
        /// The fare as the driver told it, if anybody knows.
        fare: Option<Fare>,
        /// When.
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
    /// A trip that no journal here knew came back from the capsule on its driver's device.
    TripRestored {
        /// The booking.
        booking: BookingId,
        /// The bond.
        assignment: AssignmentId,
        /// The shift.
        shift: ShiftId,
        /// What was asked.
        request: Request,
        /// Who plans it if the driver gives it back.
        owner: Owner,
        /// The device's count of bonds with nodes when it was asked.
        attach_epoch: u64,
        /// Travel time to the pickup when it was planned.
        eta_s: u32,
        /// When the driver was asked; that the slot took it, the device says by holding it.
        offered_at: UtcMs,
        /// When it was restored.
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
    /// A feature-phone driver's text was acted upon, and answered: the same text again is answered the same.
    TextAnswered {
        /// The driver.
        driver: DriverId,
        /// Names the text.
        command: CommandId,
        /// What the driver was told.
        answer: HomeAnswer,
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
    /// Staff has decided about an entry that does not go in everywhere. Central only.
    SeriesSetAside(SetAside),
    /// An operator at the edge lets drivers begin shifts although its bans are old. Of several the latest stands.
    BansWaived {
        /// Until then; not beyond [`crate::command::WAIVE_MAX_MS`].
        until: UtcMs,
        /// When it was decided.
        at: UtcMs,
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
    pub const KINDS: [&'static str; 27] = [
        "opened",
        "booking_accepted",
        "booking_owned",
        "booking_lent",
        "booking_borrowed",
        "booking_transferred",
        "booking_returned",
        "loan_told",
        "cancel_requested",
        "offered",
        "stepped",
        "trip_closed",
        "street_hailed",
        "trip_restored",
        "shift_started",
        "duty_changed",
        "attached",
        "stand_changed",
        "text_answered",
        "zone_granted",
        "zone_taken",
        "zone_returned",
        "series_set_aside",
        "bans_waived",
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
            Self::BookingLent { .. } => "booking_lent",
            Self::BookingBorrowed { .. } => "booking_borrowed",
            Self::BookingTransferred { .. } => "booking_transferred",
            Self::BookingReturned { .. } => "booking_returned",
            Self::LoanTold { .. } => "loan_told",
            Self::CancelRequested { .. } => "cancel_requested",
            Self::Offered { .. } => "offered",
            Self::Stepped { .. } => "stepped",
            Self::TripClosed { .. } => "trip_closed",
            Self::StreetHailed { .. } => "street_hailed",
            Self::TripRestored { .. } => "trip_restored",
            Self::ShiftStarted { .. } => "shift_started",
            Self::DutyChanged { .. } => "duty_changed",
            Self::Attached { .. } => "attached",
            Self::StandChanged { .. } => "stand_changed",
            Self::TextAnswered { .. } => "text_answered",
            Self::ZoneGranted { .. } => "zone_granted",
            Self::ZoneTaken { .. } => "zone_taken",
            Self::ZoneReturned { .. } => "zone_returned",
            Self::SeriesSetAside { .. } => "series_set_aside",
            Self::BansWaived { .. } => "bans_waived",
            Self::Charged { .. } => "charged",
            Self::DriverListed { .. } => "driver_listed",
            Self::StandListed { .. } => "stand_listed",
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
