//! Starting from what is stored.

use ondol_core::board::Board;
use ondol_core::fact::{Fact, SCHEMA_VERSION};
use ondol_core::ids::DistrictId;
use ondol_core::units::UtcMs;
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Row as _};

use super::{PAGE_BYTES_MAX, PAGE_ENTRIES_MAX, Store, StoreError, at, read, sql};
use crate::vault::{SubjectKey, hex};

/// Largest part of a snapshot, in bytes: written in a few milliseconds.
const PART_MAX: usize = 256 * 1024;

/// What a node starts with.
#[derive(Debug)]
pub struct Loaded {
    /// What the journal says.
    pub board: Board,
    /// All subject keys.
    pub keys: Vec<SubjectKey>,
    /// Entries in the journal.
    pub entries: u64,
    /// Entries that were read after the snapshot.
    pub entries_since_snapshot: usize,
}

impl Store {
    /// Reads the newest snapshot that this release understands, and every entry after it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if an entry after the snapshot is not what was hashed.
    pub async fn load(&self) -> Result<Loaded, StoreError> {
        let mut board = self.newest_snapshot().await?.unwrap_or_default();
        let districts: Vec<DistrictId> = self.heads().0.into_keys().map(|series| series.district).collect();
        let mut since = 0;
        loop {
            let page = self.read_after(board.heads(), &districts, PAGE_ENTRIES_MAX, PAGE_BYTES_MAX).await?;
            for entry in &page.entries {
                board.apply_stored(entry)?;
                since += 1;
            }
            if !page.more {
                break;
            }
        }
        let entries = board.heads().0.values().map(|head| head.seq).sum();
        Ok(Loaded { board, keys: self.all_keys().await?, entries, entries_since_snapshot: since })
    }

    /// Stores `board`, which must hold nothing that is not durable, and drops all but the last two snapshots.
    ///
    /// It is written in parts, each in a transaction of its own, so that a commit waits for one part at most. The
    /// row that makes it a snapshot comes last: one that was not written to its end is no snapshot.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store does not write.
    pub async fn snapshot(&self, board: Board, now: UtcMs) -> Result<(), StoreError> {
        let entries: u64 = board.heads().0.values().map(|head| head.seq).sum();
        // A large board takes a while: not on a thread that answers requests.
        let (text, digest) = tokio::task::spawn_blocking(move || {
            let text = serde_json::to_string(&board).expect("records are plain JSON");
            let digest = hex(&Sha256::digest(&text));
            (text, digest)
        })
        .await
        .map_err(|error| read::meaningless("a snapshot", &error.to_string()))?;
        let known = sqlx::query("SELECT entries FROM snapshot WHERE entries = $1 AND release = $2")
            .bind(sql(entries))
            .bind(release())
            .fetch_optional(&self.inner.reader)
            .await?;
        if known.is_some() {
            return Ok(());
        }
        self.drop_snapshots("entries = $1", sql(entries)).await?;
        for (part, text) in (0_i64..).zip(parts(&text)) {
            sqlx::query("INSERT INTO snapshot_part (entries, part, body) VALUES ($1, $2, $3)")
                .bind(sql(entries))
                .bind(part)
                .bind(text)
                .execute(&self.inner.writer)
                .await?;
        }
        sqlx::query("INSERT INTO snapshot (entries, taken_at, release, digest) VALUES ($1, $2, $3, $4)")
            .bind(sql(entries))
            .bind(at(now))
            .bind(release())
            .bind(digest)
            .execute(&self.inner.writer)
            .await?;
        let kept = sqlx::query("SELECT entries FROM snapshot ORDER BY entries DESC LIMIT 2")
            .fetch_all(&self.inner.reader)
            .await?;
        let oldest_kept = kept.last().map_or(Ok(sql(entries)), |row| row.try_get("entries"))?;
        self.drop_snapshots("entries < $1", oldest_kept).await
    }

    /// Drops snapshots in steps as small as those in which they were written.
    async fn drop_snapshots(&self, which: &'static str, bound: i64) -> Result<(), StoreError> {
        let manifest = format!("DELETE FROM snapshot WHERE {which}");
        sqlx::query(AssertSqlSafe(manifest)).bind(bound).execute(&self.inner.writer).await?;
        let one = format!(
            "DELETE FROM snapshot_part WHERE (entries, part) IN \
             (SELECT entries, part FROM snapshot_part WHERE {which} LIMIT 1)"
        );
        loop {
            let done =
                sqlx::query(AssertSqlSafe(one.clone())).bind(bound).execute(&self.inner.writer).await?;
            if done.rows_affected() == 0 {
                return Ok(());
            }
        }
    }

    /// A snapshot that is damaged or of another release is passed over: the journal says the same, and what an older
    /// release did not understand of it this one may.
    async fn newest_snapshot(&self) -> Result<Option<Board>, StoreError> {
        let rows = sqlx::query("SELECT entries, release, digest FROM snapshot ORDER BY entries DESC")
            .fetch_all(&self.inner.reader)
            .await?;
        for row in &rows {
            let (written_by, digest): (String, String) = (row.try_get("release")?, row.try_get("digest")?);
            let entries: i64 = row.try_get("entries")?;
            if written_by != release() {
                tracing::info!(entries, "a snapshot is of another release and passed over");
                continue;
            }
            let mut text = String::new();
            let parts = sqlx::query("SELECT body FROM snapshot_part WHERE entries = $1 ORDER BY part")
                .bind(entries)
                .fetch_all(&self.inner.reader)
                .await?;
            for part in parts {
                text.push_str(part.try_get("body")?);
            }
            if hex(&Sha256::digest(&text)) != digest {
                tracing::warn!(entries, "a snapshot is damaged and passed over");
                continue;
            }
            match serde_json::from_str::<Board>(&text) {
                Ok(board) if self.heads_hold(&board) => return Ok(Some(board)),
                Ok(_) => tracing::warn!(entries, "a snapshot knows more than the journal and is passed over"),
                Err(error) => tracing::warn!(entries, %error, "a snapshot cannot be read and is passed over"),
            }
        }
        Ok(None)
    }

    fn heads_hold(&self, board: &Board) -> bool {
        let stored = self.heads();
        board.heads().0.iter().all(|(series, head)| stored.of(series).seq >= head.seq)
    }
}

/// What a board depends on beside the journal: the release, the form in which it is saved, and the kinds that it understands.
fn release() -> String {
    let kinds = hex(&Sha256::digest(Fact::KINDS.join(",")));
    format!("{} {} {} {}", env!("CARGO_PKG_VERSION"), Board::FORM, SCHEMA_VERSION, &kinds[..16])
}

/// `text` in pieces of at most [`PART_MAX`] bytes.
fn parts(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let mut end = PART_MAX.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let (part, rest) = text.split_at(end);
        text = rest;
        (!part.is_empty()).then_some(part)
    })
}
