//! Central and one edge, each on its own store and port.

use std::sync::Arc;
use std::time::Duration;

use ondol_core::hlc::Hlc;
use ondol_core::ids::{BookingId, DistrictId, NodeId};
use ondol_core::journal::{Entry, Hash, Head, Lane, Series};
use ondol_core::node::{Mode, ModeReason};
use ondol_core::travel::StraightLine;
use ondol_core::units::UtcMs;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::clock::{RealClock, SharedClock};
use crate::config::{ClockConfig, Config};
use crate::identity::policy::Districts;
use crate::identity::{Identity, IdentityConfig, KnownKey, SigningKey, Standing, Transport};
use crate::peer::{PeerLink, peer_router};
use crate::run::{Handle, Setup, start};
use crate::store::Store;
use crate::vault::{Secrets, Vault};

pub(super) const CENTRAL_KEY: [u8; 32] = [1; 32];
pub(super) const EDGE_KEY: [u8; 32] = [2; 32];
const EAST_KEY: [u8; 32] = [3; 32];

/// Where a node lives; it can be started there again.
pub(super) struct Site {
    config: String,
    port: u16,
    key: [u8; 32],
    folder: tempfile::TempDir,
}

pub(super) struct Pair {
    pub(super) central: Site,
    pub(super) edge: Site,
}

/// A node that runs.
pub(super) struct Running {
    pub(super) handle: Handle,
    pub(super) identity: Arc<Identity>,
    url: String,
    link: PeerLink,
    server: JoinHandle<()>,
    engine: JoinHandle<Result<(), crate::store::StoreError>>,
}

impl Pair {
    pub(super) async fn new() -> Self {
        Self::at_speed(50.0).await
    }

    pub(super) async fn at_speed(speed: f64) -> Self {
        // One epoch for all clocks: at another speed than 1, clocks that began apart drift apart.
        let epoch = crate::http::rfc3339(UtcMs(crate::clock::wall_ms()));
        let clock = format!("speed = {speed:?}\nwall_start_at = \"{epoch}\"\nsim_start_at = \"{epoch}\"");
        let (central_port, edge_port) = (free_port().await, free_port().await);
        let central = config("central", "role = \"central\"", "edge-a", edge_port, &clock);
        let edge_role = "role = \"edge\"\ncentral = \"central\"";
        let edge = config("edge-a", edge_role, "central", central_port, &clock);
        Self {
            central: Site::new(central, central_port, CENTRAL_KEY),
            edge: Site::new(edge, edge_port, EDGE_KEY),
        }
    }

    /// Two edges, the west's in the place of central, that lend after two seconds; their central does not exist.
    pub(super) async fn neighbours() -> Self {
        let epoch = crate::http::rfc3339(UtcMs(crate::clock::wall_ms()));
        let clock = format!("speed = 20.0\nwall_start_at = \"{epoch}\"\nsim_start_at = \"{epoch}\"");
        let ports = [free_port().await, free_port().await];
        let west = edge_config(("edge-a", "hanbuk"), ("edge-b", "namsan", ports[1]), &clock);
        let east = edge_config(("edge-b", "namsan"), ("edge-a", "hanbuk", ports[0]), &clock);
        Self { central: Site::new(west, ports[0], EDGE_KEY), edge: Site::new(east, ports[1], EAST_KEY) }
    }

    /// A token as the edge would make it, with a key that nobody knows.
    pub(super) async fn stranger_token(&self) -> String {
        let folder = tempfile::tempdir().unwrap();
        let config: Config = self.edge.config.parse().unwrap();
        let identity = identity("edge-a", [66; 32], folder.path(), &config.clock).await;
        identity.peer_token(&"central".parse().unwrap()).token
    }
}

fn config(id: &str, role: &str, peer: &str, peer_port: u16, clock: &str) -> String {
    format!(
        "districts = [{{ id = \"hanbuk\", zones = [\"hanbuk-1\"], edge = \"edge-a\" }}]\n\
         [node]\nid = \"{id}\"\n{role}\n[clock]\n{clock}\n[listen]\naddress = \"127.0.0.1:0\"\n\
         [store]\nurl = \"unused\"\n[keys]\nmaster = \"unused\"\nnode = \"unused\"\n\
         [[peers]]\nid = \"{peer}\"\nurl = \"http://127.0.0.1:{peer_port}\"\npublic_key = \"unused\"\n"
    )
}

/// An edge whose central does not exist, and its neighbour with district and port.
fn edge_config((id, own): (&str, &str), (other, its, port): (&str, &str, u16), clock: &str) -> String {
    format!(
        "districts = [{{ id = \"{own}\", zones = [\"{own}-1\"], edge = \"{id}\" }}]\n\
         [node]\nid = \"{id}\"\nrole = \"edge\"\ncentral = \"central\"\n[clock]\n{clock}\n\
         [listen]\naddress = \"127.0.0.1:0\"\n[timing]\nlend_after_ms = 2000\n\
         [store]\nurl = \"unused\"\n[keys]\nmaster = \"unused\"\nnode = \"unused\"\n\
         [[peers]]\nid = \"central\"\nurl = \"http://127.0.0.1:1\"\npublic_key = \"unused\"\n\
         [[neighbours]]\nid = \"{other}\"\nurl = \"http://127.0.0.1:{port}\"\ndistrict = \"{its}\"\n\
         public_key = \"unused\"\n"
    )
}

async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

impl Site {
    fn new(config: String, port: u16, key: [u8; 32]) -> Self {
        Self { config, port, key, folder: tempfile::tempdir().unwrap() }
    }

    /// Starts a link of `running` to a peer at another URL.
    pub(super) fn link_to(&self, url: &str, running: &Running) -> Result<PeerLink, crate::peer::PeerError> {
        let mut config: Config = self.config.parse().unwrap();
        config.peers[0].url = url.to_owned();
        let (_, calls) = tokio::sync::mpsc::channel(1);
        PeerLink::start(&config, &running.handle, &running.identity, calls)
    }

    /// The store goes back to an early copy.
    pub(super) async fn lose_all_but_first_entries(&self) {
        let store = Store::open(&url(self.folder.path())).await.unwrap();
        for statement in [
            "DELETE FROM journal WHERE seq > 1",
            "UPDATE series_head SET seq = 1, hash = (SELECT hash FROM journal j WHERE j.origin = series_head.origin \
             AND j.incarnation = series_head.incarnation AND j.district = series_head.district \
             AND j.lane = series_head.lane)",
        ] {
            sqlx::query(statement).execute(store.writer()).await.unwrap();
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) async fn start(&self) -> Running {
        let config: Config = self.config.parse().unwrap();
        let clock: SharedClock = Arc::new(RealClock::new(&config.clock));
        let setup = Setup {
            config: config.clone(),
            clock,
            store: Store::open(&url(self.folder.path())).await.unwrap(),
            vault: Vault::new(&Secrets::from_bytes([3; 32])),
            travel: Arc::new(StraightLine),
        };
        let running = start(setup).await.unwrap();
        let identity = identity(config.node.id.as_str(), self.key, self.folder.path(), &config.clock).await;
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        let router = peer_router(running.handle.clone(), Arc::clone(&identity));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let link = PeerLink::start(&config, &running.handle, &identity, running.calls).unwrap();
        let url = format!("http://127.0.0.1:{}", self.port);
        Running { handle: running.handle, identity, url, link, server, engine: running.task }
    }
}

fn url(folder: &std::path::Path) -> String {
    format!("sqlite://{}", folder.join("node.db").display())
}

async fn identity(id: &str, key: [u8; 32], folder: &std::path::Path, clock: &ClockConfig) -> Arc<Identity> {
    let known = |node: &str, seed: [u8; 32], standing| KnownKey {
        node: node.parse().unwrap(),
        public: SigningKey::from_seed(&seed).public(),
        standing,
    };
    let node: NodeId = id.parse().unwrap();
    let standing = match id {
        "central" => Standing::Central,
        "edge-b" => Standing::Edge(east()),
        _ => Standing::Edge(district()),
    };
    let identity_config = IdentityConfig {
        node,
        standing,
        key: SigningKey::from_seed(&key),
        known: vec![
            known("central", CENTRAL_KEY, Standing::Central),
            known("edge-a", EDGE_KEY, Standing::Edge(district())),
            known("edge-b", EAST_KEY, Standing::Edge(east())),
        ],
        districts: Districts::All,
        origins: Vec::new(),
        transport: Transport::LoopbackHttp,
    };
    let store = Store::open(&url(folder)).await.unwrap();
    let clock: SharedClock = Arc::new(RealClock::new(clock));
    let identity_store = crate::identity::IdentityStore::new(&store);
    Arc::new(Identity::open(identity_config, identity_store, clock).await.unwrap())
}

impl Running {
    pub(super) fn identity_url(&self) -> &str {
        &self.url
    }

    pub(super) async fn stop(self) {
        drop(self.link);
        self.handle.shut_down().await;
        self.server.abort();
        let _aborted = self.server.await;
        self.engine.await.unwrap().unwrap();
    }

    pub(super) async fn has_booking(&self, number: u128) -> bool {
        let booking = BookingId::from_number(number);
        self.handle.read(move |node| node.board().booking(booking).is_some()).await.unwrap()
    }

    pub(super) async fn state_hash(&self) -> Hash {
        self.handle.read(|node| node.board().state_hash(&district())).await.unwrap()
    }

    pub(super) async fn mode(&self) -> Mode {
        self.handle.read(|node| node.mode(&district()).unwrap().mode).await.unwrap()
    }

    pub(super) async fn lease_runs(&self) -> bool {
        self.handle
            .read(|node| node.mode(&district()).unwrap().reason == ModeReason::LeaseRuns)
            .await
            .unwrap()
    }
}

pub(super) fn district() -> DistrictId {
    "hanbuk".parse().unwrap()
}

pub(super) fn east() -> DistrictId {
    "namsan".parse().unwrap()
}

pub(super) fn series(origin: &str, incarnation: u32, district: &str, lane: Lane) -> Series {
    Series { origin: origin.parse().unwrap(), incarnation, district: district.parse().unwrap(), lane }
}

/// Entries of a kind that this release does not know.
pub(super) fn chain(series: &Series, count: u64) -> Vec<Entry> {
    let mut head = Head::default();
    (0..count)
        .map(|_| {
            let mut entry = Entry {
                series: series.clone(),
                seq: head.seq + 1,
                zone: "all".parse().unwrap(),
                hlc: Hlc::default(),
                kind: "of_a_later_release".into(),
                schema_version: 1,
                key: String::new(),
                payload: "{}".into(),
                prev_hash: head.hash,
                hash: Hash::default(),
            };
            entry.hash = entry.compute_hash();
            head = entry.as_head();
            entry
        })
        .collect()
}

/// Waits until `condition` holds; the message says what never came.
pub(super) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    // Real nodes on real sockets: there is no event to wait for, so it looks again at short intervals.
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    let waiting = async {
        while !condition().await {
            looks.tick().await;
        }
    };
    if tokio::time::timeout(Duration::from_secs(30), waiting).await.is_err() {
        panic!("never: {what}");
    }
}
