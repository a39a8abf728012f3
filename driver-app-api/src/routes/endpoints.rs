//! `GET /driver/v1/endpoints`: where a device turns when this node does not answer. It keeps the list.

use axum::Json;
use axum::extract::State;
use ondol_device::wire::Endpoints;
use ondol_engine::http::Problem;
use ondol_engine::identity::DriverSession;

use crate::state::DriverState;

/// The nodes of the device's district.
///
/// # Errors
///
/// 404 if this node knows none for the district.
pub(crate) async fn list(
    State(state): State<DriverState>,
    DriverSession(bearer): DriverSession,
) -> Result<Json<Endpoints>, Problem> {
    state.endpoints.get(&bearer.district).cloned().map(Json).ok_or_else(Problem::not_found)
}
