//! What is driven, how much of it, and what must hold.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Serialize;

/// The time between two beats that node and phone take for signs of life, in milliseconds.
const BEAT_MS: RangeInclusive<f64> = 1_000.0..=8_000.0;

/// What is driven.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address of the node that is asked.
    pub node: String,
    /// The map directory that the node has.
    pub map: PathBuf,
    /// The roster file that the node was given: drivers with their secrets.
    pub roster: PathBuf,
    /// How much.
    pub wanted: Wanted,
    /// How long it counts.
    pub time: Duration,
    /// How long a driver is busy with one booking, in seconds.
    pub trip_s: u32,
    /// Draws who comes when and from where.
    pub seed: u64,
    /// What must hold.
    pub bounds: Bounds,
}

/// How much is asked of the node.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Wanted {
    /// Drivers at work.
    pub shifts: u32,
    /// Beats with a position, of all phones together, in a second.
    pub reports_per_s: f64,
    /// Bookings in a second.
    pub bookings_per_s: f64,
    /// Fares asked for and bookings looked at in a second, half of each.
    pub quotes_per_s: f64,
}

/// What must hold, besides that nothing is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Of 100 bookings 99 are acknowledged within so many milliseconds.
    pub booking_p99_ms: u64,
    /// Of 100 offers that were due 95 are on a driver's phone within so many milliseconds of the acknowledgement.
    pub offer_p95_ms: u64,
    /// Most memory of the node, in MiB.
    pub memory_mib: u64,
}

impl Wanted {
    /// A part of it.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a u32")]
    pub fn share(self, share: f64) -> Self {
        Self {
            shifts: (f64::from(self.shifts) * share).round().max(1.0) as u32,
            reports_per_s: self.reports_per_s * share,
            bookings_per_s: self.bookings_per_s * share,
            quotes_per_s: self.quotes_per_s * share,
        }
    }

    /// Milliseconds between two beats of one phone.
    ///
    /// # Errors
    ///
    /// If so many phones cannot report so often.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within the range, just above"
    )]
    pub fn beat_every_ms(&self) -> Result<u64> {
        let shifts = f64::from(self.shifts);
        let every_ms = shifts / self.reports_per_s * 1_000.0;
        ensure!(
            BEAT_MS.contains(&every_ms.round()),
            "--reports-per-s {}: a phone reports every 1 to 8 s, so {shifts} shifts report {} to {shifts} times a second",
            self.reports_per_s,
            shifts / 8.0
        );
        Ok(every_ms.round() as u64)
    }
}

/// How a driver spends the time of a booking.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) thinks_ms: u64,
    pub(super) to_pickup_s: u32,
    pub(super) waits_ms: u64,
    pub(super) rides_s: u32,
}

impl Pace {
    /// A third of the time is the way to the rider, a tenth boarding, and half of it the ride.
    pub(super) fn of(trip_s: u32) -> Self {
        let trip_ms = u64::from(trip_s) * 1_000;
        Self {
            thinks_ms: (trip_ms / 20).min(3_000),
            to_pickup_s: (trip_s / 3).max(1),
            waits_ms: trip_ms / 10,
            rides_s: (trip_s / 2).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEOUL: Wanted =
        Wanted { shifts: 24_000, reports_per_s: 6_000.0, bookings_per_s: 33.0, quotes_per_s: 67.0 };

    #[test]
    fn a_share_is_of_everything_and_each_phone_reports_as_often() {
        let tenth = SEOUL.share(0.1);
        assert_eq!((tenth.shifts, SEOUL.share(1e-9).shifts), (2_400, 1));
        assert!((tenth.bookings_per_s - 3.3).abs() < 1e-9 && (tenth.quotes_per_s - 6.7).abs() < 1e-9);
        assert_eq!((SEOUL.beat_every_ms().unwrap(), tenth.beat_every_ms().unwrap()), (4_000, 4_000));
    }

    #[test]
    fn phones_that_would_fall_silent_or_shout_are_refused_with_what_they_can_do() {
        for reports_per_s in [0.0, 2_900.0, 25_000.0, f64::NAN] {
            let error = Wanted { reports_per_s, ..SEOUL }.beat_every_ms().unwrap_err().to_string();
            assert!(error.contains("--reports-per-s") && error.contains("3000 to 24000"), "{error}");
        }
        assert_eq!(Wanted { reports_per_s: 3_000.0, ..SEOUL }.beat_every_ms().unwrap(), 8_000);
    }

    #[test]
    fn a_driver_is_busy_for_the_time_of_a_trip() {
        for trip_s in [2, 60, 600] {
            let Pace { thinks_ms, to_pickup_s, waits_ms, rides_s } = Pace::of(trip_s);
            let all_ms = thinks_ms + waits_ms + u64::from(to_pickup_s + rides_s) * 1_000;
            assert!(
                all_ms.abs_diff(u64::from(trip_s) * 1_000) <= u64::from(trip_s) * 150,
                "{trip_s}: {all_ms}"
            );
        }
    }
}
