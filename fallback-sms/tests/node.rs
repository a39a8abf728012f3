//! Goal: what the text process hands to a node is kept there, and nobody without its token is heard.
//! Method: the text door before a real node in memory.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

#[path = "../../dispatch/testbed/mod.rs"]
mod testbed;

use std::sync::Arc;

use axum::Router;
use ondol_core::ids::BookingId;
use ondol_engine::identity::{Standing, TEXT_LIFE_MS};
use ondol_sms::routes::{TextDoor, router};
use ondol_sms::wire::BookRequest;
use serde_json::{Value, json};
use testbed::{Answer, EDGE, Listed, SECRET, SECRET_KEY, Testbed, ask, district_at, get, place, post};
use uuid::Uuid;

const RIDER: &str = "+821012345678";
const DRIVER: &str = "+821055550001";
const OTHER_DRIVER: &str = "+821055550002";

struct Bench {
    node: Testbed,
    token: String,
    door: Router,
}

impl Bench {
    async fn new() -> Self {
        Self::before(Testbed::central().await)
    }

    /// The edge of the first place's district, with two drivers who are served by text.
    async fn edge() -> Self {
        let central = Testbed::central().await;
        let district = &district_at(place(0));
        for (number, phone) in [(1, DRIVER), (2, OTHER_DRIVER)] {
            central.list_driver(Listed { number, phone, district, home: Some(EDGE), banned: false }).await;
        }
        Self::before(Testbed::edge_after(central, district).await)
    }

    fn before(node: Testbed) -> Self {
        let districts = match node.identity.standing() {
            Standing::Central => node.districts.all().iter().map(|district| district.id.clone()).collect(),
            Standing::Edge(own) => vec![own.clone()],
        };
        let door = router(TextDoor {
            handle: node.handle.clone(),
            identity: Arc::clone(&node.identity),
            map: Some(Arc::clone(&node.map)),
            districts: Arc::clone(&node.districts),
            secret_key: SECRET_KEY,
        });
        Self { token: node.identity.text_token(districts, TEXT_LIFE_MS), node, door }
    }

    async fn get(&self, path: &str) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        ask(&self.door, get(&format!("/text/v1{path}"), &[("authorization", &bearer)])).await
    }

    async fn post_as(&self, token: &str, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {token}");
        ask(&self.door, post(&format!("/text/v1{path}"), &[("authorization", &bearer)], body)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_as(&self.token, path, body).await
    }
}

fn report(number: u128, kind: &str, text: &str) -> Value {
    json!({"report_id": Uuid::from_u128(number), "phone": RIDER, "kind": kind, "text": text,
           "at": "2026-03-02T09:00:00Z"})
}

#[tokio::test]
async fn a_report_without_a_token_or_out_of_bounds_is_not_kept() {
    let bench = Bench::new().await;
    let sos = report(1, "sos", "SOS");
    assert_eq!(bench.post_as("rubbish", "/reports", &sos).await.status.as_u16(), 401);
    let long = report(1, "sos", &"x".repeat(201));
    assert_eq!(bench.post("/reports", &long).await.code(), (400, "invalid_request"));
    let mut nobody = sos.clone();
    nobody["phone"] = json!("12");
    assert_eq!(bench.post("/reports", &nobody).await.code(), (422, "invalid_phone"));
    assert_eq!(bench.post("/reports", &report(1, "gossip", "")).await.status.as_u16(), 400);
    assert!(bench.node.handle.store().open_reports().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_sos_is_on_disk_sealed_before_it_is_answered_and_kept_once() {
    let bench = Bench::new().await;
    for _ in 0..2 {
        assert_eq!(bench.post("/reports", &report(1, "sos", "SOS\n강남역 앞")).await.status.as_u16(), 200);
    }
    assert_eq!(bench.post("/reports", &report(2, "stopped", "")).await.status.as_u16(), 200);
    let mut fault = report(3, "set_aside", "inbox");
    fault["phone"] = json!("");
    assert_eq!(bench.post("/reports", &fault).await.status.as_u16(), 200);

    let kept = bench.node.handle.store().open_reports().await.unwrap();
    let kinds: Vec<&str> = kept.iter().map(|report| report.kind.as_str()).collect();
    assert_eq!(kinds, ["sos", "set_aside"], "a stop needs nobody");
    let words = kept[0].words(bench.node.handle.vault()).unwrap();
    assert_eq!((words.phone.unwrap().as_str(), words.text.as_str()), (RIDER, "SOS 강남역 앞"));
    assert!(!kept[0].sealed.contains("1234"));
    assert_eq!(kept[1].words(bench.node.handle.vault()).unwrap().phone, None);
}

#[tokio::test]
async fn the_outbox_has_the_name_of_this_life_and_another_is_answered_at_once() {
    let bench = Bench::new().await;
    let page = bench.get("/notices?after=0").await.body;
    let name = page["outbox"].as_str().unwrap();
    assert!(name.starts_with("central/") && name.len() > "central/".len(), "{name}");
    let same = bench.get(&format!("/notices?outbox={name}&after=7")).await.body;
    assert_eq!(same, page);
    // It would wait 20 s for something new; the name alone is news.
    let other = bench.get("/notices?outbox=central/1&after=7000&wait_ms=20000").await.body;
    assert_eq!(other, page);
    for outbox in [name, "central/1"] {
        let ack = json!({"outbox": outbox, "results": []});
        assert_eq!(bench.post("/notices/ack", &ack).await.status.as_u16(), 200, "{outbox}");
    }
    for outbox in ["edge-a/1", "", "centrally/1"] {
        let ack = json!({"outbox": outbox, "results": []});
        assert_eq!(bench.post("/notices/ack", &ack).await.code(), (400, "invalid_request"), "{outbox}");
    }
}

#[tokio::test]
async fn a_token_is_renewed_while_it_is_good_and_by_its_signer_alone() {
    let bench = Bench::new().await;
    assert_eq!(bench.post_as("rubbish", "/token", &json!({})).await.status.as_u16(), 401);
    bench.node.clock.advance_ms(TEXT_LIFE_MS - 60_000);
    let answer = bench.post("/token", &json!({})).await;
    let next = answer.body["token"].as_str().unwrap().to_owned();
    bench.node.clock.advance_ms(120_000);
    assert_eq!(bench.post("/token", &json!({})).await.status.as_u16(), 401, "the first has ended");
    assert_eq!(bench.post_as(&next, "/token", &json!({})).await.status.as_u16(), 200);
}

#[tokio::test]
async fn the_journal_holds_nothing_by_which_a_number_can_be_found() {
    let bench = Bench::new().await;
    let wish = json!({
        "booking_id": Uuid::from_u128(1), "phone": RIDER, "passengers": 1, "lang": "ko", "source": "sms",
        "pickup": {"name": "솔내시장 정문", "position": place(0)},
        "proof": "number", "asked_at": "2026-03-02T08:59:58Z",
    });
    let booked = bench.post("/bookings", &wish).await;
    assert_eq!(booked.status.as_u16(), 200, "{}", booked.body);
    let known: BookRequest = serde_json::from_value(wish).unwrap();
    let kept = bench
        .node
        .handle
        .read(|node| {
            node.board().booking(BookingId(Uuid::from_u128(1)))?.1.request().map(|r| r.digest.clone())
        })
        .await
        .unwrap();
    assert_eq!(kept, Some(bench.node.handle.vault().digest(&known)), "a digest under the platform's key");
}

#[tokio::test]
async fn a_booking_of_another_district_is_asked_for_elsewhere_too() {
    let about = json!({"request_id": Uuid::from_u128(9), "phone": RIDER, "proof": "number"});
    let path = format!("/bookings/{}/cancel", Uuid::from_u128(1));
    let (central, edge) = (Bench::new().await, Bench::edge().await);
    assert_eq!(edge.post(&path, &about).await.code(), (421, "booking_unknown"), "another edge may have it");
    assert_eq!(central.post(&path, &about).await.code(), (404, "booking_unknown"), "central has them all");
}

#[tokio::test]
async fn a_driver_s_code_cannot_be_found_by_trying() {
    let bench = Bench::edge().await;
    let on = |number: u128, code: &str| {
        json!({"command_id": Uuid::from_u128(number), "command": {"kind": "on"}, "driver_code": code,
               "sent_at": "2026-03-02T09:00:00Z"})
    };
    let (mine, other) = (format!("/drivers/{DRIVER}/commands"), format!("/drivers/{OTHER_DRIVER}/commands"));
    for number in 0..5 {
        let wrong = bench.post(&mine, &on(number, "0000")).await;
        assert_eq!(wrong.code(), (409, "driver_code_wrong"));
    }
    assert_eq!(bench.post(&mine, &on(6, "0001")).await.code(), (409, "driver_code_locked"));
    assert_eq!(bench.post(&mine, &on(7, SECRET)).await.code(), (409, "driver_code_locked"));
    let status = json!({"command_id": Uuid::from_u128(8), "command": {"kind": "status"},
                        "sent_at": "2026-03-02T09:00:00Z"});
    assert_eq!(bench.post(&mine, &status).await.status.as_u16(), 200, "where things stand needs no code");
    assert_eq!(bench.post(&other, &on(9, SECRET)).await.body["state"], "free", "nobody else is kept out");
    bench.node.clock.advance_ms(16 * 60_000);
    assert_eq!(bench.post(&mine, &on(10, SECRET)).await.body["state"], "free");
}
