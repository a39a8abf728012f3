//! What nodes are told: outcomes of their notices, and reports for operators.

use std::collections::BTreeSet;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::{Store, Tx, blob, id};
use crate::clock::UtcMs;
use crate::wire::{AckRequest, NoticeOutcome, NoticeResult, Report};

/// A report that is still to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// The report.
    pub report: Report,
    /// The node that knows the person.
    pub home: Option<String>,
    /// Nodes that have it.
    pub told: BTreeSet<String>,
}

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
            let Some(result) = result_of(&row) else {
                // Written by another version: nobody can be told of it.
                tracing::error!(source, "an outcome cannot be read and is dropped");
                sqlx::query("DELETE FROM outcome WHERE id = ?")
                    .bind(row.try_get::<i64, _>("id")?)
                    .execute(&self.pool)
                    .await?;
                continue;
            };
            let outbox: String = row.try_get("source_outbox")?;
            let (ack, last) = request
                .get_or_insert_with(|| (AckRequest { outbox: outbox.clone(), results: Vec::new() }, 0));
            if ack.outbox != outbox {
                break;
            }
            *last = row.try_get("id")?;
            ack.results.push(result);
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

    /// Writes a report for operators; `home` is the node that knows the person.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn put_report(
        &self,
        tx: &mut Tx,
        report: &Report,
        home: Option<&str>,
        now: UtcMs,
    ) -> anyhow::Result<()> {
        sqlx::query(
            "INSERT INTO report (id, sealed, made_at, home) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        )
        .bind(blob(report.report_id))
        .bind(self.key.seal("report", report)?)
        .bind(now.0)
        .bind(home)
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    /// Returns up to `most` reports that are still to be told: first those that no node has, the oldest first.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn untold_reports(&self, most: u32, now: UtcMs) -> anyhow::Result<Vec<Untold>> {
        let rows = sqlx::query(
            "SELECT id, sealed, home,
                    (SELECT group_concat(source, ' ') FROM report_told WHERE report = report.id) AS told
             FROM report ORDER BY (SELECT count(*) FROM report_told WHERE report = report.id), made_at LIMIT ?",
        )
        .bind(most)
        .fetch_all(&self.pool)
        .await?;
        let mut untold = Vec::with_capacity(rows.len());
        for row in rows {
            let sealed: &[u8] = row.try_get("sealed")?;
            match self.key.open::<Report>("report", sealed) {
                Ok(report) => {
                    let told: Option<String> = row.try_get("told")?;
                    let told = told.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
                    untold.push(Untold { report, home: row.try_get("home")?, told });
                }
                Err(error) => {
                    let mut tx = self.begin().await?;
                    self.set_aside(&mut tx, "report", sealed, error, now).await?;
                    sqlx::query("DELETE FROM report WHERE id = ?")
                        .bind(row.try_get::<&[u8], _>("id")?)
                        .execute(&mut *tx)
                        .await?;
                    tx.commit().await?;
                }
            }
        }
        Ok(untold)
    }

    /// Notes that `source` has a report.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn told_report(&self, report: Uuid, source: &str) -> anyhow::Result<()> {
        sqlx::query("INSERT INTO report_told (report, source) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(blob(report))
            .bind(source)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Removes a report that all who must have it have.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn end_report(&self, report: Uuid) -> anyhow::Result<()> {
        let mut tx = self.begin().await?;
        for statement in ["DELETE FROM report WHERE id = ?", "DELETE FROM report_told WHERE report = ?"] {
            sqlx::query(statement).bind(blob(report)).execute(&mut *tx).await?;
        }
        tx.commit().await?;
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

/// A row of outcomes as it is told; `None` if it cannot be read.
fn result_of(row: &SqliteRow) -> Option<NoticeResult> {
    Some(NoticeResult {
        id: id(row.try_get("notice_id").ok()?).ok()?,
        outcome: serde_json::from_str::<NoticeOutcome>(row.try_get("outcome").ok()?).ok()?,
        at: UtcMs(row.try_get("at").ok()?),
    })
}
