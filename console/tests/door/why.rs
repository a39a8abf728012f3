//! Goal: whoever may read the record is told why a taxi was asked, each look is written down, and of riders and other
//! fleets' taxis nothing is told.

use ondol_core::fact::{Release, Step};
use ondol_core::ids::{BookingId, ShiftId};
use ondol_core::units::UtcMs;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::bench::{Bench, Taxi};
use crate::path;
use crate::testbed::{district_at, place};

const NEAR: &str = "서울33바1111";
const FAR: &str = "서울33바2222";

/// Shift 1 of `hanbit` at the first place, shift 2 of `onnuri` at another of that district.
pub(crate) async fn two_taxis(bench: &Bench) {
    let hanbit = Taxi { driver: 1, shift: 1, fleet: "hanbit", plate: NEAR, position: Some(place(0)) };
    let is_near = |n: &usize| district_at(place(*n)) == district_at(place(0));
    let other = place((1..).find(is_near).expect("a district has more than one stand"));
    let onnuri = Taxi { driver: 2, shift: 2, fleet: "onnuri", plate: FAR, position: Some(other) };
    bench.begin(&hanbit).await;
    bench.begin(&onnuri).await;
}

/// Looks until the shift has been asked for the booking.
pub(crate) async fn until_asked(bench: &Bench, booking: u128, shift: u128) {
    let (booking, shift) = (BookingId::from_number(booking), ShiftId::from_number(shift));
    for _ in 0..1_000 {
        let asked = bench.handle.read(move |node| {
            let bonds = node.board().booking(booking).map(|(_, record)| &record.assignments);
            bonds.is_some_and(|bonds| bonds.values().any(|bond| bond.shift == shift))
        });
        if asked.await.unwrap() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{shift} is not asked for {booking}");
}

/// Booking 1: the near one is asked and says no, the far one is asked and says yes.
pub(crate) async fn declined_and_taken(bench: &Bench, cookie: &str) {
    two_taxis(bench).await;
    assert_eq!(bench.post("/console/v1/bookings", cookie, &bench.call(1)).await.status.as_u16(), 201);
    until_asked(bench, 1, 1).await;
    bench.says(1, 1, Step::Released { reason: Release::Declined }).await;
    bench.node.clock.advance_ms(2_000);
    until_asked(bench, 1, 2).await;
    bench.says(2, 1, Step::Assigned).await;
}

async fn audited(bench: &Bench) -> Vec<(String, String, String, String)> {
    let rows = bench.handle.store().audited(UtcMs(0), 50).await.unwrap();
    rows.into_iter().map(|row| (row.actor, row.action, row.object, row.reason)).collect()
}

#[tokio::test]
async fn what_is_not_theirs_or_not_there_is_refused_and_no_look_is_written_down() {
    let bench = Bench::new().await;
    let operator = bench.sign_in("operator").await;
    declined_and_taken(&bench, &operator).await;
    let hanbit = bench.sign_in("hanbit").await;
    let foreign = bench.get(&path(1, "/decisions"), &hanbit).await;
    assert_eq!(foreign.code(), (404, "unknown_booking"), "its taxi is onnuri's");
    assert_eq!(bench.get(&path(9, "/decisions"), &operator).await.code(), (404, "unknown_booking"));
    let malformed = bench.get("/console/v1/bookings/mine/decisions", &operator).await;
    assert_eq!(malformed.code(), (400, "invalid_request"));
    assert_eq!(bench.get(&path(1, "/decisions"), "").await.status.as_u16(), 401);
    assert_eq!(audited(&bench).await, []);
}

#[tokio::test]
async fn each_question_tells_who_was_chosen_among_whom_and_what_came_of_it() {
    let bench = Bench::new().await;
    let operator = bench.sign_in("operator").await;
    declined_and_taken(&bench, &operator).await;
    let auditor = bench.sign_in("auditor").await;
    let told = bench.get(&path(1, "/decisions"), &auditor).await.body;
    let [first, second] = told["questions"].as_array().unwrap().as_slice() else { panic!("{told}") };

    assert_eq!((&first["asked_by"], &first["district"]), (&json!("central"), &json!("hannam")), "{told}");
    assert_eq!((&first["taxi"]["plate"], &first["taxi"]["fleet"]), (&json!(NEAR), &json!("hanbit")));
    assert_eq!(first["rule"]["name"], "nearest", "{told}");
    assert!(first["rule"]["en"].as_str().unwrap().starts_with("It comes soonest"), "{told}");
    assert!(first["rule"]["ko"].as_str().unwrap().contains("가장 빨리"), "{told}");
    assert_eq!(first["others"].as_array().map(Vec::len), Some(1), "{told}");
    assert_eq!(first["others"][0]["taxi"]["plate"], FAR);
    assert!(first["others"][0]["cost_s"].as_u64() > first["eta_s"].as_u64(), "the other is farther: {told}");
    assert_eq!((&first["outcome"], &first["asked_before"]), (&json!("declined"), &json!([])), "{told}");

    assert_eq!((&second["taxi"]["plate"], &second["outcome"]), (&json!(FAR), &json!("accepted")), "{told}");
    assert_eq!((&second["others"], &second["outcome_at"]), (&json!([]), &json!("2026-03-02T09:00:02Z")));
    let before = &second["asked_before"];
    assert_eq!((&before[0]["taxi"]["plate"], &before[0]["outcome"]), (&json!(NEAR), &json!("declined")));
    assert!(first["asked_at"].as_str() < second["asked_at"].as_str(), "{told}");
    assert_eq!(told["left_out"], 0);

    let look = |actor: &str, role: &str| {
        let [action, object] = ["decisions_seen".to_owned(), Uuid::from_u128(1).to_string()];
        (actor.to_owned(), action, object, role.to_owned())
    };
    assert_eq!(audited(&bench).await, [look("auditor", "auditor")]);
    bench.get(&path(1, "/decisions"), &operator).await;
    assert_eq!(
        audited(&bench).await.last(),
        Some(&look("operator", "operator")),
        "each look is written down"
    );
}

#[tokio::test]
async fn riders_and_other_fleets_taxis_are_not_told_of() {
    let bench = Bench::new().await;
    let operator = bench.sign_in("operator").await;
    declined_and_taken(&bench, &operator).await;
    let onnuri = bench.sign_in("onnuri").await;
    let told = bench.get(&path(1, "/decisions"), &onnuri).await.body;
    assert_eq!(told["questions"][0]["taxi"], json!({}), "{told}");
    assert_eq!(told["questions"][1]["taxi"]["plate"], FAR, "{told}");
    let shift = Uuid::from_u128(1).to_string();
    for hidden in [NEAR, "hanbit", "김하늘", "솔내시장", "우산", "5678"] {
        assert!(!told.to_string().contains(hidden), "{hidden}: {told}");
    }
    let names_it = |value: &Value| value.to_string().contains(&format!("\"shift\":\"{shift}\""));
    assert!(!names_it(&told), "{told}");
    let detail = bench.get(&path(1, ""), &onnuri).await.body;
    assert_eq!(detail["assignments"][0].get("plate"), None, "{detail}");
    assert_eq!(detail["assignments"][1]["plate"], FAR, "{detail}");
    for why in ["rule", "others"] {
        assert_eq!(detail["assignments"][0].get(why), None, "why is told where the look is written down");
    }
}

#[tokio::test]
async fn what_an_operator_chose_says_so() {
    let bench = Bench::new().await;
    let operator = bench.sign_in("operator").await;
    let unseen = Taxi { driver: 1, shift: 1, fleet: "hanbit", plate: NEAR, position: None };
    bench.begin(&unseen).await;
    bench.post("/console/v1/bookings", &operator, &bench.call(1)).await;
    let by_hand = json!({"shift": Uuid::from_u128(1), "told_minutes": 3});
    bench.post(&path(1, "/assign"), &operator, &by_hand).await;
    let told = bench.get(&path(1, "/decisions"), &operator).await.body;
    let question = &told["questions"][0];
    assert_eq!((&question["rule"]["name"], &question["eta_s"]), (&json!("by_hand"), &json!(180)), "{told}");
    assert_eq!((&question["outcome"], question.get("outcome_at")), (&json!("asked"), None), "{told}");
}
