//! What was heard.

use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::{Peer, Store, Tx, blob, id};
use crate::carrier::Inbound;
use crate::clock::UtcMs;
use crate::grammar::{Intent, read};

/// What became of a text that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is durable and waits to be read.
    New,
    /// It is the same as one that was taken before.
    Again,
}

/// A text that waits to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Place in the inbox.
    pub row: i64,
    /// Names the text.
    pub message_id: Uuid,
    /// Who sent it.
    pub peer: Peer,
    /// The text.
    pub body: String,
    /// When the centre took it.
    pub sent_at: UtcMs,
}

#[derive(Serialize, Deserialize)]
struct SealedText {
    phone: String,
    body: String,
}

impl Store {
    /// Makes texts durable. One that was taken before (same sender, centre's moment and body) is not taken again.
    ///
    /// # Errors
    ///
    /// If the store fails: then none is taken.
    pub async fn take(&self, texts: &[(Inbound, Option<String>)], now: UtcMs) -> anyhow::Result<Vec<Taken>> {
        let mut tx = self.begin().await?;
        let mut taken = Vec::with_capacity(texts.len());
        for (text, phone) in texts {
            let peer = self.peer(phone.as_deref().unwrap_or(&text.from));
            let body: String = text.body.chars().take(crate::grammar::TEXT_MAX_CHARS).collect();
            let danger = read(&body).intent == Intent::Sos;
            let sealed = SealedText { phone: peer.phone.clone(), body };
            let inserted = sqlx::query(
                "INSERT INTO inbox (message_id, peer, sealed, sent_at, heard_at, state, danger)
                 VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (message_id) DO NOTHING",
            )
            .bind(blob(self.message_id(text)))
            .bind(blob(peer.id))
            .bind(self.key.seal("inbox", &sealed)?)
            .bind(text.sent_at.0)
            .bind(now.0)
            .bind(if phone.is_some() { 0 } else { 2 })
            .bind(i64::from(danger))
            .execute(&mut *tx)
            .await?;
            if inserted.rows_affected() == 1 {
                sqlx::query("UPDATE outbox SET answered = 1 WHERE answered = 0 AND peer = ?")
                    .bind(blob(peer.id))
                    .execute(&mut *tx)
                    .await?;
                taken.push(Taken::New);
            } else {
                taken.push(Taken::Again);
            }
        }
        tx.commit().await?;
        Ok(taken)
    }

    /// Returns the oldest waiting text of each number whose dialogue waits for nothing, and the oldest SOS of each
    /// number whatever its dialogue waits for: SOS first, at most `most`. What cannot be read is set aside.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn waiting(&self, most: u32, now: UtcMs) -> anyhow::Result<Vec<Heard>> {
        let rows = sqlx::query(
            "SELECT min(id) AS id, message_id, sealed, sent_at FROM inbox
             WHERE state = 0 AND (danger = 1 OR peer NOT IN (SELECT peer FROM request))
             GROUP BY peer, danger ORDER BY danger DESC, id LIMIT ?",
        )
        .bind(most)
        .fetch_all(&self.pool)
        .await?;
        let mut waiting = Vec::with_capacity(rows.len());
        for row in rows {
            match self.heard(&row) {
                Ok(heard) => waiting.push(heard),
                Err(error) => {
                    let mut tx = self.begin().await?;
                    self.set_aside(&mut tx, "inbox", row.try_get("sealed")?, error, now).await?;
                    sqlx::query("UPDATE inbox SET state = 3 WHERE id = ?")
                        .bind(row.try_get::<i64, _>("id")?)
                        .execute(&mut *tx)
                        .await?;
                    tx.commit().await?;
                }
            }
        }
        Ok(waiting)
    }

    fn heard(&self, row: &SqliteRow) -> anyhow::Result<Heard> {
        let sealed: SealedText = self.key.open("inbox", row.try_get("sealed")?)?;
        Ok(Heard {
            row: row.try_get("id")?,
            message_id: id(row.try_get("message_id")?)?,
            peer: self.peer(&sealed.phone),
            body: sealed.body,
            sent_at: UtcMs(row.try_get("sent_at")?),
        })
    }

    /// Counts the texts of a number since `since`.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn heard_since(&self, tx: &mut Tx, peer: &Peer, since: UtcMs) -> anyhow::Result<u32> {
        let row = sqlx::query("SELECT count(*) AS n FROM inbox WHERE peer = ? AND heard_at > ?")
            .bind(blob(peer.id))
            .bind(since.0)
            .fetch_one(&mut **tx)
            .await?;
        Ok(row.try_get("n")?)
    }

    /// Marks a text read. Returns false if it was marked before.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn mark_read(&self, tx: &mut Tx, row: i64) -> anyhow::Result<bool> {
        let done = sqlx::query("UPDATE inbox SET state = 1 WHERE id = ? AND state = 0")
            .bind(row)
            .execute(&mut **tx)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Named by sender, centre's moment and body.
    fn message_id(&self, text: &Inbound) -> Uuid {
        self.ids.of_text(&text.from, ondol_core::units::UtcMs(text.sent_at.0), &text.body)
    }
}
