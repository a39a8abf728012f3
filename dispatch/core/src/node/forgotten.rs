//! Loans that the borrower's journal has and the lender's lacks: central, which has both, asks in one district alone.
//!
//! A phone may have brought its trip to the borrower and a page the booking to the lender, after disks were lost; or the edge that
//! lent is cut off from central, and the one that borrowed is not.

use super::Node;
use crate::board::DistrictBoard;
use crate::booking::{BookingRecord, Status};
use crate::face::Role;
use crate::fact::Fact;
use crate::ids::{BookingId, DistrictId};
use crate::loan::{Lent, LoanId};
use crate::units::Now;

impl Node {
    /// The loan under which another district has the booking, and of which `district`, which would be the lender, knows
    /// nothing; not one in which the borrower's machine has given up.
    pub(super) fn forgotten_loan(
        &self,
        district: &DistrictId,
        record: &BookingRecord,
    ) -> Option<(LoanId, &DistrictId)> {
        if self.config.role != Role::Central || record.is_borrowed() {
            return None;
        }
        let lender = self.sides.get(district)?.edge(&self.config.id)?;
        let digest = &record.request()?.digest;
        let others = self.config.districts.keys().filter(|other| *other != district);
        others
            .filter_map(|other| self.district(other)?.bookings.get(&record.id).map(|there| (other, there)))
            .find_map(|(other, there)| {
                let (id, loan) = there.held()?;
                let of_this =
                    loan.borrowed.as_ref().is_some_and(|b| b.from == *lender && b.district == *district);
                let is_same = there.request().is_some_and(|request| request.digest == *digest);
                let is_forgotten = of_this && is_same && !record.loans.contains_key(&id);
                (is_forgotten && !there.ended_by_machine()).then_some((id, other))
            })
    }

    /// Notes such loans in the lender's district. Who is being asked there is waited for.
    pub(super) fn note_forgotten(&mut self, district: &DistrictId, now: Now) {
        let open = self.district(district).into_iter().flat_map(DistrictBoard::open_bookings);
        let forgotten: Vec<(BookingId, LoanId, Lent)> = open
            .filter(|record| record.status() == Status::Open && self.owns(record))
            .filter_map(|record| {
                let (loan, borrower) = self.forgotten_loan(district, record)?;
                let to = self.sides.get(borrower)?.edge(&self.config.id)?.clone();
                Some((record.id, loan, Lent { to, district: borrower.clone(), at: now.utc }))
            })
            .collect();
        for (booking, loan, lent) in forgotten {
            self.note_lent(district, booking, loan, lent, now);
        }
    }

    /// Writes in the lender's district that the booking is with another one.
    pub(super) fn note_lent(
        &mut self,
        lender: &DistrictId,
        booking: BookingId,
        loan: LoanId,
        lent: Lent,
        now: Now,
    ) {
        self.write_loan(lender, booking, Fact::BookingLent { booking, loan, lent }, now);
        self.write_loan(lender, booking, Fact::BookingTransferred { booking, loan }, now);
    }
}
