//! How long things took, from central's death and from its return.

use std::collections::BTreeMap;

use ondol_core::journal::Entry;
use ondol_core::units::UtcMs;

use super::evidence::{Away, Evidence};
use super::report::Report;
use crate::city::record::{DriverNote, RiderNote};
use crate::quantile::quantile;

/// How long a rider may wait for an answer before we call that unavailable: a page that has asked two nodes in turn.
const ANSWER_MS: u64 = 30_000;

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

/// How long at least one rider had been waiting longer than [`ANSWER_MS`] for an answer.
///
/// A rider who never got one waits until the last line that anybody wrote.
#[must_use]
pub fn unavailable_s(evidence: &Evidence) -> f64 {
    let mut waiting: BTreeMap<u32, UtcMs> = BTreeMap::new();
    let mut spans: Vec<(UtcMs, UtcMs)> = Vec::new();
    let mut last_at = UtcMs(i64::MIN);
    for line in &evidence.riders {
        last_at = last_at.max(line.at);
        match line.note {
            RiderNote::Asked { .. } => {
                waiting.entry(line.wish).or_insert(line.at);
            }
            RiderNote::Acknowledged { .. } | RiderNote::Refused { .. } => {
                spans.extend(waiting.remove(&line.wish).map(|asked_at| (asked_at, line.at)));
            }
            RiderNote::Unanswered {}
            | RiderNote::Assigned { .. }
            | RiderNote::Boarded { .. }
            | RiderNote::Ended {}
            | RiderNote::Cancelled { .. }
            | RiderNote::Last { .. } => {}
        }
    }
    spans.extend(waiting.into_values().map(|asked_at| (asked_at, last_at)));
    let mut late: Vec<_> = spans.into_iter().map(|(from, until)| (from.plus_ms(ANSWER_MS), until)).collect();
    late.sort_unstable();
    let (mut total_ms, mut counted_to) = (0, UtcMs(i64::MIN));
    for (from, until) in late {
        total_ms += until.since_ms(from.max(counted_to)).max(0);
        counted_to = counted_to.max(until);
    }
    seconds(total_ms)
}

fn percentile(values: Vec<i64>, percent: usize) -> Option<f64> {
    quantile(values, percent).map(seconds)
}

/// Milliseconds in seconds.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "a run lasts hours")]
pub fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use ondol_core::booking::Door;
    use ondol_core::position::Position;

    use super::*;
    use crate::city::record::RiderLine;

    #[test]
    fn percentiles_are_in_seconds() {
        assert_eq!(percentile(vec![], 95), None);
        assert_eq!(percentile(vec![3_000, 1_000, 2_000], 50), Some(2.0));
    }

    /// Riders 0 and 1 wait over 30 s at overlapping times, rider 2 is answered in time, rider 3 never.
    #[test]
    fn time_without_an_answer_counts_once_for_all_who_wait() {
        let asked =
            |wish, at| (wish, at, RiderNote::Asked { door: Door::Web, booking: None, pickup: here() });
        let refused = |wish, at| (wish, at, RiderNote::Refused { code: "no_taxi".into() });
        let unavailable = |lines: Vec<(u32, i64, RiderNote)>| {
            let line = |(wish, at, note)| RiderLine { at: UtcMs(at), wish, note };
            let riders = lines.into_iter().map(line).collect();
            unavailable_s(&Evidence { riders, ..Evidence::default() }).round()
        };
        let answered = vec![asked(2, 0), refused(2, 29_000)];
        assert_eq!(unavailable(answered.clone()), 0.0);
        let late = [asked(0, 0), asked(1, 10_000), refused(0, 50_000), refused(1, 55_000)];
        assert_eq!(unavailable([answered, late.to_vec()].concat()), 25.0, "from 30 s to 55 s");
        assert_eq!(unavailable([late.to_vec(), vec![asked(3, 60_000), refused(9, 100_000)]].concat()), 35.0);
    }

    fn here() -> Position {
        Position::new(37.5, 127.0).expect("it is on the earth")
    }
}
