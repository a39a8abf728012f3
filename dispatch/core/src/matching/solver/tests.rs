//! Goal: the solver is exact on whatever table it gets.
//! Method: thousands of small tables from a seed, of seven shapes, against a dense solver of another kind that knows
//! nothing of this one. A failure prints the seed.

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::*;

const SEEDS: u64 = 12_000;

/// Numbers from a seed.
struct Dice(TestRng);

impl Dice {
    fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self(TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
    }

    /// One of `0..below`.
    fn below(&mut self, below: u32) -> u32 {
        self.0.next_u32() % below
    }

    fn cost(&mut self, below: i32) -> i32 {
        i32::try_from(self.below(below.unsigned_abs())).unwrap()
    }
}

/// A table of the shape that the seed names: wide, narrow, full of ties, prices that forbid nothing or everything,
/// rows without arcs, costs at the bound.
fn table(seed: u64) -> CostTable {
    let mut dice = Dice::new(seed);
    let (rows, columns, arcs, costs, prices) = match seed % 7 {
        0 => (12, 12, 6, 1_000, 2_000),
        1 => (20, 4, 4, 100, 300),
        2 => (4, 20, 10, 100, 50),
        3 => (14, 10, 5, 3, 4),
        4 => (10, 10, 3, 1, 2),
        5 => (8, 8, 8, COST_MAX, COST_MAX),
        _ => (25, 25, 4, 40, 1_000),
    };
    let columns = dice.below(columns + 1);
    let mut table = CostTable::new(columns);
    for _ in 0..dice.below(rows + 1) {
        table.row(dice.cost(prices));
        if columns > 0 {
            for _ in 0..dice.below(arcs + 1) {
                table.arc(dice.below(columns), dice.cost(costs));
            }
        }
    }
    table
}

/// The least cost, by the Hungarian method on a dense square of rows by columns and one private place per row.
fn least_cost(table: &CostTable) -> i64 {
    const FORBIDDEN: i64 = 1 << 50;
    let (rows, columns) = (table.rows(), table.columns as usize);
    let width = columns + rows;
    let mut cost = vec![vec![FORBIDDEN; width]; rows];
    for (row, costs) in cost.iter_mut().enumerate() {
        costs[columns + row] = i64::from(table.stay_out[row]);
        for arc in table.arcs_of(row) {
            let known = &mut costs[arc.column as usize];
            *known = (*known).min(i64::from(arc.cost));
        }
    }
    // Rows and columns are counted from one; the zeroth column holds the row that is being placed.
    let (mut of_row, mut of_column) = (vec![0_i64; rows + 1], vec![0_i64; width + 1]);
    let (mut held_by, mut way) = (vec![0; width + 1], vec![0; width + 1]);
    for row in 1..=rows {
        held_by[0] = row;
        let (mut at, mut slack, mut done) = (0, vec![i64::MAX; width + 1], vec![false; width + 1]);
        while held_by[at] != 0 {
            done[at] = true;
            let (from, mut least, mut next) = (held_by[at], i64::MAX, 0);
            for column in 1..=width {
                if !done[column] {
                    let reduced = cost[from - 1][column - 1] - of_row[from] - of_column[column];
                    if reduced < slack[column] {
                        slack[column] = reduced;
                        way[column] = at;
                    }
                    if slack[column] < least {
                        least = slack[column];
                        next = column;
                    }
                }
            }
            for column in 0..=width {
                if done[column] {
                    of_row[held_by[column]] += least;
                    of_column[column] -= least;
                } else {
                    slack[column] = slack[column].saturating_sub(least);
                }
            }
            at = next;
        }
        while at != 0 {
            held_by[at] = held_by[way[at]];
            at = way[at];
        }
    }
    (1..=width)
        .filter(|column| held_by[*column] != 0)
        .map(|column| cost[held_by[column] - 1][column - 1])
        .sum()
}

#[test]
fn every_table_is_solved_at_least_cost() {
    let mut solver = Solver::default();
    let (mut served, mut out) = (0, 0);
    for seed in 0..SEEDS {
        let table = table(seed);
        let columns = solver.solve(&table);
        let cost =
            table.cost_of(&columns).unwrap_or_else(|| panic!("seed {seed}: {columns:?} is no assignment"));
        assert_eq!(cost, least_cost(&table), "seed {seed}: {table:?}");
        assert_eq!(columns, Solver::default().solve(&table), "seed {seed}: memory of another table shows");
        served += columns.iter().flatten().count();
        out += columns.iter().filter(|column| column.is_none()).count();
    }
    assert!(served > 10_000 && out > 10_000, "{served} served, {out} out: the tables are too easy");
}

#[test]
fn a_large_table_is_solved_at_a_price_that_proves_itself() {
    for seed in 0..20 {
        let mut dice = Dice::new(seed);
        let mut table = CostTable::new(300);
        for _ in 0..400 {
            table.row(200 + dice.cost(600));
            for _ in 0..12 {
                table.arc(dice.below(300), dice.cost(900));
            }
        }
        let mut solver = Solver::default();
        let columns = solver.solve(&table);
        let cost = table.cost_of(&columns).expect("an assignment");
        // Weak duality: no assignment costs less than what the prices of columns and rows add up to.
        let price = |arc: &Arc| arc.cost - solver.price[arc.column as usize];
        let rows = (0..400).map(|row| {
            let best = table.arcs_of(row).iter().map(price).min().unwrap_or(i32::MAX);
            i64::from(best.min(table.stay_out[row]))
        });
        let bound = rows.sum::<i64>() + solver.price.iter().map(|price| i64::from(*price)).sum::<i64>();
        assert!(solver.price.iter().all(|price| *price <= 0), "seed {seed}");
        assert_eq!(cost, bound, "seed {seed}");
    }
}

#[test]
fn nothing_is_assigned_where_there_is_nothing() {
    assert_eq!(Solver::default().solve(&CostTable::new(0)), []);
    assert_eq!(Solver::default().solve(&CostTable::new(3)), []);
    let mut table = CostTable::new(0);
    table.row(7);
    assert_eq!(Solver::default().solve(&table), [None]);
}

#[test]
fn who_stays_out_is_who_costs_least_to_leave_out() {
    let mut table = CostTable::new(1);
    table.row(100);
    table.arc(0, 10);
    table.row(500);
    table.arc(0, 60);
    assert_eq!(Solver::default().solve(&table), [None, Some(0)]);
    assert_eq!(table.cost_of(&[None, Some(0)]), Some(160));
    assert_eq!(table.cost_of(&[Some(0), Some(0)]), None, "a column twice");
}
