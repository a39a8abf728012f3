//! Stories of nodes: a booking on one node; central disappears; central comes back.
//!
//! Nodes run in one process on a clock that the test moves. The link between them is [`World::sync`]; a test
//! that does not call it has cut the link.

#![allow(clippy::unwrap_used, reason = "what a test unwraps is what it asserts")]

mod by_hand;
mod call_off;
mod capsules;
mod drivers;
mod exchange;
mod near;
mod outage;
mod quarantine;
mod relayed;
mod restored;
mod revisions;
mod roster;
mod texts;
mod waived;
mod world;

use ondol_core::booking::{CancelReason, Party, Payment, Status};
use ondol_core::command::{Answer, Command, HomeAnswer, HomeWish, NoticeText, Refusal, ToDevice};
use ondol_core::fact::{Fare, PinCheck, Release, Step};
use ondol_core::node::Mode;
use ondol_core::units::Money;
use world::{CENTRAL, EDGE, World};

fn fare(payment: Payment) -> Fare {
    Fare { revision: 0, amount: Money(7_700), distance_m: 4_000, duration_s: 600, payment }
}

#[test]
fn a_booking_goes_from_question_to_fare() {
    let mut world = World::without_edge();
    world.attach(CENTRAL, 1);
    world.book_deferred(CENTRAL, 10, Some(7_000)).unwrap();
    let offer = world.offer_for(CENTRAL, 1).expect("the only free shift is asked");
    assert_eq!(world.status(CENTRAL, 10), Status::Offered);
    world.accept(CENTRAL, 1, &offer).unwrap();
    assert_eq!(world.status(CENTRAL, 10), Status::Assigned);
    assert!(world.messages(CENTRAL, 1).contains(&ToDevice::Confirm { assignment: offer.assignment.clone() }));
    world.step(CENTRAL, 1, &offer, Step::Arrived).unwrap();
    world.step(CENTRAL, 1, &offer, Step::Boarded { pin: PinCheck::Verified }).unwrap();
    world.step(CENTRAL, 1, &offer, Step::Done { fare: fare(Payment::Deferred) }).unwrap();
    assert_eq!(world.status(CENTRAL, 10), Status::Done);
    assert_eq!(world.record(CENTRAL, 10).charged, Some(Money(7_700)));
    world.step(CENTRAL, 1, &offer, Step::Done { fare: fare(Payment::Deferred) }).unwrap();
    assert_eq!(world.count(CENTRAL, "charged"), 1, "charged once however often the end is reported");
}

#[test]
fn refusals_leave_the_journal_as_it_was() {
    let mut world = World::without_edge();
    world.attach(CENTRAL, 1);
    world.book(CENTRAL, 10).unwrap();
    let entries = world.entries(CENTRAL);
    let same_key = world.book_at(CENTRAL, 10, 0.02).unwrap_err();
    assert_eq!(same_key, Refusal::KeyReused);
    assert_eq!(world.book(CENTRAL, 10), Ok(Answer::Booked { repeat: true }));
    let unknown =
        Command::Cancel { booking: World::booking(99), by: Party::Rider, reason: CancelReason::Other };
    assert_eq!(world.command(CENTRAL, unknown), Err(Refusal::UnknownBooking));
    assert_eq!(world.attach_as(CENTRAL, 9, 9, 1), Err(Refusal::UnknownDriver));
    assert_eq!(world.attach_as(CENTRAL, 2, 1, 1), Err(Refusal::DriverElsewhere));
    assert_eq!(world.attach_as(CENTRAL, 1, 1, 0), Err(Refusal::StaleAttach));
    assert_eq!(world.entries(CENTRAL), entries);
}

#[test]
fn cancelling_before_boarding_frees_the_driver_and_after_it_is_refused() {
    let mut world = World::without_edge();
    world.attach(CENTRAL, 1);
    world.book(CENTRAL, 10).unwrap();
    let offer = world.offer_for(CENTRAL, 1).unwrap();
    world.accept(CENTRAL, 1, &offer).unwrap();
    world.cancel(CENTRAL, 10).unwrap();
    assert_eq!(world.status(CENTRAL, 10), Status::Cancelled);
    let revoke = ToDevice::Revoke {
        assignment: offer.assignment.clone(),
        booking: offer.booking,
        reason: Release::Cancelled,
    };
    assert!(world.messages(CENTRAL, 1).contains(&revoke));
    world.step(CENTRAL, 1, &offer, Step::Released { reason: Release::Cancelled }).unwrap();
    world.book(CENTRAL, 11).unwrap();
    let offer = world.offer_for(CENTRAL, 1).expect("the driver is free again");
    world.accept(CENTRAL, 1, &offer).unwrap();
    world.step(CENTRAL, 1, &offer, Step::Boarded { pin: PinCheck::Verified }).unwrap();
    assert_eq!(world.cancel(CENTRAL, 11), Err(Refusal::AlreadyBoarded));
    let recalled = world.command(CENTRAL, Command::Recall { booking: World::booking(11) });
    assert_eq!(recalled, Err(Refusal::AlreadyBoarded));
}

#[test]
fn a_driver_who_does_not_answer_stays_reserved_and_the_booking_goes_on() {
    let mut world = World::without_edge();
    world.attach(CENTRAL, 1);
    world.book(CENTRAL, 10).unwrap();
    let silent = world.offer_for(CENTRAL, 1).unwrap();
    world.attach(CENTRAL, 2);
    world.pass_ms(CENTRAL, 29_000, &[1, 2]);
    assert!(world.offer_for(CENTRAL, 2).is_none(), "one at a time for 30 s");
    world.pass_ms(CENTRAL, 3_000, &[1, 2]);
    assert!(world.offer_for(CENTRAL, 2).is_some());
    world.book(CENTRAL, 11).unwrap();
    world.pass_ms(CENTRAL, 3_000, &[1, 2]);
    assert!(world.offer_for(CENTRAL, 1).is_none(), "the first driver may still have said yes");
    world.step(CENTRAL, 1, &silent, Step::Released { reason: Release::Lapsed }).unwrap();
    world.pass_ms(CENTRAL, 2_000, &[1, 2]);
    assert_eq!(world.offer_for(CENTRAL, 1).unwrap().booking, World::booking(11));
}

#[test]
fn a_yes_that_comes_after_its_question_leaves_the_driver_who_is_bound() {
    let mut world = World::without_edge();
    world.attach(CENTRAL, 1);
    world.book(CENTRAL, 10).unwrap();
    let first = world.offer_for(CENTRAL, 1).unwrap();
    world.attach(CENTRAL, 2);
    world.pass_ms(CENTRAL, 32_000, &[1, 2]);
    let second = world.offer_for(CENTRAL, 2).unwrap();
    world.accept(CENTRAL, 2, &second).unwrap();
    world.accept(CENTRAL, 1, &first).unwrap();
    let standing = world.record(CENTRAL, 10).standing().map(|(id, _)| id.clone());
    assert_eq!(standing, Some(second.assignment));
    let (assignment, booking) = (first.assignment, first.booking);
    let revoke = ToDevice::Revoke { assignment, booking, reason: Release::Withdrawn };
    assert!(world.messages(CENTRAL, 1).contains(&revoke));
}

#[test]
fn a_restart_on_the_journal_knows_the_same_and_voids_open_questions() {
    let mut world = World::without_edge();
    world.attach(CENTRAL, 1);
    world.book(CENTRAL, 10).unwrap();
    let offer = world.offer_for(CENTRAL, 1).unwrap();
    let before = world.hash(CENTRAL);
    world.restart(CENTRAL);
    assert_eq!(world.hash(CENTRAL), before);
    world.attach_again(CENTRAL, 1, 2);
    let bond = world.record(CENTRAL, 10).assignments[&offer.assignment].clone();
    assert_eq!(bond.released.map(|(_, reason)| reason), Some(Release::SessionVoid));
    assert!(world.offer_for(CENTRAL, 1).is_some(), "and the driver is asked anew");
}

#[test]
fn the_edge_takes_over_with_witnesses_and_serves_what_it_received() {
    let mut world = World::with_edge();
    world.settle();
    world.attach(CENTRAL, 1);
    world.attach(CENTRAL, 2);
    world.book(CENTRAL, 10).unwrap();
    let offer = world.offer_for(CENTRAL, 1).unwrap();
    world.sync();
    world.book(CENTRAL, 11).unwrap();
    // Central is gone from here on: no sync. Drivers tell the edge that they do not hear it.
    world.pass_cut_off_ms(EDGE, 10_000, &[1, 2]);
    assert_eq!(world.mode(EDGE), Mode::Normal, "the lease still runs");
    world.pass_cut_off_ms(EDGE, 9_000, &[1, 2]);
    assert_eq!(world.mode(EDGE), Mode::Degraded);
    world.attach_again(EDGE, 1, 2);
    world.attach_again(EDGE, 2, 2);
    world.pass_ms(EDGE, 6_000, &[1, 2]);
    let asked =
        [1, 2].into_iter().find_map(|shift| world.offer_for(EDGE, shift)).expect("an offer by the edge");
    assert_eq!(asked.booking, World::booking(10), "what never reached the edge stays central's");
    assert_ne!(asked.assignment, offer.assignment);
}

#[test]
fn without_witnesses_the_edge_only_serves_its_own() {
    let mut world = World::with_edge();
    world.settle();
    world.attach(CENTRAL, 1);
    world.attach(CENTRAL, 2);
    world.book(CENTRAL, 10).unwrap();
    world.sync();
    world.pass_ms(EDGE, 40_000, &[1, 2]);
    assert_eq!(world.mode(EDGE), Mode::Degraded);
    assert_eq!(world.record(EDGE, 10).owner.unwrap().0.node.as_str(), CENTRAL);
    world.book(EDGE, 11).unwrap();
    assert_eq!(world.record(EDGE, 11).owner.unwrap().0.node.as_str(), EDGE);
}

#[test]
fn the_heal_joins_histories_before_authority_and_doubles_nobody() {
    let mut world = World::with_edge();
    world.settle();
    world.attach(CENTRAL, 1);
    world.attach(CENTRAL, 2);
    world.book(CENTRAL, 10).unwrap();
    world.sync();
    world.pass_cut_off_ms(EDGE, 19_000, &[1, 2]);
    world.attach_again(EDGE, 1, 2);
    world.attach_again(EDGE, 2, 2);
    world.pass_ms(EDGE, 6_000, &[1, 2]);
    let (shift, offer) =
        [1, 2].into_iter().find_map(|shift| Some((shift, world.offer_for(EDGE, shift)?))).expect("an offer");
    world.accept(EDGE, shift, &offer).unwrap();
    world.step(EDGE, shift, &offer, Step::Boarded { pin: PinCheck::Verified }).unwrap();
    world.book(EDGE, 11).unwrap();
    world.restart(CENTRAL);
    world.pass_ms(CENTRAL, 1_000, &[]);
    world.renew_once();
    assert_eq!(world.mode(CENTRAL), Mode::Healing, "central knows that the edge holds the district");
    assert_eq!(world.mode(EDGE), Mode::Degraded, "and the edge keeps it until histories are joined");
    for _ in 0..30 {
        world.sync();
        world.pass_ms(EDGE, 1_000, &[1, 2]);
        world.pass_ms(CENTRAL, 1_000, &[]);
        world.renew_once();
    }
    world.sync();
    assert_eq!((world.mode(CENTRAL), world.mode(EDGE)), (Mode::Normal, Mode::Normal));
    assert_eq!(world.hash(CENTRAL), world.hash(EDGE));
    assert_eq!(world.status(CENTRAL, 10), Status::Boarded);
    assert_eq!(
        world.record(CENTRAL, 11).owner.unwrap().0.node.as_str(),
        CENTRAL,
        "open bookings go to central"
    );
}

#[test]
fn an_operator_takes_a_district_only_when_centrals_lease_is_certainly_out() {
    let mut world = World::with_edge();
    world.settle();
    let district = World::district();
    assert_eq!(
        world.command(CENTRAL, Command::TakeDistrict { district: district.clone() }),
        Err(Refusal::OtherNode)
    );
    world.command(EDGE, Command::TakeDistrict { district: district.clone() }).unwrap();
    world.pass_ms(EDGE, 10_000, &[]);
    assert_eq!(world.mode(EDGE), Mode::Normal);
    for _ in 0..20 {
        world.pass_ms(CENTRAL, 1_000, &[]);
        world.pass_ms(EDGE, 1_000, &[]);
        world.renew_once();
    }
    assert_eq!((world.mode(CENTRAL), world.mode(EDGE)), (Mode::Healing, Mode::Degraded));
    world.command(EDGE, Command::GiveBackDistrict { district }).unwrap();
    for _ in 0..30 {
        world.sync();
        world.pass_ms(CENTRAL, 1_000, &[]);
        world.pass_ms(EDGE, 1_000, &[]);
        world.renew_once();
    }
    assert_eq!((world.mode(CENTRAL), world.mode(EDGE)), (Mode::Normal, Mode::Normal));
}

#[test]
fn a_feature_phone_driver_is_asked_by_the_home_edge_alone() {
    let mut world = World::with_edge();
    world.settle();
    assert_eq!(world.home(CENTRAL, 50, 1, HomeWish::On { stand: None }), Err(Refusal::OtherNode));
    let on = HomeWish::On { stand: Some("7".parse().unwrap()) };
    assert_eq!(world.home(EDGE, 50, 1, on), Ok(HomeAnswer::OnDuty { place: Some(1) }));
    world.sync();
    world.book(CENTRAL, 10).unwrap();
    assert_eq!(world.record(CENTRAL, 10).owner.unwrap().0.node.as_str(), EDGE, "handed to the home edge");
    world.sync();
    let letter = world
        .notices(EDGE)
        .iter()
        .find_map(|notice| match notice.text {
            NoticeText::DriverOffer { letter, .. } => Some(letter),
            _ => None,
        })
        .expect("an offer by text");
    let wrong = if letter == 'Q' { 'R' } else { 'Q' };
    assert_eq!(world.home(EDGE, 50, 2, HomeWish::Accept { letter: wrong }), Err(Refusal::NoOffer));
    let booking = World::booking(10);
    assert_eq!(world.home(EDGE, 50, 3, HomeWish::Accept { letter }), Ok(HomeAnswer::Assigned { booking }));
    assert_eq!(world.home(EDGE, 50, 3, HomeWish::Accept { letter }), Ok(HomeAnswer::Assigned { booking }));
    assert_eq!(
        world.home(EDGE, 50, 4, HomeWish::Boarded { pin: "x".into() }),
        Ok(HomeAnswer::WrongPin { left: 4 })
    );
    let pin = world.pin(EDGE, 10);
    let boarded = world.home(EDGE, 50, 5, HomeWish::Boarded { pin });
    assert_eq!(boarded, Ok(HomeAnswer::Boarded { pin: PinCheck::Verified }));
    assert_eq!(world.home(EDGE, 50, 6, HomeWish::Problem), Err(Refusal::AlreadyBoarded));
    world.home(EDGE, 50, 7, HomeWish::Ended { amount: Money(9_000) }).unwrap();
    world.sync();
    assert_eq!(world.status(CENTRAL, 10), Status::Done);
}

#[test]
fn a_late_yes_by_text_is_a_yes_to_no_other_question_however_many_drivers_are_asked_in_between() {
    let mut world = World::with_edge();
    world.settle();
    world.home(EDGE, 50, 1, HomeWish::On { stand: Some("7".parse().unwrap()) }).unwrap();
    world.sync();
    let asked = |world: &mut World, booking| {
        world.book(CENTRAL, booking).unwrap();
        world.sync();
        world.pass_ms(EDGE, 2_000, &[]);
        world.sync();
        let mut letters = world.notices(EDGE).iter().filter_map(|notice| match notice.text {
            NoticeText::DriverOffer { letter, .. } => Some(letter),
            _ => None,
        });
        letters.next_back().expect("an offer by text")
    };
    let first = asked(&mut world, 10);
    world.home(EDGE, 50, 2, HomeWish::Decline { letter: first }).unwrap();
    // Each counts as much as a question.
    for epoch in 1..26 {
        world.attach_as(EDGE, 1, 1, epoch).unwrap();
    }
    world.command(EDGE, Command::EndShift { shift: World::shift(1) }).unwrap();
    let second = asked(&mut world, 11);
    assert_ne!(first, second);
    assert!(world.home(EDGE, 50, 3, HomeWish::Accept { letter: first }).is_err(), "too late");
}

#[test]
fn a_feature_phone_driver_who_declines_sends_the_booking_back() {
    let mut world = World::with_edge();
    world.settle();
    world.home(EDGE, 50, 1, HomeWish::On { stand: Some("7".parse().unwrap()) }).unwrap();
    world.sync();
    world.book(CENTRAL, 10).unwrap();
    world.sync();
    let letter = world
        .notices(EDGE)
        .iter()
        .find_map(|notice| match notice.text {
            NoticeText::DriverOffer { letter, .. } => Some(letter),
            _ => None,
        })
        .unwrap();
    world.home(EDGE, 50, 2, HomeWish::Decline { letter }).unwrap();
    world.pass_ms(EDGE, 2_000, &[]);
    world.sync();
    assert_eq!(world.record(CENTRAL, 10).owner.unwrap().0.node.as_str(), CENTRAL);
    world.attach(CENTRAL, 1);
    world.pass_ms(CENTRAL, 2_000, &[1]);
    assert!(world.offer_for(CENTRAL, 1).is_some());
}

#[test]
fn a_taxi_that_waits_at_a_stand_joins_its_queue_and_leaves_it_with_a_booking() {
    let mut world = World::without_edge();
    world.attach_at(CENTRAL, 1, 0.01);
    world.pass_at_ms(CENTRAL, 16_000, 1, 0.01);
    assert_eq!(world.stand_of(CENTRAL, 1).as_deref(), Some("7"));
    world.book(CENTRAL, 10).unwrap();
    let offer = world.offer_for(CENTRAL, 1).unwrap();
    world.accept(CENTRAL, 1, &offer).unwrap();
    assert_eq!(world.stand_of(CENTRAL, 1), None);
}
