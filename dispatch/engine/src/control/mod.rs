//! What a node's own staff tells it while it runs: `ondol node bar`, `erase`, `distrust` and their like.
//!
//! ```text
//! ondol node bar --config central.toml --driver … ── POST /node/v1/orders {order} ─▶ the node at listen.address
//!                                                    token: signed with the node's own key, for this body alone
//! ```
//!
//! Whoever can read the node's key *is* the node, so that key is what proves staff. A token is good for one minute
//! and one body; every order may be carried out twice.

mod orders;
#[cfg(test)]
mod tests;
mod who;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, header};
use axum::routing::post;
use ondol_core::units::UtcMs;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::capsule::Recovery;
use crate::http::{BODY_MAX, Problem, strict_json};
use crate::identity::{Audience, Grant, Identity, Issuer, Role};
use crate::roster::Entered;
use crate::run::Handle;
use crate::vault::hex;

pub use orders::{Order, Person};
pub use who::{BookingNamed, DriverNamed, NAMED_MAX};

/// Life of an order's token, in milliseconds of the machine's clock.
pub const ORDER_LIFE_MS: u64 = 60_000;
/// Longest wait for the answer.
const WITHIN: Duration = Duration::from_secs(20);

/// What the node did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// One sentence.
    pub said: String,
    /// How many rows were new or changed, if rows were entered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entered: Option<Entered>,
}

/// Why an order was not carried out.
#[derive(Debug, Error)]
pub enum OrderError {
    /// Nobody listens there.
    #[error("the node does not answer at {address}: start it first ({source})")]
    Silent {
        /// Where it was looked for.
        address: SocketAddr,
        /// Why.
        source: reqwest::Error,
    },
    /// The node says no.
    #[error("{0}")]
    Refused(String),
    /// The client could not be made, or the order has no JSON form.
    #[error("the order could not be sent: {0}")]
    Unsent(String),
}

#[derive(Clone)]
struct Desk {
    handle: Handle,
    identity: Arc<Identity>,
    recovery: Recovery,
}

/// The route for the node's staff: `/node/v1/orders`.
pub fn control_router(handle: Handle, identity: Arc<Identity>, recovery: Recovery) -> Router {
    Router::new()
        .route("/node/v1/orders", post(order))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(Desk { handle, identity, recovery })
}

async fn order(
    State(desk): State<Desk>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<axum::Json<Done>, Problem> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(Problem::unauthenticated)?;
    if !desk.identity.is_order(token, &digest(&body)) {
        return Err(Problem::unauthenticated());
    }
    let order: Order = strict_json(&body)?;
    let done = orders::carry_out(order, &desk).await?;
    tracing::info!(said = done.said, "an order of the node's staff was carried out");
    Ok(axum::Json(done))
}

/// Sends an order to the node that listens at `address`; `issuer` has the node's own key.
///
/// # Errors
///
/// [`OrderError`], in one sentence.
pub async fn send_order(
    order: &Order,
    address: SocketAddr,
    issuer: &Issuer,
    speed: f64,
    now: UtcMs,
) -> Result<Done, OrderError> {
    let unsent = |error: &dyn std::fmt::Display| OrderError::Unsent(error.to_string());
    let body = serde_json::to_vec(order).map_err(|error| unsent(&error))?;
    let token = order_token(issuer, &body, speed, now);
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(WITHIN)
        .build()
        .map_err(|error| unsent(&error))?;
    let address = reachable(address);
    let response = client
        .post(format!("http://{address}/node/v1/orders"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(body)
        .send()
        .await
        .map_err(|source| OrderError::Silent { address, source })?;
    let is_done = response.status().is_success();
    let status = response.status();
    let bytes = response.bytes().await.map_err(|source| OrderError::Silent { address, source })?;
    if is_done {
        return serde_json::from_slice(&bytes).map_err(|error| unsent(&error));
    }
    #[derive(Deserialize)]
    struct Refused {
        detail: String,
    }
    let told = serde_json::from_slice::<Refused>(&bytes);
    Err(OrderError::Refused(told.map_or_else(|_| format!("the node answered {status}"), |told| told.detail)))
}

/// Where the node that listens at `address` is asked on its own machine: one that listens on every address is asked
/// on 127.0.0.1.
#[must_use]
pub fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}

fn order_token(issuer: &Issuer, body: &[u8], speed: f64, now: UtcMs) -> String {
    // Moments are simulated ones: a minute of the machine's clock is many of a city that runs fast.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a clock runs at most 1,000 fast"
    )]
    let life_ms = (Duration::from_millis(ORDER_LIFE_MS).mul_f64(speed.max(1.0))).as_millis() as u64;
    let grant = Grant {
        sub: digest(body),
        aud: Audience::Orders(issuer.node().clone()),
        role: Role::Sysadmin,
        fleet: None,
        districts: Vec::new(),
        node: Some(issuer.node().clone()),
        device: None,
        cnf: None,
        life_ms,
    };
    issuer.sign(grant, now).0
}

fn digest(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}
