//! Goal: an operator with a caller on the line sees who is free near a place, nearest first, and nobody else's taxis.

use ondol_core::position::Position;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::bench::{Bench, Taxi};
use crate::testbed::place;

/// A place so many degrees north of the first one.
fn north(degrees: f64) -> Position {
    Position::new(place(0).lat() + degrees, place(0).lon()).unwrap()
}

/// Driver and shift `number` begin at `position`, if the phone knows it.
async fn begin(bench: &Bench, number: u128, fleet: &str, position: Option<Position>) {
    let plate = format!("서울33바{number:04}");
    bench.begin(&Taxi { driver: number, shift: number, fleet, plate: &plate, position }).await;
}

fn path(query: &str) -> String {
    format!("/console/v1/districts/hannam/taxis/near?{query}")
}

fn at(position: Position) -> String {
    format!("at={:.6},{:.6}", position.lat(), position.lon())
}

/// The shifts of an answer by number.
fn shifts(answer: &Value) -> Vec<u128> {
    let shift = |taxi: &Value| taxi["shift"].as_str().unwrap().parse::<Uuid>().unwrap().as_u128();
    answer["taxis"].as_array().unwrap().iter().map(shift).collect()
}

#[tokio::test]
async fn who_is_free_near_a_place_is_told_nearest_first() {
    let bench = Bench::new().await;
    for (number, degrees) in [(1, 0.003), (2, 0.001), (3, -0.002), (4, 0.001), (5, 0.0005)] {
        begin(&bench, number, "hanbit", Some(north(degrees))).await;
    }
    begin(&bench, 6, "hanbit", None).await;
    begin(&bench, 7, "onnuri", Some(north(0.0))).await;
    let cookie = bench.sign_in("hanbit").await;
    bench.post("/console/v1/bookings", &cookie, &bench.call(1)).await;
    let assign = format!("/console/v1/bookings/{}/assign", Uuid::from_u128(1));
    // Whether a plan or the operator came first, the nearest is asked.
    bench.post(&assign, &cookie, &json!({"shift": Uuid::from_u128(5)})).await;

    let answer = bench.get(&path(&at(north(0.0))), &cookie).await;
    assert_eq!(
        shifts(&answer.body),
        [2, 4, 3, 1],
        "5 is asked, of 6 nobody knows where it is: {}",
        answer.body
    );
    let mut first = answer.body["taxis"][0].clone();
    let heard_at = first.as_object_mut().unwrap().remove("heard_at").expect("when it was heard");
    assert_eq!(heard_at, answer.body["standing"]["as_of"]);
    assert_eq!(
        first,
        json!({
            "shift": Uuid::from_u128(2), "plate": "서울33바0002", "fleet": "hanbit", "seats": 4,
            "position": north(0.001), "distance_m": 111, "by_text": false,
        })
    );
    assert_eq!(answer.body["standing"]["authority"], "central");
    let two = bench.get(&path(&format!("{}&most=2", at(north(0.003)))), &cookie).await;
    assert_eq!(shifts(&two.body), [1, 2]);
    // Each fleet sees its own; who works for all sees all.
    let seen_by = async |login: &str| {
        let cookie = bench.sign_in(login).await;
        shifts(&bench.get(&path(&format!("{}&most=1", at(north(0.0)))), &cookie).await.body)
    };
    assert_eq!((seen_by("onnuri").await, seen_by("blue").await), (vec![7], vec![]));
    assert_eq!((seen_by("operator").await, seen_by("auditor").await), (vec![7], vec![7]));
    // A fix that is too old says nothing of where a taxi is.
    bench.node.clock.advance_ms(61_000);
    assert_eq!(shifts(&bench.get(&path(&at(north(0.0))), &cookie).await.body), [0_u128; 0]);
}

#[tokio::test]
async fn what_is_no_place_or_too_much_is_refused() {
    let bench = Bench::new().await;
    let cookie = bench.sign_in("operator").await;
    for (query, expected) in [
        ("", (400, "invalid_request")),
        ("at=37.5", (400, "invalid_request")),
        ("at=north,south", (400, "invalid_request")),
        ("at=91,127", (400, "invalid_request")),
        ("at=37.5,127&near=1", (400, "invalid_request")),
        ("at=37.5,127&most=ten", (400, "invalid_request")),
        ("at=37.5,127&most=0", (422, "out_of_range")),
        ("at=37.5,127&most=51", (422, "out_of_range")),
    ] {
        assert_eq!(bench.get(&path(query), &cookie).await.code(), expected, "{query:?}");
    }
    let elsewhere = bench.get("/console/v1/districts/nowhere/taxis/near?at=37.5,127", &cookie).await;
    assert_eq!(elsewhere.code(), (404, "other_district"));
    assert_eq!(shifts(&bench.get(&path("at=37.5,127&most=50"), &cookie).await.body), [0_u128; 0]);
}
