//! The outage report, made from what clients wrote down and from the stores, never from a server's own counters.
//!
//! | about | module |
//! |---|---|
//! | what a run left behind | [`evidence`] |
//! | what became of each wish | [`story`] |
//! | one check per promise | [`promises`] |
//! | how long things took | [`times`] |
//! | acknowledged bookings after crashes | [`crash`] |
//! | the report | [`report`] |

pub mod crash;
pub mod evidence;
pub mod promises;
pub mod report;
pub mod story;
#[cfg(test)]
mod tests;
pub mod times;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use ondol_core::reconcile;
use ondol_core::units::UtcMs;
use ondol_roads::Meta;

use crate::city::config::CityConfig;
use crate::city::record::DriverNote;
use evidence::{Away, Evidence};
use report::Report;
use story::{Fate, Story};

/// Most violations told in words; the counts tell all.
const VIOLATIONS_MAX: usize = 100;

/// Without a cut, what one node writes is at the other after this long, whichever of the two is longer.
const LATE_SIM_MS: i64 = 60_000;
const LATE_WALL_MS: f64 = 10_000.0;

/// What to check.
#[derive(Debug, Clone)]
pub struct Options {
    /// The run with the outage.
    pub run: PathBuf,
    /// The same city without it.
    pub usual: Option<PathBuf>,
    /// Where to write the report.
    pub report: Option<PathBuf>,
}

/// Checks a run and writes its report. A run that broke a promise says so in [`Report::violations`].
///
/// # Errors
///
/// If the evidence cannot be read or the report cannot be written.
pub fn run(options: &Options) -> Result<Report> {
    let config = CityConfig::load(&options.run.join("load.toml"))?;
    let evidence = Evidence::read(&options.run, &config)?;
    let usual = match &options.usual {
        Some(dir) => Some(Evidence::read(dir, &CityConfig::load(&dir.join("load.toml"))?)?),
        None => None,
    };
    let report = check(&config, map_name(&config.map), &evidence, usual.as_ref());
    if let Some(file) = &options.report {
        write(&report, file)?;
    }
    Ok(report)
}

fn write(report: &Report, file: &Path) -> Result<()> {
    let text = serde_json::to_string_pretty(report).context("a report is plain JSON")?;
    std::fs::write(file, text + "\n").with_context(|| format!("report {}", file.display()))
}

/// `synthetic`, or the files that the map was made from; the map's folder if it does not say.
fn map_name(dir: &Path) -> String {
    let meta = std::fs::read(dir.join("meta.json")).ok();
    let meta = meta.and_then(|bytes| serde_json::from_slice::<Meta>(&bytes).ok());
    match meta {
        None => dir.display().to_string(),
        Some(meta) if meta.sources.iter().all(|source| source.format == "synthetic") => {
            "synthetic".to_owned()
        }
        Some(meta) => meta.sources.into_iter().map(|source| source.file).collect::<Vec<_>>().join(", "),
    }
}

/// Checks evidence; `map` names the map in the report.
#[must_use]
pub fn check(config: &CityConfig, map: String, evidence: &Evidence, usual: Option<&Evidence>) -> Report {
    let mut report = Report::new(map, config.seed, config.clock.speed, config.edges.len());
    let union = evidence.union();
    let central = evidence.central().map(|store| &store.board);
    let entries = promises::all_entries(evidence);
    let stories = story::stories(evidence, &union);
    report.shifts =
        evidence.drivers.iter().filter(|line| matches!(line.note, DriverNote::OnDuty { .. })).count();
    report.duration_s = duration_s(evidence);
    report.unavailable_s = times::unavailable_s(evidence);
    count(&mut report, &stories, central, evidence.away);
    if let Some(usual) = usual {
        expect(&mut report, evidence, usual);
    }
    if let Some(away) = evidence.away {
        times::fill_in(&mut report, evidence, away, &entries);
        let is_exchanged = |origin: &str, at: i64, holder: &str| origin != holder && at >= away.from.0;
        report.entries_exchanged = evidence
            .stores
            .iter()
            .flat_map(|(node, store)| store.entries.iter().map(move |entry| (node, entry)))
            .filter(|(node, entry)| {
                is_exchanged(entry.series.origin.as_str(), entry.hlc.wall_ms, node.as_str())
            })
            .count();
    }
    for (id, district) in union.districts() {
        for conflict in reconcile::conflicts(district).into_iter().chain(reconcile::across(&union, id)) {
            *report.conflicts.entry(conflict.kind.as_str().to_owned()).or_default() += 1;
        }
    }
    report.duplicate_dispatches = promises::duplicate_dispatches(&union).len();
    judge(&mut report, config, evidence, &stories);
    report
}

/// Puts the promises to the test.
#[allow(clippy::cast_possible_truncation, reason = "a clock runs at most a thousand times faster")]
fn judge(report: &mut Report, config: &CityConfig, evidence: &Evidence, stories: &[Story]) {
    let union = evidence.union();
    let central = evidence.central().map(|store| &store.board);
    let entries = promises::all_entries(evidence);
    let lost = promises::lost(stories, central);
    report.bookings.lost = lost.len();
    let doubled = promises::doubled(evidence, &union);
    report.drivers_doubled = doubled.len();
    let charges = promises::double_charges(&entries);
    report.double_charges = charges.len();
    let late_ms = LATE_SIM_MS.max((LATE_WALL_MS * config.clock.speed) as i64);
    let reassigned = promises::boarded_reassigned(evidence, &entries, late_ms);
    report.boarded_reassigned = reassigned.len();
    let mut diverged = promises::diverged(evidence);
    let missing = (config.edges.len() + 1).saturating_sub(evidence.stores.len());
    if missing > 0 {
        diverged.push(format!("the journals of {missing} nodes are not among the evidence"));
    }
    report.journals_converged = diverged.is_empty();
    let unsent = evidence.drivers.iter().filter_map(|line| match line.note {
        DriverNote::OffDuty { unsent } if unsent > 0 => {
            Some(format!("driver {} went home with {unsent} untold reports", line.driver))
        }
        _ => None,
    });
    let twice = stories.iter().filter(|story| story.boarded > 1);
    let twice = twice.map(|story| format!("wish {}: the rider got into {} taxis", story.wish, story.boarded));
    report.bookings.ended_by_rule =
        stories.iter().filter(|story| promises::ended_by_system(story, central).is_some()).count();
    let ended = promises::ended_under_way(stories, central);
    let all = [lost, doubled, charges, reassigned, ended, diverged]
        .into_iter()
        .flatten()
        .chain(unsent)
        .chain(twice);
    report.violations = all.take(VIOLATIONS_MAX).collect();
}

fn count(
    report: &mut Report,
    stories: &[Story],
    central: Option<&ondol_core::board::Board>,
    away: Option<Away>,
) {
    for story in stories {
        let fate = story.fate(central);
        let bookings = &mut report.bookings;
        bookings.made += 1;
        bookings.acknowledged += usize::from(story.is_acknowledged);
        match fate {
            Fate::Served => bookings.served += 1,
            Fate::Cancelled => bookings.cancelled += 1,
            Fate::Refused => bookings.refused += 1,
            Fate::Open => bookings.open += 1,
            // Unanswered: nothing was promised. Lost: counted with the other losses.
            Fate::Unanswered | Fate::Lost => {}
        }
        let (is_served, is_degraded) =
            (fate == Fate::Served, away.is_some_and(|away| away.holds(story.asked_at)));
        let door = report.by_door.entry(story.door.as_str().to_owned()).or_default();
        door.made += 1;
        door.served += usize::from(is_served);
        door.made_degraded += usize::from(is_degraded);
        door.served_degraded += usize::from(is_degraded && is_served);
        report.degraded.made += usize::from(is_degraded);
        report.degraded.served += usize::from(is_degraded && is_served);
    }
}

/// What the same city serves, without the outage, of the wishes that fell into it: in the same part of its own time.
#[allow(clippy::cast_precision_loss, reason = "a city has few riders")]
fn expect(report: &mut Report, evidence: &Evidence, usual: &Evidence) {
    let (Some(away), Some(begun_at), Some(usual_begun_at)) =
        (evidence.away, evidence.begun_at, usual.begun_at)
    else {
        return;
    };
    let shifted = |at: UtcMs| UtcMs(at.0 - begun_at.0 + usual_begun_at.0);
    let window = Away { from: shifted(away.from), until: away.until.map(shifted) };
    let union = usual.union();
    let central = usual.central().map(|store| &store.board);
    let stories = story::stories(usual, &union);
    let served = stories.iter().filter(|story| window.holds(story.asked_at));
    let expected = served.filter(|story| story.fate(central) == Fate::Served).count() as f64;
    report.degraded.expected = Some(expected);
    report.degraded.ratio = (expected > 0.0).then(|| report.degraded.served as f64 / expected);
}

fn duration_s(evidence: &Evidence) -> f64 {
    let moments =
        evidence.riders.iter().map(|line| line.at).chain(evidence.drivers.iter().map(|line| line.at));
    let (first, last) =
        moments.fold((UtcMs(i64::MAX), UtcMs(i64::MIN)), |(first, last), at| (first.min(at), last.max(at)));
    times::seconds(last.since_ms(first).max(0))
}
