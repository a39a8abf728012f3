//! The steps of the text process, each a transaction or two.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;
use uuid::Uuid;

use crate::carrier::{Carrier, Health, Inbound, Outbound, Trace};
use crate::clock::UtcMs;
use crate::dialogue::budget::Limits;
use crate::dialogue::{Event, Settings};
use crate::grammar::{Intent, read};
use crate::node::{Answered, NodeApi, Unreachable};
use crate::number::e164;
use crate::reply::compose;
use crate::store::{Due, Store, Taken};

/// Most texts taken from the carrier at once.
const RECEIVE_MAX: usize = 100;
/// Most numbers listened to at once.
const LISTEN_MAX: u32 = 50;
/// Most requests under way at once.
const ASK_MAX: u32 = 16;
/// Most texts submitted at once.
const SEND_MAX: u32 = 20;
/// Tries to submit a text; it expires long before.
const SUBMIT_TRIES: u32 = 1_000;
/// Window in which texts of a number are counted before they are read, in milliseconds.
const HEARD_WINDOW_MS: u64 = 10 * 60_000;

/// What a depot has chosen, and how patient the process is; all times are simulated milliseconds.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Words and numbers.
    pub settings: Settings,
    /// Budgets.
    pub limits: Limits,
    /// Calling codes of the countries whose numbers are answered.
    pub countries: Vec<String>,
    /// After this a person who waits for the node is told so.
    pub waiting_after_ms: u64,
    /// After this a request is given up; within the 180 s in which a text must be answered at the latest.
    pub give_up_after_ms: u64,
    /// First pause before a request is tried again; it grows to five times that.
    pub retry_ms: u64,
    /// How long a reply is worth sending.
    pub reply_valid_ms: u64,
    /// Makes nonces.
    pub nonce: fn() -> u16,
}

impl Rules {
    /// Returns the rules of a depot with the usual patience.
    #[must_use]
    pub fn new(settings: Settings, limits: Limits, countries: Vec<String>) -> Self {
        Self {
            settings,
            limits,
            countries,
            waiting_after_ms: 20_000,
            give_up_after_ms: 150_000,
            retry_ms: 2_000,
            reply_valid_ms: 10 * 60_000,
            nonce: system_nonce,
        }
    }
}

/// Returns a nonce from the system's random source.
///
/// # Panics
///
/// If the system gives no random bytes: then nothing here would be safe.
#[must_use]
pub fn system_nonce() -> u16 {
    let mut bytes = [0; 4];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system gives random bytes");
    u16::try_from(u32::from_be_bytes(bytes) % 10_000).unwrap_or(0)
}

pub(super) fn random_id() -> Uuid {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system gives random bytes");
    Uuid::new_v8(bytes)
}

/// The text process's work, over a node and a carrier.
pub struct Desk<N, C> {
    pub(super) node: Arc<N>,
    carrier: Arc<Mutex<C>>,
    pub(super) store: Store,
    pub(super) rules: Arc<Rules>,
}

impl<N, C> Clone for Desk<N, C> {
    fn clone(&self) -> Self {
        Self {
            node: Arc::clone(&self.node),
            carrier: Arc::clone(&self.carrier),
            store: self.store.clone(),
            rules: Arc::clone(&self.rules),
        }
    }
}

impl<N: NodeApi, C: Carrier> Desk<N, C> {
    /// Returns a desk. Call [`Desk::recover`] before anything else.
    #[must_use]
    pub fn new(node: N, carrier: C, store: Store, rules: Rules) -> Self {
        Self { node: Arc::new(node), carrier: Arc::new(Mutex::new(carrier)), store, rules: Arc::new(rules) }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The node.
    #[must_use]
    pub fn node(&self) -> &N {
        &self.node
    }

    /// Looks after texts whose submission was cut off, by the end of the process or a store that failed: those the
    /// carrier has are done, the others are submitted again, marked as a repeat.
    ///
    /// # Errors
    ///
    /// If the store or the carrier fails.
    pub async fn recover(&self, now: UtcMs) -> anyhow::Result<usize> {
        let interrupted = self.store.interrupted(now).await?;
        let count = interrupted.len();
        for text in interrupted {
            let id = text.id;
            match self.with_carrier(move |carrier| carrier.trace(id)).await? {
                Trace::Taken => self.store.submitted(text.id).await?,
                Trace::Unknown => self.store.submit_again(&text, SUBMIT_TRIES, now).await?,
            }
        }
        Ok(count)
    }

    /// Takes what has arrived: makes it durable, then lets the carrier forget it.
    ///
    /// # Errors
    ///
    /// If the store or the carrier fails; what was not taken arrives again.
    pub async fn receive(&self, now: UtcMs) -> anyhow::Result<usize> {
        let texts = self.with_carrier(move |carrier| carrier.receive(now, RECEIVE_MAX)).await?;
        if texts.is_empty() {
            return Ok(0);
        }
        let addressed: Vec<(Inbound, Option<String>)> = texts
            .into_iter()
            .map(|text| {
                let phone = e164(&text.from, &self.rules.countries).ok();
                (text, phone)
            })
            .collect();
        let taken = self.store.take(&addressed, now).await?;
        let handles: Vec<_> = addressed.into_iter().map(|(text, _)| text.handle).collect();
        self.with_carrier(move |carrier| handles.iter().try_for_each(|handle| carrier.settle(handle)))
            .await?;
        Ok(taken.iter().filter(|taken| **taken == Taken::New).count())
    }

    /// Reads waiting texts, the oldest of each number, SOS first.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn listen(&self, now: UtcMs) -> anyhow::Result<usize> {
        let waiting = self.store.waiting(LISTEN_MAX, now).await?;
        let count = waiting.len();
        for heard in waiting {
            let mut tx = self.store.begin().await?;
            if !self.store.mark_read(&mut tx, heard.row).await? {
                continue;
            }
            let reading = read(&heard.body);
            let since = UtcMs(now.0.saturating_sub(i64::try_from(HEARD_WINDOW_MS).unwrap_or(i64::MAX)));
            let lately = self.store.heard_since(&mut tx, &heard.peer, since).await?;
            let event = if lately <= self.rules.limits.heard_10min || reading.intent == Intent::Sos {
                Event::Heard { reading, sent_at: heard.sent_at, message_id: heard.message_id }
            } else {
                Event::Flooded
            };
            self.advance(&mut tx, &heard.peer, event, now).await?;
            tx.commit().await?;
        }
        Ok(count)
    }

    /// Asks the node what is due, and takes its answers.
    ///
    /// # Errors
    ///
    /// If the store fails. A node that does not answer is no error: the request stays.
    pub async fn ask(&self, now: UtcMs) -> anyhow::Result<usize> {
        let mut answered = 0;
        let mut calls = JoinSet::new();
        for due in self.store.due_requests(now, ASK_MAX).await? {
            let node = Arc::clone(&self.node);
            calls.spawn(async move {
                let answer = node.ask(&due.request, due.prefer.as_deref(), now).await;
                (due, answer)
            });
        }
        while let Some(call) = calls.join_next().await {
            let (due, answer) = call?;
            match answer {
                Ok(answer) => {
                    answered += 1;
                    self.answered(&due, answer, now).await?;
                }
                Err(Unreachable(reason)) => self.unreachable(&due, &reason, now).await?,
            }
        }
        Ok(answered)
    }

    async fn answered(&self, due: &Due, answered: Answered, now: UtcMs) -> anyhow::Result<()> {
        let mut tx = self.store.begin().await?;
        if self.store.end_request(&mut tx, &due.peer).await? {
            let event = Event::Answered { answer: answered.answer, node: answered.node };
            self.advance(&mut tx, &due.peer, event, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn unreachable(&self, due: &Due, reason: &str, now: UtcMs) -> anyhow::Result<()> {
        tracing::info!(tries = due.tries + 1, reason, "no node answered a request of a dialogue");
        let waited_ms = now.since_ms(due.made_at);
        let mut tx = self.store.begin().await?;
        if waited_ms >= self.rules.give_up_after_ms {
            if self.store.end_request(&mut tx, &due.peer).await? {
                self.advance(&mut tx, &due.peer, Event::GaveUp, now).await?;
            }
        } else {
            let tell = waited_ms >= self.rules.waiting_after_ms && !due.told_waiting;
            if tell {
                self.advance(&mut tx, &due.peer, Event::Waiting, now).await?;
            }
            let pause_ms = self.rules.retry_ms * u64::from(due.tries.saturating_add(1).min(5));
            self.store
                .postpone_request(&mut tx, due, now.plus_ms(pause_ms), tell || due.told_waiting)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Submits what is ready. What was not taken, or may not have been, is submitted again as a repeat.
    ///
    /// # Errors
    ///
    /// If the store fails, or the carrier takes nothing.
    pub async fn send(&self, now: UtcMs) -> anyhow::Result<usize> {
        // Nobody else submits: what still counts as being submitted was cut off in a round before.
        self.recover(now).await?;
        let mut sent = 0;
        let mut trouble = None;
        for ready in self.store.start_submitting(now, SEND_MAX).await? {
            let text = match compose(ready.lang, &ready.text, ready.sending) {
                Ok(text) => text,
                Err(error) => {
                    // It was composed once before it was written here; only a changed catalogue gets us here.
                    tracing::error!(%error, "a text of the outbox cannot be made any more");
                    self.store.received(ready.id, crate::carrier::Outcome::Failed, now).await?;
                    continue;
                }
            };
            let outbound = Outbound {
                id: ready.id,
                to: ready.phone.clone(),
                text,
                urgency: ready.urgency,
                made_at: ready.made_at,
            };
            match self.with_carrier(move |carrier| carrier.submit(&outbound)).await {
                Ok(()) => {
                    self.store.submitted(ready.id).await?;
                    sent += 1;
                }
                Err(error) => {
                    self.store.submit_again(&ready, SUBMIT_TRIES, now).await?;
                    trouble = Some(error);
                }
            }
        }
        trouble.map_or(Ok(sent), Err)
    }

    /// Notes receipts.
    ///
    /// # Errors
    ///
    /// If the store or the carrier fails; a receipt that was not noted comes again.
    pub async fn receipts(&self, now: UtcMs) -> anyhow::Result<usize> {
        let receipts = self.with_carrier(|carrier| carrier.receipts(RECEIVE_MAX)).await?;
        let count = receipts.len();
        for receipt in receipts {
            self.store.received(receipt.id, receipt.outcome, now).await?;
            self.with_carrier(move |carrier| carrier.settle(&receipt.handle)).await?;
        }
        Ok(count)
    }

    /// Tells how the carrier is.
    ///
    /// # Errors
    ///
    /// If the carrier cannot be asked.
    pub async fn carrier_health(&self) -> anyhow::Result<Health> {
        self.with_carrier(|carrier| Ok(carrier.health())).await
    }

    /// Runs a carrier's call off the loop: it may wait for a disk.
    async fn with_carrier<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut C) -> io::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let carrier = Arc::clone(&self.carrier);
        let done = tokio::task::spawn_blocking(move || {
            let mut carrier = carrier.lock().map_err(|_| io::Error::other("the carrier's lock is broken"))?;
            call(&mut carrier)
        });
        Ok(done.await??)
    }
}
