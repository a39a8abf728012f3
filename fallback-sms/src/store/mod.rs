//! The text process's SQLite file: what was heard, what is to be said, and each dialogue.
//!
//! Every step of a dialogue is one transaction: the text is marked read, the dialogue moves on, and
//! the replies and the request to the node are written, or nothing is. `synchronous = FULL`, so
//! what is committed survives a kill -9 and a power cut. Numbers and texts are sealed; the file
//! holds none in clear.

mod inbox;
mod outbox;
mod seal;
mod set_aside;
mod tell;

use std::path::Path;
use std::str::FromStr as _;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Connection as _, Row as _, Sqlite, SqlitePool, Transaction};
use uuid::Uuid;

use crate::clock::UtcMs;
use crate::dialogue::budget::prefix;
use crate::dialogue::{Consent, Dialogue, Ids, NodeRequest};

pub use inbox::{Heard, Taken};
pub use outbox::{Draft, Ready};
pub use seal::Key;
pub use tell::Untold;

/// A transaction of the store.
pub type Tx = Transaction<'static, Sqlite>;

/// The store. Clones are the same store.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
    key: Key,
    ids: Ids,
}

/// A number as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// E.164.
    pub phone: String,
    /// Keyed digest of it.
    pub id: Uuid,
    /// Keyed digest of its first digits.
    pub prefix: Uuid,
}

/// A request to a node that is due.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    /// For which number.
    pub peer: Peer,
    /// The request.
    pub request: NodeRequest,
    /// The node to ask first.
    pub prefer: Option<String>,
    /// When it was first made.
    pub made_at: UtcMs,
    /// How often it was tried.
    pub tries: u32,
    /// Whether the person was told to wait.
    pub told_waiting: bool,
}

/// What waits, for people who watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Backlog {
    /// Texts heard and not read.
    pub inbox: i64,
    /// Texts to be submitted.
    pub outbox: i64,
    /// Requests to nodes.
    pub requests: i64,
    /// Outcomes and reports that no node has taken.
    pub untold: i64,
    /// Rows that could not be read.
    pub set_aside: i64,
}

#[derive(Serialize, Deserialize)]
struct SealedDialogue {
    phone: String,
    dialogue: Dialogue,
}

#[derive(Serialize, Deserialize)]
struct SealedRequest {
    phone: String,
    prefer: Option<String>,
    request: NodeRequest,
}

impl Store {
    /// Opens or makes the store at `path`.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened or brought to the present form, or was written with another key.
    pub async fn open(path: &Path, key: Key, node: &str) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::from_str("sqlite:")?
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true);
        // One connection: all writes stand in one line, as SQLite would put them anyway.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            // After a write that the disk refused, the driver may count a transaction as open that SQLite has ended, and
            // would begin no other one on that connection.
            .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
            .connect_with(options)
            .await
            .with_context(|| format!("store {} cannot be opened", path.display()))?;
        sqlx::migrate!().run(&pool).await.context("the store cannot be brought to the present form")?;
        let ids = Ids::new(key.derive("ids"), node);
        let store = Self { pool, key, ids };
        store.check_key().await?;
        Ok(store)
    }

    /// Closes the file; the store cannot be used after.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// The maker of ids that belongs to the store's key.
    #[must_use]
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    /// Returns how the store knows `phone`.
    #[must_use]
    pub fn peer(&self, phone: &str) -> Peer {
        Peer {
            phone: phone.to_owned(),
            id: self.ids.of_number(phone),
            prefix: self.ids.of_number(&prefix(phone)),
        }
    }

    /// Begins a transaction that writes.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub async fn begin(&self) -> sqlx::Result<Tx> {
        self.pool.begin_with("BEGIN IMMEDIATE").await
    }

    /// Returns the dialogue with a number, a new one if it never wrote or wrote long ago. Whether it wants texts is
    /// known however long ago it said so.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn dialogue(&self, tx: &mut Tx, peer: &Peer, now: UtcMs) -> anyhow::Result<Dialogue> {
        let row = sqlx::query("SELECT sealed FROM dialogue WHERE peer = ?")
            .bind(blob(peer.id))
            .fetch_optional(&mut **tx)
            .await?;
        let mut dialogue = match row {
            Some(row) => self.dialogue_of(tx, peer, row.try_get("sealed")?, now).await?,
            None => Dialogue::new(now),
        };
        let stopped = sqlx::query("SELECT 1 FROM consent WHERE peer = ?").bind(blob(peer.id));
        if stopped.fetch_optional(&mut **tx).await?.is_some() {
            dialogue.consent = Consent::Withdrawn;
        }
        Ok(dialogue)
    }

    /// Reads a dialogue; one that cannot be read is set aside and begins anew.
    async fn dialogue_of(
        &self,
        tx: &mut Tx,
        peer: &Peer,
        sealed: &[u8],
        now: UtcMs,
    ) -> anyhow::Result<Dialogue> {
        match self.key.open::<SealedDialogue>("dialogue", sealed) {
            Ok(sealed) => Ok(sealed.dialogue),
            Err(error) => {
                self.set_aside(tx, "dialogue", sealed, error, now).await?;
                sqlx::query("DELETE FROM dialogue WHERE peer = ?")
                    .bind(blob(peer.id))
                    .execute(&mut **tx)
                    .await?;
                Ok(Dialogue::new(now))
            }
        }
    }

    /// Writes the dialogue with a number, and its STOP where that outlives the dialogue.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn put_dialogue(
        &self,
        tx: &mut Tx,
        peer: &Peer,
        dialogue: &Dialogue,
        now: UtcMs,
    ) -> anyhow::Result<()> {
        let sealed = SealedDialogue { phone: peer.phone.clone(), dialogue: dialogue.clone() };
        sqlx::query(
            "INSERT INTO dialogue (peer, sealed, changed_at) VALUES (?, ?, ?)
             ON CONFLICT (peer) DO UPDATE SET sealed = excluded.sealed, changed_at = excluded.changed_at",
        )
        .bind(blob(peer.id))
        .bind(self.key.seal("dialogue", &sealed)?)
        .bind(now.0)
        .execute(&mut **tx)
        .await?;
        match dialogue.consent {
            Consent::Given => {
                sqlx::query("DELETE FROM consent WHERE peer = ?")
                    .bind(blob(peer.id))
                    .execute(&mut **tx)
                    .await?;
            }
            Consent::Withdrawn => {
                sqlx::query(
                    "INSERT INTO consent (peer, withdrawn_at) VALUES (?, ?) ON CONFLICT (peer) DO NOTHING",
                )
                .bind(blob(peer.id))
                .bind(now.0)
                .execute(&mut **tx)
                .await?;
            }
        }
        Ok(())
    }

    /// Writes a request that the dialogue with a number waits for; `prefer` is asked first.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn put_request(
        &self,
        tx: &mut Tx,
        peer: &Peer,
        request: &NodeRequest,
        prefer: Option<&str>,
        now: UtcMs,
    ) -> anyhow::Result<()> {
        let sealed = SealedRequest {
            phone: peer.phone.clone(),
            prefer: prefer.map(str::to_owned),
            request: request.clone(),
        };
        sqlx::query(
            "INSERT OR REPLACE INTO request (peer, sealed, made_at, next_at, tries, told_waiting)
             VALUES (?, ?, ?, ?, 0, 0)",
        )
        .bind(blob(peer.id))
        .bind(self.key.seal("request", &sealed)?)
        .bind(now.0)
        .bind(now.0)
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    /// Returns up to `most` requests that are due, oldest first.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn due_requests(&self, now: UtcMs, most: u32) -> anyhow::Result<Vec<Due>> {
        let rows = sqlx::query(
            "SELECT peer, sealed, made_at, tries, told_waiting FROM request WHERE next_at <= ?
             ORDER BY made_at LIMIT ?",
        )
        .bind(now.0)
        .bind(most)
        .fetch_all(&self.pool)
        .await?;
        let mut due = Vec::with_capacity(rows.len());
        for row in rows {
            match self.due(&row) {
                Ok(request) => due.push(request),
                Err(error) => self.drop_request(&row, error, now).await?,
            }
        }
        Ok(due)
    }

    fn due(&self, row: &SqliteRow) -> anyhow::Result<Due> {
        let sealed: SealedRequest = self.key.open("request", row.try_get("sealed")?)?;
        Ok(Due {
            peer: self.peer(&sealed.phone),
            request: sealed.request,
            prefer: sealed.prefer,
            made_at: UtcMs(row.try_get("made_at")?),
            tries: row.try_get("tries")?,
            told_waiting: row.try_get::<i64, _>("told_waiting")? == 1,
        })
    }

    /// A request that cannot be read is set aside; its dialogue drops it when the number writes again.
    async fn drop_request(&self, row: &SqliteRow, error: anyhow::Error, now: UtcMs) -> anyhow::Result<()> {
        let mut tx = self.begin().await?;
        self.set_aside(&mut tx, "request", row.try_get("sealed")?, error, now).await?;
        let peer: &[u8] = row.try_get("peer")?;
        sqlx::query("DELETE FROM request WHERE peer = ?").bind(peer).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Removes the request of a number. Returns false if there is none: its answer came before.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn end_request(&self, tx: &mut Tx, peer: &Peer) -> anyhow::Result<bool> {
        let done =
            sqlx::query("DELETE FROM request WHERE peer = ?").bind(blob(peer.id)).execute(&mut **tx).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Notes that a request was tried in vain, and when it is tried again.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn postpone_request(
        &self,
        tx: &mut Tx,
        due: &Due,
        next_at: UtcMs,
        told_waiting: bool,
    ) -> anyhow::Result<()> {
        sqlx::query("UPDATE request SET tries = ?, next_at = ?, told_waiting = ? WHERE peer = ?")
            .bind(due.tries.saturating_add(1))
            .bind(next_at.0)
            .bind(i64::from(told_waiting))
            .bind(blob(due.peer.id))
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Makes all requests due now: a node answers again.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn hurry_requests(&self, now: UtcMs) -> anyhow::Result<()> {
        sqlx::query("UPDATE request SET next_at = ? WHERE next_at > ?")
            .bind(now.0)
            .bind(now.0)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Counts what waits.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn backlog(&self) -> anyhow::Result<Backlog> {
        let row = sqlx::query(
            "SELECT (SELECT count(*) FROM inbox WHERE state = 0) AS inbox,
                    (SELECT count(*) FROM outbox WHERE state < 2) AS outbox,
                    (SELECT count(*) FROM request) AS requests,
                    (SELECT count(*) FROM outcome) + (SELECT count(*) FROM report) AS untold,
                    (SELECT count(*) FROM set_aside) AS set_aside",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Backlog {
            inbox: row.try_get("inbox")?,
            outbox: row.try_get("outbox")?,
            requests: row.try_get("requests")?,
            untold: row.try_get("untold")?,
            set_aside: row.try_get("set_aside")?,
        })
    }

    /// Removes what is older than 30 days and done. A STOP stays.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn prune(&self, now: UtcMs) -> anyhow::Result<()> {
        const KEEP_MS: i64 = 30 * 24 * 3_600_000;
        let before = now.0.saturating_sub(KEEP_MS);
        let mut tx = self.begin().await?;
        for statement in [
            "DELETE FROM inbox WHERE state > 0 AND heard_at < ?",
            "DELETE FROM outbox WHERE state > 1 AND made_at < ?",
            "DELETE FROM notice WHERE taken_at < ?",
            "DELETE FROM set_aside WHERE at < ?",
            "DELETE FROM dialogue WHERE changed_at < ? AND peer NOT IN (SELECT peer FROM request)",
        ] {
            sqlx::query(statement).bind(before).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

fn blob(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

fn id(bytes: &[u8]) -> anyhow::Result<Uuid> {
    Uuid::from_slice(bytes).context("the store holds an id that is none")
}
