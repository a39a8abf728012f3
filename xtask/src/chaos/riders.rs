//! How long riders with the page waited until their booking was taken in, as they wrote it down.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::Value;

use super::summary::percentile;

/// What some riders lived through, in milliseconds of simulated time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Waits {
    /// Riders who asked, and those of them who have no answer.
    asked: usize,
    unanswered: usize,
    /// Who took the bookings in: central itself, where riders ask first, or an edge instead.
    by_edges: usize,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    max_ms: Option<f64>,
}

/// A rider's way from the wish to the answer.
#[derive(Debug, Clone, Copy)]
struct Rider {
    asked_at_ms: i64,
    wait_ms: Option<f64>,
    by_edge: bool,
}

/// Returns the waits of those who asked before the moment `until_ms`, in simulated UTC milliseconds, and of the others.
///
/// # Errors
///
/// If the riders' record in the run's folder `dir` cannot be read.
pub(super) fn waits(dir: &Path, until_ms: i128) -> Result<(Waits, Waits)> {
    let config = std::fs::read_to_string(dir.join("load.toml")).context("cannot read load.toml")?;
    let central = config.lines().find_map(|line| line.strip_prefix("central = "));
    let central = central.context("load.toml names no central")?.trim_matches('"').to_owned();
    let file = dir.join("load/riders.jsonl");
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let riders = riders(&text, &central).with_context(|| file.display().to_string())?;
    let (before, after): (Vec<Rider>, Vec<Rider>) =
        riders.into_iter().partition(|rider| i128::from(rider.asked_at_ms) < until_ms);
    Ok((Waits::of(&before), Waits::of(&after)))
}

fn riders(text: &str, central: &str) -> Result<Vec<Rider>> {
    let mut riders: BTreeMap<u64, Rider> = BTreeMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        let wish = line["wish"].as_u64().context("a line without a wish")?;
        let at_ms = line["at"].as_i64().context("a line without a moment")?;
        let has_page = matches!(line["door"].as_str(), Some("app" | "web"));
        match line["note"].as_str() {
            Some("asked") if has_page => {
                riders.insert(wish, Rider { asked_at_ms: at_ms, wait_ms: None, by_edge: false });
            }
            Some("acknowledged") => {
                if let Some(rider) = riders.get_mut(&wish) {
                    #[allow(clippy::cast_precision_loss, reason = "a wait of minutes")]
                    let wait_ms = (at_ms - rider.asked_at_ms) as f64;
                    rider.wait_ms.get_or_insert(wait_ms);
                    rider.by_edge = line["node"].as_str() != Some(central);
                }
            }
            _ => {}
        }
    }
    Ok(riders.into_values().collect())
}

impl Waits {
    fn of(riders: &[Rider]) -> Self {
        let waits: Vec<f64> = riders.iter().filter_map(|rider| rider.wait_ms).collect();
        Self {
            asked: riders.len(),
            unanswered: riders.len() - waits.len(),
            by_edges: riders.iter().filter(|rider| rider.by_edge).count(),
            p50_ms: percentile(&waits, 50),
            p95_ms: percentile(&waits, 95),
            max_ms: percentile(&waits, 100),
        }
    }
}

impl fmt::Display for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, unanswered, by_edges, .. } = self;
        write!(f, "{asked} riders, {unanswered} without an answer, {by_edges} taken in by an edge")?;
        if let (Some(p50), Some(p95), Some(max)) = (self.p50_ms, self.p95_ms, self.max_ms) {
            write!(f, ", answered after {p50:.0} ms (p50), {p95:.0} ms (p95), {max:.0} ms at most")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_told_apart_by_when_riders_asked() {
        let asked = |wish, at, door| format!(r#"{{"at":{at},"wish":{wish},"note":"asked","door":"{door}"}}"#);
        let told = |wish, at, node| {
            format!(r#"{{"at":{at},"wish":{wish},"note":"acknowledged","code":"AB12","node":"{node}"}}"#)
        };
        let lines = [
            asked(1, 1_000, "web"),
            asked(2, 1_100, "sms"), // a text is answered by another process, later
            told(2, 9_000, "text"),
            told(1, 1_030, "http://central"),
            asked(3, 1_900, "app"),
            told(3, 5_900, "http://edge"),
            asked(4, 1_950, "web"),
            asked(5, 2_000, "web"),
            told(5, 2_010, "http://central"),
        ];
        let riders = riders(&lines.join("\n"), "http://central").unwrap();
        let (before, after): (Vec<Rider>, Vec<Rider>) =
            riders.into_iter().partition(|rider| rider.asked_at_ms < 2_000);
        let before = Waits::of(&before);
        assert_eq!((before.asked, before.unanswered, before.by_edges), (3, 1, 1));
        assert_eq!((before.p50_ms, before.max_ms), (Some(30.0), Some(4_000.0)));
        let after = Waits::of(&after);
        assert_eq!((after.asked, after.unanswered, after.p95_ms), (1, 0, Some(10.0)));
        assert!(riders_of("not JSON").is_err());
    }

    fn riders_of(text: &str) -> Result<Vec<Rider>> {
        riders(text, "http://central")
    }
}
