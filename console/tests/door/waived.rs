//! Goal: an operator at an edge that does not know whom central has barred may let drivers begin shifts; it is sure, bounded and
//! written down, and an operator at central has nothing to decide.

use ondol_core::units::UtcMs;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::testbed::{district_at, place};

const HOUR_MS: i64 = 3_600_000;

async fn district_shown(bench: &Bench, cookie: &str) -> Value {
    bench.get("/console/v1/board", cookie).await.body["districts"][0].clone()
}

/// What the audit log of this node says.
async fn audited(bench: &Bench) -> Vec<(String, String, String)> {
    let rows = bench.handle.store().audited(UtcMs(0), 10).await.unwrap();
    rows.into_iter().map(|row| (row.actor, row.action, row.reason)).collect()
}

#[tokio::test]
async fn an_operator_at_an_edge_lets_drivers_begin_for_some_hours() {
    let district = district_at(place(0));
    let bench = Bench::edge_after(Bench::new().await, &district).await;
    let cookie = bench.sign_in("operator").await;
    let shown = district_shown(&bench, &cookie).await;
    let bans = shown["ages"].as_array().unwrap().iter().find(|item| item["item"] == "bans").unwrap();
    assert_eq!(bans["usable"], false, "nobody has said who is barred: {shown}");
    assert_eq!((&shown["may_waive_bans"], shown.get("bans_waived_until")), (&json!(true), None), "{shown}");

    let path = format!("/console/v1/districts/{district}/waive-bans");
    let unsure = bench.post(&path, &cookie, &json!({"confirm": "elsewhere", "hours": 12})).await;
    assert_eq!(unsure.code(), (422, "not_confirmed"));
    for hours in [25, u32::MAX] {
        let too_long = bench.post(&path, &cookie, &json!({"confirm": district, "hours": hours})).await;
        assert_eq!(too_long.code(), (422, "out_of_range"), "{hours}: {}", too_long.body);
    }
    let nobody = bench.sign_in("auditor").await;
    let denied = bench.post(&path, &nobody, &json!({"confirm": district, "hours": 12})).await;
    assert_eq!(denied.status.as_u16(), 403, "{}", denied.body);
    assert_eq!(audited(&bench).await, [], "what was refused is not written down as done");

    let waived = bench.post(&path, &cookie, &json!({"confirm": district, "hours": 12})).await;
    assert_eq!(waived.status.as_u16(), 200, "{}", waived.body);
    let until = bench.handle.read_at({
        let district = district.clone();
        move |node, now| (node.bans_waived_until(&district, now), now.utc)
    });
    let (until, now) = until.await.unwrap();
    assert_eq!(until, Some(UtcMs(now.0 + 12 * HOUR_MS)));
    assert!(waived.body["bans_waived_until"].is_string(), "{}", waived.body);
    assert_eq!(waived.body["may_waive_bans"], true, "so that it can be ended: {}", waived.body);

    let ended = bench.post(&path, &cookie, &json!({"confirm": district, "hours": 0})).await;
    assert_eq!(ended.body.get("bans_waived_until"), None, "{}", ended.body);
    let by = |hours: &str| ("operator".to_owned(), "bans_waived".to_owned(), format!("for {hours} h"));
    assert_eq!(audited(&bench).await, [by("12"), by("0")]);
}

#[tokio::test]
async fn central_knows_whom_it_bars_and_waives_nothing() {
    let bench = Bench::new().await;
    let cookie = bench.sign_in("operator").await;
    let shown = district_shown(&bench, &cookie).await;
    assert_eq!(shown["may_waive_bans"], false, "{shown}");
    let district = shown["district"].as_str().unwrap();
    let path = format!("/console/v1/districts/{district}/waive-bans");
    let refused = bench.post(&path, &cookie, &json!({"confirm": district, "hours": 12})).await;
    assert_eq!(refused.code(), (421, "other_node"), "{}", refused.body);
    assert_eq!(audited(&bench).await, [], "nothing was done");
}
