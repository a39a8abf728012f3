//! The riders' door before a node.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use ondol_core::tariff::Tariff;
use ondol_engine::Handle;
use ondol_engine::clock::ManualClock;
use ondol_rider_api::wire::{Endpoint, EndpointsAnswer};
use ondol_rider_api::{Limits, RiderSetup, router};
use ondol_roads::RoadMap;
use serde_json::{Value, json};

use crate::testbed::{Answer, Stream, Testbed, ask, district_at, get, place, post, wish};

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

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
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
