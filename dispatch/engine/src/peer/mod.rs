//! The peer link: central and its edges exchange journals and renew leases.
//!
//! ```text
//! receiver ── POST /sync/v1/pull {cursors, keys_after, wait_ms} ─▶ peer      long poll, both directions
//!          ◀─ {entries, heads, keys, key_cursor, more} + signature ─
//! central  ── POST /sync/v1/lease  Renewal ─▶ edge ─ RenewalAnswer + signature ─▶ central
//! edge     ── POST /sync/v1/drivers  Relay ─▶ central ─ null + signature ─▶ edge
//! edge     ── POST /sync/v1/loans  LoanCall + keys ─▶ neighbour ─ LoanAnswer + keys + signature ─▶ edge
//! ```
//!
//! The receiver holds the cursors, which are the heads of what it has made durable, so a lost answer costs a
//! repeat and never a gap. Each call carries a token of the caller; each answer is signed over the caller's
//! name, its nonce and the body, so it can be neither forged nor replayed. An edge is served, and believed about,
//! its own district only: entries, and the keys of the people whose text is in them. What cannot be stored or is
//! not the peer's to tell is left out with the rest of its series, and the others go on (`check.rs`).
//!
//! Neighbours exchange no journals: each writes down in its own what the other says of a loan.
//!
//! Absent so far: client certificates.

mod calls;
mod check;
mod client;
mod enrol;
mod loans;
mod quarantine;
mod routes;
mod subjects;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use ondol_core::ids::{DistrictId, NodeId};
use ondol_core::units::UtcMs;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::config::{Config, RoleName};
use crate::identity::{Identity, is_sheltered};
use crate::run::{Handle, PeerCall};
use client::Caller;

pub use enrol::{EnrolError, enrol_at};
pub use routes::peer_router;
pub use wire::{CALL_MAX, NONCE_HEADER, PAGE_MAX, PullAnswer, PullRequest, SERIES_MAX, SIGNATURE_HEADER};

/// The tasks that talk to peers; they end when this is dropped.
pub struct PeerLink {
    _tasks: JoinSet<()>,
}

/// Why the peer link did not start.
#[derive(Debug, Error)]
pub enum PeerError {
    /// A peer on another machine would be called in clear, personal text and keys with it.
    #[error("peers: {0} is neither https nor this machine: put TLS before that node")]
    InClear(String),
    /// The HTTP client could not be made.
    #[error("the client for peers could not be made: {0}")]
    Client(#[source] reqwest::Error),
}

/// A peer to call.
#[derive(Debug, Clone)]
struct PeerAddress {
    id: NodeId,
    url: String,
    /// The districts that the two have in common.
    districts: Vec<DistrictId>,
}

impl PeerLink {
    /// Starts to pull from every peer of `config` and to carry `calls`, to neighbours as well.
    ///
    /// # Errors
    ///
    /// [`PeerError`] if a peer on another machine would be called in clear, or no HTTP client can be made.
    pub fn start(
        config: &Config,
        handle: &Handle,
        identity: &Arc<Identity>,
        calls: mpsc::Receiver<(NodeId, PeerCall)>,
    ) -> Result<Self, PeerError> {
        let caller = Caller::new(handle.clone(), Arc::clone(identity)).map_err(PeerError::Client)?;
        let peers = peers_of(config);
        let mut called = peers.clone();
        called.extend(neighbours_of(config));
        if let Some(peer) = called.iter().find(|peer| !is_sheltered(&peer.url)) {
            return Err(PeerError::InClear(peer.url.clone()));
        }
        let mut tasks = JoinSet::new();
        tasks.spawn(keep_floor(handle.clone(), Arc::clone(identity)));
        for peer in &peers {
            tasks.spawn(client::pull_for_ever(caller.clone(), peer.clone()));
        }
        tasks.spawn(calls::carry_calls(caller, called, calls));
        Ok(Self { _tasks: tasks })
    }
}

/// What has expired by the journal stays expired, also when the clock is set back.
async fn keep_floor(handle: Handle, identity: Arc<Identity>) {
    let own = handle.node_id().clone();
    let look = move |node: &ondol_core::node::Node| {
        node.board().stamps().find(|(node, _)| **node == own).map(|(_, stamp)| stamp.wall_ms)
    };
    if let Ok(Some(last)) = handle.read(look).await {
        identity.raise_floor(UtcMs(last));
    }
    let mut commits = handle.commits();
    while commits.changed().await.is_ok() {
        identity.raise_floor(handle.now().utc);
    }
}

fn peers_of(config: &Config) -> Vec<PeerAddress> {
    config
        .peers
        .iter()
        .filter_map(|peer| {
            let shared = config.districts.iter().filter(|district| match config.node.role {
                RoleName::Central | RoleName::Standalone => district.edge.as_ref() == Some(&peer.id),
                RoleName::Edge => config.node.central.as_ref() == Some(&peer.id),
            });
            let districts: Vec<_> = shared.map(|district| district.id.clone()).collect();
            let url = peer.url.trim_end_matches('/').to_owned();
            (!districts.is_empty()).then(|| PeerAddress { id: peer.id.clone(), url, districts })
        })
        .collect()
}

/// The edges to which this one lends; they have no district in common.
fn neighbours_of(config: &Config) -> impl Iterator<Item = PeerAddress> {
    config.lending_neighbours().map(|neighbour| PeerAddress {
        id: neighbour.id.clone(),
        url: neighbour.url.trim_end_matches('/').to_owned(),
        districts: Vec::new(),
    })
}

/// Wall time for `sim_ms` of simulated time, at least `floor`: a fast clock does not make the network faster.
fn wall(sim_ms: u32, speed: f64, floor: Duration) -> Duration {
    Duration::from_secs_f64(f64::from(sim_ms) / 1_000.0 / speed).max(floor)
}

#[cfg(test)]
mod tests;
