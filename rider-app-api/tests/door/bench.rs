//! A real node on a fresh SQLite file, its clock moved by hand, with the riders' door before it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use ondol_core::position::Position;
use ondol_core::tariff::Tariff;
use ondol_core::units::UtcMs;
use ondol_engine::Handle;
use ondol_engine::clock::ManualClock;
use ondol_engine::config::Config;
use ondol_engine::run::{self, Setup};
use ondol_engine::store::Store;
use ondol_engine::vault::{Secrets, Vault};
use ondol_rider_api::wire::{Endpoint, EndpointsAnswer};
use ondol_rider_api::{Limits, RiderSetup, router};
use ondol_roads::{RoadMap, generate};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

pub(crate) const KEY: &str = "6f1c9bd2-6a52-4c5e-8d27-0c4a4e5f1a11";

pub(crate) struct Bench {
    pub(crate) handle: Handle,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) map: Arc<RoadMap>,
    door: Router,
    _folder: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(Limits::one_address_is_many()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let map = Arc::new(RoadMap::of(generate::city(7)));
        let districts = Arc::new(map.districts().unwrap().clone());
        let mut text = format!(
            "[node]\nid = \"central\"\nrole = \"standalone\"\n[listen]\naddress = \"127.0.0.1:0\"\n\
             [store]\nurl = \"sqlite://{}\"\n[keys]\nmaster = \"unused\"\nnode = \"unused\"\n",
            folder.path().join("node.db").display(),
        );
        for district in districts.all() {
            let zones: Vec<_> = district.zones.iter().map(|zone| zone.id.as_str()).collect();
            text += &format!("[[districts]]\nid = \"{}\"\nzones = {}\n", district.id, json!(zones));
        }
        let config: Config = text.parse().unwrap();
        let clock = ManualClock::at(UtcMs(1_790_000_000_000));
        let store = Store::open(&config.store.url).await.unwrap();
        let vault = Vault::new(&Secrets::from_bytes([7; 32]));
        let travel = Arc::clone(&map) as _;
        let setup = Setup { config, clock: clock.clone(), store, vault, travel };
        let handle = run::start(setup).await.unwrap().handle;
        let endpoints = EndpointsAnswer {
            endpoints: vec![Endpoint {
                node: "central".parse().unwrap(),
                url: "http://127.0.0.1:8080".to_owned(),
            }],
            sms_number: Some("+8215880000".to_owned()),
            phone_number: None,
        };
        let door = router(RiderSetup {
            handle: handle.clone(),
            map: Some(Arc::clone(&map)),
            districts,
            tariff: Tariff::seoul(),
            endpoints,
            limits,
        });
        Self { handle, clock, map, door, _folder: folder }
    }

    /// A place in the city where taxis go.
    pub(crate) fn place(&self, n: usize) -> Position {
        self.map.stands()[n].position
    }

    pub(crate) fn wish(&self) -> Value {
        json!({
            "booking_id": KEY, "door": "web", "lang": "ko",
            "pickup": {"label": "솔내시장 정문", "position": self.place(0)},
            "dropoff": {"label": "한내역 3번 출구", "position": self.place(5)},
            "name": "김하늘", "phone": "010-1234-5678", "note": "우산을 들고 있어요",
        })
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = Request::post(path).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.door.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// The first piece of a stream.
    pub(crate) async fn first_event(&self, path: &str) -> String {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let mut body = self.door.clone().oneshot(request).await.unwrap().into_body();
        let frame = body.frame().await.unwrap().unwrap();
        String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
    }

    pub(crate) async fn bookings(&self) -> usize {
        self.handle.read(|node| node.board().districts().map(|(_, d)| d.bookings.len()).sum()).await.unwrap()
    }
}

impl Answer {
    pub(crate) fn code(&self) -> (u16, &str) {
        (self.status.as_u16(), self.body["code"].as_str().unwrap_or_default())
    }
}
