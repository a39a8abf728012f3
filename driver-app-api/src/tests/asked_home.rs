//! Goal: a driver of an edge that is cut off, who is free in the next district, is asked home in the own language; a
//! phone of the release before is told nothing that it does not know.

use axum::http::StatusCode;
use ondol_core::command::Command;
use serde_json::{Value, json};

use super::bench::{Bench, Phone, district, elsewhere};
use super::testbed::place;

/// The edge has taken its district, and a driver is attached who has the app of this release, or of the one before.
async fn alone(capsules: Option<Value>) -> (Bench, Phone, Value) {
    let central = Bench::new().await;
    let mut phone = central.phone(9).await;
    let edge = Bench::edge_after(central).await;
    edge.clock.advance_ms(20_000);
    edge.handle.request(Command::TakeDistrict { district: district() }).await.unwrap();
    let proof = edge.proof(&phone.key, &phone.signed_in.pass, "edge-a", 1);
    let body = json!({"pass": phone.signed_in.pass, "proof": proof});
    let (_, session) = edge.post("/driver/v1/session", None, &body).await;
    phone.token = session["token"].as_str().unwrap().to_owned();
    let mut attach = phone.attach(1);
    if let Some(capsules) = capsules {
        attach["capsules"] = capsules;
    }
    let (status, attached) = edge.post("/driver/v1/attach", Some(&phone.token), &attach).await;
    assert_eq!(status, StatusCode::OK, "{attached}");
    (edge, phone, attached["session"].clone())
}

/// What is answered to a phone that has been in the next district for a minute.
async fn after_a_minute_elsewhere(edge: &Bench, phone: &Phone, session: &Value) -> Value {
    let mut beat = phone.beat(session, &json!({}));
    beat["position"] = json!(place(elsewhere()));
    let (_, first) = edge.post("/driver/v1/beat", Some(&phone.token), &beat).await;
    assert_eq!(first.get("asked_home"), None, "a minute is not over: {first}");
    edge.clock.advance_ms(60_000);
    edge.post("/driver/v1/beat", Some(&phone.token), &beat).await.1
}

#[tokio::test]
async fn who_is_free_elsewhere_is_asked_home_in_words() {
    let (edge, phone, session) = alone(Some(json!([]))).await;
    let answer = after_a_minute_elsewhere(&edge, &phone, &session).await;
    let asked = &answer["asked_home"];
    assert_eq!(asked["district"], json!(district()), "{answer}");
    let text = asked["text"].as_str().unwrap();
    assert!(text.contains(district().as_str()) && text.contains("돌아와"), "{text}");
}

#[tokio::test]
async fn a_phone_of_the_release_before_is_not_asked_home() {
    let (edge, phone, session) = alone(None).await;
    let answer = after_a_minute_elsewhere(&edge, &phone, &session).await;
    assert_eq!((&answer["attached"], answer.get("asked_home")), (&json!(true), None), "{answer}");
}
