//! `ondol serve`: runs one node until it is asked to stop.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use metrics_exporter_prometheus::PrometheusBuilder;
use ondol_core::tariff::{TARIFF_MAX, Tariff};
use ondol_core::travel::{StraightLine, TravelTimes};
use ondol_engine::capsule::Recovery;
use ondol_engine::clock::{RealClock, SharedClock};
use ondol_engine::config::{Config, RoleName};
use ondol_engine::control::control_router;
use ondol_engine::identity::policy::Districts;
use ondol_engine::identity::{
    Identity, IdentityConfig, IdentityStore, KnownKey, SigningKey, Standing, Transport,
};
use ondol_engine::peer::{PeerLink, peer_router};
use ondol_engine::run::{self, Running, Setup};
use ondol_engine::store::Store;
use ondol_engine::vault::{Secrets, Vault};
use ondol_roads::RoadMap;
use tokio::net::TcpListener;

use crate::doors::{self, Rooms};
use crate::listen::{Bounds, listen};
use crate::speeds::Learning;

mod on_the_map;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod slow_taxis;

/// A node's parts, started on its journal.
pub(crate) struct Station {
    pub(crate) config: Config,
    pub(crate) running: Running,
    pub(crate) identity: Arc<Identity>,
    pub(crate) recovery: Recovery,
    pub(crate) map: Option<Arc<RoadMap>>,
    /// Absent without a map, or where nothing is to be learnt.
    pub(crate) learning: Option<Learning>,
    pub(crate) secrets: Secrets,
    pub(crate) tariff: Tariff,
}

/// Runs a node until Ctrl-C or SIGTERM.
///
/// # Errors
///
/// If it cannot start, or its store fails for good.
pub(crate) async fn serve(file: &Path) -> anyhow::Result<()> {
    let metrics = PrometheusBuilder::new().install_recorder().context("metrics cannot be collected")?;
    let Station { config, running, identity, recovery, map, learning, secrets, tariff } = start(file).await?;
    let Running { handle, calls, mut task } = running;
    let named = || file.display().to_string();
    let _peers = PeerLink::start(&config, &handle, &identity, calls).with_context(named)?;
    let rooms = Rooms {
        config: &config,
        handle: &handle,
        identity: &identity,
        recovery: &recovery,
        map,
        tracks: learning.as_ref().map(|learning| learning.tracks.clone()),
        secrets: &secrets,
        tariff,
    };
    let doors = doors::router(rooms).with_context(named)?;
    let router = doors
        .merge(peer_router(handle.clone(), Arc::clone(&identity)))
        .merge(control_router(handle.clone(), identity, recovery))
        .merge(crate::health::router(handle.clone(), metrics))
        .layer(axum::middleware::from_fn(ondol_engine::http::request_id));
    let listener = TcpListener::bind(config.listen.address)
        .await
        .with_context(|| format!("listen.address: cannot listen on {}", config.listen.address))
        .with_context(named)?;
    tracing::info!(node = %config.node.id, address = %config.listen.address, "serving");
    tokio::select! {
        never = listen(listener, router, Bounds::default()) => match never {},
        result = &mut task => {
            result.context("the loop ended unexpectedly")?.context("the store failed")?;
            bail!("the loop ended by itself");
        }
        () = asked_to_stop() => {}
    }
    tracing::info!("stopping");
    handle.shut_down().await;
    if let Some(learning) = learning {
        learning.stop().await;
    }
    task.await.context("the loop ended unexpectedly")?.context("the store failed at the end")
}

/// Starts a node's parts, short of listening.
///
/// # Errors
///
/// Names the key of the configuration, or the file, that cannot be used.
pub(crate) async fn start(file: &Path) -> anyhow::Result<Station> {
    let config = Config::read(file)?;
    let clock = Arc::new(RealClock::new(&config.clock));
    start_as_told(config, clock).await.with_context(|| file.display().to_string())
}

async fn start_as_told(mut config: Config, clock: SharedClock) -> anyhow::Result<Station> {
    let secrets = Secrets::read(&config.keys.master).context("keys.master")?;
    let key = SigningKey::load(&config.keys.node).context("keys.node")?;
    let map = match &config.map.dir {
        Some(dir) => Some(Arc::new(RoadMap::load(dir).context("map.dir")?)),
        None => None,
    };
    if let Some(districts) = map.as_ref().and_then(|map| map.districts()) {
        on_the_map::check(&config, districts)?;
        on_the_map::draw_borders(&mut config, districts);
    }
    let tariff = tariff(&config)?;
    let store = Store::open(&config.store.url).await.context("store.url")?;
    let identity =
        Identity::open(identity_config(&config, key)?, IdentityStore::new(&store), Arc::clone(&clock))
            .await
            .context("accounts and keys cannot be read from the store")?;
    let travel: Arc<dyn TravelTimes + Send + Sync> = match &map {
        Some(map) => Arc::clone(map) as _,
        None => Arc::new(StraightLine),
    };
    let learning = map
        .as_ref()
        .filter(|_| config.speeds.are_learnt())
        .map(|map| Learning::start(&config.speeds, Arc::clone(map), Arc::clone(&clock)));
    let vault = Vault::new(&secrets);
    let running = run::start(Setup { config: config.clone(), clock, store, vault, travel }).await?;
    let identity = Arc::new(identity);
    let recovery = Recovery::new(config.recovery.clone(), running.handle.clone(), Arc::clone(&identity));
    Ok(Station { config, running, identity, recovery, map, learning, secrets, tariff })
}

/// The tariff that the configuration names, else Seoul's.
fn tariff(config: &Config) -> anyhow::Result<Tariff> {
    let Some(file) = &config.tariff.file else { return Ok(Tariff::seoul()) };
    let named = || format!("tariff.file: {}", file.display());
    let length = std::fs::metadata(file).with_context(named)?.len();
    if length > TARIFF_MAX as u64 {
        bail!("{}: larger than {TARIFF_MAX} bytes", named());
    }
    Tariff::from_json(&std::fs::read_to_string(file).with_context(named)?).with_context(named)
}

fn identity_config(config: &Config, key: SigningKey) -> anyhow::Result<IdentityConfig> {
    let is_edge = config.node.role == RoleName::Edge;
    let own: Vec<_> = config.districts.iter().map(|district| district.id.clone()).collect();
    let standing = match own.first() {
        Some(district) if is_edge => Standing::Edge(district.clone()),
        _ => Standing::Central,
    };
    let mut known = Vec::new();
    for (i, peer) in config.peers.iter().enumerate() {
        let district = config.districts.iter().find(|district| district.edge.as_ref() == Some(&peer.id));
        let standing = match district {
            Some(district) if !is_edge => Standing::Edge(district.id.clone()),
            _ => Standing::Central,
        };
        let public = peer.public_key.parse().with_context(|| format!("peers[{i}].public_key"))?;
        known.push(KnownKey { node: peer.id.clone(), public, standing });
    }
    for (i, neighbour) in config.neighbours.iter().enumerate() {
        let Some(key) = &neighbour.public_key else { continue };
        let public = key.parse().with_context(|| format!("neighbours[{i}].public_key"))?;
        let standing = Standing::Edge(neighbour.district.clone());
        known.push(KnownKey { node: neighbour.id.clone(), public, standing });
    }
    let address = config.listen.address;
    let mut origins = vec![format!("http://{address}"), format!("http://localhost:{}", address.port())];
    origins.extend(config.listen.public_url.clone());
    let by_tls = config.listen.public_url.as_ref().is_some_and(|url| url.starts_with("https://"));
    Ok(IdentityConfig {
        node: config.node.id.clone(),
        standing,
        key,
        known,
        districts: if is_edge { Districts::Some(own.into_iter().collect()) } else { Districts::All },
        origins,
        transport: if by_tls { Transport::Tls } else { Transport::LoopbackHttp },
    })
}

/// Completes on Ctrl-C or SIGTERM.
pub(crate) async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupted = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminated) => {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
        }
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be caught; Ctrl-C still stops the node");
            // If Ctrl-C cannot be caught either, the process ends as the system ends it.
            let _interrupted = interrupted.await;
        }
    }
}
