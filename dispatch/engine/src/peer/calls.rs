//! Carries what the core says to another node, and the answer back: central's renewals to its edges, what an edge tells
//! central of drivers, and what edges say to one another about loans.

use std::collections::BTreeMap;
use std::time::Duration;

use ondol_core::command::{Command, LoanCall, Relay, Renewal, RenewalAnswer};
use ondol_core::ids::NodeId;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::PeerAddress;
use super::client::{CallError, Caller};
use super::loans::{self, LoanReply};
use crate::run::{PeerCall, RequestError};

/// Calls that wait for one node; they repeat, so more are dropped.
const WAITING_MAX: usize = 2;
/// A call may take this long: a later answer is worth little, and the next call is due.
const WITHIN_SIM_MS: u32 = 4_000;
const FLOOR: Duration = Duration::from_millis(250);

/// Hands each call to the task of its node, so that a dead node holds up no other.
pub(super) async fn carry_calls(
    caller: Caller,
    peers: Vec<PeerAddress>,
    mut calls: mpsc::Receiver<(NodeId, PeerCall)>,
) {
    let mut tasks = JoinSet::new();
    let mut queues = BTreeMap::new();
    for peer in peers {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        queues.insert(peer.id.clone(), sender);
        tasks.spawn(carry_to(caller.clone(), peer, receiver));
    }
    while let Some((node, call)) = calls.recv().await {
        let Some(queue) = queues.get(&node) else {
            tracing::debug!(%node, "a call is for a node that is no peer");
            continue;
        };
        if queue.try_send(call).is_err() {
            metrics::counter!("ondol_peer_calls_dropped_total").increment(1);
        }
    }
}

async fn carry_to(caller: Caller, peer: PeerAddress, mut calls: mpsc::Receiver<PeerCall>) {
    while let Some(call) = calls.recv().await {
        let (about, result) = match call {
            PeerCall::Renew(renewal) => ("lease", renew(&caller, &peer, renewal).await),
            PeerCall::Relay(relay) => ("drivers", tell(&caller, &peer, relay).await),
            PeerCall::Neighbour(call) => ("loans", speak(&caller, &peer, call).await),
        };
        let result = match result {
            Ok(()) => "answered",
            Err(error) => {
                tracing::debug!(peer = %peer.id, about, %error, "a call came to nothing");
                "failed"
            }
        };
        metrics::counter!("ondol_peer_calls_total", "about" => about, "result" => result).increment(1);
    }
}

async fn renew(caller: &Caller, peer: &PeerAddress, renewal: Renewal) -> Result<(), CallError> {
    let within = caller.wall(WITHIN_SIM_MS, FLOOR);
    let answer: RenewalAnswer = caller.call(peer, "/sync/v1/lease", &renewal, within).await?;
    if (&answer.district, answer.sent_at) != (&renewal.district, renewal.sent_at) {
        return Err(CallError::Unsigned);
    }
    let taken = caller.handle.request(Command::Renewed(answer)).await;
    warn_if_refused(peer, taken.map(drop))
}

/// Nothing comes back. A central of the release before knows no such call, and plans these drivers as little as before.
async fn tell(caller: &Caller, peer: &PeerAddress, relay: Relay) -> Result<(), CallError> {
    let within = caller.wall(WITHIN_SIM_MS, FLOOR);
    caller.call(peer, "/sync/v1/drivers", &relay, within).await
}

async fn speak(caller: &Caller, peer: &PeerAddress, call: LoanCall) -> Result<(), CallError> {
    let within = caller.wall(WITHIN_SIM_MS, FLOOR);
    let post = loans::post(&caller.handle, call).await?;
    let LoanReply { answer, keys } = caller.call(peer, "/sync/v1/loans", &post, within).await?;
    let meant = (&answer.from, answer.to_incarnation) == (&peer.id, caller.handle.incarnation());
    if !meant {
        return Err(CallError::Unsigned);
    }
    let keys = loans::keys_that_fit(&answer.lent, keys)?;
    warn_if_refused(peer, caller.handle.request_with_keys(Command::Lent(answer), keys).await.map(drop))
}

fn warn_if_refused(peer: &PeerAddress, taken: Result<(), RequestError>) -> Result<(), CallError> {
    match taken {
        Ok(()) => Ok(()),
        Err(RequestError::Refused(refusal)) => {
            tracing::warn!(peer = %peer.id, %refusal, "a node's answer was refused");
            Ok(())
        }
        Err(RequestError::Unavailable) => Err(crate::run::Unavailable.into()),
    }
}
