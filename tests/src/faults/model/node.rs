//! The shell of a node: a disk that takes time, and effects only after it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ondol_core::command::{Answer, Command, Refusal};
use ondol_core::face::{Input, Output};
use ondol_core::fact::Fact;
use ondol_core::ids::{AssignmentId, DistrictId};
use ondol_core::journal::Entry;
use ondol_core::node::Node;
use ondol_core::shell::{Durable, Tray};
use ondol_device::wire::{
    AskedHome, Attached, BeatAnswer, PositionAnswer, Problem, Push, ReportAnswer, ReportResult,
};
use ondol_device::{Answer as DeviceAnswer, Message};

use super::config::{common_districts, config_of};
use super::disk::Disk;
use super::pause::Pause;
use super::pull::Pull;
use super::{Ask, Caller, Event, Reply, World, district_of, node_id, node_of};
use crate::faults::clock::{Clock, Ms};
use crate::faults::net::Place;

/// An operator reads that a restored node lacks its past, and has it taken back, within this time.
pub(super) const TAKES_BACK_WITHIN_MS: Ms = 40_000;
/// Time between two proofs that the disk works.
const DISK_BEAT_MS: Ms = 2_000;

/// 2022-01-01T00:00:00Z: lives are numbered by seconds since then.
const FIRST_LIFE_MS: i64 = 1_640_995_200_000;

/// A node with its disk.
pub(crate) struct NodePlace {
    /// Absent while the process is down.
    pub(crate) node: Option<Node>,
    /// Which life this is.
    pub(crate) life: u32,
    pub(crate) clock: Clock,
    pub(crate) disk: Disk,
    /// What waits for the disk, by the rule of every shell.
    pub(super) tray: Tray<Output>,
    /// What is being written, as it was when that began.
    pub(super) being_written: Option<Durable>,
    wakes_at: Option<Ms>,
    asked: BTreeMap<u64, Caller>,
    requests: u64,
    batches: BTreeMap<(usize, u32, u64), Batch>,
    pub(super) pulls: BTreeMap<usize, u64>,
    pub(super) pause: Pause,
    pub(super) stalled_until: Ms,
    /// Writes fail until then, and some of those that fail have happened.
    pub(super) failing_until: Ms,
    /// Its own past comes back from edges from then on; none while nobody has asked for it.
    pub(super) takes_back_at: Option<Ms>,
    /// When it was last known to hold all that central holds.
    pub(super) level_at: Ms,
}

/// Reports of one batch that wait for their commits.
struct Batch {
    waiting: BTreeMap<u64, u64>,
    results: Vec<ReportResult>,
}

impl NodePlace {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            node: None,
            life: 0,
            clock,
            disk: Disk::default(),
            tray: Tray::default(),
            being_written: None,
            wakes_at: None,
            asked: BTreeMap::new(),
            requests: 0,
            batches: BTreeMap::new(),
            pulls: BTreeMap::new(),
            pause: Pause::default(),
            stalled_until: 0,
            failing_until: 0,
            takes_back_at: None,
            level_at: 0,
        }
    }
}

impl World {
    /// Starts a node on what its disk holds, as a new life.
    pub(super) fn start_node(&mut self, node: usize) {
        let now = self.agenda.now();
        let place = &mut self.nodes[node];
        if place.node.is_some() {
            return;
        }
        let board = place.disk.board();
        let read = place.clock.read(now);
        let by_clock = u32::try_from((read.utc.0 - FIRST_LIFE_MS) / 1_000).unwrap_or(0);
        place.life = place.disk.next_life(&node_id(node), &board, by_clock, now);
        place.level_at = now;
        let life = place.life;
        let config = config_of(&self.town, node, life, self.pin_key.clone());
        place.node = Some(Node::new(config, board, Arc::new(self.town.map()), read));
        place.tray = Tray::default();
        place.asked.clear();
        place.batches.clear();
        (place.being_written, place.wakes_at) = (None, None);
        self.agenda.at(now, Event::DiskBeat { node, life });
        for peer in self.town.peers_of(node) {
            self.nodes[node].pulls.insert(peer, 0);
            self.agenda.after(10, Event::PullDue { node, life, peer, tag: 0 });
        }
        self.drain_node(node);
    }

    /// The process dies: what was not committed is gone, and what depended on it was never said.
    pub(super) fn crash_node(&mut self, node: usize) {
        let place = &mut self.nodes[node];
        place.node = None;
        place.tray = Tray::default();
        place.being_written = None;
        place.pause = Pause::default();
        let stored: Vec<_> = self.nodes.iter().map(|place| &place.disk.bookings).collect();
        self.checkers.nothing_lost(&stored);
    }

    pub(super) fn node_wakes(&mut self, node: usize, life: u32) {
        if self.nodes[node].wakes_at.is_some_and(|at| at > self.agenda.now()) {
            return;
        }
        if !self.runs(node, Some(life), || Event::NodeWake { node, life }) {
            return;
        }
        let now = self.nodes[node].clock.read(self.agenda.now());
        let place = &mut self.nodes[node];
        place.wakes_at = None;
        place.node.as_mut().expect("it runs").handle_timeout(now);
        self.drain_node(node);
    }

    pub(super) fn node_input(&mut self, node: usize, input: Input) {
        let now = self.nodes[node].clock.read(self.agenda.now());
        if let Some(running) = &mut self.nodes[node].node {
            running.handle(input, now);
            self.drain_node(node);
        }
    }

    fn drain_node(&mut self, node: usize) {
        let mut new = Vec::new();
        if let Some(running) = &mut self.nodes[node].node {
            new.extend(std::iter::from_fn(|| running.poll_output()));
        }
        self.checkers.hailed = new.iter().filter_map(hailed).collect();
        for output in new {
            match &output {
                Output::Append(entry) => self.look_at(node, entry),
                Output::Reply { request, result } => self.look_at_wish_home(node, *request, result),
                _ => {}
            }
            self.nodes[node].tray.put(output);
        }
        #[cfg(feature = "planted")]
        for notice in self.nodes[node].tray.leak_notices() {
            self.send_notice(node.max(1), notice);
        }
        self.carry_out(node);
        let place = &mut self.nodes[node];
        let life = place.life;
        if place.tray.is_held() && place.being_written.is_none() {
            place.being_written = Some(place.tray.take_durable());
            let wait = self.any_ms(1, 25);
            self.agenda.after(wait, Event::Commit { node, life });
        }
        let place = &mut self.nodes[node];
        if let Some(running) = &place.node {
            let at = place.clock.when(running.poll_timeout()).max(self.agenda.now() + 1);
            if place.wakes_at.is_none_or(|planned| at < planned) {
                place.wakes_at = Some(at);
                self.agenda.at(at, Event::NodeWake { node, life });
            }
        }
    }

    fn look_at(&mut self, node: usize, entry: &Entry) {
        let now = self.agenda.now();
        self.checkers.now = now;
        self.checkers.civil_ms = self.nodes[node].clock.read(now).utc.0;
        self.checkers.out_of_touch_ms = self.out_of_touch_ms(node);
        self.checkers.stopped_ms = self.nodes[node].pause.just_over_ms(now);
        self.counts.written(node, entry, now);
        let edge = self.town.edges().find(|edge| district_of(*edge) == entry.series.district);
        let other = match (node, edge) {
            (0, Some(edge)) => Some(edge),
            (_, Some(_)) => Some(0),
            (_, None) => None,
        };
        let other = other
            .map(|other| &self.nodes[other])
            .filter(|place| !place.pause.lasts(now))
            .and_then(|place| place.node.as_ref());
        if let Some(running) = &self.nodes[node].node {
            self.checkers.written(running, other, entry);
        }
    }

    /// A node has made an answer to a driver's phone; it may leave later.
    fn look_at_wish_home(&mut self, node: usize, request: u64, result: &Result<Answer, Refusal>) {
        let (Ok(Answer::Beat(beat)), Some(Caller::Device { device, .. })) =
            (result, self.nodes[node].asked.get(&request))
        else {
            return;
        };
        let shift = self.devices[*device].stored.shift;
        if let (Some(running), Some(asked)) = (&self.nodes[node].node, &beat.asked_home) {
            self.checkers.asked_home(running, &asked.district, shift, &self.town.map());
        }
    }

    /// The disk has finished: what was being written is durable, and what depends on it leaves. What came meanwhile is next.
    pub(super) fn commit(&mut self, node: usize, life: u32) {
        if !self.runs(node, Some(life), || Event::Commit { node, life }) {
            return;
        }
        let until = self.nodes[node].stalled_until;
        if self.agenda.now() < until {
            self.agenda.at(until, Event::Commit { node, life });
            return;
        }
        if self.agenda.now() < self.nodes[node].failing_until {
            // The batch is kept and tried again, as the loop of a node does.
            if self.chance(30)
                && let Some(durable) = self.nodes[node].being_written.clone()
            {
                self.make_durable(node, &durable);
            }
            let wait = self.any_ms(20, 1_000);
            self.agenda.after(wait, Event::Commit { node, life });
            return;
        }
        if let Some(durable) = self.nodes[node].being_written.take() {
            self.make_durable(node, &durable);
        }
        self.nodes[node].tray.committed();
        self.carry_out(node);
        self.node_input(node, Input::Committed);
    }

    /// A write that proves that the disk works, when there is nothing else to write.
    pub(super) fn disk_beats(&mut self, node: usize, life: u32) {
        if !self.runs(node, Some(life), || Event::DiskBeat { node, life }) {
            return;
        }
        self.agenda.after(DISK_BEAT_MS, Event::DiskBeat { node, life });
        let place = &self.nodes[node];
        let writes = self.agenda.now() >= place.stalled_until.max(place.failing_until);
        if writes && place.being_written.is_none() {
            self.node_input(node, Input::Committed);
        }
    }

    /// Carries out what may leave.
    fn carry_out(&mut self, node: usize) {
        for output in self.nodes[node].tray.leave() {
            match output {
                Output::Append(_) | Output::Notify(_) | Output::Changed(_) => {}
                Output::Reply { request, result } => {
                    if let Some(caller) = self.nodes[node].asked.remove(&request) {
                        self.answer(node, request, caller, *result);
                    }
                }
                Output::ToDevice { device, message } => {
                    let device = self.device_of(device);
                    let push = Push::new(&message, self.texts_for(&message));
                    for delay in self.net.carry(Place::Node(node), Place::Device(device), self.agenda.now()) {
                        self.agenda
                            .after(delay, Event::Pushed { device, from: node, push: Box::new(push.clone()) });
                    }
                }
                Output::Renew { to, renewal } => {
                    let caller = Caller::Renew { node, life: self.nodes[node].life };
                    let ask = Ask::Command(Command::Renew(renewal));
                    self.ask(Place::Node(node), node_of(&to), ask, caller);
                }
                Output::Relay { to, relay } => {
                    let ask = Ask::Command(Command::Relay(relay));
                    self.ask(Place::Node(node), node_of(&to), ask, Caller::Relay { node });
                }
                Output::CallNeighbour { to, call } => {
                    let caller = Caller::Neighbour { node, life: self.nodes[node].life };
                    let ask = Ask::Command(Command::Borrow(call));
                    self.ask(Place::Node(node), node_of(&to), ask, caller);
                }
            }
        }
    }

    fn answer(&mut self, node: usize, request: u64, caller: Caller, result: Result<Answer, Refusal>) {
        let Caller::Device { device, life, request: asked } = caller else {
            return self.reply(node, caller, Reply::Command(result));
        };
        if let Some(batch) = self.nodes[node].batches.get_mut(&(device, life, asked)) {
            if let Some(number) = batch.waiting.remove(&request) {
                batch.results.push(ReportResult::new(number, &result));
            }
            if batch.waiting.is_empty() {
                let batch =
                    self.nodes[node].batches.remove(&(device, life, asked)).expect("it was just there");
                let answer =
                    DeviceAnswer::Reports(ReportAnswer { results: batch.results, corrected: Vec::new() });
                self.reply(node, caller, Reply::Device(answer));
            }
            return;
        }
        let answer = match result {
            Ok(Answer::Attached { session }) => {
                self.look_at_attached(node, device);
                DeviceAnswer::Attached(Attached { node: node_id(node), session, capsules: Vec::new() })
            }
            Ok(Answer::Beat(beat)) => {
                let asked = beat.asked_home.as_ref().map(|asked| AskedHome::new(asked, "home".into()));
                DeviceAnswer::Beat(BeatAnswer::new(&beat, |m| self.texts_for(m), asked))
            }
            Ok(other) => unreachable!("a device is not answered by {other:?}"),
            Err(refusal) => DeviceAnswer::Refused(Problem {
                code: refusal.code().into(),
                detail: refusal.to_string(),
                retry: refusal.is_transient(),
            }),
        };
        self.reply(node, caller, Reply::Device(answer));
    }

    /// A request has arrived, as at a door.
    pub(super) fn asked(&mut self, node: usize, ask: Ask, caller: Caller) {
        let life = self.nodes[node].life;
        let again = |ask: &Ask| Event::Waited { node, life, ask: Box::new(ask.clone()), caller };
        if !self.runs(node, None, || again(&ask)) {
            return;
        }
        match ask {
            Ask::Command(command) => {
                self.command(node, command, caller);
            }
            Ask::Pull(after) => {
                let Caller::Pull(Pull { node: puller, .. }) = caller else { return };
                let districts = common_districts(node, puller);
                let (mut entries, heads, full) = self.nodes[node].disk.page(&after, &districts);
                self.net.spoil(&mut entries, self.agenda.now());
                self.reply(node, caller, Reply::Page { entries, heads, full });
            }
            Ask::Device(message) => {
                let Caller::Device { device, life, request } = caller else { return };
                let who = self.who(device);
                let command = match message {
                    Message::Attach(attach) => match attach.check() {
                        Ok(()) => return self.attaches(node, device, attach, caller),
                        Err(invalid) => Err(invalid),
                    },
                    Message::Beat(beat) => {
                        beat.check().map(|()| Command::Beat(beat.into_command(who.district)))
                    }
                    Message::Reports(batch) => match batch.check() {
                        Ok(()) => {
                            return self.reports(node, batch, &who.district, (device, life, request), caller);
                        }
                        Err(invalid) => Err(invalid),
                    },
                    Message::Positions(batch) => {
                        let stored = batch.fixes.iter().map(|fix| fix.number).collect();
                        let answer = DeviceAnswer::Positions(PositionAnswer { stored });
                        return self.reply(node, caller, Reply::Device(answer));
                    }
                };
                match command {
                    Ok(command) => {
                        self.command(node, command, caller);
                    }
                    // Clocks that lie far apart: the device keeps what it has to tell and hands it in again.
                    Err(invalid) => {
                        let (code, detail) = (invalid.code().into(), invalid.to_string());
                        let answer = DeviceAnswer::Refused(Problem { code, detail, retry: false });
                        self.reply(node, caller, Reply::Device(answer));
                    }
                }
            }
        }
    }

    pub(super) fn command(&mut self, node: usize, command: Command, caller: Caller) -> u64 {
        match &command {
            Command::Keep { booking } => self.checkers.asked_again(*booking, node == 0),
            Command::TakeDistrict { district } if node == 0 => {
                let board =
                    self.nodes[0].node.as_ref().and_then(|central| central.board().district(district));
                self.checkers.taken_by_hand(board);
            }
            _ => {}
        }
        let place = &mut self.nodes[node];
        place.requests += 1;
        let request = place.requests;
        place.asked.insert(request, caller);
        self.node_input(node, Input::Command { request, command: Box::new(command) });
        request
    }

    fn reports(
        &mut self,
        node: usize,
        batch: ondol_device::wire::ReportBatch,
        district: &DistrictId,
        key: (usize, u32, u64),
        caller: Caller,
    ) {
        let commands = batch.into_commands(district);
        let commands: Vec<_> = commands.filter_map(|(number, report)| Some((number, report.ok()?))).collect();
        let place = &mut self.nodes[node];
        let first = place.requests + 1;
        let waiting = (first..).zip(&commands).map(|(request, (number, _))| (request, *number)).collect();
        place.batches.insert(key, Batch { waiting, results: Vec::new() });
        for (_, report) in commands {
            self.command(node, Command::Report(report), caller);
        }
    }
}

/// The bond of a street hail, if that is what a node writes.
fn hailed(output: &Output) -> Option<AssignmentId> {
    let Output::Append(entry) = output else { return None };
    if entry.kind != "street_hailed" {
        return None;
    }
    let Ok(Some(Fact::StreetHailed { assignment, .. })) = Fact::read(entry) else { return None };
    Some(assignment)
}
