//! Goal: a rider whose taxi is still far gets a nearer one, and has a taxi at every moment; nobody is exchanged who should
//! not be.
//!
//! Method: one straight road. Driver 1 is on the way to rider 10, 0.02 degrees (six minutes) off, when driver 2 turns up.

use ondol_core::booking::{CancelReason, Door, Needs, Party, Status};
use ondol_core::command::{Answer, Command, Held, Offer, Slot, ToDevice};
use ondol_core::fact::{Release, Request, Step};
use ondol_core::ids::{AssignmentId, ShiftId};

use crate::roster::{at, plain};
use crate::world::{CENTRAL, World};

/// Lets some seconds pass in which each shift beats from its place.
fn beats(world: &mut World, places: &[(u128, f64)]) {
    for (shift, east) in places {
        world.pass_at_ms(CENTRAL, 1_000, *shift, *east);
    }
}

/// The driver says yes, and the phone has heard that this counts.
fn takes(world: &mut World, shift: u128, offer: &Offer) {
    world.accept(CENTRAL, shift, offer).unwrap();
    let (booking, assignment) = (offer.booking, offer.assignment.clone());
    let held = Held { booking, assignment, confirmed: true, boarded: false };
    world.hold(shift, Slot { current: Some(held), next: None });
}

/// Driver 1 is on the way to rider 10, from `east`.
pub(crate) fn on_the_way(request: Request, east: f64) -> (World, Offer) {
    let mut world = World::without_edge();
    let offer = drive_to_rider(&mut world, request, east);
    (world, offer)
}

/// Driver 1 of a world that exists sets out for rider 10.
pub(crate) fn drive_to_rider(world: &mut World, request: Request, east: f64) -> Offer {
    world.attach_at(CENTRAL, 1, east);
    world.book_as(CENTRAL, 10, request).unwrap();
    let offer = world.offer_for(CENTRAL, 1).expect("the only driver is asked");
    takes(world, 1, &offer);
    beats(world, &[(1, east)]);
    offer
}

/// What driver 2 is asked, who turns up at `east` while driver 1 is where `first_east` says.
pub(crate) fn asked_of_second(world: &mut World, east: f64, first_east: f64) -> Option<Offer> {
    world.attach_at(CENTRAL, 2, east);
    beats(world, &[(1, first_east), (2, east), (1, first_east), (2, east)]);
    world.offer_for(CENTRAL, 2)
}

fn revoked(world: &mut World, shift: u128) -> Option<(AssignmentId, Release)> {
    world.messages(CENTRAL, shift).into_iter().find_map(|message| match message {
        ToDevice::Revoke { assignment, reason, .. } => Some((assignment, reason)),
        _ => None,
    })
}

fn stands(world: &World, number: u128) -> AssignmentId {
    world.record(CENTRAL, number).standing().expect("the rider has a taxi").0.clone()
}

#[test]
fn a_nearer_taxi_takes_over_once_its_driver_has_said_yes() {
    let (mut world, first) = on_the_way(plain(), 0.02);
    let second = asked_of_second(&mut world, 0.001, 0.019).expect("driver 2 is nearer by far");
    let record = world.record(CENTRAL, 10);
    assert_eq!(record.assignments[&second.assignment].instead_of(), Some(&first.assignment));
    assert_eq!((record.status(), stands(&world, 10)), (Status::Assigned, first.assignment.clone()));
    assert_eq!(revoked(&mut world, 1), None, "nobody is let go before the other's yes");

    takes(&mut world, 2, &second);
    assert_eq!((stands(&world, 10), revoked(&mut world, 1)), (second.assignment.clone(), None));
    beats(&mut world, &[(2, 0.001)]);
    assert_eq!(revoked(&mut world, 1), Some((first.assignment.clone(), Release::Superseded)));
    world.step(CENTRAL, 1, &first, Step::Released { reason: Release::Superseded }).unwrap();
    assert_eq!((world.status(CENTRAL, 10), stands(&world, 10)), (Status::Assigned, second.assignment));
    assert_eq!(world.conflicts(CENTRAL), [], "an exchange is no conflict");
}

#[test]
fn a_yes_that_is_taken_back_in_the_same_breath_calls_nobody_off() {
    // Driver 2's phone was told by somebody else to forget the question when its yes was on the way.
    let (mut world, first) = on_the_way(plain(), 0.02);
    let second = asked_of_second(&mut world, 0.001, 0.019).unwrap();
    world.accept(CENTRAL, 2, &second).unwrap();
    let (booking, assignment) = (second.booking, second.assignment.clone());
    let held = Held { booking, assignment, confirmed: false, boarded: false };
    world.hold(2, Slot { current: Some(held), next: None });
    beats(&mut world, &[(2, 0.001)]);
    assert_eq!(revoked(&mut world, 1), None, "it has not heard that its yes counts");
    world.hold(2, Slot::default());
    world.step(CENTRAL, 2, &second, Step::Released { reason: Release::Lapsed }).unwrap();
    beats(&mut world, &[(1, 0.018), (2, 0.001), (1, 0.018)]);
    assert_eq!((stands(&world, 10), revoked(&mut world, 1)), (first.assignment, None));
}

#[test]
fn a_driver_who_says_no_leaves_everything_as_it_was() {
    let (mut world, first) = on_the_way(plain(), 0.02);
    let second = asked_of_second(&mut world, 0.001, 0.019).unwrap();
    world.step(CENTRAL, 2, &second, Step::Released { reason: Release::Declined }).unwrap();
    beats(&mut world, &[(1, 0.018), (2, 0.001), (1, 0.018), (2, 0.001)]);
    assert_eq!(world.offer_for(CENTRAL, 2).map(|offer| offer.assignment), None, "a no counts");
    assert_eq!((stands(&world, 10), revoked(&mut world, 1)), (first.assignment, None));
}

#[test]
fn who_has_arrived_keeps_the_rider() {
    let (mut world, first) = on_the_way(plain(), 0.02);
    let second = asked_of_second(&mut world, 0.001, 0.019).unwrap();
    world.step(CENTRAL, 1, &first, Step::Arrived).unwrap();
    assert_eq!(revoked(&mut world, 2), Some((second.assignment.clone(), Release::Withdrawn)));
    // The yes was on its way.
    world.accept(CENTRAL, 2, &second).unwrap();
    assert_eq!((world.status(CENTRAL, 10), stands(&world, 10)), (Status::Arrived, first.assignment));
    assert_eq!(revoked(&mut world, 2), Some((second.assignment, Release::Withdrawn)));
    assert_eq!(world.conflicts(CENTRAL), []);
}

/// Rider 10 has driver 1, who is at the door if so said; driver 2, who was asked instead, said yes when the question was over.
fn a_yes_that_comes_late(has_arrived: bool, hears_that_it_is_over: bool, restarts: bool) {
    let (mut world, first) = on_the_way(plain(), 0.02);
    let second = asked_of_second(&mut world, 0.001, 0.019).unwrap();
    // No answer for longer than the question is open.
    for _ in 0..35 {
        beats(&mut world, &[(1, 0.019)]);
    }
    if restarts {
        world.restart(CENTRAL);
        world.attach_at(CENTRAL, 1, 0.019);
        world.attach_at(CENTRAL, 2, 0.001);
    }
    if has_arrived {
        world.step(CENTRAL, 1, &first, Step::Arrived).unwrap();
    }
    let has = if has_arrived { Status::Arrived } else { Status::Assigned };
    world.accept(CENTRAL, 2, &second).unwrap();
    assert_eq!((world.status(CENTRAL, 10), stands(&world, 10)), (has, first.assignment.clone()));
    assert_eq!(revoked(&mut world, 1), None, "the first keeps the rider");
    if hears_that_it_is_over {
        // The phone was told to forget the question while its yes was on the way.
        world.step(CENTRAL, 2, &second, Step::Released { reason: Release::Lapsed }).unwrap();
    } else {
        assert_eq!(revoked(&mut world, 2), Some((second.assignment.clone(), Release::Withdrawn)));
    }
    assert_eq!((world.status(CENTRAL, 10), stands(&world, 10)), (has, first.assignment.clone()));
    assert!(!world.record(CENTRAL, 10).is_exchanged(&first.assignment));
    assert_eq!(world.conflicts(CENTRAL), []);
}

#[test]
fn a_yes_that_comes_when_the_question_is_over_takes_nobodys_taxi() {
    for has_arrived in [true, false] {
        for restarts in [true, false] {
            a_yes_that_comes_late(has_arrived, false, restarts);
            a_yes_that_comes_late(has_arrived, true, restarts);
        }
    }
}

#[test]
fn who_has_boarded_the_rider_by_a_late_yes_stays_on_board() {
    let (mut world, first) = on_the_way(plain(), 0.02);
    let second = asked_of_second(&mut world, 0.001, 0.019).unwrap();
    for _ in 0..35 {
        beats(&mut world, &[(1, 0.019)]);
    }
    let (booking, assignment) = (second.booking, second.assignment.clone());
    let held = Held { booking, assignment, confirmed: false, boarded: true };
    world.hold(2, Slot { current: Some(held), next: None });
    beats(&mut world, &[(2, 0.0)]);
    world.accept(CENTRAL, 2, &second).unwrap();
    assert_eq!(world.record(CENTRAL, 10).assignments[&second.assignment].released, None);
    let boarded = Step::Boarded { pin: ondol_core::fact::PinCheck::Verified };
    world.step(CENTRAL, 2, &second, boarded).unwrap();
    assert_eq!((world.status(CENTRAL, 10), stands(&world, 10)), (Status::Boarded, second.assignment));
    assert_eq!(revoked(&mut world, 1), Some((first.assignment, Release::Superseded)));
}

#[test]
fn a_late_yes_is_welcome_where_the_first_taxi_is_gone() {
    let (mut world, first) = on_the_way(plain(), 0.02);
    let second = asked_of_second(&mut world, 0.001, 0.019).unwrap();
    for _ in 0..35 {
        beats(&mut world, &[(1, 0.019)]);
    }
    world.step(CENTRAL, 1, &first, Step::Released { reason: Release::GivenBack }).unwrap();
    world.accept(CENTRAL, 2, &second).unwrap();
    assert_eq!((world.status(CENTRAL, 10), stands(&world, 10)), (Status::Assigned, second.assignment));
}

#[test]
fn a_driver_who_reached_the_pickup_after_another_had_taken_over_drove_for_nothing() {
    let (mut world, first) = on_the_way(plain(), 0.02);
    let second = asked_of_second(&mut world, 0.001, 0.019).unwrap();
    takes(&mut world, 2, &second);
    world.step(CENTRAL, 1, &first, Step::Arrived).unwrap();
    assert_eq!(stands(&world, 10), second.assignment, "driver 1 has not heard of it yet");
    world.step(CENTRAL, 1, &first, Step::Released { reason: Release::Superseded }).unwrap();
    let given_way: Vec<AssignmentId> =
        world.conflicts(CENTRAL).into_iter().flat_map(|conflict| conflict.gives_way).collect();
    assert_eq!(given_way, [first.assignment], "and it is written down");
}

#[test]
fn nobody_takes_over_from_a_taxi_that_came_after_a_machine_had_given_up() {
    let (mut world, first) = on_the_way(plain(), 0.02);
    let booking = World::booking(10);
    let gives_up = Command::Cancel { booking, by: Party::System, reason: CancelReason::NoTaxi };
    world.command(CENTRAL, gives_up).unwrap();
    assert_eq!(asked_of_second(&mut world, 0.001, 0.019).map(|offer| offer.booking), None);
    assert_eq!((world.count(CENTRAL, "offered"), stands(&world, 10)), (1, first.assignment));
}

#[test]
fn a_taxi_that_was_taken_over_from_boards_all_the_same_if_its_driver_did_not_know() {
    let (mut world, first) = on_the_way(plain(), 0.02);
    let second = asked_of_second(&mut world, 0.001, 0.019).unwrap();
    takes(&mut world, 2, &second);
    let boarded = Step::Boarded { pin: ondol_core::fact::PinCheck::Verified };
    world.step(CENTRAL, 1, &first, boarded).unwrap();
    assert_eq!((world.status(CENTRAL, 10), stands(&world, 10)), (Status::Boarded, first.assignment));
    assert_eq!(revoked(&mut world, 2), Some((second.assignment.clone(), Release::Superseded)));
    let given_way: Vec<AssignmentId> =
        world.conflicts(CENTRAL).into_iter().flat_map(|conflict| conflict.gives_way).collect();
    assert_eq!(given_way, [second.assignment], "driver 2 drove for nothing, and it is written down");
}

#[test]
fn only_a_taxi_that_is_worth_it_takes_over() {
    let by_text = Request { text_home: Some(CENTRAL.parse().unwrap()), ..plain() };
    let at_the_desk = Request { door: Door::Phone, ..plain() };
    for (request, first_east, east, why) in [
        (plain(), 0.019, 0.0185, "the change costs more than it brings"),
        (plain(), 0.002, 0.0, "who is all but there is left alone"),
        (by_text, 0.019, 0.001, "a rider who is told by text would have to look for another plate"),
        (at_the_desk, 0.019, 0.001, "who called and left no number is told by nobody"),
    ] {
        let (mut world, _) = on_the_way(request, 0.02);
        assert_eq!(asked_of_second(&mut world, east, first_east).map(|offer| offer.booking), None, "{why}");
    }
}

#[test]
fn what_an_operator_chose_is_left_alone() {
    let mut world = World::without_edge();
    world.book(CENTRAL, 10).unwrap();
    world.attach_at(CENTRAL, 1, 0.02);
    let by_hand = Command::AssignByHand {
        booking: World::booking(10),
        shift: ShiftId::from_number(1),
        told_eta_s: None,
    };
    assert_eq!(world.command(CENTRAL, by_hand), Ok(Answer::Done));
    let offer = world.offer_for(CENTRAL, 1).unwrap();
    takes(&mut world, 1, &offer);
    beats(&mut world, &[(1, 0.02)]);
    assert_eq!(asked_of_second(&mut world, 0.001, 0.019).map(|offer| offer.booking), None);
}

#[test]
fn a_booking_is_exchanged_four_times_at_most() {
    let (mut world, mut before) = on_the_way(plain(), 0.06);
    let mut at = 0.06;
    for (last, next) in [(1, 2), (2, 3), (3, 4), (4, 5), (5, 6)] {
        let east = at - 0.01;
        world.attach_at(CENTRAL, next, east);
        beats(&mut world, &[(last, at), (next, east), (last, at), (next, east), (last, at), (next, east)]);
        let offer = world.offer_for(CENTRAL, next);
        if next == 6 {
            assert_eq!(offer, None, "a fifth change is one too many");
            return;
        }
        let offer = offer.expect("each is nearer than the one before");
        takes(&mut world, next, &offer);
        world.step(CENTRAL, last, &before, Step::Released { reason: Release::Superseded }).unwrap();
        before = offer;
        beats(&mut world, &[(next, east)]);
        at = east;
    }
}

#[test]
fn nobody_takes_over_while_one_who_was_called_off_has_not_heard_of_it() {
    let (mut world, first) = on_the_way(plain(), 0.06);
    let second = asked_of_second(&mut world, 0.04, 0.06).unwrap();
    takes(&mut world, 2, &second);
    beats(&mut world, &[(2, 0.04)]);
    world.attach_at(CENTRAL, 3, 0.01);
    beats(&mut world, &[(2, 0.04), (3, 0.01), (2, 0.04), (3, 0.01)]);
    assert_eq!(world.offer_for(CENTRAL, 3), None, "driver 1 may still arrive");
    world.step(CENTRAL, 1, &first, Step::Released { reason: Release::Superseded }).unwrap();
    beats(&mut world, &[(2, 0.04), (3, 0.01), (2, 0.04), (3, 0.01)]);
    assert_eq!(world.offer_for(CENTRAL, 3).map(|offer| offer.booking), Some(World::booking(10)));
}

#[test]
fn no_taxi_takes_over_that_comes_much_later_than_was_promised() {
    for (second_east, is_exchanged) in [(-0.022, true), (-0.031, false)] {
        // A new rider stands beside the taxi that is on its way to the first, and driver 2 is free on the other side.
        let (mut world, _) = on_the_way(plain(), 0.019);
        world.attach_at(CENTRAL, 2, second_east);
        beats(&mut world, &[(1, 0.019), (2, second_east)]);
        world.book_at(CENTRAL, 11, 0.0192).unwrap();
        beats(&mut world, &[(1, 0.019), (2, second_east)]);
        let asked = world.offer_for(CENTRAL, 2).map(|offer| offer.booking);
        assert_eq!(asked == Some(World::booking(10)), is_exchanged, "{second_east}: {asked:?}");
    }
}

#[test]
fn a_new_rider_gets_the_taxi_that_is_near_once_another_has_taken_over_from_it() {
    let (mut world, first) = on_the_way(plain(), 0.02);
    // The new rider stands beside the taxi that is on its way to the first, and driver 2 is free on the other side.
    world.attach_at(CENTRAL, 2, -0.018);
    beats(&mut world, &[(1, 0.019), (2, -0.018)]);
    world.book_at(CENTRAL, 11, 0.0192).unwrap();
    beats(&mut world, &[(1, 0.019), (2, -0.018)]);
    let second = world.offer_for(CENTRAL, 2).expect("driver 2 is asked to take over");
    assert_eq!((second.booking, world.status(CENTRAL, 11)), (World::booking(10), Status::Open));
    takes(&mut world, 2, &second);
    world.step(CENTRAL, 1, &first, Step::Released { reason: Release::Superseded }).unwrap();
    beats(&mut world, &[(1, 0.019), (2, -0.018), (1, 0.019)]);
    assert_eq!(world.offer_for(CENTRAL, 1).map(|offer| offer.booking), Some(World::booking(11)));
}

#[test]
fn nobody_waits_for_a_taxi_that_nobody_can_take_over_from() {
    let needs = Needs { wheelchair: true, ..Needs::default() };
    let mut world = World::without_edge();
    world.attach_at(CENTRAL, 5, 0.02);
    world.book_as(CENTRAL, 10, Request { needs, ..plain() }).unwrap();
    let offer = world.offer_for(CENTRAL, 5).unwrap();
    takes(&mut world, 5, &offer);
    // Driver 2 cannot take the wheelchair, and is further from the new rider than driver 5.
    world.attach_at(CENTRAL, 2, 0.03);
    beats(&mut world, &[(5, 0.019), (2, 0.03)]);
    let medical = Request { priority: ondol_core::booking::Priority::Medical, pickup: at(0.0192), ..plain() };
    world.book_as(CENTRAL, 11, medical).unwrap();
    beats(&mut world, &[(5, 0.019), (2, 0.03)]);
    assert_eq!(world.offer_for(CENTRAL, 2).map(|offer| offer.booking), Some(World::booking(11)));
}
