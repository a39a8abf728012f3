//! What a test sees of nodes.

use ondol_core::booking::{BookingRecord, Status};
use ondol_core::command::Notice;
use ondol_core::ids::AssignmentId;
use ondol_core::journal::Hash;
use ondol_core::node::Mode;
use ondol_core::reconcile::{Conflict, conflicts};

use super::World;

impl World {
    pub(crate) fn record(&self, name: &str, number: u128) -> BookingRecord {
        self.places[name].node.board().booking(Self::booking(number)).expect("the booking is known").1.clone()
    }

    pub(crate) fn status(&self, name: &str, number: u128) -> Status {
        self.record(name, number).status()
    }

    pub(crate) fn mode(&self, name: &str) -> Mode {
        self.places[name].node.mode(&Self::district()).unwrap().mode
    }

    pub(crate) fn pin(&self, name: &str, number: u128) -> String {
        self.places[name].node.pin(Self::booking(number))
    }

    pub(crate) fn hash(&self, name: &str) -> Hash {
        self.places[name].node.board().state_hash(&Self::district())
    }

    pub(crate) fn conflicts(&self, name: &str) -> Vec<Conflict> {
        self.places[name].node.board().district(&Self::district()).map_or(Vec::new(), conflicts)
    }

    pub(crate) fn notices(&self, name: &str) -> &[Notice] {
        &self.places[name].notices
    }

    pub(crate) fn revoked(&self, name: &str) -> &[AssignmentId] {
        &self.places[name].revoked
    }

    pub(crate) fn entries(&self, name: &str) -> usize {
        self.places[name].journal.len()
    }

    pub(crate) fn count(&self, name: &str, kind: &str) -> usize {
        self.places[name].journal.iter().filter(|entry| entry.kind == kind).count()
    }
}
