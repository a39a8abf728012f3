//! How work, waiting and takings were shared between drivers and fleets: what a city asks of whoever dispatches.
//!
//! Read off the facts that dispatch itself wrote, so that an auditor with a copy of the journal comes to the same figures.
//!
//! ```text
//! on duty ├─ break ─┤├─ idle ─┤├─ to the pickup ─┤├─ with the rider ─┤├─ idle ─┤
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::board::{Board, DistrictBoard};
use crate::booking::AssignmentRecord;
use crate::fact::{Fact, Release};
use crate::ids::{DriverId, FleetId, ShiftId};
use crate::shift::{Duty, ShiftRecord};
use crate::units::UtcMs;

/// From the first moment on, before the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first moment that counts.
    pub from: UtcMs,
    /// The first that does not.
    pub to: UtcMs,
}

impl Span {
    fn holds(self, at: UtcMs) -> bool {
        self.from <= at && at < self.to
    }

    /// Seconds of the time between two moments that lie in the span.
    fn seconds(self, begin: UtcMs, end: UtcMs) -> u64 {
        let ms = end.min(self.to).since_ms(begin.max(self.from));
        u64::try_from(ms).unwrap_or(0) / 1_000
    }
}

/// Every change of duty, gathered while the journal is read: a board keeps the last one of a shift only.
#[derive(Debug, Clone, Default)]
pub struct Duties(BTreeMap<ShiftId, BTreeMap<u64, (Duty, UtcMs)>>);

impl Duties {
    /// Keeps the change if the fact is one.
    pub fn note(&mut self, fact: &Fact) {
        if let Fact::DutyChanged { shift, number, duty, at } = fact {
            self.0.entry(*shift).or_default().insert(*number, (*duty, *at));
        }
    }

    /// Seconds in which the driver was ready for bookings or had one. Breaks do not count.
    fn available_s(&self, shift: &ShiftRecord, span: Span) -> u64 {
        let Some(start) = &shift.start else { return 0 };
        let mut available_s = 0;
        let mut since = Some(start.at);
        for (duty, at) in self.0.get(&shift.id).into_iter().flat_map(BTreeMap::values) {
            if let Some(since) = since {
                available_s += span.seconds(since, *at);
            }
            since = (*duty == Duty::Available).then_some(*at);
            if *duty == Duty::Ended {
                break;
            }
        }
        available_s + since.map_or(0, |since| span.seconds(since, span.to))
    }
}

/// What one driver, or all of a fleet, had of the span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Share {
    /// Seconds on duty without breaks.
    pub available_s: u64,
    /// Of these, on the way to riders.
    pub to_pickup_s: u64,
    /// Of these, with riders.
    pub with_rider_s: u64,
    /// The rest of them.
    pub idle_s: u64,
    /// Questions that were put to them.
    pub asked: u64,
    /// Of these, answered with yes.
    pub taken: u64,
    /// Of these, answered with no.
    pub declined: u64,
    /// Of these, not answered in time. Whether they arrived nobody knows: never held against a driver.
    pub unanswered: u64,
    /// Times that one of theirs was the nearest of all who came into question.
    pub nearest: u64,
    /// Of these, times that somebody else was asked all the same, and they were asked nothing at that moment.
    pub passed_over: u64,
    /// Trips that ended, those from the street included.
    pub rides: u64,
    /// What was taken for them, as drivers told it.
    pub takings: i64,
}

impl Share {
    fn add(&mut self, other: &Self) {
        self.available_s += other.available_s;
        self.to_pickup_s += other.to_pickup_s;
        self.with_rider_s += other.with_rider_s;
        self.idle_s += other.idle_s;
        self.asked += other.asked;
        self.taken += other.taken;
        self.declined += other.declined;
        self.unanswered += other.unanswered;
        self.nearest += other.nearest;
        self.passed_over += other.passed_over;
        self.rides += other.rides;
        self.takings += other.takings;
    }

    /// Takings in an hour on duty; none for whoever was on duty for less than an hour.
    #[must_use]
    pub fn takings_per_h(&self) -> Option<i64> {
        let available_s = i64::try_from(self.available_s).ok().filter(|s| *s >= 3_600)?;
        Some(self.takings.saturating_mul(3_600) / available_s)
    }

    /// The part of the time on duty that was idle.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "seconds of a fleet's year fit exactly")]
    pub fn idle_share(&self) -> Option<f64> {
        (self.available_s > 0).then(|| self.idle_s as f64 / self.available_s as f64)
    }
}

/// One driver in one fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DriverShare {
    /// The driver.
    pub driver: DriverId,
    /// The fleet for which the driver drove.
    pub fleet: FleetId,
    /// What the driver had.
    #[serde(flatten)]
    pub share: Share,
}

/// One fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FleetShare {
    /// The fleet.
    pub fleet: FleetId,
    /// Its drivers who were on duty.
    pub drivers: usize,
    /// What they had together.
    #[serde(flatten)]
    pub share: Share,
}

/// How a span was shared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fairness {
    /// Begin, in milliseconds since 1970 as all moments of the journal.
    pub from: UtcMs,
    /// End, at the latest the newest moment that the journal knows.
    pub to: UtcMs,
    /// By fleet, in the order of names.
    pub fleets: Vec<FleetShare>,
    /// By driver, in the order of names.
    pub drivers: Vec<DriverShare>,
    /// Questions by the rule that chose the shift.
    pub rules: BTreeMap<String, u64>,
    /// Gini coefficient of takings per hour of those on duty for an hour or more: 0 if all earned alike, towards 1 if one
    /// earned all; none if nobody earned anything.
    pub gini_takings: Option<f64>,
}

/// Reads a span off the board. It ends with what the board knows: what has not happened is nobody's idle time.
#[must_use]
pub fn fairness(board: &Board, duties: &Duties, span: Span) -> Fairness {
    let newest = board.stamps().map(|(_, stamp)| UtcMs(stamp.wall_ms).plus_ms(1)).max();
    let span = Span { to: newest.map_or(span.to, |newest| span.to.min(newest)), ..span };
    let mut shares: BTreeMap<(FleetId, DriverId), Share> = BTreeMap::new();
    let mut rules: BTreeMap<String, u64> = BTreeMap::new();
    for (_, district) in board.districts() {
        for shift in district.shifts.values() {
            if let Some(share) = share_of(&mut shares, district, shift.id) {
                share.available_s += duties.available_s(shift, span);
            }
        }
        let bonds = || district.bookings.values().flat_map(|record| record.assignments.values());
        let asked: Asked =
            bonds().filter_map(|bond| bond.offered.as_ref().map(|(_, at, _)| (bond.shift, *at))).collect();
        for bond in bonds() {
            note_question(&mut shares, &mut rules, district, &asked, bond, span);
            if let Some(share) = share_of(&mut shares, district, bond.shift) {
                note_trip(share, bond, span);
            }
        }
    }
    // Who was neither on duty nor asked in the span is of another day.
    shares.retain(|_, share| *share != Share::default());
    for share in shares.values_mut() {
        share.idle_s = share.available_s.saturating_sub(share.to_pickup_s + share.with_rider_s);
    }
    let hourly = shares.values().filter_map(|share| u64::try_from(share.takings_per_h()?).ok()).collect();
    Fairness {
        from: span.from,
        to: span.to,
        fleets: by_fleet(&shares),
        drivers: shares
            .into_iter()
            .map(|((fleet, driver), share)| DriverShare { driver, fleet, share })
            .collect(),
        rules,
        gini_takings: gini(hourly),
    }
}

fn share_of<'a>(
    shares: &'a mut BTreeMap<(FleetId, DriverId), Share>,
    district: &DistrictBoard,
    shift: ShiftId,
) -> Option<&'a mut Share> {
    let start = district.shifts.get(&shift)?.start.as_ref()?;
    Some(shares.entry((start.fleet.clone(), start.driver)).or_default())
}

/// Which shift was asked when. What one plan asks, it asks at one moment.
type Asked = BTreeSet<(ShiftId, UtcMs)>;

/// Counts a question, for the shift that was asked and for the one that was nearest. That one is not passed over if it was
/// given another booking at the same moment.
fn note_question(
    shares: &mut BTreeMap<(FleetId, DriverId), Share>,
    rules: &mut BTreeMap<String, u64>,
    district: &DistrictBoard,
    asked: &Asked,
    bond: &AssignmentRecord,
    span: Span,
) {
    let Some((eta_s, at, why)) = bond.offered.as_ref().filter(|(_, at, _)| span.holds(*at)) else { return };
    *rules.entry(why.rule.clone()).or_default() += 1;
    if let Some(share) = share_of(shares, district, bond.shift) {
        share.asked += 1;
        share.taken += u64::from(bond.assigned_at.is_some());
        match bond.released.map(|(_, why)| why).filter(|_| bond.assigned_at.is_none()) {
            Some(Release::Declined) => share.declined += 1,
            Some(Release::Lapsed) => share.unanswered += 1,
            _ => {}
        }
    }
    let nearer = why.others.iter().filter(|(_, other_s)| other_s < eta_s).min_by_key(|(_, other_s)| *other_s);
    let nearest = nearer.map_or(bond.shift, |(shift, _)| *shift);
    if let Some(share) = share_of(shares, district, nearest) {
        share.nearest += 1;
        share.passed_over += u64::from(nearest != bond.shift && !asked.contains(&(nearest, *at)));
    }
}

fn note_trip(share: &mut Share, bond: &AssignmentRecord, span: Span) {
    let over = bond.over_at();
    let released = bond.released.map(|(at, _)| at);
    let boarded = bond.boarded.map(|(at, _)| at);
    if let Some(assigned) = bond.assigned_at {
        share.to_pickup_s += span.seconds(assigned, boarded.or(over).or(released).unwrap_or(span.to));
    }
    if let Some(boarded) = boarded {
        share.with_rider_s += span.seconds(boarded, over.unwrap_or(span.to));
    }
    if over.is_some_and(|over| span.holds(over)) {
        share.rides += 1;
        share.takings += bond.fare().map_or(0, |fare| fare.amount.0);
    }
}

fn by_fleet(shares: &BTreeMap<(FleetId, DriverId), Share>) -> Vec<FleetShare> {
    let fleets: BTreeSet<&FleetId> = shares.keys().map(|(fleet, _)| fleet).collect();
    let of = |fleet: &FleetId| {
        let mut whole = FleetShare { fleet: fleet.clone(), drivers: 0, share: Share::default() };
        for (_, share) in shares.iter().filter(|((of, _), _)| of == fleet) {
            whole.drivers += 1;
            whole.share.add(share);
        }
        whole
    };
    fleets.into_iter().map(of).collect()
}

/// Returns the Gini coefficient: 0 if all values are alike, towards 1 if one is all there is; none if all are zero.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "seconds, won of an hour and numbers of drivers fit exactly")]
pub fn gini(mut values: Vec<u64>) -> Option<f64> {
    values.sort_unstable();
    let n = values.len() as f64;
    let sum: f64 = values.iter().map(|value| *value as f64).sum();
    if sum <= 0.0 {
        return None;
    }
    let ranked: f64 = values.iter().enumerate().map(|(i, value)| (i + 1) as f64 * *value as f64).sum();
    Some((2.0 * ranked / (n * sum) - (n + 1.0) / n).max(0.0))
}

#[cfg(test)]
mod tests;
