//! Goal: an operator's choice of a driver stands, doubles nobody, loses no booking, and tells no number that nobody
//! knows.
//!
//! Method: an operator assigns while drivers are being asked, have said yes, drive, or cannot be found on the map.

use ondol_core::booking::{Payment, Status};
use ondol_core::command::{
    Answer, Command, Held, HomeAnswer, HomeWish, NoticeText, Offer, Refusal, Slot, ToDevice,
};
use ondol_core::fact::{CloseReason, Fare, PinCheck, Release, Step};
use ondol_core::reconcile::ConflictKind;
use ondol_core::units::Money;

use crate::world::{CENTRAL, EDGE, World};

const BOARDED: Step = Step::Boarded { pin: PinCheck::Verified };

impl World {
    /// An operator assigns by hand, and may have been told how long the way takes.
    pub(crate) fn assign(
        &mut self,
        name: &str,
        number: u128,
        shift: u128,
        told_eta_s: Option<u32>,
    ) -> Result<Answer, Refusal> {
        let (booking, shift) = (Self::booking(number), Self::shift(shift));
        self.command(name, Command::AssignByHand { booking, shift, told_eta_s })
    }
}

fn done(amount: i64) -> Step {
    done_by(Payment::Deferred, amount)
}

fn done_by(payment: Payment, amount: i64) -> Step {
    let amount = Money(amount);
    Step::Done { fare: Fare { revision: 0, amount, distance_m: 4_000, duration_s: 600, payment } }
}

fn close(world: &mut World, name: &str, fare: Option<i64>) -> Result<Answer, Refusal> {
    let (booking, reason) = (World::booking(10), CloseReason::PhoneLost);
    world.command(name, Command::CloseTrip { booking, reason, fare: fare.map(Money) })
}

fn unclear(world: &World, kind: ConflictKind) -> usize {
    world.conflicts(CENTRAL).iter().filter(|conflict| conflict.kind == kind).count()
}

fn revoked(world: &mut World, shift: u128, offer: &Offer, reason: Release) -> bool {
    let (assignment, booking) = (offer.assignment.clone(), offer.booking);
    world.messages(CENTRAL, shift).contains(&ToDevice::Revoke { assignment, booking, reason })
}

/// The letter of the last offer by text.
fn letter(world: &World) -> char {
    let mut offers = world.notices(EDGE).iter().filter_map(|notice| match notice.text {
        NoticeText::DriverOffer { letter, .. } => Some(letter),
        _ => None,
    });
    offers.next_back().expect("an offer by text")
}

/// Driver 1 is asked for booking 10; driver 2 has come since.
fn one_is_asked_and_two_is_free() -> (World, Offer) {
    let mut world = World::without_edge();
    world.attach(CENTRAL, 1);
    world.book(CENTRAL, 10).unwrap();
    let asked = world.offer_for(CENTRAL, 1).unwrap();
    world.attach(CENTRAL, 2);
    (world, asked)
}

#[test]
fn a_driver_who_is_asked_bound_or_driving_is_not_asked_by_hand_for_another_booking() {
    let (mut world, offer) = one_is_asked_and_two_is_free();
    world.book_at(CENTRAL, 11, 2.0).unwrap();
    let refused = |world: &mut World, what: &str| {
        let entries = world.entries(CENTRAL);
        let answer = world.assign(CENTRAL, 11, 1, Some(600));
        assert!(matches!(answer, Err(Refusal::ShiftBusy | Refusal::NotAvailable)), "{what}: {answer:?}");
        assert_eq!(world.entries(CENTRAL), entries, "{what}");
    };
    refused(&mut world, "asked");
    world.pass_ms(CENTRAL, 25_000, &[1]);
    refused(&mut world, "the time is up, and the yes may be on its way");
    world.accept(CENTRAL, 1, &offer).unwrap();
    refused(&mut world, "bound");
    world.command(CENTRAL, Command::Recall { booking: World::booking(10) }).unwrap();
    refused(&mut world, "recalled, and the phone has not let go");
    world.step(CENTRAL, 1, &offer, BOARDED).unwrap();
    refused(&mut world, "driving");
    // A phone that another node has given a following trip says so in its slot.
    let held = |booking, boarded| Held {
        booking: World::booking(booking),
        assignment: offer.assignment.clone(),
        confirmed: true,
        boarded,
    };
    for slot in [
        Slot { current: Some(held(20, true)), next: Some(held(21, false)) },
        Slot { current: None, next: Some(held(21, false)) },
    ] {
        world.hold(2, slot);
        world.messages(CENTRAL, 2);
        assert_eq!(world.assign(CENTRAL, 11, 2, Some(600)), Err(Refusal::NotAvailable));
    }
    assert_eq!(world.status(CENTRAL, 11), Status::Open, "the booking still waits");
}

#[test]
fn the_operators_choice_takes_back_the_question_that_was_open() {
    let (mut world, first) = one_is_asked_and_two_is_free();
    world.assign(CENTRAL, 10, 2, None).unwrap();
    let entries = world.entries(CENTRAL);
    world.assign(CENTRAL, 10, 2, None).unwrap();
    assert_eq!(world.entries(CENTRAL), entries, "pressed twice is asked once");
    assert!(revoked(&mut world, 1, &first, Release::Withdrawn));
    let chosen = world.offer_for(CENTRAL, 2).unwrap();
    // The first driver's yes crossed with that, and the first driver is the nearer one by number of the bond.
    world.accept(CENTRAL, 1, &first).unwrap();
    let record = world.record(CENTRAL, 10);
    assert_eq!((record.status(), record.standing()), (Status::Offered, None), "the choice stands");
    assert!(revoked(&mut world, 1, &first, Release::Withdrawn), "and the phone is asked to let go");
    world.accept(CENTRAL, 2, &chosen).unwrap();
    assert_eq!(world.record(CENTRAL, 10).standing().unwrap().0, &chosen.assignment);
    world.step(CENTRAL, 1, &first, Step::Released { reason: Release::Withdrawn }).unwrap();
    world.book(CENTRAL, 11).unwrap();
    world.pass_ms(CENTRAL, 2_000, &[1, 2]);
    assert_eq!(
        world.offer_for(CENTRAL, 1).unwrap().booking,
        World::booking(11),
        "the first one is free again"
    );
}

#[test]
fn a_late_yes_keeps_the_place_in_the_queue_and_is_welcome_if_nobody_else_goes() {
    let (mut world, first) = one_is_asked_and_two_is_free();
    world.assign(CENTRAL, 10, 2, None).unwrap();
    let chosen = world.offer_for(CENTRAL, 2).unwrap();
    world.step(CENTRAL, 2, &chosen, Step::Released { reason: Release::Declined }).unwrap();
    world.accept(CENTRAL, 1, &first).unwrap();
    assert_eq!(world.record(CENTRAL, 10).standing().unwrap().0, &first.assignment);

    let mut world = World::without_edge();
    world.attach_at(CENTRAL, 1, 0.01);
    world.pass_at_ms(CENTRAL, 16_000, 1, 0.01);
    world.book(CENTRAL, 10).unwrap();
    let first = world.offer_for(CENTRAL, 1).unwrap();
    world.attach(CENTRAL, 2);
    world.assign(CENTRAL, 10, 2, None).unwrap();
    world.accept(CENTRAL, 1, &first).unwrap();
    assert_eq!(world.stand_of(CENTRAL, 1).as_deref(), Some("7"));
}

#[test]
fn a_driver_who_writes_texts_is_told_that_the_offer_is_over() {
    let mut world = World::with_edge();
    world.settle();
    world.home(EDGE, 50, 1, HomeWish::On { stand: Some("7".parse().unwrap()) }).unwrap();
    world.pass_ms(EDGE, 20_000, &[]);
    world.book(EDGE, 10).unwrap();
    let first = letter(&world);
    world.attach(EDGE, 1);
    world.assign(EDGE, 10, 1, None).unwrap();
    let withdrawn = |notice: &ondol_core::command::Notice| matches!(notice.text, NoticeText::DriverWithdrawn { letter, .. } if letter == first);
    assert!(world.notices(EDGE).iter().any(withdrawn));
    let late = world.home(EDGE, 50, 2, HomeWish::Accept { letter: first });
    assert_eq!(late, Err(Refusal::OfferLapsed), "not: there is no such offer");
    let wrong = if first == 'Q' { 'R' } else { 'Q' };
    assert_eq!(world.home(EDGE, 50, 3, HomeWish::Accept { letter: wrong }), Err(Refusal::NoOffer));
}

#[test]
fn a_booking_on_its_way_to_a_home_edge_keeps_its_driver_from_another_one() {
    let mut world = World::with_edge();
    world.settle();
    world.home(EDGE, 50, 1, HomeWish::On { stand: Some("7".parse().unwrap()) }).unwrap();
    world.sync();
    let shift = world.shift_of(CENTRAL, 50).0.as_u128();
    world.book(CENTRAL, 10).unwrap();
    assert_eq!(world.owner(CENTRAL, 10), EDGE, "handed over and not yet asked");
    world.book(CENTRAL, 11).unwrap();
    assert_eq!(world.assign(CENTRAL, 11, shift, None), Err(Refusal::ShiftBusy));
    assert_eq!(world.owner(CENTRAL, 11), CENTRAL);
}

#[test]
fn a_travel_time_that_nobody_knows_must_be_told() {
    let mut world = World::without_edge();
    world.attach(CENTRAL, 1);
    world.book_at(CENTRAL, 10, 2.0).unwrap();
    let entries = world.entries(CENTRAL);
    assert_eq!(world.assign(CENTRAL, 10, 1, None), Err(Refusal::EtaUnknown), "no road leads there");
    for told_s in [0, 59, 86_400] {
        assert_eq!(world.assign(CENTRAL, 10, 1, Some(told_s)), Err(Refusal::OutOfRange), "{told_s}");
    }
    assert_eq!(world.entries(CENTRAL), entries);
    world.assign(CENTRAL, 10, 1, Some(900)).unwrap();
    assert_eq!(world.offer_for(CENTRAL, 1).unwrap().eta_s, 900);

    // A phone that no longer knows where it is: a fix of long ago gives no number.
    let mut world = World::without_edge();
    world.attach(CENTRAL, 1);
    world.has_fix = false;
    world.pass_ms(CENTRAL, 62_000, &[1]);
    world.book(CENTRAL, 10).unwrap();
    assert!(world.offer_for(CENTRAL, 1).is_none(), "nor does a plan count on it");
    assert_eq!(world.assign(CENTRAL, 10, 1, None), Err(Refusal::EtaUnknown));
    world.assign(CENTRAL, 10, 1, Some(300)).unwrap();
    assert_eq!(world.offer_for(CENTRAL, 1).unwrap().eta_s, 300);
}

/// The rider of booking 10, who pays later, has boarded, and nothing has been heard of the phone for long.
fn boarded_and_silent() -> (World, Offer) {
    let mut world = World::without_edge();
    world.attach(CENTRAL, 1);
    world.book_deferred(CENTRAL, 10, Some(7_000)).unwrap();
    assert_eq!(close(&mut world, CENTRAL, None), Err(Refusal::NoTrip));
    let offer = world.offer_for(CENTRAL, 1).unwrap();
    world.accept(CENTRAL, 1, &offer).unwrap();
    world.step(CENTRAL, 1, &offer, BOARDED).unwrap();
    assert_eq!(close(&mut world, CENTRAL, None), Err(Refusal::DriverHeard));
    world.pass_ms(CENTRAL, 125_000, &[]);
    (world, offer)
}

#[test]
fn a_trip_that_was_closed_by_hand_is_charged_once_whatever_the_phone_tells_later() {
    for (told, later, charged, cases) in [
        (Some(7_700), 7_700, 7_700, 0),
        (Some(7_700), 9_000, 7_700, 1),
        (None, 9_000, 9_000, 0),
        (Some(99_000), 7_700, 7_700, 0),
    ] {
        let (mut world, offer) = boarded_and_silent();
        assert_eq!(close(&mut world, CENTRAL, Some(-1)), Err(Refusal::OutOfRange));
        close(&mut world, CENTRAL, told).unwrap();
        assert_eq!(world.status(CENTRAL, 10), Status::Done);
        assert_eq!(close(&mut world, CENTRAL, told), Err(Refusal::Closed));
        let plausible = told.filter(|told| *told <= 10_500);
        assert_eq!(world.record(CENTRAL, 10).charged, plausible.map(Money), "{told:?}");
        assert_eq!(unclear(&world, ConflictKind::FareUnclear), usize::from(told != plausible));
        // The phone was under a seat.
        world.attach_again(CENTRAL, 1, 2);
        world.step(CENTRAL, 1, &offer, done(later)).unwrap();
        let record = world.record(CENTRAL, 10);
        let bond = &record.assignments[&offer.assignment];
        assert_eq!(bond.fare().unwrap().amount, Money(later), "the driver's own word stands");
        assert_eq!((record.charged, world.count(CENTRAL, "charged")), (Some(Money(charged)), 1), "{told:?}");
        assert_eq!(unclear(&world, ConflictKind::FareUnclear), cases, "{told:?}, then {later}");
        assert_eq!(unclear(&world, ConflictKind::TripUnended), 0);
    }
}

#[test]
fn a_node_that_has_just_started_takes_no_driver_for_silent() {
    let (mut world, _) = boarded_and_silent();
    world.restart(CENTRAL);
    assert_eq!(close(&mut world, CENTRAL, None), Err(Refusal::DriverHeard));
    world.pass_ms(CENTRAL, 125_000, &[]);
    close(&mut world, CENTRAL, None).unwrap();
}

/// The trip of a driver who writes texts is closed; then the driver's text comes after all.
#[test]
fn a_driver_who_writes_texts_is_heard_after_an_operator_has_closed_the_trip() {
    for has_gone_home in [false, true] {
        let mut world = World::with_edge();
        world.settle();
        world.home(EDGE, 50, 1, HomeWish::On { stand: Some("7".parse().unwrap()) }).unwrap();
        world.pass_ms(EDGE, 20_000, &[]);
        world.book(EDGE, 10).unwrap();
        let letter = letter(&world);
        world.home(EDGE, 50, 2, HomeWish::Accept { letter }).unwrap();
        let pin = world.pin(EDGE, 10);
        world.home(EDGE, 50, 3, HomeWish::Boarded { pin }).unwrap();
        let shift = world.shift_of(EDGE, 50);
        world.pass_ms(EDGE, 125_000, &[]);
        close(&mut world, EDGE, None).unwrap();
        if has_gone_home {
            world.command(EDGE, Command::EndShift { shift }).unwrap();
        }
        let ended = world.home(EDGE, 50, 4, HomeWish::Ended { amount: Money(9_000) });
        assert!(matches!(ended, Ok(HomeAnswer::Ended { .. })), "{ended:?}");
        let record = world.record(EDGE, 10);
        let bond = record.assignments.values().next().unwrap();
        assert_eq!(bond.done.as_ref().map(|(_, fare)| fare.amount), Some(Money(9_000)));
        let again = world.home(EDGE, 50, 5, HomeWish::Ended { amount: Money(1) });
        assert!(matches!(again, Err(Refusal::NoTrip | Refusal::NotAvailable)), "told once: {again:?}");
    }
}

/// The operator's fare was charged, and the rider gave the driver the same amount in notes.
#[test]
fn what_the_rider_paid_in_the_car_although_it_was_charged_is_an_operators_case() {
    for (payment, cases) in [(Payment::Cash, 1), (Payment::Deferred, 0)] {
        let (mut world, offer) = boarded_and_silent();
        close(&mut world, CENTRAL, Some(7_700)).unwrap();
        assert_eq!(world.record(CENTRAL, 10).charged, Some(Money(7_700)));
        world.attach_again(CENTRAL, 1, 2);
        world.step(CENTRAL, 1, &offer, done_by(payment, 7_700)).unwrap();
        assert_eq!(unclear(&world, ConflictKind::FareUnclear), cases, "{payment:?}");
        assert_eq!(world.count(CENTRAL, "charged"), 1, "{payment:?}");
    }
}

#[test]
fn a_trip_closed_on_one_side_of_a_cut_and_ended_on_the_other_is_one_trip() {
    let mut world = World::with_edge();
    world.settle();
    world.attach(CENTRAL, 1);
    world.book_deferred(CENTRAL, 10, Some(7_000)).unwrap();
    let offer = world.offer_for(CENTRAL, 1).unwrap();
    world.accept(CENTRAL, 1, &offer).unwrap();
    world.step(CENTRAL, 1, &offer, BOARDED).unwrap();
    world.sync();
    assert_eq!(close(&mut world, EDGE, Some(7_700)), Err(Refusal::NotOwner), "central may hear the driver");
    world.pass_cut_ms(60_000, &[1], &[]);
    assert_eq!(close(&mut world, EDGE, Some(7_700)), Err(Refusal::DriverHeard), "a silence of a minute");
    world.pass_cut_ms(125_000, &[1], &[]);
    close(&mut world, EDGE, Some(7_700)).unwrap();
    world.step(CENTRAL, 1, &offer, done(7_700)).unwrap();
    assert_eq!(world.count(CENTRAL, "charged"), 1);
    world.sync();
    assert_eq!(world.count(CENTRAL, "charged"), 1);
    assert_eq!(world.hash(CENTRAL), world.hash(EDGE));
    assert_eq!((world.status(CENTRAL, 10), world.status(EDGE, 10)), (Status::Done, Status::Done));
}
