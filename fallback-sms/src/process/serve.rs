//! Running the steps until told to stop.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::config::{CarrierConfig, Config};
use super::desk::{Desk, Rules};
use super::health::{NodeVitals, SharedVitals, routes};
use crate::carrier::Carrier;
use crate::carrier::gammu::{Folders, GammuSpool};
use crate::clock::SimClock;
use crate::node::{Endpoint, HttpNode, HttpNodeConfig, NodeApi};
use crate::store::{Key, Store};

/// How long a node may hold a poll for notices open, in simulated milliseconds.
const NOTICE_WAIT_MS: u64 = 20_000;
/// How long a node that did not answer is asked last, in simulated milliseconds.
const HOLD_MS: u64 = 15_000;
/// Pause after a failed poll, in simulated milliseconds, and its floor on the wall.
const POLL_PAUSE_MS: u64 = 2_000;
const POLL_PAUSE_FLOOR_MS: u64 = 200;
/// A token with less left than this is renewed, in simulated milliseconds: ten days of its thirty.
const RENEW_LEFT_MS: i64 = 10 * 24 * 3_600_000;
/// Between two looks at the token, in simulated milliseconds, and its floor on the wall.
const TOKEN_LOOK_MS: u64 = 600_000;
const TOKEN_LOOK_FLOOR_MS: u64 = 1_000;
/// Turns of the telling loop between two prunings.
const PRUNE_EVERY: u64 = 10_000;

/// Runs the text process of the configuration file at `path` until `stop` is done.
///
/// # Errors
///
/// If the configuration is wrong, or the store, the carrier or the port cannot be opened.
pub async fn serve(path: &Path, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    serve_with(Config::load(path)?, stop).await
}

/// Runs the text process of `config` until `stop` is done.
///
/// # Errors
///
/// If the store, the carrier or the port cannot be opened, or a step fails for good.
pub async fn serve_with(config: Config, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let clock = SimClock::new(config.clock).map_err(anyhow::Error::msg)?;
    let desk = open(&config, clock).await?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listen {} cannot be opened", config.listen))?;
    let recovered = desk.recover(clock.now()).await?;
    tracing::info!(node = config.name, recovered_texts = recovered, "the text process is up");

    let store = desk.store().clone();
    let vitals = SharedVitals::default();
    let (stop_sender, stopped) = watch::channel(false);
    let shared = Shared {
        desk,
        clock,
        poll: Duration::from_millis(config.poll_ms),
        wake: Arc::new(Notify::new()),
        vitals: Arc::clone(&vitals),
        stopped: stopped.clone(),
    };
    let mut loops = JoinSet::new();
    loops.spawn(carrier_loop(shared.clone()));
    loops.spawn(dialogue_loop(shared.clone()));
    loops.spawn(telling_loop(shared.clone()));
    loops.spawn(token_loop(shared.clone()));
    for source in shared.desk.node().sources() {
        loops.spawn(notice_loop(shared.clone(), source));
    }
    let mut web_stopped = stopped;
    loops.spawn(async move {
        let until = async move {
            let _ended = web_stopped.wait_for(|stopped| *stopped).await;
        };
        if let Err(error) = axum::serve(listener, routes(vitals)).with_graceful_shutdown(until).await {
            tracing::error!(%error, "the health page has ended");
        }
    });
    tokio::pin!(stop);
    tokio::select! {
        () = &mut stop => {}
        ended = loops.join_next() => {
            // The loops end only when told to: one that ended before has met a bug.
            ended.transpose().context("a loop of the text process has failed")?;
        }
    }
    let _nobody_left = stop_sender.send(true);
    while let Some(ended) = loops.join_next().await {
        ended.context("a loop of the text process has failed")?;
    }
    store.close().await;
    tracing::info!("the text process has stopped");
    Ok(())
}

/// Opens all that the process needs, asks the nodes once, and says in one line each how they are.
///
/// # Errors
///
/// If something cannot be opened.
pub async fn test(path: &Path) -> anyhow::Result<Vec<String>> {
    let config = Config::load(path)?;
    let clock = SimClock::new(config.clock).map_err(anyhow::Error::msg)?;
    let desk = open(&config, clock).await?;
    let health = desk.carrier_health().await?;
    let mut lines = vec![
        format!("store: {} opens", config.store.display()),
        match health.trouble {
            None => {
                format!("carrier: works, {} to send, {} set aside", health.waiting_out, health.quarantined)
            }
            Some(trouble) => format!("carrier: {trouble}"),
        },
    ];
    for source in desk.node().sources() {
        lines.push(match desk.node().notices(&source, "", i64::MAX, 0).await {
            Ok(_) => format!("node {source}: answers"),
            Err(error) => format!("node {source}: {error}"),
        });
    }
    Ok(lines)
}

async fn open(config: &Config, clock: SimClock) -> anyhow::Result<Desk<HttpNode, GammuSpool>> {
    let key = Key::from_file(&config.key_file)?;
    let store = Store::open(&config.store, key, &config.name).await?;
    let carrier = match &config.carrier {
        CarrierConfig::Gammu { spool } => {
            GammuSpool::open(Folders::below(spool), config.words.utc_offset_min)
                .with_context(|| format!("carrier.spool {} cannot be opened", spool.display()))?
        }
    };
    let endpoints =
        config.nodes.iter().map(|node| Endpoint { name: node.name.clone(), url: node.url.clone() }).collect();
    let node = HttpNode::new(
        HttpNodeConfig {
            endpoints,
            token_file: config.node_token_file.clone(),
            answer_within_ms: config.answer_within_ms,
            hold_ms: HOLD_MS,
        },
        clock,
    )?;
    let rules = Rules::new(config.words.settings(), config.budgets, config.words.countries.clone());
    Ok(Desk::new(node, carrier, store, rules))
}

struct Shared<N, C> {
    desk: Desk<N, C>,
    clock: SimClock,
    poll: Duration,
    /// Something has happened that the dialogue loop should look at.
    wake: Arc<Notify>,
    vitals: SharedVitals,
    stopped: watch::Receiver<bool>,
}

impl<N, C> Clone for Shared<N, C> {
    fn clone(&self) -> Self {
        Self {
            desk: self.desk.clone(),
            clock: self.clock,
            poll: self.poll,
            wake: Arc::clone(&self.wake),
            vitals: Arc::clone(&self.vitals),
            stopped: self.stopped.clone(),
        }
    }
}

impl<N, C> Shared<N, C> {
    /// Waits for `pause`, or less if the process is told to stop. Returns whether it goes on.
    async fn pause(&self, pause: Duration) -> bool {
        let mut stopped = self.stopped.clone();
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => false,
            () = tokio::time::sleep(pause) => true,
        }
    }

    fn with_vitals(&self, change: impl FnOnce(&mut super::health::Vitals)) {
        change(&mut self.vitals.lock().expect("no holder of this lock panics: it is held for assignments"));
    }
}

async fn carrier_loop<N: NodeApi, C: Carrier>(shared: Shared<N, C>) {
    loop {
        let now = shared.clock.now();
        match shared.desk.receive(now).await {
            Ok(0) => {}
            Ok(_) => shared.wake.notify_one(),
            Err(error) => tracing::error!(error = format!("{error:#}"), "texts cannot be received"),
        }
        let sent = shared.desk.send(now).await;
        if let Err(error) = &sent {
            tracing::error!(error = format!("{error:#}"), "texts cannot be submitted");
        }
        if let Err(error) = shared.desk.receipts(now).await {
            tracing::error!(error = format!("{error:#}"), "receipts cannot be read");
        }
        if let Ok(health) = shared.desk.carrier_health().await {
            shared.with_vitals(|vitals| vitals.set_carrier(health));
        }
        let pause = if sent.is_err() { shared.poll * 4 } else { shared.poll };
        if !shared.pause(pause).await {
            return;
        }
    }
}

async fn dialogue_loop<N: NodeApi, C: Carrier>(shared: Shared<N, C>) {
    loop {
        let mut busy = false;
        match shared.desk.listen(shared.clock.now()).await {
            Ok(heard) => busy |= heard > 0,
            Err(error) => tracing::error!(error = format!("{error:#}"), "texts cannot be read"),
        }
        match shared.desk.ask(shared.clock.now()).await {
            Ok(answered) => busy |= answered > 0,
            Err(error) => tracing::error!(error = format!("{error:#}"), "answers cannot be taken"),
        }
        if busy && !*shared.stopped.borrow() {
            continue;
        }
        let goes_on = tokio::select! {
            () = shared.wake.notified() => true,
            goes_on = shared.pause(shared.poll) => goes_on,
        };
        if !goes_on || *shared.stopped.borrow() {
            return;
        }
    }
}

async fn notice_loop<N: NodeApi, C: Carrier>(shared: Shared<N, C>, source: String) {
    let mut answered = true;
    loop {
        let mut stopped = shared.stopped.clone();
        let read = tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            read = shared.desk.read_notices(&source, shared.clock.now(), NOTICE_WAIT_MS) => read,
        };
        let answers = read.is_ok();
        let refuses_us = shared.desk.node().refuses_us(&source);
        let vitals = NodeVitals { name: source.clone(), answers, refuses_us };
        shared.with_vitals(|known| known.set_node(vitals));
        match read {
            Ok(count) => {
                if !answered {
                    tracing::info!(node = source, "the node answers again");
                    if let Err(error) = shared.desk.store().hurry_requests(shared.clock.now()).await {
                        tracing::error!(%error, "waiting requests cannot be hurried");
                    }
                    shared.wake.notify_one();
                }
                // A node that answers an empty page at once must not be asked without a breath.
                let pause = if count > 0 { Duration::ZERO } else { shared.poll };
                if !shared.pause(pause).await {
                    return;
                }
            }
            Err(error) => {
                if answered {
                    tracing::warn!(
                        node = source,
                        error = format!("{error:#}"),
                        "the node's notices cannot be read"
                    );
                }
                let pause_ms = shared.clock.wall_ms(POLL_PAUSE_MS).max(POLL_PAUSE_FLOOR_MS);
                if !shared.pause(Duration::from_millis(pause_ms)).await {
                    return;
                }
            }
        }
        answered = answers;
    }
}

async fn telling_loop<N: NodeApi, C: Carrier>(shared: Shared<N, C>) {
    let mut turns: u64 = 0;
    loop {
        let now = shared.clock.now();
        if let Err(error) = shared.desk.watch(now).await {
            tracing::error!(error = format!("{error:#}"), "unanswered notices cannot be noted");
        }
        // A node that is away is no error here: it is told later, and its poll says so in the log.
        let mut waits = shared.desk.tell_reports(now).await.is_err();
        for source in shared.desk.node().sources() {
            waits |= shared.desk.tell_outcomes(&source).await.is_err();
        }
        if let Ok(backlog) = shared.desk.store().backlog().await {
            shared.with_vitals(|vitals| vitals.backlog = backlog);
        }
        if turns.is_multiple_of(PRUNE_EVERY)
            && let Err(error) = shared.desk.store().prune(now).await
        {
            tracing::error!(error = format!("{error:#}"), "old rows cannot be removed");
        }
        turns += 1;
        let pause = if waits { shared.poll * 4 } else { shared.poll };
        if !shared.pause(pause).await {
            return;
        }
    }
}

/// Has the token renewed while it is still good; the node that signed it may be away for days.
async fn token_loop<N: NodeApi, C: Carrier>(shared: Shared<N, C>) {
    loop {
        let now = shared.clock.now();
        let left_ms = |shared: &Shared<N, C>| shared.desk.node().token_ends_at().map(|at| at.0 - now.0);
        if left_ms(&shared).is_some_and(|left_ms| (1..RENEW_LEFT_MS).contains(&left_ms)) {
            match shared.desk.node().renew_token(now).await {
                Ok(()) => tracing::info!("the token was renewed"),
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "the token could not be renewed yet");
                }
            }
        }
        let left_ms = left_ms(&shared);
        shared.with_vitals(|vitals| vitals.token_left_ms = left_ms);
        let pause_ms = shared.clock.wall_ms(TOKEN_LOOK_MS).max(TOKEN_LOOK_FLOOR_MS);
        if !shared.pause(Duration::from_millis(pause_ms)).await {
            return;
        }
    }
}
