//! Trips on drivers' phones: what a door does with capsules, and phones that lie.
//!
//! Locks are played: a capsule's text names what was sealed, and its tag is right if a node made it. What a node does
//! with an opened capsule is the shipped core's.

use ondol_core::capsule::Capsule;
use ondol_core::command::{Command, Restore, ToDevice};
use ondol_core::ids::AssignmentId;
use ondol_device::wire::{Attach, Held, KeptCapsule, RiderTexts};

use super::{Ask, Caller, DevicePlace, World};
use crate::faults::report::Phones;

/// Of 100 phones that attach while the key is loaded, so many bring something else as well.
const LIARS_PER_CENT: u32 = 40;

/// The tag of a capsule that a node has made.
const SOUND: &str = "sound";

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
        let kept = self.devices.iter().flat_map(|place| place.stored.capsules());
        self.held.extend(kept.map(|kept| kept.assignment));
    }

    /// Every node starts on an empty disk; operators load the recovery key, and the office lists drivers and stands again.
    pub(super) fn start_empty(&mut self) {
        self.key_is_loaded = true;
        for node in self.town.nodes() {
            self.start_node(node);
        }
        self.list_who_is_missing();
        self.list_stands();
    }

    /// A device attaches at a node, and brings what it keeps.
    pub(super) fn attaches(&mut self, node: usize, device: usize, attach: Attach, caller: Caller) {
        let holds = [&attach.slot.current, &attach.slot.next]
            .into_iter()
            .flatten()
            .map(|held| held.assignment.clone())
            .collect();
        self.held_at_attach.insert((device, node), holds);
        let (attach, extra) =
            if self.key_is_loaded { self.lie(node, device, attach) } else { (attach, None) };
        let kept: Vec<KeptCapsule> = attach.capsules.clone().into_iter().flatten().chain(extra).collect();
        let who = self.who(device);
        self.command(node, Command::Attach(attach.into_command(&who)), caller);
        if self.key_is_loaded {
            for kept in kept {
                self.brings(node, device, &kept);
            }
        }
    }

    fn brings(&mut self, node: usize, device: usize, kept: &KeptCapsule) {
        let Some(capsule) = self.open(&kept.capsule) else { return };
        let who = self.who(device);
        let (shift, id) = (self.devices[device].stored.shift, self.devices[device].stored.device);
        let restore = Restore { shift, device: id, driver: who.driver, district: who.district, capsule };
        self.asked(node, Ask::Command(Command::Restore(Box::new(restore))), Caller::Operator);
    }

    fn open(&self, text: &str) -> Option<Capsule> {
        let (name, tag) = text.rsplit_once('/')?;
        let name: AssignmentId = name.parse().ok()?;
        if tag == SOUND { self.sealed.get(&name).cloned() } else { None }
    }

    /// Some phones bring a forged capsule, another phone's, or one of a trip that they have ended and say that they
    /// hold it. The last only where the node knows better: what nobody knows, nobody can refuse.
    fn lie(&mut self, node: usize, device: usize, mut attach: Attach) -> (Attach, Option<KeptCapsule>) {
        if !self.chance(LIARS_PER_CENT) {
            return (attach, None);
        }
        if attach.slot.current.is_none()
            && let Some(ended) = self.devices[device].ended.clone()
            && self.knows_better(node, &ended)
        {
            let Some(capsule) = self.sealed.get(&ended.assignment) else { return (attach, None) };
            let (booking, assignment) = (capsule.booking, ended.assignment.clone());
            attach.slot.current = Some(Held { booking, assignment, confirmed: true, boarded: true });
            attach.capsules = Some(vec![ended]);
            return (attach, None);
        }
        let near = |place: &DevicePlace| place.edge == self.devices[device].edge;
        let others = self.devices.iter().enumerate();
        let mut of_others = others.filter(|(other, place)| *other != device && near(place));
        let stolen = of_others.find_map(|(_, place)| place.stored.capsules().into_iter().next());
        let extra = stolen.map(|mut stolen| {
            if self.chance(50) {
                stolen.capsule = format!("{}/forged", stolen.assignment);
            } else if attach.slot.current.is_none() {
                // A thief says of course that it holds what it brings.
                let booking = self.sealed[&stolen.assignment].booking;
                let assignment = stolen.assignment.clone();
                attach.slot.current = Some(Held { booking, assignment, confirmed: true, boarded: true });
            }
            stolen
        });
        (attach, extra)
    }

    /// True if the node knows a bond of the same shift that was made later, so that it can be told.
    fn knows_better(&self, node: usize, ended: &KeptCapsule) -> bool {
        let (Some(running), Some(capsule)) = (&self.nodes[node].node, self.sealed.get(&ended.assignment))
        else {
            return false;
        };
        let Some(board) = running.board().district(&capsule.district) else { return false };
        !running.knows_bond(&capsule.assignment, capsule.booking)
            && board.bookings.values().flat_map(|record| &record.assignments).any(|(id, bond)| {
                bond.shift == capsule.shift
                    && (capsule.is_older_than(id)
                        || bond.restored.is_some_and(|at| at > capsule.attach_epoch))
            })
    }

    /// What phones held, brought, and what came back.
    pub(crate) fn phones_brought(&self) -> Phones {
        let restored = self.brought.iter().filter(|id| self.checkers.has_come_back(id));
        let count = |number: usize| number as u64;
        Phones {
            held: count(self.held.len()),
            brought: count(self.brought.len()),
            restored: count(restored.count()),
        }
    }

    /// A device was answered that it is attached: what it held then and still holds must be known there by now. What another
    /// node gave it while the answer was under way it could not bring.
    pub(super) fn look_at_attached(&mut self, node: usize, device: usize) {
        if !self.key_is_loaded {
            return;
        }
        let Some(running) = &self.nodes[node].node else { return };
        let mut kept = self.devices[device].stored.capsules();
        kept.retain(|kept| {
            let holds = self.held_at_attach.get(&(device, node));
            holds.is_some_and(|holds| holds.contains(&kept.assignment))
        });
        self.brought
            .extend(kept.iter().map(|kept| &kept.assignment).filter(|id| self.held.contains(id)).cloned());
        let lost = kept.into_iter().find_map(|kept| {
            let capsule = self.sealed.get(&kept.assignment)?;
            (!running.knows_bond(&kept.assignment, capsule.booking)).then_some(kept.assignment)
        });
        if let Some(lost) = lost {
            let what = format!(
                "device {device} holds {lost} and has attached at node {node}, which does not know it"
            );
            self.checkers.break_promise("restored", what);
        }
    }
}
