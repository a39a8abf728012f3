//! Looks for every planted bug, or for those named, and prints one JSON object a line. `cargo xtask mutants` runs it.
//!
//! `ondol-mutants [--within SEEDS] [BUG...]`: with `--within`, those alone that must be seen in so many seeds.

use std::io::Write as _;

use ondol_sim::faults::mutants::{CONTROL, MUTANTS, Mutant, look_for};

fn main() -> std::io::Result<()> {
    let mut named: Vec<String> = std::env::args().skip(1).collect();
    let within = match named.iter().position(|word| word == "--within") {
        Some(at) => {
            let words: Vec<String> = named.drain(at..named.len().min(at + 2)).collect();
            let seeds = words.get(1).and_then(|seeds| seeds.parse().ok());
            seeds.ok_or_else(|| std::io::Error::other("--within needs a number of seeds"))?
        }
        None => u64::MAX,
    };
    let all: Vec<&Mutant> = std::iter::once(&CONTROL).chain(MUTANTS).collect();
    if let Some(unknown) = named.iter().find(|name| all.iter().all(|mutant| mutant.bug != name.as_str())) {
        return Err(std::io::Error::other(format!("no bug is named {unknown}")));
    }
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    // A planted bug may well break what the code takes for granted: that is counted, and not told in full.
    std::panic::set_hook(Box::new(|_| {}));
    let mut out = std::io::stdout().lock();
    let wanted = |mutant: &&&Mutant| named.is_empty() || named.iter().any(|name| name == mutant.bug);
    for mutant in all.iter().filter(wanted).filter(|mutant| mutant.budget <= within) {
        writeln!(out, "{}", serde_json::to_string(&look_for(mutant, threads))?)?;
        out.flush()?;
    }
    Ok(())
}
