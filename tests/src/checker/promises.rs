//! One small check per promise.

use std::collections::{BTreeMap, BTreeSet};

use ondol_core::board::Board;
use ondol_core::booking::{BookingRecord, Cancel, Party, Status};
use ondol_core::fact::{Fact, Release, Step};
use ondol_core::ids::{AssignmentId, BookingId, DistrictId, NodeId};
use ondol_core::journal::Entry;
use ondol_core::units::UtcMs;

use super::evidence::{Away, Evidence, Harm};
use super::story::{Fate, Story};
use crate::city::record::DriverNote;
use crate::twice::{span, taxis_at_once};

/// Two bonds that touch for less than this overlap by the roundings of clocks only.
const TOUCH_MS: i64 = 0;
/// A moment further from its stamp was written by a clock that had jumped, or told late.
const STAMP_OFF_MS: i64 = 60_000;

/// Says which drivers had two active assignments at once (I1): by what their own devices and phones wrote down, and
/// by what the journals say of bookings that no node with a wrong clock wrote of.
#[must_use]
pub fn doubled(evidence: &Evidence, union: &Board) -> Vec<String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut held: BTreeMap<&str, AssignmentId> = BTreeMap::new();
    let mut over: BTreeSet<&AssignmentId> = BTreeSet::new();
    let mut texted: BTreeMap<&str, &str> = BTreeMap::new();
    for line in &evidence.drivers {
        let driver = line.driver.as_str();
        match &line.note {
            DriverNote::Over { assignment, .. } => {
                over.insert(assignment);
            }
            DriverNote::Slot { slot } => {
                let current = slot.current.as_ref().map(|held| held.assignment.clone());
                let next = slot.next.as_ref().map(|held| &held.assignment);
                if let Some(before) = held.remove(driver)
                    && current.as_ref() != Some(&before)
                    && next != Some(&before)
                    && !over.contains(&before)
                    && let Some(current) = &current
                {
                    let what = format!("driver {driver} took {current} while {before} was not over");
                    found.entry(driver.to_owned()).or_insert(what);
                }
                if let Some(current) = current {
                    held.insert(driver, current);
                }
            }
            DriverNote::TextTaken { code } => {
                if let Some(before) = texted.insert(driver, code) {
                    let what =
                        format!("driver {driver} was given {code} by text while {before} was not over");
                    found.entry(driver.to_owned()).or_insert(what);
                }
            }
            DriverNote::TextOver { .. } => {
                texted.remove(driver);
            }
            DriverNote::OnDuty { .. }
            | DriverNote::Attached { .. }
            | DriverNote::Central { .. }
            | DriverNote::Holder { .. }
            | DriverNote::Offered { .. }
            | DriverNote::Hailed { .. }
            | DriverNote::OffDuty { .. } => {}
        }
    }
    for (driver, what) in doubled_in_journals(union, &untimed(evidence)) {
        found.entry(driver).or_insert(what);
    }
    found.into_values().collect()
}

/// Bookings of which a node wrote since its clock jumped: their times do not tell what came first. A clock that went back leaves the
/// stamps where they were before the jump, far from the moments that are written under them.
fn untimed(evidence: &Evidence) -> BTreeSet<String> {
    let wrong: Vec<&Harm> = evidence.harms.iter().filter(|harm| harm.is_clock_wrong).collect();
    let is_wrong = |entry: &Entry| {
        let of_writer = |harm: &&Harm| harm.nodes.iter().any(|node| node == entry.series.origin.as_str());
        let is_since = |harm: &Harm| entry.hlc.wall_ms >= harm.time.from.0 || says_another_moment(entry);
        wrong.iter().any(|harm| of_writer(harm) && is_since(harm))
    };
    all_entries(evidence).into_iter().filter(|entry| is_wrong(entry)).map(|entry| entry.key.clone()).collect()
}

/// True if the moment in an entry is more than [`STAMP_OFF_MS`] from its stamp. One that cannot be read excuses nothing.
fn says_another_moment(entry: &Entry) -> bool {
    let Ok(said) = serde_json::from_str::<serde_json::Value>(&entry.payload) else { return false };
    let at = said.get("at").and_then(serde_json::Value::as_i64);
    at.is_some_and(|at| (entry.hlc.wall_ms - at).abs() > STAMP_OFF_MS)
}

fn doubled_in_journals(union: &Board, untimed: &BTreeSet<String>) -> Vec<(String, String)> {
    let mut bonds: BTreeMap<String, Vec<(UtcMs, UtcMs, &AssignmentId)>> = BTreeMap::new();
    for (_, district) in union.districts() {
        for record in district.bookings.values().filter(|record| !untimed.contains(&record.id.to_string())) {
            for (id, bond) in &record.assignments {
                let Some((from, until)) = span(bond) else { continue };
                let start = district.shifts.get(&bond.shift).and_then(|shift| shift.start.as_ref());
                let driver = start.map_or_else(|| bond.shift.to_string(), |start| start.driver.to_string());
                bonds.entry(driver).or_default().push((from, until, id));
            }
        }
    }
    let mut found = Vec::new();
    for (driver, mut spans) in bonds {
        spans.sort_unstable();
        let overlap = spans.windows(2).find(|pair| pair[0].1.since_ms(pair[1].0) > TOUCH_MS);
        if let Some([first, second]) = overlap {
            let what = format!("driver {driver} held {} and {} at once, by the journals", first.2, second.2);
            found.push((driver, what));
        }
    }
    found
}

/// Bookings to which two taxis were bound at the same time.
#[must_use]
pub fn duplicate_dispatches(union: &Board) -> Vec<BookingId> {
    let records = union.districts().flat_map(|(_, district)| district.bookings.values());
    let doubled = records.filter(|record| taxis_at_once([*record]));
    doubled.map(|record| record.id).collect()
}

/// Every entry that any store holds, once.
#[must_use]
pub fn all_entries(evidence: &Evidence) -> Vec<&Entry> {
    let mut seen = BTreeSet::new();
    let entries = evidence.stores.values().flat_map(|store| &store.entries);
    entries.filter(|entry| seen.insert((&entry.series, entry.seq))).collect()
}

/// Charges beyond the first one of a booking (I3).
#[must_use]
pub fn double_charges(entries: &[&Entry]) -> Vec<String> {
    let mut charges: BTreeMap<BookingId, usize> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.kind == "charged") {
        if let Ok(Some(Fact::Charged { booking, .. })) = Fact::read(entry) {
            *charges.entry(booking).or_default() += 1;
        }
    }
    let twice = charges.into_iter().filter(|(_, times)| *times > 1);
    twice
        .flat_map(|(booking, times)| (1..times).map(move |_| format!("booking {booking} was charged again")))
        .collect()
}

/// Boarded trips that a machine ended or gave to another taxi (I5).
///
/// By devices: a slot that held a boarded trip let it go without its end. By journals: a bond was released after
/// boarding by anybody but its driver, or a node asked another taxi although it knew that the rider had boarded:
/// because it had written that itself, or because it holds the entry and no cut can explain that it came more than
/// `late_ms` after it was written.
#[must_use]
pub fn boarded_reassigned(evidence: &Evidence, entries: &[&Entry], late_ms: i64) -> Vec<String> {
    let mut found = Vec::new();
    let mut boarded: BTreeSet<AssignmentId> = BTreeSet::new();
    for line in &evidence.drivers {
        match &line.note {
            DriverNote::Slot { slot } => {
                let held = slot.current.iter().filter(|held| held.boarded);
                boarded.extend(held.map(|held| held.assignment.clone()));
            }
            DriverNote::Over { assignment, how, .. } if how != "done" && boarded.contains(assignment) => {
                found.push(format!("device of {}: {assignment} ended {how} after boarding", line.driver));
            }
            _ => {}
        }
    }
    let mut aboard: BTreeMap<BookingId, Vec<Boarding<'_>>> = BTreeMap::new();
    for entry in entries {
        if let Ok(Some(Fact::Stepped { booking, assignment, what: Step::Boarded { .. }, .. })) =
            Fact::read(entry)
        {
            let (by, at) = (&entry.series.origin, UtcMs(entry.hlc.wall_ms));
            aboard.entry(booking).or_default().push(Boarding { entry, assignment, by, at });
        }
    }
    for entry in entries {
        let node = &entry.series.origin;
        match Fact::read(entry) {
            Ok(Some(Fact::Offered { booking, assignment, .. })) => {
                let known = aboard.get(&booking).into_iter().flatten().find(|boarding| {
                    boarding.assignment != assignment && boarding.is_known_to(evidence, entry, late_ms)
                });
                if let Some(Boarding { assignment: first, .. }) = known {
                    found.push(format!("{node} asked for {booking} again after {first} had boarded"));
                }
            }
            Ok(Some(Fact::Stepped { booking, assignment, what: Step::Released { reason }, .. }))
                if reason != Release::GivenBack =>
            {
                let known = aboard.get(&booking).into_iter().flatten().any(|boarding| {
                    boarding.assignment == assignment && boarding.is_known_to(evidence, entry, late_ms)
                });
                if known {
                    found.push(format!("{node} released {assignment} ({reason:?}) after it had boarded"));
                }
            }
            _ => {}
        }
    }
    found
}

/// A rider got into a taxi, as a node wrote it down.
struct Boarding<'a> {
    entry: &'a Entry,
    assignment: AssignmentId,
    by: &'a NodeId,
    at: UtcMs,
}

impl Boarding<'_> {
    /// True if the writer of `later` knew of it when it wrote that.
    fn is_known_to(&self, evidence: &Evidence, later: &Entry, late_ms: i64) -> bool {
        let node = &later.series.origin;
        if later.hlc < self.entry.hlc {
            return false;
        }
        if node == self.by {
            return true;
        }
        let Some(store) = evidence.stores.get(node) else { return false };
        let at = UtcMs(later.hlc.wall_ms);
        let explains = |away: &Away| {
            self.at < away.until.unwrap_or(UtcMs(i64::MAX))
                && at.0 > away.from.0 - late_ms
                && at.0 < away.until.map_or(i64::MAX, |until| until.0.saturating_add(late_ms))
        };
        let concerns =
            |harm: &&Harm| harm.nodes.iter().any(|name| [node.as_str(), self.by.as_str()].contains(&&**name));
        let cut = evidence.away.iter().any(explains)
            || evidence.harms.iter().filter(concerns).any(|harm| explains(&harm.time));
        store.board.head(&self.entry.series).seq >= self.entry.seq && at.since_ms(self.at) > late_ms && !cut
    }
}

/// Bookings that a rule of ours ended although a taxi was on its way.
#[must_use]
pub fn ended_under_way(stories: &[Story], central: Option<&Board>) -> Vec<String> {
    let ended = stories.iter().filter_map(|story| {
        let (record, cancel) = ended_by_system(story, central)?;
        let under_way = record.assignments.iter().find(|(_, bond)| {
            let is_over = bond.released.is_some_and(|(at, _)| at < cancel.at) || bond.over_at().is_some();
            bond.assigned_at.is_some_and(|at| at <= cancel.at) && !is_over
        });
        let (assignment, _) = under_way?;
        Some(format!(
            "wish {}: {} was ended ({:?}) by a rule although {assignment} was on its way",
            story.wish, record.id, cancel.reason
        ))
    });
    ended.collect()
}

/// The end that a rule of ours gave to a booking that was acknowledged, if it was one.
#[must_use]
pub fn ended_by_system<'a>(
    story: &Story,
    central: Option<&'a Board>,
) -> Option<(&'a BookingRecord, &'a Cancel)> {
    let (_, record) = central?.booking(story.booking.filter(|_| story.is_acknowledged)?)?;
    let cancel = record.cancel.as_ref().filter(|cancel| cancel.by == Party::System)?;
    (record.status() == Status::Cancelled).then_some((record, cancel))
}

/// What clients lived through and the stores do not tell (I2).
#[must_use]
pub fn lost(stories: &[Story], central: Option<&Board>) -> Vec<String> {
    let mut found = Vec::new();
    for story in stories {
        let booking = story.booking.map_or_else(|| "a booking".to_owned(), |booking| booking.to_string());
        let door = story.door.as_str();
        let record = story.booking.and_then(|booking| central?.booking(booking));
        let status = record.map(|(_, record)| record.status());
        match story.fate(central) {
            Fate::Lost => {
                found.push(format!("wish {} ({door}): {booking} was acknowledged and is lost", story.wish));
            }
            Fate::Served if !matches!(status, Some(Status::Boarded | Status::Done)) => {
                found.push(format!(
                    "wish {} ({door}): the rider of {booking} rode, and central does not know",
                    story.wish
                ));
            }
            Fate::Served | Fate::Cancelled | Fate::Refused | Fate::Unanswered | Fate::Open => {}
        }
    }
    found
}

/// What stores tell differently of a district in the end (I4).
#[must_use]
pub fn diverged(evidence: &Evidence) -> Vec<String> {
    let mut found = Vec::new();
    for (node, store) in &evidence.stores {
        found.extend(store.troubles.iter().map(|trouble| format!("{node}: {trouble}")));
    }
    let Some(central) = evidence.central() else {
        found.push("central's journal is not among the evidence".to_owned());
        return found;
    };
    let edges = || evidence.stores.iter().filter(|(node, _)| node.as_str() != "central");
    let told: BTreeSet<_> = edges().flat_map(|(_, store)| store.districts()).collect();
    let untold: Vec<_> = central.districts().filter(|district| !told.contains(district)).collect();
    for (node, store) in edges() {
        // An edge follows its own district and what concerns the whole platform.
        if store.districts().all(|district| *district == DistrictId::all())
            && let Some(untold) = untold.first()
        {
            found.push(format!("{node} holds nothing, and central tells of district {untold}"));
        }
        for district in store.districts() {
            if store.board.state_hash(district) != central.board.state_hash(district) {
                found.push(format!("{node} and central tell different things of district {district}"));
            }
            let mut series: BTreeSet<_> = store.board.heads().0.keys().collect();
            series.extend(central.board.heads().0.keys());
            for series in series.into_iter().filter(|series| series.district == *district) {
                let (here, there) = (store.board.head(series), central.board.head(series));
                if here != there {
                    found.push(format!(
                        "{series}: {node} holds {} entries and central {}",
                        here.seq, there.seq
                    ));
                }
            }
        }
    }
    found
}
