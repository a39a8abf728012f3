//! Goal: an edge that has heard nothing of central's bans for an hour lets drivers begin shifts once an operator there
//! answers for it, for a bounded time, and never whom it knows to be barred.

use ondol_core::command::{Answer, Command, Refusal, WAIVE_MAX_MS};
use ondol_core::ids::{DistrictId, DriverId};

use crate::world::{CENTRAL, EDGE, World};

fn waive(world: &mut World, name: &str, district: DistrictId, for_ms: u64) -> Result<Answer, Refusal> {
    world.command(name, Command::WaiveBans { district, for_ms })
}

fn waived(world: &World) -> bool {
    world.node(EDGE).bans_waived_until(&World::district(), world.now(EDGE)).is_some()
}

/// Driver 4 is barred, and then nothing has passed between the nodes for more than an hour.
fn an_hour_alone() -> World {
    let mut world = World::with_edge();
    world.settle();
    let bar = Command::BarDriver { driver: DriverId::from_number(4), banned: true };
    world.command(CENTRAL, bar).unwrap();
    world.sync();
    world.pass_cut_off_ms(EDGE, 3_602_000, &[]);
    world
}

#[test]
fn an_operator_lets_drivers_begin_for_a_while_although_bans_are_old() {
    let mut world = an_hour_alone();
    assert_eq!(world.attach_as(EDGE, 3, 3, 1), Err(Refusal::RosterTooOld));
    waive(&mut world, EDGE, World::district(), 600_000).unwrap();
    assert_eq!(world.attach_as(EDGE, 3, 3, 1), Ok(()));
    assert_eq!(world.attach_as(EDGE, 4, 4, 1), Err(Refusal::Banned), "who is known to be barred stays so");
    world.pass_cut_off_ms(EDGE, 601_000, &[]);
    assert_eq!(world.attach_as(EDGE, 5, 5, 1), Err(Refusal::RosterTooOld), "the time is over");
    assert_eq!(world.attach_as(EDGE, 3, 3, 2), Ok(()), "who has begun goes on");
}

#[test]
fn it_is_written_down_outlives_a_restart_and_is_taken_back() {
    let mut world = an_hour_alone();
    waive(&mut world, EDGE, World::district(), 600_000).unwrap();
    assert_eq!(world.count(EDGE, "bans_waived"), 1);
    world.restart(EDGE);
    assert!(waived(&world));
    world.sync();
    assert_eq!(world.hash(CENTRAL), world.hash(EDGE), "central knows it as well");
    waive(&mut world, EDGE, World::district(), 0).unwrap();
    assert!(!waived(&world));
}

#[test]
fn only_an_edge_does_so_for_its_district_and_for_a_day_at_most() {
    let mut world = World::with_edge();
    assert_eq!(waive(&mut world, CENTRAL, World::district(), 1), Err(Refusal::OtherNode));
    assert_eq!(waive(&mut world, EDGE, "south".parse().unwrap(), 1), Err(Refusal::OtherDistrict));
    assert_eq!(waive(&mut world, EDGE, World::district(), WAIVE_MAX_MS + 1), Err(Refusal::OutOfRange));
    assert_eq!(waive(&mut world, EDGE, World::district(), WAIVE_MAX_MS), Ok(Answer::Done));
}

#[test]
fn what_was_waived_under_a_clock_a_year_ahead_is_over_once_the_clock_is_right() {
    let mut world = an_hour_alone();
    world.step_edge_clock(365 * 24 * 3_600_000);
    waive(&mut world, EDGE, World::district(), 600_000).unwrap();
    assert!(waived(&world));
    world.step_edge_clock(-365 * 24 * 3_600_000);
    assert!(!waived(&world), "it does not last for a year");
    assert_eq!(world.attach_as(EDGE, 3, 3, 1), Err(Refusal::RosterTooOld));
}
