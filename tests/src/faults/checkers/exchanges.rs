//! Who has said yes to which booking: the memory of the checker `exchanged`.

use std::collections::{BTreeMap, BTreeSet};

use ondol_core::fact::Release;
use ondol_core::ids::{AssignmentId, BookingId};

use super::Checkers;

/// Yeses of drivers, by app or by text.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    taken: BTreeMap<BookingId, BTreeMap<AssignmentId, Since>>,
    /// Another district looks for a taxi: a late yes in the first is let go, though nobody there may have said yes.
    lent: BTreeSet<BookingId>,
}

/// What has become of a yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    /// It holds, or the trip was made, or a human ended it: whoever gave way to it has not been let go for nothing.
    Stands,
    /// A machine had the driver let go, or took the yes for late.
    UndoneByMachine,
}

impl Exchanges {
    pub(super) fn taken(&mut self, booking: BookingId, assignment: &AssignmentId) {
        self.taken.entry(booking).or_default().entry(assignment.clone()).or_insert(Since::Stands);
    }

    fn ended(&mut self, booking: BookingId, assignment: &AssignmentId, why: Release) {
        let by_machine = matches!(why, Release::Superseded | Release::Withdrawn | Release::Lapsed);
        let known = self.taken.get_mut(&booking).and_then(|taken| taken.get_mut(assignment));
        if let Some(since) = known.filter(|_| by_machine) {
            *since = Since::UndoneByMachine;
        }
    }

    pub(super) fn lent(&mut self, booking: BookingId) {
        self.lent.insert(booking);
    }
}

impl Checkers {
    /// A bond that held ended without a trip: if because another driver goes, then one does.
    pub(super) fn let_go(&mut self, booking: BookingId, assignment: &AssignmentId, why: Release) {
        self.exchanges.ended(booking, assignment, why);
        let taken = self.exchanges.taken.get(&booking);
        let goes = |(other, since): (&AssignmentId, &Since)| other != assignment && *since == Since::Stands;
        let by_another = taken.is_some_and(|taken| taken.iter().any(goes));
        let is_lent = self.exchanges.lent.contains(&booking);
        if why == Release::Superseded && !by_another && !is_lent {
            let what = format!(
                "{assignment} was let go for another taxi, and nobody else goes to {booking}: {taken:?}"
            );
            self.break_promise("exchanged", what);
        }
    }
}
