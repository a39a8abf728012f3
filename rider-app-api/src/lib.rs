//! The riders' door: find a place, see a fare, order a taxi, follow it, keep or cancel it.
//!
//! Nobody signs in: a booking has an unguessable token, which is all that a guest needs. Pages of other
//! nodes may ask too (CORS), because a rider's page goes on to the next node when one does not answer, and
//! because no cookie counts here.
//!
//! | about | module |
//! |---|---|
//! | what is sent and answered | [`wire`] |
//! | the whole API | [`router`] |
//! | from a wish to the core's request | `input` |
//! | from the board to what a rider sees | `view` |
//! | how much one address may ask | [`limits`] |
//! | how far off times of arrival are | `arrivals` |
//! | how many may follow | `followers` |
//!
//! What is absent: accounts, payment by card, messages to the driver.

mod arrivals;
mod followers;
mod input;
pub mod limits;
mod routes;
mod state;
mod view;
pub mod wire;

use axum::Router;
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{get, post};
use tower_http::cors::{Any, CorsLayer};

pub use limits::Limits;
pub use state::RiderSetup;

use routes::{bookings, endpoints, events, map, places, quotes};
use state::RiderState;

/// The whole API of riders.
pub fn router(setup: RiderSetup) -> Router {
    let state = RiderState::new(setup);
    Router::new()
        .route("/rider/v1/places", get(places::find))
        .route("/rider/v1/quotes", post(quotes::quote))
        .route("/rider/v1/bookings", post(bookings::book))
        .route("/rider/v1/bookings/{token}", get(bookings::show))
        .route("/rider/v1/bookings/{token}/events", get(events::follow))
        .route("/rider/v1/bookings/{token}/cancel", post(bookings::cancel))
        .route("/rider/v1/bookings/{token}/keep", post(bookings::keep))
        .route("/rider/v1/bookings/{token}/attest", post(bookings::attest))
        .route("/rider/v1/map", get(map::overview))
        .route("/rider/v1/endpoints", get(endpoints::list))
        .layer(from_fn_with_state(state.clone(), limits::guard))
        .layer(map_response(plain))
        .layer(
            CorsLayer::new()
                .allow_origin(Any)
                .allow_methods([Method::GET, Method::POST])
                .allow_headers([header::CONTENT_TYPE, "idempotency-key".parse().expect("a header's name")])
                .max_age(std::time::Duration::from_secs(3_600)),
        )
        .with_state(state)
}

/// Nothing of a booking is kept by caches or read as something else than it says.
async fn plain(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
