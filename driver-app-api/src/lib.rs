//! The drivers' door: sign in, bind the device to this node, beat, report, get offers.
//!
//! Served by central and by edges alike. A device signs in once for a shift pass, and from then on needs only
//! the node that it speaks to: pass and proof of its key give a session there, while central is away too.
//!
//! ```text
//! POST sign-in         number, secret, device key ─▶ shift pass       (central, or the driver's edge)
//! POST session         pass, proof                ─▶ session, 15 min  (every node of the district)
//! POST attach          whole state of the device  ─▶ session of the core
//! POST beat            every 5 s                  ─▶ everything open
//! POST reports         outbox, live lane          ─▶ a result for each entry
//! POST positions       outbox, track lane         ─▶ what was taken in
//! POST socket-ticket   ─▶ ticket, once, 60 s
//! GET  socket?ticket=  beat, reports, positions up; answers and pushes down
//! GET  endpoints       where to turn when this node does not answer
//! ```
//!
//! | about | module |
//! |---|---|
//! | what is sent and answered | [`wire`], `ondol_device::wire` |
//! | who a device is, how much it may say | `auth`, `budget`, `ondol_engine::identity` |
//! | what is done with a message, over HTTP and socket alike | `talk` |
//! | what a driver may read about a rider | `personal` |
//! | where fixes wait for what learns from them | `track` |
//!
//! What is absent: earnings, chat, card terminals; a sign-in by a second factor.

mod auth;
mod budget;
mod personal;
mod routes;
mod state;
mod talk;
#[cfg(test)]
mod tests;
mod tickets;
mod track;
pub mod wire;

use axum::Router;
use axum::http::{HeaderValue, Method, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};
use tower_http::cors::{Any, CorsLayer};

pub use state::DriverSetup;
pub use track::{FIX_AGE_MAX_MS, QUEUED_FIXES_MAX, Track, TrackQueue};

use routes::{endpoints, session, shift, sign_in, socket};
use state::DriverState;

/// The whole API of drivers.
///
/// Pages of other nodes may call it (CORS): a driver's page goes on to the next node when one does not answer,
/// and no cookie counts here. Sockets, which browsers open without asking, are open to this node's pages only.
///
pub fn router(setup: DriverSetup) -> Router {
    Router::new()
        .route("/driver/v1/sign-in", post(sign_in::sign_in))
        .route("/driver/v1/session", post(session::open))
        .route("/driver/v1/attach", post(shift::attach))
        .route("/driver/v1/beat", post(shift::beat))
        .route("/driver/v1/reports", post(shift::reports))
        .route("/driver/v1/positions", post(shift::positions))
        .route("/driver/v1/socket-ticket", post(socket::ticket))
        .route("/driver/v1/endpoints", get(endpoints::list))
        .layer(
            CorsLayer::new()
                .allow_origin(Any)
                .allow_methods([Method::GET, Method::POST])
                .allow_headers([header::CONTENT_TYPE, header::AUTHORIZATION])
                .max_age(std::time::Duration::from_secs(3_600)),
        )
        .route("/driver/v1/socket", get(socket::open))
        .layer(map_response(plain))
        .with_state(DriverState::new(setup))
}

/// Nothing of a driver's is kept by caches or read as something else than it says.
async fn plain(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
