//! Moments, elapsed time and money.

use crate::planted;
use serde::{Deserialize, Serialize};

/// A moment on the civil clock, in milliseconds since 1970-01-01T00:00:00Z.
///
/// For display, tariffs and schedules. Leases and offers count [`Ticks`] instead, because a civil
/// clock may step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UtcMs(pub i64);

impl UtcMs {
    /// Returns the moment `ms` milliseconds later.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)))
    }

    /// Milliseconds from `earlier` to this moment; negative if it lies after.
    #[must_use]
    pub fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Elapsed milliseconds on a clock that never steps and counts suspend; only differences mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ticks(pub u64);

impl Ticks {
    /// Returns the tick `ms` milliseconds later.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this tick, zero if it lies after.
    #[must_use]
    pub fn since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The present, as the shell tells it to the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The civil clock.
    pub utc: UtcMs,
    /// The elapsed clock.
    pub ticks: Ticks,
}

impl Now {
    /// The clock that leases count on: elapsed time, which no step of the civil clock changes.
    #[must_use]
    pub fn lease_ticks(self) -> Ticks {
        planted!("lease-by-wall-clock", self.ticks, self.civil_ticks())
    }

    /// The civil clock taken for an elapsed one, as no sound code does.
    #[cfg(feature = "planted")]
    pub(crate) fn civil_ticks(self) -> Ticks {
        Ticks(u64::try_from(self.utc.0).unwrap_or(0))
    }
}

/// An amount in the smallest unit of the tariff's currency (won have none smaller).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub i64);
