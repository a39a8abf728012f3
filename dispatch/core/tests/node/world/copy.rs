//! Nodes whose disk is replaced by an old copy, or lost, and what phones bring them then.

use ondol_core::board::Board;
use ondol_core::capsule::Capsule;
use ondol_core::command::{Answer, Command, Refusal, Restore};
use ondol_core::ids::{AssignmentId, BookingId};

use super::{CENTRAL, World};

impl World {
    /// Starts the node on a copy that holds the first `entries` of what it has stored.
    pub(crate) fn restore(&mut self, name: &'static str, entries: usize) {
        self.place(name).journal.truncate(entries);
        self.restart(name);
    }

    /// Every node loses its disk; the office lists drivers again.
    pub(crate) fn wipe_all(&mut self) {
        for name in self.places.keys().copied().collect::<Vec<_>>() {
            let life = self.places.remove(name).unwrap().incarnation + 1;
            self.start(name, Board::default(), Vec::new(), life);
        }
        assert!(self.places.contains_key(CENTRAL));
        self.list();
        if self.has_edge {
            self.sync();
        }
    }

    pub(crate) fn knows_bond(&self, name: &str, assignment: &AssignmentId, booking: BookingId) -> bool {
        self.places[name].node.knows_bond(assignment, booking)
    }

    /// The phone of `shift` brings a capsule, which the shell has opened.
    pub(crate) fn bring(&mut self, name: &str, shift: u128, capsule: Capsule) -> Result<Answer, Refusal> {
        let (district, driver) = (Self::district(), ondol_core::ids::DriverId::from_number(shift));
        let device = ondol_core::ids::DeviceId::from_number(shift);
        let restore = Restore { shift: Self::shift(shift), device, driver, district, capsule };
        self.command(name, Command::Restore(Box::new(restore)))
    }
}
