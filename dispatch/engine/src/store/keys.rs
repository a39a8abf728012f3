//! Subject keys: stored wrapped, given to peers with the entries whose text they open, erased for good.
//!
//! Tombstones are pulled by edges in the order in which they were made.

use std::collections::{BTreeMap, BTreeSet};

use ondol_core::ids::{NodeId, SubjectId};
use ondol_core::units::UtcMs;
use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::{KeyCursor, Store, StoreError, at, read, sql};
use crate::vault::SubjectKey;

/// A key that another node made for a person who is forgotten comes in erased.
const UPSERT_POSTGRES: &str = "INSERT INTO subject_key (subject, key_id, wrapped, created_at, erased_at, change_seq) \
     SELECT subject, key_id, CASE WHEN erased_at IS NULL THEN wrapped END, $2, erased_at, \
     (SELECT COALESCE(MAX(change_seq), 0) FROM subject_key) + n \
     FROM (SELECT n, subject, key_id, wrapped, COALESCE(erased_at, (SELECT $2::bigint FROM subject_key s \
     WHERE s.subject = k.subject AND s.erased_at IS NOT NULL LIMIT 1)) AS erased_at \
     FROM json_to_recordset($1::json) AS k(n bigint, subject text, key_id text, wrapped text, erased_at bigint)) AS new \
     ON CONFLICT (subject, key_id) DO UPDATE SET wrapped = NULL, erased_at = excluded.erased_at, \
     change_seq = excluded.change_seq WHERE excluded.erased_at IS NOT NULL AND subject_key.erased_at IS NULL";
const UPSERT_SQLITE: &str = "INSERT INTO subject_key (subject, key_id, wrapped, created_at, erased_at, change_seq) \
     SELECT subject, key_id, CASE WHEN erased_at IS NULL THEN wrapped END, $2, erased_at, \
     (SELECT COALESCE(MAX(change_seq), 0) FROM subject_key) + n \
     FROM (SELECT value->>'n' AS n, value->>'subject' AS subject, value->>'key_id' AS key_id, \
     value->>'wrapped' AS wrapped, COALESCE(value->>'erased_at', (SELECT $2 FROM subject_key s \
     WHERE s.subject = value->>'subject' AND s.erased_at IS NOT NULL LIMIT 1)) AS erased_at \
     FROM json_each($1)) WHERE true \
     ON CONFLICT (subject, key_id) DO UPDATE SET wrapped = NULL, erased_at = excluded.erased_at, \
     change_seq = excluded.change_seq WHERE excluded.erased_at IS NOT NULL AND subject_key.erased_at IS NULL";
/// Who is forgotten by one key is forgotten by all.
const SPREAD_POSTGRES: &str = "UPDATE subject_key SET wrapped = NULL, erased_at = $2 WHERE wrapped IS NOT NULL \
     AND subject IN (SELECT json_array_elements_text($1::json))";
const SPREAD_SQLITE: &str = "UPDATE subject_key SET wrapped = NULL, erased_at = $2 WHERE wrapped IS NOT NULL \
     AND subject IN (SELECT value FROM json_each($1))";

const OF_POSTGRES: &str = "SELECT subject, key_id, wrapped, erased_at FROM subject_key WHERE wrapped IS NOT NULL \
     AND subject IN (SELECT json_array_elements_text($1::json)) ORDER BY subject, key_id";
const OF_SQLITE: &str = "SELECT subject, key_id, wrapped, erased_at FROM subject_key WHERE wrapped IS NOT NULL \
     AND subject IN (SELECT value FROM json_each($1)) ORDER BY subject, key_id";

impl Store {
    /// Tombstones that were made here after `after`, in that order, with the number of the last one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub async fn tombstones_after(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<SubjectKey>, u64), StoreError> {
        let rows = sqlx::query(
            "SELECT subject, key_id, wrapped, erased_at, change_seq FROM subject_key \
             WHERE change_seq > $1 AND erased_at IS NOT NULL ORDER BY change_seq LIMIT $2",
        )
        .bind(sql(after))
        .bind(sql(limit as u64))
        .fetch_all(&self.inner.reader)
        .await?;
        let last = rows.last().map_or(Ok(after), |row| read::number(row, "change_seq"))?;
        Ok((rows.iter().map(key_of).collect::<Result<_, _>>()?, last))
    }

    /// Everything that changed after `after`, for tests.
    #[cfg(test)]
    pub(crate) async fn keys_after(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<SubjectKey>, u64), StoreError> {
        let rows = sqlx::query(
            "SELECT subject, key_id, wrapped, erased_at, change_seq FROM subject_key WHERE change_seq > $1 \
             ORDER BY change_seq LIMIT $2",
        )
        .bind(sql(after))
        .bind(sql(limit as u64))
        .fetch_all(&self.inner.reader)
        .await?;
        let last = rows.last().map_or(Ok(after), |row| read::number(row, "change_seq"))?;
        Ok((rows.iter().map(key_of).collect::<Result<_, _>>()?, last))
    }

    /// The keys of `subjects` that are not erased.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub async fn keys_of(&self, subjects: &BTreeSet<SubjectId>) -> Result<Vec<SubjectKey>, StoreError> {
        if subjects.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query(self.inner.dialect.pick(OF_POSTGRES, OF_SQLITE))
            .bind(json!(subjects).to_string())
            .fetch_all(&self.inner.reader)
            .await?;
        rows.iter().map(key_of).collect()
    }

    /// How far the tombstones of `peer` have been pulled.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub async fn key_cursor(&self, peer: &NodeId) -> Result<KeyCursor, StoreError> {
        let row = sqlx::query("SELECT incarnation, seq FROM peer_cursor WHERE peer = $1")
            .bind(peer.as_str())
            .fetch_optional(&self.inner.reader)
            .await?;
        row.map_or(Ok(KeyCursor::default()), |row| {
            Ok(KeyCursor { incarnation: read::number(&row, "incarnation")?, seq: read::number(&row, "seq")? })
        })
    }

    pub(super) async fn all_keys(&self) -> Result<Vec<SubjectKey>, StoreError> {
        let rows = sqlx::query("SELECT subject, key_id, wrapped, erased_at FROM subject_key")
            .fetch_all(&self.inner.reader)
            .await?;
        rows.iter().map(key_of).collect()
    }

    pub(super) async fn insert_keys(
        &self,
        transaction: &mut Transaction<'_, Any>,
        keys: &[SubjectKey],
        now: UtcMs,
    ) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        // One statement may change a row once: a key that is made and erased in one batch is erased.
        let mut latest: BTreeMap<(String, &str), &SubjectKey> = BTreeMap::new();
        for key in keys {
            let place = latest.entry((key.subject.to_string(), &key.key_id)).or_insert(key);
            if key.erased_at.is_some() {
                *place = key;
            }
        }
        let rows: Vec<_> = latest
            .values()
            .zip(1_u64..)
            .map(|(key, n)| {
                json!({ "n": n, "subject": key.subject, "key_id": key.key_id, "wrapped": key.wrapped,
                        "erased_at": key.erased_at })
            })
            .collect();
        sqlx::query(self.inner.dialect.pick(UPSERT_POSTGRES, UPSERT_SQLITE))
            .bind(json!(rows).to_string())
            .bind(at(now))
            .execute(&mut **transaction)
            .await?;
        let forgotten: Vec<_> =
            latest.values().filter(|key| key.erased_at.is_some()).map(|key| key.subject).collect();
        if forgotten.is_empty() {
            return Ok(());
        }
        sqlx::query(self.inner.dialect.pick(SPREAD_POSTGRES, SPREAD_SQLITE))
            .bind(json!(forgotten).to_string())
            .bind(at(now))
            .execute(&mut **transaction)
            .await?;
        Ok(())
    }

    pub(super) async fn move_key_cursors(
        &self,
        transaction: &mut Transaction<'_, Any>,
        cursors: &[(NodeId, KeyCursor)],
    ) -> Result<(), StoreError> {
        for (peer, cursor) in cursors {
            sqlx::query(
                "INSERT INTO peer_cursor (peer, incarnation, seq) VALUES ($1, $2, $3) ON CONFLICT (peer) \
                 DO UPDATE SET incarnation = excluded.incarnation, seq = excluded.seq \
                 WHERE peer_cursor.incarnation <> excluded.incarnation OR peer_cursor.seq < excluded.seq",
            )
            .bind(peer.as_str())
            .bind(i64::from(cursor.incarnation))
            .bind(sql(cursor.seq))
            .execute(&mut **transaction)
            .await?;
        }
        Ok(())
    }
}

fn key_of(row: &AnyRow) -> Result<SubjectKey, StoreError> {
    let erased_at: Option<i64> = row.try_get("erased_at")?;
    Ok(SubjectKey {
        subject: read::text(row, "subject")?,
        key_id: row.try_get("key_id")?,
        wrapped: row.try_get("wrapped")?,
        erased_at: erased_at.map(UtcMs),
    })
}
