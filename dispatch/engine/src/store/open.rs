//! Connecting, bringing tables up to date, and opening a new life.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use ondol_core::ids::NodeId;
use ondol_core::journal::Heads;
use ondol_core::units::UtcMs;
use sqlx::any::AnyPoolOptions;
use sqlx::migrate::Migrator;
use sqlx::{Connection as _, Executor as _, Row as _};

use super::{Dialect, Inner, Store, StoreError, at, read};
use crate::clock::wall_ms;

static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");
static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// Longest wait for a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Connections that write to PostgreSQL, beside the loop's: for accounts and sessions.
const POSTGRES_WRITERS: u32 = 3;
/// Connections that read.
const READERS: u32 = 6;
/// 2024-01-01T00:00:00Z: lives are numbered by seconds since then.
const FIRST_LIFE_MS: i64 = 1_704_067_200_000;

/// Durable before it answers, and nothing of an erased key left in free pages.
const SQLITE_WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
     PRAGMA busy_timeout = 5000; PRAGMA secure_delete = ON";
const SQLITE_READER: &str = "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON";
const POSTGRES_SESSION: &str = "SET synchronous_commit = on; SET lock_timeout = '5s'";
/// The loop writes rows of every fleet. What a session has begun whose link fell silent must not keep the next one out.
const POSTGRES_COMMITTER: &str = "SET synchronous_commit = on; SET lock_timeout = '5s'; SET ondol.fleet = '*'; \
     SET idle_in_transaction_session_timeout = '15s'";
/// The loop commits over one connection at a time. One whose link fell silent is not given back for a quarter of an hour:
/// meanwhile the loop goes on over another.
const POSTGRES_COMMITTERS: u32 = 4;
const POSTGRES_READER: &str = "SET default_transaction_read_only = on; SET lock_timeout = '5s'";

impl Store {
    /// Opens `postgres://…` or `sqlite:///path` (made if absent) and brings its tables up to date.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be reached, or is of a later release.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let dialect = dialect_of(url)?;
        let (committer, writer, reader) = match dialect {
            Dialect::Postgres => {
                let committer = options(POSTGRES_COMMITTERS, POSTGRES_COMMITTER)
                    .test_before_acquire(false)
                    .connect(url)
                    .await?;
                let writer = options(POSTGRES_WRITERS, POSTGRES_SESSION).connect(url).await?;
                (committer, writer, options(READERS, POSTGRES_SESSION).connect(url).await?)
            }
            Dialect::Sqlite => {
                let url = if url.contains('?') { url.to_owned() } else { format!("{url}?mode=rwc") };
                // No link can break, so a connection is not tried out before each use. The writer comes first: it makes the
                // file and turns on the write-ahead log.
                let options = |connections, set_up| options(connections, set_up).test_before_acquire(false);
                let writer = options(1, SQLITE_WRITER).connect(&url).await?;
                (writer.clone(), writer, options(READERS, SQLITE_READER).connect(&url).await?)
            }
        };
        let migrator = match dialect {
            Dialect::Postgres => &POSTGRES,
            Dialect::Sqlite => &SQLITE,
        };
        migrator.run(&writer).await.map_err(StoreError::Migration)?;
        let inner =
            Inner { dialect, committer, writer, reader, heads: RwLock::default(), life: RwLock::new(0) };
        let store = Self { inner: Arc::new(inner) };
        store.warn_of_superuser().await?;
        let heads = store.stored_heads().await?;
        store.set_heads(heads);
        Ok(store)
    }

    /// Opens a store that exists, only to read it: nothing is made, nothing is brought up to date, and a node that
    /// serves it goes on.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be reached, or does not exist.
    pub async fn open_to_read(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let dialect = dialect_of(url)?;
        let reader = match dialect {
            Dialect::Postgres => options(READERS, POSTGRES_READER).connect(url).await?,
            Dialect::Sqlite => {
                let (file, _) = url.split_once('?').unwrap_or((url, ""));
                options(READERS, SQLITE_READER).connect(&format!("{file}?mode=ro")).await?
            }
        };
        let heads = RwLock::default();
        let (committer, writer) = (reader.clone(), reader.clone());
        let inner = Inner { dialect, committer, writer, reader, heads, life: RwLock::new(0) };
        let store = Self { inner: Arc::new(inner) };
        store.set_heads(store.stored_heads().await?);
        Ok(store)
    }

    /// Opens a new life of `node`: durable on return, above every life that this store, the journal (`known`) or,
    /// because numbers follow the wall clock, a lost store has seen. A process of an older life stops at its next
    /// commit.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store does not write.
    pub async fn next_life(&self, node: &NodeId, known: u32, now: UtcMs) -> Result<u32, StoreError> {
        let by_clock = u32::try_from((wall_ms() - FIRST_LIFE_MS) / 1_000).unwrap_or(0);
        let mut transaction = self.inner.writer.begin().await?;
        let row = sqlx::query("SELECT COALESCE(MAX(incarnation), 0) AS last FROM node_life WHERE node = $1")
            .bind(node.as_str())
            .fetch_one(&mut *transaction)
            .await?;
        let stored: i64 = row.try_get("last")?;
        let life = ondol_core::shell::next_life(by_clock, u32::try_from(stored).unwrap_or(0), known);
        sqlx::query("INSERT INTO node_life (node, incarnation, started_at) VALUES ($1, $2, $3)")
            .bind(node.as_str())
            .bind(i64::from(life))
            .bind(at(now))
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "INSERT INTO alive (id, incarnation, at) VALUES (1, $1, $2) \
             ON CONFLICT (id) DO UPDATE SET incarnation = excluded.incarnation, at = excluded.at",
        )
        .bind(i64::from(life))
        .bind(at(now))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        *self.inner.life.write().unwrap_or_else(std::sync::PoisonError::into_inner) = life;
        Ok(life)
    }

    pub(super) fn set_heads(&self, heads: Heads) {
        *self.inner.heads.write().unwrap_or_else(std::sync::PoisonError::into_inner) = heads;
    }

    /// PostgreSQL applies row-level security to nobody with these rights: fleets are then kept apart by our own
    /// statements alone.
    async fn warn_of_superuser(&self) -> Result<(), StoreError> {
        if self.inner.dialect == Dialect::Sqlite {
            return Ok(());
        }
        let row = sqlx::query(
            "SELECT (rolsuper OR rolbypassrls) AS exempt FROM pg_roles WHERE rolname = current_user::text",
        )
        .fetch_one(&self.inner.reader)
        .await?;
        if row.try_get("exempt")? {
            tracing::warn!(
                "the store's role is exempt from row-level security: give the node a role of its own"
            );
        }
        Ok(())
    }

    async fn stored_heads(&self) -> Result<Heads, StoreError> {
        let rows = sqlx::query("SELECT origin, incarnation, district, lane, seq, hash FROM series_head")
            .fetch_all(&self.inner.writer)
            .await?;
        rows.iter().map(read::head_of).collect::<Result<_, _>>().map(Heads)
    }
}

fn dialect_of(url: &str) -> Result<Dialect, StoreError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        Ok(Dialect::Postgres)
    } else if url.starts_with("sqlite:") {
        Ok(Dialect::Sqlite)
    } else {
        Err(StoreError::UnknownUrl)
    }
}

fn options(connections: u32, set_up: &'static str) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(CONNECT_WITHIN)
        // After a write that the disk refused, SQLite may have ended the transaction and the driver counts it as open:
        // what comes next would only be a part of it, acknowledged and never durable. Such a connection is given up.
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
        .after_connect(move |connection, _| {
            Box::pin(async move {
                connection.execute(set_up).await?;
                Ok(())
            })
        })
}
