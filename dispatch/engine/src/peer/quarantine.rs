//! Series of one peer whose next entry does not go in: left alone for a while, so that the others go on.

use std::collections::BTreeMap;

use ondol_core::ids::NodeId;
use ondol_core::journal::Series;
use ondol_core::units::Ticks;

/// A series that does not go on is left alone this long.
const QUARANTINE_MS: u64 = 60_000;
/// Most series of one peer that are left alone at a time.
const QUARANTINE_MAX: usize = 2_000;

/// The series, and until when each is left alone.
#[derive(Debug, Default)]
pub(super) struct Quarantine {
    until: BTreeMap<Series, Ticks>,
    /// The entries that staff had passed over, and for which a series was tried again at once.
    tried: BTreeMap<Series, u64>,
    /// This node took its own past back when the peer was last asked.
    took_back: bool,
}

impl Quarantine {
    /// Leaves `series` alone for a minute.
    pub(super) fn put(&mut self, series: Series, now: Ticks) {
        self.until.insert(series, now.plus_ms(QUARANTINE_MS));
    }

    /// True if the peer has made up more series than are kept apart.
    pub(super) fn is_overfull(&self) -> bool {
        self.until.len() > QUARANTINE_MAX
    }

    /// The series that are left alone at `now`; the others are forgotten.
    pub(super) fn at(&mut self, now: Ticks) -> impl Iterator<Item = &Series> {
        self.until.retain(|_, until| now < *until);
        self.until.keys()
    }

    /// Staff has decided that `series` goes on behind its entry `passed_over`: it does not wait any longer. Once for each
    /// decision, so that a series which does not go in after all is left alone again.
    pub(super) fn let_go(&mut self, series: Series, passed_over: u64) {
        if self.tried.get(&series) != Some(&passed_over) {
            self.until.remove(&series);
            self.tried.insert(series, passed_over);
        }
    }

    /// The node takes its own past back: from now on, what was refused of it before does not wait any longer. What is
    /// refused of it afterwards does.
    pub(super) fn take_back(&mut self, own: &NodeId) {
        if !self.took_back {
            self.until.retain(|series, _| series.origin != *own);
        }
        self.took_back = true;
    }

    /// The node takes nothing back, or no longer.
    pub(super) fn give_nothing_back(&mut self) {
        self.took_back = false;
    }
}

#[cfg(test)]
mod tests {
    use ondol_core::journal::Lane;

    use super::*;

    const NOW: Ticks = Ticks(1_000_000);

    fn series(origin: &str) -> Series {
        let (origin, district) = (origin.parse().unwrap(), "hanbuk".parse().unwrap());
        Series { origin, incarnation: 7, district, lane: Lane::Bookings }
    }

    fn origins(quarantine: &mut Quarantine, now: Ticks) -> Vec<String> {
        quarantine.at(now).map(|series| series.origin.to_string()).collect()
    }

    #[test]
    fn a_series_is_left_alone_for_a_minute() {
        let mut quarantine = Quarantine::default();
        quarantine.put(series("edge-a"), NOW);
        assert_eq!(origins(&mut quarantine, NOW.plus_ms(59_999)), ["edge-a"]);
        assert!(origins(&mut quarantine, NOW.plus_ms(60_000)).is_empty());
    }

    /// Staff restores central, starts it, reads what the log says, and runs `ondol node take-back`.
    #[test]
    fn taking_back_ends_the_wait_of_the_own_past_once_and_of_nothing_else() {
        let (central, mut quarantine) = ("central".parse().unwrap(), Quarantine::default());
        for origin in ["central", "edge-a"] {
            quarantine.put(series(origin), NOW);
        }
        quarantine.take_back(&central);
        assert_eq!(origins(&mut quarantine, NOW), ["edge-a"]);
        quarantine.put(series("central"), NOW);
        quarantine.take_back(&central);
        assert_eq!(origins(&mut quarantine, NOW), ["central", "edge-a"], "what is refused now waits again");
        quarantine.give_nothing_back();
        quarantine.take_back(&central);
        assert_eq!(origins(&mut quarantine, NOW), ["edge-a"], "another order is another try");
    }

    #[test]
    fn a_series_that_staff_lets_go_on_is_tried_at_once_and_only_once() {
        let mut quarantine = Quarantine::default();
        quarantine.put(series("edge-a"), NOW);
        quarantine.let_go(series("edge-a"), 7);
        assert!(origins(&mut quarantine, NOW).is_empty());
        quarantine.put(series("edge-a"), NOW);
        quarantine.let_go(series("edge-a"), 7);
        assert_eq!(origins(&mut quarantine, NOW), ["edge-a"], "it did not go in after all");
        quarantine.let_go(series("edge-a"), 9);
        assert!(origins(&mut quarantine, NOW).is_empty(), "another decision is another try");
    }

    #[test]
    fn a_peer_that_makes_up_series_is_seen() {
        let mut quarantine = Quarantine::default();
        for n in 0..=u32::try_from(QUARANTINE_MAX).unwrap() {
            assert!(!quarantine.is_overfull(), "{n}");
            quarantine.put(Series { incarnation: n, ..series("edge-a") }, NOW);
        }
        assert!(quarantine.is_overfull());
    }
}
