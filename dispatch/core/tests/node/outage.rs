//! Stories of a cut: which side plans what, who is asked, and what the heal leaves of it.

use ondol_core::booking::{Door, Party, Status};
use ondol_core::command::{Command, Happening, HomeWish, NoticeText, Offer, Recipient, Refusal};
use ondol_core::fact::{PinCheck, Step};
use ondol_core::node::{Mode, ModeReason};
use ondol_core::shift::Duty;

use crate::roster::driver;
use crate::world::{CENTRAL, EDGE, World};

/// Central and the edge at peace, two drivers attached to central, and booking 12 known to both and taken by nobody.
fn with_a_waiting_booking() -> World {
    let mut world = World::with_edge();
    world.settle();
    world.attach(CENTRAL, 1);
    world.attach(CENTRAL, 2);
    for number in [10, 11] {
        world.book(CENTRAL, number).unwrap();
        let (shift, offer) = offered(&mut world, CENTRAL).expect("a driver is free");
        world.accept(CENTRAL, shift, &offer).unwrap();
    }
    world.book(CENTRAL, 12).unwrap();
    world.pass_joined_ms(6_000, &[1, 2], &[]);
    assert_eq!((world.mode(CENTRAL), world.status(EDGE, 12)), (Mode::Normal, Status::Open));
    world
}

fn offered(world: &mut World, name: &'static str) -> Option<(u128, Offer)> {
    [1, 2].into_iter().find_map(|shift| Some((shift, world.offer_for(name, shift)?)))
}

/// The drivers finish what they carry, at `name`.
fn finish_trips(world: &mut World, name: &'static str) {
    for number in [10, 11] {
        let record = world.record(name, number);
        let (assignment, bond) = record.standing().expect("a driver took it");
        let offer = world.offer_like(&record, assignment);
        let shift = bond.shift.0.as_u128();
        world.step(name, shift, &offer, Step::Boarded { pin: PinCheck::Verified }).unwrap();
        world.step(name, shift, &offer, Step::Done { fare: crate::fare(Default::default()) }).unwrap();
    }
}

fn asked_riders(world: &World, name: &str) -> Vec<u128> {
    let asked = world.notices(name).iter().filter_map(|notice| match (&notice.to, &notice.text) {
        (Recipient::Rider { booking }, NoticeText::StillWanted { .. }) => Some(booking.0.as_u128()),
        _ => None,
    });
    asked.collect()
}

fn is_frozen(world: &World, number: u128) -> bool {
    world.node(CENTRAL).is_frozen(&World::district(), World::booking(number))
}

#[test]
fn what_the_edge_adopted_central_plans_only_once_its_rider_asks_again() {
    let mut world = with_a_waiting_booking();
    world.pass_cut_ms(13_000, &[], &[1, 2]);
    assert!(is_frozen(&world, 12), "the lease is out and nobody answers central");
    world.pass_cut_ms(12_000, &[], &[1, 2]);
    assert_eq!(world.owner(EDGE, 12), EDGE);
    // The drivers come back to central before the link between the nodes does.
    world.attach_again(CENTRAL, 1, 2);
    world.attach_again(CENTRAL, 2, 2);
    finish_trips(&mut world, CENTRAL);
    world.pass_cut_ms(60_000, &[1, 2], &[]);
    assert!(is_frozen(&world, 12), "the edge adopted it, however many drivers answer now");
    assert!(offered(&mut world, CENTRAL).is_none());
    assert_eq!(world.assign(CENTRAL, 12, 1, None), Err(Refusal::NotOwner));
    assert!(asked_riders(&world, CENTRAL).is_empty());
    world.book(CENTRAL, 13).unwrap();
    let (shift, offer) = offered(&mut world, CENTRAL).expect("what comes to central now is central's");
    assert_eq!(offer.booking, World::booking(13));
    world.accept(CENTRAL, shift, &offer).unwrap();
    world.pass_cut_ms(60_000, &[1, 2], &[]);
    assert_eq!(asked_riders(&world, CENTRAL), [12]);
    assert!(world.node(CENTRAL).asks_if_still_wanted(&World::district(), World::booking(12)));
    world.command(CENTRAL, Command::Keep { booking: World::booking(12) }).unwrap();
    assert!(!world.node(CENTRAL).asks_if_still_wanted(&World::district(), World::booking(12)));
    world.pass_cut_ms(3_000, &[1, 2], &[]);
    let asked = offered(&mut world, CENTRAL).map(|(_, offer)| offer.booking);
    assert_eq!(asked, Some(World::booking(12)));
}

#[test]
fn while_most_drivers_answer_central_goes_on_and_the_edge_adopts_nothing() {
    let mut world = with_a_waiting_booking();
    world.pass_joined_ms(30_000, &[1, 2], &[]);
    world.pass_cut_ms(40_000, &[1, 2], &[]);
    assert_eq!(world.mode(CENTRAL), Mode::Degraded);
    assert!(!is_frozen(&world, 12));
    finish_trips(&mut world, CENTRAL);
    world.pass_cut_ms(2_000, &[1, 2], &[]);
    assert!(offered(&mut world, CENTRAL).is_some());
    assert_eq!(world.owner(EDGE, 12), CENTRAL);
}

#[test]
fn an_isolated_central_ends_nothing_that_the_edge_serves() {
    let mut world = with_a_waiting_booking();
    world.pass_cut_ms(25_000, &[], &[1, 2]);
    world.attach_again(EDGE, 1, 2);
    world.attach_again(EDGE, 2, 2);
    finish_trips(&mut world, EDGE);
    world.pass_cut_ms(8_000, &[], &[1, 2]);
    let (shift, offer) = offered(&mut world, EDGE).expect("the edge plans what it adopted");
    assert_eq!(offer.booking, World::booking(12));
    world.accept(EDGE, shift, &offer).unwrap();
    world.pass_cut_ms(31 * 60_000, &[], &[1, 2]);
    assert_eq!(world.status(CENTRAL, 12), Status::Open, "half an hour is not reason enough");
    // Its rider was asked after two minutes and has not answered for half an hour: that ends it, for central.
    world.pass_cut_ms(2 * 60_000, &[], &[1, 2]);
    assert_eq!(world.status(CENTRAL, 12), Status::Cancelled);
    world.pass_joined_ms(40_000, &[], &[1, 2]);
    assert_eq!((world.mode(CENTRAL), world.mode(EDGE)), (Mode::Normal, Mode::Normal));
    assert_eq!((world.status(CENTRAL, 12), world.status(EDGE, 12)), (Status::Assigned, Status::Assigned));
    assert_eq!(world.hash(CENTRAL), world.hash(EDGE));
    // The rider may still end it.
    world.cancel(CENTRAL, 12).unwrap();
    assert_eq!(world.status(CENTRAL, 12), Status::Cancelled);
    assert_eq!(world.record(CENTRAL, 12).cancel.unwrap().by, Party::Rider);
}

#[test]
fn a_rider_who_cancels_what_a_machine_had_ended_is_heard() {
    let mut world = World::without_edge();
    world.book(CENTRAL, 10).unwrap();
    world.pass_ms(CENTRAL, 31 * 60_000, &[]);
    assert_eq!(world.record(CENTRAL, 10).cancel.unwrap().by, Party::System);
    world.cancel(CENTRAL, 10).unwrap();
    assert_eq!(world.record(CENTRAL, 10).cancel.unwrap().by, Party::Rider);
}

#[test]
fn bookings_of_a_dead_edge_go_on_when_their_riders_ask_or_an_operator_takes_them() {
    let mut world = with_a_waiting_booking();
    world.pass_cut_ms(25_000, &[], &[1, 2]);
    for number in [20, 21] {
        world.book(EDGE, number).unwrap();
    }
    // Central hears of it once; then the edge is gone for good.
    world.sync();
    assert_eq!(world.owner(CENTRAL, 20), EDGE);
    world.attach_again(CENTRAL, 1, 2);
    world.attach_again(CENTRAL, 2, 2);
    finish_trips(&mut world, CENTRAL);
    world.pass_ms(CENTRAL, 100_000, &[1, 2]);
    assert!(offered(&mut world, CENTRAL).is_none());
    world.pass_ms(CENTRAL, 25_000, &[1, 2]);
    assert_eq!(asked_riders(&world, CENTRAL), [12, 20, 21]);
    world.command(CENTRAL, Command::Keep { booking: World::booking(20) }).unwrap();
    world.pass_ms(CENTRAL, 2_000, &[1, 2]);
    let (shift, offer) = offered(&mut world, CENTRAL).expect("central plans it now");
    assert_eq!(offer.booking, World::booking(20));
    world.accept(CENTRAL, shift, &offer).unwrap();
    assert_eq!(world.owner(CENTRAL, 21), EDGE);
    world.command(CENTRAL, Command::TakeDistrict { district: World::district() }).unwrap();
    assert_eq!((world.owner(CENTRAL, 21), is_frozen(&world, 12)), (CENTRAL.to_owned(), false));
    world.pass_ms(CENTRAL, 2_000, &[1, 2]);
    assert!(offered(&mut world, CENTRAL).is_some());
}

#[test]
fn nobody_answers_and_nobody_serves_so_the_booking_ends() {
    let mut world = with_a_waiting_booking();
    world.pass_cut_ms(25_000, &[], &[1, 2]);
    world.book(EDGE, 20).unwrap();
    world.sync();
    world.pass_ms(CENTRAL, 33 * 60_000, &[]);
    assert_eq!(world.status(CENTRAL, 20), Status::Cancelled);
}

#[test]
fn a_booking_handed_to_a_dead_edge_for_one_driver_comes_back() {
    let mut world = World::with_edge();
    world.settle();
    world.attach(CENTRAL, 1);
    world.pass_joined_ms(30_000, &[1], &[]);
    world.book(CENTRAL, 10).unwrap();
    let offer = world.offer_for(CENTRAL, 1).unwrap();
    world.accept(CENTRAL, 1, &offer).unwrap();
    world.home(EDGE, 50, 1, HomeWish::On { stand: Some("7".parse().unwrap()) }).unwrap();
    world.pass_joined_ms(5_000, &[1], &[]);
    world.book(CENTRAL, 11).unwrap();
    assert_eq!(world.owner(CENTRAL, 11), EDGE);
    world.pass_ms(CENTRAL, 90_000, &[1]);
    assert_eq!(world.owner(CENTRAL, 11), EDGE);
    world.pass_ms(CENTRAL, 60_000, &[1]);
    assert_eq!(world.owner(CENTRAL, 11), CENTRAL);
}

#[test]
fn an_edge_out_of_touch_gives_back_what_it_was_handed_for_one_driver() {
    let mut world = World::with_edge();
    world.settle();
    world.home(EDGE, 50, 1, HomeWish::On { stand: Some("7".parse().unwrap()) }).unwrap();
    world.pass_joined_ms(5_000, &[], &[]);
    world.book(CENTRAL, 10).unwrap();
    world.sync();
    world.pass_ms(EDGE, 3_000, &[]);
    assert_eq!((world.owner(EDGE, 10).as_str(), world.status(EDGE, 10)), (EDGE, Status::Offered));
    world.pass_ms(EDGE, 20_000, &[]);
    assert_eq!((world.owner(EDGE, 10).as_str(), world.status(EDGE, 10)), (CENTRAL, Status::Open));
}

#[test]
fn a_takeover_by_silence_adopts_once_witnesses_agree_or_an_operator_says_so() {
    for by_hand in [false, true] {
        let mut world = with_a_waiting_booking();
        world.pass_ms(EDGE, 50_000, &[]);
        assert_eq!(world.node(EDGE).mode(&World::district()).unwrap().reason, ModeReason::Silence);
        assert_eq!(world.owner(EDGE, 12), CENTRAL);
        if by_hand {
            world.command(EDGE, Command::TakeDistrict { district: World::district() }).unwrap();
        } else {
            world.pass_cut_off_ms(EDGE, 14_000, &[1, 2]);
        }
        assert_eq!(world.owner(EDGE, 12), EDGE, "by hand: {by_hand}");
        let view = world.node(EDGE).mode(&World::district()).unwrap();
        let reason = if by_hand { ModeReason::ByHand } else { ModeReason::Witnesses };
        assert_eq!((view.reason, view.epoch.edge_term), (reason, 2));
    }
}

#[test]
fn two_witnesses_of_many_drivers_take_the_district_but_not_centrals_bookings() {
    let mut world = with_a_waiting_booking();
    for shift in [3, 4, 5] {
        world.attach(CENTRAL, shift);
    }
    world.pass_joined_ms(6_000, &[1, 2, 3, 4, 5], &[]);
    world.pass_cut_ms(25_000, &[3, 4, 5], &[1, 2]);
    assert_eq!(world.mode(EDGE), Mode::Degraded);
    assert_eq!(world.owner(EDGE, 12), CENTRAL, "three of five drivers still answer central");
}

#[test]
fn a_civil_clock_that_is_put_right_ends_no_booking() {
    for step_ms in [-40 * 60_000, 40 * 60_000] {
        let mut world = World::without_edge();
        world.book(CENTRAL, 10).unwrap();
        world.pass_ms(CENTRAL, 2_000, &[]);
        world.step_clocks(step_ms);
        world.pass_ms(CENTRAL, 29 * 60_000, &[]);
        assert_eq!(world.status(CENTRAL, 10), Status::Open, "stepped by {step_ms} ms");
        world.pass_ms(CENTRAL, 2 * 60_000, &[]);
        assert_eq!(world.status(CENTRAL, 10), Status::Cancelled, "stepped by {step_ms} ms");
    }
}

#[test]
fn central_asks_riders_by_text_although_the_edge_tells_them_otherwise() {
    let mut world = with_a_waiting_booking();
    world.book_by(CENTRAL, 14, Door::Sms, Some(EDGE)).unwrap();
    world.pass_joined_ms(6_000, &[1, 2], &[]);
    world.pass_cut_ms(140_000, &[], &[1, 2]);
    assert_eq!(asked_riders(&world, CENTRAL), [12, 14]);
}

#[test]
fn a_driver_who_missed_an_answer_now_and_then_does_not_speak_against_central() {
    let mut world = with_a_waiting_booking();
    world.pass_joined_ms(30_000, &[1, 2], &[]);
    // All beats reach central. Of its answers so many are lost that a driver sometimes does not hear it for a while.
    for _ in 0..4 {
        world.pass_cut_ms(8_000, &[1, 2], &[1, 2]);
        world.pass_ms(EDGE, 0, &[1, 2]);
    }
    assert_eq!(world.node(EDGE).mode(&World::district()).unwrap().reason, ModeReason::Witnesses);
    assert_eq!(world.owner(EDGE, 12), CENTRAL);
    assert!(!is_frozen(&world, 12), "central may have it under way");
    world.pass_cut_ms(13_000, &[], &[1, 2]);
    assert_eq!((world.owner(EDGE, 12).as_str(), world.count(EDGE, "zone_taken")), (EDGE, 1));
    assert!(is_frozen(&world, 12));
}

#[test]
fn a_booking_that_came_back_from_an_unheard_edge_is_frozen_like_the_others() {
    let mut world = World::with_edge();
    world.settle();
    for (shift, number) in [(1, 10), (2, 11)] {
        world.attach(CENTRAL, shift);
        world.book(CENTRAL, number).unwrap();
        let offer = world.offer_for(CENTRAL, shift).unwrap();
        world.accept(CENTRAL, shift, &offer).unwrap();
    }
    world.home(EDGE, 50, 1, HomeWish::On { stand: Some("7".parse().unwrap()) }).unwrap();
    world.pass_joined_ms(30_000, &[1, 2], &[]);
    world.book(CENTRAL, 12).unwrap();
    world.carry(CENTRAL, EDGE);
    assert_eq!(world.status(EDGE, 12), Status::Offered);
    world.pass_cut_ms(150_000, &[1, 2], &[]);
    assert_eq!((world.owner(EDGE, 12).as_str(), world.owner(CENTRAL, 12).as_str()), (CENTRAL, CENTRAL));
    assert!(!is_frozen(&world, 12), "most drivers have answered all along");
    world.pass_cut_ms(20_000, &[], &[1, 2]);
    assert_eq!(world.owner(EDGE, 12), EDGE, "the edge knows it, and that the drivers have left central");
    assert!(is_frozen(&world, 12));
}

#[test]
fn what_a_rider_asked_of_both_sides_is_left_to_central_by_an_edge_that_knows() {
    let mut world = with_a_waiting_booking();
    world.pass_cut_ms(20_000, &[1, 2], &[]);
    world.book(EDGE, 20).unwrap();
    world.book(CENTRAL, 20).unwrap();
    // One way is open, and no lease passes.
    world.carry(CENTRAL, EDGE);
    assert_eq!(world.owner(EDGE, 20), EDGE);
    world.pass_cut_ms(25_000, &[], &[1, 2]);
    assert_eq!(world.owner(EDGE, 12), EDGE, "this one central has frozen");
    assert_eq!((world.owner(EDGE, 20).as_str(), is_frozen(&world, 20)), (CENTRAL, false));
    world.pass_joined_ms(10_000, &[], &[1, 2]);
    assert_eq!((world.owner(CENTRAL, 20).as_str(), world.hash(CENTRAL)), (CENTRAL, world.hash(EDGE)));
}

#[test]
fn however_many_shifts_begin_and_end_in_a_cut_central_counts_the_drivers_whom_the_edge_counts() {
    let mut world = with_a_waiting_booking();
    for number in [6, 7] {
        world.command(CENTRAL, Command::ListDriver(driver(number))).unwrap();
    }
    world.pass_joined_ms(30_000, &[1, 2], &[]);
    world.pass_cut_ms(14_000, &[1, 2], &[]);
    for shift in (3..=6).chain(100..120) {
        world.set_duty(shift, 1, Duty::Paused);
    }
    for shift in 3..=6 {
        world.attach(CENTRAL, shift);
    }
    // The seventh driver comes and goes, and each renewal, of which the edge gets none, tells so.
    for shift in 100..120 {
        world.attach_as(CENTRAL, shift, 7, 1).unwrap();
        world.pass_cut_ms(2_000, &[1, 2, 3, 4, 5, 6, shift], &[]);
        world.report(CENTRAL, shift, Happening::Duty { number: 2, duty: Duty::Ended }).unwrap();
        world.pass_cut_ms(2_000, &[1, 2, 3, 4, 5, 6], &[]);
    }
    assert!(!is_frozen(&world, 12), "all drivers still answer");
    world.pass_cut_ms(25_000, &[3, 4, 5, 6], &[1, 2]);
    assert_eq!(world.owner(EDGE, 12), EDGE, "the edge knows of two drivers, and both are its witnesses");
    assert!(is_frozen(&world, 12), "although most of those who are on duty now answer central");
}

/// Two of five drivers are enough to take the district and not to adopt. What the edge had been handed for one driver it
/// gives back then, and adopts later under the same authority.
#[test]
fn an_edge_adopts_what_it_gave_back_under_the_same_authority() {
    let mut world = World::with_edge();
    world.settle();
    world.home(EDGE, 50, 1, HomeWish::On { stand: Some("7".parse().unwrap()) }).unwrap();
    world.sync();
    for shift in 1..=5 {
        world.set_duty(shift, 1, Duty::Paused);
        world.attach(CENTRAL, shift);
    }
    world.pass_joined_ms(5_000, &[1, 2, 3, 4, 5], &[]);
    world.book(CENTRAL, 10).unwrap();
    world.pass_joined_ms(1_000, &[1, 2, 3, 4, 5], &[]);
    assert_eq!((world.owner(EDGE, 10).as_str(), world.status(EDGE, 10)), (EDGE, Status::Offered));
    world.pass_cut_ms(20_000, &[3, 4, 5], &[1, 2]);
    let (owner, _) = world.record(EDGE, 10).owner.unwrap();
    let taken = world.node(EDGE).mode(&World::district()).unwrap().epoch;
    assert_eq!((owner.node.as_str(), owner.epoch, owner.version), (CENTRAL, taken, 0));
    world.pass_cut_ms(30_000, &[], &[1, 2, 3, 4, 5]);
    let (owner, _) = world.record(EDGE, 10).owner.unwrap();
    assert_eq!((owner.node.as_str(), owner.epoch), (EDGE, taken));
    assert_eq!(owner.version, 1, "it stands over what was given back, whatever the nodes are called");
    assert!(is_frozen(&world, 10));
}

#[test]
fn a_link_that_comes_and_goes_does_not_carry_the_district_to_and_fro() {
    let mut world = with_a_waiting_booking();
    world.pass_joined_ms(6_000, &[1, 2], &[]);
    let reason = |world: &World| world.node(CENTRAL).mode(&World::district()).unwrap().reason;
    world.pass_cut_ms(30_000, &[], &[1, 2]);
    world.pass_joined_ms(60_000, &[], &[1, 2]);
    assert_eq!((world.count(EDGE, "zone_taken"), world.mode(CENTRAL)), (1, Mode::Normal), "at once");
    // Every time the link is up for a moment, the edge keeps the district and goes on serving.
    world.pass_cut_ms(30_000, &[], &[1, 2]);
    for number in 20..24 {
        world.pass_joined_ms(40_000, &[], &[1, 2]);
        assert_eq!((world.mode(EDGE), reason(&world)), (Mode::Degraded, ModeReason::Unsteady));
        world.book(EDGE, number).unwrap();
        assert_eq!(world.owner(EDGE, number), EDGE);
        world.pass_cut_ms(30_000, &[], &[1, 2]);
    }
    assert_eq!((world.count(EDGE, "zone_taken"), world.count(EDGE, "zone_returned")), (2, 1));
    world.pass_joined_ms(90_000, &[], &[1, 2]);
    assert_eq!((world.mode(CENTRAL), world.mode(EDGE)), (Mode::Normal, Mode::Normal));
    assert_eq!(world.count(EDGE, "zone_returned"), 2);
}

#[test]
fn a_restart_of_seconds_asks_nobody_who_still_waits() {
    let mut world = World::without_edge();
    world.book_deferred(CENTRAL, 10, None).unwrap();
    world.step_clocks(16 * 60_000);
    world.book_deferred(CENTRAL, 11, None).unwrap();
    world.step_clocks(5_000);
    world.restart(CENTRAL);
    world.attach(CENTRAL, 1);
    world.attach(CENTRAL, 2);
    world.pass_ms(CENTRAL, 3_000, &[1, 2]);
    for waiting in [10, 11] {
        assert_eq!(world.status(CENTRAL, waiting), Status::Offered);
    }
}

#[test]
fn what_waited_while_the_node_was_down_is_planned_once_its_rider_still_wants_it() {
    let asked = |world: &World, number| {
        let to = Recipient::Rider { booking: World::booking(number) };
        let is_it = |text: &NoticeText| matches!(text, NoticeText::StillWanted { .. });
        world.notices(CENTRAL).iter().filter(|notice| notice.to == to && is_it(&notice.text)).count()
    };
    let mut world = World::without_edge();
    world.book_deferred(CENTRAL, 10, None).unwrap();
    world.book_deferred(CENTRAL, 11, None).unwrap();
    // The process is down for an hour.
    world.step_clocks(3_600_000);
    world.restart(CENTRAL);
    world.book_deferred(CENTRAL, 12, None).unwrap();
    world.attach(CENTRAL, 1);
    world.attach(CENTRAL, 2);
    world.pass_ms(CENTRAL, 3_000, &[1, 2]);
    assert_eq!(world.status(CENTRAL, 12), Status::Offered, "who wants a taxi now is served");
    for old in [10, 11] {
        assert_eq!(world.status(CENTRAL, old), Status::Open, "and nobody is sent to who may have gone");
        assert_eq!(asked(&world, old), 1);
    }
    world.command(CENTRAL, Command::Keep { booking: World::booking(10) }).unwrap();
    world.pass_ms(CENTRAL, 2_000, &[1, 2]);
    assert_eq!(world.status(CENTRAL, 10), Status::Offered);
    // Who does not answer is not waited for for ever.
    world.pass_ms(CENTRAL, 1_900_000, &[1, 2]);
    assert_eq!(world.status(CENTRAL, 11), Status::Cancelled);
    assert_eq!(asked(&world, 11), 1, "and asked once");
}

/// The edge's driver, who is nearer, said yes and gave the booking back before anybody heard of it.
#[test]
fn a_yes_that_a_page_takes_back_calls_nobody_off() {
    let mut world = World::with_edge();
    world.settle();
    world.home(EDGE, 50, 1, HomeWish::On { stand: Some("7".parse().unwrap()) }).unwrap();
    world.attach_at(CENTRAL, 1, 0.06);
    world.pass_joined_ms(5_000, &[1], &[]);
    world.pass_cut_ms(25_000, &[1], &[]);
    world.command(EDGE, Command::TakeDistrict { district: World::district() }).unwrap();
    world.pass_cut_ms(25_000, &[1], &[]);
    world.book(CENTRAL, 10).unwrap();
    let far = world.offer_for(CENTRAL, 1).expect("central has driver 1");
    world.accept(CENTRAL, 1, &far).unwrap();
    world.book(EDGE, 10).unwrap();
    world.pass_cut_ms(3_000, &[1], &[]);
    let letter = world.record(EDGE, 10).assignments.keys().next().expect("the edge has driver 50").letter();
    world.home(EDGE, 50, 2, HomeWish::Accept { letter }).unwrap();
    world.home(EDGE, 50, 3, HomeWish::Problem).unwrap();
    world.pass_cut_ms(1_000, &[1], &[]);
    let near = world.record(EDGE, 10).assignments.keys().next().unwrap().clone();
    world.carry(EDGE, CENTRAL);
    let record = world.record(CENTRAL, 10);
    assert!(record.assignments[&near].assigned_at.is_some() && record.assignments[&near].eta_s() < far.eta_s);
    assert_eq!(record.standing().map(|(id, _)| id), Some(&far.assignment));
    assert_eq!(world.revoked(CENTRAL), []);
}

#[test]
fn a_question_of_a_clock_that_was_far_ahead_keeps_its_rider_waiting_no_longer_than_another() {
    let mut world = World::without_edge();
    world.attach(CENTRAL, 1);
    world.step_clocks(40 * 60_000);
    world.book(CENTRAL, 10).unwrap();
    assert!(world.offer_for(CENTRAL, 1).is_some());
    world.step_clocks(-40 * 60_000);
    world.restart(CENTRAL);
    world.attach(CENTRAL, 2);
    world.pass_ms(CENTRAL, 3_000, &[2]);
    assert!(world.offer_for(CENTRAL, 2).is_some());
}
