//! What runs add up to, as the JSON that checks read.

use std::collections::BTreeMap;

use ondol_core::booking::Door;
use serde::{Deserialize, Serialize};

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The seed that shows it.
    pub seed: u64,
    /// The checker that saw it, such as `I1`.
    pub checker: String,
    /// When, in simulated seconds.
    pub at_s: u64,
    /// What it saw.
    pub what: String,
    /// The command that shows it again.
    pub replay: String,
    /// The faults without which it does not happen, as far as leaving single ones out can tell.
    pub faults: Vec<String>,
    /// The last events before it.
    pub events: Vec<String>,
}

/// What became of bookings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bookings {
    /// Riders asked for a taxi.
    pub made: u64,
    /// A node acknowledged it.
    pub acknowledged: u64,
    /// The trip was made.
    pub served: u64,
    /// Ended by somebody before boarding.
    pub cancelled: u64,
    /// Refused by a node.
    pub refused: u64,
    /// Still open at the end.
    pub open: u64,
    /// Acknowledged and known to nobody at the end.
    pub lost: u64,
}

/// The bookings of one door.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DoorCount {
    /// Made.
    pub made: u64,
    /// Served.
    pub served: u64,
    /// Made while central was away.
    pub made_degraded: u64,
    /// Of these, served.
    pub served_degraded: u64,
}

/// Bookings made while central was away.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Degraded {
    /// Made.
    pub made: u64,
    /// Served.
    pub served: u64,
    /// Not computed here: it takes a second run without the outage.
    pub expected: Option<f64>,
    /// Not computed here.
    pub ratio: Option<f64>,
}

/// Trips on drivers' phones when every node lost its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Phones {
    /// Booked trips in the slots of phones at that moment.
    pub held: u64,
    /// Of these, those under way on a phone that reached a node when nodes had started again, and not over before that
    /// phone can have been attached.
    #[serde(default)]
    pub online: u64,
    /// Of these, back in a journal.
    #[serde(default)]
    pub back: u64,
    /// Of all that were held, still there when the phone was attached, be it later: the others had ended by then.
    pub brought: u64,
    /// Of those that were brought, back in a journal.
    pub restored: u64,
    /// Capsules that no node has made.
    #[serde(default)]
    pub forged: Lies,
    /// Capsules of another phone.
    #[serde(default)]
    pub foreign: Lies,
    /// Capsules of trips that the phone has ended, where the node knows a later one.
    #[serde(default)]
    pub outdated: Lies,
}

/// False capsules that phones brought, and how they were answered. A node that stops has answered neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lies {
    /// Brought.
    pub told: u64,
    /// Refused.
    pub refused: u64,
    /// Taken for true: must never be.
    pub accepted: u64,
}

impl Phones {
    /// What false capsules came to, by kind.
    pub(crate) fn lies(&self) -> impl Iterator<Item = Lies> {
        [self.forged, self.foreign, self.outdated].into_iter()
    }

    fn add(&mut self, run: Self) {
        for (sum, part) in [
            (&mut self.held, run.held),
            (&mut self.online, run.online),
            (&mut self.back, run.back),
            (&mut self.brought, run.brought),
            (&mut self.restored, run.restored),
        ] {
            *sum += part;
        }
        let own = [&mut self.forged, &mut self.foreign, &mut self.outdated];
        for (sum, part) in own.into_iter().zip([run.forged, run.foreign, run.outdated]) {
            sum.told += part.told;
            sum.refused += part.refused;
            sum.accepted += part.accepted;
        }
    }
}

/// What came of drivers who reach an edge alone while central dispatches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Relayed {
    /// Questions.
    pub asked: u64,
    /// Rides that came of them.
    pub served: u64,
}

/// The result of one or many runs.
///
/// Fields that only a real city has (`detect_s` and the like) are null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// `ondol-outage/1`.
    pub schema: String,
    /// `faults`: there is no map.
    pub map: String,
    /// The first seed.
    pub seed: u64,
    /// Runs.
    pub seeds: u64,
    /// Districts in each run.
    pub districts: u64,
    /// Shifts over all runs.
    pub shifts: u64,
    /// Simulated seconds over all runs.
    pub duration_s: u64,
    /// Bookings over all runs.
    pub bookings: Bookings,
    /// The same by door.
    pub by_door: BTreeMap<String, DoorCount>,
    /// Bookings made while central was away.
    pub degraded: Degraded,
    /// Drivers with two active assignments.
    pub drivers_doubled: u64,
    /// Bookings for which two shifts were bound at the same time: allowed in a split, and counted.
    pub duplicate_dispatches: u64,
    /// Bookings charged twice.
    pub double_charges: u64,
    /// Boarded trips that a machine ended.
    pub boarded_reassigned: u64,
    /// Null here.
    pub detect_s: Option<f64>,
    /// Null here.
    pub takeover_s: Option<f64>,
    /// Null here.
    pub first_edge_offer_s: Option<f64>,
    /// Null here.
    pub drivers_attached_p95_s: Option<f64>,
    /// Longest time from the end of all faults until everything had converged.
    pub heal_s: Option<f64>,
    /// In every run all views were equal in the end.
    pub journals_converged: bool,
    /// Entries that a node received from another.
    pub entries_exchanged: u64,
    /// Takeovers by an edge.
    pub takeovers: u64,
    /// Steps of loans between edges, by kind of entry.
    #[serde(default)]
    pub loans: BTreeMap<String, u64>,
    /// How often a driver was asked home by an edge that is cut off.
    #[serde(default)]
    pub asked_home: u64,
    /// Drivers with the app whom an edge asked for central, because they reach the edge alone.
    #[serde(default)]
    pub relayed: Relayed,
    /// Conflicts found at the end, by kind.
    pub conflicts: BTreeMap<String, u64>,
    /// Trips on drivers' phones when every node lost its disk.
    #[serde(default)]
    pub phones: Phones,
    /// How large a run is: nodes, devices (phones with and without the app), bookings and faults, on average.
    #[serde(default)]
    pub means: BTreeMap<String, f64>,
    /// Events carried out.
    pub ops: u64,
    /// Faults by kind.
    pub faults: BTreeMap<String, u64>,
    /// Digest of all that happened: the same seeds give the same.
    pub state_hash: String,
    /// Broken promises, at most [`Report::VIOLATIONS_MAX`].
    pub violations: Vec<Violation>,
}

impl Report {
    /// Most violations that are kept; later ones are only counted by the runs that failed.
    pub const VIOLATIONS_MAX: usize = 20;

    /// Returns a report of no runs, with every door listed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            schema: "ondol-outage/1".into(),
            map: "faults".into(),
            seed,
            seeds: 0,
            districts: 2,
            shifts: 0,
            duration_s: 0,
            bookings: Bookings::default(),
            by_door: Door::ALL.iter().map(|door| (door.as_str().to_owned(), DoorCount::default())).collect(),
            degraded: Degraded::default(),
            drivers_doubled: 0,
            duplicate_dispatches: 0,
            double_charges: 0,
            boarded_reassigned: 0,
            detect_s: None,
            takeover_s: None,
            first_edge_offer_s: None,
            drivers_attached_p95_s: None,
            heal_s: None,
            journals_converged: true,
            entries_exchanged: 0,
            takeovers: 0,
            loans: BTreeMap::new(),
            asked_home: 0,
            relayed: Relayed::default(),
            conflicts: BTreeMap::new(),
            phones: Phones::default(),
            means: BTreeMap::new(),
            ops: 0,
            faults: BTreeMap::new(),
            state_hash: String::new(),
            violations: Vec::new(),
        }
    }

    /// Of single runs, whose sum is divided by their number.
    pub(super) fn note_means(&mut self) {
        #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let mean = |sum: u64| sum as f64 / self.seeds.max(1) as f64;
        let faults = self.faults.values().sum();
        let nodes = super::model::Town::small().nodes().len() as u64 * self.seeds;
        let sums = [
            ("nodes", nodes),
            ("devices", self.shifts),
            ("bookings", self.bookings.made),
            ("faults", faults),
        ];
        self.means = sums.into_iter().map(|(what, sum)| (what.to_owned(), mean(sum))).collect();
    }

    /// Adds a later run. Hashes are chained, so the order of seeds matters.
    pub fn add(&mut self, run: Self) {
        let Self { bookings: theirs, .. } = &run;
        let ours = &mut self.bookings;
        for (sum, part) in [
            (&mut ours.made, theirs.made),
            (&mut ours.acknowledged, theirs.acknowledged),
            (&mut ours.served, theirs.served),
            (&mut ours.cancelled, theirs.cancelled),
            (&mut ours.refused, theirs.refused),
            (&mut ours.open, theirs.open),
            (&mut ours.lost, theirs.lost),
            (&mut self.seeds, run.seeds),
            (&mut self.shifts, run.shifts),
            (&mut self.duration_s, run.duration_s),
            (&mut self.degraded.made, run.degraded.made),
            (&mut self.degraded.served, run.degraded.served),
            (&mut self.drivers_doubled, run.drivers_doubled),
            (&mut self.duplicate_dispatches, run.duplicate_dispatches),
            (&mut self.double_charges, run.double_charges),
            (&mut self.boarded_reassigned, run.boarded_reassigned),
            (&mut self.entries_exchanged, run.entries_exchanged),
            (&mut self.takeovers, run.takeovers),
            (&mut self.asked_home, run.asked_home),
            (&mut self.relayed.asked, run.relayed.asked),
            (&mut self.relayed.served, run.relayed.served),
            (&mut self.ops, run.ops),
        ] {
            *sum += part;
        }
        self.phones.add(run.phones);
        for (door, count) in run.by_door {
            let sum = self.by_door.entry(door).or_default();
            sum.made += count.made;
            sum.served += count.served;
            sum.made_degraded += count.made_degraded;
            sum.served_degraded += count.served_degraded;
        }
        for (kind, count) in run.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        for (step, count) in run.loans {
            *self.loans.entry(step).or_default() += count;
        }
        for (kind, count) in run.conflicts {
            *self.conflicts.entry(kind).or_default() += count;
        }
        self.note_means();
        self.heal_s = [self.heal_s, run.heal_s].into_iter().flatten().reduce(f64::max);
        self.journals_converged &= run.journals_converged;
        self.state_hash = super::run::chain(&self.state_hash, &run.state_hash);
        let room = Self::VIOLATIONS_MAX.saturating_sub(self.violations.len());
        self.violations.extend(run.violations.into_iter().take(room));
    }
}
