//! Goal: what an edge forgot with its disk, or could not hear, comes to rest by itself.
//!
//! Method: an edge starts on an old copy while its drivers are under way; then its past comes back from central.

use ondol_core::booking::{Needs, Status};
use ondol_core::command::{Command, HomeAnswer, HomeWish, NoticeText, Refusal};
use ondol_core::fact::{PinCheck, Request};
use ondol_core::ids::AssignmentId;
use ondol_core::node::Mode;
use ondol_core::units::Money;

use crate::roster::plain;
use crate::world::{CENTRAL, EDGE, World};

/// What a feature-phone driver writes who waits at the stand.
fn on_duty() -> HomeWish {
    HomeWish::On { stand: Some("7".parse().unwrap()) }
}

/// The letter of the edge's last question to a driver.
fn letter(world: &World) -> char {
    let mut letters = world.notices(EDGE).iter().filter_map(|notice| match notice.text {
        NoticeText::DriverOffer { letter, .. } => Some(letter),
        _ => None,
    });
    letters.next_back().expect("a driver was asked by text")
}

/// A feature-phone driver of the edge's has said yes to booking 10, of which central knows. Returns the letter, and how
/// many entries the edge had before the booking.
fn with_a_trip_by_text() -> (World, char, usize) {
    let mut world = World::with_edge();
    world.settle();
    world.home(EDGE, 50, 1, on_duty()).unwrap();
    world.sync();
    let before = world.entries(EDGE);
    world.book(CENTRAL, 10).unwrap();
    world.carry(CENTRAL, EDGE);
    let letter = letter(&world);
    world.home(EDGE, 50, 2, HomeWish::Accept { letter }).unwrap();
    world.sync();
    assert_eq!(world.status(CENTRAL, 10), Status::Assigned);
    (world, letter, before)
}

#[test]
fn a_driver_whose_trip_an_edge_forgot_for_a_while_is_reminded_of_it() {
    let (mut world, _, before) = with_a_trip_by_text();
    world.restore(EDGE, before);
    assert_eq!(world.home(EDGE, 50, 3, HomeWish::Arrived), Err(Refusal::NoTrip));
    world.carry(CENTRAL, EDGE);
    let trip = Ok(HomeAnswer::Assigned { booking: World::booking(10) });
    assert_eq!(world.home(EDGE, 50, 4, on_duty()), trip);
    assert_eq!(world.home(EDGE, 50, 5, HomeWish::At { stand: "7".parse().unwrap() }), trip);
    assert!(world.queue(EDGE).is_empty(), "who has a booking waits in no queue");
    let pin = world.pin(EDGE, 10);
    world.home(EDGE, 50, 6, HomeWish::Boarded { pin }).unwrap();
    let on_board = Ok(HomeAnswer::Boarded { pin: PinCheck::Verified });
    assert_eq!(world.home(EDGE, 50, 7, on_duty()), on_board);
    world.home(EDGE, 50, 8, HomeWish::Ended { amount: Money(9_000) }).unwrap();
    assert_eq!(world.home(EDGE, 50, 9, on_duty()), Ok(HomeAnswer::OnDuty { place: Some(1) }));
}

#[test]
fn a_driver_who_began_anew_while_the_edge_had_forgotten_the_trip_is_free_and_so_is_the_rider() {
    let mut world = World::with_edge();
    world.settle();
    world.sync();
    let before = world.entries(EDGE);
    world.home(EDGE, 50, 1, on_duty()).unwrap();
    world.sync();
    world.book(CENTRAL, 10).unwrap();
    world.carry(CENTRAL, EDGE);
    let letter = letter(&world);
    world.home(EDGE, 50, 2, HomeWish::Accept { letter }).unwrap();
    world.sync();
    world.restore(EDGE, before);
    assert_eq!(world.home(EDGE, 50, 3, on_duty()), Ok(HomeAnswer::OnDuty { place: Some(1) }));
    world.carry(CENTRAL, EDGE);
    assert_eq!(world.status(EDGE, 10), Status::Assigned, "its past has come back");
    world.pass_ms(EDGE, 2_000, &[]);
    let bonds = world.record(EDGE, 10).assignments;
    assert_eq!(bonds.values().filter(|bond| bond.binds()).count(), 0, "{bonds:?}");
    let on_duty = world.node(EDGE).board().district(&World::district()).unwrap().on_duty().count();
    world.sync();
    world.pass_ms(CENTRAL, 2_000, &[]);
    world.sync();
    let central = world.node(CENTRAL).board().district(&World::district()).unwrap().on_duty().count();
    assert_eq!((on_duty, central), (2, 1), "central ends the shift that was forgotten");
}

#[test]
fn a_yes_is_never_taken_for_an_older_question_that_had_the_same_letter() {
    let (mut world, letter, before) = with_a_trip_by_text();
    world.restore(EDGE, before);
    let first_of = |incarnation| AssignmentId { origin: EDGE.parse().unwrap(), incarnation, counter: 1 };
    for _ in (3..).take_while(|life| first_of(life - 1).letter() != letter) {
        world.restart(EDGE);
    }
    // The edge is out of touch, and asks the driver for a booking of its own.
    world.pass_ms(EDGE, 20_000, &[]);
    world.book(EDGE, 11).unwrap();
    assert_eq!((world.status(EDGE, 11), self::letter(&world)), (Status::Offered, letter));
    world.carry(CENTRAL, EDGE);
    assert_eq!(world.status(EDGE, 11), Status::Open, "the driver turns out to be on the way");
    assert_eq!(world.home(EDGE, 50, 3, HomeWish::Accept { letter }), Err(Refusal::OfferLapsed));
    let trip = Ok(HomeAnswer::Assigned { booking: World::booking(10) });
    assert_eq!(world.home(EDGE, 50, 4, on_duty()), trip);
}

#[test]
fn a_driver_who_fell_silent_at_the_edge_loses_a_booking_that_is_centrals_again() {
    let mut world = World::with_edge();
    world.settle();
    world.attach(CENTRAL, 1);
    world.sync();
    world.pass_ms(EDGE, 20_000, &[]);
    world.attach_again(EDGE, 1, 2);
    world.book(EDGE, 10).unwrap();
    world.pass_ms(EDGE, 2_000, &[1]);
    let offer = world.offer_for(EDGE, 1).unwrap();
    world.accept(EDGE, 1, &offer).unwrap();
    world.pass_joined_ms(20_000, &[], &[1]);
    assert_eq!((world.owner(CENTRAL, 10).as_str(), world.mode(EDGE)), (CENTRAL, Mode::Normal));
    world.pass_joined_ms(100_000, &[], &[]);
    assert_eq!(world.status(CENTRAL, 10), Status::Assigned);
    world.pass_joined_ms(30_000, &[], &[]);
    assert_eq!(world.status(CENTRAL, 10), Status::Open, "another taxi is looked for");
}

/// An operator takes the district at the edge, which central does not reach.
fn take(world: &mut World) {
    world.pass_ms(EDGE, 20_000, &[]);
    world.command(EDGE, Command::TakeDistrict { district: World::district() }).unwrap();
    world.pass_ms(EDGE, 1_000, &[]);
    assert_eq!(world.mode(EDGE), Mode::Degraded);
}

/// And gives it back.
fn give_back(world: &mut World) {
    world.command(EDGE, Command::GiveBackDistrict { district: World::district() }).unwrap();
    world.pass_joined_ms(120_000, &[], &[]);
    assert_eq!((world.mode(CENTRAL), world.mode(EDGE)), (Mode::Normal, Mode::Normal));
}

#[test]
fn an_edge_that_forgot_that_its_district_went_back_takes_it_under_no_less() {
    let mut world = World::with_edge();
    world.settle();
    let before = world.entries(EDGE);
    take(&mut world);
    give_back(&mut world);
    world.restore(EDGE, before);
    world.carry(CENTRAL, EDGE);
    take(&mut world);
    world.pass_ms(EDGE, 3_000, &[]);
    assert_eq!(world.mode(EDGE), Mode::Degraded, "it does not stand by for a return of before");
    give_back(&mut world);
}

/// Drivers 1 to 3 beat at the edge and do not hear central, which has been gone for so long.
fn alone_ms(world: &mut World, ms: u64) {
    world.pass_cut_off_ms(EDGE, ms, &[1, 2, 3]);
}

#[test]
fn an_edge_that_learns_that_its_district_went_back_adopts_nothing_at_that_moment() {
    for seconds in 0..20 {
        let mut world = World::with_edge();
        world.settle();
        for driver in [1, 2, 3] {
            world.attach(CENTRAL, driver);
        }
        world.sync();
        world.pass_joined_ms(3_000, &[1, 2, 3], &[]);
        for driver in [1, 2, 3] {
            world.attach_again(EDGE, driver, 2);
        }
        alone_ms(&mut world, 40_000);
        assert_eq!(world.mode(EDGE), Mode::Degraded, "the drivers bear witness");
        let before = world.entries(EDGE);
        world.pass_joined_ms(120_000, &[], &[1, 2, 3]);
        assert_eq!((world.mode(CENTRAL), world.mode(EDGE)), (Mode::Normal, Mode::Normal));
        // It starts on a copy of before the return, holds the district by it, and learns better after some seconds.
        world.restore(EDGE, before);
        assert_eq!(world.mode(EDGE), Mode::Degraded);
        for driver in [1, 2, 3] {
            world.attach_again(EDGE, driver, 3);
        }
        world.book(CENTRAL, 10).unwrap();
        // A rider for whom nobody is fit has the edge plan each second, and not when the page comes.
        let needs = Needs { wheelchair: true, ..Needs::default() };
        world.book_as(EDGE, 11, Request { needs, ..plain() }).unwrap();
        alone_ms(&mut world, seconds * 1_000);
        world.carry(CENTRAL, EDGE);
        alone_ms(&mut world, 1_000);
        assert_eq!((world.owner(EDGE, 10).as_str(), world.mode(EDGE)), (CENTRAL, Mode::Normal));
        assert_eq!(world.count(EDGE, "offered"), 0, "after {seconds} s");
    }
}

#[test]
fn an_edge_that_forgot_its_last_takeover_gives_the_district_back_all_the_same() {
    let mut world = World::with_edge();
    world.settle();
    take(&mut world);
    let before = world.entries(EDGE);
    give_back(&mut world);
    take(&mut world);
    world.carry(EDGE, CENTRAL);
    world.restart(CENTRAL);
    world.restore(EDGE, before);
    // It holds the district under the first takeover, which is over for central.
    give_back(&mut world);
}

/// Central has forgotten its last grant, has heard of it from the edge, and renews under the grant of before. The edge took
/// the district once more under the grant and got booking 11, has forgotten both, and doubts central.
fn an_edge_that_doubts_and_forgot() -> World {
    let mut world = World::with_edge();
    world.settle();
    let centrals = world.entries(CENTRAL);
    take(&mut world);
    give_back(&mut world);
    let edges = world.entries(EDGE);
    take(&mut world);
    world.book(EDGE, 11).unwrap();
    world.restore(CENTRAL, centrals);
    world.carry(EDGE, CENTRAL);
    world.restore(EDGE, edges);
    world.pass_ms(EDGE, 25_000, &[]);
    assert_eq!(world.mode(EDGE), Mode::Degraded);
    world
}

#[test]
fn an_edge_that_doubts_central_and_learns_of_a_takeover_that_it_forgot_gives_the_district_back() {
    let mut world = an_edge_that_doubts_and_forgot();
    world.carry(CENTRAL, EDGE);
    world.pass_ms(EDGE, 1_000, &[]);
    assert_eq!((world.owner(EDGE, 11).as_str(), world.mode(EDGE)), (EDGE, Mode::Degraded));
    // Before the edge takes it for want of drivers whom it could ask.
    world.pass_joined_ms(15_000, &[], &[]);
    assert_eq!((world.mode(CENTRAL), world.mode(EDGE)), (Mode::Normal, Mode::Normal));
    assert_eq!(world.owner(CENTRAL, 11), CENTRAL);
}

#[test]
fn an_answer_to_a_renewal_from_before_the_grant_is_no_lease() {
    let mut world = an_edge_that_doubts_and_forgot();
    world.carry(CENTRAL, EDGE);
    world.pass_ms(EDGE, 1_000, &[]);
    let before = world.next_probe();
    for _ in 0..4 {
        world.sync();
        let renewal = world.next_probe();
        if renewal.epoch > before.epoch {
            break;
        }
        world.renew_with(renewal);
    }
    world.sync();
    world.pass_ms(EDGE, 1_000, &[]);
    world.renew_with(before);
    assert_ne!(world.mode(CENTRAL), Mode::Normal, "the edge has counted none of its renewals");
    world.pass_joined_ms(5_000, &[], &[]);
    assert_eq!(world.mode(CENTRAL), Mode::Normal);
}
