//! A booking that one district lends to another while central is away.
//!
//! ```text
//! lender's district                          borrower's district
//! lent ───────────────── said ──────────────▶ borrowed        the lender still plans it
//! transferred ◀───────── said ───────────────
//!     └───────────────── said ──────────────▶ transferred     the borrower plans it
//! returned ◀──────────── said ─────────────── returned        the lender plans it again
//! ```
//!
//! Each step is an entry in the journal of the district that takes it, written before anybody is told. `returned` in
//! the lender's district ends a loan also before it is transferred: the lender has withdrawn it. A booking is so planned
//! by one district at a time, and by none while a step is on its way. What the borrower tells of the booking is kept in
//! the lender's district (`told`), for the rider's page and texts there.

use serde::{Deserialize, Serialize};

use crate::booking::{BookingRecord, Status};
use crate::fact::Fare;
use crate::ids::{AssignmentId, DistrictId, NodeId};
use crate::units::UtcMs;

/// Names a loan of a booking. The lender makes it from its life and its own count, so that no loan has the name of an
/// earlier one, be the lender's disk restored in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LoanId(pub u64);

impl LoanId {
    /// The `count`th thing made in the life `incarnation` of the lender.
    #[must_use]
    pub fn new(incarnation: u32, count: u64) -> Self {
        Self((u64::from(incarnation) << 32) | (count & u64::from(u32::MAX)))
    }

    /// The life of the lender that made it.
    #[must_use]
    pub fn incarnation(self) -> u32 {
        u32::try_from(self.0 >> 32).expect("the upper half of 64 bits")
    }
}

/// What the journals of one district say of a loan. In the lender's district it has `lent`, in the borrower's
/// `borrowed`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Loan {
    /// To whom, in the lender's district.
    pub lent: Option<Lent>,
    /// From whom, in the borrower's district.
    pub borrowed: Option<Borrowed>,
    /// The lender has let go of it; in the borrower's district, the borrower knows that.
    pub transferred: bool,
    /// It has come back, or was withdrawn.
    pub over: bool,
    /// What the borrower told last, in the lender's district, and the number of that telling: the highest stands, so that
    /// no wrong clock makes an old word the last one.
    pub told: Option<(u32, Told)>,
}

/// To whom a booking is lent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lent {
    /// The edge that is asked.
    pub to: NodeId,
    /// Its district.
    pub district: DistrictId,
    /// When.
    pub at: UtcMs,
}

/// From whom a booking is borrowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Borrowed {
    /// The edge that lends it.
    pub from: NodeId,
    /// Its district, in which the rider asked.
    pub district: DistrictId,
}

/// What the borrower tells of a booking.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// What the booking is doing there; a question that is open there is told as [`Status::Open`].
    pub status: Status,
    /// The taxi that is on its way or has come, if any.
    pub taxi: Option<ToldTaxi>,
}

/// The taxi of a lent booking.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToldTaxi {
    /// The bond.
    pub assignment: AssignmentId,
    /// What the rider looks for ([`crate::fact::is_plate`]); a dash while it is not known.
    pub plate: String,
    /// When the shift was asked.
    pub asked_at: UtcMs,
    /// Travel time to the pickup then, in seconds.
    pub eta_s: u32,
    /// What was taken, once the trip is over and somebody knows.
    pub fare: Option<Fare>,
}

impl Loan {
    /// True if the borrower plans the booking, or is about to learn that it may.
    #[must_use]
    pub fn is_out(&self) -> bool {
        self.transferred && !self.over
    }

    /// What the borrower told last.
    #[must_use]
    pub fn told(&self) -> Option<&Told> {
        self.told.as_ref().map(|(_, told)| told)
    }

    /// True if the borrower says that the rider is or was in its taxi.
    #[must_use]
    pub fn told_boarded(&self) -> bool {
        self.told().is_some_and(|told| matches!(told.status, Status::Boarded | Status::Done))
    }
}

impl BookingRecord {
    /// True if this district knows the booking from another one alone.
    #[must_use]
    pub fn is_borrowed(&self) -> bool {
        self.loans.values().any(|loan| loan.borrowed.is_some())
    }

    /// The loan under which the booking is with another district, in the lender's district.
    #[must_use]
    pub fn away(&self) -> Option<(LoanId, &Loan)> {
        let out = self.loans.iter().filter(|(_, loan)| loan.borrowed.is_none() && loan.is_out());
        out.map(|(id, loan)| (*id, loan)).next_back()
    }

    /// The loan under which the booking is here, in the borrower's district.
    #[must_use]
    pub fn held(&self) -> Option<(LoanId, &Loan)> {
        let held = self.loans.iter().filter(|(_, loan)| loan.borrowed.is_some() && loan.is_out());
        held.map(|(id, loan)| (*id, loan)).next_back()
    }

    /// True if no other district may plan the booking: it was taken in here and is not lent, or it is borrowed and
    /// the lender has let go of it.
    #[must_use]
    pub fn is_here(&self) -> bool {
        if self.is_borrowed() { self.held().is_some() } else { self.away().is_none() }
    }

    /// True if it was borrowed and every loan is over: what is left of it here before boarding ends.
    #[must_use]
    pub fn is_given_back(&self) -> bool {
        self.is_borrowed() && self.loans.values().all(|loan| loan.borrowed.is_none() || loan.over)
    }

    /// The edge that has the booking on loan from this district, and its district.
    #[must_use]
    pub fn lent_to(&self) -> Option<&Lent> {
        self.away()?.1.lent.as_ref()
    }

    /// The node that plans the booking, as far as this district knows: the edge that has it on loan, else its owner.
    #[must_use]
    pub fn planned_by(&self) -> Option<&NodeId> {
        let owner = self.owner.as_ref().map(|(owner, _)| &owner.node);
        self.lent_to().map(|lent| &lent.to).or(owner)
    }

    /// What the district that has the booking on loan told of it last.
    #[must_use]
    pub fn told(&self) -> Option<&Told> {
        self.away()?.1.told()
    }

    /// True if a loan of it is still to be talked about: it is neither over nor known to have ended.
    #[must_use]
    pub fn has_open_loan(&self) -> bool {
        let is_open = |loan: &Loan| {
            let ended = loan.told().is_some_and(|told| told.status.is_closed());
            !(loan.over || (loan.transferred && ended))
        };
        let ended_here = self.is_borrowed() && self.status().is_closed();
        !ended_here && self.loans.values().any(is_open)
    }

    /// What the booking is doing, where another district has a say: `here` is what this district alone knows.
    pub(crate) fn status_with_loans(&self, here: Status) -> Status {
        let waits = matches!(here, Status::Open | Status::Offered);
        if self.is_given_back() && waits {
            return Status::Cancelled;
        }
        let Some(told) = self.told() else { return here };
        match here {
            // Whoever has the rider in the taxi is right.
            Status::Boarded | Status::Done => here,
            _ if matches!(told.status, Status::Boarded | Status::Done) => told.status,
            Status::Open | Status::Offered => told.status,
            Status::Assigned | Status::Arrived | Status::Cancelled => here,
        }
    }

    /// True if bonds before boarding end here because another district has the booking, or has the rider on board.
    pub(crate) fn is_served_elsewhere(&self) -> bool {
        self.is_given_back() || self.away().is_some_and(|(_, loan)| loan.told_boarded())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::booking::tests::booking;

    fn lent() -> Loan {
        let (to, district) = ("edge-b".parse().unwrap(), "namsan".parse().unwrap());
        Loan { lent: Some(Lent { to, district, at: UtcMs(0) }), ..Loan::default() }
    }

    fn borrowed() -> Loan {
        let (from, district) = ("edge-a".parse().unwrap(), "hanbuk".parse().unwrap());
        Loan { borrowed: Some(Borrowed { from, district }), ..Loan::default() }
    }

    fn told(status: Status) -> Option<(u32, Told)> {
        Some((1, Told { status, taxi: None }))
    }

    #[test]
    fn a_loan_is_named_by_the_life_that_made_it() {
        let id = LoanId::new(7, 3);
        assert_eq!(id.incarnation(), 7);
        assert!(LoanId::new(8, 1) > id && id > LoanId::new(7, 2));
    }

    #[test]
    fn one_district_at_most_has_the_booking_at_each_step() {
        let (mut lender, mut borrower) = (booking(&[]), booking(&[]));
        let id = LoanId::new(1, 1);
        lender.loans.insert(id, lent());
        borrower.loans.insert(id, borrowed());
        assert!(lender.is_here() && !borrower.is_here(), "lent, and borrowed");
        lender.loans.get_mut(&id).unwrap().transferred = true;
        assert!(!lender.is_here() && !borrower.is_here(), "on its way");
        borrower.loans.get_mut(&id).unwrap().transferred = true;
        assert!(!lender.is_here() && borrower.is_here(), "transferred");
        borrower.loans.get_mut(&id).unwrap().over = true;
        assert!(!lender.is_here() && !borrower.is_here(), "on its way back");
        assert_eq!(borrower.status(), Status::Cancelled);
        lender.loans.get_mut(&id).unwrap().over = true;
        assert!(lender.is_here() && !borrower.is_here(), "returned");
        assert!(!lender.has_open_loan() && !borrower.has_open_loan());
    }

    #[test]
    fn the_lender_shows_what_the_borrower_tells() {
        let mut record = booking(&[]);
        let out = |status| Loan { transferred: true, told: told(status), ..lent() };
        for status in [Status::Open, Status::Assigned, Status::Arrived, Status::Boarded, Status::Done] {
            record.loans.insert(LoanId::new(1, 1), out(status));
            assert_eq!(record.status(), status);
        }
        assert!(!record.has_open_loan(), "it has ended, and the lender knows it");
    }
}
