//! Goal: when every node has lost its disk, drivers' phones bring their trips back: each once, each as new as anybody
//! knows, and none is charged on a driver's word alone.
//!
//! Method: a trip is under way; all nodes start empty; the phone attaches and brings what it kept.

use ondol_core::booking::Status;
use ondol_core::capsule::{CAPSULE_LIFE_MS, Capsule};
use ondol_core::command::{Answer, Command, Held, Offer, Refusal, Slot, ToDevice};
use ondol_core::fact::{Fare, PinCheck, Release, Step};
use ondol_core::ids::{DeviceId, DriverId};
use ondol_core::reconcile::ConflictKind;
use ondol_core::units::{Money, UtcMs};

use crate::world::{CENTRAL, EDGE, World};

const DONE: Result<Answer, Refusal> = Ok(Answer::Done);
const REPEAT: Result<Answer, Refusal> = Ok(Answer::Booked { repeat: true });

/// The driver of shift 1 is on the way to booking 10, and then every disk is lost; the phone has attached again.
fn lost(deferred: bool) -> (World, Offer, Capsule) {
    let mut world = World::without_edge();
    world.attach(CENTRAL, 1);
    book(&mut world, deferred).unwrap();
    world.pass_ms(CENTRAL, 2_000, &[1]);
    let offer = world.offer_for(CENTRAL, 1).unwrap();
    let capsule = offer.capsule.clone().expect("the phone keeps capsules");
    world.accept(CENTRAL, 1, &offer).unwrap();
    world.wipe_all();
    world.attach_as(CENTRAL, 1, 1, 2).unwrap();
    (world, offer, capsule)
}

fn book(world: &mut World, deferred: bool) -> Result<Answer, Refusal> {
    if deferred { world.book_deferred(CENTRAL, 10, Some(9_000)) } else { world.book(CENTRAL, 10) }
}

fn unverified(world: &World) -> usize {
    let cases = world.conflicts(CENTRAL);
    cases.iter().filter(|case| case.kind == ConflictKind::RestoredUnverified).count()
}

fn end(world: &mut World, offer: &Offer) {
    world.step(CENTRAL, 1, offer, Step::Boarded { pin: PinCheck::Verified }).unwrap();
    let payment = ondol_core::booking::Payment::Deferred;
    let fare = Fare { revision: 0, amount: Money(9_500), distance_m: 1, duration_s: 1, payment };
    world.step(CENTRAL, 1, offer, Step::Done { fare }).unwrap();
}

#[test]
fn a_trip_comes_back_with_its_steps_and_is_confirmed() {
    let (mut world, offer, capsule) = lost(false);
    assert_eq!(world.count(CENTRAL, "booking_accepted"), 0, "nothing is known");
    // What the phone tells again may come first.
    world.step(CENTRAL, 1, &offer, Step::Arrived).unwrap();
    assert_eq!(world.bring(CENTRAL, 1, capsule.clone()), DONE);
    assert_eq!(world.status(CENTRAL, 10), Status::Arrived);
    assert_eq!(world.owner(CENTRAL, 10), CENTRAL);
    let confirms = |message: &ToDevice| matches!(message, ToDevice::Confirm { assignment } if *assignment == offer.assignment);
    assert!(world.messages(CENTRAL, 1).iter().any(confirms));
    assert_eq!(world.bring(CENTRAL, 1, capsule), DONE);
    assert_eq!(world.count(CENTRAL, "trip_restored"), 1, "twice is once");
}

#[test]
fn what_only_the_driver_says_is_charged_once_the_rider_says_so_too_and_once() {
    let attest = |world: &mut World| world.command(CENTRAL, Command::Attest { booking: World::booking(10) });
    for (says, charged) in [(true, 1), (false, 0)] {
        let (mut world, offer, capsule) = lost(true);
        world.bring(CENTRAL, 1, capsule).unwrap();
        assert_eq!(world.book_at(CENTRAL, 10, 0.7), Err(Refusal::KeyReused), "another wish is no receipt");
        // A page sends its booking again by itself.
        assert_eq!(book(&mut world, true), REPEAT);
        assert_eq!(unverified(&world), 1);
        if says {
            assert_eq!(attest(&mut world), DONE);
            assert_eq!(attest(&mut world), DONE);
        }
        end(&mut world, &offer);
        assert_eq!((world.status(CENTRAL, 10), unverified(&world)), (Status::Done, 1 - charged));
        // Once it is over, the driver may have brought back what had been charged before.
        assert_eq!((book(&mut world, true), attest(&mut world)), (REPEAT, Err(Refusal::Closed)));
        assert_eq!(
            (world.count(CENTRAL, "charged"), world.count(CENTRAL, "booking_accepted")),
            (charged, charged)
        );
    }
}

#[test]
fn nothing_is_attested_that_is_not_known_or_needs_no_word() {
    let (mut world, _, capsule) = lost(false);
    let attest = Command::Attest { booking: World::booking(10) };
    assert_eq!(world.command(CENTRAL, attest.clone()), Err(Refusal::UnknownBooking));
    world.bring(CENTRAL, 1, capsule).unwrap();
    world.command(CENTRAL, attest.clone()).unwrap();
    world.command(CENTRAL, attest).unwrap();
    assert_eq!(world.count(CENTRAL, "booking_accepted"), 1, "twice is once");
    world.book(CENTRAL, 11).unwrap();
    world.command(CENTRAL, Command::Attest { booking: World::booking(11) }).unwrap();
    assert_eq!(world.count(CENTRAL, "booking_accepted"), 2, "a booking that needs no word");
}

#[test]
fn which_capsules_are_refused() {
    type Change = fn(&mut World, &mut Capsule);
    let cases: [(&str, Change, Refusal); 11] = [
        ("another phone's", |_, c| c.device = DeviceId::from_number(2), Refusal::CapsuleForeign),
        ("another shift's", |_, c| c.shift = World::shift(2), Refusal::CapsuleForeign),
        ("another driver's", |_, c| c.driver = DriverId::from_number(2), Refusal::CapsuleForeign),
        ("another district's", |_, c| c.district = "south".parse().unwrap(), Refusal::CapsuleForeign),
        ("of a zone that nobody serves", |_, c| c.zone = "z9".parse().unwrap(), Refusal::CapsuleForeign),
        (
            "signed by an edge of another district",
            |_, c| c.assignment.origin = "edge-south".parse().unwrap(),
            Refusal::CapsuleForeign,
        ),
        ("made in this life", |_, c| c.assignment.incarnation = 2, Refusal::CapsuleForeign),
        (
            "expired",
            |world, c| c.offered_at = UtcMs(world.now(CENTRAL).utc.0 - CAPSULE_LIFE_MS.cast_signed()),
            Refusal::CapsuleExpired,
        ),
        ("not held", |world, _| world.hold(1, ondol_core::command::Slot::default()), Refusal::NoTrip),
        (
            "given back by the phone's own word",
            |world, c| {
                let released = Step::Released { reason: Release::GivenBack };
                let (booking, assignment) = (c.booking, c.assignment.clone());
                let what = ondol_core::command::Happening::Step { booking, assignment, what: released };
                world.report(CENTRAL, 1, what).unwrap();
            },
            Refusal::NoTrip,
        ),
        ("of another wish", |world, _| drop(world.book_at(CENTRAL, 10, 0.3)), Refusal::KeyReused),
    ];
    for (name, change, refusal) in cases {
        let (mut world, _, mut capsule) = lost(false);
        change(&mut world, &mut capsule);
        world.messages(CENTRAL, 1);
        assert_eq!(world.bring(CENTRAL, 1, capsule), Err(refusal), "{name}");
        assert_eq!(world.count(CENTRAL, "trip_restored"), 0, "{name}");
    }
    let (mut world, _, capsule) = lost(false);
    assert_eq!(world.bring(CENTRAL, 2, capsule), Err(Refusal::UnknownShift), "a phone that has not attached");
}

#[test]
fn a_trip_booked_for_later_counts_from_its_pickup() {
    let (mut world, _, mut capsule) = lost(false);
    let now = world.now(CENTRAL).utc;
    capsule.offered_at = UtcMs(now.0 - CAPSULE_LIFE_MS.cast_signed());
    capsule.request.pickup_at = Some(now);
    assert_eq!(world.bring(CENTRAL, 1, capsule), DONE);
}

#[test]
fn a_capsule_older_than_what_is_known_of_the_shift_revives_nothing() {
    let (mut world, offer, capsule) = lost(false);
    world.bring(CENTRAL, 1, capsule.clone()).unwrap();
    end(&mut world, &offer);
    // The phone is altered: it holds again what it held before that trip.
    let mut before = capsule;
    before.booking = World::booking(9);
    for (attach_epoch, counter) in [(1, offer.assignment.counter - 1), (0, 99)] {
        (before.attach_epoch, before.assignment.counter) = (attach_epoch, counter);
        let (booking, assignment) = (before.booking, before.assignment.clone());
        let held = Held { booking, assignment, confirmed: true, boarded: true };
        world.hold(1, Slot { current: Some(held), next: None });
        world.messages(CENTRAL, 1);
        let refused = Err(Refusal::CapsuleRolledBack);
        assert_eq!(world.bring(CENTRAL, 1, before.clone()), refused, "{attach_epoch}");
    }
}

#[test]
fn of_two_phones_with_one_booking_one_goes_on_and_the_other_lets_go() {
    let (mut world, offer, capsule) = lost(false);
    let mut second = capsule.clone();
    second.assignment.counter += 1;
    (second.shift, second.device, second.driver) =
        (World::shift(2), DeviceId::from_number(2), DriverId::from_number(2));
    second.eta_s = capsule.eta_s + 60;
    let held = Held {
        booking: second.booking,
        assignment: second.assignment.clone(),
        confirmed: true,
        boarded: false,
    };
    world.hold(2, Slot { current: Some(held), next: None });
    world.attach(CENTRAL, 2);
    world.bring(CENTRAL, 2, second.clone()).unwrap();
    world.bring(CENTRAL, 1, capsule).unwrap();
    let held = Held {
        booking: offer.booking,
        assignment: offer.assignment.clone(),
        confirmed: true,
        boarded: false,
    };
    world.hold(1, Slot { current: Some(held), next: None });
    world.pass_ms(CENTRAL, 1_000, &[1]);
    let standing = world.record(CENTRAL, 10).standing().map(|(id, _)| id.clone());
    assert_eq!(standing, Some(offer.assignment));
    let lets_go = |message: &ToDevice| matches!(message, ToDevice::Revoke { assignment, .. } if *assignment == second.assignment);
    assert!(world.messages(CENTRAL, 2).iter().any(lets_go));
    assert!(!world.messages(CENTRAL, 1).iter().any(|message| matches!(message, ToDevice::Revoke { .. })));
}

#[test]
fn central_and_an_edge_that_were_brought_the_same_capsule_agree() {
    let mut world = World::with_edge();
    world.settle();
    world.attach(CENTRAL, 1);
    world.book(CENTRAL, 10).unwrap();
    world.pass_ms(CENTRAL, 2_000, &[1]);
    let offer = world.offer_for(CENTRAL, 1).unwrap();
    let capsule = offer.capsule.clone().unwrap();
    world.accept(CENTRAL, 1, &offer).unwrap();
    world.wipe_all();
    world.attach_as(CENTRAL, 1, 1, 2).unwrap();
    world.bring(CENTRAL, 1, capsule.clone()).unwrap();
    world.attach_as(EDGE, 1, 1, 3).unwrap();
    world.bring(EDGE, 1, capsule).unwrap();
    world.sync();
    assert_eq!(world.hash(CENTRAL), world.hash(EDGE));
    assert_eq!(world.status(EDGE, 10), Status::Assigned);
    assert_eq!(world.conflicts(CENTRAL).len(), 1, "unverified, and nothing else");
}
