//! Where else a page may ask.

use axum::Json;
use axum::extract::State;

use crate::state::RiderState;
use crate::wire::EndpointsAnswer;

/// `GET /rider/v1/endpoints`: in the order to try; pages keep it for when nothing answers.
pub(crate) async fn list(State(state): State<RiderState>) -> Json<EndpointsAnswer> {
    Json(state.endpoints.clone())
}
