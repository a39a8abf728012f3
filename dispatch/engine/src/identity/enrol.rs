//! How a node comes to be trusted.
//!
//! ```text
//! central:  enrolment token for "edge-a" of district "hanbuk", 15 min, once
//! edge-a:   makes its key ──▶ POST /sync/v1/enrol {token, key, signature} ──▶ central trusts the key
//!           trusts central's key from the answer: the token's header names that key, and the answer is signed with it
//! ```
//!
//! Absent so far: client certificates. Until then nodes authenticate each call with a token (`peer_token`)
//! and each page with a signature, and the link itself should be a private network or TLS.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ondol_core::ids::{DistrictId, NodeId};
use ondol_core::units::UtcMs;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::key::{PublicKey, SigningKey, Thumbprint};
use super::state::Identity;
use super::store::StoreError;
use super::token::{
    Audience, Expected, Grant, Issuer, KnownKey, Role, Standing, TOKEN_MAX_BYTES, TokenRefusal, verify,
};

/// Life of an enrolment token.
pub const ENROL_LIFE_MS: u64 = 15 * 60 * 1_000;

/// What a node sends to be enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolRequest {
    /// The enrolment token.
    pub token: String,
    /// The node's public key.
    pub key: PublicKey,
    /// Signature of the token by that key, base64url: the node holds what it shows.
    pub signature: String,
}

/// What central answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolAnswer {
    /// Central's name.
    pub central: NodeId,
    /// Central's public key.
    pub key: PublicKey,
    /// Signature by that key over the node's public key, base64url.
    pub signature: String,
}

/// Why a node was not enrolled.
#[derive(Debug, Error)]
pub enum EnrolRefusal {
    /// Only central admits nodes.
    #[error("only central admits nodes; send this to central")]
    OtherNode,
    /// The token is not good, or not for one district.
    #[error("the enrolment token is not valid: {0}; ask central's staff for a new one")]
    Token(#[from] TokenRefusal),
    /// The node does not hold the key it shows.
    #[error("the signature does not match the key")]
    Signature,
    /// The token was used before.
    #[error("the enrolment token was used before; ask central's staff for a new one")]
    Used,
    /// The store refused it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Identity {
    /// Makes the token with which `node` enrols once as the edge of `district`.
    ///
    /// # Errors
    ///
    /// [`EnrolRefusal::OtherNode`] unless this node is central.
    pub fn enrol_token(&self, node: &NodeId, district: &DistrictId) -> Result<String, EnrolRefusal> {
        let Standing::Central = self.standing() else { return Err(EnrolRefusal::OtherNode) };
        Ok(enrol_token(&self.issuer, node, district, self.now()))
    }

    /// Admits a node: trusts its key for its district, once per token.
    ///
    /// # Errors
    ///
    /// [`EnrolRefusal`]; a key that is trusted no longer is refused as [`TokenRefusal::Revoked`].
    pub async fn enrol(&self, request: &EnrolRequest) -> Result<EnrolAnswer, EnrolRefusal> {
        let Standing::Central = self.standing() else { return Err(EnrolRefusal::OtherNode) };
        let audience = Audience::Enrol(self.node().clone());
        let life_max_ms = ENROL_LIFE_MS.cast_signed();
        let expected = Expected { audience: &audience, role: Role::EdgeNode, life_max_ms };
        let now = self.now();
        let (mut claims, _) = verify(&request.token, &expected, &self.own_keys, now)?;
        let (Some(node), Some(district), true) =
            (claims.node, claims.districts.pop(), claims.districts.is_empty())
        else {
            return Err(TokenRefusal::Claims.into());
        };
        let signature = URL_SAFE_NO_PAD.decode(&request.signature).map_err(|_| EnrolRefusal::Signature)?;
        if !request.key.verifies(request.token.as_bytes(), &signature) {
            return Err(EnrolRefusal::Signature);
        }
        if self.store.revoked_node_keys().await?.contains(request.key.thumbprint().as_str()) {
            return Err(TokenRefusal::Revoked.into());
        }
        let expires_at = now.plus_ms(2 * ENROL_LIFE_MS);
        if !self.store.use_enrolment(claims.jti, &node, now, expires_at).await? {
            return Err(EnrolRefusal::Used);
        }
        self.trust(KnownKey { node, public: request.key, standing: Standing::Edge(district) }).await?;
        let signature = self.sign(request.key.to_string().as_bytes());
        Ok(EnrolAnswer { central: self.node().clone(), key: self.issuer.key().public(), signature })
    }
}

/// Makes the token with which `node` enrols once at the issuer, which is central, as the edge of `district`; needs
/// no store, so that it can be made while central runs.
#[must_use]
pub fn enrol_token(central: &Issuer, node: &NodeId, district: &DistrictId, now: UtcMs) -> String {
    let grant = Grant {
        sub: node.to_string(),
        aud: Audience::Enrol(central.node().clone()),
        role: Role::EdgeNode,
        fleet: None,
        districts: vec![district.clone()],
        node: Some(node.clone()),
        device: None,
        cnf: None,
        life_ms: ENROL_LIFE_MS,
    };
    central.sign(grant, now).0
}

impl EnrolRequest {
    /// Returns the request of a node with `key`.
    #[must_use]
    pub fn make(token: String, key: &SigningKey) -> Self {
        let signature = URL_SAFE_NO_PAD.encode(key.sign(token.as_bytes()));
        Self { token, key: key.public(), signature }
    }
}

/// Returns central's key, if `answer` comes from the central that made `token`.
///
/// # Errors
///
/// [`EnrolRefusal::Signature`] if it comes from anybody else.
pub fn central_key(token: &str, own: PublicKey, answer: &EnrolAnswer) -> Result<KnownKey, EnrolRefusal> {
    let named = central_named_in(token).ok_or(EnrolRefusal::Token(TokenRefusal::Malformed))?;
    let signature = URL_SAFE_NO_PAD.decode(&answer.signature).map_err(|_| EnrolRefusal::Signature)?;
    let is_central =
        answer.key.thumbprint() == named && answer.key.verifies(own.to_string().as_bytes(), &signature);
    if !is_central {
        return Err(EnrolRefusal::Signature);
    }
    Ok(KnownKey { node: answer.central.clone(), public: answer.key, standing: Standing::Central })
}

/// Reads which key signed `token`, without trusting the token: it came by hand from central's staff.
fn central_named_in(token: &str) -> Option<Thumbprint> {
    #[derive(Deserialize)]
    struct Kid {
        kid: Thumbprint,
    }
    let header = token.get(..TOKEN_MAX_BYTES.min(token.len()))?.split('.').next()?;
    let header = URL_SAFE_NO_PAD.decode(header).ok()?;
    serde_json::from_slice::<Kid>(&header).ok().map(|header| header.kid)
}
