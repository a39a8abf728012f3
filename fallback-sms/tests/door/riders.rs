//! What a node tells of a number, and what its gazetteer finds.

use ondol_core::ids::BookingId;
use serde_json::{Value, json};

use crate::bench::{APP_DRIVER, Bench, DRIVER, RIDER, STRANGER, stand_code, wish};
use crate::testbed::{place, stand};

#[tokio::test]
async fn numbers_that_are_none_are_refused() {
    let bench = Bench::central().await;
    for bad in ["hello", "12", "+0123456789", "821012345678", "%2B82%0010", &"1".repeat(40)] {
        let answer = bench.get(&format!("/riders/{bad}")).await;
        assert_eq!(answer.code(), (422, "invalid_phone"), "{bad}");
        assert!(answer.body["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{bad}");
    }
    let not_text = bench.get("/riders/%FF").await;
    assert_eq!(not_text.code(), (422, "invalid_phone"), "{}", not_text.body);
}

#[tokio::test]
async fn a_number_s_own_open_bookings_are_told_and_nobody_else_s() {
    let bench = Bench::central().await;
    let booked = bench.book(1).await;
    let stranger = bench.get(&format!("/riders/{STRANGER}")).await;
    assert_eq!(stranger.status.as_u16(), 200);
    assert_eq!((&stranger.body["open"], &stranger.body["driver"]), (&json!([]), &Value::Null));
    assert_eq!(stranger.body["standing"]["authority"], "central");
    for number in [RIDER, "%2B821012345678", "010-1234-5678"] {
        let facts = bench.get(&format!("/riders/{number}")).await;
        assert_eq!(facts.body["open"], json!([booked]), "{number}: {}", facts.body);
        assert_eq!(facts.body["lang"], "ko");
    }
    bench.post(&crate::booking(1, "cancel"), &crate::about(RIDER, Some("number"))).await;
    let facts = bench.get(&format!("/riders/{RIDER}")).await;
    assert_eq!((&facts.body["open"], &facts.body["lang"]), (&json!([]), &json!("ko")), "{}", facts.body);
}

/// A place whose name was erased, or that never had one, is still named: by the map.
#[tokio::test]
async fn a_place_without_the_rider_s_word_is_called_what_the_map_calls_it() {
    let bench = Bench::central().await;
    assert_eq!(bench.book(1).await["pickup"]["name"], "솔내시장 정문");
    let subject = bench.node.handle.read(|node| {
        let (_, record) = node.board().booking(BookingId::from_number(1))?;
        Some(record.request()?.personal.clone()?.subject)
    });
    bench.node.handle.erase(subject.await.unwrap().unwrap()).await.unwrap();
    let facts = bench.get(&format!("/riders/{RIDER}")).await;
    let name = facts.body["open"][0]["pickup"]["name"].as_str().unwrap();
    assert_eq!(name, bench.node.map.reverse(place(0)).unwrap().name, "{}", facts.body);
    assert!(!name.is_empty());
}

#[tokio::test]
async fn open_bookings_are_told_in_their_order_up_to_a_bound() {
    let bench = Bench::central().await;
    for key in [5, 4, 3, 2, 1] {
        let mut wish = wish(key);
        wish["proof"] = json!("nonce");
        bench.post("/bookings", &wish).await;
        bench.node.clock.advance_ms(1_000);
    }
    let facts = bench.get(&format!("/riders/{RIDER}")).await;
    let told: Vec<_> =
        facts.body["open"].as_array().unwrap().iter().map(|booking| booking["booking_id"].clone()).collect();
    let expected: Vec<_> = [5, 4, 3, 2].map(|key| json!(uuid::Uuid::from_u128(key))).to_vec();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_driver_served_by_text_is_told_and_one_with_the_app_is_not() {
    let bench = Bench::central().await;
    let app = bench.get(&format!("/riders/{APP_DRIVER}")).await;
    assert_eq!(app.body["driver"], Value::Null, "{}", app.body);
    let driver = bench.get(&format!("/riders/{DRIVER}")).await;
    assert_eq!(driver.body["driver"], json!({"lang": "ko", "state": "off_duty"}), "{}", driver.body);
}

#[tokio::test]
async fn questions_to_the_gazetteer_that_are_none_are_refused() {
    let bench = Bench::central().await;
    let long = "x".repeat(500);
    for bad in [
        String::new(),
        "?limit=3".to_owned(),
        format!("?q={long}"),
        "?q=a&near=here".to_owned(),
        "?q=a&near=91,0".to_owned(),
        "?q=a&near=37.5".to_owned(),
        "?stand=twelve".to_owned(),
        "?stand=70000".to_owned(),
        "?q=a&limit=-1".to_owned(),
    ] {
        let answer = bench.get(&format!("/places{bad}")).await;
        assert_eq!(answer.code(), (400, "invalid_request"), "{bad}");
    }
}

#[tokio::test]
async fn places_are_found_by_name_and_stands_by_number() {
    let bench = Bench::central().await;
    let (first, code) = (stand(0), stand_code(0));
    let by_number = bench.get(&format!("/places?stand={code}")).await;
    assert_eq!(by_number.body["places"].as_array().map(Vec::len), Some(1), "{}", by_number.body);
    let found = &by_number.body["places"][0];
    assert_eq!((&found["stand_code"], &found["name"]), (&json!(code), &json!(first.name)));
    assert_eq!(found["position"], json!(first.position));
    assert_eq!(bench.get("/places?stand=65535").await.body, json!({"places": []}));

    let name: String = first.name.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let near = format!("{},{}", first.position.lat(), first.position.lon());
    let by_name = bench.get(&format!("/places?q={name}&near={near}&limit=3")).await;
    let places = by_name.body["places"].as_array().unwrap();
    assert!((1..=3).contains(&places.len()), "{}", by_name.body);
    assert_eq!(places[0]["name"], json!(first.name), "{}", by_name.body);
    let many = bench.get(&format!("/places?q={name}&limit=10000")).await;
    assert!(many.body["places"].as_array().unwrap().len() <= 8, "{}", many.body);
}
