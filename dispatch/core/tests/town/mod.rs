//! Random histories of a small town: few things, so that what the nodes write meets often.

use std::collections::BTreeMap;

use ondol_core::authority::Epoch;
use ondol_core::booking::{CancelReason, Door, Needs, Party, Payment, Status};
use ondol_core::command::HomeAnswer;
use ondol_core::fact::{
    CloseReason, Driver, Fact, Fare, Lang, Owner, PhoneKey, PinCheck, Quote, Release, Request, Rest,
    SetAside, ShiftStart, Step, TakeCause, Vehicle, district_wide,
};
use ondol_core::hlc::Clock;
use ondol_core::ids::{
    AssignmentId, BookingId, CommandId, DeviceId, DistrictId, DriverId, NodeId, ShiftId, StandId, SubjectId,
    VehicleId,
};
use ondol_core::journal::{Entry, Hash, Head, Lane, Series};
use ondol_core::loan::{Borrowed, Lent, LoanId, Told};
use ondol_core::matching::Reasons;
use ondol_core::position::Position;
use ondol_core::shift::{Duty, Serialiser};
use ondol_core::units::{Money, UtcMs};
use proptest::prelude::*;

const NODES: [&str; 3] = ["central", "edge-a", "edge-b"];
const BOOKINGS: u8 = 4;
const SHIFTS: u8 = 4;
const DRIVERS: u8 = 3;
const STANDS: u8 = 2;
const PHONES: u8 = 3;
/// Bonds; each belongs to one booking, shift and maker.
const BONDS: u8 = 8;

pub(crate) fn town_district() -> DistrictId {
    "town".parse().unwrap()
}

pub(crate) fn shifts() -> impl Iterator<Item = ShiftId> {
    (0..SHIFTS).map(shift)
}

pub(crate) fn drivers() -> impl Iterator<Item = DriverId> {
    (0..DRIVERS).map(driver)
}

pub(crate) fn stands() -> impl Iterator<Item = StandId> {
    (0..STANDS).map(stand)
}

pub(crate) fn phones() -> impl Iterator<Item = PhoneKey> {
    (0..PHONES).map(phone)
}

fn node(n: u8) -> NodeId {
    NODES[usize::from(n) % NODES.len()].parse().unwrap()
}

fn booking(n: u8) -> BookingId {
    BookingId::from_number((n % BOOKINGS).into())
}

fn shift(n: u8) -> ShiftId {
    ShiftId::from_number((n % SHIFTS).into())
}

fn driver(n: u8) -> DriverId {
    DriverId::from_number((n % DRIVERS).into())
}

fn stand(n: u8) -> StandId {
    format!("s{}", n % STANDS).parse().unwrap()
}

fn phone(n: u8) -> PhoneKey {
    PhoneKey(format!("p{}", n % PHONES))
}

/// The booking, name and shift of bond `n`. Where `claims` is not 0 two facts differ about the shift, which only a
/// faulty device does.
fn bond(n: u8, claims: u8) -> (BookingId, AssignmentId, ShiftId) {
    let n = n % BONDS;
    let assignment = AssignmentId { origin: node(n), incarnation: 1, counter: n.into() };
    let other_shift = u8::from(claims % 16 == 1);
    (booking(n / 2), assignment, shift((n * 3 + other_shift) % SHIFTS))
}

/// One thing that a node writes: what it is, and numbers to draw details from.
type Draw = (u8, u8, u8, u8);

/// Series of up to three nodes in one or two lives each, every lane a series of its own.
pub(crate) fn histories() -> impl Strategy<Value = Vec<Vec<Entry>>> {
    let draws = prop::collection::vec((0..NODES.len(), any::<Draw>()), 0..90);
    (draws, prop::collection::vec(0..90_usize, 0..2)).prop_map(|(draws, restarts)| {
        let mut writers: BTreeMap<usize, Writer> = BTreeMap::new();
        let mut series: BTreeMap<Series, Vec<Entry>> = BTreeMap::new();
        for (i, (n, draw)) in draws.into_iter().enumerate() {
            let writer = writers.entry(n).or_insert_with(|| Writer::new(NODES[n].parse().unwrap()));
            if restarts.contains(&i) {
                writer.restart();
            }
            // Clocks of different nodes often show the same millisecond.
            let entry = writer.write(&fact(&writer.node.clone(), draw, i), i64::try_from(i / 4).unwrap());
            series.entry(entry.series.clone()).or_default().push(entry);
        }
        series.into_values().collect()
    })
}

struct Writer {
    node: NodeId,
    incarnation: u32,
    clock: Clock,
    heads: BTreeMap<Lane, Head>,
}

/// A fact, or an entry of a kind that a later release knows.
enum Written {
    Fact(Box<Fact>),
    Later,
}

impl Writer {
    fn new(node: NodeId) -> Self {
        Self { node, incarnation: 1, clock: Clock::default(), heads: BTreeMap::new() }
    }

    fn restart(&mut self) {
        self.incarnation += 1;
        self.heads.clear();
    }

    fn write(&mut self, written: &Written, wall_ms: i64) -> Entry {
        let (lane, kind, key, payload) = match written {
            Written::Fact(fact) => (fact.lane(), fact.kind(), fact.key(), fact.write()),
            Written::Later => (Lane::Bookings, "teleported", String::new(), r#"{"to":"Busan"}"#.to_owned()),
        };
        let head = self.heads.entry(lane).or_default();
        let mut entry = Entry {
            series: Series {
                origin: self.node.clone(),
                incarnation: self.incarnation,
                district: town_district(),
                lane,
            },
            seq: head.seq + 1,
            zone: district_wide(),
            hlc: self.clock.stamp(UtcMs(wall_ms)),
            kind: kind.into(),
            schema_version: 1,
            key,
            payload,
            prev_hash: head.hash,
            hash: Hash::default(),
        };
        entry.hash = entry.compute_hash();
        *head = entry.as_head();
        entry
    }
}

/// The `i`th thing to be written in the town, by `writer`.
fn fact(writer: &NodeId, (what, a, b, c): Draw, i: usize) -> Written {
    // Devices' clocks differ a little: moments repeat and run backwards.
    let at = UtcMs(i64::try_from(i).unwrap() * 60_000 - i64::from(c % 4) * 45_000);
    let (booking_of_bond, assignment, shift_of_bond) = bond(a, c);
    let fact = match what % 26 {
        0 => Fact::Opened { predecessor: None },
        1..=3 => {
            Fact::BookingAccepted { booking: booking(a), request: request(b, c), owner: owner(a, b), at }
        }
        4 => Fact::BookingOwned {
            booking: booking(a),
            owner: owner(b, c),
            wanted: (c.is_multiple_of(2)).then(|| shift(c)),
        },
        5 => {
            let by = [Party::Rider, Party::Operator, Party::System][usize::from(b % 3)];
            let reason = [CancelReason::ChangedMind, CancelReason::Duplicate, CancelReason::NoTaxi]
                [usize::from(c % 3)];
            Fact::CancelRequested { booking: booking(a), by, reason, at }
        }
        // A node asks one shift under one name.
        6..=8 => Fact::Offered {
            booking: booking_of_bond,
            assignment,
            shift: bond(a, 0).2,
            eta_s: u32::from(b % 4) * 60,
            why: Reasons {
                others: vec![(shift(c), u32::from(c))],
                instead_of: c.is_multiple_of(3).then(|| bond(b, c).1),
                ..Reasons::alone("nearest")
            },
            at,
        },
        14 if c.is_multiple_of(2) => Fact::TripClosed {
            booking: booking_of_bond,
            assignment,
            shift: shift_of_bond,
            reason: [CloseReason::PhoneLost, CloseReason::Other][usize::from(b % 2)],
            fare: match step(5, b) {
                Step::Done { fare } => Some(fare).filter(|_| b.is_multiple_of(3)),
                _ => None,
            },
            at,
        },
        13 if c.is_multiple_of(3) => Fact::TripRestored {
            booking: booking_of_bond,
            assignment,
            shift: bond(a, 0).2,
            request: request(b, c),
            owner: owner(a, b),
            attach_epoch: u64::from(c % 4),
            eta_s: u32::from(b % 4) * 60,
            offered_at: at,
            at,
        },
        9..=14 => {
            Fact::Stepped { booking: booking_of_bond, assignment, shift: shift_of_bond, what: step(b, c), at }
        }
        15 => Fact::StreetHailed {
            booking: booking(a),
            assignment: AssignmentId::of_device(
                DeviceId::from_number((a % SHIFTS).into()),
                (a % BOOKINGS).into(),
            ),
            shift: shift(a),
            request: request(b, c),
            at,
        },
        16 => Fact::ShiftStarted { shift: shift(a), start: start(a, b, at) },
        17 => {
            let duty = [Duty::Available, Duty::Paused, Duty::Ended][usize::from(b % 3)];
            Fact::DutyChanged { shift: shift(a), number: u64::from(c % 4), duty, at }
        }
        18 => Fact::Attached {
            shift: shift(a),
            device: DeviceId::from_number((a % SHIFTS).into()),
            attach_epoch: u64::from(b % 4),
            node: node(c),
        },
        19 => Fact::StandChanged { shift: shift(a), stand: (!b.is_multiple_of(3)).then(|| stand(b)), at },
        20 => authority(b, c),
        21 => match c % 3 {
            0 => Fact::Charged { booking: booking(a), amount: Money(i64::from(b) * 100) },
            _ => return Written::Later,
        },
        22 if c.is_multiple_of(2) => Fact::TextAnswered {
            driver: driver(a),
            command: CommandId::from_number((b % 4).into()),
            answer: [HomeAnswer::Paused, HomeAnswer::OffDuty][usize::from(c / 2 % 2)].clone(),
        },
        22 => Fact::DriverListed { driver: listed(writer, a, b, c) },
        24.. => loan(a, b, c, at),
        23 => Fact::StandListed {
            stand: stand(a),
            name_ko: format!("{}번 승차장", b % 4),
            name_en: format!("Stand {}", b % 4),
            position: Position::new(37.5, 127.0 + f64::from(c % 4) / 1e3).unwrap(),
            district: town_district(),
        },
    };
    Written::Fact(Box::new(fact))
}

/// A step of one of two loans of a booking, to another district or from one.
fn loan(a: u8, b: u8, c: u8, at: UtcMs) -> Fact {
    let (booking, loan) = (booking(a), LoanId::new(1, u64::from(b % 2)));
    let other: (NodeId, DistrictId) = (node(c), format!("town-{}", c % 2).parse().unwrap());
    match (b / 2 % 5, a % 2) {
        (0, 0) => Fact::BookingLent { booking, loan, lent: Lent { to: other.0, district: other.1, at } },
        (0, _) => {
            let borrowed = Borrowed { from: other.0, district: other.1 };
            Fact::BookingBorrowed { booking, loan, borrowed, request: request(b, c), at }
        }
        (1, _) => Fact::BookingTransferred { booking, loan },
        (2, _) if c.is_multiple_of(3) => Fact::BookingReturned { booking, loan },
        (2.., _) => {
            let status = [Status::Open, Status::Assigned, Status::Boarded, Status::Done, Status::Cancelled]
                [usize::from(c % 5)];
            Fact::LoanTold { booking, loan, number: u32::from(c % 3), told: Told { status, taxi: None } }
        }
    }
}

fn step(b: u8, c: u8) -> Step {
    match b % 8 {
        0..=2 => Step::Assigned,
        3 => Step::Arrived,
        4 => Step::Boarded { pin: [PinCheck::Verified, PinCheck::Unverified][usize::from(c % 2)] },
        5 => Step::Done {
            fare: Fare {
                revision: u32::from(c % 3),
                amount: Money(4_800 + i64::from(c % 5) * 100),
                distance_m: 1_600,
                duration_s: 300,
                payment: Payment::Cash,
            },
        },
        6.. => Step::Released {
            reason: [Release::Superseded, Release::GivenBack, Release::Cancelled, Release::Lapsed]
                [usize::from(c % 4)],
        },
    }
}

/// Requests for one booking may differ: the same key with another body reached the other side of a cut.
fn request(b: u8, c: u8) -> Request {
    Request {
        stand: (c.is_multiple_of(5)).then(|| stand(c)),
        seats: 1 + b % 4,
        phone: (!c.is_multiple_of(4)).then(|| phone(b)),
        quote: (c.is_multiple_of(2)).then(|| Quote { fare: Money(11_000), tariff: "t".into() }),
        digest: format!("{b}{c}"),
        ..Request::plain(
            [Door::Web, Door::Sms, Door::Phone][usize::from(b % 3)],
            Position::new(37.5 + f64::from(c % 3) * 0.002, 127.0).unwrap(),
            SubjectId::from_number((b % PHONES).into()),
        )
    }
}

fn owner(b: u8, c: u8) -> Owner {
    let epoch = Epoch { central_term: u32::from(b % 2), edge_term: u32::from(b / 2 % 2) };
    Owner { epoch, version: u32::from(c % 3), node: node(c), apart: b.is_multiple_of(2) }
}

fn start(a: u8, b: u8, at: UtcMs) -> ShiftStart {
    let vehicle = VehicleId::from_number((b % 2).into());
    ShiftStart {
        driver: driver(b),
        vehicle: Vehicle { vehicle, plate: "서울 31바 1234".into(), seats: 4, needs: Needs::default() },
        fleet: "onnuri".parse().unwrap(),
        serialiser: match b % 3 {
            0 => Serialiser::Home { node: node(b), term: u32::from(b % 2) },
            _ => Serialiser::Device { device: DeviceId::from_number((a % SHIFTS).into()) },
        },
        at,
    }
}

fn authority(b: u8, c: u8) -> Fact {
    let epoch = Epoch { central_term: u32::from(b % 3), edge_term: u32::from(c % 3) };
    match b / 4 % 5 {
        4 => Fact::BansWaived { until: UtcMs(i64::from(c) * 60_000), at: UtcMs(0) },
        3 => Fact::SeriesSetAside(SetAside {
            series: format!("{}/{}/{}/bookings", node(c), c % 4, town_district()).parse().unwrap(),
            seq: u64::from(c % 8),
            rest: if c.is_multiple_of(2) { Rest::GoesIn } else { Rest::StaysOut },
        }),
        0 => Fact::ZoneGranted { epoch: Epoch { edge_term: 0, ..epoch } },
        1 => {
            let cause =
                [TakeCause::Witnesses, TakeCause::Silence, TakeCause::Operator][usize::from(c / 4 % 3)];
            Fact::ZoneTaken { epoch, cause, silence_ms: u64::from(c) * 1_000 }
        }
        _ => Fact::ZoneReturned { epoch },
    }
}

/// A driver whose number changes hands.
fn listed(writer: &NodeId, a: u8, b: u8, c: u8) -> Driver {
    let vehicle = VehicleId::from_number((a % 2).into());
    Driver {
        driver: driver(a),
        subject: SubjectId::from_number((a % DRIVERS).into()),
        fleet: "onnuri".parse().unwrap(),
        district: town_district(),
        phone: (!c.is_multiple_of(4)).then(|| phone(b)),
        personal: None,
        lang: Lang::Ko,
        secret_digest: String::new(),
        home: (b.is_multiple_of(2)).then(|| writer.clone()),
        vehicle: Vehicle { vehicle, plate: "서울 31바 1234".into(), seats: 4, needs: Needs::default() },
        banned: c.is_multiple_of(2),
    }
}
