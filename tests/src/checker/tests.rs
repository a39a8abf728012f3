//! The checker must see what it is there to see: each promise is broken once by hand.

use ondol_core::authority::Epoch;
use ondol_core::booking::{CancelReason, Door, Needs, Party, Payment};
use ondol_core::fact::{CloseReason, Fact, Owner, PinCheck, Release, Request, ShiftStart, Step, Vehicle};
use ondol_core::hlc::Hlc;
use ondol_core::ids::{AssignmentId, BookingId, DeviceId, DriverId, ShiftId, SubjectId, VehicleId};
use ondol_core::journal::{Entry, Hash, Head, Series};
use ondol_core::pin::booking_code;
use ondol_core::position::Position;
use ondol_core::shift::Serialiser;
use ondol_core::units::{Money, UtcMs};
use ondol_device::wire::{Held, Slot};

use super::crash::{self, PlantLoss};
use super::evidence::{Away, Evidence, Harm, Store};
use super::{check, report::Report};
use crate::city::config::CityConfig;
use crate::city::record::{DriverLine, DriverNote, RiderLine, RiderNote};

const CONFIG: &str = r#"
seed = 3
duration_s = 2700
roster = "r"
map = "m"
record = "l"
spool = "s"
central = "http://c"
edges = ["http://e"]
[clock]
speed = 20.0
wall_start_at = "2026-01-01T00:00:00Z"
sim_start_at = "2026-01-01T00:00:00Z"
"#;

fn here() -> Position {
    Position::new(37.5, 127.0).unwrap()
}

fn booking(n: u128) -> BookingId {
    BookingId::from_number(n)
}

fn bond(origin: &str, counter: u64) -> AssignmentId {
    AssignmentId { origin: origin.parse().unwrap(), incarnation: 1, counter }
}

fn shift() -> ShiftId {
    ShiftId::from_number(1)
}

/// Writes entries as nodes do.
#[derive(Default)]
struct Pen {
    entries: Vec<Entry>,
}

impl Pen {
    fn write(&mut self, origin: &str, at: i64, fact: &Fact) {
        let series = Series {
            origin: origin.parse().unwrap(),
            incarnation: 1,
            district: "a".parse().unwrap(),
            lane: fact.lane(),
        };
        let last = self.entries.iter().rev().find(|entry| entry.series == series);
        let head = last.map_or(Head::default(), Entry::as_head);
        let mut entry = Entry {
            series,
            seq: head.seq + 1,
            zone: "a-1".parse().unwrap(),
            hlc: Hlc { wall_ms: at, logical: 0 },
            kind: fact.kind().to_owned(),
            schema_version: 1,
            key: fact.key(),
            payload: fact.write(),
            prev_hash: head.hash,
            hash: Hash::default(),
        };
        entry.hash = entry.compute_hash();
        self.entries.push(entry);
    }

    fn accept(&mut self, origin: &str, n: u128, door: Door, at: i64) {
        let request = Request::plain(door, here(), SubjectId::from_number(n));
        let owner =
            Owner { epoch: Epoch::default(), version: 0, node: origin.parse().unwrap(), apart: false };
        self.write(origin, at, &Fact::BookingAccepted { booking: booking(n), request, owner, at: UtcMs(at) });
    }

    fn step(&mut self, origin: &str, n: u128, assignment: &AssignmentId, what: Step, at: i64) {
        let assignment = assignment.clone();
        if what == Step::Assigned {
            let why = ondol_core::matching::Reasons::default();
            let (booking, assignment, shift) = (booking(n), assignment.clone(), shift());
            let at = UtcMs(at);
            self.write(origin, at.0, &Fact::Offered { booking, assignment, shift, eta_s: 5, why, at });
        }
        let fact = Fact::Stepped { booking: booking(n), assignment, shift: shift(), what, at: UtcMs(at) };
        self.write(origin, at, &fact);
    }

    fn ride(&mut self, origin: &str, n: u128, assignment: &AssignmentId, at: i64) {
        self.step(origin, n, assignment, Step::Assigned, at);
        self.step(origin, n, assignment, Step::Boarded { pin: PinCheck::Verified }, at + 100);
        let fare = ondol_core::fact::Fare {
            revision: 0,
            amount: Money(4_800),
            distance_m: 1,
            duration_s: 1,
            payment: Payment::Cash,
        };
        self.step(origin, n, assignment, Step::Done { fare }, at + 200);
    }
}

fn rider(at: i64, wish: u32, note: RiderNote) -> RiderLine {
    RiderLine { at: UtcMs(at), wish, note }
}

fn driver(at: i64, note: DriverNote) -> DriverLine {
    DriverLine { at: UtcMs(at), driver: "d".into(), note }
}

fn held(n: u128, assignment: &AssignmentId, boarded: bool) -> DriverNote {
    let held = Held { booking: booking(n), assignment: assignment.clone(), confirmed: true, boarded };
    DriverNote::Slot { slot: Slot { current: Some(held), next: None } }
}

fn over(n: u128, assignment: &AssignmentId, how: &str) -> DriverNote {
    let assignment = assignment.clone();
    DriverNote::Over { booking: booking(n), assignment, how: how.into(), fare: None }
}

fn told(at: i64, wish: u32, n: u128, door: Door) -> Vec<RiderLine> {
    let by_key = (door != Door::Sms).then(|| booking(n));
    vec![
        rider(at, wish, RiderNote::Asked { door, booking: by_key, pickup: here() }),
        rider(
            at + 1,
            wish,
            RiderNote::Acknowledged { booking: by_key, code: booking_code(booking(n)), node: "x".into() },
        ),
    ]
}

/// One web booking before the outage and one text in it; both rode, with one driver.
struct Run {
    pen: Pen,
    riders: Vec<RiderLine>,
    drivers: Vec<DriverLine>,
}

fn fine() -> Run {
    let (one, two) = (bond("central", 1), bond("edge-a", 1));
    let mut pen = Pen::default();
    let start = ShiftStart {
        driver: DriverId::from_number(1),
        vehicle: Vehicle {
            vehicle: VehicleId::from_number(1),
            plate: "서울30아0001".into(),
            seats: 4,
            needs: Needs::default(),
        },
        fleet: "f".parse().unwrap(),
        serialiser: Serialiser::Device { device: DeviceId::from_number(1) },
        at: UtcMs(0),
    };
    pen.write("central", 1, &Fact::ShiftStarted { shift: shift(), start });
    pen.accept("central", 1, Door::Web, 1_000);
    pen.ride("central", 1, &one, 2_000);
    pen.accept("edge-a", 2, Door::Sms, 11_000);
    pen.ride("edge-a", 2, &two, 12_000);
    let mut riders = told(1_000, 0, 1, Door::Web);
    riders.extend(told(11_000, 1, 2, Door::Sms));
    for (wish, n, at) in [(0, 1, 2_100), (1, 2, 12_100)] {
        riders.push(rider(at, wish, RiderNote::Boarded { plate: "p".into(), booking: Some(booking(n)) }));
        riders.push(rider(at + 100, wish, RiderNote::Ended {}));
    }
    let drivers = vec![
        driver(0, DriverNote::OnDuty { shift: Some(shift()), by_text: false }),
        driver(2_000, held(1, &one, false)),
        driver(2_100, held(1, &one, true)),
        driver(2_200, over(1, &one, "done")),
        driver(2_200, DriverNote::Slot { slot: Slot::default() }),
        driver(10_500, DriverNote::Central { is_heard: false }),
        driver(10_900, DriverNote::Attached { node: "edge-a".parse().unwrap() }),
        driver(11_500, DriverNote::Offered { booking: booking(2), assignment: two.clone() }),
        driver(12_000, held(2, &two, false)),
        driver(12_200, over(2, &two, "done")),
        driver(12_200, DriverNote::Slot { slot: Slot::default() }),
    ];
    Run { pen, riders, drivers }
}

fn evidence(run: Run) -> Evidence {
    let mut evidence = Evidence { riders: run.riders, drivers: run.drivers, ..Evidence::default() };
    for node in ["central", "edge-a"] {
        evidence.stores.insert(node.parse().unwrap(), Store::of(run.pen.entries.clone()));
    }
    evidence.begun_at = Some(UtcMs(0));
    evidence.away = Some(Away { from: UtcMs(10_000), until: Some(UtcMs(20_000)) });
    evidence
}

fn checked(run: Run) -> Report {
    check(&toml::from_str::<CityConfig>(CONFIG).unwrap(), "synthetic".into(), &evidence(run), None)
}

#[test]
fn a_lost_booking_is_seen() {
    let mut run = fine();
    run.riders.extend(told(3_000, 2, 3, Door::App));
    let report = checked(run);
    assert_eq!(report.bookings.lost, 1, "{:?}", report.violations);
    let mut run = fine();
    run.riders.extend(told(13_000, 2, 3, Door::Sms));
    assert_eq!(checked(run).bookings.lost, 1, "nobody has a booking with the code of the text");
    let mut run = fine();
    run.riders.extend(told(3_000, 2, 3, Door::App));
    run.pen.accept("edge-a", 3, Door::App, 3_000);
    run.riders.push(rider(30_000, 2, RiderNote::Last { status: "unknown".into(), node: "x".into() }));
    assert_eq!(checked(run).bookings.lost, 1, "its rider no longer sees it");
}

#[test]
fn a_ride_that_central_does_not_know_is_a_loss() {
    let mut run = fine();
    run.pen.entries.retain(|entry| !(entry.kind == "stepped" && entry.series.origin.as_str() == "edge-a"));
    assert_eq!(checked(run).bookings.lost, 1);
}

#[test]
fn a_doubled_driver_is_seen_by_the_device_by_text_and_by_the_journals() {
    let mut run = fine();
    run.drivers.insert(3, driver(2_150, held(9, &bond("edge-a", 9), false)));
    assert_eq!(checked(run).drivers_doubled, 1);
    let mut run = fine();
    for code in ["ABCD", "EFGH"] {
        run.drivers.push(driver(14_000, DriverNote::TextTaken { code: code.into() }));
    }
    assert_eq!(checked(run).drivers_doubled, 1);
    let mut run = fine();
    run.pen.accept("edge-a", 4, Door::Web, 12_000);
    run.pen.step("edge-a", 4, &bond("edge-a", 4), Step::Assigned, 12_150);
    assert_eq!(checked(run).drivers_doubled, 1);
}

#[test]
fn a_driver_whose_trip_an_operator_closed_is_free_from_then_on() {
    for (closed, doubled) in [(true, 0), (false, 1)] {
        let (mut run, trip, next) = (fine(), bond("edge-a", 4), bond("edge-a", 5));
        run.pen.accept("edge-a", 4, Door::Web, 13_000);
        run.pen.step("edge-a", 4, &trip, Step::Assigned, 13_100);
        run.pen.step("edge-a", 4, &trip, Step::Boarded { pin: PinCheck::Verified }, 13_200);
        if closed {
            let (booking, assignment, shift) = (booking(4), trip, shift());
            let (reason, fare, at) = (CloseReason::PhoneLost, None, UtcMs(13_300));
            let close = Fact::TripClosed { booking, assignment, shift, reason, fare, at };
            run.pen.write("edge-a", 13_300, &close);
        }
        run.pen.accept("edge-a", 5, Door::Web, 13_400);
        run.pen.ride("edge-a", 5, &next, 13_500);
        assert_eq!(checked(run).drivers_doubled, doubled, "closed: {closed}");
    }
}

#[test]
fn what_a_wrong_clock_wrote_doubles_nobody_and_all_else_does() {
    let doubled = |wrong: Option<(&str, i64)>, change: &dyn Fn(&mut Run)| {
        let mut run = fine();
        change(&mut run);
        let mut evidence = evidence(run);
        let harm = |(node, from): (&str, i64)| Harm {
            nodes: vec![node.into()],
            time: Away { from: UtcMs(from), until: None },
            is_clock_wrong: true,
        };
        evidence.harms.extend(wrong.map(harm));
        let config = toml::from_str::<CityConfig>(CONFIG).unwrap();
        check(&config, "synthetic".into(), &evidence, None).drivers_doubled
    };
    let by_journals = |run: &mut Run| {
        run.pen.accept("edge-a", 4, Door::Web, 12_000);
        run.pen.step("edge-a", 4, &bond("edge-a", 4), Step::Assigned, 12_150);
    };
    assert_eq!(doubled(None, &by_journals), 1);
    assert_eq!(doubled(Some(("edge-a", 11_000)), &by_journals), 0);
    assert_eq!(doubled(Some(("edge-a", 13_000)), &by_journals), 1, "its clock was right when it wrote that");
    assert_eq!(doubled(Some(("edge-b", 11_000)), &by_journals), 1, "another node's clock");
    let by_stamps_that_stood_still = |run: &mut Run| {
        let (booking, assignment, shift, at) = (booking(4), bond("edge-a", 4), shift(), UtcMs(12_150));
        run.pen.accept("edge-a", 4, Door::Web, 12_000);
        run.pen.step("edge-a", 4, &assignment, Step::Assigned, 12_150);
        let arrived = Fact::Stepped { booking, assignment, shift, what: Step::Arrived, at };
        run.pen.write("edge-a", 112_150, &arrived);
    };
    assert_eq!(doubled(None, &by_stamps_that_stood_still), 1);
    assert_eq!(doubled(Some(("edge-a", 200_000)), &by_stamps_that_stood_still), 0, "the clock went back");
    assert_eq!(doubled(Some(("edge-b", 200_000)), &by_stamps_that_stood_still), 1);
    let by_device = |run: &mut Run| run.drivers.insert(3, driver(2_150, held(9, &bond("edge-a", 9), false)));
    assert_eq!(doubled(Some(("edge-a", 0)), &by_device), 1);
}

#[test]
fn a_second_charge_is_seen() {
    let mut run = fine();
    for at in [21_000, 22_000] {
        run.pen.write("central", at, &Fact::Charged { booking: booking(1), amount: Money(4_800) });
    }
    let report = checked(run);
    assert_eq!(report.double_charges, 1);
    assert!(!report.violations.is_empty());
}

#[test]
fn a_boarded_trip_given_away_is_seen() {
    let mut run = fine();
    let why = ondol_core::matching::Reasons::default();
    let fact = Fact::Offered {
        booking: booking(1),
        assignment: bond("central", 7),
        shift: shift(),
        eta_s: 5,
        why,
        at: UtcMs(2_150),
    };
    run.pen.write("central", 2_150, &fact);
    assert_eq!(checked(run).boarded_reassigned, 1);
    let mut run = fine();
    run.drivers[3] = driver(2_200, over(1, &bond("central", 1), "released superseded"));
    assert_eq!(checked(run).boarded_reassigned, 1);
    let mut run = fine();
    let released = Step::Released { reason: Release::Superseded };
    run.pen.step("central", 1, &bond("central", 1), released, 2_150);
    assert_eq!(checked(run).boarded_reassigned, 1);
}

/// Central holds the edge's entry that the rider boarded, and asks another taxi.
#[test]
fn a_trip_that_another_node_knows_as_boarded_and_gives_away_is_seen() {
    let ask_again = |at: i64, harmed: Option<&str>| {
        let mut run = fine();
        let why = ondol_core::matching::Reasons::default();
        let assignment = bond("central", 7);
        let (booking, shift) = (booking(2), shift());
        run.pen.write(
            "central",
            at,
            &Fact::Offered { booking, assignment, shift, eta_s: 5, why, at: UtcMs(at) },
        );
        let mut evidence = evidence(run);
        let time = Away { from: UtcMs(11_000), until: Some(UtcMs(1_010_000)) };
        evidence.harms.extend(harmed.map(|node| Harm {
            nodes: vec![node.into()],
            time,
            is_clock_wrong: false,
        }));
        let config = toml::from_str::<CityConfig>(CONFIG).unwrap();
        check(&config, "synthetic".into(), &evidence, None).boarded_reassigned
    };
    assert_eq!(ask_again(1_000_000, None), 1);
    assert_eq!(ask_again(15_000, None), 0, "central was away");
    assert_eq!(ask_again(21_000, None), 0, "central may not have heard of it yet");
    assert_eq!(ask_again(1_000_000, Some("edge-a")), 0, "the one that boarded it was harmed");
    assert_eq!(ask_again(1_000_000, Some("edge-b")), 1, "what was harmed has no part in it");
}

#[test]
fn a_booking_that_a_rule_ended_is_counted_and_with_a_taxi_on_its_way_a_violation() {
    let ended = |assigned_at: Option<i64>| {
        let mut run = fine();
        run.riders.extend(told(3_000, 2, 3, Door::App));
        run.pen.accept("central", 3, Door::App, 3_000);
        if let Some(at) = assigned_at {
            run.pen.step("central", 3, &bond("central", 3), Step::Assigned, at);
        }
        let (by, reason, at) = (Party::System, CancelReason::NoTaxi, UtcMs(5_000));
        run.pen.write("central", 5_000, &Fact::CancelRequested { booking: booking(3), by, reason, at });
        if assigned_at.is_some() {
            let released = Step::Released { reason: Release::Cancelled };
            run.pen.step("central", 3, &bond("central", 3), released, 5_001);
        }
        checked(run)
    };
    let nobody_found = ended(None);
    assert_eq!((nobody_found.bookings.ended_by_rule, nobody_found.violations.len()), (1, 0));
    let wrong = ended(Some(4_000));
    assert_eq!(wrong.bookings.ended_by_rule, 1);
    assert!(wrong.violations.iter().any(|what| what.contains("on its way")), "{:?}", wrong.violations);
    assert_eq!(checked(fine()).bookings.ended_by_rule, 0);
}

#[test]
fn stores_that_differ_or_are_missing_have_not_converged() {
    let mut evidence = evidence(fine());
    let node = "edge-a".parse().unwrap();
    let mut entries = evidence.stores[&node].entries.clone();
    entries.pop();
    evidence.stores.insert(node.clone(), Store::of(entries));
    let config = toml::from_str(CONFIG).unwrap();
    let report = check(&config, "synthetic".into(), &evidence, None);
    assert!(!report.journals_converged && !report.violations.is_empty());
    evidence.stores.insert(node.clone(), Store::default());
    let report = check(&config, "synthetic".into(), &evidence, None);
    assert!(!report.journals_converged, "an edge that holds nothing");
    evidence.stores.remove(&node);
    assert!(!check(&config, "synthetic".into(), &evidence, None).journals_converged);
}

#[test]
fn a_fine_run_is_fine_and_told_in_figures() {
    let report = checked(fine());
    assert_eq!(report.violations, Vec::<String>::new());
    assert!(report.journals_converged);
    let bookings = report.bookings;
    assert_eq!((bookings.made, bookings.acknowledged, bookings.served, bookings.lost), (2, 2, 2, 0));
    assert_eq!((report.degraded.made, report.degraded.served), (1, 1));
    assert_eq!(report.by_door["sms"].served_degraded, 1);
    assert_eq!(report.detect_s, Some(0.5));
    assert_eq!(report.drivers_attached_p95_s, Some(0.9));
    assert_eq!(report.first_edge_offer_s, Some(1.5));
    assert_eq!((report.takeover_s, report.heal_s), (None, None));
    let usual = evidence(fine());
    let config = toml::from_str(CONFIG).unwrap();
    let report = check(&config, "synthetic".into(), &evidence(fine()), Some(&usual));
    assert_eq!((report.degraded.expected, report.degraded.ratio), (Some(1.0), Some(1.0)));
}

#[test]
fn after_crashes_a_planted_loss_is_seen() {
    let evidence = evidence(fine());
    let report = crash::check(&evidence, None).unwrap();
    assert_eq!((report.acknowledged, report.lost.len()), (2, 0));
    let report = crash::check(&evidence, Some(PlantLoss)).unwrap();
    assert_eq!(report.lost.len(), 1, "{:?}", report.planted);
    assert!(crash::check(&Evidence::default(), Some(PlantLoss)).is_err());
}
