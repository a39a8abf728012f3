//! Sign-in, session, and what a device says over HTTP.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use ondol_engine::identity::SigningKey;
use serde_json::{Value, json};
use uuid::Uuid;

use super::bench::{APP, BARRED, BY_TEXT, Bench};

#[tokio::test]
async fn sign_ins_that_are_refused() {
    let bench = Bench::new().await;
    let key = SigningKey::from_seed(&[9; 32]).public();
    let body = |phone: &str, secret: &str| json!({"phone": phone, "secret": secret, "key": key});
    let cases = [
        ("no number", body("hello", "4821"), StatusCode::BAD_REQUEST, "invalid_request"),
        ("unknown number", body("010-5555-5555", "4821"), StatusCode::UNAUTHORIZED, "wrong_credentials"),
        ("wrong secret", body(APP, "4822"), StatusCode::UNAUTHORIZED, "wrong_credentials"),
        ("empty secret", body(APP, ""), StatusCode::UNAUTHORIZED, "wrong_credentials"),
        ("endless secret", body(APP, &"4".repeat(1_000)), StatusCode::UNAUTHORIZED, "wrong_credentials"),
        ("barred", body(BARRED, "4821"), StatusCode::FORBIDDEN, "banned"),
        ("served by text", body(BY_TEXT, "4821"), StatusCode::CONFLICT, "served_by_text"),
        ("no key", json!({"phone": APP, "secret": "4821"}), StatusCode::BAD_REQUEST, "invalid_request"),
        (
            "a key that is none",
            json!({"phone": APP, "secret": "4821", "key": "x"}),
            StatusCode::BAD_REQUEST,
            "invalid_request",
        ),
        (
            "a role brought along",
            json!({"phone": APP, "secret": "4821", "key": key, "role": "sysadmin"}),
            StatusCode::BAD_REQUEST,
            "invalid_request",
        ),
    ];
    for (name, body, status, code) in cases {
        let (got, answer) = bench.post("/driver/v1/sign-in", None, &body).await;
        assert_eq!((got, answer["code"].as_str()), (status, Some(code)), "{name}: {answer}");
    }
}

#[tokio::test]
async fn tries_of_a_secret_are_bounded() {
    let bench = Bench::new().await;
    let key = SigningKey::from_seed(&[9; 32]).public();
    for tried in 0..5 {
        let body = json!({"phone": APP, "secret": format!("000{tried}"), "key": key});
        assert_eq!(bench.post("/driver/v1/sign-in", None, &body).await.0, StatusCode::UNAUTHORIZED);
    }
    let right = json!({"phone": APP, "secret": "4821", "key": key});
    let (status, answer) = bench.post("/driver/v1/sign-in", None, &right).await;
    assert_eq!((status, &answer["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("too_many_tries")));
    bench.clock.advance_ms(15 * 60 * 1_000);
    assert_eq!(bench.post("/driver/v1/sign-in", None, &right).await.0, StatusCode::OK);
}

#[tokio::test]
async fn sessions_that_are_refused() {
    let bench = Bench::new().await;
    let (key, signed_in) = (SigningKey::from_seed(&[9; 32]), bench.sign_in(9).await);
    let pass = signed_in.pass.as_str();
    let good = bench.proof(&key, pass, "central", 1);
    let cases = [
        ("no pass", json!({"pass": "x", "proof": good}), "pass_refused"),
        (
            "for another node",
            json!({"pass": pass, "proof": bench.proof(&key, pass, "edge-a", 1)}),
            "proof_refused",
        ),
        (
            "by a thief",
            json!({"pass": pass, "proof": bench.proof(&SigningKey::from_seed(&[66; 32]), pass, "central", 1)}),
            "proof_refused",
        ),
    ];
    for (name, body, code) in cases {
        let (status, answer) = bench.post("/driver/v1/session", None, &body).await;
        assert_eq!((status, &answer["code"]), (StatusCode::UNAUTHORIZED, &json!(code)), "{name}: {answer}");
    }
    let body = json!({"pass": pass, "proof": good});
    assert_eq!(bench.post("/driver/v1/session", None, &body).await.0, StatusCode::OK);
    let (status, answer) = bench.post("/driver/v1/session", None, &body).await;
    assert_eq!((status, &answer["code"]), (StatusCode::UNAUTHORIZED, &json!("proof_replayed")));
}

#[tokio::test]
async fn nothing_is_said_without_a_session_or_in_another_device_s_name() {
    let bench = Bench::new().await;
    let (phone, other) = (bench.phone(9).await, bench.phone(10).await);
    let fix = json!([{"number": 1, "at": "2026-03-02T09:00:00Z", "position": super::bench::here()}]);
    let says = [
        ("/driver/v1/attach", phone.attach(1)),
        ("/driver/v1/beat", phone.beat(&Value::Null, &json!({}))),
        ("/driver/v1/reports", phone.reports(&json!([]))),
        (
            "/driver/v1/positions",
            json!({"shift": Uuid::from_u128(500), "device": phone.signed_in.device, "fixes": fix}),
        ),
    ];
    for (path, mut body) in says {
        if body["session"].is_null() {
            body.as_object_mut().unwrap().remove("session");
        }
        assert_eq!(bench.post(path, None, &body).await.0, StatusCode::UNAUTHORIZED, "{path}");
        let pass = Some(phone.signed_in.pass.as_str());
        assert_eq!(bench.post(path, pass, &body).await.0, StatusCode::UNAUTHORIZED, "a pass is no session");
        let (status, answer) = bench.post(path, Some(&other.token), &body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {answer}");
        let mut more = body.clone();
        more["driver"] = json!(Uuid::from_u128(2));
        assert_eq!(bench.post(path, Some(&phone.token), &more).await.0, StatusCode::BAD_REQUEST, "{path}");
    }
    let ticket = Request::post("/driver/v1/socket-ticket").body(Body::empty()).unwrap();
    assert_eq!(bench.send(ticket).await.0, StatusCode::UNAUTHORIZED);
    let endpoints = Request::get("/driver/v1/endpoints").body(Body::empty()).unwrap();
    assert_eq!(bench.send(endpoints).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_device_attaches_beats_and_reports() {
    let bench = Bench::new().await;
    let phone = bench.phone(9).await;
    let token = Some(phone.token.as_str());
    let (status, attached) = bench.post("/driver/v1/attach", token, &phone.attach(2)).await;
    assert_eq!((status, &attached["node"]), (StatusCode::OK, &json!("central")), "{attached}");
    let (status, stale) = bench.post("/driver/v1/attach", token, &phone.attach(1)).await;
    assert_eq!((status, &stale["code"]), (StatusCode::CONFLICT, &json!("stale_attach")));

    let beat = phone.beat(&attached["session"], &json!({}));
    let (status, answer) = bench.post("/driver/v1/beat", token, &beat).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&answer["attached"], &answer["alive"]), (&json!(true), &json!(true)));

    let entries = json!([
        {"number": 4, "at": "2026-03-02T09:00:00Z", "what": {"kind": "duty", "number": 2, "duty": "paused"}},
        {"number": 5, "at": "2026-03-02T09:00:00Z", "what": {"kind": "stand", "stand": "99"}},
    ]);
    let (status, answer) = bench.post("/driver/v1/reports", token, &phone.reports(&entries)).await;
    assert_eq!(status, StatusCode::OK);
    let expected = json!([
        {"number": 4, "outcome": {"outcome": "stored"}},
        {"number": 5, "outcome": {"outcome": "refused", "code": "unknown_stand", "retry": false}},
    ]);
    assert_eq!(answer["results"], expected, "each entry for itself");
    let (_, again) = bench.post("/driver/v1/reports", token, &phone.reports(&entries)).await;
    assert_eq!(again["results"], expected, "handing in twice is the same as once");
}

#[tokio::test]
async fn a_phone_with_a_wrong_clock_is_served_and_told() {
    let bench = Bench::new().await;
    let phone = bench.phone(9).await;
    let token = Some(phone.token.as_str());
    let mut early = phone.attach(1);
    early["started_at"] = json!("2020-01-01T00:00:00Z");
    let (status, answer) = bench.post("/driver/v1/attach", token, &early).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let fare = json!({"revision": 0, "amount": -1, "distance_m": 1, "duration_s": 1, "payment": "cash"});
    let booking = uuid::Uuid::from_u128(7);
    let done = json!({"kind": "done", "booking": booking, "assignment": "central:1:1", "fare": fare});
    let entries = json!([
        {"number": 1, "at": "2019-01-01T00:00:00Z", "what": {"kind": "duty", "number": 2, "duty": "paused"}},
        {"number": 2, "at": "2036-03-02T09:00:00Z", "what": {"kind": "duty", "number": 3, "duty": "available"}},
        {"number": 3, "at": "2026-03-02T09:00:00Z", "what": done},
        {"number": 4, "at": "2026-03-02T09:00:00Z", "what": {"kind": "duty", "number": 4, "duty": "paused"}},
    ]);
    let (status, answer) = bench.post("/driver/v1/reports", token, &phone.reports(&entries)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let stored = |number: u64| json!({"number": number, "outcome": {"outcome": "stored"}});
    let refused = json!({"outcome": "refused", "code": "out_of_range", "retry": false});
    let expected = json!([stored(1), stored(2), {"number": 3, "outcome": refused}, stored(4)]);
    assert_eq!(answer["results"], expected, "a bad entry keeps none of the others back");
    assert_eq!(answer["corrected"], json!([1, 2]));
}

#[tokio::test]
async fn bodies_are_bounded() {
    let bench = Bench::new().await;
    let phone = bench.phone(9).await;
    let request = |kind: &str, body: String| {
        Request::post("/driver/v1/beat")
            .header(header::AUTHORIZATION, format!("Bearer {}", phone.token))
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body))
            .unwrap()
    };
    for (name, kind, body, status) in [
        ("text", "text/plain", "{}".to_owned(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("half", "application/json", "{".to_owned(), StatusCode::BAD_REQUEST),
        ("deep", "application/json", "[".repeat(1_000), StatusCode::BAD_REQUEST),
        ("huge", "application/json", " ".repeat(65 * 1_024), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        assert_eq!(bench.send(request(kind, body)).await.0, status, "{name}");
    }
}

#[tokio::test]
async fn a_barred_driver_begins_no_session() {
    let bench = Bench::new().await;
    let (key, signed_in) = (SigningKey::from_seed(&[9; 32]), bench.sign_in(9).await);
    let driver = signed_in.driver;
    let listed = bench.handle.read(move |node| node.board().driver(driver).map(|(_, d)| d.clone())).await;
    let mut barred = listed.unwrap().unwrap();
    barred.banned = true;
    bench.handle.request(ondol_core::command::Command::ListDriver(barred)).await.unwrap();
    let proof = bench.proof(&key, &signed_in.pass, "central", 1);
    let body = json!({"pass": signed_in.pass, "proof": proof});
    let (status, answer) = bench.post("/driver/v1/session", None, &body).await;
    assert_eq!((status, &answer["code"]), (StatusCode::FORBIDDEN, &json!("banned")));
}

#[tokio::test]
async fn a_session_ends_after_a_quarter_of_an_hour_and_the_pass_gives_another() {
    let bench = Bench::new().await;
    let phone = bench.phone(9).await;
    bench.clock.advance_ms(15 * 60 * 1_000 + 5_000);
    let (status, _) = bench.post("/driver/v1/socket-ticket", Some(&phone.token), &json!({})).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let proof = bench.proof(&phone.key, &phone.signed_in.pass, "central", 2);
    let body = json!({"pass": phone.signed_in.pass, "proof": proof});
    assert_eq!(bench.post("/driver/v1/session", None, &body).await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_edge_alone_serves_whoever_has_a_pass_and_admits_nobody_it_cannot_know() {
    let central = Bench::new().await;
    let phone = central.phone(9).await;
    let edge = Bench::edge_after(central).await;
    let body = json!({"phone": APP, "secret": "4821", "key": SigningKey::from_seed(&[10; 32]).public()});
    let (status, answer) = edge.post("/driver/v1/sign-in", None, &body).await;
    assert_eq!((status, &answer["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("roster_too_old")));
    assert_eq!(answer["retry"], json!(true));
    // An operator there may answer for it.
    let waive =
        ondol_core::command::Command::WaiveBans { district: super::bench::district(), for_ms: 3_600_000 };
    edge.handle.request(waive).await.unwrap();
    let (status, answer) = edge.post("/driver/v1/sign-in", None, &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");

    let (status, _) = edge.post("/driver/v1/attach", Some(&phone.token), &phone.attach(1)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "central's session is not the edge's");
    let proof = edge.proof(&phone.key, &phone.signed_in.pass, "edge-a", 1);
    let body = json!({"pass": phone.signed_in.pass, "proof": proof});
    let (status, session) = edge.post("/driver/v1/session", None, &body).await;
    assert_eq!((status, &session["node"]), (StatusCode::OK, &json!("edge-a")), "{session}");
    let (status, attached) =
        edge.post("/driver/v1/attach", session["token"].as_str(), &phone.attach(1)).await;
    assert_eq!((status, &attached["node"]), (StatusCode::OK, &json!("edge-a")), "{attached}");
}

#[tokio::test]
async fn a_device_that_says_too_much_waits_and_another_does_not() {
    let bench = Bench::new().await;
    let (phone, other) = (bench.phone(9).await, bench.phone(10).await);
    let ticket = async |token: &str| bench.post("/driver/v1/socket-ticket", Some(token), &json!({})).await;
    for _ in 0..60 {
        assert_eq!(ticket(&phone.token).await.0, StatusCode::OK);
    }
    let (status, answer) = ticket(&phone.token).await;
    assert_eq!((status, &answer["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("too_many_requests")));
    let mut beat = phone.beat(&Value::Null, &json!({}));
    beat.as_object_mut().unwrap().remove("session");
    let (status, _) = bench.post("/driver/v1/beat", Some(&phone.token), &beat).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(ticket(&other.token).await.0, StatusCode::OK);
    bench.clock.advance_ms(200);
    assert_eq!(bench.post("/driver/v1/beat", Some(&phone.token), &beat).await.0, StatusCode::OK);
}
