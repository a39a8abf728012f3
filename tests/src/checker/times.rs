//! How long things took, from central's death and from its return.

use std::collections::BTreeMap;

use ondol_core::journal::Entry;
use ondol_core::units::UtcMs;

use super::evidence::{Away, Evidence};
use super::report::Report;
use crate::city::record::DriverNote;

/// Fills in the times of a run with an outage.
pub fn fill_in(report: &mut Report, evidence: &Evidence, away: Away, entries: &[&Entry]) {
    let (from, until) = (away.from, away.until.unwrap_or(UtcMs(i64::MAX)));
    let within = |at: UtcMs| from <= at && at < until;
    let mut noticed: Vec<i64> = Vec::new();
    let mut attached: BTreeMap<&str, Option<i64>> = BTreeMap::new();
    let mut first_offer: Option<i64> = None;
    let mut last_at = from;
    for line in &evidence.drivers {
        last_at = last_at.max(line.at);
        let since_ms = line.at.since_ms(from);
        match &line.note {
            DriverNote::OnDuty { by_text: false, .. } if line.at < from => {
                attached.insert(&line.driver, None);
            }
            DriverNote::OffDuty { .. } if line.at < from => {
                attached.remove(line.driver.as_str());
            }
            DriverNote::Central { is_heard: false } if within(line.at) => noticed.push(since_ms),
            DriverNote::Attached { node } if within(line.at) && node.as_str() != "central" => {
                if let Some(first) = attached.get_mut(line.driver.as_str()) {
                    first.get_or_insert(since_ms);
                }
            }
            DriverNote::Offered { assignment, .. }
                if within(line.at) && assignment.origin.as_str() != "central" =>
            {
                first_offer.get_or_insert(since_ms);
            }
            _ => {}
        }
    }
    // Whoever never attached counts with the whole outage.
    let whole_ms = away.until.unwrap_or(last_at).since_ms(from);
    let attached: Vec<i64> = attached.into_values().map(|first| first.unwrap_or(whole_ms)).collect();
    report.detect_s = percentile(noticed, 50);
    report.first_edge_offer_s = first_offer.map(seconds);
    report.drivers_attached_p95_s = percentile(attached, 95);
    report.takeover_s = last_of_first(entries, "zone_taken", from);
    report.heal_s = away.until.and_then(|back| last_of_first(entries, "zone_returned", back));
}

/// Of each district the first entry of `kind` since `from`; the last of these, in seconds since then.
fn last_of_first(entries: &[&Entry], kind: &str, from: UtcMs) -> Option<f64> {
    let mut firsts: BTreeMap<&str, i64> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.kind == kind && entry.hlc.wall_ms >= from.0) {
        let since_ms = entry.hlc.wall_ms - from.0;
        let first = firsts.entry(entry.series.district.as_str()).or_insert(since_ms);
        *first = (*first).min(since_ms);
    }
    firsts.into_values().max().map(seconds)
}

fn percentile(mut values: Vec<i64>, percent: usize) -> Option<f64> {
    values.sort_unstable();
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied().map(seconds)
}

/// Milliseconds in seconds.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "a run lasts hours")]
pub fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        assert_eq!(percentile(vec![], 95), None);
        assert_eq!(percentile(vec![3_000, 1_000, 2_000], 50), Some(2.0));
        assert_eq!(percentile((1..=100).map(|n| n * 1_000).collect(), 95), Some(95.0));
    }
}
