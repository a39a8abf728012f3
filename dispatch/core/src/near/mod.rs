//! What lies near a place, by straight line: both ways to keep points sort them into square cells and look at the cells
//! around the place in rings, nearest ring first.
//!
//! | | points | distances |
//! |---|---|---|
//! | [`Grid`] | sorted once and asked thousands of times, as a plan does | whole metres on a plane |
//! | [`Live`] | move, come and go between two questions | metres on the sphere |

mod grid;
mod live;

use std::ops::RangeInclusive;

pub(crate) use grid::Grid;
pub(crate) use live::Live;

/// A row and a column of cells.
type Cell = (i64, i64);

/// The cells that there can be.
struct Cells {
    rows: RangeInclusive<i64>,
    columns: RangeInclusive<i64>,
}

impl Cells {
    /// Visits what there is of the square ring `ring` around `centre`: rows from south to north, each with the columns that
    /// belong to the ring. Ring 0 is the centre itself.
    fn ring(&self, centre: Cell, ring: i64, mut visit: impl FnMut(i64, RangeInclusive<i64>)) {
        let (row, column) = centre;
        let (west, east) = (column - ring, column + ring);
        for r in (row - ring).max(*self.rows.start())..=(row + ring).min(*self.rows.end()) {
            if (r - row).abs() == ring {
                visit(r, west.max(*self.columns.start())..=east.min(*self.columns.end()));
            } else {
                for side in [west, east] {
                    if self.columns.contains(&side) {
                        visit(r, side..=side);
                    }
                }
            }
        }
    }
}
