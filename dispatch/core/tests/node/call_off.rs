//! Goal: a driver is let go for another only once that other is seen to go; at every moment somebody does.
//!
//! Method: two drivers of one rider, one heard at central and one at the edge or not at all.

use ondol_core::command::{Command, Held, Offer, Slot, ToDevice};
use ondol_core::fact::{Release, Step};
use ondol_core::ids::AssignmentId;

use crate::exchange::{asked_of_second, drive_to_rider, on_the_way};
use crate::roster::plain;
use crate::world::{CENTRAL, EDGE, World};

fn holds(world: &mut World, shift: u128, offer: &Offer, confirmed: bool) {
    let (booking, assignment) = (offer.booking, offer.assignment.clone());
    world.hold(
        shift,
        Slot { current: Some(Held { booking, assignment, confirmed, boarded: false }), next: None },
    );
}

fn revoked(world: &mut World, name: &'static str, shift: u128) -> Option<Release> {
    world.messages(name, shift).into_iter().find_map(|message| match message {
        ToDevice::Revoke { reason, .. } => Some(reason),
        _ => None,
    })
}

fn stands(world: &World, name: &str) -> AssignmentId {
    world.record(name, 10).standing().expect("the rider has a taxi").0.clone()
}

/// A rider asked both sides of a cut. Central's driver 2 is far and on the way, the edge's driver 1 near and has said yes.
fn on_both_sides() -> (World, Offer, Offer) {
    let mut world = World::with_edge();
    world.settle();
    world.attach_at(CENTRAL, 2, 0.06);
    world.pass_joined_ms(5_000, &[2], &[]);
    world.pass_cut_ms(25_000, &[2], &[]);
    world.command(EDGE, Command::TakeDistrict { district: World::district() }).unwrap();
    world.book(CENTRAL, 10).unwrap();
    let far = world.offer_for(CENTRAL, 2).expect("central has driver 2");
    world.accept(CENTRAL, 2, &far).unwrap();
    holds(&mut world, 2, &far, true);
    world.attach_at(EDGE, 1, 0.001);
    world.pass_cut_ms(25_000, &[2], &[1]);
    world.book(EDGE, 10).unwrap();
    world.pass_cut_ms(2_000, &[2], &[1]);
    let near = world.offer_for(EDGE, 1).expect("the edge has driver 1");
    world.accept(EDGE, 1, &near).unwrap();
    (world, far, near)
}

#[test]
fn the_edges_driver_takes_over_once_the_edge_had_time_to_say_otherwise() {
    let (mut world, far, near) = on_both_sides();
    holds(&mut world, 1, &near, true);
    world.pass_joined_ms(14_000, &[2], &[1]);
    assert_eq!(stands(&world, CENTRAL), near.assignment);
    assert_eq!(revoked(&mut world, CENTRAL, 2), None, "the edge's driver may have let go");
    world.pass_joined_ms(3_000, &[2], &[1]);
    assert_eq!(revoked(&mut world, CENTRAL, 2), Some(Release::Superseded));
    world.step(CENTRAL, 2, &far, Step::Released { reason: Release::Superseded }).unwrap();
    assert_eq!(stands(&world, CENTRAL), near.assignment);
}

#[test]
fn a_node_that_starts_again_calls_off_whom_it_would_have_called_off() {
    let (mut world, _, near) = on_both_sides();
    holds(&mut world, 1, &near, true);
    world.sync();
    world.restart(CENTRAL);
    world.attach_at(CENTRAL, 2, 0.06);
    world.pass_joined_ms(14_000, &[2], &[1]);
    assert_eq!((stands(&world, CENTRAL), revoked(&mut world, CENTRAL, 2)), (near.assignment, None));
    world.pass_joined_ms(3_000, &[2], &[1]);
    assert_eq!(revoked(&mut world, CENTRAL, 2), Some(Release::Superseded));
}

#[test]
fn a_word_of_the_edges_that_is_old_calls_nobody_off() {
    let (mut world, _, near) = on_both_sides();
    world.carry(EDGE, CENTRAL);
    assert_eq!(stands(&world, CENTRAL), near.assignment);
    world.pass_cut_ms(60_000, &[2], &[1]);
    assert_eq!(revoked(&mut world, CENTRAL, 2), None, "nothing was heard of the edge since");
}

#[test]
fn a_word_that_has_waited_to_be_taken_in_is_as_old_as_its_question() {
    let (mut world, _, near) = on_both_sides();
    world.carry(EDGE, CENTRAL);
    assert_eq!(stands(&world, CENTRAL), near.assignment);
    world.pass_cut_ms(60_000, &[2], &[1]);
    world.carry_late(EDGE, CENTRAL, 50_000);
    world.pass_cut_ms(1_000, &[2], &[1]);
    assert_eq!(revoked(&mut world, CENTRAL, 2), None, "the edge was asked before it could have told");
    world.carry_late(EDGE, CENTRAL, 40_000);
    world.pass_cut_ms(1_000, &[2], &[1]);
    assert_eq!(revoked(&mut world, CENTRAL, 2), Some(Release::Superseded));
}

#[test]
fn a_yes_that_the_edge_takes_back_in_time_leaves_centrals_driver_on_the_way() {
    let (mut world, far, near) = on_both_sides();
    world.carry(EDGE, CENTRAL);
    world.pass_joined_ms(4_000, &[2], &[1]);
    assert_eq!(stands(&world, CENTRAL), near.assignment);
    world.step(EDGE, 1, &near, Step::Released { reason: Release::Lapsed }).unwrap();
    world.pass_joined_ms(60_000, &[2], &[1]);
    assert_eq!((stands(&world, CENTRAL), revoked(&mut world, CENTRAL, 2)), (far.assignment, None));
}

#[test]
fn nobody_gives_way_to_a_phone_that_should_be_heard_and_is_not() {
    let (mut world, _) = on_the_way(plain(), 0.02);
    let second = asked_of_second(&mut world, 0.001, 0.019).expect("driver 2 is nearer by far");
    world.accept(CENTRAL, 2, &second).unwrap();
    world.restart(CENTRAL);
    world.attach_at(CENTRAL, 1, 0.019);
    world.pass_at_ms(CENTRAL, 60_000, 1, 0.018);
    assert_eq!(stands(&world, CENTRAL), second.assignment);
    assert_eq!(revoked(&mut world, CENTRAL, 1), None, "driver 2 may have let go");
    holds(&mut world, 2, &second, true);
    world.attach_at(CENTRAL, 2, 0.001);
    world.pass_at_ms(CENTRAL, 1_000, 2, 0.001);
    assert_eq!(revoked(&mut world, CENTRAL, 1), Some(Release::Superseded));
}

#[test]
fn nobody_gives_way_to_a_phone_that_was_heard_long_ago() {
    let (mut world, _) = on_the_way(plain(), 0.02);
    let second = asked_of_second(&mut world, 0.001, 0.019).expect("driver 2 is nearer by far");
    world.accept(CENTRAL, 2, &second).unwrap();
    holds(&mut world, 2, &second, true);
    world.pass_at_ms(CENTRAL, 1_000, 2, 0.001);
    // Driver 1 hears nothing in a tunnel, and driver 2's phone dies.
    world.pass_ms(CENTRAL, 25_000, &[]);
    assert_eq!(revoked(&mut world, CENTRAL, 1), None, "driver 1 is the only one who is heard");
    world.pass_at_ms(CENTRAL, 1_000, 2, 0.001);
    assert_eq!(revoked(&mut world, CENTRAL, 1), Some(Release::Superseded));
}

/// Driver 1 was told by central to forget its question, and the yes came to the edge. Driver 2 is being asked.
#[test]
fn nobody_is_told_to_forget_a_question_for_a_driver_who_may_have_let_go() {
    let mut world = World::with_edge();
    world.settle();
    world.attach(CENTRAL, 1);
    world.book(CENTRAL, 10).unwrap();
    let first = world.offer_for(CENTRAL, 1).expect("the only driver is asked");
    world.sync();
    holds(&mut world, 1, &first, false);
    world.attach_as(EDGE, 1, 1, 2).unwrap();
    world.accept(EDGE, 1, &first).unwrap();
    world.attach(CENTRAL, 2);
    for _ in 0..30 {
        // The edge answers central, and its page waits.
        world.pass_ms(EDGE, 1_000, &[1]);
        world.pass_ms(CENTRAL, 0, &[2]);
        world.renew_once();
    }
    let second = world.offer_for(CENTRAL, 2).expect("driver 1 did not answer, as far as central knows");
    world.carry(EDGE, CENTRAL);
    assert_eq!(stands(&world, CENTRAL), first.assignment);
    assert_eq!(revoked(&mut world, CENTRAL, 2), None);
    world.step(EDGE, 1, &first, Step::Released { reason: Release::Lapsed }).unwrap();
    world.accept(CENTRAL, 2, &second).unwrap();
    holds(&mut world, 2, &second, true);
    world.sync();
    assert_eq!((stands(&world, CENTRAL), revoked(&mut world, CENTRAL, 2)), (second.assignment, None));
}

/// Driver 2 took over at central from driver 1, and tells the edge, which has not heard of it.
fn moved_to_the_edge(has_heard_that_it_counts: bool) -> Option<Release> {
    let mut world = World::with_edge();
    world.settle();
    drive_to_rider(&mut world, plain(), 0.02);
    let second = asked_of_second(&mut world, 0.001, 0.019).expect("driver 2 is nearer by far");
    world.sync();
    holds(&mut world, 2, &second, has_heard_that_it_counts);
    world.attach_as(EDGE, 2, 2, 2).unwrap();
    world.step(EDGE, 2, &second, Step::Assigned).unwrap();
    world.record(EDGE, 10).assignments[&second.assignment].released.map(|(_, why)| why)
}

#[test]
fn a_yes_that_counts_with_one_node_is_not_late_for_the_other() {
    assert_eq!(moved_to_the_edge(true), None);
    assert_eq!(moved_to_the_edge(false), Some(Release::Withdrawn));
}

#[test]
fn the_node_that_asked_does_not_believe_that_a_late_yes_counts() {
    let (mut world, first) = on_the_way(plain(), 0.02);
    let second = asked_of_second(&mut world, 0.001, 0.019).expect("driver 2 is nearer by far");
    world.pass_at_ms(CENTRAL, 35_000, 1, 0.019);
    holds(&mut world, 2, &second, true);
    world.pass_at_ms(CENTRAL, 1_000, 2, 0.001);
    world.step(CENTRAL, 2, &second, Step::Assigned).unwrap();
    assert_eq!(stands(&world, CENTRAL), first.assignment);
}

/// Central asked driver 2, and the edge knows so. Driver 2 said yes to central, which the edge has not heard, and comes to
/// the edge, which has adopted the booking and asked driver 1. Then driver 1 says yes there.
fn a_yes_on_its_way(east_of_2: f64, east_of_1: f64) -> (World, Offer, Offer) {
    let mut world = World::with_edge();
    world.settle();
    world.attach_at(CENTRAL, 2, east_of_2);
    world.book(CENTRAL, 10).unwrap();
    let centrals = world.offer_for(CENTRAL, 2).expect("the only driver is asked");
    world.sync();
    world.accept(CENTRAL, 2, &centrals).unwrap();
    holds(&mut world, 2, &centrals, true);
    world.attach_at(EDGE, 1, east_of_1);
    world.pass_cut_ms(25_000, &[], &[1]);
    world.command(EDGE, Command::TakeDistrict { district: World::district() }).unwrap();
    world.pass_cut_ms(10_000, &[], &[1]);
    let edges = world.offer_for(EDGE, 1).expect("the edge has driver 1");
    world.attach_as(EDGE, 2, 2, 2).unwrap();
    world.accept(EDGE, 1, &edges).unwrap();
    holds(&mut world, 1, &edges, true);
    world.pass_cut_ms(2_000, &[], &[1, 2]);
    (world, centrals, edges)
}

#[test]
fn a_phone_whose_yes_is_on_its_way_is_told_to_let_go_once_the_yes_has_come() {
    let (mut world, far, near) = a_yes_on_its_way(0.06, 0.001);
    assert_eq!(revoked(&mut world, EDGE, 2), None, "its yes may win");
    world.step(EDGE, 2, &far, Step::Assigned).unwrap();
    assert_eq!(stands(&world, EDGE), near.assignment);
    assert_eq!(
        (revoked(&mut world, EDGE, 1), revoked(&mut world, EDGE, 2)),
        (None, Some(Release::Superseded))
    );
}

#[test]
fn a_yes_that_was_on_its_way_wins_from_a_driver_who_has_not_been_called_off_for_it_too_early() {
    let (mut world, near, far) = a_yes_on_its_way(0.001, 0.06);
    assert_eq!((revoked(&mut world, EDGE, 1), revoked(&mut world, EDGE, 2)), (None, None));
    assert_eq!(stands(&world, EDGE), far.assignment);
    world.step(EDGE, 2, &near, Step::Assigned).unwrap();
    assert_eq!(stands(&world, EDGE), near.assignment);
    assert_eq!(
        (revoked(&mut world, EDGE, 1), revoked(&mut world, EDGE, 2)),
        (Some(Release::Superseded), None)
    );
}

#[test]
fn a_yes_that_does_not_come_is_not_waited_for_for_ever() {
    let (mut world, _, _) = a_yes_on_its_way(0.06, 0.001);
    world.pass_cut_ms(50_000, &[], &[1, 2]);
    assert_eq!(revoked(&mut world, EDGE, 2), None);
    world.pass_cut_ms(10_000, &[], &[1, 2]);
    assert_eq!(revoked(&mut world, EDGE, 2), Some(Release::Superseded));
}

#[test]
fn a_yes_that_comes_after_all_leaves_whoever_it_was_given_up_for() {
    let (mut world, near, far) = a_yes_on_its_way(0.001, 0.06);
    world.pass_cut_ms(60_000, &[], &[1, 2]);
    assert_eq!(revoked(&mut world, EDGE, 2), Some(Release::Superseded));
    world.step(EDGE, 2, &near, Step::Assigned).unwrap();
    assert_eq!((stands(&world, EDGE), revoked(&mut world, EDGE, 1)), (far.assignment, None));
}

#[test]
fn a_driver_who_changed_nodes_before_the_question_came_is_free_again_once_it_is_known() {
    let mut world = World::with_edge();
    world.settle();
    world.attach(EDGE, 1);
    world.command(EDGE, Command::TakeDistrict { district: World::district() }).unwrap();
    world.pass_cut_ms(25_000, &[], &[1]);
    world.book(EDGE, 10).unwrap();
    world.pass_cut_ms(10_000, &[], &[1]);
    world.offer_for(EDGE, 1).expect("the edge asks");
    world.attach_as(CENTRAL, 1, 1, 2).unwrap();
    assert_eq!(revoked(&mut world, CENTRAL, 1), None);
    world.carry(EDGE, CENTRAL);
    assert_eq!(revoked(&mut world, CENTRAL, 1), Some(Release::Withdrawn));
}

#[test]
fn a_phone_that_has_the_rider_on_board_is_told_at_once_and_tells_that_it_has() {
    let (mut world, far, _) = a_yes_on_its_way(0.06, 0.001);
    let (booking, assignment) = (far.booking, far.assignment);
    let on_board = Held { booking, assignment, confirmed: true, boarded: true };
    world.hold(2, Slot { current: Some(on_board), next: None });
    world.pass_cut_ms(1_000, &[], &[2]);
    assert_eq!(revoked(&mut world, EDGE, 2), Some(Release::Superseded));
}

#[test]
fn a_cancelled_booking_is_let_go_of_once_the_yes_has_come() {
    let (mut world, far, _) = a_yes_on_its_way(0.06, 0.001);
    world.cancel(EDGE, 10).unwrap();
    assert_eq!(revoked(&mut world, EDGE, 2), None);
    world.step(EDGE, 2, &far, Step::Assigned).unwrap();
    assert!(revoked(&mut world, EDGE, 2).is_some());
}

#[test]
fn a_late_yes_to_a_question_that_was_lost_with_a_disk_is_let_go_of() {
    let (mut world, first) = on_the_way(plain(), 0.02);
    let second = asked_of_second(&mut world, 0.001, 0.019).expect("driver 2 is nearer by far");
    // The question was the last that was written.
    let before = world.entries(CENTRAL) - 1;
    world.restore(CENTRAL, before);
    world.step(CENTRAL, 2, &second, Step::Assigned).unwrap();
    assert_eq!(stands(&world, CENTRAL), first.assignment);
    holds(&mut world, 2, &second, false);
    world.attach_as(CENTRAL, 2, 2, 2).unwrap();
    assert_eq!(revoked(&mut world, CENTRAL, 2), Some(Release::Withdrawn));
}
