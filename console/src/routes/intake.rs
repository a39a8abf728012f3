//! A booking taken by phone.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ondol_core::command::{Answer, Command, Refusal};
use ondol_core::ids::BookingId;
use ondol_engine::http::{Problem, StrictJson};
use ondol_engine::identity::OperatorSession;
use ondol_engine::identity::policy::{Object, Operation, allow};

use crate::input;
use crate::routes::row;
use crate::state::{ConsoleState, Inner};
use crate::wire::{Accepted, IntakeAnswer, IntakeRequest};

/// `POST /console/v1/bookings`: 201, or 200 if the same wish was taken in before.
pub(crate) async fn book(
    State(state): State<ConsoleState>,
    session: OperatorSession,
    StrictJson(mut wish): StrictJson<IntakeRequest>,
) -> Result<(StatusCode, Json<IntakeAnswer>), Problem> {
    let booking = wish.booking_id;
    // An operator of a fleet sends that fleet's cars.
    if let Some(own) = &session.operator.fleet {
        wish.fleet = Some(wish.fleet.unwrap_or_else(|| own.clone()));
    }
    let checked = input::check(&wish, &state)?;
    let object =
        Object { district: Some(&checked.district), fleet: wish.fleet.as_ref(), ..Object::default() };
    allow(&session.caller, Operation::TakeCall, &object).check()?;
    let district = checked.district.clone();
    let (known, home) = state
        .handle
        .read(move |node| {
            let accepted = node.board().booking(booking).and_then(|(_, record)| record.accepted.as_ref());
            (accepted.map(|a| a.request.digest.clone()), input::text_home(node, &district))
        })
        .await?;
    match known {
        Some(known) if known == checked.digest => {
            return Ok((StatusCode::OK, Json(answer(&state, booking).await?)));
        }
        Some(_) => return Err(Refusal::KeyReused.into()),
        None => {}
    }
    let (district, zone) = (checked.district.clone(), checked.zone.clone());
    let request = input::seal(wish, checked, Some(home), state.handle.vault())?;
    let status = match state.handle.request(Command::Book { booking, district, zone, request }).await? {
        Answer::Booked { repeat: true } => StatusCode::OK,
        _ => StatusCode::CREATED,
    };
    Ok((status, Json(answer(&state, booking).await?)))
}

async fn answer(state: &Inner, booking: BookingId) -> Result<IntakeAnswer, Problem> {
    let me = state.handle.node_id().clone();
    let (pin, is_elsewhere) = state
        .handle
        .read(move |node| {
            let elsewhere = node
                .board()
                .booking(booking)
                .is_some_and(|(_, record)| record.accepted_by.keys().any(|node| *node != me));
            (node.pin(booking), elsewhere)
        })
        .await?;
    let accepted = if is_elsewhere { Accepted::AcceptedReplicated } else { Accepted::AcceptedLocal };
    Ok(IntakeAnswer { row: row(state, booking).await?, pin, accepted })
}
