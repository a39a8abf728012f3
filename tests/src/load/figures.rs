//! What was asked and how it was answered, by operation.
//!
//! Arrivals do not wait for answers, and each wait counts from the moment at which the question was due: what a busy
//! node or a busy client makes late is in the figures.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::histogram::Histogram;

/// Codes that are told apart for one operation; what else there is counts as `other`.
const CODES_MAX: usize = 32;

/// What people and phones ask of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// A phone binds itself to the node.
    Attach,
    /// A phone says where it is.
    Beat,
    /// A phone tells what its driver did.
    Report,
    /// A phone hands in its track.
    Track,
    /// A rider asks what a ride would cost.
    Quote,
    /// A rider books.
    Booking,
    /// A rider looks at a booking.
    Look,
    /// A taxi is offered: from the acknowledgement on the rider's phone to the question on the driver's, if somebody was free.
    Offer,
}

impl Operation {
    /// All of them, as they stand in the table.
    pub const ALL: [Self; 8] = [
        Self::Beat,
        Self::Track,
        Self::Report,
        Self::Attach,
        Self::Quote,
        Self::Look,
        Self::Booking,
        Self::Offer,
    ];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attach => "attach",
            Self::Beat => "beat",
            Self::Report => "report",
            Self::Track => "track",
            Self::Quote => "quote",
            Self::Booking => "booking",
            Self::Look => "look",
            Self::Offer => "offer",
        }
    }
}

/// What is known of one operation.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Asked.
    pub sent: u64,
    /// Answered as hoped.
    pub ok: u64,
    /// By the answer's stable code.
    pub errors: BTreeMap<String, u64>,
    /// From when each was due to its answer, good or bad.
    pub waits: Histogram,
}

impl Tally {
    /// Asked and never answered.
    #[must_use]
    pub fn unanswered(&self) -> u64 {
        self.sent - self.ok - self.errors.values().sum::<u64>()
    }
}

/// A question that counts.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    operation: Operation,
    due: Instant,
}

/// All operations, while people come and while their answers come in.
#[derive(Debug, Default)]
pub struct Figures {
    counts: AtomicBool,
    tallies: Mutex<BTreeMap<Operation, Tally>>,
}

impl Figures {
    /// From now on what is asked counts, or no longer does. Answers to what has counted count as well.
    pub fn count(&self, counts: bool) {
        self.counts.store(counts, Ordering::Relaxed);
    }

    /// Notes a question that was due at `due`; nothing if it does not count.
    #[must_use]
    pub fn ask(&self, operation: Operation, due: Instant) -> Option<Asked> {
        if !self.counts.load(Ordering::Relaxed) {
            return None;
        }
        Some(self.note(operation, due))
    }

    /// Notes a question that counts if `first` did, from which it follows.
    #[must_use]
    pub fn follow(&self, first: Option<Asked>, operation: Operation, due: Instant) -> Option<Asked> {
        first.map(|_| self.note(operation, due))
    }

    fn note(&self, operation: Operation, due: Instant) -> Asked {
        self.tallies().entry(operation).or_default().sent += 1;
        Asked { operation, due }
    }

    /// Notes the answer to a question.
    pub fn answer(&self, asked: Option<Asked>, answer: Result<(), &str>) {
        let Some(Asked { operation, due }) = asked else { return };
        let wait = due.elapsed();
        let mut tallies = self.tallies();
        let tally = tallies.entry(operation).or_default();
        tally.waits.add(wait);
        match answer {
            Ok(()) => tally.ok += 1,
            Err(code) => {
                let is_told_apart = tally.errors.contains_key(code) || tally.errors.len() < CODES_MAX;
                let code = if is_told_apart { code } else { "other" };
                *tally.errors.entry(code.to_owned()).or_default() += 1;
            }
        }
    }

    /// Everything until now.
    #[must_use]
    pub fn all(&self) -> BTreeMap<Operation, Tally> {
        self.tallies().clone()
    }

    /// A panic elsewhere leaves no tally half changed that anybody would still report.
    fn tallies(&self) -> MutexGuard<'_, BTreeMap<Operation, Tally>> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_while_it_counts_is_counted_whenever_its_answer_comes() {
        let figures = Figures::default();
        let now = Instant::now();
        let before = figures.ask(Operation::Beat, now);
        figures.count(true);
        let within = [(); 3].map(|()| figures.ask(Operation::Beat, now));
        figures.count(false);
        let after = figures.ask(Operation::Beat, now);
        figures.answer(before, Ok(()));
        figures.answer(after, Err("overloaded"));
        figures.answer(within[0], Ok(()));
        figures.answer(within[1], Err("overloaded"));
        let tally = &figures.all()[&Operation::Beat];
        assert_eq!((tally.sent, tally.ok, tally.unanswered()), (3, 1, 1));
        assert_eq!(tally.errors, BTreeMap::from([("overloaded".to_owned(), 1)]));
        assert_eq!(tally.waits.number(), 2);
    }

    #[test]
    fn a_wait_begins_when_the_question_was_due() {
        let figures = Figures::default();
        figures.count(true);
        let due = Instant::now().checked_sub(std::time::Duration::from_secs(3)).unwrap();
        figures.answer(figures.ask(Operation::Booking, due), Ok(()));
        assert!(figures.all()[&Operation::Booking].waits.quantile(50).as_secs() >= 3);
    }

    #[test]
    fn a_node_that_makes_up_codes_fills_no_memory() {
        let figures = Figures::default();
        figures.count(true);
        for n in 0..1_000 {
            figures.answer(figures.ask(Operation::Quote, Instant::now()), Err(&format!("code_{n}")));
        }
        let tally = &figures.all()[&Operation::Quote];
        assert_eq!((tally.errors.len(), tally.errors["other"]), (CODES_MAX + 1, 1_000 - 32));
    }
}
