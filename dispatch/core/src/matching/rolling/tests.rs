//! Goal: who is asked, who is left out and what stays, each by its rule.
//! Method: a straight road; drives are 2.016 s for ten metres.

use super::super::testing::{booking, pairs, shift, snapshot};
use super::*;
use crate::ids::BookingId;

fn plan(bookings: Vec<OpenBooking>, shifts: Vec<FreeShift>) -> Plan {
    RollingAssignment::default().plan(&snapshot(bookings, shifts))
}

fn on_its_way(mut booking: OpenBooking, shift: u128) -> OpenBooking {
    booking.planned = Some(ShiftId::from_number(shift));
    booking
}

fn waiting_s(mut booking: OpenBooking, waited_s: i64) -> OpenBooking {
    booking.waits_since = UtcMs(60_000 - waited_s * 1_000);
    booking
}

#[test]
fn riders_together_wait_least() {
    // Nearest pair first would send 7 to booking 1 and leave 2 with a drive of 400 m.
    let plan = plan(vec![booking(1, 0.0), booking(2, 250.0)], vec![shift(7, 100.0), shift(8, -150.0)]);
    assert_eq!(pairs(&plan), [(1, 8), (2, 7)]);
    let rules: Vec<&str> = plan.asks.iter().map(|ask| ask.why.rule.as_str()).collect();
    assert_eq!(rules, ["least_wait", "nearest"]);
    assert_eq!(plan.asks[0].why.others, [(ShiftId::from_number(7), 20)]);
}

#[test]
fn what_is_planned_is_changed_only_for_more_than_a_switch_costs() {
    let shifts = || vec![shift(7, 900.0), shift(8, 850.0)];
    assert_eq!(pairs(&plan(vec![on_its_way(booking(1, 0.0), 7)], shifts())), [(1, 7)], "10 s sooner");
    let nearer = vec![shift(7, 900.0), shift(8, 600.0)];
    let changed = plan(vec![on_its_way(booking(1, 0.0), 7)], nearer);
    assert_eq!(pairs(&changed), [(1, 8)], "60 s sooner");
}

#[test]
fn a_shift_that_is_close_stays() {
    let close = on_its_way(booking(1, 0.0), 7);
    let plan = plan(vec![close, booking(2, 80.0)], vec![shift(7, 90.0), shift(8, 0.0)]);
    assert_eq!(pairs(&plan), [(1, 7), (2, 8)]);
    assert_eq!(plan.asks[0].why.rule, "kept");
}

#[test]
fn a_shift_on_its_way_counts_from_where_it_can_turn_off() {
    let mut driving = shift(7, 10.0);
    driving.ready_in_s = 200;
    assert_eq!(pairs(&plan(vec![booking(1, 0.0)], vec![driving, shift(8, 500.0)])), [(1, 8)]);
}

#[test]
fn nobody_stands_idle_while_somebody_within_reach_waits() {
    let plan = plan(vec![booking(1, 0.0), booking(2, 0.0)], vec![shift(7, 5.0), shift(8, 5_000.0)]);
    assert_eq!(plan.asks.len(), 2);
}

#[test]
fn in_a_shortage_who_has_most_to_win_is_served() {
    let about_to_go = waiting_s(booking(1, 0.0), 890);
    assert_eq!(
        pairs(&plan(vec![about_to_go.clone(), waiting_s(booking(2, 0.0), 5)], vec![shift(7, 10.0)])),
        [(2, 7)]
    );
    // The drive counts for more.
    let further = waiting_s(booking(2, -3_000.0), 5);
    assert_eq!(pairs(&plan(vec![about_to_go, further], vec![shift(7, 10.0)])), [(1, 7)]);
}

#[test]
fn who_has_waited_beyond_the_cap_goes_first_and_medical_before_that() {
    let old = waiting_s(booking(1, 3_000.0), 1_201);
    let near = waiting_s(booking(2, 0.0), 5);
    let both = plan(vec![near.clone(), old.clone()], vec![shift(7, 10.0)]);
    assert_eq!(pairs(&both), [(1, 7)]);
    assert_eq!(both.unmatched, [(BookingId::from_number(2), Unmatched::AllTaken)]);
    let mut medical = waiting_s(booking(3, -3_000.0), 5);
    medical.priority = Priority::Medical;
    assert_eq!(pairs(&plan(vec![near, old, medical], vec![shift(7, 10.0)])), [(3, 7)]);
}

#[test]
fn a_medical_booking_chooses_its_shift_before_others() {
    let mut medical = booking(1, 0.0);
    medical.priority = Priority::Medical;
    // Together they wait least if 7 goes to booking 2: 927 s instead of 1,048 s.
    let (near, far) = (shift(7, 300.0), shift(8, -4_000.0));
    let other = booking(2, 900.0);
    assert_eq!(
        pairs(&plan(vec![booking(1, 0.0), other.clone()], vec![near.clone(), far.clone()])),
        [(1, 8), (2, 7)]
    );
    assert_eq!(pairs(&plan(vec![medical, other], vec![near, far])), [(1, 7), (2, 8)]);
}

#[test]
fn the_cap_lies_well_before_the_time_to_give_up() {
    let rules = RollingRules::giving_up_after(1_800_000);
    assert_eq!((rules.patience_s, rules.age_cap_s), (1_800, 1_200));
}

#[test]
fn nobody_is_sent_who_would_come_much_too_late() {
    let mut gone_soon = booking(1, 0.0);
    gone_soon.gone_at = Some(UtcMs(60_000 + 100_000));
    let late = plan(vec![gone_soon.clone()], vec![shift(7, 1_080.0)]);
    assert_eq!(pairs(&late), [(1, 7)], "a nearer one may be free before the rider goes");
    let mut other = gone_soon.clone();
    other.booking = BookingId::from_number(2);
    let in_a_shortage = plan(vec![gone_soon.clone(), other], vec![shift(7, 1_080.0)]);
    assert_eq!(pairs(&in_a_shortage), [], "none will be free before");
    let too_late = plan(vec![gone_soon], vec![shift(7, 1_100.0)]);
    assert_eq!(too_late.unmatched, [(BookingId::from_number(1), Unmatched::OutOfReach)], "over 220 s");
    let mut until = shift(7, 490.0);
    until.until = Some(UtcMs(60_000 + 99_000));
    assert_eq!(pairs(&plan(vec![booking(1, 0.0)], vec![until])), [], "99 s are not before the end");
}

#[test]
fn a_stand_serves_its_queue_in_order() {
    let stand: StandId = "12".parse().unwrap();
    let mut wish = booking(1, 0.0);
    wish.stand = Some(stand.clone());
    let mut queue: Vec<FreeShift> = (10..40).map(|n| shift(n, 1.0)).collect();
    for (place, taxi) in (0..).zip(queue.iter_mut().rev()) {
        taxi.waits_at = Some((stand.clone(), UtcMs(place)));
    }
    let plan = plan(vec![booking(2, 1.0), wish], queue);
    assert_eq!((pairs(&plan)[0], plan.asks[0].why.rule.as_str()), ((1, 39), "stand_queue"));
    assert_eq!(plan.asks.len(), 2);
}

#[test]
fn of_two_as_near_the_one_that_was_idle_longer_is_asked() {
    let mut waited = shift(8, 100.0);
    waited.idle_since = UtcMs(-1_800_000);
    let mut just_clear = shift(7, 100.0);
    just_clear.idle_since = UtcMs(59_000);
    assert_eq!(pairs(&plan(vec![booking(1, 0.0)], vec![just_clear.clone(), waited.clone()])), [(1, 8)]);
    // Three seconds of driving outweigh it.
    just_clear.position = shift(7, 80.0).position;
    assert_eq!(pairs(&plan(vec![booking(1, 0.0)], vec![just_clear, waited])), [(1, 7)]);
}

#[test]
fn who_waits_in_a_crowd_finds_a_shift_that_is_further() {
    let crowd: Vec<OpenBooking> = (1..=70).map(|n| booking(n, 0.0)).collect();
    let shifts: Vec<FreeShift> = (1..=70).map(|n| shift(n, 100.0)).collect();
    let plan = plan(crowd, shifts);
    assert_eq!((plan.asks.len(), plan.unmatched.len()), (70, 0));
}

#[test]
fn what_does_not_suit_is_not_asked() {
    let mut other_fleet = booking(1, 0.0);
    other_fleet.fleet = Some("red".parse().unwrap());
    let mut handed_over = booking(2, 0.0);
    handed_over.only = Some(ShiftId::from_number(8));
    let plan = plan(vec![other_fleet, handed_over], vec![shift(7, 10.0), shift(8, 900.0)]);
    assert_eq!(pairs(&plan), [(2, 8)]);
    assert_eq!(plan.asks[0].why.rule, "handed_over");
    assert_eq!(plan.unmatched, [(BookingId::from_number(1), Unmatched::NoneSuitable)]);
}

#[test]
fn the_order_of_the_snapshot_makes_no_difference() {
    let bookings: Vec<OpenBooking> = (1..30).map(|n| booking(n, (n * n % 700) as f64 * 9.0)).collect();
    let shifts: Vec<FreeShift> = (1..25).map(|n| shift(n, (n * n * n % 700) as f64 * 9.0)).collect();
    let (mut other_bookings, mut other_shifts) = (bookings.clone(), shifts.clone());
    other_bookings.reverse();
    other_shifts.rotate_left(7);
    assert_eq!(plan(bookings, shifts), plan(other_bookings, other_shifts));
}
