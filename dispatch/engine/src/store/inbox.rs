//! Answers already given: a request that is sent twice is done once and answered the same.

use ondol_core::units::UtcMs;
use sqlx::Row as _;

use super::{Store, StoreError, at};

/// Longest answer that is remembered, in bytes.
pub const ANSWER_MAX: usize = 64 * 1024;

/// What is known of a request key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remembered {
    /// It is new.
    New,
    /// The same request was answered so.
    Answered(String),
    /// The key was used for another request.
    OtherRequest,
}

impl Store {
    /// Looks up the answer to the request `key` of `scope` (a door and a caller) with the body's `digest`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub async fn recall(
        &self,
        scope: &str,
        key: &str,
        digest: &str,
        now: UtcMs,
    ) -> Result<Remembered, StoreError> {
        let row =
            sqlx::query("SELECT digest, answer FROM inbox WHERE scope = $1 AND key = $2 AND expires_at > $3")
                .bind(scope)
                .bind(key)
                .bind(at(now))
                .fetch_optional(&self.inner.reader)
                .await?;
        let Some(row) = row else { return Ok(Remembered::New) };
        let stored: String = row.try_get("digest")?;
        if stored == digest {
            Ok(Remembered::Answered(row.try_get("answer")?))
        } else {
            Ok(Remembered::OtherRequest)
        }
    }

    /// Remembers an answer until `expires_at`. The first answer to a key stands until then; answers longer than
    /// [`ANSWER_MAX`] are not remembered.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store does not write.
    pub async fn remember(
        &self,
        scope: &str,
        key: &str,
        digest: &str,
        answer: &str,
        now: UtcMs,
        expires_at: UtcMs,
    ) -> Result<(), StoreError> {
        if answer.len() > ANSWER_MAX {
            return Ok(());
        }
        sqlx::query("DELETE FROM inbox WHERE expires_at <= $1")
            .bind(at(now))
            .execute(&self.inner.writer)
            .await?;
        sqlx::query(
            "INSERT INTO inbox (scope, key, digest, answer, expires_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (scope, key) DO NOTHING",
        )
        .bind(scope)
        .bind(key)
        .bind(digest)
        .bind(answer)
        .bind(at(expires_at))
        .execute(&self.inner.writer)
        .await?;
        Ok(())
    }
}
