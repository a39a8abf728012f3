//! Trips that come back from drivers' devices, once no journal knows them.
//!
//! The shell has opened the capsule and checked its signature: somebody whom this node trusts asked that shift once.
//! Here is decided whether that is still so.
//!
//! | refused | because |
//! |---|---|
//! | another device's, shift's, driver's or district's | a capsule is good on one phone alone |
//! | asked by a node that does not ask in that district | a stolen edge speaks for its own district |
//! | made in this life of this node | it would be known |
//! | past its time | a trip does not last that long |
//! | older than a bond of the shift that is known here | the device has ended it since |
//! | not in the slot, or ended by the device's own word | the device has ended it |
//! | the rider's wish is known here with another content | it is another booking |
//!
//! What is known already is not restored twice. Two devices that bring the same booking are two bonds of it: one
//! stands, by the rule for two bonds, and the other's device is told to let go.

use super::Node;
use crate::board::DistrictBoard;
use crate::booking::BookingRecord;
use crate::capsule::Capsule;
use crate::command::{Answer, Refusal, Restore};
use crate::face::Role;
use crate::fact::Fact;
use crate::ids::{AssignmentId, BookingId, DistrictId};
use crate::loan::{Borrowed, Lent, LoanId};
use crate::planted;
use crate::units::Now;

impl Node {
    /// Says whether a bond is in the journal here: then its capsule is of no use.
    #[must_use]
    pub fn knows_bond(&self, assignment: &AssignmentId, booking: BookingId) -> bool {
        let records = self.board.districts().filter_map(|(_, board)| board.bookings.get(&booking));
        records.into_iter().any(|record| record.assignments.contains_key(assignment))
    }

    /// What the device that is asked keeps of the question.
    pub(super) fn capsule(
        &self,
        district: &DistrictId,
        assignment: &AssignmentId,
        record: &BookingRecord,
    ) -> Option<Capsule> {
        let bond = record.assignments.get(assignment)?;
        let (eta_s, offered_at, _) = bond.offered.as_ref()?;
        let contact = self.contacts.get(&bond.shift)?;
        let start = self.district(district)?.shifts.get(&bond.shift)?.start.as_ref()?;
        Some(Capsule {
            booking: record.id,
            assignment: assignment.clone(),
            shift: bond.shift,
            device: contact.device,
            driver: start.driver,
            district: district.clone(),
            zone: record.zone()?.clone(),
            attach_epoch: contact.session.as_ref()?.attach_epoch,
            request: record.request()?.clone(),
            eta_s: *eta_s,
            offered_at: *offered_at,
            borrowed: record.held().and_then(|(id, loan)| Some((id, loan.borrowed.as_ref()?.from.clone()))),
        })
    }

    pub(super) fn restore(&mut self, restore: Restore, now: Now) -> Result<Answer, Refusal> {
        self.serves(&restore.district)?;
        self.is_its_own(&restore)?;
        let Restore { shift, district, capsule, .. } = restore;
        if self.knows_bond(&capsule.assignment, capsule.booking) {
            return Ok(Answer::Done);
        }
        if now.utc >= capsule.expires_at() {
            return Err(Refusal::CapsuleExpired);
        }
        let board = self.district(&district).ok_or(Refusal::UnknownShift)?;
        if planted!("capsule-rolled-back-accepted", is_rolled_back(board, &capsule), false) {
            return Err(Refusal::CapsuleRolledBack);
        }
        let lender = self.lender_of(&capsule)?;
        let is_held =
            self.contacts.get(&shift).is_some_and(|contact| contact.slot.holds(&capsule.assignment));
        let record = board.bookings.get(&capsule.booking);
        let said = record.and_then(|record| record.said_of(&capsule.assignment, shift));
        if !is_held || said.is_some_and(|said| said.over_at().is_some() || said.released.is_some()) {
            return Err(Refusal::NoTrip);
        }
        if !self.is_same_wish(&capsule) {
            return Err(Refusal::KeyReused);
        }
        if let Some((loan, borrowed)) = lender {
            self.restore_loan(&capsule, loan, borrowed, now);
        }
        let Capsule { booking, assignment, zone, attach_epoch, request, eta_s, offered_at, .. } = capsule;
        let owner = self.first_owner_of(&district, booking);
        let fact = Fact::TripRestored {
            booking,
            assignment,
            shift,
            request,
            owner,
            attach_epoch,
            eta_s,
            offered_at,
            at: now.utc,
        };
        self.append(&district, zone, fact, now);
        Ok(Answer::Done)
    }

    /// The loan under which the booking was here, and the neighbour that lent it.
    fn lender_of(&self, capsule: &Capsule) -> Result<Option<(LoanId, Borrowed)>, Refusal> {
        let Some((loan, from)) = &capsule.borrowed else { return Ok(None) };
        let of_neighbour = self.neighbour(from).map(|neighbour| &neighbour.district);
        let of_edge = || {
            let mut districts = self.config.districts.iter();
            districts.find(|(_, district)| district.edge.as_ref() == Some(from)).map(|(id, _)| id)
        };
        let district = of_neighbour.or_else(of_edge).filter(|lender| **lender != capsule.district);
        let district = district.cloned().ok_or(Refusal::CapsuleForeign)?;
        Ok(Some((*loan, Borrowed { from: from.clone(), district })))
    }

    /// True unless the rider's wish is known with another content. It may be known in another district, which has lent it
    /// or borrows it.
    fn is_same_wish(&self, capsule: &Capsule) -> bool {
        let known = self.board.districts().filter_map(|(_, board)| board.bookings.get(&capsule.booking));
        let mut known = known.filter_map(BookingRecord::request);
        known.all(|known| known.digest == capsule.request.digest)
    }

    /// The district has the booking on loan again. A node that plans the lender's district too notes there what its
    /// edge would be told by the borrower, so that nobody else is sent from there.
    fn restore_loan(&mut self, capsule: &Capsule, loan: LoanId, borrowed: Borrowed, now: Now) {
        let Capsule { booking, district, zone, request, offered_at, .. } = capsule;
        let (booking, lender) = (*booking, borrowed.district.clone());
        let fact =
            Fact::BookingBorrowed { booking, loan, borrowed, request: request.clone(), at: *offered_at };
        self.append(district, zone.clone(), fact, now);
        self.append(district, zone.clone(), Fact::BookingTransferred { booking, loan }, now);
        let edge = self.sides.get(district).and_then(|side| side.edge(&self.config.id)).cloned();
        if let Some(to) = edge.filter(|_| self.config.role == Role::Central && self.decides(&lender)) {
            let lent = Lent { to, district: district.clone(), at: *offered_at };
            self.note_lent(&lender, booking, loan, lent, now);
        }
    }

    /// A capsule is good for one device of one shift, at nodes of its district, and not where it was made.
    fn is_its_own(&self, restore: &Restore) -> Result<(), Refusal> {
        let Restore { shift, device, driver, district, capsule } = restore;
        let board = self.district(district).ok_or(Refusal::UnknownShift)?;
        if !board.shifts.contains_key(shift) {
            return Err(Refusal::UnknownShift);
        }
        let same_phone = capsule.device == *device && capsule.shift == *shift && capsule.driver == *driver;
        let same_place = capsule.district == *district
            && self.config.districts.get(district).is_some_and(|d| d.zones.contains(&capsule.zone));
        let origin = &capsule.assignment.origin;
        let may_have_asked = *origin == self.config.id
            || self.config.districts.get(district).is_some_and(|d| d.edge.as_ref() == Some(origin))
            || matches!(&self.config.role, Role::Edge { central } if central == origin);
        let of_this_life = self.named_in_this_life(&capsule.assignment)
            && !self.knows_bond(&capsule.assignment, capsule.booking);
        if same_place
            && may_have_asked
            && !of_this_life
            && planted!("capsule-foreign-accepted", same_phone, true)
        {
            Ok(())
        } else {
            Err(Refusal::CapsuleForeign)
        }
    }
}

/// True if a bond of the same shift is known that was made later: by the same node under a later number, or under a
/// later attach epoch, as its own capsule said.
fn is_rolled_back(board: &DistrictBoard, capsule: &Capsule) -> bool {
    let bonds = board.bookings.values().flat_map(|record| &record.assignments);
    bonds.filter(|(_, bond)| bond.shift == capsule.shift).any(|(id, bond)| {
        capsule.is_older_than(id) || bond.restored.is_some_and(|epoch| epoch > capsule.attach_epoch)
    })
}
