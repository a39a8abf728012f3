//! What nodes and phones think of each other.

use std::collections::BTreeSet;

use ondol_core::ids::{AssignmentId, ShiftId};
use ondol_core::node::Contact;
use ondol_core::units::UtcMs;

use super::{NODES, Town, district, node_id};

/// A question lives for 20 s.
const LAPSED_FOR_LONG_MS: u64 = 60_000;

impl Town {
    pub(super) fn shift(&self, phone: usize) -> ShiftId {
        self.phones[phone].stored.shift
    }

    /// The nodes that think that the phone has a session with them.
    pub(in super::super) fn attached_at(&self, phone: usize) -> Vec<usize> {
        let shift = self.shift(phone);
        let is_here = |node: &usize| {
            let place = &self.places[*node];
            let bound = place.node.board().shift(shift).and_then(|(_, shift)| shift.attached.as_ref());
            let bound_here = bound.is_some_and(|(_, to)| *to == node_id(*node));
            bound_here && place.node.contacts().get(&shift).is_some_and(Contact::is_attached)
        };
        (0..NODES).filter(is_here).collect()
    }

    /// The node to which the phone thinks that it is attached.
    pub(in super::super) fn attached_to(&self, phone: usize) -> Option<usize> {
        self.phones[phone].device.attached_to().map(|node| usize::from(*node != node_id(0)))
    }

    /// What the phone holds, and how much it still has to tell.
    pub(in super::super) fn held(&self, phone: usize) -> (BTreeSet<AssignmentId>, usize) {
        let stored = &self.phones[phone].stored;
        let trips = stored.current.iter().chain(&stored.next);
        (trips.map(|trip| trip.assignment.clone()).collect(), stored.outbox.unsent())
    }

    /// What a node thinks that the phone is bound by.
    pub(in super::super) fn bound(&self, node: usize, phone: usize) -> BTreeSet<AssignmentId> {
        let board = self.places[node].node.board().district(&district());
        let bonds = board.into_iter().flat_map(|board| board.bonds_of(self.shift(phone)));
        bonds.filter(|(record, id)| record.assignments[*id].binds()).map(|(_, id)| id.clone()).collect()
    }

    /// Questions to which a node still waits for the phone's answer, long after they have lapsed.
    pub(in super::super) fn waits_for(&self, node: usize, phone: usize) -> BTreeSet<AssignmentId> {
        let board = self.places[node].node.board().district(&district());
        let bonds = board.into_iter().flat_map(|board| board.bonds_of(self.shift(phone)));
        let is_old = |offered_at: UtcMs| offered_at.plus_ms(LAPSED_FOR_LONG_MS) < self.now().utc;
        let waits = bonds.filter(|(record, id)| {
            let bond = &record.assignments[*id];
            bond.is_question() && bond.offered.as_ref().is_some_and(|(_, at, _)| is_old(*at))
        });
        waits.map(|(_, id)| id.clone()).collect()
    }

    /// True if both nodes know the same.
    pub(in super::super) fn nodes_agree(&self) -> bool {
        let hash = |node: usize| self.places[node].node.board().state_hash(&district());
        hash(0) == hash(1)
    }
}
