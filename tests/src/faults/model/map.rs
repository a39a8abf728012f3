//! The map of a run: streets are straight, and districts lie in a row.

use ondol_core::ids::DistrictId;
use ondol_core::position::Position;
use ondol_core::travel::{StraightLine, TravelTimes};

use super::{Town, district_of, life, spot};

/// Streets and districts.
#[derive(Debug, Clone)]
pub(crate) struct Map {
    districts: usize,
    /// The side of a district where people live.
    side_m: Option<f64>,
}

impl Town {
    pub(crate) fn map(&self) -> Map {
        Map { districts: self.districts, side_m: self.life.as_ref().map(|life| life.side_m) }
    }
}

impl Map {
    /// The south-western corner of a district: from there it reaches to that of the next one.
    fn corner(&self, district: usize) -> Position {
        self.side_m.map_or_else(|| spot(district, 0), |side_m| life::at(district, side_m, 0.0, 0.0))
    }

    /// The number of the district that holds `position`, which lies in none but in the row of them.
    pub(crate) fn number_at(&self, position: Position) -> Option<usize> {
        let begins = |district: &usize| {
            let corner = self.corner(*district);
            match self.side_m {
                Some(_) => corner.lon() <= position.lon(),
                None => corner.lat() <= position.lat(),
            }
        };
        (1..=self.districts).rev().find(begins)
    }
}

impl TravelTimes for Map {
    fn durations_s(&self, target: Position, sources: &[Position]) -> Vec<Option<u32>> {
        StraightLine.durations_s(target, sources)
    }

    fn district_at(&self, position: Position) -> Option<DistrictId> {
        self.number_at(position).map(district_of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_of_a_district_lies_in_it() {
        let town = Map { districts: 4, side_m: Some(4_000.0) };
        let small = Map { districts: 2, side_m: None };
        for district in 1..=4 {
            for (north, east) in [(0.0, 0.0), (0.999, 0.5), (0.5, 0.999)] {
                let place = life::at(district, 4_000.0, north, east);
                assert_eq!(town.district_at(place), Some(district_of(district)), "{north} {east}");
            }
        }
        for (district, at) in [(1, 0), (1, 1_023), (2, 0), (2, 1_023)] {
            assert_eq!(small.district_at(spot(district, at)), Some(district_of(district)), "{at}");
        }
    }
}
