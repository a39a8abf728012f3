//! Trips kept on drivers' devices: sealed with each question, and opened when every node has lost its disk.
//!
//! | | where |
//! |---|---|
//! | form, signature, seal | `seal.rs` |
//! | the public half of the recovery key | in every node's configuration |
//! | the key itself | offline; an operator loads it into a node for at most [`LOADED_MAX_MS`] |
//! | whether a capsule is still true | `ondol_core::node`, as a command |
//!
//! A capsule that comes while the key is not loaded waits in memory; a node that starts again is brought it again,
//! because devices attach anew.

mod seal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ondol_core::capsule::{CAPSULE_LIFE_MS, Capsule};
use ondol_core::command::{Command, Restore};
use ondol_core::ids::{AssignmentId, BookingId, NodeId, ShiftId};
use ondol_core::units::Ticks;
use serde::Deserialize;

pub use seal::{InvalidRecoveryPublic, RecoveryKey, RecoveryPublic, Unopened};

use crate::identity::{Bearer, Identity, PublicKey};
use crate::run::{Handle, RequestError};
use crate::store::{AuditAction, StoreError};
use crate::vault::{RiderPersonal, Vault};

/// Longest time for which the recovery key is held in a node, in milliseconds of its elapsed clock.
pub const LOADED_MAX_MS: u64 = 2 * 3_600_000;
/// Most capsules that wait for the key; about 30 MB.
const WAITING_MAX: usize = 20_000;

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
    /// It waits for the key.
    Waits,
    /// It was refused, with this stable code.
    Refused(&'static str),
}

/// What became of the capsules that waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Trips in the journal again.
    pub restored: usize,
    /// Trips that were known by then.
    pub known: usize,
    /// Capsules that were refused.
    pub refused: usize,
}

/// What a node holds for capsules.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    section: Option<RecoverySection>,
    /// The key, and until when it is held.
    loaded: Mutex<Option<(RecoveryKey, Ticks)>>,
    waiting: Mutex<BTreeMap<(ShiftId, AssignmentId), Waiting>>,
}

#[derive(Debug, Clone)]
struct Waiting {
    bearer: Bearer,
    shift: ShiftId,
    brought: Brought,
    since: Ticks,
}

impl Desk {
    pub(crate) fn new(section: Option<RecoverySection>) -> Self {
        Self { section, ..Self::default() }
    }

    fn wait(&self, waiting: Waiting) -> Outcome {
        let mut all = lock(&self.waiting);
        all.retain(|_, known| waiting.since.since_ms(known.since) <= CAPSULE_LIFE_MS);
        let key = (waiting.shift, waiting.brought.assignment.clone());
        if all.len() >= WAITING_MAX && !all.contains_key(&key) {
            return Outcome::Refused("overloaded");
        }
        all.insert(key, waiting);
        Outcome::Waits
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Signs and seals what a device is to keep; `None` if the configuration names no recovery key.
#[must_use]
pub fn seal(identity: &Identity, vault: &Vault, capsule: &Capsule) -> Option<String> {
    let public = identity.desk().section.as_ref()?.public_key;
    let personal = capsule.request.personal.as_ref();
    let rider: RiderPersonal = personal.and_then(|sealed| vault.open(sealed)).unwrap_or_default();
    let sealed = public.seal(identity.signing_key(), capsule.clone(), &rider);
    if sealed.is_none() {
        tracing::error!(booking = %capsule.booking, "a trip is too long for a capsule");
    }
    sealed
}

/// Takes in the capsules of a device that has attached. What the node knows is not opened.
pub async fn bring(
    handle: &Handle,
    identity: &Identity,
    bearer: &Bearer,
    shift: ShiftId,
    brought: Vec<Brought>,
) -> Vec<(AssignmentId, Outcome)> {
    let mut outcomes = Vec::with_capacity(brought.len());
    for brought in brought {
        let assignment = brought.assignment.clone();
        let waiting = Waiting { bearer: bearer.clone(), shift, brought, since: handle.now().ticks };
        let outcome = match is_known(handle, &waiting).await {
            Some(true) => Outcome::Known,
            Some(false) => restore(handle, identity, waiting).await,
            None => identity.desk().wait(waiting),
        };
        note(&outcome);
        outcomes.push((assignment, outcome));
    }
    outcomes
}

/// Holds the key for `life_ms`, and opens what waits.
///
/// # Errors
///
/// [`StoreError`] if the audit log cannot be written: then the key is not held.
pub async fn load(
    handle: &Handle,
    identity: &Identity,
    key: RecoveryKey,
    life_ms: u64,
) -> Result<Counts, StoreError> {
    let life_ms = life_ms.min(LOADED_MAX_MS);
    let (object, reason) = (key.public().to_string(), format!("for {} minutes", life_ms / 60_000));
    let now = handle.now();
    handle.store().audit("staff", AuditAction::RecoveryKeyLoaded, &object, &reason, now.utc).await?;
    *lock(&identity.desk().loaded) = Some((key, now.ticks.plus_ms(life_ms)));
    let waiting = std::mem::take(&mut *lock(&identity.desk().waiting));
    let mut counts = Counts::default();
    for waiting in waiting.into_values() {
        let outcome = match is_known(handle, &waiting).await {
            Some(true) => Outcome::Known,
            Some(false) | None => restore(handle, identity, waiting).await,
        };
        note(&outcome);
        match outcome {
            Outcome::Restored => counts.restored += 1,
            Outcome::Known => counts.known += 1,
            Outcome::Refused(_) => counts.refused += 1,
            Outcome::Waits => {}
        }
    }
    Ok(counts)
}

/// `None` if the node cannot look at its board now.
async fn is_known(handle: &Handle, waiting: &Waiting) -> Option<bool> {
    let (assignment, booking) = (waiting.brought.assignment.clone(), waiting.brought.booking);
    handle.read(move |node| node.knows_bond(&assignment, booking)).await.ok()
}

/// Opens the capsule, if the key is held, and asks the core.
async fn restore(handle: &Handle, identity: &Identity, waiting: Waiting) -> Outcome {
    let (capsule, rider) = match open(handle, identity, &waiting.brought.text) {
        None => return identity.desk().wait(waiting),
        Some(Err(unopened)) => return Outcome::Refused(unopened.code()),
        Some(Ok(opened)) => opened,
    };
    if capsule.assignment != waiting.brought.assignment || capsule.booking != waiting.brought.booking {
        return Outcome::Refused(Unopened::Foreign.code());
    }
    let Waiting { bearer, shift, .. } = &waiting;
    let (object, reason) = (capsule.booking.to_string(), format!("the capsule on device {}", bearer.device));
    let audited =
        handle.store().audit("recovery", AuditAction::TripRestored, &object, &reason, handle.now().utc);
    if audited.await.is_err() {
        return identity.desk().wait(waiting);
    }
    let restore = Restore {
        shift: *shift,
        device: bearer.device,
        driver: bearer.driver,
        district: bearer.district.clone(),
        capsule: with_personal(handle.vault(), capsule, &rider),
    };
    match handle.request(Command::Restore(Box::new(restore))).await {
        Ok(_) => Outcome::Restored,
        Err(RequestError::Refused(refusal)) => Outcome::Refused(refusal.code()),
        Err(RequestError::Unavailable) => identity.desk().wait(waiting),
    }
}

/// `None` while the key is not held.
fn open(
    handle: &Handle,
    identity: &Identity,
    text: &str,
) -> Option<Result<(Capsule, RiderPersonal), Unopened>> {
    let desk = identity.desk();
    let mut loaded = lock(&desk.loaded);
    let now = handle.now().ticks;
    if loaded.as_ref().is_some_and(|(_, until)| now >= *until) {
        *loaded = None;
    }
    let (key, _) = loaded.as_ref()?;
    let before = desk.section.iter().flat_map(|section| &section.signers);
    Some(key.open(text, |node, bytes, signature| {
        let had = before.clone().any(|had| had.node == *node && had.public_key.verifies(bytes, signature));
        had || identity.is_signed_with(node, bytes, signature)
    }))
}

/// Seals the rider's text again, under a key of this node's vault: the one before went with the disks.
fn with_personal(vault: &Vault, mut capsule: Capsule, rider: &RiderPersonal) -> Capsule {
    capsule.request.phone = rider.phone.as_ref().map(|phone| vault.phone_key(phone));
    let gave_something = rider.name.is_some() || rider.phone.is_some();
    // Who asked to be forgotten stays forgotten.
    let sealed = gave_something.then(|| vault.seal(capsule.request.rider, rider).ok());
    capsule.request.personal = sealed.flatten();
    capsule
}

fn note(outcome: &Outcome) {
    let outcome = match outcome {
        Outcome::Known => "known",
        Outcome::Restored => "restored",
        Outcome::Waits => "waits",
        Outcome::Refused(code) => code,
    };
    metrics::counter!("ondol_capsules_total", "outcome" => outcome).increment(1);
}
