//! Goal: one series that does not go in holds up neither the others nor, once staff has decided, the heal; and central
//! never takes a district back over entries that it lacks without that decision.
//!
//! Method: an edge that took its district over tells central a series in which one entry was spoilt on the way.

use ondol_core::booking::Status;
use ondol_core::command::{Answer, Command, Refusal};
use ondol_core::journal::{Entry, Head, Lane, Series};
use ondol_core::node::{Mode, Poison};

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
fn unreadable(mut entries: Vec<Entry>) -> Vec<Entry> {
    let at = from_the_booking(&entries);
    let series = entries[at].series.clone();
    entries[at].payload = "{}".into();
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
    assert!(world.node(CENTRAL).board().is_set_aside(&series));
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
