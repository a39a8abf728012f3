//! Who serves the store, and whether the end of its past was lost.

use ondol_core::units::UtcMs;
use sqlx::Row as _;

use super::{Store, StoreError, at};

impl Store {
    /// When the store was last written to by the node that serves it; `None` if that node has stopped, or never was.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub async fn served_at(&self) -> Result<Option<UtcMs>, StoreError> {
        let row = sqlx::query("SELECT at FROM alive WHERE id = 1 AND at > 0")
            .fetch_optional(&self.inner.reader)
            .await?;
        Ok(row.map(|row| row.try_get("at")).transpose()?.map(UtcMs))
    }

    /// [`Self::served_at`] of the store at `url`, which may not exist yet; nothing is made and nothing is changed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store exists and cannot be read.
    pub async fn last_served(url: &str) -> Result<Option<UtcMs>, StoreError> {
        let read = async { Self::open_to_read(url).await?.served_at().await };
        match read.await {
            Err(error) if error.is_of_no_store() => Ok(None),
            read => read,
        }
    }

    /// Says that this life has ended in order, so that nobody waits for it to go silent.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store does not write.
    pub async fn rest(&self) -> Result<(), StoreError> {
        sqlx::query("UPDATE alive SET at = 0 WHERE id = 1 AND incarnation = $1")
            .bind(i64::from(self.life()))
            .execute(&self.inner.writer)
            .await?;
        Ok(())
    }

    /// Until `until`, edges may give this node back what it wrote in earlier lives and its store has lost.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store does not write.
    pub async fn take_back_until(&self, until: UtcMs) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO take_back (id, until) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET until = excluded.until",
        )
        .bind(at(until))
        .execute(&self.inner.writer)
        .await?;
        Ok(())
    }

    /// True if [`Self::take_back_until`] is in force.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub async fn takes_back(&self, now: UtcMs) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT until FROM take_back WHERE id = 1 AND until > $1")
            .bind(at(now))
            .fetch_optional(&self.inner.reader)
            .await?;
        Ok(row.is_some())
    }
}
