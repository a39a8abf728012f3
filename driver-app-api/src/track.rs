//! Where devices have been, on its way to what learns the pace of streets from it. Never journalled, and kept no longer
//! than it waits here.
//!
//! Dispatch itself follows the position in each beat. A driver whose fixes were dropped or refused has lost nothing: what
//! is learnt is learnt from the others.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use ondol_core::ids::{DeviceId, DriverId};
use ondol_core::units::{Now, UtcMs};
use ondol_device::wire::Fix;
use ondol_engine::identity::Bearer;
use tokio::sync::Notify;

/// Fixes that wait, at most: what a large city's 24,000 drivers hand in within ten seconds, about 2 MiB. Beyond, the
/// batch that has waited longest is dropped.
pub const QUEUED_FIXES_MAX: usize = 65_536;
/// A fix older than this is not looked at, in milliseconds. A phone keeps the last hour that it drove without a node.
pub const FIX_AGE_MAX_MS: i64 = 6 * 3_600_000;

/// What one driver's device handed in at once: moments that its clock and ours both believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// The driver.
    pub driver: DriverId,
    /// The device.
    pub device: DeviceId,
    /// The fixes, in any order; some may have been handed in before.
    pub fixes: Vec<Fix>,
}

/// What devices handed in and nobody has looked at yet. Cheap to clone; all clones share it. One task takes from it.
#[derive(Debug, Clone, Default)]
pub struct TrackQueue(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    tracks: VecDeque<Track>,
    fixes: usize,
}

impl TrackQueue {
    /// Takes in what a device in session hands in; never waits.
    pub(crate) fn hand_in(&self, bearer: &Bearer, mut fixes: Vec<Fix>, now: Now) {
        let handed_in = fixes.len();
        fixes.retain(|fix| is_believed(fix, now.utc));
        count("refused", handed_in - fixes.len());
        if fixes.is_empty() {
            return;
        }
        let taken = fixes.len();
        let dropped = {
            let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.push(Track { driver: bearer.driver, device: bearer.device, fixes })
        };
        count("taken", taken);
        count("dropped", dropped);
        self.0.arrived.notify_one();
    }

    /// The tracks that have waited longest, at most `max` of them; waits until there is one.
    pub async fn take(&self, max: usize) -> Vec<Track> {
        loop {
            let taken = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).take(max);
            if !taken.is_empty() {
                return taken;
            }
            self.0.arrived.notified().await;
        }
    }
}

impl Waiting {
    /// Adds a track; returns how many fixes gave way to it.
    fn push(&mut self, track: Track) -> usize {
        self.fixes += track.fixes.len();
        self.tracks.push_back(track);
        let mut dropped = 0;
        while self.fixes - dropped > QUEUED_FIXES_MAX {
            dropped += self.tracks.pop_front().map_or(0, |oldest| oldest.fixes.len());
        }
        self.fixes -= dropped;
        dropped
    }

    fn take(&mut self, max: usize) -> Vec<Track> {
        let count = self.tracks.len().min(max);
        let taken: Vec<Track> = self.tracks.drain(..count).collect();
        self.fixes -= taken.iter().map(|track| track.fixes.len()).sum::<usize>();
        taken
    }
}

/// A device cannot have been anywhere at a moment that has not come, and nobody learns from what was long ago.
fn is_believed(fix: &Fix, now: UtcMs) -> bool {
    !fix.is_far_off(now) && now.since_ms(fix.at) <= FIX_AGE_MAX_MS
}

fn count(outcome: &'static str, fixes: usize) {
    if fixes > 0 {
        metrics::counter!("ondol_track_fixes_total", "outcome" => outcome).increment(fixes as u64);
    }
}

#[cfg(test)]
mod tests {
    use ondol_core::position::Position;

    use super::*;

    fn fix(number: u64) -> Fix {
        let at = UtcMs(i64::try_from(number).unwrap() * 5_000);
        Fix { number, at, position: Position::new(37.5, 127.0).unwrap() }
    }

    #[test]
    fn moments_that_have_not_come_or_are_long_past_are_not_believed() {
        let now = UtcMs(100_000_000);
        for (ago_ms, believed) in [
            (0, true),
            (-60_000, true),
            (-60_001, false),
            (FIX_AGE_MAX_MS, true),
            (FIX_AGE_MAX_MS + 1, false),
            (99_999_999, false),
        ] {
            let fix = Fix { at: UtcMs(now.0 - ago_ms), ..fix(1) };
            assert_eq!(is_believed(&fix, now), believed, "{ago_ms}");
        }
    }

    #[test]
    fn a_full_queue_drops_the_oldest() {
        let mut waiting = Waiting::default();
        let track = |number: u64, fixes: usize| Track {
            driver: DriverId::from_number(u128::from(number)),
            device: DeviceId::from_number(1),
            fixes: vec![fix(number); fixes],
        };
        assert_eq!(waiting.push(track(1, QUEUED_FIXES_MAX - 500)), 0);
        assert_eq!(waiting.push(track(2, 500)), 0);
        assert_eq!(waiting.push(track(3, 1)), QUEUED_FIXES_MAX - 500);
        let numbers: Vec<_> = waiting.take(9).iter().map(|track| track.fixes[0].number).collect();
        assert_eq!((numbers, waiting.fixes), (vec![2, 3], 0));
        assert_eq!(waiting.take(9), []);
    }

    #[test]
    fn no_more_is_taken_than_was_asked_for() {
        let mut waiting = Waiting::default();
        for number in 0..5 {
            let (driver, device) = (DriverId::from_number(1), DeviceId::from_number(1));
            waiting.push(Track { driver, device, fixes: vec![fix(number)] });
        }
        assert_eq!((waiting.take(2).len(), waiting.fixes), (2, 3));
        assert_eq!(waiting.take(9).iter().map(|track| track.fixes[0].number).collect::<Vec<_>>(), [2, 3, 4]);
    }
}
