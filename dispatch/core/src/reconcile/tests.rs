use super::*;
use crate::board::town::{BOARDED, Town, bond, booking, done, gangnam, minute, released, request};
use crate::booking::Door;
use crate::fact::{Request, Step};
use crate::ids::ShiftId;

impl Town {
    fn conflicts(&self) -> Vec<Conflict> {
        conflicts(self.board.district(&gangnam()).unwrap())
    }

    /// The only conflict.
    fn conflict(&self) -> Conflict {
        let found = self.conflicts();
        assert_eq!(found.len(), 1, "{found:?}");
        found.into_iter().next().unwrap()
    }
}

#[test]
fn names_are_stable() {
    for kind in ConflictKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    let stands = Resolution::NearestStands { assignment: bond("e") };
    assert_eq!(serde_json::to_value(&stands).unwrap()["rule"], stands.as_str());
    for resolution in [Resolution::Merged, Resolution::Operator, Resolution::AskRider, Resolution::Settled] {
        assert_eq!(serde_json::to_value(&resolution).unwrap()["rule"], resolution.as_str());
    }
}

#[test]
fn an_ordinary_day_has_no_conflicts() {
    let mut town = Town::new();
    // Given back and served by another; a party with two taxis on one node; a cancel in good time.
    town.accept("c", 1, minute(0), request(Some("a"), 0.0));
    town.assign("c", 1, minute(1), 300);
    town.step("c", 1, minute(2), 300, released(Release::GivenBack));
    town.assign("e", 1, minute(3), 200);
    town.step("e", 1, minute(9), 200, BOARDED);
    town.step("e", 1, minute(20), 200, done());
    town.accept("c", 2, minute(1), request(Some("a"), 0.0));
    town.accept("c", 3, minute(2), request(None, 0.0));
    town.accept("e", 4, minute(2), request(None, 0.0));
    town.accept("c", 5, minute(3), request(Some("b"), 0.0));
    town.assign("d", 5, minute(4), 100);
    town.cancel("c", 5, minute(6));
    town.step("d", 5, minute(7), 100, released(Release::Cancelled));
    assert_eq!(town.conflicts(), []);
}

#[test]
fn the_same_request_on_two_nodes_is_one_booking() {
    let mut town = Town::new();
    town.accept("c", 1, minute(0), request(Some("a"), 0.0));
    town.accept("e", 1, minute(1), request(Some("a"), 0.0));
    let conflict = town.conflict();
    assert_eq!((conflict.kind, conflict.resolution), (ConflictKind::SameKey, Resolution::Merged));
}

#[test]
fn of_two_assignments_the_nearest_stands_until_one_has_boarded() {
    let mut town = Town::new();
    town.accept("c", 1, minute(0), request(None, 0.0));
    town.assign("c", 1, minute(1), 300);
    town.assign("e", 1, minute(2), 200);
    let conflict = town.conflict();
    assert_eq!(conflict.kind, ConflictKind::TwoAssignments);
    assert_eq!(conflict.resolution, Resolution::NearestStands { assignment: bond("e") });
    assert_eq!((conflict.assignments, conflict.gives_way), (vec![bond("c"), bond("e")], vec![bond("c")]));

    town.step("c", 1, minute(3), 300, BOARDED);
    let conflict = town.conflict();
    assert_eq!(conflict.resolution, Resolution::BoardedStands { assignment: bond("c") });
    assert_eq!(conflict.gives_way, [bond("e")]);

    // It stays found once it is over.
    town.step("e", 1, minute(4), 200, released(Release::Superseded));
    town.step("c", 1, minute(9), 300, done());
    assert_eq!(town.conflict().resolution, Resolution::BoardedStands { assignment: bond("c") });
}

#[test]
fn two_boarded_go_to_an_operator_and_nobody_gives_way() {
    let mut town = Town::new();
    town.accept("c", 1, minute(0), request(None, 0.0));
    town.assign("c", 1, minute(1), 300);
    town.assign("e", 1, minute(2), 200);
    town.step("c", 1, minute(3), 300, BOARDED);
    town.step("e", 1, minute(4), 200, BOARDED);
    let found = town.conflicts();
    assert!(found.iter().all(|conflict| conflict.gives_way.is_empty()));
    let two = found.iter().find(|conflict| conflict.kind == ConflictKind::TwoBoarded).unwrap();
    assert_eq!((&two.resolution, two.assignments.len()), (&Resolution::Operator, 2));
}

#[test]
fn a_cancel_wins_against_a_driver_who_did_not_know_unless_the_rider_boarded() {
    for (what, at, expected) in [
        (Step::Arrived, 6, Some(Resolution::Cancelled)),
        (released(Release::Cancelled), 7, Some(Resolution::Cancelled)),
        (released(Release::Cancelled), 6, None),
        (BOARDED, 4, Some(Resolution::BoardedStands { assignment: bond("e") })),
        (BOARDED, 9, Some(Resolution::BoardedStands { assignment: bond("e") })),
    ] {
        let mut town = Town::new();
        town.accept("c", 1, minute(0), request(None, 0.0));
        town.assign("e", 1, minute(1), 200);
        town.cancel("c", 1, minute(5));
        town.step("e", 1, minute(at), 200, what.clone());
        let found = town.conflicts();
        assert_eq!(found.first().map(|conflict| conflict.resolution.clone()), expected, "{what:?} at {at}");
        let loses = matches!(expected, Some(Resolution::Cancelled));
        assert!(found.iter().all(|conflict| conflict.gives_way.len() == usize::from(loses)));
    }
}

#[test]
fn possible_duplicates_are_near_in_place_and_time_and_on_two_nodes() {
    for (node, at, north_m, phone, expected, why) in [
        ("e", 15, 300.0, "a", 1, "the far corner of the rule"),
        ("e", 15, 301.0, "a", 0, "too far"),
        ("e", 16, 0.0, "a", 0, "too late"),
        ("c", 1, 0.0, "a", 0, "a party's two taxis"),
        ("e", 1, 0.0, "b", 0, "two people"),
    ] {
        let mut town = Town::new();
        town.accept("c", 1, minute(0), request(Some("a"), 0.0));
        town.accept(node, 2, minute(at), request(Some(phone), north_m - 0.1));
        assert_eq!(town.conflicts().len(), expected, "{why}");
    }
}

#[test]
fn scheduled_bookings_are_compared_by_the_time_wanted() {
    let mut town = Town::new();
    let wanted = |at| Request { pickup_at: Some(at), ..request(Some("a"), 0.0) };
    town.accept("c", 1, minute(0), wanted(minute(300)));
    town.accept("e", 2, minute(200), wanted(minute(310)));
    town.accept("e", 3, minute(1), wanted(minute(30)));
    assert_eq!(town.conflict().bookings, [booking(1), booking(2)]);
}

#[test]
fn what_was_over_before_is_no_duplicate() {
    let mut town = Town::new();
    town.accept("c", 1, minute(0), request(Some("a"), 0.0));
    town.cancel("c", 1, minute(2));
    town.accept("e", 2, minute(3), request(Some("a"), 0.0));
    assert_eq!(town.conflicts(), []);
    // The same, but the rider could not cancel before asking again.
    let mut town = Town::new();
    town.accept("c", 1, minute(0), request(Some("a"), 0.0));
    town.accept("e", 2, minute(3), request(Some("a"), 0.0));
    town.cancel("c", 1, minute(4));
    assert_eq!(town.conflict().resolution, Resolution::Settled);
}

#[test]
fn a_request_that_both_nodes_hold_is_not_split() {
    let mut town = Town::new();
    town.accept("c", 1, minute(0), request(Some("a"), 0.0));
    town.accept("e", 1, minute(1), request(Some("a"), 0.0));
    town.accept("e", 2, minute(2), request(Some("a"), 0.0));
    assert_eq!(town.conflict().kind, ConflictKind::SameKey);
}

#[test]
fn of_duplicates_the_first_boarded_stands() {
    let mut town = Town::new();
    town.accept("c", 1, minute(0), request(Some("a"), 0.0));
    town.accept("e", 2, minute(1), request(Some("a"), 50.0));
    town.assign("c", 1, minute(2), 300);
    town.assign("e", 2, minute(2), 200);
    assert_eq!((town.conflict().resolution, town.conflict().loser()), (Resolution::AskRider, None));
    town.step("e", 2, minute(5), 200, BOARDED);
    let conflict = town.conflict();
    assert_eq!(conflict.bookings, [booking(1), booking(2)]);
    assert_eq!(conflict.resolution, Resolution::FirstBoarded { booking: booking(2) });
    assert_eq!((conflict.loser(), &conflict.gives_way), (Some(booking(1)), &vec![bond("c")]));
    town.step("c", 1, minute(6), 300, BOARDED);
    let conflict = town.conflict();
    assert_eq!((conflict.resolution, conflict.gives_way), (Resolution::Operator, vec![]));
}

#[test]
fn a_flood_from_one_number_is_compared_with_few() {
    let mut town = Town::new();
    for number in 0..400 {
        let node = if number % 2 == 0 { "c" } else { "e" };
        town.accept(node, number, minute(0), request(Some("a"), 0.0));
    }
    assert!(town.conflicts().len() <= 400 * DUPLICATE_CANDIDATES_MAX);
}

#[test]
fn the_report_counts_what_happened_in_its_window() {
    let mut town = Town::new();
    // Before the window, then a split: one key on both sides, a duplicate, a trip by the edge.
    town.accept("c", 1, minute(0), request(None, 0.0));
    town.accept("e", 1, minute(1), request(None, 0.0));
    town.accept("c", 2, minute(60), request(Some("a"), 0.0));
    town.accept("e", 2, minute(61), request(Some("a"), 0.0));
    town.accept("c", 3, minute(62), request(Some("b"), 0.0));
    town.accept("e", 4, minute(63), request(Some("b"), 0.0));
    town.assign("e", 4, minute(64), 200);
    town.step("e", 4, minute(65), 200, BOARDED);
    let report = |from, to| report(&town.board, &gangnam(), minute(from), minute(to));

    let split = report(60, 66);
    assert_eq!(split.by_kind, [(ConflictKind::SameKey, 1), (ConflictKind::PossibleDuplicate, 1)].into());
    assert_eq!((split.merged, split.conflicts.len()), (1, 2));
    assert_eq!(split.accepted, [("c".parse().unwrap(), 2), ("e".parse().unwrap(), 1)].into());
    assert_eq!(split.statuses, [(Status::Open, 2), (Status::Boarded, 1)].into());
    let served = Served {
        boarded_at: minute(65),
        booking: booking(4),
        shift: ShiftId::from_number(200),
        by: "e".parse().unwrap(),
        door: Some(Door::Sms),
    };
    assert_eq!(split.served, [served]);
    assert_eq!(split.entries, [("c".parse().unwrap(), 3), ("e".parse().unwrap(), 6)].into());
    assert_eq!(report(60, 65).served, [], "the end is outside");
    assert_eq!(report(0, 60).merged, 1);
    assert_eq!(report(200, 100).by_kind, BTreeMap::new());

    let elsewhere = super::report(&town.board, &"jongno".parse().unwrap(), minute(0), minute(99));
    assert!(elsewhere.entries.is_empty() && elsewhere.accepted.is_empty());
}
