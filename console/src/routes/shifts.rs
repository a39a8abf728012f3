//! End a shift whose phone is lost.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use ondol_core::command::{Command, Refusal};
use ondol_core::ids::ShiftId;
use ondol_engine::http::{Problem, StrictJson};
use ondol_engine::identity::OperatorSession;

use crate::state::ConsoleState;
use crate::view::SeenShift;
use crate::wire::{Empty, ShiftRow};

/// `POST /console/v1/shifts/{id}/end`: its driver can begin another one. Another fleet's shift is not there at all.
pub(crate) async fn end(
    State(state): State<ConsoleState>,
    session: OperatorSession,
    path: Result<Path<ShiftId>, PathRejection>,
    StrictJson(Empty {}): StrictJson<Empty>,
) -> Result<Json<ShiftRow>, Problem> {
    let Path(shift) = path.map_err(|_| Problem::invalid("a shift's id is a UUID"))?;
    super::may_ask(&state, &session.caller, shift).await?;
    state.handle.request(Command::EndShift { shift }).await?;
    tracing::warn!(operator = %session.operator.subject, %shift, "an operator ended a shift");
    let seen = state.handle.read_at(move |node, now| SeenShift::find(node, shift, now)).await?;
    Ok(Json(seen.ok_or(Refusal::UnknownShift)?.row(state.handle.vault())))
}
