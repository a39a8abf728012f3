//! Goal: while central is away a booking that finds nobody goes to the neighbouring district, of the two districts one
//! at most plans it at any moment, and its rider hears of the taxi where the rider asked.
//!
//! Method: two edges on a clock that the test moves; calls between them are let through, lost or repeated by the test,
//! and each edge starts on old copies of its disk between the steps.
//! Drivers whom nobody can use where they are, because edges do not hear one another, are asked home: `home.rs`.

#![allow(clippy::unwrap_used, reason = "what a test unwraps is what it asserts")]

mod home;
mod town;
mod twice;

use ondol_core::booking::{CancelReason, Party, Payment, Status};
use ondol_core::command::{
    Answer, Command, Held, LentSaid, LoanCall, LoanStage, NoticeText, Refusal, Slot, ToDevice,
};
use ondol_core::face::Timing;
use ondol_core::fact::{Fare, PinCheck, Step};
use ondol_core::ids::BookingId;
use ondol_core::loan::{LoanId, Told, ToldTaxi};
use ondol_core::units::Money;
use town::{CENTRAL, EAST, SOUTH, Town, WEST, booking};

/// A booking in the west, which has no driver, waits while a driver of the east is free.
fn waiting() -> Town {
    let mut town = unasked();
    town.book().unwrap();
    town
}

/// A driver of the east is free.
fn unasked() -> Town {
    let mut town = Town::cut_off(Timing::default());
    town.attach(2);
    town.talk_s(6, &[2]);
    town
}

/// The same, once the east has the booking and asks its driver.
fn lent() -> Town {
    let mut town = waiting();
    town.talk_s(64, &[2]);
    assert!(town.offer(2).is_some(), "the east asks its driver");
    town
}

fn fare() -> Fare {
    let (distance_m, duration_s) = (4_000, 600);
    Fare { revision: 0, amount: Money(7_700), distance_m, duration_s, payment: Payment::Cash }
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
    town.step(2, &offer, Step::Done { fare: fare() }).unwrap();
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
fn a_borrowed_trip_that_a_phone_brought_back_is_the_lenders_again() {
    let mut town = waiting();
    let before = town.stored(EAST);
    town.talk_s(64, &[2]);
    let offer = town.offer(2).unwrap();
    let boarded = Step::Boarded { pin: PinCheck::Verified };
    town.step(2, &offer, Step::Assigned).unwrap();
    town.step(2, &offer, boarded.clone()).unwrap();
    town.talk_s(2, &[]);
    assert_eq!(town.status(WEST), Some(Status::Boarded));
    // The copy knows nothing of the booking.
    town.restore(EAST, before);
    let (booking, assignment) = (booking(), offer.assignment.clone());
    let held = Held { booking, assignment, confirmed: true, boarded: true };
    town.attach_with(2, Slot { current: Some(held), next: None });
    town.bring(2, offer.capsule.clone().expect("the phone keeps it")).unwrap();
    assert!(town.record(EAST, "east").unwrap().is_unverified(), "nobody but the driver says so yet");
    town.talk_s(6, &[2]);
    let brought = town.record(EAST, "east").unwrap();
    assert!(
        brought.is_borrowed() && brought.is_unverified(),
        "its lender knows it, and its rider is still to show it"
    );
    town.step(2, &offer, boarded).unwrap();
    town.step(2, &offer, Step::Done { fare: fare() }).unwrap();
    town.talk_s(2, &[]);
    assert_eq!(town.status(WEST), Some(Status::Done), "and its rider learns how it ended");
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
    town.talk_s(59, &[2]);
    town.pass_s(2, &[2]);
    let asks_for_it = |call: &LoanCall| call.lent.iter().any(|said| said.request.is_some());
    let (_, to, call) = town.calls.iter().find(|(.., call)| asks_for_it(call)).cloned().unwrap();
    town.restore(EAST, before);
    town.attach(2);
    town.pass_s(6, &[2]);
    town.calls.clear();
    let mut said = |call| {
        let Ok(Answer::Loans(answer)) = town.command(to, Command::Borrow(call)) else { panic!("answered") };
        answer
    };
    let answer = said(call.clone());
    assert_eq!((answer.borrowed, answer.free), (Vec::new(), 1), "it was not said to this life");
    let to_this_life = LoanCall { to_incarnation: answer.incarnation, ..call.clone() };
    assert_eq!(said(to_this_life).borrowed.len(), 1, "which would have borrowed");
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
fn a_neighbour_that_keeps_a_booking_and_finds_nobody_is_not_waited_for() {
    let mut town = lent();
    let mut seconds = 0;
    while !town.asks_if_still_wanted(WEST) {
        assert!(seconds < 300, "its rider is never asked");
        // It answers each call, and says that it still looks for somebody.
        town.pass_s(1, &[]);
        seconds += 1;
        let calls = std::mem::take(&mut town.calls);
        for (_, _, call) in calls.into_iter().filter(|(from, ..)| *from == WEST) {
            let Ok(Answer::Loans(mut answer)) = town.command(EAST, Command::Borrow(call)) else { continue };
            for said in &mut answer.borrowed {
                (said.stage, said.told) = (LoanStage::Out, Told { status: Status::Open, taxi: None });
            }
            let _refused = town.command(WEST, Command::Lent(answer));
        }
    }
    assert!(seconds >= 230, "two minutes to find somebody, and two more: {seconds}");
}

#[test]
fn a_yes_to_the_borrower_of_a_lender_that_is_not_heard_is_planned_there() {
    let mut town = lent();
    let stored = town.stored(EAST);
    town.restore(EAST, stored);
    town.attach(2);
    town.pass_s(122, &[2]);
    assert!(town.asks_if_still_wanted(EAST), "it has come from an earlier life, and its lender is silent");
    let asked = town.count(EAST, "offered");
    town.command(EAST, Command::Keep { booking: booking() }).unwrap();
    town.pass_s(2, &[2]);
    assert_eq!(town.status(EAST), Some(Status::Offered));
    assert_eq!(town.count(EAST, "offered"), asked + 1);
}

#[test]
fn central_asks_the_rider_of_what_an_unheard_edge_has_on_loan() {
    let mut town = lent();
    for edge in [WEST, EAST] {
        town.carry(edge, CENTRAL);
    }
    // The west becomes central's again; the edge of the east is not heard, and has not been for long.
    assert!(!town.asks_if_still_wanted(CENTRAL), "it is the edge's to ask");
    town.command(WEST, Command::GiveBackDistrict { district: town::district_of(WEST) }).unwrap();
    town.hear_central_s(60, WEST);
    assert!(town.asks_if_still_wanted(CENTRAL));
    assert!(!town.record(CENTRAL, "west").unwrap().is_here());
    town.command(CENTRAL, Command::Keep { booking: booking() }).unwrap();
    assert!(town.record(CENTRAL, "west").unwrap().is_here(), "it is the west's again");
}

#[test]
fn what_an_edge_may_not_plan_because_a_neighbour_is_silent_central_brings_back_by_a_yes() {
    let mut town = waiting();
    let stored = town.stored(WEST);
    town.restore(WEST, stored);
    town.command(WEST, Command::GiveBackDistrict { district: town::district_of(WEST) }).unwrap();
    town.hear_central_s(60, WEST);
    let owner = |town: &Town| town.record(CENTRAL, "west").unwrap().owner.unwrap().0.node;
    assert_eq!(owner(&town).as_str(), WEST, "the east might have it");
    assert!(!town.asks_if_still_wanted(CENTRAL));
    town.hear_central_s(100, WEST);
    assert!(town.asks_if_still_wanted(CENTRAL), "the edge does not get on with it");
    town.command(CENTRAL, Command::Keep { booking: booking() }).unwrap();
    assert_eq!(owner(&town).as_str(), CENTRAL);
}

#[test]
fn nothing_is_lent_where_that_is_switched_off() {
    let mut town = Town::cut_off(Timing { lend_after_ms: 0, ..Timing::default() });
    town.attach(2);
    town.book().unwrap();
    town.talk_s(299, &[2]);
    assert_eq!((town.count(WEST, "booking_lent"), town.status(WEST)), (0, Some(Status::Open)));
    town.pass_s(6, &[2]);
    let (_, to, call) = town.calls[0].clone();
    let Ok(Answer::Loans(answer)) = town.command(to, Command::Borrow(call)) else { panic!("answered") };
    assert_eq!(answer.free, 0, "and nobody is promised to a neighbour");
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

/// What the lender says of the booking that it has let go of, once the borrower asks its driver.
fn said_out() -> (Town, LoanCall) {
    let mut town = lent();
    town.pass_s(6, &[2]);
    let mut calls = town.calls.iter().filter(|(from, ..)| *from == WEST);
    let (_, _, call) = calls.find(|(.., call)| !call.lent.is_empty()).cloned().unwrap();
    (town, call)
}

#[test]
fn what_was_never_lent_is_not_borrowed_however_far_it_is_said_to_be() {
    let (mut town, mut call) = said_out();
    let request = town.record(WEST, "west").unwrap().request().cloned();
    call.lent[0].booking = BookingId::from_number(99);
    call.lent[0].request = request.map(Box::new);
    // Its one driver is asked already.
    let borrowed = town.count(EAST, "booking_borrowed");
    town.pass_s(600, &[2]);
    town.command(EAST, Command::Borrow(call)).unwrap();
    assert_eq!(town.count(EAST, "booking_borrowed"), borrowed, "in a life of ten minutes it would be known");
}

#[test]
fn a_loan_of_another_lender_changes_nothing_of_what_is_borrowed() {
    let (mut town, call) = said_out();
    let said = LentSaid {
        loan: LoanId::new(9, 9),
        request: town.record(WEST, "west").unwrap().request().cloned().map(Box::new),
        cancel: Some((Party::Rider, CancelReason::ChangedMind)),
        ..call.lent[0].clone()
    };
    let call = LoanCall {
        from: SOUTH.parse().unwrap(),
        district: "south".parse().unwrap(),
        lent: vec![said],
        ..call
    };
    town.command(EAST, Command::Borrow(call)).unwrap();
    assert_eq!(town.status(EAST), Some(Status::Offered));
}

#[test]
fn a_sentence_is_no_plate() {
    for plate in ["서울33바0002 call 010-1234", "www.example.org", "A\nB", ""] {
        let mut town = lent();
        town.pass_s(6, &[2]);
        let (_, _, call) = town.calls.iter().find(|(from, ..)| *from == WEST).cloned().unwrap();
        let Ok(Answer::Loans(mut answer)) = town.command(EAST, Command::Borrow(call)) else {
            panic!("answered")
        };
        let taxi = ToldTaxi {
            assignment: "edge-east:1:1".parse().unwrap(),
            plate: plate.to_owned(),
            asked_at: ondol_core::units::UtcMs(0),
            eta_s: 60,
            fare: None,
        };
        answer.borrowed[0].told = Told { status: Status::Assigned, taxi: Some(taxi) };
        town.command(WEST, Command::Lent(answer)).unwrap();
        assert_eq!(town.status(WEST), Some(Status::Assigned), "the taxi comes all the same");
        let told = town.record(WEST, "west").unwrap().told().cloned().unwrap();
        assert_eq!(told.taxi.unwrap().plate, "-", "{plate:?}");
    }
}

#[test]
fn what_both_districts_have_lost_is_not_planned_where_its_rider_shows_it_again() {
    let mut town = unasked();
    let (west, east) = (town.stored(WEST), town.stored(EAST));
    town.book().unwrap();
    town.talk_s(64, &[2]);
    let offer = town.offer(2).unwrap();
    town.step(2, &offer, Step::Assigned).unwrap();
    town.restore(WEST, west);
    town.restore(EAST, east);
    town.calls.clear();
    let held =
        Held { booking: booking(), assignment: offer.assignment.clone(), confirmed: true, boarded: false };
    town.attach_with(2, Slot { current: Some(held), next: None });
    town.bring(2, offer.capsule.clone().unwrap()).unwrap();
    assert!(town.record(EAST, "east").unwrap().held().is_some(), "the capsule says whose it was");
    town.book().unwrap();
    town.talk_s(6, &[2]);
    town.attach(1);
    town.talk_s(10, &[1, 2]);
    assert_eq!((town.status(WEST), town.count(WEST, "offered")), (Some(Status::Assigned), 0));
}

#[test]
fn nobody_but_a_neighbour_is_heard() {
    let mut town = waiting();
    town.pass_s(6, &[]);
    let (_, to, call) = town.calls[0].clone();
    let foreign = LoanCall { from: CENTRAL.parse().unwrap(), ..call.clone() };
    assert_eq!(town.command(to, Command::Borrow(foreign)), Err(Refusal::OtherNode));
    let long = LoanCall { asks: vec![booking(); 501], ..call };
    assert_eq!(town.command(to, Command::Borrow(long)), Err(Refusal::OutOfRange));
    let (mut town, call) = said_out();
    let request = town.record(WEST, "west").unwrap().request().cloned().map(Box::new);
    let many = LoanCall { lent: vec![LentSaid { request, ..call.lent[0].clone() }; 101], ..call };
    assert_eq!(town.command(EAST, Command::Borrow(many)), Err(Refusal::OutOfRange));
}

#[test]
fn what_central_has_of_a_district_that_it_does_not_serve_any_more_is_kept_and_changes_nothing() {
    let mut town = waiting();
    town.carry(WEST, CENTRAL);
    town.dropped = Some(WEST);
    town.start_on(CENTRAL, town.stored(CENTRAL));
    assert_eq!(town.cancel(CENTRAL), Err(Refusal::OtherDistrict));
    assert_eq!(town.command(CENTRAL, Command::Keep { booking: booking() }), Err(Refusal::OtherDistrict));
    town.cancel(WEST).unwrap();
    town.carry(WEST, CENTRAL);
    town.pass_s(3, &[]);
    assert_eq!(town.record(CENTRAL, "west").unwrap().status(), Status::Open, "it goes on with the rest");
}
