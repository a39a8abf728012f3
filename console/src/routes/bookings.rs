//! One booking: everything about it, and what an operator does to it.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use ondol_core::booking::Party;
use ondol_core::command::{Command, Refusal};
use ondol_core::ids::BookingId;
use ondol_core::journal::Entry;
use ondol_engine::http::{Problem, StrictJson};
use ondol_engine::identity::OperatorSession;
use ondol_engine::identity::policy::Operation;
use ondol_engine::store::AuditAction;

use crate::input;
use crate::routes::{audit, may, row};
use crate::state::{ConsoleState, Inner};
use crate::view::SeenBooking;
use crate::wire::{
    AssignRequest, BookingDetail, BookingRow, CancelRequest, CloseRequest, Empty, FACTS_MAX, FactView,
    NOTE_MAX_CHARS, RevealAnswer, RevealRequest,
};

mod bonds;
mod candidates;
pub(crate) mod why;

type Id = Result<Path<BookingId>, PathRejection>;

fn id(path: Id) -> Result<BookingId, Problem> {
    path.map(|Path(id)| id).map_err(|_| Problem::invalid("a booking's id is a UUID"))
}

/// `GET /console/v1/bookings/{id}`.
pub(crate) async fn show(
    State(state): State<ConsoleState>,
    session: OperatorSession,
    path: Id,
) -> Result<Json<BookingDetail>, Problem> {
    let booking = id(path)?;
    may(&state, &session.caller, Operation::SeeBooking, booking).await?;
    let caller = session.caller.clone();
    let seen = state
        .handle
        .read_at(move |node, now| {
            let booking = SeenBooking::find(node, booking, now)?;
            let assignments = bonds::assignments(node, &caller, &booking.record);
            let candidates = candidates::near(node, &booking, &caller, now);
            let pin = node.pin(booking.record.id);
            Some((booking, assignments, candidates, pin))
        })
        .await?;
    let (seen, assignments, near, pin) = seen.ok_or(Refusal::UnknownBooking)?;
    let vault = state.handle.vault();
    Ok(Json(BookingDetail {
        row: seen.row(vault),
        pin,
        note: seen.personal(vault).0.note,
        accepted_by: seen.record.accepted_by.keys().cloned().collect(),
        assignments,
        candidates: candidates::by_road(near, state.map.as_deref(), vault),
        facts: facts(&state, &seen).await?,
    }))
}

async fn facts(state: &Inner, seen: &SeenBooking) -> Result<Vec<FactView>, Problem> {
    let key = seen.record.id.to_string();
    let entries = state.handle.store().history(&seen.district, &key, FACTS_MAX).await;
    let entries = entries.map_err(|error| {
        tracing::error!(%error, "the history of a booking cannot be read");
        Problem::unavailable()
    })?;
    let fact = |entry: Entry| FactView {
        at: ondol_core::units::UtcMs(entry.hlc.wall_ms).into(),
        origin: entry.series.origin,
        incarnation: entry.series.incarnation,
        seq: entry.seq,
        kind: entry.kind,
    };
    Ok(entries.into_iter().map(fact).collect())
}

/// `POST /console/v1/bookings/{id}/assign`: asks this shift.
pub(crate) async fn assign(
    State(state): State<ConsoleState>,
    session: OperatorSession,
    path: Id,
    StrictJson(wish): StrictJson<AssignRequest>,
) -> Result<Json<BookingRow>, Problem> {
    let booking = id(path)?;
    may(&state, &session.caller, Operation::AssignByHand, booking).await?;
    super::may_ask(&state, &session.caller, wish.shift).await?;
    let told_eta_s = wish.told_minutes.map(|minutes| u32::from(minutes) * 60);
    let command = Command::AssignByHand { booking, shift: wish.shift, told_eta_s };
    act(&state, &session, "assign", command, booking).await
}

/// `POST /console/v1/bookings/{id}/recall`: takes the booking back from its shift.
pub(crate) async fn recall(
    State(state): State<ConsoleState>,
    session: OperatorSession,
    path: Id,
    StrictJson(Empty {}): StrictJson<Empty>,
) -> Result<Json<BookingRow>, Problem> {
    let booking = id(path)?;
    may(&state, &session.caller, Operation::AssignByHand, booking).await?;
    act(&state, &session, "recall", Command::Recall { booking }, booking).await
}

/// `POST /console/v1/bookings/{id}/cancel`.
pub(crate) async fn cancel(
    State(state): State<ConsoleState>,
    session: OperatorSession,
    path: Id,
    StrictJson(wish): StrictJson<CancelRequest>,
) -> Result<Json<BookingRow>, Problem> {
    let booking = id(path)?;
    may(&state, &session.caller, Operation::CancelBooking, booking).await?;
    let command = Command::Cancel { booking, by: Party::Operator, reason: wish.reason };
    act(&state, &session, "cancel", command, booking).await
}

/// `POST /console/v1/bookings/{id}/close`: ends a trip whose driver cannot.
pub(crate) async fn close(
    State(state): State<ConsoleState>,
    session: OperatorSession,
    path: Id,
    StrictJson(wish): StrictJson<CloseRequest>,
) -> Result<Json<BookingRow>, Problem> {
    let booking = id(path)?;
    may(&state, &session.caller, Operation::CloseTrip, booking).await?;
    let fare = wish.fare.map_or("no fare told".to_owned(), |fare| format!("{} won told", fare.0));
    let reason = format!("{}, {fare}", wish.reason.as_str());
    audit(&state, &session, AuditAction::TripClosed, &booking.to_string(), &reason).await?;
    let command = Command::CloseTrip { booking, reason: wish.reason, fare: wish.fare };
    act(&state, &session, "close", command, booking).await
}

async fn act(
    state: &Inner,
    session: &OperatorSession,
    what: &str,
    command: Command,
    booking: BookingId,
) -> Result<Json<BookingRow>, Problem> {
    state.handle.request(command).await?;
    tracing::info!(operator = %session.operator.subject, %booking, what, "an operator acted on a booking");
    Ok(Json(row(state, booking).await?))
}

/// `POST /console/v1/bookings/{id}/reveal`: the number is shown after the look at it was written down.
pub(crate) async fn reveal(
    State(state): State<ConsoleState>,
    session: OperatorSession,
    path: Id,
    StrictJson(wish): StrictJson<RevealRequest>,
) -> Result<Json<RevealAnswer>, Problem> {
    let booking = id(path)?;
    may(&state, &session.caller, Operation::RevealNumber, booking).await?;
    let reason = input::line(Some(&wish.reason), "reason", NOTE_MAX_CHARS)?
        .ok_or_else(|| Problem::invalid("say why the number is needed"))?;
    let seen = state.handle.read_at(move |node, now| SeenBooking::find(node, booking, now)).await?;
    let (personal, _) = seen.ok_or(Refusal::UnknownBooking)?.personal(state.handle.vault());
    let phone = personal.phone.ok_or_else(Problem::not_found)?;
    audit(&state, &session, AuditAction::NumberRevealed, &booking.to_string(), &reason).await?;
    Ok(Json(RevealAnswer { phone: phone.as_str().to_owned() }))
}
