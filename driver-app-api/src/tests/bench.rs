//! The drivers' door before a node with three drivers: one with the app, one who is barred, one served by text.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use ondol_core::booking::Door;
use ondol_core::command::Command;
use ondol_core::fact;
use ondol_core::ids::{BookingId, DistrictId, NodeId, SubjectId};
use ondol_core::position::Position;
use ondol_device::wire::Endpoints;
use ondol_engine::Handle;
use ondol_engine::capsule::Recovery;
use ondol_engine::clock::ManualClock;
use ondol_engine::identity::{Identity, Proof, SigningKey};
use ondol_engine::vault::RiderPersonal;
use serde_json::{Value, json};
use uuid::Uuid;

pub(super) use super::testbed::ORIGIN;
use super::testbed::{self, Answer, EDGE, Listed, SECRET_KEY, Testbed};
use crate::wire::{Session, SignedIn};
use crate::{DriverSetup, TrackQueue, router};

pub(super) const APP: &str = "010-1000-0001";
pub(super) const BARRED: &str = "010-1000-0002";
pub(super) const BY_TEXT: &str = "010-1000-0003";

pub(super) struct Bench {
    pub(super) router: Router,
    pub(super) handle: Handle,
    pub(super) identity: Arc<Identity>,
    pub(super) recovery: Recovery,
    pub(super) clock: Arc<ManualClock>,
    pub(super) tracks: TrackQueue,
    node: Testbed,
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
        Self::listed(Testbed::central().await).await
    }

    /// The same on an empty disk; the office lists the drivers again.
    pub(super) async fn without_disk_after(central: Self) -> Self {
        Self::listed(Testbed::central_without_disk_after(central.node).await).await
    }

    async fn listed(node: Testbed) -> Self {
        let district = &district();
        for (number, phone) in [(1, APP), (2, BARRED), (3, BY_TEXT)] {
            let home = (phone == BY_TEXT).then_some(EDGE);
            node.list_driver(Listed { number, phone, district, home, banned: phone == BARRED }).await;
        }
        Self::before(node)
    }

    /// The edge of the district, started while central is away.
    pub(super) async fn edge_after(central: Self) -> Self {
        Self::before(Testbed::edge_after(central.node, &district()).await)
    }

    fn before(node: Testbed) -> Self {
        let endpoints = BTreeMap::from([(district(), Endpoints { nodes: Vec::new(), text_number: None })]);
        let tracks = TrackQueue::default();
        let setup = DriverSetup {
            handle: node.handle.clone(),
            identity: Arc::clone(&node.identity),
            recovery: node.recovery.clone(),
            secret_key: SECRET_KEY,
            endpoints,
            tracks: Some(tracks.clone()),
        };
        Self {
            router: router(setup),
            tracks,
            handle: node.handle.clone(),
            identity: Arc::clone(&node.identity),
            recovery: node.recovery.clone(),
            clock: Arc::clone(&node.clock),
            node,
        }
    }

    /// Posts JSON, with a session's token if there is one.
    pub(super) async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> (StatusCode, Value) {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        self.send(testbed::post(path, &headers, body)).await
    }

    pub(super) async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let Answer { status, body, .. } = testbed::ask(&self.router, request).await;
        (status, body)
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
        Proof::make(key, &node, pass, self.node.now(), Uuid::from_u128(nonce))
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
            personal: Some(self.handle.vault().seal(rider, &personal).unwrap()),
            ..fact::Request::plain(Door::Web, here(), rider)
        };
        let (district, zone) = self.node.districts.locate(here()).unwrap();
        self.handle.request(Command::Book { booking, district, zone, request }).await.unwrap();
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
    testbed::district_at(here())
}

/// The number of a place in another district.
pub(super) fn elsewhere() -> usize {
    let away = |place: &usize| testbed::district_at(testbed::place(*place)) != district();
    (1..).find(away).expect("the city has more than one district")
}

pub(super) fn here() -> Position {
    testbed::place(0)
}
