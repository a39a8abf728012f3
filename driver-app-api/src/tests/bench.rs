//! A node with one district and three drivers: one with the app, one who is barred, one served by text.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use ondol_core::booking::{Door, Needs, Payment, Priority};
use ondol_core::command::Command;
use ondol_core::fact::{self, Driver, Lang, Vehicle};
use ondol_core::ids::{BookingId, DistrictId, DriverId, NodeId, SubjectId, VehicleId};
use ondol_core::position::Position;
use ondol_core::travel::StraightLine;
use ondol_core::units::UtcMs;
use ondol_device::wire::Endpoints;
use ondol_engine::Handle;
use ondol_engine::clock::{Clock as _, ManualClock};
use ondol_engine::config::Config;
use ondol_engine::identity::policy::Districts;
use ondol_engine::identity::{
    Identity, IdentityConfig, IdentityStore, KnownKey, Proof, SigningKey, Standing, Transport,
    driver_secret_digest,
};
use ondol_engine::run::{Setup, start};
use ondol_engine::store::Store;
use ondol_engine::vault::{E164, RiderPersonal, Secrets, Vault};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::wire::{Session, SignedIn};
use crate::{DriverSetup, Tracks, router};

/// 2026-03-02T09:00:00Z.
pub(super) const START: UtcMs = UtcMs(1_772_442_000_000);
pub(super) const ORIGIN: &str = "http://127.0.0.1:8080";
pub(super) const SECRET_KEY: [u8; 32] = [5; 32];
pub(super) const APP: &str = "010-1000-0001";
pub(super) const BARRED: &str = "010-1000-0002";
pub(super) const BY_TEXT: &str = "010-1000-0003";

const CONFIG: &str = r#"
[node]
id = "central"
role = "central"
[listen]
address = "127.0.0.1:0"
[store]
url = "sqlite://unused"
[keys]
master = "unused"
node = "unused"
[[districts]]
id = "north"
zones = ["north-1"]
"#;

const EDGE_CONFIG: &str = r#"
[node]
id = "edge-a"
role = "edge"
central = "central"
[listen]
address = "127.0.0.1:0"
[store]
url = "sqlite://unused"
[keys]
master = "unused"
node = "unused"
[[districts]]
id = "north"
zones = ["north-1"]
edge = "edge-a"
[[peers]]
id = "central"
url = "http://127.0.0.1:1"
public_key = "unused"
"#;

pub(super) struct Bench {
    pub(super) router: Router,
    pub(super) handle: Handle,
    pub(super) identity: Arc<Identity>,
    pub(super) clock: Arc<ManualClock>,
    dir: tempfile::TempDir,
}

/// A device that has signed in and has a session.
pub(super) struct Phone {
    pub(super) key: SigningKey,
    pub(super) signed_in: SignedIn,
    pub(super) token: String,
}

impl Bench {
    /// Central, with the three drivers listed.
    pub(super) async fn new() -> Self {
        let bench =
            Self::start(tempfile::tempdir().unwrap(), CONFIG, identity("central", 1, Standing::Central))
                .await;
        for (number, phone) in [(1, APP), (2, BARRED), (3, BY_TEXT)] {
            bench.handle.request(Command::ListDriver(driver(&bench.handle, number, phone))).await.unwrap();
        }
        bench
    }

    /// The edge of the district, started again while central is away: it has what it pulled before, here the whole
    /// journal of `central`, and has heard nothing since.
    pub(super) async fn edge_after(central: Self) -> Self {
        central.handle.shut_down().await;
        let mut identity = identity("edge-a", 2, Standing::Edge(district()));
        identity.known.push(KnownKey {
            node: "central".parse().unwrap(),
            public: SigningKey::from_seed(&[1; 32]).public(),
            standing: Standing::Central,
        });
        identity.districts = Districts::Some(vec![district()]);
        Self::start(central.dir, EDGE_CONFIG, identity).await
    }

    async fn start(dir: tempfile::TempDir, config: &str, identity: IdentityConfig) -> Self {
        let store = Store::open(&format!("sqlite://{}", dir.path().join("node.db").display())).await.unwrap();
        let clock = ManualClock::at(START);
        let identity =
            Arc::new(Identity::open(identity, IdentityStore::new(&store), clock.clone()).await.unwrap());
        let config: Config = config.parse().unwrap();
        let vault = Vault::new(&Secrets::from_bytes([7; 32]));
        let setup = Setup { config, clock: clock.clone(), store, vault, travel: Arc::new(StraightLine) };
        let handle = start(setup).await.unwrap().handle;
        let endpoints = BTreeMap::from([(district(), Endpoints { nodes: Vec::new(), text_number: None })]);
        let setup = DriverSetup {
            handle: handle.clone(),
            identity: identity.clone(),
            secret_key: SECRET_KEY,
            endpoints,
            tracks: Tracks::default(),
        };
        Self { router: router(setup), handle, identity, clock, dir }
    }

    pub(super) fn now(&self) -> UtcMs {
        self.clock.now().utc
    }

    /// Posts JSON, with a session's token if there is one.
    pub(super) async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> (StatusCode, Value) {
        let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub(super) async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub(super) async fn sign_in(&self, seed: u8) -> SignedIn {
        let key = SigningKey::from_seed(&[seed; 32]);
        let body = json!({"phone": APP, "secret": "4821", "key": key.public()});
        let (status, answer) = self.post("/driver/v1/sign-in", None, &body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        serde_json::from_value(answer).unwrap()
    }

    /// The app driver's device with the key of `seed`, in session.
    pub(super) async fn phone(&self, seed: u8) -> Phone {
        let (key, signed_in) = (SigningKey::from_seed(&[seed; 32]), self.sign_in(seed).await);
        let proof = self.proof(&key, &signed_in.pass, "central", 1);
        let body = json!({"pass": signed_in.pass, "proof": proof});
        let (status, answer) = self.post("/driver/v1/session", None, &body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let session: Session = serde_json::from_value(answer).unwrap();
        Phone { key, signed_in, token: session.token }
    }

    pub(super) fn proof(&self, key: &SigningKey, pass: &str, node: &str, nonce: u128) -> Proof {
        let node: NodeId = node.parse().unwrap();
        Proof::make(key, &node, pass, self.now(), Uuid::from_u128(nonce))
    }

    /// Books a taxi beside the phone for a rider with name, number and note.
    pub(super) async fn book(&self, booking: u128) -> BookingId {
        let booking = BookingId::from_number(booking);
        let rider = SubjectId(Uuid::from_u128(77));
        let personal = RiderPersonal {
            name: Some("김하늘".into()),
            phone: Some("010-9999-0001".parse().unwrap()),
            note: Some("정문 앞".into()),
            pickup_label: Some("시청".into()),
            dropoff_label: None,
        };
        let request = fact::Request {
            door: Door::Web,
            fleet: None,
            pickup: here(),
            dropoff: None,
            stand: None,
            seats: 1,
            needs: Needs::default(),
            priority: Priority::Normal,
            pickup_at: None,
            rider,
            phone: None,
            personal: Some(self.handle.vault().seal(rider, &personal).unwrap()),
            lang: Lang::Ko,
            payment: Payment::Cash,
            quote: None,
            text_home: None,
            digest: "d".into(),
        };
        let zone = "north-1".parse().unwrap();
        self.handle.request(Command::Book { booking, district: district(), zone, request }).await.unwrap();
        booking
    }
}

impl Phone {
    pub(super) fn attach(&self, epoch: u64) -> Value {
        json!({
            "shift": Uuid::from_u128(500), "device": self.signed_in.device, "started_at": "2026-03-02T08:59:00Z",
            "attach_epoch": epoch, "slot": {}, "duty": {"number": 1, "duty": "available"}, "position": here(),
        })
    }

    pub(super) fn beat(&self, session: &Value, slot: &Value) -> Value {
        json!({
            "shift": Uuid::from_u128(500), "device": self.signed_in.device, "session": session,
            "hears_central": true, "position": here(), "slot": slot,
        })
    }

    pub(super) fn reports(&self, entries: &Value) -> Value {
        json!({"shift": Uuid::from_u128(500), "device": self.signed_in.device, "entries": entries})
    }
}

pub(super) fn district() -> DistrictId {
    "north".parse().unwrap()
}

pub(super) fn here() -> Position {
    Position::new(37.5665, 126.978).unwrap()
}

fn identity(node: &str, seed: u8, standing: Standing) -> IdentityConfig {
    IdentityConfig {
        node: node.parse().unwrap(),
        standing,
        key: SigningKey::from_seed(&[seed; 32]),
        known: Vec::new(),
        districts: Districts::All,
        origins: vec![ORIGIN.into()],
        transport: Transport::LoopbackHttp,
    }
}

fn driver(handle: &Handle, number: u128, phone: &str) -> Driver {
    let id = DriverId::from_number(number);
    let phone: E164 = phone.parse().unwrap();
    Driver {
        driver: id,
        subject: SubjectId(id.0),
        fleet: "blue".parse().unwrap(),
        district: district(),
        phone: Some(handle.vault().phone_key(&phone)),
        personal: None,
        lang: Lang::Ko,
        secret_digest: driver_secret_digest(&SECRET_KEY, id, "4821"),
        home: (number == 3).then(|| "edge-a".parse().unwrap()),
        vehicle: Vehicle {
            vehicle: VehicleId::from_number(number),
            plate: "서울33바1234".into(),
            seats: 4,
            needs: Needs::default(),
        },
        banned: number == 2,
    }
}
