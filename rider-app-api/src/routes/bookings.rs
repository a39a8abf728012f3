//! Order, look, keep, attest, cancel.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ondol_core::booking::{CancelReason, Party};
use ondol_core::command::{Answer, Command, Refusal};
use ondol_core::ids::BookingId;
use ondol_engine::http::{Problem, StrictJson};
use ondol_engine::identity::Role;
use ondol_engine::identity::policy::{Caller, Districts, Object, Operation, Owner, allow};

use crate::input;
use crate::state::{Inner, RiderState};
use crate::view::show as view;
use crate::wire::{AttestRequest, BookRequest, BookingView, CancelRequest, KeepRequest};

/// Longest token that is looked at, in bytes.
const TOKEN_MAX: usize = 64;

/// `POST /rider/v1/bookings`: 201, or 200 if the same wish was taken in before.
pub(crate) async fn book(
    State(state): State<RiderState>,
    headers: HeaderMap,
    StrictJson(wish): StrictJson<BookRequest>,
) -> Result<(StatusCode, Json<BookingView>), Problem> {
    let booking = wish.booking_id;
    same_key(&headers, booking)?;
    may(Operation::Book)?;
    let checked = input::check(&wish, &state)?;
    if was_taken_in(&state, booking, &checked.digest).await? {
        return Ok((StatusCode::OK, Json(view(&state, booking).await?)));
    }
    let (district, zone) = (checked.district.clone(), checked.zone.clone());
    let request = input::seal(wish, checked, state.handle.vault())?;
    let answer = state.handle.request(Command::Book { booking, district, zone, request }).await?;
    let status = match answer {
        Answer::Booked { repeat: true } => StatusCode::OK,
        _ => StatusCode::CREATED,
    };
    Ok((status, Json(view(&state, booking).await?)))
}

/// `GET /rider/v1/bookings/{token}`.
pub(crate) async fn show(
    State(state): State<RiderState>,
    Path(token): Path<String>,
) -> Result<Json<BookingView>, Problem> {
    let booking = booking_of(&state, &token)?;
    Ok(Json(view(&state, booking).await?))
}

/// `POST /rider/v1/bookings/{token}/cancel`. Cancelling twice is cancelling once.
pub(crate) async fn cancel(
    State(state): State<RiderState>,
    Path(token): Path<String>,
    StrictJson(wish): StrictJson<CancelRequest>,
) -> Result<Json<BookingView>, Problem> {
    let booking = booking_of(&state, &token)?;
    may(Operation::CancelBooking)?;
    match wish.reason {
        CancelReason::ChangedMind | CancelReason::WaitedTooLong | CancelReason::Other => {}
        CancelReason::NoShow | CancelReason::Duplicate | CancelReason::NoTaxi => {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "out_of_range",
                "a rider's reason is changed_mind, waited_too_long or other",
            ));
        }
    }
    state.handle.request(Command::Cancel { booking, by: Party::Rider, reason: wish.reason }).await?;
    Ok(Json(view(&state, booking).await?))
}

/// `POST /rider/v1/bookings/{token}/keep`: the rider was asked, and still wants the taxi. Harmless if nobody asked.
pub(crate) async fn keep(
    State(state): State<RiderState>,
    Path(token): Path<String>,
    StrictJson(KeepRequest {}): StrictJson<KeepRequest>,
) -> Result<Json<BookingView>, Problem> {
    let booking = booking_of(&state, &token)?;
    may(Operation::Book)?;
    state.handle.request(Command::Keep { booking }).await?;
    Ok(Json(view(&state, booking).await?))
}

/// `POST /rider/v1/bookings/{token}/attest`: the rider was asked, and says that the trip is going on. Nothing else that
/// a link can do says so: programs open links, and pages send their booking again, without anybody.
pub(crate) async fn attest(
    State(state): State<RiderState>,
    Path(token): Path<String>,
    StrictJson(AttestRequest {}): StrictJson<AttestRequest>,
) -> Result<Json<BookingView>, Problem> {
    let booking = booking_of(&state, &token)?;
    may(Operation::Book)?;
    state.handle.request(Command::Attest { booking }).await?;
    Ok(Json(view(&state, booking).await?))
}

/// The booking that a token opens. A token that nobody made and a booking that nobody has are the same: nothing.
pub(crate) fn booking_of(state: &Inner, token: &str) -> Result<BookingId, Problem> {
    let known = token.len() <= TOKEN_MAX;
    let booking = known.then(|| state.handle.vault().booking_of_link(token)).flatten();
    let booking = booking.ok_or(Refusal::UnknownBooking)?;
    may(Operation::SeeBooking)?;
    Ok(booking)
}

/// Whoever holds the token is the booking's rider.
fn may(operation: Operation) -> Result<(), Problem> {
    let rider = Caller { role: Role::Rider, fleet: None, districts: Districts::All };
    let own = Object { owner: Owner::Caller, ..Object::default() };
    Ok(allow(&rider, operation, &own).check()?)
}

/// True if this very wish is in the journal already; nothing is sealed again for it.
async fn was_taken_in(state: &Inner, booking: BookingId, digest: &str) -> Result<bool, Problem> {
    let known = state
        .handle
        .read(move |node| Some(node.board().booking(booking)?.1.request()?.digest.clone()))
        .await?;
    match known {
        None => Ok(false),
        Some(known) if known == digest => Ok(true),
        Some(_) => Err(Refusal::KeyReused.into()),
    }
}

fn same_key(headers: &HeaderMap, booking: BookingId) -> Result<(), Problem> {
    match headers.get("idempotency-key").map(|value| value.to_str()) {
        None => Ok(()),
        Some(Ok(key)) if key.trim_matches('"') == booking.to_string() => Ok(()),
        Some(_) => Err(Problem::invalid("Idempotency-Key must be the booking_id, or be left out")),
    }
}
