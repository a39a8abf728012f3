//! What is kept of each driver between two tracks: where the last step ended, and which time has been told. About a
//! hundred bytes, in memory only.

use std::collections::BTreeMap;

use ondol_core::ids::{DeviceId, DriverId};
use ondol_core::units::Ticks;
use ondol_driver_api::{FIX_AGE_MAX_MS, Track};
use ondol_roads::speeds::{Fix, Taken, Trail};

/// Drivers who are remembered, more than a large city has on duty; the one longest silent gives way, for which all are
/// looked at.
const DRIVERS_MAX: usize = 40_000;
/// A driver is forgotten this long after the last track: nothing that was told before could be told again then.
const LIFE_MS: u64 = FIX_AGE_MAX_MS.unsigned_abs();

/// The trails of all drivers.
///
/// They are drivers', not devices': who signs in with ten phones has driven an hour in an hour all the same.
#[derive(Debug, Default)]
pub(super) struct Trails(BTreeMap<DriverId, Kept>);

#[derive(Debug)]
struct Kept {
    /// Fixes of two phones are not joined.
    device: DeviceId,
    heard_at: Ticks,
    trail: Trail,
}

// What a city's 24,000 drivers cost is counted with it.
const _: () =
    assert!(size_of::<(DriverId, Kept)>() <= 112, "say in docs/BENCHMARKS.md what a driver costs now");

impl Trails {
    /// Joins what was handed in to what the driver told before.
    pub(super) fn take(&mut self, track: &Track, now: Ticks) -> Taken {
        let Track { driver, device, fixes } = track;
        if !self.0.contains_key(driver) && self.0.len() >= DRIVERS_MAX {
            self.make_room(now);
        }
        let begun = || Kept { device: *device, heard_at: now, trail: Trail::after(i64::MIN) };
        let kept = self.0.entry(*driver).or_insert_with(begun);
        if kept.device != *device {
            kept.device = *device;
            kept.trail = Trail::after(kept.trail.until_s());
        }
        kept.heard_at = now;
        let fix =
            |fix: &ondol_device::wire::Fix| Fix { at_s: fix.at.0.div_euclid(1_000), position: fix.position };
        kept.trail.take(fixes.iter().map(fix).collect())
    }

    fn make_room(&mut self, now: Ticks) {
        self.0.retain(|_, kept| now.since_ms(kept.heard_at) < LIFE_MS);
        if self.0.len() >= DRIVERS_MAX {
            let silent = self.0.iter().min_by_key(|(_, kept)| kept.heard_at).map(|(driver, _)| *driver);
            if let Some(driver) = silent {
                self.0.remove(&driver);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ondol_core::position::Position;
    use ondol_core::units::UtcMs;

    use super::*;

    /// A taxi that drives north at 10 m/s from the second 1,000 on, one fix every 15 s.
    fn track(driver: u128, device: u128, seconds: std::ops::Range<i64>) -> Track {
        let fix = |at_s: i64| ondol_device::wire::Fix {
            number: at_s.unsigned_abs(),
            at: UtcMs(at_s * 1_000 + 999),
            #[allow(clippy::cast_precision_loss)]
            position: Position::new(37.0 + 0.000_09 * at_s as f64, 127.0).unwrap(),
        };
        let (driver, device) = (DriverId::from_number(driver), DeviceId::from_number(device));
        Track { driver, device, fixes: seconds.step_by(15).map(fix).collect() }
    }

    fn steps(trails: &mut Trails, track: &Track) -> (usize, usize) {
        let taken = trails.take(track, Ticks(0));
        (taken.steps.len(), taken.repeated)
    }

    #[test]
    fn a_driver_tells_each_moment_once_with_however_many_phones() {
        let mut trails = Trails::default();
        assert_eq!(steps(&mut trails, &track(1, 1, 1_000..1_100)), (2, 0));
        assert_eq!(steps(&mut trails, &track(1, 1, 1_000..1_150)), (1, 7));
        assert_eq!(steps(&mut trails, &track(1, 2, 1_000..1_150)), (0, 10));
        assert_eq!(steps(&mut trails, &track(1, 2, 1_150..1_190)), (0, 0), "nothing joins the two phones");
        assert_eq!(steps(&mut trails, &track(1, 2, 1_190..1_240)), (1, 0));
        assert_eq!(steps(&mut trails, &track(2, 3, 1_000..1_100)), (2, 0), "another driver was there too");
    }

    #[test]
    fn drivers_who_were_silent_longest_give_way() {
        let mut trails = Trails::default();
        for driver in 0..DRIVERS_MAX {
            trails.take(&track(driver as u128, 1, 1_000..1_001), Ticks(driver as u64));
        }
        trails.take(&track(0, 1, 1_015..1_016), Ticks(DRIVERS_MAX as u64));
        trails.take(&track(u128::MAX, 1, 1_000..1_001), Ticks(DRIVERS_MAX as u64));
        let is_known = |trails: &Trails, driver: u128| trails.0.contains_key(&DriverId::from_number(driver));
        assert!(trails.0.len() == DRIVERS_MAX && is_known(&trails, 0) && !is_known(&trails, 1));
        trails.take(&track(1, 1, 1_000..1_001), Ticks(LIFE_MS + DRIVERS_MAX as u64 - 1));
        assert_eq!(trails.0.len(), 3, "the others would tell nothing again");
    }
}
