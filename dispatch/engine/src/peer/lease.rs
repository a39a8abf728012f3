//! Carries central's renewals to the edges, and their answers back.

use std::collections::BTreeMap;
use std::time::Duration;

use ondol_core::command::{Command, Renewal, RenewalAnswer};
use ondol_core::ids::NodeId;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::PeerAddress;
use super::client::{CallError, Caller};
use crate::run::RequestError;

/// Renewals that wait for one edge; they repeat, so more are dropped.
const WAITING_MAX: usize = 2;
/// A renewal may take this long: a later answer is worth little, and the next renewal is due.
const WITHIN_SIM_MS: u32 = 4_000;
const FLOOR: Duration = Duration::from_millis(250);

/// Hands each renewal to the task of its edge, so that a dead edge holds up no other.
pub(super) async fn carry_renewals(
    caller: Caller,
    peers: Vec<PeerAddress>,
    mut renewals: mpsc::Receiver<(NodeId, Renewal)>,
) {
    let mut tasks = JoinSet::new();
    let mut queues = BTreeMap::new();
    for peer in peers {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        queues.insert(peer.id.clone(), sender);
        tasks.spawn(carry_to(caller.clone(), peer, receiver));
    }
    while let Some((edge, renewal)) = renewals.recv().await {
        let Some(queue) = queues.get(&edge) else {
            tracing::debug!(%edge, "a renewal is for a node that is no peer");
            continue;
        };
        if queue.try_send(renewal).is_err() {
            metrics::counter!("ondol_renewals_dropped_total").increment(1);
        }
    }
}

async fn carry_to(caller: Caller, peer: PeerAddress, mut renewals: mpsc::Receiver<Renewal>) {
    while let Some(renewal) = renewals.recv().await {
        match renew(&caller, &peer, renewal).await {
            Ok(()) => metrics::counter!("ondol_renewals_total", "result" => "answered").increment(1),
            Err(error) => {
                tracing::debug!(peer = %peer.id, %error, "a renewal came to nothing");
                metrics::counter!("ondol_renewals_total", "result" => "failed").increment(1);
            }
        }
    }
}

async fn renew(caller: &Caller, peer: &PeerAddress, renewal: Renewal) -> Result<(), CallError> {
    let within = caller.wall(WITHIN_SIM_MS, FLOOR);
    let answer: RenewalAnswer = caller.call(peer, "/sync/v1/lease", &renewal, within).await?;
    if (&answer.district, answer.sent_at) != (&renewal.district, renewal.sent_at) {
        return Err(CallError::Unsigned);
    }
    match caller.handle.request(Command::Renewed(answer)).await {
        Ok(_) => Ok(()),
        Err(RequestError::Refused(refusal)) => {
            tracing::warn!(peer = %peer.id, %refusal, "an edge's answer to a renewal was refused");
            Ok(())
        }
        Err(RequestError::Unavailable) => Err(crate::run::Unavailable.into()),
    }
}
