//! Goal: while central is away a booking that finds nobody goes to the neighbouring district, of the two districts one
//! at most plans it at any moment, and its rider hears of the taxi where the rider asked.
//!
//! Method: two edges on a clock that the test moves; calls between them are let through, lost or repeated by the test,
//! and each edge starts on old copies of its disk between the steps.
//! Drivers whom nobody can use where they are, because edges do not hear one another, are asked home: `home.rs`.

#![allow(clippy::unwrap_used, reason = "what a test unwraps is what it asserts")]

mod home;
mod town;

use ondol_core::booking::{Payment, Status};
use ondol_core::command::{Answer, Command, NoticeText, Refusal, ToDevice};
use ondol_core::face::Timing;
use ondol_core::fact::{Fare, PinCheck, Step};
use ondol_core::units::Money;
use town::{CENTRAL, EAST, Town, WEST, booking};

/// A booking in the west, which has no driver, waits while a driver of the east is free.
fn waiting() -> Town {
    let mut town = Town::cut_off(Timing::default());
    town.attach(2);
    town.talk_s(6, &[2]);
    town.book().unwrap();
    town
}

/// The same, once the east has the booking and asks its driver.
fn lent() -> Town {
    let mut town = waiting();
    town.talk_s(64, &[2]);
    assert!(town.offer(2).is_some(), "the east asks its driver");
    town
}

#[test]
fn what_finds_nobody_for_a_minute_goes_to_the_neighbour_and_its_rider_hears_of_the_taxi() {
    let mut town = waiting();
    town.talk_s(58, &[2]);
    assert_eq!(town.count(WEST, "booking_lent"), 0, "a minute is not over");
    town.talk_s(6, &[2]);
    for (edge, kind) in [(WEST, "booking_lent"), (EAST, "booking_borrowed"), (WEST, "booking_transferred")] {
        assert_eq!(town.count(edge, kind), 1, "{kind}");
    }
    assert_eq!(town.record(WEST, "west").unwrap().lent_to().unwrap().to.as_str(), EAST);
    let offer = town.offer(2).unwrap();
    town.step(2, &offer, Step::Assigned).unwrap();
    town.talk_s(2, &[]);
    assert_eq!(town.status(WEST), Some(Status::Assigned), "the west shows what the east tells");
    let told = town.notices(WEST).iter().any(|notice| match &notice.text {
        NoticeText::TaxiAssigned { plate, .. } => plate == "서울33바0002",
        _ => false,
    });
    assert!(told && town.notices(EAST).is_empty(), "the west, where the rider asked, tells by text");
    town.step(2, &offer, Step::Arrived).unwrap();
    town.step(2, &offer, Step::Boarded { pin: PinCheck::Verified }).unwrap();
    let fare = Fare {
        revision: 0,
        amount: Money(7_700),
        distance_m: 4_000,
        duration_s: 600,
        payment: Payment::Cash,
    };
    town.step(2, &offer, Step::Done { fare }).unwrap();
    town.talk_s(2, &[]);
    assert_eq!((town.status(WEST), town.status(EAST)), (Some(Status::Done), Some(Status::Done)));
    assert!(!town.record(WEST, "west").unwrap().has_open_loan(), "there is nothing more to be said");
    assert_eq!(town.record(WEST, "west").unwrap().told().unwrap().taxi.as_ref().unwrap().eta_s, offer.eta_s);
}

#[test]
fn a_driver_who_comes_free_in_the_west_is_not_asked_for_what_is_lent() {
    let mut town = lent();
    town.attach(1);
    town.talk_s(10, &[1, 2]);
    assert_eq!(town.offer(1), None);
    assert_eq!(town.count(WEST, "offered"), 0);
}

#[test]
fn the_borrower_plans_nothing_before_it_knows_that_the_lender_has_let_go() {
    let mut town = waiting();
    town.talk_s(59, &[2]);
    town.pass_s(2, &[2]);
    let (from, to, call) = town.calls.iter().find(|(.., call)| !call.lent.is_empty()).cloned().unwrap();
    let Ok(Answer::Loans(answer)) = town.command(to, Command::Borrow(call)) else { panic!("it is answered") };
    assert_eq!(town.count(EAST, "booking_borrowed"), 1);
    town.calls.clear();
    town.pass_s(3, &[2]);
    town.calls.clear();
    assert_eq!(town.offer(2), None, "lent and borrowed, and the lender still plans it");
    town.attach(1);
    town.pass_s(2, &[1, 2]);
    assert!(town.offer(1).is_some(), "the lender asks its own driver, who has come free");
    town.command(from, Command::Lent(answer)).unwrap();
    assert_eq!((town.count(WEST, "booking_transferred"), town.count(WEST, "booking_returned")), (0, 1));
    town.talk_s(3, &[1, 2]);
    assert_eq!((town.offer(2), town.count(EAST, "booking_returned")), (None, 1), "withdrawn");
}

#[test]
fn what_the_neighbour_cannot_serve_either_comes_back() {
    let mut town = lent();
    let offer = town.offer(2).unwrap();
    town.step(2, &offer, Step::Released { reason: ondol_core::fact::Release::Declined }).unwrap();
    town.talk_s(110, &[2]);
    assert_eq!(town.count(EAST, "booking_returned"), 0);
    town.attach(1);
    town.talk_s(15, &[1, 2]);
    assert_eq!((town.count(EAST, "booking_returned"), town.count(WEST, "booking_returned")), (1, 1));
    assert!(town.offer(1).is_some(), "the lender plans it again");
    assert_eq!(town.status(EAST), Some(Status::Cancelled), "the east has nothing more to do with it");
}

#[test]
fn a_cancel_in_the_west_reaches_the_taxi_of_the_east() {
    let mut town = lent();
    let offer = town.offer(2).unwrap();
    town.step(2, &offer, Step::Assigned).unwrap();
    town.talk_s(2, &[]);
    town.cancel(WEST).unwrap();
    town.talk_s(3, &[]);
    assert_eq!(town.status(EAST), Some(Status::Cancelled));
    assert!(town.messages(2).iter().any(|message| matches!(message, ToDevice::Revoke { .. })));
    assert!(!town.record(WEST, "west").unwrap().has_open_loan());
}

#[test]
fn a_lender_on_an_old_copy_of_its_disk_plans_nothing_before_the_neighbour_has_told() {
    // Copies from before it was lent, and from before it was let go of.
    for kind in ["booking_lent", "booking_transferred"] {
        let mut town = waiting();
        let mut before = town.stored(WEST);
        while town.count(WEST, kind) == 0 {
            before = town.stored(WEST);
            if town.calls.is_empty() {
                town.pass_s(1, &[2]);
            } else {
                town.let_one_through();
            }
        }
        town.talk_s(3, &[2]);
        assert!(town.offer(2).is_some());
        town.restore(WEST, before);
        town.attach(1);
        town.pass_s(30, &[1, 2]);
        assert_eq!(town.count(WEST, "offered"), 0, "{kind}: it does not know that it has lent it");
        town.talk_s(5, &[1, 2]);
        assert_eq!(town.count(WEST, "offered"), 0, "{kind}: it knows it from the neighbour");
        assert_eq!(town.record(WEST, "west").unwrap().lent_to().unwrap().to.as_str(), EAST);
    }
}

#[test]
fn a_borrower_on_an_old_copy_of_its_disk_does_not_plan_what_it_has_given_back() {
    let mut town = lent();
    let before = town.stored(EAST);
    let offer = town.offer(2).unwrap();
    town.step(2, &offer, Step::Released { reason: ondol_core::fact::Release::Declined }).unwrap();
    town.talk_s(125, &[2]);
    assert_eq!(town.count(WEST, "booking_returned"), 1);
    town.restore(EAST, before);
    town.attach(2);
    let asked = town.count(EAST, "offered");
    town.pass_s(5, &[2]);
    assert_eq!(town.count(EAST, "offered"), asked, "it holds it by what it knows");
    town.talk_s(5, &[2]);
    assert_eq!((town.count(EAST, "offered"), town.count(EAST, "booking_returned")), (asked, 1));
}

#[test]
fn central_is_answered_once_the_neighbour_has_told_or_is_silent() {
    let mut town = lent();
    let stored = town.stored(WEST);
    town.start_on(WEST, stored);
    town.pass_s(1, &[]);
    assert_eq!(town.renew(WEST), Err(Refusal::Overloaded), "central would plan what the east has");
    town.let_through();
    assert!(matches!(town.renew(WEST), Ok(Answer::Renewal(_))), "the neighbour has told");
    let stored = town.stored(WEST);
    town.start_on(WEST, stored);
    town.pass_s(6, &[]);
    assert!(matches!(town.renew(WEST), Ok(Answer::Renewal(_))), "a dead neighbour holds up no return");
}

#[test]
fn what_was_said_to_or_by_an_earlier_life_is_void() {
    let mut town = waiting();
    let before = town.stored(EAST);
    town.talk_s(61, &[2]);
    town.pass_s(1, &[2]);
    let (_, to, call) = town.calls.iter().find(|(.., call)| !call.lent.is_empty()).cloned().unwrap();
    town.restore(EAST, before);
    town.calls.clear();
    let Ok(Answer::Loans(answer)) = town.command(to, Command::Borrow(call.clone())) else {
        panic!("answered")
    };
    assert_eq!(
        (answer.borrowed, town.record(EAST, "east")),
        (Vec::new(), None),
        "it was not said to this life"
    );
    let stored = town.stored(WEST);
    town.restore(WEST, stored);
    town.let_through();
    assert_eq!(town.command(to, Command::Borrow(call)), Err(Refusal::OutOfRange), "nor by the present life");
}

#[test]
fn the_rider_of_a_neighbour_that_is_not_heard_is_asked_and_a_yes_brings_it_back() {
    let mut town = lent();
    town.attach(1);
    town.pass_s(118, &[1]);
    assert!(!town.asks_if_still_wanted(WEST));
    town.pass_s(4, &[1]);
    assert!(town.asks_if_still_wanted(WEST), "for two minutes nobody has heard of it");
    assert_eq!(town.offer(1), None, "and nobody plans it here unasked");
    town.command(WEST, Command::Keep { booking: booking() }).unwrap();
    town.pass_s(2, &[1]);
    assert!(town.offer(1).is_some());
    town.calls.clear();
    town.talk_s(3, &[]);
    assert_eq!(town.status(EAST), Some(Status::Cancelled), "the neighbour gives way once it is heard");
}

#[test]
fn nothing_is_lent_where_that_is_switched_off() {
    let mut town = Town::cut_off(Timing { lend_after_ms: 0, ..Timing::default() });
    town.attach(2);
    town.book().unwrap();
    town.talk_s(300, &[2]);
    assert_eq!((town.count(WEST, "booking_lent"), town.status(WEST)), (0, Some(Status::Open)));
}

#[test]
fn central_shows_the_booking_where_it_is() {
    let mut town = lent();
    town.carry(WEST, CENTRAL);
    town.carry(EAST, CENTRAL);
    let (west, east) = (town.record(CENTRAL, "west").unwrap(), town.record(CENTRAL, "east").unwrap());
    assert!(!west.is_here() && east.is_here());
    town.cancel(CENTRAL).unwrap();
    assert_eq!(town.record(CENTRAL, "east").unwrap().status(), Status::Cancelled);
}

#[test]
fn nobody_but_a_neighbour_is_heard() {
    let mut town = waiting();
    town.pass_s(6, &[]);
    let (_, to, call) = town.calls[0].clone();
    let foreign = ondol_core::command::LoanCall { from: CENTRAL.parse().unwrap(), ..call.clone() };
    assert_eq!(town.command(to, Command::Borrow(foreign)), Err(Refusal::OtherNode));
    let long = ondol_core::command::LoanCall { asks: vec![booking(); 501], ..call };
    assert_eq!(town.command(to, Command::Borrow(long)), Err(Refusal::OutOfRange));
}
