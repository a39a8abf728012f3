//! How far off times of arrival are here, learnt from what was told when drivers were asked and when they came.
//!
//! Both ends of a drive were told by one phone, so a wrong clock falls out. An edge learns from what its journal has, which
//! is what central has of its district.

use std::sync::{Arc, Mutex};

use ondol_core::node::Node;
use ondol_core::units::{Now, Ticks, UtcMs};
use ondol_roads::speeds::EtaModel;

/// The journal is looked at again after so long, in milliseconds.
const LOOK_EVERY_MS: u64 = 5 * 60_000;
/// The last so many drives count.
const DRIVES_MAX: usize = 2_000;
/// Longer than this nobody drives to a rider: a phone's clock was put right on the way.
const DRIVE_MAX_MS: i64 = 2 * 3_600_000;

/// What is known of the drives to riders.
#[derive(Default)]
pub(crate) struct Arrivals(Mutex<Known>);

#[derive(Default)]
struct Known {
    looked_at: Option<Ticks>,
    model: Option<Arc<EtaModel>>,
}

/// A drive to a rider.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Drive {
    arrived_at: UtcMs,
    /// Seconds by the map, when the driver was asked.
    map_s: u32,
    /// Milliseconds from the yes to the pickup.
    took_ms: i64,
}

impl Arrivals {
    /// What the last drives say; none until a hundred are known.
    ///
    /// Every few minutes this looks at the whole board: it belongs into the loop, where the board is.
    pub(crate) fn seen_at(&self, node: &Node, now: Now) -> Option<Arc<EtaModel>> {
        let mut known = self.0.lock().expect("nobody panics while it is held");
        let is_fresh = known.looked_at.is_some_and(|at| now.ticks.since_ms(at) < LOOK_EVERY_MS);
        if !is_fresh {
            known.looked_at = Some(now.ticks);
            known.model = learn(drives(node)).map(Arc::new);
        }
        known.model.clone()
    }
}

fn drives(node: &Node) -> Vec<Drive> {
    let bookings = node.board().districts().flat_map(|(_, board)| board.bookings.values());
    let bonds = bookings.flat_map(|record| record.assignments.values());
    let drives = bonds.filter_map(|bond| {
        let (map_s, ..) = bond.offered.as_ref()?;
        let (assigned_at, arrived_at) = (bond.assigned_at?, bond.arrived_at?);
        Some(Drive { arrived_at, map_s: *map_s, took_ms: arrived_at.since_ms(assigned_at) })
    });
    drives.collect()
}

fn learn(mut drives: Vec<Drive>) -> Option<EtaModel> {
    drives.retain(|drive| (0..=DRIVE_MAX_MS).contains(&drive.took_ms));
    if drives.len() > DRIVES_MAX {
        drives.select_nth_unstable_by_key(DRIVES_MAX, |drive| std::cmp::Reverse(drive.arrived_at));
        drives.truncate(DRIVES_MAX);
    }
    #[allow(clippy::cast_precision_loss, reason = "two hours at most")]
    let pairs: Vec<(f64, f64)> =
        drives.iter().map(|drive| (f64::from(drive.map_s), drive.took_ms as f64 / 1_000.0)).collect();
    EtaModel::learn(&pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Drives of 100 to 599 s by the map that took a quarter longer, every fifth another minute.
    fn drives_from(first_at: i64, count: u32, later_s: i64) -> Vec<Drive> {
        let drive = |n: u32| {
            let map_s = 100 + n * 7 % 500;
            let slow_s = if n.is_multiple_of(5) { 60 } else { 0 };
            let took_ms = i64::from(map_s) * 1_250 + (slow_s + later_s) * 1_000;
            Drive { arrived_at: UtcMs(first_at + i64::from(n)), map_s, took_ms }
        };
        (0..count).map(drive).collect()
    }

    #[test]
    fn what_drives_took_is_told_with_how_far_off_that_is() {
        let model = learn(drives_from(0, 1_000, 0)).unwrap();
        let told = model.tell(400);
        assert!((495..=510).contains(&told.expected_s), "{told:?}");
        assert!((50..=61).contains(&told.most_within_s) && told.half_within_s <= 10, "{told:?}");
    }

    #[test]
    fn the_last_drives_count_and_nothing_that_no_drive_can_have_taken() {
        let mut drives = drives_from(1_000_000, 2_000, 300);
        drives.extend(drives_from(0, 2_000, 0));
        let impossible = [-1, DRIVE_MAX_MS + 1].map(|took_ms| Drive { took_ms, ..drives[0] });
        drives.extend(std::iter::repeat_n(impossible, 1_000).flatten());
        let told = learn(drives).unwrap().tell(400);
        assert!((795..=810).contains(&told.expected_s), "{told:?}");
    }

    #[test]
    fn from_a_few_drives_nothing_is_said() {
        assert_eq!(learn(drives_from(0, 99, 0)), None);
    }
}
