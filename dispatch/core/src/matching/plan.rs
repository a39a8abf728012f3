//! What to do, and why.

use serde::{Deserialize, Serialize};

use crate::ids::{AssignmentId, BookingId, ShiftId};

/// Why a shift was asked; stored with the offer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Reasons {
    /// The rule that chose:
    ///
    /// | rule | the shift |
    /// |---|---|
    /// | `nearest` | costs this booking least |
    /// | `least_wait` | is not the one that costs this booking least, but riders wait least if it goes here |
    /// | `stand_queue` | has waited longest at the stand where the rider is |
    /// | `kept` | is close to the pickup already and is not changed any more |
    /// | `handed_over` | is the one for which the booking was handed over |
    /// | `by_hand` | was chosen by an operator |
    pub rule: String,
    /// The other candidates with what they cost in seconds, best first, at most five: the drive, and what it costs
    /// to take a shift away that is on its way.
    pub others: Vec<(ShiftId, u32)>,
    /// The bond whose taxi was on its way and keeps the booking until this driver has said yes: an exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<AssignmentId>,
}

/// A shift to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// For which booking.
    pub booking: BookingId,
    /// Which shift.
    pub shift: ShiftId,
    /// Its travel time to the pickup.
    pub eta_s: u32,
    /// Why.
    pub why: Reasons,
}

/// Why nobody is asked for a booking at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmatched {
    /// No free shift suits it.
    NoneSuitable,
    /// Every suitable shift is asked for somebody else.
    AllTaken,
    /// No road leads from any suitable shift, or all are too far.
    OutOfReach,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Shifts to ask; no shift and no booking stands in it twice.
    pub asks: Vec<Ask>,
    /// Bookings for which nobody is asked.
    pub unmatched: Vec<(BookingId, Unmatched)>,
}

/// Candidates that are remembered beside the one that was chosen.
const OTHERS_MAX: usize = 5;

impl Reasons {
    /// Returns why `chosen` was, among `candidates` with their costs in seconds, best first.
    #[must_use]
    pub fn among(rule: &str, chosen: ShiftId, candidates: impl IntoIterator<Item = (ShiftId, u32)>) -> Self {
        let others = candidates.into_iter().filter(|(shift, _)| *shift != chosen).take(OTHERS_MAX).collect();
        Self { rule: rule.into(), others, instead_of: None }
    }

    /// Returns a reason that no other candidates stand beside.
    #[must_use]
    pub fn alone(rule: &str) -> Self {
        Self { rule: rule.into(), ..Self::default() }
    }
}
