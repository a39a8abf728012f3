//! Draws and solves assignments and tells how long that took: our side of `cargo xtask bench --only assignment`.
//!
//! `cargo run --release -p ondol-sim --no-default-features --example assign`, then a line on its standard input:
//!
//! ```text
//! draw FILE RIDERS PER_RIDER SEED   as many taxis as riders in a box of 22 km; writes FILE, answers {}
//! solve FILE REPEATS                answers {"figure": median ms of one call, "check": what was found}
//! ```
//!
//! The file: `ROWS COLUMNS PRICE` on the first line, then `ROW COLUMN COST` a line, sorted by row. The time is that of one
//! call with a table that is at hand.
#![allow(clippy::print_stdout, reason = "a program that measures")]

use std::fmt::Write as _;
use std::io::BufRead as _;
use std::time::{Duration, Instant};

use ondol_core::matching::{CostTable, Solver};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// Side of the box in metres, and how fast a straight line across it is driven.
const BOX_M: f64 = 22_000.0;
const METRES_PER_S: f64 = 8.0 / 1.4;
/// Seconds that a drive takes longer by chance, at most.
const NOISE_S: f64 = 60.0;
/// What leaving a rider out costs.
const PRICE: i32 = 3_600;

fn main() {
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("lines of text");
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words[..] {
            ["draw", file, riders, per_rider, seed] => {
                let text = draw(number(riders), number(per_rider), number(seed) as u64);
                std::fs::write(file, text).expect("the file can be written");
                json!({})
            }
            ["solve", file, repeats] => {
                let text = std::fs::read_to_string(file).expect("the file can be read");
                solve(&read(&text), number(repeats).max(1))
            }
            _ => panic!("draw FILE RIDERS PER_RIDER SEED, or solve FILE REPEATS; not {line}"),
        };
        println!("{answer}");
    }
}

fn number(word: &str) -> usize {
    word.parse().expect("a whole number")
}

/// Each rider may get the taxis that are soonest there.
fn draw(riders: usize, per_rider: usize, seed: u64) -> String {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let mut places = || -> Vec<(f64, f64)> {
        (0..riders).map(|_| (chance.random_range(0.0..BOX_M), chance.random_range(0.0..BOX_M))).collect()
    };
    let (waiting, taxis) = (places(), places());
    let mut text = format!("{riders} {riders} {PRICE}\n");
    for (rider, at) in waiting.iter().enumerate() {
        let mut drives: Vec<(i32, usize)> = taxis
            .iter()
            .enumerate()
            .map(|(taxi, from)| {
                let straight_m = (at.0 - from.0).hypot(at.1 - from.1);
                (whole(straight_m / METRES_PER_S + chance.random_range(0.0..NOISE_S)), taxi)
            })
            .collect();
        drives.sort_unstable();
        drives.truncate(per_rider);
        for (cost, taxi) in drives {
            writeln!(text, "{rider} {taxi} {}", cost.clamp(1, PRICE - 1)).expect("a text takes lines");
        }
    }
    text
}

#[allow(clippy::cast_possible_truncation, reason = "an hour's drive at most")]
fn whole(seconds: f64) -> i32 {
    seconds as i32
}

fn solve(table: &CostTable, repeats: usize) -> Value {
    let mut solver = Solver::default();
    let mut took: Vec<Duration> = (0..repeats)
        .map(|_| {
            let began = Instant::now();
            std::hint::black_box(solver.solve(table));
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    let columns = solver.solve(table);
    let cost = table.cost_of(&columns).expect("the solver gives an assignment");
    let out = columns.iter().filter(|column| column.is_none()).count();
    json!({ "figure": took[took.len() / 2].as_secs_f64() * 1e3, "check": format!("cost {cost}, {out} left out") })
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
