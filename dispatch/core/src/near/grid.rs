//! Points that stay where they are: a grid, because each plan asks thousands of times.

use super::{Cell, Cells};
use crate::position::Position;

/// Points that a cell holds on average.
const PER_CELL: usize = 2;
/// Metres of a degree of latitude.
const DEGREE_M: f64 = 111_195.0;

/// Points on a plane, sorted into square cells.
///
/// **Units**: whole metres east and north of the south-western corner; good for a district, not across the date line.
#[derive(Debug)]
pub(crate) struct Grid {
    origin: (f64, f64),
    metres_per_lon: f64,
    cell_m: i64,
    columns: i64,
    rows: i64,
    /// Points of cell `c`: `members[starts[c]..starts[c + 1]]`.
    starts: Vec<u32>,
    members: Vec<(u32, i64, i64)>,
}

impl Grid {
    /// Sorts `points` into cells.
    pub(crate) fn new(points: &[Position]) -> Self {
        let south = points.iter().map(|p| p.lat()).fold(f64::INFINITY, f64::min);
        let west = points.iter().map(|p| p.lon()).fold(f64::INFINITY, f64::min);
        let origin = if points.is_empty() { (0.0, 0.0) } else { (south, west) };
        let metres_per_lon = DEGREE_M * origin.0.to_radians().cos();
        let mut grid = Self {
            origin,
            metres_per_lon,
            cell_m: 1,
            columns: 1,
            rows: 1,
            starts: Vec::new(),
            members: Vec::new(),
        };
        let plane: Vec<(i64, i64)> = points.iter().map(|point| grid.on_plane(*point)).collect();
        let east = plane.iter().map(|(x, _)| *x).max().unwrap_or(0);
        let north = plane.iter().map(|(_, y)| *y).max().unwrap_or(0);
        let per_side = i64::try_from((points.len() / PER_CELL).isqrt()).unwrap_or(i64::MAX).max(1);
        grid.cell_m = east.max(north) / per_side + 1;
        (grid.columns, grid.rows) = (east / grid.cell_m + 1, north / grid.cell_m + 1);
        grid.fill(&plane);
        grid
    }

    fn fill(&mut self, plane: &[(i64, i64)]) {
        let cells: Vec<usize> =
            plane.iter().map(|(x, y)| self.cell(x / self.cell_m, y / self.cell_m)).collect();
        let count = usize::try_from(self.columns * self.rows).unwrap_or(0);
        self.starts = vec![0; count + 1];
        for cell in &cells {
            self.starts[cell + 1] += 1;
        }
        for cell in 0..count {
            self.starts[cell + 1] += self.starts[cell];
        }
        let mut next = self.starts.clone();
        self.members = vec![(0, 0, 0); plane.len()];
        for ((point, (x, y)), cell) in (0..).zip(plane).zip(cells) {
            self.members[next[cell] as usize] = (point, *x, *y);
            next[cell] += 1;
        }
    }

    /// The `most` nearest points to `from` of those that `suits`, in no order; of two as near the one that stands
    /// first in the list of points.
    pub(crate) fn nearest(
        &self,
        from: Position,
        most: usize,
        mut suits: impl FnMut(usize) -> bool,
    ) -> Vec<usize> {
        let (x, y) = self.on_plane(from);
        let (column, row) = (x.div_euclid(self.cell_m), y.div_euclid(self.cell_m));
        // The first ring that touches the grid, and the last.
        let outside = |at: i64, count: i64| (-at).max(at - (count - 1)).max(0);
        let first = outside(column, self.columns).max(outside(row, self.rows));
        let last = column
            .abs()
            .max((self.columns - 1 - column).abs())
            .max(row.abs())
            .max((self.rows - 1 - row).abs());
        let mut found: Vec<(i64, u32)> = Vec::with_capacity(most * 3);
        for ring in first..=last {
            // No point of this ring lies nearer than the ring's inner edge.
            let inner = (ring - 1).max(0) * self.cell_m;
            if found.len() >= most {
                found.select_nth_unstable(most - 1);
                found.truncate(most);
                if found[most - 1].0 < inner * inner {
                    break;
                }
            }
            self.each_in_ring((row, column), ring, |(point, px, py)| {
                if suits(point as usize) {
                    found.push(((px - x) * (px - x) + (py - y) * (py - y), point));
                }
            });
        }
        if found.len() > most {
            found.select_nth_unstable(most - 1);
            found.truncate(most);
        }
        found.into_iter().map(|(_, point)| point as usize).collect()
    }

    fn each_in_ring(&self, centre: Cell, ring: i64, mut visit: impl FnMut((u32, i64, i64))) {
        let cells = Cells { rows: 0..=self.rows - 1, columns: 0..=self.columns - 1 };
        cells.ring(centre, ring, |row, columns| {
            for column in columns {
                let cell = self.cell(column, row);
                for member in &self.members[self.starts[cell] as usize..self.starts[cell + 1] as usize] {
                    visit(*member);
                }
            }
        });
    }

    /// Callers stay inside the grid.
    fn cell(&self, column: i64, row: i64) -> usize {
        usize::try_from(row * self.columns + column).unwrap_or(0)
    }

    #[allow(clippy::cast_possible_truncation, reason = "at most 4e7 metres")]
    fn on_plane(&self, point: Position) -> (i64, i64) {
        let east = (point.lon() - self.origin.1) * self.metres_per_lon;
        let north = (point.lat() - self.origin.0) * DEGREE_M;
        (east.round() as i64, north.round() as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points that look like chance and are the same each time.
    fn points(count: u32, spread: u32) -> Vec<Position> {
        let at = |n: u32| f64::from(n.wrapping_mul(2_654_435_761) >> 12) / f64::from(1 << 20);
        (0..count)
            .map(|n| {
                let (north, east) = (at(n * 2 + 1), at(n * 2 + 2));
                let reach = f64::from(spread) / 1_000.0;
                Position::new(37.5 + reach * north, 127.0 + reach * east * east).unwrap()
            })
            .collect()
    }

    #[test]
    fn the_grid_finds_what_looking_at_all_finds() {
        for (count, spread) in [(0, 10), (1, 10), (5, 0), (200, 1), (700, 100), (700, 3_000)] {
            let points = points(count, spread);
            let grid = Grid::new(&points);
            for from in self::points(60, spread * 2 + 1) {
                for most in [1, 7, 1_000] {
                    let mut found = grid.nearest(from, most, |point| point % 3 != 1);
                    let mut all: Vec<(i64, usize)> = grid
                        .members
                        .iter()
                        .map(|(point, x, y)| {
                            let (at_x, at_y) = grid.on_plane(from);
                            ((x - at_x).pow(2) + (y - at_y).pow(2), *point as usize)
                        })
                        .filter(|(_, point)| point % 3 != 1)
                        .collect();
                    all.sort_unstable();
                    all.truncate(most);
                    let mut all: Vec<usize> = all.into_iter().map(|(_, point)| point).collect();
                    all.sort_unstable();
                    found.sort_unstable();
                    assert_eq!(found, all, "{count} points, {most} nearest to {from:?}");
                }
            }
        }
    }

    #[test]
    fn the_plane_is_in_metres() {
        let corner = Position::new(37.5, 127.0).unwrap();
        let grid = Grid::new(&[corner]);
        let other = Position::new(37.51, 127.02).unwrap();
        let (x, y) = grid.on_plane(other);
        let metres = f64::from(i32::try_from(x * x + y * y).unwrap()).sqrt();
        assert!((metres - corner.distance_m(other)).abs() < 3.0, "{metres}");
    }
}
