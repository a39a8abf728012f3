//! What operators must hear of people who write texts: kept until a person has taken care of it.
//!
//! Each node keeps what it was told; nothing of it is replicated. A report about danger is told to every node that
//! can be reached, so that whoever sits at a console sees it, and "taken care of" is said at each.

use ondol_core::units::UtcMs;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use uuid::Uuid;

use super::{Store, StoreError, at, read, sql};
use crate::vault::{E164, SealError, Vault};

/// Where the rows stand; sealed with them.
const TABLE: &str = "text_report";
/// Most reports shown at once.
pub const REPORTS_MAX: usize = 100;
/// Most reports kept; beyond it go first those taken care of, then what is not urgent, then the oldest.
pub const REPORTS_KEPT_MAX: usize = 1_000;
/// What was taken care of, and what nobody took care of, is kept this long: it names people.
const KEPT_MS: i64 = 7 * 24 * 3_600_000;

/// A report of the text process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextReport {
    /// Its id; the same report is kept once.
    pub id: Uuid,
    /// What happened, a stable name.
    pub kind: String,
    /// True if somebody may be in danger or stuck: shown first, dropped last.
    pub urgent: bool,
    /// [`ReportWords`], sealed.
    pub sealed: String,
    /// When it happened.
    pub at: UtcMs,
}

/// What of a report names a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportWords {
    /// The number it is about; none if it is about the text path itself.
    pub phone: Option<E164>,
    /// The person's words, or what is broken; hostile text, shown only as text.
    pub text: String,
}

impl ReportWords {
    /// Seals the words for [`TextReport::sealed`].
    ///
    /// # Errors
    ///
    /// [`SealError`] if they are too long.
    pub fn seal(&self, vault: &Vault) -> Result<String, SealError> {
        vault.seal_row(TABLE, self)
    }
}

impl TextReport {
    /// Opens the words; `None` if this node's master key is not the one they were sealed with.
    #[must_use]
    pub fn words(&self, vault: &Vault) -> Option<ReportWords> {
        vault.open_row(TABLE, &self.sealed)
    }
}

impl Store {
    /// Keeps a report, once, and drops what is over the bound or older than a week.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it is not durable: the text process tells it again.
    pub async fn keep_report(&self, report: &TextReport, now: UtcMs) -> Result<(), StoreError> {
        let mut transaction = self.inner.writer.begin().await?;
        sqlx::query(
            "INSERT INTO text_report (id, kind, urgent, sealed, at, heard_at) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(report.id.to_string())
        .bind(&report.kind)
        .bind(i64::from(report.urgent))
        .bind(&report.sealed)
        .bind(at(report.at))
        .bind(at(now))
        .execute(&mut *transaction)
        .await?;
        sqlx::query("DELETE FROM text_report WHERE heard_at < $1")
            .bind(at(now) - KEPT_MS)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "DELETE FROM text_report WHERE id NOT IN (SELECT id FROM text_report \
             ORDER BY CASE WHEN cared_at IS NULL THEN 0 ELSE 1 END, urgent DESC, heard_at DESC, id LIMIT $1)",
        )
        .bind(sql(REPORTS_KEPT_MAX as u64))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The reports that nobody has taken care of, urgent ones first, then the newest.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub async fn open_reports(&self) -> Result<Vec<TextReport>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, kind, urgent, sealed, at FROM text_report WHERE cared_at IS NULL \
             ORDER BY urgent DESC, heard_at DESC, id LIMIT $1",
        )
        .bind(sql(REPORTS_MAX as u64))
        .fetch_all(&self.inner.reader)
        .await?;
        rows.iter().map(report_of).collect()
    }

    /// A report that nobody has taken care of.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub async fn open_report(&self, id: Uuid) -> Result<Option<TextReport>, StoreError> {
        let row = sqlx::query(
            "SELECT id, kind, urgent, sealed, at FROM text_report WHERE id = $1 AND cared_at IS NULL",
        )
        .bind(id.to_string())
        .fetch_optional(&self.inner.reader)
        .await?;
        row.as_ref().map(report_of).transpose()
    }

    /// Notes who took care of a report. False if somebody had before, or there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it is not durable.
    pub async fn care_for_report(&self, id: Uuid, by: &str, now: UtcMs) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE text_report SET cared_at = $1, cared_by = $2 WHERE id = $3 AND cared_at IS NULL",
        )
        .bind(at(now))
        .bind(by)
        .bind(id.to_string())
        .execute(&self.inner.writer)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}

fn report_of(row: &sqlx::any::AnyRow) -> Result<TextReport, StoreError> {
    Ok(TextReport {
        id: read::text(row, "id")?,
        kind: read::text(row, "kind")?,
        urgent: row.try_get::<i64, _>("urgent")? == 1,
        sealed: read::text(row, "sealed")?,
        at: UtcMs(row.try_get("at")?),
    })
}
