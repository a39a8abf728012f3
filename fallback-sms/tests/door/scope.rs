//! A token for another district is as good as none for what is this district's, and does not tell that it is there.

use ondol_core::ids::DistrictId;
use serde_json::{Value, json};

use crate::bench::{Bench, DRIVER, RIDER, STRANGER, about, booking, commands, elsewhere, home, said, wish};
use crate::{moved, report};

/// Central with a booking of the rider's at home, and a token for another district alone.
async fn foreign() -> (Bench, String) {
    let bench = Bench::central().await;
    bench.book(1).await;
    let token = bench.token_of(&[elsewhere().1]);
    (bench, token)
}

#[tokio::test]
async fn it_books_at_home_only() {
    let (bench, token) = foreign().await;
    let mut there = wish(2);
    there["pickup"]["position"] = json!(elsewhere().0);
    let refused = bench.post_as(&token, "/bookings", &wish(3)).await;
    assert_eq!(refused.code(), (422, "outside_service_area"), "{}", refused.body);
    assert_eq!(bench.node.bookings().await, 1);
    // The open booking of the other district is not there either: it takes no proof to book the first one here.
    let booked = bench.post_as(&token, "/bookings", &there).await;
    assert_eq!(booked.status.as_u16(), 200, "{}", booked.body);
}

#[tokio::test]
async fn it_learns_nothing_by_trying_the_key_of_a_foreign_booking() {
    let (bench, token) = foreign().await;
    let refused = bench.post_as(&token, "/bookings", &wish(1)).await;
    assert_eq!(refused.code(), (422, "outside_service_area"), "{}", refused.body);
}

#[tokio::test]
async fn a_foreign_booking_is_not_there() {
    let (bench, token) = foreign().await;
    for (step, body) in
        [("cancel", about(RIDER, Some("nonce"))), ("keep", about(RIDER, None)), ("pickup", moved())]
    {
        let foreign = bench.post_as(&token, &booking(1, step), &body).await;
        let nothing = bench.post_as(&token, &booking(77, step), &body).await;
        assert_eq!(foreign.code(), (404, "booking_unknown"), "{step}: {}", foreign.body);
        assert_eq!(foreign.body, nothing.body, "{step}");
    }
    let facts = bench.get(&format!("/riders/{RIDER}")).await;
    assert_eq!(facts.body["open"][0]["state"], "open", "{}", facts.body);
}

#[tokio::test]
async fn of_a_foreign_rider_or_driver_it_hears_as_of_a_stranger() {
    let (bench, token) = foreign().await;
    let stranger = bench.get_as(&token, &format!("/riders/{STRANGER}")).await;
    for known in [RIDER, DRIVER] {
        let facts = bench.get_as(&token, &format!("/riders/{known}")).await;
        assert_eq!((facts.status.as_u16(), &facts.body), (200, &stranger.body), "{known}");
    }
    let own = bench.token_of(&[home()]);
    let facts = bench.get_as(&own, &format!("/riders/{RIDER}")).await;
    assert_eq!(facts.body["open"].as_array().map(Vec::len), Some(1), "{}", facts.body);
    let facts = bench.get_as(&own, &format!("/riders/{DRIVER}")).await;
    assert_eq!(facts.body["driver"]["state"], "off_duty", "{}", facts.body);
}

#[tokio::test]
async fn how_a_foreign_district_is_run_is_not_told() {
    let bench = Bench::with_a_car(1).await;
    for (district, mode) in [(home(), "degraded"), (elsewhere().1, "normal")] {
        let token = bench.token_of(&[district]);
        let facts = bench.get_as(&token, &format!("/riders/{STRANGER}")).await;
        assert_eq!(facts.body["standing"]["mode"], mode, "{}", facts.body);
    }
}

#[tokio::test]
async fn a_foreign_driver_is_unknown() {
    let (central, token) = foreign().await;
    let edge = Bench::edge().await;
    for (number, command, code) in [
        (1, json!({"kind": "status"}), None),
        (2, json!({"kind": "on"}), Some("4821")),
        (3, json!({"kind": "on"}), None),
    ] {
        let body = said(number, command, code);
        assert_eq!(central.post_as(&token, &commands(DRIVER), &body).await.code(), (404, "driver_unknown"));
        assert_eq!(edge.post_as(&token, &commands(DRIVER), &body).await.code(), (421, "driver_unknown"));
    }
    let facts = edge.get(&format!("/riders/{DRIVER}")).await;
    assert_eq!(facts.body["driver"]["state"], "off_duty", "{}", facts.body);
}

#[tokio::test]
async fn the_outbox_is_for_who_speaks_for_every_district_of_the_node() {
    let bench = Bench::with_a_car(1).await;
    let page = bench.get("/notices?after=0").await.body;
    let results: Vec<Value> = page["notices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|notice| json!({"id": notice["id"], "outcome": "taken", "at": "2026-03-02T09:00:12Z"}))
        .collect();
    let taken = json!({"outbox": page["outbox"], "results": results});
    let foreign = bench.token_of(&[elsewhere().1]);
    check(&bench, &foreign, &taken, (403, "token_too_narrow")).await;
    assert_eq!(
        bench.post_as(&foreign, "/reports", &report()).await.code(),
        (403, "token_too_narrow"),
        "operators hear from their own districts"
    );
    assert_eq!(bench.get("/notices?after=0").await.body, page, "nothing was taken off");
    // The edge serves one district, so that its own is enough there.
    check(&bench, &bench.token_of(&[home()]), &taken, (200, "")).await;

    let central = Bench::central().await;
    let outbox = central.get("/notices?after=0").await.body["outbox"].clone();
    let none = json!({"outbox": outbox, "results": []});
    check(&central, &central.token_of(&[home()]), &none, (403, "token_too_narrow")).await;
    // A call for help needs no more than one district of the node.
    assert_eq!(central.post_as(&central.token_of(&[home()]), "/reports", &report()).await.code(), (200, ""));
    let all: Vec<DistrictId> =
        central.node.districts.all().iter().map(|district| district.id.clone()).collect();
    check(&central, &central.token_of(&all), &none, (200, "")).await;
}

async fn check(bench: &Bench, token: &str, taken: &Value, expected: (u16, &str)) {
    assert_eq!(bench.get_as(token, "/notices?after=0").await.code(), expected, "notices");
    assert_eq!(bench.post_as(token, "/notices/ack", taken).await.code(), expected, "ack");
}
