//! Goal: a city and each fleet are told how work was shared, each what is its to see, in a window that has a bound.

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::why::{declined_and_taken, until_asked};

const PATH: &str = "/console/v1/fairness";

#[tokio::test]
async fn windows_that_are_none_or_too_long_are_refused() {
    let bench = Bench::new().await;
    let cookie = bench.sign_in("auditor").await;
    for (query, expected) in [
        ("from=yesterday", (400, "invalid_request")),
        ("since=2026-03-01T00:00:00Z", (400, "invalid_request")),
        ("from=2026-03-02T09:00:00Z", (422, "out_of_range")),
        ("from=2026-03-01T00:00:00Z&to=2026-02-28T00:00:00Z", (422, "out_of_range")),
        ("to=2026-03-03T00:00:00Z", (422, "out_of_range")),
        ("from=2026-02-23T08:59:59Z", (422, "out_of_range")),
    ] {
        let answer = bench.get(&format!("{PATH}?{query}"), &cookie).await;
        assert_eq!(answer.code(), expected, "{query}: {}", answer.body);
    }
    assert_eq!(bench.get(PATH, "").await.status.as_u16(), 401);
    let nobody = bench.get(&format!("{PATH}?from=2026-02-23T09:00:00Z"), &cookie).await;
    assert_eq!((nobody.status.as_u16(), &nobody.body["fleets"]), (200, &json!([])), "{}", nobody.body);
}

#[tokio::test]
async fn a_city_sees_every_fleet_and_a_fleet_its_own_alone() {
    let bench = Bench::new().await;
    let operator = bench.sign_in("operator").await;
    declined_and_taken(&bench, &operator).await;
    bench.node.clock.advance_ms(10_000);
    assert_eq!(bench.post("/console/v1/bookings", &operator, &bench.call(2)).await.status.as_u16(), 201);
    until_asked(&bench, 2, 1).await;
    // What the journal does not know yet is nobody's idle time: the last that it knows is that question.
    bench.node.clock.advance_ms(1_000);

    let auditor = bench.sign_in("auditor").await;
    let city = bench.get(PATH, &auditor).await.body;
    let share = |of: &Value| {
        let count = |name: &str| of[name].as_u64().unwrap();
        (
            of["fleet"].as_str().unwrap().to_owned(),
            ["drivers", "asked", "taken", "declined", "nearest"].map(count),
        )
    };
    let [hanbit, onnuri] = city["fleets"].as_array().unwrap().as_slice() else { panic!("{city}") };
    assert_eq!(share(hanbit), ("hanbit".to_owned(), [1, 2, 0, 1, 2]), "{city}");
    assert_eq!(share(onnuri), ("onnuri".to_owned(), [1, 1, 1, 0, 1]), "{city}");
    assert_eq!((&hanbit["idle_share"], &hanbit["idle_s"]), (&json!(1.0), &json!(12)), "{city}");
    assert_eq!(onnuri["to_pickup_s"], 10, "{city}");
    assert_eq!((city["from"].as_str(), city.get("left_out")), (Some("2026-03-01T09:00:13Z"), None), "{city}");
    assert_eq!(
        (&city["rules"][0]["rule"]["name"], &city["rules"][0]["asked"]),
        (&json!("nearest"), &json!(3))
    );
    assert!(city["rules"][0]["rule"]["en"].is_string(), "in words: {city}");

    let own = bench.get(PATH, &bench.sign_in("hanbit").await).await.body;
    assert_eq!(own["fleets"], json!([hanbit]), "{own}");
    assert_eq!(
        (&own["rules"], own.get("gini_takings")),
        (&json!([]), None),
        "nothing of all together: {own}"
    );
}
