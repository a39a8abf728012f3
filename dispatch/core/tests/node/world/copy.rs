//! A node whose disk is replaced by an old copy.

use super::World;

impl World {
    /// Starts the node on a copy that holds the first `entries` of what it has stored.
    pub(crate) fn restore(&mut self, name: &'static str, entries: usize) {
        self.place(name).journal.truncate(entries);
        self.restart(name);
    }
}
