//! A booking: a rider's request until it is closed, and its assignments.
//!
//! ```text
//! Open ─▶ Offered ─▶ Assigned ─▶ Arrived ─▶ Boarded ─▶ Done
//!   ▲        │           │          │
//!   └────────┴───────────┴──────────┘ declined, lapsed, released
//! Cancelled: from every state before Boarded
//! ```
//!
//! The state is not stored: it is read off the facts, so that facts of several nodes may arrive in any order.

use litemap::LiteMap;
use serde::{Deserialize, Serialize};

use crate::fact::{Owner, Release, Request};
use crate::hlc::Hlc;
use crate::ids::{AssignmentId, BookingId, NodeId, ShiftId, ZoneId};
use crate::loan::{Loan, LoanId};
use crate::planted;
use crate::units::{Money, UtcMs};

mod bond;
mod due;

pub use bond::{AssignmentRecord, Closed};
pub use due::Due;

/// So many drivers may reach a pickup and give the booking back before it is taken for one whose rider is gone.
const IN_VAIN_MAX: usize = 2;

/// The door through which a booking came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// The rider page used as an installed app.
    App,
    /// The rider page by a guest's link.
    Web,
    /// A text message.
    Sms,
    /// An operator's intake.
    Phone,
    /// A driver's street hail.
    Street,
}

impl Door {
    /// All doors.
    pub const ALL: [Self; 5] = [Self::App, Self::Web, Self::Sms, Self::Phone, Self::Street];

    /// The name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Web => "web",
            Self::Sms => "sms",
            Self::Phone => "phone",
            Self::Street => "street",
        }
    }
}

/// What a rider needs of the vehicle, or what a vehicle offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Needs {
    /// A wheelchair can be taken.
    pub wheelchair: bool,
    /// A pet may ride.
    pub pet: bool,
    /// Room for large luggage.
    pub luggage: bool,
}

impl Needs {
    /// True if a vehicle that offers `self` suits a rider who needs `wanted`.
    #[must_use]
    pub fn cover(self, wanted: Self) -> bool {
        (self.wheelchair || !wanted.wheelchair)
            && (self.pet || !wanted.pet)
            && (self.luggage || !wanted.luggage)
    }
}

/// Who goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Dialysis, hospital and the like, by the published rule.
    Medical,
    /// Everybody else.
    #[default]
    Normal,
}

/// How a trip is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payment {
    /// In the vehicle.
    #[default]
    Cash,
    /// By a card or account that central charges once it can.
    Deferred,
}

/// Who acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// The rider.
    Rider,
    /// The driver.
    Driver,
    /// The human at the console.
    Operator,
    /// A rule of ours.
    System,
}

/// Why a booking was asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The rider no longer wants it.
    ChangedMind,
    /// Nobody came in time.
    WaitedTooLong,
    /// The rider was not at the pickup.
    NoShow,
    /// It repeats another booking of the same rider.
    Duplicate,
    /// Nobody could be found.
    NoTaxi,
    /// Something else, told to an operator.
    Other,
}

/// What a booking is doing, read off its facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody has been asked, or nobody is being asked at the moment.
    Open,
    /// A shift is being asked.
    Offered,
    /// A shift is on its way.
    Assigned,
    /// The vehicle waits at the pickup.
    Arrived,
    /// The rider is in the vehicle.
    Boarded,
    /// The trip is over.
    Done,
    /// It ended without a trip.
    Cancelled,
}

impl Status {
    /// True if nothing more happens to the booking.
    #[must_use]
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled)
    }

    /// The name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Offered => "offered",
            Self::Assigned => "assigned",
            Self::Arrived => "arrived",
            Self::Boarded => "boarded",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Where and by whom a booking was first taken in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Acceptance {
    /// Stamp of the entry; the lowest of several acceptances stands.
    pub hlc: Hlc,
    /// The node that took it in.
    pub node: NodeId,
    /// Its zone.
    pub zone: ZoneId,
    /// When.
    pub at: UtcMs,
    /// What was asked.
    pub request: Request,
}

/// A request to end the booking; the lowest of several stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cancel {
    /// Stamp of the entry.
    pub hlc: Hlc,
    /// Who asked.
    pub by: Party,
    /// Why.
    pub reason: CancelReason,
    /// When.
    pub at: UtcMs,
}

impl Cancel {
    /// True if a machine gave up because it found nobody. A taxi that another node has sent meanwhile is an answer to
    /// that, so such a cancel gives way to a live assignment, and to a cancel by anybody who knew more.
    #[must_use]
    pub fn gives_way(&self) -> bool {
        self.by == Party::System && self.reason == CancelReason::NoTaxi
    }

    /// The order in which cancels stand: the least.
    #[must_use]
    pub fn rank(&self) -> (bool, &Self) {
        (self.gives_way(), self)
    }
}

/// What all nodes together know of a booking.
///
/// Its maps are sorted vectors: they hold one or two things, and a board holds the bookings of days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingRecord {
    /// The booking.
    pub id: BookingId,
    /// The acceptance that stands; absent while only later facts have arrived.
    pub accepted: Option<Acceptance>,
    /// Every node that heard it from its rider: more than one means that the rider used both sides of a cut, none that
    /// it came back from a driver's capsule.
    pub accepted_by: LiteMap<NodeId, Hlc>,
    /// Central took it in while its lease had run out: it goes on with it whatever other node took it in as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accepted_apart: bool,
    /// Who plans it: the greatest seen, with the shift it was handed over for.
    pub owner: Option<(Owner, Option<ShiftId>)>,
    /// The wish to end it that stands: see [`Cancel::rank`].
    pub cancel: Option<Cancel>,
    /// Its bonds with shifts, live and past: of each, a node asked the shift or the rider got in from the street.
    pub assignments: LiteMap<AssignmentId, AssignmentRecord>,
    /// What shifts say of bonds for which nobody is known to have asked them. Nothing here counts: it becomes a
    /// bond when the question arrives, which a cut may hold up for long, and never if a device invented it.
    pub claims: LiteMap<AssignmentId, LiteMap<ShiftId, AssignmentRecord>>,
    /// The charge, written by central alone.
    pub charged: Option<Money>,
    /// Its loans to another district, or from one.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty")]
    pub loans: LiteMap<LoanId, Loan>,
}

impl BookingRecord {
    /// Returns a booking of which nothing is known yet.
    #[must_use]
    pub fn unknown(id: BookingId) -> Self {
        Self {
            id,
            accepted: None,
            accepted_by: LiteMap::new(),
            accepted_apart: false,
            owner: None,
            cancel: None,
            assignments: LiteMap::new(),
            claims: LiteMap::new(),
            charged: None,
            loans: LiteMap::new(),
        }
    }

    /// What is known of `shift` under the name `assignment`, be it a bond or only a claim.
    #[must_use]
    pub fn said_of(&self, assignment: &AssignmentId, shift: ShiftId) -> Option<&AssignmentRecord> {
        let bond = self.assignments.get(assignment).filter(|bond| bond.shift == shift);
        bond.or_else(|| self.claims.get(assignment)?.get(&shift))
    }

    /// True if it came back from a driver's capsule: its rider has told no node that it is true.
    #[must_use]
    pub fn is_unverified(&self) -> bool {
        self.accepted_by.is_empty() && self.assignments.values().any(|bond| bond.restored.is_some())
    }

    /// What the booking is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status_with_loans(self.status_here())
    }

    fn status_here(&self) -> Status {
        if self.assignments.values().any(|a| a.over_at().is_some()) {
            return Status::Done;
        }
        if self.assignments.values().any(|a| a.boarded.is_some()) {
            return Status::Boarded;
        }
        match self.standing() {
            Some((_, bond)) if bond.arrived_at.is_some() => Status::Arrived,
            Some(_) => Status::Assigned,
            None if self.cancel.is_some() => Status::Cancelled,
            None if self.assignments.values().any(AssignmentRecord::is_question) => Status::Offered,
            None => Status::Open,
        }
    }

    /// The bond that stands. Boarded wins over everything; then who has taken over from another; else the lowest
    /// (travel time, id).
    #[must_use]
    pub fn standing(&self) -> Option<(&AssignmentId, &AssignmentRecord)> {
        let boarded = self
            .assignments
            .iter()
            .filter_map(|(id, a)| a.carried_since().map(|at| (at, id, a)))
            .min_by(|x, y| (x.0, x.1).cmp(&(y.0, y.1)));
        if let Some((_, id, bond)) = boarded {
            return Some((id, bond));
        }
        let cancelled = self.cancel.as_ref().is_some_and(|cancel| !cancel.gives_way());
        if cancelled || self.is_served_elsewhere() {
            return None;
        }
        let bound = || self.assignments.iter().filter(|(_, a)| a.binds());
        let order = |(id, a): &(&AssignmentId, &AssignmentRecord)| (a.eta_s(), (*id).clone());
        // Bonds that name one another in a circle were made by nobody's plan, and count as if they named none.
        bound()
            .filter(|(id, _)| !self.is_taken_over(id))
            .min_by_key(order)
            .or_else(|| bound().min_by_key(order))
    }

    /// True if another driver who was asked to take over from this bond has, and is bound.
    fn is_taken_over(&self, bond: &AssignmentId) -> bool {
        self.assignments.values().any(|other| other.binds() && other.instead_of() == Some(bond))
    }

    /// True if the bond ended, or is to end, by an exchange: a driver who was asked to take over from it said yes.
    #[must_use]
    pub fn is_exchanged(&self, bond: &AssignmentId) -> bool {
        self.assignments.values().any(|other| other.has_taken_over() && other.instead_of() == Some(bond))
    }

    /// Bonds and questions that must end: those beside the one that stands, and all before boarding once the
    /// booking is cancelled or another district serves it. A boarded bond is never among them, nor a question whether
    /// somebody takes over from the one that stands, as long as its taxi has not arrived.
    pub fn must_end(&self) -> impl Iterator<Item = (&AssignmentId, &AssignmentRecord, Release)> {
        let stands = self.standing();
        let standing = stands.map(|(id, _)| id);
        let cancelled = self.cancel.is_some();
        #[cfg(feature = "planted")]
        let is_to_be_taken_over = |id: &AssignmentId| {
            self.assignments.values().any(|other| other.is_question() && other.instead_of() == Some(id))
        };
        let under_way = stands
            .filter(|(_, bond)| !cancelled && bond.arrived_at.is_none() && bond.carried_since().is_none());
        let may_be_taken_over = move |question: &AssignmentRecord| {
            under_way.is_some_and(|(id, _)| question.is_question() && question.instead_of() == Some(id))
        };
        let ends = cancelled || standing.is_some() || self.is_served_elsewhere();
        self.assignments
            .iter()
            .filter(move |(id, a)| {
                a.boarded.is_none()
                    && (a.binds() || a.is_question())
                    && planted!(
                        "exchange-lets-go-first",
                        Some(*id) != standing,
                        Some(*id) != standing || is_to_be_taken_over(id)
                    )
                    && ends
                    && !may_be_taken_over(a)
            })
            .map(move |(id, a)| {
                let why = if cancelled && standing.is_none() {
                    Release::Cancelled
                } else if a.is_question() && a.instead_of().is_some() {
                    Release::Withdrawn
                } else {
                    Release::Superseded
                };
                (id, a, why)
            })
    }

    /// True if it ended because a machine found nobody, and nothing else has ended it.
    #[must_use]
    pub fn ended_by_machine(&self) -> bool {
        self.cancel.as_ref().is_some_and(Cancel::gives_way)
    }

    /// True if the rider did not come: a driver who waited at the pickup says so, or two who had reached it gave the
    /// booking back (drivers by text have no other word for it). No other car is sent.
    #[must_use]
    pub fn rider_did_not_come(&self) -> bool {
        let why = |bond: &AssignmentRecord| bond.released.map(|(_, why)| why);
        let in_vain =
            |bond: &&AssignmentRecord| bond.arrived_at.is_some() && why(bond) == Some(Release::GivenBack);
        self.assignments.values().any(|bond| why(bond) == Some(Release::NoShow))
            || self.assignments.values().filter(in_vain).count() >= IN_VAIN_MAX
    }

    /// True if it came to central while its lease had run out, so that central goes on with it.
    #[must_use]
    pub fn is_apart(&self) -> bool {
        self.accepted_apart || self.owner.as_ref().is_some_and(|(owner, _)| owner.apart)
    }

    /// The zone, once the booking itself has arrived.
    #[must_use]
    pub fn zone(&self) -> Option<&ZoneId> {
        self.accepted.as_ref().map(|a| &a.zone)
    }

    /// What was asked, once the booking itself has arrived.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        self.accepted.as_ref().map(|a| &a.request)
    }

    /// From when on the rider waits: at once, or from the moment for which the taxi was booked.
    #[must_use]
    pub fn wanted_at(&self) -> Option<UtcMs> {
        self.accepted.as_ref().map(|a| a.request.pickup_at.map_or(a.at, |at| at.max(a.at)))
    }
}

#[cfg(test)]
pub(crate) mod tests;
