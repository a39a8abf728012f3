//! The board: districts, bookings, shifts.

use std::cmp::Reverse;

use axum::Json;
use axum::extract::State;
use ondol_core::booking::BookingRecord;
use ondol_core::ids::DistrictId;
use ondol_core::node::Node;
use ondol_core::units::{Now, UtcMs};
use ondol_engine::http::Problem;
use ondol_engine::identity::OperatorSession;
use ondol_engine::identity::policy::{Caller, Object, Operation, allow};

use crate::state::ConsoleState;
use crate::view::{SeenBooking, SeenShift, attention, districts, object_fleet, sees};
use crate::wire::{BOOKINGS_MAX, BoardView, DistrictView, SHIFTS_MAX, Standing};

/// Closed bookings stay on the board this long.
const CLOSED_FOR_MS: i64 = 3_600_000;
/// Most closed bookings on the board.
const CLOSED_MAX: usize = 30;

/// `GET /console/v1/board`.
pub(crate) async fn show(
    State(state): State<ConsoleState>,
    session: OperatorSession,
) -> Result<Json<BoardView>, Problem> {
    allow(&session.caller, Operation::SeeBoard, &Object::default()).check()?;
    let caller = session.caller;
    let seen = state.handle.read_at(move |node, now| look(node, &caller, now)).await?;
    let vault = state.handle.vault();
    Ok(Json(BoardView {
        node: state.handle.node_id().clone(),
        districts: seen.districts,
        bookings: seen.bookings.iter().map(|booking| booking.row(vault)).collect(),
        open_bookings: seen.open_bookings,
        shifts: seen.shifts.into_iter().map(|shift| shift.row(vault)).collect(),
        shifts_on_duty: seen.shifts_on_duty,
        standing: Standing { authority: state.handle.node_id().clone(), as_of: seen.at.into() },
    }))
}

struct Seen {
    at: UtcMs,
    districts: Vec<DistrictView>,
    bookings: Vec<SeenBooking>,
    open_bookings: usize,
    shifts: Vec<SeenShift>,
    shifts_on_duty: usize,
}

fn look(node: &Node, caller: &Caller, now: Now) -> Seen {
    let visible = |district: &DistrictId, record: &BookingRecord| {
        sees(caller, Operation::SeeBooking, district, object_fleet(node, record))
    };
    let mut open = Vec::new();
    let mut closed = Vec::new();
    let mut shifts = Vec::new();
    let mut shifts_on_duty = 0;
    for (district, board) in node.board().districts() {
        let listed = board.open_bookings().filter(|r| node.board().is_listed_in(district, r.id));
        open.extend(listed.filter(|r| visible(district, r)).map(|record| (district, record)));
        let lately = board.bookings.values().filter(|record| {
            record.status().is_closed()
                && node.board().is_listed_in(district, record.id)
                && closed_at(record).is_some_and(|at| now.utc.since_ms(at) <= CLOSED_FOR_MS)
        });
        closed.extend(lately.filter(|r| visible(district, r)).map(|record| (district, record)));
        for shift in board.shifts.values().filter(|shift| shift.is_on_duty()) {
            let fleet = shift.start.as_ref().map(|start| &start.fleet);
            if sees(caller, Operation::SeeBoard, district, fleet) {
                shifts_on_duty += 1;
                if shifts.len() < SHIFTS_MAX {
                    shifts.extend(SeenShift::of(node, district, shift, now));
                }
            }
        }
    }
    let open_bookings = open.len();
    // Those needing a hand first, then whoever has waited longest.
    open.sort_by_key(|(_, record)| {
        let worst = attention(node, record, now).into_iter().min();
        (worst.is_none(), worst, record.accepted.as_ref().map(|accepted| accepted.at))
    });
    closed.sort_by_key(|(_, record)| Reverse(closed_at(record)));
    let shown = open.into_iter().take(BOOKINGS_MAX).chain(closed.into_iter().take(CLOSED_MAX));
    let bookings =
        shown.filter_map(|(district, record)| SeenBooking::of(node, district, record, now)).collect();
    Seen {
        at: now.utc,
        districts: districts(node, caller, now),
        bookings,
        open_bookings,
        shifts,
        shifts_on_duty,
    }
}

fn closed_at(record: &BookingRecord) -> Option<UtcMs> {
    let done = record.assignments.values().filter_map(|bond| bond.over_at()).max();
    done.or_else(|| record.cancel.as_ref().map(|cancel| cancel.at))
}
