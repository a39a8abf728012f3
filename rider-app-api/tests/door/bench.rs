//! The riders' door before a node.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use ondol_core::capsule::Capsule;
use ondol_core::command::{Attach, Command, Held, Restore, Slot};
use ondol_core::fact::{Request, ShiftStart, Vehicle};
use ondol_core::ids::{AssignmentId, BookingId, DeviceId, DistrictId, DriverId, ShiftId};
use ondol_core::node::Node;
use ondol_core::shift::{Duty, Serialiser};
use ondol_core::tariff::Tariff;
use ondol_core::units::UtcMs;
use ondol_engine::Handle;
use ondol_engine::clock::ManualClock;
use ondol_rider_api::wire::{Endpoint, EndpointsAnswer};
use ondol_rider_api::{Limits, RiderSetup, router};
use ondol_roads::RoadMap;
use serde_json::{Value, json};

use crate::testbed::{Answer, Listed, START, Stream, Testbed, ask, district_at, get, place, post, wish};

pub(crate) const KEY: &str = "6f1c9bd2-6a52-4c5e-8d27-0c4a4e5f1a11";

pub(crate) struct Bench {
    pub(crate) handle: Handle,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) map: Arc<RoadMap>,
    door: Router,
    node: Testbed,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(Limits::one_address_is_many()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        Self::before(Testbed::central().await, limits)
    }

    /// Central started again, cut off from an edge in the district of the first place.
    pub(crate) async fn without_edge_after(before: Self) -> Self {
        let district = district_at(place(0));
        let node = Testbed::central_without_edge_after(before.node, &district).await;
        Self::before(node, Limits::one_address_is_many())
    }

    /// Central on an empty disk, brought the booking of `KEY` by the phone of the driver who is on the way.
    pub(crate) async fn brought_back_after(before: Self) -> Self {
        let booking: BookingId = KEY.parse().unwrap();
        let request = before.handle.read(move |node| node.board().booking(booking)?.1.request().cloned());
        let request = Request { personal: None, phone: None, ..request.await.unwrap().unwrap() };
        let node = Testbed::central_without_disk_after(before.node).await;
        let (district, zone) = node.districts.locate(place(0)).unwrap();
        let listed =
            Listed { number: 1, phone: "010-1000-0001", district: &district, home: None, banned: false };
        let driver = node.list_driver(listed).await;
        let (shift, device) = (ShiftId::from_number(1), DeviceId::from_number(1));
        let assignment: AssignmentId = "central:1:1".parse().unwrap();
        let held = Held { booking, assignment: assignment.clone(), confirmed: true, boarded: false };
        let listed =
            node.handle.read(move |node| node.board().driver(driver).unwrap().1.clone()).await.unwrap();
        let start = ShiftStart {
            driver,
            vehicle: listed.vehicle,
            fleet: listed.fleet,
            serialiser: Serialiser::Device { device },
            at: START,
        };
        let attach = Attach {
            shift,
            device,
            driver,
            district: district.clone(),
            start,
            attach_epoch: 2,
            slot: Slot { current: Some(held), next: None },
            duty: (1, Duty::Available),
            position: Some(place(0)),
            keeps_capsules: true,
        };
        node.handle.request(Command::Attach(attach)).await.unwrap();
        let capsule = Capsule {
            booking,
            assignment,
            shift,
            device,
            driver,
            district: district.clone(),
            zone,
            attach_epoch: 1,
            request,
            eta_s: 60,
            offered_at: START,
            borrowed: None,
        };
        let restore = Restore { shift, device, driver, district, capsule };
        node.handle.request(Command::Restore(Box::new(restore))).await.unwrap();
        Self::before(node, Limits::one_address_is_many())
    }

    /// True if the booking of `KEY` is known from its driver's phone alone.
    pub(crate) async fn is_unverified(&self) -> bool {
        let booking: BookingId = KEY.parse().unwrap();
        let look = move |node: &Node| node.board().booking(booking).unwrap().1.is_unverified();
        self.handle.read(look).await.unwrap()
    }

    fn before(node: Testbed, limits: Limits) -> Self {
        let endpoints = EndpointsAnswer {
            endpoints: vec![Endpoint {
                node: "central".parse().unwrap(),
                url: "http://127.0.0.1:8080".to_owned(),
                district: None,
            }],
            sms_numbers: std::collections::BTreeMap::new(),
            phone_number: None,
        };
        let door = router(RiderSetup {
            handle: node.handle.clone(),
            map: Some(Arc::clone(&node.map)),
            districts: Arc::clone(&node.districts),
            tariff: Tariff::seoul(),
            endpoints,
            limits,
        });
        Self {
            handle: node.handle.clone(),
            clock: Arc::clone(&node.clock),
            map: Arc::clone(&node.map),
            door,
            node,
        }
    }

    pub(crate) fn now(&self) -> UtcMs {
        self.node.now()
    }

    /// Lists the one driver of a district.
    pub(crate) async fn list_driver(&self, district: &DistrictId) -> (DriverId, Vehicle) {
        let listed = Listed { number: 1, phone: "010-1000-0001", district, home: None, banned: false };
        let driver = self.node.list_driver(listed).await;
        let vehicle = move |node: &Node| node.board().driver(driver).unwrap().1.vehicle.clone();
        (driver, self.handle.read(vehicle).await.unwrap())
    }

    pub(crate) fn wish(&self) -> Value {
        let mut wish = wish(KEY.parse().unwrap());
        wish["door"] = json!("web");
        wish
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(get(path, &[])).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(post(path, &[], body)).await
    }

    pub(crate) async fn send(&self, request: axum::http::Request<Body>) -> Answer {
        ask(&self.door, request).await
    }

    /// Opens the stream of a booking.
    pub(crate) async fn stream(&self, path: &str) -> Stream {
        Stream::open(&self.door, get(path, &[])).await
    }

    pub(crate) async fn bookings(&self) -> usize {
        self.node.bookings().await
    }
}
