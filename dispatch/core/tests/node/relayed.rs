//! Goal: a driver whose phone reaches the edge alone is asked as well, planned by central, by the node that the phone is
//! attached to and by nobody else.
//!
//! Method: central and the edge are in touch, and the driver beats at the edge.

use ondol_core::booking::Status;
use ondol_core::command::{
    Command, Held, HomeWish, RELAYED_MAX, Refusal, Relay, RelayedDriver, Slot, ToDevice,
};
use ondol_core::fact::{Fare, PinCheck, Release, Request, Step};
use ondol_core::ids::DistrictId;
use ondol_core::units::Money;

use crate::roster::{at, plain};
use crate::world::{CENTRAL, EDGE, World};

/// Central holds the district, and driver 1 reaches the edge alone.
fn beside_central() -> World {
    let mut world = World::with_edge();
    world.settle();
    world.attach(EDGE, 1);
    world.pass_relayed_ms(6_000, &[], &[1]);
    world
}

/// The same, and the driver is asked for booking 10.
fn asked() -> World {
    let mut world = beside_central();
    world.book(CENTRAL, 10).unwrap();
    world.pass_relayed_ms(3_000, &[], &[1]);
    world
}

#[test]
fn who_reaches_the_edge_alone_is_planned_by_central_and_asked_by_the_edge() {
    let mut world = asked();
    assert_eq!((world.owner(CENTRAL, 10), world.owner(EDGE, 10)), (EDGE.to_owned(), EDGE.to_owned()));
    let offer = world.offer_for(EDGE, 1).expect("the edge asks its driver");
    assert_eq!(offer.assignment.origin.as_str(), EDGE);
    assert_eq!(offer.attach_epoch, 1);
    world.accept(EDGE, 1, &offer).unwrap();
    let fare = Fare {
        revision: 0,
        amount: Money(7_700),
        distance_m: 4_000,
        duration_s: 600,
        payment: ondol_core::booking::Payment::Cash,
    };
    for what in [Step::Arrived, Step::Boarded { pin: PinCheck::Verified }, Step::Done { fare }] {
        world.step(EDGE, 1, &offer, what).unwrap();
    }
    world.sync();
    assert_eq!(world.status(CENTRAL, 10), Status::Done);
    assert_eq!(world.count(CENTRAL, "offered"), 1, "by the edge, and by nobody else");
    // Free again, the driver is planned again.
    world.book(CENTRAL, 11).unwrap();
    world.pass_relayed_ms(8_000, &[], &[1]);
    assert!(world.offer_for(EDGE, 1).is_some_and(|offer| offer.booking == World::booking(11)));
}

#[test]
fn a_driver_of_centrals_who_is_nearer_is_asked_by_central() {
    let mut world = beside_central();
    world.attach_at(CENTRAL, 2, 0.001);
    world.pass_at_ms(CENTRAL, 1_000, 2, 0.001);
    world.book(CENTRAL, 10).unwrap();
    assert!(world.offer_for(CENTRAL, 2).is_some(), "central plans both, the nearer one first");
    assert_eq!(world.owner(CENTRAL, 10), CENTRAL);
}

#[test]
fn a_no_brings_the_booking_back_to_central_and_it_is_not_asked_again() {
    let mut world = asked();
    let offer = world.offer_for(EDGE, 1).unwrap();
    world.step(EDGE, 1, &offer, Step::Released { reason: Release::Declined }).unwrap();
    world.pass_relayed_ms(10_000, &[], &[1]);
    assert_eq!((world.owner(CENTRAL, 10), world.status(EDGE, 10)), (CENTRAL.to_owned(), Status::Open));
    assert_eq!(world.count(CENTRAL, "offered"), 1);
    world.attach(CENTRAL, 2);
    world.pass_relayed_ms(2_000, &[2], &[1]);
    assert!(world.offer_for(CENTRAL, 2).is_some(), "somebody else is");
}

#[test]
fn what_the_edge_told_ages_and_an_edge_that_stands_by_asks_nobody_unbidden() {
    let mut world = beside_central();
    world.pass_joined_ms(21_000, &[], &[1]);
    world.book(CENTRAL, 10).unwrap();
    world.pass_joined_ms(10_000, &[], &[1]);
    assert_eq!((world.owner(CENTRAL, 10), world.status(EDGE, 10)), (CENTRAL.to_owned(), Status::Open));
    world.pass_relayed_ms(3_000, &[], &[1]);
    assert_eq!(world.status(EDGE, 10), Status::Offered, "it is told again");
}

#[test]
fn the_edge_looks_again_and_hands_back_what_its_driver_cannot_take() {
    let mut world = beside_central();
    world.attach_at(EDGE, 2, 0.8);
    world.pass_relayed_ms(6_000, &[], &[2]);
    world.book_at(CENTRAL, 10, 0.8).unwrap();
    let elsewhere = Held {
        booking: World::booking(99),
        assignment: "edge:1:99".parse().unwrap(),
        confirmed: true,
        boarded: false,
    };
    world.hold(2, Slot { current: Some(elsewhere), next: None });
    world.pass_ms(EDGE, 0, &[2]);
    assert_eq!(world.owner(CENTRAL, 10), EDGE, "by what the edge told before");
    world.pass_joined_ms(6_000, &[], &[2]);
    assert_eq!(world.count(CENTRAL, "offered"), 0);
    assert_eq!(world.owner(CENTRAL, 10), CENTRAL, "its phone holds another trip by now");
}

#[test]
fn once_the_edge_misses_central_the_question_is_withdrawn_and_a_late_yes_undone() {
    let mut world = asked();
    let offer = world.offer_for(EDGE, 1).unwrap();
    // The lease is out, and one driver is too few to take the district.
    world.pass_cut_off_ms(EDGE, 18_000, &[1]);
    assert_eq!(world.owner(EDGE, 10), CENTRAL, "central counts on it");
    world.accept(EDGE, 1, &offer).unwrap();
    assert_eq!(world.status(EDGE, 10), Status::Open);
    let (assignment, booking) = (offer.assignment, offer.booking);
    let revoke = ToDevice::Revoke { assignment, booking, reason: Release::Withdrawn };
    assert!(world.messages(EDGE, 1).contains(&revoke), "until the phone has let go");
}

#[test]
fn an_operator_at_central_may_choose_such_a_driver() {
    let mut world = beside_central();
    world.pass_joined_ms(21_000, &[], &[1]);
    world.book(CENTRAL, 10).unwrap();
    // The edge is heard of again, and the operator is quicker than the next plan.
    let drivers = vec![RelayedDriver { shift: World::shift(1), position: at(0.005), heard_ago_ms: 0 }];
    let relay = Relay { district: World::district(), drivers };
    world.command(CENTRAL, Command::Relay(relay)).unwrap();
    assert_eq!(world.owner(CENTRAL, 10), CENTRAL);
    world.assign(CENTRAL, 10, 1, None).unwrap();
    assert_eq!(world.assign(CENTRAL, 10, 1, None), Err(Refusal::NotOwner), "the edge has it now");
    world.pass_joined_ms(2_000, &[], &[1]);
    assert!(world.offer_for(EDGE, 1).is_some());
}

#[test]
fn what_an_edge_tells_counts_for_its_own_drivers_and_within_bounds() {
    let mut world = World::with_edge();
    world.settle();
    world.attach(CENTRAL, 1);
    world.attach(EDGE, 2);
    world.sync();
    let seen = |number| RelayedDriver { shift: World::shift(number), position: at(0.005), heard_ago_ms: 0 };
    let relay = |district: DistrictId, drivers| Command::Relay(Relay { district, drivers });
    let own = || World::district();
    let south = "south".parse().unwrap();
    assert_eq!(world.command(CENTRAL, relay(south, vec![])), Err(Refusal::OtherDistrict));
    assert_eq!(world.command(EDGE, relay(own(), vec![])), Err(Refusal::OtherNode));
    let many = vec![seen(2); RELAYED_MAX + 1];
    assert_eq!(world.command(CENTRAL, relay(own(), many)), Err(Refusal::OutOfRange));
    // The driver of central's is not heard any more, and an edge cannot say otherwise.
    world.pass_joined_ms(21_000, &[], &[]);
    world.command(CENTRAL, relay(own(), vec![seen(1)])).unwrap();
    world.book(CENTRAL, 10).unwrap();
    assert_eq!(world.owner(CENTRAL, 10), CENTRAL);
    let old = RelayedDriver { heard_ago_ms: 21_000, ..seen(2) };
    world.command(CENTRAL, relay(own(), vec![old])).unwrap();
    world.pass_joined_ms(2_000, &[], &[]);
    assert_eq!(world.owner(CENTRAL, 10), CENTRAL, "nor is who was heard long ago");
    world.command(CENTRAL, relay(own(), vec![seen(2)])).unwrap();
    world.pass_joined_ms(1_000, &[], &[]);
    assert_eq!(world.owner(CENTRAL, 10), EDGE);
}

#[test]
fn a_booking_that_comes_back_is_not_handed_over_again_at_once() {
    let mut world = World::with_edge();
    world.settle();
    world.home(EDGE, 50, 1, HomeWish::On { stand: Some("7".parse().unwrap()) }).unwrap();
    world.pass_joined_ms(5_000, &[], &[]);
    // The trip ends on an island, which its edge alone knows of the driver.
    world.book_as(CENTRAL, 10, Request { dropoff: Some(at(2.0)), ..plain() }).unwrap();
    world.pass_joined_ms(3_000, &[], &[]);
    let letter = world.record(EDGE, 10).assignments.keys().next().expect("the driver is asked").letter();
    let pin = world.pin(EDGE, 10);
    for (number, wish) in [
        (2, HomeWish::Accept { letter }),
        (3, HomeWish::Arrived),
        (4, HomeWish::Boarded { pin }),
        (5, HomeWish::Ended { amount: Money(5_000) }),
    ] {
        world.home(EDGE, 50, number, wish).unwrap();
        world.pass_joined_ms(2_000, &[], &[]);
    }
    assert_eq!(world.status(CENTRAL, 10), Status::Done);
    let before = world.count(CENTRAL, "booking_owned");
    world.book(CENTRAL, 11).unwrap();
    world.pass_joined_ms(55_000, &[], &[]);
    assert_eq!(world.owner(CENTRAL, 11), CENTRAL, "no road leads from where the driver is");
    assert_eq!(world.count(CENTRAL, "booking_owned") - before, 2, "handed over once, and back");
    world.pass_joined_ms(10_000, &[], &[]);
    assert_eq!(
        world.count(CENTRAL, "booking_owned") - before,
        4,
        "a minute later the driver may be elsewhere"
    );
}
