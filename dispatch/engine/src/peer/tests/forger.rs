//! A server in the edge's place that answers what it likes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use ondol_core::journal::{Entry, Heads, Series};
use tokio::net::TcpListener;

use super::sites::{EDGE_KEY, Pair};
use crate::identity::SigningKey;
use crate::peer::wire::{PullAnswer, PullRequest, signed_bytes};
use crate::store::KeyCursor;
use crate::vault::SubjectKey;

/// How the forger answers.
pub(super) struct Forger {
    pub(super) name: &'static str,
    key: Option<[u8; 32]>,
    fixed_nonce: Option<&'static str>,
    keys: Vec<SubjectKey>,
    /// Most entries in an answer.
    page: usize,
}

pub(super) struct Served {
    calls: AtomicU64,
    /// The cursors of every call.
    asked: Mutex<Vec<Heads>>,
    /// It has nothing to tell yet.
    silent: AtomicBool,
    forger: Forger,
    entries: Vec<Entry>,
}

impl Forger {
    pub(super) fn unsigned() -> Self {
        Self { name: "unsigned", key: None, fixed_nonce: None, keys: Vec::new(), page: usize::MAX }
    }

    pub(super) fn signed_by_a_stranger() -> Self {
        Self {
            name: "signed by a stranger",
            key: Some([66; 32]),
            fixed_nonce: None,
            keys: Vec::new(),
            page: usize::MAX,
        }
    }

    pub(super) fn answering_an_old_call() -> Self {
        Self {
            name: "an old answer",
            key: Some(EDGE_KEY),
            fixed_nonce: Some("0123456789abcdef"),
            keys: Vec::new(),
            page: usize::MAX,
        }
    }

    /// Signs rightly; what it sends may be wrong.
    pub(super) fn honest() -> Self {
        Self { name: "honest", key: Some(EDGE_KEY), fixed_nonce: None, keys: Vec::new(), page: usize::MAX }
    }

    pub(super) fn with_keys(self, keys: Vec<SubjectKey>) -> Self {
        Self { keys, ..self }
    }

    pub(super) fn in_pages_of(self, page: usize) -> Self {
        Self { page, ..self }
    }

    pub(super) async fn serve(self, pair: &Pair, entries: Vec<Entry>) -> Arc<Served> {
        let (calls, asked, silent) = (AtomicU64::new(0), Mutex::default(), AtomicBool::new(false));
        let served = Arc::new(Served { calls, asked, silent, forger: self, entries });
        let router = Router::new().route("/sync/v1/pull", post(answer)).with_state(Arc::clone(&served));
        let listener = TcpListener::bind(("127.0.0.1", pair.edge.port())).await.unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        served
    }
}

impl Served {
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Behind which entry of the series it was asked last.
    pub(super) fn asked_after(&self, series: &Series) -> u64 {
        self.all_asked_after(series).last().copied().unwrap_or(0)
    }

    /// Behind which entries of the series it was asked, call by call.
    pub(super) fn all_asked_after(&self, series: &Series) -> Vec<u64> {
        self.asked.lock().unwrap().iter().map(|cursors| cursors.of(series).seq).collect()
    }

    /// Tells nothing, or again what it has to tell.
    pub(super) fn be_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }
}

async fn answer(State(served): State<Arc<Served>>, headers: HeaderMap, body: Bytes) -> Response {
    served.calls.fetch_add(1, Ordering::Relaxed);
    let request: PullRequest = serde_json::from_slice(&body).unwrap();
    let wanted = |entry: &&Entry| entry.seq > request.cursors.of(&entry.series).seq;
    let mut entries: Vec<_> = served.entries.iter().filter(wanted).cloned().collect();
    if served.silent.load(Ordering::SeqCst) {
        entries.clear();
    }
    let more = entries.len() > served.forger.page;
    entries.truncate(served.forger.page);
    served.asked.lock().unwrap().push(request.cursors);
    let answer = PullAnswer {
        entries,
        heads: Heads::default(),
        keys: served.forger.keys.clone(),
        key_cursor: KeyCursor::default(),
        more,
    };
    let body = serde_json::to_vec(&answer).unwrap();
    let Some(key) = served.forger.key else { return body.into_response() };
    let nonce = served.forger.fixed_nonce.unwrap_or_else(|| headers["x-ondol-nonce"].to_str().unwrap());
    let bytes = signed_bytes(&"central".parse().unwrap(), nonce, &body);
    let signature = {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(SigningKey::from_seed(&key).sign(&bytes))
    };
    ([("x-ondol-signature", signature)], body).into_response()
}
