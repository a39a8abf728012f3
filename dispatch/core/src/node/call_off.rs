//! Who is called off because another driver goes to the rider.
//!
//! A driver who is on the way, or asked, is let go once the one who goes instead is seen to. A phone may have let go of a
//! bond whose yes is still on its way to a node: whoever gave way to it on the word of the yes alone would leave the rider
//! without a taxi.
//!
//! | the phone of the bond that stands | is seen to go |
//! |---|---|
//! | is heard here, lately | while it holds the bond, confirmed |
//! | is heard by the other node of the district | once that node had [`SETTLES_MS`] to tell that it does not, and could have |
//! | should be heard here, and is not | no: whoever is heard goes on |
//! | has no app: its home edge is the serialiser | at once, by the word of that edge |
//! | any, and the rider is in its taxi | at once |
//!
//! A phone that holds a bond of which the journal knows the question alone is not told to forget it either: its yes is on
//! its way here, may be the one that stands, and would call off another.
//!
//! Whoever is not called off goes on as well, until one of them has the rider on board or the one who is not heard is given up.

use std::collections::BTreeMap;

use super::{Contact, Node};
use crate::booking::{AssignmentRecord, BookingRecord};
use crate::fact::{Release, Step};
use crate::ids::{AssignmentId, BookingId, DistrictId, ShiftId};
use crate::planted;
use crate::units::{Now, Ticks};

/// After a yes a phone tells within a few beats if it has let go, and its node hands that on at its next page.
const SETTLES_MS: u64 = 15_000;
/// A phone tells at once, when it attaches, of what it holds. One whose word has not come by then was refused it.
const YES_COMES_WITHIN_MS: u64 = 60_000;

/// Bookings with a bond that stands beside others that would have to end for it: which one, and since when this is known
/// here.
pub(super) type StandsSince = BTreeMap<(DistrictId, BookingId), (AssignmentId, Ticks)>;

impl Node {
    /// Ends bonds and questions beside the one that stands. Each serialiser is told to let go; a home edge is the
    /// serialiser itself.
    pub(super) fn end_superseded(&mut self, district: &DistrictId, booking: BookingId, now: Now) {
        self.note_standing(district, booking, now);
        let Some(board) = self.district(district) else { return };
        let Some(record) = board.bookings.get(&booking) else { return };
        let ends: Vec<_> = self
            .ends_now(district, record, now)
            .map(|(id, bond, reason)| {
                let home = board.shifts.get(&bond.shift).and_then(|shift| shift.home().cloned());
                (id.clone(), bond.shift, reason, home)
            })
            .collect();
        for (assignment, shift, reason, home) in ends {
            if let Some(question) = self.questions.get_mut(&assignment) {
                question.withdrawn.get_or_insert(reason);
            }
            if home.as_ref() == Some(&self.config.id) {
                self.step_at_home(district, booking, &assignment, Step::Released { reason }, now);
            } else {
                self.push_messages(district, shift, now);
            }
        }
    }

    /// Bonds and questions that must end, unless it is for a driver who is not seen to go, or the yes to a question is on
    /// its way here.
    pub(super) fn ends_now<'a>(
        &'a self,
        district: &'a DistrictId,
        record: &'a BookingRecord,
        now: Now,
    ) -> impl Iterator<Item = (&'a AssignmentId, &'a AssignmentRecord, Release)> {
        let is_seen = self.is_seen_to_stand(district, record, now);
        record.must_end().filter(move |(id, bond, _)| {
            is_seen && !(bond.is_question() && self.awaits_yes(district, id, bond.shift, now))
        })
    }

    /// True if the driver has said yes to a question of another node's, or of an earlier life of this one, and the report
    /// is to be expected. Whoever has the rider on board is told all the same: the phone then tells that again.
    pub(super) fn awaits_yes(
        &self,
        district: &DistrictId,
        assignment: &AssignmentId,
        shift: ShiftId,
        now: Now,
    ) -> bool {
        if self.named_in_this_life(assignment) || !self.is_attached_here(district, shift) {
            return false;
        }
        let Some(contact) = self.contacts.get(&shift) else { return false };
        let since = contact.session.as_ref().map(|session| session.since);
        let is_expected = since.is_some_and(|since| now.ticks.since_ms(since) <= YES_COMES_WITHIN_MS);
        is_expected && contact.slot.iter().any(|held| held.assignment == *assignment && !held.boarded)
    }

    /// Looks again at bookings whose standing bond was not seen to stand.
    pub(super) fn sweep_call_offs(&mut self, district: &DistrictId, now: Now) {
        let here = self.stands_since.keys().filter(|(of, _)| of == district);
        let bookings: Vec<BookingId> = here.map(|(_, booking)| *booking).collect();
        for booking in bookings {
            self.end_superseded(district, booking, now);
        }
    }

    /// Notes, at the start, whom others would be called off for: nothing else may be written about those bookings.
    pub(super) fn note_all_standing(&mut self, now: Now) {
        let open = self
            .board
            .districts()
            .flat_map(|(id, board)| board.open_bookings().map(move |record| (id.clone(), record.id)));
        for (district, booking) in open.collect::<Vec<_>>() {
            self.note_standing(&district, booking, now);
        }
    }

    /// Notes since when the bond that stands is known, if somebody would be called off for it; forgets one that does not
    /// stand any more, or beside nobody.
    fn note_standing(&mut self, district: &DistrictId, booking: BookingId, now: Now) {
        let record = self.district(district).and_then(|board| board.bookings.get(&booking));
        let stands = record
            .filter(|record| record.must_end().next().is_some())
            .and_then(|record| record.standing())
            .map(|(id, _)| id.clone());
        let key = (district.clone(), booking);
        match stands {
            Some(stands) if self.stands_since.get(&key).is_some_and(|(noted, _)| *noted == stands) => {}
            Some(stands) => {
                self.stands_since.insert(key, (stands, now.ticks));
            }
            None => {
                self.stands_since.remove(&key);
            }
        }
    }

    fn is_seen_to_stand(&self, district: &DistrictId, record: &BookingRecord, now: Now) -> bool {
        let Some((stands, bond)) = record.standing() else { return true };
        if planted!("yes-alone-calls-off", bond.carried_since().is_some(), true) {
            return true;
        }
        let heard_within_ms = self.config.timing.offer_contact_ms;
        let contact = self.contacts.get(&bond.shift).filter(|contact| {
            self.is_attached_here(district, bond.shift)
                && now.ticks.since_ms(contact.heard_at) <= heard_within_ms
        });
        match contact {
            Some(contact) => holds(contact, stands),
            None => self.is_told_to_stand(district, record.id, bond.shift, now),
        }
    }

    /// True if the node that hears the driver had time to tell that the bond does not hold any more.
    fn is_told_to_stand(&self, district: &DistrictId, booking: BookingId, shift: ShiftId, now: Now) -> bool {
        let known = self.district(district).and_then(|board| board.shifts.get(&shift));
        if known.is_some_and(|known| known.home().is_some()) {
            return true;
        }
        let Some(node) = self.bound_to(district, shift).filter(|node| **node != self.config.id) else {
            return false;
        };
        let since = self.stands_since.get(&(district.clone(), booking)).map(|(_, since)| *since);
        let settles_at = since.unwrap_or(now.ticks).plus_ms(SETTLES_MS);
        self.level_at.get(node).is_some_and(|level_at| *level_at >= settles_at)
    }
}

fn holds(contact: &Contact, bond: &AssignmentId) -> bool {
    contact.slot.iter().any(|held| held.assignment == *bond && held.confirmed)
}
