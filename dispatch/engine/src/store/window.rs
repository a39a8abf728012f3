//! A window of the journal: what tells how work was shared in it, without reading all that was before.
//!
//! ```text
//!        from − 6 h        from                    to        to + 6 h
//! ───────────┼───────────────┼─────────────────────┼─────────────┼──────▶
//!            └ offers of trips that end in it ─────┴ told late by phones
//! ```
//!
//! No index knows when an entry was written. But stamps rise with the numbers of a series: where the window begins in it is
//! found by halving. Of shifts that began before, their own entries are read, by key. What does not tell of work is passed over.

use std::collections::BTreeSet;

use ondol_core::board::Board;
use ondol_core::fact::Fact;
use ondol_core::fairness::{Duties, Span};
use ondol_core::ids::{DistrictId, ShiftId};
use ondol_core::journal::{ChainBreak, Entry, Lane, Series};
use ondol_core::units::UtcMs;
use sqlx::Row as _;
use thiserror::Error;

use super::read::entry_of;
use super::{PAGE_ENTRIES_MAX, Store, StoreError, read, sql};

/// Most entries between the two ends that a window is made from.
pub const WINDOW_ENTRIES_MAX: u64 = 250_000;
/// Most shifts that began before the window and are looked up.
pub const WINDOW_SHIFTS_MAX: usize = 5_000;
/// So much before and after the window is read as well, in milliseconds.
const AROUND_MS: i64 = 6 * 3_600_000;
/// A window is not made shorter than this, in milliseconds.
const SHORTEST_MS: i64 = 600_000;
/// Rows fetched at once.
const ROWS: usize = 1_000;
/// The one of the kinds below that a board does not keep in full.
const DUTY_CHANGED: &str = "duty_changed";

/// Entries that tell of work, and the last one read, which tells how far the journal knows.
const WORK_BETWEEN: &str = "SELECT origin, incarnation, district, lane, seq, zone_id, hlc_wall_ms, hlc_logical, kind, \
     schema_version, key, payload, prev_hash, hash FROM journal \
     WHERE origin = $1 AND incarnation = $2 AND district = $3 AND lane = $4 AND seq > $5 AND seq <= $6 \
     AND (seq = $6 OR kind IN ('offered', 'stepped', 'trip_closed', 'street_hailed', 'trip_restored', \
     'shift_started', 'duty_changed')) ORDER BY seq LIMIT $7";
const STAMP: &str = "SELECT hlc_wall_ms FROM journal \
     WHERE origin = $1 AND incarnation = $2 AND district = $3 AND lane = $4 AND seq = $5";

/// What a window of the journal says of work.
#[derive(Debug)]
pub struct Window {
    /// Its shifts and bonds; of bookings nothing but these.
    pub board: Board,
    /// Every change of duty of its shifts.
    pub duties: Duties,
    /// The window: as asked for, or the later part of it.
    pub span: Span,
    /// Entries that were left out because the window was made shorter.
    pub entries_left_out: u64,
    /// Shifts that began before the window and were not looked up: what they did is nobody's.
    pub shifts_left_out: usize,
}

/// Why there is no window.
#[derive(Debug, Error)]
pub enum WindowError {
    /// Even its last minutes hold more than may be read.
    #[error("more than {0} entries lie in and around it")]
    TooFull(u64),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A part of a series: the entries after the first number, up to the second.
struct Stretch {
    series: Series,
    after: u64,
    last: u64,
}

impl Store {
    /// Reads what the journals of `districts` say of the work in `asked`, from at most `entries_max` entries: if there are more,
    /// the window is halved until there are not, and its later half stays. `on_duty` are shifts that may have written nothing
    /// in it.
    ///
    /// # Errors
    ///
    /// [`WindowError::TooFull`] if the last ten minutes alone have more entries around them; [`WindowError::Store`] if the store
    /// cannot be read, or holds what was not hashed.
    pub async fn window(
        &self,
        districts: &[DistrictId],
        asked: Span,
        on_duty: Vec<(DistrictId, ShiftId)>,
        entries_max: u64,
    ) -> Result<Window, WindowError> {
        let (mut span, mut stretches) = (asked, self.stretches(districts, asked).await?);
        let asked_entries = count(&stretches);
        while count(&stretches) > entries_max {
            let length_ms = span.to.since_ms(span.from);
            if length_ms <= SHORTEST_MS {
                return Err(WindowError::TooFull(entries_max));
            }
            span.from = UtcMs(span.to.0 - length_ms / 2);
            stretches = self.stretches(districts, span).await?;
        }
        let mut scratch = Scratch::default();
        for stretch in &stretches {
            self.read_stretch(stretch, &mut scratch).await?;
        }
        let shifts_left_out = self.look_up_shifts(on_duty, begin(span), &mut scratch).await?;
        let Scratch { board, duties } = scratch;
        Ok(Window {
            board,
            duties,
            span,
            entries_left_out: asked_entries.saturating_sub(count(&stretches)),
            shifts_left_out,
        })
    }

    /// What lies in and around the window, by series.
    async fn stretches(&self, districts: &[DistrictId], span: Span) -> Result<Vec<Stretch>, StoreError> {
        let mut stretches = Vec::new();
        for (series, head) in self.heads_of(districts).0 {
            if series.lane == Lane::Bookings && series.district != DistrictId::all() {
                let after = self.stamped_before(&series, head.seq, begin(span)).await?;
                let end = UtcMs(span.to.0.saturating_add(AROUND_MS));
                let last = self.stamped_before(&series, head.seq, end).await?;
                stretches.push(Stretch { series, after, last });
            }
        }
        Ok(stretches)
    }

    /// How many entries of the series, whose head has the number `head`, were stamped before `at`.
    ///
    /// The head is looked at first: most series are of lives that have ended long ago.
    async fn stamped_before(&self, series: &Series, head: u64, at: UtcMs) -> Result<u64, StoreError> {
        let (mut before, mut not_before, mut looked_at) = (0, head + 1, head);
        while before + 1 < not_before {
            if self.stamp(series, looked_at).await? < at.0 {
                before = looked_at;
            } else {
                not_before = looked_at;
            }
            looked_at = before.midpoint(not_before);
        }
        Ok(before)
    }

    async fn stamp(&self, series: &Series, seq: u64) -> Result<i64, StoreError> {
        let row = sqlx::query(STAMP)
            .bind(series.origin.as_str())
            .bind(i64::from(series.incarnation))
            .bind(series.district.as_str())
            .bind(series.lane.as_str())
            .bind(sql(seq))
            .fetch_optional(self.reader())
            .await?;
        row.ok_or_else(|| read::missing(series, seq))?.try_get("hlc_wall_ms").map_err(StoreError::from)
    }

    async fn read_stretch(&self, stretch: &Stretch, scratch: &mut Scratch) -> Result<(), StoreError> {
        let Stretch { series, after, last } = stretch;
        let mut after = *after;
        while after < *last {
            let rows = sqlx::query(WORK_BETWEEN)
                .bind(series.origin.as_str())
                .bind(i64::from(series.incarnation))
                .bind(series.district.as_str())
                .bind(series.lane.as_str())
                .bind(sql(after))
                .bind(sql(*last))
                .bind(sql(ROWS as u64))
                .fetch_all(self.reader())
                .await?;
            if rows.is_empty() {
                return Err(read::missing(series, *last));
            }
            for row in &rows {
                let entry = entry_of(row)?;
                after = entry.seq;
                scratch.take(entry)?;
            }
        }
        Ok(())
    }

    /// Reads all that was written of each shift that began before `read_from`; returns how many there were too many.
    async fn look_up_shifts(
        &self,
        on_duty: Vec<(DistrictId, ShiftId)>,
        read_from: UtcMs,
        scratch: &mut Scratch,
    ) -> Result<usize, StoreError> {
        let wanted = scratch.shifts_from_before(on_duty, read_from);
        for (district, shift) in wanted.iter().take(WINDOW_SHIFTS_MAX) {
            for entry in self.history(district, &shift.to_string(), PAGE_ENTRIES_MAX).await? {
                scratch.take(entry)?;
            }
        }
        Ok(wanted.len().saturating_sub(WINDOW_SHIFTS_MAX))
    }
}

/// From when on the window's entries are read.
fn begin(span: Span) -> UtcMs {
    UtcMs(span.from.0.saturating_sub(AROUND_MS))
}

fn count(stretches: &[Stretch]) -> u64 {
    stretches.iter().map(|stretch| stretch.last.saturating_sub(stretch.after)).sum()
}

/// A board and changes of duty that are made from parts of series.
#[derive(Default)]
struct Scratch {
    board: Board,
    duties: Duties,
}

impl Scratch {
    /// Takes an entry of any series, in the series' order or again.
    ///
    /// A board takes no series from its middle: once it is seen to be what was hashed, the entry is numbered anew.
    fn take(&mut self, entry: Entry) -> Result<(), ChainBreak> {
        if entry.compute_hash() != entry.hash {
            return Err(ChainBreak::Altered { series: entry.series, seq: entry.seq });
        }
        // What a later release wrote is passed over, as a node would.
        if entry.kind == DUTY_CHANGED
            && let Ok(Some(fact)) = Fact::read(&entry)
        {
            self.duties.note(&fact);
        }
        let head = self.board.head(&entry.series);
        let mut anew = Entry { seq: head.seq + 1, prev_hash: head.hash, ..entry };
        anew.hash = anew.compute_hash();
        self.board.apply_stored(&anew)?;
        Ok(())
    }

    /// Shifts of which not everything was written since `read_from`.
    fn shifts_from_before(
        &self,
        on_duty: Vec<(DistrictId, ShiftId)>,
        read_from: UtcMs,
    ) -> BTreeSet<(DistrictId, ShiftId)> {
        let mut wanted: BTreeSet<(DistrictId, ShiftId)> = on_duty.into_iter().collect();
        for (id, district) in self.board.districts() {
            let bonds = district.bookings.values().flat_map(|record| record.assignments.values());
            let shifts = bonds.map(|bond| bond.shift).chain(district.shifts.keys().copied());
            wanted.extend(shifts.map(|shift| (id.clone(), shift)));
        }
        wanted.retain(|(id, shift)| {
            let known = self.board.district(id).and_then(|district| district.shifts.get(shift));
            let start = known.and_then(|shift| shift.start.as_ref());
            start.is_none_or(|start| start.at < read_from)
        });
        wanted
    }
}
