//! Counting, and the lines that a person and a machine read.

use std::fmt;
use std::ops::AddAssign;
use std::path::PathBuf;
use std::time::Instant;

use super::suite::Suite;
use crate::run;

/// How many tests passed, failed and were skipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// What one step came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    /// What a reader should know: why something was skipped, which tests failed.
    pub(crate) notes: Vec<String>,
}

/// One step of a run, as it is told on the terminal.
pub(crate) struct Step {
    pub(crate) suite: Suite,
    pub(crate) name: String,
    pub(crate) started: Instant,
    pub(crate) log: PathBuf,
}

impl Step {
    /// Prints one line with the seconds it took; after a failure also the end of its log.
    pub(crate) fn print(&self, outcome: &Outcome) {
        let tally = outcome.tally.to_string();
        println!(
            "{:<10} {:<28} {tally:<36}{:>7.1} s",
            self.suite,
            self.name,
            self.started.elapsed().as_secs_f64()
        );
        for note in &outcome.notes {
            println!("{:<10} {note}", "");
        }
        if outcome.tally.failed > 0 {
            println!("--- the end of {}\n{}\n---", self.log.display(), run::tail(&self.log));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_is_the_contract() {
        let mut total = Tally { passed: 3, failed: 0, skipped: 1 };
        total += Tally { passed: 4, failed: 2, skipped: 0 };
        assert_eq!(total.to_string(), "7 passed, 2 failed, 1 skipped");
    }
}
