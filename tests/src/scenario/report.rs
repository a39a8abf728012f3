//! What a scenario showed: figures of each way of dispatching, and whether what must hold has held.

use serde::Serialize;

use super::file::Must;
use crate::faults::Phones;
use crate::faults::clock::Ms;
use crate::quantile::quantile;

/// The schema of [`Report`].
pub const SCHEMA: &str = "ondol-scenario/1";

/// A scenario's report. The same scenario and seed give the same report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The scenario.
    pub name: String,
    /// In a sentence.
    pub title: String,
    /// The seed.
    pub seed: u64,
    /// Share of the cars, demand and lines of life.
    pub scale: f64,
    /// Districts.
    pub districts: usize,
    /// Drivers with the app.
    pub drivers_with_app: usize,
    /// Drivers with feature phones.
    pub drivers_by_text: usize,
    /// How long riders asked, in seconds.
    pub duration_s: u64,
    /// When the outage began and ended, in seconds from the start.
    pub outage_s: [u64; 2],
    /// Faults by kind.
    pub faults: std::collections::BTreeMap<String, u64>,
    /// With edges, through the outage.
    pub ondol: Figures,
    /// With edges, without the outage.
    pub without_outage: Figures,
    /// Central alone, through the outage.
    pub central_only: Figures,
    /// A group in a messenger instead of a dispatcher.
    pub chat_group: Figures,
    /// What must hold, and whether it has held.
    pub must: Vec<Check>,
}

/// What one way of dispatching showed. What a way has not is null.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Figures {
    /// All bookings.
    pub bookings: Option<Bookings>,
    /// Of riders who asked in the outage.
    pub in_outage: InOutage,
    /// Of riders who asked in half an hour after it.
    pub after: InOutage,
    /// Of the bookings that were open when the outage began, those that the district's edge knew a minute later.
    pub known_at_edge: Option<f64>,
    /// Where every node lost its disk: what phones and riders brought back.
    pub disks_lost: Option<DisksLost>,
    /// Cars that came to a rider who had gone.
    pub dead_runs: u64,
    /// Drivers with two active assignments.
    pub drivers_doubled: u64,
    /// Bookings for which two drivers were bound at a time.
    pub duplicate_dispatches: u64,
    /// Bookings charged more than once.
    pub double_charges: u64,
    /// Boarded trips that a machine took away.
    pub boarded_reassigned: u64,
    /// From the beginning of the outage until a node showed that something is wrong.
    pub detect_s: Option<f64>,
    /// Until the first edge took its district.
    pub takeover_s: Option<f64>,
    /// Until an edge asked the first driver.
    pub first_edge_offer_s: Option<f64>,
    /// From the end of the outage until every district was in normal mode for good.
    pub heal_s: Option<f64>,
    /// Takeovers of all edges.
    pub takeovers: u64,
    /// How often a driver was asked home.
    pub asked_home: u64,
    /// Rides of drivers with the app whom an edge asked for central.
    pub relayed_served: u64,
    /// Texts carried, of which the other side heard most.
    pub texts_carried: u64,
    /// Texts for which no line was free in time.
    pub texts_crowded_out: u64,
    /// After the end everything came to rest, and all nodes told the same.
    pub journals_converged: Option<bool>,
    /// Broken promises.
    pub violations: Vec<String>,
    /// Digest of all that happened.
    pub state_hash: Option<String>,
}

/// Bookings by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Bookings {
    /// Asked for.
    pub made: u64,
    /// Acknowledged to the rider.
    pub acknowledged: u64,
    /// The rider was brought to the end of the ride.
    pub served: u64,
    /// The rider's patience was over before a car came.
    pub given_up: u64,
    /// Acknowledged, and nobody knows it. Where every disk was lost, of those alone that were on a driver's phone.
    pub lost: u64,
}

/// What was left when every node had lost its disk.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct DisksLost {
    /// Trips on drivers' phones, and false ones.
    pub phones: Phones,
    /// Until 95 of 100 of the trips that came back were back, from when nodes had started again.
    pub trips_back_p95_s: Option<f64>,
    /// Bookings that were acknowledged, not over and on no driver's phone: lost by what such an outage is, and not counted
    /// as lost.
    pub on_no_phone: u64,
    /// Of these, known again because a rider's page showed them.
    pub shown_again: u64,
    /// Bookings charged again whose charge had gone with the disks.
    pub charged_again: u64,
}

/// Riders who wanted a car in a time.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct InOutage {
    /// Asked for a car in this time, perhaps before.
    pub made: u64,
    /// Acknowledged.
    pub acknowledged: u64,
    /// Served.
    pub served: u64,
    /// Served, against the same without the outage.
    pub ratio: Option<f64>,
    /// Until a car came to half of those who were served.
    pub wait_p50_s: Option<f64>,
    /// To 95 of 100.
    pub wait_p95_s: Option<f64>,
    /// Until 95 of 100 who were told that the booking is taken were told so.
    pub told_p95_s: Option<f64>,
    /// Served and paid by card.
    pub by_card_served: u64,
    /// Of these, charged by central in the end.
    pub by_card_charged: u64,
    /// Asked for by the medical rule.
    pub medical_made: u64,
    /// Of these, served.
    pub medical_served: u64,
    /// Until a car came to half of these.
    pub medical_wait_p50_s: Option<f64>,
}

/// Something that must hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// The key in the file, or what must hold always.
    pub what: String,
    /// `at least` or `at most`.
    pub is: &'static str,
    /// This.
    pub bound: f64,
    /// What was seen; null if it did not happen at all.
    pub seen: Option<f64>,
    /// It held.
    pub met: bool,
}

impl InOutage {
    /// Compares how many of those who asked were served with the same without the outage.
    pub(super) fn set_ratio(&mut self, usual: &Self) {
        self.ratio = ratio(self.share(), usual.share());
    }

    /// Served of all who asked.
    #[allow(clippy::cast_precision_loss, reason = "counts of a run")]
    fn share(&self) -> Option<f64> {
        ratio(Some(self.served as f64), Some(self.made as f64))
    }

    /// Notes how long riders waited until a car came: all who were served, and those of the medical rule.
    pub(super) fn note_waits(&mut self, waits: Vec<Ms>, medical: Vec<Ms>) {
        self.wait_p50_s = quantile_s(waits.clone(), 50);
        self.wait_p95_s = quantile_s(waits, 95);
        self.medical_wait_p50_s = quantile_s(medical, 50);
    }
}

impl Report {
    /// True if everything that must hold has held.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.must.iter().all(|check| check.met)
    }

    /// Looks at what must hold.
    #[allow(clippy::cast_precision_loss, reason = "counts of a run")]
    pub(super) fn check(&mut self, must: &Must) {
        let ondol = &self.ondol;
        let mut checks = Vec::new();
        let mut most = |what: &str, bound: f64, seen: Option<f64>| checks.push(at_most(what, bound, seen));
        most("bookings lost", 0.0, ondol.bookings.map(|bookings| bookings.lost as f64));
        most("drivers doubled", 0.0, Some(ondol.drivers_doubled as f64));
        most("double charges", 0.0, Some(ondol.double_charges as f64));
        most("boarded trips taken away", 0.0, Some(ondol.boarded_reassigned as f64));
        let broken = [&self.ondol, &self.without_outage, &self.central_only];
        let broken: usize = broken.iter().map(|figures| figures.violations.len()).sum();
        most("promises broken", 0.0, Some(broken as f64));
        most("journals apart", 0.0, Some(f64::from(u8::from(ondol.journals_converged != Some(true)))));
        let optional = [
            ("detect_s_most", must.detect_s_most, ondol.detect_s),
            ("takeover_s_most", must.takeover_s_most, ondol.takeover_s),
            ("first_edge_offer_s_most", must.first_edge_offer_s_most, ondol.first_edge_offer_s),
            ("heal_s_most", must.heal_s_most, ondol.heal_s),
            ("takeovers_most", must.takeovers_most.map(|most| most as f64), Some(ondol.takeovers as f64)),
            (
                "duplicate_dispatches_most",
                must.duplicate_dispatches_most.map(|most| most as f64),
                Some(ondol.duplicate_dispatches as f64),
            ),
            ("told_p95_s_most", must.told_p95_s_most, ondol.in_outage.told_p95_s),
            ("wait_p95_s_most", must.wait_p95_s_most, ondol.in_outage.wait_p95_s),
            (
                "trips_back_p95_s_most",
                must.trips_back_p95_s_most,
                ondol.disks_lost.and_then(|lost| lost.trips_back_p95_s),
            ),
            (
                "dead_runs_per_served_most",
                must.dead_runs_per_served_most,
                ratio(Some(ondol.dead_runs as f64), ondol.bookings.map(|bookings| bookings.served as f64)),
            ),
            (
                "medical_wait_p50_against_others_most",
                must.medical_wait_p50_against_others_most,
                ratio(ondol.in_outage.medical_wait_p50_s, ondol.in_outage.wait_p50_s),
            ),
        ];
        for (what, bound, seen) in optional {
            if let Some(bound) = bound {
                most(what, bound, seen);
            }
        }
        if let Some(lost) = &ondol.disks_lost {
            most(
                "false capsules accepted",
                0.0,
                Some(lost.phones.lies().map(|lies| lies.accepted as f64).sum()),
            );
            most("charged again", 0.0, Some(lost.charged_again as f64));
        }
        checks.push(at_least("served_ratio_least", must.served_ratio_least, ondol.in_outage.ratio));
        let whole = [
            ("served_share_least", must.served_share_least, ondol.in_outage.share()),
            ("after_ratio_least", must.after_ratio_least, ondol.after.ratio),
            ("known_at_edge_least", must.known_at_edge_least, ondol.known_at_edge),
            (
                "charged_least",
                must.charged_least,
                ratio(
                    Some(ondol.in_outage.by_card_charged as f64),
                    Some(ondol.in_outage.by_card_served as f64),
                ),
            ),
        ];
        let lost = ondol.disks_lost.as_ref();
        let of_lost = [
            (
                "trips_online_least",
                must.trips_online_least.map(|least| least as f64),
                lost.map(|lost| lost.phones.online as f64),
            ),
            (
                "trips_back_least",
                must.trips_back_least,
                lost.and_then(|l| ratio(Some(l.phones.back as f64), Some(l.phones.online as f64))),
            ),
            (
                "lies_of_each_kind_least",
                must.lies_of_each_kind_least.map(|least| least as f64),
                lost.and_then(|lost| lost.phones.lies().map(|lies| lies.refused as f64).reduce(f64::min)),
            ),
        ];
        for (what, bound, seen) in whole.into_iter().chain(of_lost) {
            if let Some(bound) = bound {
                checks.push(at_least(what, bound, seen));
            }
        }
        if let Some(bound) = must.above_chat_group_least {
            let above = ondol.in_outage.ratio.zip(self.chat_group.in_outage.ratio).map(|(a, b)| a - b);
            checks.push(at_least("above_chat_group_least", bound, above));
        }
        self.must = checks;
    }
}

fn at_most(what: &str, bound: f64, seen: Option<f64>) -> Check {
    Check { what: what.to_owned(), is: "at most", bound, seen, met: seen.is_some_and(|seen| seen <= bound) }
}

fn at_least(what: &str, bound: f64, seen: Option<f64>) -> Check {
    Check { what: what.to_owned(), is: "at least", bound, seen, met: seen.is_some_and(|seen| seen >= bound) }
}

/// How often the second goes into the first.
pub(super) fn ratio(part: Option<f64>, whole: Option<f64>) -> Option<f64> {
    part.zip(whole).and_then(|(part, whole)| (whole > 0.0).then(|| part / whole))
}

/// The smallest value with at least so many of 100 at or below it, in seconds.
#[allow(clippy::cast_precision_loss, reason = "waits of hours")]
pub(super) fn quantile_s(values: Vec<Ms>, per_cent: usize) -> Option<f64> {
    quantile(values, per_cent).map(|ms| ms as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_in_seconds() {
        assert_eq!(quantile_s(vec![3_000, 1_000, 2_000], 50), Some(2.0));
        assert_eq!(quantile_s(Vec::new(), 50), None);
    }

    #[test]
    fn what_did_not_happen_meets_no_bound() {
        assert!(!at_most("first_edge_offer_s_most", 25.0, None).met);
        assert!(at_most("first_edge_offer_s_most", 25.0, Some(25.0)).met);
        assert!(!at_least("served_ratio_least", 0.9, Some(0.89)).met);
    }
}
