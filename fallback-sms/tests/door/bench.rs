//! The text door before central or an edge, and the text process that asks it.

use std::sync::Arc;

use axum::Router;
use ondol_core::command::Command;
use ondol_core::ids::DistrictId;
use ondol_core::position::Position;
use ondol_core::units::UtcMs;
use ondol_engine::identity::{Issuer, TEXT_LIFE_MS, text_token};
use ondol_sms::routes::{TextDoor, router};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::testbed::{Answer, EDGE, Listed, SECRET_KEY, Testbed, ask, district_at, get, key, place, post};

pub(crate) const RIDER: &str = "+821012345678";
pub(crate) const STRANGER: &str = "+821099990000";
pub(crate) const DRIVER: &str = "+821055550001";
/// A driver with the app, whom nobody serves by text.
pub(crate) const APP_DRIVER: &str = "+821055550002";

pub(crate) struct Bench {
    pub(crate) node: Testbed,
    token: String,
    door: Router,
}

impl Bench {
    /// Central with the stands of the city and two drivers, one of them served by text at the edge.
    pub(crate) async fn central() -> Self {
        let node = Testbed::central().await;
        for stand in node.map.stands() {
            let command = Command::ListStand {
                stand: stand.code,
                name_ko: stand.name.clone(),
                name_en: stand.name_en.unwrap_or(stand.name),
                position: stand.position,
                district: district_at(stand.position),
            };
            node.handle.request(command).await.unwrap();
        }
        let district = &home();
        for (number, phone, home) in [(1, DRIVER, Some(EDGE)), (2, APP_DRIVER, None)] {
            node.list_driver(Listed { number, phone, district, home, banned: false }).await;
        }
        Self::before(node)
    }

    /// The edge of [`home`], while central is away.
    pub(crate) async fn edge() -> Self {
        Self::before(Testbed::edge_after(Self::central().await.node, &home()).await)
    }

    fn before(node: Testbed) -> Self {
        let all = node.districts.all().iter().map(|district| district.id.clone()).collect();
        let token = signed_by_central(all, node.now());
        let door = router(TextDoor {
            handle: node.handle.clone(),
            identity: Arc::clone(&node.identity),
            map: Some(Arc::clone(&node.map)),
            districts: Arc::clone(&node.districts),
            secret_key: SECRET_KEY,
        });
        Self { node, token, door }
    }

    /// A good token for these districts alone.
    pub(crate) fn token_of(&self, districts: &[DistrictId]) -> String {
        signed_by_central(districts.to_vec(), self.node.now())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_as(&self.token, path).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_as(&self.token, path, body).await
    }

    pub(crate) async fn get_as(&self, token: &str, path: &str) -> Answer {
        ask(&self.door, get(&format!("/text/v1{path}"), &[("authorization", &format!("Bearer {token}"))]))
            .await
    }

    pub(crate) async fn post_as(&self, token: &str, path: &str, body: &Value) -> Answer {
        let headers = [("authorization", &*format!("Bearer {token}"))];
        ask(&self.door, post(&format!("/text/v1{path}"), &headers, body)).await
    }

    /// Without any token.
    pub(crate) async fn get_in_the_open(&self, path: &str) -> Answer {
        ask(&self.door, get(&format!("/text/v1{path}"), &[])).await
    }

    /// Without any token.
    pub(crate) async fn post_in_the_open(&self, path: &str, body: &Value) -> Answer {
        ask(&self.door, post(&format!("/text/v1{path}"), &[], body)).await
    }

    /// The rider books at the first place of the city; the answer was good.
    pub(crate) async fn book(&self, key: u128) -> Value {
        let booked = self.post("/bookings", &wish(key)).await;
        assert_eq!(booked.status.as_u16(), 200, "{}", booked.body);
        booked.body
    }

    /// The driver's text, with the driver's code.
    pub(crate) async fn says(&self, number: u128, command: Value) -> Answer {
        self.post(&commands(DRIVER), &said(number, command, Some("4821"))).await
    }

    /// A car is on its way: the edge dispatches by itself, and its driver by text has taken the rider's booking `key`.
    pub(crate) async fn with_a_car(key: u128) -> Self {
        let bench = Self::edge().await;
        let take = Command::TakeDistrict { district: home() };
        bench.node.handle.request(take).await.unwrap();
        let on = bench.says(1, json!({"kind": "on", "stand": stand_code(0)})).await;
        assert_eq!(on.body["state"], "free", "{}", on.body);
        bench.book(key).await;
        let offer = bench.first_notice().await;
        assert_eq!((&offer["to"], &offer["template"]), (&json!(DRIVER), &json!("sms-offer")), "{offer}");
        let taken = bench.says(2, json!({"kind": "accept", "offer": offer["args"]["letter"]})).await;
        assert_eq!(taken.body["state"], "to_pickup", "{}", taken.body);
        bench
    }

    /// Lets time pass, a minute at most, until the node wants something told; the first of it.
    async fn first_notice(&self) -> Value {
        for _ in 0..60 {
            let page = self.get("/notices?after=0&limit=1").await;
            assert_eq!(page.status.as_u16(), 200, "{}", page.body);
            if let Some(first) = page.body["notices"].get(0) {
                return first.clone();
            }
            self.node.clock.advance_ms(1_000);
        }
        panic!("nothing was to be told within a minute");
    }
}

/// A token as central makes it; its edges take it as well.
fn signed_by_central(districts: Vec<DistrictId>, now: UtcMs) -> String {
    text_token(&Issuer::new("central".parse().unwrap(), key("central")), districts, TEXT_LIFE_MS, now)
}

/// The district where the tests take place.
pub(crate) fn home() -> DistrictId {
    district_at(place(0))
}

/// A place in another district, with that district.
pub(crate) fn elsewhere() -> (Position, DistrictId) {
    let there = (0..).map(place).find(|there| district_at(*there) != home()).unwrap();
    (there, district_at(there))
}

/// The number painted on the pole of place `n`.
pub(crate) fn stand_code(n: usize) -> u16 {
    crate::testbed::stand(n).code.as_str().parse().unwrap()
}

/// What the rider wants: a taxi to the sixth place of the city.
pub(crate) fn wish(key: u128) -> Value {
    json!({
        "booking_id": Uuid::from_u128(key), "phone": RIDER, "passengers": 1, "lang": "ko", "source": "sms",
        "pickup": {"name": "솔내시장 정문", "position": place(0)},
        "destination": {"name": "한내역 3번 출구", "position": place(5)},
        "proof": "number", "asked_at": "2026-03-02T08:59:58Z",
    })
}

/// What is asked about a booking: `cancel` or `keep`, in this number's name.
pub(crate) fn about(phone: &str, proof: Option<&str>) -> Value {
    let mut body = json!({"request_id": Uuid::from_u128(900), "phone": phone});
    if let Some(proof) = proof {
        body["proof"] = json!(proof);
    }
    body
}

/// A driver's text.
pub(crate) fn said(number: u128, command: Value, code: Option<&str>) -> Value {
    let mut body = json!({
        "command_id": Uuid::from_u128(700 + number), "command": command, "sent_at": "2026-03-02T09:00:00Z",
    });
    if let Some(code) = code {
        body["driver_code"] = json!(code);
    }
    body
}

pub(crate) fn commands(phone: &str) -> String {
    format!("/drivers/{phone}/commands")
}

pub(crate) fn booking(key: u128, step: &str) -> String {
    format!("/bookings/{}/{step}", Uuid::from_u128(key))
}
