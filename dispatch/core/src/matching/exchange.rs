//! Plans in which taxis on their way are exchanged one after the other, so that every rider who has a taxi keeps one.
//!
//! A policy that may give everybody another shift plans as if all could turn at one moment. Drivers are asked, and some say
//! no. Of such a plan only what a free shift can begin is done now; the next plan goes on from there:
//!
//! ```text
//! the policy's plan                 done now                            once F has taken over
//! F ─▶ rider of A, A ─▶ new rider   F is asked to take over from A      A is free, and asked for the new rider
//! A ─▶ rider of B, B ─▶ rider of A  nothing: no free shift begins it
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::{OpenBooking, Plan, Policy, Snapshot};
use crate::ids::{BookingId, ShiftId};

/// Times that the taxi of one booking is exchanged at most: riders look for a plate, and drivers hate it.
pub const EXCHANGES_MAX: usize = 4;
/// So much later than was promised first may another taxi come, in milliseconds.
pub const LATER_MAX_MS: u64 = 120_000;

/// A rider who has waited longer than this, in milliseconds, waits for no taxi to be free that drives to somebody else: its
/// exchange hangs on drivers who may not answer, one after the other.
const WAITS_FOR_EXCHANGE_MS: i64 = 30_000;

/// Plans for riders without a taxi and for those whose taxi may be exchanged: the bookings of the snapshot that are
/// `planned`, with their shifts. `in_question` are shifts of the snapshot whose riders somebody is asked to take over.
///
/// Every shift that the plan asks is free. A booking that is asked for although it is planned is exchanged, and one that
/// stands in the plan nowhere waits for the taxi of another to be free, for a moment, or has one.
pub fn plan_exchanges(
    policy: &dyn Policy,
    snapshot: &mut Snapshot<'_>,
    in_question: &BTreeSet<ShiftId>,
) -> Plan {
    let planned = snapshot.bookings.iter().filter_map(|booking| Some((booking.planned?, booking.booking)));
    let riders: BTreeMap<ShiftId, BookingId> = planned.collect();
    let mut plan = policy.plan(snapshot);
    let is_taken = |shift: &ShiftId| riders.contains_key(shift) || in_question.contains(shift);
    let has_waited = |booking: &&OpenBooking| {
        booking.planned.is_none() && snapshot.now.since_ms(booking.waits_since) > WAITS_FOR_EXCHANGE_MS
    };
    let long: BTreeSet<BookingId> = snapshot.bookings.iter().filter(has_waited).map(|b| b.booking).collect();
    let is_held_up = plan.asks.iter().any(|ask| long.contains(&ask.booking) && is_taken(&ask.shift));
    if is_held_up || leaves_waiting(&plan, &riders) {
        snapshot.bookings.retain(|booking| booking.planned.is_none());
        snapshot.shifts.retain(|shift| !is_taken(&shift.shift));
        plan = policy.plan(snapshot);
    }
    plan.asks.retain(|ask| !is_taken(&ask.shift));
    let with_taxi: BTreeSet<BookingId> = riders.into_values().collect();
    plan.unmatched.retain(|(booking, _)| !with_taxi.contains(booking));
    plan
}

/// True if a rider without a taxi would wait for one that nobody takes over from: because no free shift stands at the end of
/// the chain, the rider at its end would be left without.
fn leaves_waiting(plan: &Plan, riders: &BTreeMap<ShiftId, BookingId>) -> bool {
    let chosen: BTreeMap<BookingId, ShiftId> = plan.asks.iter().map(|ask| (ask.booking, ask.shift)).collect();
    let with_taxi: BTreeSet<BookingId> = riders.values().copied().collect();
    chosen.iter().filter(|(booking, _)| !with_taxi.contains(booking)).any(|(_, first)| {
        let mut last = *first;
        // No shift is chosen twice, so that no chain that begins with such a rider comes back to where it was.
        while let Some(rider) = riders.get(&last) {
            match chosen.get(rider) {
                Some(next) => last = *next,
                None => return true,
            }
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::super::RollingAssignment;
    use super::super::testing::{booking, pairs, shift, snapshot};
    use super::*;
    use crate::booking::Priority;
    use crate::units::UtcMs;

    /// Riders 1 and 2 have the taxis 1 and 2, which are on their way; 3 is a new rider.
    fn town(free_at: &[f64]) -> Snapshot<'static> {
        let on_its_way = |n: u128, metres: f64| {
            let mut booking = booking(n, metres);
            booking.planned = Some(ShiftId::from_number(n));
            booking
        };
        let free = free_at.iter().enumerate().map(|(i, metres)| shift(10 + i as u128, *metres));
        let shifts = [shift(1, 3_000.0), shift(2, 6_000.0)].into_iter().chain(free).collect();
        let mut new = booking(3, 6_050.0);
        new.waits_since = UtcMs(59_000);
        snapshot(vec![on_its_way(1, 0.0), on_its_way(2, 3_200.0), new], shifts)
    }

    fn plan(snapshot: &mut Snapshot<'_>, in_question: &[u128]) -> Plan {
        let in_question = in_question.iter().map(|n| ShiftId::from_number(*n)).collect();
        plan_exchanges(&RollingAssignment::default(), snapshot, &in_question)
    }

    #[test]
    fn a_chain_begins_with_the_free_taxi_at_its_end() {
        let mut town = town(&[-100.0]);
        let all_at_once = RollingAssignment::default().plan(&town);
        assert_eq!(pairs(&all_at_once).len(), 3, "10 for rider 1, 1 for rider 2, 2 for rider 3");
        let plan = plan(&mut town, &[]);
        assert_eq!((pairs(&plan), plan.unmatched), (vec![(1, 10)], Vec::new()));
    }

    #[test]
    fn a_shift_whose_answer_takes_long_takes_nobody_over() {
        let mut town = town(&[-100.0]);
        town.bookings.pop();
        town.shifts[2].takes_over = false;
        assert_eq!(pairs(&plan(&mut town, &[])), []);
        town.shifts[2].takes_over = true;
        assert_eq!(pairs(&plan(&mut town, &[])), [(1, 10)]);
    }

    #[test]
    fn who_waits_for_a_taxi_in_question_goes_on_waiting() {
        let mut town = town(&[9_000.0]);
        town.bookings.retain(|booking| booking.planned.is_none());
        assert_eq!(
            pairs(&plan(&mut town, &[1, 2])),
            [],
            "taxi 2 is nearer than the free one, and will be free"
        );
        assert_eq!(pairs(&plan(&mut town, &[])), [(3, 2)], "unless it is free now");
    }

    #[test]
    fn who_has_waited_for_long_gets_a_taxi_that_is_free_now() {
        for (waited_ms, expected) in [(30_000, vec![]), (30_001, vec![(3, 10)])] {
            let mut town = town(&[9_000.0]);
            town.bookings.retain(|booking| booking.planned.is_none());
            town.bookings[0].waits_since = UtcMs(town.now.0 - waited_ms);
            assert_eq!(pairs(&plan(&mut town, &[1, 2])), expected, "{waited_ms} ms");
        }
    }

    #[test]
    fn a_chain_without_a_free_taxi_at_its_end_is_not_begun() {
        // A medical rider would take taxi 2 from its rider, for whom the free taxi is too small.
        let mut town = town(&[9_000.0]);
        town.bookings.remove(0);
        town.shifts.remove(0);
        town.bookings[0].seats = 6;
        town.shifts[0].seats = 6;
        town.bookings[1].priority = Priority::Medical;
        assert_eq!(pairs(&plan(&mut town, &[])), [(3, 10)]);
    }
}
