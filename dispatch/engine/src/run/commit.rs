//! Making a batch durable, however long that takes, and snapshots beside the hot path.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use ondol_core::board::Board;
use ondol_core::ids::{BookingId, DistrictId, ShiftId};
use ondol_core::journal::Entry;
use ondol_core::units::Now;
use uuid::Uuid;

use super::handle::Shared;
use super::{Loop, MEANWHILE_MAX, QUEUE_MAX, SNAPSHOT_EVERY};
use crate::store::{Batch, Rows, Store, StoreError};
use crate::vault::random_bytes;

/// A commit that takes longer is given up and tried again: a database that was frozen may never answer.
const COMMIT_WITHIN: Duration = Duration::from_secs(10);
/// After a loss, edges are asked for this node's past this long.
pub const TAKE_BACK_MS: u64 = 24 * 60 * 60 * 1_000;
/// First and longest pause between two tries, in milliseconds.
const PAUSE_MS: (u64, u64) = (20, 1_000);

/// What the batch at hand changes: by the keys of its entries, which name bookings and shifts.
#[derive(Debug, Default)]
pub(super) struct Touched {
    of: BTreeMap<DistrictId, BTreeSet<Uuid>>,
}

impl Touched {
    pub(super) fn note(&mut self, entry: &Entry) {
        let things = self.of.entry(entry.series.district.clone()).or_default();
        things.extend(entry.key.parse::<Uuid>());
    }

    /// Rows for what was touched, as `board` has it. Ids are random, so one that names a booking names no shift.
    fn rows(&self, board: &Board) -> Rows {
        let mut rows = Rows::default();
        for (id, things) in &self.of {
            let Some(district) = board.district(id) else { continue };
            for thing in things {
                rows.booking(id, district, BookingId(*thing));
                rows.shift(id, district, ShiftId(*thing));
            }
        }
        rows
    }
}

impl Loop {
    /// Commits the batch at hand, and handles meanwhile what is asked: that goes into the next one. Tries until it is
    /// durable; new requests are refused once this has taken longer than the handle's patience.
    ///
    /// # Errors
    ///
    /// [`StoreError`] that no further try can mend: the loop ends, and what it held was never told to anybody.
    pub(super) async fn commit(&mut self, now: Now) -> Result<(), StoreError> {
        let touched = std::mem::take(&mut self.touched);
        let mut batch = std::mem::take(&mut self.batch);
        batch.rows.add(touched.rows(self.node.board()));
        let entries = batch.entries.len() as u64;
        let begun = Instant::now();
        self.set_committing(Some(begun));
        let mut task = tokio::spawn(make_durable(Arc::clone(&self.shared), batch, now));
        // What is spawned here runs when this waits: it is to ask the database before anything else is handled.
        tokio::task::yield_now().await;
        // A snapshot is of what is durable: nothing is handled before it that would have to be durable first.
        let mut room = if self.is_snapshot_due(entries) { 0 } else { QUEUE_MAX };
        let done = loop {
            let takes_more = room > 0 && !self.is_full() && !self.stopping;
            tokio::select! {
                biased;
                done = &mut task => break done,
                taken = self.inbox.recv_many(&mut self.messages, MEANWHILE_MAX), if takes_more => {
                    room = if taken == 0 { 0 } else { room.saturating_sub(taken) };
                    self.take_taken();
                }
            }
        };
        match done {
            Ok(result) => result?,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime ends, and this with it.
                Err(_cancelled) => std::future::pending().await,
            },
        }
        self.set_committing(None);
        metrics::histogram!("ondol_commit_seconds").record(begun.elapsed().as_secs_f64());
        metrics::counter!("ondol_entries_total").increment(entries);
        self.entries += entries;
        self.since_snapshot += entries;
        self.note_board(touched);
        self.shared.commits.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Takes a snapshot if enough was written since the last one and none is under way.
    pub(super) fn snapshot_if_due(&mut self) {
        // Entries that `Committed` has just caused are on the board and not yet durable.
        if !self.is_snapshot_due(0) || !self.batch.is_empty() || self.tray.is_held() {
            return;
        }
        self.since_snapshot = 0;
        let (store, board, now) =
            (self.shared.store.clone(), self.node.board().clone(), self.shared.clock.now().utc);
        self.snapshot = Some(tokio::spawn(async move {
            if let Err(error) = store.snapshot(board, now).await {
                tracing::warn!(%error, "a snapshot was not written; the next start reads more entries");
            }
            if let Err(error) = store.tidy_outbox(now).await {
                tracing::warn!(%error, "old notices were not dropped");
            }
        }));
    }

    /// True if a snapshot is due once so many more entries are durable, and none is under way.
    fn is_snapshot_due(&self, more: u64) -> bool {
        let is_under_way = self.snapshot.as_ref().is_some_and(|task| !task.is_finished());
        !is_under_way && is_snapshot_due(self.entries + more, self.since_snapshot + more)
    }

    fn set_committing(&self, since: Option<Instant>) {
        *self.shared.committing_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Sizes of what the batch has changed.
    #[allow(clippy::cast_precision_loss)]
    fn note_board(&self, touched: Touched) {
        for district in touched.of.into_keys() {
            let Some(board) = self.node.board().district(&district) else { continue };
            let label = district.to_string();
            metrics::gauge!("ondol_bookings_open", "district" => label.clone())
                .set(board.open_count() as f64);
            metrics::gauge!("ondol_shifts_known", "district" => label).set(board.shifts.len() as f64);
        }
    }
}

/// Tries until `batch` is durable.
async fn make_durable(shared: Arc<Shared>, batch: Batch, now: Now) -> Result<(), StoreError> {
    let mut pause_ms = PAUSE_MS.0;
    loop {
        let commit = shared.store.commit(&batch, now.utc);
        match tokio::time::timeout(COMMIT_WITHIN, commit).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) if error.is_transient() => {
                tracing::warn!(%error, pause_ms, "a commit failed and is tried again");
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "a commit is refused for good; the node stops");
                if let StoreError::Receded { .. } = error {
                    ask_for_the_past(&shared.store, now).await;
                }
                return Err(error);
            }
            Err(_) => tracing::warn!(pause_ms, "a commit has no answer and is tried again"),
        }
        metrics::counter!("ondol_commit_failures_total").increment(1);
        tokio::time::sleep(jittered(pause_ms)).await;
        pause_ms = (2 * pause_ms).min(PAUSE_MS.1);
    }
}

/// The database has lost its end. The next life goes on from what is left, and edges give back what they hold.
async fn ask_for_the_past(store: &Store, now: Now) {
    let asked = store.take_back_until(now.utc.plus_ms(TAKE_BACK_MS)).await;
    if let Err(error) = asked {
        tracing::error!(%error, "edges will not give back what was lost; run `ondol node take-back`");
    }
}

/// True if `since` of `held` entries are enough for another snapshot.
fn is_snapshot_due(held: u64, since: u64) -> bool {
    let (least, most) = SNAPSHOT_EVERY;
    since >= held.saturating_sub(since).clamp(least, most)
}

/// Between half of `ms` and all of it, so that nodes that failed together do not come back together.
fn jittered(ms: u64) -> Duration {
    let part = u64::from(u16::from_be_bytes(random_bytes()));
    Duration::from_millis(ms / 2 + ms * part / (2 * 65_536))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A history that comes in at one go is written out a few times, and not the more often the longer it is.
    #[test]
    fn snapshots_lie_as_far_apart_as_they_are_large_within_bounds() {
        let mut taken = Vec::new();
        let mut since = 0;
        for held in (1_000..=400_000).step_by(1_000) {
            since += 1_000;
            if is_snapshot_due(held, since) {
                taken.push(held);
                since = 0;
            }
        }
        assert_eq!(taken, [20_000, 40_000, 80_000, 160_000, 260_000, 360_000]);
    }
}
