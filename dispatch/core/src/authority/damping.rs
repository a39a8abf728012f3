//! How long central waits before it takes a district back over a link that comes and goes.
//!
//! Each change of hands costs drivers an attachment and riders a few seconds. The first return is as quick as the
//! histories are joined; an edge that has to take over again soon after keeps its district until the link has
//! held for a while, twice as long each time.

use super::{Epoch, LeaseTiming};
use crate::units::Ticks;

/// What central remembers of a district's changes of hands, in this life.
#[derive(Debug, Clone)]
pub(crate) struct Damping {
    timing: LeaseTiming,
    /// The last takeover of which it heard.
    taken: Option<Epoch>,
    /// When central took the district back after that one.
    returned_at: Option<Ticks>,
    /// The link must have held for this long.
    hold_ms: u64,
    /// Since when the edge has answered without a gap, and when it answered last.
    answers: Option<(Ticks, Ticks)>,
}

impl Damping {
    pub(crate) fn new(timing: LeaseTiming) -> Self {
        Self { timing, taken: None, returned_at: None, hold_ms: 0, answers: None }
    }

    /// The edge answered.
    pub(crate) fn answered(&mut self, now: Ticks) {
        let since = self
            .answers
            .filter(|(_, last)| now.since_ms(*last) <= self.timing.holder_stops_after_ms())
            .map_or(now, |(since, _)| since);
        self.answers = Some((since, now));
    }

    /// The edge says that it holds the district under `epoch`; it says so again and again.
    pub(crate) fn taken(&mut self, epoch: Epoch, now: Ticks) {
        if self.taken.replace(epoch) == Some(epoch) {
            return;
        }
        // A takeover under a higher epoch while the district was not given back is still the same one.
        let Some(returned_at) = self.returned_at.take() else { return };
        let soon = now.since_ms(returned_at) <= self.timing.hold_down_max_ms;
        self.hold_ms = match (soon, self.hold_ms) {
            (false, _) => 0,
            (true, 0) => self.timing.hold_down_ms,
            (true, held_ms) => held_ms.saturating_mul(2).min(self.timing.hold_down_max_ms),
        };
    }

    /// Central takes the district back: from here on the next takeover is another one, be the return complete or not.
    pub(crate) fn granted(&mut self, now: Ticks) {
        if self.taken.is_some() {
            self.returned_at = Some(now);
        }
    }

    /// True while the link has not held for long enough to take the district back.
    pub(crate) fn holds_down(&self, now: Ticks) -> bool {
        self.hold_ms > 0 && self.answers.is_none_or(|(since, _)| now.since_ms(since) < self.hold_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: u64 = 60_000;

    fn takeover(n: u32) -> Epoch {
        Epoch { central_term: n, edge_term: 1 }
    }

    /// The edge answers every second from `from` to `to`.
    fn answers(damping: &mut Damping, from: u64, to: u64) {
        for at in (from..=to).step_by(1_000) {
            damping.answered(Ticks(at));
        }
    }

    fn returned_at_0() -> Damping {
        let mut damping = Damping::new(LeaseTiming::default());
        damping.taken(takeover(0), Ticks(0));
        damping.granted(Ticks(0));
        damping
    }

    #[test]
    fn a_first_return_is_not_held_up() {
        let mut damping = Damping::new(LeaseTiming::default());
        damping.granted(Ticks(0));
        damping.answered(Ticks(0));
        damping.taken(takeover(1), Ticks(0));
        assert!(!damping.holds_down(Ticks(0)));
    }

    #[test]
    fn each_takeover_soon_after_a_return_doubles_the_wait_up_to_its_bound() {
        let timing = LeaseTiming::default();
        let mut damping = Damping::new(timing);
        let mut at = 0;
        for (n, wait_ms) in (1..).zip([0, 60_000, 120_000, 240_000, 480_000, 900_000, 900_000]) {
            // The link was away for half a minute.
            at += 30_000;
            damping.answered(Ticks(at));
            damping.taken(takeover(n), Ticks(at));
            if wait_ms > 0 {
                answers(&mut damping, at, at + wait_ms - 1_000);
                assert!(damping.holds_down(Ticks(at + wait_ms - 1)), "{wait_ms}");
            }
            assert!(!damping.holds_down(Ticks(at + wait_ms)), "{wait_ms}");
            at += wait_ms;
            damping.granted(Ticks(at));
        }
    }

    #[test]
    fn a_gap_starts_the_wait_again() {
        let mut damping = returned_at_0();
        damping.answered(Ticks(MINUTE_MS));
        damping.taken(takeover(1), Ticks(MINUTE_MS));
        answers(&mut damping, MINUTE_MS, MINUTE_MS + 50_000);
        let back = 3 * MINUTE_MS;
        // It is the same takeover, and costs no longer wait.
        damping.taken(takeover(1), Ticks(back));
        answers(&mut damping, back, back + 59_000);
        assert!(damping.holds_down(Ticks(back + 59_999)));
        assert!(!damping.holds_down(Ticks(back + 60_000)));
    }

    #[test]
    fn a_return_that_was_cut_short_counts_as_one() {
        let mut damping = Damping::new(LeaseTiming::default());
        damping.answered(Ticks(0));
        damping.taken(takeover(1), Ticks(0));
        damping.granted(Ticks(0));
        // The edge took over again before central was heard to hold the district.
        damping.answered(Ticks(30_000));
        damping.taken(takeover(2), Ticks(30_000));
        assert!(damping.holds_down(Ticks(30_000)));
    }

    #[test]
    fn a_higher_authority_before_a_return_shortens_no_wait() {
        let mut damping = returned_at_0();
        damping.answered(Ticks(MINUTE_MS));
        damping.taken(takeover(1), Ticks(MINUTE_MS));
        damping.taken(Epoch { edge_term: 2, ..takeover(1) }, Ticks(MINUTE_MS));
        assert!(damping.holds_down(Ticks(MINUTE_MS)));
    }

    #[test]
    fn a_link_that_has_held_for_long_is_trusted_again() {
        let timing = LeaseTiming::default();
        let mut damping = returned_at_0();
        damping.taken(takeover(1), Ticks(MINUTE_MS));
        damping.answered(Ticks(MINUTE_MS));
        assert!(damping.holds_down(Ticks(MINUTE_MS)));
        damping.granted(Ticks(2 * MINUTE_MS));
        let later = Ticks(2 * MINUTE_MS + timing.hold_down_max_ms + 1);
        damping.taken(takeover(2), later);
        assert!(!damping.holds_down(later));
    }
}
