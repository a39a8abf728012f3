//! What peers say to one another.

use axum::http::HeaderName;
use ondol_core::ids::{DistrictId, NodeId};
use ondol_core::journal::{Entry, Heads};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::store::KeyCursor;
use crate::vault::SubjectKey;

/// Names the call, so that an old answer does not fit a new one.
pub const NONCE_HEADER: HeaderName = HeaderName::from_static("x-ondol-nonce");
/// Carries the answering node's signature.
pub const SIGNATURE_HEADER: HeaderName = HeaderName::from_static("x-ondol-signature");

/// Most series of a district, of both nodes and all their lives, whose heads a call has room for: at five to a restart of
/// both nodes, one every four hours for three years.
pub const SERIES_MAX: usize = 33_000;
/// Largest body of a call, in bytes.
pub const CALL_MAX: usize = 4 * 1024 * 1024;
/// Largest answer, unpacked, in bytes.
pub const PAGE_MAX: usize = 16 * 1024 * 1024;
/// Longest nonce.
pub(super) const NONCE_MAX: usize = 64;

/// Asks for what the caller lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PullRequest {
    /// The districts asked about; what concerns the whole platform comes with them.
    pub districts: Vec<DistrictId>,
    /// What the caller holds.
    pub cursors: Heads,
    /// How far the caller has this peer's tombstones.
    pub keys_after: KeyCursor,
    /// Most entries wanted.
    pub limit: usize,
    /// Longest wait for something new, in wall milliseconds.
    pub wait_ms: u64,
}

/// What the caller lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PullAnswer {
    /// Entries, each series in its own order without gaps, urgent lanes first.
    pub entries: Vec<Entry>,
    /// Everything the answering node holds of the districts.
    pub heads: Heads,
    /// The keys of everybody whose sealed text is in `entries`, and of nobody else; from central also tombstones
    /// after `keys_after`.
    pub keys: Vec<SubjectKey>,
    /// How far the tombstones go.
    pub key_cursor: KeyCursor,
    /// True if more is there now.
    pub more: bool,
}

/// What is signed: the caller, its nonce, and the answer.
pub(super) fn signed_bytes(caller: &NodeId, nonce: &str, body: &[u8]) -> Vec<u8> {
    let digest = Sha256::digest(body);
    let mut bytes = format!("ondol-answer/1\n{caller}\n{nonce}\n").into_bytes();
    bytes.extend_from_slice(&digest);
    bytes
}
