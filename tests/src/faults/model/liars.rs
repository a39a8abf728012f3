//! Phones that lie: what they bring is forged, another phone's, or a trip that they have ended.

use ondol_core::ids::AssignmentId;
use ondol_device::wire::{Attach, Held, KeptCapsule};

use super::{DevicePlace, World};
use crate::faults::report::{Lies, Phones};

/// What is wrong with a capsule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// No node has made it.
    Forged,
    /// Another phone's.
    Foreign,
    /// Of a trip that the phone has ended.
    Outdated,
}

impl Phones {
    fn of_kind(&mut self, lie: Lie) -> &mut Lies {
        match lie {
            Lie::Forged => &mut self.forged,
            Lie::Foreign => &mut self.foreign,
            Lie::Outdated => &mut self.outdated,
        }
    }

    pub(super) fn lie_told(&mut self, lie: Lie) {
        self.of_kind(lie).told += 1;
    }

    pub(super) fn lie_answered(&mut self, lie: Lie, accepted: bool) {
        let lies = self.of_kind(lie);
        *(if accepted { &mut lies.accepted } else { &mut lies.refused }) += 1;
    }
}

impl World {
    /// Some phones bring a forged capsule, another phone's, or one of a trip that they have ended and say that they
    /// hold it. The last only where the node knows better: what nobody knows, nobody can refuse.
    pub(super) fn lie(
        &mut self,
        node: usize,
        device: usize,
        mut attach: Attach,
    ) -> (Attach, Option<(KeptCapsule, Lie)>) {
        if !self.chance(self.wiped.liars_per_cent) {
            return (attach, None);
        }
        if attach.slot.current.is_none()
            && let ended = self.devices[device].ended.iter().rev()
            && let Some(ended) = ended.clone().find(|ended| self.knows_better(node, ended)).cloned()
        {
            attach.slot.current = Some(self.as_if_held(&ended.assignment));
            return (attach, Some((ended, Lie::Outdated)));
        }
        let near = |place: &DevicePlace| place.edge == self.devices[device].edge;
        let others = self.devices.iter().enumerate();
        let mut of_others = others.filter(|(other, place)| *other != device && near(place));
        let Some(mut stolen) = of_others.find_map(|(_, place)| place.stored.capsules().into_iter().next())
        else {
            return (attach, None);
        };
        if self.chance(50) {
            stolen.capsule = format!("{}/forged", stolen.assignment);
            return (attach, Some((stolen, Lie::Forged)));
        }
        if attach.slot.current.is_none() {
            // A thief says of course that it holds what it brings.
            attach.slot.current = Some(self.as_if_held(&stolen.assignment));
        }
        (attach, Some((stolen, Lie::Foreign)))
    }

    /// The slot of a phone that says that it has the trip, rider and all.
    fn as_if_held(&self, assignment: &AssignmentId) -> Held {
        let booking = self.sealed[assignment].booking;
        Held { booking, assignment: assignment.clone(), confirmed: true, boarded: true }
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
}
