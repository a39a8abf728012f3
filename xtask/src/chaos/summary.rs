//! What the runs showed, for people and for machines.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::Value;

use super::nemesis::Nemesis;

/// What all runs of a command showed.
#[derive(Debug)]
pub(crate) struct Summary {
    seed: u64,
    runs: Vec<Run>,
}

/// One run. Times are simulated seconds.
#[derive(Debug, Serialize)]
struct Run {
    run: u32,
    outage: String,
    harms: Vec<String>,
    acknowledged: u64,
    served: u64,
    lost: u64,
    drivers_doubled: u64,
    has_diverged: bool,
    double_charges: u64,
    duplicate_dispatches: u64,
    unavailable_s: f64,
    takeover_s: Option<f64>,
    first_edge_offer_s: Option<f64>,
    heal_s: Option<f64>,
    violations: Vec<String>,
}

impl Summary {
    /// Returns a summary of no runs.
    pub(crate) fn new(seed: u64) -> Summary {
        Summary { seed, runs: Vec::new() }
    }

    /// Takes a run's report in and returns it as a line.
    ///
    /// # Errors
    ///
    /// If the report lacks a key that every report has.
    pub(crate) fn take(&mut self, run: u32, nemesis: &Nemesis, report: &Value) -> Result<String> {
        let count = |pointer: &str| {
            let value = report.pointer(pointer).and_then(Value::as_u64);
            value.with_context(|| format!("the checker's report has no {pointer}"))
        };
        let seconds = |key: &str| report[key].as_f64();
        let violations =
            report["violations"].as_array().context("the checker's report has no /violations")?;
        let run = Run {
            run,
            outage: nemesis.outage.to_string(),
            harms: nemesis.harms.iter().map(|harm| harm.what.to_string()).collect(),
            acknowledged: count("/bookings/acknowledged")?,
            served: count("/bookings/served")?,
            lost: count("/bookings/lost")?,
            drivers_doubled: count("/drivers_doubled")?,
            has_diverged: report["journals_converged"] != Value::Bool(true),
            double_charges: count("/double_charges")?,
            duplicate_dispatches: count("/duplicate_dispatches")?,
            unavailable_s: seconds("unavailable_s").context("the checker's report has no /unavailable_s")?,
            takeover_s: seconds("takeover_s"),
            first_edge_offer_s: seconds("first_edge_offer_s"),
            heal_s: seconds("heal_s"),
            violations: violations.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        };
        let line = run.to_string();
        self.runs.push(run);
        Ok(line)
    }

    /// True if a run broke a promise.
    pub(crate) fn is_broken(&self) -> bool {
        self.runs.iter().any(|run| !run.violations.is_empty() || run.has_diverged)
    }

    /// Writes the summary as JSON (`ondol-chaos/1`), with the runs under `each`.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        save(file, &self.report())
    }

    fn report(&self) -> Value {
        let mut faults: BTreeMap<&str, u64> = BTreeMap::new();
        for fault in self.runs.iter().flat_map(|run| run.harms.iter().chain([&run.outage])) {
            *faults.entry(fault).or_default() += 1;
        }
        let (takeovers, heals) = (self.all(|run| run.takeover_s), self.all(|run| run.heal_s));
        serde_json::json!({
            "schema": "ondol-chaos/1",
            "seed": self.seed,
            "runs": self.runs.len(),
            "acked": self.total(|run| run.acknowledged),
            "lost": self.total(|run| run.lost),
            "doubled": self.total(|run| run.drivers_doubled),
            "diverged": self.total(|run| run.has_diverged.into()),
            "double_charges": self.total(|run| run.double_charges),
            "duplicate_dispatches": self.total(|run| run.duplicate_dispatches),
            "unavailable_s": self.runs.iter().map(|run| run.unavailable_s).sum::<f64>(),
            "takeover_p50_s": percentile(&takeovers, 50),
            "takeover_p95_s": percentile(&takeovers, 95),
            "heal_p50_s": percentile(&heals, 50),
            "heal_p95_s": percentile(&heals, 95),
            "faults": faults,
            "each": self.runs,
        })
    }

    fn all(&self, pick: fn(&Run) -> Option<f64>) -> Vec<f64> {
        self.runs.iter().filter_map(pick).collect()
    }

    fn total(&self, of: impl Fn(&Run) -> u64) -> u64 {
        self.runs.iter().map(of).sum()
    }
}

/// Writes a report as JSON.
///
/// # Errors
///
/// If the file cannot be written.
pub(super) fn save(file: &Path, report: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(report).context("a report is plain JSON")?;
    std::fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "run {}: acknowledged {}, served {}, lost {}, doubled {}, {}; takeover {}, first offer {}, heal {}, unavailable {:.0} s",
            self.run,
            self.acknowledged,
            self.served,
            self.lost,
            self.drivers_doubled,
            if self.has_diverged { "DIVERGED" } else { "journals equal" },
            told(self.takeover_s),
            told(self.first_edge_offer_s),
            told(self.heal_s),
            self.unavailable_s,
        )?;
        self.violations.iter().take(10).try_for_each(|violation| write!(f, "\n  broken: {violation}"))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.runs.len();
        writeln!(f, "{runs} runs from seed {}", self.seed)?;
        writeln!(f, "  acknowledged  {}", self.total(|run| run.acknowledged))?;
        writeln!(f, "  lost          {}", self.total(|run| run.lost))?;
        writeln!(f, "  doubled       {}", self.total(|run| run.drivers_doubled))?;
        writeln!(f, "  diverged      {}", self.total(|run| run.has_diverged.into()))?;
        writeln!(
            f,
            "  two taxis     {}   for one booking, in a split",
            self.total(|run| run.duplicate_dispatches)
        )?;
        writeln!(f, "  two charges   {}", self.total(|run| run.double_charges))?;
        for (name, values) in [
            ("unavailable", self.all(|run| Some(run.unavailable_s))),
            ("takeover", self.all(|run| run.takeover_s)),
            ("first offer", self.all(|run| run.first_edge_offer_s)),
            ("heal", self.all(|run| run.heal_s)),
        ] {
            let at = |percent| told(percentile(&values, percent));
            let (p50, p95, most) = (at(50), at(95), at(100));
            writeln!(f, "  {name:<12}  p50 {p50}, p95 {p95}, most {most}, of {} runs", values.len())?;
        }
        Ok(())
    }
}

fn told(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "none".to_owned(), |seconds| format!("{seconds:.1} s"))
}

/// The value below or at which `percent` of them lie; none of none.
pub(super) fn percentile(values: &[f64], percent: usize) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Value {
        serde_json::json!({
            "bookings": {"acknowledged": 7, "served": 6, "lost": 0}, "drivers_doubled": 0, "double_charges": 0,
            "duplicate_dispatches": 1, "journals_converged": true, "unavailable_s": 4.0, "takeover_s": 16.0,
            "first_edge_offer_s": null, "heal_s": 12.5, "violations": []
        })
    }

    #[test]
    fn a_broken_promise_is_never_a_success() {
        let nemesis = Nemesis::of(1, 0);
        let take = |change: &dyn Fn(&mut Value)| {
            let (mut summary, mut report) = (Summary::new(1), report());
            change(&mut report);
            summary.take(0, &nemesis, &report).map(|_| summary.is_broken())
        };
        assert!(!take(&|_| {}).unwrap());
        assert!(take(&|report| report["violations"] = serde_json::json!(["lost"])).unwrap());
        assert!(take(&|report| report["journals_converged"] = Value::Null).unwrap());
        assert!(take(&|report| report["drivers_doubled"] = Value::Null).is_err());
    }

    #[test]
    fn a_summary_counts_and_ranks() {
        let mut summary = Summary::new(1);
        for run in 0..2 {
            summary.take(run, &Nemesis::of(1, run), &report()).unwrap();
        }
        let told = summary.report();
        assert_eq!((&told["runs"], &told["acked"]), (&2.into(), &14.into()));
        assert_eq!((&told["takeover_p95_s"], &told["heal_p95_s"]), (&16.0.into(), &12.5.into()));
        assert_eq!((&told["faults"]["central mute"], &told["each"][1]["run"]), (&1.into(), &1.into()));
        let text = summary.to_string();
        for line in ["acknowledged  14", "takeover      p50 16.0 s", "first offer   p50 none", "of 0 runs"] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert_eq!(percentile(&[3.0, 1.0, 2.0], 50), Some(2.0));
    }
}
