//! Central, an edge and two phones, all as shipped, with everything on the way between them in the test's hands.

use std::collections::BTreeMap;
use std::sync::Arc;

use ondol_core::board::Board;
use ondol_core::booking::{CancelReason, Door, Needs, Party};
use ondol_core::command::{self, Command, Refusal, Renewal, RenewalAnswer};
use ondol_core::face::{DistrictConfig, Input as NodeInput, NodeConfig, Output as NodeOutput, Role, Timing};
use ondol_core::fact::{Driver, Lang, Request, Vehicle};
use ondol_core::ids::{BookingId, DeviceId, DistrictId, DriverId, NodeId, ShiftId, SubjectId, VehicleId};
use ondol_core::journal::Entry;
use ondol_core::node::Node;
use ondol_core::pin::PinKey;
use ondol_core::travel::StraightLine;
use ondol_core::units::{Now, Ticks, UtcMs};

use super::bench::here;
use crate::device::Device;
use crate::durable::Durable;
use crate::face::{Answer, Config, Input, Message};
use crate::wire::{
    Attach, Attached, BeatAnswer, Endpoint, EndpointRole, PositionAnswer, Problem, Push, ReportAnswer,
    ReportBatch, ReportResult, RiderTexts, Who,
};

mod agreed;
mod phones;

use phones::Phone;

/// Central is 0, the edge 1.
pub(super) const NODES: usize = 2;
pub(super) const PHONES: usize = 2;
/// Messages on the way; what comes beyond is lost.
const FLYING_MAX: usize = 200;

/// Something on the way.
#[derive(Debug, Clone)]
enum Flying {
    Asked { node: usize, phone: usize, life: u32, request: u64, message: Box<Message> },
    Answered { phone: usize, life: u32, request: u64, answer: Box<Answer> },
    Pushed { phone: usize, from: usize, push: Box<Push> },
    Renew(Renewal),
    Renewed(RenewalAnswer),
}

struct Place {
    node: Node,
    journal: Vec<Entry>,
    life: u32,
    /// The highest epoch under which each phone was attached here, over all lives.
    attached: BTreeMap<usize, u64>,
}

/// Everything there is.
pub(super) struct Town {
    now_ms: u64,
    places: Vec<Place>,
    phones: Vec<Phone>,
    flying: Vec<Flying>,
}

fn node_id(node: usize) -> NodeId {
    ["central", "edge"][node].parse().unwrap()
}

fn district() -> DistrictId {
    "north".parse().unwrap()
}

fn driver_id(phone: usize) -> DriverId {
    DriverId::from_number(0x100 + phone as u128)
}

fn vehicle(phone: usize) -> Vehicle {
    let (plate, needs) = (format!("서울33바{phone:04}"), Needs::default());
    Vehicle { vehicle: VehicleId::from_number(phone as u128), plate, seats: 4, needs }
}

fn booking(number: u64) -> BookingId {
    BookingId::from_number(0x1000 + u128::from(number))
}

fn request(number: u64) -> Request {
    Request {
        digest: format!("{number}"),
        ..Request::plain(Door::Web, here(), SubjectId::from_number(number.into()))
    }
}

impl Town {
    /// Both nodes hold the roster, central has the lease, and both phones are attached to it.
    pub(super) fn new() -> Self {
        let mut town = Self { now_ms: 1_000_000, places: Vec::new(), phones: Vec::new(), flying: Vec::new() };
        for node in 0..NODES {
            let place = town.start(node, Vec::new(), 1, BTreeMap::new());
            town.places.push(place);
        }
        for phone in 0..PHONES {
            let listed = Driver {
                driver: driver_id(phone),
                subject: SubjectId::from_number(0x200 + phone as u128),
                fleet: "blue".parse().unwrap(),
                district: district(),
                phone: None,
                personal: None,
                lang: Lang::Ko,
                secret_digest: String::new(),
                home: None,
                vehicle: vehicle(phone),
                banned: false,
            };
            town.command(0, Command::ListDriver(listed)).unwrap();
            let number = 1 + phone as u128;
            let endpoints = [(0, EndpointRole::Central), (1, EndpointRole::Edge)]
                .map(|(node, role)| Endpoint { node: node_id(node), role, url: String::new() });
            let (shift, device) = (ShiftId::from_number(number), DeviceId::from_number(number));
            let stored = Durable::new(shift, device, endpoints.to_vec(), town.now().utc);
            let device =
                Device::new(stored.clone(), Config { seed: phone as u64, ..Config::default() }, town.now());
            town.phones.push(Phone { device, stored, life: 0, asked_epoch: 0, outputs_left: usize::MAX });
            town.input(phone, Input::Fix(here()));
        }
        town.rest(30);
        assert!((0..PHONES).all(|phone| town.attached_at(phone) == vec![0]), "both are attached to central");
        town
    }

    fn now(&self) -> Now {
        let utc = 1_700_000_000_000 + i64::try_from(self.now_ms).unwrap();
        Now { utc: UtcMs(utc), ticks: Ticks(self.now_ms) }
    }

    fn start(&self, node: usize, journal: Vec<Entry>, life: u32, attached: BTreeMap<usize, u64>) -> Place {
        let role = if node == 0 { Role::Central } else { Role::Edge { central: node_id(0) } };
        let zones = vec!["z1".parse().unwrap()];
        let served = DistrictConfig { zones, edge: Some(node_id(1)) };
        let config = NodeConfig {
            id: node_id(node),
            role,
            incarnation: life,
            districts: BTreeMap::from([(district(), served)]),
            pin_key: PinKey([7; 32]),
            neighbours: Vec::new(),
            timing: Timing::default(),
        };
        let mut board = Board::default();
        for entry in &journal {
            board.apply(entry).unwrap();
        }
        Place { node: Node::new(config, board, Arc::new(StraightLine), self.now()), journal, life, attached }
    }

    /// The process dies and starts again on its journal.
    pub(super) fn restart_node(&mut self, node: usize) {
        let place = &self.places[node];
        let place = self.start(node, place.journal.clone(), place.life + 1, place.attached.clone());
        self.places[node] = place;
        self.feed(node, NodeInput::Committed);
    }

    /// Hands an input in and carries out what comes of it; the disk is done at once.
    fn feed(&mut self, node: usize, input: NodeInput) -> Option<Result<command::Answer, Refusal>> {
        let now = self.now();
        self.places[node].node.handle(input, now);
        self.drain(node)
    }

    fn drain(&mut self, node: usize) -> Option<Result<command::Answer, Refusal>> {
        let mut reply = None;
        while let Some(output) = self.places[node].node.poll_output() {
            match output {
                NodeOutput::Append(entry) => self.places[node].journal.push(entry),
                NodeOutput::Reply { result, .. } => reply = Some(*result),
                NodeOutput::ToDevice { device, message } => {
                    let phone = self.phones.iter().position(|phone| phone.stored.device == device).unwrap();
                    let push = Box::new(Push::new(&message, RiderTexts::default()));
                    self.fly(Flying::Pushed { phone, from: node, push });
                }
                NodeOutput::Renew { renewal, .. } => self.fly(Flying::Renew(renewal)),
                NodeOutput::Relay { .. }
                | NodeOutput::Notify(_)
                | NodeOutput::CallNeighbour { .. }
                | NodeOutput::Changed(_) => {}
            }
        }
        reply
    }

    fn command(&mut self, node: usize, command: Command) -> Result<command::Answer, Refusal> {
        let command = Box::new(command);
        self.feed(node, NodeInput::Command { request: 1, command }).expect("every command is answered")
    }

    pub(super) fn book(&mut self, node: usize, number: u64) {
        let (zone, request) = ("z1".parse().unwrap(), request(number));
        let book = Command::Book { booking: booking(number), district: district(), zone, request };
        self.command(node, book).expect("a sound booking is taken");
    }

    /// The rider cancels, or an operator takes the booking back from its driver.
    pub(super) fn undo(&mut self, node: usize, number: u64, by: Party) {
        let booking = booking(number);
        let command = match by {
            Party::Operator => Command::Recall { booking },
            Party::Rider | Party::Driver | Party::System => {
                Command::Cancel { booking, by, reason: CancelReason::ChangedMind }
            }
        };
        // What has boarded, or was never asked for here, is refused.
        drop(self.command(node, command));
    }

    /// Carries entries one way.
    pub(super) fn carry_entries(&mut self, from: usize) {
        let entries = self.places[from].journal.clone();
        let heads = self.places[from].node.board().heads().clone();
        self.feed(
            1 - from,
            NodeInput::Page { from: node_id(from), entries, heads, asked_at: self.now().ticks },
        );
    }

    fn fly(&mut self, flying: Flying) {
        if self.flying.len() < FLYING_MAX {
            self.flying.push(flying);
        }
    }

    /// How much is on the way.
    pub(super) fn on_the_way(&self) -> usize {
        self.flying.len()
    }

    pub(super) fn lose(&mut self, which: usize) {
        self.flying.remove(which);
    }

    /// One message arrives, in whatever order; its copy stays on the way if it comes twice.
    pub(super) fn deliver(&mut self, which: usize, twice: bool) {
        let flying = if twice { self.flying[which].clone() } else { self.flying.remove(which) };
        match flying {
            Flying::Asked { node, phone, life, request, message } => {
                let answer = Box::new(self.asked(node, phone, *message));
                self.fly(Flying::Answered { phone, life, request, answer });
            }
            // An answer to an earlier life's request has nobody to go to.
            Flying::Answered { phone, life, request, answer } => {
                if self.phones[phone].life == life {
                    self.input(phone, Input::Answer { request, answer: *answer });
                }
            }
            Flying::Pushed { phone, from, push } => {
                self.input(phone, Input::Push { from: node_id(from), push: *push });
            }
            Flying::Renew(renewal) => {
                if let Ok(command::Answer::Renewal(answer)) = self.command(1, Command::Renew(renewal)) {
                    self.fly(Flying::Renewed(answer));
                }
            }
            Flying::Renewed(answer) => drop(self.command(0, Command::Renewed(answer))),
        }
    }

    fn asked(&mut self, node: usize, phone: usize, message: Message) -> Answer {
        let who = Who {
            driver: driver_id(phone),
            district: district(),
            fleet: "blue".parse().unwrap(),
            vehicle: vehicle(phone),
        };
        let result = match message {
            Message::Attach(attach) => self.attach(node, phone, attach, &who),
            Message::Beat(beat) => self.command(node, Command::Beat(beat.into_command(district()))),
            Message::Reports(batch) => return self.reports(node, batch),
            Message::Positions(batch) => {
                let stored = batch.fixes.iter().map(|fix| fix.number).collect();
                return Answer::Positions(PositionAnswer { stored });
            }
        };
        match result {
            Ok(command::Answer::Attached { session }) => {
                Answer::Attached(Attached { node: node_id(node), session, capsules: Vec::new() })
            }
            Ok(command::Answer::Beat(beat)) => {
                Answer::Beat(BeatAnswer::new(&beat, |_| RiderTexts::default(), None))
            }
            Ok(other) => panic!("a phone is not answered by {other:?}"),
            Err(refusal) => {
                let (code, detail) = (refusal.code().to_owned(), refusal.to_string());
                Answer::Refused(Problem { code, detail, retry: refusal.is_transient() })
            }
        }
    }

    /// A node attaches a phone under no lower epoch than under any it, or anybody it has heard of, has before.
    fn attach(
        &mut self,
        node: usize,
        phone: usize,
        attach: Attach,
        who: &Who,
    ) -> Result<command::Answer, Refusal> {
        let epoch = attach.attach_epoch;
        let known = self.known_epoch(node, phone);
        let result = self.command(node, Command::Attach(attach.into_command(who)));
        if epoch < known {
            assert_eq!(result, Err(Refusal::StaleAttach), "epoch {epoch} after {known}");
        }
        if result.is_ok() {
            let highest = self.places[node].attached.entry(phone).or_default();
            assert!(epoch >= *highest, "node {node} attached epoch {epoch} after {highest}");
            *highest = epoch;
            assert_eq!(self.known_epoch(node, phone), epoch);
        }
        result
    }

    /// The epoch under which a phone is attached, as far as a node's journal knows.
    fn known_epoch(&self, node: usize, phone: usize) -> u64 {
        let record = self.places[node].node.board().shift(self.shift(phone));
        record.and_then(|(_, shift)| Some(shift.attached.as_ref()?.0)).unwrap_or(0)
    }

    fn reports(&mut self, node: usize, batch: ReportBatch) -> Answer {
        let commands: Vec<_> = batch.into_commands(&district()).collect();
        let results = commands.into_iter().map(|(number, report)| {
            let report = report.expect("what this phone tells is within its bounds");
            ReportResult::new(number, &self.command(node, Command::Report(report)))
        });
        Answer::Reports(ReportAnswer { results: results.collect(), corrected: Vec::new() })
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
        for node in 0..NODES {
            self.feed(node, NodeInput::Committed);
            let now = self.now();
            self.places[node].node.handle_timeout(now);
            self.drain(node);
        }
        for phone in 0..PHONES {
            let now = self.now();
            self.phones[phone].device.handle_timeout(now);
            self.drain_phone(phone);
        }
    }

    /// Nothing is lost, late or out of order any more for so long.
    pub(super) fn rest(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.pass(1_000);
            (0..NODES).for_each(|node| self.carry_entries(node));
            for _ in 0..FLYING_MAX {
                if !self.flying.is_empty() {
                    self.deliver(0, false);
                }
            }
        }
        // What the last second has brought, and what each node wrote when it read that.
        for _ in 0..3 {
            (0..NODES).for_each(|node| self.carry_entries(node));
        }
    }
}
