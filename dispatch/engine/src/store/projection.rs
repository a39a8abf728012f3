//! Rows for SQL: what the board says of the bookings and shifts that a batch changes.

use std::collections::BTreeMap;

use ondol_core::board::{Board, DistrictBoard};
use ondol_core::booking::BookingRecord;
use ondol_core::fact::district_wide;
use ondol_core::ids::{AssignmentId, BookingId, DistrictId, FleetId, ShiftId};
use ondol_core::units::UtcMs;
use serde_json::{Value, json};
use sqlx::any::AnyRow;
use sqlx::{Any, Executor as _, Row as _, Transaction};

use super::{Dialect, Store, StoreError, at, read, sql};

/// Most rows written by one statement.
const ROWS_MAX: usize = 5_000;
/// Most rows read at once.
const READ_MAX: usize = 1_000;

/// Rows to write, each once: one statement may not change a row twice.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// A booking that one district lends to another has a row in each.
    bookings: BTreeMap<(DistrictId, BookingId), Value>,
    assignments: BTreeMap<AssignmentId, Value>,
    shifts: BTreeMap<ShiftId, Value>,
}

/// A booking as SQL holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingRow {
    /// The booking.
    pub booking: BookingId,
    /// Its district.
    pub district: DistrictId,
    /// The fleet that serves it, or the only one that may.
    pub fleet: Option<FleetId>,
    /// What it is doing.
    pub status: String,
    /// When it was taken in.
    pub accepted_at: UtcMs,
}

const BOOKING_POSTGRES: &str = "INSERT INTO booking (zone_id, booking, district, fleet_id, door, status, accepted_at, \
     cancelled_at) SELECT zone_id, booking, district, fleet_id, door, status, accepted_at, cancelled_at \
     FROM json_to_recordset($1::json) AS r(zone_id text, booking text, district text, fleet_id text, door text, \
     status text, accepted_at bigint, cancelled_at bigint) ON CONFLICT (zone_id, booking) DO UPDATE SET \
     fleet_id = excluded.fleet_id, status = excluded.status, accepted_at = excluded.accepted_at, \
     cancelled_at = excluded.cancelled_at";
const BOOKING_SQLITE: &str = "INSERT INTO booking (zone_id, booking, district, fleet_id, door, status, accepted_at, \
     cancelled_at) SELECT value->>'zone_id', value->>'booking', value->>'district', value->>'fleet_id', \
     value->>'door', value->>'status', value->>'accepted_at', value->>'cancelled_at' FROM json_each($1) WHERE true \
     ON CONFLICT (zone_id, booking) DO UPDATE SET fleet_id = excluded.fleet_id, status = excluded.status, \
     accepted_at = excluded.accepted_at, cancelled_at = excluded.cancelled_at";
const ASSIGNMENT_POSTGRES: &str = "INSERT INTO assignment (zone_id, assignment, booking, shift, fleet_id, offered_at, \
     assigned_at, boarded_at, done_at, released_at, fare) SELECT zone_id, assignment, booking, shift, fleet_id, \
     offered_at, assigned_at, boarded_at, done_at, released_at, fare FROM json_to_recordset($1::json) \
     AS r(zone_id text, assignment text, booking text, shift text, fleet_id text, offered_at bigint, \
     assigned_at bigint, boarded_at bigint, done_at bigint, released_at bigint, fare bigint) \
     ON CONFLICT (zone_id, assignment) DO UPDATE SET fleet_id = excluded.fleet_id, offered_at = excluded.offered_at, \
     assigned_at = excluded.assigned_at, boarded_at = excluded.boarded_at, done_at = excluded.done_at, \
     released_at = excluded.released_at, fare = excluded.fare";
const ASSIGNMENT_SQLITE: &str = "INSERT INTO assignment (zone_id, assignment, booking, shift, fleet_id, offered_at, \
     assigned_at, boarded_at, done_at, released_at, fare) SELECT value->>'zone_id', value->>'assignment', \
     value->>'booking', value->>'shift', value->>'fleet_id', value->>'offered_at', value->>'assigned_at', \
     value->>'boarded_at', value->>'done_at', value->>'released_at', value->>'fare' FROM json_each($1) WHERE true \
     ON CONFLICT (zone_id, assignment) DO UPDATE SET fleet_id = excluded.fleet_id, offered_at = excluded.offered_at, \
     assigned_at = excluded.assigned_at, boarded_at = excluded.boarded_at, done_at = excluded.done_at, \
     released_at = excluded.released_at, fare = excluded.fare";
const SHIFT_POSTGRES: &str = "INSERT INTO shift (zone_id, shift, district, fleet_id, driver, duty, started_at) \
     SELECT zone_id, shift, district, fleet_id, driver, duty, started_at FROM json_to_recordset($1::json) \
     AS r(zone_id text, shift text, district text, fleet_id text, driver text, duty text, started_at bigint) \
     ON CONFLICT (zone_id, shift) DO UPDATE SET fleet_id = excluded.fleet_id, driver = excluded.driver, \
     duty = excluded.duty, started_at = excluded.started_at";
const SHIFT_SQLITE: &str = "INSERT INTO shift (zone_id, shift, district, fleet_id, driver, duty, started_at) \
     SELECT value->>'zone_id', value->>'shift', value->>'district', value->>'fleet_id', value->>'driver', \
     value->>'duty', value->>'started_at' FROM json_each($1) WHERE true \
     ON CONFLICT (zone_id, shift) DO UPDATE SET fleet_id = excluded.fleet_id, driver = excluded.driver, \
     duty = excluded.duty, started_at = excluded.started_at";

impl Rows {
    /// Rows for everything on `board`.
    #[must_use]
    pub fn of_board(board: &Board) -> Self {
        let mut rows = Self::default();
        for (id, district) in board.districts() {
            district.bookings.keys().for_each(|booking| rows.booking(id, district, *booking));
            district.shifts.keys().for_each(|shift| rows.shift(id, district, *shift));
        }
        rows
    }

    /// Adds rows that are newer than these.
    pub(crate) fn add(&mut self, newer: Self) {
        self.bookings.extend(newer.bookings);
        self.assignments.extend(newer.assignments);
        self.shifts.extend(newer.shifts);
    }

    /// True if there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bookings.is_empty() && self.assignments.is_empty() && self.shifts.is_empty()
    }

    /// Adds a booking and its assignments, unless it was never taken in as far as this node knows.
    pub(crate) fn booking(&mut self, id: &DistrictId, district: &DistrictBoard, booking: BookingId) {
        let Some(record) = district.bookings.get(&booking) else { return };
        let Some(accepted) = &record.accepted else { return };
        let row = json!({
            "zone_id": accepted.zone, "booking": booking, "district": id, "fleet_id": fleet_of(district, record),
            "door": accepted.request.door.as_str(), "status": record.status().as_str(),
            "accepted_at": accepted.at, "cancelled_at": record.cancel.as_ref().map(|cancel| cancel.at),
        });
        self.bookings.insert((id.clone(), booking), row);
        for (assignment, bond) in &record.assignments {
            let row = json!({
                "zone_id": accepted.zone, "assignment": assignment, "booking": booking, "shift": bond.shift,
                "fleet_id": fleet_of_shift(district, bond.shift),
                "offered_at": bond.offered.as_ref().map(|(_, at, _)| at), "assigned_at": bond.assigned_at,
                "boarded_at": bond.boarded.map(|(at, _)| at), "done_at": bond.over_at(),
                "released_at": bond.released.map(|(at, _)| at),
                "fare": bond.fare().map(|fare| fare.amount),
            });
            self.assignments.insert(assignment.clone(), row);
        }
    }

    /// Adds a shift.
    pub(crate) fn shift(&mut self, id: &DistrictId, district: &DistrictBoard, shift: ShiftId) {
        let Some(record) = district.shifts.get(&shift) else { return };
        let start = record.start.as_ref();
        let row = json!({
            "zone_id": district_wide(), "shift": shift, "district": id,
            "fleet_id": start.map(|start| &start.fleet), "driver": start.map(|start| start.driver),
            "duty": record.duty(), "started_at": start.map(|start| start.at),
        });
        self.shifts.insert(shift, row);
    }
}

/// The fleet of the shift that serves the booking, else the only one that may.
fn fleet_of<'a>(district: &'a DistrictBoard, record: &'a BookingRecord) -> Option<&'a FleetId> {
    let standing = record.standing().and_then(|(_, bond)| fleet_of_shift(district, bond.shift));
    standing.or_else(|| record.request().and_then(|request| request.fleet.as_ref()))
}

fn fleet_of_shift(district: &DistrictBoard, shift: ShiftId) -> Option<&FleetId> {
    district.shifts.get(&shift)?.start.as_ref().map(|start| &start.fleet)
}

impl Store {
    /// True if nothing was projected yet: a new store, or one whose projection was deleted.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub async fn projection_is_empty(&self) -> Result<bool, StoreError> {
        let mut transaction = self.as_fleet("*").await?;
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM booking LIMIT 1) AS b) + \
             (SELECT COUNT(*) FROM (SELECT 1 FROM shift LIMIT 1) AS s) AS found",
        )
        .fetch_one(&mut *transaction)
        .await?;
        let found: i64 = row.try_get("found")?;
        Ok(found == 0)
    }

    /// The bookings of `fleet` in a district since `since`, oldest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub async fn bookings_of_fleet(
        &self,
        fleet: &FleetId,
        district: &DistrictId,
        since: UtcMs,
        limit: usize,
    ) -> Result<Vec<BookingRow>, StoreError> {
        let mut transaction = self.as_fleet(fleet.as_str()).await?;
        let rows = sqlx::query(
            "SELECT booking, district, fleet_id, status, accepted_at FROM booking \
             WHERE district = $1 AND fleet_id = $2 AND accepted_at >= $3 ORDER BY accepted_at, booking LIMIT $4",
        )
        .bind(district.as_str())
        .bind(fleet.as_str())
        .bind(at(since))
        .bind(sql(limit.min(READ_MAX) as u64))
        .fetch_all(&mut *transaction)
        .await?;
        rows.iter().map(booking_of).collect()
    }

    /// A transaction that sees the rows of one fleet, `*` for all; SQLite cannot, and its questions name the fleet.
    async fn as_fleet(&self, fleet: &str) -> Result<Transaction<'static, Any>, StoreError> {
        let mut transaction = self.inner.reader.begin().await?;
        match self.inner.dialect {
            Dialect::Postgres => {
                let set = sqlx::query("SELECT set_config('ondol.fleet', $1, true)").bind(fleet.to_owned());
                transaction.execute(set).await?;
            }
            Dialect::Sqlite => {}
        }
        Ok(transaction)
    }

    pub(super) async fn write_rows(
        &self,
        transaction: &mut Transaction<'_, Any>,
        rows: &Rows,
    ) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let dialect = self.inner.dialect;
        for (rows, statement) in [
            (rows.bookings.values().collect::<Vec<_>>(), dialect.pick(BOOKING_POSTGRES, BOOKING_SQLITE)),
            (rows.assignments.values().collect(), dialect.pick(ASSIGNMENT_POSTGRES, ASSIGNMENT_SQLITE)),
            (rows.shifts.values().collect(), dialect.pick(SHIFT_POSTGRES, SHIFT_SQLITE)),
        ] {
            for rows in rows.chunks(ROWS_MAX) {
                let rows = serde_json::to_string(rows).expect("rows are plain JSON");
                sqlx::query(statement).bind(rows).execute(&mut **transaction).await?;
            }
        }
        Ok(())
    }
}

fn booking_of(row: &AnyRow) -> Result<BookingRow, StoreError> {
    let fleet: Option<String> = row.try_get("fleet_id")?;
    Ok(BookingRow {
        booking: read::text(row, "booking")?,
        district: read::text(row, "district")?,
        fleet: fleet
            .map(|fleet| fleet.parse().map_err(|_| read::meaningless("a fleet", &fleet)))
            .transpose()?,
        status: row.try_get("status")?,
        accepted_at: UtcMs(row.try_get("accepted_at")?),
    })
}
