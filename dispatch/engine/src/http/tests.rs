use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::post;
use ondol_core::units::UtcMs;
use serde::Deserialize;
use tower::ServiceExt as _;

use super::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    seats: u8,
}

async fn ask(content_type: &str, body: &str) -> (StatusCode, serde_json::Value) {
    let router = Router::new()
        .route("/", post(|StrictJson(wish): StrictJson<Wish>| async move { wish.seats.to_string() }))
        .layer(axum::middleware::from_fn(request_id));
    let request =
        Request::post("/").header("content-type", content_type).body(Body::from(body.to_owned())).unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert!(response.headers().contains_key(REQUEST_ID_HEADER));
    let status = response.status();
    if status != StatusCode::OK {
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn refuses_hostile_bodies_with_one_sentence() {
    let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
    let large = format!("{{\"seats\":1{}}}", " ".repeat(BODY_MAX));
    let cases: [(&str, &str, u16, &str); 9] = [
        ("application/json", "", 400, "invalid_request"),
        ("application/json", "{", 400, "invalid_request"),
        ("application/json", "{\"seats\":1,\"admin\":true}", 400, "invalid_request"),
        ("application/json", "{\"seats\":1,\"seats\":2}", 400, "invalid_request"),
        ("application/json", "{\"seats\":1.5}", 400, "invalid_request"),
        ("application/json", "{\"seats\":1} x", 400, "invalid_request"),
        ("application/json", &deep, 400, "invalid_request"),
        ("application/json", &large, 413, "body_too_large"),
        ("text/plain", "{\"seats\":1}", 415, "unsupported_media_type"),
    ];
    for (content_type, body, status, code) in cases {
        let (got, problem) = ask(content_type, body).await;
        assert_eq!(got.as_u16(), status, "{body:.40}");
        assert_eq!(problem["code"], code, "{body:.40}");
        assert_eq!(problem["retry"], false);
        assert!(problem["detail"].as_str().unwrap().len() < 400);
    }
    assert_eq!(ask("application/json; charset=utf-8", "{\"seats\":3}").await.1, 3);
}

#[test]
fn brackets_inside_texts_do_not_count() {
    let body = format!("[\"{}\\\"{}\"]", "[".repeat(50), "{".repeat(50));
    assert!(strict_json::<Vec<String>>(body.as_bytes()).is_ok());
}

#[test]
fn a_refusal_keeps_its_code_and_says_whether_to_retry() {
    let lapsed = Problem::from(Refusal::OfferLapsed);
    assert_eq!((lapsed.status, lapsed.code.as_str(), lapsed.retry), (410, "offer_lapsed", false));
    assert_eq!(lapsed.title, "Offer lapsed");
    let busy = Problem::from(RequestError::Refused(Refusal::Overloaded));
    assert_eq!((busy.status, busy.retry, busy.retry_after_s), (503, true, Some(1)));
    let response = Problem::from(Unavailable).into_response();
    assert_eq!(response.headers()["retry-after"], "1");
}

#[test]
fn moments_are_rfc3339() {
    assert_eq!(rfc3339(UtcMs(1_665_815_400_007)), "2022-10-15T06:30:00.007Z");
    assert_eq!(rfc3339(UtcMs(-1)), "1969-12-31T23:59:59.999Z");
    assert_eq!(rfc3339(UtcMs(i64::MAX)), "9999-12-31T23:59:59.999Z");
    let fresh = Fresh::new("edge".parse().unwrap(), None, UtcMs(0), serde_json::json!({"seats": 2}));
    let json = serde_json::to_value(fresh).unwrap();
    assert_eq!(json["authority"]["node"], "edge");
    assert_eq!(json["seats"], 2);
}
