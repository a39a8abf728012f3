//! Reads the whole journal and checks every hash.

use ondol_core::journal::Head;

use super::{Store, StoreError, read};

/// Rows checked at once.
const ROWS: usize = 2_000;

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verified {
    /// Series.
    pub series: u64,
    /// Entries.
    pub entries: u64,
}

impl Store {
    /// Checks that every series is dense, that every entry is what was hashed, and that each continues the one
    /// before, up to the stored heads.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] with the first bad entry, [`StoreError::Meaningless`] for a hole or a cut tail.
    pub async fn verify(&self) -> Result<Verified, StoreError> {
        let mut verified = Verified::default();
        for (series, stored) in &self.heads().0 {
            let mut head = Head::default();
            while head.seq < stored.seq {
                let rows = self.rows_after(series, head.seq, ROWS).await?;
                if rows.is_empty() {
                    return Err(read::missing(series, head.seq + 1));
                }
                for entry in rows {
                    entry.continues(head)?;
                    head = entry.as_head();
                    verified.entries += 1;
                }
            }
            if head != *stored {
                return Err(read::meaningless(
                    "a head that its series does not end with",
                    &series.to_string(),
                ));
            }
            verified.series += 1;
        }
        Ok(verified)
    }
}
