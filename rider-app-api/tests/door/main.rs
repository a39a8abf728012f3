//! Goal: a guest orders, follows and cancels; whatever else comes is refused in one sentence and changes nothing.
//! Method: the whole door over a real node with a real store, asked as a browser asks.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod arrivals;
mod bench;
#[path = "../../../dispatch/testbed/mod.rs"]
mod testbed;

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use bench::{Bench, KEY};
use ondol_core::face::Change;
use ondol_rider_api::Limits;
use serde_json::{Value, json};
use testbed::place;

#[tokio::test]
async fn bad_wishes_are_refused_and_leave_nothing() {
    let bench = Bench::new().await;
    let set = |path: &str, value: Value| {
        let mut wish = bench.wish();
        *wish.pointer_mut(path).unwrap_or(&mut Value::Null) = value.clone();
        if wish.pointer(path) != Some(&value) {
            wish[path.trim_start_matches('/')] = value;
        }
        wish
    };
    let cases: Vec<(&str, Value, (u16, &str))> = vec![
        ("an unknown field", set("/priority", json!("medical")), (400, "invalid_request")),
        ("a door of others", set("/door", json!("phone")), (400, "invalid_request")),
        ("a text as a number", set("/seats", json!("2")), (400, "invalid_request")),
        ("off the earth", set("/pickup/position/lat", json!(91.0)), (400, "invalid_request")),
        ("no UUID", set("/booking_id", json!("mine")), (400, "invalid_request")),
        ("the nil UUID", set("/booking_id", json!(uuid::Uuid::nil())), (400, "invalid_request")),
        (
            "another continent",
            set("/pickup/position", json!({"lat": 48.2, "lon": 16.4})),
            (422, "outside_service_area"),
        ),
        ("nobody rides", set("/seats", json!(0)), (422, "out_of_range")),
        ("a bus", set("/seats", json!(9)), (422, "out_of_range")),
        ("no number", set("/phone", json!("12")), (422, "invalid_phone")),
        ("a long name", set("/name", json!("가".repeat(61))), (422, "out_of_range")),
        ("two lines", set("/note", json!("a\nb")), (400, "invalid_request")),
        ("in a year", set("/pickup_at", json!("2027-12-01T00:00:00Z")), (422, "out_of_range")),
        ("no moment", set("/pickup_at", json!("tomorrow")), (400, "invalid_request")),
        ("no such stand", set("/stand", json!("no-such-stand")), (404, "unknown_stand")),
        ("a negative fare", set("/quote", json!({"fare": -1, "tariff": "x"})), (400, "invalid_request")),
    ];
    for (what, wish, expected) in cases {
        let answer = bench.post("/rider/v1/bookings", &wish).await;
        assert_eq!(answer.code(), expected, "{what}: {}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{what}");
        assert!(answer.body["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{what}");
    }
    assert_eq!(bench.bookings().await, 0);
}

#[tokio::test]
async fn bodies_that_are_not_json_or_too_large_are_refused() {
    let bench = Bench::new().await;
    let post = |kind: &str, body: String| {
        let request = Request::post("/rider/v1/bookings").header("content-type", kind);
        request.body(Body::from(body)).unwrap()
    };
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    for (kind, body, expected) in [
        ("text/plain", "{}".to_owned(), (415, "unsupported_media_type")),
        ("application/json", "{".to_owned(), (400, "invalid_request")),
        ("application/json", deep, (400, "invalid_request")),
        ("application/json", format!("\"{}\"", "x".repeat(70_000)), (413, "body_too_large")),
    ] {
        let answer = bench.send(post(kind, body)).await;
        assert_eq!(answer.code(), expected);
    }
    let key = Request::post("/rider/v1/bookings")
        .header("content-type", "application/json")
        .header("idempotency-key", "another")
        .body(Body::from(bench.wish().to_string()))
        .unwrap();
    assert_eq!(bench.send(key).await.code(), (400, "invalid_request"));
    assert_eq!(bench.bookings().await, 0);
}

#[tokio::test]
async fn the_same_wish_twice_is_one_booking_and_another_wish_under_its_key_is_refused() {
    let bench = Bench::new().await;
    let first = bench.post("/rider/v1/bookings", &bench.wish()).await;
    let again = bench.post("/rider/v1/bookings", &bench.wish()).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 200), "{}", first.body);
    assert_eq!(first.body["token"], again.body["token"]);
    assert_eq!(first.body["booking"], KEY);
    assert_eq!(first.body["accepted"], "accepted_local");
    assert_eq!(first.body["standing"]["authority"], "central");
    assert_eq!(first.body["pin"].as_str().map(str::len), Some(4));
    assert_eq!(first.body["pickup"]["label"], "솔내시장 정문");
    let mut other = bench.wish();
    other["seats"] = json!(2);
    assert_eq!(bench.post("/rider/v1/bookings", &other).await.code(), (409, "key_reused"));
    assert_eq!(bench.bookings().await, 1);
}

#[tokio::test]
async fn only_the_token_opens_a_booking() {
    let bench = Bench::new().await;
    let booked = bench.post("/rider/v1/bookings", &bench.wish()).await;
    let token = booked.body["token"].as_str().unwrap().to_owned();
    assert_eq!(bench.get(&format!("/rider/v1/bookings/{token}")).await.status.as_u16(), 200);
    let mut forged = token.clone().into_bytes();
    forged[40] = if forged[40] == b'A' { b'B' } else { b'A' };
    let never_made = bench.handle.vault().link_token(ondol_core::ids::BookingId::from_number(5));
    for bad in [String::from_utf8(forged).unwrap(), KEY.to_owned(), never_made, "x".repeat(300)] {
        for path in [format!("/rider/v1/bookings/{bad}"), format!("/rider/v1/bookings/{bad}/events")] {
            assert_eq!(bench.get(&path).await.code(), (404, "unknown_booking"), "{path}");
        }
        let cancel =
            bench.post(&format!("/rider/v1/bookings/{bad}/cancel"), &json!({"reason": "other"})).await;
        assert_eq!(cancel.code(), (404, "unknown_booking"));
    }
}

#[tokio::test]
async fn a_rider_cancels_once_however_often_and_not_for_reasons_of_others() {
    let bench = Bench::new().await;
    let booked = bench.post("/rider/v1/bookings", &bench.wish()).await;
    let path = format!("/rider/v1/bookings/{}/cancel", booked.body["token"].as_str().unwrap());
    for reason in ["no_show", "no_taxi", "duplicate"] {
        assert_eq!(bench.post(&path, &json!({"reason": reason})).await.code(), (422, "out_of_range"));
    }
    for _ in 0..2 {
        let cancelled = bench.post(&path, &json!({"reason": "changed_mind"})).await;
        assert_eq!(cancelled.body["status"], "cancelled", "{}", cancelled.body);
        assert_eq!(cancelled.body["cancelled"]["by"], "rider");
    }
}

#[tokio::test]
async fn a_rider_who_still_wants_the_taxi_says_so_by_the_token() {
    let bench = Bench::new().await;
    let booked = bench.post("/rider/v1/bookings", &bench.wish()).await;
    assert!(booked.body.get("ask").is_none(), "nobody asks about a booking that just came: {}", booked.body);
    let path = format!("/rider/v1/bookings/{}", booked.body["token"].as_str().unwrap());
    let keep = format!("{path}/keep");
    assert_eq!(bench.post(&keep, &json!({"for": "ever"})).await.code(), (400, "invalid_request"));
    let nobodys = "/rider/v1/bookings/nobody/keep";
    assert_eq!(bench.post(nobodys, &json!({})).await.code(), (404, "unknown_booking"));
    let kept = bench.post(&keep, &json!({})).await;
    assert_eq!(kept.body["status"], "open", "{}", kept.body);
    bench.post(&format!("{path}/cancel"), &json!({"reason": "changed_mind"})).await;
    assert_eq!(bench.post(&keep, &json!({})).await.code(), (410, "closed"));
}

#[tokio::test]
async fn a_booking_that_rested_behind_a_cut_asks_its_rider() {
    let bench = Bench::new().await;
    let booked = bench.post("/rider/v1/bookings", &bench.wish()).await;
    let path = format!("/rider/v1/bookings/{}", booked.body["token"].as_str().unwrap());
    let bench = Bench::without_edge_after(bench).await;
    let early = bench.get(&path).await;
    assert!(early.body["status"] == "open" && early.body.get("ask").is_none(), "{}", early.body);
    let mut changes = bench.handle.changes();
    // The rest begins with the first look after the start, which may come after the clock has moved once.
    for _ in 0..2 {
        bench.clock.advance_ms(120_000);
        let asked = async { while !matches!(changes.recv().await, Ok(Change::Booking(..))) {} };
        if tokio::time::timeout(Duration::from_secs(3), asked).await.is_ok() {
            break;
        }
    }
    assert_eq!(bench.get(&path).await.body["ask"], "still_wanted");
    let kept = bench.post(&format!("{path}/keep"), &json!({})).await;
    assert!(kept.body["status"] == "open" && kept.body.get("ask").is_none(), "{}", kept.body);
}

/// Programs open links, and a page sends its booking again by itself: of a trip that only its driver's phone knew,
/// neither is the rider's word.
#[tokio::test]
async fn a_trip_that_came_back_is_true_once_its_rider_says_so_and_not_because_a_link_was_opened() {
    let bench = Bench::new().await;
    let booked = bench.post("/rider/v1/bookings", &bench.wish()).await;
    let path = format!("/rider/v1/bookings/{}", booked.body["token"].as_str().unwrap());
    let attest = format!("{path}/attest");
    let needless = bench.post(&attest, &json!({})).await;
    assert_eq!((needless.status.as_u16(), needless.body.get("ask")), (200, None), "{}", needless.body);

    let bench = Bench::brought_back_after(bench).await;
    assert!(bench.is_unverified().await);
    let shown = bench.get(&path).await.body;
    assert_eq!((&shown["status"], &shown["ask"]), (&json!("assigned"), &json!("trip_going_on")), "{shown}");
    let mut stream = bench.stream(&format!("{path}/events")).await;
    stream.until("booking", |told| told["ask"] == "trip_going_on").await;
    let again = bench.post("/rider/v1/bookings", &bench.wish()).await;
    assert_eq!((again.status.as_u16(), &again.body["ask"]), (200, &json!("trip_going_on")));
    assert_eq!(bench.post(&attest, &json!({"yes": true})).await.code(), (400, "invalid_request"));
    let nobodys = "/rider/v1/bookings/nobody/attest";
    assert_eq!(bench.post(nobodys, &json!({})).await.code(), (404, "unknown_booking"));
    assert_eq!(bench.get(&attest).await.status.as_u16(), 405);
    assert!(bench.is_unverified().await, "nobody has said anything");

    for _ in 0..2 {
        let said = bench.post(&attest, &json!({})).await;
        assert_eq!((&said.body["status"], said.body.get("ask")), (&json!("assigned"), None), "{}", said.body);
        assert!(!bench.is_unverified().await);
    }
    bench.post(&format!("{path}/cancel"), &json!({"reason": "changed_mind"})).await;
    assert_eq!(bench.post(&attest, &json!({})).await.code(), (410, "closed"));
}

#[tokio::test]
async fn nothing_personal_is_written_in_clear() {
    let bench = Bench::new().await;
    assert_eq!(bench.post("/rider/v1/bookings", &bench.wish()).await.status.as_u16(), 201);
    let (district, _) = bench.map.districts().unwrap().locate(place(0)).unwrap();
    let entries = bench.handle.store().history(&district, KEY, 10).await.unwrap();
    assert!(!entries.is_empty());
    for entry in entries {
        for secret in ["김하늘", "솔내시장", "한내역", "우산", "1012345678", "010-1234"] {
            assert!(!entry.payload.contains(secret), "{secret}: {}", entry.payload);
        }
    }
}

/// The page says that the words were erased, instead of showing a pin that the rider never set.
#[tokio::test]
async fn an_erased_rider_s_link_says_so() {
    let bench = Bench::new().await;
    let booked = bench.post("/rider/v1/bookings", &bench.wish()).await;
    assert_eq!(booked.body.get("hidden"), None, "{}", booked.body);
    let rider = bench.handle.read(|node| {
        let (_, record) = node.board().booking(KEY.parse().ok()?)?;
        Some(record.request()?.personal.clone()?.subject)
    });
    bench.handle.erase(rider.await.unwrap().unwrap()).await.unwrap();
    let path = format!("/rider/v1/bookings/{}", booked.body["token"].as_str().unwrap());
    let erased = bench.get(&path).await.body;
    assert_eq!(erased["hidden"], "erased", "{erased}");
    for place in ["pickup", "dropoff"] {
        assert!(erased[place].get("label").is_none() && erased[place]["position"].is_object(), "{erased}");
    }
}

#[tokio::test]
async fn a_follower_gets_the_booking_at_once() {
    let bench = Bench::new().await;
    let booked = bench.post("/rider/v1/bookings", &bench.wish()).await;
    let path = format!("/rider/v1/bookings/{}/events", booked.body["token"].as_str().unwrap());
    let mut stream = bench.stream(&path).await;
    let told = stream.until("booking", |_| true).await;
    assert_eq!(told["booking"], KEY, "{told}");
    assert!(stream.said().starts_with("event: booking\n"), "nothing comes before it: {}", stream.said());
}

#[tokio::test]
async fn places_are_found_by_name_and_by_pin() {
    let bench = Bench::new().await;
    let stand = bench.map.stands()[3].clone();
    let found = bench.get(&format!("/rider/v1/places?q=%23{}&lang=ko", stand.code.as_str())).await;
    assert_eq!(found.body["places"][0]["stand"], stand.code.as_str(), "{}", found.body);
    assert_eq!(found.body["places"][0]["served"], true);
    let (district, _) = bench.map.districts().unwrap().locate(stand.position).unwrap();
    assert_eq!(found.body["places"][0]["district"], district.as_str(), "the page asks its node first");
    let at = format!("/rider/v1/places?at={},{}&lang=en", stand.position.lat(), stand.position.lon());
    assert!(bench.get(&at).await.body["places"][0]["name"].as_str().is_some_and(|name| !name.is_empty()));
    for bad in ["", "?q=a&at=1,2", "?at=1", "?at=91,0", "?at=a,b", "?q=a&near=x", "?q=a&lang=fr", "?q=a&x=1"]
    {
        assert_eq!(
            bench.get(&format!("/rider/v1/places{bad}")).await.code(),
            (400, "invalid_request"),
            "{bad}"
        );
    }
    let long = format!("/rider/v1/places?q={}", "a".repeat(81));
    assert_eq!(bench.get(&long).await.code(), (400, "invalid_request"));
}

#[tokio::test]
async fn a_quote_follows_the_streets_and_the_tariff() {
    let bench = Bench::new().await;
    let wish = json!({"pickup": place(0), "dropoff": place(5)});
    let quote = bench.post("/rider/v1/quotes", &wish).await;
    let leg = bench.map.leg(place(0), place(5)).unwrap();
    assert_eq!(quote.body["distance_m"], leg.distance_m, "{}", quote.body);
    assert!(quote.body["quote"]["fare"].as_i64().unwrap() >= 4_800);
    let away = json!({"pickup": {"lat": 48.2, "lon": 16.4}, "dropoff": place(5)});
    assert_eq!(bench.post("/rider/v1/quotes", &away).await.code(), (422, "outside_service_area"));
}

#[tokio::test]
async fn one_address_cannot_take_everything() {
    let limits = Limits { requests_per_s: 1.0, request_burst: 50.0, changes_per_min: 1.0, change_burst: 2.0 };
    let bench = Bench::with(limits).await;
    for _ in 0..2 {
        assert!(bench.post("/rider/v1/bookings", &bench.wish()).await.status.is_success());
    }
    let refused = bench.post("/rider/v1/bookings", &bench.wish()).await;
    assert_eq!(refused.code(), (429, "too_many_requests"));
    assert_eq!(refused.headers["retry-after"], "60");
    assert_eq!(bench.get("/rider/v1/endpoints").await.status.as_u16(), 200, "looking is still allowed");
    bench.clock.advance_ms(60_000);
    assert!(bench.post("/rider/v1/bookings", &bench.wish()).await.status.is_success());
}

#[tokio::test]
async fn a_page_of_another_node_may_ask() {
    let bench = Bench::new().await;
    let preflight = Request::options("/rider/v1/bookings")
        .header("origin", "http://127.0.0.1:8081")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type")
        .body(Body::empty())
        .unwrap();
    let answer = bench.send(preflight).await;
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert!(answer.headers.get("access-control-allow-credentials").is_none(), "no cookie counts here");
}
