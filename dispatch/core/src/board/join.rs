//! How a fact joins what is known: each field takes the least or the greatest, so order does not matter.

use super::index::{put, take};
use super::{DistrictBoard, Stand, TEXTS_MAX, TextAnswer, Touched};
use crate::booking::{Acceptance, AssignmentRecord, BookingRecord, Cancel, Closed};
use crate::command::WAIVE_MAX_MS;
use crate::fact::{Driver, Fact, Owner, Request, ShiftStart, Step};
use crate::ids::{AssignmentId, BookingId, DriverId, NodeId, ShiftId};
use crate::journal::Entry;
use crate::loan::{Loan, LoanId};
use crate::matching::Reasons;
use crate::shift::{Duty, ShiftRecord};
use crate::units::UtcMs;

/// Keeps the lesser.
fn least<T: Ord>(known: &mut Option<T>, new: T) {
    if known.as_ref().is_none_or(|known| new < *known) {
        *known = Some(new);
    }
}

/// Keeps the greater.
fn greatest<T: Ord>(known: &mut Option<T>, new: T) {
    if known.as_ref().is_none_or(|known| new > *known) {
        *known = Some(new);
    }
}

impl DistrictBoard {
    /// Joins the fact of `entry`; returns what it touched.
    pub(super) fn join(&mut self, entry: &Entry, fact: Fact) -> Touched {
        match fact {
            Fact::Opened { .. } => Touched::Nothing,
            Fact::BookingAccepted { booking, request, owner, at } => {
                self.note_receipt(entry, booking);
                self.accept(entry, booking, request, at);
                self.booking(booking).accepted_apart |= owner.apart;
                self.own(booking, owner, None);
                self.touched_booking(booking)
            }
            Fact::BookingOwned { booking, owner, wanted } => {
                self.own(booking, owner, wanted);
                self.touched_booking(booking)
            }
            Fact::BookingLent { booking, loan, lent } => {
                least(&mut self.loan(booking, loan).lent, lent);
                self.touched_booking(booking)
            }
            Fact::BookingBorrowed { booking, loan, borrowed, request, at } => {
                let node = borrowed.from.clone();
                least(&mut self.loan(booking, loan).borrowed, borrowed);
                self.take_in(entry, booking, node, request, at);
                self.touched_booking(booking)
            }
            Fact::BookingTransferred { booking, loan } => {
                self.loan(booking, loan).transferred = true;
                self.touched_booking(booking)
            }
            Fact::BookingReturned { booking, loan } => {
                self.loan(booking, loan).over = true;
                self.touched_booking(booking)
            }
            Fact::LoanTold { booking, loan, number, told } => {
                greatest(&mut self.loan(booking, loan).told, (number, told));
                self.touched_booking(booking)
            }
            Fact::CancelRequested { booking, by, reason, at } => {
                let new = Cancel { hlc: entry.hlc, by, reason, at };
                let known = &mut self.booking(booking).cancel;
                if known.as_ref().is_none_or(|known| new.rank() < known.rank()) {
                    *known = Some(new);
                }
                self.touched_booking(booking)
            }
            Fact::Offered { booking, assignment, shift, eta_s, why, at } => {
                self.ask(booking, &assignment, shift);
                least(&mut self.said(booking, assignment, shift).offered, (eta_s, at, why));
                self.touched_booking(booking)
            }
            Fact::Stepped { booking, assignment, shift, what, at } => {
                step(self.said(booking, assignment, shift), what, at);
                self.touched_booking(booking)
            }
            Fact::TripClosed { booking, assignment, shift, reason, fare, at } => {
                let closed = Closed { hlc: entry.hlc, at, reason, fare };
                least(&mut self.said(booking, assignment, shift).closed, closed);
                self.touched_booking(booking)
            }
            Fact::StreetHailed { booking, assignment, shift, request, at } => {
                self.note_receipt(entry, booking);
                self.accept(entry, booking, request, at);
                self.ask(booking, &assignment, shift);
                let bond = self.said(booking, assignment, shift);
                least(&mut bond.assigned_at, at);
                least(&mut bond.arrived_at, at);
                least(&mut bond.boarded, (at, crate::fact::PinCheck::NotNeeded));
                self.touched_booking(booking)
            }
            Fact::TripRestored {
                booking,
                assignment,
                shift,
                request,
                owner,
                attach_epoch,
                eta_s,
                offered_at,
                ..
            } => {
                self.accept(entry, booking, request, offered_at);
                self.own(booking, owner, None);
                self.ask(booking, &assignment, shift);
                let bond = self.said(booking, assignment, shift);
                let why = Reasons::alone("restored");
                least(&mut bond.offered, (eta_s, offered_at, why));
                least(&mut bond.assigned_at, offered_at);
                greatest(&mut bond.restored, attach_epoch);
                self.touched_booking(booking)
            }
            Fact::ShiftStarted { shift, start } => {
                self.start(shift, start);
                self.index_shift(shift);
                Touched::Shift(shift)
            }
            Fact::DutyChanged { shift, number, duty, at } => {
                self.change_duty(shift, number, duty, at);
                Touched::Shift(shift)
            }
            Fact::Attached { shift, attach_epoch, node, .. } => {
                greatest(&mut self.shift(shift).attached, (attach_epoch, node));
                Touched::Shift(shift)
            }
            Fact::StandChanged { shift, stand, at } => {
                greatest(&mut self.shift(shift).stand, (entry.hlc, stand, at));
                self.index_shift(shift);
                Touched::Shift(shift)
            }
            Fact::TextAnswered { driver, command, answer } => {
                self.remember(driver, TextAnswer { hlc: entry.hlc, command, answer });
                Touched::Nothing
            }
            Fact::ZoneGranted { epoch } => {
                self.authority.granted = self.authority.granted.max(epoch);
                Touched::Authority
            }
            Fact::ZoneTaken { epoch, cause, .. } => {
                greatest(&mut self.authority.taken, (epoch, cause));
                Touched::Authority
            }
            Fact::ZoneReturned { epoch } => {
                self.authority.returned = self.authority.returned.max(epoch);
                Touched::Authority
            }
            Fact::SeriesSetAside(decision) => {
                self.set_aside.insert(decision);
                Touched::Authority
            }
            Fact::BansWaived { until, at } => {
                // A longer one no operator was let to give: it counts for nothing.
                if until <= at.plus_ms(WAIVE_MAX_MS) {
                    greatest(&mut self.bans_waived, (entry.hlc, until));
                }
                Touched::Authority
            }
            Fact::Charged { booking, amount } => {
                least(&mut self.booking(booking).charged, amount);
                self.touched_booking(booking)
            }
            Fact::DriverListed { driver } => {
                self.list(entry, driver);
                Touched::Roster
            }
            Fact::StandListed { stand, name_ko, name_en, position, .. } => {
                let new = Stand { hlc: entry.hlc, name_ko, name_en, position };
                if self.stands.get(&stand).is_none_or(|known| new > *known) {
                    self.stands.insert(stand.clone(), new);
                }
                Touched::Stand(stand)
            }
        }
    }

    /// A node heard the rider's wish from the rider, or from whoever the rider told.
    fn note_receipt(&mut self, entry: &Entry, booking: BookingId) {
        let heard = self.booking(booking).accepted_by.entry(entry.series.origin.clone());
        heard.and_modify(|hlc| *hlc = (*hlc).min(entry.hlc)).or_insert(entry.hlc);
    }

    fn accept(&mut self, entry: &Entry, booking: BookingId, request: Request, at: UtcMs) {
        let node = entry.series.origin.clone();
        self.take_in(entry, booking, node, request, at);
    }

    /// Notes what was asked; of several acceptances the earliest stands.
    fn take_in(&mut self, entry: &Entry, booking: BookingId, node: NodeId, request: Request, at: UtcMs) {
        let record = self.booking(booking);
        let phone_before = record.request().and_then(|request| request.phone.clone());
        least(
            &mut record.accepted,
            Acceptance { hlc: entry.hlc, node, zone: entry.zone.clone(), at, request },
        );
        // The number of the acceptance that stands now is noted with the booking.
        if let Some(phone) = phone_before {
            take(&mut self.index.bookings_of_phone, &phone, &booking);
        }
    }

    fn start(&mut self, shift: ShiftId, start: ShiftStart) {
        let record = self.shift(shift);
        let driver_before = record.start.as_ref().map(|start| start.driver);
        least(&mut record.start, start);
        let driver = record.start.as_ref().map(|start| start.driver);
        if let Some(before) = driver_before.filter(|before| Some(*before) != driver) {
            take(&mut self.index.shifts_of_driver, &before, &shift);
        }
        self.index_shift(shift);
    }

    /// A shift that has ended stays ended, whatever number a device gives to its next change.
    fn change_duty(&mut self, shift: ShiftId, number: u64, duty: Duty, at: UtcMs) {
        let rank = |(number, duty, at): (u64, Duty, UtcMs)| (duty == Duty::Ended, number, duty, at);
        let known = &mut self.shift(shift).duty;
        let new = (number, duty, at);
        if known.is_none_or(|known| rank(new) > rank(known)) {
            *known = Some(new);
        }
        self.index_shift(shift);
    }

    fn list(&mut self, entry: &Entry, driver: Driver) {
        let (id, new) = (driver.driver, (entry.hlc, driver));
        if self.drivers.get(&id).is_some_and(|known| new <= *known) {
            return;
        }
        let phone = new.1.phone.clone();
        let before = self.drivers.insert(id, new).and_then(|(_, before)| before.phone);
        if let Some(phone) = before {
            take(&mut self.index.drivers_of_phone, &phone, &id);
        }
        if let Some(phone) = phone {
            put(&mut self.index.drivers_of_phone, phone, id);
        }
    }

    /// The latest texts stand, in whatever order they arrive.
    fn remember(&mut self, driver: DriverId, text: TextAnswer) {
        let texts = self.texts.entry(driver).or_default();
        let rank = |text: &TextAnswer| (text.hlc, text.command);
        if let Err(place) = texts.binary_search_by_key(&rank(&text), rank) {
            texts.insert(place, text);
        }
        if texts.len() > TEXTS_MAX {
            texts.remove(0);
        }
    }

    fn own(&mut self, booking: BookingId, owner: Owner, wanted: Option<ShiftId>) {
        greatest(&mut self.booking(booking).owner, (owner, wanted));
    }

    fn loan(&mut self, booking: BookingId, loan: LoanId) -> &mut Loan {
        self.booking(booking).loans.entry(loan).or_default()
    }

    fn booking(&mut self, booking: BookingId) -> &mut BookingRecord {
        self.bookings.entry(booking).or_insert_with(|| BookingRecord::unknown(booking))
    }

    /// Where it is written what `shift` said of a bond: in the bond, if that shift was asked, else as a claim.
    fn said(
        &mut self,
        booking: BookingId,
        assignment: AssignmentId,
        shift: ShiftId,
    ) -> &mut AssignmentRecord {
        let record = self.booking(booking);
        match record.assignments.get(&assignment) {
            Some(bond) if bond.shift == shift => {
                record.assignments.get_mut(&assignment).expect("it was found on the line before")
            }
            Some(_) | None => {
                let claims = record.claims.entry(assignment).or_default();
                claims.entry(shift).or_insert_with(|| AssignmentRecord::new(shift))
            }
        }
    }

    /// `shift` was asked under this name: what it claimed so far counts from now on. Where a faulty node asks two
    /// shifts under one name, the lesser stands everywhere.
    fn ask(&mut self, booking: BookingId, assignment: &AssignmentId, shift: ShiftId) {
        let record = self.booking(booking);
        let before = record.assignments.get(assignment).map(|bond| bond.shift);
        if before.is_some_and(|before| before <= shift) {
            return;
        }
        let mut claims = record.claims.remove(assignment).unwrap_or_default();
        let bond = claims.remove(&shift).unwrap_or_else(|| AssignmentRecord::new(shift));
        let given_up = record.assignments.insert(assignment.clone(), bond);
        claims.extend(given_up.map(|bond| (bond.shift, bond)));
        if !claims.is_empty() {
            record.claims.insert(assignment.clone(), claims);
        }
        let item = (booking, assignment.clone());
        if let Some(before) = before {
            take(&mut self.index.bonds, &before, &item);
        }
        take(&mut self.index.claims, &shift, &item);
    }

    fn shift(&mut self, shift: ShiftId) -> &mut ShiftRecord {
        self.shifts.entry(shift).or_insert_with(|| ShiftRecord::unknown(shift))
    }

    fn touched_booking(&mut self, booking: BookingId) -> Touched {
        self.index_booking(booking);
        Touched::Booking(booking)
    }
}

fn step(bond: &mut AssignmentRecord, what: Step, at: UtcMs) {
    match what {
        Step::Assigned => least(&mut bond.assigned_at, at),
        Step::Arrived => least(&mut bond.arrived_at, at),
        Step::Boarded { pin } => least(&mut bond.boarded, (at, pin)),
        Step::Done { fare } => {
            // The highest revision stands; of equal ones the earliest, and then the lesser content.
            let new = (std::cmp::Reverse(fare.revision), at, fare.clone());
            let stands = bond.done.as_ref().is_some_and(|(known_at, known)| {
                (std::cmp::Reverse(known.revision), *known_at, known.clone()) <= new
            });
            if !stands {
                bond.done = Some((at, fare));
            }
        }
        Step::Released { reason } => least(&mut bond.released, (at, reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::town::{Town, gangnam, minute};
    use super::*;

    #[test]
    fn a_waiver_that_no_operator_could_give_counts_for_nothing() {
        let mut town = Town::new();
        let at = minute(1);
        let waived = |town: &Town| town.board.district(&gangnam()).and_then(|district| district.bans_waived);
        town.write("e", at, &Fact::BansWaived { until: at.plus_ms(WAIVE_MAX_MS + 1), at });
        assert_eq!(waived(&town), None);
        town.write("e", at, &Fact::BansWaived { until: at.plus_ms(WAIVE_MAX_MS), at });
        assert_eq!(waived(&town).map(|(_, until)| until), Some(at.plus_ms(WAIVE_MAX_MS)));
    }
}
