//! A feature-phone driver's texts, from who is not heard to a trip's end.

use serde_json::json;

use crate::bench::{APP_DRIVER, Bench, DRIVER, RIDER, STRANGER, commands, said, stand_code};

#[tokio::test]
async fn who_is_no_driver_by_text_is_sent_on_by_an_edge_and_unknown_to_central() {
    let (central, edge) = (Bench::central().await, Bench::edge().await);
    for phone in [STRANGER, APP_DRIVER] {
        let body = said(1, json!({"kind": "status"}), None);
        assert_eq!(edge.post(&commands(phone), &body).await.code(), (421, "driver_unknown"), "{phone}");
        assert_eq!(central.post(&commands(phone), &body).await.code(), (404, "driver_unknown"), "{phone}");
    }
    for bench in [central, edge] {
        let body = said(1, json!({"kind": "status"}), None);
        assert_eq!(bench.post(&commands("hello"), &body).await.code(), (422, "invalid_phone"));
    }
}

#[tokio::test]
async fn central_sends_a_driver_on_to_the_edge_that_serves_them() {
    let central = Bench::central().await;
    assert_eq!(central.says(1, json!({"kind": "on"})).await.code(), (421, "other_node"));
}

#[tokio::test]
async fn only_the_driver_s_code_moves_anything() {
    let bench = Bench::edge().await;
    let every = [
        json!({"kind": "on"}),
        json!({"kind": "off"}),
        json!({"kind": "at", "stand": stand_code(0)}),
        json!({"kind": "accept", "offer": "K"}),
        json!({"kind": "decline", "offer": "K"}),
        json!({"kind": "arrived"}),
        json!({"kind": "boarded", "pin": "0000"}),
        json!({"kind": "ended", "fare": 1}),
        json!({"kind": "break"}),
        json!({"kind": "problem"}),
    ];
    for (number, command) in (1..).zip(every) {
        for (code, expected) in [
            (None, "driver_code_needed"),
            (Some(""), "driver_code_wrong"),
            (Some("4822"), "driver_code_wrong"),
            (Some("48210"), "driver_code_wrong"),
        ] {
            let answer = bench.post(&commands(DRIVER), &said(number, command.clone(), code)).await;
            assert_eq!(answer.code(), (409, expected), "{command} {code:?}");
        }
        // Tries are bounded, and forgotten after a quarter of an hour.
        bench.node.clock.advance_ms(15 * 60_000);
    }
    let asked = bench.post(&commands(DRIVER), &said(50, json!({"kind": "status"}), None)).await;
    assert_eq!((asked.status.as_u16(), &asked.body["state"]), (200, &json!("off_duty")), "{}", asked.body);
    let on = bench.says(51, json!({"kind": "on"})).await;
    assert_eq!((on.status.as_u16(), &on.body["state"]), (200, &json!("free")), "{}", on.body);
}

#[tokio::test]
async fn commands_that_mean_nothing_are_refused() {
    let bench = Bench::edge().await;
    // A text that comes again gets the answer it got: each command is a text of its own.
    for (number, (command, expected)) in (1..).zip([
        (json!({"kind": "fly"}), (400, "invalid_request")),
        (json!({"kind": "accept", "offer": "KK"}), (400, "invalid_request")),
        (json!({"kind": "accept", "offer": ""}), (400, "invalid_request")),
        (json!({"kind": "decline", "offer": "7"}), (400, "invalid_request")),
        (json!({"kind": "at"}), (400, "invalid_request")),
        (json!({"kind": "off", "stand": 1}), (400, "invalid_request")),
        (json!({"kind": "ended", "fare": -1}), (400, "invalid_request")),
        (json!({"kind": "on", "stand": 65_000}), (409, "stand_unknown")),
        (json!({"kind": "off"}), (409, "not_on_duty")),
    ]) {
        let answer = bench.says(number, command.clone()).await;
        assert_eq!(answer.code(), expected, "{command}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_shift_from_on_to_off_each_text_acting_once() {
    let bench = Bench::edge().await;
    let on = json!({"kind": "on", "stand": stand_code(0)});
    for _ in 0..2 {
        let answer = bench.says(1, on.clone()).await;
        assert_eq!(answer.body["stand"], json!(stand_code(0)), "{}", answer.body);
        assert_eq!((&answer.body["state"], &answer.body["queue_position"]), (&json!("free"), &json!(1)));
        assert_eq!(answer.body["standing"]["authority"], "edge-a");
    }
    assert_eq!(bench.says(2, json!({"kind": "accept", "offer": "K"})).await.code(), (409, "offer_unknown"));
    assert_eq!(bench.says(3, json!({"kind": "arrived"})).await.code(), (409, "no_such_trip"));
    for _ in 0..2 {
        assert_eq!(bench.says(4, json!({"kind": "break"})).await.body["state"], "on_break", "the same text");
    }
    assert_eq!(bench.says(5, json!({"kind": "break"})).await.body["state"], "free", "the next one");
    assert_eq!(bench.says(6, json!({"kind": "off"})).await.body["state"], "off_duty");
    assert_eq!(bench.says(1, on).await.body["state"], "off_duty", "a text that comes again starts no shift");
}

#[tokio::test]
async fn a_trip_from_the_offer_to_the_fare() {
    let bench = Bench::with_a_car(1).await;
    let status = bench.post(&commands(DRIVER), &said(10, json!({"kind": "status"}), None)).await.body;
    let open = bench.get(&format!("/riders/{RIDER}")).await.body["open"][0].clone();
    assert_eq!(status["trip"]["code"], open["code"], "{status}");
    assert_eq!(status["trip"]["pickup"]["name"], "솔내시장 정문");
    assert_eq!(status["trip"]["destination"]["name"], "한내역 3번 출구");
    assert!(!status.to_string().contains("12345678"), "no number by text: {status}");

    assert_eq!(bench.says(11, json!({"kind": "off"})).await.code(), (409, "trip_open"));
    assert_eq!(bench.says(12, json!({"kind": "ended", "fare": 9_000})).await.code(), (409, "no_such_trip"));
    assert_eq!(bench.says(13, json!({"kind": "arrived"})).await.body["state"], "at_pickup");
    let wrong = if open["pin"] == "0000" { "1111" } else { "0000" };
    assert_eq!(bench.says(14, json!({"kind": "boarded", "pin": wrong})).await.code(), (409, "pin_wrong"));
    let boarded = bench.says(15, json!({"kind": "boarded", "pin": open["pin"]})).await;
    assert_eq!(boarded.body["state"], "boarded", "{}", boarded.body);
    assert_eq!(bench.says(16, json!({"kind": "problem"})).await.code(), (409, "already_boarded"));
    let absurd = bench.says(17, json!({"kind": "ended", "fare": 9_000_000})).await;
    assert_eq!(absurd.code(), (409, "fare_implausible"));
    let ended = bench.says(18, json!({"kind": "ended", "fare": 9_000})).await;
    assert_eq!((&ended.body["state"], &ended.body["trip"]), (&json!("free"), &json!(null)), "{}", ended.body);
    assert_eq!(bench.get(&format!("/riders/{RIDER}")).await.body["open"], json!([]));
}
