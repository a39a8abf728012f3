//! One transaction per batch.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use ondol_core::ids::{DistrictId, NodeId, ZoneId};
use ondol_core::journal::{Entry, Hash, Head, Lane, Series};
use ondol_core::units::UtcMs;
use serde::Serialize;
use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::{Batch, Dialect, Store, StoreError, at, read};

/// Everything that a batch of entries needs, in one statement: each would else wait for PostgreSQL by itself. All parts see
/// the tables as they were before it. Heads are moved whatever is found: with an answer that says no nothing is committed.
const ENTER_POSTGRES: &str = "WITH fence AS (UPDATE alive SET at = $1 WHERE id = 1 AND incarnation = $2 RETURNING 1), \
     head AS (SELECT * FROM json_to_recordset($3::json) AS h(n bigint, origin text, incarnation bigint, district text, \
     lane text, seq bigint, hash text, prev_seq bigint, prev_hash text)), \
     receded AS (SELECT n, COALESCE(s.seq, 0) AS stored \
     FROM head AS h LEFT JOIN series_head s USING (origin, incarnation, district, lane) \
     WHERE NOT ((COALESCE(s.seq, 0) = h.prev_seq AND COALESCE(s.hash, h.prev_hash) = h.prev_hash) \
     OR (COALESCE(s.seq, 0) = h.seq AND COALESCE(s.hash, '') = h.hash)) LIMIT 1), \
     moved AS (INSERT INTO series_head (origin, incarnation, district, lane, seq, hash) \
     SELECT origin, incarnation, district, lane, seq, hash FROM head \
     ON CONFLICT ON CONSTRAINT series_head_pk DO UPDATE SET seq = excluded.seq, hash = excluded.hash \
     WHERE excluded.seq > series_head.seq), \
     entered AS (INSERT INTO journal (origin, incarnation, district, lane, seq, zone_id, hlc_wall_ms, \
     hlc_logical, kind, schema_version, key, payload, prev_hash, hash) \
     SELECT origin, incarnation, district, lane, seq, zone_id, hlc_wall_ms, hlc_logical, kind, schema_version, key, \
     payload, prev_hash, hash FROM json_to_recordset($4::json) AS e(origin text, incarnation bigint, district text, \
     lane text, seq bigint, zone_id text, hlc_wall_ms bigint, hlc_logical bigint, kind text, schema_version bigint, \
     key text, payload text, prev_hash text, hash text) ON CONFLICT DO NOTHING RETURNING 1) \
     SELECT (SELECT COUNT(*) FROM fence) AS fenced, (SELECT n FROM receded) AS n, \
     (SELECT stored FROM receded) AS stored, (SELECT COUNT(*) FROM entered) AS entered";

const FENCE: &str = "UPDATE alive SET at = $1 WHERE id = 1 AND incarnation = $2";
/// Series whose stored head is neither what the batch continues nor, as after a repeated commit, what it ends with.
const RECEDED_SQLITE: &str = "SELECT value->>'n' AS n, COALESCE(s.seq, 0) AS stored FROM json_each($1) \
     LEFT JOIN series_head s ON s.origin = value->>'origin' AND s.incarnation = value->>'incarnation' \
     AND s.district = value->>'district' AND s.lane = value->>'lane' \
     WHERE NOT ((COALESCE(s.seq, 0) = value->>'prev_seq' \
     AND COALESCE(s.hash, value->>'prev_hash') = value->>'prev_hash') \
     OR (COALESCE(s.seq, 0) = value->>'seq' AND COALESCE(s.hash, '') = value->>'hash')) LIMIT 1";
const HEADS_SQLITE: &str = "INSERT INTO series_head (origin, incarnation, district, lane, seq, hash) \
     SELECT value->>'origin', value->>'incarnation', value->>'district', value->>'lane', value->>'seq', \
     value->>'hash' FROM json_each($1) WHERE true \
     ON CONFLICT (origin, incarnation, district, lane) DO UPDATE SET seq = excluded.seq, hash = excluded.hash \
     WHERE excluded.seq > series_head.seq";
const INSERT_SQLITE: &str = "INSERT INTO journal (origin, incarnation, district, lane, seq, zone_id, hlc_wall_ms, \
     hlc_logical, kind, schema_version, key, payload, prev_hash, hash) \
     SELECT value->>'origin', value->>'incarnation', value->>'district', value->>'lane', value->>'seq', \
     value->>'zone_id', value->>'hlc_wall_ms', value->>'hlc_logical', value->>'kind', value->>'schema_version', \
     value->>'key', value->>'payload', value->>'prev_hash', value->>'hash' FROM json_each($1) WHERE true \
     ON CONFLICT DO NOTHING";

/// Where a series stood before a batch, and where it stands after it.
struct Step {
    before: Head,
    after: Head,
}

impl Store {
    /// Makes `batch` durable, all or nothing; an empty one only proves that the store still writes.
    ///
    /// Committing a batch again is harmless: entries that are stored with the same hash stay as they are.
    ///
    /// # Errors
    ///
    /// [`StoreError::Transient`] if it may or may not have happened; [`StoreError::Fork`], [`StoreError::Gap`],
    /// [`StoreError::Receded`] and [`StoreError::Superseded`] if it must not happen, and then nothing has.
    pub async fn commit(&self, batch: &Batch, now: UtcMs) -> Result<(), StoreError> {
        let steps = self.continued(&batch.entries)?;
        let mut transaction = self.inner.committer.begin().await?;
        let is_known = if batch.entries.is_empty() {
            self.fence(&mut transaction, now).await?;
            false
        } else {
            self.enter(&mut transaction, &batch.entries, &steps, now).await?
        };
        if is_known {
            for entry in &batch.entries {
                same_as_stored(&mut transaction, entry).await?;
            }
        }
        self.insert_notices(&mut transaction, &batch.notices, now).await?;
        self.insert_keys(&mut transaction, &batch.keys, now).await?;
        self.move_key_cursors(&mut transaction, &batch.key_cursors).await?;
        self.write_rows(&mut transaction, &batch.rows).await?;
        transaction.commit().await?;
        let mut heads = self.inner.heads.write().unwrap_or_else(PoisonError::into_inner);
        heads.0.extend(steps.into_iter().map(|(series, step)| (series, step.after)));
        Ok(())
    }

    /// Checks that every series goes on where the store ends, and returns the new heads. Entries at or below the
    /// stored head are a repeated commit; their hashes are compared in the transaction.
    fn continued(&self, entries: &[Entry]) -> Result<BTreeMap<Series, Step>, StoreError> {
        let stored = self.inner.heads.read().unwrap_or_else(PoisonError::into_inner);
        let mut steps: BTreeMap<Series, Step> = BTreeMap::new();
        for entry in entries {
            let before = stored.of(&entry.series);
            let head = steps.get(&entry.series).map_or(before, |step| step.after);
            if entry.seq > head.seq + 1 {
                let series = entry.series.clone();
                return Err(StoreError::Gap { series, stored: head.seq, next: entry.seq });
            }
            if entry.seq == head.seq + 1 {
                if entry.prev_hash != head.hash {
                    return Err(StoreError::Fork { series: entry.series.clone(), seq: entry.seq });
                }
                steps.insert(entry.series.clone(), Step { before, after: entry.as_head() });
            }
        }
        Ok(steps)
    }

    /// Takes the writer's row, if it is still this life's.
    async fn fence(&self, transaction: &mut Transaction<'_, Any>, now: UtcMs) -> Result<(), StoreError> {
        let done =
            sqlx::query(FENCE).bind(at(now)).bind(i64::from(self.life())).execute(&mut **transaction).await?;
        if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Superseded) }
    }

    /// Takes the writer's row, moves the heads and writes the entries. True if some of these are stored already.
    ///
    /// Each stored head must be where this process left it: a database that has lost its end, and forgot what it
    /// acknowledged, must not get a hole.
    async fn enter(
        &self,
        transaction: &mut Transaction<'_, Any>,
        entries: &[Entry],
        steps: &BTreeMap<Series, Step>,
        now: UtcMs,
    ) -> Result<bool, StoreError> {
        let rows: Vec<_> = entries.iter().map(EntryRow::of).collect();
        let rows = serde_json::to_string(&rows).expect("entries are plain JSON");
        let heads: Vec<_> = steps.iter().zip(0_u64..).map(|((series, step), n)| {
            json!({ "n": n, "origin": series.origin, "incarnation": series.incarnation, "district": series.district,
                    "lane": series.lane, "seq": step.after.seq, "hash": step.after.hash,
                    "prev_seq": step.before.seq, "prev_hash": step.before.hash })
        }).collect();
        let heads = json!(heads).to_string();
        let entered: u64 = match self.inner.dialect {
            Dialect::Postgres => {
                let row = sqlx::query(ENTER_POSTGRES)
                    .bind(at(now))
                    .bind(i64::from(self.life()))
                    .bind(heads)
                    .bind(rows)
                    .fetch_one(&mut **transaction)
                    .await?;
                if row.try_get::<i64, _>("fenced")? != 1 {
                    return Err(StoreError::Superseded);
                }
                if row.try_get::<Option<i64>, _>("n")?.is_some() {
                    return Err(receded(&row, steps)?);
                }
                read::number(&row, "entered")?
            }
            Dialect::Sqlite => {
                self.fence(transaction, now).await?;
                let lost =
                    sqlx::query(RECEDED_SQLITE).bind(&heads).fetch_optional(&mut **transaction).await?;
                if let Some(row) = lost {
                    return Err(receded(&row, steps)?);
                }
                sqlx::query(HEADS_SQLITE).bind(heads).execute(&mut **transaction).await?;
                sqlx::query(INSERT_SQLITE).bind(rows).execute(&mut **transaction).await?.rows_affected()
            }
        };
        Ok(entered != entries.len() as u64)
    }
}

/// What the database has lost of a series, by the row that names it.
fn receded(row: &AnyRow, steps: &BTreeMap<Series, Step>) -> Result<StoreError, StoreError> {
    let (n, stored): (usize, u64) = (read::number(row, "n")?, read::number(row, "stored")?);
    let found = steps.iter().nth(n).map(|(series, step)| (series.clone(), step.before.seq));
    let (series, acknowledged) =
        found.ok_or_else(|| read::meaningless("a series", "its number is out of range"))?;
    Ok(StoreError::Receded { series, acknowledged, stored })
}

/// One row as JSON; the payload stays the exact text, as a JSON string.
#[derive(Serialize)]
struct EntryRow<'a> {
    origin: &'a NodeId,
    incarnation: u32,
    district: &'a DistrictId,
    lane: Lane,
    seq: u64,
    zone_id: &'a ZoneId,
    hlc_wall_ms: i64,
    hlc_logical: u32,
    kind: &'a str,
    schema_version: u16,
    key: &'a str,
    payload: &'a str,
    prev_hash: Hash,
    hash: Hash,
}

impl<'a> EntryRow<'a> {
    fn of(entry: &'a Entry) -> Self {
        let Entry { series, seq, zone, hlc, kind, schema_version, key, payload, prev_hash, hash } = entry;
        Self {
            origin: &series.origin,
            incarnation: series.incarnation,
            district: &series.district,
            lane: series.lane,
            seq: *seq,
            zone_id: zone,
            hlc_wall_ms: hlc.wall_ms,
            hlc_logical: hlc.logical,
            kind,
            schema_version: *schema_version,
            key,
            payload,
            prev_hash: *prev_hash,
            hash: *hash,
        }
    }
}

/// A repeated commit finds its own entries; anything else under their numbers is a fork.
async fn same_as_stored(transaction: &mut Transaction<'_, Any>, entry: &Entry) -> Result<(), StoreError> {
    let row = sqlx::query(
        "SELECT hash FROM journal WHERE origin = $1 AND incarnation = $2 AND district = $3 AND lane = $4 AND seq = $5",
    )
    .bind(entry.series.origin.as_str())
    .bind(i64::from(entry.series.incarnation))
    .bind(entry.series.district.as_str())
    .bind(entry.series.lane.as_str())
    .bind(super::sql(entry.seq))
    .fetch_one(&mut **transaction)
    .await?;
    let stored: String = row.try_get("hash")?;
    if stored == entry.hash.to_string() {
        Ok(())
    } else {
        Err(StoreError::Fork { series: entry.series.clone(), seq: entry.seq })
    }
}
