//! A driver's shift pass and the proof that its bearer holds the device's key.
//!
//! ```text
//! sign-in, central reachable          any node of the district, central reachable or not
//! device key ──▶ central ──▶ pass     pass + proof ──▶ node ──▶ session, 15 min
//!                            ≤ 12 h   (signature over node, pass, moment, nonce)
//! ```
//!
//! A stolen pass is worthless without the device's key; a stolen proof is worthless at another node, a
//! minute later, or twice. While the links are cut a revoked driver keeps what a pass is still worth:
//! at most its life, less where an operator at the edge revokes by hand.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ondol_core::ids::{DeviceId, DistrictId, DriverId, FleetId, NodeId};
use ondol_core::units::UtcMs;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::key::{PublicKey, SigningKey, Thumbprint};
use super::token::{Audience, Claims, Expected, Grant, KeySet, Role, TokenRefusal, verify};

/// Longest life of a shift pass.
pub const PASS_LIFE_MS: u64 = 12 * 60 * 60 * 1_000;
/// Life of a session with one node.
pub const SESSION_LIFE_MS: u64 = 15 * 60 * 1_000;
/// How far a proof's moment may lie from the node's.
pub const PROOF_WINDOW_MS: i64 = 60_000;
/// Proofs remembered against replay; with more sign-ins within two minutes a node asks to come back.
const PROOFS_MAX: usize = 65_536;
/// Proofs remembered of one device.
const PROOFS_PER_DEVICE_MAX: usize = 64;

/// Who a shift pass is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The driver.
    pub driver: DriverId,
    /// The driver's fleet.
    pub fleet: FleetId,
    /// The district where the driver works.
    pub district: DistrictId,
    /// The device.
    pub device: DeviceId,
    /// Thumbprint of the device's key.
    pub jkt: Thumbprint,
    /// When pass or session end.
    pub expires_at: UtcMs,
    /// Names the pass or session.
    pub token: Uuid,
}

/// A device's proof that it holds the key its pass names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The device's public key.
    pub key: PublicKey,
    /// When the device made it, UTC milliseconds.
    pub at_ms: i64,
    /// Never used twice by the device within two minutes.
    pub nonce: Uuid,
    /// Signature over [`proof_message`], base64url.
    pub signature: String,
}

/// The bytes that a device signs.
#[must_use]
pub fn proof_message(node: &NodeId, pass: &str, at_ms: i64, nonce: Uuid) -> Vec<u8> {
    let pass = URL_SAFE_NO_PAD.encode(digest(&SHA256, pass.as_bytes()));
    format!("ondol-proof-1\n{node}\n{pass}\n{at_ms}\n{nonce}").into_bytes()
}

impl Proof {
    /// Returns a device's proof for `pass` at `node`.
    #[must_use]
    pub fn make(key: &SigningKey, node: &NodeId, pass: &str, at: UtcMs, nonce: Uuid) -> Self {
        let signature = URL_SAFE_NO_PAD.encode(key.sign(&proof_message(node, pass, at.0, nonce)));
        Self { key: key.public(), at_ms: at.0, nonce, signature }
    }
}

/// Why a pass or its proof was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PassRefusal {
    /// The pass itself.
    #[error("the pass: {0}")]
    Token(#[from] TokenRefusal),
    /// The proof is by another key than the pass names.
    #[error("the proof is by another key")]
    OtherKey,
    /// The proof was made too long ago, or in the future.
    #[error("the proof is not of this minute")]
    NotNow,
    /// The signature of the proof is wrong.
    #[error("the proof's signature is wrong")]
    Signature,
    /// The proof was used before.
    #[error("the proof was used before")]
    Replayed,
    /// More proofs than can be remembered; a later try may succeed.
    #[error("too many sign-ins at the moment")]
    Crowded,
}

/// What a pass grants, before it is signed.
pub(super) fn pass_grant(bearer: &Bearer, life_ms: u64) -> Grant {
    driver_grant(bearer, Audience::Pass, life_ms.min(PASS_LIFE_MS))
}

/// What a session grants, before it is signed: never longer than its pass.
pub(super) fn session_grant(pass: &Bearer, node: &NodeId, now: UtcMs) -> Grant {
    let left_ms = u64::try_from(pass.expires_at.since_ms(now)).unwrap_or(0);
    driver_grant(pass, Audience::Driver(node.clone()), left_ms.min(SESSION_LIFE_MS))
}

fn driver_grant(bearer: &Bearer, aud: Audience, life_ms: u64) -> Grant {
    Grant {
        sub: bearer.driver.to_string(),
        aud,
        role: Role::Driver,
        fleet: Some(bearer.fleet.clone()),
        districts: vec![bearer.district.clone()],
        node: None,
        device: Some(bearer.device),
        cnf: Some(bearer.jkt.clone()),
        life_ms,
    }
}

/// Reads a pass.
///
/// # Errors
///
/// [`TokenRefusal`], also if it is not for exactly one driver, fleet, district, device and key.
pub(super) fn read_pass(pass: &str, keys: &KeySet, now: UtcMs) -> Result<Bearer, TokenRefusal> {
    let life_max_ms = PASS_LIFE_MS.cast_signed();
    let expected = Expected { audience: &Audience::Pass, role: Role::Driver, life_max_ms };
    let (claims, _) = verify(pass, &expected, keys, now)?;
    bearer(claims)
}

/// Reads a session of `node`, which alone can have signed it.
///
/// # Errors
///
/// [`TokenRefusal`].
pub(super) fn read_session(
    token: &str,
    node: &NodeId,
    own_keys: &KeySet,
    now: UtcMs,
) -> Result<Bearer, TokenRefusal> {
    let audience = Audience::Driver(node.clone());
    let life_max_ms = SESSION_LIFE_MS.cast_signed();
    let expected = Expected { audience: &audience, role: Role::Driver, life_max_ms };
    let (claims, _) = verify(token, &expected, own_keys, now)?;
    bearer(claims)
}

fn bearer(claims: Claims) -> Result<Bearer, TokenRefusal> {
    let Claims {
        sub, fleet: Some(fleet), mut districts, device: Some(device), cnf: Some(cnf), exp, jti, ..
    } = claims
    else {
        return Err(TokenRefusal::Claims);
    };
    let driver = sub.parse().map_err(|_| TokenRefusal::Claims)?;
    let (Some(district), true) = (districts.pop(), districts.is_empty()) else {
        return Err(TokenRefusal::Claims);
    };
    let expires_at = UtcMs(exp.checked_mul(1_000).ok_or(TokenRefusal::Claims)?);
    Ok(Bearer { driver, fleet, district, device, jkt: cnf.jkt, expires_at, token: jti })
}

/// Remembers proofs for as long as they could be shown again.
#[derive(Debug, Default)]
pub(super) struct Replays {
    /// By moment of the proof, so that the old ones are dropped first.
    seen: BTreeSet<(i64, Thumbprint, Uuid)>,
    per_device: BTreeMap<Thumbprint, usize>,
}

impl Replays {
    /// Checks `proof` for `pass` of `bearer` at `node`, and remembers it.
    ///
    /// # Errors
    ///
    /// [`PassRefusal`]; a refused proof is not remembered, so nobody can fill the memory without a pass.
    pub(super) fn check(
        &mut self,
        proof: &Proof,
        bearer: &Bearer,
        node: &NodeId,
        pass: &str,
        now: UtcMs,
    ) -> Result<(), PassRefusal> {
        if proof.key.thumbprint() != bearer.jkt {
            return Err(PassRefusal::OtherKey);
        }
        let distance_ms = now.0.checked_sub(proof.at_ms).and_then(i64::checked_abs);
        if distance_ms.is_none_or(|distance| distance > PROOF_WINDOW_MS) {
            return Err(PassRefusal::NotNow);
        }
        let signature = URL_SAFE_NO_PAD.decode(&proof.signature).map_err(|_| PassRefusal::Signature)?;
        if !proof.key.verifies(&proof_message(node, pass, proof.at_ms, proof.nonce), &signature) {
            return Err(PassRefusal::Signature);
        }
        self.forget_before(now.0.saturating_sub(PROOF_WINDOW_MS));
        let device = self.per_device.get(&bearer.jkt).copied().unwrap_or(0);
        if self.seen.len() >= PROOFS_MAX || device >= PROOFS_PER_DEVICE_MAX {
            return Err(PassRefusal::Crowded);
        }
        // The nonce is compared whatever moment it is shown with: it is signed together with that moment.
        if !self.seen.insert((proof.at_ms, bearer.jkt.clone(), proof.nonce)) {
            return Err(PassRefusal::Replayed);
        }
        *self.per_device.entry(bearer.jkt.clone()).or_default() += 1;
        Ok(())
    }

    fn forget_before(&mut self, at_ms: i64) {
        while let Some((first, _, _)) = self.seen.first()
            && *first < at_ms
            && let Some((_, device, _)) = self.seen.pop_first()
            && let Some(count) = self.per_device.get_mut(&device)
        {
            *count -= 1;
            if *count == 0 {
                self.per_device.remove(&device);
            }
        }
    }
}
