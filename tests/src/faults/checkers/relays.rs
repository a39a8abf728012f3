//! Counts drivers with the app whom an edge asks for central, because they reach the edge alone.

use std::collections::BTreeSet;

use ondol_core::board::DistrictBoard;
use ondol_core::fact::{Fact, Step};
use ondol_core::ids::{AssignmentId, DistrictId, ShiftId};
use ondol_core::node::{Mode, Node};

/// The questions of edges that stood by.
#[derive(Debug, Default)]
pub(crate) struct Relays {
    asked: BTreeSet<AssignmentId>,
    served: BTreeSet<AssignmentId>,
}

impl Relays {
    /// A node asks a shift.
    pub(super) fn offered(
        &mut self,
        node: &Node,
        district: &DistrictId,
        board: &DistrictBoard,
        assignment: &AssignmentId,
        shift: ShiftId,
    ) {
        let stands_by = node
            .mode(district)
            .is_some_and(|view| view.mode == Mode::Normal && view.holder != node.config().id);
        let has_app = board.shifts.get(&shift).is_some_and(|shift| shift.device().is_some());
        if stands_by && has_app {
            self.asked.insert(assignment.clone());
        }
    }

    /// An entry is durable.
    pub(super) fn committed(&mut self, fact: &Fact) {
        if let Fact::Stepped { assignment, what: Step::Done { .. }, .. } = fact
            && self.asked.contains(assignment)
        {
            self.served.insert(assignment.clone());
        }
    }

    /// Questions, and rides that came of them.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.asked.len() as u64, self.served.len() as u64)
    }
}
