//! The operators' door before a node, with accounts.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use ondol_console::{ConsoleSetup, router};
use ondol_core::booking::Needs;
use ondol_core::command::{Attach, Command, Happening, Report, Slot};
use ondol_core::fact::{Driver, Lang, ShiftStart, Step, Vehicle};
use ondol_core::ids::{BookingId, DeviceId, DistrictId, DriverId, ShiftId, SubjectId, VehicleId};
use ondol_core::position::Position;
use ondol_core::shift::{Duty, Serialiser};
use ondol_engine::Handle;
use ondol_engine::identity::policy::Districts as Scope;
use ondol_engine::identity::{NewOperator, Role};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) use crate::testbed::ORIGIN;
use crate::testbed::{Answer, START, Stream, Testbed, ask, get, wish};

pub(crate) const PASSWORD: &str = "warm floors for everybody";

pub(crate) struct Bench {
    pub(crate) handle: Handle,
    pub(crate) node: Testbed,
    door: Router,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let node = Testbed::central().await;
        for (login, role, fleet) in [
            ("operator", Role::Operator, None),
            ("hanbit", Role::Operator, Some("hanbit")),
            ("onnuri", Role::Operator, Some("onnuri")),
            ("blue", Role::Operator, Some("blue")),
            ("auditor", Role::Auditor, None),
        ] {
            let new = NewOperator {
                login: login.to_owned(),
                password: PASSWORD.to_owned(),
                role,
                fleet: fleet.map(|fleet| fleet.parse().unwrap()),
                districts: Scope::All,
            };
            node.identity.add_operator(new).await.unwrap();
        }
        Self::before(node)
    }

    /// The door of the edge of `district`, with the same accounts, which has heard nothing of central in this life.
    pub(crate) async fn edge_after(central: Self, district: &DistrictId) -> Self {
        Self::before(Testbed::edge_after(central.node, district).await)
    }

    fn before(node: Testbed) -> Self {
        let door = router(ConsoleSetup {
            handle: node.handle.clone(),
            identity: Arc::clone(&node.identity),
            map: Some(Arc::clone(&node.map)),
            districts: Arc::clone(&node.districts),
        });
        Self { handle: node.handle.clone(), door, node }
    }

    pub(crate) fn call(&self, key: u128) -> Value {
        wish(Uuid::from_u128(key))
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
        ask(&self.door, request).await
    }

    /// Opens the stream of an operator.
    pub(crate) async fn stream(&self, cookie: &str) -> Stream {
        Stream::open(&self.door, get("/console/v1/events", &[("cookie", cookie)])).await
    }

    /// The driver's phone begins the shift, in the district of the first place.
    pub(crate) async fn begin(&self, taxi: &Taxi<'_>) {
        let (driver, device) = (DriverId::from_number(taxi.driver), DeviceId::from_number(taxi.shift));
        let vehicle = Vehicle {
            vehicle: VehicleId::from_number(taxi.driver),
            plate: taxi.plate.to_owned(),
            seats: 4,
            needs: Needs::default(),
        };
        let listed = Driver {
            driver,
            subject: SubjectId::from_number(taxi.driver),
            fleet: taxi.fleet.parse().unwrap(),
            district: "hannam".parse().unwrap(),
            phone: None,
            personal: None,
            lang: Lang::Ko,
            secret_digest: String::new(),
            home: None,
            vehicle: vehicle.clone(),
            banned: false,
        };
        self.handle.request(Command::ListDriver(listed.clone())).await.unwrap();
        let serialiser = Serialiser::Device { device };
        let attach = Attach {
            shift: ShiftId::from_number(taxi.shift),
            device,
            driver,
            district: listed.district,
            start: ShiftStart { driver, vehicle, fleet: listed.fleet, serialiser, at: START },
            attach_epoch: 1,
            slot: Slot::default(),
            duty: (1, Duty::Available),
            position: taxi.position,
            keeps_capsules: false,
        };
        self.handle.request(Command::Attach(attach)).await.unwrap();
    }

    /// The phone of a shift that [`Self::begin`] began tells a step of the last assignment for which it was asked.
    pub(crate) async fn says(&self, shift: u128, booking: u128, what: Step) {
        let (shift, device) = (ShiftId::from_number(shift), DeviceId::from_number(shift));
        let booking = BookingId::from_number(booking);
        let asked = self.handle.read(move |node| {
            let bonds = &node.board().booking(booking)?.1.assignments;
            bonds.iter().rev().find(|(_, bond)| bond.shift == shift).map(|(id, _)| id.clone())
        });
        let assignment = asked.await.unwrap().expect("the shift was asked");
        let what = Happening::Step { booking, assignment, what };
        let (district, at) = ("hannam".parse().unwrap(), self.node.now());
        let report = Report { shift, device, district, what, at };
        self.handle.request(Command::Report(report)).await.unwrap();
    }
}

/// A driver with the app; the phone has the number of its shift.
pub(crate) struct Taxi<'a> {
    pub(crate) driver: u128,
    pub(crate) shift: u128,
    pub(crate) fleet: &'a str,
    pub(crate) plate: &'a str,
    /// Where, if the phone knows it.
    pub(crate) position: Option<Position>,
}
