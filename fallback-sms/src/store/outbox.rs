//! What is to be said, and what became of it.

use ondol_messages::Lang;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::{Peer, Store, Tx, blob, id};
use crate::carrier::Outcome;
use crate::clock::UtcMs;
use crate::dialogue::Party;
use crate::dialogue::budget::{Urgency, Usage};
use crate::reply::{Sending, Text};
use crate::wire::NoticeOutcome;

/// A text to be written into the outbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Its id.
    pub id: Uuid,
    /// To whom.
    pub peer: Peer,
    /// What the number is known to be.
    pub party: Party,
    /// In which language.
    pub lang: Lang,
    /// The text.
    pub text: Text,
    /// Whether it goes first.
    pub urgency: Urgency,
    /// How many messages it costs.
    pub segments: u32,
    /// Not sent after this.
    pub expires_at: UtcMs,
    /// The notice it comes from: node, the node's outbox, id.
    pub notice: Option<(String, String, Uuid)>,
}

/// A text that is to be submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// Place in the outbox.
    pub seq: i64,
    /// Its id.
    pub id: Uuid,
    /// The number.
    pub phone: String,
    /// In which language.
    pub lang: Lang,
    /// The text.
    pub text: Text,
    /// Whether the carrier may have had it.
    pub sending: Sending,
    /// Whether it goes first.
    pub urgency: Urgency,
    /// When it was made.
    pub made_at: UtcMs,
    /// Tries so far.
    pub tries: u32,
}

#[derive(Serialize, Deserialize)]
struct SealedDraft {
    phone: String,
    lang: Lang,
    text: Text,
}

const READY: i64 = 0;
const SUBMITTING: i64 = 1;
const TAKEN: i64 = 2;
const SENT: i64 = 3;
const DELIVERED: i64 = 4;
pub(super) const FAILED: i64 = 5;
const EXPIRED: i64 = 6;
const MINUTE_MS: u64 = 60_000;

impl Store {
    /// Writes a text into the outbox.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn put_text(&self, tx: &mut Tx, draft: &Draft, now: UtcMs) -> anyhow::Result<()> {
        let sealed =
            SealedDraft { phone: draft.peer.phone.clone(), lang: draft.lang, text: draft.text.clone() };
        let (source, source_outbox, notice_id) = match &draft.notice {
            Some((source, outbox, id)) => (Some(source.as_str()), Some(outbox.as_str()), Some(blob(*id))),
            None => (None, None, None),
        };
        // Of what a node wants sent only an offer is a question that somebody must answer at once.
        let watched = draft.notice.is_some() && draft.text.is_offer();
        sqlx::query(
            "INSERT INTO outbox (id, peer, prefix, party, sealed, urgent, segments, repeat, made_at, expires_at,
                                 state, source, source_outbox, notice_id, answered, tries)
             VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, 0, ?, ?, ?, ?, 0)",
        )
        .bind(blob(draft.id))
        .bind(blob(draft.peer.id))
        .bind(blob(draft.peer.prefix))
        .bind(match draft.party {
            Party::Stranger => 0,
            Party::Rider => 1,
            Party::Driver => 2,
        })
        .bind(self.key.seal("outbox", &sealed)?)
        .bind(i64::from(draft.urgency == Urgency::Urgent))
        .bind(draft.segments)
        .bind(now.0)
        .bind(draft.expires_at.0)
        .bind(source)
        .bind(source_outbox)
        .bind(notice_id)
        .bind(i64::from(!watched))
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    /// Counts what was sent, for the budgets.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn usage(&self, tx: &mut Tx, peer: &Peer, now: UtcMs) -> anyhow::Result<Usage> {
        let since = |ms: u64| now.0.saturating_sub(i64::try_from(ms).unwrap_or(i64::MAX));
        let (minute, ten, day) = (since(MINUTE_MS), since(10 * MINUTE_MS), since(24 * 60 * MINUTE_MS));
        let row = sqlx::query(
            "SELECT (SELECT count(*) FROM outbox WHERE peer = ?1 AND made_at > ?3) AS number_10min,
                    (SELECT count(*) FROM outbox WHERE peer = ?1 AND made_at > ?4) AS number_day,
                    (SELECT count(*) FROM outbox WHERE prefix = ?2 AND party = 0 AND made_at > ?3) AS prefix_10min,
                    (SELECT count(*) FROM outbox WHERE made_at > ?5) AS minute,
                    (SELECT coalesce(sum(segments), 0) FROM outbox WHERE made_at > ?4) AS segments_day,
                    (SELECT coalesce(sum(segments), 0) FROM outbox WHERE party = 0 AND made_at > ?4)
                        AS strangers_day",
        )
        .bind(blob(peer.id))
        .bind(blob(peer.prefix))
        .bind(ten)
        .bind(day)
        .bind(minute)
        .fetch_one(&mut **tx)
        .await?;
        Ok(Usage {
            number_10min: row.try_get("number_10min")?,
            number_day: row.try_get("number_day")?,
            prefix_10min: row.try_get("prefix_10min")?,
            minute: row.try_get("minute")?,
            segments_day: row.try_get("segments_day")?,
            strangers_day: row.try_get("strangers_day")?,
        })
    }

    /// Takes up to `most` texts to be submitted, urgent ones first, and marks them as being submitted.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn start_submitting(&self, now: UtcMs, most: u32) -> anyhow::Result<Vec<Ready>> {
        let mut tx = self.begin().await?;
        let expired = sqlx::query(
            "UPDATE outbox SET state = ? WHERE state = ? AND expires_at <= ?
             RETURNING source, source_outbox, notice_id",
        )
        .bind(EXPIRED)
        .bind(READY)
        .bind(now.0)
        .fetch_all(&mut *tx)
        .await?;
        for row in expired {
            self.tell_outcome_of(&mut tx, &row, NoticeOutcome::Expired, now).await?;
        }
        let rows = sqlx::query(
            "UPDATE outbox SET state = ?, tries = tries + 1 WHERE id IN (
                 SELECT id FROM outbox WHERE state = ? ORDER BY urgent DESC, seq LIMIT ?)
             RETURNING seq, id, sealed, repeat, urgent, made_at, tries",
        )
        .bind(SUBMITTING)
        .bind(READY)
        .bind(most)
        .fetch_all(&mut *tx)
        .await?;
        let mut ready = self.readable(&mut tx, &rows, now).await?;
        tx.commit().await?;
        ready.sort_by_key(|text| (std::cmp::Reverse(text.urgency), text.seq));
        Ok(ready)
    }

    /// Returns the texts whose submission was cut off: by the end of the process, or by a store that failed.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn interrupted(&self, now: UtcMs) -> anyhow::Result<Vec<Ready>> {
        let rows =
            sqlx::query("SELECT seq, id, sealed, repeat, urgent, made_at, tries FROM outbox WHERE state = ?")
                .bind(SUBMITTING)
                .fetch_all(&self.pool)
                .await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        let interrupted = self.readable(&mut tx, &rows, now).await?;
        tx.commit().await?;
        Ok(interrupted)
    }

    /// Reads rows of the outbox; one that cannot be read has failed and is set aside.
    async fn readable(&self, tx: &mut Tx, rows: &[SqliteRow], now: UtcMs) -> anyhow::Result<Vec<Ready>> {
        let mut readable = Vec::with_capacity(rows.len());
        for row in rows {
            match self.ready(row) {
                Ok(text) => readable.push(text),
                Err(error) => {
                    let (text, sealed): (&[u8], &[u8]) = (row.try_get("id")?, row.try_get("sealed")?);
                    self.fail_unreadable(tx, text, sealed, error, now).await?;
                }
            }
        }
        Ok(readable)
    }

    fn ready(&self, row: &SqliteRow) -> anyhow::Result<Ready> {
        let sealed: SealedDraft = self.key.open("outbox", row.try_get("sealed")?)?;
        let flag = |name| row.try_get::<i64, _>(name).map(|flag| flag == 1);
        Ok(Ready {
            seq: row.try_get("seq")?,
            id: id(row.try_get("id")?)?,
            phone: sealed.phone,
            lang: sealed.lang,
            text: sealed.text,
            sending: if flag("repeat")? { Sending::Repeat } else { Sending::First },
            urgency: if flag("urgent")? { Urgency::Urgent } else { Urgency::Plain },
            made_at: UtcMs(row.try_get("made_at")?),
            tries: row.try_get("tries")?,
        })
    }

    /// Notes that the carrier took a text.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn submitted(&self, text: Uuid) -> anyhow::Result<()> {
        sqlx::query("UPDATE outbox SET state = ? WHERE id = ? AND state = ?")
            .bind(TAKEN)
            .bind(blob(text))
            .bind(SUBMITTING)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Puts a text back: it is submitted again, marked as a repeat. After `most` tries it has failed.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn submit_again(&self, text: &Ready, most: u32, now: UtcMs) -> anyhow::Result<()> {
        let mut tx = self.begin().await?;
        let state = if text.tries >= most { FAILED } else { READY };
        let row = sqlx::query(
            "UPDATE outbox SET state = ?, repeat = 1 WHERE id = ? RETURNING source, source_outbox, notice_id",
        )
        .bind(state)
        .bind(blob(text.id))
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(row) = row
            && state == FAILED
        {
            self.tell_outcome_of(&mut tx, &row, NoticeOutcome::Failed, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Notes a receipt, and tells the node whose notice it was.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn received(&self, text: Uuid, outcome: Outcome, now: UtcMs) -> anyhow::Result<()> {
        let (state, told) = match outcome {
            Outcome::Sent => (SENT, NoticeOutcome::Sent),
            Outcome::Delivered => (DELIVERED, NoticeOutcome::Delivered),
            Outcome::Failed => (FAILED, NoticeOutcome::Failed),
        };
        let mut tx = self.begin().await?;
        let row = sqlx::query(
            "UPDATE outbox SET state = ?1 WHERE id = ?2 AND state < ?1 RETURNING source, source_outbox, notice_id",
        )
        .bind(state)
        .bind(blob(text))
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(row) = row {
            self.tell_outcome_of(&mut tx, &row, told, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Tells nodes of offers that got no answer within `within_ms`, each once.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn note_unanswered(&self, now: UtcMs, within_ms: u64) -> anyhow::Result<usize> {
        let mut tx = self.begin().await?;
        let before = now.0.saturating_sub(i64::try_from(within_ms).unwrap_or(i64::MAX));
        let rows = sqlx::query(
            "UPDATE outbox SET answered = 1 WHERE answered = 0 AND made_at <= ?
             RETURNING source, source_outbox, notice_id",
        )
        .bind(before)
        .fetch_all(&mut *tx)
        .await?;
        for row in &rows {
            self.tell_outcome_of(&mut tx, row, NoticeOutcome::Unanswered, now).await?;
        }
        tx.commit().await?;
        Ok(rows.len())
    }

    pub(super) async fn tell_outcome_of(
        &self,
        tx: &mut Tx,
        row: &SqliteRow,
        outcome: NoticeOutcome,
        now: UtcMs,
    ) -> anyhow::Result<()> {
        let source: Option<String> = row.try_get("source")?;
        let outbox: Option<String> = row.try_get("source_outbox")?;
        let notice: Option<Vec<u8>> = row.try_get("notice_id")?;
        match (source, outbox, notice) {
            (Some(source), Some(outbox), Some(notice)) => {
                self.put_outcome(tx, &source, &outbox, id(&notice)?, outcome, now).await
            }
            _ => Ok(()),
        }
    }
}
