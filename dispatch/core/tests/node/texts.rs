//! Stories of what riders are told by text: by which node, and how old the news may be.

use ondol_core::booking::{Door, Status};
use ondol_core::command::{Notice, NoticeText, Recipient};
use ondol_core::fact::{PinCheck, Step};

use crate::world::{CENTRAL, EDGE, World};

const MINUTE_MS: u64 = 60_000;

/// A driver attached to central, and the edge in touch, whose text process tells riders.
fn at_peace() -> World {
    let mut world = World::with_edge();
    world.settle();
    world.attach(CENTRAL, 1);
    world.pass_joined_ms(2_000, &[1], &[]);
    world
}

/// Books by text, and lets the driver say yes at central.
fn assign(world: &mut World, number: u128) {
    world.book_by(CENTRAL, number, Door::Sms, Some(EDGE)).unwrap();
    world.pass_ms(CENTRAL, 2_000, &[1]);
    let offer = world.offer_for(CENTRAL, 1).expect("the driver is free");
    world.accept(CENTRAL, 1, &offer).unwrap();
    assert_eq!(world.status(CENTRAL, number), Status::Assigned);
}

fn told<'a>(world: &'a World, name: &str, number: u128) -> Vec<&'a Notice> {
    let to = Recipient::Rider { booking: World::booking(number) };
    world.notices(name).iter().filter(|notice| notice.to == to).collect()
}

fn minutes(notice: &Notice) -> u32 {
    match &notice.text {
        NoticeText::TaxiAssigned { minutes, .. } => *minutes,
        other => panic!("{other:?}"),
    }
}

/// How long a notice lives from now at the edge on.
fn lives_ms(world: &World, notice: &Notice) -> i64 {
    notice.expires_at.since_ms(world.civil(EDGE))
}

#[test]
fn an_edge_that_was_down_for_hours_tells_no_old_news() {
    let mut world = at_peace();
    world.pass_without_edge_ms(MINUTE_MS, &[1]);
    assign(&mut world, 10);
    world.pass_without_edge_ms(180 * MINUTE_MS, &[1]);
    world.pass_joined_ms(10_000, &[1], &[]);
    assert_eq!(world.status(EDGE, 10), Status::Assigned);
    assert!(told(&world, EDGE, 10).is_empty(), "three hours ago");
    // What happens from now on is told.
    let record = world.record(CENTRAL, 10);
    let offer = world.offer_like(&record, record.standing().unwrap().0);
    world.step(CENTRAL, 1, &offer, Step::Arrived).unwrap();
    world.sync();
    assert!(matches!(told(&world, EDGE, 10)[..], [Notice { text: NoticeText::TaxiArrived { .. }, .. }]));
}

#[test]
fn news_that_was_held_up_by_a_cut_is_as_old_as_it_is() {
    let mut world = at_peace();
    let whole_life_ms = 20 * 60_000;
    assign(&mut world, 10);
    world.sync();
    let first = minutes(told(&world, EDGE, 10)[0]);
    assert_eq!(lives_ms(&world, told(&world, EDGE, 10)[0]), whole_life_ms);
    let mut world = at_peace();
    world.pass_cut_ms(30_000, &[1], &[]);
    assign(&mut world, 10);
    world.pass_cut_ms(3 * MINUTE_MS, &[1], &[]);
    world.sync();
    let late = told(&world, EDGE, 10)[0];
    assert!((whole_life_ms - 190_000..whole_life_ms - 170_000).contains(&lives_ms(&world, late)));
    assert_eq!(minutes(late), first.saturating_sub(3), "three minutes have passed");
}

#[test]
fn of_what_a_cut_held_up_only_what_has_become_of_it_is_told() {
    let mut world = at_peace();
    world.pass_cut_ms(30_000, &[1], &[]);
    assign(&mut world, 10);
    let record = world.record(CENTRAL, 10);
    let offer = world.offer_like(&record, record.standing().unwrap().0);
    world.step(CENTRAL, 1, &offer, Step::Arrived).unwrap();
    world.step(CENTRAL, 1, &offer, Step::Boarded { pin: PinCheck::Verified }).unwrap();
    world.pass_cut_ms(MINUTE_MS, &[1], &[]);
    world.pass_joined_ms(5_000, &[1], &[]);
    assert_eq!(world.status(EDGE, 10), Status::Boarded);
    assert!(told(&world, EDGE, 10).is_empty(), "the rider sits in the taxi");
}

#[test]
fn a_wrong_clock_silences_no_node_that_is_connected() {
    for error_ms in [-5 * 3_600_000, 5 * 3_600_000] {
        let mut world = at_peace();
        world.step_edge_clock(error_ms);
        assign(&mut world, 10);
        world.sync();
        let notices = told(&world, EDGE, 10);
        assert_eq!(notices.len(), 1, "the edge's clock is wrong by {error_ms} ms");
        assert!(lives_ms(&world, notices[0]) > 19 * 60_000, "the edge's clock is wrong by {error_ms} ms");
    }
}

#[test]
fn central_tells_the_rider_while_it_does_not_hear_the_edge() {
    let mut world = at_peace();
    assign(&mut world, 10);
    world.sync();
    assert_eq!((told(&world, CENTRAL, 10).len(), told(&world, EDGE, 10).len()), (0, 1));
    let record = world.record(CENTRAL, 10);
    let offer = world.offer_like(&record, record.standing().unwrap().0);
    world.pass_cut_ms(30_000, &[1], &[]);
    world.step(CENTRAL, 1, &offer, Step::Arrived).unwrap();
    let id = told(&world, CENTRAL, 10)[0].id.clone();
    // A text process that reads both outboxes knows it by its id.
    world.pass_joined_ms(5_000, &[1], &[]);
    assert_eq!(told(&world, EDGE, 10)[1].id, id);
}
