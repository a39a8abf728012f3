//! A scenario's report in plain words, as one table.

use std::fmt::Write as _;

use super::report::{DisksLost, Figures, Report};
use crate::faults::{Lies, Phones};

/// One row: what it says, and the figure of each way of dispatching.
type Row = (&'static str, fn(&Figures) -> Option<String>);

/// Of fewer riders a median says nothing.
const FEW: u64 = 10;

const ROWS: [Row; 15] = [
    ("asked for in the outage", |f| Some(f.in_outage.made.to_string())),
    ("acknowledged", |f| Some(f.in_outage.acknowledged.to_string())),
    ("served", |f| Some(f.in_outage.served.to_string())),
    ("served, against no outage", |f| f.in_outage.ratio.map(|ratio| format!("{ratio:.3}"))),
    ("half waited at most", |f| f.in_outage.wait_p50_s.map(seconds)),
    ("95 of 100 waited at most", |f| f.in_outage.wait_p95_s.map(seconds)),
    ("medical: half waited at most", |f| {
        f.in_outage.medical_wait_p50_s.filter(|_| f.in_outage.medical_made >= FEW).map(seconds)
    }),
    ("95 of 100 were told within", |f| f.in_outage.told_p95_s.map(seconds)),
    ("half an hour after: served", |f| f.after.ratio.map(|ratio| format!("{ratio:.3}"))),
    ("by card, served / charged", |f| by_card(f)),
    ("two cars for one rider", |f| Some(f.duplicate_dispatches.to_string())),
    ("cars that found nobody", |f| f.bookings.map(|_| f.dead_runs.to_string())),
    ("bookings lost", |f| f.bookings.map(|bookings| bookings.lost.to_string())),
    ("drivers doubled", |f| f.bookings.map(|_| f.drivers_doubled.to_string())),
    ("texts carried", |f| f.bookings.map(|_| f.texts_carried.to_string())),
];

/// The report as text, ending with a line break.
#[must_use]
pub fn table(report: &Report) -> String {
    let Report { name, title, seed, districts, duration_s, outage_s: [from_s, to_s], .. } = report;
    let (app, text) = (report.drivers_with_app, report.drivers_by_text);
    let mut out = format!(
        "{name}: {title}\n{app} drivers with the app and {text} with feature phones in {districts} districts \
         ({} of life), {}; outage from {} to {}; seed {seed}\n\n",
        report.scale,
        clock(*duration_s),
        clock(*from_s),
        clock(*to_s)
    );
    let ways = [
        ("Ondol", &report.ondol),
        ("no outage", &report.without_outage),
        ("central only", &report.central_only),
        ("chat group", &report.chat_group),
    ];
    let mut line = |what: &str, cells: [String; 4]| {
        let [a, b, c, d] = cells;
        let _infallible = writeln!(out, "{what:<30}{a:>12}{b:>12}{c:>14}{d:>12}");
    };
    line("", ways.map(|(way, _)| way.to_owned()));
    for (what, figure) in ROWS {
        line(what, ways.map(|(_, figures)| figure(figures).unwrap_or_else(|| "-".to_owned())));
    }
    let ondol = &report.ondol;
    let moments = [
        ("noticed after", ondol.detect_s),
        ("first takeover after", ondol.takeover_s),
        ("first question of an edge after", ondol.first_edge_offer_s),
        ("all normal after the end within", ondol.heal_s),
    ];
    out.push('\n');
    for (what, at) in moments {
        let _infallible = writeln!(out, "{what:<34}{:>8}", at.map_or_else(|| "-".to_owned(), seconds));
    }
    if let Some(lost) = &ondol.disks_lost {
        out.push_str(&of_lost_disks(lost));
    }
    let all =
        [("Ondol", ondol), ("no outage", &report.without_outage), ("central only", &report.central_only)];
    for (way, figures) in all {
        for violation in &figures.violations {
            let _infallible = writeln!(out, "broken ({way}): {violation}");
        }
    }
    for check in &report.must {
        let seen = check.seen.map_or_else(|| "never".to_owned(), |seen| format!("{seen:.3}"));
        let verdict = if check.met { "holds " } else { "MISSED" };
        let _infallible =
            writeln!(out, "{verdict} {}: {seen}, must be {} {}", check.what, check.is, check.bound);
    }
    out
}

/// What phones and riders brought back to nodes that had lost their disks.
fn of_lost_disks(lost: &DisksLost) -> String {
    let DisksLost { phones, trips_back_p95_s, on_no_phone, shown_again, charged_again } = lost;
    let Phones { held, online, back, .. } = phones;
    let mut out = format!(
        "\ntrips on phones when every disk was lost {held}; {online} of them under way on phones that reached a node, \
         {back} of these back, 95 of 100 within {}\n",
        trips_back_p95_s.map_or_else(|| "-".to_owned(), seconds)
    );
    for (kind, lies) in ["forged", "of another phone", "outdated"].into_iter().zip(phones.lies()) {
        let Lies { told, refused, accepted } = lies;
        let _infallible =
            writeln!(out, "capsules {kind}: {told} brought, {refused} refused, {accepted} accepted");
    }
    let _infallible = writeln!(
        out,
        "bookings open and on no phone {on_no_phone}: lost with the disks; {shown_again} of them shown again by their \
         riders' pages\ncharged again {charged_again}"
    );
    out
}

fn by_card(figures: &Figures) -> Option<String> {
    let (served, charged) = (figures.in_outage.by_card_served, figures.in_outage.by_card_charged);
    figures.bookings.map(|_| format!("{served} / {charged}"))
}

fn seconds(s: f64) -> String {
    format!("{s:.1} s")
}

fn clock(s: u64) -> String {
    format!("{}:{:02}:{:02} h", s / 3_600, s / 60 % 60, s % 60)
}
