//! Plays a scenario: the same demand with edges, without the outage, with central alone, and by a chat group.

use std::ops::Range;

use ondol_core::node::Mode;

use super::chat;
use super::file::Scenario;
use super::make::Dispatch;
use super::report::{Bookings, DisksLost, Figures, InOutage, Report, SCHEMA, quantile_s};
use crate::faults::clock::Ms;
use crate::faults::model::life::Wish;
use crate::faults::model::{RiderPlace, Town, World};
use crate::faults::schedule::Schedule;

/// How often somebody looks at the nodes' consoles.
const LOOKS_EVERY_MS: Ms = 1_000;
/// After the end everything must have come to rest within this time.
const CONVERGES_WITHIN_MS: Ms = 3_600_000;
/// While it does, operators give back districts that they took, this often.
const GIVE_BACK_EVERY_MS: Ms = 30_000;
/// Letters of what a checker saw.
const TOLD_MAX: usize = 300;
/// What is looked at after the outage.
const AFTER_MS: Ms = 1_800_000;
/// Events of a run; more means that something never comes to rest.
const OPS_MAX: u64 = 200_000_000;

/// Plays a scenario with this seed in all ways.
pub(super) fn play(name: &str, scenario: &Scenario, seed: u64) -> Report {
    let town = |dispatch| scenario.town(seed, dispatch);
    let no_faults = Schedule::default();
    let faults = |town: &Town| scenario.schedule(seed, town);
    let (ondol, without, central) = std::thread::scope(|scope| {
        let ondol = scope.spawn(|| {
            let town = town(Dispatch::Edges);
            let faults = faults(&town);
            run(scenario, seed, town, faults)
        });
        let without = scope.spawn(|| run(scenario, seed, town(Dispatch::Edges), no_faults));
        let central = town(Dispatch::CentralOnly);
        let faults = faults(&central);
        let central = run(scenario, seed, central, faults);
        let done = "a run that panics ends the program";
        (ondol.join().expect(done), without.join().expect(done), central)
    });
    let chat_group = chat::play(scenario, seed);
    let town = town(Dispatch::Edges);
    let mut report = Report {
        schema: SCHEMA,
        name: name.to_owned(),
        title: scenario.title.clone(),
        seed,
        scale: scenario.scale,
        districts: town.districts,
        drivers_with_app: town.app_cars,
        drivers_by_text: town.phones,
        duration_s: scenario.time.duration_s,
        outage_s: [scenario.time.outage_from_s, scenario.time.outage_to_s],
        faults: ondol.1,
        ondol: ondol.0,
        without_outage: without.0,
        central_only: central.0,
        chat_group,
        must: Vec::new(),
    };
    let (usual, usual_after) = (report.without_outage.in_outage, report.without_outage.after);
    for figures in [&mut report.ondol, &mut report.central_only, &mut report.chat_group] {
        figures.in_outage.set_ratio(&usual);
        figures.after.set_ratio(&usual_after);
    }
    report.check(&scenario.must);
    report
}

type Faults = std::collections::BTreeMap<String, u64>;

/// What the consoles showed.
#[derive(Default)]
struct Watch {
    detected_at: Option<Ms>,
    last_abnormal_at: Option<Ms>,
    known_at_edge: Option<f64>,
}

fn run(scenario: &Scenario, seed: u64, town: Town, faults: Schedule) -> (Figures, Faults) {
    let (from, to) = (scenario.time.outage_from_s * 1_000, scenario.time.outage_to_s * 1_000);
    let end = scenario.time.duration_s * 1_000;
    let edges = town.edges();
    let mut world = World::new(seed, town, faults, end, false);
    for edge in edges {
        world.set_carrier(edge, scenario.carrier());
    }
    for (at, edge, command) in scenario.orders(&world.town) {
        world.order_at(at, edge, command);
    }
    let mut watch = Watch::default();
    let mut now = 0;
    let a_minute_later = from + 60_000;
    while now < end && world.checkers.broken.is_none() {
        now = (now + LOOKS_EVERY_MS).min(end);
        step_until(&mut world, now);
        if now >= from && is_abnormal(&world) {
            watch.detected_at.get_or_insert(now);
            watch.last_abnormal_at = Some(now);
        }
        if now < a_minute_later + LOOKS_EVERY_MS && now >= a_minute_later {
            watch.known_at_edge = world.open_known_at_edge(from);
        }
    }
    let converged = settle(&mut world, end);
    (figures(&world, &watch, converged, (from, to)), world.faults())
}

fn step_until(world: &mut World, until: Ms) {
    while world.checkers.broken.is_none() && world.agenda.next_at().is_some_and(|at| at < until) {
        world.step();
        if world.counts.ops > OPS_MAX {
            world.checkers.break_promise("live", format!("more than {OPS_MAX} events"));
        }
    }
}

/// True if a node that runs shows a district in another mode than normal.
fn is_abnormal(world: &World) -> bool {
    let running = world.nodes.iter().filter_map(|place| place.node.as_ref());
    let mut modes = running.flat_map(|node| {
        node.config().districts.keys().filter_map(|district| Some(node.mode(district)?.mode))
    });
    modes.any(|mode| mode != Mode::Normal)
}

/// Nobody asks any more and everything is repaired: all must come to rest.
fn settle(world: &mut World, end: Ms) -> bool {
    if world.checkers.broken.is_some() {
        return false;
    }
    world.heal();
    let mut now = end;
    while let Some(why) = world.unsettled() {
        if world.checkers.broken.is_some() {
            return false;
        }
        if now >= end + CONVERGES_WITHIN_MS {
            world.checkers.break_promise("live", format!("not converged: {why}"));
            return false;
        }
        now += 5_000;
        step_until(world, now);
        if (now - end).is_multiple_of(GIVE_BACK_EVERY_MS) {
            world.operators_settle();
        }
    }
    world.check_settled();
    world.checkers.broken.is_none()
}

fn figures(world: &World, watch: &Watch, converged: bool, (from, to): (Ms, Ms)) -> Figures {
    #[allow(clippy::cast_precision_loss, reason = "days at most")]
    let since = |at: Ms, from: Ms| at.saturating_sub(from) as f64 / 1_000.0;
    let first = |moments: &[Ms]| moments.iter().copied().find(|at| *at >= from);
    let (carried, crowded_out) = world.texts_carried();
    let broken = world.checkers.broken.iter();
    Figures {
        bookings: Some(bookings(world)),
        in_outage: wanted_in(world, from..to),
        after: wanted_in(world, to..to + AFTER_MS),
        known_at_edge: watch.known_at_edge,
        disks_lost: world.has_lost_all().then(|| disks_lost(world)),
        dead_runs: world.counts.dead_runs,
        drivers_doubled: world.checkers.drivers_doubled,
        duplicate_dispatches: world.dispatched_twice(),
        double_charges: world.checkers.double_charges,
        boarded_reassigned: world.checkers.boarded_reassigned,
        detect_s: watch.detected_at.map(|at| since(at, from)),
        takeover_s: first(&world.counts.taken_at).map(|at| since(at, from)),
        first_edge_offer_s: first(&world.counts.edge_offers_at).map(|at| since(at, from)),
        heal_s: watch.last_abnormal_at.map(|at| since(at + LOOKS_EVERY_MS, to)),
        takeovers: world.counts.taken_at.len() as u64,
        asked_home: world.counts.asked_home,
        relayed_served: world.checkers.relays.counts().1,
        texts_carried: carried,
        texts_crowded_out: crowded_out,
        journals_converged: Some(converged),
        violations: broken.map(|(checker, what)| told(checker, what)).collect(),
        state_hash: Some(world.state_hash()),
    }
}

fn disks_lost(world: &World) -> DisksLost {
    let (on_no_phone, shown_again) = world.on_no_phone();
    DisksLost {
        phones: world.phones_brought(),
        trips_back_p95_s: quantile_s(world.trips_back_after(), 95),
        on_no_phone,
        shown_again,
        charged_again: world.checkers.charged_again(),
    }
}

fn bookings(world: &World) -> Bookings {
    let mut bookings = Bookings::default();
    for rider in world.riders.iter().filter(|rider| rider.made) {
        bookings.made += 1;
        bookings.acknowledged += u64::from(rider.acknowledged);
        bookings.served += u64::from(rider.ride.ended_at.is_some());
        bookings.given_up += u64::from(rider.ride.gone_at.is_some());
        bookings.lost += u64::from(world.is_lost(rider));
    }
    bookings
}

/// What became of those who wanted a car in this time.
fn wanted_in(world: &World, time: Range<Ms>) -> InOutage {
    let wishes = world.town.life.iter().flat_map(|life| &life.wishes);
    let asked: Vec<(&Wish, &RiderPlace)> = wishes
        .zip(&world.riders)
        .filter(|(wish, rider)| rider.made && time.contains(&wish.wanted_at()))
        .collect();
    let served = || asked.iter().filter(|(_, rider)| rider.ride.ended_at.is_some());
    let medical = || served().filter(|(wish, _)| wish.is_medical);
    let by_card = || served().filter(|(wish, _)| wish.by_card);
    let wait = |(wish, rider): &(&Wish, &RiderPlace)| Some(rider.ride.met?.1 - wish.wanted_at());
    let count = |n: usize| n as u64;
    let mut figures = InOutage {
        made: count(asked.len()),
        acknowledged: count(asked.iter().filter(|(_, rider)| rider.acknowledged).count()),
        served: count(served().count()),
        medical_made: count(asked.iter().filter(|(wish, _)| wish.is_medical).count()),
        medical_served: count(medical().count()),
        by_card_served: count(by_card().count()),
        by_card_charged: count(by_card().filter(|(_, r)| world.checkers.is_charged(r.booking)).count()),
        told_p95_s: quantile_s(
            asked.iter().filter_map(|(wish, rider)| Some(rider.ride.told_at? - wish.at)).collect(),
            95,
        ),
        ..InOutage::default()
    };
    figures.note_waits(served().filter_map(wait).collect(), medical().filter_map(wait).collect());
    figures
}

/// A broken promise in a sentence that is not too long to be read.
fn told(checker: &str, what: &str) -> String {
    let short: String = what.chars().take(TOLD_MAX).collect();
    format!("{checker}: {short}")
}
