//! Who needs a person: what came by text, until an operator has taken care.

use ondol_core::units::UtcMs;
use ondol_engine::store::{ReportWords, TextReport};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::bench::Bench;

const RIDER: &str = "+821012345678";
const STRANGER: &str = "+821099990000";

/// What the text door keeps of a report.
async fn told(bench: &Bench, number: u128, kind: &str, phone: Option<&str>, text: &str) {
    let phone = phone.map(|phone| phone.parse().unwrap());
    let sealed = ReportWords { phone, text: text.to_owned() }.seal(bench.handle.vault()).unwrap();
    let now = bench.handle.now().utc;
    let report = TextReport {
        id: Uuid::from_u128(number),
        kind: kind.to_owned(),
        urgent: kind == "sos",
        sealed,
        at: now,
    };
    bench.handle.store().keep_report(&report, now).await.unwrap();
}

fn path(number: u128, step: &str) -> String {
    format!("/console/v1/reports/{}{step}", Uuid::from_u128(number))
}

async fn listed(bench: &Bench, cookie: &str) -> Vec<Value> {
    let answer = bench.get("/console/v1/reports", cookie).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.body);
    answer.body["reports"].as_array().unwrap().clone()
}

#[tokio::test]
async fn nobody_sees_or_ends_a_report_without_a_session_or_the_right() {
    let bench = Bench::new().await;
    told(&bench, 1, "sos", Some(STRANGER), "SOS").await;
    assert_eq!(bench.get("/console/v1/reports", "").await.status.as_u16(), 401);
    for step in ["/reveal", "/care"] {
        assert_eq!(bench.post(&path(1, step), "", &json!({})).await.status.as_u16(), 401);
    }
    let auditor = bench.sign_in("auditor").await;
    for step in ["/reveal", "/care"] {
        assert_eq!(bench.post(&path(1, step), &auditor, &json!({})).await.code(), (403, "not_your_role"));
    }
    assert_eq!(listed(&bench, &auditor).await.len(), 1, "who only reads sees that somebody needs a person");
    let operator = bench.sign_in("operator").await;
    assert_eq!(bench.post(&path(9, "/care"), &operator, &json!({})).await.status.as_u16(), 404);
    assert_eq!(bench.post("/console/v1/reports/x/care", &operator, &json!({})).await.status.as_u16(), 400);
    assert!(bench.handle.store().audited(UtcMs(0), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn another_fleets_person_is_not_there_at_all() {
    let bench = Bench::new().await;
    let (hanbit, onnuri) = (bench.sign_in("hanbit").await, bench.sign_in("onnuri").await);
    let mut call = bench.call(1);
    call["fleet"] = json!("hanbit");
    assert_eq!(bench.post("/console/v1/bookings", &hanbit, &call).await.status.as_u16(), 201);
    told(&bench, 1, "sos", Some(RIDER), "SOS").await;
    told(&bench, 2, "sos", Some(STRANGER), "SOS").await;
    assert_eq!(listed(&bench, &hanbit).await.len(), 2);
    let theirs = listed(&bench, &onnuri).await;
    assert_eq!(theirs.len(), 1, "whom nobody knows is everybody's to help");
    for step in ["/reveal", "/care"] {
        assert_eq!(bench.post(&path(1, step), &onnuri, &json!({})).await.status.as_u16(), 404, "{step}");
    }
    assert_eq!(listed(&bench, &hanbit).await.len(), 2);
}

#[tokio::test]
async fn an_sos_stands_first_until_somebody_has_taken_care() {
    let bench = Bench::new().await;
    let operator = bench.sign_in("operator").await;
    bench.post("/console/v1/bookings", &operator, &bench.call(1)).await;
    told(&bench, 1, "sos", Some(RIDER), "SOS <b>강남역 앞</b>").await;
    told(&bench, 2, "budget_spent", None, "strangers").await;
    let rows = listed(&bench, &operator).await;
    let kinds: Vec<&Value> = rows.iter().map(|row| &row["kind"]).collect();
    assert_eq!(kinds, ["sos", "budget_spent"]);
    assert_eq!(rows[0]["text"], "SOS <b>강남역 앞</b>");
    assert_eq!(rows[0]["booking"], Uuid::from_u128(1).to_string());
    let masked = rows[0]["phone_masked"].as_str().unwrap();
    assert!(!masked.contains("1234"), "{masked}");
    assert!(rows[1].get("phone_masked").is_none());

    let shown = bench.post(&path(1, "/reveal"), &operator, &json!({})).await;
    assert_eq!(shown.body["phone"], RIDER, "{}", shown.body);
    let audited = bench.handle.store().audited(UtcMs(0), 10).await.unwrap();
    assert_eq!((audited[0].actor.as_str(), audited[0].reason.as_str()), ("operator", "sos"));

    assert_eq!(bench.post(&path(1, "/care"), &operator, &json!({})).await.status.as_u16(), 200);
    let left = listed(&bench, &operator).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["kind"], "budget_spent");
    assert_eq!(bench.post(&path(1, "/care"), &operator, &json!({})).await.status.as_u16(), 404, "it is done");
}
