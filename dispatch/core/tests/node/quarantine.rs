//! Goal: one series that does not go in holds up neither the others nor, once staff has decided, the heal; and central
//! never takes a district back over entries that it lacks without that decision.
//!
//! Method: an edge that took its district over tells central a series in which one entry was spoilt on the way.

use ondol_core::booking::{Payment, Status};
use ondol_core::command::{Answer, Command, Refusal};
use ondol_core::fact::{Fare, PinCheck, Step};
use ondol_core::journal::{Entry, Head, Lane, Series};
use ondol_core::node::{Mode, Poison};
use ondol_core::units::Money;

use crate::world::{CENTRAL, EDGE, World};

/// The first booking that the edge took in while it was cut off, and everything after it.
fn from_the_booking(entries: &[Entry]) -> usize {
    let is_it = |entry: &Entry| entry.series.origin.as_str() == EDGE && entry.kind == "booking_accepted";
    entries.iter().position(is_it).expect("the edge took in a booking")
}

/// Somebody changed an entry on the edge's disk.
fn broken(mut entries: Vec<Entry>) -> Vec<Entry> {
    let at = from_the_booking(&entries);
    entries[at].payload.push(' ');
    entries
}

/// The edge wrote an entry that central cannot read; its chain is whole.
fn unreadable(entries: Vec<Entry>) -> Vec<Entry> {
    first_bookings_unreadable(entries, 1)
}

/// So it did with both of its first bookings.
fn both_unreadable(entries: Vec<Entry>) -> Vec<Entry> {
    first_bookings_unreadable(entries, 2)
}

/// What came after both nodes were level again does not get through.
fn nothing_later(entries: Vec<Entry>) -> Vec<Entry> {
    let mut entries = unreadable(entries);
    let adopted =
        |entry: &Entry| entry.kind == "booking_owned" && entry.key == World::booking(30).to_string();
    let from = entries.iter().position(adopted).unwrap_or(entries.len());
    let series = entries[from_the_booking(&entries)].series.clone();
    let mut at = 0;
    entries.retain(|entry| {
        at += 1;
        at <= from || entry.series != series
    });
    entries
}

fn first_bookings_unreadable(mut entries: Vec<Entry>, count: usize) -> Vec<Entry> {
    let at = from_the_booking(&entries);
    let series = entries[at].series.clone();
    let is_booking = |entry: &&mut Entry| entry.series == series && entry.kind == "booking_accepted";
    for entry in entries.iter_mut().filter(is_booking).take(count) {
        entry.payload = "{}".into();
    }
    let mut head = None::<Head>;
    for entry in entries[at..].iter_mut().filter(|entry| entry.series == series) {
        entry.prev_hash = head.map_or(entry.prev_hash, |head| head.hash);
        entry.hash = entry.compute_hash();
        head = Some(entry.as_head());
    }
    entries
}

/// The edge has taken the district over, has taken in bookings 20 and 21, and hears central again.
fn healing_with(spoil: fn(Vec<Entry>) -> Vec<Entry>) -> World {
    let mut world = World::with_edge();
    world.settle();
    world.attach(CENTRAL, 1);
    world.attach(CENTRAL, 2);
    world.sync();
    world.pass_cut_ms(25_000, &[], &[1, 2]);
    assert_eq!(world.mode(EDGE), Mode::Degraded);
    world.book(EDGE, 20).unwrap();
    world.book(EDGE, 21).unwrap();
    world.spoil = Some(spoil);
    world.pass_joined_ms(40_000, &[], &[]);
    world
}

fn stuck(world: &World) -> Vec<(Series, u64, Poison)> {
    let district = World::district();
    let stuck = world.node(CENTRAL).stuck(&district);
    stuck.map(|(series, stuck)| (series.clone(), stuck.seq, stuck.why)).collect()
}

fn set_aside(world: &mut World, series: &Series) -> Result<Answer, Refusal> {
    world.command(CENTRAL, Command::SetAside { series: series.clone() })
}

fn deferred(amount: i64) -> Fare {
    let (amount, payment) = (Money(amount), Payment::Deferred);
    Fare { revision: 0, amount, distance_m: 4_000, duration_s: 600, payment }
}

fn modes(world: &World) -> (Mode, Mode) {
    (world.mode(CENTRAL), world.mode(EDGE))
}

#[test]
fn the_heal_waits_for_what_is_unknown_and_staff_sees_why() {
    for (spoil, why) in [(broken as fn(_) -> _, Poison::Broken), (unreadable, Poison::Unreadable)] {
        let world = healing_with(spoil);
        assert_eq!(
            modes(&world),
            (Mode::Healing, Mode::Degraded),
            "authority does not return over unknown entries"
        );
        let known = stuck(&world);
        assert_eq!(known.len(), 1);
        let (series, seq, reason) = &known[0];
        assert_eq!((series.origin.as_str(), series.lane, *reason), (EDGE, Lane::Bookings, why));
        assert!(*seq > 1, "what came before went in");
        let holds = world.node(CENTRAL).board().district(&World::district()).unwrap().authority.edge_holds();
        assert!(holds, "the other series went in: central knows who holds the district");
    }
}

#[test]
fn an_unreadable_entry_is_passed_over_and_the_rest_of_its_series_goes_in() {
    let mut world = healing_with(unreadable);
    let (series, seq, _) = stuck(&world).remove(0);
    let other = Series { incarnation: 99, ..series.clone() };
    assert_eq!(set_aside(&mut world, &other), Err(Refusal::UnknownSeries));
    assert_eq!(world.command(EDGE, Command::SetAside { series: series.clone() }), Err(Refusal::OtherNode));
    set_aside(&mut world, &series).unwrap();
    let entries = world.entries(CENTRAL);
    set_aside(&mut world, &series).unwrap();
    assert_eq!(world.entries(CENTRAL), entries, "decided twice is decided once");
    world.pass_joined_ms(40_000, &[], &[]);
    assert_eq!(modes(&world), (Mode::Normal, Mode::Normal));
    assert_eq!(stuck(&world), [], "the series goes on");
    let board = world.node(CENTRAL).board();
    assert!(board.head(&series).seq > seq && board.unknown_kinds() == 1);
    assert_eq!(world.status(CENTRAL, 21), Status::Open, "the booking behind it is known");
    // The decision and what was passed over outlive a restart.
    let hash = world.hash(CENTRAL);
    world.restart(CENTRAL);
    assert_eq!(world.hash(CENTRAL), hash);
    assert!(world.node(CENTRAL).board().is_set_aside(&series, seq));
}

#[test]
fn a_broken_series_is_set_aside_once_its_writer_writes_another() {
    let mut world = healing_with(broken);
    let (series, ..) = stuck(&world).remove(0);
    assert_eq!(set_aside(&mut world, &series), Err(Refusal::StillWritten));
    world.restart(EDGE);
    world.book(EDGE, 22).unwrap();
    world.pass_joined_ms(10_000, &[], &[]);
    assert_eq!(modes(&world), (Mode::Healing, Mode::Degraded));
    set_aside(&mut world, &series).unwrap();
    world.pass_joined_ms(40_000, &[], &[]);
    assert_eq!(modes(&world), (Mode::Normal, Mode::Normal));
    assert_eq!(world.status(CENTRAL, 22), Status::Open);
    assert_eq!(stuck(&world).len(), 1, "and staff still sees that it lacks something");
    // What the disk of the edge gives back once it is mended goes in.
    world.spoil = None;
    world.sync();
    assert_eq!((stuck(&world).len(), world.status(CENTRAL, 20)), (0, Status::Open));
    assert_eq!(world.hash(CENTRAL), world.hash(EDGE));
}

#[test]
fn a_later_entry_that_cannot_be_read_is_another_decision() {
    let mut world = healing_with(both_unreadable);
    let (series, first, _) = stuck(&world).remove(0);
    set_aside(&mut world, &series).unwrap();
    world.pass_joined_ms(40_000, &[], &[]);
    let second = stuck(&world).first().map(|(series, seq, why)| (series.clone(), *seq, *why));
    let (_, seq, why) = second.expect("staff is told of the other one");
    assert!(seq > first && why == Poison::Unreadable);
    assert_eq!(modes(&world), (Mode::Healing, Mode::Degraded), "and the return waits for it");
    set_aside(&mut world, &series).unwrap();
    world.pass_joined_ms(40_000, &[], &[]);
    assert_eq!((stuck(&world).len(), modes(&world)), (0, (Mode::Normal, Mode::Normal)));
    assert_eq!(world.node(CENTRAL).board().unknown_kinds(), 2);
}

/// The same life of the edge takes the district once more and adopts booking 30 in the series that was set aside.
#[test]
fn central_does_not_hold_the_district_before_it_knows_what_follows_in_a_series_set_aside() {
    let mut world = healing_with(unreadable);
    let (series, ..) = stuck(&world).remove(0);
    set_aside(&mut world, &series).unwrap();
    world.pass_joined_ms(40_000, &[], &[]);
    for number in [31, 32] {
        world.book(CENTRAL, number).unwrap();
    }
    world.book(CENTRAL, 30).unwrap();
    world.pass_joined_ms(6_000, &[], &[]);
    world.pass_cut_ms(25_000, &[], &[1, 2]);
    assert_eq!((world.owner(EDGE, 30).as_str(), world.owner(CENTRAL, 30).as_str()), (EDGE, CENTRAL));
    world.spoil = Some(nothing_later);
    // Longer than a link must hold after a second takeover.
    world.pass_joined_ms(90_000, &[], &[]);
    assert_eq!(world.owner(CENTRAL, 30), CENTRAL, "the adoption is still on its way");
    assert_eq!(modes(&world), (Mode::Healing, Mode::Degraded));
    world.spoil = Some(unreadable);
    world.pass_joined_ms(60_000, &[], &[]);
    assert_eq!(modes(&world), (Mode::Normal, Mode::Normal));
}

/// An edge whose store does not take the roster of central's first life knows no bans, whatever staff decides.
#[test]
fn a_roster_that_was_set_aside_does_not_count_as_fresh() {
    let mut world = World::with_edge();
    world.restart(CENTRAL);
    world.book(CENTRAL, 10).unwrap();
    let roster = Series {
        origin: CENTRAL.parse().unwrap(),
        incarnation: 1,
        district: World::district(),
        lane: Lane::Roster,
    };
    assert_eq!(set_aside(&mut world, &roster), Err(Refusal::NotStuck), "the edge has not been asked yet");
    world.pass_ms(CENTRAL, 1_000, &[]);
    world.pass_ms(EDGE, 0, &[]);
    world.renew_once();
    set_aside(&mut world, &roster).unwrap();
    world.carry_but(CENTRAL, EDGE, Lane::Roster);
    let (central, edge) = (world.node(CENTRAL), world.node(EDGE));
    let (here, there) = (edge.board().heads(), central.board().heads());
    assert!(edge.board().covers(here, there, &World::district()), "the return does not wait for it");
    assert_eq!(edge.level_with_ms(&central.config().id, world.now(EDGE)), None);
    world.sync();
    let (central, edge) = (world.node(CENTRAL), world.node(EDGE));
    assert_eq!(edge.level_with_ms(&central.config().id, world.now(EDGE)), Some(0));
}

/// An edge that was given another name writes nothing any more under the old one.
#[test]
fn a_broken_series_of_a_node_that_is_gone_is_set_aside() {
    let mut world = healing_with(broken);
    let gone = Series { origin: "edge-of-old".parse().unwrap(), ..stuck(&world).remove(0).0 };
    world.left_out(CENTRAL, gone.clone(), Poison::Broken);
    set_aside(&mut world, &gone).unwrap();
    assert!(world.node(CENTRAL).board().is_set_aside(&gone, 1));
}

#[test]
fn made_up_series_hide_no_series_of_the_districts_own_nodes() {
    let mut world = World::with_edge();
    let series = |origin: &str, incarnation, district| Series {
        origin: origin.parse().unwrap(),
        incarnation,
        district,
        lane: Lane::Bookings,
    };
    for life in 1..=300 {
        let elsewhere = series(EDGE, life, "south".parse().unwrap());
        world.left_out(CENTRAL, elsewhere, Poison::NotAllowed);
        world.left_out(CENTRAL, series("nobody", life, World::district()), Poison::NotAllowed);
    }
    assert_eq!(stuck(&world).len(), 256, "and none of a district that is not served here");
    assert_eq!(world.node(CENTRAL).stuck(&"south".parse().unwrap()).count(), 0);
    let own = series(EDGE, 1, World::district());
    world.left_out(CENTRAL, own.clone(), Poison::Broken);
    assert!(stuck(&world).contains(&(own, 1, Poison::Broken)));
    assert_eq!(stuck(&world).len(), 256);
}

/// Central runs on an old copy of its store that lacks a charge, and its own past cannot be taken for its own.
#[test]
fn what_central_has_lost_of_its_own_is_taken_back_and_not_set_aside() {
    let mut world = World::with_edge();
    world.settle();
    world.attach(CENTRAL, 1);
    world.book_deferred(CENTRAL, 10, Some(7_000)).unwrap();
    let before = world.entries(CENTRAL);
    let offer = world.offer_for(CENTRAL, 1).unwrap();
    world.accept(CENTRAL, 1, &offer).unwrap();
    for what in [Step::Boarded { pin: PinCheck::Verified }, Step::Done { fare: deferred(7_700) }] {
        world.step(CENTRAL, 1, &offer, what).unwrap();
    }
    assert_eq!(world.count(CENTRAL, "charged"), 1);
    world.sync();
    world.restore(CENTRAL, before);
    let own =
        |lane| Series { origin: CENTRAL.parse().unwrap(), incarnation: 1, district: World::district(), lane };
    for lane in [Lane::Bookings, Lane::Safety] {
        world.left_out(CENTRAL, own(lane), Poison::OwnPast);
        assert_eq!(set_aside(&mut world, &own(lane)), Err(Refusal::OwnPast), "{lane:?}");
    }
    // The next start of central forgets what it refused, and the edge still holds more.
    world.restart(CENTRAL);
    world.pass_ms(CENTRAL, 1_000, &[]);
    world.pass_ms(EDGE, 0, &[]);
    world.renew_once();
    assert_eq!(set_aside(&mut world, &own(Lane::Bookings)), Err(Refusal::OwnPast));
    // Its past comes back, with what it has charged.
    world.pass_joined_ms(40_000, &[], &[]);
    assert_eq!((world.mode(CENTRAL), world.count(CENTRAL, "charged")), (Mode::Normal, 1));
}
