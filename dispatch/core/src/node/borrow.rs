//! The borrower's side of a loan.
//!
//! | from | to | when |
//! |---|---|---|
//! | | borrowed | a neighbour lends, this edge is cut off too and has room |
//! | borrowed | transferred | the neighbour says that it has let go: from then on the booking is planned here like any other |
//! | borrowed, transferred | returned | nobody was found within `lend_back_after_ms`, the neighbour wants it back or does not know of it, or a taxi of the neighbour's is on its way |

use super::Node;
use crate::authority::CentralMode;
use crate::board::DistrictBoard;
use crate::booking::{BookingRecord, Status};
use crate::command::{LentSaid, LoanStage, SAID_MAX};
use crate::face::Role;
use crate::fact::{Fact, Request, district_wide};
use crate::ids::{BookingId, DistrictId, NodeId};
use crate::loan::{Borrowed, Loan, LoanId};
use crate::planted;
use crate::units::Now;

/// A life that has begun learns within this time what a life before it had borrowed.
const PAST_HEARD_WITHIN_MS: u64 = 600_000;

impl Node {
    /// The lender says how a loan stands.
    pub(super) fn hear_lent(
        &mut self,
        district: &DistrictId,
        from: &NodeId,
        from_district: &DistrictId,
        said: &LentSaid,
        now: Now,
    ) {
        let (booking, loan) = (said.booking, said.loan);
        let record = self.district(district).and_then(|board| board.bookings.get(&booking));
        let known = record.and_then(|record| record.loans.get(&loan)).cloned().unwrap_or_default();
        let is_own = |record: &BookingRecord| record.accepted.is_some() && !record.is_borrowed();
        if known.over || record.is_some_and(|record| is_own(record) || is_with_another(record, from)) {
            return;
        }
        match &known.borrowed {
            Some(borrowed) if borrowed.from != *from => return,
            Some(_) if said.stage == LoanStage::Over => {
                return self.write_returned(district, booking, loan, now);
            }
            Some(_) => {}
            None if said.stage != LoanStage::Over && self.may_borrow(district, from, said, now) => {
                let Some(request) = said.request.as_deref().cloned() else { return };
                let borrowed = Borrowed { from: from.clone(), district: from_district.clone() };
                let zones = self.config.districts.get(district).map(|district| &district.zones);
                let zone = zones.and_then(|zones| zones.first().cloned()).unwrap_or_else(district_wide);
                let fact = Fact::BookingBorrowed { booking, loan, borrowed, request, at: said.at };
                self.append(district, zone, fact, now);
            }
            None => return,
        }
        let let_go = planted!("borrower-plans-early", said.stage == LoanStage::Out, true);
        if let_go && !known.transferred && self.may_take_over(district) {
            self.take_over_borrowed(district, booking, loan, now);
        }
        self.heed_lender(district, said, now);
    }

    /// Says whether a booking that is not known here may be borrowed. One that the lender has let go of must have been
    /// borrowed by a life before this one, whose disk was lost: later in a life nobody is believed who says so.
    fn may_borrow(&self, district: &DistrictId, from: &NodeId, said: &LentSaid, now: Now) -> bool {
        let lends = self.config.role != Role::Central && self.config.timing.lend_after_ms > 0;
        let Some(request) = said.request.as_deref().filter(|_| lends) else { return false };
        let is_young = now.ticks.since_ms(self.started_at) < PAST_HEARD_WITHIN_MS;
        let is_sound = (1..=super::booking::SEATS_MAX).contains(&request.seats) && is_bounded(request);
        let open = self.district(district).map_or(0, DistrictBoard::open_count);
        let of_lender = self.district(district).into_iter().flat_map(DistrictBoard::open_loans);
        let of_lender = of_lender.flat_map(|record| record.loans.values());
        let of_lender = of_lender.filter(|loan| loan.borrowed.as_ref().is_some_and(|b| b.from == *from));
        let has_room = open < super::OPEN_BOOKINGS_MAX && of_lender.count() < 2 * SAID_MAX;
        let can_serve = self.free_to_lend(district, now) > 0;
        is_sound && has_room && (can_serve || (said.stage == LoanStage::Out && is_young))
    }

    /// Drivers whom a neighbour's booking could be offered to; none while central plans the district.
    pub(super) fn free_to_lend(&self, district: &DistrictId, now: Now) -> u32 {
        if self.config.timing.lend_after_ms == 0 || !self.is_cut_off(district) {
            return 0;
        }
        u32::try_from(self.idle_drivers(district, now)).unwrap_or(u32::MAX)
    }

    /// True if this node may write that a booking which was let go of is planned here: an edge, which hears it from the
    /// lender, or central while it plans the district.
    fn may_take_over(&self, district: &DistrictId) -> bool {
        self.config.role != Role::Central || self.central_mode(district) == Some(CentralMode::Holder)
    }

    fn take_over_borrowed(&mut self, district: &DistrictId, booking: BookingId, loan: LoanId, now: Now) {
        self.write_loan(district, booking, Fact::BookingTransferred { booking, loan }, now);
        let owner = self.first_owner(district);
        let known = self.district(district).and_then(|board| board.bookings.get(&booking));
        if known.is_some_and(|record| record.owner.is_some()) {
            self.hand_over(district, booking, owner.node, owner.epoch, None, now);
        } else {
            self.write_loan(district, booking, Fact::BookingOwned { booking, owner, wanted: None }, now);
        }
    }

    /// The rider has cancelled, or has a taxi of the lender's.
    fn heed_lender(&mut self, district: &DistrictId, said: &LentSaid, now: Now) {
        let record = self.district(district).and_then(|board| board.bookings.get(&said.booking));
        let Some(record) = record else { return };
        if matches!(record.status(), Status::Boarded | Status::Done | Status::Cancelled) {
            return;
        }
        if let Some((by, reason)) = said.cancel.filter(|_| record.cancel.is_none()) {
            self.request_cancel(district, said.booking, by, reason, now);
        } else if said.taken && record.held().is_some() {
            self.write_returned(district, said.booking, said.loan, now);
        }
    }

    /// The lender knows nothing of a loan that is not transferred: it is void.
    pub(super) fn give_back_unknown(
        &mut self,
        district: &DistrictId,
        lender: &NodeId,
        booking: BookingId,
        now: Now,
    ) {
        let record = self.district(district).and_then(|board| board.bookings.get(&booking));
        let loans = record.into_iter().flat_map(|record| record.loans.iter());
        let void = loans.filter(|(_, loan)| {
            let is_lenders = loan.borrowed.as_ref().is_some_and(|borrowed| borrowed.from == *lender);
            is_lenders && !loan.transferred && !loan.over
        });
        for loan in void.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.write_returned(district, booking, loan, now);
        }
    }

    /// Gives back what nobody here has taken.
    pub(super) fn return_unserved(&mut self, district: &DistrictId, now: Now) {
        let after_ms = self.config.timing.lend_back_after_ms;
        let open = self.district(district).into_iter().flat_map(DistrictBoard::open_loans);
        let waited = |record: &BookingRecord| {
            let since = self.waits_since.get(&record.id);
            since.is_some_and(|since| now.ticks.since_ms(*since) >= after_ms)
        };
        let unserved: Vec<(BookingId, LoanId)> = open
            .filter(|record| record.status() == Status::Open && self.may_plan(district, record))
            .filter(|record| waited(record))
            .filter_map(|record| record.held().map(|(loan, _)| (record.id, loan)))
            .collect();
        for (booking, loan) in unserved {
            self.write_returned(district, booking, loan, now);
        }
    }
}

/// True if another lender's loan of the booking is under way here.
fn is_with_another(record: &BookingRecord, from: &NodeId) -> bool {
    let of_another = |loan: &Loan| loan.borrowed.as_ref().is_some_and(|borrowed| borrowed.from != *from);
    record.loans.values().any(|loan| !loan.over && of_another(loan))
}

/// True if the request is no larger than what a door lets in.
fn is_bounded(request: &Request) -> bool {
    /// Room for what stands around the request in the entry.
    const AROUND: usize = 1_024;
    serde_json::to_string(request).is_ok_and(|text| text.len() + AROUND <= crate::journal::PAYLOAD_MAX)
}
