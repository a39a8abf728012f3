//! What doors and peers hold of the loop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ondol_core::command::{Answer, Command, Refusal, ToDevice};
use ondol_core::face::{Change, Role};
use ondol_core::ids::{DeviceId, NodeId, SubjectId};
use ondol_core::node::Node;
use ondol_core::units::Now;
use thiserror::Error;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::devices::Devices;
use super::{Message, PulledPage};
use crate::clock::SharedClock;
use crate::store::Store;
use crate::vault::{SubjectKey, Vault};

/// A commit that has taken longer than this makes the node unavailable for new requests.
const PATIENCE_MS: u64 = 2_000;
/// Longest wait for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// The loop's other end. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The rules say no; nothing changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The node cannot tell now. The request may or may not have been carried out: send it again, with the same ids.
    #[error("this node cannot answer at the moment")]
    Unavailable,
}

/// The node cannot answer now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this node cannot answer at the moment")]
pub struct Unavailable;

impl From<Unavailable> for RequestError {
    fn from(_: Unavailable) -> Self {
        Self::Unavailable
    }
}

/// What the loop and its handles share.
pub(super) struct Shared {
    node_id: NodeId,
    role: Role,
    incarnation: u32,
    inbox: mpsc::Sender<Message>,
    pub(super) clock: SharedClock,
    pub(super) store: Store,
    pub(super) vault: Vault,
    pub(super) changes: broadcast::Sender<Change>,
    pub(super) devices: Devices,
    /// Counts commits; long polls wait on it.
    pub(super) commits: watch::Sender<u64>,
    /// Since when the commit at hand has been under way.
    pub(super) committing_since: Mutex<Option<Instant>>,
    patience: AtomicU64,
}

impl Shared {
    #[allow(clippy::too_many_arguments, reason = "called once, by `start`, with parts of different types")]
    pub(super) fn new(
        node_id: NodeId,
        role: Role,
        incarnation: u32,
        inbox: mpsc::Sender<Message>,
        clock: SharedClock,
        store: Store,
        vault: Vault,
        changes_max: usize,
    ) -> Self {
        Self {
            node_id,
            role,
            incarnation,
            inbox,
            clock,
            store,
            vault,
            changes: broadcast::channel(changes_max).0,
            devices: Devices::default(),
            commits: watch::Sender::new(0),
            committing_since: Mutex::new(None),
            patience: AtomicU64::new(PATIENCE_MS),
        }
    }
}

impl Handle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Asks the node for something; the answer comes once it is durable.
    ///
    /// # Errors
    ///
    /// [`RequestError::Refused`] if the rules say no; [`RequestError::Unavailable`] if the queue is full, the
    /// store has not committed for 2 s, or no answer came within 15 s.
    pub async fn request(&self, command: Command) -> Result<Answer, RequestError> {
        self.request_with_keys(command, Vec::new()).await
    }

    /// Like [`Self::request`], with the keys of those whose sealed text another node sends in `command`.
    pub(crate) async fn request_with_keys(
        &self,
        command: Command,
        keys: Vec<SubjectKey>,
    ) -> Result<Answer, RequestError> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Request { command: Box::new(command), keys, reply })?;
        Ok(wait(answer).await??)
    }

    /// Looks at the node from inside the loop. What `look` returns is handed over once everything it may have seen
    /// is durable, so that nothing is shown that a crash could take back.
    ///
    /// `look` holds up everything else: it copies what it needs and does no work of its own.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] as for [`Self::request`].
    pub async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Node) -> T + Send + 'static,
    ) -> Result<T, Unavailable> {
        self.read_at(move |node, _| look(node)).await
    }

    /// Like [`Self::read`], with the moment at which the node is looked at.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] as for [`Self::request`].
    pub async fn read_at<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Node, Now) -> T + Send + 'static,
    ) -> Result<T, Unavailable> {
        let (sender, answer) = oneshot::channel();
        self.send(Message::Read(Box::new(move |node, now| {
            let seen = look(node, now);
            Box::new(move || drop(sender.send(seen)))
        })))?;
        wait(answer).await
    }

    /// Hands in what a peer sent; returns once it is durable.
    pub(crate) async fn page(&self, page: PulledPage) -> Result<(), Unavailable> {
        let (done, answer) = oneshot::channel();
        self.send(Message::Page(Box::new((page, done))))?;
        wait(answer).await
    }

    /// Deletes a person's keys, here and, as peers pull, everywhere; returns once that is durable here.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] as for [`Self::request`]; the keys are then gone from memory, and stay until the next
    /// commit in the store.
    pub async fn erase(&self, subject: SubjectId) -> Result<(), Unavailable> {
        self.shared.vault.erase(subject, self.now().utc);
        let (done, answer) = oneshot::channel();
        self.send(Message::Flush(done))?;
        wait(answer).await
    }

    /// Follows changes; a receiver that lags reads everything again.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.shared.changes.subscribe()
    }

    /// Follows commits: the value rises with each. Long polls wait on it.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.shared.commits.subscribe()
    }

    /// Opens the queue of messages to a device; an older connection of the same device ends. Messages are
    /// dropped when [`super::DEVICE_QUEUE_MAX`] wait: the next beat's answer repeats what is open.
    #[must_use]
    pub fn device(&self, device: DeviceId) -> mpsc::Receiver<ToDevice> {
        self.shared.devices.register(device)
    }

    /// Devices connected here.
    #[must_use]
    pub fn connected_devices(&self) -> usize {
        self.shared.devices.connected()
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Now {
        self.shared.clock.now()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &SharedClock {
        &self.shared.clock
    }

    /// The store, for questions about the past.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// The vault.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.shared.vault
    }

    /// The node's name.
    #[must_use]
    pub fn node_id(&self) -> &NodeId {
        &self.shared.node_id
    }

    /// What the node is.
    #[must_use]
    pub fn role(&self) -> &Role {
        &self.shared.role
    }

    /// Which life of the node this is.
    #[must_use]
    pub fn incarnation(&self) -> u32 {
        self.shared.incarnation
    }

    /// True if requests are taken: the loop runs and the store commits.
    #[must_use]
    pub fn is_available(&self) -> bool {
        let since = *self.shared.committing_since.lock().unwrap_or_else(PoisonError::into_inner);
        let patience = Duration::from_millis(self.shared.patience.load(Ordering::Relaxed));
        since.is_none_or(|since| since.elapsed() <= patience) && !self.shared.inbox.is_closed()
    }

    /// Lets a test see at once, or never, that a commit takes long.
    #[cfg(test)]
    pub(crate) fn set_patience(&self, patience: Duration) {
        let ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        self.shared.patience.store(ms, Ordering::Relaxed);
    }

    /// Messages that the loop has not taken yet.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.shared.inbox.max_capacity() - self.shared.inbox.capacity()
    }

    /// Ends the loop after everything that was sent before.
    pub async fn shut_down(&self) {
        // A closed queue means that the loop has ended already.
        let _ended = self.shared.inbox.send(Message::Stop).await;
        self.shared.inbox.closed().await;
    }

    fn send(&self, message: Message) -> Result<(), Unavailable> {
        if !self.is_available() {
            metrics::counter!("ondol_requests_unavailable_total").increment(1);
            return Err(Unavailable);
        }
        self.shared.inbox.try_send(message).map_err(|_| {
            metrics::counter!("ondol_requests_unavailable_total").increment(1);
            Unavailable
        })
    }
}

async fn wait<T>(answer: oneshot::Receiver<T>) -> Result<T, Unavailable> {
    match tokio::time::timeout(ANSWER_WITHIN, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) | Err(_) => Err(Unavailable),
    }
}
