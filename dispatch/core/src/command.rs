//! What the doors ask of a node, and what it answers.

use serde::{Deserialize, Serialize};

use crate::authority::{EdgeMode, Epoch};
use crate::booking::{CancelReason, Party};
use crate::fact::{Driver, Fare, PinCheck, Release, Request, ShiftStart, Step};
use crate::ids::{
    AssignmentId, BookingId, CommandId, DeviceId, DistrictId, DriverId, NodeId, ShiftId, StandId, ZoneId,
};
use crate::journal::Heads;
use crate::position::Position;
use crate::shift::Duty;
use crate::units::{Money, Ticks, UtcMs};

/// A wish that changes something. Whether the caller may have it was decided at the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A rider wants a taxi.
    Book {
        /// The request key, made by the rider's device; the same key again is the same booking.
        booking: BookingId,
        /// The district of the pickup.
        district: DistrictId,
        /// The zone of the pickup.
        zone: ZoneId,
        /// What is asked.
        request: Request,
    },
    /// Somebody wants a booking to end. After boarding it is refused.
    Cancel {
        /// The booking.
        booking: BookingId,
        /// Who asks.
        by: Party,
        /// Why.
        reason: CancelReason,
    },
    /// The rider says that a booking which waited through a cut is still wanted.
    Keep {
        /// The booking.
        booking: BookingId,
    },
    /// An operator asks a certain shift.
    AssignByHand {
        /// The booking.
        booking: BookingId,
        /// The shift.
        shift: ShiftId,
    },
    /// An operator takes a booking back from its shift before boarding.
    Recall {
        /// The booking.
        booking: BookingId,
    },
    /// An operator at the edge takes the district by hand.
    TakeDistrict {
        /// The district.
        district: DistrictId,
    },
    /// An operator lets a district go back: the edge drains and returns it as soon as central grants it.
    GiveBackDistrict {
        /// The district.
        district: DistrictId,
    },
    /// Central's staff add or change a driver.
    ListDriver(Driver),
    /// Central's staff add or change a stand.
    ListStand {
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
    /// A device binds itself to this node.
    Attach(Attach),
    /// A device says that it lives, and what it sees.
    Beat(Beat),
    /// A device hands in an entry of its outbox.
    Report(Report),
    /// A feature-phone driver's text, read.
    Home(HomeCommand),
    /// Central renews the lease of this edge's district.
    Renew(Renewal),
    /// The edge of a district answered a renewal.
    Renewed(RenewalAnswer),
}

/// A device binds itself to a node with its whole state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attach {
    /// The shift, made by the device.
    pub shift: ShiftId,
    /// The device.
    pub device: DeviceId,
    /// The driver, from the shift pass.
    pub driver: DriverId,
    /// The district, from the shift pass.
    pub district: DistrictId,
    /// The start of the shift, so that a node that never heard of it knows it.
    pub start: ShiftStart,
    /// The device's count of bonds with nodes; only rises.
    pub attach_epoch: u64,
    /// What the slot holds.
    pub slot: Slot,
    /// Number and value of the last change of duty.
    pub duty: (u64, Duty),
    /// Where it is.
    pub position: Option<Position>,
}

/// What a device's durable slot holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// The assignment being served.
    pub current: Option<Held>,
    /// The one after it.
    pub next: Option<Held>,
}

impl Slot {
    /// Both places, the current one first.
    pub fn iter(&self) -> impl Iterator<Item = &Held> {
        self.current.iter().chain(self.next.iter())
    }

    /// True if the slot holds `assignment`.
    #[must_use]
    pub fn holds(&self, assignment: &AssignmentId) -> bool {
        self.iter().any(|held| held.assignment == *assignment)
    }
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

/// A device's sign of life.
///
/// Sent every 5 s to the node it is attached to and to its edge. The answer carries everything that is
/// still open between the two, so a lost push costs at most one beat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// The shift.
    pub shift: ShiftId,
    /// The device.
    pub device: DeviceId,
    /// The district, from the pass.
    pub district: DistrictId,
    /// The session if it is attached here; absent for a beacon to the edge.
    pub session: Option<String>,
    /// Central answered this device within the last 10 s.
    pub hears_central: bool,
    /// Where it is.
    pub position: Option<Position>,
    /// What its slot holds.
    pub slot: Slot,
}

/// An entry of a device's outbox. Handing it in twice, or at two nodes, is the same as once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The shift.
    pub shift: ShiftId,
    /// The device.
    pub device: DeviceId,
    /// The district, from the pass.
    pub district: DistrictId,
    /// What happened.
    pub what: Happening,
    /// When, on the device's clock.
    pub at: UtcMs,
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
    /// An assignment took a step.
    Step {
        /// The booking.
        booking: BookingId,
        /// The bond.
        assignment: AssignmentId,
        /// What happened.
        what: Step,
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
        /// The stand, or none.
        stand: Option<StandId>,
    },
}

/// What a feature-phone driver asked for by text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeCommand {
    /// Names the text, so that a text delivered twice acts once.
    pub command: CommandId,
    /// The driver, found by the sender's number.
    pub driver: DriverId,
    /// The text's meaning.
    pub what: HomeWish,
}

/// The meaning of a feature-phone driver's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HomeWish {
    /// `ON [stand]`.
    On {
        /// The stand where the driver waits.
        stand: Option<StandId>,
    },
    /// `OFF`.
    Off,
    /// `AT 12`.
    At {
        /// The stand.
        stand: StandId,
    },
    /// `1K`: yes to the offer with the letter K.
    Accept {
        /// The offer's letter.
        letter: char,
    },
    /// `2K`: no to the offer with the letter K.
    Decline {
        /// The offer's letter.
        letter: char,
    },
    /// `H`: at the pickup.
    Arrived,
    /// `P 4821`: rider on board.
    Boarded {
        /// The PIN the rider said.
        pin: String,
    },
    /// `E 12400`: trip over.
    Ended {
        /// The fare taken.
        amount: Money,
    },
    /// `B`: a break, or back from it.
    Pause,
    /// `X`: cannot go on with the assignment; before boarding it is given back.
    Problem,
}

/// Central's renewal of a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renewal {
    /// The district.
    pub district: DistrictId,
    /// The authority being renewed.
    pub epoch: Epoch,
    /// Central's elapsed clock at sending; comes back in the answer.
    pub sent_at: Ticks,
    /// Everything central holds of the district (the cursor H).
    pub heads: Heads,
}

/// An edge's answer to a renewal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewalAnswer {
    /// The district.
    pub district: DistrictId,
    /// The renewal's `sent_at`.
    pub sent_at: Ticks,
    /// Where the edge stands.
    pub mode: EdgeMode,
    /// The authority the edge knows or holds.
    pub epoch: Epoch,
    /// Everything the edge holds.
    pub heads: Heads,
}

/// What a node answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The booking is in the journal; `repeat` if it already was.
    Booked {
        /// The key had been used for the same request before.
        repeat: bool,
    },
    /// It is done, or was done before.
    Done,
    /// The device is attached.
    Attached {
        /// Names the session; offers carry it, beats and reports show it.
        session: String,
    },
    /// What the device should know.
    Beat(BeatAnswer),
    /// What to tell the feature-phone driver.
    Home(HomeAnswer),
    /// The edge's answer to a renewal.
    Renewal(RenewalAnswer),
}

/// What a node tells a device at each beat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeatAnswer {
    /// The node that answers.
    pub node: NodeId,
    /// True if it committed something in the last 5 s: a node whose disk is dead does not count as reachable.
    pub alive: bool,
    /// The node that holds the district, as far as the answering node knows.
    pub holder: NodeId,
    /// The authority under which.
    pub epoch: Epoch,
    /// True if the device's session is in force here.
    pub attached: bool,
    /// Everything open between the node and the device.
    pub messages: Vec<ToDevice>,
}

/// A message to a device. The same one may come many times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToDevice {
    /// A question.
    Offer(Box<Offer>),
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
    },
    /// Exchange one assignment for another in a single step, unless the first one is locked.
    Replace {
        /// The bond that must be in the slot.
        expected: AssignmentId,
        /// The one to hold instead.
        offer: Box<Offer>,
    },
}

/// A question to a driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The booking.
    pub booking: BookingId,
    /// The bond in question.
    pub assignment: AssignmentId,
    /// The session it belongs to; void in another.
    pub session: String,
    /// The attach epoch it belongs to; void under another.
    pub attach_epoch: u64,
    /// Life of the question from its receipt, in milliseconds.
    pub ttl_ms: u64,
    /// Travel time to the pickup.
    pub eta_s: u32,
    /// What is asked, personal text still sealed.
    pub request: Request,
    /// Recognises the rider's PIN without holding it.
    pub pin_verifier: String,
}

/// What to tell a feature-phone driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HomeAnswer {
    /// On duty, waiting; place in the stand's queue from 1, if at a stand.
    OnDuty {
        /// Place in the queue.
        place: Option<usize>,
    },
    /// Off duty.
    OffDuty,
    /// On a break.
    Paused,
    /// Accepted: go and fetch the rider.
    Assigned {
        /// The booking.
        booking: BookingId,
    },
    /// Declined.
    Declined,
    /// Noted: at the pickup.
    Arrived,
    /// Rider on board.
    Boarded {
        /// How the rider was recognised.
        pin: PinCheck,
    },
    /// The PIN was wrong.
    WrongPin {
        /// Tries left.
        left: u8,
    },
    /// Trip over.
    Ended {
        /// What was taken.
        fare: Fare,
    },
    /// The assignment was given back.
    GivenBack,
}

/// Facts a rider or driver is told by text; durable before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Names the notice: one text however often it is made.
    pub id: String,
    /// Whom it is for.
    pub to: Recipient,
    /// What it says.
    pub text: NoticeText,
    /// Sent before others.
    pub urgent: bool,
    /// Pointless after this moment.
    pub expires_at: UtcMs,
}

/// Whom a notice is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "who", rename_all = "snake_case")]
pub enum Recipient {
    /// The rider of a booking.
    Rider {
        /// The booking, whose sealed personal text holds the number.
        booking: BookingId,
    },
    /// A driver of the roster.
    Driver {
        /// The driver, whose sealed personal text holds the number.
        driver: DriverId,
    },
}

/// What a notice says; the text process words it in the recipient's language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "template", rename_all = "snake_case")]
pub enum NoticeText {
    /// To the rider: a taxi is on its way.
    TaxiAssigned {
        /// The booking's code.
        code: String,
        /// What to look for.
        plate: String,
        /// Minutes of driving.
        minutes: u32,
        /// To say at boarding.
        pin: String,
    },
    /// To the rider: the taxi waits.
    TaxiArrived {
        /// The booking's code.
        code: String,
        /// What to look for.
        plate: String,
    },
    /// To the rider: the taxi cannot come, another one is being found.
    TaxiLost {
        /// The booking's code.
        code: String,
    },
    /// To the rider: the booking ended, not by the rider's wish.
    BookingEnded {
        /// The booking's code.
        code: String,
        /// Why.
        reason: CancelReason,
    },
    /// To the rider: is the taxi still wanted?
    StillWanted {
        /// The booking's code.
        code: String,
    },
    /// To a feature-phone driver: a question, answered `1K` or `2K`.
    DriverOffer {
        /// The offer's letter, the K in the answer.
        letter: char,
        /// Minutes of driving.
        minutes: u32,
        /// Where the rider waits; the text process words it as the nearest known place.
        pickup: Position,
        /// The stand where the rider waits.
        stand: Option<StandId>,
        /// Where the rider goes.
        dropoff: Option<Position>,
        /// Seconds to answer.
        answer_s: u32,
    },
    /// To a feature-phone driver: the question or assignment is void.
    DriverWithdrawn {
        /// The booking's code.
        code: String,
        /// The offer's letter.
        letter: char,
    },
}

/// Why a node refuses, in order of precedence; the state is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The district is not served here.
    #[error("this node does not serve that district")]
    OtherDistrict,
    /// Only the other kind of node does this.
    #[error("this is done at another node")]
    OtherNode,
    /// No booking has that id.
    #[error("there is no such booking")]
    UnknownBooking,
    /// No shift has that id.
    #[error("there is no such shift")]
    UnknownShift,
    /// No driver has that id or number.
    #[error("there is no such driver")]
    UnknownDriver,
    /// No stand has that code.
    #[error("there is no such stand")]
    UnknownStand,
    /// The key was used for another request.
    #[error("this key was used for another booking; make a new key")]
    KeyReused,
    /// A value is out of its range.
    #[error("the request is out of range")]
    OutOfRange,
    /// The driver is barred.
    #[error("the driver is barred from new shifts")]
    Banned,
    /// The roster or its bans are too old to admit a driver; an operator may.
    #[error("the roster here is too old to admit a new driver")]
    RosterTooOld,
    /// The driver is on duty with another phone.
    #[error("the driver is on duty with another phone; end that shift first")]
    DriverElsewhere,
    /// The device has attached elsewhere, or again, since.
    #[error("the device has attached again since; attach anew")]
    StaleAttach,
    /// The booking is over.
    #[error("the booking is closed")]
    Closed,
    /// The rider is in the vehicle: no machine and no cancel ends that.
    #[error("the rider has boarded")]
    AlreadyBoarded,
    /// The shift is not taking bookings.
    #[error("the shift is not available")]
    NotAvailable,
    /// The shift is busy or being asked.
    #[error("the shift has another booking")]
    ShiftBusy,
    /// The booking already has a shift.
    #[error("the booking has a shift")]
    AlreadyAssigned,
    /// There is no open question for this driver.
    #[error("there is no open offer")]
    NoOffer,
    /// The question has run out of time.
    #[error("the offer has lapsed")]
    OfferLapsed,
    /// The driver has no assignment in the state that the wish needs.
    #[error("there is no trip for that")]
    NoTrip,
    /// The rider has an open booking by this door.
    #[error("there is an open booking for this number")]
    OpenBookingExists,
    /// Another node plans the booking or asks the driver, and cannot be reached from here.
    #[error("another node decides this")]
    NotOwner,
    /// Too much is under way; try again shortly.
    #[error("too many open bookings; try again shortly")]
    Overloaded,
}

impl Refusal {
    /// The stable code at the doors.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OtherDistrict => "other_district",
            Self::OtherNode => "other_node",
            Self::UnknownBooking => "unknown_booking",
            Self::UnknownShift => "unknown_shift",
            Self::UnknownDriver => "unknown_driver",
            Self::UnknownStand => "unknown_stand",
            Self::KeyReused => "key_reused",
            Self::OutOfRange => "out_of_range",
            Self::Banned => "banned",
            Self::RosterTooOld => "roster_too_old",
            Self::DriverElsewhere => "driver_elsewhere",
            Self::StaleAttach => "stale_attach",
            Self::Closed => "closed",
            Self::AlreadyBoarded => "already_boarded",
            Self::NotAvailable => "not_available",
            Self::ShiftBusy => "shift_busy",
            Self::AlreadyAssigned => "already_assigned",
            Self::NoOffer => "no_offer",
            Self::OfferLapsed => "offer_lapsed",
            Self::NoTrip => "no_trip",
            Self::OpenBookingExists => "open_booking_exists",
            Self::NotOwner => "not_owner",
            Self::Overloaded => "overloaded",
        }
    }

    /// True if the same request may succeed later, unchanged.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::ShiftBusy | Self::NotAvailable | Self::NotOwner | Self::Overloaded | Self::RosterTooOld
        )
    }
}
