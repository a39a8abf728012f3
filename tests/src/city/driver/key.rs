//! The key that a driver's phone makes and keeps, and what it proves with it.

use anyhow::{Result, anyhow};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ondol_core::ids::{DeviceId, NodeId};
use ondol_core::units::UtcMs;
use serde_json::{Value, json};
use uuid::Uuid;

/// A device's key.
pub struct DeviceKey {
    pair: Ed25519KeyPair,
    public: String,
}

impl DeviceKey {
    /// Makes a new key.
    ///
    /// # Errors
    ///
    /// If the system gives no randomness.
    pub fn generate() -> Result<Self> {
        let pair = Ed25519KeyPair::generate().map_err(|_| anyhow!("no key can be made"))?;
        let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        Ok(Self { pair, public })
    }

    /// The public half, base64url.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The device that this key makes, as every node computes it.
    ///
    /// # Panics
    ///
    /// Never: a digest has 32 bytes.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        let digest = digest(&SHA256, format!("ondol-device/1 {}", self.public).as_bytes());
        let half = digest.as_ref().first_chunk().expect("a digest has 32 bytes");
        DeviceId(uuid::Builder::from_custom_bytes(*half).into_uuid())
    }

    /// Proves at `node` that the bearer of `pass` holds its key.
    #[must_use]
    pub fn prove(&self, node: &NodeId, pass: &str, at: UtcMs) -> Value {
        let nonce = Uuid::new_v4();
        let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, pass.as_bytes()));
        let message = format!("ondol-proof-1\n{node}\n{hash}\n{}\n{nonce}", at.0);
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(message.as_bytes()));
        json!({ "key": self.public, "at_ms": at.0, "nonce": nonce, "signature": signature })
    }
}
