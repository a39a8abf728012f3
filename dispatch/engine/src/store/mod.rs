//! The store: the journal and what must commit with it, in PostgreSQL or SQLite.
//!
//! Both hold the same tables and are asked with the same statements; only opening, the form of a batch
//! (`json_to_recordset` against `json_each`) and how entries go in (one statement against four) differ. A batch is one JSON text and so one statement, however
//! many entries it has. SQLite has one writer connection and several readers.
//!
//! | about | file |
//! |---|---|
//! | connecting, tables, lives | `open.rs` |
//! | one transaction per batch | `commit.rs` |
//! | pages for peers, history | `read.rs` |
//! | start and snapshots | `snapshot.rs` |
//! | notices, answers given, subject keys | `outbox.rs`, `inbox.rs`, `keys.rs` |
//! | rows for SQL | `projection.rs` |
//! | who looked at what | `audit.rs` |
//! | how work was shared in a window | `window.rs` |
//! | who needs a person | `reports.rs` |
//! | who serves the store, and a past that was lost | `alive.rs` |

mod alive;
mod audit;
mod commit;
mod inbox;
mod keys;
mod open;
mod outbox;
mod projection;
mod read;
mod reports;
mod snapshot;
#[cfg(test)]
mod tests;
mod verify;
mod window;

use std::sync::{Arc, PoisonError, RwLock};

use ondol_core::command::Notice;
use ondol_core::ids::NodeId;
use ondol_core::journal::{ChainBreak, Entry, Heads, Series};
use ondol_core::units::UtcMs;
use serde::{Deserialize, Serialize};
use sqlx::AnyPool;
use thiserror::Error;

use crate::vault::SubjectKey;

pub use audit::{AUDIT_MAX, AuditAction, Audited, REASON_MAX_CHARS};
pub use inbox::{ANSWER_MAX, Remembered};
pub use outbox::{NOTICES_MAX, OutboxNotice};
pub use projection::{BookingRow, Rows};
pub use read::{PAGE_BYTES_MAX, PAGE_ENTRIES_MAX, Page};
pub use reports::{REPORTS_KEPT_MAX, REPORTS_MAX, ReportWords, TextReport};
pub use snapshot::Loaded;
pub use verify::Verified;
pub use window::{WINDOW_ENTRIES_MAX, WINDOW_SHIFTS_MAX, Window, WindowError};

/// A node's store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    dialect: Dialect,
    /// For the loop. In PostgreSQL its connections are its own, and are not asked before each commit whether they live: a
    /// commit that fails is tried again. In SQLite it is the one that writes.
    committer: AnyPool,
    writer: AnyPool,
    reader: AnyPool,
    /// Heads of what is durable.
    heads: RwLock<Heads>,
    /// The life that may write; 0 before [`Store::next_life`].
    life: RwLock<u32>,
}

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL: central.
    Postgres,
    /// SQLite: an edge, or a small stand-alone node.
    Sqlite,
}

impl Dialect {
    /// The statement for this database.
    fn pick(self, postgres: &'static str, sqlite: &'static str) -> &'static str {
        match self {
            Self::Postgres => postgres,
            Self::Sqlite => sqlite,
        }
    }
}

/// What commits together.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Entries, each series in its own order.
    pub entries: Vec<Entry>,
    /// Notices that the entries cause.
    pub notices: Vec<Notice>,
    /// Subject keys that the entries use, and tombstones.
    pub keys: Vec<SubjectKey>,
    /// How far peers' tombstones have been pulled.
    pub key_cursors: Vec<(NodeId, KeyCursor)>,
    /// What the entries change for SQL.
    pub rows: Rows,
}

impl Batch {
    /// True if there is nothing to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
            && self.notices.is_empty()
            && self.keys.is_empty()
            && self.key_cursors.is_empty()
            && self.rows.is_empty()
    }
}

/// How far the tombstones of a peer have been pulled: a number of one of its lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyCursor {
    /// The peer's life; in another one the numbers mean nothing, and all tombstones are pulled again.
    pub incarnation: u32,
    /// The last number held.
    pub seq: u64,
}

/// Why the store did not do it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database cannot be reached or is too busy; the same call may succeed later. A commit that ends so may
    /// have happened: committing the same batch again is harmless.
    #[error("the store does not answer: {0}")]
    Transient(#[source] sqlx::Error),
    /// The database refuses the statement, or answers what no store of ours holds.
    #[error("the store refuses: {0}")]
    Refused(#[source] sqlx::Error),
    /// The URL is neither PostgreSQL nor SQLite.
    #[error("the store's URL must begin with postgres:// or sqlite://")]
    UnknownUrl,
    /// The tables could not be brought up to date.
    #[error("the store's tables could not be brought up to date: {0}")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// The same number of a series holds another entry: two writers used one name.
    #[error("{series} entry {seq} is stored with another content: two writers use the name of one node")]
    Fork {
        /// The series.
        series: Series,
        /// The number.
        seq: u64,
    },
    /// A batch does not continue what is stored.
    #[error("a batch skips entries of {series}: stored up to {stored}, next is {next}")]
    Gap {
        /// The series.
        series: Series,
        /// Number of the stored head.
        stored: u64,
        /// Number of the batch's entry.
        next: u64,
    },
    /// The database has lost entries that it had acknowledged: it was restored, or a standby without them took over.
    #[error(
        "the database has lost entries of {series}: it acknowledged {acknowledged} and holds {stored}; the node must start again on what is left"
    )]
    Receded {
        /// The series.
        series: Series,
        /// Number of the last entry that was acknowledged.
        acknowledged: u64,
        /// Number of the last entry that is stored.
        stored: u64,
    },
    /// A newer process of the same node has taken over the store.
    #[error("a newer process of this node uses the store; this one stops")]
    Superseded,
    /// Stored entries are not what was hashed.
    #[error("the stored journal is damaged: {0}")]
    Damaged(#[from] ChainBreak),
    /// A stored value has no meaning.
    #[error("the store holds {what} that means nothing: {detail}")]
    Meaningless {
        /// What.
        what: &'static str,
        /// Why.
        detail: String,
    },
}

impl StoreError {
    /// True if the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_))
    }

    /// True if the database says that it has no tables, or, as SQLite, that there is no file.
    fn is_of_no_store(&self) -> bool {
        const SQLITE_CANNOT_OPEN: &str = "14";
        const POSTGRES_UNDEFINED_TABLE: &str = "42P01";
        let (Self::Transient(sqlx::Error::Database(error)) | Self::Refused(sqlx::Error::Database(error))) =
            self
        else {
            return false;
        };
        let code = error.code();
        // SQLite has no code of its own for a missing table.
        matches!(code.as_deref(), Some(SQLITE_CANNOT_OPEN | POSTGRES_UNDEFINED_TABLE))
            || error.message().starts_with("no such table")
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if is_transient(&error) { Self::Transient(error) } else { Self::Refused(error) }
    }
}

/// Failures of the connection, of a busy or full database, and of a transaction that lost against another.
fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(database) => database.code().is_some_and(|code| is_transient_code(&code)),
        _ => false,
    }
}

/// SQLite's codes are plain numbers whose low byte is the kind: busy, locked, I/O, full, cannot open.
/// PostgreSQL's have five characters: connection, resources, shutdown or cancelled, lost race, a lock that was not to
/// be had in time, a disk that fails, a standby that only reads.
fn is_transient_code(code: &str) -> bool {
    const POSTGRES: [&str; 9] = ["08", "53", "57P", "57014", "40", "55P03", "55006", "58", "25006"];
    match (code.len(), code.parse::<u32>()) {
        (..5, Ok(code)) => matches!(code & 0xff, 5 | 6 | 10 | 13 | 14),
        _ => POSTGRES.iter().any(|class| code.starts_with(class)),
    }
}

impl Store {
    /// Heads of all series that are durable here.
    #[must_use]
    pub fn heads(&self) -> Heads {
        self.inner.heads.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The life that may write.
    fn life(&self) -> u32 {
        *self.inner.life.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which database it is.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    /// Connections that may write, for the tables of accounts and sessions. Statements use `$1` and, for both
    /// databases to understand them, only text and 64-bit integers.
    #[must_use]
    pub fn writer(&self) -> &AnyPool {
        &self.inner.writer
    }

    /// Connections that only read.
    #[must_use]
    pub fn reader(&self) -> &AnyPool {
        &self.inner.reader
    }

    /// Closes every connection, so that a test can do away with the database.
    #[cfg(test)]
    pub(crate) async fn close(&self) {
        for pool in [&self.inner.committer, &self.inner.writer, &self.inner.reader] {
            pool.close().await;
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({:?})", self.inner.dialect)
    }
}

/// A number as SQL holds it.
///
/// # Panics
///
/// Never on numbers that this system counts: they stay below 2^63.
fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A moment as SQL holds it.
fn at(moment: UtcMs) -> i64 {
    moment.0
}

#[cfg(test)]
mod code_tests {
    use super::is_transient_code;

    #[test]
    fn a_lock_or_a_disk_that_fails_is_tried_again_and_a_broken_rule_is_not() {
        for again in [
            "08006", "53100", "57P01", "57014", "40001", "40P01", "55P03", "58030", "58P01", "25006", "5",
            "13", "517",
        ] {
            assert!(is_transient_code(again), "{again}");
        }
        for never in ["23514", "23505", "22021", "22P05", "42P01", "42501", "1", "19", "2067"] {
            assert!(!is_transient_code(never), "{never}");
        }
    }
}
