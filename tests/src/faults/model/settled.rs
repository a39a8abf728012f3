//! What must be true once everything has healed.

use std::collections::BTreeMap;

use ondol_core::board::DistrictBoard;
use ondol_core::booking::BookingRecord;
use ondol_core::ids::BookingId;
use ondol_core::node::{Mode, Node};

use super::life::Ride;
use super::{RiderPlace, World, district_of, node_id};
use crate::faults::clock::Ms;
use crate::twice::taxis_at_once;

impl World {
    /// Why the run has not converged yet; `None` once it has.
    pub(crate) fn unsettled(&self) -> Option<String> {
        let Some(central) = self.nodes[0].node.as_ref() else {
            return Some("central is down".to_owned());
        };
        for edge in self.town.districts() {
            let district = district_of(edge);
            for node in self.town.nodes_of(edge) {
                let Some(node) = self.nodes[node].node.as_ref() else {
                    return Some(format!("{} is down", node_id(node)));
                };
                let mode = node.mode(&district).map(|view| (view.mode, view.reason));
                if mode.is_none_or(|(mode, _)| mode != Mode::Normal) {
                    return Some(format!("{} is in {mode:?} in {district}", node.config().id));
                }
                let level = central.board().covers(central.board().heads(), node.board().heads(), &district)
                    && node.board().covers(node.board().heads(), central.board().heads(), &district);
                if !level {
                    return Some(format!("journals of {district} differ"));
                }
            }
            let drivers = board(central, edge).into_iter().flat_map(|board| {
                board.drivers.keys().map(move |driver| (driver, board.shifts_of(*driver).count()))
            });
            if let Some((driver, shifts)) = drivers.into_iter().find(|(_, shifts)| *shifts > 1) {
                return Some(format!("driver {driver} has {shifts} shifts on duty"));
            }
            if let Some(record) = board(central, edge).and_then(|board| board.open_bookings().next()) {
                return Some(format!("{} is still {:?}: {}", record.id, record.status(), story(record)));
            }
        }
        for edge in self.town.districts() {
            let asked = board(central, edge).into_iter().flat_map(|board| {
                board.on_duty().filter_map(move |shift| Some((shift.id, board.bonds_of(shift.id).next()?)))
            });
            if let Some((shift, (record, bond))) = asked.into_iter().next() {
                let story = story(record);
                return Some(format!(
                    "{shift} still counts as asked or bound by {bond} of {}: {story}",
                    record.id
                ));
            }
        }
        for (index, place) in self.devices.iter().enumerate() {
            // No node takes in what the phone of a barred driver has to tell, nor of one who is on duty with another
            // phone and whose shift on this one was lost with a disk.
            if self.is_barred(index) || (place.stored.current.is_none() && self.has_other_phone(index)) {
                continue;
            }
            if place.stored.current.is_some() || place.stored.outbox.unsent() > 0 {
                let what = (&place.stored.current, place.stored.outbox.unsent());
                return Some(format!("device {index} is not done: {what:?}"));
            }
        }
        let waits = |rider: &&RiderPlace| rider.made && !rider.acknowledged && rider.ride.gone_at.is_none();
        let waiting = self.riders.iter().find(waits);
        waiting.map(|rider| format!("the rider of {} has no answer", rider.booking))
    }

    /// Looks at the whole once it has converged.
    pub(crate) fn check_settled(&mut self) {
        let stored: Vec<_> = self.nodes.iter().map(|place| &place.disk.bookings).collect();
        self.checkers.nothing_lost(&stored);
        for edge in self.town.districts() {
            let district = district_of(edge);
            let hashes: Vec<_> = self
                .town
                .nodes_of(edge)
                .filter_map(|node| self.nodes[node].node.as_ref())
                .map(|node| node.board().state_hash(&district))
                .collect();
            if let [central, edge] = &hashes[..]
                && central != edge
            {
                let what = format!("{district} is {central} at central and {edge} at its edge");
                self.checkers.break_promise("I4", what);
            }
            let Some(board) = self.nodes[0].node.as_ref().and_then(|node| board(node, edge)) else {
                continue;
            };
            let bound = board.on_duty().map(|shift| shift.id).find_map(|shift| {
                let count =
                    board.bonds_of(shift).filter(|(record, id)| record.assignments[*id].binds()).count();
                (count > 0).then(|| format!("shift {shift} is bound {count} times after everything ended"))
            });
            if let Some(what) = bound {
                self.checkers.break_promise("I1", what);
            }
        }
        let unknown: Vec<BookingId> =
            self.checkers.acknowledgements().filter(|booking| self.record(*booking).is_none()).collect();
        if let Some(booking) = unknown.first() {
            self.checkers.break_promise("I2", format!("{booking} was acknowledged and nobody knows it"));
        }
    }

    /// What central knows of a booking.
    pub(crate) fn record(&self, booking: BookingId) -> Option<&BookingRecord> {
        let (_, record) = self.nodes[0].node.as_ref()?.board().booking(booking)?;
        record.accepted.as_ref().map(|_| record)
    }

    /// True if a booking was acknowledged and nobody knows it, though its acceptance did not go with the one disk that had
    /// it, or a phone had it that reached a node after every disk was lost.
    pub(crate) fn is_lost(&self, rider: &RiderPlace) -> bool {
        let kept = self.checkers.is_promised(rider.booking) || self.is_on_a_phone(rider.booking);
        rider.acknowledged && kept && self.record(rider.booking).is_none()
    }

    /// Of the bookings that were acknowledged before this moment and are open, the share that the district's edge knows;
    /// none if no edge runs or nothing was open.
    pub(crate) fn open_known_at_edge(&self, before: Ms) -> Option<f64> {
        let told = |rider: &&RiderPlace| rider.ride.told_at.is_some_and(|at| at < before);
        let is_over = |ride: Ride| ride.ended_at.is_some() || ride.gone_at.is_some();
        let open = self.riders.iter().filter(told).filter(|rider| !is_over(rider.ride));
        let edge = |rider: &RiderPlace| self.nodes.get(rider.edge).and_then(|place| place.node.as_ref());
        let known: Vec<bool> =
            open.filter_map(|rider| Some(edge(rider)?.board().booking(rider.booking).is_some())).collect();
        #[allow(clippy::cast_precision_loss, reason = "counts of a run")]
        let share = |part: usize, whole: usize| (whole > 0).then(|| part as f64 / whole as f64);
        share(known.iter().filter(|known| **known).count(), known.len())
    }

    /// Texts that all carriers took, and texts for which no line was free in time.
    pub(crate) fn texts_carried(&self) -> (u64, u64) {
        let each = self.net.carriers.values().map(|carrier| (carrier.carried, carrier.crowded_out));
        each.fold((0, 0), |(a, b), (carried, crowded_out)| (a + carried, b + crowded_out))
    }

    /// Faults that happened, by kind.
    pub(crate) fn faults(&self) -> BTreeMap<String, u64> {
        self.counts.faults.iter().map(|(kind, n)| ((*kind).to_owned(), *n)).collect()
    }

    /// Bookings for which two shifts were bound at the same time.
    pub(crate) fn dispatched_twice(&self) -> u64 {
        let mut records: BTreeMap<BookingId, Vec<&BookingRecord>> = BTreeMap::new();
        for record in self.all_bookings() {
            records.entry(record.id).or_default().push(record);
        }
        records.values().filter(|records| taxis_at_once(records.iter().copied())).count() as u64
    }

    /// Every booking that central knows.
    pub(crate) fn all_bookings(&self) -> impl Iterator<Item = &BookingRecord> {
        self.town
            .districts()
            .filter_map(|edge| board(self.nodes[0].node.as_ref()?, edge))
            .flat_map(|board| board.bookings.values())
    }

    /// Digest of all that happened and of what every node knows in the end.
    pub(crate) fn state_hash(&self) -> String {
        let mut hash = format!("{:016x}", self.digest);
        for place in &self.nodes {
            let Some(node) = &place.node else { continue };
            for edge in self.town.districts() {
                hash = crate::faults::run::chain(
                    &hash,
                    &node.board().state_hash(&district_of(edge)).to_string(),
                );
            }
        }
        hash
    }
}

fn board(node: &Node, edge: usize) -> Option<&DistrictBoard> {
    node.board().district(&district_of(edge))
}

fn story(record: &BookingRecord) -> String {
    let BookingRecord { owner, cancel, assignments, loans, .. } = record;
    format!("owner {owner:?}, cancel {cancel:?}, bonds {assignments:?}, loans {loans:?}")
}

#[cfg(test)]
mod tests {
    use super::super::super::schedule::Schedule;
    use super::super::Town;
    use super::*;

    #[test]
    fn a_world_without_central_has_not_converged() {
        let mut world = World::new(1, Town::small(), Schedule { faults: Vec::new() }, 600_000, false);
        world.nodes[0].node = None;
        assert_eq!(world.unsettled().as_deref(), Some("central is down"));
    }
}
