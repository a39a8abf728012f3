//! Finds what lies near, without looking at everything.

use std::collections::BTreeMap;

use crate::point::Point;

/// Metres in a microdegree of latitude.
const M_PER_E6: f64 = 0.111_2;
/// Most things looked at in one cell: a file may heap any number on one spot.
const CELL_MAX: usize = 64;
/// Rows of cells get shorter towards the poles, down to this part of the equator's.
const SHORTEST: f64 = 0.01;

/// Things in cells about as wide as the distance that matters.
#[derive(Debug)]
pub(super) struct Near<T> {
    cell_e6: f64,
    cells: BTreeMap<(i64, i64), Vec<T>>,
}

impl<T> Near<T> {
    /// For questions about what lies within `distance_m` metres.
    pub(super) fn within(distance_m: f64) -> Self {
        Self { cell_e6: distance_m / M_PER_E6, cells: BTreeMap::new() }
    }

    /// Adds a thing; in a full cell it is not found.
    pub(super) fn add(&mut self, point: Point, thing: T) {
        let row = self.row(point);
        let cell = self.cells.entry((row, self.column(row, point))).or_default();
        if cell.len() < CELL_MAX {
            cell.push(thing);
        }
    }

    /// Everything within the distance, and some of what lies a little further.
    pub(super) fn around(&self, point: Point) -> impl Iterator<Item = &T> {
        let middle = self.row(point);
        (middle - 1..=middle + 1).flat_map(move |row| {
            let column = self.column(row, point);
            (column - 1..=column + 1)
                .flat_map(move |column| self.cells.get(&(row, column)).into_iter().flatten())
        })
    }

    #[allow(clippy::cast_possible_truncation, reason = "microdegrees by a cell of many")]
    fn row(&self, point: Point) -> i64 {
        (f64::from(point.lat_e6) / self.cell_e6).floor() as i64
    }

    /// The column of `point` in `row`, whose cells are as wide as the distance at its end nearest to a pole.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "microdegrees by a cell of many"
    )]
    fn column(&self, row: i64, point: Point) -> i64 {
        let far_e6 = ((row as f64).abs() + 1.0) * self.cell_e6;
        let shrink = (far_e6 / 1e6).to_radians().cos().max(SHORTEST);
        (f64::from(point.lon_e6) * shrink / self.cell_e6).floor() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_all_that_lies_within_the_distance_and_looks_at_little_else() {
        let point = |lat: f64, lon: f64| Point::new(lat, lon).unwrap();
        for lat in [-71.0_f64, 0.0, 37.5, 60.2, 84.9] {
            let mut near = Near::within(150.0);
            let mut all = Vec::new();
            for step in 0..4_000_u32 {
                let east = f64::from(step / 40) * 3e-4 / lat.to_radians().cos();
                let at = point(lat + f64::from(step % 40) * 3e-4, 127.0 + east);
                near.add(at, at);
                all.push(at);
            }
            for at in all.iter().step_by(97) {
                let within = |other: &&Point| other.distance_m(*at) <= 150.0;
                let mut expected: Vec<Point> = all.iter().filter(within).copied().collect();
                let mut found: Vec<Point> = near.around(*at).filter(within).copied().collect();
                expected.sort_unstable();
                found.sort_unstable();
                assert_eq!(found, expected, "at {lat}");
                assert!(near.around(*at).count() < 1_200);
            }
        }
        let mut heap = Near::within(150.0);
        (0..10_000).for_each(|_| heap.add(point(1.0, 1.0), ()));
        assert!(heap.around(point(1.0, 1.0)).count() <= 64);
    }
}
