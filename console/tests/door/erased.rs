//! Goal: a screen says that a person's text was erased, instead of leaving a gap that looks like a mistake.

use ondol_core::ids::{BookingId, SubjectId};
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::live::taxi;
use crate::path;

/// The person behind booking `key`.
async fn rider_of(bench: &Bench, key: u128) -> SubjectId {
    let sealed = bench.handle.read(move |node| {
        let (_, record) = node.board().booking(BookingId::from_number(key))?;
        record.request()?.personal.clone()
    });
    sealed.await.unwrap().unwrap().subject
}

#[tokio::test]
async fn an_erased_rider_is_shown_as_erased_wherever_the_text_stood() {
    let bench = Bench::new().await;
    let cookie = bench.sign_in("operator").await;
    let taken = bench.post("/console/v1/bookings", &cookie, &bench.call(1)).await;
    assert_eq!(taken.body["row"]["rider_name"], "김하늘", "{}", taken.body);
    assert_eq!(taken.body["row"].get("rider_hidden"), None, "nothing is hidden yet");
    bench.handle.erase(rider_of(&bench, 1).await).await.unwrap();

    let detail = bench.get(&path(1, ""), &cookie).await.body;
    let board = bench.get("/console/v1/board", &cookie).await.body;
    let caller = bench.get("/console/v1/callers/010-1234-5678", &cookie).await.body;
    for row in [&detail["row"], &board["bookings"][0], &caller["open"][0]] {
        assert_eq!(row["rider_hidden"], "erased", "{row}");
        assert_eq!((&row["rider_name"], &row["pickup"]["label"]), (&Value::Null, &Value::Null), "{row}");
    }
    assert_eq!(caller["hidden"], "erased", "{caller}");
    for shown in [detail, board, caller] {
        for gone in ["김하늘", "솔내시장", "한내역", "우산", "5678\""] {
            let text = shown.to_string().replace("\"phone\":\"+821012345678\"", "");
            assert!(!text.contains(gone), "{gone}: {text}");
        }
    }
    let reveal = bench.post(&path(1, "/reveal"), &cookie, &json!({"reason": "caller asks"})).await;
    assert_eq!(reveal.status.as_u16(), 404, "{}", reveal.body);

    bench.post(&path(1, "/cancel"), &cookie, &json!({"reason": "other"})).await;
    let caller = bench.get("/console/v1/callers/010-1234-5678", &cookie).await.body;
    assert_eq!(caller["past"][0]["hidden"], "erased", "a booking to repeat: {caller}");
}

#[tokio::test]
async fn an_erased_driver_is_shown_as_erased() {
    let bench = Bench::new().await;
    let cookie = bench.sign_in("operator").await;
    taxi(&bench).await;
    let shift = bench.get("/console/v1/board", &cookie).await.body["shifts"][0].clone();
    assert_eq!((&shift["driver_name"], shift.get("driver_hidden")), (&json!("박바다"), None), "{shift}");
    bench.handle.erase(SubjectId::from_number(1)).await.unwrap();
    let shift = bench.get("/console/v1/board", &cookie).await.body["shifts"][0].clone();
    assert_eq!((shift.get("driver_name"), &shift["driver_hidden"]), (None, &json!("erased")), "{shift}");
}
