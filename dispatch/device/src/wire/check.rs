//! Bounds on what a phone may send. A message within them is well formed; whether it may be is the core's business.

use ondol_core::units::UtcMs;
use thiserror::Error;

use super::{Attach, Beat, Fare, Happening, PositionBatch, ReportBatch, Slot};

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
/// Oldest happening that a device may still hand in, in milliseconds (7 days: a long cut, and a phone in a drawer).
pub const PAST_MAX_MS: i64 = 7 * 24 * 3_600_000;
/// Furthest a device's clock may be ahead, in milliseconds.
pub const FUTURE_MAX_MS: i64 = 60_000;

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
    /// A moment is too far from now: the device's clock is wrong, or the unit is.
    #[error("{field} is more than a week ago or a minute ahead; check the device's clock")]
    FarOff {
        /// The moment.
        field: &'static str,
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
            Self::FarOff { .. } => "time_far_off",
            Self::Slot => "slot_contradicts_itself",
        }
    }
}

impl Attach {
    /// Checks the bounds. A shift may have begun up to a week ago.
    ///
    /// # Errors
    ///
    /// [`Invalid`] with the field that is out of bounds.
    pub fn check(&self, now: UtcMs) -> Result<(), Invalid> {
        moment("started_at", self.started_at, now)?;
        within("attach_epoch", i128::from(self.attach_epoch), i128::from(COUNT_MAX))?;
        within("duty.number", i128::from(self.duty.number), i128::from(COUNT_MAX))?;
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
    /// Checks the bounds.
    ///
    /// # Errors
    ///
    /// [`Invalid`] with the first field that is out of bounds.
    pub fn check(&self, now: UtcMs) -> Result<(), Invalid> {
        count("entries", self.entries.len(), REPORTS_MAX)?;
        for entry in &self.entries {
            moment("at", entry.at, now)?;
            match &entry.what {
                Happening::Duty { number, .. } => {
                    within("number", i128::from(*number), i128::from(COUNT_MAX))?;
                }
                Happening::Done { fare, .. } => fare.check()?,
                Happening::Assigned { .. }
                | Happening::Arrived { .. }
                | Happening::Boarded { .. }
                | Happening::Released { .. }
                | Happening::StreetHail { .. }
                | Happening::Stand { .. } => {}
            }
        }
        Ok(())
    }
}

impl Fare {
    fn check(&self) -> Result<(), Invalid> {
        within("fare.amount", i128::from(self.amount.0), i128::from(FARE_MAX))?;
        within("fare.distance_m", i128::from(self.distance_m), i128::from(TRIP_MAX))?;
        within("fare.duration_s", i128::from(self.duration_s), i128::from(TRIP_MAX))
    }
}

impl PositionBatch {
    /// Checks the bounds.
    ///
    /// # Errors
    ///
    /// [`Invalid`] with the first field that is out of bounds.
    pub fn check(&self, now: UtcMs) -> Result<(), Invalid> {
        count("fixes", self.fixes.len(), FIXES_MAX)?;
        self.fixes.iter().try_for_each(|fix| moment("at", fix.at, now))
    }
}

fn count(field: &'static str, count: usize, max: usize) -> Result<(), Invalid> {
    if count <= max { Ok(()) } else { Err(Invalid::TooMany { field, count, max }) }
}

fn within(field: &'static str, value: i128, max: i128) -> Result<(), Invalid> {
    if (0..=max).contains(&value) { Ok(()) } else { Err(Invalid::OutOfRange { field, value, max }) }
}

fn moment(field: &'static str, at: UtcMs, now: UtcMs) -> Result<(), Invalid> {
    if (-PAST_MAX_MS..=FUTURE_MAX_MS).contains(&at.since_ms(now)) {
        Ok(())
    } else {
        Err(Invalid::FarOff { field })
    }
}
