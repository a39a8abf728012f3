//! What the tests of every door stand on: a real node on a fresh SQLite file, in the generated city, its clock moved
//! by hand; and what a page sends and hears.
//!
//! A door's tests take this file in by its path (`#[path = "…/dispatch/testbed/mod.rs"] mod testbed;`), make a
//! [`Testbed`], and put their own door before it. What is absent: people, bookings and everything else that
//! belongs to one door.

#![allow(dead_code, unused_imports, reason = "each door uses a part")]
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod http;
mod stream;

use std::sync::{Arc, LazyLock};

use ondol_core::booking::Needs;
use ondol_core::command::Command;
use ondol_core::fact::{Driver, Lang, Vehicle};
use ondol_core::ids::{DistrictId, DriverId, NodeId, SubjectId, VehicleId};
use ondol_core::position::Position;
use ondol_core::units::UtcMs;
use ondol_engine::Handle;
use ondol_engine::capsule::{Recovery, RecoverySecret, RecoverySection};
use ondol_engine::clock::{Clock as _, ManualClock};
use ondol_engine::config::Config;
use ondol_engine::identity::policy::Districts as Scope;
use ondol_engine::identity::{
    Identity, IdentityConfig, IdentityStore, KnownKey, SigningKey, Standing, Transport, driver_secret_digest,
};
use ondol_engine::run::{Setup, start};
use ondol_engine::store::Store;
use ondol_engine::vault::{DriverPersonal, E164, Secrets, Vault};
use ondol_roads::{Districts, RoadMap, Stand, generate};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) use http::{Answer, ask, get, post};
pub(crate) use stream::Stream;

/// 2026-03-02T09:00:00Z, when every node starts.
pub(crate) const START: UtcMs = UtcMs(1_772_442_000_000);
/// Where the node's own pages come from.
pub(crate) const ORIGIN: &str = "http://127.0.0.1:8080";
/// Key of drivers' secrets.
pub(crate) const SECRET_KEY: [u8; 32] = [5; 32];
/// What every driver types at sign-in, or adds to a text.
pub(crate) const SECRET: &str = "4821";
/// The name of every edge.
pub(crate) const EDGE: &str = "edge-a";

/// Made once for all tests of a process: nothing in it changes.
static CITY: LazyLock<Arc<RoadMap>> = LazyLock::new(|| Arc::new(RoadMap::of(generate::city(7))));

/// A running node and what a door needs of it.
pub(crate) struct Testbed {
    pub(crate) handle: Handle,
    pub(crate) identity: Arc<Identity>,
    pub(crate) recovery: Recovery,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) map: Arc<RoadMap>,
    pub(crate) districts: Arc<Districts>,
    folder: TempDir,
}

impl Testbed {
    /// Central, which serves every district of the city and has no edges.
    pub(crate) async fn central() -> Self {
        let city = districts();
        let names: Vec<&DistrictId> = city.all().iter().map(|district| &district.id).collect();
        let identity = identity("central", Standing::Central, Scope::All);
        Self::start(tempfile::tempdir().unwrap(), &config("central", &names), identity).await
    }

    /// Central on an empty disk: keys and configuration are what is left of `central`.
    pub(crate) async fn central_without_disk_after(central: Self) -> Self {
        central.handle.shut_down().await;
        let city = districts();
        let names: Vec<&DistrictId> = city.all().iter().map(|district| &district.id).collect();
        let identity = identity("central", Standing::Central, Scope::All);
        let folder = tempfile::tempdir().unwrap();
        // Lives are numbered by the second on the wall: in a test both would begin in the same one.
        let store = Store::open(&url(&folder)).await.unwrap();
        let _this_second = store.next_life(&identity.node, 0, START).await.unwrap();
        let _the_next = store.next_life(&identity.node, 0, START).await.unwrap();
        Self::start(folder, &config("central", &names), identity).await
    }

    /// The edge of `district`, started while central is away: it has what it pulled before, here the whole journal of
    /// `central`, and has heard nothing since.
    pub(crate) async fn edge_after(central: Self, district: &DistrictId) -> Self {
        central.handle.shut_down().await;
        let own = Scope::Some(vec![district.clone()]);
        let mut identity = identity(EDGE, Standing::Edge(district.clone()), own);
        identity.known.push(KnownKey {
            node: "central".parse().unwrap(),
            public: key("central").public(),
            standing: Standing::Central,
        });
        Self::start(central.folder, &config(EDGE, &[district]), identity).await
    }

    /// Central, started again on the journal of `central`, in whose `district` there is now an edge that it does not
    /// hear: what may be with that edge rests.
    pub(crate) async fn central_without_edge_after(central: Self, district: &DistrictId) -> Self {
        central.handle.shut_down().await;
        let city = districts();
        let names: Vec<&DistrictId> = city.all().iter().map(|district| &district.id).collect();
        let section = format!("id = \"{district}\"\n");
        let config = config("central", &names).replace(&section, &format!("{section}edge = \"{EDGE}\"\n"));
        let identity = identity("central", Standing::Central, Scope::All);
        Self::start(central.folder, &config, identity).await
    }

    async fn start(folder: TempDir, config: &str, identity: IdentityConfig) -> Self {
        let store = Store::open(&url(&folder)).await.unwrap();
        let clock = ManualClock::at(START);
        let identity = Identity::open(identity, IdentityStore::new(&store), clock.clone()).await.unwrap();
        let config: Config = config.parse().unwrap();
        let vault = Vault::new(&Secrets::from_bytes([7; 32]));
        let map = Arc::clone(&CITY);
        let setup = Setup { config, clock: clock.clone(), store, vault, travel: map.clone() };
        let handle = start(setup).await.unwrap().handle;
        let identity = Arc::new(identity);
        let section = RecoverySection { public_key: recovery_key().key().public(), signers: Vec::new() };
        let recovery = Recovery::new(Some(section), handle.clone(), Arc::clone(&identity));
        Self { handle, identity, recovery, clock, map, districts: Arc::new(districts()), folder }
    }

    pub(crate) fn now(&self) -> UtcMs {
        self.clock.now().utc
    }

    /// Lists a driver of fleet `blue`, and returns the driver's id. One with a `home` is served by text there.
    pub(crate) async fn list_driver(&self, listed: Listed<'_>) -> DriverId {
        let Listed { number, phone, district, home, banned } = listed;
        let (id, phone): (_, E164) = (DriverId::from_number(number), phone.parse().unwrap());
        let subject = SubjectId(id.0);
        let vault = self.handle.vault();
        let personal = DriverPersonal { name: Some("박바다".to_owned()), phone: Some(phone.clone()) };
        let driver = Driver {
            driver: id,
            subject,
            fleet: "blue".parse().unwrap(),
            district: district.clone(),
            phone: Some(vault.phone_key(&phone)),
            personal: Some(vault.seal(subject, &personal).unwrap()),
            lang: Lang::Ko,
            secret_digest: driver_secret_digest(&SECRET_KEY, id, SECRET),
            home: home.map(|home| home.parse().unwrap()),
            vehicle: Vehicle {
                vehicle: VehicleId::from_number(number),
                plate: "서울33바1234".into(),
                seats: 4,
                needs: Needs::default(),
            },
            banned,
        };
        self.handle.request(Command::ListDriver(driver)).await.unwrap();
        id
    }

    /// Bookings that the node knows, open or not.
    pub(crate) async fn bookings(&self) -> usize {
        self.handle.read(|node| node.board().districts().map(|(_, d)| d.bookings.len()).sum()).await.unwrap()
    }
}

/// A driver for the roster.
pub(crate) struct Listed<'a> {
    pub(crate) number: u128,
    pub(crate) phone: &'a str,
    pub(crate) district: &'a DistrictId,
    pub(crate) home: Option<&'a str>,
    /// Barred from new shifts.
    pub(crate) banned: bool,
}

/// A wish for a taxi with every personal text that a page sends: name, number, note and the names of both places.
pub(crate) fn wish(booking: Uuid) -> Value {
    json!({
        "booking_id": booking, "lang": "ko", "name": "김하늘", "phone": "010-1234-5678", "note": "우산을 들고 있어요",
        "pickup": {"label": "솔내시장 정문", "position": place(0)},
        "dropoff": {"label": "한내역 3번 출구", "position": place(5)},
    })
}

/// Place `n` of the city where taxis go.
pub(crate) fn place(n: usize) -> Position {
    stand(n).position
}

/// Stand `n` of the city, in the map's order.
pub(crate) fn stand(n: usize) -> Stand {
    CITY.stands()[n].clone()
}

/// The district of a position in the city.
pub(crate) fn district_at(position: Position) -> DistrictId {
    CITY.districts().unwrap().locate(position).unwrap().0
}

fn districts() -> Districts {
    CITY.districts().unwrap().clone()
}

/// The key of `node`, the same in every test.
pub(crate) fn key(node: &str) -> SigningKey {
    SigningKey::from_seed(&[if node == EDGE { 2 } else { 1 }; 32])
}

fn url(folder: &TempDir) -> String {
    format!("sqlite://{}", folder.path().join("node.db").display())
}

/// The key that opens what drivers' phones keep.
pub(crate) fn recovery_key() -> RecoverySecret {
    RecoverySecret::from_bytes([6; 32])
}

fn identity(node: &str, standing: Standing, districts: Scope) -> IdentityConfig {
    let node: NodeId = node.parse().unwrap();
    IdentityConfig {
        key: key(node.as_str()),
        node,
        standing,
        known: Vec::new(),
        districts,
        origins: vec![ORIGIN.to_owned()],
        transport: Transport::LoopbackHttp,
    }
}

/// The configuration of `node`; what stands under `store` and `keys` is not opened.
fn config(node: &str, served: &[&DistrictId]) -> String {
    let is_edge = node == EDGE;
    let role = if is_edge { "role = \"edge\"\ncentral = \"central\"" } else { "role = \"central\"" };
    let mut text = format!(
        "[node]\nid = \"{node}\"\n{role}\n[listen]\naddress = \"127.0.0.1:0\"\n[store]\nurl = \"sqlite://unused\"\n\
         [keys]\nmaster = \"unused\"\nnode = \"unused\"\n"
    );
    for district in districts().all().iter().filter(|district| served.contains(&&district.id)) {
        let zones: Vec<_> = district.zones.iter().map(|zone| zone.id.as_str()).collect();
        text += &format!("[[districts]]\nid = \"{}\"\nzones = {}\n", district.id, json!(zones));
        if is_edge {
            text += &format!("edge = \"{node}\"\n");
        }
    }
    if is_edge {
        text += "[[peers]]\nid = \"central\"\nurl = \"http://127.0.0.1:1\"\npublic_key = \"unused\"\n";
    }
    text
}
