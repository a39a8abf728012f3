//! Starting from what is stored.

use ondol_core::board::{ApplyError, Board};
use ondol_core::ids::DistrictId;
use ondol_core::units::UtcMs;
use sha2::{Digest as _, Sha256};
use sqlx::Row as _;

use super::{PAGE_BYTES_MAX, PAGE_ENTRIES_MAX, Store, StoreError, at, read, sql};
use crate::vault::{SubjectKey, hex};

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
                match board.apply(entry) {
                    Ok(_) => since += 1,
                    Err(ApplyError::Chain(chain)) => return Err(StoreError::Damaged(chain)),
                    Err(ApplyError::Unreadable(error)) => {
                        return Err(read::meaningless("an entry", &error.to_string()));
                    }
                    Err(error @ ApplyError::TooLarge { .. }) => {
                        return Err(read::meaningless("an entry", &error.to_string()));
                    }
                }
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
        let mut transaction = self.inner.writer.begin().await?;
        sqlx::query(
            "INSERT INTO snapshot (entries, taken_at, digest, board) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(sql(entries))
        .bind(at(now))
        .bind(digest)
        .bind(text)
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "DELETE FROM snapshot WHERE entries NOT IN (SELECT entries FROM snapshot ORDER BY entries DESC LIMIT 2)",
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// A snapshot that is damaged or of another release is passed over: the journal says the same.
    async fn newest_snapshot(&self) -> Result<Option<Board>, StoreError> {
        let rows = sqlx::query("SELECT entries, digest, board FROM snapshot ORDER BY entries DESC")
            .fetch_all(&self.inner.reader)
            .await?;
        for row in &rows {
            let (digest, text): (String, String) = (row.try_get("digest")?, row.try_get("board")?);
            let entries: i64 = row.try_get("entries")?;
            if hex(&Sha256::digest(&text)) != digest {
                tracing::warn!(entries, "a snapshot is damaged and passed over");
                continue;
            }
            match serde_json::from_str::<Board>(&text) {
                Ok(board) if self.heads_hold(&board) => return Ok(Some(board)),
                Ok(_) => tracing::warn!(entries, "a snapshot knows more than the journal and is passed over"),
                Err(error) => {
                    tracing::warn!(entries, %error, "a snapshot is of another release and passed over");
                }
            }
        }
        Ok(None)
    }

    fn heads_hold(&self, board: &Board) -> bool {
        let stored = self.heads();
        board.heads().0.iter().all(|(series, head)| stored.of(series).seq >= head.seq)
    }
}
