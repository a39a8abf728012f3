//! Calling peers: pulls what they hold, for ever.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ondol_core::ids::NodeId;
use ondol_core::journal::{Entry, Head, Heads, Series};
use ondol_core::units::Ticks;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::check::{PageRefusal, Parties};
use super::quarantine::Quarantine;
use super::wire::{NONCE_HEADER, PAGE_MAX, PullAnswer, PullRequest, SIGNATURE_HEADER, signed_bytes};
use super::{PeerAddress, wall};
use crate::identity::Identity;
use crate::run::{Handle, PulledPage, Unavailable};
use crate::store::{KeyCursor, PAGE_ENTRIES_MAX, StoreError};
use crate::vault::{hex, random_bytes};

/// A long poll waits this long, in simulated milliseconds, so that a peer is heard at least so often.
const POLL_SIM_MS: u32 = 2_000;
/// A call may take this much longer than it waits.
const CALL_SIM_MS: u32 = 4_000;
const CALL_FLOOR: Duration = Duration::from_millis(500);
/// First and longest pause after a failure, in simulated milliseconds.
const PAUSE_SIM_MS: (u32, u32) = (100, 2_000);
const PAUSE_FLOOR: Duration = Duration::from_millis(20);

/// Makes signed calls in this node's name.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) handle: Handle,
    identity: Arc<Identity>,
    client: reqwest::Client,
}

/// Why a call came to nothing.
#[derive(Debug, Error)]
pub(super) enum CallError {
    #[error("no answer: {0}")]
    Http(#[from] reqwest::Error),
    #[error("the peer answered {0}")]
    Status(reqwest::StatusCode),
    #[error("the answer is longer than {PAGE_MAX} bytes")]
    TooLong,
    #[error("the answer is not signed by the peer")]
    Unsigned,
    #[error("the answer is not what was asked for: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error(transparent)]
    Refused(#[from] PageRefusal),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Caller {
    pub(super) fn new(handle: Handle, identity: Arc<Identity>) -> Result<Self, reqwest::Error> {
        // Peers are called where the configuration says, and nowhere that an answer or the environment points to.
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .gzip(true)
            .tcp_nodelay(true)
            .build()?;
        Ok(Self { handle, identity, client })
    }

    /// Posts `body` and returns the answer, if the peer signed it for this call.
    pub(super) async fn call<A: DeserializeOwned>(
        &self,
        peer: &PeerAddress,
        path: &str,
        body: &impl Serialize,
        within: Duration,
    ) -> Result<A, CallError> {
        let nonce = hex(&random_bytes::<16>());
        let token = self.identity.peer_token(&peer.id);
        let response = self
            .client
            .post(format!("{}{path}", peer.url))
            .timeout(within)
            .header(AUTHORIZATION, format!("Bearer {}", token.token))
            .header(CONTENT_TYPE, "application/json")
            .header(NONCE_HEADER, &nonce)
            .body(serde_json::to_vec(body)?)
            .send()
            .await?;
        if !response.status().is_success() {
            if response.status() == reqwest::StatusCode::UNAUTHORIZED {
                self.identity.peer_refused(&token);
            }
            return Err(CallError::Status(response.status()));
        }
        let signature = response
            .headers()
            .get(SIGNATURE_HEADER)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
            .ok_or(CallError::Unsigned)?;
        let bytes = bounded(response).await?;
        let signed = signed_bytes(self.handle.node_id(), &nonce, &bytes);
        if !self.identity.is_signed_by(&peer.id, &signed, &signature) {
            return Err(CallError::Unsigned);
        }
        self.identity.peer_answered(&token);
        Ok(serde_json::from_slice(&bytes)?)
    }

    pub(super) fn wall(&self, sim_ms: u32, floor: Duration) -> Duration {
        wall(sim_ms, self.handle.clock().speed(), floor)
    }

    pub(super) fn node_id(&self) -> &NodeId {
        self.handle.node_id()
    }
}

/// The unpacked body, as long as it stays within its bound: a small packed answer may hide a large one.
async fn bounded(mut response: reqwest::Response) -> Result<Vec<u8>, CallError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > PAGE_MAX {
            return Err(CallError::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Pulls from one peer until the task is dropped.
pub(super) async fn pull_for_ever(caller: Caller, peer: PeerAddress) {
    let mut puller =
        Puller { caller, peer, keys_after: None, quarantine: Quarantine::default(), ahead: None };
    let mut pause_sim_ms = PAUSE_SIM_MS.0;
    let mut failing = false;
    loop {
        let label = puller.peer.id.to_string();
        match puller.pull_once().await {
            Ok(entries) => {
                if failing {
                    tracing::info!(peer = %label, "a peer answers again");
                }
                (failing, pause_sim_ms) = (false, PAUSE_SIM_MS.0);
                metrics::counter!("ondol_peer_entries_total", "peer" => label.clone())
                    .increment(entries as u64);
                metrics::gauge!("ondol_peer_answers", "peer" => label).set(1.0);
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(peer = %label, %error, "a peer cannot be pulled from");
                }
                failing = true;
                metrics::counter!("ondol_peer_failures_total", "peer" => label.clone()).increment(1);
                metrics::gauge!("ondol_peer_answers", "peer" => label).set(0.0);
                let pause = puller.caller.wall(pause_sim_ms, PAUSE_FLOOR);
                // Between half of the pause and all of it, so that nodes do not come back together.
                let part = f64::from(u16::from_be_bytes(random_bytes())) / 65_536.0;
                tokio::time::sleep(pause.mul_f64(0.5 + part / 2.0)).await;
                pause_sim_ms = (2 * pause_sim_ms).min(PAUSE_SIM_MS.1);
            }
        }
    }
}

/// What a peer answered, and when it was asked.
struct Fetched {
    page: PullAnswer,
    asked_at: Ticks,
}

struct Puller {
    caller: Caller,
    peer: PeerAddress,
    /// Read from the store before the first pull.
    keys_after: Option<KeyCursor>,
    quarantine: Quarantine,
    /// The page behind the last one, fetched while that was taken in: one at most is held.
    ahead: Option<Result<Fetched, CallError>>,
}

impl Puller {
    /// Asks once, and returns how many entries came, once they are durable.
    async fn pull_once(&mut self) -> Result<usize, CallError> {
        let handle = self.caller.handle.clone();
        let keys_after = match self.keys_after {
            Some(cursor) => cursor,
            None => handle.store().key_cursor(&self.peer.id).await?,
        };
        let takes_back = handle.store().takes_back(handle.now().utc).await?;
        if takes_back {
            self.quarantine.take_back(handle.node_id());
        } else {
            self.quarantine.give_nothing_back();
        }
        self.let_go_of_decided().await?;
        let Fetched { mut page, asked_at } = match self.ahead.take() {
            Some(fetched) => fetched?,
            None => {
                let cursors = self.cursors();
                self.fetch(cursors, keys_after, POLL_SIM_MS).await?
            }
        };
        let held = handle.store().heads_of(&self.peer.districts);
        let parties = Parties {
            sender: &self.peer.id,
            sender_is_central: *handle.role() != ondol_core::face::Role::Central,
            receiver: self.caller.node_id(),
            incarnation: handle.incarnation(),
            held: &held,
            takes_back,
            districts: &self.peer.districts,
        };
        let refused = parties.sift(&mut page)?;
        self.report(&refused)?;
        self.warn_of_own_name(&page.entries);
        let reach = Reach::of(&page.entries);
        let (came, key_cursor) = (page.entries.len(), page.key_cursor);
        let moved = (key_cursor != keys_after).then_some(key_cursor);
        let left_out = refused.iter().filter_map(PageRefusal::poison).collect();
        let next = page.more.then(|| reach.carry(self.cursors()));
        let take_in = handle.page(PulledPage {
            from: self.peer.id.clone(),
            entries: page.entries,
            heads: page.heads,
            asked_at,
            left_out,
            keys: page.keys,
            key_cursor: moved,
        });
        let fetch = async {
            match next {
                // The peer has it: there is nothing to wait for.
                Some(cursors) => Some(self.fetch(cursors, key_cursor, 0).await),
                None => None,
            }
        };
        let (taken, ahead) = tokio::join!(take_in, fetch);
        taken?;
        self.keys_after = Some(key_cursor);
        let heads = handle.store().heads_of(&self.peer.districts);
        self.quarantine_stuck(&reach, &heads);
        // What lies behind an entry that did not go in would not either: it is asked for again from what is durable.
        self.ahead = ahead.filter(|_| reach.is_within(&heads));
        Ok(came)
    }

    /// Asks for what lies after `cursors`.
    async fn fetch(
        &self,
        cursors: Heads,
        keys_after: KeyCursor,
        wait_sim_ms: u32,
    ) -> Result<Fetched, CallError> {
        let asked_at = self.caller.handle.now().ticks;
        let wait = self.caller.wall(wait_sim_ms, Duration::ZERO);
        let request = PullRequest {
            districts: self.peer.districts.clone(),
            cursors,
            keys_after,
            limit: PAGE_ENTRIES_MAX,
            wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        };
        let within = wait + self.caller.wall(CALL_SIM_MS, CALL_FLOOR);
        let page = self.caller.call(&self.peer, "/sync/v1/pull", &request, within).await?;
        Ok(Fetched { page, asked_at })
    }

    /// Asks again for series that staff has decided upon.
    async fn let_go_of_decided(&mut self) -> Result<(), Unavailable> {
        let handle = &self.caller.handle;
        let waiting: Vec<Series> = self.quarantine.at(handle.now().ticks).cloned().collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let decided = move |node: &ondol_core::node::Node| {
            let board = node.board();
            let next = |series: Series| board.next_passed_over(&series).map(|seq| (series, seq));
            waiting.into_iter().filter_map(next).collect::<Vec<_>>()
        };
        for (series, seq) in handle.read(decided).await? {
            self.quarantine.let_go(series, seq);
        }
        Ok(())
    }

    /// Says aloud what was left out of a page; its series wait.
    fn report(&mut self, refused: &[PageRefusal]) -> Result<(), PageRefusal> {
        for refusal in refused {
            let label = self.peer.id.to_string();
            tracing::error!(peer = %label, %refusal, "a peer sends what may not be taken in; it is left out");
            match refusal.series() {
                Some(series) => self.quarantine(series.clone()),
                None => metrics::counter!("ondol_peer_keys_refused_total", "peer" => label).increment(1),
            }
        }
        // Cursors are sent with each call: a peer that makes up series must not fill it.
        if self.quarantine.is_overfull() { Err(PageRefusal::TooMany) } else { Ok(()) }
    }

    fn quarantine(&mut self, series: Series) {
        metrics::counter!("ondol_series_quarantined_total", "peer" => self.peer.id.to_string()).increment(1);
        self.quarantine.put(series, self.caller.handle.now().ticks);
    }

    /// What is durable here, and nothing of what is in quarantine.
    fn cursors(&mut self) -> Heads {
        let now = self.caller.handle.now().ticks;
        let mut cursors = self.caller.handle.store().heads_of(&self.peer.districts);
        for series in self.quarantine.at(now) {
            cursors.0.insert(series.clone(), Head { seq: u64::MAX, ..Head::default() });
        }
        cursors
    }

    /// A series whose first entry in the page did not go in holds up nothing but itself.
    fn quarantine_stuck(&mut self, reach: &Reach, heads: &Heads) {
        for (series, (first, _)) in &reach.0 {
            if heads.of(series).seq < *first {
                tracing::error!(peer = %self.peer.id, %series, seq = first, "an entry does not go in; its series waits");
                self.quarantine(series.clone());
            }
        }
    }

    /// Entries of this node's present life that it has not written: somebody else runs under its name.
    ///
    /// A long poll brings this node's own entries back, because the cursors are of its beginning; those are held here.
    fn warn_of_own_name(&self, entries: &[Entry]) {
        let handle = &self.caller.handle;
        let held = handle.store().heads_of(&self.peer.districts);
        let foreign = entries.iter().any(|entry| {
            entry.series.origin == *handle.node_id()
                && entry.series.incarnation >= handle.incarnation()
                && entry.seq > held.of(&entry.series).seq
        });
        if foreign {
            tracing::error!(peer = %self.peer.id, "a peer holds entries of this node's life that this node never wrote");
            metrics::counter!("ondol_own_name_used_total").increment(1);
        }
    }
}

/// How far a page reaches in each series: the number of its first entry, and its last one.
struct Reach(BTreeMap<Series, (u64, Head)>);

impl Reach {
    fn of(entries: &[Entry]) -> Self {
        let mut reach: BTreeMap<Series, (u64, Head)> = BTreeMap::new();
        for entry in entries {
            let (_, last) = reach.entry(entry.series.clone()).or_insert_with(|| (entry.seq, Head::default()));
            *last = entry.as_head();
        }
        Self(reach)
    }

    /// Where `cursors` stand once all of the page has gone in.
    fn carry(&self, mut cursors: Heads) -> Heads {
        for (series, (_, last)) in &self.0 {
            let cursor = cursors.0.entry(series.clone()).or_default();
            if cursor.seq < last.seq {
                *cursor = *last;
            }
        }
        cursors
    }

    /// True if all of the page has gone in, as `heads` of what is durable say.
    fn is_within(&self, heads: &Heads) -> bool {
        self.0.iter().all(|(series, (_, last))| heads.of(series).seq >= last.seq)
    }
}
