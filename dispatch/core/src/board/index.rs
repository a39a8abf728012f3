//! What is found fast in a district, so that no entry and no text costs a walk over everything that is known.

use std::collections::{BTreeMap, BTreeSet};

use super::DistrictBoard;
use crate::fact::PhoneKey;
use crate::ids::{AssignmentId, BookingId, DriverId, ShiftId, StandId};
use crate::shift::Duty;
use crate::units::UtcMs;

/// What is found fast; rebuilt after a restart, never hashed. No set in it is empty.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// Live bonds and open questions.
    pub(super) bonds: BTreeMap<ShiftId, BTreeSet<(BookingId, AssignmentId)>>,
    pub(super) claims: BTreeMap<ShiftId, BTreeSet<(BookingId, AssignmentId)>>,
    /// Trips that an operator closed and of which the driver has not told the end.
    pub(super) closed: BTreeMap<ShiftId, BTreeSet<(BookingId, AssignmentId)>>,
    pub(super) open: BTreeSet<BookingId>,
    /// Bookings with a loan that is still to be talked about.
    pub(super) loans: BTreeSet<BookingId>,
    pub(super) on_duty: BTreeSet<ShiftId>,
    pub(super) ended_with_bonds: BTreeSet<ShiftId>,
    /// Those on duty.
    pub(super) shifts_of_driver: BTreeMap<DriverId, BTreeSet<ShiftId>>,
    pub(super) drivers_of_phone: BTreeMap<PhoneKey, BTreeSet<DriverId>>,
    pub(super) bookings_of_phone: BTreeMap<PhoneKey, BTreeSet<BookingId>>,
    /// Who waits at a stand, in the order of joining, and where each waits.
    queues: BTreeMap<StandId, BTreeSet<(UtcMs, ShiftId)>>,
    waits_at: BTreeMap<ShiftId, (StandId, UtcMs)>,
}

/// Puts `item` under `key`.
pub(super) fn put<K: Ord, T: Ord>(sets: &mut BTreeMap<K, BTreeSet<T>>, key: K, item: T) {
    sets.entry(key).or_default().insert(item);
}

/// Takes `item` from under `key`.
pub(super) fn take<K: Ord, T: Ord>(sets: &mut BTreeMap<K, BTreeSet<T>>, key: &K, item: &T) {
    if let Some(set) = sets.get_mut(key) {
        set.remove(item);
        if set.is_empty() {
            sets.remove(key);
        }
    }
}

impl Index {
    /// Shifts waiting at `stand`, first in the queue first.
    pub(super) fn queue(&self, stand: &StandId) -> impl Iterator<Item = ShiftId> {
        self.queues.get(stand).into_iter().flatten().map(|(_, shift)| *shift)
    }

    fn wait(&mut self, shift: ShiftId, at: Option<(StandId, UtcMs)>) {
        let before = match at.clone() {
            Some(at) => self.waits_at.insert(shift, at),
            None => self.waits_at.remove(&shift),
        };
        if let Some((stand, since)) = before {
            take(&mut self.queues, &stand, &(since, shift));
        }
        if let Some((stand, since)) = at {
            put(&mut self.queues, stand, (since, shift));
        }
    }
}

impl DistrictBoard {
    pub(crate) fn rebuild_index(&mut self) {
        self.index = Index::default();
        for booking in self.bookings.keys().copied().collect::<Vec<_>>() {
            self.index_booking(booking);
        }
        for shift in self.shifts.keys().copied().collect::<Vec<_>>() {
            self.index_shift(shift);
        }
        for (_, driver) in self.drivers.values() {
            if let Some(phone) = &driver.phone {
                put(&mut self.index.drivers_of_phone, phone.clone(), driver.driver);
            }
        }
    }

    pub(super) fn index_shift(&mut self, shift: ShiftId) {
        let Some(record) = self.shifts.get(&shift) else { return };
        let Some(driver) = record.start.as_ref().map(|start| start.driver) else { return };
        let index = &mut self.index;
        if record.is_on_duty() {
            index.on_duty.insert(shift);
            put(&mut index.shifts_of_driver, driver, shift);
            index.wait(shift, record.waits_at().map(|(stand, since)| (stand.clone(), since)));
        } else {
            index.on_duty.remove(&shift);
            take(&mut index.shifts_of_driver, &driver, &shift);
            index.wait(shift, None);
        }
        self.index_ended(shift);
    }

    /// Notes whether the shift has ended with a bond.
    fn index_ended(&mut self, shift: ShiftId) {
        let has_ended = self.shifts.get(&shift).and_then(|shift| shift.duty()) == Some(Duty::Ended);
        if has_ended && self.index.bonds.contains_key(&shift) {
            self.index.ended_with_bonds.insert(shift);
        } else {
            self.index.ended_with_bonds.remove(&shift);
        }
    }

    pub(super) fn index_booking(&mut self, booking: BookingId) {
        let Some(record) = self.bookings.get(&booking) else { return };
        let index = &mut self.index;
        if record.status().is_closed() || record.accepted.is_none() {
            index.open.remove(&booking);
        } else {
            index.open.insert(booking);
        }
        if record.has_open_loan() {
            index.loans.insert(booking);
        } else {
            index.loans.remove(&booking);
        }
        if let Some(phone) = record.request().and_then(|request| request.phone.clone()) {
            put(&mut index.bookings_of_phone, phone, booking);
        }
        for (assignment, bond) in &record.assignments {
            let item = (booking, assignment.clone());
            if bond.closed.is_some() && bond.done.is_none() {
                put(&mut index.closed, bond.shift, item.clone());
            } else {
                take(&mut index.closed, &bond.shift, &item);
            }
            if bond.binds() || bond.is_question() {
                put(&mut index.bonds, bond.shift, item);
            } else {
                take(&mut index.bonds, &bond.shift, &item);
            }
        }
        for (assignment, claims) in &record.claims {
            for shift in claims.keys() {
                put(&mut index.claims, *shift, (booking, assignment.clone()));
            }
        }
        let shifts: BTreeSet<ShiftId> = record.assignments.values().map(|bond| bond.shift).collect();
        for shift in shifts {
            self.index_ended(shift);
        }
    }
}
