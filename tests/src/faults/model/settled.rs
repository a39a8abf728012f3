//! What must be true once everything has healed.

use std::collections::BTreeSet;

use ondol_core::board::DistrictBoard;
use ondol_core::booking::BookingRecord;
use ondol_core::ids::BookingId;
use ondol_core::node::{Mode, Node};

use super::{NODES, World, district_of};

impl World {
    /// Why the run has not converged yet; `None` once it has.
    pub(crate) fn unsettled(&self) -> Option<String> {
        let Some(central) = self.nodes[0].node.as_ref() else {
            return Some("central is down".to_owned());
        };
        for edge in 1..NODES {
            let Some(other) = self.nodes[edge].node.as_ref() else {
                return Some(format!("edge-{edge} is down"));
            };
            let district = district_of(edge);
            for node in [central, other] {
                let mode = node.mode(&district).map(|view| (view.mode, view.reason));
                if mode.is_none_or(|(mode, _)| mode != Mode::Normal) {
                    return Some(format!("{} is in {mode:?} in {district}", node.config().id));
                }
            }
            let level = central.board().covers(central.board().heads(), other.board().heads(), &district)
                && other.board().covers(other.board().heads(), central.board().heads(), &district);
            if !level {
                return Some(format!("journals of {district} differ"));
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
        for edge in 1..NODES {
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
        let waiting = self.riders.iter().find(|rider| rider.made && !rider.acknowledged);
        waiting.map(|rider| format!("the rider of {} has no answer", rider.booking))
    }

    /// Looks at the whole once it has converged.
    pub(crate) fn check_settled(&mut self) {
        let stored: Vec<_> = self.nodes.iter().map(|place| &place.disk.bookings).collect();
        self.checkers.nothing_lost(&stored);
        for edge in 1..NODES {
            let district = district_of(edge);
            let hashes: Vec<_> = [0, edge]
                .into_iter()
                .filter_map(|node| self.nodes[node].node.as_ref())
                .map(|node| node.board().state_hash(&district))
                .collect();
            if hashes[0] != hashes[1] {
                let what = format!("{district} is {} at central and {} at its edge", hashes[0], hashes[1]);
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

    /// Bookings for which two shifts were bound at the same time.
    pub(crate) fn dispatched_twice(&self) -> u64 {
        let boards = (1..NODES).filter_map(|edge| board(self.nodes[0].node.as_ref()?, edge));
        let twice = boards.flat_map(|board| board.bookings.values()).filter(|record| overlaps(record));
        twice.map(|record| record.id).collect::<BTreeSet<_>>().len() as u64
    }

    /// Every booking that central knows.
    pub(crate) fn all_bookings(&self) -> impl Iterator<Item = &BookingRecord> {
        (1..NODES)
            .filter_map(|edge| board(self.nodes[0].node.as_ref()?, edge))
            .flat_map(|board| board.bookings.values())
    }

    /// Digest of all that happened and of what every node knows in the end.
    pub(crate) fn state_hash(&self) -> String {
        let mut hash = format!("{:016x}", self.digest);
        for place in &self.nodes {
            let Some(node) = &place.node else { continue };
            for edge in 1..NODES {
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

fn overlaps(record: &BookingRecord) -> bool {
    let spans: Vec<_> = record
        .assignments
        .values()
        .filter_map(|bond| {
            let begins = bond.assigned_at?;
            let ends = bond.over_at().or(bond.released.map(|(at, _)| at))?;
            Some((begins, ends))
        })
        .collect();
    spans.iter().enumerate().any(|(i, (begins, ends))| {
        spans[i + 1..].iter().any(|(other_begins, other_ends)| begins < other_ends && other_begins < ends)
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::schedule::Schedule;
    use super::*;

    #[test]
    fn a_world_without_central_has_not_converged() {
        let mut world = World::new(1, Schedule { faults: Vec::new() }, 600_000, false);
        world.nodes[0].node = None;
        assert_eq!(world.unsettled().as_deref(), Some("central is down"));
    }
}
