//! Looks for every planted bug, or for those named, and prints one JSON object a line. `cargo xtask mutants` runs it.

use std::io::Write as _;

use ondol_sim::faults::mutants::{CONTROL, MUTANTS, look_for};

fn main() -> std::io::Result<()> {
    let named: Vec<String> = std::env::args().skip(1).collect();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    // A planted bug may well break what the code takes for granted: that is counted, and not told in full.
    std::panic::set_hook(Box::new(|_| {}));
    let mut out = std::io::stdout().lock();
    let all = std::iter::once(&CONTROL).chain(MUTANTS);
    for mutant in all.filter(|mutant| named.is_empty() || named.iter().any(|name| name == mutant.bug)) {
        writeln!(out, "{}", serde_json::to_string(&look_for(mutant, threads))?)?;
        out.flush()?;
    }
    Ok(())
}
