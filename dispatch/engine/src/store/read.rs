//! Pages for peers, and the history of one thing.

use ondol_core::hlc::Hlc;
use ondol_core::ids::DistrictId;
use ondol_core::journal::{Entry, Head, Heads, Lane, PAYLOAD_MAX, Series};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Store, StoreError, sql};

/// Most entries in a page.
pub const PAGE_ENTRIES_MAX: usize = 2_000;
/// Most payload bytes in a page, unless its first entry alone is larger.
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// Rows fetched at once.
const ROWS: usize = 500;
/// What an entry weighs beside its payload.
const ENTRY_BYTES: usize = 512;

/// Entries after a set of cursors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Each series in its own order, without gaps; urgent lanes first.
    pub entries: Vec<Entry>,
    /// Everything held of the districts when the page was begun.
    pub heads: Heads,
    /// True if the page was cut at its bound and more is there now.
    pub more: bool,
}

const COLUMNS_AFTER: &str = "SELECT origin, incarnation, district, lane, seq, zone_id, hlc_wall_ms, hlc_logical, kind, \
     schema_version, key, payload, prev_hash, hash FROM journal \
     WHERE origin = $1 AND incarnation = $2 AND district = $3 AND lane = $4 AND seq > $5 ORDER BY seq LIMIT $6";

impl Store {
    /// Entries of `districts` and of the whole platform that lie after `cursors`, at most `limit` and `max_bytes`.
    ///
    /// A series of which nothing is asked for yet begins at 1. What is returned of a series has no gap.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read, or misses an entry it must hold.
    pub async fn read_after(
        &self,
        cursors: &Heads,
        districts: &[DistrictId],
        limit: usize,
        max_bytes: usize,
    ) -> Result<Page, StoreError> {
        let limit = limit.min(PAGE_ENTRIES_MAX);
        let heads = self.heads_of(districts);
        let mut behind: Vec<_> =
            heads.0.iter().filter(|(series, head)| cursors.of(series).seq < head.seq).collect();
        // Maps are ordered by origin; a page is ordered by urgency.
        behind.sort_by_key(|(series, _)| series.lane);
        let mut page = Page { entries: Vec::new(), heads: heads.clone(), more: false };
        let mut bytes = 0;
        for (series, head) in behind {
            let mut after = cursors.of(series).seq;
            while after < head.seq {
                let rows = self.rows_after(series, after, ROWS.min(limit - page.entries.len())).await?;
                let Some(last) = rows.last() else { return Err(missing(series, after + 1)) };
                let reached = last.seq;
                for entry in rows {
                    if entry.seq != after + 1 {
                        return Err(missing(series, after + 1));
                    }
                    bytes += entry.payload.len() + ENTRY_BYTES;
                    if page.entries.len() == limit || (bytes > max_bytes && !page.entries.is_empty()) {
                        page.more = true;
                        return Ok(page);
                    }
                    after = entry.seq;
                    page.entries.push(entry);
                }
                debug_assert_eq!(after, reached);
                if page.entries.len() == limit {
                    page.more = true;
                    return Ok(page);
                }
            }
        }
        Ok(page)
    }

    /// Heads of `districts` and of the whole platform.
    #[must_use]
    pub fn heads_of(&self, districts: &[DistrictId]) -> Heads {
        let mut heads = self.heads();
        let all = DistrictId::all();
        heads.0.retain(|series, _| series.district == all || districts.contains(&series.district));
        heads
    }

    /// The entries about one thing (such as a booking), oldest stamp first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub async fn history(
        &self,
        district: &DistrictId,
        key: &str,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let rows = sqlx::query(
            "SELECT origin, incarnation, district, lane, seq, zone_id, hlc_wall_ms, hlc_logical, kind, \
             schema_version, key, payload, prev_hash, hash FROM journal WHERE district = $1 AND key = $2 AND key <> '' \
             ORDER BY hlc_wall_ms, hlc_logical, origin, seq LIMIT $3",
        )
        .bind(district.as_str())
        .bind(key)
        .bind(sql(limit.min(PAGE_ENTRIES_MAX) as u64))
        .fetch_all(&self.inner.reader)
        .await?;
        rows.iter().map(entry_of).collect()
    }

    pub(super) async fn rows_after(
        &self,
        series: &Series,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let rows = sqlx::query(COLUMNS_AFTER)
            .bind(series.origin.as_str())
            .bind(i64::from(series.incarnation))
            .bind(series.district.as_str())
            .bind(series.lane.as_str())
            .bind(sql(after))
            .bind(sql(limit.max(1) as u64))
            .fetch_all(&self.inner.reader)
            .await?;
        rows.iter().map(entry_of).collect()
    }
}

pub(super) fn missing(series: &Series, seq: u64) -> StoreError {
    StoreError::Meaningless { what: "a journal with a hole", detail: format!("{series} lacks entry {seq}") }
}

pub(super) fn entry_of(row: &AnyRow) -> Result<Entry, StoreError> {
    let payload: String = row.try_get("payload")?;
    if payload.len() > PAYLOAD_MAX {
        return Err(meaningless("an entry", "its payload is larger than any that is written"));
    }
    Ok(Entry {
        series: series_of(row)?,
        seq: number(row, "seq")?,
        zone: text(row, "zone_id")?,
        hlc: Hlc { wall_ms: row.try_get("hlc_wall_ms")?, logical: number(row, "hlc_logical")? },
        kind: row.try_get("kind")?,
        schema_version: number(row, "schema_version")?,
        key: row.try_get("key")?,
        payload,
        prev_hash: text(row, "prev_hash")?,
        hash: text(row, "hash")?,
    })
}

pub(super) fn head_of(row: &AnyRow) -> Result<(Series, Head), StoreError> {
    Ok((series_of(row)?, Head { seq: number(row, "seq")?, hash: text(row, "hash")? }))
}

fn series_of(row: &AnyRow) -> Result<Series, StoreError> {
    let lane: String = row.try_get("lane")?;
    Ok(Series {
        origin: text(row, "origin")?,
        incarnation: number(row, "incarnation")?,
        district: text(row, "district")?,
        lane: Lane::ALL
            .into_iter()
            .find(|known| known.as_str() == lane)
            .ok_or_else(|| meaningless("a lane", &lane))?,
    })
}

pub(super) fn number<T: TryFrom<i64>>(row: &AnyRow, column: &'static str) -> Result<T, StoreError> {
    let stored: i64 = row.try_get(column)?;
    T::try_from(stored).map_err(|_| meaningless(column, &stored.to_string()))
}

pub(super) fn text<T: std::str::FromStr>(row: &AnyRow, column: &'static str) -> Result<T, StoreError> {
    let stored: String = row.try_get(column)?;
    stored.parse().map_err(|_| meaningless(column, &stored))
}

pub(super) fn meaningless(what: &'static str, detail: &str) -> StoreError {
    StoreError::Meaningless { what, detail: detail.chars().take(80).collect() }
}
