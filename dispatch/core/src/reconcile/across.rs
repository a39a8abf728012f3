//! Conflicts of one booking that two districts have had: its lender's and a borrower's.

use super::{Conflict, two_assignments, two_boarded};
use crate::board::Board;
use crate::booking::BookingRecord;
use crate::ids::{AssignmentId, DistrictId};

/// What taxis of two districts did to one rider: told in the district that lent the booking.
#[must_use]
pub fn across(board: &Board, lender: &DistrictId) -> Vec<Conflict> {
    let lent = board.district(lender).into_iter().flat_map(|known| known.bookings.values());
    let lent = lent.filter(|record| record.loans.values().any(|loan| loan.lent.is_some()));
    lent.flat_map(|record| of_both(record, board, lender)).collect()
}

fn of_both(record: &BookingRecord, board: &Board, lender: &DistrictId) -> impl Iterator<Item = Conflict> {
    let others = board.districts().filter(|(id, _)| *id != lender);
    let others = others.filter_map(|(_, district)| district.bookings.get(&record.id));
    let there = others.flat_map(|other| other.assignments.clone());
    let mut both = BookingRecord { loans: std::collections::BTreeMap::new(), ..record.clone() };
    both.assignments.extend(there);
    let here = |id: &AssignmentId| record.assignments.contains_key(id);
    let found = [two_assignments(&both), two_boarded(&both)].into_iter().flatten();
    // What happened within one of them is found there.
    let of_both: Vec<Conflict> = found
        .filter(|found| found.assignments.iter().any(here) && !found.assignments.iter().all(here))
        .collect();
    of_both.into_iter()
}
