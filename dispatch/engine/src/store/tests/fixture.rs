//! A fresh store on either database, and made-up chains of entries.

use ondol_core::hlc::Hlc;
use ondol_core::journal::{Entry, Hash, Head, Lane, Series};
use ondol_core::units::UtcMs;
use sqlx::any::AnyPoolOptions;
use sqlx::{AssertSqlSafe, Executor as _};

use super::super::{Batch, Store};
use crate::vault::{hex, random_bytes};

pub(super) const NOW: UtcMs = UtcMs(1_665_815_400_000);

/// A store that nobody else uses.
pub(super) struct Db {
    pub(super) store: Store,
    pub(super) url: String,
    /// Removes the files of SQLite.
    _folder: Option<tempfile::TempDir>,
}

impl Db {
    /// Another process's view of the same database.
    pub(super) async fn reopened(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }

    /// Runs a statement that no code of ours would.
    pub(super) async fn tamper(&self, statement: &str) {
        self.store.writer().execute(AssertSqlSafe(statement)).await.unwrap();
    }
}

pub(super) async fn sqlite() -> Db {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("node.db").display());
    ready(url, Some(folder)).await
}

/// `None`, said aloud, if there is no server to ask.
pub(super) async fn postgres() -> Option<Db> {
    let Ok(admin_url) = std::env::var("ONDOL_TEST_DATABASE_URL") else {
        eprintln!("SKIPPED: ONDOL_TEST_DATABASE_URL is not set, so nothing was tested on PostgreSQL");
        return None;
    };
    sqlx::any::install_default_drivers();
    let admin = AnyPoolOptions::new().max_connections(1).connect(&admin_url).await.unwrap();
    let name = format!("ondol_test_{}", hex(&random_bytes::<8>()));
    admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    let (server, _) = admin_url.rsplit_once('/').unwrap();
    Some(ready(format!("{server}/{name}"), None).await)
}

async fn ready(url: String, folder: Option<tempfile::TempDir>) -> Db {
    let store = Store::open(&url).await.unwrap();
    store.next_life(&"central".parse().unwrap(), 0, NOW).await.unwrap();
    Db { store, url, _folder: folder }
}

pub(super) fn series(origin: &str, incarnation: u32, district: &str, lane: Lane) -> Series {
    Series { origin: origin.parse().unwrap(), incarnation, district: district.parse().unwrap(), lane }
}

/// `count` entries of a kind that this release does not know, after `head`.
pub(super) fn chain(series: &Series, mut head: Head, count: u64, payload: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    for _ in 0..count {
        let mut entry = Entry {
            series: series.clone(),
            seq: head.seq + 1,
            zone: "all".parse().unwrap(),
            hlc: Hlc { wall_ms: NOW.0, logical: 3 },
            kind: "of_a_later_release".into(),
            schema_version: 1,
            key: format!("thing-{}", head.seq % 3),
            payload: payload.to_owned(),
            prev_hash: head.hash,
            hash: Hash::default(),
        };
        entry.hash = entry.compute_hash();
        head = entry.as_head();
        entries.push(entry);
    }
    entries
}

pub(super) fn batch(entries: &[Entry]) -> Batch {
    Batch { entries: entries.to_vec(), ..Batch::default() }
}
