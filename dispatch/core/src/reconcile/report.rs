//! The report of an outage: for the console and the demo, read off the joined journals.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Conflict, ConflictKind, across, conflicts};
use crate::board::Board;
use crate::booking::{BookingRecord, Door, Status};
use crate::ids::{BookingId, DistrictId, NodeId, ShiftId};
use crate::units::UtcMs;

/// A rider who boarded while the district was cut off.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Served {
    /// When the rider boarded, on the driver's clock.
    pub boarded_at: UtcMs,
    /// The booking.
    pub booking: BookingId,
    /// The shift.
    pub shift: ShiftId,
    /// Who made the bond: a node, or the driver's own device for a street hail.
    pub by: NodeId,
    /// The door through which the booking came.
    pub door: Option<Door>,
}

/// What a district went through between two moments, read off the joined journals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// The district.
    pub district: DistrictId,
    /// Beginning of the window.
    pub from: UtcMs,
    /// End of the window, itself outside.
    pub to: UtcMs,
    /// Conflicts of bookings to which something happened in the window.
    pub conflicts: Vec<Conflict>,
    /// Their number by kind; kinds without any are absent.
    pub by_kind: BTreeMap<ConflictKind, u64>,
    /// Bookings that several nodes had taken in and that are one now.
    pub merged: u64,
    /// Bookings first taken in within the window, by node.
    pub accepted: BTreeMap<NodeId, u64>,
    /// What those bookings are doing now.
    pub statuses: BTreeMap<Status, u64>,
    /// Riders who boarded in the window, first one first.
    pub served: Vec<Served>,
    /// Entries held of the district by the node that wrote them, since its journals began: two reports
    /// tell what came between.
    pub entries: BTreeMap<NodeId, u64>,
}

/// Reports what happened in `district` from `from` up to `to`; everything is zero where nothing is known of it.
#[must_use]
pub fn report(board: &Board, district: &DistrictId, from: UtcMs, to: UtcMs) -> Reconciliation {
    let mut report = Reconciliation {
        district: district.clone(),
        from,
        to,
        conflicts: Vec::new(),
        by_kind: BTreeMap::new(),
        merged: 0,
        accepted: BTreeMap::new(),
        statuses: BTreeMap::new(),
        served: Vec::new(),
        entries: BTreeMap::new(),
    };
    for (series, head) in board.heads().0.iter().filter(|(series, _)| series.district == *district) {
        *report.entries.entry(series.origin.clone()).or_default() += head.seq;
    }
    let Some(known) = board.district(district) else { return report };
    let within = |at: UtcMs| from <= at && at < to;

    for record in known.bookings.values() {
        let counted = board.is_listed_in(district, record.id);
        if let Some(accepted) = record.accepted.as_ref().filter(|accepted| counted && within(accepted.at)) {
            *report.accepted.entry(accepted.node.clone()).or_default() += 1;
            *report.statuses.entry(record.status()).or_default() += 1;
        }
        report.served.extend(served(record).filter(|served| within(served.boarded_at)));
    }
    report.served.sort_unstable();

    report.conflicts = conflicts(known);
    report.conflicts.extend(across(board, district));
    report.conflicts.retain(|conflict| {
        let mut records = conflict.bookings.iter().filter_map(|id| known.bookings.get(id));
        records.any(|record| moments(record).any(within))
    });
    for conflict in &report.conflicts {
        *report.by_kind.entry(conflict.kind).or_default() += 1;
    }
    report.merged = report.by_kind.get(&ConflictKind::SameKey).copied().unwrap_or(0);
    report
}

fn served(record: &BookingRecord) -> impl Iterator<Item = Served> {
    record.assignments.iter().filter_map(|(id, bond)| {
        bond.boarded.map(|(boarded_at, _)| Served {
            boarded_at,
            booking: record.id,
            shift: bond.shift,
            by: id.origin.clone(),
            door: record.request().map(|request| request.door),
        })
    })
}

/// Every moment at which something is known to have happened to the booking.
fn moments(record: &BookingRecord) -> impl Iterator<Item = UtcMs> {
    let own = [record.accepted.as_ref().map(|a| a.at), record.cancel.as_ref().map(|c| c.at)];
    let bonds = record.assignments.values().flat_map(|bond| {
        [
            bond.offered.as_ref().map(|offered| offered.1),
            bond.assigned_at,
            bond.arrived_at,
            bond.boarded.map(|(at, _)| at),
            bond.done.as_ref().map(|done| done.0),
            bond.closed.as_ref().map(|closed| closed.at),
            bond.released.map(|(at, _)| at),
        ]
    });
    own.into_iter().chain(bonds).flatten()
}
