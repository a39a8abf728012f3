//! Goal: a rider of whom two districts say different things is carried to the end, and pays once.
//!
//! Method: a node has forgotten with its disk what went on, and hears one of the others before the rest.

use ondol_core::booking::{Payment, Status};
use ondol_core::command::{Command, Held, Offer, Slot};
use ondol_core::face::Timing;
use ondol_core::fact::{Fare, PinCheck, Release, Step};
use ondol_core::reconcile::ConflictKind;

use crate::town::{CENTRAL, EAST, Town, WEST, booking, district_of};
use crate::{fare, lent, unasked};

/// The neighbour's taxi is at the pickup, and one of the rider's own district is on its way, because the rider was asked
/// while nobody heard of the first. Returns the question to the second and to the first.
fn sent_twice() -> (Town, Offer, Offer) {
    let mut town = lent();
    let theirs = town.offer(2).unwrap();
    town.step(2, &theirs, Step::Assigned).unwrap();
    town.attach(1);
    town.pass_s(61, &[1]);
    town.step(2, &theirs, Step::Arrived).unwrap();
    town.pass_s(61, &[1]);
    town.command(WEST, Command::Keep { booking: booking() }).unwrap();
    town.pass_s(2, &[1]);
    let ours = town.offer(1).unwrap();
    town.step(1, &ours, Step::Assigned).unwrap();
    (town, ours, theirs)
}

/// Both taxis carried the rider to the end, each without a word of the other.
fn carried_twice() -> Town {
    let (mut town, ours, theirs) = sent_twice();
    for (driver, offer) in [(1, &ours), (2, &theirs)] {
        town.step(driver, offer, Step::Boarded { pin: PinCheck::Verified }).unwrap();
        let fare = Fare { payment: Payment::Deferred, ..fare() };
        town.step(driver, offer, Step::Done { fare }).unwrap();
    }
    for edge in [WEST, EAST] {
        town.command(edge, Command::GiveBackDistrict { district: district_of(edge) }).unwrap();
    }
    town
}

#[test]
fn an_operator_learns_of_a_rider_whom_taxis_of_two_districts_say_that_they_carry() {
    let (mut town, ours, theirs) = sent_twice();
    let boarded = || Step::Boarded { pin: PinCheck::Verified };
    town.step(1, &ours, boarded()).unwrap();
    town.carry(WEST, CENTRAL);
    town.carry(EAST, CENTRAL);
    let kinds = |town: &Town| town.conflicts().into_iter().map(|found| found.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&town), [ConflictKind::TwoAssignments], "one of them drives for nothing");
    town.step(2, &theirs, boarded()).unwrap();
    town.carry(EAST, CENTRAL);
    assert!(kinds(&town).contains(&ConflictKind::TwoBoarded));
}

#[test]
fn a_central_that_forgot_a_charge_hears_both_districts_of_a_loan_before_it_charges() {
    let mut town = carried_twice();
    let before = town.stored(CENTRAL);
    town.hear_central_s(30, WEST);
    assert_eq!(town.count(CENTRAL, "charged"), 0, "the east may tell of another taxi");
    town.hear_central_s(30, EAST);
    town.hear_central_s(1, WEST);
    assert_eq!(town.count(CENTRAL, "charged"), 0, "it does: a human decides");

    let mut town = carried_twice();
    town.start_on(CENTRAL, before);
    town.hear_central_s(30, EAST);
    assert_eq!(town.count(CENTRAL, "charged"), 0, "the west may have been charged");
}

#[test]
fn who_rides_in_a_taxi_of_the_lender_is_not_cancelled_by_what_the_borrower_tells_of_before() {
    let mut town = unasked();
    let before = town.stored(WEST);
    town.book().unwrap();
    town.talk_s(64, &[2]);
    town.cancel(EAST).unwrap();
    town.carry(WEST, CENTRAL);
    town.calls.clear();
    // The lender has forgotten the booking, and its rider asks again.
    town.restore(WEST, before);
    town.calls.clear();
    town.attach(1);
    town.book().unwrap();
    town.pass_s(2, &[1]);
    let ours = town.offer(1).unwrap();
    for what in [Step::Assigned, Step::Boarded { pin: PinCheck::Verified }] {
        town.step(1, &ours, what).unwrap();
    }
    // Its past comes back, and the neighbour tells how the loan ended.
    town.carry(CENTRAL, WEST);
    town.talk_s(6, &[1, 2]);
    assert!(town.count(WEST, "loan_told") > 0, "the neighbour tells what it knows");
    assert_eq!((town.status(WEST), town.count(WEST, "cancel_requested")), (Some(Status::Boarded), 0));
}

/// Of a booking that was lent to the east central was told by the phone of the east alone; the west has lost it with its
/// disk, and its rider has shown it there again while that edge stood by: it is central's there, too.
fn in_both_districts() -> (Town, Offer) {
    let mut town = Town::suspicious(Timing::default());
    let west = town.stored(WEST);
    for edge in [WEST, EAST] {
        town.take(edge);
    }
    town.pass_s(6, &[]);
    town.attach(2);
    town.book().unwrap();
    town.talk_s(70, &[2]);
    let offer = town.offer(2).unwrap();
    town.step(2, &offer, Step::Assigned).unwrap();
    let held =
        Held { booking: booking(), assignment: offer.assignment.clone(), confirmed: true, boarded: false };
    town.attach_at(CENTRAL, 2, Slot { current: Some(held), next: None });
    town.bring_to(CENTRAL, 2, offer.capsule.clone().unwrap()).unwrap();
    town.start_on(WEST, west);
    town.book().unwrap();
    town.carry(WEST, CENTRAL);
    for district in ["west", "east"] {
        let record = town.record(CENTRAL, district).unwrap();
        assert!(record.is_here() && !record.status().is_closed(), "{district}");
        assert_eq!(record.owner.unwrap().0.node.as_str(), CENTRAL, "{district}");
    }
    (town, offer)
}

#[test]
fn what_central_has_in_two_districts_ends_in_both_when_the_rider_does_not_come() {
    let (mut town, offer) = in_both_districts();
    town.step_at(CENTRAL, 2, &offer, Step::Released { reason: Release::NoShow }).unwrap();
    town.pass_s(3, &[]);
    for district in ["west", "east"] {
        assert_eq!(town.record(CENTRAL, district).unwrap().status(), Status::Cancelled, "{district}");
    }
}

#[test]
fn what_central_has_in_two_districts_ends_in_both_when_the_rider_cancels() {
    let (mut town, _) = in_both_districts();
    town.cancel(CENTRAL).unwrap();
    for district in ["west", "east"] {
        assert_eq!(town.record(CENTRAL, district).unwrap().status(), Status::Cancelled, "{district}");
    }
}

#[test]
fn what_a_phone_says_is_on_loan_is_asked_for_in_one_district_alone() {
    let (mut town, _) = in_both_districts();
    for _ in 0..4 {
        town.attach_at(CENTRAL, 1, Slot::default());
        town.hear_central_s(5, WEST);
    }
    let west = town.record(CENTRAL, "west").unwrap();
    assert!(
        west.away().is_some() && west.assignments.is_empty(),
        "a taxi of the east is on its way: {west:?}"
    );
}

#[test]
fn a_rider_who_still_wants_a_taxi_gets_none_beside_the_one_that_the_other_district_has_sent() {
    let (mut town, _) = in_both_districts();
    town.attach_at(CENTRAL, 1, Slot::default());
    town.command(CENTRAL, Command::Keep { booking: booking() }).unwrap();
    let west = |town: &Town| town.record(CENTRAL, "west").unwrap();
    assert!(west(&town).assignments.is_empty(), "not even before it is noted: {:?}", west(&town));
    town.pass_s(2, &[]);
    assert!(west(&town).away().is_some());
}

#[test]
fn a_rider_cancels_where_central_serves_what_it_also_knows_of_a_district_that_it_serves_no_more() {
    let (mut town, _) = in_both_districts();
    town.dropped = Some(WEST);
    town.start_on(CENTRAL, town.stored(CENTRAL));
    town.cancel(CENTRAL).unwrap();
    let status = |district| town.record(CENTRAL, district).unwrap().status();
    assert_eq!((status("west"), status("east")), (Status::Open, Status::Cancelled));
}
