//! Nodes and text processes: what they show each other.

use std::sync::PoisonError;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ondol_core::ids::{DistrictId, NodeId};
use ondol_core::units::UtcMs;
use uuid::Uuid;

use super::floor::SignedAt;
use super::key::SigningKey;
use super::policy::{Caller, Districts};
use super::state::Identity;
use super::store::{RevocationKind, StoreError};
use super::token::{
    Audience, Claims, Expected, Grant, Issuer, KnownKey, Role, Standing, TokenRefusal, verify,
};
use crate::control::ORDER_LIFE_MS;

/// Life of a token with which a node calls another.
pub const PEER_LIFE_MS: u64 = 5 * 60 * 1_000;
/// Longest life of the text process's token.
pub const TEXT_LIFE_MS: u64 = 30 * 24 * 60 * 60 * 1_000;

/// A token for one call to a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerToken {
    /// The token.
    pub token: String,
    signed_at: SignedAt,
    /// Whoever is called may confirm what this node's clock shows: central to an edge, and any edge to central. A neighbour
    /// may be a stolen box, and could revive what the journal knows to have expired.
    tells_time: bool,
}

/// Another node, as its token proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerNode {
    /// Its name.
    pub node: NodeId,
    /// How far it reaches.
    pub standing: Standing,
}

/// A text process, as its token proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextProcess {
    /// The node it runs beside.
    pub node: NodeId,
    /// The districts it serves.
    pub districts: Vec<DistrictId>,
    /// Names its token, and every one that follows from it.
    pub token: Uuid,
}

impl Identity {
    /// Signs a token with which this node calls `peer`.
    #[must_use]
    pub fn peer_token(&self, peer: &NodeId) -> PeerToken {
        let grant = Grant {
            sub: self.node().to_string(),
            aud: Audience::Peer(peer.clone()),
            role: Role::EdgeNode,
            fleet: None,
            districts: self.own_districts(),
            node: Some(self.node().clone()),
            device: None,
            cnf: None,
            life_ms: PEER_LIFE_MS,
        };
        let signed_at = self.floor.signs_at(self.clock_now());
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let tells_time =
            self.standing == Standing::Central || keys.of(peer).any(|key| key.standing == Standing::Central);
        PeerToken { token: self.issuer.sign(grant, signed_at.at).0, signed_at, tells_time }
    }

    /// The peer did not take `token`: it may have expired by the peer's clock, so the next call may be signed by
    /// another time.
    pub fn peer_refused(&self, token: &PeerToken) {
        self.floor.refused(token.signed_at, self.clock_now());
    }

    /// The peer took `token`, and signed its answer to this very call.
    pub fn peer_answered(&self, token: &PeerToken) {
        if token.tells_time
            && let Some(ahead_ms) = self.floor.taken(token.signed_at)
        {
            tracing::warn!(
                ahead_ms,
                "this node's clock was ahead; a peer confirms the time that it shows now"
            );
        }
    }

    /// Reads the token with which another node calls this one.
    ///
    /// # Errors
    ///
    /// [`TokenRefusal`].
    pub fn verify_peer(&self, token: &str) -> Result<PeerNode, TokenRefusal> {
        let audience = Audience::Peer(self.node().clone());
        let life_max_ms = PEER_LIFE_MS.cast_signed();
        let expected = Expected { audience: &audience, role: Role::EdgeNode, life_max_ms };
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let (claims, key) =
            self.floor.either(self.clock_now(), |now| verify(token, &expected, &keys, now))?;
        let is_itself = claims.sub == key.node.as_str() && claims.node.as_ref() == Some(&key.node);
        if !is_itself || key.node == *self.node() {
            return Err(TokenRefusal::Claims);
        }
        Ok(PeerNode { node: key.node.clone(), standing: key.standing.clone() })
    }

    /// Signs `bytes` in the node's name, base64url: pages of the journal.
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.issuer.key().sign(bytes))
    }

    /// True if `signature` over `bytes` was made by a key of `node` that this node trusts.
    #[must_use]
    pub fn is_signed_by(&self, node: &NodeId, bytes: &[u8], signature: &str) -> bool {
        URL_SAFE_NO_PAD.decode(signature).is_ok_and(|signature| self.is_signed_with(node, bytes, &signature))
    }

    /// The same for a signature that is not text.
    pub(crate) fn is_signed_with(&self, node: &NodeId, bytes: &[u8], signature: &[u8]) -> bool {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.of(node).any(|key| key.public.verifies(bytes, signature))
    }

    pub(crate) fn signing_key(&self) -> &SigningKey {
        self.issuer.key()
    }

    /// Signs a token for the text process beside this node.
    #[must_use]
    pub fn text_token(&self, districts: Vec<DistrictId>, life_ms: u64) -> String {
        text_token(&self.issuer, districts, life_ms, self.now())
    }

    /// Reads the token of a text process: this node's own, or one beside a node that this one trusts.
    ///
    /// # Errors
    ///
    /// [`TokenRefusal`].
    pub fn verify_text(&self, token: &str) -> Result<TextProcess, TokenRefusal> {
        let life_max_ms = TEXT_LIFE_MS.cast_signed();
        let expected = Expected { audience: &Audience::Text, role: Role::Text, life_max_ms };
        let now = self.now();
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let (claims, key) = verify(token, &expected, &keys, now)?;
        if claims.node.as_ref() != Some(&key.node) || claims.districts.is_empty() {
            return Err(TokenRefusal::Claims);
        }
        if self.is_revoked(RevocationKind::Token, &claims.jti.to_string(), now) {
            return Err(TokenRefusal::Revoked);
        }
        Ok(TextProcess { node: key.node.clone(), districts: claims.districts, token: claims.jti })
    }

    /// Signs the token that follows the one a text process has shown: for the same districts and under the same id,
    /// so that whoever revokes one revokes all that follow. `None` if another node signed it: that one renews it.
    #[must_use]
    pub fn renew_text(&self, process: &TextProcess) -> Option<String> {
        if process.node != *self.node() {
            return None;
        }
        let grant = text_grant(&self.issuer, process.districts.clone(), TEXT_LIFE_MS);
        let (_, mut claims) = self.issuer.sign(grant, self.now());
        claims.jti = process.token;
        Some(self.issuer.encode(&claims))
    }

    /// True if `token` is this node's own, for an order whose body has this digest, and not yet over.
    #[must_use]
    pub fn is_order(&self, token: &str, digest: &str) -> bool {
        // The clock may run a thousand times faster than the machine's.
        const LIFE_MAX_MS: i64 = 1_000 * ORDER_LIFE_MS.cast_signed();
        let audience = Audience::Orders(self.node().clone());
        let expected = Expected { audience: &audience, role: Role::Sysadmin, life_max_ms: LIFE_MAX_MS };
        self.floor
            .either(self.clock_now(), |now| verify(token, &expected, &self.own_keys, now))
            .is_ok_and(|(claims, _)| claims.sub == digest)
    }

    fn own_districts(&self) -> Vec<DistrictId> {
        match (&self.standing, &self.districts) {
            (Standing::Edge(district), _) => vec![district.clone()],
            (Standing::Central, Districts::Some(list)) => list.clone(),
            (Standing::Central, Districts::All) => Vec::new(),
        }
    }

    /// Trusts no key of `node` any longer, durably and whatever the configuration lists: its box was stolen. Returns
    /// how many keys it had; to come back, the node enrols with a new one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it could not be made durable; call again.
    pub async fn distrust(&self, node: &NodeId) -> Result<usize, StoreError> {
        if node == self.node() {
            return Ok(0);
        }
        let known: Vec<KnownKey> =
            self.keys.read().unwrap_or_else(PoisonError::into_inner).of(node).cloned().collect();
        for key in &known {
            self.store.revoke_node_key(key, self.now()).await?;
            self.keys.write().unwrap_or_else(PoisonError::into_inner).remove(&key.public.thumbprint());
        }
        Ok(known.len())
    }

    /// Trusts the key of another node from now on, durably.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it could not be made durable; it is not trusted then.
    pub async fn trust(&self, key: KnownKey) -> Result<(), StoreError> {
        self.store.add_node_key(&key, self.now()).await?;
        self.keys.write().unwrap_or_else(PoisonError::into_inner).insert(key);
        Ok(())
    }
}

/// Signs a token for the text process beside the issuer's node, at most [`TEXT_LIFE_MS`] long; needs no store, so
/// that it can be made while the node runs.
#[must_use]
pub fn text_token(issuer: &Issuer, districts: Vec<DistrictId>, life_ms: u64, now: UtcMs) -> String {
    issuer.sign(text_grant(issuer, districts, life_ms), now).0
}

/// When a token ends, as it says itself: for its bearer, who cannot check it.
#[must_use]
pub fn token_ends_at(token: &str) -> Option<UtcMs> {
    let mut parts = token.split('.');
    let (_, payload) = (parts.next()?, parts.next()?);
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    Some(UtcMs(claims.exp.checked_mul(1_000)?))
}

fn text_grant(issuer: &Issuer, districts: Vec<DistrictId>, life_ms: u64) -> Grant {
    Grant {
        sub: format!("text@{}", issuer.node()),
        aud: Audience::Text,
        role: Role::Text,
        fleet: None,
        districts,
        node: Some(issuer.node().clone()),
        device: None,
        cnf: None,
        life_ms: life_ms.min(TEXT_LIFE_MS),
    }
}

impl TextProcess {
    /// The text process as the policy sees one.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller { role: Role::Text, fleet: None, districts: Districts::Some(self.districts.clone()) }
    }
}

impl PeerNode {
    /// The node as the policy sees one.
    #[must_use]
    pub fn caller(&self) -> Caller {
        let districts = match &self.standing {
            Standing::Central => Districts::All,
            // Settings of the whole platform are everybody's to read.
            Standing::Edge(district) => Districts::Some(vec![district.clone(), DistrictId::all()]),
        };
        Caller { role: Role::EdgeNode, fleet: None, districts }
    }
}
