//! Virtual time: what happens next, and how each place's own clocks read it.

use std::collections::BTreeMap;

use ondol_core::units::{Now, Ticks, UtcMs};

/// True simulated milliseconds since the start of a run.
pub(crate) type Ms = u64;

/// The civil moment at which runs start: 2022-10-15 15:30 in Seoul.
const EPOCH_UTC_MS: i64 = 1_665_815_400_000;

/// What a civil clock shows that is right.
pub(crate) fn true_utc(now: Ms) -> UtcMs {
    UtcMs(EPOCH_UTC_MS + i64::try_from(now).expect("a run is short"))
}

/// What is to happen, in order. Of two events at the same moment the one planned first comes first.
#[derive(Debug)]
pub(crate) struct Agenda<E> {
    now: Ms,
    planned: u64,
    events: BTreeMap<(Ms, u64), E>,
}

impl<E> Agenda<E> {
    pub(crate) fn new() -> Self {
        Self { now: 0, planned: 0, events: BTreeMap::new() }
    }

    pub(crate) fn now(&self) -> Ms {
        self.now
    }

    /// Plans an event; one for the past happens now.
    pub(crate) fn at(&mut self, at: Ms, event: E) {
        self.planned += 1;
        self.events.insert((at.max(self.now), self.planned), event);
    }

    pub(crate) fn after(&mut self, wait: Ms, event: E) {
        self.at(self.now + wait, event);
    }

    /// The next event; time moves to it.
    pub(crate) fn next(&mut self) -> Option<E> {
        let ((at, _), event) = self.events.pop_first()?;
        self.now = at;
        Some(event)
    }

    /// When the next event happens.
    pub(crate) fn next_at(&self) -> Option<Ms> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }
}

/// One place's clocks: an elapsed clock that runs a little fast or slow, and a civil clock that may be wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// Elapsed milliseconds at the start of the run.
    pub(crate) offset_ms: u64,
    /// Own milliseconds per 1,000 true ones, 980 to 1,020.
    pub(crate) rate: u64,
    /// How wrong the civil clock is.
    pub(crate) civil_error_ms: i64,
}

impl Clock {
    pub(crate) fn read(&self, now: Ms) -> Now {
        let elapsed = now * self.rate / 1_000;
        let civil = i64::try_from(elapsed).expect("a run is short");
        Now { ticks: Ticks(self.offset_ms + elapsed), utc: UtcMs(EPOCH_UTC_MS + civil + self.civil_error_ms) }
    }

    /// The first true moment at which this clock shows `ticks`.
    pub(crate) fn when(&self, ticks: Ticks) -> Ms {
        (ticks.0.saturating_sub(self.offset_ms) * 1_000).div_ceil(self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_moments_keep_their_order_and_the_past_is_now() {
        let mut agenda = Agenda::new();
        agenda.at(5, 'a');
        agenda.at(5, 'b');
        agenda.at(1, 'c');
        assert_eq!(agenda.next(), Some('c'));
        agenda.at(0, 'd');
        assert_eq!(
            (agenda.next(), agenda.next(), agenda.next(), agenda.next()),
            (Some('d'), Some('a'), Some('b'), None)
        );
        assert_eq!(agenda.now(), 5);
    }

    #[test]
    fn a_clock_reads_back_what_it_promised() {
        for rate in [980, 1_000, 1_020] {
            let clock = Clock { offset_ms: 7_777, rate, civil_error_ms: -3 };
            for ticks in [7_777, 7_778, 100_000, 999_999] {
                let at = clock.when(Ticks(ticks));
                assert!(clock.read(at).ticks >= Ticks(ticks), "{rate} {ticks}");
                assert!(at == 0 || clock.read(at - 1).ticks < Ticks(ticks), "{rate} {ticks}");
            }
        }
    }
}
