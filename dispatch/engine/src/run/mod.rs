//! The loop: one task that owns the core.
//!
//! ```text
//! doors, peers ──(bounded queue)──▶ take all, up to 512 entries ▶ Node::handle ▶ collect ▶ commit ▶ carry out; then page by page
//!                                       ▲                                   │
//!                                       └────────── Input::Committed ◀──────┘
//! ```
//!
//! What is asked while a commit is under way is handled meanwhile and goes into the next one, so group commit needs no
//! window of its own, and node and database do not wait for one another. Pages and what the node does by its own clock
//! wait. Nothing that an entry causes leaves before the entry is durable: replies, offers, renewals and reads are all
//! held. While the store is broken the batch is kept and tried again, and new requests are refused as unavailable.

mod commit;
mod devices;
mod handle;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ondol_core::command::{Answer, Command, LoanCall, Refusal, Relay, Renewal};
use ondol_core::face::{Input, Output, RequestId};
use ondol_core::fact::Fact;
use ondol_core::ids::NodeId;
use ondol_core::journal::{Entry, Heads, Series};
use ondol_core::node::{Node, Poison};
use ondol_core::shell::Tray;
use ondol_core::travel::TravelTimes;
use ondol_core::units::{Now, Ticks};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::clock::SharedClock;
use crate::config::Config;
use crate::store::{Batch, KeyCursor, Rows, Store, StoreError};
use crate::vault::{SubjectKey, Vault};
use commit::Touched;
use handle::Shared;

pub use commit::TAKE_BACK_MS;
pub use devices::DEVICE_QUEUE_MAX;
pub use handle::{Handle, RequestError, Unavailable};

/// Most messages that wait for the loop; more are refused.
pub const QUEUE_MAX: usize = 4_096;
/// Entries from which on a batch is committed before more messages are taken; so many of these are taken at a time.
pub const BATCH_MAX: usize = 512;
/// Messages that are handled between two looks whether a commit has come through.
const MEANWHILE_MAX: usize = 8;
/// After so long no more messages are taken before the commit: looks at long lists take milliseconds each.
const TAKE_WITHIN: Duration = Duration::from_millis(20);
/// Most calls that wait for the peer link; they repeat, so more are dropped.
const CALLS_MAX: usize = 256;
/// Changes that a slow watcher may fall behind before it has to read everything again.
const CHANGES_MAX: usize = 4_096;
/// Simulated time between two proofs that the store still writes, while there is nothing to commit.
const HEARTBEAT_MS: u64 = 2_000;
/// Entries between two snapshots, at least and at most: as many as the last one holds. A snapshot costs more the more
/// it holds, and a start reads the entries after it, a hundred thousand in a few seconds.
const SNAPSHOT_EVERY: (u64, u64) = (20_000, 100_000);

/// What a loop is started with.
pub struct Setup {
    /// The node's configuration.
    pub config: Config,
    /// Its clock.
    pub clock: SharedClock,
    /// Its store.
    pub store: Store,
    /// Its vault, still empty: the loop fills it from the store.
    pub vault: Vault,
    /// Travel times by road.
    pub travel: Arc<dyn TravelTimes + Send + Sync>,
}

/// A loop that runs.
pub struct Running {
    /// What everything else holds of it.
    pub handle: Handle,
    /// Calls for the peer link to carry, with the node each is for.
    pub calls: mpsc::Receiver<(NodeId, PeerCall)>,
    /// Ends when the loop does: after [`Handle::shut_down`], or with the failure that stopped it.
    pub task: JoinHandle<Result<(), StoreError>>,
}

/// What the core says to another node.
#[derive(Debug)]
pub enum PeerCall {
    /// Central renews the lease of an edge.
    Renew(Renewal),
    /// An edge tells central which free drivers it hears.
    Relay(Relay),
    /// An edge speaks with a neighbour about loans.
    Neighbour(LoanCall),
}

/// Why a loop did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads the journal and starts the loop in a new life.
///
/// # Errors
///
/// [`StartError`] if the store cannot be read or written, or its journal is damaged.
pub async fn start(setup: Setup) -> Result<Running, StartError> {
    let Setup { config, clock, store, vault, travel } = setup;
    let loaded = store.load().await?;
    let known = loaded.board.last_incarnation(&config.node.id);
    let incarnation = store.next_life(&config.node.id, known, clock.now().utc).await?;
    vault.learn(&loaded.keys);
    let core = config.core(incarnation, vault.pin_key().clone());
    let (id, role) = (core.id.clone(), core.role.clone());
    tracing::info!(node = %id, incarnation, entries = loaded.entries, "the journal is read");
    // After an update, or if somebody deleted them, the rows for SQL are written anew with the first commit.
    let rows =
        if store.projection_is_empty().await? { Rows::of_board(&loaded.board) } else { Rows::default() };
    let node = Node::new(core, loaded.board, travel, clock.now());

    let (inbox_sender, inbox) = mpsc::channel(QUEUE_MAX);
    let (calls_sender, calls) = mpsc::channel(CALLS_MAX);
    let shared = Arc::new(Shared::new(id, role, incarnation, inbox_sender, clock, store, vault, CHANGES_MAX));
    let engine = Loop {
        node,
        shared: Arc::clone(&shared),
        inbox,
        messages: Vec::with_capacity(BATCH_MAX),
        pages: VecDeque::new(),
        calls: calls_sender,
        pending: HashMap::new(),
        next_request: 0,
        batch: Batch { rows, ..Batch::default() },
        touched: Touched::default(),
        tray: Tray::default(),
        proved_at: None,
        entries: loaded.entries,
        since_snapshot: loaded.entries_since_snapshot as u64,
        snapshot: None,
        stopping: false,
    };
    let task = tokio::spawn(engine.run());
    Ok(Running { handle: Handle::new(shared), calls, task })
}

/// What the loop is sent.
enum Message {
    Request {
        command: Box<Command>,
        /// Keys of those whose sealed text the command brings, to be stored with what it causes.
        keys: Vec<SubjectKey>,
        reply: oneshot::Sender<Result<Answer, Refusal>>,
    },
    Read(ReadFn),
    Page(Box<(PulledPage, oneshot::Sender<()>)>),
    Flush(oneshot::Sender<()>),
    Stop,
}

/// A page that a peer sent, without what was left out of it.
pub(crate) struct PulledPage {
    pub(crate) from: NodeId,
    pub(crate) entries: Vec<Entry>,
    pub(crate) heads: Heads,
    /// When the peer was asked.
    pub(crate) asked_at: Ticks,
    /// Series of which the next entry was not let through.
    pub(crate) left_out: Vec<(Series, Poison)>,
    pub(crate) keys: Vec<SubjectKey>,
    /// If it has moved.
    pub(crate) key_cursor: Option<KeyCursor>,
}

impl PulledPage {
    /// A page with entries alone, of which nothing was left out.
    #[cfg(test)]
    pub(crate) fn of(from: NodeId, entries: Vec<Entry>, heads: Heads, asked_at: Ticks) -> Self {
        Self { from, entries, heads, asked_at, left_out: Vec::new(), keys: Vec::new(), key_cursor: None }
    }
}

/// Looks at the node; what it returns is called once everything it may have seen is durable.
type ReadFn = Box<dyn FnOnce(&Node, Now) -> Deliver + Send>;
type Deliver = Box<dyn FnOnce() + Send>;

/// What is done after the commit. One batch has few, and they live for a moment.
#[allow(clippy::large_enum_variant)]
enum Effect {
    Output(Output),
    Deliver(Deliver),
}

impl From<Output> for Effect {
    fn from(output: Output) -> Self {
        Self::Output(output)
    }
}

struct Loop {
    node: Node,
    shared: Arc<Shared>,
    inbox: mpsc::Receiver<Message>,
    /// Taken from the inbox, to be handled at once.
    messages: Vec<Message>,
    /// Pages that wait; one of each peer at most, for a puller waits until its page is durable.
    pages: VecDeque<Message>,
    calls: mpsc::Sender<(NodeId, PeerCall)>,
    pending: HashMap<RequestId, oneshot::Sender<Result<Answer, Refusal>>>,
    next_request: RequestId,
    /// What the node wants done: sorted into what must be durable first and what waits for that.
    tray: Tray<Effect>,
    /// What goes to the store next.
    batch: Batch,
    touched: Touched,
    /// When the store last proved that it writes.
    proved_at: Option<Ticks>,
    /// Entries in the journal, and those of them that no snapshot holds.
    entries: u64,
    since_snapshot: u64,
    snapshot: Option<JoinHandle<()>>,
    stopping: bool,
}

impl Loop {
    async fn run(mut self) -> Result<(), StoreError> {
        while !self.stopping || self.tray.is_held() {
            let wake_at = self.node.poll_timeout().min(self.prove_due_at());
            let clock = Arc::clone(&self.shared.clock);
            tokio::select! {
                biased;
                () = std::future::ready(()), if self.stopping => {}
                taken = self.inbox.recv_many(&mut self.messages, BATCH_MAX) => self.stopping |= taken == 0,
                () = std::future::ready(()), if !self.pages.is_empty() || self.tray.is_held() => {}
                () = clock.sleep_until(wake_at) => {}
            }
            self.note_queue();
            self.take_all();
            let now = self.shared.clock.now();
            if now.ticks >= self.node.poll_timeout() {
                self.node.handle_timeout(now);
                self.collect();
            }
            self.settle().await?;
            if let Some(page) = self.pages.pop_front() {
                self.take(page, self.shared.clock.now());
                self.settle().await?;
            }
        }
        self.inbox.close();
        if let Err(error) = self.shared.store.rest().await {
            tracing::warn!(%error, "the store was not told that the node has stopped");
        }
        Ok(())
    }

    /// Handles what was taken from the queue and what waits behind it, until there are entries enough for a commit. Most
    /// messages write nothing: who only looks, or says where a taxi is, waits for this commit and not for one more.
    fn take_all(&mut self) {
        let mut taken = 0;
        let begun = Instant::now();
        while !self.messages.is_empty() {
            taken += self.messages.len();
            self.take_taken();
            let is_full = self.is_full() || taken >= QUEUE_MAX || begun.elapsed() >= TAKE_WITHIN;
            while !is_full && self.messages.len() < BATCH_MAX {
                let Ok(message) = self.inbox.try_recv() else { break };
                self.messages.push(message);
            }
        }
    }

    /// Handles what was taken from the queue, but for pages: what somebody waits for goes before what peers tell, and waits
    /// for one page to be stored at most.
    fn take_taken(&mut self) {
        let now = self.shared.clock.now();
        let mut messages = std::mem::take(&mut self.messages);
        for message in messages.drain(..) {
            match message {
                Message::Page(_) => self.pages.push_back(message),
                other => self.take(other, now),
            }
        }
        self.messages = messages;
    }

    /// True if there are entries enough for a commit.
    fn is_full(&self) -> bool {
        self.tray.durable().entries.len() >= BATCH_MAX
    }

    fn take(&mut self, message: Message, now: Now) {
        match message {
            Message::Request { command, keys, reply } => {
                self.next_request += 1;
                self.pending.insert(self.next_request, reply);
                self.node.handle(Input::Command { request: self.next_request, command }, now);
                if !keys.is_empty() {
                    self.learn_of_borrowed(keys);
                }
            }
            Message::Read(look) => {
                let deliver = look(&self.node, now);
                self.tray.put_effect(Effect::Deliver(deliver));
            }
            Message::Page(pulled) => {
                let (page, done) = *pulled;
                let PulledPage { from, entries, heads, asked_at, left_out, keys, key_cursor } = page;
                self.learn(keys);
                self.batch.key_cursors.extend(key_cursor.map(|cursor| (from.clone(), cursor)));
                self.node.handle(Input::Page { from, entries, heads, asked_at }, now);
                for (series, why) in left_out {
                    self.node.handle(Input::LeftOut { series, why }, now);
                }
                self.when_durable(done);
            }
            Message::Flush(done) => {
                // What it is about is in the vault, and no commit that is under way has it.
                self.tray.hold();
                self.when_durable(done);
            }
            Message::Stop => self.stopping = true,
        }
        self.collect();
    }

    /// Of the keys that a neighbour has sent those are taken in whose text has just been borrowed: no others.
    fn learn_of_borrowed(&mut self, mut keys: Vec<SubjectKey>) {
        let mut borrowed = BTreeSet::new();
        while let Some(output) = self.poll() {
            if let Output::Append(entry) = &output
                && let Ok(Some(Fact::BookingBorrowed { request, .. })) = Fact::read(entry)
            {
                borrowed.extend(request.personal.map(|sealed| sealed.subject));
            }
            self.tray.put(output);
        }
        keys.retain(|key| borrowed.contains(&key.subject));
        if !keys.is_empty() {
            self.learn(keys);
        }
    }

    /// Takes in keys that another node has sent; nothing leaves before they are durable.
    fn learn(&mut self, keys: Vec<SubjectKey>) {
        self.shared.vault.learn(&keys);
        self.batch.keys.extend(keys);
        self.tray.hold();
    }

    /// Whoever handed in something may have stopped waiting for it to be durable.
    fn when_durable(&mut self, done: oneshot::Sender<()>) {
        self.tray.put_effect(Effect::Deliver(Box::new(move || {
            let _waiting = done.send(());
        })));
    }

    fn collect(&mut self) {
        while let Some(output) = self.poll() {
            self.tray.put(output);
        }
    }

    fn poll(&mut self) -> Option<Output> {
        let output = self.node.poll_output()?;
        if let Output::Append(entry) = &output {
            self.touched.note(entry);
        }
        Some(output)
    }

    /// Commits and carries out, until nothing is left to do at this moment or more has come meanwhile.
    async fn settle(&mut self) -> Result<(), StoreError> {
        loop {
            self.batch.keys.extend(self.shared.vault.take_new_keys());
            let durable = self.tray.take_durable();
            self.batch.entries.extend(durable.entries);
            self.batch.notices.extend(durable.notices);
            let now = self.shared.clock.now();
            let prove = now.ticks >= self.prove_due_at();
            if self.batch.is_empty() && !prove {
                self.tray.committed();
                self.carry_out();
                return Ok(());
            }
            self.commit(now).await?;
            let now = self.shared.clock.now();
            self.proved_at = Some(now.ticks);
            self.tray.committed();
            self.carry_out();
            self.node.handle(Input::Committed, now);
            self.collect();
            self.snapshot_if_due();
            if self.tray.is_held() {
                return Ok(());
            }
        }
    }

    fn prove_due_at(&self) -> Ticks {
        self.proved_at.map_or(Ticks(0), |at| at.plus_ms(HEARTBEAT_MS))
    }

    fn carry_out(&mut self) {
        for effect in self.tray.leave() {
            match effect {
                Effect::Deliver(deliver) => deliver(),
                Effect::Output(Output::Reply { request, result }) => {
                    if let Some(reply) = self.pending.remove(&request) {
                        // The caller may have given up waiting: then nobody is told, and nothing is lost.
                        let _gone = reply.send(*result);
                    }
                }
                Effect::Output(Output::ToDevice { device, message }) => {
                    self.shared.devices.send(device, message);
                }
                Effect::Output(Output::Renew { to, renewal }) => {
                    self.call(to, PeerCall::Renew(renewal));
                }
                Effect::Output(Output::Changed(change)) => {
                    // Nobody may be watching.
                    let _watchers = self.shared.changes.send(change);
                }
                Effect::Output(Output::Relay { to, relay }) => self.call(to, PeerCall::Relay(relay)),
                Effect::Output(Output::CallNeighbour { to, call }) => {
                    self.call(to, PeerCall::Neighbour(call));
                }
                Effect::Output(Output::Append(_) | Output::Notify(_)) => {
                    unreachable!("the tray keeps these for the store")
                }
            }
        }
    }

    /// Hands a call to the peer link; calls repeat, so one that finds no room is left out.
    fn call(&self, to: NodeId, call: PeerCall) {
        if self.calls.try_send((to, call)).is_err() {
            metrics::counter!("ondol_peer_calls_dropped_total").increment(1);
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn note_queue(&self) {
        metrics::gauge!("ondol_queue_depth").set(self.inbox.len() as f64);
    }
}
