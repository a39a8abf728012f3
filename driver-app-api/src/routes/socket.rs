//! `GET /driver/v1/socket`: the same messages as over HTTP, and pushes without delay.
//!
//! ```text
//! ticket ─▶ open ─▶ (one message at a time, at most 64 KiB, a few a second) ─▶ closed with a code:
//!   4001 replaced   the same device opened another one
//!   4002 ended      the session has expired or was revoked: open a session again
//!   4003 silent     nothing was heard for a minute
//!   1003, 1008      not text; too much
//! ```
//!
//! A push is only a faster copy of what the next beat's answer brings, so a socket may break at any moment.

use std::time::Duration;

use axum::Json;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use ondol_device::wire::{self, Down, Up};
use ondol_engine::http::{BODY_MAX, Problem, strict_json};
use ondol_engine::identity::{AuthError, Bearer, DriverSession};
use serde::Deserialize;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::auth::within_budget;
use crate::budget::Budget;
use crate::state::DriverState;
use crate::talk;
use crate::tickets::TICKET_TTL_MS;
use crate::wire::SocketTicket;

/// Bytes that a socket reads at once: a few messages. Each socket keeps so many, and a city has tens of thousands.
const READ_BYTES: usize = 4 << 10;
/// How often a socket that nothing passes through looks whether it should end; what passes through looks as well. Each
/// look wakes the socket, and a city has tens of thousands.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Longest wait for a device to take a message.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// Simulated silence after which a socket is closed; a device beats every 5 s.
const SILENCE_MAX_MS: u64 = 60_000;
/// A reason to close.
type End = (u16, &'static str);
const REPLACED: End = (4001, "replaced");
const ENDED: End = (4002, "ended");
const SILENT: End = (4003, "silent");
const NOT_TEXT: End = (1003, "not text");
const TOO_MUCH: End = (1008, "too much");

/// `POST /driver/v1/socket-ticket`.
///
/// # Errors
///
/// 429 `too_many_requests`.
pub(crate) async fn ticket(
    State(state): State<DriverState>,
    DriverSession(bearer): DriverSession,
) -> Result<Json<SocketTicket>, Problem> {
    within_budget(&state, &bearer)?;
    let ticket = state.tickets.give(bearer, state.handle.now().ticks);
    Ok(Json(SocketTicket { ticket, ttl_ms: TICKET_TTL_MS }))
}

/// What the address of a socket says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Opening {
    ticket: String,
}

/// Opens a socket.
///
/// # Errors
///
/// 401 without a good ticket; 403 from a page that is not this node's.
pub(crate) async fn open(
    State(state): State<DriverState>,
    headers: HeaderMap,
    opening: Result<Query<Opening>, axum::extract::rejection::QueryRejection>,
    upgrade: WebSocketUpgrade,
) -> Response {
    // A device that is no browser sends no origin, and has the ticket to show.
    if headers.contains_key(header::ORIGIN) && !state.identity.is_own_page(&headers) {
        return AuthError::Origin.into_response();
    }
    let Ok(Query(Opening { ticket })) = opening else { return AuthError::Missing.into_response() };
    let Some(bearer) = state.tickets.take(&ticket, state.handle.now().ticks) else {
        return AuthError::SessionEnded.into_response();
    };
    upgrade
        .read_buffer_size(READ_BYTES)
        .max_message_size(BODY_MAX)
        .max_frame_size(BODY_MAX)
        .on_upgrade(move |socket| async move { serve(&state, &bearer, socket).await })
}

async fn serve(state: &DriverState, bearer: &Bearer, mut socket: WebSocket) {
    metrics::gauge!("ondol_driver_sockets").increment(1.0);
    if let Some((code, reason)) = converse(state, bearer, &mut socket).await {
        metrics::counter!("ondol_driver_sockets_closed_total", "reason" => reason).increment(1);
        let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        // It is closed either way; the code is a courtesy.
        let _sent = timeout(SEND_WITHIN, socket.send(close)).await;
    }
    metrics::gauge!("ondol_driver_sockets").decrement(1.0);
}

/// Talks until there is a reason to close; `None` if the device has gone.
async fn converse(state: &DriverState, bearer: &Bearer, socket: &mut WebSocket) -> Option<End> {
    let mut pushes = state.handle.device(bearer.device);
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ticks = || state.handle.now().ticks;
    let mut heard_at = ticks();
    let mut budget = Budget::new(heard_at);
    loop {
        let answer = tokio::select! {
            message = socket.recv() => {
                heard_at = ticks();
                if !budget.spend(heard_at) {
                    return Some(TOO_MUCH);
                }
                match message?.ok()? {
                    Message::Text(text) => answer(state, bearer, text.as_str()).await,
                    Message::Ping(_) | Message::Pong(_) => continue,
                    Message::Binary(_) => return Some(NOT_TEXT),
                    Message::Close(_) => return None,
                }
            }
            push = pushes.recv() => {
                let Some(message) = push else { return Some(REPLACED) };
                if !state.identity.is_in_force(bearer) {
                    return Some(ENDED);
                }
                match talk::push(state, bearer, &message).await {
                    Ok(push) => Down::Push(push),
                    // The next beat brings it.
                    Err(_) => continue,
                }
            }
            _ = look.tick() => {
                if !state.identity.is_in_force(bearer) {
                    return Some(ENDED);
                }
                if ticks().since_ms(heard_at) > SILENCE_MAX_MS {
                    return Some(SILENT);
                }
                continue;
            }
        };
        let text = serde_json::to_string(&answer).expect("wire messages are plain JSON");
        timeout(SEND_WITHIN, socket.send(Message::Text(text.into()))).await.ok()?.ok()?;
    }
}

async fn answer(state: &DriverState, bearer: &Bearer, text: &str) -> Down {
    // Asked again for each message: what was revoked a moment ago says nothing more.
    if !state.identity.is_in_force(bearer) {
        return problem(AuthError::SessionEnded.into());
    }
    let result = match strict_json(text.as_bytes()) {
        Ok(Up::Beat(beat)) => talk::beat(state, bearer, beat).await.map(Down::Beat),
        Ok(Up::Reports(batch)) => talk::reports(state, bearer, batch).await.map(Down::Reports),
        Ok(Up::Positions(batch)) => talk::positions(state, bearer, batch).map(Down::Positions),
        Err(problem) => Err(problem),
    };
    result.unwrap_or_else(problem)
}

fn problem(problem: Problem) -> Down {
    Down::Problem(wire::Problem { code: problem.code, detail: problem.detail, retry: problem.retry })
}
