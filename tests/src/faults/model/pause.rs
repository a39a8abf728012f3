//! A process that is stopped for a while (SIGSTOP), and goes on as if nothing had been.

use super::{Event, World};
use crate::faults::clock::Ms;

/// What has waited is read within this time.
const READS_ON_MS: Ms = 1_000;

/// The last time for which a process was stopped.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pause {
    from: Ms,
    until: Ms,
}

impl Pause {
    /// Stops the process, or for longer.
    pub(super) fn begin(&mut self, now: Ms, until: Ms) {
        if !self.lasts(now) {
            self.from = now;
        }
        self.until = until.max(self.until);
    }

    pub(super) fn lasts(self, now: Ms) -> bool {
        now < self.until
    }

    pub(super) fn until(self) -> Ms {
        self.until
    }

    /// For how long the process was stopped, if it has gone on just now and reads what has come meanwhile.
    pub(super) fn just_over_ms(self, now: Ms) -> Ms {
        if (self.until..self.until + READS_ON_MS).contains(&now) { self.until - self.from } else { 0 }
    }
}

impl World {
    /// True if an event for this node may happen now; else it waits or is lost.
    pub(super) fn runs(&mut self, node: usize, life: Option<u32>, event: impl FnOnce() -> Event) -> bool {
        let place = &self.nodes[node];
        if place.node.is_none() || life.is_some_and(|life| life != place.life) {
            return false;
        }
        if place.pause.lasts(self.agenda.now()) {
            self.agenda.at(place.pause.until(), event());
            return false;
        }
        true
    }
}
