//! Goal: a stolen or faulty edge changes what an edge may change, and nothing else; and a clock that was wrong once
//! does not outlive its node.
//!
//! Method: one central is handed pages as its edge could write them, with chains that are whole.

#![allow(clippy::unwrap_used, reason = "what a test unwraps is what it asserts")]

use std::collections::BTreeMap;
use std::sync::Arc;

use ondol_core::authority::{EdgeMode, Epoch};
use ondol_core::board::Board;
use ondol_core::booking::Needs;
use ondol_core::command::{Answer, Command, Refusal, RenewalAnswer};
use ondol_core::face::{DistrictConfig, Input, NodeConfig, Output, Role, Timing};
use ondol_core::fact::{Driver, Fact, Lang, PhoneKey, SCHEMA_VERSION, TakeCause, Vehicle, district_wide};
use ondol_core::hlc::Hlc;
use ondol_core::ids::{BookingId, DistrictId, DriverId, SubjectId, VehicleId};
use ondol_core::journal::{Entry, Hash, Head, Heads, Lane, Series};
use ondol_core::node::Node;
use ondol_core::pin::PinKey;
use ondol_core::position::Position;
use ondol_core::travel::StraightLine;
use ondol_core::units::{Money, Now, Ticks, UtcMs};

const NOON: i64 = 1_700_000_000_000;

fn district() -> DistrictId {
    "north".parse().unwrap()
}

fn now(utc: i64) -> Now {
    Now { utc: UtcMs(utc), ticks: Ticks(1_000) }
}

fn south() -> DistrictId {
    "south".parse().unwrap()
}

fn central(board: Board, incarnation: u32, utc: i64) -> Node {
    let served = DistrictConfig { zones: vec!["z1".parse().unwrap()], edge: Some("edge".parse().unwrap()) };
    let other = DistrictConfig { zones: vec!["z2".parse().unwrap()], edge: None };
    let config = NodeConfig {
        id: "central".parse().unwrap(),
        role: Role::Central,
        incarnation,
        districts: BTreeMap::from([(district(), served), (south(), other)]),
        pin_key: PinKey([7; 32]),
        neighbours: Vec::new(),
        timing: Timing::default(),
    };
    Node::new(config, board, Arc::new(StraightLine), now(utc))
}

fn driver(banned: bool) -> Driver {
    let vehicle = Vehicle {
        vehicle: VehicleId::from_number(1),
        plate: "서울33바0001".into(),
        seats: 4,
        needs: Needs::default(),
    };
    Driver {
        driver: DriverId::from_number(1),
        subject: SubjectId::from_number(1),
        fleet: "blue".parse().unwrap(),
        district: district(),
        phone: None,
        personal: None,
        lang: Lang::Ko,
        secret_digest: String::new(),
        home: None,
        vehicle,
        banned,
    }
}

/// A whole chain of the edge's, in `lane`.
fn edge_writes(lane: Lane, facts: Vec<Fact>) -> Vec<Entry> {
    let series = Series { origin: "edge".parse().unwrap(), incarnation: 1, district: district(), lane };
    let mut head = Head::default();
    let facts = std::iter::once(Fact::Opened { predecessor: None }).chain(facts);
    facts
        .map(|fact| {
            let mut entry = Entry {
                series: series.clone(),
                seq: head.seq + 1,
                zone: district_wide(),
                hlc: Hlc { wall_ms: NOON + 1_000, logical: 0 },
                kind: fact.kind().into(),
                schema_version: SCHEMA_VERSION,
                key: fact.key(),
                payload: fact.write(),
                prev_hash: head.hash,
                hash: Hash::default(),
            };
            entry.hash = entry.compute_hash();
            head = entry.as_head();
            entry
        })
        .collect()
}

fn page(node: &mut Node, entries: Vec<Entry>) {
    let (from, asked_at) = ("edge".parse().unwrap(), now(NOON).ticks);
    node.handle(Input::Page { from, entries, heads: Heads::default(), asked_at }, now(NOON));
}

fn ask(node: &mut Node, command: Command, utc: i64) -> Result<Answer, Refusal> {
    node.handle(Input::Command { request: 1, command: Box::new(command) }, now(utc));
    let mut answer = None;
    while let Some(output) = node.poll_output() {
        if let Output::Reply { result, .. } = output {
            answer = Some(*result);
        }
    }
    answer.expect("every command is answered")
}

fn is_banned(node: &Node) -> bool {
    node.board().driver(DriverId::from_number(1)).unwrap().1.banned
}

#[test]
fn an_edge_lists_nobody_charges_nobody_and_grants_itself_nothing() {
    let epoch = Epoch { central_term: 1, edge_term: 0 };
    let stand = Fact::StandListed {
        stand: "7".parse().unwrap(),
        name_ko: "시청".into(),
        name_en: "City Hall".into(),
        position: Position::new(37.5, 127.0).unwrap(),
        district: district(),
    };
    let charged = Fact::Charged { booking: BookingId::from_number(1), amount: Money(1) };
    let forged = [Fact::DriverListed { driver: driver(false) }, stand, charged, Fact::ZoneGranted { epoch }];
    for fact in forged {
        for lane in Lane::ALL {
            let mut node = central(Board::default(), 1, NOON);
            ask(&mut node, Command::ListDriver(driver(true)), NOON).unwrap();
            let before = node.board().state_hash(&district());
            page(&mut node, edge_writes(lane, vec![fact.clone()]));
            assert!(is_banned(&node), "{} in {lane:?}", fact.kind());
            assert_eq!(node.board().state_hash(&district()), before, "{} in {lane:?}", fact.kind());
        }
    }
    // What an edge may write goes in, in its own lane alone.
    let taken = Fact::ZoneTaken {
        epoch: Epoch { central_term: 1, edge_term: 1 },
        cause: TakeCause::Silence,
        silence_ms: 1,
    };
    for lane in Lane::ALL {
        let mut node = central(Board::default(), 1, NOON);
        page(&mut node, edge_writes(lane, vec![taken.clone()]));
        let holds = node.board().district(&district()).is_some_and(|board| board.authority.edge_holds());
        assert_eq!(holds, lane == Lane::Safety, "{lane:?}");
    }
}

/// What central sends to its edge next.
fn renewal(node: &mut Node) -> String {
    let later = Now { utc: UtcMs(NOON), ticks: Ticks(60_000) };
    node.handle(Input::Committed, later);
    node.handle_timeout(later);
    let mut sent = None;
    while let Some(output) = node.poll_output() {
        if let Output::Renew { renewal, .. } = output {
            sent = Some(serde_json::to_string(&renewal).unwrap());
        }
    }
    sent.expect("central renews")
}

#[test]
fn a_renewal_does_not_grow_with_the_roster() {
    let of_size = |drivers: u128| {
        let mut node = central(Board::default(), 1, NOON);
        for number in 1..=drivers {
            let listed = Driver { driver: DriverId::from_number(number), ..driver(false) };
            ask(&mut node, Command::ListDriver(listed), NOON).unwrap();
        }
        renewal(&mut node).len()
    };
    let (small, full) = (of_size(1), of_size(5_000));
    assert!(full <= small + 8, "{small} bytes with one driver, {full} with 5,000");
}

#[test]
fn an_edge_cannot_use_up_the_terms_of_its_district() {
    for central_term in [2_001, u32::MAX - 1, u32::MAX] {
        let epoch = Epoch { central_term, edge_term: 1 };
        let mut node = central(Board::default(), 1, NOON);
        let taken = Fact::ZoneTaken { epoch, cause: TakeCause::Silence, silence_ms: 1 };
        page(&mut node, edge_writes(Lane::Safety, vec![taken]));
        assert!(node.board().district(&district()).is_none_or(|board| !board.authority.edge_holds()));
        let answer = RenewalAnswer {
            district: district(),
            sent_at: Ticks(0),
            mode: EdgeMode::Standby,
            epoch,
            counted: true,
            heads: Heads::default(),
        };
        for _ in 0..3 {
            let refused = ask(&mut node, Command::Renewed(answer.clone()), NOON);
            assert_eq!(refused, Err(Refusal::OutOfRange), "{central_term}");
        }
    }
}

#[test]
fn a_ban_stands_after_a_restart_whose_clock_is_behind_the_listing() {
    let mut node = central(Board::default(), 1, NOON);
    // The clock is a day ahead when the driver is listed, and right after the restart.
    ask(&mut node, Command::ListDriver(driver(false)), NOON + 86_400_000).unwrap();
    let saved = serde_json::to_string(node.board()).unwrap();
    for board in [node.board().clone(), serde_json::from_str(&saved).unwrap()] {
        let mut node = central(board, 2, NOON);
        assert_eq!(ask(&mut node, Command::ListDriver(driver(true)), NOON), Ok(Answer::Done));
        assert!(is_banned(&node), "what was answered Done stands");
    }
}

/// In each district that lists driver 1, whether the driver is barred there; then where the driver works.
fn bars(node: &Node) -> (Vec<bool>, DistrictId) {
    let id = DriverId::from_number(1);
    let listings = node.board().districts().filter_map(|(_, board)| board.drivers.get(&id));
    let bars = listings.map(|(_, driver)| driver.banned).collect();
    (bars, node.board().driver(id).unwrap().0.clone())
}

/// Each listing is what one district's edge goes by, and a pass for the district left behind may still be about.
#[test]
fn a_driver_who_changed_districts_is_barred_and_admitted_in_both() {
    let bar = |banned| Command::BarDriver { driver: DriverId::from_number(1), banned };
    let there = |banned| Driver { district: south(), ..driver(banned) };
    for (first, then, home) in
        [(driver(false), there(false), south()), (there(false), driver(false), district())]
    {
        let mut node = central(Board::default(), 1, NOON);
        assert_eq!(ask(&mut node, bar(true), NOON), Err(Refusal::UnknownDriver));
        ask(&mut node, Command::ListDriver(first.clone()), NOON).unwrap();
        ask(&mut node, Command::RelistDriver(then), NOON).unwrap();
        assert_eq!(bars(&node), (vec![false, false], home.clone()));
        for banned in [true, true, false] {
            assert_eq!(ask(&mut node, bar(banned), NOON), Ok(Answer::Done));
            assert_eq!(bars(&node), (vec![banned, banned], home.clone()));
        }
        let back = Driver { banned: true, ..first };
        ask(&mut node, Command::ListDriver(back.clone()), NOON).unwrap();
        assert_eq!(bars(&node), (vec![true, true], back.district), "a list that names the bar does the same");
    }
}

#[test]
fn a_listing_that_does_not_name_the_bar_leaves_it() {
    let mut node = central(Board::default(), 1, NOON);
    ask(&mut node, Command::RelistDriver(driver(true)), NOON).unwrap();
    assert!(is_banned(&node), "a new driver is as told");
    ask(&mut node, Command::RelistDriver(driver(false)), NOON).unwrap();
    assert!(is_banned(&node));
    ask(&mut node, Command::RelistDriver(Driver { district: south(), ..driver(false) }), NOON).unwrap();
    assert_eq!(bars(&node), (vec![true, true], south()), "in another district too");
    ask(&mut node, Command::ListDriver(driver(false)), NOON).unwrap();
    assert_eq!(bars(&node), (vec![false, false], district()));
}

#[test]
fn barring_somebody_does_not_give_an_old_number_back() {
    let mut node = central(Board::default(), 1, NOON);
    let phone = PhoneKey("7".repeat(64));
    let of_number = |number| Driver {
        driver: DriverId::from_number(number),
        phone: Some(phone.clone()),
        ..driver(false)
    };
    for number in [1, 2] {
        ask(&mut node, Command::ListDriver(of_number(number)), NOON).unwrap();
    }
    let whose = |node: &Node| node.board().driver_by_phone(&phone).unwrap().1.driver;
    assert_eq!(whose(&node), DriverId::from_number(2), "the number has changed hands");
    let bar = Command::BarDriver { driver: DriverId::from_number(1), banned: true };
    ask(&mut node, bar, NOON).unwrap();
    assert_eq!(whose(&node), DriverId::from_number(2));
}

#[test]
fn what_an_older_release_stored_does_not_keep_a_newer_one_down() {
    let mut entries = edge_writes(
        Lane::Bookings,
        vec![Fact::ZoneTaken { epoch: Epoch::default(), cause: TakeCause::Silence, silence_ms: 1 }],
    );
    entries.extend(edge_writes(Lane::Safety, Vec::new()));
    entries[2].payload = "{}".into();
    entries[2].hash = entries[2].compute_hash();
    let mut board = Board::default();
    for entry in &entries {
        board.apply_stored(entry).unwrap();
    }
    assert_eq!(board.unknown_kinds(), 2, "one in the wrong lane, one unreadable");
    assert_eq!(board.head(&entries[1].series), entries[1].as_head());
}
