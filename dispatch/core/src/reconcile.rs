//! Reconciliation: what two sides of a cut did to the same rider, found and decided by rule once their journals are
//! joined. The same board gives the same answer on every node.
//!
//! | conflict | rule |
//! |---|---|
//! | `same_key` | one booking with the assignments of both sides |
//! | `two_assignments` | boarded stands; else the lowest (travel time, id); a boarded one is never revoked |
//! | `two_boarded` | nothing is charged by machine; an operator decides |
//! | `fare_unclear` | driver and rider differ about the payment, or the fare is not plausible; an operator decides |
//! | `restored_unverified` | came back from a driver's capsule alone; nothing is charged before the rider says that it is going on, or an operator decides |
//! | `trip_unended` | a shift was ended with the rider on board; an operator finds out how the trip ended, and closes it |
//! | `cancel_against_assign` | the cancel wins unless the rider has boarded, or a machine had found nobody |
//! | `possible_duplicate` | the rider is asked; the first boarded stands, the other gives way |
//!
//! Nothing is changed here: bonds that give way are ended by [`BookingRecord::must_end`] and by whoever answers an
//! [`Resolution::AskRider`]. Conflicts stay found after they were resolved; nothing is thrown away.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::board::DistrictBoard;
use crate::booking::{AssignmentRecord, BookingRecord, Due, Status};
use crate::fact::{PhoneKey, Release};
use crate::ids::{AssignmentId, BookingId, NodeId};
use crate::shift::Duty;
use crate::units::UtcMs;

mod across;
mod report;

pub use across::across;
pub use report::{Reconciliation, Served, report};

/// Two pickups further apart are two journeys.
pub const DUPLICATE_WITHIN_M: f64 = 300.0;
/// Two pickups further apart in time are two journeys.
pub const DUPLICATE_WITHIN_MS: i64 = 15 * 60_000;
/// Earlier bookings of the same number with which one is compared, latest first; bounds the cost of a flood.
pub const DUPLICATE_CANDIDATES_MAX: usize = 16;
/// A bond released this long after a cancel did not know of it in time.
pub const LATE_RELEASE_MS: i64 = 60_000;

/// What is in conflict. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    /// Two nodes took in the same request.
    SameKey,
    /// Two shifts were bound to one booking.
    TwoAssignments,
    /// Two shifts say that the rider of one booking boarded.
    TwoBoarded,
    /// The driver says that the fare is to be charged, and it does not fit what the rider booked.
    FareUnclear,
    /// It came back from a driver's capsule, and its rider has not shown it to any node since.
    RestoredUnverified,
    /// The rider boarded, and the shift was ended without an end of the trip: its phone is lost.
    TripUnended,
    /// A shift went on for a booking that had been cancelled.
    CancelAgainstAssign,
    /// One number asked on two nodes for what looks like the same journey.
    PossibleDuplicate,
}

impl ConflictKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::SameKey,
        Self::TwoAssignments,
        Self::TwoBoarded,
        Self::FareUnclear,
        Self::RestoredUnverified,
        Self::TripUnended,
        Self::CancelAgainstAssign,
        Self::PossibleDuplicate,
    ];

    /// The name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SameKey => "same_key",
            Self::TwoAssignments => "two_assignments",
            Self::TwoBoarded => "two_boarded",
            Self::FareUnclear => "fare_unclear",
            Self::RestoredUnverified => "restored_unverified",
            Self::TripUnended => "trip_unended",
            Self::CancelAgainstAssign => "cancel_against_assign",
            Self::PossibleDuplicate => "possible_duplicate",
        }
    }
}

/// What the rule says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Resolution {
    /// Both are one booking, with all its assignments.
    Merged,
    /// This bond stands because the rider has boarded.
    BoardedStands {
        /// The bond.
        assignment: AssignmentId,
    },
    /// This bond stands because it was the nearest when it was offered.
    NearestStands {
        /// The bond.
        assignment: AssignmentId,
    },
    /// The booking ends.
    Cancelled,
    /// Of two bookings this one goes on, the other gives way.
    FirstBoarded {
        /// The booking that goes on.
        booking: BookingId,
    },
    /// The rider is asked which of both is meant.
    AskRider,
    /// What could have been decided has ended by itself.
    Settled,
    /// A human decides; nothing is charged before.
    Operator,
}

impl Resolution {
    /// The name in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Merged => "merged",
            Self::BoardedStands { .. } => "boarded_stands",
            Self::NearestStands { .. } => "nearest_stands",
            Self::Cancelled => "cancelled",
            Self::FirstBoarded { .. } => "first_boarded",
            Self::AskRider => "ask_rider",
            Self::Settled => "settled",
            Self::Operator => "operator",
        }
    }
}

/// Something that two sides of a cut did to the same rider.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Conflict {
    /// What is in conflict.
    pub kind: ConflictKind,
    /// The booking, or both of a possible duplicate, the earlier one first.
    pub bookings: Vec<BookingId>,
    /// The bonds in conflict.
    pub assignments: Vec<AssignmentId>,
    /// Those of them that give way: their drivers drove for nothing.
    pub gives_way: Vec<AssignmentId>,
    /// What the rule says.
    pub resolution: Resolution,
}

impl Conflict {
    /// The booking that gives way to another one: to be cancelled as
    /// [`crate::booking::CancelReason::Duplicate`], unless it is closed already.
    #[must_use]
    pub fn loser(&self) -> Option<BookingId> {
        match &self.resolution {
            Resolution::FirstBoarded { booking } => {
                self.bookings.iter().copied().find(|other| other != booking)
            }
            Resolution::Merged
            | Resolution::BoardedStands { .. }
            | Resolution::NearestStands { .. }
            | Resolution::Cancelled
            | Resolution::AskRider
            | Resolution::Settled
            | Resolution::Operator => None,
        }
    }
}

/// Every conflict of a district, in the order of kinds and bookings; what two districts did to one rider is found by
/// [`across`].
#[must_use]
pub fn conflicts(district: &DistrictBoard) -> Vec<Conflict> {
    let mut found: Vec<Conflict> = district.bookings.values().flat_map(within_booking).collect();
    found.extend(district.open_bookings().filter_map(|record| trip_unended(district, record)));
    found.extend(possible_duplicates(district));
    found.sort_unstable();
    found
}

/// Conflicts that concern one booking alone.
fn within_booking(record: &BookingRecord) -> impl Iterator<Item = Conflict> {
    let found = [
        same_key(record),
        two_assignments(record),
        two_boarded(record),
        fare_unclear(record),
        restored_unverified(record),
        cancel_against_assign(record),
    ];
    found.into_iter().flatten()
}

fn same_key(record: &BookingRecord) -> Option<Conflict> {
    (record.accepted_by.len() > 1).then(|| Conflict {
        kind: ConflictKind::SameKey,
        bookings: vec![record.id],
        assignments: record.assignments.keys().cloned().collect(),
        gives_way: Vec::new(),
        resolution: Resolution::Merged,
    })
}

/// One bond after another is no conflict, nor one that another took over from on its way; two that held at once, or one that ended because another stood, are.
fn two_assignments(record: &BookingRecord) -> Option<Conflict> {
    let superseded =
        |bond: &AssignmentRecord| bond.released.is_some_and(|(_, why)| why == Release::Superseded);
    let held: Vec<(&AssignmentId, &AssignmentRecord)> = record
        .assignments
        .iter()
        .filter(|(_, bond)| bond.assigned_at.is_some() || bond.boarded.is_some() || bond.over_at().is_some())
        .filter(|(_, bond)| bond.binds() || bond.over_at().is_some() || superseded(bond))
        .filter(|(id, bond)| bond.has_reached_pickup() || !record.is_exchanged(id))
        .collect();
    let revoked = held.iter().any(|(_, bond)| bond.boarded.is_none() && superseded(bond));
    if held.len() < 2 && !revoked {
        return None;
    }
    let stands = record.standing().map(|(id, bond)| (id.clone(), bond.boarded.is_some()));
    let resolution = match &stands {
        Some((assignment, true)) => Resolution::BoardedStands { assignment: assignment.clone() },
        Some((assignment, false)) => Resolution::NearestStands { assignment: assignment.clone() },
        None if record.cancel.is_some() => Resolution::Cancelled,
        None => Resolution::Settled,
    };
    let standing = stands.map(|(id, _)| id);
    Some(Conflict {
        kind: ConflictKind::TwoAssignments,
        bookings: vec![record.id],
        assignments: held.iter().map(|(id, _)| (*id).clone()).collect(),
        gives_way: held
            .iter()
            .filter(|(id, bond)| bond.boarded.is_none() && Some(*id) != standing.as_ref())
            .map(|(id, _)| (*id).clone())
            .collect(),
        resolution,
    })
}

fn two_boarded(record: &BookingRecord) -> Option<Conflict> {
    let boarded: Vec<AssignmentId> = record
        .assignments
        .iter()
        .filter(|(_, bond)| bond.boarded.is_some())
        .map(|(id, _)| id.clone())
        .collect();
    (boarded.len() > 1).then(|| Conflict {
        kind: ConflictKind::TwoBoarded,
        bookings: vec![record.id],
        assignments: boarded,
        gives_way: Vec::new(),
        resolution: Resolution::Operator,
    })
}

fn fare_unclear(record: &BookingRecord) -> Option<Conflict> {
    let done = record.assignments.iter().filter(|(_, bond)| bond.over_at().is_some());
    (record.due() == Due::Operator && !record.is_unverified()).then(|| Conflict {
        kind: ConflictKind::FareUnclear,
        bookings: vec![record.id],
        assignments: done.map(|(id, _)| id.clone()).collect(),
        gives_way: Vec::new(),
        resolution: Resolution::Operator,
    })
}

fn restored_unverified(record: &BookingRecord) -> Option<Conflict> {
    let restored = record.assignments.iter().filter(|(_, bond)| bond.restored.is_some());
    record.is_unverified().then(|| Conflict {
        kind: ConflictKind::RestoredUnverified,
        bookings: vec![record.id],
        assignments: restored.map(|(id, _)| id.clone()).collect(),
        gives_way: Vec::new(),
        resolution: Resolution::Operator,
    })
}

fn trip_unended(district: &DistrictBoard, record: &BookingRecord) -> Option<Conflict> {
    let (assignment, bond) = record.standing().filter(|_| record.status() == Status::Boarded)?;
    let over = district.shifts.get(&bond.shift).and_then(|shift| shift.duty()) == Some(Duty::Ended);
    over.then(|| Conflict {
        kind: ConflictKind::TripUnended,
        bookings: vec![record.id],
        assignments: vec![assignment.clone()],
        gives_way: Vec::new(),
        resolution: Resolution::Operator,
    })
}

/// A cancel that reached the driver in time is no conflict.
fn cancel_against_assign(record: &BookingRecord) -> Option<Conflict> {
    let cancelled_at = record.cancel.as_ref()?.at;
    let unaware = |bond: &AssignmentRecord| {
        let acted = [bond.assigned_at, bond.arrived_at];
        bond.boarded.is_some()
            || acted.into_iter().flatten().any(|at| at > cancelled_at)
            || (bond.assigned_at.is_some()
                && bond.released.is_some_and(|(at, _)| at.since_ms(cancelled_at) > LATE_RELEASE_MS))
    };
    let bonds: Vec<(&AssignmentId, &AssignmentRecord)> =
        record.assignments.iter().filter(|(_, bond)| unaware(bond)).collect();
    if bonds.is_empty() {
        return None;
    }
    let standing = record.standing();
    let resolution = match standing {
        Some((assignment, bond)) if bond.boarded.is_some() => {
            Resolution::BoardedStands { assignment: assignment.clone() }
        }
        // A machine had given up; the taxi that was on its way all the same stands.
        Some((assignment, _)) => Resolution::NearestStands { assignment: assignment.clone() },
        None => Resolution::Cancelled,
    };
    Some(Conflict {
        kind: ConflictKind::CancelAgainstAssign,
        bookings: vec![record.id],
        assignments: bonds.iter().map(|(id, _)| (*id).clone()).collect(),
        gives_way: bonds
            .iter()
            .filter(|(id, bond)| bond.boarded.is_none() && standing.is_none_or(|(stands, _)| stands != *id))
            .map(|(id, _)| (*id).clone())
            .collect(),
        resolution,
    })
}

/// A booking with what makes it comparable.
struct Wish<'a> {
    wanted_at: UtcMs,
    accepted_at: UtcMs,
    node: &'a NodeId,
    record: &'a BookingRecord,
}

impl<'a> Wish<'a> {
    /// `None` while only later facts have arrived.
    fn of(record: &'a BookingRecord) -> Option<Self> {
        let accepted = record.accepted.as_ref()?;
        Some(Self {
            wanted_at: accepted.request.pickup_at.unwrap_or(accepted.at),
            accepted_at: accepted.at,
            node: &accepted.node,
            record,
        })
    }
}

/// The possible duplicates of one number's bookings, without a look at anybody else's.
#[must_use]
pub fn duplicates_of(district: &DistrictBoard, phone: &PhoneKey) -> Vec<Conflict> {
    among(&mut district.bookings_of_phone(phone).filter_map(Wish::of).collect())
}

fn possible_duplicates(district: &DistrictBoard) -> Vec<Conflict> {
    let mut by_phone: BTreeMap<&PhoneKey, Vec<Wish<'_>>> = BTreeMap::new();
    for record in district.bookings.values() {
        let phone = record.request().and_then(|request| request.phone.as_ref());
        if let Some((phone, wish)) = phone.zip(Wish::of(record)) {
            by_phone.entry(phone).or_default().push(wish);
        }
    }
    by_phone.values_mut().flat_map(among).collect()
}

/// The possible duplicates among bookings of one number.
fn among(wishes: &mut Vec<Wish<'_>>) -> Vec<Conflict> {
    wishes.sort_unstable_by_key(|wish| (wish.wanted_at, wish.record.id));
    let mut found = Vec::new();
    for (i, later) in wishes.iter().enumerate() {
        let earlier = wishes[..i]
            .iter()
            .rev()
            .take_while(|wish| later.wanted_at.since_ms(wish.wanted_at) <= DUPLICATE_WITHIN_MS)
            .take(DUPLICATE_CANDIDATES_MAX);
        found.extend(earlier.filter(|wish| is_duplicate(wish, later)).map(|wish| duplicate(wish, later)));
    }
    found
}

/// Same number, near in place, taken in on different nodes, and neither was over when the other was asked for.
fn is_duplicate(one: &Wish<'_>, other: &Wish<'_>) -> bool {
    let near = match (one.record.request(), other.record.request()) {
        (Some(a), Some(b)) => a.pickup.distance_m(b.pickup) <= DUPLICATE_WITHIN_M,
        (_, _) => false,
    };
    let over_before = |wish: &Wish<'_>, at: UtcMs| ended_at(wish.record).is_some_and(|ended| ended <= at);
    // A request that reached the other's node too, or both on one node, is known there: that is no split.
    let split =
        !one.record.accepted_by.contains_key(other.node) && !other.record.accepted_by.contains_key(one.node);
    near && split && !over_before(one, other.accepted_at) && !over_before(other, one.accepted_at)
}

fn duplicate(earlier: &Wish<'_>, later: &Wish<'_>) -> Conflict {
    let live = |wish: &Wish<'_>| {
        let bonds = wish.record.assignments.iter();
        bonds.filter(|(_, bond)| bond.binds() || bond.over_at().is_some()).map(|(id, _)| id.clone()).collect()
    };
    let (of_earlier, of_later): (Vec<AssignmentId>, Vec<AssignmentId>) = (live(earlier), live(later));
    let (resolution, gives_way) = match (boarded_at(earlier.record), boarded_at(later.record)) {
        (Some(_), Some(_)) => (Resolution::Operator, Vec::new()),
        (Some(_), None) => (Resolution::FirstBoarded { booking: earlier.record.id }, of_later.clone()),
        (None, Some(_)) => (Resolution::FirstBoarded { booking: later.record.id }, of_earlier.clone()),
        (None, None) if earlier.record.status().is_closed() || later.record.status().is_closed() => {
            (Resolution::Settled, Vec::new())
        }
        (None, None) => (Resolution::AskRider, Vec::new()),
    };
    Conflict {
        kind: ConflictKind::PossibleDuplicate,
        bookings: vec![earlier.record.id, later.record.id],
        assignments: of_earlier.into_iter().chain(of_later).collect(),
        gives_way,
        resolution,
    }
}

/// When the first rider boarded.
fn boarded_at(record: &BookingRecord) -> Option<UtcMs> {
    record.assignments.values().filter_map(|bond| bond.boarded.map(|(at, _)| at)).min()
}

/// When nothing more happened to it.
fn ended_at(record: &BookingRecord) -> Option<UtcMs> {
    match record.status() {
        Status::Done => record.assignments.values().filter_map(AssignmentRecord::over_at).min(),
        Status::Cancelled => record.cancel.as_ref().map(|cancel| cancel.at),
        Status::Open | Status::Offered | Status::Assigned | Status::Arrived | Status::Boarded => None,
    }
}

#[cfg(test)]
mod tests;
