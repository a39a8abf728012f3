//! Trips on drivers' phones: what a door does with capsules, and what there was when every node lost its disk.
//!
//! Locks are played: a capsule's text names what was sealed, and its tag is right if a node made it. What a node does
//! with an opened capsule is the shipped core's.

use std::collections::{BTreeMap, BTreeSet};

use ondol_core::capsule::Capsule;
use ondol_core::command::{Command, Restore, ToDevice};
use ondol_core::ids::{AssignmentId, BookingId};
use ondol_core::journal::Entry;
use ondol_device::wire::{Attach, KeptCapsule, RiderTexts};

use super::liars::Lie;
use super::{Ask, Caller, World};
use crate::faults::clock::Ms;
use crate::faults::net::Place;
use crate::faults::report::Phones;

/// A phone that reaches a node is attached within this time: what it ends before nobody can have heard of.
const ATTACHES_WITHIN_MS: Ms = 60_000;

/// The tag of a capsule that a node has made.
const SOUND: &str = "sound";

/// What there was when every node lost its disk, and what has become of it.
#[derive(Debug, Default)]
pub(crate) struct Wiped {
    /// Nodes have started on empty disks, and operators have loaded the recovery key into every one.
    started_at: Option<Ms>,
    /// Of 100 phones that attach since, so many bring something else as well.
    pub(super) liars_per_cent: u32,
    /// Booked trips in phones' slots at that moment.
    held: BTreeSet<AssignmentId>,
    /// Of these, those that were still under way when nodes had started, on phones that reached one.
    online: BTreeMap<AssignmentId, BookingId>,
    /// Of those held, the ones with which a phone was attached since.
    brought: BTreeSet<AssignmentId>,
    /// What each phone held when it last asked a node to attach it.
    held_at_attach: BTreeMap<(usize, usize), BTreeSet<AssignmentId>>,
    /// Acknowledged to riders, not over, and in no phone's slot: nothing was left of them but what riders have.
    on_no_phone: Vec<usize>,
    /// What liars told.
    told: Phones,
}

impl World {
    /// What goes along with a message to a device: of a question, its capsule.
    pub(super) fn texts_for(&mut self, message: &ToDevice) -> RiderTexts {
        let (ToDevice::Offer(offer) | ToDevice::Replace { offer, .. }) = message else {
            return RiderTexts::default();
        };
        let capsule = offer.capsule.clone().map(|capsule| {
            let text = format!("{}/{SOUND}", capsule.assignment);
            self.sealed.insert(capsule.assignment.clone(), capsule);
            text
        });
        RiderTexts { capsule, ..RiderTexts::default() }
    }

    /// Every node loses its disk at once.
    pub(super) fn wipe_all(&mut self) {
        for node in self.town.nodes() {
            self.restore(node, 0);
            self.nodes[node].takes_back_at = None;
        }
        let booked = self.trips_on_phones();
        let open = |rider: &usize| {
            let person = &self.riders[*rider];
            let is_over = person.ride.ended_at.is_some() || person.ride.gone_at.is_some();
            person.acknowledged && !is_over && booked.values().all(|(_, of)| *of != person.booking)
        };
        self.wiped.on_no_phone = (0..self.riders.len()).filter(open).collect();
        self.wiped.held.extend(booked.into_keys());
    }

    /// Every booked trip in a phone's slot, with the phone.
    fn trips_on_phones(&self) -> BTreeMap<AssignmentId, (usize, BookingId)> {
        let slots = self.devices.iter().enumerate().flat_map(|(device, place)| {
            let trips = place.stored.current.iter().chain(&place.stored.next);
            trips.filter(|trip| trip.offer.is_some()).map(move |trip| (device, trip))
        });
        slots.map(|(device, trip)| (trip.assignment.clone(), (device, trip.booking))).collect()
    }

    /// Every node starts on an empty disk; operators load the recovery key, and the office lists drivers and stands again.
    pub(super) fn start_empty(&mut self, liars_per_cent: u32) {
        let now = self.agenda.now();
        (self.wiped.started_at, self.wiped.liars_per_cent) = (Some(now), liars_per_cent);
        let reached = |device: usize| {
            let (phone, mut nodes) = (Place::Device(device), self.town.nodes_of(self.devices[device].edge));
            let passes = |from, to| !self.net.is_cut(from, to, now);
            self.devices[device].device.is_some()
                && nodes.any(|node| passes(phone, Place::Node(node)) && passes(Place::Node(node), phone))
        };
        let online: Vec<_> = self
            .trips_on_phones()
            .into_iter()
            .filter(|(assignment, (device, _))| self.wiped.held.contains(assignment) && reached(*device))
            .map(|(assignment, (_, booking))| (assignment, booking))
            .collect();
        self.wiped.online.extend(online);
        for node in self.town.nodes() {
            self.start_node(node);
        }
        self.list_who_is_missing();
    }

    /// A phone's trip is over. What ended before any node could be told of it nobody can bring back.
    pub(super) fn trip_is_over(&mut self, assignment: &AssignmentId) {
        let now = self.agenda.now();
        let soon = self.wiped.started_at.is_some_and(|at| now < at + ATTACHES_WITHIN_MS);
        if soon && !self.wiped.brought.contains(assignment) {
            self.wiped.online.remove(assignment);
        }
    }

    /// A device attaches at a node, and brings what it keeps.
    pub(super) fn attaches(&mut self, node: usize, device: usize, attach: Attach, caller: Caller) {
        let holds = [&attach.slot.current, &attach.slot.next]
            .into_iter()
            .flatten()
            .map(|held| held.assignment.clone())
            .collect();
        self.wiped.held_at_attach.insert((device, node), holds);
        let knows_key = self.wiped.started_at.is_some();
        let (attach, lie) = if knows_key { self.lie(node, device, attach) } else { (attach, None) };
        let kept = attach.capsules.clone().into_iter().flatten();
        let who = self.who(device);
        self.command(node, Command::Attach(attach.into_command(&who)), caller);
        if knows_key {
            let lie = lie.map(|(kept, lie)| (kept, Some(lie)));
            for (kept, lie) in kept.map(|kept| (kept, None)).chain(lie) {
                self.brings(node, device, &kept, lie);
            }
        }
    }

    fn brings(&mut self, node: usize, device: usize, kept: &KeptCapsule, lie: Option<Lie>) {
        if let Some(lie) = lie {
            self.wiped.told.lie_told(lie);
        }
        let Some(capsule) = self.open(&kept.capsule) else { return self.capsule_answered(lie, false) };
        let who = self.who(device);
        let (shift, id) = (self.devices[device].stored.shift, self.devices[device].stored.device);
        let restore = Restore { shift, device: id, driver: who.driver, district: who.district, capsule };
        self.checkers.brought_by_liar = lie.is_some();
        self.asked(node, Ask::Command(Command::Restore(Box::new(restore))), Caller::Capsule { lie });
        self.checkers.brought_by_liar = false;
    }

    fn open(&self, text: &str) -> Option<Capsule> {
        let (name, tag) = text.rsplit_once('/')?;
        let name: AssignmentId = name.parse().ok()?;
        if tag == SOUND { self.sealed.get(&name).cloned() } else { None }
    }

    /// A node has taken a capsule, or refused it.
    pub(super) fn capsule_answered(&mut self, lie: Option<Lie>, accepted: bool) {
        if let Some(lie) = lie {
            self.wiped.told.lie_answered(lie, accepted);
        }
    }

    /// True once every node has lost its disk.
    pub(crate) fn has_lost_all(&self) -> bool {
        self.wiped.started_at.is_some()
    }

    /// What phones held, brought, and what came back.
    pub(crate) fn phones_brought(&self) -> Phones {
        let Wiped { held, online, brought, told, .. } = &self.wiped;
        let is_back = |id: &&AssignmentId| self.checkers.came_back_at(id).is_some();
        let count = |number: usize| number as u64;
        Phones {
            held: count(held.len()),
            online: count(online.len()),
            back: count(online.keys().filter(is_back).count()),
            brought: count(brought.len()),
            restored: count(brought.iter().filter(is_back).count()),
            ..*told
        }
    }

    /// How long after nodes started again each trip of a phone that reached one was back.
    pub(crate) fn trips_back_after(&self) -> Vec<Ms> {
        let back = self.wiped.online.keys().filter_map(|id| self.checkers.came_back_at(id));
        back.map(|at| at.saturating_sub(self.wiped.started_at.unwrap_or(at))).collect()
    }

    /// Bookings that were open and on no phone when every node lost its disk, and those of them that riders brought back.
    pub(crate) fn on_no_phone(&self) -> (u64, u64) {
        let lost = &self.wiped.on_no_phone;
        let known = lost.iter().filter(|rider| self.record(self.riders[**rider].booking).is_some());
        (lost.len() as u64, known.count() as u64)
    }

    /// What a phone brought to a node may go once more, with the one disk that had it.
    pub(super) fn forget_brought(&mut self, gone: &[Entry]) {
        let brought = gone.iter().filter(|entry| entry.kind == "trip_restored");
        let gone: BTreeSet<BookingId> = brought.filter_map(|entry| entry.key.parse().ok()).collect();
        self.wiped.online.retain(|_, booking| !gone.contains(booking));
    }

    /// True if a phone that reached a node when all had lost their disks has the booking, or had it longer than a phone
    /// needs to be attached.
    pub(crate) fn is_on_a_phone(&self, booking: BookingId) -> bool {
        self.wiped.online.values().any(|known| *known == booking)
    }

    /// A device was answered that it is attached: what it held then and still holds must be known there by now. What another
    /// node gave it while the answer was under way it could not bring.
    pub(super) fn look_at_attached(&mut self, node: usize, device: usize) {
        if self.wiped.started_at.is_none() {
            return;
        }
        let Some(running) = &self.nodes[node].node else { return };
        let mut kept = self.devices[device].stored.capsules();
        kept.retain(|kept| {
            let holds = self.wiped.held_at_attach.get(&(device, node));
            holds.is_some_and(|holds| holds.contains(&kept.assignment))
        });
        let held =
            kept.iter().map(|kept| &kept.assignment).filter(|id| self.wiped.held.contains(id)).cloned();
        self.wiped.brought.extend(held.collect::<Vec<_>>());
        let lost = kept.into_iter().find_map(|kept| {
            let capsule = self.sealed.get(&kept.assignment)?;
            let record = running.board().booking(capsule.booking).map(|(_, record)| record);
            let said = record.and_then(|record| record.said_of(&kept.assignment, capsule.shift));
            // A yes that came too late to a bond that was lost with a disk: the phone is told to let go.
            let is_over = said.is_some_and(|said| said.released.is_some());
            (!is_over && !running.knows_bond(&kept.assignment, capsule.booking)).then_some(kept.assignment)
        });
        if let Some(lost) = lost {
            let what = format!(
                "device {device} holds {lost} and has attached at node {node}, which does not know it"
            );
            self.checkers.break_promise("restored", what);
        }
    }
}
