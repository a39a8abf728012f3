//! Exact assignment of least cost on a sparse table, where every row may also stay out at its own price.
//!
//! Shortest augmenting paths with prices on the columns, after Jonker and Volgenant: rows first bid for columns, which
//! settles nearly all of them, and each row that is left over finds its cheapest alternating path. A row that stays out
//! pays its price; a path may end by putting another row out. Columns may stay empty at no cost.
//!
//! The same table gives the same answer: ties go to the arc that stands first, and on a path to the lower column.
//!
//! **Source**: R. Jonker, A. Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment
//! problems", Computing 38 (1987).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

#[cfg(test)]
mod tests;

/// Largest cost of an arc and largest price of staying out.
pub const COST_MAX: i32 = 1 << 28;

/// "No row", "no column".
const NONE: u32 = u32::MAX;
/// Bids per row, on average, before a row looks for a path instead: near ties would bid each other up in single steps.
const BIDS_PER_ROW: usize = 6;

/// A table of costs: rows are served by columns, each by one at most.
///
/// **Shape**: compressed rows; the arcs of row `r` are `starts[r]..starts[r + 1]`.
#[derive(Debug, Clone)]
pub struct CostTable {
    columns: u32,
    starts: Vec<u32>,
    arcs: Vec<Arc>,
    stay_out: Vec<i32>,
}

#[derive(Debug, Clone, Copy)]
struct Arc {
    column: u32,
    cost: i32,
}

impl CostTable {
    /// Returns a table without rows.
    #[must_use]
    pub fn new(columns: u32) -> Self {
        Self { columns, starts: vec![0], arcs: Vec::new(), stay_out: Vec::new() }
    }

    /// Adds a row that may stay out at the price `stay_out`; its arcs follow with [`Self::arc`].
    ///
    /// # Panics
    ///
    /// If the price is negative or above [`COST_MAX`].
    pub fn row(&mut self, stay_out: i32) {
        assert!((0..=COST_MAX).contains(&stay_out), "a price of {stay_out} is out of bounds");
        self.stay_out.push(stay_out);
        self.starts.push(self.starts[self.starts.len() - 1]);
    }

    /// Adds an arc to the row that was added last.
    ///
    /// # Panics
    ///
    /// If there is no row or no such column, or the cost is negative or above [`COST_MAX`].
    pub fn arc(&mut self, column: u32, cost: i32) {
        assert!(column < self.columns, "column {column} of {}", self.columns);
        assert!((0..=COST_MAX).contains(&cost), "a cost of {cost} is out of bounds");
        let end =
            self.starts.last_mut().filter(|_| !self.stay_out.is_empty()).expect("an arc belongs to a row");
        *end += 1;
        self.arcs.push(Arc { column, cost });
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.stay_out.len()
    }

    /// What an assignment costs, prices of rows that stay out included; `None` if it uses an arc that is not there or
    /// a column twice.
    ///
    /// **Shape**: one value per row, the column that serves it.
    #[must_use]
    pub fn cost_of(&self, columns: &[Option<u32>]) -> Option<i64> {
        let mut used = vec![false; self.columns as usize];
        let mut sum = 0;
        for (row, column) in columns.iter().enumerate() {
            sum += i64::from(match column {
                None => self.stay_out[row],
                Some(column) => {
                    if std::mem::replace(&mut used[*column as usize], true) {
                        return None;
                    }
                    self.arcs_of(row).iter().filter(|arc| arc.column == *column).map(|arc| arc.cost).min()?
                }
            });
        }
        (columns.len() == self.rows()).then_some(sum)
    }

    fn arcs_of(&self, row: usize) -> &[Arc] {
        &self.arcs[self.starts[row] as usize..self.starts[row + 1] as usize]
    }
}

/// Finds the assignment of least cost; keeps its memory from one table to the next.
#[derive(Debug, Default)]
pub struct Solver {
    /// Price of each column, never above zero; zero while the column is empty.
    price: Vec<i32>,
    row_of: Vec<u32>,
    column_of: Vec<u32>,
    /// Cost of the arc that serves a row.
    paid: Vec<i32>,
    waiting: Vec<u32>,
    search: Search,
}

/// What one search for a path remembers. The last three are as they were before once the search is over.
#[derive(Debug, Default)]
struct Search {
    /// Nearest first, lower column first; distance and column in one number.
    heap: BinaryHeap<Reverse<u64>>,
    reached: Vec<u32>,
    closed: Vec<u32>,
    distance: Vec<i32>,
    /// The row from which a column was reached, and what the arc costs.
    from: Vec<(u32, i32)>,
    is_closed: Vec<bool>,
}

impl Solver {
    /// Returns which column serves each row at the least cost of all; `None` where the row stays out.
    pub fn solve(&mut self, table: &CostTable) -> Vec<Option<u32>> {
        self.clear(table);
        self.bid(table);
        let waiting = std::mem::take(&mut self.waiting);
        for row in &waiting {
            self.augment(table, *row);
        }
        self.waiting = waiting;
        self.column_of.iter().map(|column| (*column != NONE).then_some(*column)).collect()
    }

    fn clear(&mut self, table: &CostTable) {
        let columns = table.columns as usize;
        refill(&mut self.price, columns, 0);
        refill(&mut self.row_of, columns, NONE);
        refill(&mut self.column_of, table.rows(), NONE);
        refill(&mut self.paid, table.rows(), 0);
        refill(&mut self.search.distance, columns, i32::MAX);
        refill(&mut self.search.from, columns, (NONE, 0));
        refill(&mut self.search.is_closed, columns, false);
        self.waiting.clear();
    }

    /// Each row takes the column that suits it best and raises its price up to what the second best would cost; who
    /// held it bids again. Rows that are still without a column when the bids are used up are left in `waiting`.
    fn bid(&mut self, table: &CostTable) {
        let mut bids_left = table.rows() * BIDS_PER_ROW;
        // Served from the end: the lowest row bids first, and who lost a column bids next.
        let mut bidders: Vec<u32> = (0..).take(table.rows()).collect();
        bidders.reverse();
        while let Some(row) = bidders.pop() {
            if bids_left == 0 {
                self.waiting.push(row);
                continue;
            }
            bids_left -= 1;
            let Some(offer) = self.best_offer(table, row as usize) else { continue };
            let column = offer.column as usize;
            let held_by = self.row_of[column];
            if held_by != NONE {
                if offer.second == offer.best {
                    // A tie: taking it would only have the two change places for ever.
                    self.waiting.push(row);
                    continue;
                }
                self.column_of[held_by as usize] = NONE;
                bidders.push(held_by);
            }
            self.price[column] -= offer.second - offer.best;
            self.seat(row, offer.column, offer.cost);
        }
        self.waiting.sort_unstable();
    }

    /// The column that suits a row best at the prices of the moment; `None` if staying out is cheaper or as cheap.
    fn best_offer(&self, table: &CostTable, row: usize) -> Option<Offer> {
        let mut offer = Offer { column: NONE, cost: 0, best: i32::MAX, second: i32::MAX };
        for arc in table.arcs_of(row) {
            let reduced = arc.cost - self.price[arc.column as usize];
            // Of two that are as good an empty one is taken: nobody has to bid again.
            let is_empty = |column: u32| self.row_of[column as usize] == NONE;
            if reduced < offer.best
                || (reduced == offer.best && is_empty(arc.column) && !is_empty(offer.column))
            {
                // Of two arcs to one column the dearer is no second choice.
                let second = if offer.column == arc.column { offer.second } else { offer.best };
                offer = Offer { column: arc.column, cost: arc.cost, best: reduced, second };
            } else if reduced < offer.second && arc.column != offer.column {
                offer.second = reduced;
            }
        }
        let stay_out = table.stay_out[row];
        (offer.best < stay_out).then(|| Offer { second: offer.second.min(stay_out), ..offer })
    }

    fn seat(&mut self, row: u32, column: u32, cost: i32) {
        self.row_of[column as usize] = row;
        self.column_of[row as usize] = column;
        self.paid[row as usize] = cost;
    }

    /// Finds the cheapest way to serve one more row, or to leave out the row whose place costs least.
    fn augment(&mut self, table: &CostTable, start: u32) {
        let mut row = start;
        let mut distance = 0;
        let mut cheapest_out = (table.stay_out[start as usize], start);
        // What lies further than an end that was reached already is not looked at.
        let mut nearest_end = cheapest_out.0;
        let end = loop {
            // Reduced costs along the arc that serves a row are zero.
            let offset = match self.column_of[row as usize] {
                NONE => 0,
                column => self.paid[row as usize] - self.price[column as usize],
            };
            let out = distance + table.stay_out[row as usize] - offset;
            if out < cheapest_out.0 {
                cheapest_out = (out, row);
            }
            nearest_end = nearest_end.min(out);
            for arc in table.arcs_of(row as usize) {
                let at = distance - offset + arc.cost - self.price[arc.column as usize];
                if at < nearest_end
                    && self.search.reach(row, *arc, at)
                    && self.row_of[arc.column as usize] == NONE
                {
                    nearest_end = at;
                }
            }
            match self.search.next() {
                Some((at, column)) if at < cheapest_out.0 => {
                    distance = at;
                    if self.row_of[column as usize] == NONE {
                        break Some(column);
                    }
                    self.search.is_closed[column as usize] = true;
                    self.search.closed.push(column);
                    row = self.row_of[column as usize];
                }
                Some(_) | None => {
                    distance = cheapest_out.0;
                    break None;
                }
            }
        };
        for column in &self.search.closed {
            self.price[*column as usize] -= distance - self.search.distance[*column as usize];
        }
        match end {
            Some(column) => self.flip(column, start),
            None => self.put_out(cheapest_out.1, start),
        }
        self.search.forget();
    }

    /// Leaves `row` out and gives its column to the path.
    fn put_out(&mut self, row: u32, start: u32) {
        let column = self.column_of[row as usize];
        if column != NONE {
            self.column_of[row as usize] = NONE;
            self.flip(column, start);
        }
    }

    /// Hands `column` to the row from which it was reached, that row's column to the one before, and so on.
    fn flip(&mut self, mut column: u32, start: u32) {
        loop {
            let (row, cost) = self.search.from[column as usize];
            let given_up = self.column_of[row as usize];
            self.seat(row, column, cost);
            if row == start {
                break;
            }
            column = given_up;
        }
    }
}

impl Search {
    /// Notes that an arc of `row` leads to its column at `distance`; false if a way as short is known.
    fn reach(&mut self, row: u32, arc: Arc, distance: i32) -> bool {
        let column = arc.column as usize;
        if distance >= self.distance[column] || self.is_closed[column] {
            return false;
        }
        if self.distance[column] == i32::MAX {
            self.reached.push(arc.column);
        }
        self.distance[column] = distance;
        self.from[column] = (row, arc.cost);
        self.heap.push(Reverse(packed(distance, arc.column)));
        true
    }

    /// The nearest column that is not closed.
    fn next(&mut self) -> Option<(i32, u32)> {
        while let Some(Reverse(entry)) = self.heap.pop() {
            let (distance, column) = unpacked(entry);
            if !self.is_closed[column as usize] && distance == self.distance[column as usize] {
                return Some((distance, column));
            }
        }
        None
    }

    fn forget(&mut self) {
        for column in self.reached.drain(..) {
            self.distance[column as usize] = i32::MAX;
            self.is_closed[column as usize] = false;
        }
        self.heap.clear();
        self.closed.clear();
    }
}

/// A row's best choice: reduced costs of the best and the second best.
struct Offer {
    column: u32,
    cost: i32,
    best: i32,
    second: i32,
}

fn refill<T: Copy>(values: &mut Vec<T>, length: usize, value: T) {
    values.clear();
    values.resize(length, value);
}

/// Distances are never negative: reduced costs are not.
fn packed(distance: i32, column: u32) -> u64 {
    (u64::from(distance.unsigned_abs()) << 32) | u64::from(column)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "takes apart what `packed` joined"
)]
fn unpacked(entry: u64) -> (i32, u32) {
    ((entry >> 32) as i32, entry as u32)
}
