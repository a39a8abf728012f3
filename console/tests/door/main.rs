//! Goal: operators take calls and act on bookings; nobody else does, and nobody on what is another fleet's.
//! Method: the whole door over a real node with a real store and real accounts, asked as a browser asks.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod bench;
mod erased;
mod fairness;
mod live;
mod near;
mod reports;
mod shifts;
#[path = "../../../dispatch/testbed/mod.rs"]
mod testbed;
mod waived;
mod why;

use axum::body::Body;
use axum::http::{Method, Request};
use bench::{Bench, ORIGIN, PASSWORD};
use ondol_core::units::UtcMs;
use serde_json::{Value, json};
use uuid::Uuid;

fn path(key: u128, step: &str) -> String {
    format!("/console/v1/bookings/{}{step}", Uuid::from_u128(key))
}

/// Every route with a body that it would take from an operator.
fn routes(bench: &Bench) -> Vec<(Method, String, Option<Value>)> {
    let post = |path: String, body: Value| (Method::POST, path, Some(body));
    vec![
        (Method::GET, "/console/v1/session".to_owned(), None),
        (Method::GET, "/console/v1/board".to_owned(), None),
        (Method::GET, "/console/v1/events".to_owned(), None),
        (Method::GET, "/console/v1/map".to_owned(), None),
        (Method::GET, "/console/v1/callers/010-1234-5678".to_owned(), None),
        (Method::GET, "/console/v1/reconciliation".to_owned(), None),
        (Method::GET, "/console/v1/fairness".to_owned(), None),
        (Method::GET, "/console/v1/districts/hannam/taxis/near?at=37.5,127.0".to_owned(), None),
        (Method::GET, path(1, ""), None),
        (Method::GET, path(1, "/decisions"), None),
        post("/console/v1/bookings".to_owned(), bench.call(2)),
        post(path(1, "/assign"), json!({"shift": Uuid::from_u128(9)})),
        post(path(1, "/recall"), json!({})),
        post(path(1, "/cancel"), json!({"reason": "other"})),
        post(path(1, "/close"), json!({"reason": "phone_lost", "fare": 7_700})),
        post(path(1, "/reveal"), json!({"reason": "caller asks"})),
        post("/console/v1/districts/hanbuk/take".to_owned(), json!({"confirm": "hanbuk"})),
        post("/console/v1/districts/hanbuk/give-back".to_owned(), json!({"confirm": "hanbuk"})),
        post("/console/v1/districts/hanbuk/waive-bans".to_owned(), json!({"confirm": "hanbuk", "hours": 12})),
    ]
}

#[tokio::test]
async fn nobody_enters_without_a_session() {
    let bench = Bench::new().await;
    let operator = bench.sign_in("operator").await;
    assert_eq!(bench.post("/console/v1/bookings", &operator, &bench.call(1)).await.status.as_u16(), 201);
    for (method, path, body) in routes(&bench) {
        for cookie in ["", "ondol-central=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "ondol-central="] {
            let answer = bench.send(method.clone(), &path, cookie, body.as_ref()).await;
            assert_eq!(answer.status.as_u16(), 401, "{method} {path} {cookie:?}: {}", answer.body);
        }
    }
    let row = bench.get(&path(1, ""), &operator).await;
    assert_eq!(row.body["row"]["status"], "open", "nothing was changed: {}", row.body);
}

#[tokio::test]
async fn a_wrong_password_another_site_and_an_ended_session_do_not_enter() {
    let bench = Bench::new().await;
    let wrong = json!({"account": "operator", "password": "cold floors for nobody"});
    let answer = bench.post("/console/v1/session", "", &wrong).await;
    assert_eq!(answer.code(), (401, "wrong_credentials"));
    assert!(answer.headers.get("set-cookie").is_none());

    let right = json!({"account": "operator", "password": PASSWORD}).to_string();
    let cookie = bench.sign_in("operator").await;
    for origin in [Some("http://evil.example"), Some("null"), None] {
        for (path, body) in
            [("/console/v1/session", right.clone()), ("/console/v1/bookings", bench.call(3).to_string())]
        {
            let mut request =
                Request::post(path).header("content-type", "application/json").header("cookie", &cookie);
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            let answer = bench.ask(request.body(Body::from(body)).unwrap()).await;
            assert_eq!(answer.code(), (403, "foreign_origin"), "{path} {origin:?}");
        }
    }
    assert_eq!(bench.get("/console/v1/session", &cookie).await.body["account"], "operator");
    let out = bench.send(Method::DELETE, "/console/v1/session", &cookie, None).await;
    assert_eq!(out.status.as_u16(), 204);
    assert_eq!(bench.get("/console/v1/session", &cookie).await.code(), (401, "session_ended"));
    assert!(ORIGIN.starts_with("http://127.0.0.1"));
}

#[tokio::test]
async fn another_fleets_booking_is_not_there_at_all() {
    let bench = Bench::new().await;
    let (hanbit, onnuri) = (bench.sign_in("hanbit").await, bench.sign_in("onnuri").await);
    let taken = bench.post("/console/v1/bookings", &hanbit, &bench.call(1)).await;
    assert_eq!(taken.body["row"]["fleet"], "hanbit", "a fleet's operator sends its cars: {}", taken.body);
    let acts: [(Method, &str, Option<Value>); 7] = [
        (Method::GET, "", None),
        (Method::GET, "/decisions", None),
        (Method::POST, "/recall", Some(json!({}))),
        (Method::POST, "/cancel", Some(json!({"reason": "other"}))),
        (Method::POST, "/close", Some(json!({"reason": "other"}))),
        (Method::POST, "/reveal", Some(json!({"reason": "curious"}))),
        (Method::POST, "/assign", Some(json!({"shift": Uuid::from_u128(9)}))),
    ];
    for (method, step, body) in acts {
        let foreign = bench.send(method.clone(), &path(1, step), &onnuri, body.as_ref()).await;
        let nothing = bench.send(method, &path(77, step), &onnuri, body.as_ref()).await;
        assert_eq!(foreign.status.as_u16(), 404, "{step}: {}", foreign.body);
        assert_eq!(foreign.body, nothing.body, "{step}: that there is one is not told");
    }
    let mut theirs = bench.call(4);
    theirs["fleet"] = json!("hanbit");
    assert_eq!(bench.post("/console/v1/bookings", &onnuri, &theirs).await.status.as_u16(), 404);
    for (cookie, seen) in [(&hanbit, 1), (&onnuri, 0)] {
        let board = bench.get("/console/v1/board", cookie).await;
        assert_eq!(board.body["bookings"].as_array().map(Vec::len), Some(seen), "{}", board.body);
        let caller = bench.get("/console/v1/callers/01012345678", cookie).await;
        assert_eq!(caller.body["open"].as_array().map(Vec::len), Some(seen));
    }
    let audited = bench.handle.store().audited(UtcMs(0), 10).await.unwrap();
    assert!(audited.is_empty(), "what was refused was not looked at");
}

#[tokio::test]
async fn an_auditor_only_reads() {
    let bench = Bench::new().await;
    let (operator, auditor) = (bench.sign_in("operator").await, bench.sign_in("auditor").await);
    bench.post("/console/v1/bookings", &operator, &bench.call(1)).await;
    for (method, path, body) in routes(&bench).into_iter().filter(|(method, ..)| *method == Method::POST) {
        let answer = bench.send(method, &path, &auditor, body.as_ref()).await;
        assert_eq!(answer.code(), (403, "not_your_role"), "{path}: {}", answer.body);
    }
    assert_eq!(bench.get(&path(1, ""), &auditor).await.status.as_u16(), 200);
    assert_eq!(bench.get("/console/v1/reconciliation", &auditor).await.status.as_u16(), 200);
}

#[tokio::test]
async fn a_call_is_taken_once_and_repeated_with_a_digit() {
    let bench = Bench::new().await;
    let cookie = bench.sign_in("operator").await;
    let first = bench.post("/console/v1/bookings", &cookie, &bench.call(1)).await;
    let again = bench.post("/console/v1/bookings", &cookie, &bench.call(1)).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 200), "{}", first.body);
    assert_eq!(first.body["row"]["phone_masked"], "+8210****5678");
    assert!(!first.body.to_string().contains("12345678"), "the number is masked: {}", first.body);
    assert_eq!(first.body["pin"].as_str().map(str::len), Some(4));
    let mut other = bench.call(1);
    other["seats"] = json!(3);
    assert_eq!(bench.post("/console/v1/bookings", &cookie, &other).await.code(), (409, "key_reused"));

    bench.post(&path(1, "/cancel"), &cookie, &json!({"reason": "changed_mind"})).await;
    let caller = bench.get("/console/v1/callers/%2B821012345678", &cookie).await;
    assert_eq!(caller.body["name"], "김하늘", "{}", caller.body);
    assert_eq!(caller.body["open"], json!([]));
    assert_eq!(caller.body["past"][0]["pickup"]["label"], "솔내시장 정문");
    assert_eq!(bench.get("/console/v1/callers/12", &cookie).await.code(), (422, "invalid_phone"));
}

#[tokio::test]
async fn bad_calls_are_refused() {
    let bench = Bench::new().await;
    let cookie = bench.sign_in("operator").await;
    for (field, value, expected) in [
        ("door", json!("web"), (400, "invalid_request")),
        ("seats", json!(9), (422, "out_of_range")),
        ("priority", json!("vip"), (400, "invalid_request")),
        ("phone", json!("0"), (422, "invalid_phone")),
        ("note", json!("x".repeat(201)), (422, "out_of_range")),
        ("name", json!("a\u{0}b"), (400, "invalid_request")),
        ("pickup", json!({"position": {"lat": 0, "lon": 0}}), (422, "outside_service_area")),
        ("stand", json!("nowhere"), (404, "unknown_stand")),
    ] {
        let mut call = bench.call(1);
        call[field] = value;
        assert_eq!(bench.post("/console/v1/bookings", &cookie, &call).await.code(), expected, "{field}");
    }
    assert_eq!(bench.get("/console/v1/bookings/mine", &cookie).await.code(), (400, "invalid_request"));
    let board = bench.get("/console/v1/board", &cookie).await;
    assert_eq!(board.body["open_bookings"], 0);
}

#[tokio::test]
async fn a_number_is_shown_after_the_reason_is_written_down() {
    let bench = Bench::new().await;
    let cookie = bench.sign_in("operator").await;
    bench.post("/console/v1/bookings", &cookie, &bench.call(1)).await;
    for reason in ["", "   "] {
        let answer = bench.post(&path(1, "/reveal"), &cookie, &json!({"reason": reason})).await;
        assert_eq!(answer.code(), (400, "invalid_request"));
    }
    assert!(bench.handle.store().audited(UtcMs(0), 10).await.unwrap().is_empty());
    let shown = bench.post(&path(1, "/reveal"), &cookie, &json!({"reason": "손님이 안 보임"})).await;
    assert_eq!(shown.body["phone"], "+821012345678", "{}", shown.body);
    let audited = bench.handle.store().audited(UtcMs(0), 10).await.unwrap();
    assert_eq!(audited.len(), 1);
    assert_eq!((audited[0].actor.as_str(), audited[0].reason.as_str()), ("operator", "손님이 안 보임"));
    assert_eq!(audited[0].object, Uuid::from_u128(1).to_string());
}

#[tokio::test]
async fn a_booking_tells_everything_about_itself() {
    let bench = Bench::new().await;
    let cookie = bench.sign_in("operator").await;
    bench.post("/console/v1/bookings", &cookie, &bench.call(1)).await;
    let detail = bench.get(&path(1, ""), &cookie).await;
    assert_eq!(detail.body["note"], "우산을 들고 있어요", "{}", detail.body);
    assert_eq!(detail.body["facts"][0]["kind"], "booking_accepted");
    assert_eq!(detail.body["accepted_by"], json!(["central"]));
    let nobody = bench.post(&path(1, "/assign"), &cookie, &json!({"shift": Uuid::from_u128(9)})).await;
    assert_eq!(nobody.code(), (404, "unknown_shift"));
    let cancelled = bench.post(&path(1, "/cancel"), &cookie, &json!({"reason": "other"})).await;
    assert_eq!(cancelled.body["cancelled_by"], "operator");
}

#[tokio::test]
async fn a_district_is_moved_only_when_named_twice_and_only_at_an_edge() {
    let bench = Bench::new().await;
    let cookie = bench.sign_in("operator").await;
    let board = bench.get("/console/v1/board", &cookie).await;
    let district = board.body["districts"][0]["district"].as_str().unwrap().to_owned();
    assert_eq!(board.body["districts"][0]["mode"], "normal", "{}", board.body);
    assert_eq!(board.body["districts"][0]["may_take"], false);
    for step in ["take", "give-back"] {
        let path = format!("/console/v1/districts/{district}/{step}");
        let unsure = bench.post(&path, &cookie, &json!({"confirm": "elsewhere"})).await;
        assert_eq!(unsure.code(), (422, "not_confirmed"));
        let central = bench.post(&path, &cookie, &json!({"confirm": district})).await;
        assert_eq!(central.code(), (421, "other_node"), "{}", central.body);
    }
}
