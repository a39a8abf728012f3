//! Solves an assignment from a file and tells how long it took: for comparisons with other solvers.
//!
//! `cargo run --release -p ondol-sim --no-default-features --example assign -- FILE [ROUNDS]`
//!
//! The file: `ROWS COLUMNS PRICE` on the first line, then `ROW COLUMN COST` a line, sorted by row. The time is that of
//! one call with a table that is at hand, the median over the rounds.

use std::time::{Duration, Instant};

use ondol_core::matching::{CostTable, Solver};

#[allow(clippy::print_stdout, reason = "a program that measures")]
fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("usage: assign FILE [ROUNDS]");
    let rounds: usize = arguments.next().map_or(1, |rounds| rounds.parse().expect("ROUNDS is a number"));
    let table = read(&std::fs::read_to_string(path).expect("the file can be read"));
    let mut solver = Solver::default();
    let mut took: Vec<Duration> = (0..rounds.max(1))
        .map(|_| {
            let began = Instant::now();
            std::hint::black_box(solver.solve(&table));
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    let columns = solver.solve(&table);
    let cost = table.cost_of(&columns).expect("the solver gives an assignment");
    let out = columns.iter().filter(|column| column.is_none()).count();
    println!("{:.3} ms (cost={cost} unmatched={out})", took[took.len() / 2].as_secs_f64() * 1e3);
}

fn read(text: &str) -> CostTable {
    let mut numbers = text.split_ascii_whitespace().map(|word| word.parse::<i32>().expect("whole numbers"));
    let mut next = || numbers.next();
    let (rows, columns, price) = (next().expect("rows"), next().expect("columns"), next().expect("price"));
    let mut table = CostTable::new(columns.unsigned_abs());
    let mut row_now = -1;
    while let Some(row) = next() {
        while row_now < row {
            table.row(price);
            row_now += 1;
        }
        table.arc(next().expect("a column").unsigned_abs(), next().expect("a cost"));
    }
    while row_now + 1 < rows {
        table.row(price);
        row_now += 1;
    }
    table
}
