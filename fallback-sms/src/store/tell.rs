//! What nodes are told: outcomes of their notices, and reports for operators.

use anyhow::Context as _;
use sqlx::Row as _;
use uuid::Uuid;

use super::{Store, Tx, blob, id};
use crate::clock::UtcMs;
use crate::wire::{AckRequest, NoticeOutcome, NoticeResult, Report};

impl Store {
    /// Returns up to which notice `source`'s outbox was read: the outbox's name and the number.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn cursor(&self, source: &str) -> anyhow::Result<(String, i64)> {
        let row = sqlx::query("SELECT outbox, after FROM cursor WHERE source = ?")
            .bind(source)
            .fetch_optional(&self.pool)
            .await?;
        match row {
            Some(row) => Ok((row.try_get("outbox")?, row.try_get("after")?)),
            None => Ok((String::new(), 0)),
        }
    }

    /// Moves the cursor, in the transaction that takes the notices.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn move_cursor(
        &self,
        tx: &mut Tx,
        source: &str,
        outbox: &str,
        after: i64,
    ) -> anyhow::Result<()> {
        sqlx::query("INSERT OR REPLACE INTO cursor (source, outbox, after) VALUES (?, ?, ?)")
            .bind(source)
            .bind(outbox)
            .bind(after)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Notes a notice. Returns false if it was noted before, from whichever node.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn note_notice(&self, tx: &mut Tx, notice: Uuid, now: UtcMs) -> anyhow::Result<bool> {
        let inserted =
            sqlx::query("INSERT INTO notice (id, taken_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING")
                .bind(blob(notice))
                .bind(now.0)
                .execute(&mut **tx)
                .await?;
        Ok(inserted.rows_affected() == 1)
    }

    /// Writes what became of a notice, to be told to its node.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn put_outcome(
        &self,
        tx: &mut Tx,
        source: &str,
        outbox: &str,
        notice: Uuid,
        outcome: NoticeOutcome,
        now: UtcMs,
    ) -> anyhow::Result<()> {
        sqlx::query(
            "INSERT INTO outcome (source, source_outbox, notice_id, outcome, at) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(source)
        .bind(outbox)
        .bind(blob(notice))
        .bind(serde_json::to_string(&outcome)?)
        .bind(now.0)
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    /// Returns up to `most` untold outcomes of one outbox of `source`, and the last row they end with.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn untold_outcomes(
        &self,
        source: &str,
        most: usize,
    ) -> anyhow::Result<Option<(AckRequest, i64)>> {
        let rows = sqlx::query(
            "SELECT id, source_outbox, notice_id, outcome, at FROM outcome WHERE source = ? ORDER BY id LIMIT ?",
        )
        .bind(source)
        .bind(i64::try_from(most)?)
        .fetch_all(&self.pool)
        .await?;
        let mut request: Option<(AckRequest, i64)> = None;
        for row in rows {
            let outbox: String = row.try_get("source_outbox")?;
            let (ack, last) = request
                .get_or_insert_with(|| (AckRequest { outbox: outbox.clone(), results: Vec::new() }, 0));
            if ack.outbox != outbox {
                break;
            }
            *last = row.try_get("id")?;
            let outcome: NoticeOutcome = serde_json::from_str(row.try_get("outcome")?)
                .context("the store holds an outcome that is none")?;
            ack.results.push(NoticeResult {
                id: id(row.try_get("notice_id")?)?,
                outcome,
                at: UtcMs(row.try_get("at")?),
            });
        }
        Ok(request)
    }

    /// Removes the outcomes of one outbox of `source` up to the row `last`.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn told_outcomes(&self, source: &str, outbox: &str, last: i64) -> anyhow::Result<()> {
        sqlx::query("DELETE FROM outcome WHERE source = ? AND source_outbox = ? AND id <= ?")
            .bind(source)
            .bind(outbox)
            .bind(last)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Writes a report for operators.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn put_report(&self, tx: &mut Tx, report: &Report, now: UtcMs) -> anyhow::Result<()> {
        sqlx::query("INSERT INTO report (id, sealed, made_at) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING")
            .bind(blob(report.report_id))
            .bind(self.key.seal("report", report)?)
            .bind(now.0)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Returns up to `most` reports that no node has taken.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn untold_reports(&self, most: u32) -> anyhow::Result<Vec<Report>> {
        let rows = sqlx::query("SELECT sealed FROM report ORDER BY made_at LIMIT ?")
            .bind(most)
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter().map(|row| self.key.open("report", row.try_get("sealed")?)).collect()
    }

    /// Removes a report that a node has taken.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn told_report(&self, report: Uuid) -> anyhow::Result<()> {
        sqlx::query("DELETE FROM report WHERE id = ?").bind(blob(report)).execute(&self.pool).await?;
        Ok(())
    }

    /// Notes that a budget is spent. Returns true if nobody was told within the last hour.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn note_spent(&self, tx: &mut Tx, budget: &str, now: UtcMs) -> anyhow::Result<bool> {
        const EVERY_MS: i64 = 3_600_000;
        let noted = sqlx::query(
            "INSERT INTO spent (budget, told_at) VALUES (?1, ?2)
             ON CONFLICT (budget) DO UPDATE SET told_at = ?2 WHERE told_at <= ?3",
        )
        .bind(budget)
        .bind(now.0)
        .bind(now.0.saturating_sub(EVERY_MS))
        .execute(&mut **tx)
        .await?;
        Ok(noted.rows_affected() == 1)
    }
}
