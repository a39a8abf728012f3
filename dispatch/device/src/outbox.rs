//! What the device still has to tell, in two lanes.
//!
//! The *live* lane holds what happened: oldest first, nothing is ever left out. The *track* lane holds where the
//! vehicle was: newest first, so that the present is known before the past, and the oldest is dropped when it is full.
//! An entry leaves its lane only when a node has acknowledged that very entry.

use std::collections::VecDeque;

use ondol_core::position::Position;
use ondol_core::units::UtcMs;
use serde::{Deserialize, Serialize};

use crate::wire::{Fix, Happening, Outcome, REPORTS_MAX, ReportEntry, ReportResult};

/// From this many waiting entries on, the driver can begin nothing new.
pub const LIVE_FULL: usize = 1_000;
/// From this many waiting entries on, nodes are not answered either; they ask again later.
pub const LIVE_MAX: usize = 1_500;
/// Most fixes that wait; an hour at one every 5 s.
pub const TRACK_MAX: usize = 720;
/// Most fixes sent at once.
const TRACK_BATCH: usize = 100;

/// Refusals that say something about the session, not about the entry: it is kept and handed in after attaching anew.
const NOT_ABOUT_THE_ENTRY: [&str; 4] = ["unknown_shift", "stale_attach", "other_node", "other_district"];

/// Both lanes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outbox {
    numbered: u64,
    live: VecDeque<ReportEntry>,
    track: VecDeque<Fix>,
    /// Entries that a node refused for good.
    pub refused: u64,
    /// Fixes that were dropped because the lane was full.
    pub dropped: u64,
}

/// What an answer to a batch of reports means for the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Every entry was settled or may be handed in again.
    Fine,
    /// The node does not know this device's session: attach anew.
    AttachAnew,
}

impl Outbox {
    /// Adds a happening, unless the same one is waiting already. (A stand may be joined, left and joined again.)
    pub fn report(&mut self, what: Happening, at: UtcMs) {
        let may_recur = matches!(what, Happening::Stand { .. });
        if !may_recur && self.live.iter().any(|entry| entry.what == what) {
            return;
        }
        self.numbered += 1;
        self.live.push_back(ReportEntry { number: self.numbered, at, what });
    }

    /// Adds a fix; the oldest makes room.
    pub fn track(&mut self, position: Position, at: UtcMs) {
        if self.track.len() >= TRACK_MAX {
            self.track.pop_front();
            self.dropped += 1;
        }
        self.numbered += 1;
        self.track.push_back(Fix { number: self.numbered, at, position });
    }

    /// The oldest happenings that wait.
    #[must_use]
    pub fn next_reports(&self) -> Vec<ReportEntry> {
        self.live.iter().take(REPORTS_MAX).cloned().collect()
    }

    /// The newest fixes that wait, newest first.
    #[must_use]
    pub fn next_fixes(&self) -> Vec<Fix> {
        self.track.iter().rev().take(TRACK_BATCH).copied().collect()
    }

    /// Takes in a node's results; what it stored or refused for good leaves the lane.
    pub fn settle(&mut self, results: &[ReportResult]) -> Settled {
        let mut settled = Settled::Fine;
        for result in results {
            match &result.outcome {
                Outcome::Stored => self.live.retain(|entry| entry.number != result.number),
                Outcome::Refused { retry: true, .. } => {}
                Outcome::Refused { code, .. } if NOT_ABOUT_THE_ENTRY.contains(&code.as_str()) => {
                    settled = Settled::AttachAnew;
                }
                Outcome::Refused { .. } => self.drop_refused(result.number),
            }
        }
        settled
    }

    /// Leaves out an entry that a node refused for good.
    pub(crate) fn drop_refused(&mut self, number: u64) {
        let before = self.live.len();
        self.live.retain(|entry| entry.number != number);
        self.refused += u64::from(self.live.len() < before);
    }

    /// Forgets the fixes that a node has taken in.
    pub fn settle_fixes(&mut self, stored: &[u64]) {
        self.track.retain(|fix| !stored.contains(&fix.number));
    }

    /// Happenings that no node has acknowledged.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.live.len()
    }

    /// Fixes that no node has acknowledged.
    #[must_use]
    pub fn unsent_fixes(&self) -> usize {
        self.track.len()
    }

    /// The happenings that wait, oldest first.
    pub fn live(&self) -> impl Iterator<Item = &ReportEntry> {
        self.live.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ondol_core::shift::Duty;

    fn duty(number: u64) -> Happening {
        Happening::Duty { number, duty: Duty::Paused }
    }

    fn refused(number: u64, code: &str, retry: bool) -> ReportResult {
        ReportResult { number, outcome: Outcome::Refused { code: code.into(), retry } }
    }

    #[test]
    fn only_an_acknowledged_entry_leaves() {
        let mut outbox = Outbox::default();
        (1..=4).for_each(|n| outbox.report(duty(n), UtcMs(0)));
        outbox.report(duty(1), UtcMs(9));
        assert_eq!(outbox.unsent(), 4, "the same happening waits once");
        assert_eq!(outbox.settle(&[refused(1, "overloaded", true)]), Settled::Fine);
        assert_eq!(outbox.settle(&[refused(2, "stale_attach", false)]), Settled::AttachAnew);
        assert_eq!(outbox.unsent(), 4);
        assert_eq!(
            outbox.settle(&[refused(3, "no_trip", false), refused(77, "no_trip", false)]),
            Settled::Fine
        );
        outbox.settle(&[ReportResult { number: 2, outcome: Outcome::Stored }]);
        assert_eq!(outbox.next_reports().iter().map(|e| e.number).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(outbox.refused, 1);
    }

    #[test]
    fn fixes_go_newest_first_and_the_oldest_make_room() {
        let mut outbox = Outbox::default();
        let here = Position::new(37.5, 127.0).unwrap();
        for at in 0..i64::try_from(TRACK_MAX).unwrap() + 3 {
            outbox.track(here, UtcMs(at));
        }
        assert_eq!((outbox.unsent_fixes(), outbox.dropped), (TRACK_MAX, 3));
        let batch = outbox.next_fixes();
        assert!(batch.len() == TRACK_BATCH && batch.windows(2).all(|pair| pair[0].at > pair[1].at));
        outbox.settle_fixes(&batch.iter().map(|fix| fix.number).collect::<Vec<_>>());
        assert_eq!(outbox.unsent_fixes(), TRACK_MAX - TRACK_BATCH);
    }
}
