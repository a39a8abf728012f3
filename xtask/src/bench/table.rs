//! The table for people and the JSON for programs.

use serde_json::{Value, json};

use super::contest::{Bound, Goal, Outcome, Round, Verdict};

/// Characters that are shown of what a program said; all of it is in the JSON.
const SAID_MAX: usize = 200;

/// Writes the outcomes as a Markdown table.
pub(super) fn markdown(outcomes: &[Outcome]) -> String {
    let head = "| row | what | peer | the peer's | ours | ours ÷ peer's | goal | |\n|---|---|---|---|---|---|---|---|\n";
    outcomes.iter().fold(head.to_owned(), |mut text, outcome| {
        let figure = |value: Option<f64>| value.map_or("–".to_owned(), |value| with_unit(value, outcome));
        let disk = outcome.fdatasync_per_s();
        let disk = disk.map_or(String::new(), |rate| format!(" (disk: {} fdatasync/s)", number(rate)));
        let beside: String =
            outcome.beside().iter().map(|(name, value)| format!("; {name} {}", number(*value))).collect();
        text += &format!(
            "| `{}` | {}{disk} | {} | {} | {}{beside} | {} | {} | {} |\n",
            outcome.row,
            outcome.what,
            outcome.peer_name,
            figure(outcome.theirs()),
            figure(outcome.ours()),
            outcome.ratio().map_or("–".to_owned(), |ratio| format!("{ratio:.2} ×")),
            goal(outcome.goal, outcome.unit.name()),
            came_of(outcome),
        );
        text
    })
}

/// Says in a line how a contest ended.
pub(super) fn line(outcome: &Outcome) -> String {
    let ours = outcome.ours().map_or("–".to_owned(), |ours| with_unit(ours, outcome));
    let ratio =
        outcome.ratio().map_or(String::new(), |ratio| format!(", {ratio:.2} × {}", outcome.peer_name));
    format!("{}: {}: {ours}{ratio}: {}", outcome.row, outcome.what, came_of(outcome))
}

fn came_of(outcome: &Outcome) -> String {
    let missing = || {
        let missing = outcome.missing.as_ref();
        missing.map_or(String::new(), |missing| {
            format!("{} ({})", one_line(&missing.why), one_line(&missing.remedy))
        })
    };
    match outcome.verdict {
        Verdict::MetStretch => "met, and the further aim".to_owned(),
        Verdict::Met => "met".to_owned(),
        Verdict::Missed if outcome.goal.is_firm => "**missed**".to_owned(),
        Verdict::Missed => "missed".to_owned(),
        Verdict::PeerMissing => format!("peer missing: {}", missing()),
        Verdict::Differs => "**the two found different things**".to_owned(),
        Verdict::NotMeasured => format!("no figure: {}", missing()),
    }
}

/// Nothing that a program said ends a row of the table or fills it.
fn one_line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "/");
    if text.chars().count() <= SAID_MAX { text } else { text.chars().take(SAID_MAX).chain(['…']).collect() }
}

fn goal(goal: Goal, unit: &str) -> String {
    let (sign, limit, measure) = match goal.bound {
        Bound::RatioAtMost(limit) => ("≤", limit, "×"),
        Bound::RatioAtLeast(limit) => ("≥", limit, "×"),
        Bound::OursAtMost(limit) => ("≤", limit, unit),
    };
    let text = format!("{sign} {limit} {measure}");
    let text = if goal.is_firm { format!("**{text}**") } else { text };
    goal.stretch.map_or(text.clone(), |stretch| format!("{text}, further {sign} {stretch} {measure}"))
}

fn with_unit(value: f64, outcome: &Outcome) -> String {
    match outcome.unit.name() {
        unit if unit.starts_with('/') => format!("{}{unit}", number(value)),
        unit => format!("{} {unit}", number(value)),
    }
}

/// Writes three digits that count, thousands set apart.
fn number(value: f64) -> String {
    if value >= 1_000.0 {
        let digits = format!("{value:.0}");
        let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
        return groups.collect::<Vec<_>>().join(",");
    }
    let decimals = [100.0, 10.0, 1.0].iter().filter(|limit| value < **limit).count();
    format!("{value:.decimals$}")
}

/// Returns everything that was seen.
pub(super) fn json(outcomes: &[Outcome]) -> Value {
    let rounds = |outcome: &Outcome| outcome.rounds.iter().map(round).collect::<Vec<_>>();
    let one = |outcome: &Outcome| {
        json!({
            "row": outcome.row,
            "what": outcome.what,
            "peer": outcome.peer_name,
            "unit": outcome.unit.name(),
            "goal": goal(outcome.goal, outcome.unit.name()),
            "goal_is_firm": outcome.goal.is_firm,
            "verdict": outcome.verdict,
            "missing": outcome.missing,
            "theirs": outcome.theirs(),
            "ours": outcome.ours(),
            "ratio": outcome.ratio(),
            "rounds": rounds(outcome),
        })
    };
    outcomes.iter().map(one).collect()
}

fn round(round: &Round) -> Value {
    json!(round)
}

#[cfg(test)]
mod tests {
    use super::super::contest::{Missing, Played, Unit};
    use super::*;

    fn outcome(verdict: Verdict, is_firm: bool) -> Outcome {
        let played = |figure| Played { figure, ..Played::default() };
        let theirs = (verdict != Verdict::PeerMissing).then(|| played(2_000.0));
        Outcome {
            row: "bookings",
            what: "bookings".into(),
            peer_name: "pgbench",
            unit: Unit::PerSecond,
            goal: Goal { bound: Bound::RatioAtLeast(0.8), is_firm, stretch: Some(1.2) },
            rounds: vec![Round { theirs, ours: played(1_500.0), fdatasync_per_s: Some(812.4) }],
            missing: (verdict == Verdict::PeerMissing)
                .then(|| Missing { why: "no\n|server|".into(), remedy: "install it".into() }),
            verdict,
        }
    }

    #[test]
    fn a_row_says_who_how_much_and_what_came_of_it() {
        let table = markdown(&[outcome(Verdict::Missed, true), outcome(Verdict::Missed, false)]);
        let rows: Vec<&str> = table.lines().skip(2).collect();
        let begin = "| `bookings` | bookings (disk: 812 fdatasync/s) | pgbench | 2,000/s | 1,500/s | 0.75 × ";
        assert_eq!(rows[0], format!("{begin}| **≥ 0.8 ×**, further ≥ 1.2 × | **missed** |"));
        assert_eq!(rows[1], format!("{begin}| ≥ 0.8 ×, further ≥ 1.2 × | missed |"));
    }

    #[test]
    fn a_missing_peer_is_told_in_one_row_with_how_to_get_it() {
        let table = markdown(&[outcome(Verdict::PeerMissing, true)]);
        assert_eq!(table.lines().count(), 3);
        assert!(table.contains("| – | 1,500/s | – |"), "{table}");
        assert!(table.contains("| peer missing: no /server/ (install it) |"), "{table}");
        assert_eq!(one_line(&"ㄱ ".repeat(SAID_MAX)).chars().count(), SAID_MAX + 1);
    }

    #[test]
    fn numbers_have_the_digits_that_count() {
        let written = [0.1234, 1.234, 12.34, 123.4, 1_234.0, 1_234_567.0].map(number);
        assert_eq!(written, ["0.123", "1.23", "12.3", "123", "1,234", "1,234,567"]);
    }

    #[test]
    fn programs_read_each_round() {
        let json = json(&[outcome(Verdict::Met, true)]);
        assert_eq!(json[0]["verdict"], "met");
        assert_eq!(json[0]["ratio"], 0.75);
        assert_eq!(json[0]["rounds"][0]["theirs"]["figure"], 2_000.0);
        assert_eq!(json[0]["rounds"][0]["fdatasync_per_s"], 812.4);
        let missing = super::json(&[outcome(Verdict::PeerMissing, true)]);
        assert_eq!(missing[0]["missing"]["remedy"], "install it");
        assert_eq!(missing[0]["theirs"], Value::Null);
    }
}
