//! Signed tokens (RFC 9068) and the one strict reader of them.
//!
//! The library checks the signature. Everything it leaves open is checked here: the header may hold
//! `alg`, `typ` and `kid` and nothing else, so that no key or critical extension can be brought along;
//! the `kid` must be the thumbprint of a key we already know; the key's owner must be the issuer; and
//! the moment comes from the caller, never from the machine's clock.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header, Validation};
use ondol_core::ids::{DeviceId, DistrictId, FleetId, NodeId};
use ondol_core::units::UtcMs;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::key::{PublicKey, SigningKey, Thumbprint};

/// Largest token that is looked at, in bytes.
pub const TOKEN_MAX_BYTES: usize = 4_096;
/// How far clocks of two nodes may differ, in milliseconds.
pub const LEEWAY_MS: i64 = 5_000;
/// Most districts in one token.
const DISTRICTS_MAX: usize = 64;
/// Longest subject of a token, in bytes.
const SUBJECT_MAX_BYTES: usize = 64;
const TYP: &str = "at+jwt";

/// What a caller is. What each role may do stands in [`super::policy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Holds the link of a booking.
    Rider,
    /// Drives, with a device of its own.
    Driver,
    /// Works at the console.
    Operator,
    /// Runs a fleet.
    FleetAdmin,
    /// Reads everything that is kept for audit, changes nothing.
    Auditor,
    /// Another node: an edge, or central.
    EdgeNode,
    /// The text and phone process beside a node.
    Text,
    /// Runs the platform.
    Sysadmin,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 8] = [
        Self::Rider,
        Self::Driver,
        Self::Operator,
        Self::FleetAdmin,
        Self::Auditor,
        Self::EdgeNode,
        Self::Text,
        Self::Sysadmin,
    ];

    /// The name in JSON and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rider => "rider",
            Self::Driver => "driver",
            Self::Operator => "operator",
            Self::FleetAdmin => "fleet_admin",
            Self::Auditor => "auditor",
            Self::EdgeNode => "edge_node",
            Self::Text => "text",
            Self::Sysadmin => "sysadmin",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// What a token is for. One for one purpose is worthless for another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// A shift pass, shown at any node of its district.
    Pass,
    /// A driver's session with one node.
    Driver(NodeId),
    /// A call of one node to another.
    Peer(NodeId),
    /// The text process, at its node and at central.
    Text,
    /// The enrolment of a node at central.
    Enrol(NodeId),
    /// An order of a node's own staff to it.
    Orders(NodeId),
}

impl Audience {
    /// The `aud` of such a token.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Pass => "ondol:pass".into(),
            Self::Driver(node) => format!("ondol:driver@{node}"),
            Self::Peer(node) => format!("ondol:peer@{node}"),
            Self::Text => "ondol:text".into(),
            Self::Enrol(node) => format!("ondol:enrol@{node}"),
            Self::Orders(node) => format!("ondol:orders@{node}"),
        }
    }
}

/// The key that a bearer must prove to hold (RFC 7800, RFC 9449).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Its thumbprint.
    pub jkt: Thumbprint,
}

/// What a token says. Times are seconds since 1970, as RFC 7519 asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The node that signed it.
    pub iss: NodeId,
    /// Whom it is about: a driver, a node, an operator.
    pub sub: String,
    /// What it is for, [`Audience::name`].
    pub aud: String,
    /// Void from this second.
    pub exp: i64,
    /// Void before this second.
    pub nbf: i64,
    /// Made in this second.
    pub iat: i64,
    /// Names the token.
    pub jti: Uuid,
    /// What the bearer is.
    pub role: Role,
    /// The bearer's fleet; absent for those above fleets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetId>,
    /// The districts it is good for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub districts: Vec<DistrictId>,
    /// The node that the bearer is, or runs beside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// The driver's device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// The key that the bearer must prove to hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// What [`Issuer::sign`] is asked to say; the rest of the claims it adds itself.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Whom it is about.
    pub sub: String,
    /// What it is for.
    pub aud: Audience,
    /// What the bearer is.
    pub role: Role,
    /// The bearer's fleet.
    pub fleet: Option<FleetId>,
    /// The districts it is good for.
    pub districts: Vec<DistrictId>,
    /// The node that the bearer is, or runs beside.
    pub node: Option<NodeId>,
    /// The driver's device.
    pub device: Option<DeviceId>,
    /// The key that the bearer must prove to hold.
    pub cnf: Option<Thumbprint>,
    /// Life of the token.
    pub life_ms: u64,
}

/// Signs tokens in the name of one node.
#[derive(Debug)]
pub struct Issuer {
    node: NodeId,
    key: SigningKey,
}

impl Issuer {
    /// Returns the issuer of `node`.
    #[must_use]
    pub fn new(node: NodeId, key: SigningKey) -> Self {
        Self { node, key }
    }

    /// The node.
    #[must_use]
    pub fn node(&self) -> &NodeId {
        &self.node
    }

    /// The node's key.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Signs a token that is good from `now` on; returns it with what it says.
    ///
    /// # Panics
    ///
    /// Never: claims are plain JSON and the key signs anything.
    #[must_use]
    pub fn sign(&self, grant: Grant, now: UtcMs) -> (String, Claims) {
        let iat = now.0.div_euclid(1_000);
        let claims = Claims {
            iss: self.node.clone(),
            sub: grant.sub,
            aud: grant.aud.name(),
            exp: now.plus_ms(grant.life_ms).0.div_euclid(1_000),
            nbf: iat,
            iat,
            jti: Uuid::new_v4(),
            role: grant.role,
            fleet: grant.fleet,
            districts: grant.districts,
            node: grant.node,
            device: grant.device,
            cnf: grant.cnf.map(|jkt| Confirmation { jkt }),
        };
        (self.encode(&claims), claims)
    }

    pub(super) fn encode<T: Serialize>(&self, claims: &T) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYP.into());
        header.kid = Some(self.key.thumbprint().to_string());
        jsonwebtoken::encode(&header, claims, self.key.encoding()).expect("the key signs plain JSON")
    }
}

/// What a known key may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// The node it belongs to.
    pub node: NodeId,
    /// The key.
    pub public: PublicKey,
    /// The node's standing.
    pub standing: Standing,
}

/// How far a node's signature reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Central: every district.
    Central,
    /// An edge: its own district and nothing else.
    Edge(DistrictId),
}

/// The keys that a node trusts, by name.
#[derive(Debug, Clone, Default)]
pub struct KeySet(BTreeMap<Thumbprint, KnownKey>);

impl KeySet {
    /// Trusts a key.
    pub fn insert(&mut self, key: KnownKey) {
        self.0.insert(key.public.thumbprint(), key);
    }

    /// Trusts a key no longer.
    pub fn remove(&mut self, kid: &Thumbprint) {
        self.0.remove(kid);
    }

    /// The key of that name.
    #[must_use]
    pub fn get(&self, kid: &Thumbprint) -> Option<&KnownKey> {
        self.0.get(kid)
    }

    /// Every key of `node`: more than one while a key is being replaced.
    pub fn of<'a>(&'a self, node: &'a NodeId) -> impl Iterator<Item = &'a KnownKey> {
        self.0.values().filter(move |key| key.node == *node)
    }
}

/// Why a token was refused. Whoever brought it learns only that it was; the log has the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenRefusal {
    /// It is not three parts of base64url, or too large.
    #[error("not a token")]
    Malformed,
    /// Its header is not exactly `alg`, `typ` and `kid`.
    #[error("the header is not ours")]
    Header,
    /// It is signed by another algorithm than Ed25519.
    #[error("not signed by EdDSA")]
    Algorithm,
    /// It is another type of token.
    #[error("not an access token")]
    Type,
    /// No key that we trust has that name.
    #[error("signed by an unknown key")]
    UnknownKey,
    /// The signature does not match.
    #[error("the signature is wrong")]
    Signature,
    /// What it says cannot be read.
    #[error("the claims cannot be read")]
    Claims,
    /// The signer is not the owner of the key.
    #[error("the issuer does not own the key")]
    Issuer,
    /// It is for something else.
    #[error("for another audience")]
    Audience,
    /// Its time has not come, or it was made in the future.
    #[error("not valid yet")]
    TooEarly,
    /// Its time is over.
    #[error("expired")]
    Expired,
    /// It lives longer than its kind may.
    #[error("its life is too long")]
    TooLong,
    /// It is of a role that this door does not know.
    #[error("of another role")]
    Role,
    /// It reaches into a district that its signer or this node does not have.
    #[error("for another district")]
    District,
    /// Something in it was revoked.
    #[error("revoked")]
    Revoked,
}

/// What a reader expects of a token.
#[derive(Debug, Clone)]
pub struct Expected<'a> {
    /// What it must be for.
    pub audience: &'a Audience,
    /// What its bearer must be.
    pub role: Role,
    /// The longest life it may have been given.
    pub life_max_ms: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OurHeader {
    alg: String,
    typ: String,
    kid: Thumbprint,
}

/// The name (`jti`) of a token, read without trusting the token: whoever revokes it has it in hand.
#[must_use]
pub fn token_id(token: &str) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct Named {
        jti: Uuid,
    }
    let claims = token.get(..TOKEN_MAX_BYTES.min(token.len()))?.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    serde_json::from_slice::<Named>(&claims).ok().map(|named| named.jti)
}

/// Reads a token, and trusts nothing in it that it has not checked.
///
/// # Errors
///
/// The first [`TokenRefusal`] found, in the order of that list.
pub fn verify<'k>(
    token: &str,
    expected: &Expected<'_>,
    keys: &'k KeySet,
    now: UtcMs,
) -> Result<(Claims, &'k KnownKey), TokenRefusal> {
    let key = signer(token, keys)?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[key.node.as_str()]);
    validation.set_audience(&[expected.audience.name()]);
    validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
    // The library would ask the machine's clock; `in_time` asks the caller's.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let claims = jsonwebtoken::decode::<Claims>(token, &key.public.decoding(), &validation)
        .map_err(|error| refusal(&error))?
        .claims;
    // Said once more without the library: these two carry the most weight.
    if claims.iss != key.node {
        return Err(TokenRefusal::Issuer);
    }
    if claims.aud != expected.audience.name() {
        return Err(TokenRefusal::Audience);
    }
    in_time(&claims, expected.life_max_ms, now)?;
    if claims.role != expected.role {
        return Err(TokenRefusal::Role);
    }
    if claims.sub.is_empty() || claims.sub.len() > SUBJECT_MAX_BYTES {
        return Err(TokenRefusal::Claims);
    }
    within_reach(&claims, &key.standing)?;
    Ok((claims, key))
}

/// Looks at the header alone, and finds the key that must have signed.
fn signer<'k>(token: &str, keys: &'k KeySet) -> Result<&'k KnownKey, TokenRefusal> {
    let well_formed = token.len() <= TOKEN_MAX_BYTES
        && token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if !well_formed {
        return Err(TokenRefusal::Malformed);
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else { return Err(TokenRefusal::Malformed) };
    if header.is_empty() || claims.is_empty() || signature.is_empty() {
        return Err(TokenRefusal::Malformed);
    }
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenRefusal::Malformed)?;
    let header: OurHeader = serde_json::from_slice(&header).map_err(|_| TokenRefusal::Header)?;
    if header.alg != "EdDSA" {
        return Err(TokenRefusal::Algorithm);
    }
    if header.typ != TYP {
        return Err(TokenRefusal::Type);
    }
    keys.get(&header.kid).ok_or(TokenRefusal::UnknownKey)
}

fn refusal(error: &jsonwebtoken::errors::Error) -> TokenRefusal {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidSignature => TokenRefusal::Signature,
        ErrorKind::InvalidIssuer => TokenRefusal::Issuer,
        ErrorKind::InvalidAudience => TokenRefusal::Audience,
        ErrorKind::InvalidAlgorithm => TokenRefusal::Algorithm,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::Json(_) | ErrorKind::Utf8(_) => TokenRefusal::Claims,
        // The library's list is open; what it adds later is a refusal too.
        _ => TokenRefusal::Malformed,
    }
}

fn in_time(claims: &Claims, life_max_ms: i64, now: UtcMs) -> Result<(), TokenRefusal> {
    let ms = |seconds: i64| seconds.checked_mul(1_000).ok_or(TokenRefusal::Claims);
    let (exp, nbf, iat) = (ms(claims.exp)?, ms(claims.nbf)?, ms(claims.iat)?);
    let (early, late) = (now.0.saturating_add(LEEWAY_MS), now.0.saturating_sub(LEEWAY_MS));
    if nbf > early || iat > early {
        return Err(TokenRefusal::TooEarly);
    }
    if exp <= late {
        return Err(TokenRefusal::Expired);
    }
    let life = exp.checked_sub(nbf.min(iat)).ok_or(TokenRefusal::Claims)?;
    // Whole seconds are rounded down at both ends, so a life may look one second longer than it is.
    if life <= life_max_ms.saturating_add(1_000) { Ok(()) } else { Err(TokenRefusal::TooLong) }
}

/// An edge that was taken over by somebody speaks for its own district only.
fn within_reach(claims: &Claims, standing: &Standing) -> Result<(), TokenRefusal> {
    if claims.districts.len() > DISTRICTS_MAX {
        return Err(TokenRefusal::Claims);
    }
    let reaches = match standing {
        Standing::Central => true,
        Standing::Edge(own) => claims.districts.iter().all(|district| district == own),
    };
    if reaches { Ok(()) } else { Err(TokenRefusal::District) }
}
