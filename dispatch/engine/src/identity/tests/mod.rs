//! Attacks first, then what honest callers get.

mod doors;
mod enrolment;
mod operators;
mod passes;
mod tokens;

use std::sync::Arc;

use ondol_core::units::UtcMs;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use super::policy::Districts;
use super::*;
use crate::clock::ManualClock;

/// 2026-03-02T09:00:00Z.
pub(super) const START: UtcMs = UtcMs(1_772_442_000_000);

/// A store in memory; one connection, because each connection would have its own.
pub(super) async fn memory_store() -> IdentityStore {
    let options = SqliteConnectOptions::new().in_memory(true).foreign_keys(true);
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options)
        .await
        .unwrap();
    sqlx::migrate!("../../migrations/sqlite").run(&pool).await.unwrap();
    IdentityStore::Sqlite(pool)
}

pub(super) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub(super) const CENTRAL_SEED: u8 = 1;
pub(super) const EDGE_SEED: u8 = 2;

pub(super) fn known_central() -> KnownKey {
    KnownKey {
        node: "central".parse().unwrap(),
        public: key(CENTRAL_SEED).public(),
        standing: Standing::Central,
    }
}

pub(super) fn known_edge() -> KnownKey {
    KnownKey {
        node: "edge-a".parse().unwrap(),
        public: key(EDGE_SEED).public(),
        standing: Standing::Edge("north".parse().unwrap()),
    }
}

/// Central and the edge of district `north`, which know each other's keys, on one clock.
pub(super) struct Pair {
    pub(super) central: Arc<Identity>,
    pub(super) edge: Arc<Identity>,
    pub(super) clock: Arc<ManualClock>,
}

pub(super) async fn pair() -> Pair {
    let clock = ManualClock::at(START);
    let config = |node: &str, seed, standing, districts, known| IdentityConfig {
        node: node.parse().unwrap(),
        standing,
        key: key(seed),
        known,
        districts,
        origins: vec!["http://127.0.0.1:8080".into()],
        transport: Transport::LoopbackHttp,
    };
    let north = Districts::Some(vec!["north".parse().unwrap()]);
    let central = config("central", CENTRAL_SEED, Standing::Central, Districts::All, vec![known_edge()]);
    let edge =
        config("edge-a", EDGE_SEED, Standing::Edge("north".parse().unwrap()), north, vec![known_central()]);
    Pair {
        central: Arc::new(Identity::open(central, memory_store().await, clock.clone()).await.unwrap()),
        edge: Arc::new(Identity::open(edge, memory_store().await, clock.clone()).await.unwrap()),
        clock,
    }
}
