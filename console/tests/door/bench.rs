//! A real node on a fresh SQLite file, its clock moved by hand, with accounts and the operators' door before it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use ondol_console::{ConsoleSetup, router};
use ondol_core::position::Position;
use ondol_core::units::UtcMs;
use ondol_engine::Handle;
use ondol_engine::clock::ManualClock;
use ondol_engine::config::Config;
use ondol_engine::identity::policy::Districts as Scope;
use ondol_engine::identity::{
    Identity, IdentityConfig, IdentityStore, NewOperator, Role, SigningKey, Standing, Transport,
};
use ondol_engine::run::{self, Setup};
use ondol_engine::store::Store;
use ondol_engine::vault::{Secrets, Vault};
use ondol_roads::{RoadMap, generate};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

pub(crate) const ORIGIN: &str = "http://127.0.0.1:8080";
pub(crate) const PASSWORD: &str = "warm floors for everybody";

pub(crate) struct Bench {
    pub(crate) handle: Handle,
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
        let identity = IdentityConfig {
            node: "central".parse().unwrap(),
            standing: Standing::Central,
            key: SigningKey::generate(),
            known: Vec::new(),
            districts: Scope::All,
            origins: vec![ORIGIN.to_owned()],
            transport: Transport::LoopbackHttp,
        };
        let identity = Identity::open(identity, IdentityStore::new(&store), clock.clone()).await.unwrap();
        for (login, role, fleet) in [
            ("operator", Role::Operator, None),
            ("hanbit", Role::Operator, Some("hanbit")),
            ("onnuri", Role::Operator, Some("onnuri")),
            ("auditor", Role::Auditor, None),
        ] {
            let new = NewOperator {
                login: login.to_owned(),
                password: PASSWORD.to_owned(),
                role,
                fleet: fleet.map(|fleet| fleet.parse().unwrap()),
                districts: Scope::All,
            };
            identity.add_operator(new).await.unwrap();
        }
        let vault = Vault::new(&Secrets::from_bytes([7; 32]));
        let travel = Arc::clone(&map) as _;
        let setup = Setup { config, clock, store, vault, travel };
        let handle = run::start(setup).await.unwrap().handle;
        let door = router(ConsoleSetup {
            handle: handle.clone(),
            identity: Arc::new(identity),
            map: Some(Arc::clone(&map)),
            districts,
        });
        Self { handle, map, door, _folder: folder }
    }

    /// A place in the city where taxis go.
    pub(crate) fn place(&self, n: usize) -> Position {
        self.map.stands()[n].position
    }

    pub(crate) fn call(&self, key: u128) -> Value {
        json!({
            "booking_id": uuid::Uuid::from_u128(key), "lang": "ko",
            "phone": "010-1234-5678", "name": "김하늘", "note": "벨을 눌러 주세요",
            "pickup": {"label": "솔내시장 정문", "position": self.place(0)},
            "dropoff": {"label": "한내역 3번 출구", "position": self.place(5)},
        })
    }

    /// Signs in and returns the cookie.
    pub(crate) async fn sign_in(&self, login: &str) -> String {
        let wish = json!({"account": login, "password": PASSWORD});
        let answer = self.send(Method::POST, "/console/v1/session", "", Some(&wish)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        cookie.split(';').next().unwrap().to_owned()
    }

    pub(crate) async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.send(Method::GET, path, cookie, None).await
    }

    pub(crate) async fn post(&self, path: &str, cookie: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, cookie, Some(body)).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        cookie: &str,
        body: Option<&Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("origin", ORIGIN);
        if !cookie.is_empty() {
            request = request.header("cookie", cookie);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
        self.ask(request.body(body).unwrap()).await
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.door.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

impl Answer {
    pub(crate) fn code(&self) -> (u16, &str) {
        (self.status.as_u16(), self.body["code"].as_str().unwrap_or_default())
    }
}
