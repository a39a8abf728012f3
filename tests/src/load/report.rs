//! What a load saw: for people a table, for programs `ondol-load/1`.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::Serialize;

use super::figures::{Operation, Tally};
use super::ledger::Counts;
use super::options::{Options, Wanted};

/// What must have been asked of what was wanted: less, and the machine that asks is the one that does not keep up.
const ASKED_LEAST: f64 = 0.95;
/// Riders come as chance has it, and so many roots of their number fewer once in a thousand runs.
const BY_CHANCE: f64 = 3.0;
const MIB: f64 = 1_048_576.0;

/// What a load saw.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    schema: &'static str,
    seed: u64,
    seconds: f64,
    trip_s: u32,
    wanted: Wanted,
    operations: Vec<Row>,
    bookings: Counts,
    memory: Memory,
    bounds: Vec<Held>,
}

/// One operation.
#[derive(Debug, Clone, Serialize)]
struct Row {
    operation: &'static str,
    sent: u64,
    per_s: f64,
    ok: u64,
    errors: BTreeMap<String, u64>,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

/// The node's memory, every ten seconds from the beginning of the time that counts, in bytes.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Memory {
    bytes: Vec<u64>,
}

/// A bound, and what was seen.
#[derive(Debug, Clone, Serialize)]
struct Held {
    bound: String,
    /// Absent if there was nothing to count, or the node does not tell its memory.
    seen: Option<f64>,
    met: bool,
}

impl Memory {
    /// Takes in what the node says.
    pub fn note(&mut self, bytes: Option<u64>) {
        self.bytes.extend(bytes);
    }

    #[allow(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
    fn mib(&self, pick: impl Fn(&[u64]) -> Option<u64>) -> Option<f64> {
        pick(&self.bytes).map(|bytes| bytes as f64 / MIB)
    }
}

impl Report {
    /// Sums up a load.
    #[must_use]
    pub fn of(
        options: &Options,
        tallies: &BTreeMap<Operation, Tally>,
        bookings: Counts,
        memory: Memory,
    ) -> Self {
        let seconds = options.time.as_secs_f64();
        let nothing = Tally::default();
        let of = |operation| tallies.get(&operation).unwrap_or(&nothing);
        let operations: Vec<Row> =
            Operation::ALL.iter().map(|one| Row::of(*one, of(*one), seconds)).collect();
        let errors: u64 = operations.iter().flat_map(|row| row.errors.values()).sum();
        let p = |operation, per_cent| {
            let tally = of(operation);
            (tally.ok > 0).then(|| millis(tally.waits.quantile(per_cent)))
        };
        let bounds = options.bounds;
        let most = |bound: String, seen: Option<f64>, most: f64| Held {
            bound,
            seen,
            met: seen.is_some_and(|seen| seen <= most),
        };
        let asked = |what: &str, operation, wanted_per_s: f64, by_chance: f64| {
            let sent = count(of(operation).sent);
            let wanted = wanted_per_s * seconds;
            let bound = format!("{what} asked in a second: {wanted_per_s:.1}, less at most 5 %");
            let least = ASKED_LEAST * wanted - by_chance * wanted.sqrt();
            Held { bound, seen: Some(sent / seconds), met: sent > 0.0 && sent >= least }
        };
        let held = vec![
            most("errors: none".into(), Some(count(errors)), 0.0),
            most(
                format!("booking p99: at most {} ms", bounds.booking_p99_ms),
                p(Operation::Booking, 99),
                count(bounds.booking_p99_ms),
            ),
            most(
                format!("offer p95: at most {} ms", bounds.offer_p95_ms),
                p(Operation::Offer, 95),
                count(bounds.offer_p95_ms),
            ),
            most(
                format!("memory: at most {} MiB", bounds.memory_mib),
                memory.mib(|bytes| bytes.iter().max().copied()),
                count(bounds.memory_mib),
            ),
            asked("reports", Operation::Beat, options.wanted.reports_per_s, 0.0),
            asked("bookings", Operation::Booking, options.wanted.bookings_per_s, BY_CHANCE),
        ];
        Self {
            schema: "ondol-load/1",
            seed: options.seed,
            seconds,
            trip_s: options.trip_s,
            wanted: options.wanted,
            operations,
            bookings,
            memory,
            bounds: held,
        }
    }

    /// The bounds that were missed, each with what was seen.
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        let missed = self.bounds.iter().filter(|held| !held.met);
        let told = missed.map(|held| match held.seen {
            Some(seen) => format!("{}, seen {seen:.1}", held.bound),
            None => format!("{}, and nothing was counted", held.bound),
        });
        told.collect()
    }
}

impl Row {
    fn of(operation: Operation, tally: &Tally, seconds: f64) -> Self {
        let mut errors = tally.errors.clone();
        if tally.unanswered() > 0 {
            *errors.entry("no_answer".to_owned()).or_default() += tally.unanswered();
        }
        let p = |per_cent| millis(tally.waits.quantile(per_cent));
        Self {
            operation: operation.name(),
            sent: tally.sent,
            per_s: count(tally.sent) / seconds,
            ok: tally.ok,
            errors,
            p50_ms: p(50),
            p95_ms: p(95),
            p99_ms: p(99),
            max_ms: millis(tally.waits.max()),
        }
    }

    /// `12 overloaded, 1 no_answer`.
    fn errors(&self) -> String {
        let named: Vec<String> =
            self.errors.iter().map(|(code, number)| format!("{number} {code}")).collect();
        if named.is_empty() { "–".to_owned() } else { named.join(", ") }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| operation | sent | a second | ok | errors | p50 ms | p95 ms | p99 ms | max ms |")?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|")?;
        for row in &self.operations {
            let Row { operation, sent, per_s, ok, p50_ms, p95_ms, p99_ms, max_ms, .. } = row;
            let errors = row.errors();
            writeln!(
                f,
                "| {operation} | {sent} | {per_s:.1} | {ok} | {errors} | {p50_ms:.1} | {p95_ms:.1} | {p99_ms:.1} | {max_ms:.1} |"
            )?;
        }
        let Counts { wished, with_free_taxi, acknowledged, offered, served } = self.bookings;
        writeln!(
            f,
            "\nOf {wished} bookings {acknowledged} were acknowledged, {offered} offered and {served} served; for \
             {with_free_taxi} a taxi of the district was free. {} shifts, trips of {} s, {:.0} s.",
            self.wanted.shifts, self.trip_s, self.seconds
        )?;
        writeln!(f, "{}", self.memory_line())?;
        for held in &self.bounds {
            let seen = held.seen.map_or("nothing counted".to_owned(), |seen| format!("{seen:.1}"));
            writeln!(f, "{} {}, seen {seen}", if held.met { "met:   " } else { "MISSED:" }, held.bound)?;
        }
        Ok(())
    }
}

impl Report {
    /// Memory at the beginning, after each minute, and how much it grew in a minute.
    fn memory_line(&self) -> String {
        let Some(first) = self.memory.mib(|bytes| bytes.first().copied()) else {
            return "The node does not tell its memory.".to_owned();
        };
        let mut line = format!("Memory of the node: {first:.0} MiB at the beginning");
        let minutes = self.memory.bytes.chunks(6).skip(1).filter_map(|minute| minute.first());
        for bytes in minutes {
            let mib = self.memory.mib(|_| Some(*bytes)).unwrap_or(0.0);
            // A string takes everything that is written into it.
            let _written = write!(line, ", {mib:.0}");
        }
        let last = self.memory.mib(|bytes| bytes.last().copied()).unwrap_or(first);
        let growth = (last - first) / (self.seconds / 60.0);
        let _written = write!(line, "; {last:.0} MiB at the end, {growth:+.1} MiB a minute.");
        line
    }
}

/// One line on what has come since the line before.
#[must_use]
pub fn progress(
    elapsed: Duration,
    since_last: Duration,
    before: &BTreeMap<Operation, Tally>,
    now: &BTreeMap<Operation, Tally>,
    memory: &Memory,
) -> String {
    let sent =
        |all: &BTreeMap<Operation, Tally>, operation| all.get(&operation).map_or(0, |tally| tally.sent);
    let rate = |operation| count(sent(now, operation) - sent(before, operation)) / since_last.as_secs_f64();
    let p =
        |operation, per_cent| now.get(&operation).map_or(0.0, |tally| millis(tally.waits.quantile(per_cent)));
    let errors: u64 = now.values().flat_map(|tally| tally.errors.values()).sum();
    let mib = memory.mib(|bytes| bytes.last().copied()).map_or("?".to_owned(), |mib| format!("{mib:.0}"));
    format!(
        "{:>4} s: {:.0} reports/s (p99 {:.0} ms), {:.1} bookings/s (p99 {:.0} ms), {:.1} quotes and looks/s, offers p95 {:.0} ms, {errors} errors, {mib} MiB",
        elapsed.as_secs(),
        rate(Operation::Beat),
        p(Operation::Beat, 99),
        rate(Operation::Booking),
        p(Operation::Booking, 99),
        rate(Operation::Quote) + rate(Operation::Look),
        p(Operation::Offer, 95),
    )
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

#[allow(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::load::figures::Figures;
    use crate::load::options::Bounds;

    fn options() -> Options {
        Options {
            node: "http://127.0.0.1:1".into(),
            map: "map".into(),
            roster: "roster.json".into(),
            wanted: Wanted { shifts: 20, reports_per_s: 5.0, bookings_per_s: 1.0, quotes_per_s: 2.0 },
            time: Duration::from_secs(2),
            trip_s: 10,
            seed: 1,
            bounds: Bounds { booking_p99_ms: 1_000, offer_p95_ms: 2_000, memory_mib: 1_024 },
        }
    }

    /// Ten beats, a booking that waited `booking_s`, an offer, all answered well.
    fn figures(booking_s: u64) -> Figures {
        let figures = riders(booking_s);
        let now = Instant::now();
        for _ in 0..10 {
            figures.answer(figures.ask(Operation::Beat, now), Ok(()));
        }
        figures
    }

    fn riders(booking_s: u64) -> Figures {
        let figures = Figures::default();
        figures.count(true);
        let now = Instant::now();
        let due = now.checked_sub(Duration::from_secs(booking_s)).unwrap();
        figures.answer(figures.ask(Operation::Booking, due), Ok(()));
        figures.answer(figures.ask(Operation::Offer, now), Ok(()));
        figures
    }

    fn memory(mib: &[u64]) -> Memory {
        let mut memory = Memory::default();
        mib.iter().for_each(|mib| memory.note(Some(mib << 20)));
        memory
    }

    fn missed(figures: &Figures, memory: Memory) -> Vec<String> {
        Report::of(&options(), &figures.all(), Counts::default(), memory).missed()
    }

    #[test]
    fn a_load_that_was_carried_misses_nothing() {
        assert_eq!(missed(&figures(0), memory(&[100, 200])), Vec::<String>::new());
    }

    #[test]
    fn whatever_falls_short_is_named_with_what_was_seen() {
        let only = |missed: Vec<String>, start: &str| {
            assert!(missed.len() == 1 && missed[0].starts_with(start), "{missed:?}");
        };
        only(missed(&figures(3), memory(&[100])), "booking p99: at most 1000 ms, seen 30");
        only(missed(&figures(0), memory(&[100, 1_025, 100])), "memory: at most 1024 MiB, seen 1025.0");
        only(missed(&figures(0), Memory::default()), "memory: at most 1024 MiB, and nothing was counted");
        let refused = figures(0);
        refused.answer(refused.ask(Operation::Quote, Instant::now()), Err("overloaded"));
        let _never_answered = refused.ask(Operation::Look, Instant::now());
        only(missed(&refused, memory(&[100])), "errors: none, seen 2.0");
        let few = riders(0);
        few.answer(few.ask(Operation::Beat, Instant::now()), Ok(()));
        only(missed(&few, memory(&[100])), "reports asked in a second: 5.0");
        let nobody = Figures::default();
        nobody.count(true);
        for _ in 0..10 {
            nobody.answer(nobody.ask(Operation::Beat, Instant::now()), Ok(()));
        }
        let nothing = missed(&nobody, memory(&[100]));
        assert!(nothing.len() == 3 && nothing[0].ends_with("nothing was counted"), "{nothing:?}");
    }

    #[test]
    fn memory_is_told_by_the_minute_with_its_growth() {
        let mut options = options();
        options.time = Duration::from_secs(120);
        let memory = memory(&[100, 101, 102, 103, 104, 105, 110, 111, 112, 113, 114, 115, 120]);
        let report = Report::of(&options, &BTreeMap::new(), Counts::default(), memory);
        let line = report.memory_line();
        assert!(
            line.contains("100 MiB at the beginning, 110, 120; 120 MiB at the end, +10.0 MiB a minute"),
            "{line}"
        );
    }
}
