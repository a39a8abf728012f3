//! Writes the city of a seed: `cargo run --example generate_city -- SEED DIR`.
#![allow(clippy::print_stdout, reason = "telling what was written is what this program is for")]

use std::path::PathBuf;

use ondol_roads::{MapError, generate};

fn main() -> Result<(), MapError> {
    let mut arguments = std::env::args().skip(1);
    let seed = arguments.next().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let out = PathBuf::from(arguments.next().unwrap_or_else(|| "city".to_owned()));
    let report = generate::generate(seed, &out, &mut |_| {})?;
    println!("{}: {report:?}", out.display());
    Ok(())
}
