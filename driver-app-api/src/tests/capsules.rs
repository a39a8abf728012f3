//! Goal: a trip comes back from the phone alone, once an operator has loaded the recovery key, with the rider's name and
//! number; what was altered does not.

use axum::http::StatusCode;
use ondol_core::booking::Status;
use ondol_core::ids::BookingId;
use ondol_engine::capsule::{Counts, Progress};
use ondol_engine::vault::RiderPersonal;
use serde_json::{Value, json};

use super::bench::{Bench, Phone};
use super::testbed::{START, recovery_key};

/// A phone that has taken a booking, and what it keeps of it.
async fn on_the_way(bench: &Bench) -> (Phone, Value) {
    let phone = bench.phone(9).await;
    let mut attach = phone.attach(1);
    attach["capsules"] = json!([]);
    let (status, attached) = bench.post("/driver/v1/attach", Some(&phone.token), &attach).await;
    assert_eq!((status, attached.get("capsules")), (StatusCode::OK, None), "{attached}");
    bench.book(7).await;
    let (_, beat) = bench
        .post("/driver/v1/beat", Some(&phone.token), &phone.beat(&attached["session"], &json!({})))
        .await;
    let offer = beat["messages"][0]["offer"].clone();
    assert!(offer["capsule"].is_string(), "{beat}");
    (phone, offer)
}

/// The phone attaches with the trip in its slot, and brings `capsule`.
async fn bring(bench: &Bench, phone: &Phone, epoch: u64, offer: &Value, capsule: &str) -> Value {
    let mut attach = phone.attach(epoch);
    attach["slot"]["current"] = json!({
        "booking": offer["booking"], "assignment": offer["assignment"], "confirmed": true, "boarded": false,
    });
    attach["capsules"] = json!([{"assignment": offer["assignment"], "capsule": capsule}]);
    let (status, attached) = bench.post("/driver/v1/attach", Some(&phone.token), &attach).await;
    assert_eq!(status, StatusCode::OK, "{attached}");
    attached["capsules"][0]["outcome"].clone()
}

#[tokio::test]
async fn a_phone_of_the_release_before_is_sent_no_capsule() {
    let bench = Bench::new().await;
    let phone = bench.phone(9).await;
    let (_, attached) = bench.post("/driver/v1/attach", Some(&phone.token), &phone.attach(1)).await;
    bench.book(7).await;
    let beat = phone.beat(&attached["session"], &json!({}));
    let (_, beat) = bench.post("/driver/v1/beat", Some(&phone.token), &beat).await;
    let offer = &beat["messages"][0]["offer"];
    assert!(offer.is_object() && offer.get("capsule").is_none(), "{beat}");
}

#[tokio::test]
async fn a_trip_comes_back_once_the_key_is_loaded_and_until_it_is_put_away() {
    let before = Bench::new().await;
    let (_, offer) = on_the_way(&before).await;
    let kept = offer["capsule"].as_str().unwrap();
    assert!(!kept.contains("1099990001"));

    let bench = Bench::without_disk_after(before).await;
    let phone = bench.phone(9).await;
    assert_eq!(bring(&bench, &phone, 2, &offer, kept).await, json!({"outcome": "waits"}));
    bench.recovery.load(&recovery_key(), 600_000).await.unwrap();
    assert_eq!(tried(&bench).await.counts, Counts { restored: 1, ..Counts::default() });
    let booking: BookingId = serde_json::from_value(offer["booking"].clone()).unwrap();
    let record = bench.handle.read(move |node| node.board().booking(booking).map(|(_, r)| r.clone())).await;
    let record = record.unwrap().unwrap();
    assert_eq!((record.status(), record.is_unverified()), (Status::Assigned, true));
    let personal = record.request().unwrap().personal.clone().unwrap();
    let rider: RiderPersonal = bench.handle.vault().open(&personal).unwrap();
    assert_eq!((rider.name.as_deref(), rider.phone.unwrap().as_str()), (Some("김하늘"), "+821099990001"));
    let audited = bench.handle.store().audited(START, 10).await.unwrap();
    let told: Vec<_> = audited.iter().map(|row| (row.action.as_str(), row.object.as_str())).collect();
    let key = recovery_key().key().public().to_string();
    let trip = booking.to_string();
    assert_eq!(told, [("recovery_key_loaded", key.as_str()), ("trip_restored", trip.as_str())]);

    assert_eq!(bring(&bench, &phone, 3, &offer, kept).await, json!({"outcome": "known"}));
    let mut other = offer.clone();
    other["assignment"] = json!("central:1:99");
    let foreign = json!({"outcome": "refused", "code": "capsule_foreign"});
    assert_eq!(bring(&bench, &phone, 4, &other, kept).await, foreign, "of another bond");
    let altered = format!("{}A", &kept[..kept.len() - 2]);
    let unreadable = json!({"outcome": "refused", "code": "capsule_unreadable"});
    assert_eq!(bring(&bench, &phone, 5, &other, &altered).await, unreadable);
    bench.clock.advance_ms(600_001);
    assert_eq!(
        bring(&bench, &phone, 6, &other, kept).await,
        json!({"outcome": "waits"}),
        "the key is put away"
    );
}

#[tokio::test]
async fn a_phone_that_attaches_again_has_one_place_and_waits_with_what_it_holds_now() {
    let before = Bench::new().await;
    let (_, offer) = on_the_way(&before).await;
    let kept = offer["capsule"].as_str().unwrap();
    let bench = Bench::without_disk_after(before).await;
    let phone = bench.phone(9).await;
    for epoch in 2..6 {
        assert_eq!(bring(&bench, &phone, epoch, &offer, kept).await, json!({"outcome": "waits"}));
        assert_eq!(bench.recovery.progress().waiting, 1);
    }
    let (status, _) = bench.post("/driver/v1/attach", Some(&phone.token), &phone.attach(6)).await;
    assert_eq!((status, bench.recovery.progress().waiting), (StatusCode::OK, 0), "its trip is over");
}

/// Waits until everything that waited has been tried.
async fn tried(bench: &Bench) -> Progress {
    for _ in 0..100_000 {
        let progress = bench.recovery.progress();
        if progress.waiting == 0 {
            return progress;
        }
        bench.handle.read(|_| ()).await.unwrap();
    }
    panic!("what waits is never tried: {:?}", bench.recovery.progress());
}
