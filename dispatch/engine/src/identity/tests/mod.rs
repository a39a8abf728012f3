//! Attacks first, then what honest callers get.

mod doors;
mod enrolment;
mod floor;
mod operators;
mod passes;
mod tokens;

use std::sync::Arc;

use ondol_core::units::UtcMs;

use super::policy::Districts;
use super::*;
use crate::clock::ManualClock;
use crate::store::Store;

/// 2026-03-02T09:00:00Z.
pub(super) const START: UtcMs = UtcMs(1_772_442_000_000);

/// A fresh SQLite store, whose file goes with the test.
pub(super) struct Fresh {
    pub(super) store: Store,
    _dir: tempfile::TempDir,
}

pub(super) async fn fresh() -> Fresh {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&format!("sqlite://{}", dir.path().join("node.db").display())).await.unwrap();
    Fresh { store, _dir: dir }
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
    _stores: [Fresh; 2],
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
    let stores = [fresh().await, fresh().await];
    Pair {
        central: Arc::new(
            Identity::open(central, IdentityStore::new(&stores[0].store), clock.clone()).await.unwrap(),
        ),
        edge: Arc::new(
            Identity::open(edge, IdentityStore::new(&stores[1].store), clock.clone()).await.unwrap(),
        ),
        clock,
        _stores: stores,
    }
}
