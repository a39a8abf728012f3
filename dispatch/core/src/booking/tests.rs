use super::*;
use crate::fact::{Fare, PinCheck};
use crate::ids::SubjectId;
use crate::matching::Reasons;
use crate::position::Position;

fn id(counter: u64) -> AssignmentId {
    AssignmentId { origin: "n".parse().unwrap(), incarnation: 1, counter }
}

fn bond(eta_s: u32) -> AssignmentRecord {
    let mut bond = AssignmentRecord::new(ShiftId::from_number(u128::from(eta_s)));
    bond.offered = Some((eta_s, UtcMs(0), Reasons::default()));
    bond.assigned_at = Some(UtcMs(1));
    bond
}

fn fare() -> Fare {
    Fare { revision: 0, amount: Money(4_800), distance_m: 1_000, duration_s: 300, payment: Payment::Cash }
}

pub(crate) fn booking(bonds: &[(u64, AssignmentRecord)]) -> BookingRecord {
    let mut booking = BookingRecord::unknown(BookingId::from_number(1));
    booking.assignments = bonds.iter().map(|(n, b)| (id(*n), b.clone())).collect();
    booking
}

fn cancelled(mut booking: BookingRecord) -> BookingRecord {
    booking.cancel = Some(Cancel {
        hlc: Hlc::default(),
        by: Party::Rider,
        reason: CancelReason::ChangedMind,
        at: UtcMs(2),
    });
    booking
}

#[test]
fn of_two_assignments_the_nearer_stands_and_the_other_must_end() {
    let booking = booking(&[(1, bond(300)), (2, bond(200))]);
    assert_eq!(booking.standing().unwrap().0, &id(2));
    let ends: Vec<_> = booking.must_end().map(|(id, _, why)| (id.clone(), why)).collect();
    assert_eq!(ends, [(id(1), Release::Superseded)]);
}

#[test]
fn boarded_stands_whatever_else_is_said() {
    let mut boarded = bond(900);
    boarded.boarded = Some((UtcMs(5), PinCheck::Verified));
    boarded.released = Some((UtcMs(6), Release::Superseded));
    let booking = cancelled(booking(&[(1, boarded), (2, bond(10))]));
    assert_eq!(booking.status(), Status::Boarded);
    assert_eq!(booking.standing().unwrap().0, &id(1));
    assert_eq!(booking.must_end().map(|(id, ..)| id.clone()).collect::<Vec<_>>(), [id(2)]);
}

#[test]
fn a_trip_that_is_over_stands_although_its_boarding_is_lost_with_a_disk() {
    let mut over = bond(900);
    over.released = Some((UtcMs(4), Release::SessionVoid));
    over.done = Some((UtcMs(5), fare()));
    let mut question = bond(10);
    question.assigned_at = None;
    let booking = booking(&[(1, over), (2, question)]);
    assert_eq!((booking.status(), booking.standing().unwrap().0), (Status::Done, &id(1)));
    assert_eq!(
        booking.must_end().map(|(id, ..)| id.clone()).collect::<Vec<_>>(),
        [id(2)],
        "nobody else is sent"
    );
}

#[test]
fn two_drivers_who_gave_it_back_at_the_pickup_say_that_the_rider_did_not_come() {
    let back = |arrived_at| AssignmentRecord {
        arrived_at,
        released: Some((UtcMs(9), Release::GivenBack)),
        ..bond(100)
    };
    let here = Some(UtcMs(8));
    assert!(!booking(&[(1, back(here)), (2, back(None))]).rider_did_not_come(), "one had trouble on the way");
    assert!(booking(&[(1, back(here)), (2, back(here))]).rider_did_not_come());
}

#[test]
fn cancel_wins_before_boarding_and_ends_every_bond() {
    let booking = cancelled(booking(&[(1, bond(300)), (2, bond(200))]));
    assert_eq!(booking.status(), Status::Cancelled);
    assert!(booking.must_end().all(|(_, _, why)| why == Release::Cancelled));
    assert_eq!(booking.must_end().count(), 2);
}

#[test]
fn a_machine_that_found_nobody_gives_way_to_a_taxi_that_is_on_its_way() {
    let mut given_up = cancelled(booking(&[(1, bond(300))]));
    given_up.cancel =
        given_up.cancel.map(|cancel| Cancel { by: Party::System, reason: CancelReason::NoTaxi, ..cancel });
    assert_eq!(given_up.status(), Status::Assigned);
    assert_eq!(given_up.must_end().count(), 0);
    let mut question = bond(100);
    question.assigned_at = None;
    given_up.assignments.insert(id(1), question);
    assert_eq!(given_up.status(), Status::Cancelled, "a question is no taxi");
    assert_eq!(given_up.must_end().count(), 1);
}

#[test]
fn statuses_in_order() {
    let mut record = booking(&[]);
    assert_eq!(record.status(), Status::Open);
    let mut question = bond(100);
    question.assigned_at = None;
    type Change = fn(&mut AssignmentRecord);
    let steps: [(Change, Status); 5] = [
        (|_| (), Status::Offered),
        (|a| a.assigned_at = Some(UtcMs(1)), Status::Assigned),
        (|a| a.arrived_at = Some(UtcMs(2)), Status::Arrived),
        (|a| a.boarded = Some((UtcMs(3), PinCheck::Verified)), Status::Boarded),
        (
            |a| {
                a.done = Some((UtcMs(4), fare()));
            },
            Status::Done,
        ),
    ];
    for (step, status) in steps {
        step(&mut question);
        record.assignments.insert(id(1), question.clone());
        assert_eq!(record.status(), status);
    }
}

#[test]
fn a_released_bond_opens_the_booking_again() {
    let mut released = bond(100);
    released.released = Some((UtcMs(2), Release::GivenBack));
    assert_eq!(booking(&[(1, released)]).status(), Status::Open);
}

#[test]
fn a_vehicle_must_offer_everything_the_rider_needs() {
    let all = Needs { wheelchair: true, pet: true, luggage: true };
    assert!(all.cover(Needs::default()) && all.cover(all));
    assert!(!Needs { wheelchair: false, ..all }.cover(Needs { wheelchair: true, ..Needs::default() }));
}

#[test]
fn who_has_booked_ahead_waits_from_that_moment_on() {
    let request = |pickup_at| Request {
        pickup_at,
        ..Request::plain(Door::Web, Position::new(37.5, 127.0).unwrap(), SubjectId::from_number(1))
    };
    let wanted_at = |pickup_at| {
        let mut booking = booking(&[]);
        booking.accepted = Some(Acceptance {
            hlc: Hlc::default(),
            node: "n".parse().unwrap(),
            zone: "z".parse().unwrap(),
            at: UtcMs(5),
            request: request(pickup_at),
        });
        booking.wanted_at()
    };
    assert_eq!(wanted_at(None), Some(UtcMs(5)));
    assert_eq!(wanted_at(Some(UtcMs(9_000))), Some(UtcMs(9_000)));
    assert_eq!(wanted_at(Some(UtcMs(1))), Some(UtcMs(5)), "nobody waits before asking");
    assert_eq!(booking(&[]).wanted_at(), None);
}

/// A bond whose driver was asked to take over from another.
fn instead_of(counter: u64, eta_s: u32) -> AssignmentRecord {
    let mut bond = bond(eta_s);
    let why = Reasons { instead_of: Some(id(counter)), ..Reasons::default() };
    bond.offered = Some((eta_s, UtcMs(0), why));
    bond
}

#[test]
fn who_takes_over_stands_over_a_nearer_one_and_over_nobody_else() {
    let exchanged = booking(&[(1, bond(200)), (2, instead_of(1, 300))]);
    assert_eq!(exchanged.standing().unwrap().0, &id(2));
    assert!(exchanged.is_exchanged(&id(1)) && !exchanged.is_exchanged(&id(2)));
    assert_eq!(
        exchanged.must_end().map(|(id, _, why)| (id.clone(), why)).collect::<Vec<_>>(),
        [(id(1), Release::Superseded)]
    );
    let beside = booking(&[(1, bond(200)), (2, instead_of(9, 300))]);
    assert_eq!(beside.standing().unwrap().0, &id(1), "the one that it was asked instead of is another");
    let mut given_back = exchanged;
    given_back.assignments.get_mut(&id(2)).unwrap().released = Some((UtcMs(3), Release::GivenBack));
    assert_eq!(given_back.standing().unwrap().0, &id(1), "who has not let go yet drives on");
    let circle = booking(&[(1, instead_of(2, 200)), (2, instead_of(1, 300))]);
    assert_eq!(circle.standing().unwrap().0, &id(1), "nobody plans a circle, and it leaves no rider alone");
}

#[test]
fn a_question_to_take_over_is_open_until_the_first_has_arrived() {
    let question = AssignmentRecord { assigned_at: None, ..instead_of(1, 100) };
    let asked = booking(&[(1, bond(200)), (2, question.clone())]);
    assert_eq!((asked.status(), asked.must_end().count()), (Status::Assigned, 0));
    let ends = |booking: &BookingRecord| {
        booking.must_end().map(|(id, _, why)| (id.clone(), why)).collect::<Vec<_>>()
    };
    let there = AssignmentRecord { arrived_at: Some(UtcMs(2)), ..bond(200) };
    assert_eq!(ends(&booking(&[(1, there), (2, question.clone())])), [(id(2), Release::Withdrawn)]);
    let mut over = bond(200);
    over.done = Some((UtcMs(5), fare()));
    assert_eq!(
        ends(&booking(&[(1, over), (2, question.clone())])),
        [(id(2), Release::Withdrawn)],
        "its trip is over, though the boarding is lost with a disk"
    );
    assert_eq!(
        ends(&booking(&[(3, bond(200)), (2, question)])),
        [(id(2), Release::Withdrawn)],
        "its taxi is no more"
    );
    assert_eq!(cancelled(asked).must_end().count(), 2);
}
