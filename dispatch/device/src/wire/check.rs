//! Bounds on what a phone may send. A message within them is well formed; whether it may be is the core's business.
//!
//! Entries of a batch are checked one by one, so that a bad one keeps none of the others back. Moments are not refused:
//! a phone with a wrong clock is told so, and the time of receipt stands.

use ondol_core::capsule::CAPSULE_MAX_CHARS;
use ondol_core::command::is_far_off;
use ondol_core::units::UtcMs;
use thiserror::Error;

use super::{Attach, Beat, Fare, Fix, Happening, PositionBatch, ReportBatch, ReportEntry, Slot};

/// Most entries in one batch of reports.
pub const REPORTS_MAX: usize = 100;
/// Most fixes in one batch of positions.
pub const FIXES_MAX: usize = 500;
/// Most messages in the answer to one beat.
pub const MESSAGES_MAX: usize = 32;
/// Longest session name, in bytes.
pub const SESSION_MAX: usize = 64;
/// Longest text about a rider, in characters.
pub const TEXT_MAX: usize = 200;

/// Places in a slot, each with one capsule at most.
const SLOTS: usize = 2;
/// Largest fare, in the currency's smallest unit.
const FARE_MAX: i64 = 100_000_000;
/// Longest trip, in metres and in seconds.
const TRIP_MAX: u32 = 2_000_000;
/// Most bonds that a device can have made or changes it can have counted; leaves room to go on counting.
const COUNT_MAX: u64 = 1 << 53;

/// Why a message is out of bounds.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Invalid {
    /// A list is longer than allowed.
    #[error("{field} holds {count} items; send at most {max}")]
    TooMany {
        /// The list.
        field: &'static str,
        /// Its length.
        count: usize,
        /// The bound.
        max: usize,
    },
    /// A text is longer than allowed.
    #[error("{field} is longer than {max} characters")]
    TooLong {
        /// The text.
        field: &'static str,
        /// The bound.
        max: usize,
    },
    /// A number is out of its range.
    #[error("{field} is {value}; it must be between 0 and {max}")]
    OutOfRange {
        /// The number.
        field: &'static str,
        /// Its value.
        value: i128,
        /// The bound.
        max: i128,
    },
    /// The slot contradicts itself.
    #[error("the slot holds the same assignment twice, or a next one without a current one")]
    Slot,
}

impl Invalid {
    /// The stable code at the door.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooMany { .. } => "too_many_items",
            Self::TooLong { .. } => "text_too_long",
            Self::OutOfRange { .. } => "out_of_range",
            Self::Slot => "slot_contradicts_itself",
        }
    }
}

impl Attach {
    /// Checks the bounds.
    ///
    /// # Errors
    ///
    /// [`Invalid`] with the field that is out of bounds.
    pub fn check(&self) -> Result<(), Invalid> {
        within("attach_epoch", i128::from(self.attach_epoch), i128::from(COUNT_MAX))?;
        within("duty.number", i128::from(self.duty.number), i128::from(COUNT_MAX))?;
        let capsules = self.capsules.as_deref().unwrap_or_default();
        count("capsules", capsules.len(), SLOTS)?;
        if capsules.iter().any(|kept| kept.capsule.len() > CAPSULE_MAX_CHARS) {
            return Err(Invalid::TooLong { field: "capsules.capsule", max: CAPSULE_MAX_CHARS });
        }
        self.slot.check()
    }
}

impl Beat {
    /// Checks the bounds.
    ///
    /// # Errors
    ///
    /// [`Invalid`] with the field that is out of bounds.
    pub fn check(&self) -> Result<(), Invalid> {
        if self.session.as_ref().is_some_and(|session| session.len() > SESSION_MAX) {
            return Err(Invalid::TooLong { field: "session", max: SESSION_MAX });
        }
        self.slot.check()
    }
}

impl Slot {
    fn check(&self) -> Result<(), Invalid> {
        match (&self.current, &self.next) {
            (None, Some(_)) => Err(Invalid::Slot),
            (Some(current), Some(next)) if current.assignment == next.assignment || next.boarded => {
                Err(Invalid::Slot)
            }
            (_, None) | (Some(_), Some(_)) => Ok(()),
        }
    }
}

impl ReportBatch {
    /// Checks how many there are; each entry is checked for itself.
    ///
    /// # Errors
    ///
    /// [`Invalid::TooMany`].
    pub fn check(&self) -> Result<(), Invalid> {
        count("entries", self.entries.len(), REPORTS_MAX)
    }
}

impl ReportEntry {
    /// Checks the bounds.
    ///
    /// # Errors
    ///
    /// [`Invalid`] with the field that is out of bounds.
    pub fn check(&self) -> Result<(), Invalid> {
        match &self.what {
            Happening::Duty { number, .. } => within("number", i128::from(*number), i128::from(COUNT_MAX)),
            Happening::Done { fare, .. } => fare.check(),
            Happening::Assigned { .. }
            | Happening::Arrived { .. }
            | Happening::Boarded { .. }
            | Happening::Released { .. }
            | Happening::StreetHail { .. }
            | Happening::Stand { .. } => Ok(()),
        }
    }

    /// True if the device's clock is wrong: the time of receipt stands.
    #[must_use]
    pub fn is_far_off(&self, now: UtcMs) -> bool {
        is_far_off(self.at, now)
    }
}

impl Fare {
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        within("fare.amount", i128::from(self.amount.0), i128::from(FARE_MAX))?;
        within("fare.distance_m", i128::from(self.distance_m), i128::from(TRIP_MAX))?;
        within("fare.duration_s", i128::from(self.duration_s), i128::from(TRIP_MAX))
    }
}

impl PositionBatch {
    /// Checks how many there are.
    ///
    /// # Errors
    ///
    /// [`Invalid::TooMany`].
    pub fn check(&self) -> Result<(), Invalid> {
        count("fixes", self.fixes.len(), FIXES_MAX)
    }
}

impl Fix {
    /// True if the device's clock is wrong: where the vehicle was then is not known.
    #[must_use]
    pub fn is_far_off(&self, now: UtcMs) -> bool {
        is_far_off(self.at, now)
    }
}

fn count(field: &'static str, count: usize, max: usize) -> Result<(), Invalid> {
    if count <= max { Ok(()) } else { Err(Invalid::TooMany { field, count, max }) }
}

fn within(field: &'static str, value: i128, max: i128) -> Result<(), Invalid> {
    if (0..=max).contains(&value) { Ok(()) } else { Err(Invalid::OutOfRange { field, value, max }) }
}
