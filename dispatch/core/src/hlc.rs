//! Hybrid logical clock: orders entries of different nodes for display and for last-writer rules.
//!
//! Leases never read it. A remote value far ahead is stored as it came but not adopted, so that one
//! wrong clock cannot drag the others along.

use serde::{Deserialize, Serialize};

use crate::units::UtcMs;

/// Furthest a remote clock may be ahead and still be adopted, in milliseconds.
pub const MAX_AHEAD_MS: i64 = 60_000;

/// A hybrid timestamp: civil milliseconds, then a counter within the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Hlc {
    /// Milliseconds since 1970-01-01T00:00:00Z, or later if a remote clock was ahead.
    pub wall_ms: i64,
    /// Counter within `wall_ms`.
    pub logical: u32,
}

impl Hlc {
    /// The least stamp after this one. A full counter, which a remote stamp may bring, goes on in the next millisecond.
    fn next(self) -> Self {
        match self.logical.checked_add(1) {
            Some(logical) => Self { wall_ms: self.wall_ms, logical },
            None => Self { wall_ms: self.wall_ms.saturating_add(1), logical: 0 },
        }
    }
}

/// One node's clock.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Clock {
    last: Hlc,
}

impl Clock {
    /// Returns a stamp later than every stamp given or adopted before.
    pub fn stamp(&mut self, now: UtcMs) -> Hlc {
        self.last =
            if now.0 > self.last.wall_ms { Hlc { wall_ms: now.0, logical: 0 } } else { self.last.next() };
        self.last
    }

    /// Takes note of a remote stamp; returns false, and adopts nothing, if it is too far ahead of `now`.
    pub fn observe(&mut self, remote: Hlc, now: UtcMs) -> bool {
        let believable = remote.wall_ms.saturating_sub(now.0) <= MAX_AHEAD_MS;
        if believable && remote > self.last {
            self.last = remote;
        }
        believable
    }

    /// Moves past a stamp of this node's own journal, however far ahead: used at restart.
    pub fn resume(&mut self, own: Hlc) {
        self.last = self.last.max(own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_repeats_when_the_civil_clock_steps_back() {
        let mut clock = Clock::default();
        let first = clock.stamp(UtcMs(1_000));
        let second = clock.stamp(UtcMs(400));
        assert!(second > first);
    }

    #[test]
    fn a_clock_far_ahead_is_not_adopted() {
        let mut clock = Clock::default();
        assert!(!clock.observe(Hlc { wall_ms: 61_000, logical: 0 }, UtcMs(0)));
        assert_eq!(clock.stamp(UtcMs(1)).wall_ms, 1);
        assert!(clock.observe(Hlc { wall_ms: 59_000, logical: 4 }, UtcMs(0)));
        assert_eq!(clock.stamp(UtcMs(2)), Hlc { wall_ms: 59_000, logical: 5 });
    }

    #[test]
    fn no_remote_stamp_breaks_the_arithmetic() {
        let mut clock = Clock::default();
        for wall_ms in [i64::MIN, -1, i64::MAX] {
            clock.observe(Hlc { wall_ms, logical: u32::MAX }, UtcMs(1_000));
            clock.observe(Hlc { wall_ms, logical: u32::MAX }, UtcMs(-1_000));
        }
        assert!(clock.observe(Hlc { wall_ms: 2_000, logical: u32::MAX }, UtcMs(1_000)));
        assert_eq!(clock.stamp(UtcMs(1_000)), Hlc { wall_ms: 2_001, logical: 0 });
    }
}
