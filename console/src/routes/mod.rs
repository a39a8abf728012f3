//! The routes, by noun.

pub(crate) mod board;
pub(crate) mod bookings;
pub(crate) mod callers;
pub(crate) mod districts;
pub(crate) mod events;
pub(crate) mod fairness;
pub(crate) mod intake;
pub(crate) mod map;
pub(crate) mod reconciliation;
pub(crate) mod reports;
pub(crate) mod session;
pub(crate) mod shifts;
pub(crate) mod taxis;

use ondol_core::booking::BookingRecord;
use ondol_core::command::Refusal;
use ondol_core::ids::{BookingId, DistrictId, ShiftId};
use ondol_core::node::Node;
use ondol_engine::http::Problem;
use ondol_engine::identity::OperatorSession;
use ondol_engine::identity::policy::{Caller, Decision, Object, Operation, allow};
use ondol_engine::store::AuditAction;

use crate::state::Inner;
use crate::view::{SeenBooking, object_fleet};
use crate::wire::BookingRow;

/// Decides whether `caller` may do `operation` to a booking; another fleet's is not there at all.
async fn may(
    state: &Inner,
    caller: &Caller,
    operation: Operation,
    booking: BookingId,
) -> Result<(), Problem> {
    let caller = caller.clone();
    let decision = state
        .handle
        .read(move |node| {
            let (district, record) = node.board().booking(booking)?;
            Some(decide(node, &caller, operation, district, record))
        })
        .await?;
    match decision {
        None | Some(Decision::Hidden) => Err(Refusal::UnknownBooking.into()),
        Some(decision) => Ok(decision.check()?),
    }
}

/// Decides whether `caller` may act on a shift by hand; another fleet's is not there at all.
async fn may_ask(state: &Inner, caller: &Caller, shift: ShiftId) -> Result<(), Problem> {
    let caller = caller.clone();
    let decision = state
        .handle
        .read(move |node| {
            let (district, record) = node.board().shift(shift)?;
            let fleet = record.start.as_ref().map(|start| &start.fleet);
            let object = Object { district: Some(district), fleet, ..Object::default() };
            Some(allow(&caller, Operation::AssignByHand, &object))
        })
        .await?;
    match decision {
        None | Some(Decision::Hidden) => Err(Refusal::UnknownShift.into()),
        Some(decision) => Ok(decision.check()?),
    }
}

fn decide(
    node: &Node,
    caller: &Caller,
    operation: Operation,
    district: &DistrictId,
    record: &BookingRecord,
) -> Decision {
    let object = Object { district: Some(district), fleet: object_fleet(node, record), ..Object::default() };
    allow(caller, operation, &object)
}

/// The row of a booking, after something was done to it.
async fn row(state: &Inner, booking: BookingId) -> Result<BookingRow, Problem> {
    let seen = state.handle.read_at(move |node, now| SeenBooking::find(node, booking, now)).await?;
    Ok(seen.ok_or(Refusal::UnknownBooking)?.row(state.handle.vault()))
}

/// Writes down who does `action` to `object`, before it is done.
async fn audit(
    state: &Inner,
    session: &OperatorSession,
    action: AuditAction,
    object: &str,
    reason: &str,
) -> Result<(), Problem> {
    let (store, at) = (state.handle.store(), state.handle.now().utc);
    let written = store.audit(&session.operator.login, action, object, reason, at).await;
    written.map_err(|error| {
        tracing::error!(%error, "the audit log cannot be written");
        Problem::unavailable()
    })
}
