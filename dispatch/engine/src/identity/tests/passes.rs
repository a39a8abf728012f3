//! Shift passes, proofs and sessions, with central away.

use ondol_core::ids::{DeviceId, DriverId, NodeId};
use uuid::Uuid;

use super::*;

const DEVICE_SEED: u8 = 9;

pub(super) fn bearer(district: &str) -> Bearer {
    Bearer {
        driver: DriverId::from_number(42),
        fleet: "blue".parse().unwrap(),
        district: district.parse().unwrap(),
        device: DeviceId::from_number(7),
        jkt: key(DEVICE_SEED).thumbprint(),
        expires_at: UtcMs(0),
        token: Uuid::nil(),
    }
}

fn node(name: &str) -> NodeId {
    name.parse().unwrap()
}

pub(super) fn proof(pass: &str, at: UtcMs, nonce: u128) -> Proof {
    Proof::make(&key(DEVICE_SEED), &node("edge-a"), pass, at, Uuid::from_u128(nonce))
}

#[tokio::test]
async fn an_edge_alone_opens_a_session_for_central_s_pass() {
    let Pair { central, edge, clock, _stores } = pair().await;
    let (pass, issued) = central.issue_pass(&bearer("north"), PASS_LIFE_MS);
    let (session, opened) = edge.open_session(&pass, &proof(&pass, START, 1)).unwrap();
    let read = edge.driver_session(&session).unwrap();
    assert_eq!(read, opened);
    assert_eq!((read.driver, read.device), (issued.driver, issued.device));
    assert_eq!(read.expires_at.since_ms(START), SESSION_LIFE_MS.cast_signed());
    clock.advance_ms(SESSION_LIFE_MS + 5_000);
    assert_eq!(edge.driver_session(&session), Err(TokenRefusal::Expired));
}

#[tokio::test]
async fn a_session_is_worth_nothing_at_another_node_and_not_as_a_pass() {
    let Pair { central, edge, _stores, .. } = pair().await;
    let (pass, _) = central.issue_pass(&bearer("north"), PASS_LIFE_MS);
    let (session, _) = edge.open_session(&pass, &proof(&pass, START, 1)).unwrap();
    assert_eq!(central.driver_session(&session), Err(TokenRefusal::UnknownKey));
    assert_eq!(edge.driver_session(&pass), Err(TokenRefusal::UnknownKey));
    let again = edge.open_session(&session, &proof(&session, START, 2));
    assert_eq!(again.unwrap_err(), PassRefusal::Token(TokenRefusal::Audience));
}

#[tokio::test]
async fn proofs_that_are_refused() {
    let Pair { central, edge, _stores, .. } = pair().await;
    let (pass, _) = central.issue_pass(&bearer("north"), PASS_LIFE_MS);
    let (other_pass, _) = central.issue_pass(&bearer("north"), PASS_LIFE_MS);
    let good = proof(&pass, START, 1);
    let thief = Proof::make(&key(66), &node("edge-a"), &pass, START, Uuid::from_u128(1));
    let cases = [
        ("a thief's key", thief.clone(), PassRefusal::OtherKey),
        ("a thief's signature", Proof { key: good.key, ..thief }, PassRefusal::Signature),
        (
            "for another node",
            Proof::make(&key(DEVICE_SEED), &node("central"), &pass, START, Uuid::from_u128(1)),
            PassRefusal::Signature,
        ),
        ("for another pass", proof(&other_pass, START, 1), PassRefusal::Signature),
        ("another nonce", Proof { nonce: Uuid::from_u128(2), ..good.clone() }, PassRefusal::Signature),
        ("another moment", Proof { at_ms: good.at_ms + 1, ..good.clone() }, PassRefusal::Signature),
        ("61 s old", proof(&pass, UtcMs(START.0 - 60_001), 1), PassRefusal::NotNow),
        ("61 s ahead", proof(&pass, UtcMs(START.0 + 60_001), 1), PassRefusal::NotNow),
        ("the smallest moment", proof(&pass, UtcMs(i64::MIN), 1), PassRefusal::NotNow),
        ("the largest moment", proof(&pass, UtcMs(i64::MAX), 1), PassRefusal::NotNow),
        ("no signature", Proof { signature: String::new(), ..good.clone() }, PassRefusal::Signature),
        ("a signature of rubbish", Proof { signature: "!".repeat(86), ..good }, PassRefusal::Signature),
    ];
    for (name, proof, reason) in cases {
        assert_eq!(edge.open_session(&pass, &proof).unwrap_err(), reason, "{name}");
    }
    assert!(edge.open_session(&pass, &good).is_ok(), "refused proofs use nothing up");
    assert_eq!(edge.open_session(&pass, &good).unwrap_err(), PassRefusal::Replayed);
}

#[tokio::test]
async fn a_proof_stays_used_for_as_long_as_it_is_in_its_window() {
    let Pair { central, edge, clock, _stores } = pair().await;
    let (pass, _) = central.issue_pass(&bearer("north"), PASS_LIFE_MS);
    let ahead = proof(&pass, UtcMs(START.0 + 60_000), 1);
    edge.open_session(&pass, &ahead).unwrap();
    clock.advance_ms(120_000);
    edge.open_session(&pass, &proof(&pass, UtcMs(START.0 + 120_000), 2)).unwrap();
    assert_eq!(edge.open_session(&pass, &ahead).unwrap_err(), PassRefusal::Replayed);
    clock.advance_ms(1);
    assert_eq!(edge.open_session(&pass, &ahead).unwrap_err(), PassRefusal::NotNow);
}

#[tokio::test]
async fn one_device_cannot_fill_the_memory_of_proofs() {
    let Pair { central, edge, clock, _stores } = pair().await;
    let (pass, _) = central.issue_pass(&bearer("north"), PASS_LIFE_MS);
    let mut opened = 0;
    let refusal = loop {
        match edge.open_session(&pass, &proof(&pass, START, 100 + opened)) {
            Ok(_) => opened += 1,
            Err(refusal) => break refusal,
        }
    };
    assert_eq!((opened, refusal), (64, PassRefusal::Crowded));
    clock.advance_ms(60_001);
    assert!(edge.open_session(&pass, &proof(&pass, UtcMs(START.0 + 60_001), 1)).is_ok());
}

#[tokio::test]
async fn passes_that_are_refused() {
    let Pair { central, edge, clock, _stores } = pair().await;
    let (foreign, _) = central.issue_pass(&bearer("south"), PASS_LIFE_MS);
    let refusal = edge.open_session(&foreign, &proof(&foreign, START, 1)).unwrap_err();
    assert_eq!(refusal, PassRefusal::Token(TokenRefusal::District));
    let (too_long, issued) = central.issue_pass(&bearer("north"), u64::MAX);
    assert_eq!(issued.expires_at.since_ms(START), PASS_LIFE_MS.cast_signed(), "a pass is cut to 12 h");
    clock.advance_ms(PASS_LIFE_MS + 5_000);
    let late = START.plus_ms(PASS_LIFE_MS + 5_000);
    let refusal = edge.open_session(&too_long, &proof(&too_long, late, 1)).unwrap_err();
    assert_eq!(refusal, PassRefusal::Token(TokenRefusal::Expired));
}

#[tokio::test]
async fn a_session_ends_with_its_pass() {
    let Pair { central, edge, _stores, .. } = pair().await;
    let (pass, issued) = central.issue_pass(&bearer("north"), 60_000);
    let (_, session) = edge.open_session(&pass, &proof(&pass, START, 1)).unwrap();
    assert_eq!(session.expires_at, issued.expires_at);
}

#[tokio::test]
async fn a_clock_set_back_does_not_revive_a_pass() {
    let Pair { central, edge, _stores, .. } = pair().await;
    let (pass, _) = central.issue_pass(&bearer("north"), 60_000);
    edge.raise_floor(START.plus_ms(3_600_000));
    let late = proof(&pass, START.plus_ms(3_600_000), 1);
    let refusal = edge.open_session(&pass, &late).unwrap_err();
    assert_eq!(refusal, PassRefusal::Token(TokenRefusal::Expired));
    // A journal written under a clock that was a day ahead does not put the node a day ahead of all others.
    edge.raise_floor(START.plus_ms(86_400_000));
    assert_eq!(edge.now(), START);
}

#[tokio::test]
async fn revoked_means_at_once_and_after_a_restart() {
    let clock = ManualClock::at(START);
    let fresh = fresh().await;
    let config = || IdentityConfig {
        node: node("edge-a"),
        standing: Standing::Edge("north".parse().unwrap()),
        key: key(EDGE_SEED),
        known: vec![known_central()],
        districts: Districts::Some(vec!["north".parse().unwrap()]),
        origins: Vec::new(),
        transport: Transport::Tls,
    };
    let central = pair().await.central;
    let edge = Identity::open(config(), IdentityStore::new(&fresh.store), clock.clone()).await.unwrap();
    let (pass, _) = central.issue_pass(&bearer("north"), PASS_LIFE_MS);
    let (session, _) = edge.open_session(&pass, &proof(&pass, START, 1)).unwrap();
    edge.revoke_driver(DriverId::from_number(42), "kim").await.unwrap();
    assert_eq!(edge.driver_session(&session), Err(TokenRefusal::Revoked));
    let restarted = Identity::open(config(), IdentityStore::new(&fresh.store), clock).await.unwrap();
    assert_eq!(restarted.driver_session(&session), Err(TokenRefusal::Revoked));
    let refusal = restarted.open_session(&pass, &proof(&pass, START, 2)).unwrap_err();
    assert_eq!(refusal, PassRefusal::Token(TokenRefusal::Revoked));
}

#[tokio::test]
async fn an_edge_s_own_pass_is_good_in_its_district_only() {
    let Pair { edge, central, _stores, .. } = pair().await;
    let (local, _) = edge.issue_pass(&bearer("north"), PASS_LIFE_MS);
    assert!(edge.open_session(&local, &proof(&local, START, 1)).is_ok());
    let (stray, _) = edge.issue_pass(&bearer("south"), PASS_LIFE_MS);
    let at_central = Proof::make(&key(DEVICE_SEED), &node("central"), &stray, START, Uuid::from_u128(1));
    let refusal = central.open_session(&stray, &at_central).unwrap_err();
    assert_eq!(refusal, PassRefusal::Token(TokenRefusal::District));
}
