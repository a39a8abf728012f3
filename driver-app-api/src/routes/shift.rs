//! What a device says in a session: attach, beat, reports, positions.

use axum::Json;
use axum::extract::State;
use ondol_device::wire::{
    Attach, Attached, Beat, BeatAnswer, PositionAnswer, PositionBatch, ReportAnswer, ReportBatch,
};
use ondol_engine::http::{Problem, StrictJson};
use ondol_engine::identity::DriverSession;

use crate::auth::within_budget;
use crate::state::DriverState;
use crate::talk;

/// `POST /driver/v1/attach`.
pub(crate) async fn attach(
    State(state): State<DriverState>,
    DriverSession(bearer): DriverSession,
    StrictJson(attach): StrictJson<Attach>,
) -> Result<Json<Attached>, Problem> {
    within_budget(&state, &bearer)?;
    talk::attach(&state, &bearer, attach).await.map(Json)
}

/// `POST /driver/v1/beat`.
pub(crate) async fn beat(
    State(state): State<DriverState>,
    DriverSession(bearer): DriverSession,
    StrictJson(beat): StrictJson<Beat>,
) -> Result<Json<BeatAnswer>, Problem> {
    within_budget(&state, &bearer)?;
    talk::beat(&state, &bearer, beat).await.map(Json)
}

/// `POST /driver/v1/reports`.
pub(crate) async fn reports(
    State(state): State<DriverState>,
    DriverSession(bearer): DriverSession,
    StrictJson(batch): StrictJson<ReportBatch>,
) -> Result<Json<ReportAnswer>, Problem> {
    within_budget(&state, &bearer)?;
    talk::reports(&state, &bearer, batch).await.map(Json)
}

/// `POST /driver/v1/positions`.
pub(crate) async fn positions(
    State(state): State<DriverState>,
    DriverSession(bearer): DriverSession,
    StrictJson(batch): StrictJson<PositionBatch>,
) -> Result<Json<PositionAnswer>, Problem> {
    within_budget(&state, &bearer)?;
    talk::positions(&state, &bearer, batch).map(Json)
}
