//! After everything that happens to a node of a story: who is found near a place is who is found by looking at everybody.

use ondol_core::ids::ShiftId;
use ondol_core::shift::ShiftRecord;

use super::{World, at};

/// Where it is asked, in degrees east: among the drivers, at the stand, in the next town, on another continent.
const ASKED: [f64; 4] = [0.0045, 0.01, 1.5, -150.0];

impl World {
    /// Looks at `name` for free shifts near some places.
    ///
    /// # Panics
    ///
    /// If others are found, or in another order, than by looking at every shift that is known there.
    pub(super) fn check_near(&self, name: &str) {
        let (node, district, now) = (&self.places[name].node, Self::district(), self.now(name));
        let Some(board) = node.board().district(&district) else { return };
        let free = || {
            let shifts = board.shifts.values();
            shifts.filter(|shift| shift.is_available() && board.may_be_asked(shift))
        };
        let lost: Vec<ShiftId> =
            free().filter(|shift| node.place_of(shift, &district, now).is_none()).map(|s| s.id).collect();
        let told: Vec<ShiftId> = node.free_anywhere(&district, now).map(|shift| shift.id).collect();
        assert_eq!(told, lost, "{name}: free, and nobody knows where");
        let suits =
            |shift: &ShiftRecord| shift.start.as_ref().is_some_and(|start| !start.vehicle.needs.wheelchair);
        for from in ASKED.map(at) {
            let placed = free().filter(|shift| suits(shift)).filter_map(|shift| {
                let position = node.place_of(shift, &district, now)?;
                Some((position.distance_m(from), shift.id, position))
            });
            let mut all: Vec<_> = placed.collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0));
            for most in [1, 2, 100] {
                let near = node.nearest_free(&district, from, most, now, suits).into_iter();
                let near: Vec<_> = near.map(|near| (near.distance_m, near.shift.id, near.position)).collect();
                assert_eq!(near, all[..most.min(all.len())], "{name}: the {most} nearest to {from:?}");
            }
        }
    }
}
