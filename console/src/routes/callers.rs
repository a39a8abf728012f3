//! Who is calling: open bookings, and past ones to repeat with a digit.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, State};
use ondol_core::fact::PhoneKey;
use ondol_core::node::Node;
use ondol_core::units::Now;
use ondol_engine::http::Problem;
use ondol_engine::identity::OperatorSession;
use ondol_engine::identity::policy::{Caller, Object, Operation, allow};

use crate::input;
use crate::state::ConsoleState;
use crate::view::{SeenBooking, object_fleet, sees};
use crate::wire::{CallerView, HISTORY_MAX, PastBooking};

/// Latest bookings of a number that are looked at; bounds the cost of a number that books all day.
const LOOKED_AT_MAX: usize = 100;

/// `GET /console/v1/callers/{number}`.
pub(crate) async fn show(
    State(state): State<ConsoleState>,
    session: OperatorSession,
    Path(number): Path<String>,
) -> Result<Json<CallerView>, Problem> {
    allow(&session.caller, Operation::SeeCaller, &Object::default()).check()?;
    let phone = input::phone(&number)?;
    let vault = state.handle.vault();
    let (key, caller) = (vault.phone_key(&phone), session.caller);
    let (bookings, is_driver) = state.handle.read_at(move |node, now| look(node, &key, &caller, now)).await?;

    let texts = || bookings.iter().map(|booking| booking.personal(vault));
    let name = texts().find_map(|(personal, _)| personal.name);
    let hidden = if name.is_none() { texts().find_map(|(_, hidden)| hidden) } else { None };
    let open = bookings.iter().filter(|booking| !booking.record.status().is_closed());
    let open = open.take(HISTORY_MAX).map(|booking| booking.row(vault)).collect();
    let mut seen = BTreeSet::new();
    let closed = bookings.iter().filter(|booking| booking.record.status().is_closed());
    let once = closed.filter(|booking| {
        let request = booking.record.request();
        request.is_some_and(|request| seen.insert((request.pickup, request.dropoff)))
    });
    let past = once.take(HISTORY_MAX).map(|booking| {
        let row = booking.row(vault);
        PastBooking {
            booking: row.booking,
            made_at: row.made_at,
            status: row.status,
            pickup: row.pickup,
            dropoff: row.dropoff,
            hidden: row.rider_hidden,
            stand: row.stand,
            seats: row.seats,
            needs: row.needs,
        }
    });
    let past = past.collect();
    Ok(Json(CallerView { phone: phone.as_str().to_owned(), name, hidden, open, past, is_driver }))
}

/// The number's bookings, the latest first, and whether it is a driver's.
fn look(node: &Node, key: &PhoneKey, caller: &Caller, now: Now) -> (Vec<SeenBooking>, bool) {
    let mut bookings = Vec::new();
    for (district, board) in node.board().districts() {
        let visible = board
            .bookings_of_phone(key)
            .filter(|record| sees(caller, Operation::SeeCaller, district, object_fleet(node, record)));
        bookings.extend(visible.map(|record| (record.accepted.as_ref().map(|a| a.at), district, record)));
    }
    bookings.sort_by_key(|(at, _, record)| std::cmp::Reverse((*at, record.id)));
    let bookings = bookings
        .into_iter()
        .take(LOOKED_AT_MAX)
        .filter_map(|(_, district, record)| SeenBooking::of(node, district, record, now))
        .collect();
    let driver = node.board().driver_by_phone(key);
    let is_driver = driver
        .is_some_and(|(district, driver)| sees(caller, Operation::SeeCaller, district, Some(&driver.fleet)));
    (bookings, is_driver)
}
