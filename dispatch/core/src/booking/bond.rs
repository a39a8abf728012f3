//! The bond of a booking with a shift.

use serde::{Deserialize, Serialize};

use crate::fact::{CloseReason, Fare, PinCheck, Release};
use crate::hlc::Hlc;
use crate::ids::{AssignmentId, ShiftId};
use crate::matching::Reasons;
use crate::units::UtcMs;

/// What all nodes together know of one bond. Each field joins by "the earliest stands".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentRecord {
    /// The shift.
    pub shift: ShiftId,
    /// The question: travel time in seconds, when, why this shift.
    pub offered: Option<(u32, UtcMs, Reasons)>,
    /// When the slot took it.
    pub assigned_at: Option<UtcMs>,
    /// When the vehicle reached the pickup.
    pub arrived_at: Option<UtcMs>,
    /// When the rider boarded and how the rider was recognised.
    pub boarded: Option<(UtcMs, PinCheck)>,
    /// When the trip ended; the fare of the highest revision.
    pub done: Option<(UtcMs, Fare)>,
    /// An operator's end of the trip; it counts while the driver's own is not known.
    pub closed: Option<Closed>,
    /// When and why it ended without a trip.
    pub released: Option<(UtcMs, Release)>,
    /// It came back from its device's capsule, made under this attach epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<u64>,
}

/// An operator closed a trip; the lowest of several stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Closed {
    /// Stamp of the entry.
    pub hlc: Hlc,
    /// When.
    pub at: UtcMs,
    /// Why.
    pub reason: CloseReason,
    /// The fare as the driver told it, if anybody knows.
    pub fare: Option<Fare>,
}

impl AssignmentRecord {
    /// Returns a bond with `shift` of which nothing else is known yet.
    #[must_use]
    pub fn new(shift: ShiftId) -> Self {
        Self {
            shift,
            offered: None,
            assigned_at: None,
            arrived_at: None,
            boarded: None,
            done: None,
            closed: None,
            released: None,
            restored: None,
        }
    }

    /// True if the shift is bound: assigned or boarded, and neither released nor done.
    #[must_use]
    pub fn binds(&self) -> bool {
        self.over_at().is_none()
            && (self.boarded.is_some() || (self.released.is_none() && self.assigned_at.is_some()))
    }

    /// The bond that its driver was asked to take over from, in an exchange.
    #[must_use]
    pub fn instead_of(&self) -> Option<&AssignmentId> {
        self.offered.as_ref().and_then(|(_, _, why)| why.instead_of.as_ref())
    }

    /// True if the taxi has been at the pickup.
    pub(crate) fn has_reached_pickup(&self) -> bool {
        self.arrived_at.is_some() || self.carried_since().is_some()
    }

    /// True if its driver, who was asked to take over from another, has: the yes came in time.
    pub(crate) fn has_taken_over(&self) -> bool {
        let came_late = self.released.is_some_and(|(_, why)| why == Release::Withdrawn);
        self.boarded.is_some() || (self.assigned_at.is_some() && !came_late)
    }

    /// True if the question is open: offered, and neither taken nor ended.
    #[must_use]
    pub fn is_question(&self) -> bool {
        self.offered.is_some()
            && self.assigned_at.is_none()
            && self.boarded.is_none()
            && self.over_at().is_none()
            && self.released.is_none()
    }

    /// Since when the rider is known to be or to have been in the taxi. A trip that is over had begun, though the entry
    /// of the boarding may be lost with a disk.
    pub(crate) fn carried_since(&self) -> Option<UtcMs> {
        self.boarded.map(|(at, _)| at).or_else(|| self.over_at())
    }

    /// When the trip was over: by the driver's word, else by an operator's.
    #[must_use]
    pub fn over_at(&self) -> Option<UtcMs> {
        let done_at = self.done.as_ref().map(|(at, _)| *at);
        done_at.or_else(|| self.closed.as_ref().map(|closed| closed.at))
    }

    /// What was taken: by the driver's word, else by an operator's.
    #[must_use]
    pub fn fare(&self) -> Option<&Fare> {
        match &self.done {
            Some((_, fare)) => Some(fare),
            None => self.closed.as_ref()?.fare.as_ref(),
        }
    }

    /// Travel time when it was offered; the largest possible where it never was, so that such a bond gives way.
    #[must_use]
    pub fn eta_s(&self) -> u32 {
        self.offered.as_ref().map_or(u32::MAX, |(eta_s, _, _)| *eta_s)
    }
}
