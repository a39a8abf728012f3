//! The map that pages draw.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ondol_engine::http::{KeptBy, Problem, drawing};

use crate::state::RiderState;

/// `GET /rider/v1/map`: one GeoJSON, as `ondol-roads` describes it.
pub(crate) async fn overview(
    State(state): State<RiderState>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let map = state.map.as_ref().ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "no_map",
            "this node has no map; places can still be given by position",
        )
    })?;
    drawing(&headers, map.overview_geojson_gz(), || map.overview_geojson(), KeptBy::Anyone)
}
