//! A node's identity at work: its key, whom it trusts, who is revoked, who is signed in.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use axum::http::{HeaderMap, HeaderValue, Method};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ondol_core::ids::{DistrictId, DriverId, NodeId, SubjectId};
use ondol_core::units::UtcMs;
use uuid::Uuid;

use super::AuthError;
use super::key::SigningKey;
use super::operator::{
    AccountRefusal, Cookie, OPERATOR_SESSION_LIFE_MS, Passwords, SignInRefusal, Transport, check_account,
    from_own_page, new_token, token_hash,
};
use super::pass::{
    Bearer, PASS_LIFE_MS, PassRefusal, Proof, Replays, pass_grant, read_pass, read_session, session_grant,
};
use super::policy::{Caller, Districts};
use super::store::{Account, IdentityStore, Operator, Revocation, RevocationKind, StoreError};
use super::throttle::Throttle;
use super::token::{
    Audience, Expected, Grant, Issuer, KeySet, KnownKey, Role, Standing, TokenRefusal, verify,
};
use crate::clock::SharedClock;

/// Life of a token with which a node calls another.
pub const PEER_LIFE_MS: u64 = 5 * 60 * 1_000;
/// Longest life of the text process's token.
pub const TEXT_LIFE_MS: u64 = 30 * 24 * 60 * 60 * 1_000;
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

/// A node's identity. Shared by all doors of the process.
#[derive(Debug)]
pub struct Identity {
    issuer: Issuer,
    standing: Standing,
    districts: Districts,
    own_keys: KeySet,
    keys: RwLock<KeySet>,
    replays: Mutex<Replays>,
    tries: Mutex<Throttle>,
    revoked: RwLock<BTreeMap<(RevocationKind, String), (UtcMs, UtcMs)>>,
    passwords: Passwords,
    cookie: Cookie,
    origins: Vec<String>,
    store: IdentityStore,
    clock: ClockBox,
    floor: AtomicI64,
}

struct ClockBox(SharedClock);

impl std::fmt::Debug for ClockBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
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
}

/// An operator who has signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// The operator.
    pub operator: Operator,
    /// The `Set-Cookie` header.
    pub set_cookie: HeaderValue,
}

/// What a new account is.
#[derive(Debug, Clone)]
pub struct NewOperator {
    /// What the person types to sign in.
    pub login: String,
    /// The password, in clear for this moment only.
    pub password: String,
    /// `operator`, `fleet_admin`, `auditor` or `sysadmin`.
    pub role: Role,
    /// The fleet; absent for those above fleets.
    pub fleet: Option<ondol_core::ids::FleetId>,
    /// The districts.
    pub districts: Districts,
}

impl Identity {
    /// Reads what the store knows and returns the identity.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read: a node that does not know who is revoked lets nobody in.
    pub async fn open(
        config: IdentityConfig,
        store: IdentityStore,
        clock: SharedClock,
    ) -> Result<Self, StoreError> {
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
        for key in store.node_keys().await?.into_iter().chain(config.known).chain([own]) {
            keys.insert(key);
        }
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
            origins: config.origins,
            store,
            clock: ClockBox(clock),
            floor: AtomicI64::new(i64::MIN),
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
        let clock = self.clock.0.now().utc;
        UtcMs(clock.0.max(self.floor.load(Ordering::Relaxed)))
    }

    /// Takes note of a moment of the node's own journal: a clock set back does not revive what has expired.
    pub fn raise_floor(&self, at: UtcMs) {
        self.floor.fetch_max(at.0, Ordering::Relaxed);
    }

    // Drivers ------------------------------------------------------------------------------------

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
        let now = self.now();
        let bearer = read_session(token, self.node(), &self.own_keys, now)?;
        self.check_bearer(&bearer, now)?;
        Ok(bearer)
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

    /// Revokes one pass or session at this node, at once.
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
        let expires_at = at.plus_ms(PASS_LIFE_MS);
        self.store.revoke(&Revocation { kind, value: value.clone(), at, expires_at, by }).await?;
        let mut revoked = self.revoked.write().unwrap_or_else(PoisonError::into_inner);
        revoked.retain(|_, (_, expires_at)| *expires_at > at);
        revoked.insert((kind, value), (at, expires_at));
        Ok(())
    }

    fn is_revoked(&self, kind: RevocationKind, value: &str, now: UtcMs) -> bool {
        let revoked = self.revoked.read().unwrap_or_else(PoisonError::into_inner);
        revoked.get(&(kind, value.to_owned())).is_some_and(|(_, expires_at)| now < *expires_at)
    }

    // Nodes --------------------------------------------------------------------------------------

    /// Signs a token with which this node calls `peer`.
    #[must_use]
    pub fn peer_token(&self, peer: &NodeId) -> String {
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
        self.issuer.sign(grant, self.now()).0
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
        let (claims, key) = verify(token, &expected, &keys, self.now())?;
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
        let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.of(node).any(|key| key.public.verifies(bytes, &signature))
    }

    /// Signs a token for the text process beside this node.
    #[must_use]
    pub fn text_token(&self, districts: Vec<DistrictId>, life_ms: u64) -> String {
        let grant = Grant {
            sub: format!("text@{}", self.node()),
            aud: Audience::Text,
            role: Role::Text,
            fleet: None,
            districts,
            node: Some(self.node().clone()),
            device: None,
            cnf: None,
            life_ms: life_ms.min(TEXT_LIFE_MS),
        };
        self.issuer.sign(grant, self.now()).0
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
        Ok(TextProcess { node: key.node.clone(), districts: claims.districts })
    }

    fn own_districts(&self) -> Vec<DistrictId> {
        match (&self.standing, &self.districts) {
            (Standing::Edge(district), _) => vec![district.clone()],
            (Standing::Central, Districts::Some(list)) => list.clone(),
            (Standing::Central, Districts::All) => Vec::new(),
        }
    }

    // Trusted keys and enrolment use these -----------------------------------------------------------

    pub(super) fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    pub(super) fn own_keys(&self) -> &KeySet {
        &self.own_keys
    }

    pub(super) fn store(&self) -> &IdentityStore {
        &self.store
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

    // Operators ----------------------------------------------------------------------------------

    /// Makes an operator's account at this node.
    ///
    /// # Errors
    ///
    /// [`AccountRefusal`].
    pub async fn add_operator(&self, new: NewOperator) -> Result<SubjectId, AccountRefusal> {
        check_account(&new.login, &new.password)?;
        match (new.role, &new.fleet) {
            (Role::Operator | Role::Auditor, _) | (Role::FleetAdmin, Some(_)) | (Role::Sysadmin, None) => {}
            (Role::FleetAdmin, None) | (Role::Sysadmin, Some(_)) => return Err(AccountRefusal::Fleet),
            (Role::Rider | Role::Driver | Role::EdgeNode | Role::Text, _) => {
                return Err(AccountRefusal::Role);
            }
        }
        let password_hash = self.passwords.hash(&new.password).await?;
        let subject = SubjectId(Uuid::new_v4());
        let operator = Operator {
            subject,
            login: new.login,
            role: new.role,
            fleet: new.fleet,
            districts: new.districts,
        };
        self.store.add_operator(&Account { operator, password_hash }, self.now()).await?;
        Ok(subject)
    }

    /// Closes an account and ends its sessions; false if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn close_operator(&self, login: &str) -> Result<bool, StoreError> {
        self.store.close_operator(login, self.now()).await
    }

    /// Gives an account another password and ends its sessions; false if there is none.
    ///
    /// # Errors
    ///
    /// [`AccountRefusal`].
    pub async fn set_password(&self, login: &str, password: &str) -> Result<bool, AccountRefusal> {
        check_account(login, password)?;
        let hash = self.passwords.hash(password).await?;
        Ok(self.store.set_password(login, &hash, self.now()).await?)
    }

    /// Signs an operator in. `address` is the caller's, for the bound on tries.
    ///
    /// # Errors
    ///
    /// [`AuthError::SignIn`], [`AuthError::Store`].
    pub async fn sign_in(&self, login: &str, password: &str, address: &str) -> Result<SignedIn, AuthError> {
        let now = self.now();
        self.try_once(login, address)?;
        let account = self.store.account(login).await?;
        let stored = account.as_ref().map(|account| account.password_hash.clone());
        // Nothing longer can be a password; hashing it would only cost us.
        let fits = password.len() <= super::operator::PASSWORD_MAX_BYTES;
        let matches = fits && self.passwords.check(password, stored).await?;
        let (Some(account), true) = (account, matches) else { return Err(SignInRefusal::Wrong.into()) };
        self.tried_well(login, address);
        let token = new_token();
        let expires_at = now.plus_ms(OPERATOR_SESSION_LIFE_MS);
        self.store.add_session(&token_hash(&token), account.operator.subject, now, expires_at).await?;
        let set_cookie = self.cookie.set(&token, self.clock.0.speed());
        Ok(SignedIn { operator: account.operator, set_cookie })
    }

    /// Counts a try of `account` (an operator's login, a driver's number) from `address`.
    ///
    /// # Errors
    ///
    /// [`SignInRefusal::TooManyTries`] if there were too many before.
    pub fn try_once(&self, account: &str, address: &str) -> Result<(), SignInRefusal> {
        let ticks = self.clock.0.now().ticks;
        let account: String = account.chars().take(64).collect();
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let wait_ms = tries.wait_ms(&account, address, ticks);
        if wait_ms > 0 {
            return Err(SignInRefusal::TooManyTries { wait_ms });
        }
        tries.count(&account, address, ticks);
        Ok(())
    }

    /// Takes the last try back: it was good.
    pub fn tried_well(&self, account: &str, address: &str) {
        let account: String = account.chars().take(64).collect();
        self.tries.lock().unwrap_or_else(PoisonError::into_inner).succeeded(&account, address);
    }

    /// The operator of a request, by its cookie; for changing requests also by its origin.
    ///
    /// # Errors
    ///
    /// [`AuthError`].
    pub async fn operator_of(&self, method: &Method, headers: &HeaderMap) -> Result<Operator, AuthError> {
        let token = self.cookie.read(headers).ok_or(AuthError::Missing)?;
        if !from_own_page(method, headers, &self.origins) {
            return Err(AuthError::Origin);
        }
        self.store.session_operator(&token_hash(token), self.now()).await?.ok_or(AuthError::SessionEnded)
    }

    /// Ends the session of a request and returns the `Set-Cookie` header that takes the cookie away.
    ///
    /// # Errors
    ///
    /// [`AuthError`]; without a session there is nothing to end, which is no error.
    pub async fn sign_out(&self, method: &Method, headers: &HeaderMap) -> Result<HeaderValue, AuthError> {
        if !from_own_page(method, headers, &self.origins) {
            return Err(AuthError::Origin);
        }
        if let Some(token) = self.cookie.read(headers) {
            self.store.end_session(&token_hash(token), self.now()).await?;
        }
        Ok(self.cookie.clear())
    }

    /// True if a changing request, a sign-in or a socket comes from one of this node's own pages.
    #[must_use]
    pub fn is_own_page(&self, headers: &HeaderMap) -> bool {
        from_own_page(&Method::POST, headers, &self.origins)
    }
}

impl Operator {
    /// The operator as the policy sees one.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller { role: self.role, fleet: self.fleet.clone(), districts: self.districts.clone() }
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
