//! What was charged: the memory of the checkers `I3` and `unverified`.

use std::collections::{BTreeMap, BTreeSet};

use ondol_core::ids::BookingId;
use ondol_core::node::Node;

use super::Checkers;

/// Charges that some journal holds, and those that went with every disk that held them.
#[derive(Debug, Default)]
pub(super) struct Charges {
    of: BTreeMap<BookingId, u64>,
    gone: BTreeSet<BookingId>,
    again: BTreeSet<BookingId>,
}

impl Checkers {
    /// True if central has charged the booking.
    pub(crate) fn is_charged(&self, booking: BookingId) -> bool {
        self.charges.of.contains_key(&booking)
    }

    /// Bookings that were charged although they had been before, in entries that went with every disk that held them.
    /// No rule of a journal keeps that from happening.
    pub(crate) fn charged_again(&self) -> u64 {
        self.charges.again.len() as u64
    }

    /// A charge became durable; the node is the one that wrote it, if it runs.
    pub(super) fn charged(&mut self, booking: BookingId, node: Option<&Node>) {
        let charges = self.charges.of.entry(booking).or_default();
        *charges += 1;
        if *charges > 1 {
            self.double_charges += 1;
            self.break_promise("I3", format!("{booking} was charged twice"));
        }
        if self.charges.gone.contains(&booking) {
            self.charges.again.insert(booking);
        }
        let known = node.and_then(|node| node.board().booking(booking));
        if known.is_some_and(|(_, record)| record.is_unverified()) {
            self.break_promise("unverified", format!("{booking} is charged on its driver's word alone"));
        }
    }

    /// A charge went with every disk that held it.
    pub(super) fn charge_is_gone(&mut self, booking: BookingId) {
        self.charges.of.remove(&booking);
        self.charges.gone.insert(booking);
    }
}
