//! What edges have adopted, as far as central must leave it alone: the memory of the checker `adopted`.

use std::collections::{BTreeMap, BTreeSet};

use ondol_core::board::DistrictBoard;
use ondol_core::booking::BookingRecord;
use ondol_core::face::Role;
use ondol_core::fact::{Fact, Owner, TakeCause};
use ondol_core::ids::{BookingId, DistrictId, NodeId};
use ondol_core::node::Node;

/// Who took bookings over by the rules of the lease.
#[derive(Debug, Default)]
pub(super) struct Adoptions {
    /// Adopted by an edge and not given back.
    pub(super) adopted: BTreeMap<BookingId, NodeId>,
    /// Adopted in an entry that is not committed yet, while central had not taken the booking in.
    adopting: BTreeSet<BookingId>,
    /// The highest right to each booking that anybody has written: an edge whose disk has lost it, and which adopts by
    /// a lower one, has adopted nothing once its past has come back.
    highest: BTreeMap<BookingId, Owner>,
    /// Nodes that a rider reached with the booking.
    taken_in: BTreeMap<BookingId, BTreeSet<NodeId>>,
    /// Riders asked central for it again, or an operator decided.
    pub(super) excused: BTreeSet<BookingId>,
}

impl Adoptions {
    /// An edge makes a booking its own: whether it may is judged by what it knows now, and not when its disk is done.
    pub(super) fn written(&mut self, edge: &Node, board: &DistrictBoard, booking: BookingId) {
        let by_hand = board.authority.taken.is_some_and(|(_, cause)| cause == TakeCause::Operator);
        let Some(record) = board.bookings.get(&booking) else { return };
        // A rider who reached both sides of a cut with one booking asked both.
        let both = self.taken_in.get(&booking).is_some_and(|nodes| {
            nodes.contains(&edge.config().id)
                && nodes.iter().any(|other| !record.accepted_by.contains_key(other))
        });
        // A phone that keeps its trip was quicker than central's page: of that central cannot know.
        let by_phone = record.is_unverified();
        if by_hand || both || by_phone {
            self.adopting.remove(&booking);
        } else {
            self.adopting.insert(booking);
        }
    }

    pub(super) fn committed(&mut self, node: &Node, fact: &Fact) {
        let Fact::BookingOwned { booking, owner, .. } = fact else { return };
        let me = &node.config().id;
        let highest = self.highest.entry(*booking).or_insert_with(|| owner.clone());
        let is_past = owner < highest;
        if !is_past {
            *highest = owner.clone();
        }
        if node.config().role == Role::Central {
            return;
        }
        if owner.node != *me {
            self.adopted.remove(booking);
        } else if self.adopting.remove(booking) && !is_past {
            self.adopted.insert(*booking, me.clone());
        }
    }

    /// A rider reached a node with a booking that it did not know: whoever adopted it before, the rider asked here too.
    pub(super) fn taken_in(&mut self, node: &Node, booking: BookingId) {
        self.taken_in.entry(booking).or_default().insert(node.config().id.clone());
        if node.config().role == Role::Central {
            self.adopted.remove(&booking);
            self.adopting.remove(&booking);
        }
    }

    /// Central holds the district: the cut in which riders asked again is over, and what they asked for is central's. Of
    /// a booking that the district has borrowed, the cut is its lender's.
    pub(super) fn joined(&mut self, board: &DistrictBoard, central: &NodeId) {
        let here = self.excused.iter().filter_map(|booking| board.bookings.get(booking));
        let here = here.filter(|record| !record.is_borrowed());
        for record in here.collect::<Vec<_>>() {
            self.excused.remove(&record.id);
            if record.owner.as_ref().is_some_and(|(owner, _)| owner.node == *central) {
                self.adopted.remove(&record.id);
            }
        }
    }

    /// The edge that adopted a booking which central offers in that edge's district, unless central may. Elsewhere the
    /// edge has lent it.
    pub(super) fn adopter(
        &self,
        booking: BookingId,
        central: &Node,
        district: &DistrictId,
    ) -> Option<&NodeId> {
        let edge = central.config().districts.get(district).and_then(|district| district.edge.as_ref());
        // A phone that keeps its trip came to central before the edge's page did, and its driver gave the booking back.
        let known = central.board().district(district).and_then(|board| board.bookings.get(&booking));
        if known.is_some_and(BookingRecord::is_unverified) {
            return None;
        }
        let adopted = self.adopted.get(&booking).filter(|adopter| edge == Some(adopter));
        adopted.filter(|_| !self.excused.contains(&booking))
    }
}
