//! Free shifts by place, so that whoever asks who is near does not look at every shift on duty.
//!
//! Derived from the board and from what is heard, never journalled, rebuilt at the start. A shift is kept at each place at
//! which [`Node::place_of`] may say that it is: where it was seen here, where its edge saw it, its stand. Which of them holds
//! changes with time alone, so it is asked when somebody looks; to be kept where it no longer is does no harm, so only what
//! gives a shift a new place tells of it here.
//!
//! | a shift gets a place or becomes free by | told in |
//! |---|---|
//! | an entry about it, about its booking, about its stand | `react.rs` |
//! | a beat, an attach | `device.rs` |
//! | what its edge tells of it | `relay.rs` |
//! | a trip, of a feature-phone driver | `home.rs` |
//!
//! A driver with shifts on both sides of a cut may be free on one and not to be asked for the other's sake: that, too, is
//! asked when somebody looks.

use super::Node;
use crate::ids::{BookingId, DistrictId, ShiftId, StandId};
use crate::near::Live;
use crate::position::Position;
use crate::shift::{Serialiser, ShiftRecord};
use crate::units::Now;

/// A free shift whose driver may be asked, and where it is.
#[derive(Debug, Clone, Copy)]
pub struct NearShift<'a> {
    /// The shift.
    pub shift: &'a ShiftRecord,
    /// Where it is.
    pub position: Position,
    /// How far that is, by straight line in metres.
    pub distance_m: f64,
}

impl Node {
    /// The `most` free shifts of a district that are nearest to `from` by straight line and suit, nearest first; of two as
    /// near the one with the lesser id. Those of which nobody knows where they are, are not among them.
    pub fn nearest_free(
        &self,
        district: &DistrictId,
        from: Position,
        most: usize,
        now: Now,
        suits: impl Fn(&ShiftRecord) -> bool,
    ) -> Vec<NearShift<'_>> {
        let (Some(board), Some(free)) = (self.district(district), self.free.get(district)) else {
            return Vec::new();
        };
        let is_there = |shift: ShiftId, position: Position| {
            board.shifts.get(&shift).is_some_and(|shift| {
                self.place_of(shift, district, now) == Some(position)
                    && board.may_be_asked(shift)
                    && suits(shift)
            })
        };
        // Only where it is said to be was it found.
        let found = free.nearest(from, most, is_there).into_iter().filter_map(|(distance_m, shift)| {
            let shift = board.shifts.get(&shift)?;
            Some(NearShift { shift, position: self.place_of(shift, district, now)?, distance_m })
        });
        found.collect()
    }

    /// The free shifts of a district of which nobody knows where they are, by id.
    pub fn free_anywhere<'a>(
        &'a self,
        district: &'a DistrictId,
        now: Now,
    ) -> impl Iterator<Item = &'a ShiftRecord> {
        let board = self.district(district);
        let free = self.free.get(district).into_iter().flat_map(Live::keys);
        let known = free.filter_map(move |shift| Some((board?, board?.shifts.get(&shift)?)));
        let to_ask = known.filter(|(board, shift)| board.may_be_asked(shift)).map(|(_, shift)| shift);
        to_ask.filter(move |shift| self.place_of(shift, district, now).is_none())
    }

    /// Keeps the free shifts of all districts by place, at the start.
    pub(super) fn keep_free_shifts(&mut self) {
        let on_duty = self
            .board
            .districts()
            .flat_map(|(district, board)| board.on_duty().map(move |shift| (district.clone(), shift.id)));
        for (district, shift) in on_duty.collect::<Vec<_>>() {
            self.keep_if_free(&district, shift);
        }
    }

    /// Keeps a shift where it may be, if it is free; else nowhere.
    pub(super) fn keep_if_free(&mut self, district: &DistrictId, shift: ShiftId) {
        let board = self.board.district(district);
        let record = board.and_then(|board| Some((board, board.shifts.get(&shift)?)));
        let places = record.filter(|(board, record)| board.is_free(record)).map(|(_, record)| {
            let is_home =
                matches!(record.start.as_ref().map(|start| &start.serialiser), Some(Serialiser::Home { .. }));
            if is_home {
                [self.last_known_place(record, district), None, None]
            } else {
                let here = self.contacts.get(&shift).and_then(|contact| contact.position);
                let relayed = self.relayed_place(district, shift);
                let (here, relayed) = (here.map(|(at, _)| at), relayed.map(|(at, _)| at));
                [here, relayed, self.place_of_stand(record, district)]
            }
        });
        match (places, self.free.get_mut(district)) {
            (Some(places), Some(free)) => free.put(shift, places),
            (Some(places), None) => self.free.entry(district.clone()).or_default().put(shift, places),
            (None, Some(free)) => free.remove(shift),
            (None, None) => {}
        }
    }

    /// A device of which something was heard in `district` belongs to a shift there or, if it is mistaken, elsewhere.
    pub(super) fn keep_heard(&mut self, district: &DistrictId, shift: ShiftId) {
        if self.district(district).is_some_and(|board| board.shifts.contains_key(&shift)) {
            self.keep_if_free(district, shift);
        } else if let Some((other, _)) = self.board.shift(shift) {
            let other = other.clone();
            self.keep_if_free(&other, shift);
        }
    }

    /// What was written about a booking may have made shifts free, or no longer so.
    pub(super) fn keep_shifts_of(&mut self, district: &DistrictId, booking: BookingId) {
        let record = self.district(district).and_then(|board| board.bookings.get(&booking));
        let bonds = record.into_iter().flat_map(|record| record.assignments.values());
        let mut shifts: Vec<ShiftId> = bonds.map(|bond| bond.shift).collect();
        shifts.sort_unstable();
        shifts.dedup();
        shifts.into_iter().for_each(|shift| self.keep_if_free(district, shift));
    }

    /// A stand was listed: those who wait there are where it is, and feature-phone drivers of whom nothing else is known
    /// are at the first one of the district.
    pub(super) fn keep_shifts_at(&mut self, district: &DistrictId, stand: &StandId) {
        let Some(board) = self.district(district) else { return };
        let mut shifts = board.queue(stand);
        if board.stands.keys().next() == Some(stand) {
            let by_text = board.on_duty().filter(|shift| shift.home().is_some());
            shifts.extend(by_text.map(|shift| shift.id));
        }
        shifts.into_iter().for_each(|shift| self.keep_if_free(district, shift));
    }
}
