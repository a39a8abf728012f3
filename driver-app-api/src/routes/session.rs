//! `POST /driver/v1/session`: pass and proof for a session with this node, whether central answers or not.

use axum::Json;
use axum::extract::State;
use ondol_engine::http::{Problem, StrictJson};
use ondol_engine::identity::AuthError;

use crate::auth::may_work;
use crate::state::DriverState;
use crate::wire::{OpenSession, Session};

/// Opens a session.
///
/// # Errors
///
/// 401 `pass_refused`, `proof_refused` or `proof_replayed`; 403 `banned`.
pub(crate) async fn open(
    State(state): State<DriverState>,
    StrictJson(request): StrictJson<OpenSession>,
) -> Result<Json<Session>, Problem> {
    let (token, bearer) =
        state.identity.open_session(&request.pass, &request.proof).map_err(AuthError::from)?;
    may_work(&state, &bearer).await?;
    let node = state.handle.node_id().clone();
    Ok(Json(Session { node, token, expires_at: bearer.expires_at }))
}
