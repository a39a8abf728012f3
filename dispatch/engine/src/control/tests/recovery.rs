//! Goal: the wrong key destroys nothing, the right one opens what waits whoever hangs up, and it is gone at its time.

use ondol_core::booking::Door;
use ondol_core::capsule::Capsule;
use ondol_core::fact::Request as Wish;
use ondol_core::ids::{AssignmentId, DeviceId, ShiftId};
use ondol_core::position::Position;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::capsule::{Brought, Outcome, Progress, RecoverySecret};
use crate::identity::{Bearer, KnownKey};
use crate::vault::{RiderPersonal, Secrets, Vault};

fn secret(seed: u8) -> RecoverySecret {
    RecoverySecret::from_bytes([seed; 32])
}

/// A node that seals to the key of `seed` 1.
async fn sealing() -> Place {
    place_with(Some(RecoverySection { public_key: secret(1).key().public(), signers: Vec::new() })).await
}

fn bearer(driver: u128) -> Bearer {
    Bearer {
        driver: DriverId::from_number(driver),
        fleet: "blue".parse().unwrap(),
        district: district(),
        device: DeviceId::from_number(driver),
        jkt: SigningKey::from_seed(&[9; 32]).public().thumbprint(),
        expires_at: UtcMs(0),
        token: Uuid::nil(),
    }
}

/// The trip of a shift that no node knows.
fn trip(driver: u128) -> Capsule {
    let Bearer { driver, device, district, .. } = bearer(driver);
    let (booking, assignment): (_, AssignmentId) = (BookingId(driver.0), "central:1:1".parse().unwrap());
    let pickup = Position::new(37.5, 127.0).unwrap();
    let request = Wish::plain(Door::Web, pickup, SubjectId(Uuid::from_u128(7)));
    Capsule {
        booking,
        assignment,
        shift: ShiftId(driver.0),
        device,
        driver,
        district,
        zone: "hanbuk-1".parse().unwrap(),
        attach_epoch: 1,
        request,
        eta_s: 60,
        offered_at: UtcMs(0),
        borrowed: None,
    }
}

/// What a phone of which no shift is known has kept: the core refuses it once it is opened.
fn kept(driver: u128, sealed_to: &RecoverySecret, signed_by: [u8; 32]) -> Brought {
    let capsule = trip(driver);
    let (booking, assignment) = (capsule.booking, capsule.assignment.clone());
    let signer = SigningKey::from_seed(&signed_by);
    let text = sealed_to.key().public().seal(&signer, capsule, &RiderPersonal::default()).unwrap();
    Brought { booking, assignment, text }
}

impl Place {
    async fn bring(&self, driver: u128, sealed_to: &RecoverySecret, signed_by: [u8; 32]) -> Outcome {
        let brought = vec![kept(driver, sealed_to, signed_by)];
        let mut outcomes =
            self.recovery.bring(&bearer(driver), ShiftId(Uuid::from_u128(driver)), brought).await;
        outcomes.remove(0).1
    }

    async fn load(&self, key: RecoverySecret, minutes: u64) -> (StatusCode, Value) {
        let (status, body) = self.tell(&Order::LoadRecovery { key, minutes }).await;
        (status, serde_json::from_str(&body).unwrap())
    }

    /// Waits until everything has been tried; whoever gave the order is long gone.
    async fn tried(&self) -> Progress {
        for _ in 0..10_000_000 {
            let progress = self.recovery.progress();
            if progress.waiting == 0 {
                return progress;
            }
            self.node.handle.read(|_| ()).await.unwrap();
        }
        panic!("what waits is never tried: {:?}", self.recovery.progress());
    }
}

#[tokio::test]
async fn a_key_that_would_open_nothing_is_refused_and_what_waits_still_waits() {
    let place = sealing().await;
    for driver in 1..=3 {
        assert_eq!(place.bring(driver, &secret(1), KEY).await, Outcome::Waits);
    }
    let (status, told) = place.load(secret(2), 30).await;
    assert_eq!((status, &told["code"]), (StatusCode::CONFLICT, &json!("recovery_key_other")));
    let detail = told["detail"].as_str().unwrap();
    for public in [secret(1), secret(2)].map(|secret| secret.key().public().to_string()) {
        assert!(detail.contains(&public), "{detail}");
    }
    let before = place.recovery.progress();
    assert_eq!((before.waiting, before.held_ms), (3, None));
    assert!(place.node.handle.store().audited(UtcMs(0), 10).await.unwrap().is_empty(), "nothing was loaded");
    assert_eq!(place.load(secret(1), 0).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(place.load(secret(1), 121).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(place.load(secret(1), 30).await.0, StatusCode::OK);
    let after = place.tried().await;
    assert_eq!((after.counts.refused, after.unopened), (3, 0), "all three were opened");
}

#[tokio::test]
async fn a_node_that_seals_to_nobody_takes_no_key() {
    let place = place().await;
    let (status, told) = place.load(secret(1), 30).await;
    assert_eq!((status, &told["code"]), (StatusCode::CONFLICT, &json!("recovery_not_configured")));
}

#[tokio::test]
async fn the_order_is_answered_at_once_and_the_rest_is_done_without_who_gave_it() {
    let place = sealing().await;
    for driver in 1..=40 {
        place.bring(driver, &secret(1), KEY).await;
    }
    let (status, told) = place.load(secret(1), 30).await;
    assert_eq!(status, StatusCode::OK);
    let said = told["said"].as_str().unwrap();
    assert!(said.contains("30 minutes more") && said.contains(" 40 are still to be opened"), "{said}");
    assert_eq!(place.tried().await.counts.refused, 40);
    let (_, told) = place.tell(&Order::RecoveryProgress {}).await;
    assert!(told.contains("40 capsules are refused, 0 are still to be opened"), "{told}");
    // Again, while it is held: the counts stay.
    assert_eq!(place.load(secret(1), 30).await.0, StatusCode::OK);
    assert_eq!(place.tried().await.counts.refused, 40);
}

#[tokio::test]
async fn what_another_key_or_a_later_signer_may_open_waits_on() {
    let place = sealing().await;
    let edge = [5; 32];
    place.bring(1, &secret(1), edge).await;
    place.bring(2, &secret(2), KEY).await;
    place.load(secret(1), 30).await;
    let progress = place.tried().await;
    assert_eq!((progress.unopened, progress.counts.refused), (2, 0));
    assert_eq!(
        place.bring(1, &secret(1), edge).await,
        Outcome::Unopened("capsule_forged"),
        "while it is held"
    );
    let public = SigningKey::from_seed(&edge).public();
    let node = "central".parse().unwrap();
    place.identity.trust(KnownKey { node, public, standing: Standing::Central }).await.unwrap();
    assert_eq!(place.tried().await.unopened, 2, "nothing is tried again by itself");
    place.load(secret(1), 30).await;
    let progress = place.tried().await;
    assert_eq!((progress.unopened, progress.counts.refused), (1, 1), "the signer is trusted now");
}

#[tokio::test]
async fn the_key_is_gone_at_its_time_though_nobody_brings_anything() {
    let place = sealing().await;
    place.load(secret(1), 60).await;
    // Loaded again for less: the shorter time counts.
    place.load(secret(1), 2).await;
    let gone = async || {
        for _ in 0..1_000 {
            if !place.recovery.has_key() {
                return true;
            }
            tokio::task::yield_now().await;
        }
        false
    };
    place.bench.clock.advance_ms(119_000);
    assert!(!gone().await);
    place.bench.clock.advance_ms(1_000);
    assert!(gone().await);
    assert_eq!(place.bring(1, &secret(1), KEY).await, Outcome::Waits);
    // And again for longer: the first time's end is not the second one's.
    place.load(secret(1), 1).await;
    place.load(secret(1), 3).await;
    place.bench.clock.advance_ms(60_000);
    assert!(!gone().await);
}

#[tokio::test]
async fn a_trip_is_kept_without_a_name_that_cannot_be_read_here() {
    let place = sealing().await;
    let mut capsule = trip(1);
    let rider = RiderPersonal { name: Some("김하늘".into()), ..RiderPersonal::default() };
    let name_in = |text: &str| secret(1).key().open(text, |_, _, _| true).unwrap().1.name;
    let (own, other) = (place.node.handle.vault(), Vault::new(&Secrets::from_bytes([99; 32])));
    for (vault, name) in [(own, rider.name.clone()), (&other, None)] {
        capsule.request.personal = Some(vault.seal(capsule.request.rider, &rider).unwrap());
        assert_eq!(name_in(&place.recovery.seal(&capsule).unwrap()), name);
    }
}
