//! What may come back from drivers' phones: trips that their own device holds, and nothing that has ended.

use std::collections::BTreeMap;

use ondol_core::ids::{AssignmentId, ShiftId};

use super::Checkers;
use crate::faults::clock::Ms;

/// An attach may be under way while its device ends the trip, and for as long as the node that reads it was stopped; the
/// device then tells how it ended.
const UNDER_WAY_MS: Ms = 40_000;

/// Who held each bond, and since when it is over, as devices stored it; when each was restored.
#[derive(Debug, Default)]
pub(super) struct Bonds {
    of: BTreeMap<AssignmentId, (ShiftId, Option<Ms>)>,
    restored: BTreeMap<AssignmentId, Ms>,
}

impl Bonds {
    pub(super) fn held(&mut self, assignment: &AssignmentId, shift: ShiftId) {
        self.of.entry(assignment.clone()).or_insert((shift, None));
    }

    pub(super) fn ended(&mut self, assignment: &AssignmentId, now: Ms) {
        if let Some((_, ended_at)) = self.of.get_mut(assignment) {
            ended_at.get_or_insert(now);
        }
    }
}

impl Checkers {
    /// A device brings what it keeps to a node.
    pub(super) fn brings(&mut self, device: usize, brought: &[AssignmentId]) {
        let ended = |id: &&AssignmentId| self.bonds.of.get(*id).is_some_and(|(_, ended)| ended.is_some());
        if let Some(ended) = brought.iter().find(ended) {
            self.break_promise("revived", format!("device {device} brings {ended}, which it has ended"));
        }
    }

    /// When the first node restored the trip.
    pub(crate) fn came_back_at(&self, assignment: &AssignmentId) -> Option<Ms> {
        self.bonds.restored.get(assignment).copied()
    }

    /// A node restored a trip.
    pub(super) fn restored(&mut self, assignment: &AssignmentId, shift: ShiftId) {
        self.bonds.restored.entry(assignment.clone()).or_insert(self.now);
        match self.bonds.of.get(assignment) {
            None => {
                self.break_promise("foreign", format!("{assignment} was restored, which no device has held"));
            }
            Some((holder, _)) if *holder != shift => {
                let what = format!("{assignment} was restored to {shift}; {holder} holds it");
                self.break_promise("foreign", what);
            }
            Some((_, Some(ended_at)))
                if self.brought_by_liar
                    || self.now.saturating_sub(*ended_at) > UNDER_WAY_MS + self.stopped_ms =>
            {
                let what = format!("{assignment} was restored {} ms after it ended", self.now - ended_at);
                self.break_promise("revived", what);
            }
            Some(_) => {}
        }
    }
}
