//! The map of the stories.

use ondol_core::ids::DistrictId;
use ondol_core::position::Position;
use ondol_core::travel::{StraightLine, TravelTimes};

/// Straight roads that lead no further than a degree: what is beyond is an island.
pub(super) struct Roads;

impl TravelTimes for Roads {
    fn durations_s(&self, target: Position, sources: &[Position]) -> Vec<Option<u32>> {
        let by_road = StraightLine.durations_s(target, sources).into_iter();
        by_road
            .zip(sources)
            .map(|(s, source)| s.filter(|_| (target.lon() - source.lon()).abs() < 1.0))
            .collect()
    }

    fn district_at(&self, _position: Position) -> Option<DistrictId> {
        None
    }
}
