//! Where devices have been lately: in memory, bounded, never journalled.
//!
//! Dispatch itself follows the position in each beat. The track fills the gaps that a cut leaves, for screens.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use ondol_core::ids::DeviceId;
use ondol_core::units::{Now, Ticks, UtcMs};
use ondol_device::wire::Fix;

/// Fixes kept of one device: an hour at one in five seconds.
pub const TRACK_FIXES_MAX: usize = 720;
/// Devices whose tracks are kept, more than a large city has on duty; the one longest silent gives way, for which all are
/// looked at.
const TRACKS_MAX: usize = 40_000;
/// A track is forgotten this long after its device was last heard.
const TRACK_LIFE_MS: u64 = 24 * 3_600_000;

/// The tracks of all devices of a node. Cheap to clone; all clones share them.
#[derive(Debug, Clone, Default)]
pub struct Tracks(Arc<Mutex<BTreeMap<DeviceId, Track>>>);

#[derive(Debug, Default)]
struct Track {
    heard_at: Ticks,
    /// By moment, the oldest first.
    fixes: VecDeque<Fix>,
}

impl Tracks {
    /// Takes in fixes; returns the numbers of all of them, because a fix that is already there, older than what is
    /// kept, or of a wrong clock need not be sent again either.
    pub(crate) fn take_in(&self, device: DeviceId, fixes: &[Fix], now: Now) -> Vec<u64> {
        let mut tracks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !tracks.contains_key(&device) && tracks.len() >= TRACKS_MAX {
            make_room(&mut tracks, now.ticks);
        }
        let track = tracks.entry(device).or_default();
        track.heard_at = now.ticks;
        for fix in fixes.iter().filter(|fix| !fix.is_far_off(now.utc)) {
            track.insert(*fix);
        }
        fixes.iter().map(|fix| fix.number).collect()
    }

    /// The fixes of `device` since `since`, the oldest first.
    #[must_use]
    pub fn of(&self, device: DeviceId, since: UtcMs) -> Vec<Fix> {
        let tracks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fixes = tracks.get(&device).map(|track| &track.fixes);
        fixes.into_iter().flatten().filter(|fix| fix.at >= since).copied().collect()
    }
}

impl Track {
    fn insert(&mut self, fix: Fix) {
        let place = self.fixes.partition_point(|other| (other.at, other.number) < (fix.at, fix.number));
        let known =
            self.fixes.get(place).is_some_and(|other| (other.at, other.number) == (fix.at, fix.number));
        if !known {
            self.fixes.insert(place, fix);
            if self.fixes.len() > TRACK_FIXES_MAX {
                self.fixes.pop_front();
            }
        }
    }
}

fn make_room(tracks: &mut BTreeMap<DeviceId, Track>, now: Ticks) {
    tracks.retain(|_, track| now.since_ms(track.heard_at) < TRACK_LIFE_MS);
    if tracks.len() >= TRACKS_MAX {
        let silent = tracks.iter().min_by_key(|(_, track)| track.heard_at).map(|(device, _)| *device);
        if let Some(device) = silent {
            tracks.remove(&device);
        }
    }
}

#[cfg(test)]
mod tests {
    use ondol_core::position::Position;

    use super::*;

    const NOW: Now = Now { utc: UtcMs(10_000_000), ticks: Ticks(0) };

    #[test]
    fn a_fix_of_a_wrong_clock_is_not_shown_and_not_asked_for_again() {
        let (tracks, device) = (Tracks::default(), DeviceId::from_number(1));
        assert_eq!(tracks.take_in(device, &[fix(3), fix(9_999)], NOW), [3, 9_999]);
        assert_eq!(tracks.of(device, UtcMs(0)), [fix(3)]);
    }

    fn fix(number: u64) -> Fix {
        let at = UtcMs(i64::try_from(number).unwrap() * 5_000);
        Fix { number, at, position: Position::new(37.5, 127.0).unwrap() }
    }

    #[test]
    fn fixes_come_in_any_order_and_twice() {
        let (tracks, device) = (Tracks::default(), DeviceId::from_number(1));
        assert_eq!(tracks.take_in(device, &[fix(3), fix(2)], NOW), [3, 2]);
        assert_eq!(tracks.take_in(device, &[fix(2), fix(1)], NOW), [2, 1]);
        let numbers = |since| tracks.of(device, since).iter().map(|fix| fix.number).collect::<Vec<_>>();
        assert_eq!(numbers(UtcMs(0)), [1, 2, 3]);
        assert_eq!(numbers(UtcMs(10_000)), [2, 3]);
        assert!(tracks.of(DeviceId::from_number(2), UtcMs(0)).is_empty());
    }

    #[test]
    fn a_track_keeps_the_newest() {
        let (tracks, device) = (Tracks::default(), DeviceId::from_number(1));
        let all: Vec<Fix> = (0..1_000).map(fix).collect();
        tracks.take_in(device, &all, NOW);
        let kept = tracks.of(device, UtcMs(0));
        assert_eq!((kept.len(), kept[0].number), (TRACK_FIXES_MAX, 280));
    }
}
