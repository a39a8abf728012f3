//! A node's identity at work: its key, whom it trusts, who is revoked, who is signed in.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError, RwLock};

use ondol_core::ids::{DriverId, NodeId};
use ondol_core::units::{Now, UtcMs};
use thiserror::Error;
use uuid::Uuid;

use super::floor::Floor;
use super::key::SigningKey;
use super::nodes::TEXT_LIFE_MS;
use super::operator::{Cookie, Passwords, Transport, token_hash};
use super::pass::{
    Bearer, PASS_LIFE_MS, PassRefusal, Proof, Replays, SESSION_LIFE_MS, pass_grant, read_pass, read_session,
    session_grant,
};
use super::policy::Districts;
use super::sessions::Sessions;
use super::store::{IdentityStore, Operator, Revocation, RevocationKind, StoreError};
use super::throttle::Throttle;
use super::token::{Issuer, KeySet, KnownKey, Standing, TokenRefusal};
use crate::clock::SharedClock;

/// How long the store is not asked again about an operator's session, in milliseconds.
const OPERATOR_KEPT_MS: u64 = 10_000;
/// Operators' sessions kept in memory.
const OPERATORS_KEPT_MAX: usize = 1_024;
/// Drivers' sessions kept in memory, about 10 MiB: a large city's, whose phones have no socket open.
const DRIVERS_KEPT_MAX: usize = 32_768;
/// Sessions and revocations are forgotten this long after their end.
const FORGET_AFTER_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// What a node must be told about itself.
#[derive(Debug)]
pub struct IdentityConfig {
    /// Its name.
    pub node: NodeId,
    /// Central, or the edge of a district. A stand-alone node is its own central.
    pub standing: Standing,
    /// Its key.
    pub key: SigningKey,
    /// Keys of other nodes, from the configuration; those enrolled are in the store.
    pub known: Vec<KnownKey>,
    /// Districts whose passes it takes: its own and, at an edge, its neighbours'. At central, all.
    pub districts: Districts,
    /// Origins of its own pages, such as `https://taxi.example`.
    pub origins: Vec<String>,
    /// How browsers reach it.
    pub transport: Transport,
}

/// Why a node's identity could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Browsers on other machines would send their session in clear.
    #[error(
        "{0} is neither https nor this machine: put TLS before the node and say so in listen.public_url, or listen on 127.0.0.1"
    )]
    InClear(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A node's identity. Shared by all doors of the process.
#[derive(Debug)]
pub struct Identity {
    pub(super) issuer: Issuer,
    pub(super) standing: Standing,
    pub(super) districts: Districts,
    pub(super) own_keys: KeySet,
    pub(super) keys: RwLock<KeySet>,
    replays: Mutex<Replays>,
    pub(super) tries: Mutex<Throttle>,
    revoked: RwLock<BTreeMap<(RevocationKind, String), (UtcMs, UtcMs)>>,
    pub(super) passwords: Passwords,
    /// Operators in session.
    pub(super) signed_in: Sessions<Operator>,
    /// Drivers in session, as their tokens say.
    drivers: Sessions<Bearer>,
    pub(super) cookie: Cookie,
    pub(super) origins: Vec<String>,
    pub(super) store: IdentityStore,
    pub(super) clock: ClockBox,
    pub(super) floor: Floor,
}

pub(super) struct ClockBox(pub(super) SharedClock);

impl std::fmt::Debug for ClockBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl Identity {
    /// Reads what the store knows and returns the identity.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if cookies would travel in clear, or the store cannot be read: a node that does not know
    /// who is revoked lets nobody in.
    pub async fn open(
        config: IdentityConfig,
        store: IdentityStore,
        clock: SharedClock,
    ) -> Result<Self, OpenError> {
        match config.transport {
            Transport::Tls => {}
            Transport::LoopbackHttp => {
                if let Some(origin) = config.origins.iter().find(|origin| !is_sheltered(origin)) {
                    return Err(OpenError::InClear(origin.clone()));
                }
            }
        }
        let now = clock.now().utc;
        store.forget_before(UtcMs(now.0 - FORGET_AFTER_MS)).await?;
        let own = KnownKey {
            node: config.node.clone(),
            public: config.key.public(),
            standing: config.standing.clone(),
        };
        let mut own_keys = KeySet::default();
        own_keys.insert(own.clone());
        let mut keys = KeySet::default();
        let distrusted = store.revoked_node_keys().await?;
        for key in store.node_keys().await?.into_iter().chain(config.known) {
            if !distrusted.contains(key.public.thumbprint().as_str()) {
                keys.insert(key);
            }
        }
        keys.insert(own);
        let mut revoked = BTreeMap::new();
        for row in store.revocations().await? {
            revoked.insert((row.kind, row.value), (row.at, row.expires_at));
        }
        Ok(Self {
            cookie: Cookie::new(&config.node, config.transport),
            issuer: Issuer::new(config.node, config.key),
            standing: config.standing,
            districts: config.districts,
            own_keys,
            keys: RwLock::new(keys),
            replays: Mutex::default(),
            tries: Mutex::default(),
            revoked: RwLock::new(revoked),
            passwords: Passwords::new(),
            signed_in: Sessions::new(OPERATOR_KEPT_MS, OPERATORS_KEPT_MAX),
            drivers: Sessions::new(SESSION_LIFE_MS, DRIVERS_KEPT_MAX),
            origins: config.origins,
            store,
            clock: ClockBox(clock),
            floor: Floor::new(),
        })
    }

    /// The node.
    #[must_use]
    pub fn node(&self) -> &NodeId {
        self.issuer.node()
    }

    /// Central, or the edge of a district.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Origins of the node's own pages.
    #[must_use]
    pub fn origins(&self) -> &[String] {
        &self.origins
    }

    /// The present for everything that expires: the clock's, but never before what the journal has seen.
    #[must_use]
    pub fn now(&self) -> UtcMs {
        self.floor.present(self.clock_now())
    }

    /// The elapsed clock too.
    pub(super) fn both_clocks(&self) -> Now {
        Now { utc: self.now(), ticks: self.clock.0.now().ticks }
    }

    pub(super) fn clock_now(&self) -> UtcMs {
        self.clock.0.now().utc
    }

    /// Takes note of a moment of the node's own journal: a clock set back does not revive what has expired.
    pub fn raise_floor(&self, at: UtcMs) {
        self.floor.raise(at);
    }

    /// Signs a shift pass for `bearer`; its `expires_at` and `token` are set here. An edge signs for its own
    /// district only, and others take it only there.
    #[must_use]
    pub fn issue_pass(&self, bearer: &Bearer, life_ms: u64) -> (String, Bearer) {
        let (token, claims) = self.issuer.sign(pass_grant(bearer, life_ms.min(PASS_LIFE_MS)), self.now());
        let expires_at = UtcMs(claims.exp * 1_000);
        (token, Bearer { expires_at, token: claims.jti, ..bearer.clone() })
    }

    /// Exchanges a pass and a proof of the device's key for a session with this node.
    ///
    /// # Errors
    ///
    /// [`PassRefusal`]; nothing is remembered of a refused one.
    pub fn open_session(&self, pass: &str, proof: &Proof) -> Result<(String, Bearer), PassRefusal> {
        let now = self.now();
        let bearer = read_pass(pass, &self.keys.read().unwrap_or_else(PoisonError::into_inner), now)?;
        self.check_bearer(&bearer, now)?;
        let mut replays = self.replays.lock().unwrap_or_else(PoisonError::into_inner);
        replays.check(proof, &bearer, self.node(), pass, now)?;
        drop(replays);
        let (token, claims) = self.issuer.sign(session_grant(&bearer, self.node(), now), now);
        let expires_at = UtcMs(claims.exp * 1_000);
        Ok((token, Bearer { expires_at, token: claims.jti, ..bearer }))
    }

    /// Reads a driver's session with this node.
    ///
    /// # Errors
    ///
    /// [`TokenRefusal`].
    pub fn driver_session(&self, token: &str) -> Result<Bearer, TokenRefusal> {
        let (token_hash, now) = (token_hash(token), self.both_clocks());
        let bearer = match self.drivers.find(&token_hash, now) {
            Ok(bearer) => bearer,
            Err(seen) => {
                let bearer = read_session(token, self.node(), &self.own_keys, now.utc)?;
                self.drivers.keep(token_hash, bearer.clone(), bearer.expires_at, seen, now);
                bearer
            }
        };
        self.check_bearer(&bearer, now.utc)?;
        Ok(bearer)
    }

    /// True if a pass or session that was read before is still good: sockets ask again and again.
    #[must_use]
    pub fn is_in_force(&self, bearer: &Bearer) -> bool {
        let now = self.now();
        now < bearer.expires_at && self.check_bearer(bearer, now).is_ok()
    }

    fn check_bearer(&self, bearer: &Bearer, now: UtcMs) -> Result<(), TokenRefusal> {
        if !self.districts.contain(&bearer.district) {
            return Err(TokenRefusal::District);
        }
        if self.is_revoked(RevocationKind::Driver, &bearer.driver.to_string(), now)
            || self.is_revoked(RevocationKind::Token, &bearer.token.to_string(), now)
        {
            return Err(TokenRefusal::Revoked);
        }
        Ok(())
    }

    /// Revokes every pass and session of a driver at this node, at once. It is good until the last pass
    /// that can be out has ended; the roster's ban, which travels to all nodes, outlives it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it could not be made durable; nothing is revoked then.
    pub async fn revoke_driver(&self, driver: DriverId, by: &str) -> Result<(), StoreError> {
        self.revoke(RevocationKind::Driver, driver.to_string(), by).await
    }

    /// Revokes one pass, session or text process's token at this node, at once.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it could not be made durable; nothing is revoked then.
    pub async fn revoke_token(&self, token: Uuid, by: &str) -> Result<(), StoreError> {
        self.revoke(RevocationKind::Token, token.to_string(), by).await
    }

    async fn revoke(&self, kind: RevocationKind, value: String, by: &str) -> Result<(), StoreError> {
        let at = self.now();
        let by = by.chars().take(64).collect();
        // As long as what it takes back can live.
        let expires_at = at.plus_ms(match kind {
            RevocationKind::Driver => PASS_LIFE_MS,
            RevocationKind::Token => TEXT_LIFE_MS.max(PASS_LIFE_MS),
        });
        self.store.revoke(&Revocation { kind, value: value.clone(), at, expires_at, by }).await?;
        let mut revoked = self.revoked.write().unwrap_or_else(PoisonError::into_inner);
        revoked.retain(|_, (_, expires_at)| *expires_at > at);
        revoked.insert((kind, value), (at, expires_at));
        Ok(())
    }

    pub(super) fn is_revoked(&self, kind: RevocationKind, value: &str, now: UtcMs) -> bool {
        let revoked = self.revoked.read().unwrap_or_else(PoisonError::into_inner);
        revoked.get(&(kind, value.to_owned())).is_some_and(|(_, expires_at)| now < *expires_at)
    }
}

/// True for an address by https or on this machine: what is sent there cannot be read on the way.
#[must_use]
pub fn is_sheltered(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return url.starts_with("https://") };
    let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    let address = authority.parse::<std::net::SocketAddr>().map(|address| address.ip());
    match address.or_else(|_| authority.parse::<std::net::IpAddr>()) {
        Ok(ip) => ip.is_loopback(),
        Err(_) => {
            let port = authority.strip_prefix("localhost").map(|rest| rest.strip_prefix(':').unwrap_or(rest));
            port.is_some_and(|port| port.bytes().all(|digit| digit.is_ascii_digit()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_do_not_travel_in_clear() {
        for own in
            ["http://127.0.0.1:8080/", "http://[::1]:8080", "http://localhost:8080", "https://taxi.example"]
        {
            assert!(is_sheltered(own), "{own}");
        }
        for open in [
            "http://0.0.0.0:8080",
            "http://192.168.0.5:8080",
            "http://taxi.example",
            "http://localhost.evil",
            "http://localhost:80@taxi.example",
            "http://127.0.0.1@taxi.example/",
        ] {
            assert!(!is_sheltered(open), "{open}");
        }
    }
}
