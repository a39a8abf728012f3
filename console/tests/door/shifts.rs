//! Goal: an operator frees the driver of a lost phone, and nobody else does; an operator who assigns by hand is told
//! what nobody knows, and closes what nobody ends.

use axum::http::Method;
use ondol_core::fact::{PinCheck, Step};
use ondol_core::position::Position;
use ondol_core::units::UtcMs;
use serde_json::json;
use uuid::Uuid;

use crate::bench::{Bench, Taxi};
use crate::testbed::place;

/// Driver 7 of fleet `hanbit` begins this shift, at `position` if the phone knows it.
async fn begin(bench: &Bench, shift: u128, position: Option<Position>) {
    bench.begin(&Taxi { driver: 7, shift, fleet: "hanbit", plate: "서울33바1234", position }).await;
}

#[tokio::test]
async fn an_operator_of_the_fleet_ends_the_shift_of_a_lost_phone() {
    let bench = Bench::new().await;
    begin(&bench, 1, Some(place(0))).await;
    let path = format!("/console/v1/shifts/{}/end", Uuid::from_u128(1));
    for (login, expected) in [("", 401), ("auditor", 403), ("onnuri", 404)] {
        let cookie = if login.is_empty() { String::new() } else { bench.sign_in(login).await };
        let answer = bench.send(Method::POST, &path, &cookie, Some(&json!({}))).await;
        assert_eq!(answer.status.as_u16(), expected, "{login}: {}", answer.body);
    }
    let cookie = bench.sign_in("hanbit").await;
    assert_eq!(bench.get("/console/v1/board", &cookie).await.body["shifts"][0]["state"], "free");
    let unknown = format!("/console/v1/shifts/{}/end", Uuid::from_u128(9));
    assert_eq!(bench.post(&unknown, &cookie, &json!({})).await.code(), (404, "unknown_shift"));
    assert_eq!(
        bench.post("/console/v1/shifts/7/end", &cookie, &json!({})).await.code(),
        (400, "invalid_request")
    );
    for _ in 0..2 {
        let answer = bench.post(&path, &cookie, &json!({})).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["state"]),
            (200, &json!("ended")),
            "{}",
            answer.body
        );
    }
    assert_eq!(bench.get("/console/v1/board", &cookie).await.body["shifts"], json!([]));
    begin(&bench, 2, Some(place(0))).await;
    assert_eq!(bench.get("/console/v1/board", &cookie).await.body["shifts"][0]["state"], "free");
}

#[tokio::test]
async fn a_driver_whom_nobody_can_see_is_assigned_with_the_minutes_that_were_told() {
    let bench = Bench::new().await;
    begin(&bench, 1, None).await;
    let cookie = bench.sign_in("hanbit").await;
    bench.post("/console/v1/bookings", &cookie, &bench.call(1)).await;
    let booking = format!("/console/v1/bookings/{}", Uuid::from_u128(1));
    let detail = bench.get(&booking, &cookie).await;
    assert_eq!(detail.body["candidates"].as_array().map(Vec::len), Some(1), "{}", detail.body);
    assert_eq!(detail.body["candidates"][0].get("eta_s"), None, "no number is better than a wrong one");
    let path = format!("{booking}/assign");
    let mut wish = json!({"shift": Uuid::from_u128(1)});
    assert_eq!(bench.post(&path, &cookie, &wish).await.code(), (409, "eta_unknown"));
    wish["told_minutes"] = json!(241);
    assert_eq!(bench.post(&path, &cookie, &wish).await.code(), (422, "out_of_range"));
    wish["told_minutes"] = json!(12);
    let asked = bench.post(&path, &cookie, &wish).await;
    assert_eq!(asked.body["status"], "offered", "{}", asked.body);
    let detail = bench.get(&booking, &cookie).await;
    assert_eq!(detail.body["assignments"][0]["eta_s"], 720, "{}", detail.body);
}

#[tokio::test]
async fn a_trip_whose_phone_is_gone_is_shown_and_closed_with_the_fare_that_was_told() {
    let bench = Bench::new().await;
    begin(&bench, 1, Some(place(0))).await;
    let cookie = bench.sign_in("hanbit").await;
    bench.post("/console/v1/bookings", &cookie, &bench.call(1)).await;
    let booking = format!("/console/v1/bookings/{}", Uuid::from_u128(1));
    // Whether a plan or the operator came first, the only driver is asked.
    bench.post(&format!("{booking}/assign"), &cookie, &json!({"shift": Uuid::from_u128(1)})).await;
    for what in [Step::Assigned, Step::Boarded { pin: PinCheck::Verified }] {
        bench.says(1, 1, what).await;
    }
    let (close, wish) = (format!("{booking}/close"), json!({"reason": "phone_lost", "fare": 7_700}));
    assert_eq!(bench.post(&close, &cookie, &wish).await.code(), (409, "driver_heard"));
    bench.node.clock.advance_ms(2 * 3_600_000 + 1_000);
    let row = bench.get(&booking, &cookie).await.body["row"].clone();
    assert_eq!((&row["status"], &row["attention"]), (&json!("boarded"), &json!(["trip_unended"])), "{row}");
    for wrong in [json!({"reason": "bored"}), json!({"reason": "other", "fare": 7_700, "tip": 1})] {
        assert_eq!(bench.post(&close, &cookie, &wrong).await.code(), (400, "invalid_request"));
    }
    let closed = bench.post(&close, &cookie, &wish).await.body;
    assert_eq!((&closed["status"], &closed["fare"]), (&json!("done"), &json!(7_700)), "{closed}");
    let detail = bench.get(&booking, &cookie).await;
    assert_eq!(detail.body["assignments"][0]["closed"], "phone_lost", "{}", detail.body);
    let audited = bench.handle.store().audited(UtcMs(0), 10).await.unwrap();
    let last = audited.last().unwrap();
    assert_eq!((last.action.as_str(), last.reason.as_str()), ("trip_closed", "phone_lost, 7700 won told"));
    assert_eq!((last.actor.as_str(), last.object.clone()), ("hanbit", Uuid::from_u128(1).to_string()));
    assert_eq!(bench.post(&close, &cookie, &wish).await.code(), (410, "closed"));
}
