//! The nearest pair first: the yardstick, and what is easiest to explain.
//!
//! A shortage is served from whichever side is short. Only shifts that are ready are asked, and what is planned stays.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ask, FreeShift, OpenBooking, Plan, Policy, Reasons, Snapshot, Unmatched};
use crate::booking::Priority;
use crate::ids::{BookingId, ShiftId};
use crate::position::Position;
use crate::units::UtcMs;

/// Shifts considered for one booking, nearest by straight line first; bounds the cost of a plan.
const CANDIDATES_MAX: usize = 12;
/// Bookings considered in one plan, most urgent first; the rest wait for the next one.
const BOOKINGS_MAX: usize = 500;

/// Shortest drive first; a stand's queue goes before for riders who wait at the stand.
#[derive(Debug, Clone, Copy, Default)]
pub struct NearestPair;

impl Policy for NearestPair {
    fn plan(&self, snapshot: &Snapshot<'_>) -> Plan {
        let mut bookings: Vec<&OpenBooking> = snapshot.bookings.iter().collect();
        bookings.sort_by_key(|b| (b.priority, b.waits_since, b.booking));
        bookings.truncate(BOOKINGS_MAX);

        let candidates: BTreeMap<BookingId, Vec<(u32, &FreeShift)>> =
            bookings.iter().map(|b| (b.booking, candidates(b, snapshot))).collect();
        let mut plan = Plan::default();
        let mut taken = BTreeSet::new();
        let mut settled = BTreeSet::new();

        for booking in &bookings {
            if let Some(ask) = from_stand_queue(booking, &candidates[&booking.booking], &taken) {
                taken.insert(ask.shift);
                settled.insert(booking.booking);
                plan.asks.push(ask);
            }
        }

        let mut pairs: Vec<(Priority, u32, UtcMs, BookingId, ShiftId)> = bookings
            .iter()
            .flat_map(|b| {
                candidates[&b.booking]
                    .iter()
                    .map(|(eta_s, s)| (b.priority, *eta_s, b.waits_since, b.booking, s.shift))
            })
            .collect();
        pairs.sort_unstable();
        for (_, eta_s, _, booking, shift) in pairs {
            if settled.contains(&booking) || taken.contains(&shift) {
                continue;
            }
            settled.insert(booking);
            taken.insert(shift);
            let rule = if snapshot.bookings.iter().any(|b| b.booking == booking && b.only.is_some()) {
                "handed_over"
            } else {
                "nearest"
            };
            plan.asks.push(Ask { booking, shift, eta_s, why: why(rule, shift, &candidates[&booking]) });
        }

        for booking in &bookings {
            if !settled.contains(&booking.booking) {
                plan.unmatched
                    .push((booking.booking, why_unmatched(booking, &candidates[&booking.booking], snapshot)));
            }
        }
        plan
    }
}

/// Suitable shifts within reach, shortest drive first.
fn candidates<'a>(booking: &OpenBooking, snapshot: &'a Snapshot<'_>) -> Vec<(u32, &'a FreeShift)> {
    let mut near: Vec<(u64, &FreeShift)> = snapshot
        .shifts
        .iter()
        .filter(|shift| shift.ready_in_s == 0 && booking.suits(shift))
        .map(|shift| (straight_mm(booking.pickup, shift.position), shift))
        .collect();
    near.sort_by_key(|(mm, shift)| (*mm, shift.shift));
    near.truncate(CANDIDATES_MAX);
    let sources: Vec<Position> = near.iter().map(|(_, shift)| shift.position).collect();
    let mut reachable: Vec<(u32, &FreeShift)> = snapshot
        .travel
        .durations_s(booking.pickup, &sources)
        .into_iter()
        .zip(near)
        .filter_map(|(eta_s, (_, shift))| Some((eta_s?, shift)))
        .filter(|(eta_s, shift)| {
            *eta_s <= snapshot.reach_s && booking.is_met_by(shift, *eta_s, 0, snapshot.now)
        })
        .collect();
    reachable.sort_by_key(|(eta_s, shift)| (*eta_s, shift.idle_since, shift.shift));
    reachable
}

/// Whole millimetres, so that sorting needs no floating-point order.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 2e10 mm, never negative")]
fn straight_mm(a: Position, b: Position) -> u64 {
    (a.distance_m(b) * 1_000.0) as u64
}

fn from_stand_queue(
    booking: &OpenBooking,
    candidates: &[(u32, &FreeShift)],
    taken: &BTreeSet<ShiftId>,
) -> Option<Ask> {
    let stand = booking.stand.as_ref()?;
    let (_, eta_s, shift) = candidates
        .iter()
        .filter(|(_, shift)| !taken.contains(&shift.shift))
        .filter_map(|(eta_s, shift)| {
            let (at, since) = shift.waits_at.as_ref()?;
            (at == stand).then_some((*since, *eta_s, shift.shift))
        })
        .min_by_key(|(since, _, shift)| (*since, *shift))?;
    Some(Ask { booking: booking.booking, shift, eta_s, why: why("stand_queue", shift, candidates) })
}

fn why_unmatched(
    booking: &OpenBooking,
    candidates: &[(u32, &FreeShift)],
    snapshot: &Snapshot<'_>,
) -> Unmatched {
    if !candidates.is_empty() {
        Unmatched::AllTaken
    } else if snapshot.shifts.iter().any(|shift| booking.suits(shift)) {
        Unmatched::OutOfReach
    } else {
        Unmatched::NoneSuitable
    }
}

fn why(rule: &str, chosen: ShiftId, candidates: &[(u32, &FreeShift)]) -> Reasons {
    Reasons::among(rule, chosen, candidates.iter().map(|(eta_s, shift)| (shift.shift, *eta_s)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{booking, pairs, shift, snapshot};
    use super::*;
    use crate::ids::StandId;

    fn plan(bookings: Vec<OpenBooking>, shifts: Vec<FreeShift>) -> Plan {
        NearestPair.plan(&snapshot(bookings, shifts))
    }

    #[test]
    fn refuses_what_does_not_suit() {
        let mut other_fleet = booking(1, 0.0);
        other_fleet.fleet = Some("red".parse().unwrap());
        let mut too_many = booking(2, 0.0);
        too_many.seats = 5;
        let mut wheelchair = booking(3, 0.0);
        wheelchair.needs.wheelchair = true;
        let mut declined = booking(4, 0.0);
        declined.not.insert(ShiftId::from_number(1));
        let mut handed_over = booking(5, 0.0);
        handed_over.only = Some(ShiftId::from_number(9));
        for wish in [other_fleet, too_many, wheelchair, declined, handed_over] {
            let plan = plan(vec![wish.clone()], vec![shift(1, 10.0)]);
            assert_eq!(plan.unmatched, [(wish.booking, Unmatched::NoneSuitable)]);
        }
    }

    #[test]
    fn too_far_is_said_so() {
        let plan = plan(vec![booking(1, 0.0)], vec![shift(1, 9_000.0)]);
        assert_eq!(plan.unmatched, [(BookingId::from_number(1), Unmatched::OutOfReach)]);
    }

    #[test]
    fn shortest_drive_first_and_nobody_twice() {
        let plan = plan(vec![booking(1, 0.0), booking(2, 500.0)], vec![shift(7, 450.0)]);
        assert_eq!(pairs(&plan), [(2, 7)]);
        assert_eq!(plan.unmatched, [(BookingId::from_number(1), Unmatched::AllTaken)]);
    }

    #[test]
    fn medical_goes_before_nearer() {
        let mut medical = booking(1, 0.0);
        medical.priority = Priority::Medical;
        assert_eq!(pairs(&plan(vec![medical, booking(2, 500.0)], vec![shift(7, 450.0)])), [(1, 7)]);
    }

    #[test]
    fn a_stand_serves_its_queue_in_order() {
        let stand: StandId = "12".parse().unwrap();
        let mut wish = booking(1, 0.0);
        wish.stand = Some(stand.clone());
        let mut first = shift(5, 60.0);
        first.waits_at = Some((stand.clone(), UtcMs(10)));
        let mut second = shift(4, 10.0);
        second.waits_at = Some((stand, UtcMs(20)));
        let plan = plan(vec![wish], vec![second, first, shift(3, 1.0)]);
        assert_eq!(pairs(&plan), [(1, 5)]);
        assert_eq!(plan.asks[0].why.rule, "stand_queue");
        assert_eq!(plan.asks[0].why.others.len(), 2);
    }
}
