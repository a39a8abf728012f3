//! Goal: a driver's phone decides about its own trips and about nothing else.
//!
//! Method: phones that lie, phones that are lost, and phones that bring news which no journal has brought yet.

use ondol_core::booking::{CancelReason, Payment, Status};
use ondol_core::command::{Command, Happening, HomeAnswer, HomeWish, NoticeText, Offer, Refusal, ToDevice};
use ondol_core::fact::{Fare, PinCheck, Release, Step};
use ondol_core::ids::{AssignmentId, BookingId, DeviceId, ShiftId};
use ondol_core::reconcile::{Conflict, ConflictKind, Resolution};
use ondol_core::shift::Duty;
use ondol_core::units::Money;

use crate::world::{CENTRAL, EDGE, World};

const BOARDED: Step = Step::Boarded { pin: PinCheck::Unverified };

fn done(amount: i64) -> Step {
    let (amount, payment) = (Money(amount), Payment::Deferred);
    Step::Done { fare: Fare { revision: 0, amount, distance_m: 4_000, duration_s: 600, payment } }
}

fn conflicts(world: &World, kind: ConflictKind) -> Vec<Conflict> {
    world.conflicts(CENTRAL).into_iter().filter(|conflict| conflict.kind == kind).collect()
}

/// Driver 1 said no to booking 10 and driver 2 said yes.
fn declined_by_one_and_taken_by_two() -> (World, Offer, Offer) {
    let mut world = World::without_edge();
    world.attach(CENTRAL, 1);
    world.book_deferred(CENTRAL, 10, None).unwrap();
    let declined = world.offer_for(CENTRAL, 1).unwrap();
    world.step(CENTRAL, 1, &declined, Step::Released { reason: Release::Declined }).unwrap();
    world.attach(CENTRAL, 2);
    world.pass_ms(CENTRAL, 2_000, &[1, 2]);
    let taken = world.offer_for(CENTRAL, 2).unwrap();
    world.accept(CENTRAL, 2, &taken).unwrap();
    (world, declined, taken)
}

#[test]
fn nobody_takes_a_booking_for_which_the_phone_was_not_asked() {
    let (mut world, declined, taken) = declined_by_one_and_taken_by_two();
    let entries = world.entries(CENTRAL);
    let invented = |origin: &str, counter| Offer {
        assignment: AssignmentId { origin: origin.parse().unwrap(), incarnation: 1, counter },
        ..declined.clone()
    };
    for (claimed, why) in [
        (invented(CENTRAL, 777), "never asked by this node"),
        (invented("nowhere", 1), "by a node that nobody knows"),
        (taken.clone(), "another driver was asked"),
        (declined.clone(), "the driver has said no"),
    ] {
        for what in [Step::Assigned, BOARDED, done(99_000_000)] {
            assert_eq!(world.step(CENTRAL, 1, &claimed, what), Err(Refusal::NoTrip), "{why}");
        }
    }
    let hail = |booking, count| Happening::StreetHail {
        booking,
        assignment: AssignmentId::of_device(DeviceId::from_number(1), count),
        pickup: declined.request.pickup,
    };
    for what in [hail(World::booking(10), 1), hail(BookingId::of_hail(DeviceId::from_number(2), 1), 1)] {
        assert_eq!(world.report(CENTRAL, 1, what), Err(Refusal::NoTrip), "a hail has the phone's own name");
    }
    assert_eq!(world.entries(CENTRAL), entries);
    assert_eq!(world.record(CENTRAL, 10).standing().unwrap().0, &taken.assignment);
    world.cancel(CENTRAL, 10).unwrap();
}

#[test]
fn news_of_another_nodes_question_counts_once_the_question_is_known() {
    let mut world = World::with_edge();
    world.settle();
    world.attach(CENTRAL, 1);
    world.sync();
    world.pass_ms(EDGE, 20_000, &[]);
    world.attach_again(EDGE, 1, 2);
    world.book_deferred(EDGE, 10, None).unwrap();
    world.pass_ms(EDGE, 2_000, &[1]);
    let offer = world.offer_for(EDGE, 1).expect("the edge asks for its own booking");
    let held = world.accept(EDGE, 1, &offer);
    held.unwrap();
    // The phone loses the edge, and central has heard nothing from it yet.
    world.attach_again(CENTRAL, 1, 3);
    for what in [Step::Assigned, BOARDED, done(7_700)] {
        world.step(CENTRAL, 1, &offer, what).unwrap();
    }
    let record = world.record(CENTRAL, 10);
    assert_eq!((record.status(), record.charged), (Status::Open, None), "a claim alone is no trip");
    assert!(!world.messages(CENTRAL, 1).iter().any(|m| matches!(m, ToDevice::Confirm { .. })));
    let entries = world.entries(CENTRAL);
    world.step(CENTRAL, 1, &offer, BOARDED).unwrap();
    assert_eq!(world.entries(CENTRAL), entries, "told twice is told once");
    world.sync();
    let record = world.record(CENTRAL, 10);
    assert_eq!((record.status(), record.charged), (Status::Done, Some(Money(7_700))));
    assert!(record.claims.is_empty());
    assert_eq!(world.hash(CENTRAL), world.hash(EDGE));
}

#[test]
fn what_a_phone_may_claim_is_bounded() {
    let mut world = World::with_edge();
    world.settle();
    world.attach(CENTRAL, 1);
    world.book(CENTRAL, 10).unwrap();
    let offer = world.offer_for(CENTRAL, 1).unwrap();
    let claim = |counter| Offer {
        assignment: AssignmentId { origin: EDGE.parse().unwrap(), incarnation: 1, counter },
        ..offer.clone()
    };
    for counter in 1_000..1_064 {
        world.step(CENTRAL, 1, &claim(counter), BOARDED).unwrap();
    }
    assert_eq!(world.step(CENTRAL, 1, &claim(2_000), BOARDED), Err(Refusal::Overloaded));
    world.step(CENTRAL, 1, &claim(1_000), Step::Arrived).unwrap();
    assert_eq!(world.status(CENTRAL, 10), Status::Offered);
}

#[test]
fn a_fare_that_does_not_fit_the_booking_is_a_case_for_an_operator() {
    for (deferred, shown, amount, charged) in [
        (true, Some(7_000), 10_500, true),
        (true, Some(7_000), 10_501, false),
        (true, None, 200_000, true),
        (true, None, 99_000_000, false),
        (true, None, -1, false),
        (false, None, 7_700, false),
    ] {
        let mut world = World::without_edge();
        world.attach(CENTRAL, 1);
        if deferred {
            world.book_deferred(CENTRAL, 10, shown).unwrap();
        } else {
            world.book(CENTRAL, 10).unwrap();
        }
        let offer = world.offer_for(CENTRAL, 1).unwrap();
        world.accept(CENTRAL, 1, &offer).unwrap();
        world.step(CENTRAL, 1, &offer, BOARDED).unwrap();
        world.step(CENTRAL, 1, &offer, done(amount)).unwrap();
        assert_eq!(world.status(CENTRAL, 10), Status::Done);
        let case = (deferred, shown, amount);
        assert_eq!(world.record(CENTRAL, 10).charged, charged.then_some(Money(amount)), "{case:?}");
        let cases = conflicts(&world, ConflictKind::FareUnclear);
        assert_eq!(cases.len(), usize::from(!charged), "{case:?}");
        assert!(cases.iter().all(|case| case.resolution == Resolution::Operator));
    }
}

#[test]
fn a_shift_that_has_ended_stays_ended() {
    let mut world = World::without_edge();
    world.attach(CENTRAL, 1);
    world.report(CENTRAL, 1, Happening::Duty { number: 2, duty: Duty::Ended }).unwrap();
    let entries = world.entries(CENTRAL);
    world.report(CENTRAL, 1, Happening::Duty { number: 3, duty: Duty::Available }).unwrap();
    world.set_duty(1, 4, Duty::Available);
    assert_eq!(world.attach_as(CENTRAL, 1, 1, 2), Err(Refusal::ShiftEnded));
    assert_eq!(world.entries(CENTRAL), entries);
    // A phone that knows that its shift is over may attach, to hand in what happened; it is asked for nothing.
    world.set_duty(1, 4, Duty::Ended);
    world.attach_again(CENTRAL, 1, 3);
    world.book(CENTRAL, 10).unwrap();
    assert!(world.offer_for(CENTRAL, 1).is_none());
    assert!(!world.is_on_duty(CENTRAL, 1));
    // Whoever begins another shift meanwhile is not kept from it by the old one, nor the old one by the new.
    world.attach_as(CENTRAL, 3, 1, 1).unwrap();
    world.attach_again(CENTRAL, 1, 4);
    assert!(world.is_on_duty(CENTRAL, 3) && !world.is_on_duty(CENTRAL, 1));
}

#[test]
fn of_two_phones_that_a_driver_began_on_both_sides_of_a_cut_one_stays_on_duty() {
    let mut world = World::with_edge();
    world.settle();
    world.attach_as(CENTRAL, 1, 1, 1).unwrap();
    world.book(CENTRAL, 10).unwrap();
    let offer = world.offer_for(CENTRAL, 1).unwrap();
    world.accept(CENTRAL, 1, &offer).unwrap();
    // The edge has not heard of that shift.
    world.pass_ms(EDGE, 20_000, &[]);
    world.attach_as(EDGE, 3, 1, 1).unwrap();
    world.sync();
    world.book(EDGE, 11).unwrap();
    world.pass_ms(EDGE, 10_000, &[3]);
    assert!(world.offer_for(EDGE, 3).is_none(), "the driver is on the way with the other phone");
    world.pass_ms(CENTRAL, 2_000, &[1]);
    assert!(world.is_on_duty(CENTRAL, 1), "nobody ends the shift while it holds a booking");
    world.step(CENTRAL, 1, &offer, BOARDED).unwrap();
    world.step(CENTRAL, 1, &offer, done(7_700)).unwrap();
    world.book(CENTRAL, 12).unwrap();
    assert!(world.offer_for(CENTRAL, 1).is_none(), "the later phone stands");
    world.pass_ms(CENTRAL, 2_000, &[1]);
    assert!(!world.is_on_duty(CENTRAL, 1) && world.is_on_duty(CENTRAL, 3));
    assert_eq!(world.attach_as(CENTRAL, 1, 1, 2), Err(Refusal::ShiftEnded));
    world.sync();
    world.pass_ms(EDGE, 2_000, &[3]);
    assert_eq!(world.offer_for(EDGE, 3).unwrap().booking, World::booking(11));
    assert_eq!(world.hash(CENTRAL), world.hash(EDGE));
}

#[test]
fn an_operator_frees_the_driver_of_a_lost_phone() {
    let mut world = World::without_edge();
    let end = |shift| Command::EndShift { shift: ShiftId::from_number(shift) };
    assert_eq!(world.command(CENTRAL, end(1)), Err(Refusal::UnknownShift));
    world.attach(CENTRAL, 1);
    world.book(CENTRAL, 10).unwrap();
    let offer = world.offer_for(CENTRAL, 1).unwrap();
    world.accept(CENTRAL, 1, &offer).unwrap();
    world.step(CENTRAL, 1, &offer, Step::Arrived).unwrap();
    assert_eq!(world.attach_as(CENTRAL, 3, 1, 1), Err(Refusal::DriverElsewhere));
    world.command(CENTRAL, end(1)).unwrap();
    let entries = world.entries(CENTRAL);
    world.command(CENTRAL, end(1)).unwrap();
    assert_eq!(world.entries(CENTRAL), entries, "ended twice is ended once");
    // The new phone works, and the booking goes on with it or another one.
    world.attach_as(CENTRAL, 3, 1, 1).unwrap();
    world.pass_ms(CENTRAL, 2_000, &[3]);
    let again = world.offer_for(CENTRAL, 3).expect("the booking waits for a taxi again");
    assert_eq!(again.booking, offer.booking);
    // The old one turns up: its shift is void, and what its driver did meanwhile is not lost.
    assert_eq!(world.attach_as(CENTRAL, 1, 1, 2), Err(Refusal::ShiftEnded));
    world.set_duty(1, 2, Duty::Ended);
    world.attach_as(CENTRAL, 1, 1, 3).unwrap();
    world.step(CENTRAL, 1, &offer, BOARDED).unwrap();
    assert_eq!(world.record(CENTRAL, 10).standing().unwrap().0, &offer.assignment);
}

#[test]
fn a_rider_in_the_taxi_of_a_lost_phone_is_a_case_for_an_operator() {
    let mut world = World::without_edge();
    world.attach(CENTRAL, 1);
    world.book(CENTRAL, 10).unwrap();
    let offer = world.offer_for(CENTRAL, 1).unwrap();
    world.accept(CENTRAL, 1, &offer).unwrap();
    world.step(CENTRAL, 1, &offer, BOARDED).unwrap();
    assert_eq!(conflicts(&world, ConflictKind::TripUnended), []);
    world.command(CENTRAL, Command::EndShift { shift: ShiftId::from_number(1) }).unwrap();
    assert_eq!(world.status(CENTRAL, 10), Status::Boarded, "no machine ends a boarded trip");
    let cases = conflicts(&world, ConflictKind::TripUnended);
    assert!(cases.len() == 1 && cases[0].resolution == Resolution::Operator);
    // The driver is not held by it.
    world.attach_as(CENTRAL, 3, 1, 1).unwrap();
    world.book(CENTRAL, 11).unwrap();
    assert!(world.offer_for(CENTRAL, 3).is_some());
    world.step(CENTRAL, 1, &offer, done(7_700)).unwrap();
    assert_eq!(conflicts(&world, ConflictKind::TripUnended), []);
}

#[test]
fn a_taxi_that_falls_silent_at_the_pickup_loses_the_booking_after_five_minutes() {
    let mut world = World::without_edge();
    world.attach(CENTRAL, 1);
    world.book(CENTRAL, 10).unwrap();
    let offer = world.offer_for(CENTRAL, 1).unwrap();
    world.accept(CENTRAL, 1, &offer).unwrap();
    world.step(CENTRAL, 1, &offer, Step::Arrived).unwrap();
    world.pass_ms(CENTRAL, 290_000, &[]);
    assert_eq!(world.status(CENTRAL, 10), Status::Arrived);
    world.pass_ms(CENTRAL, 20_000, &[]);
    assert_eq!(world.status(CENTRAL, 10), Status::Open);
    // Boarding that the phone tells later stands.
    world.step(CENTRAL, 1, &offer, BOARDED).unwrap();
    assert_eq!(world.status(CENTRAL, 10), Status::Boarded);
}

const HOUR_MS: i64 = 3_600_000;

#[test]
fn a_phone_with_a_wrong_clock_is_served_like_any_other() {
    for off_ms in [2 * HOUR_MS, -10 * 24 * HOUR_MS] {
        let mut world = World::without_edge();
        world.attach(CENTRAL, 1);
        world.book(CENTRAL, 10).unwrap();
        let offer = world.offer_for(CENTRAL, 1).unwrap();
        let (booking, assignment) = (offer.booking, offer.assignment.clone());
        for what in [Step::Assigned, BOARDED, done(7_700)] {
            let what = Happening::Step { booking, assignment: assignment.clone(), what };
            world.report_at(CENTRAL, 1, what, off_ms).unwrap();
        }
        let record = world.record(CENTRAL, 10);
        assert_eq!(record.status(), Status::Done);
        let (boarded_at, _) = record.assignments[&assignment].boarded.unwrap();
        let accepted_at = record.accepted.unwrap().at;
        assert!(boarded_at.since_ms(accepted_at).abs() < 60_000, "it counts from when it was told");
    }
}

#[test]
fn a_clock_that_is_set_back_gets_nobody_to_the_front_of_a_queue() {
    let mut world = World::without_edge();
    let join = || Happening::Stand { stand: Some("7".parse().unwrap()) };
    let shifts = |numbers: [u128; 2]| numbers.map(ShiftId::from_number).to_vec();
    world.attach(CENTRAL, 1);
    world.attach(CENTRAL, 2);
    world.pass_ms(CENTRAL, 30_000, &[1, 2]);
    world.report(CENTRAL, 1, join()).unwrap();
    world.pass_ms(CENTRAL, 5_000, &[1, 2]);
    world.report_at(CENTRAL, 2, join(), -20_000).unwrap();
    assert_eq!(world.queue(CENTRAL), shifts([1, 2]), "this node heard it all the time");

    // For the time in which the node did not hear the phone it believes it; for no other.
    for (ago_ms, order) in [(-20_000, [2, 1]), (-90_000, [1, 2]), (-6 * 24 * HOUR_MS, [1, 2])] {
        let mut world = World::without_edge();
        world.attach(CENTRAL, 1);
        world.attach(CENTRAL, 2);
        world.pass_ms(CENTRAL, 40_000, &[1]);
        world.report(CENTRAL, 1, join()).unwrap();
        world.pass_ms(CENTRAL, 8_000, &[1]);
        world.attach_again(CENTRAL, 2, 2);
        world.report_at(CENTRAL, 2, join(), ago_ms).unwrap();
        assert_eq!(world.queue(CENTRAL), shifts(order), "{ago_ms}");
    }
}

#[test]
fn a_text_that_comes_again_after_a_restart_acts_once() {
    let mut world = World::with_edge();
    world.settle();
    world.home(EDGE, 50, 1, HomeWish::On { stand: Some("7".parse().unwrap()) }).unwrap();
    assert_eq!(world.home(EDGE, 50, 2, HomeWish::Pause), Ok(HomeAnswer::Paused));
    let entries = world.entries(EDGE);
    world.restart(EDGE);
    assert_eq!(world.home(EDGE, 50, 2, HomeWish::Pause), Ok(HomeAnswer::Paused), "no toggle back");
    assert_eq!(world.entries(EDGE), entries);
    world.home(EDGE, 50, 3, HomeWish::Pause).unwrap();
    world.home(EDGE, 50, 4, HomeWish::Off).unwrap();
    world.home(EDGE, 50, 5, HomeWish::On { stand: None }).unwrap();
    world.restart(EDGE);
    assert_eq!(world.home(EDGE, 50, 4, HomeWish::Off), Ok(HomeAnswer::OffDuty), "of the shift before");
    assert_eq!(world.home(EDGE, 50, 6, HomeWish::Pause), Ok(HomeAnswer::Paused), "this one goes on");
    for text in 7..60 {
        world.home(EDGE, 50, text, HomeWish::Pause).unwrap();
    }
    assert_eq!(world.texts_remembered(EDGE, 50), 32);
    world.sync();
    assert_eq!(world.hash(CENTRAL), world.hash(EDGE));
}

#[test]
fn a_feature_phone_driver_whose_shift_was_ended_elsewhere_ends_the_trip() {
    let mut world = World::with_edge();
    world.settle();
    world.home(EDGE, 50, 1, HomeWish::On { stand: Some("7".parse().unwrap()) }).unwrap();
    world.sync();
    let shift = world.shift_of(CENTRAL, 50);
    world.book(CENTRAL, 10).unwrap();
    // Central has not heard of the question when its operator ends the shift.
    world.carry(CENTRAL, EDGE);
    let mut letters = world.notices(EDGE).iter().filter_map(|notice| match notice.text {
        NoticeText::DriverOffer { letter, .. } => Some(letter),
        _ => None,
    });
    let letter = letters.next_back().expect("an offer by text");
    world.home(EDGE, 50, 2, HomeWish::Accept { letter }).unwrap();
    world.command(CENTRAL, Command::EndShift { shift }).unwrap();
    world.sync();
    world.home(EDGE, 50, 3, HomeWish::Arrived).unwrap();
    let pin = world.pin(EDGE, 10);
    world.home(EDGE, 50, 4, HomeWish::Boarded { pin }).unwrap();
    world.home(EDGE, 50, 5, HomeWish::Ended { amount: Money(9_000) }).unwrap();
    assert_eq!(world.home(EDGE, 50, 6, HomeWish::Pause), Err(Refusal::NotAvailable));
    world.sync();
    assert_eq!(world.status(CENTRAL, 10), Status::Done);
}

#[test]
fn a_rider_who_did_not_come_is_not_sent_the_next_car() {
    let mut world = World::without_edge();
    world.attach(CENTRAL, 1);
    world.book_deferred(CENTRAL, 10, None).unwrap();
    let offer = world.offer_for(CENTRAL, 1).unwrap();
    world.accept(CENTRAL, 1, &offer).unwrap();
    world.attach(CENTRAL, 2);
    for what in [Step::Arrived, Step::Released { reason: Release::NoShow }] {
        world.step(CENTRAL, 1, &offer, what).unwrap();
    }
    world.pass_ms(CENTRAL, 5_000, &[1, 2]);
    assert!(world.offer_for(CENTRAL, 2).is_none(), "nobody waits there");
    assert_eq!(world.status(CENTRAL, 10), Status::Cancelled);
    let reason = world.record(CENTRAL, 10).cancel.map(|cancel| cancel.reason);
    assert_eq!(reason, Some(CancelReason::NoShow), "the rider hears why");
    let is_lost = |text: &NoticeText| matches!(text, NoticeText::TaxiLost { .. });
    assert!(
        !world.notices(CENTRAL).iter().any(|notice| is_lost(&notice.text)),
        "no other taxi is on its way"
    );
    // A driver who gives a booking back, or is not heard, is followed by another.
    world.book_deferred(CENTRAL, 11, None).unwrap();
    world.pass_ms(CENTRAL, 2_000, &[1, 2]);
    let first = world.offer_for(CENTRAL, 1).or_else(|| world.offer_for(CENTRAL, 2));
    assert!(first.is_some(), "another booking is planned as ever");
}
