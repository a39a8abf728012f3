//! `ondol journal fairness`: how work, waiting and takings were shared, as a table or as JSON.

use std::fmt::Write as _;

use anyhow::bail;
use clap::Args;
use ondol_core::board::Board;
use ondol_core::fact::Fact;
use ondol_core::fairness::{Duties, Fairness, Share, Span, fairness};
use ondol_core::units::UtcMs;
use ondol_engine::http::Moment;
use ondol_engine::store::Store;

use super::{Which, each};
use crate::output;

#[derive(Args)]
pub(crate) struct FairnessArguments {
    #[command(flatten)]
    which: Which,
    /// The first moment that counts, as in 2026-11-01T00:00:00+09:00.
    #[arg(long, value_parser = moment)]
    from: UtcMs,
    /// The first moment that does not count.
    #[arg(long, value_parser = moment)]
    to: UtcMs,
    /// Print everything, each driver's part too, as JSON.
    #[arg(long)]
    json: bool,
}

fn moment(text: &str) -> Result<UtcMs, String> {
    Moment::try_from(text.to_owned()).map(|moment| moment.0).map_err(|error| error.to_string())
}

pub(super) async fn run(arguments: &FairnessArguments) -> anyhow::Result<()> {
    let FairnessArguments { which, from, to, json } = arguments;
    if from >= to {
        bail!("--from must lie before --to");
    }
    let found = read(&which.open().await?, Span { from: *from, to: *to }).await?;
    if *json { output::json(&found) } else { output::line(table(&found).trim_end()) }
}

async fn read(store: &Store, span: Span) -> anyhow::Result<Fairness> {
    let (mut board, mut duties) = (Board::default(), Duties::default());
    each(store, |entry| {
        // What a later release wrote is passed over, as a node would.
        if let Ok(Some(fact)) = Fact::read(&entry) {
            duties.note(&fact);
        }
        board.apply_stored(&entry)?;
        Ok(())
    })
    .await?;
    Ok(fairness(&board, &duties, span))
}

/// A column: its title, and the figure of a fleet.
type Column = (&'static str, fn(&Share) -> String);

const COLUMNS: [Column; 11] = [
    ("on duty", |share| format!("{} h", hours(share.available_s))),
    ("idle", |share| share.idle_share().map_or("-".to_owned(), |part| format!("{:.0} %", part * 100.0))),
    ("asked", |share| share.asked.to_string()),
    ("yes", |share| share.taken.to_string()),
    ("no", |share| share.declined.to_string()),
    ("silent", |share| share.unanswered.to_string()),
    ("nearest", |share| share.nearest.to_string()),
    ("passed over", |share| share.passed_over.to_string()),
    ("rides", |share| share.rides.to_string()),
    ("takings", |share| share.takings.to_string()),
    ("in an hour", |share| share.takings_per_h().map_or("-".to_owned(), |won| won.to_string())),
];

fn table(found: &Fairness) -> String {
    let mut out = format!(
        "{} to {}: {} drivers of {} fleets\n\n",
        String::from(Moment(found.from)),
        String::from(Moment(found.to)),
        found.drivers.len(),
        found.fleets.len()
    );
    let mut line = |name: &str, drivers: &str, cells: [String; 11]| {
        let _infallible = write!(out, "{name:<20}{drivers:>8}");
        for cell in cells {
            let _infallible = write!(out, "{cell:>12}");
        }
        out.push('\n');
    };
    line("fleet", "drivers", COLUMNS.map(|(title, _)| title.to_owned()));
    for fleet in &found.fleets {
        line(
            fleet.fleet.as_str(),
            &fleet.drivers.to_string(),
            COLUMNS.map(|(_, figure)| figure(&fleet.share)),
        );
    }
    let rules: Vec<String> = found.rules.iter().map(|(rule, times)| format!("{rule} {times}")).collect();
    let rules = if rules.is_empty() { "nobody was asked".to_owned() } else { rules.join(", ") };
    let _infallible = writeln!(out, "\nasked by rule: {rules}");
    if let Some(gini) = found.gini_takings {
        let _infallible =
            writeln!(out, "takings in an hour differ by {gini:.2} (0: all alike; 1: one has all)");
    }
    out
}

/// Hours with one decimal, without rounding up.
fn hours(seconds: u64) -> String {
    format!("{}.{}", seconds / 3_600, seconds % 3_600 / 360)
}

#[cfg(test)]
mod tests {
    use ondol_core::fairness::FleetShare;

    use super::*;

    #[test]
    fn a_table_has_a_line_for_each_fleet_and_says_what_is_not_known() {
        let share =
            Share { available_s: 7_199, idle_s: 3_600, asked: 9, takings: 30_000, ..Share::default() };
        let found = Fairness {
            from: UtcMs(0),
            to: UtcMs(86_400_000),
            fleets: vec![
                FleetShare { fleet: "hanbit".parse().unwrap(), drivers: 2, share },
                FleetShare { fleet: "onnuri".parse().unwrap(), drivers: 1, share: Share::default() },
            ],
            drivers: Vec::new(),
            rules: [("least_wait".to_owned(), 9)].into(),
            gini_takings: Some(0.123),
        };
        let table = table(&found);
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].starts_with("1970-01-01T00:00:00Z to 1970-01-02T00:00:00Z"), "{table}");
        assert!(
            lines[3].contains("1.9 h") && lines[3].contains("50 %") && lines[3].contains("15002"),
            "{table}"
        );
        assert!(lines[4].starts_with("onnuri") && lines[4].ends_with("-"), "{table}");
        assert!(table.contains("least_wait 9") && table.contains("0.12"), "{table}");
    }

    #[test]
    fn a_moment_that_is_none_is_named() {
        assert!(moment("yesterday").unwrap_err().contains("yesterday"));
        assert_eq!(moment("1970-01-01T09:00:01+09:00"), Ok(UtcMs(1_000)));
    }
}
