//! The recovery key while a node holds it: who may load it, what is done with it, and when it is put away.
//!
//! ```text
//! order ─▶ load ─┬─▶ keeper: drops the key at its time
//!                └─▶ opener: one capsule after another, until nothing is left that was not tried ─▶ counts
//! ```
//!
//! Both are tasks of their own, one of each at most: who gave the order need not wait, and loses nothing by hanging up.

use std::sync::Arc;

use ondol_core::ids::AssignmentId;
use ondol_core::units::Ticks;
use thiserror::Error;
use tokio::task::JoinHandle;

use super::room::Phone;
use super::{Outcome, Recovery, RecoveryKey, RecoveryPublic, RecoverySecret, lock, note};
use crate::store::{AuditAction, StoreError};

/// Longest time for which the recovery key is held in a node, in milliseconds of its elapsed clock.
pub const LOADED_MAX_MS: u64 = 2 * 3_600_000;
/// Before what the node could not take in is tried again; until the key is put away.
const AGAIN_MS: u64 = 1_000;
/// Longest sleep of the keeper: timers stand still while a machine is suspended, the node's clock does not.
const LOOKS_EVERY_MS: u64 = 60_000;

/// How far a recovery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// For how much longer the key is held; `None` if it is not.
    pub held_ms: Option<u64>,
    /// Capsules that wait and were not tried under this key.
    pub waiting: usize,
    /// Capsules that wait because another key or another signer would be needed.
    pub unopened: usize,
    /// What became of the others since the key was loaded.
    pub counts: Counts,
}

/// What became of capsules since the key was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Trips in the journal again.
    pub restored: usize,
    /// Trips that were known by then.
    pub known: usize,
    /// Capsules that were refused.
    pub refused: usize,
}

/// Why a key is not held.
#[derive(Debug, Error)]
pub enum LoadRefusal {
    /// Phones keep nothing for this node.
    #[error(
        "this node's configuration has no [recovery] section: phones keep nothing for it, and no key opens it"
    )]
    NotConfigured,
    /// It would open nothing.
    #[error(
        "this key opens capsules of {loaded}, and this node seals to {configured}: bring that one's file; what waits still waits"
    )]
    OtherKey {
        /// The public half of the key that was brought.
        loaded: RecoveryPublic,
        /// The public half in the configuration.
        configured: RecoveryPublic,
    },
    /// The audit log cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The key, and what was done with it.
#[derive(Debug, Default)]
pub(super) struct Held {
    key: Option<Loaded>,
    counts: Counts,
    is_opening: bool,
}

#[derive(Debug)]
struct Loaded {
    key: Arc<RecoveryKey>,
    until: Ticks,
    keeper: JoinHandle<()>,
}

impl Recovery {
    /// Holds the key for `life_ms`, at most [`LOADED_MAX_MS`], and begins to open what waits. Loading it again is
    /// harmless: the time begins anew, and what could not be opened is tried again.
    ///
    /// # Errors
    ///
    /// [`LoadRefusal`]: then nothing has changed.
    pub async fn load(&self, secret: &RecoverySecret, life_ms: u64) -> Result<Progress, LoadRefusal> {
        let key = secret.key();
        let configured = self.inner.section.as_ref().ok_or(LoadRefusal::NotConfigured)?.public_key;
        if key.public() != configured {
            return Err(LoadRefusal::OtherKey { loaded: key.public(), configured });
        }
        let life_ms = life_ms.min(LOADED_MAX_MS);
        let (object, reason) = (configured.to_string(), format!("for {} minutes", life_ms / 60_000));
        let now = self.inner.handle.now();
        let store = self.inner.handle.store();
        store.audit("staff", AuditAction::RecoveryKeyLoaded, &object, &reason, now.utc).await?;
        self.hold(key, now.ticks.plus_ms(life_ms));
        lock(&self.inner.room).try_all_again();
        self.open_waiting();
        Ok(self.progress())
    }

    /// How far the recovery has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let now = self.inner.handle.now().ticks;
        let (all, unopened) = lock(&self.inner.room).count();
        let held = lock(&self.inner.held);
        let until = held.key.as_ref().map(|loaded| loaded.until).filter(|until| now < *until);
        Progress {
            held_ms: until.map(|until| until.since_ms(now)),
            waiting: all - unopened,
            unopened,
            counts: held.counts,
        }
    }

    fn hold(&self, key: RecoveryKey, until: Ticks) {
        let this = self.clone();
        let keeper = tokio::spawn(async move {
            let clock = this.inner.handle.clock();
            while clock.now().ticks < until {
                clock.sleep_until(until.min(clock.now().ticks.plus_ms(LOOKS_EVERY_MS))).await;
            }
            let mut held = lock(&this.inner.held);
            // It may have been loaded again at this very moment.
            if held.key.as_ref().is_some_and(|loaded| clock.now().ticks >= loaded.until) {
                held.key = None;
                tracing::info!("the recovery key is put away");
            }
        });
        let mut held = lock(&self.inner.held);
        match held.key.replace(Loaded { key: Arc::new(key), until, keeper }) {
            Some(before) => before.keeper.abort(),
            None => held.counts = Counts::default(),
        }
    }

    /// The key, while it is held.
    pub(super) fn key(&self) -> Option<Arc<RecoveryKey>> {
        let now = self.inner.handle.now().ticks;
        let held = lock(&self.inner.held);
        held.key.as_ref().filter(|loaded| now < loaded.until).map(|loaded| Arc::clone(&loaded.key))
    }

    /// True if the key is in memory.
    #[cfg(test)]
    pub(crate) fn has_key(&self) -> bool {
        lock(&self.inner.held).key.is_some()
    }

    /// Counts what became of a capsule for whoever has loaded the key.
    pub(super) fn count(&self, outcome: &Outcome) {
        let counts = &mut lock(&self.inner.held).counts;
        match outcome {
            Outcome::Known => counts.known += 1,
            Outcome::Restored => counts.restored += 1,
            Outcome::Refused(_) => counts.refused += 1,
            Outcome::Waits | Outcome::Unopened(_) => {}
        }
    }

    /// Starts the opener, unless it is at work.
    pub(super) fn open_waiting(&self) {
        let mut held = lock(&self.inner.held);
        if held.key.is_none() || std::mem::replace(&mut held.is_opening, true) {
            return;
        }
        let this = self.clone();
        tokio::spawn(async move { this.open_all().await });
    }

    async fn open_all(&self) {
        let clock = self.inner.handle.clock();
        while let Some(capsules) = self.still_to_open() {
            for (phone, assignment) in capsules {
                if self.key().is_some() {
                    self.open_one(phone, &assignment).await;
                }
            }
            if !lock(&self.inner.room).untried().is_empty() {
                clock.sleep_until(clock.now().ticks.plus_ms(AGAIN_MS)).await;
            }
        }
        let Progress { waiting, unopened, counts, .. } = self.progress();
        let Counts { restored, known, refused } = counts;
        tracing::info!(
            waiting,
            unopened,
            restored,
            known,
            refused,
            "what waited for the recovery key was tried"
        );
    }

    /// What is to be opened. `None` if there is nothing to do any more: then the opener is not at work.
    fn still_to_open(&self) -> Option<Vec<(Phone, AssignmentId)>> {
        let has_key = self.key().is_some();
        // Whoever brings a capsule lays it down first and looks for the opener then: under this lock neither misses
        // the other.
        let mut held = lock(&self.inner.held);
        let capsules = lock(&self.inner.room).untried();
        held.is_opening = has_key && !capsules.is_empty();
        held.is_opening.then_some(capsules)
    }

    /// Opens one capsule. It waits until its trip is in the journal, so that nothing is lost on the way.
    async fn open_one(&self, phone: Phone, assignment: &AssignmentId) {
        let found = lock(&self.inner.room).find(phone, assignment);
        let Some((bearer, shift, brought)) = found else { return };
        let outcome = self.restore(&bearer, shift, &brought).await;
        let unopened = match outcome {
            // It was counted when it came, and is tried again.
            Outcome::Waits => return,
            Outcome::Unopened(code) => Some(code),
            Outcome::Known | Outcome::Restored | Outcome::Refused(_) => None,
        };
        note(&outcome);
        self.count(&outcome);
        lock(&self.inner.room).settle(phone, assignment, unopened);
    }
}
