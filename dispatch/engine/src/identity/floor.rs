//! The present for everything that expires: never before what the journal has seen, unless that was a clock gone wrong.
//!
//! A clock that was set back must not revive an expired pass; a clock that was ahead for a while and came back must
//! not keep its node ahead of all others. No node can tell the two apart alone. So its journal's last moment counts
//! until a peer refuses a call that was signed by it and takes one that was signed by the clock.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use ondol_core::units::UtcMs;

use super::token::{LEEWAY_MS, TokenRefusal};

/// Furthest that the journal may be ahead of the clock and still be believed.
const AHEAD_MAX_MS: i64 = 60 * 60 * 1_000;

/// The latest moment that a node has seen.
#[derive(Debug)]
pub(super) struct Floor {
    at: AtomicI64,
    /// A peer has refused what was signed by the floor: the next call is signed by the clock.
    in_doubt: AtomicBool,
}

/// The time by which a call to a peer is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SignedAt {
    pub(super) at: UtcMs,
    /// By the clock, although the floor is ahead of it.
    by_clock: bool,
}

impl Floor {
    pub(super) fn new() -> Self {
        Self { at: AtomicI64::new(i64::MIN), in_doubt: AtomicBool::new(false) }
    }

    /// The present when the clock shows `clock`.
    pub(super) fn present(&self, clock: UtcMs) -> UtcMs {
        let floor = UtcMs(self.at.load(Ordering::Relaxed));
        // A journal that is further ahead was surely written by a clock that was wrong.
        if floor.since_ms(clock) > AHEAD_MAX_MS { clock } else { clock.max(floor) }
    }

    pub(super) fn raise(&self, at: UtcMs) {
        self.at.fetch_max(at.0, Ordering::Relaxed);
    }

    /// By which time the next call to a peer is signed.
    pub(super) fn signs_at(&self, clock: UtcMs) -> SignedAt {
        let present = self.present(clock);
        let by_clock = self.in_doubt.load(Ordering::Relaxed) && present > clock;
        SignedAt { at: if by_clock { clock } else { present }, by_clock }
    }

    /// A peer did not know who called: the floor, or the clock, may be wrong.
    pub(super) fn refused(&self, call: SignedAt, clock: UtcMs) {
        let is_ahead = self.present(clock).since_ms(clock) > LEEWAY_MS;
        self.in_doubt.store(is_ahead && !call.by_clock, Ordering::Relaxed);
    }

    /// A peer has taken a call. Returns by how much the floor was ahead, if that shows it to have been wrong.
    pub(super) fn taken(&self, call: SignedAt) -> Option<i64> {
        if !call.by_clock || !self.in_doubt.swap(false, Ordering::Relaxed) {
            return None;
        }
        Some(UtcMs(self.at.swap(call.at.0, Ordering::Relaxed)).since_ms(call.at))
    }

    /// Reads what was made for this one call by the present or else by the clock: whoever calls may be right about
    /// the time, and it is too short-lived to be worth reviving.
    pub(super) fn either<T>(
        &self,
        clock: UtcMs,
        read: impl Fn(UtcMs) -> Result<T, TokenRefusal>,
    ) -> Result<T, TokenRefusal> {
        match read(self.present(clock)) {
            Err(TokenRefusal::Expired | TokenRefusal::TooEarly) => read(clock),
            result => result,
        }
    }
}
