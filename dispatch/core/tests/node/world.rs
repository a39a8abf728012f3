//! Central and one edge on a clock that the test moves.

use std::collections::BTreeMap;
use std::sync::Arc;

use ondol_core::board::Board;
use ondol_core::booking::{CancelReason, Party, Payment};
use ondol_core::command::{
    Answer, Attach, Beat, Command, Happening, Held, HomeAnswer, HomeCommand, HomeWish, Notice, Offer,
    Refusal, Relay, Renewal, Report, Slot, ToDevice,
};
use ondol_core::face::{DistrictConfig, Input, NodeConfig, Output, Role, Timing};
use ondol_core::fact::{Quote, Request, ShiftStart, Step};
use ondol_core::ids::{
    AssignmentId, BookingId, CommandId, DeviceId, DistrictId, DriverId, ShiftId, SubjectId,
};
use ondol_core::journal::Entry;
use ondol_core::node::{Mode, Node};
use ondol_core::pin::PinKey;
use ondol_core::shift::{Duty, Serialiser};
use ondol_core::units::{Money, Now, Ticks, UtcMs};

use crate::roster::{at, driver, plain, vehicle};

pub(crate) const CENTRAL: &str = "central";
pub(crate) const EDGE: &str = "edge";

struct Place {
    node: Node,
    journal: Vec<Entry>,
    notices: Vec<Notice>,
    renewals: Vec<Renewal>,
    /// What phones were told to let go of between their beats.
    revoked: Vec<AssignmentId>,
    /// What the edge has told of drivers and central has not heard.
    relays: Vec<Relay>,
    incarnation: u32,
}

mod copy;
mod cut;
mod look;
mod near;
mod roads;

use roads::Roads;

/// Nodes and what they made durable.
pub(crate) struct World {
    places: BTreeMap<&'static str, Place>,
    now_ms: u64,
    has_edge: bool,
    sessions: BTreeMap<(&'static str, u128), String>,
    slots: BTreeMap<u128, Slot>,
    /// What phones say of their duty when they attach; available if nothing is set.
    duties: BTreeMap<u128, (u64, Duty)>,
    hears_central: bool,
    /// How wrong every civil clock is.
    civil_error_ms: i64,
    /// How wrong the edge's is beside.
    edge_error_ms: i64,
    /// Where the drivers are.
    east: f64,
    /// What comes of entries of the edge's on the way to central.
    pub(crate) spoil: Option<fn(Vec<Entry>) -> Vec<Entry>>,
    /// Phones know where they are.
    pub(crate) has_fix: bool,
}

impl World {
    pub(crate) fn without_edge() -> Self {
        Self::new(false)
    }

    pub(crate) fn with_edge() -> Self {
        Self::new(true)
    }

    fn new(has_edge: bool) -> Self {
        let mut world = Self {
            places: BTreeMap::new(),
            now_ms: 1_000_000,
            has_edge,
            sessions: BTreeMap::new(),
            slots: BTreeMap::new(),
            duties: BTreeMap::new(),
            hears_central: true,
            civil_error_ms: 0,
            edge_error_ms: 0,
            east: 0.005,
            has_fix: true,
            spoil: None,
        };
        world.start(CENTRAL, Board::default(), Vec::new(), 1);
        if has_edge {
            world.start(EDGE, Board::default(), Vec::new(), 1);
        }
        world.list();
        world
    }

    /// The office lists drivers and the stand at central.
    fn list(&mut self) {
        for number in [1, 2, 3, 4, 5, 6, 50] {
            self.command(CENTRAL, Command::ListDriver(driver(number))).unwrap();
        }
        let stand = Command::ListStand {
            stand: "7".parse().unwrap(),
            name_ko: "시청".into(),
            name_en: "City Hall".into(),
            position: at(0.01),
            district: Self::district(),
        };
        self.command(CENTRAL, stand).unwrap();
    }

    pub(crate) fn district() -> DistrictId {
        "north".parse().unwrap()
    }

    pub(crate) fn booking(number: u128) -> BookingId {
        BookingId::from_number(number)
    }

    fn start(&mut self, name: &'static str, board: Board, journal: Vec<Entry>, incarnation: u32) {
        let role =
            if name == CENTRAL { Role::Central } else { Role::Edge { central: CENTRAL.parse().unwrap() } };
        let district = DistrictConfig {
            zones: vec!["z1".parse().unwrap()],
            edge: self.has_edge.then(|| EDGE.parse().unwrap()),
        };
        let config = NodeConfig {
            id: name.parse().unwrap(),
            role,
            incarnation,
            districts: BTreeMap::from([(Self::district(), district)]),
            pin_key: PinKey([7; 32]),
            neighbours: Vec::new(),
            timing: Timing::default(),
        };
        let node = Node::new(config, board, Arc::new(Roads), self.now(name));
        self.places.insert(
            name,
            Place {
                node,
                journal,
                notices: Vec::new(),
                renewals: Vec::new(),
                relays: Vec::new(),
                revoked: Vec::new(),
                incarnation,
            },
        );
        self.input(name, Input::Committed);
    }

    /// Kills the node and starts it on its journal.
    pub(crate) fn restart(&mut self, name: &'static str) {
        let place = self.places.remove(name).unwrap();
        let mut board = Board::default();
        for entry in &place.journal {
            board.apply(entry).unwrap();
        }
        self.start(name, board, place.journal, place.incarnation + 1);
    }

    pub(crate) fn now(&self, name: &str) -> Now {
        let error_ms = self.civil_error_ms + if name == EDGE { self.edge_error_ms } else { 0 };
        let civil_ms = 1_700_000_000_000 + i64::try_from(self.now_ms).unwrap() + error_ms;
        Now { utc: UtcMs(civil_ms), ticks: Ticks(self.now_ms) }
    }

    fn place(&mut self, name: &str) -> &mut Place {
        self.places.get_mut(name).unwrap()
    }

    fn input(&mut self, name: &str, input: Input) -> Option<Result<Answer, Refusal>> {
        let now = self.now(name);
        let place = self.place(name);
        place.node.handle(input, now);
        let reply = Self::drain(place);
        self.check_near(name);
        reply
    }

    fn drain(place: &mut Place) -> Option<Result<Answer, Refusal>> {
        let mut reply = None;
        while let Some(output) = place.node.poll_output() {
            match output {
                Output::Append(entry) => place.journal.push(entry),
                Output::Notify(notice) => place.notices.push(notice),
                Output::Reply { result, .. } => reply = Some(*result),
                Output::Renew { renewal, .. } => place.renewals.push(renewal),
                Output::Relay { relay, .. } => place.relays.push(relay),
                Output::ToDevice { message: ToDevice::Revoke { assignment, .. }, .. } => {
                    place.revoked.push(assignment);
                }
                Output::ToDevice { .. } | Output::CallNeighbour { .. } | Output::Changed(_) => {}
            }
        }
        reply
    }

    pub(crate) fn command(&mut self, name: &str, command: Command) -> Result<Answer, Refusal> {
        self.input(name, Input::Command { request: 1, command: Box::new(command) })
            .expect("every command is answered")
    }

    /// The shift of a driver on duty.
    pub(crate) fn shift_of(&self, name: &str, driver: u128) -> ShiftId {
        let board = self.places[name].node.board().district(&Self::district()).unwrap();
        board.shift_of(DriverId::from_number(driver)).unwrap().id
    }

    /// Lets central's last renewal reach the edge, and the answer reach central.
    pub(crate) fn renew_once(&mut self) {
        if let Some(renewal) = self.place(CENTRAL).renewals.pop() {
            self.renew_with(renewal);
        }
    }

    /// Lets a renewal reach the edge, and the answer reach central.
    pub(crate) fn renew_with(&mut self, renewal: Renewal) {
        if let Ok(Answer::Renewal(answer)) = self.command(EDGE, Command::Renew(renewal)) {
            self.command(CENTRAL, Command::Renewed(answer)).unwrap();
        }
    }

    /// Runs until central holds the lease.
    pub(crate) fn settle(&mut self) {
        for _ in 0..8 {
            self.sync();
            self.pass_ms(CENTRAL, 1_000, &[]);
            self.pass_ms(EDGE, 0, &[]);
            self.renew_once();
        }
        assert_eq!(self.mode(CENTRAL), Mode::Normal);
    }

    /// Lets time pass at one node in steps of a second, while the disk works and `shifts` beat every 5 s.
    pub(crate) fn pass_ms(&mut self, name: &'static str, ms: u64, shifts: &[u128]) {
        for step in 0..ms.div_ceil(1_000).max(1) {
            if ms > 0 {
                self.now_ms += 1_000;
            }
            self.input(name, Input::Committed);
            if step % 5 == 0 {
                for shift in shifts {
                    self.beat(name, *shift);
                }
            }
            let now = self.now(name);
            let place = self.place(name);
            place.node.handle_timeout(now);
            Self::drain(place);
            self.check_near(name);
        }
    }

    pub(crate) fn book(&mut self, name: &str, number: u128) -> Result<Answer, Refusal> {
        self.book_at(name, number, 0.0)
    }

    pub(crate) fn book_at(&mut self, name: &str, number: u128, east: f64) -> Result<Answer, Refusal> {
        self.book_as(
            name,
            number,
            Request { pickup: at(east), digest: format!("{number}@{east}"), ..plain() },
        )
    }

    /// Books for a rider who pays later, having seen a fare or not.
    pub(crate) fn book_deferred(
        &mut self,
        name: &str,
        number: u128,
        shown: Option<i64>,
    ) -> Result<Answer, Refusal> {
        let quote = shown.map(|fare| Quote { fare: Money(fare), tariff: "t".into() });
        self.book_as(name, number, Request { payment: Payment::Deferred, quote, ..plain() })
    }

    pub(crate) fn book_as(&mut self, name: &str, number: u128, request: Request) -> Result<Answer, Refusal> {
        let command = Command::Book {
            booking: Self::booking(number),
            district: Self::district(),
            zone: "z1".parse().unwrap(),
            request: Request { rider: SubjectId::from_number(number), ..request },
        };
        self.now_ms += 1_000;
        let answer = self.command(name, command);
        let now = self.now(name);
        let place = self.place(name);
        place.node.handle_timeout(now);
        Self::drain(place);
        answer
    }

    pub(crate) fn cancel(&mut self, name: &str, number: u128) -> Result<Answer, Refusal> {
        let booking = Self::booking(number);
        self.command(name, Command::Cancel { booking, by: Party::Rider, reason: CancelReason::ChangedMind })
    }

    /// Moves all phones that are heard from now on.
    pub(crate) fn move_to(&mut self, east: f64) {
        self.east = east;
    }

    pub(crate) fn attach_at(&mut self, name: &'static str, shift: u128, east: f64) {
        self.east = east;
        self.attach(name, shift);
    }

    /// Lets time pass while `shift` beats from one place.
    pub(crate) fn pass_at_ms(&mut self, name: &'static str, ms: u64, shift: u128, east: f64) {
        self.east = east;
        self.pass_ms(name, ms, &[shift]);
    }

    /// The stand whose queue a shift waits in.
    pub(crate) fn stand_of(&self, name: &str, shift: u128) -> Option<String> {
        let (_, record) = self.places[name].node.board().shift(ShiftId::from_number(shift))?;
        record.waits_at().map(|(stand, _)| stand.to_string())
    }

    pub(crate) fn texts_remembered(&self, name: &str, driver: u128) -> usize {
        let board = self.places[name].node.board().district(&Self::district()).unwrap();
        board.texts.get(&DriverId::from_number(driver)).map_or(0, Vec::len)
    }

    /// Shifts at the stand, the first one first.
    pub(crate) fn queue(&self, name: &str) -> Vec<ShiftId> {
        let board = self.places[name].node.board().district(&Self::district()).unwrap();
        board.queue(&"7".parse().unwrap())
    }

    /// Changes a duty on the phone, and tells it to nobody.
    pub(crate) fn set_duty(&mut self, shift: u128, number: u64, duty: Duty) {
        self.duties.insert(shift, (number, duty));
    }

    /// Says what the phone of `shift` holds.
    pub(crate) fn hold(&mut self, shift: u128, slot: Slot) {
        self.slots.insert(shift, slot);
    }

    pub(crate) fn is_on_duty(&self, name: &str, shift: u128) -> bool {
        let board = self.places[name].node.board();
        board.shift(ShiftId::from_number(shift)).is_some_and(|(_, shift)| shift.is_on_duty())
    }

    pub(crate) fn attach(&mut self, name: &'static str, shift: u128) {
        self.attach_as(name, shift, shift, 1).unwrap();
    }

    pub(crate) fn attach_again(&mut self, name: &'static str, shift: u128, epoch: u64) {
        self.attach_as(name, shift, shift, epoch).unwrap();
        self.pass_ms(name, 1_000, &[shift]);
    }

    pub(crate) fn attach_as(
        &mut self,
        name: &'static str,
        shift: u128,
        driver: u128,
        attach_epoch: u64,
    ) -> Result<(), Refusal> {
        let slot = self.slots.get(&shift).cloned().unwrap_or_default();
        let attach = Attach {
            shift: ShiftId::from_number(shift),
            device: DeviceId::from_number(shift),
            driver: DriverId::from_number(driver),
            district: Self::district(),
            start: ShiftStart {
                driver: DriverId::from_number(driver),
                vehicle: vehicle(driver),
                fleet: "blue".parse().unwrap(),
                serialiser: Serialiser::Device { device: DeviceId::from_number(shift) },
                at: UtcMs(0),
            },
            attach_epoch,
            slot,
            duty: self.duties.get(&shift).copied().unwrap_or((1, Duty::Available)),
            position: self.has_fix.then(|| at(self.east)),
            keeps_capsules: true,
        };
        match self.command(name, Command::Attach(attach))? {
            Answer::Attached { session } => self.sessions.insert((name, shift), session),
            other => panic!("{other:?}"),
        };
        Ok(())
    }

    fn beat(&mut self, name: &'static str, shift: u128) -> Vec<ToDevice> {
        let beat = Beat {
            shift: ShiftId::from_number(shift),
            device: DeviceId::from_number(shift),
            district: Self::district(),
            session: self.sessions.get(&(name, shift)).cloned(),
            hears_central: self.hears_central,
            position: self.has_fix.then(|| at(self.east)),
            slot: self.slots.get(&shift).cloned().unwrap_or_default(),
        };
        match self.command(name, Command::Beat(beat)) {
            Ok(Answer::Beat(answer)) => answer.messages,
            other => panic!("{other:?}"),
        }
    }

    /// What a beat brings.
    pub(crate) fn messages(&mut self, name: &'static str, shift: u128) -> Vec<ToDevice> {
        self.beat(name, shift)
    }

    pub(crate) fn offer_for(&mut self, name: &'static str, shift: u128) -> Option<Offer> {
        self.beat(name, shift).into_iter().find_map(|message| match message {
            ToDevice::Offer(offer) => Some(*offer),
            _ => None,
        })
    }

    pub(crate) fn accept(&mut self, name: &str, shift: u128, offer: &Offer) -> Result<Answer, Refusal> {
        let held = Held {
            booking: offer.booking,
            assignment: offer.assignment.clone(),
            confirmed: false,
            boarded: false,
        };
        self.slots.insert(shift, Slot { current: Some(held), next: None });
        self.step(name, shift, offer, Step::Assigned)
    }

    pub(crate) fn step(
        &mut self,
        name: &str,
        shift: u128,
        offer: &Offer,
        what: Step,
    ) -> Result<Answer, Refusal> {
        if matches!(what, Step::Released { .. } | Step::Done { .. }) {
            self.slots.remove(&shift);
        }
        let (booking, assignment) = (offer.booking, offer.assignment.clone());
        self.report(name, shift, Happening::Step { booking, assignment, what })
    }

    pub(crate) fn report(&mut self, name: &str, shift: u128, what: Happening) -> Result<Answer, Refusal> {
        self.report_at(name, shift, what, 0)
    }

    /// Reports what the phone says happened this long after now; before, if it is negative.
    pub(crate) fn report_at(
        &mut self,
        name: &str,
        shift: u128,
        what: Happening,
        after_ms: i64,
    ) -> Result<Answer, Refusal> {
        let report = Report {
            shift: ShiftId::from_number(shift),
            device: DeviceId::from_number(shift),
            district: Self::district(),
            what,
            at: UtcMs(self.now(name).utc.0 + after_ms),
        };
        self.command(name, Command::Report(report))
    }

    pub(crate) fn home(
        &mut self,
        name: &str,
        driver: u128,
        command: u128,
        what: HomeWish,
    ) -> Result<HomeAnswer, Refusal> {
        let command = HomeCommand {
            command: CommandId::from_number(1_000 + command),
            driver: DriverId::from_number(driver),
            what,
        };
        match self.command(name, Command::Home(command))? {
            Answer::Home(answer) => Ok(answer),
            other => panic!("{other:?}"),
        }
    }
}
