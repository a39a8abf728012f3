//! What a number may do: book, cancel, keep; and what it may not.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::bench::{Bench, DRIVER, RIDER, STRANGER, about, booking, elsewhere, stand_code, wish};
use crate::testbed::place;

#[tokio::test]
async fn bad_wishes_are_refused_and_leave_nothing() {
    let bench = Bench::central().await;
    let spot = |position: Value| json!({"name": "여기", "position": position});
    for (field, value, expected) in [
        ("phone", json!("12"), (422, "invalid_phone")),
        ("phone", json!("hello"), (422, "invalid_phone")),
        ("passengers", json!(0), (422, "out_of_range")),
        ("passengers", json!(9), (422, "out_of_range")),
        ("passengers", json!(-1), (400, "invalid_request")),
        ("booking_id", json!("mine"), (400, "invalid_request")),
        ("source", json!("web"), (400, "invalid_request")),
        ("proof", json!("promise"), (400, "invalid_request")),
        ("asked_at", json!("just now"), (400, "invalid_request")),
        ("pickup_at", json!("2027-12-01T00:00:00Z"), (422, "out_of_range")),
        ("pickup", spot(json!({"lat": 91.0, "lon": 0.0})), (400, "invalid_request")),
        ("destination", spot(json!({"lat": 0.0, "lon": 181.0})), (400, "invalid_request")),
        ("pickup", spot(json!({"lat": 48.2, "lon": 16.4})), (422, "outside_service_area")),
    ] {
        let mut wish = wish(1);
        wish[field] = value.clone();
        let answer = bench.post("/bookings", &wish).await;
        assert_eq!(answer.code(), expected, "{field} {value}: {}", answer.body);
    }
    assert_eq!(bench.node.bookings().await, 0);
}

#[tokio::test]
async fn an_edge_sends_on_who_waits_in_another_node_s_district() {
    let bench = Bench::edge().await;
    let mut wish = wish(1);
    wish["pickup"]["position"] = json!(elsewhere().0);
    assert_eq!(bench.post("/bookings", &wish).await.code(), (421, "other_district"));
    assert_eq!(bench.node.bookings().await, 0);
    let own = bench.book(2).await;
    assert_eq!(own["state"], "open", "{own}");
}

#[tokio::test]
async fn the_same_wish_twice_is_one_booking_and_another_wish_under_its_key_is_refused() {
    let bench = Bench::central().await;
    let (first, again) = (bench.book(1).await, bench.book(1).await);
    assert_eq!(first, again);
    for (field, value) in [("passengers", json!(2)), ("phone", json!(STRANGER)), ("lang", json!("en"))] {
        let mut other = wish(1);
        other[field] = value;
        assert_eq!(bench.post("/bookings", &other).await.code(), (409, "key_reused"), "{field}");
    }
    assert_eq!(bench.get(&format!("/riders/{STRANGER}")).await.body["open"], json!([]));
    assert_eq!(bench.node.bookings().await, 1);
}

#[tokio::test]
async fn a_second_open_booking_takes_an_answered_nonce() {
    let bench = Bench::central().await;
    bench.book(1).await;
    let mut second = wish(2);
    assert_eq!(bench.post("/bookings", &second).await.code(), (409, "open_booking"));
    second["proof"] = json!("nonce");
    assert_eq!(bench.post("/bookings", &second).await.status.as_u16(), 200);
    let mut another = wish(3);
    another["phone"] = json!(STRANGER);
    assert_eq!(
        bench.post("/bookings", &another).await.status.as_u16(),
        200,
        "another number is another rider"
    );
}

#[tokio::test]
async fn a_booking_is_answered_as_its_rider_may_see_it() {
    let bench = Bench::central().await;
    let mut wish = wish(1);
    wish["pickup"]["stand_code"] = json!(stand_code(0));
    wish["pickup_at"] = json!("2026-03-02T10:00:00Z");
    let booked = bench.post("/bookings", &wish).await.body;
    assert_eq!(booked["booking_id"], json!(Uuid::from_u128(1)), "{booked}");
    assert_eq!(booked["pickup"]["name"], "솔내시장 정문");
    assert_eq!(booked["pickup"]["position"], json!(place(0)));
    assert_eq!(booked["pickup"]["stand_code"], json!(stand_code(0)));
    assert_eq!((&booked["state"], &booked["accepted"]), (&json!("open"), &json!("accepted_local")));
    assert_eq!(
        booked["standing"],
        json!({"authority": "central", "as_of": "2026-03-02T09:00:00Z", "mode": "normal"})
    );
    assert_eq!(booked["pin"].as_str().map(str::len), Some(4));
    assert_eq!(booked["code"].as_str().map(str::len), Some(4));
    assert!(!booked.to_string().contains("12345678"), "the text process knows the number already: {booked}");
}

#[tokio::test]
async fn nobody_touches_another_number_s_booking() {
    let bench = Bench::central().await;
    bench.book(1).await;
    let mut elsewhere = about(STRANGER, Some("nonce"));
    elsewhere["pickup"] = wish(1)["destination"].clone();
    for (step, body) in
        [("cancel", about(STRANGER, Some("nonce"))), ("keep", about(STRANGER, None)), ("pickup", elsewhere)]
    {
        for key in [1, 77] {
            let answer = bench.post(&booking(key, step), &body).await;
            assert_eq!(answer.code(), (404, "booking_unknown"), "{step} {key}");
        }
        let mut nobody = body.clone();
        nobody["phone"] = json!("12");
        assert_eq!(bench.post(&booking(1, step), &nobody).await.code(), (422, "invalid_phone"), "{step}");
        let answer = bench.post(&format!("/bookings/mine/{step}"), &body).await;
        assert_eq!(answer.code(), (400, "invalid_request"), "{step}: {}", answer.body);
    }
    let facts = bench.get(&format!("/riders/{RIDER}")).await;
    assert_eq!(facts.body["open"][0]["state"], "open", "{}", facts.body);
}

#[tokio::test]
async fn a_rider_cancels_by_number_while_no_car_is_on_its_way() {
    let bench = Bench::central().await;
    bench.book(1).await;
    for _ in 0..2 {
        let cancelled = bench.post(&booking(1, "cancel"), &about(RIDER, Some("number"))).await;
        assert_eq!(cancelled.body["state"], "cancelled", "{}", cancelled.body);
    }
    let kept = bench.post(&booking(1, "keep"), &about(RIDER, None)).await;
    assert_eq!(kept.code(), (410, "closed"), "{}", kept.body);
}

#[tokio::test]
async fn a_rider_keeps_a_booking_and_does_not_move_it() {
    let bench = Bench::central().await;
    let booked = bench.book(1).await;
    let kept = bench.post(&booking(1, "keep"), &about(RIDER, None)).await;
    assert_eq!(kept.body, booked);
    let mut body = about(RIDER, Some("nonce"));
    body["pickup"] = wish(1)["destination"].clone();
    assert_eq!(bench.post(&booking(1, "pickup"), &body).await.code(), (409, "pickup_fixed"));
    let facts = bench.get(&format!("/riders/{RIDER}")).await;
    assert_eq!(facts.body["open"], json!([booked]), "{}", facts.body);
}

#[tokio::test]
async fn with_a_car_on_its_way_a_cancel_takes_proof_and_once_on_board_it_is_refused() {
    let bench = Bench::with_a_car(1).await;
    let facts = bench.get(&format!("/riders/{RIDER}")).await;
    let open = &facts.body["open"][0];
    assert_eq!(
        (&open["state"], &open["vehicle"]["plate"]),
        (&json!("assigned"), &json!("서울33바1234")),
        "{open}"
    );
    let by_number = bench.post(&booking(1, "cancel"), &about(RIDER, Some("number"))).await;
    assert_eq!(by_number.code(), (409, "proof_needed"));
    let facts = bench.get(&format!("/riders/{RIDER}")).await;
    assert_eq!(facts.body["open"][0]["state"], "assigned", "{}", facts.body);
    let proven = bench.post(&booking(1, "cancel"), &about(RIDER, Some("nonce"))).await;
    assert_eq!(proven.body["state"], "cancelled", "{}", proven.body);
    let driver = bench.get(&format!("/riders/{DRIVER}")).await;
    assert_eq!(driver.body["driver"]["state"], "free", "{}", driver.body);

    let bench = Bench::with_a_car(1).await;
    let pin = bench.get(&format!("/riders/{RIDER}")).await.body["open"][0]["pin"].clone();
    assert_eq!(bench.says(3, json!({"kind": "boarded", "pin": pin})).await.body["state"], "boarded");
    let late = bench.post(&booking(1, "cancel"), &about(RIDER, Some("nonce"))).await;
    assert_eq!(late.code(), (409, "already_boarded"));
}
