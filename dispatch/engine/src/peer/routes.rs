//! What this node answers its peers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRef, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use ondol_core::command::{Answer, Command, Relay, Renewal};
use ondol_core::face::Role;
use ondol_core::ids::{DistrictId, NodeId};
use serde::Serialize;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use super::loans::{self, LoanPost};
use super::subjects::cut_to_subjects;
use super::wire::{
    CALL_MAX, NONCE_HEADER, NONCE_MAX, PullAnswer, PullRequest, SIGNATURE_HEADER, signed_bytes,
};
use crate::http::{Problem, StrictJson, strict_json};
use crate::identity::{EnrolAnswer, EnrolRefusal, EnrolRequest, Identity, Peer, PeerNode, Standing};
use crate::run::Handle;
use crate::store::{KeyCursor, PAGE_BYTES_MAX, StoreError};

/// Longest wait of a long poll.
const WAIT_MAX: Duration = Duration::from_secs(20);
/// Most tombstones in an answer.
const TOMBSTONES_MAX: usize = 1_000;
/// Longest list of districts in a call.
const DISTRICTS_MAX: usize = 64;

#[derive(Clone)]
struct PeerState {
    handle: Handle,
    identity: Arc<Identity>,
}

impl FromRef<PeerState> for Arc<Identity> {
    fn from_ref(state: &PeerState) -> Self {
        Self::clone(&state.identity)
    }
}

/// The routes for peers: `/sync/v1/pull`, `/sync/v1/lease`, `/sync/v1/drivers`, `/sync/v1/loans`, `/sync/v1/enrol`.
pub fn peer_router(handle: Handle, identity: Arc<Identity>) -> Router {
    Router::new()
        .route("/sync/v1/pull", post(pull))
        .route("/sync/v1/lease", post(lease))
        .route("/sync/v1/drivers", post(drivers))
        .route("/sync/v1/loans", post(loans))
        .route("/sync/v1/enrol", post(enrol))
        .layer(DefaultBodyLimit::max(CALL_MAX))
        // A page is waited for, and packed harder it is hardly smaller: half of it are hashes and sealed text.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .with_state(PeerState { handle, identity })
}

async fn pull(
    State(state): State<PeerState>,
    Peer(peer): Peer,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let nonce = nonce_of(&headers)?;
    let request: PullRequest = strict_json(&body)?;
    if request.districts.len() > DISTRICTS_MAX || !may_ask(&peer, &request.districts) {
        return Err(Problem::forbidden());
    }
    let answer = answer_pull(&state.handle, request).await.map_err(|error| unreadable(&error))?;
    signed(&state.identity, &peer.node, nonce, &answer)
}

/// Waits until there is something that the caller lacks, or its patience ends.
async fn answer_pull(handle: &Handle, request: PullRequest) -> Result<PullAnswer, StoreError> {
    let store = handle.store();
    let mut commits = handle.commits();
    let patience = tokio::time::sleep(Duration::from_millis(request.wait_ms).min(WAIT_MAX));
    tokio::pin!(patience);
    let after =
        if request.keys_after.incarnation == handle.incarnation() { request.keys_after.seq } else { 0 };
    loop {
        commits.borrow_and_update();
        // Central alone erases: an edge has no tombstones of its own to tell.
        let (tombstones, last) = match handle.role() {
            Role::Central => store.tombstones_after(after, TOMBSTONES_MAX).await?,
            Role::Edge { .. } => (Vec::new(), after),
        };
        let mut page =
            store.read_after(&request.cursors, &request.districts, request.limit, PAGE_BYTES_MAX).await?;
        let nothing_new = tombstones.is_empty() && page.entries.is_empty();
        if nothing_new {
            tokio::select! {
                changed = commits.changed() => if changed.is_ok() { continue },
                () = &mut patience => {}
            }
        }
        let subjects = cut_to_subjects(&mut page.entries);
        let more = page.more || subjects.cut || tombstones.len() == TOMBSTONES_MAX;
        let mut keys = store.keys_of(&subjects.named).await?;
        keys.extend(tombstones);
        let key_cursor = KeyCursor { incarnation: handle.incarnation(), seq: last };
        return Ok(PullAnswer { entries: page.entries, heads: page.heads, keys, key_cursor, more });
    }
}

async fn lease(
    State(state): State<PeerState>,
    Peer(peer): Peer,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let nonce = nonce_of(&headers)?;
    let Standing::Central = peer.standing else { return Err(Problem::forbidden()) };
    let renewal: Renewal = strict_json(&body)?;
    match state.handle.request(Command::Renew(renewal)).await? {
        Answer::Renewal(answer) => signed(&state.identity, &peer.node, nonce, &answer),
        other => Err(Problem::internal(&format_args!("a renewal was answered with {other:?}"))),
    }
}

/// An edge says which free drivers it hears in its own district.
async fn drivers(
    State(state): State<PeerState>,
    Peer(peer): Peer,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let nonce = nonce_of(&headers)?;
    let relay: Relay = strict_json(&body)?;
    if !matches!(&peer.standing, Standing::Edge(district) if *district == relay.district) {
        return Err(Problem::forbidden());
    }
    match state.handle.request(Command::Relay(relay)).await? {
        Answer::Done => signed(&state.identity, &peer.node, nonce, &()),
        other => Err(Problem::internal(&format_args!("an edge was answered with {other:?}"))),
    }
}

/// A neighbour says what it lends. Whether it is one, the core knows.
async fn loans(
    State(state): State<PeerState>,
    Peer(peer): Peer,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let nonce = nonce_of(&headers)?;
    let LoanPost { call, keys } = strict_json(&body)?;
    let is_itself = matches!(&peer.standing, Standing::Edge(district) if *district == call.district);
    if call.from != peer.node || !is_itself {
        return Err(Problem::forbidden());
    }
    let keys = loans::keys_that_fit(&call.lent, keys).map_err(|refusal| {
        tracing::error!(peer = %peer.node, %refusal, "a neighbour sends what may not be taken in");
        Problem::forbidden()
    })?;
    match state.handle.request_with_keys(Command::Borrow(call), keys).await? {
        Answer::Loans(answer) => {
            let reply = loans::reply(&state.handle, answer).await.map_err(|error| unreadable(&error))?;
            signed(&state.identity, &peer.node, nonce, &reply)
        }
        other => Err(Problem::internal(&format_args!("a neighbour was answered with {other:?}"))),
    }
}

async fn enrol(
    State(state): State<PeerState>,
    StrictJson(request): StrictJson<EnrolRequest>,
) -> Result<axum::Json<EnrolAnswer>, Problem> {
    let refused = |status, code, error: EnrolRefusal| Problem::new(status, code, error.to_string());
    state.identity.enrol(&request).await.map(axum::Json).map_err(|error| match error {
        EnrolRefusal::OtherNode => refused(StatusCode::MISDIRECTED_REQUEST, "other_node", error),
        EnrolRefusal::Token(_) => refused(StatusCode::UNAUTHORIZED, "enrolment_token_invalid", error),
        EnrolRefusal::Signature => refused(StatusCode::UNAUTHORIZED, "signature_invalid", error),
        EnrolRefusal::Used => refused(StatusCode::CONFLICT, "enrolment_token_used", error),
        EnrolRefusal::Store(error) => {
            tracing::error!(%error, "the identity store does not answer");
            Problem::unavailable()
        }
    })
}

/// Central may ask about everything; an edge about its own district.
fn may_ask(peer: &PeerNode, districts: &[DistrictId]) -> bool {
    match &peer.standing {
        Standing::Central => true,
        Standing::Edge(own) => districts.iter().all(|district| district == own),
    }
}

fn nonce_of(headers: &HeaderMap) -> Result<&str, Problem> {
    headers
        .get(NONCE_HEADER)
        .and_then(|value| value.to_str().ok())
        .filter(|nonce| (16..=NONCE_MAX).contains(&nonce.len()))
        .ok_or_else(|| Problem::invalid("name the call in x-ondol-nonce, 16 to 64 characters"))
}

fn signed<T: Serialize>(
    identity: &Identity,
    caller: &NodeId,
    nonce: &str,
    answer: &T,
) -> Result<Response, Problem> {
    let body = serde_json::to_vec(answer).map_err(|error| Problem::internal(&error))?;
    let signature = identity.sign(&signed_bytes(caller, nonce, &body));
    let signature = HeaderValue::from_str(&signature).map_err(|error| Problem::internal(&error))?;
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json), (SIGNATURE_HEADER, signature)], body).into_response())
}

fn unreadable(error: &StoreError) -> Problem {
    tracing::error!(%error, "the journal could not be read for a peer");
    Problem::unavailable()
}
