//! The world of a run: places, what happens at them, and what they say to each other.

use std::collections::{BTreeMap, VecDeque};

use ondol_core::capsule::Capsule;
use ondol_core::command::{Answer, Command, Refusal};
use ondol_core::fact::Driver;
use ondol_core::ids::{AssignmentId, BookingId, CommandId, DistrictId, DriverId, NodeId};
use ondol_core::journal::{Entry, Heads};
use ondol_core::pin::PinKey;
use ondol_core::position::Position;
use ondol_device::wire;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::carrier::Carrier;
use super::checkers::Checkers;
use super::clock::{Agenda, Clock, Ms};
use super::net::{Net, Place};
use super::schedule::Schedule;

mod capsules;
mod config;
mod device;
mod disk;
mod disturb;
mod driver;
mod liars;
pub(crate) mod life;
mod map;
mod node;
mod pause;
mod people;
mod pull;
mod settled;
mod texts;
pub(crate) mod town;

pub(crate) use device::DevicePlace;
pub(crate) use node::NodePlace;
pub(crate) use people::RiderPlace;
use pull::Pull;
pub(crate) use texts::{PhonePlace, TextPlace};
pub(crate) use town::Town;

/// A phone has given up a beat that is older than the time between two.
const BEAT_LATE_MAX_MS: Ms = 5_000;
/// The kinds of entries in which bookings are lent.
const LOAN_STEPS: [&str; 4] = ["booking_lent", "booking_borrowed", "booking_transferred", "booking_returned"];
/// Events remembered for a failure.
const TRACE_MAX: usize = 200;

/// Something that happens.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A node's timer.
    NodeWake { node: usize, life: u32 },
    /// A node's disk finishes a write.
    Commit { node: usize, life: u32 },
    /// A node proves that it can still write.
    DiskBeat { node: usize, life: u32 },
    /// A node asks a peer for entries, unless `tag` is old.
    PullDue { node: usize, life: u32, peer: usize, tag: u64 },
    /// A request arrives at a node.
    Asked { node: usize, ask: Box<Ask>, caller: Caller },
    /// A request that waited at a process which was stopped is read, if that process still lives.
    Waited { node: usize, life: u32, ask: Box<Ask>, caller: Caller },
    /// An answer arrives where it was asked.
    Answered { caller: Caller, from: usize, reply: Box<Reply> },
    /// A node's message arrives at a device on its own.
    Pushed { device: usize, from: usize, push: Box<wire::Push> },
    /// Text processes look for notices in a node's outbox.
    Outbox { node: usize },
    /// A device's timer.
    DeviceWake { device: usize, life: u32 },
    /// A device's phone is switched on again.
    DeviceStarts { device: usize },
    /// A driver does something.
    Driver { device: usize, life: u32, deed: driver::Deed },
    /// A rider does something.
    Rider { rider: usize, deed: people::RiderDeed },
    /// A feature-phone driver does something.
    Phone { phone: usize, deed: texts::PhoneDeed },
    /// An operator does something.
    Operator,
    /// A fault of the schedule begins.
    FaultBegins(usize),
    /// It ends.
    FaultEnds(usize),
}

/// A request to a node.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    /// Of a rider, an operator, a text process or a peer.
    Command(Command),
    /// Of a device.
    Device(ondol_device::Message),
    /// Of a peer: entries after these heads.
    Pull(Heads),
}

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    Device {
        device: usize,
        life: u32,
        request: u64,
    },
    Rider {
        rider: usize,
        of: people::RiderAsk,
    },
    Phone {
        phone: usize,
        command: CommandId,
        number: u64,
    },
    Operator,
    /// A door, with a capsule that a phone has brought: in which way it is false, if it is.
    Capsule {
        lie: Option<liars::Lie>,
    },
    /// For entries.
    Pull(Pull),
    /// For the lease.
    Renew {
        node: usize,
        life: u32,
    },
    /// An edge, which tells central of drivers and waits for nothing.
    Relay {
        node: usize,
    },
    /// An edge, about loans.
    Neighbour {
        node: usize,
        life: u32,
    },
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Command(Result<Answer, Refusal>),
    Device(ondol_device::Answer),
    Page { entries: Vec<Entry>, heads: Heads, full: bool },
}

/// Everything there is in a run.
pub(crate) struct World {
    pub(crate) agenda: Agenda<Event>,
    pub(crate) town: Town,
    pub(crate) nodes: Vec<NodePlace>,
    pub(crate) devices: Vec<DevicePlace>,
    pub(crate) riders: Vec<RiderPlace>,
    pub(crate) phones: Vec<PhonePlace>,
    /// The rider of each booking.
    rider_of: BTreeMap<BookingId, usize>,
    /// By node; central has none.
    texts: Vec<TextPlace>,
    /// Texts of feature-phone drivers that wait for their node.
    handed_in: BTreeMap<CommandId, texts::DriverText>,
    /// Drivers as first listed.
    roster: Vec<Driver>,
    /// Drivers whom central has barred.
    barred: Vec<DriverId>,
    pub(crate) checkers: Checkers,
    pub(crate) counts: Counts,
    net: Net,
    /// Drives people; the network and the schedule have streams of their own.
    people: ChaCha8Rng,
    schedule: Schedule,
    /// Faults are over: people finish what they began and begin nothing new.
    healing: bool,
    /// Central is down or cut off from everybody until then.
    central_away_until: Ms,
    pin_key: PinKey,
    /// What nodes have sealed for devices.
    sealed: BTreeMap<AssignmentId, Capsule>,
    /// What there was when every node lost its disk.
    wiped: capsules::Wiped,
    /// Digest of all events so far.
    digest: u64,
    trace: Option<VecDeque<String>>,
}

/// What is counted on the way.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) ops: u64,
    pub(crate) refused: u64,
    pub(crate) exchanged: u64,
    pub(crate) loans: BTreeMap<&'static str, u64>,
    pub(crate) faults: BTreeMap<&'static str, u64>,
    /// Cars that came to a rider who had gone.
    pub(crate) dead_runs: u64,
    /// How often a driver was asked home.
    pub(crate) asked_home: u64,
    /// When edges took their districts.
    pub(crate) taken_at: Vec<Ms>,
    /// When edges asked drivers.
    pub(crate) edge_offers_at: Vec<Ms>,
}

impl Counts {
    /// A node wrote an entry, its own or a peer's.
    fn written(&mut self, node: usize, entry: &Entry, now: Ms) {
        let is_own = entry.series.origin == node_id(node);
        match entry.kind.as_str() {
            _ if !is_own => self.exchanged += 1,
            "zone_taken" => self.taken_at.push(now),
            "offered" if node > 0 => self.edge_offers_at.push(now),
            kind => {
                if let Some(step) = LOAN_STEPS.into_iter().find(|step| *step == kind) {
                    *self.loans.entry(step).or_default() += 1;
                }
            }
        }
    }
}

impl World {
    /// Makes the world of a seed: the same seed, town and schedule give the same run.
    pub(crate) fn new(seed: u64, town: Town, schedule: Schedule, safety_ms: Ms, traced: bool) -> Self {
        let stream = |number| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(number);
            rng
        };
        let mut people = stream(2);
        let nodes = town.nodes().map(|_| NodePlace::new(any_clock(&town, &mut people))).collect();
        let texts = town.nodes().map(|_| TextPlace::default()).collect();
        let mut world = Self {
            agenda: Agenda::new(),
            town,
            nodes,
            devices: Vec::new(),
            riders: Vec::new(),
            phones: Vec::new(),
            rider_of: BTreeMap::new(),
            texts,
            handed_in: BTreeMap::new(),
            roster: Vec::new(),
            barred: Vec::new(),
            checkers: Checkers::default(),
            counts: Counts::default(),
            net: Net::new(stream(3)),
            people,
            schedule,
            healing: false,
            central_away_until: 0,
            pin_key: PinKey([9; 32]),
            sealed: BTreeMap::new(),
            wiped: capsules::Wiped::default(),
            digest: 0xcbf2_9ce4_8422_2325,
            trace: traced.then(VecDeque::new),
        };
        for node in world.town.nodes() {
            world.start_node(node);
        }
        world.list_roster();
        world.place_devices();
        world.place_people(safety_ms);
        for index in 0..world.schedule.faults.len() {
            let at = world.schedule.faults[index].0;
            world.agenda.at(at, Event::FaultBegins(index));
        }
        world
    }

    /// Gives the texts of an edge lines of their own.
    pub(crate) fn set_carrier(&mut self, edge: usize, carrier: Carrier) {
        self.net.carriers.insert(edge, carrier);
    }

    /// Lets the next thing happen; false if nothing is left to happen.
    pub(crate) fn step(&mut self) -> bool {
        let Some(event) = self.agenda.next() else { return false };
        self.counts.ops += 1;
        self.fold(&event);
        self.note(|| format!("{event:?}"));
        match event {
            Event::NodeWake { node, life } => self.node_wakes(node, life),
            Event::Commit { node, life } => self.commit(node, life),
            Event::DiskBeat { node, life } => self.disk_beats(node, life),
            Event::PullDue { node, life, peer, tag } => self.pull(node, life, peer, tag),
            Event::Asked { node, ask, caller } => self.asked(node, *ask, caller),
            Event::Waited { node, life, ask, caller } if self.nodes[node].life == life => {
                self.asked(node, *ask, caller);
            }
            Event::Waited { .. } => {}
            Event::Answered { caller, from, reply } => self.answered(caller, from, *reply),
            Event::Pushed { device, from, push } => {
                let push = ondol_device::Input::Push { from: node_id(from), push: *push };
                self.device_input(device, push);
            }
            Event::Outbox { node } => self.read_outbox(node),
            Event::DeviceWake { device, life } => self.device_wakes(device, life),
            Event::DeviceStarts { device } => self.start_device(device),
            Event::Driver { device, life, deed } => self.driver_does(device, life, deed),
            Event::Rider { rider, deed } => self.rider_does(rider, deed),
            Event::Phone { phone, deed } => self.phone_does(phone, deed),
            Event::Operator => self.operator_does(),
            Event::FaultBegins(index) => self.fault_begins(index),
            Event::FaultEnds(index) => self.fault_ends(index),
        }
        true
    }

    /// The last events, oldest first.
    pub(crate) fn trace(&self) -> Vec<String> {
        self.trace.iter().flatten().cloned().collect()
    }

    fn answered(&mut self, caller: Caller, from: usize, reply: Reply) {
        match (caller, reply) {
            (Caller::Device { device, life, request }, Reply::Device(answer)) => {
                if self.devices[device].life == life {
                    self.device_input(device, ondol_device::Input::Answer { request, answer });
                }
            }
            (Caller::Rider { rider, of }, Reply::Command(result)) => {
                self.rider_answered(rider, of, from, result);
            }
            (Caller::Phone { phone, command, number }, Reply::Command(result)) => {
                self.phone_answered(phone, command, number, result);
            }
            (Caller::Pull(pull), Reply::Page { entries, heads, full }) => {
                self.pulled(pull, from, entries, heads, full);
            }
            (Caller::Renew { node, life }, Reply::Command(Ok(Answer::Renewal(answer)))) => {
                let ask = Ask::Command(Command::Renewed(answer));
                if self.nodes[node].life == life {
                    self.asked(node, ask, Caller::Operator);
                }
            }
            (Caller::Neighbour { node, life }, Reply::Command(Ok(Answer::Loans(answer)))) => {
                let ask = Ask::Command(Command::Lent(answer));
                if self.nodes[node].life == life {
                    self.asked(node, ask, Caller::Operator);
                }
            }
            (Caller::Capsule { lie }, Reply::Command(result)) => self.capsule_answered(lie, result.is_ok()),
            (
                Caller::Operator | Caller::Renew { .. } | Caller::Relay { .. } | Caller::Neighbour { .. },
                _,
            ) => {}
            (caller, reply) => unreachable!("{caller:?} is not answered by {reply:?}"),
        }
    }

    /// Sends a request through the network.
    fn ask(&mut self, from: Place, node: usize, ask: Ask, caller: Caller) {
        let is_beat = matches!(ask, Ask::Device(ondol_device::Message::Beat(_)));
        for delay in self.net.carry(from, Place::Node(node), self.agenda.now()) {
            // A beat bears no number: one that comes after the next one says what is no longer so.
            if is_beat && delay > BEAT_LATE_MAX_MS {
                continue;
            }
            self.agenda.after(delay, Event::Asked { node, ask: Box::new(ask.clone()), caller });
        }
    }

    /// Sends an answer through the network.
    fn reply(&mut self, from: usize, caller: Caller, reply: Reply) {
        let to = match caller {
            Caller::Device { device, .. } => Place::Device(device),
            Caller::Rider { rider, .. } => Place::Rider(rider),
            Caller::Pull(Pull { node, .. })
            | Caller::Renew { node, .. }
            | Caller::Relay { node }
            | Caller::Neighbour { node, .. } => Place::Node(node),
            // The text process stands beside its edge, the operator and the door beside a node.
            Caller::Phone { .. } | Caller::Operator | Caller::Capsule { .. } => Place::Node(from),
        };
        if to == Place::Node(from) {
            self.agenda.after(1, Event::Answered { caller, from, reply: Box::new(reply) });
            return;
        }
        // An answer comes back on its request's connection: never twice.
        if let Some(delay) = self.net.carry(Place::Node(from), to, self.agenda.now()).first() {
            self.agenda.after(*delay, Event::Answered { caller, from, reply: Box::new(reply) });
        }
    }

    fn fold(&mut self, event: &Event) {
        let place = match event {
            Event::NodeWake { node, .. } => *node as u64,
            Event::Commit { node, .. } => 0x100 + *node as u64,
            Event::DiskBeat { node, .. } => 0x200 + *node as u64,
            Event::PullDue { node, peer, .. } => 0x300 + (*node * 16 + *peer) as u64,
            Event::Asked { node, .. } | Event::Waited { node, .. } => 0x400 + *node as u64,
            Event::Answered { from, .. } => 0x500 + *from as u64,
            Event::Pushed { device, .. } => 0x600 + *device as u64,
            Event::DeviceWake { device, .. } => 0x700 + *device as u64,
            Event::DeviceStarts { device } => 0x800 + *device as u64,
            Event::Driver { device, .. } => 0x900 + *device as u64,
            Event::Rider { rider, .. } => 0xa00 + *rider as u64,
            Event::Phone { phone, .. } => 0xb00 + *phone as u64,
            Event::Operator => 0xc00,
            Event::Outbox { node } => 0xf00 + *node as u64,
            Event::FaultBegins(index) => 0xd00 + *index as u64,
            Event::FaultEnds(index) => 0xe00 + *index as u64,
        };
        for value in [self.agenda.now(), place] {
            self.digest = (self.digest ^ value).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        let now = self.agenda.now();
        if let Some(trace) = &mut self.trace {
            if trace.len() >= TRACE_MAX {
                trace.pop_front();
            }
            let mut line = format!("{:>9.3} s  {}", Ms::from(now as u32) as f64 / 1_000.0, text());
            if line.len() > 600 {
                let end = (0..=600).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
                line.truncate(end);
            }
            trace.push_back(line);
        }
    }

    fn chance(&mut self, per_cent: u32) -> bool {
        self.people.random_range(0..100) < per_cent
    }

    fn any_ms(&mut self, from: Ms, to: Ms) -> Ms {
        self.people.random_range(from..to)
    }
}

/// The name of a node.
pub(crate) fn node_id(node: usize) -> NodeId {
    let name = if node == 0 { "central".to_owned() } else { format!("edge-{node}") };
    name.parse().expect("a well-formed name")
}

/// The node of a name.
fn node_of(id: &NodeId) -> usize {
    let number = id.as_str().strip_prefix("edge-").map(str::parse);
    number.map_or(0, |number| number.expect("only these nodes exist"))
}

/// The district of an edge.
pub(crate) fn district_of(edge: usize) -> DistrictId {
    format!("district-{edge}").parse().expect("a well-formed name")
}

/// A place in the district of an edge; `at` picks one of a thousand.
fn spot(edge: usize, at: u32) -> Position {
    let (row, column) = (at / 32 % 32, at % 32);
    let lat = 37.5 + 0.033 * f64::from(u32::try_from(edge).expect("few edges")) + 0.001 * f64::from(row);
    Position::new(lat, 127.0 + 0.001 * f64::from(column)).expect("in Seoul")
}

/// A place's clocks. Where people live, machines are set by the network's time: their clocks do not drift for hours.
fn any_clock(town: &Town, rng: &mut ChaCha8Rng) -> Clock {
    let (rates, error_ms) = if town.life.is_some() { (1_000..=1_000, 1_000) } else { (980..=1_020, 5_000) };
    Clock {
        offset_ms: rng.random_range(0..1_000_000),
        rate: rng.random_range(rates),
        civil_error_ms: rng.random_range(-error_ms..error_ms),
    }
}

/// The booking of a rider.
fn booking_of(rider: usize) -> BookingId {
    BookingId::from_number(0x1000 + rider as u128)
}
