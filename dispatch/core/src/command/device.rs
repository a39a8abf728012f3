//! What a driver's device says, and what it is told.

use serde::{Deserialize, Serialize};

use crate::authority::Epoch;
use crate::capsule::Capsule;
use crate::fact::{Release, Request, ShiftStart, Step};
use crate::ids::{AssignmentId, BookingId, DeviceId, DistrictId, DriverId, NodeId, ShiftId, StandId};
use crate::position::Position;
use crate::shift::Duty;
use crate::units::UtcMs;

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
    /// It keeps capsules, and knows that it may be asked home; one of a release before knows neither.
    pub keeps_capsules: bool,
}

/// A trip that a device holds, opened from its capsule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    /// The shift, as the device says.
    pub shift: ShiftId,
    /// The device, from the shift pass.
    pub device: DeviceId,
    /// The driver, from the shift pass.
    pub driver: DriverId,
    /// The district, from the shift pass.
    pub district: DistrictId,
    /// The content, whose signature is of a node that this one trusts.
    pub capsule: Capsule,
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

/// Oldest happening that is believed to be that old, in milliseconds (7 days: a long cut, and a phone in a drawer).
pub const PAST_MAX_MS: i64 = 7 * 24 * 3_600_000;
/// Furthest that a device's clock may be ahead and its times still be taken as they are, in milliseconds.
pub const FUTURE_MAX_MS: i64 = 60_000;

/// True if a device cannot have seen the moment `at` before `now`: its clock is wrong. The time of receipt stands then.
#[must_use]
pub fn is_far_off(at: UtcMs, now: UtcMs) -> bool {
    !(-PAST_MAX_MS..=FUTURE_MAX_MS).contains(&at.since_ms(now))
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
    /// When, on the device's clock; the time of receipt stands if that [`is_far_off`].
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
    /// As long as the driver is asked to drive home.
    pub asked_home: Option<AskedHome>,
}

/// A free driver is asked to drive back to the own district, because nobody can use the taxi where it is.
///
/// Nothing follows from it but what the driver does: not to obey has no consequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedHome {
    /// The driver's district.
    pub district: DistrictId,
    /// Where to drive: the nearest stand of the district, if it has one.
    pub towards: Option<Position>,
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
    /// For the shell to seal, if the device keeps capsules.
    pub capsule: Option<Capsule>,
}
