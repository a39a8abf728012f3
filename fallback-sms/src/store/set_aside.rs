//! Rows that cannot be read are set aside: they stop neither their own dialogue nor anybody else's.

use sqlx::Row as _;
use uuid::Uuid;

use super::{Store, Tx};
use crate::clock::UtcMs;
use crate::wire::{NoticeOutcome, Report, ReportKind};

/// Most rows that are kept aside; the oldest go.
const KEPT_MAX: i64 = 1_000;
/// What stands under the store's key.
const KNOWN_WORD: &str = "ondol text store";

impl Store {
    /// Makes sure that `key` is the one the store was written with.
    ///
    /// # Errors
    ///
    /// If it is another: the store is left as it is.
    pub(super) async fn check_key(&self) -> anyhow::Result<()> {
        let row = sqlx::query("SELECT sealed FROM key_check").fetch_optional(&self.pool).await?;
        if let Some(row) = row {
            let word: anyhow::Result<String> = self.key.open("key_check", row.try_get("sealed")?);
            let known = word.is_ok_and(|word| word == KNOWN_WORD);
            anyhow::ensure!(known, "key_file is not the one that the store was written with");
            return Ok(());
        }
        sqlx::query("INSERT INTO key_check (id, sealed) VALUES (1, ?)")
            .bind(self.key.seal("key_check", &KNOWN_WORD)?)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Marks a place in `tx` up to which [`Store::keep_or_undo`] undoes.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn mark(&self, tx: &mut Tx) -> sqlx::Result<()> {
        sqlx::query("SAVEPOINT part").execute(&mut **tx).await?;
        Ok(())
    }

    /// Keeps what was done since [`Store::mark`], or undoes it and hands the error back, so that the rest of `tx`
    /// can go on.
    ///
    /// # Errors
    ///
    /// If `done` failed because the store does: then all of `tx` is lost and tried again.
    pub async fn keep_or_undo<T>(
        &self,
        tx: &mut Tx,
        done: anyhow::Result<T>,
    ) -> anyhow::Result<Result<T, anyhow::Error>> {
        match done {
            Ok(done) => {
                sqlx::query("RELEASE part").execute(&mut **tx).await?;
                Ok(Ok(done))
            }
            Err(error) if is_of_the_store(&error) => Err(error),
            Err(error) => {
                sqlx::query("ROLLBACK TO part").execute(&mut **tx).await?;
                sqlx::query("RELEASE part").execute(&mut **tx).await?;
                Ok(Err(error))
            }
        }
    }

    /// Keeps a row of `table` that cannot be read, and lets an operator know, once an hour at most. The caller takes
    /// the row out of the way.
    ///
    /// # Errors
    ///
    /// If the store fails, which includes `error` being a failure of the store.
    pub(super) async fn set_aside(
        &self,
        tx: &mut Tx,
        table: &str,
        sealed: &[u8],
        error: anyhow::Error,
        now: UtcMs,
    ) -> anyhow::Result<()> {
        if is_of_the_store(&error) {
            return Err(error);
        }
        let reason = format!("{error:#}");
        tracing::error!(table, reason, "a row cannot be read and is set aside");
        sqlx::query("INSERT INTO set_aside (origin, sealed, reason, at) VALUES (?, ?, ?, ?)")
            .bind(table)
            .bind(sealed)
            .bind(reason)
            .bind(now.0)
            .execute(&mut **tx)
            .await?;
        sqlx::query("DELETE FROM set_aside WHERE id <= (SELECT max(id) FROM set_aside) - ?")
            .bind(KEPT_MAX)
            .execute(&mut **tx)
            .await?;
        self.report_trouble(tx, table, now).await
    }

    /// Lets an operator know that something of the text path's own is broken, once an hour at most for each `what`.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn report_trouble(&self, tx: &mut Tx, what: &str, now: UtcMs) -> anyhow::Result<()> {
        if !self.note_spent(tx, &format!("trouble:{what}"), now).await? {
            return Ok(());
        }
        let report = Report {
            report_id: Uuid::new_v4(),
            phone: String::new(),
            kind: ReportKind::SetAside,
            text: what.to_owned(),
            at: now,
        };
        self.put_report(tx, &report, None, now).await
    }

    /// Gives up a text of the outbox that cannot be read.
    pub(super) async fn fail_unreadable(
        &self,
        tx: &mut Tx,
        text: &[u8],
        sealed: &[u8],
        error: anyhow::Error,
        now: UtcMs,
    ) -> anyhow::Result<()> {
        self.set_aside(tx, "outbox", sealed, error, now).await?;
        let row = sqlx::query(
            "UPDATE outbox SET state = ? WHERE id = ? RETURNING source, source_outbox, notice_id",
        )
        .bind(super::outbox::FAILED)
        .bind(text)
        .fetch_one(&mut **tx)
        .await?;
        self.tell_outcome_of(tx, &row, NoticeOutcome::Failed, now).await
    }
}

/// True if the store itself failed: the same may succeed later. Else it is the row.
fn is_of_the_store(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<sqlx::Error>()).any(|cause| {
        !matches!(
            cause,
            sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_)
        )
    })
}
