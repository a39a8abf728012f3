//! What a change of a booking causes: charges and the end of duplicates. Texts are in `tell.rs`, revokes in `call_off.rs`.

use super::Node;
use super::lease::Side;
use super::tell::Glance;
use crate::board::Touched;
use crate::booking::{BookingRecord, CancelReason, Due, Party, Status};
use crate::face::{Change, Role};
use crate::fact::{Fact, district_wide};
use crate::ids::{BookingId, DistrictId, ShiftId};
use crate::planted;
use crate::reconcile::{Conflict, duplicates_of};
use crate::units::{Now, UtcMs};

impl Node {
    pub(super) fn react(
        &mut self,
        district: &DistrictId,
        touched: &Touched,
        before: Option<Glance>,
        written_at: UtcMs,
        now: Now,
    ) {
        match touched {
            Touched::Booking(booking) => {
                let before_status = before.as_ref().map(Glance::status);
                if !self.waits_here(district, *booking) {
                    self.waits_since.remove(booking);
                }
                self.changed(Change::Booking(district.clone(), *booking));
                self.dirty.insert(district.clone());
                self.keep_shifts_of(district, *booking);
                self.forget_recalled(district, *booking);
                self.tell_rider(district, *booking, before, written_at, now);
                // Of a page, what it says first may be taken back by what it says last.
                if !self.is_in_page(district, *booking) {
                    self.end_superseded(district, *booking, now);
                }
                self.charge(district, *booking, now);
                self.end_duplicate(district, *booking, before_status, now);
            }
            Touched::Shift(shift) => {
                self.changed(Change::Shift(district.clone(), *shift));
                self.dirty.insert(district.clone());
                self.keep_if_free(district, *shift);
                self.forget_if_ended(district, *shift);
            }
            Touched::Authority => self.changed(Change::Mode(district.clone())),
            Touched::Stand(stand) => self.keep_shifts_at(district, stand),
            Touched::Roster | Touched::Nothing => {}
        }
    }

    /// Forgets what this life kept for a feature-phone driver's shift that has ended.
    fn forget_if_ended(&mut self, district: &DistrictId, shift: ShiftId) {
        let known = self.district(district).and_then(|board| board.shifts.get(&shift));
        if known.is_some_and(|shift| shift.home().is_some() && !shift.is_on_duty()) {
            self.over.remove(&shift);
            self.last_seen.remove(&shift);
            for letter in 'A'..='Z' {
                self.letters.remove(&(shift, letter));
            }
        }
    }

    /// Forgets what an operator wanted back and another node was told has ended.
    fn forget_recalled(&mut self, district: &DistrictId, booking: BookingId) {
        if self.recalled.is_empty() {
            return;
        }
        let Some(record) = self.board.district(district).and_then(|board| board.bookings.get(&booking))
        else {
            return;
        };
        for (id, _) in record.assignments.iter().filter(|(_, bond)| !bond.binds()) {
            self.recalled.remove(id);
        }
    }

    /// True if this node looks for somebody to take the booking.
    fn waits_here(&self, district: &DistrictId, booking: BookingId) -> bool {
        self.district(district).and_then(|district| district.bookings.get(&booking)).is_some_and(|record| {
            self.owns(record) && matches!(record.status(), Status::Open | Status::Offered)
        })
    }

    /// Charges a finished trip: central only, once for a booking, and only what [`BookingRecord::due`] allows. Two
    /// cars that say they carried the rider, or a fare that does not fit the booking, are an operator's case.
    fn charge(&mut self, district: &DistrictId, booking: BookingId, now: Now) {
        if !self.may_charge(district) {
            return;
        }
        let Some(record) = self.district(district).and_then(|district| district.bookings.get(&booking))
        else {
            return;
        };
        if self.is_carried_elsewhere(district, booking) || !self.knows_charges_of_loans(record) {
            return;
        }
        if let Due::Charge(amount) = planted!("charge-per-assignment", record.due(), record.due_of_each()) {
            let zone = record.zone().cloned().unwrap_or_else(district_wide);
            self.append(district, zone, Fact::Charged { booking, amount }, now);
        }
    }

    /// True if a taxi of another district has carried the rider, too, or was charged: a human decides.
    fn is_carried_elsewhere(&self, district: &DistrictId, booking: BookingId) -> bool {
        let others = self.board.districts().filter(|(id, _)| *id != district);
        let records = others.filter_map(|(_, board)| board.bookings.get(&booking));
        records.into_iter().any(|record| {
            record.charged.is_some() || record.assignments.values().any(|bond| bond.boarded.is_some())
        })
    }

    /// True if this node knows every charge that it ever made in the other districts of the booking's loans.
    fn knows_charges_of_loans(&self, record: &BookingRecord) -> bool {
        let others = record.loans.values().flat_map(|loan| {
            let from = loan.borrowed.as_ref().map(|borrowed| &borrowed.district);
            from.into_iter().chain(loan.lent.as_ref().map(|lent| &lent.district))
        });
        others.into_iter().all(|other| !self.sides.contains_key(other) || self.may_charge(other))
    }

    /// True if this node knows every charge that it ever made in the district: central, once it has joined histories
    /// with the edge in this life. Its store may have been restored from a copy that lacks some.
    fn may_charge(&self, district: &DistrictId) -> bool {
        match self.sides.get(district) {
            Some(Side::Central(side)) => {
                planted!("charge-before-joining", side.edge.is_none() || side.granted, true)
            }
            Some(Side::Edge(_)) | None => false,
        }
    }

    /// Charges what ended while this node did not know yet what it had charged: there, and for loans elsewhere.
    pub(super) fn charge_what_waited(&mut self, now: Now) {
        let of_all = self.board.districts().flat_map(|(id, board)| {
            let due = board.bookings.values().filter(|record| matches!(record.due(), Due::Charge(_)));
            due.map(move |record| (id.clone(), record.id))
        });
        for (district, booking) in of_all.collect::<Vec<_>>() {
            self.charge(&district, booking, now);
        }
    }

    /// Ends the other one of two bookings that a rider made on both sides of a cut, once this one has boarded.
    /// Central alone does it, so that both sides never end each other's.
    fn end_duplicate(&mut self, district: &DistrictId, booking: BookingId, before: Option<Status>, now: Now) {
        if self.config.role != Role::Central {
            return;
        }
        let Some(board) = self.district(district) else { return };
        let Some(record) = board.bookings.get(&booking) else { return };
        let has_boarded = before != Some(Status::Boarded) && record.status() == Status::Boarded;
        let phone = record.request().and_then(|request| request.phone.as_ref());
        let Some(phone) = phone.filter(|_| has_boarded) else { return };
        let losers: Vec<BookingId> = duplicates_of(board, phone)
            .iter()
            .filter(|conflict| conflict.bookings.contains(&booking))
            .filter_map(Conflict::loser)
            .collect();
        for loser in losers {
            // A refusal means that it is closed or has boarded too, which is then an operator's case.
            let _refused = self.cancel(loser, Party::System, CancelReason::Duplicate, now);
        }
    }
}
