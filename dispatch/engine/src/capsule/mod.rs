//! Trips kept on drivers' devices: sealed with each question, and opened when every node has lost its disk.
//!
//! | | where |
//! |---|---|
//! | form, signature, seal | `seal.rs` |
//! | the public half of the recovery key | in every node's configuration |
//! | the key's bytes, in a file and on their way | `secret.rs` |
//! | the key itself | offline; an operator loads it into a node for at most [`LOADED_MAX_MS`] (`held.rs`) |
//! | capsules that wait | `room.rs` |
//! | whether a capsule is still true | `ondol_core::node`, as a command |
//!
//! A capsule that comes while the key is not loaded waits in memory; a node that starts again is brought it again,
//! because devices attach anew.

mod held;
mod room;
mod seal;
mod secret;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ondol_core::capsule::Capsule;
use ondol_core::command::{Command, Restore};
use ondol_core::ids::{AssignmentId, BookingId, NodeId, ShiftId};
use serde::Deserialize;

pub use held::{Counts, LOADED_MAX_MS, LoadRefusal, Progress};
pub use seal::{InvalidRecoveryPublic, RecoveryKey, RecoveryPublic, Unopened};
pub use secret::RecoverySecret;

use crate::identity::{Bearer, Identity, PublicKey};
use crate::run::{Handle, RequestError};
use crate::store::AuditAction;
use crate::vault::{Hidden, RiderPersonal, SealError, Vault};
use held::Held;
use room::{Place, Room, Waiting};

/// What a configuration says about recovery.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoverySection {
    /// The public half of the recovery key, as `ondol recovery key` prints it.
    pub public_key: RecoveryPublic,
    /// Keys that nodes had before and have lost: what they signed is still believed.
    #[serde(default)]
    pub signers: Vec<SignerSection>,
}

/// A key that a node had.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignerSection {
    /// The node.
    pub node: NodeId,
    /// The public half of its key.
    pub public_key: PublicKey,
}

/// A capsule as its device brings it.
#[derive(Debug, Clone)]
pub struct Brought {
    /// The booking in the slot.
    pub booking: BookingId,
    /// Its bond.
    pub assignment: AssignmentId,
    /// The capsule.
    pub text: String,
}

/// What became of a capsule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The node knows the trip.
    Known,
    /// The trip is in the journal again.
    Restored,
    /// It waits for the key, or until the node can take it in.
    Waits,
    /// It waits for another key or another signer; it was not opened for this stable code.
    Unopened(&'static str),
    /// It was refused, with this stable code.
    Refused(&'static str),
}

/// A node's part in recovery. Cheap to clone; all clones share what waits, and the key while it is held.
#[derive(Clone)]
pub struct Recovery {
    inner: Arc<Inner>,
}

struct Inner {
    section: Option<RecoverySection>,
    handle: Handle,
    identity: Arc<Identity>,
    held: Mutex<Held>,
    /// Locked after `held`, where both are.
    room: Mutex<Room>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recovery {
    /// Returns the part of the node behind `handle`; without a section phones keep nothing.
    #[must_use]
    pub fn new(section: Option<RecoverySection>, handle: Handle, identity: Arc<Identity>) -> Self {
        let (held, room) = (Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { section, handle, identity, held, room }) }
    }

    /// Signs and seals what a device is to keep; `None` if the configuration names no recovery key.
    #[must_use]
    pub fn seal(&self, capsule: &Capsule) -> Option<String> {
        let public = self.inner.section.as_ref()?.public_key;
        let personal = capsule.request.personal.as_ref();
        let (rider, hidden): (RiderPersonal, _) = self.inner.handle.vault().read_any(personal);
        // The trip is worth keeping without its rider's name: by the number of the booking an operator finds both.
        if hidden == Some(Hidden::Unreadable) {
            tracing::warn!(booking = %capsule.booking, "a capsule is made without the rider's name and number, which cannot be read here");
        }
        let sealed = public.seal(self.inner.identity.signing_key(), capsule.clone(), &rider);
        if sealed.is_none() {
            tracing::error!(booking = %capsule.booking, "a trip is too long for a capsule");
        }
        sealed
    }

    /// Takes in the capsules of a device that has attached. What the node knows is not opened; what waits takes the
    /// place of all that the device had waiting.
    pub async fn bring(
        &self,
        bearer: &Bearer,
        shift: ShiftId,
        brought: Vec<Brought>,
    ) -> Vec<(AssignmentId, Outcome)> {
        let mut outcomes = Vec::with_capacity(brought.len());
        let mut capsules = Vec::new();
        for brought in brought {
            let outcome = self.restore(bearer, shift, &brought).await;
            outcomes.push((brought.assignment.clone(), outcome.clone()));
            match outcome {
                Outcome::Waits => capsules.push(Waiting { brought, unopened: None }),
                Outcome::Unopened(code) => capsules.push(Waiting { brought, unopened: Some(code) }),
                Outcome::Known | Outcome::Restored | Outcome::Refused(_) => {}
            }
        }
        let since = self.inner.handle.now().ticks;
        let place = Place { bearer: bearer.clone(), shift, since, capsules };
        let has_room = lock(&self.inner.room).replace(place);
        for (_, outcome) in &mut outcomes {
            if !has_room && matches!(outcome, Outcome::Waits | Outcome::Unopened(_)) {
                *outcome = Outcome::Refused("overloaded");
            }
            note(outcome);
            // What a phone tells again although it is known has nothing to do with a recovery.
            if *outcome != Outcome::Known && self.key().is_some() {
                self.count(outcome);
            }
        }
        self.open_waiting();
        outcomes
    }

    /// Opens the capsule, if it is needed and the key is held, and asks the core.
    async fn restore(&self, bearer: &Bearer, shift: ShiftId, brought: &Brought) -> Outcome {
        let Inner { handle, .. } = &*self.inner;
        let (assignment, booking) = (brought.assignment.clone(), brought.booking);
        match handle.read(move |node| node.knows_bond(&assignment, booking)).await {
            Ok(true) => return Outcome::Known,
            Ok(false) => {}
            // Nor could it take the trip in now.
            Err(_) => return Outcome::Waits,
        }
        let (capsule, rider) = match self.open(&brought.text) {
            None => return Outcome::Waits,
            Some(Err(unopened)) if unopened.may_be_mended() => return Outcome::Unopened(unopened.code()),
            Some(Err(unopened)) => return Outcome::Refused(unopened.code()),
            Some(Ok(opened)) => opened,
        };
        if capsule.assignment != brought.assignment || capsule.booking != brought.booking {
            return Outcome::Refused(Unopened::Foreign.code());
        }
        let (object, reason) = (booking.to_string(), format!("the capsule on device {}", bearer.device));
        let store = handle.store();
        let audited = store.audit("recovery", AuditAction::TripRestored, &object, &reason, handle.now().utc);
        if audited.await.is_err() {
            return Outcome::Waits;
        }
        let restore = Restore {
            shift,
            device: bearer.device,
            driver: bearer.driver,
            district: bearer.district.clone(),
            capsule: with_personal(handle.vault(), capsule, &rider),
        };
        match handle.request(Command::Restore(Box::new(restore))).await {
            Ok(_) => Outcome::Restored,
            Err(RequestError::Refused(refusal)) => Outcome::Refused(refusal.code()),
            Err(RequestError::Unavailable) => Outcome::Waits,
        }
    }

    /// `None` while the key is not held.
    fn open(&self, text: &str) -> Option<Result<(Capsule, RiderPersonal), Unopened>> {
        let before = self.inner.section.iter().flat_map(|section| &section.signers);
        Some(self.key()?.open(text, |node, bytes, signature| {
            let mut before = before.clone().filter(|had| had.node == *node);
            before.any(|had| had.public_key.verifies(bytes, signature))
                || self.inner.identity.is_signed_with(node, bytes, signature)
        }))
    }
}

/// Seals the rider's text again, under a key of this node's vault: the one before went with the disks.
fn with_personal(vault: &Vault, mut capsule: Capsule, rider: &RiderPersonal) -> Capsule {
    capsule.request.phone = rider.phone.as_ref().map(|phone| vault.phone_key(phone));
    capsule.request.personal = None;
    if rider.name.is_some() || rider.phone.is_some() {
        match vault.seal(capsule.request.rider, rider) {
            Ok(sealed) => capsule.request.personal = Some(sealed),
            // Who asked to be forgotten stays forgotten.
            Err(SealError::Erased) => {}
            // The trip comes back all the same: it is worth more than the name.
            Err(error @ (SealError::TooLong | SealError::NotJson)) => {
                tracing::error!(booking = %capsule.booking, %error, "a trip comes back without its rider's name and number");
            }
        }
    }
    capsule
}

fn note(outcome: &Outcome) {
    let outcome = match outcome {
        Outcome::Known => "known",
        Outcome::Restored => "restored",
        Outcome::Waits => "waits",
        Outcome::Unopened(code) | Outcome::Refused(code) => code,
    };
    metrics::counter!("ondol_capsules_total", "outcome" => outcome).increment(1);
}
