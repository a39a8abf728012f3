//! Central and two edges that are neighbours, on a clock that the test moves. Calls between the edges wait until the
//! test lets them through.

use std::collections::BTreeMap;
use std::sync::Arc;

use ondol_core::board::Board;
use ondol_core::booking::{BookingRecord, CancelReason, Door, Needs, Party, Payment, Status};
use ondol_core::capsule::Capsule;
use ondol_core::command::{
    Answer, AskedHome, Attach, Beat, BeatAnswer, Command, Happening, LoanCall, Notice, Offer, Refusal,
    Renewal, Report, Restore, Slot, ToDevice,
};
use ondol_core::face::{DistrictConfig, Input, Neighbour, NodeConfig, Output, Role, Timing};
use ondol_core::fact::{Driver, Lang, Request, ShiftStart, Step, Vehicle};
use ondol_core::ids::{BookingId, DeviceId, DistrictId, DriverId, NodeId, ShiftId, SubjectId, VehicleId};
use ondol_core::journal::Entry;
use ondol_core::node::Node;
use ondol_core::pin::PinKey;
use ondol_core::position::Position;
use ondol_core::reconcile::{Conflict, report};
use ondol_core::shift::{Duty, Serialiser};
use ondol_core::travel::{StraightLine, TravelTimes};
use ondol_core::units::{Now, Ticks, UtcMs};

pub(crate) const CENTRAL: &str = "central";
/// The edge of the district `west`.
pub(crate) const WEST: &str = "edge-west";
/// The edge of the district `east`.
pub(crate) const EAST: &str = "edge-east";

/// The edge of the district `south`, another neighbour of the east, which is never up.
pub(crate) const SOUTH: &str = "edge-south";

/// The booking that every story is about.
pub(crate) fn booking() -> BookingId {
    BookingId::from_number(10)
}

pub(crate) fn district_of(edge: &str) -> DistrictId {
    edge.trim_start_matches("edge-").parse().unwrap()
}

struct Place {
    node: Node,
    journal: Vec<Entry>,
    notices: Vec<Notice>,
    incarnation: u32,
}

/// The nodes, what they made durable, and what they want to say to one another.
pub(crate) struct Town {
    places: BTreeMap<&'static str, Place>,
    /// Calls that have not been let through: caller, callee, what is said.
    pub(crate) calls: Vec<(&'static str, &'static str, LoanCall)>,
    /// What central asks edges, until the test carries it to them.
    renewals: Vec<Renewal>,
    now_ms: u64,
    timing: Timing,
    sessions: BTreeMap<u128, String>,
    /// How far east of the first place each driver is, in degrees.
    pub(crate) east: BTreeMap<u128, f64>,
    /// The edge whose district central does not serve any more from its next start on.
    pub(crate) dropped: Option<&'static str>,
}

/// Streets are straight, and the east begins at its border.
struct Halves;

impl TravelTimes for Halves {
    fn durations_s(&self, target: Position, sources: &[Position]) -> Vec<Option<u32>> {
        StraightLine.durations_s(target, sources)
    }

    fn district_at(&self, position: Position) -> Option<DistrictId> {
        Some(district_of(if position < at(BORDER) { WEST } else { EAST }))
    }
}

/// How far east of the first place the border is, in degrees.
const BORDER: f64 = 0.01;

impl Town {
    /// Both edges have taken their districts; a driver of each is listed: 1 in the west, 2 in the east.
    pub(crate) fn cut_off(timing: Timing) -> Self {
        let mut town = Self::suspicious(timing);
        for edge in [WEST, EAST] {
            town.take(edge);
        }
        town.pass_s(6, &[]);
        town
    }

    /// The same, while both edges only miss central.
    pub(crate) fn suspicious(timing: Timing) -> Self {
        let (places, calls, renewals) = (BTreeMap::new(), Vec::new(), Vec::new());
        let east = BTreeMap::from([(1, 0.005), (2, 0.005)]);
        let sessions = BTreeMap::new();
        let (now_ms, dropped) = (1_000_000, None);
        let mut town = Self { places, calls, renewals, now_ms, timing, sessions, east, dropped };
        for name in [CENTRAL, WEST, EAST] {
            town.start(name, Vec::new(), 1);
        }
        for (number, edge) in [(1, WEST), (2, EAST)] {
            town.command(CENTRAL, Command::ListDriver(driver(number, edge))).unwrap();
        }
        for edge in [WEST, EAST] {
            town.carry(CENTRAL, edge);
        }
        town.pass_s(20, &[]);
        town
    }

    pub(crate) fn take(&mut self, edge: &'static str) {
        self.command(edge, Command::TakeDistrict { district: district_of(edge) }).unwrap();
    }

    fn start(&mut self, name: &'static str, journal: Vec<Entry>, incarnation: u32) {
        let mut board = Board::default();
        for entry in &journal {
            board.apply(entry).unwrap();
        }
        let edges = [WEST, EAST].into_iter().filter(|edge| match name {
            CENTRAL => self.dropped != Some(edge),
            _ => *edge == name,
        });
        let districts = edges.map(|edge| {
            let zones = vec![format!("zone-{}", district_of(edge)).parse().unwrap()];
            (district_of(edge), DistrictConfig { zones, edge: Some(edge.parse().unwrap()) })
        });
        let others = [WEST, EAST].into_iter().filter(|other| name != CENTRAL && *other != name);
        let others = others.chain((name == EAST).then_some(SOUTH));
        let neighbours = others.map(|other| Neighbour {
            node: other.parse().unwrap(),
            district: district_of(other),
            border: vec![at(BORDER)],
        });
        let central = CENTRAL.parse().unwrap();
        let config = NodeConfig {
            id: name.parse().unwrap(),
            role: if name == CENTRAL { Role::Central } else { Role::Edge { central } },
            incarnation,
            districts: districts.collect(),
            pin_key: PinKey([7; 32]),
            neighbours: neighbours.collect(),
            timing: self.timing,
        };
        let node = Node::new(config, board, Arc::new(Halves), self.now());
        self.places.insert(name, Place { node, journal, notices: Vec::new(), incarnation });
        self.input(name, Input::Committed);
    }

    /// How many entries a node has stored.
    pub(crate) fn stored(&self, name: &str) -> usize {
        self.places[name].journal.len()
    }

    /// Starts a node on a copy of its disk with so many entries.
    pub(crate) fn start_on(&mut self, name: &'static str, entries: usize) {
        let mut place = self.places.remove(name).unwrap();
        place.journal.truncate(entries);
        self.start(name, place.journal, place.incarnation + 1);
    }

    /// The same, some time ago.
    pub(crate) fn restore(&mut self, name: &'static str, entries: usize) {
        self.start_on(name, entries);
        // It took its district by hand, and its lease has been out for long.
        self.pass_s(20, &[]);
    }

    fn now(&self) -> Now {
        let civil_ms = 1_700_000_000_000 + i64::try_from(self.now_ms).unwrap();
        Now { utc: UtcMs(civil_ms), ticks: Ticks(self.now_ms) }
    }

    fn input(&mut self, name: &'static str, input: Input) -> Option<Result<Answer, Refusal>> {
        let now = self.now();
        self.places.get_mut(name).unwrap().node.handle(input, now);
        self.drain(name)
    }

    fn drain(&mut self, name: &'static str) -> Option<Result<Answer, Refusal>> {
        let place = self.places.get_mut(name).unwrap();
        let mut reply = None;
        while let Some(output) = place.node.poll_output() {
            match output {
                Output::Append(entry) => place.journal.push(entry),
                Output::Notify(notice) => place.notices.push(notice),
                Output::Reply { result, .. } => reply = Some(*result),
                Output::CallNeighbour { to, .. } if to.as_str() == SOUTH => {}
                Output::CallNeighbour { to, call } => self.calls.push((name, edge_named(&to), call)),
                Output::Renew { renewal, .. } => self.renewals.push(renewal),
                Output::Relay { .. } | Output::ToDevice { .. } | Output::Changed(_) => {}
            }
        }
        reply
    }

    pub(crate) fn command(&mut self, name: &'static str, command: Command) -> Result<Answer, Refusal> {
        let input = Input::Command { request: 1, command: Box::new(command) };
        self.input(name, input).expect("every command is answered")
    }

    /// Lets time pass everywhere; drivers of `beating` beat at their edges every 5 s.
    pub(crate) fn pass_s(&mut self, seconds: u64, beating: &[u128]) {
        for second in 0..seconds {
            self.now_ms += 1_000;
            for name in [CENTRAL, WEST, EAST] {
                self.input(name, Input::Committed);
                for number in beating.iter().filter(|number| second % 5 == 0 && edge_of(**number) == name) {
                    self.messages(*number);
                }
                let now = self.now();
                self.places.get_mut(name).unwrap().node.handle_timeout(now);
                self.drain(name);
            }
        }
    }

    /// The same, and edges hear each other all the time.
    pub(crate) fn talk_s(&mut self, seconds: u64, beating: &[u128]) {
        for second in 0..seconds {
            self.pass_s(1, if second % 5 == 0 { beating } else { &[] });
            self.let_through();
        }
    }

    /// Lets time pass while central and one edge hear each other.
    pub(crate) fn hear_central_s(&mut self, seconds: u64, edge: &'static str) {
        for _ in 0..seconds {
            self.pass_s(1, &[]);
            self.carry(edge, CENTRAL);
            self.carry(CENTRAL, edge);
            let of_edge = |renewal: &Renewal| renewal.district == district_of(edge);
            let renewals = std::mem::take(&mut self.renewals);
            for renewal in renewals.into_iter().filter(of_edge) {
                if let Ok(Answer::Renewal(answer)) = self.command(edge, Command::Renew(renewal)) {
                    self.command(CENTRAL, Command::Renewed(answer)).unwrap();
                }
            }
        }
    }

    /// Lets waiting calls through, and those that follow from their answers.
    pub(crate) fn let_through(&mut self) {
        for _ in 0..6 {
            for _ in 0..self.calls.len() {
                self.let_one_through();
            }
        }
    }

    /// Lets the call that has waited longest through, and its answer back.
    pub(crate) fn let_one_through(&mut self) {
        let (from, to, call) = self.calls.remove(0);
        if let Ok(Answer::Loans(answer)) = self.command(to, Command::Borrow(call)) {
            // What was asked by a life that is over is refused.
            let _refused = self.command(from, Command::Lent(answer));
        }
    }

    pub(crate) fn carry(&mut self, from: &'static str, to: &'static str) {
        let place = &self.places[from];
        let (entries, heads) = (place.journal.clone(), place.node.board().heads().clone());
        self.input(
            to,
            Input::Page { from: from.parse().unwrap(), entries, heads, asked_at: self.now().ticks },
        );
    }

    /// A rider in the west, who gets texts of the west's edge, wants a taxi.
    pub(crate) fn book(&mut self) -> Result<Answer, Refusal> {
        let command = Command::Book {
            booking: booking(),
            district: district_of(WEST),
            zone: "zone-west".parse().unwrap(),
            request: request(),
        };
        self.command(WEST, command)
    }

    /// Another rider of the west asks for what no vehicle offers.
    pub(crate) fn book_in_vain(&mut self) {
        let wheelchair = Needs { wheelchair: true, ..Needs::default() };
        let command = Command::Book {
            booking: BookingId::from_number(11),
            district: district_of(WEST),
            zone: "zone-west".parse().unwrap(),
            request: Request { needs: wheelchair, digest: "11".into(), ..request() },
        };
        self.command(WEST, command).unwrap();
    }

    /// Every process is stopped for so long, and goes on.
    pub(crate) fn stop_s(&mut self, seconds: u64) {
        self.now_ms += 1_000 * seconds;
    }

    /// Central renews the lease of an edge.
    pub(crate) fn renew(&mut self, edge: &'static str) -> Result<Answer, Refusal> {
        let (district, heads) = (district_of(edge), ondol_core::journal::Heads::default());
        let (epoch, sent_at) = (ondol_core::authority::Epoch::default(), Ticks(0));
        self.command(edge, Command::Renew(Renewal { district, epoch, sent_at, heads }))
    }

    pub(crate) fn cancel(&mut self, name: &'static str) -> Result<Answer, Refusal> {
        let (by, reason) = (Party::Rider, CancelReason::ChangedMind);
        self.command(name, Command::Cancel { booking: booking(), by, reason })
    }

    /// The driver attaches at the edge of the own district.
    pub(crate) fn attach(&mut self, number: u128) {
        self.attach_with(number, Slot::default());
    }

    /// The same, on the way for what the phone has said yes to.
    pub(crate) fn attach_with(&mut self, number: u128, slot: Slot) {
        self.attach_at(edge_of(number), number, slot);
    }

    /// The same, at another node.
    pub(crate) fn attach_at(&mut self, node: &'static str, number: u128, slot: Slot) {
        let edge = edge_of(number);
        let attach = Attach {
            shift: ShiftId::from_number(number),
            device: DeviceId::from_number(number),
            driver: DriverId::from_number(number),
            district: district_of(edge),
            start: ShiftStart {
                driver: DriverId::from_number(number),
                vehicle: driver(number, edge).vehicle,
                fleet: "blue".parse().unwrap(),
                serialiser: Serialiser::Device { device: DeviceId::from_number(number) },
                at: self.now().utc,
            },
            attach_epoch: u64::from(self.places[edge].incarnation) + u64::from(node != edge),
            slot,
            duty: (1, Duty::Available),
            position: Some(at(self.east[&number])),
            keeps_capsules: true,
        };
        let Ok(Answer::Attached { session }) = self.command(node, Command::Attach(attach)) else {
            panic!("a listed driver attaches")
        };
        self.sessions.insert(number, session);
    }

    /// What the driver's edge has to say to the phone.
    pub(crate) fn messages(&mut self, number: u128) -> Vec<ToDevice> {
        self.beat(number).messages
    }

    /// As long as the driver is asked home.
    pub(crate) fn asked_home(&mut self, number: u128) -> Option<AskedHome> {
        self.beat(number).asked_home
    }

    pub(crate) fn beat(&mut self, number: u128) -> BeatAnswer {
        let edge = edge_of(number);
        let beat = Beat {
            shift: ShiftId::from_number(number),
            device: DeviceId::from_number(number),
            district: district_of(edge),
            session: self.sessions.get(&number).cloned(),
            hears_central: false,
            position: Some(at(self.east[&number])),
            slot: Slot::default(),
        };
        match self.command(edge, Command::Beat(beat)) {
            Ok(Answer::Beat(answer)) => answer,
            other => panic!("a beat is answered: {other:?}"),
        }
    }

    /// What the driver is asked.
    pub(crate) fn offer(&mut self, number: u128) -> Option<Offer> {
        let messages = self.messages(number).into_iter();
        messages.filter_map(|m| if let ToDevice::Offer(offer) = m { Some(*offer) } else { None }).next()
    }

    pub(crate) fn step(&mut self, number: u128, offer: &Offer, what: Step) -> Result<Answer, Refusal> {
        self.step_at(edge_of(number), number, offer, what)
    }

    /// The same, at another node.
    pub(crate) fn step_at(
        &mut self,
        node: &'static str,
        number: u128,
        offer: &Offer,
        what: Step,
    ) -> Result<Answer, Refusal> {
        let edge = edge_of(number);
        let (booking, assignment) = (offer.booking, offer.assignment.clone());
        let report = Report {
            shift: ShiftId::from_number(number),
            device: DeviceId::from_number(number),
            district: district_of(edge),
            what: Happening::Step { booking, assignment, what },
            at: self.now().utc,
        };
        self.command(node, Command::Report(report))
    }

    /// The driver's phone brings what it kept of an offer.
    pub(crate) fn bring(&mut self, number: u128, capsule: Capsule) -> Result<Answer, Refusal> {
        self.bring_to(edge_of(number), number, capsule)
    }

    /// The same, to another node.
    pub(crate) fn bring_to(
        &mut self,
        node: &'static str,
        number: u128,
        capsule: Capsule,
    ) -> Result<Answer, Refusal> {
        let edge = edge_of(number);
        let (shift, device) = (ShiftId::from_number(number), DeviceId::from_number(number));
        let (driver, district) = (DriverId::from_number(number), district_of(edge));
        self.command(node, Command::Restore(Box::new(Restore { shift, device, driver, district, capsule })))
    }

    /// What a node knows of the booking in a district.
    pub(crate) fn record(&self, name: &str, district: &str) -> Option<BookingRecord> {
        let board = self.places[name].node.board().district(&district.parse().unwrap())?;
        board.bookings.get(&booking()).cloned()
    }

    /// What an edge shows of the booking.
    pub(crate) fn status(&self, edge: &str) -> Option<Status> {
        self.record(edge, district_of(edge).as_str()).map(|record| record.status())
    }

    /// What central tells operators of the west about.
    pub(crate) fn conflicts(&self) -> Vec<Conflict> {
        let board = self.places[CENTRAL].node.board();
        report(board, &district_of(WEST), UtcMs(0), UtcMs(i64::MAX)).conflicts
    }

    /// How many entries of a kind a node has stored.
    pub(crate) fn count(&self, name: &str, kind: &str) -> usize {
        self.places[name].journal.iter().filter(|entry| entry.kind == kind).count()
    }

    pub(crate) fn notices(&self, name: &str) -> &[Notice] {
        &self.places[name].notices
    }

    /// True if the rider, who asked in the west, is asked there or by `name` whether a taxi is still wanted.
    pub(crate) fn asks_if_still_wanted(&self, name: &str) -> bool {
        let district = if name == CENTRAL { district_of(WEST) } else { district_of(name) };
        self.places[name].node.asks_if_still_wanted(&district, booking())
    }
}

fn edge_named(node: &NodeId) -> &'static str {
    [WEST, EAST].into_iter().find(|edge| *edge == node.as_str()).expect("one of the two edges")
}

fn edge_of(number: u128) -> &'static str {
    if number == 1 { WEST } else { EAST }
}

/// A place so many degrees east of the first one.
pub(crate) fn at(east: f64) -> Position {
    Position::new(37.5, 127.0 + east).unwrap()
}

fn driver(number: u128, edge: &str) -> Driver {
    Driver {
        driver: DriverId::from_number(number),
        subject: SubjectId::from_number(1_000 + number),
        fleet: "blue".parse().unwrap(),
        district: district_of(edge),
        phone: None,
        personal: None,
        lang: Lang::Ko,
        secret_digest: String::new(),
        home: None,
        vehicle: Vehicle {
            vehicle: VehicleId::from_number(number),
            plate: format!("서울33바{number:04}"),
            seats: 4,
            needs: Needs::default(),
        },
        banned: false,
    }
}

fn request() -> Request {
    Request {
        text_home: Some(WEST.parse().unwrap()),
        digest: "10".into(),
        payment: Payment::Deferred,
        ..Request::plain(Door::Sms, at(0.0), SubjectId::from_number(10))
    }
}
