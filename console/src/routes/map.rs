//! The map of the screen.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ondol_engine::http::{KeptBy, Problem, drawing};
use ondol_engine::identity::OperatorSession;

use crate::state::ConsoleState;

/// `GET /console/v1/map`: one GeoJSON, as `ondol-roads` describes it.
pub(crate) async fn overview(
    State(state): State<ConsoleState>,
    _session: OperatorSession,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let map = state.map.as_ref().ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "no_map", "this node has no map; the lists work without it")
    })?;
    drawing(&headers, map.overview_geojson_gz(), || map.overview_geojson(), KeptBy::TheCaller)
}
