//! The map of the screen.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use ondol_engine::http::Problem;
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
    let takes_gzip = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|part| part.trim().starts_with("gzip")));
    let mut response = if takes_gzip {
        let mut response = map.overview_geojson_gz().to_vec().into_response();
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        map.overview_geojson().map_err(|error| Problem::internal(&error))?.into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/geo+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=600"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    Ok(response)
}
