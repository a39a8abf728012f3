//! The operators' door: one screen of bookings, shifts and modes, phone intake, assignment by hand.
//!
//! It also serves the pages of `web/`, so that no request leaves the building.
//!
//! | about | module |
//! |---|---|
//! | what is sent and answered | [`wire`] |
//! | the whole API | [`router`] |
//! | from the board to the screen, and whose things are seen | `view` |
//! | riders' and operators' pages | [`pages`] |
//!
//! What is absent: messages to drivers, printing, a second factor at sign-in.

mod input;
pub mod pages;
mod routes;
mod state;
mod view;
pub mod wire;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};

pub use state::ConsoleSetup;

use routes::{bookings, callers, districts, events, fairness, intake, reconciliation, reports, session};
use state::ConsoleState;

/// The whole API of operators.
pub fn router(setup: ConsoleSetup) -> Router {
    Router::new()
        .route("/console/v1/session", get(session::show).post(session::sign_in).delete(session::sign_out))
        .route("/console/v1/board", get(routes::board::show))
        .route("/console/v1/events", get(events::follow))
        .route("/console/v1/map", get(routes::map::overview))
        .route("/console/v1/shifts/{id}/end", post(routes::shifts::end))
        .route("/console/v1/callers/{number}", get(callers::show))
        .route("/console/v1/bookings", post(intake::book))
        .route("/console/v1/bookings/{id}", get(bookings::show))
        .route("/console/v1/bookings/{id}/decisions", get(bookings::why::show))
        .route("/console/v1/bookings/{id}/assign", post(bookings::assign))
        .route("/console/v1/bookings/{id}/recall", post(bookings::recall))
        .route("/console/v1/bookings/{id}/cancel", post(bookings::cancel))
        .route("/console/v1/bookings/{id}/close", post(bookings::close))
        .route("/console/v1/bookings/{id}/reveal", post(bookings::reveal))
        .route("/console/v1/districts/{id}/take", post(districts::take))
        .route("/console/v1/districts/{id}/give-back", post(districts::give_back))
        .route("/console/v1/districts/{id}/waive-bans", post(districts::waive_bans))
        .route("/console/v1/districts/{id}/taxis/near", get(routes::taxis::near))
        .route("/console/v1/reconciliation", get(reconciliation::show))
        .route("/console/v1/fairness", get(fairness::show))
        .route("/console/v1/reports", get(reports::show))
        .route("/console/v1/reports/{id}/reveal", post(reports::reveal))
        .route("/console/v1/reports/{id}/care", post(reports::care))
        .layer(map_response(plain))
        .with_state(ConsoleState::new(setup))
}

/// Nothing of a board is kept by caches or read as something else than it says.
async fn plain(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
