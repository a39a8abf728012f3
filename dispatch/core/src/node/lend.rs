//! The lender's side of a loan: whom a booking is lent to, and when it is the lender's again.
//!
//! | from | to | when |
//! |---|---|---|
//! | (waits) | lent | an edge that is cut off has found nobody for `lend_after_ms`, and a neighbour has free drivers |
//! | lent | transferred | the neighbour says that it has written it down, and nobody is being asked here |
//! | lent | returned | it does not say so in time, somebody was found here, or the district goes back |
//! | transferred | returned | the neighbour says that it has given it back; or its rider, asked because the neighbour is not heard, still wants a taxi |

use super::Node;
use super::lease::Side;
use crate::authority::EdgeMode;
use crate::board::DistrictBoard;
use crate::booking::{BookingRecord, Status};
use crate::command::{BorrowedSaid, LoanStage, SAID_MAX};
use crate::face::{Neighbour, Role};
use crate::fact::{Fact, is_plate};
use crate::ids::{BookingId, DistrictId, NodeId};
use crate::loan::{Lent, Loan, LoanId};
use crate::units::{Now, Ticks};

/// A neighbour that has not said within this time that it has borrowed a booking is not waited for.
const ANSWER_WITHIN_MS: u64 = 10_000;
/// What a neighbour says of its free drivers counts for this time.
const FREE_FRESH_MS: u64 = 12_000;
/// How often one booking is lent to the same neighbour.
const ROUNDS_MAX: usize = 3;
/// What a neighbour tells of one loan is kept so often. A trip needs a handful, and each is an entry.
const TELLINGS_MAX: u32 = 200;
/// Bookings that are lent in one round of housekeeping.
const LENT_AT_ONCE_MAX: usize = 50;

impl Node {
    /// True if this edge plans its district because central is away.
    pub(super) fn is_cut_off(&self, district: &DistrictId) -> bool {
        matches!(self.sides.get(district), Some(Side::Edge(side)) if side.lease.mode() == EdgeMode::Active)
    }

    /// Lends what has waited for long to neighbours that have free drivers.
    pub(super) fn lend_waiting(&mut self, district: &DistrictId, now: Now) {
        let after_ms = self.config.timing.lend_after_ms;
        if after_ms == 0 || !self.is_cut_off(district) || !self.is_settled(district, now) {
            return;
        }
        let open = self.district(district).into_iter().flat_map(DistrictBoard::open_bookings);
        let mut waiting: Vec<(Ticks, BookingId)> = open
            .filter(|record| record.status() == Status::Open && self.may_plan(district, record))
            .filter(|record| !self.is_aged(record.id))
            .filter(|record| !record.is_borrowed() && record.loans.values().all(|loan| loan.over))
            .filter_map(|record| self.waits_since.get(&record.id).map(|since| (*since, record.id)))
            .filter(|(since, _)| now.ticks.since_ms(*since) >= after_ms)
            .collect();
        waiting.sort_unstable();
        for (_, booking) in waiting.into_iter().take(LENT_AT_ONCE_MAX) {
            if let Some(neighbour) = self.nearest_with_free(district, booking, now) {
                self.lend(district, booking, &neighbour, now);
            }
        }
    }

    /// The neighbour that is asked next: of those tried least the one whose border is nearest to the pickup by road.
    fn nearest_with_free(&self, district: &DistrictId, booking: BookingId, now: Now) -> Option<Neighbour> {
        let record = self.district(district)?.bookings.get(&booking)?;
        let pickup = record.request()?.pickup;
        let rank = |neighbour: &Neighbour| {
            let to = |loan: &&Loan| loan.lent.as_ref().is_some_and(|lent| lent.to == neighbour.node);
            let tried = record.loans.values().filter(to).count();
            let ways = self.travel.durations_s(pickup, &neighbour.border);
            (tried, ways.into_iter().flatten().min().unwrap_or(u32::MAX), neighbour.node.clone())
        };
        let able = self.config.neighbours.iter().filter(|neighbour| {
            let Some(peer) = self.loans.peers.get(&neighbour.node) else { return false };
            let is_fresh = peer.heard_at.is_some_and(|at| now.ticks.since_ms(at) <= FREE_FRESH_MS);
            let (begun, all) = self.on_loan_to(district, &neighbour.node);
            is_fresh && begun < peer.free as usize && all < SAID_MAX
        });
        let ranked = able.map(|neighbour| (rank(neighbour), neighbour));
        let next = ranked.filter(|((tried, ..), _)| *tried < ROUNDS_MAX).min_by(|x, y| x.0.cmp(&y.0));
        next.map(|(_, neighbour)| neighbour.clone())
    }

    /// How many bookings are lent to a neighbour and not transferred, and how many are lent to it at all.
    fn on_loan_to(&self, district: &DistrictId, node: &NodeId) -> (usize, usize) {
        let lent = self.loans_with(district, node).filter(|(_, _, loan)| loan.lent.is_some());
        lent.fold((0, 0), |(begun, all), (_, _, loan)| (begun + usize::from(!loan.transferred), all + 1))
    }

    fn lend(&mut self, district: &DistrictId, booking: BookingId, to: &Neighbour, now: Now) {
        // Not the count of questions: by that feature-phone drivers' letters go round.
        self.loans.count += 1;
        let loan = LoanId::new(self.config.incarnation, self.loans.count);
        self.loans.offered_at.insert(loan, now.ticks);
        let lent = Lent { to: to.node.clone(), district: to.district.clone(), at: now.utc };
        self.write_loan(district, booking, Fact::BookingLent { booking, loan, lent }, now);
        self.call_neighbour(district, to, now);
    }

    /// Takes loans back that are not transferred: nobody has answered, somebody was found here, or this edge does not
    /// plan the booking any more. What an earlier life lent is taken back only once the neighbour has said what it knows.
    pub(super) fn withdraw_unanswered(&mut self, district: &DistrictId, now: Now) {
        let waits = |loan: &LoanId| {
            let offered_at = self.loans.offered_at.get(loan);
            offered_at.is_some_and(|at| now.ticks.since_ms(*at) < ANSWER_WITHIN_MS)
        };
        let over: Vec<(BookingId, LoanId)> = self
            .begun(district)
            .filter(|(record, _)| self.loans.is_sure(record.id))
            .filter(|(record, loan)| {
                !(waits(loan)
                    && self.is_cut_off(district)
                    && self.owns(record)
                    && record.status() == Status::Open)
            })
            .map(|(record, loan)| (record.id, loan))
            .collect();
        for (booking, loan) in over {
            self.write_returned(district, booking, loan, now);
        }
    }

    /// Loans of this district's that are not transferred.
    fn begun(&self, district: &DistrictId) -> impl Iterator<Item = (&BookingRecord, LoanId)> {
        let begun = |loan: &Loan| loan.lent.is_some() && !loan.transferred;
        self.open_loans(district).filter(move |(_, _, loan)| begun(loan)).map(|(record, id, _)| (record, id))
    }

    /// The district goes back to central: what is not transferred goes with it.
    pub(super) fn withdraw_all(&mut self, district: &DistrictId, now: Now) {
        let begun = self.begun(district).filter(|(record, _)| self.loans.is_sure(record.id));
        for (booking, loan) in begun.map(|(record, loan)| (record.id, loan)).collect::<Vec<_>>() {
            self.write_returned(district, booking, loan, now);
        }
    }

    /// The borrower says how a loan stands. `asked`: it answers what a new life of this edge has asked, which may have
    /// lost what it wrote.
    pub(super) fn hear_borrowed(
        &mut self,
        district: &DistrictId,
        from: &NodeId,
        from_district: &DistrictId,
        said: &BorrowedSaid,
        asked: bool,
        now: Now,
    ) {
        let (booking, loan) = (said.booking, said.loan);
        let Some(record) = self.district(district).and_then(|board| board.bookings.get(&booking)) else {
            return;
        };
        if record.accepted.is_none() || record.is_borrowed() {
            return;
        }
        match record.loans.get(&loan).and_then(|loan| loan.lent.as_ref()) {
            Some(lent) if lent.to != *from => return,
            Some(_) => {}
            None if asked && loan.incarnation() != self.config.incarnation => {
                let lent = Lent { to: from.clone(), district: from_district.clone(), at: now.utc };
                self.write_loan(district, booking, Fact::BookingLent { booking, loan, lent }, now);
            }
            None => return,
        }
        let Some(record) = self.district(district).and_then(|board| board.bookings.get(&booking)) else {
            return;
        };
        let Some(known) = record.loans.get(&loan).filter(|known| !known.over).cloned() else { return };
        let is_edge = self.config.role != Role::Central;
        match said.stage {
            LoanStage::Over => return self.write_returned(district, booking, loan, now),
            LoanStage::Out if is_edge && !known.transferred => {
                self.write_loan(district, booking, Fact::BookingTransferred { booking, loan }, now);
            }
            LoanStage::Begun if is_edge && !known.transferred => {
                if self.may_transfer(district, record, loan) {
                    self.loans.offered_at.remove(&loan);
                    self.write_loan(district, booking, Fact::BookingTransferred { booking, loan }, now);
                } else if loan.incarnation() == self.config.incarnation || asked {
                    self.write_returned(district, booking, loan, now);
                }
            }
            LoanStage::Begun | LoanStage::Out => {}
        }
        self.note_told(district, said, now);
    }

    /// True if the lender may let go of a booking: it plans it, asks nobody, and has lent it in this very life.
    fn may_transfer(&self, district: &DistrictId, record: &BookingRecord, loan: LoanId) -> bool {
        loan.incarnation() == self.config.incarnation
            && self.is_cut_off(district)
            && self.may_plan(district, record)
            && record.status() == Status::Open
    }

    /// Keeps what the borrower tells, for the rider.
    fn note_told(&mut self, district: &DistrictId, said: &BorrowedSaid, now: Now) {
        let (booking, loan) = (said.booking, said.loan);
        let Some(record) = self.district(district).and_then(|board| board.bookings.get(&booking)) else {
            return;
        };
        let Some(known) = record.loans.get(&loan).filter(|known| known.is_out()) else { return };
        let mut told = said.told.clone();
        if let Some(taxi) = told.taxi.as_mut().filter(|taxi| !is_plate(&taxi.plate)) {
            "-".clone_into(&mut taxi.plate);
        }
        let (ended, is_news) = (told.status == Status::Cancelled, known.told() != Some(&told));
        let number = known.told.as_ref().map_or(1, |(number, _)| number.saturating_add(1));
        if number > TELLINGS_MAX {
            return;
        }
        // Who is on board of a taxi that the borrower knows nothing of rides on.
        let has_ended = matches!(record.status(), Status::Boarded | Status::Done | Status::Cancelled);
        let ends = record.cancel.is_none() && !has_ended;
        // Central tells what it decides itself; an edge that stands by hears it from central.
        let is_to_tell = said.decides || (self.config.role != Role::Central && self.decides(district));
        if !is_to_tell {
            return;
        }
        if is_news {
            self.write_loan(district, booking, Fact::LoanTold { booking, loan, number, told }, now);
        }
        if let Some((by, reason)) = said.cancel.filter(|_| ends && ended) {
            self.request_cancel(district, booking, by, reason, now);
        }
    }

    /// The rider of a booking that a neighbour has, and of which nobody hears, still wants a taxi. What is borrowed stays
    /// here and is planned.
    pub(super) fn take_back_lent(&mut self, district: &DistrictId, booking: BookingId, now: Now) {
        let record = self.district(district).and_then(|board| board.bookings.get(&booking));
        let open = record.into_iter().flat_map(|record| record.loans.iter());
        let lent = open.filter(|(_, loan)| loan.lent.is_some() && !loan.over);
        for loan in lent.map(|(id, _)| *id).collect::<Vec<LoanId>>() {
            self.write_returned(district, booking, loan, now);
        }
        self.loans.decided(booking);
    }
}
