//! The texts that a node wants sent, and what the text process reports.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::bench::{Bench, RIDER};

fn ack(outbox: &str, ids: &[&Value], outcome: &str) -> Value {
    let result = |id: &&Value| json!({"id": id, "outcome": outcome, "at": "2026-03-02T09:00:12Z"});
    json!({"outbox": outbox, "results": ids.iter().map(result).collect::<Vec<_>>()})
}

#[tokio::test]
async fn pages_that_cannot_be_are_refused() {
    let bench = Bench::central().await;
    for bad in ["", "?limit=5", "?after=-1", "?after=x", "?after=0&wait_ms=-5", "?after=0&limit=many"] {
        let answer = bench.get(&format!("/notices{bad}")).await;
        assert_eq!(answer.code(), (400, "invalid_request"), "{bad}");
    }
    let none = bench.get("/notices?after=0").await;
    assert_eq!(none.body["notices"], json!([]), "{}", none.body);
}

#[tokio::test]
async fn another_node_s_outbox_is_not_acknowledged_here() {
    let bench = Bench::with_a_car(1).await;
    let page = bench.get("/notices?after=0").await.body;
    let (outbox, waiting) = (page["outbox"].as_str().unwrap(), page["notices"].clone());
    let ids: Vec<&Value> = waiting.as_array().unwrap().iter().map(|notice| &notice["id"]).collect();
    assert!(!ids.is_empty());
    for another in ["central", "edge-b", ""] {
        let refused = bench.post("/notices/ack", &ack(another, &ids, "taken")).await;
        assert_eq!(refused.code(), (400, "invalid_request"), "{another}");
    }
    let unknown = json!(Uuid::from_u128(1));
    let many = vec![&unknown; 51];
    assert_eq!(
        bench.post("/notices/ack", &ack(outbox, &many, "taken")).await.code(),
        (400, "invalid_request")
    );
    assert_eq!(bench.post("/notices/ack", &ack(outbox, &ids, "lost")).await.code(), (400, "invalid_request"));
    let harmless = bench.post("/notices/ack", &ack(outbox, &[&unknown], "taken")).await;
    assert_eq!((harmless.status.as_u16(), &harmless.body), (200, &json!({})));
    assert_eq!(bench.get("/notices?after=0").await.body["notices"], waiting, "nothing was taken off");
}

#[tokio::test]
async fn a_rider_is_told_of_the_car_until_the_text_process_has_it() {
    let bench = Bench::with_a_car(1).await;
    let open = bench.get(&format!("/riders/{RIDER}")).await.body["open"][0].clone();
    let page = bench.get("/notices?after=0").await.body;
    let outbox = page["outbox"].as_str().unwrap();
    assert!(outbox.starts_with("edge-a"), "{outbox}");
    let notices = page["notices"].as_array().unwrap();
    let told = notices.iter().find(|notice| notice["to"] == RIDER).unwrap();
    assert_eq!((&told["template"], &told["lang"]), (&json!("sms-assigned"), &json!("ko")), "{told}");
    assert_eq!(told["args"]["code"], open["code"]);
    assert_eq!(told["args"]["pin"], open["pin"]);
    assert_eq!(told["args"]["plate"], "서울33바1234");

    // One page after the other, and each as often as it is asked for.
    let first = bench.get("/notices?after=0&limit=1").await.body["notices"].clone();
    assert_eq!(first, json!([notices[0]]));
    let after = notices[0]["seq"].as_i64().unwrap();
    let rest = bench.get(&format!("/notices?after={after}")).await.body["notices"].clone();
    assert_eq!(rest.as_array().map(Vec::as_slice), Some(&notices[1..]));

    for outcome in ["taken", "sent", "delivered"] {
        let answer = bench.post("/notices/ack", &ack(outbox, &[&told["id"]], outcome)).await;
        assert_eq!(answer.body, json!({}), "{outcome}");
    }
    let left = bench.get("/notices?after=0").await.body["notices"].clone();
    assert!(!left.as_array().unwrap().contains(told), "{left}");
    assert_eq!(left.as_array().unwrap().len(), notices.len() - 1);
}

#[tokio::test]
async fn reports_are_taken_whole_or_not_at_all() {
    let bench = Bench::central().await;
    for (field, value) in [
        ("kind", json!("gossip")),
        ("at", json!("just now")),
        ("report_id", json!(7)),
        ("phone", Value::Null),
    ] {
        let mut report = crate::report();
        report[field] = value;
        assert_eq!(bench.post("/reports", &report).await.code(), (400, "invalid_request"), "{field}");
    }
    for kind in ["sos", "stopped", "resumed", "budget_spent", "loop_stopped", "not_understood"] {
        let mut report = crate::report();
        report["kind"] = json!(kind);
        let taken = bench.post("/reports", &report).await;
        assert_eq!((taken.status.as_u16(), &taken.body), (200, &json!({})), "{kind}");
    }
}
