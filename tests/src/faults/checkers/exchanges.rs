//! Who has said yes to which booking: the memory of the checker `exchanged`.

use std::collections::{BTreeMap, BTreeSet};

use ondol_core::fact::Release;
use ondol_core::ids::{AssignmentId, BookingId};

use super::Checkers;

/// Yeses of drivers, by app or by text.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    taken: BTreeMap<BookingId, BTreeSet<AssignmentId>>,
    /// Another district looks for a taxi: a late yes in the first is let go, though nobody there may have said yes.
    lent: BTreeSet<BookingId>,
}

impl Exchanges {
    pub(super) fn taken(&mut self, booking: BookingId, assignment: &AssignmentId) {
        self.taken.entry(booking).or_default().insert(assignment.clone());
    }

    pub(super) fn lent(&mut self, booking: BookingId) {
        self.lent.insert(booking);
    }
}

impl Checkers {
    /// A bond that held ended without a trip.
    pub(super) fn let_go(&mut self, booking: BookingId, assignment: &AssignmentId, why: Release) {
        let taken = self.exchanges.taken.get(&booking);
        let by_another = taken.is_some_and(|taken| taken.iter().any(|other| other != assignment));
        if why == Release::Superseded && !by_another && !self.exchanges.lent.contains(&booking) {
            let what = format!(
                "{assignment} was let go for another taxi, and nobody else has said yes to {booking}"
            );
            self.break_promise("exchanged", what);
        }
    }
}
