//! What this door adds to `ondol_device::wire`: how a device comes to speak at all.

use ondol_core::fact::Lang;
use ondol_core::ids::{DeviceId, DistrictId, DriverId, FleetId, NodeId};
use ondol_core::units::UtcMs;
use ondol_device::wire::moment;
use ondol_engine::identity::{Proof, PublicKey};
use serde::{Deserialize, Serialize};

/// `POST /driver/v1/sign-in`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The driver's number, as dialled or E.164.
    pub phone: String,
    /// The driver's secret.
    pub secret: String,
    /// The public key that the device made and keeps. A reinstalled phone makes another, and is another device.
    pub key: PublicKey,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignIn({})", self.key)
    }
}

/// The answer to a sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedIn {
    /// The shift pass: shown, with a proof, at every node.
    pub pass: String,
    /// Until when it is good.
    #[serde(with = "moment")]
    pub expires_at: UtcMs,
    /// The driver.
    pub driver: DriverId,
    /// The device: it follows from its key.
    pub device: DeviceId,
    /// The company.
    pub fleet: FleetId,
    /// The district of the pass.
    pub district: DistrictId,
    /// The driver's language.
    pub lang: Lang,
    /// What riders look for.
    pub plate: String,
}

/// `POST /driver/v1/session`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenSession {
    /// The shift pass.
    pub pass: String,
    /// Proof that the device holds the pass's key: a signature over
    /// `ondol-proof-1 ⏎ node ⏎ base64url(SHA-256(pass)) ⏎ at_ms ⏎ nonce`.
    pub proof: Proof,
}

/// The answer to [`OpenSession`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// The node, whose token it is.
    pub node: NodeId,
    /// For `Authorization: Bearer …`, at this node only.
    pub token: String,
    /// Until when it is good.
    #[serde(with = "moment")]
    pub expires_at: UtcMs,
}

/// The answer to `POST /driver/v1/socket-ticket`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocketTicket {
    /// For `GET /driver/v1/socket?ticket=…`, once.
    pub ticket: String,
    /// Milliseconds for which it is good.
    pub ttl_ms: u64,
}
