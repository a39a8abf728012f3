//! Notices for the text process: durable with the entries that cause them, until it says that it has them.

use std::sync::PoisonError;

use ondol_core::command::Notice;
use ondol_core::ids::NodeId;
use ondol_core::units::UtcMs;
use serde_json::json;
use sqlx::{Any, Row as _, Transaction};

use super::{Store, StoreError, at, read, sql};

/// Most notices read or acknowledged at once.
pub const NOTICES_MAX: usize = 500;
/// Acknowledged notices are kept this long, for whoever asks what was sent.
const KEPT_MS: u64 = 7 * 24 * 3_600_000;

/// A notice with its place in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxNotice {
    /// Its number; only rises, also when the outbox was emptied.
    pub seq: u64,
    /// The notice.
    pub notice: Notice,
}

const INSERT_POSTGRES: &str = "INSERT INTO outbox (seq, id, urgent, expires_at, body, created_at) \
     SELECT $3 + n, id, urgent, expires_at, body, $2 \
     FROM json_to_recordset($1::json) AS o(n bigint, id text, urgent bigint, expires_at bigint, body text) \
     ON CONFLICT (id) DO NOTHING";
const INSERT_SQLITE: &str = "INSERT INTO outbox (seq, id, urgent, expires_at, body, created_at) \
     SELECT $3 + (value->>'n'), value->>'id', value->>'urgent', \
     value->>'expires_at', value->>'body', $2 FROM json_each($1) WHERE true ON CONFLICT (id) DO NOTHING";
const ACK_POSTGRES: &str = "UPDATE outbox SET acked_at = $2 WHERE acked_at IS NULL \
     AND id IN (SELECT json_array_elements_text($1::json))";
const ACK_SQLITE: &str =
    "UPDATE outbox SET acked_at = $2 WHERE acked_at IS NULL AND id IN (SELECT value FROM json_each($1))";

impl Store {
    /// Name of the outbox: the node's and the number of its life. A reader that knows it under another name begins
    /// at its start, because a store that was restored or made anew may have given the same numbers to other notices.
    #[must_use]
    pub fn outbox_name(&self, node: &NodeId) -> String {
        format!("{node}/{}", self.inner.life.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notices after `after` that nobody has acknowledged and that still matter at `now`, oldest first. One that
    /// cannot be read is left out for good, with an error in the log.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub async fn notices_after(
        &self,
        after: u64,
        limit: usize,
        now: UtcMs,
    ) -> Result<Vec<OutboxNotice>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, body FROM outbox WHERE acked_at IS NULL AND seq > $1 AND expires_at > $2 ORDER BY seq LIMIT $3",
        )
        .bind(sql(after))
        .bind(at(now))
        .bind(sql(limit.min(NOTICES_MAX) as u64))
        .fetch_all(&self.inner.reader)
        .await?;
        let mut notices = Vec::with_capacity(rows.len());
        for row in &rows {
            let (seq, body): (u64, String) = (read::number(row, "seq")?, row.try_get("body")?);
            match serde_json::from_str(&body) {
                Ok(notice) => notices.push(OutboxNotice { seq, notice }),
                Err(error) => {
                    // Of another release: it must not keep back what was written after it.
                    tracing::error!(seq, %error, "a notice cannot be read and is left out");
                    sqlx::query("UPDATE outbox SET acked_at = $1 WHERE seq = $2")
                        .bind(at(now))
                        .bind(sql(seq))
                        .execute(&self.inner.writer)
                        .await?;
                }
            }
        }
        Ok(notices)
    }

    /// Notes that the text process has these notices; unknown ids and repeats are harmless.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store does not write.
    pub async fn ack_notices(&self, ids: &[String], now: UtcMs) -> Result<(), StoreError> {
        let ids = &ids[..ids.len().min(NOTICES_MAX)];
        sqlx::query(self.inner.dialect.pick(ACK_POSTGRES, ACK_SQLITE))
            .bind(json!(ids).to_string())
            .bind(at(now))
            .execute(&self.inner.writer)
            .await?;
        Ok(())
    }

    /// Drops notices that were acknowledged, or ceased to matter, long ago.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store does not write.
    pub async fn tidy_outbox(&self, now: UtcMs) -> Result<(), StoreError> {
        let before = now.0 - i64::try_from(KEPT_MS).expect("a week fits");
        sqlx::query("DELETE FROM outbox WHERE (acked_at IS NOT NULL AND acked_at < $1) OR expires_at < $1")
            .bind(before)
            .execute(&self.inner.writer)
            .await?;
        Ok(())
    }

    pub(super) async fn insert_notices(
        &self,
        transaction: &mut Transaction<'_, Any>,
        notices: &[Notice],
        now: UtcMs,
    ) -> Result<(), StoreError> {
        if notices.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = notices
            .iter()
            .zip(1_u64..)
            .map(|(notice, n)| {
                let body = serde_json::to_string(notice).expect("notices are plain JSON");
                json!({ "n": n, "id": notice.id, "urgent": i64::from(notice.urgent),
                        "expires_at": notice.expires_at, "body": body })
            })
            .collect();
        let last = sqlx::query("UPDATE outbox_last SET seq = seq + $1 WHERE id = 1 RETURNING seq")
            .bind(sql(notices.len() as u64))
            .fetch_one(&mut **transaction)
            .await?;
        let last: i64 = last.try_get("seq")?;
        sqlx::query(self.inner.dialect.pick(INSERT_POSTGRES, INSERT_SQLITE))
            .bind(json!(rows).to_string())
            .bind(at(now))
            .bind(last - sql(notices.len() as u64))
            .execute(&mut **transaction)
            .await?;
        Ok(())
    }
}
