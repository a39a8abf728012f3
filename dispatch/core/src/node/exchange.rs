//! Which taxis on their way may be exchanged: a rider whose taxi is still far gets another, and that taxi goes where it is
//! nearer. How a plan with them is made: [`crate::matching::plan_exchanges`].
//!
//! ```text
//!   A drives to a rider      F is asked instead of A     F says yes and stands      A is told to let go
//!   rider: A ──────────────▶ rider: A, F in question ──▶ rider: F ────────────────▶ A is free, and asked for another
//!                              │ no, or no answer: A drives on as if nothing had been asked
//! ```
//!
//! The rider has a taxi at every moment, because the first is let go by nothing but the second one's yes.
//!
//! | not exchanged | why |
//! |---|---|
//! | a taxi within [`crate::matching::RollingRules::lock_s`] of its pickup, or there | the rider may see it already |
//! | for a driver by text or one whom another node hears | the yes takes too long |
//! | of riders who look at no page: by text, by telephone, from the street | each change would be a text, or told by nobody |
//! | what an operator or a stand's queue decided, and loans | it is another's decision |
//! | more than [`EXCHANGES_MAX`] times, or for a taxi that comes much later than was promised first | riders and drivers hate it |

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::Node;
use crate::board::DistrictBoard;
use crate::booking::{AssignmentRecord, BookingRecord, Door, Status};
use crate::ids::{AssignmentId, BookingId, DistrictId, ShiftId};
use crate::matching::{EXCHANGES_MAX, FreeShift, LATER_MAX_MS, OpenBooking, Snapshot};
use crate::units::{Now, UtcMs};

/// Taxis on their way that one plan looks at, those with the longest way left: keeps a plan short in a big town.
const LOOKED_AT_MAX: usize = 200;
/// Between two looks for exchanges while nobody waits without a taxi, in milliseconds: at least, and so much for each district,
/// because one node looks at all of its own.
const LOOK_EVERY_MS: (u64, u64) = (2_000, 500);
/// Rules whose choice a later plan may better.
const RULES: [&str; 2] = ["nearest", "least_wait"];

/// The taxis on their way that a plan may send elsewhere.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    /// The bond of each rider's.
    pub(super) bonds: BTreeMap<BookingId, AssignmentId>,
    /// Those whose riders somebody is asked to take over.
    pub(super) in_question: BTreeSet<ShiftId>,
}

impl Node {
    /// True if a plan is to be made for exchanges alone.
    pub(super) fn is_exchange_due(&self, district: &DistrictId, now: Now) -> bool {
        let every_ms = look_every_ms(self.config.districts.len());
        self.exchanged_at.get(district).is_none_or(|at| now.ticks.since_ms(*at) >= every_ms)
    }

    /// Adds the taxis on their way and their riders to what a plan is made from.
    pub(super) fn add_under_way(
        &self,
        district: &DistrictId,
        now: Now,
        snapshot: &mut Snapshot<'_>,
    ) -> UnderWay {
        let board = self.district(district);
        let open =
            board.into_iter().flat_map(|board| board.open_bookings().map(move |record| (board, record)));
        let mut taxis: Vec<Taxi> =
            open.filter_map(|(board, record)| self.taxi_under_way(district, board, record, now)).collect();
        taxis.sort_by_key(|taxi| (Reverse(taxi.expected_at), taxi.shift.shift));
        taxis.truncate(LOOKED_AT_MAX);
        let mut under_way = UnderWay::default();
        for Taxi { bond, shift, wish, .. } in taxis {
            if let Some(wish) = wish {
                under_way.bonds.insert(wish.booking, bond);
                snapshot.bookings.push(wish);
            } else {
                under_way.in_question.insert(shift.shift);
            }
            snapshot.shifts.push(shift);
        }
        under_way
    }

    fn taxi_under_way(
        &self,
        district: &DistrictId,
        board: &DistrictBoard,
        record: &BookingRecord,
        now: Now,
    ) -> Option<Taxi> {
        let is_ours = self.may_plan(district, record) && record.loans.is_empty();
        // A cancel that gives way to a taxi lets nobody take over from it.
        if record.status() != Status::Assigned || record.cancel.is_some() || !is_ours {
            return None;
        }
        let request = record.request()?;
        let (id, bond) = record.standing()?;
        let (eta_s, asked_at, why) = bond.offered.as_ref()?;
        let is_on_screen = request.text_home.is_none() && matches!(request.door, Door::App | Door::Web);
        if !is_on_screen || !RULES.contains(&why.rule.as_str()) || changes(record) >= EXCHANGES_MAX {
            return None;
        }
        // Who was taken over from and has not heard of it may yet arrive: one at a time.
        if record.assignments.values().filter(|bond| bond.binds()).count() > 1 {
            return None;
        }
        let shift = board.shifts.get(&bond.shift).filter(|shift| shift.is_available())?;
        if !self.holds_nothing_else(district, shift.id, id, now) || self.recalled.contains_key(id) {
            return None;
        }
        let wish = self.wish(record, now).map(|wish| OpenBooking {
            planned: Some(shift.id),
            promised_at: promised_at(record).map(|at| at.plus_ms(LATER_MAX_MS)),
            ..wish
        });
        let expected_at = asked_at.plus_ms(u64::from(*eta_s) * 1_000);
        Some(Taxi { bond: id.clone(), shift: self.candidate(shift, district, now)?, wish, expected_at })
    }

    /// True if the phone is heard here and has said that it holds this bond and nothing else.
    fn holds_nothing_else(
        &self,
        district: &DistrictId,
        shift: ShiftId,
        bond: &AssignmentId,
        now: Now,
    ) -> bool {
        let Some(contact) = self.contacts.get(&shift) else { return false };
        let is_heard = now.ticks.since_ms(contact.heard_at) <= self.config.timing.offer_contact_ms;
        let mut held = contact.slot.iter();
        let holds_it =
            held.next().is_some_and(|held| held.assignment == *bond && held.confirmed && !held.boarded);
        is_heard && holds_it && held.next().is_none() && self.is_attached_here(district, shift)
    }
}

/// A taxi on its way.
struct Taxi {
    bond: AssignmentId,
    shift: FreeShift,
    /// What its rider wants; none while somebody is asked to take over.
    wish: Option<OpenBooking>,
    /// When it was expected at the pickup.
    expected_at: UtcMs,
}

fn look_every_ms(districts: usize) -> u64 {
    LOOK_EVERY_MS.0.max(LOOK_EVERY_MS.1 * districts as u64)
}

/// Times that the booking's taxi was exchanged.
fn changes(record: &BookingRecord) -> usize {
    let taken = |bond: &&AssignmentRecord| bond.instead_of().is_some() && bond.has_taken_over();
    record.assignments.values().filter(taken).count()
}

/// When the first taxi was to come.
fn promised_at(record: &BookingRecord) -> Option<UtcMs> {
    let taken = record.assignments.values().filter(|bond| bond.assigned_at.is_some());
    let offers = taken.filter_map(|bond| bond.offered.as_ref());
    let (eta_s, at, _) = offers.min_by_key(|(_, at, _)| *at)?;
    Some(at.plus_ms(u64::from(*eta_s) * 1_000))
}

#[cfg(test)]
mod tests {
    use super::look_every_ms;

    #[test]
    fn a_node_of_many_districts_looks_at_each_less_often() {
        assert_eq!([1, 4, 5, 25].map(look_every_ms), [2_000, 2_000, 2_500, 12_500]);
    }
}
