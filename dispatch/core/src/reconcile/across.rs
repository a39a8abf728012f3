//! Conflicts of one booking that several districts have had: its lender's and those of its borrowers.

use super::{Conflict, two_assignments, two_boarded};
use crate::board::Board;
use crate::booking::BookingRecord;
use crate::ids::{AssignmentId, DistrictId};

/// What taxis of several districts did to one rider: told in the district that lent the booking.
#[must_use]
pub fn across(board: &Board, lender: &DistrictId) -> Vec<Conflict> {
    let lent = board.district(lender).into_iter().flat_map(|known| known.bookings.values());
    let lent = lent.filter(|record| record.loans.values().any(|loan| loan.lent.is_some()));
    lent.flat_map(|record| of_several(record, board, lender)).collect()
}

fn of_several(record: &BookingRecord, board: &Board, lender: &DistrictId) -> impl Iterator<Item = Conflict> {
    let others = board.districts().filter(|(id, _)| *id != lender);
    let others: Vec<&BookingRecord> =
        others.filter_map(|(_, district)| district.bookings.get(&record.id)).collect();
    let mut all = BookingRecord { loans: litemap::LiteMap::new(), ..record.clone() };
    all.assignments.extend(others.iter().flat_map(|other| other.assignments.clone()));
    // What happened within one of them is found there.
    let within_one = |ids: &[AssignmentId]| {
        let has_all = |known: &BookingRecord| ids.iter().all(|id| known.assignments.contains_key(id));
        has_all(record) || others.iter().any(|other| has_all(other))
    };
    let found = [two_assignments(&all), two_boarded(&all)].into_iter().flatten();
    let of_several: Vec<Conflict> = found.filter(|found| !within_one(&found.assignments)).collect();
    of_several.into_iter()
}
