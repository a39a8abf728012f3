//! Who asks, for the doors: axum extractors that let nobody through by accident.
//!
//! A handler that names one of these in its arguments runs only for such a caller. The door's state gives
//! its `Arc<Identity>` by [`FromRef`].

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::error::AuthError;
use super::nodes::{PeerNode, TextProcess};
use super::pass::Bearer;
use super::policy::Caller;
use super::state::Identity;
use super::store::Operator;
use super::token::TokenRefusal;
use crate::http::Problem;

/// A driver's device in session with this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverSession(pub Bearer);

/// An operator who has signed in at this node; changing requests come from one of its own pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorSession {
    /// The operator.
    pub operator: Operator,
    /// The operator as [`super::policy::allow`] sees one.
    pub caller: Caller,
}

/// The text process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextClient(pub TextProcess);

/// Another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer(pub PeerNode);

/// Where a request comes from, for bounds on tries: an IPv4 address, or the /64 network of an IPv6 one.
///
/// The address is the connection's; behind a proxy every caller shares the proxy's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAddress(pub String);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        Ok(Self(match peer {
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) if address.is_loopback() => address.to_string(),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
            // A server without addresses: everybody shares one bound.
            None => "unknown".into(),
        }))
    }
}

impl<S> FromRequestParts<S> for DriverSession
where
    S: Send + Sync,
    Arc<Identity>: FromRef<S>,
{
    type Rejection = AuthError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthError> {
        let identity = Arc::<Identity>::from_ref(state);
        Ok(Self(identity.driver_session(bearer(&parts.headers)?)?))
    }
}

impl<S> FromRequestParts<S> for OperatorSession
where
    S: Send + Sync,
    Arc<Identity>: FromRef<S>,
{
    type Rejection = AuthError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthError> {
        let identity = Arc::<Identity>::from_ref(state);
        let operator = identity.operator_of(&parts.method, &parts.headers).await?;
        let caller = operator.caller();
        Ok(Self { operator, caller })
    }
}

impl<S> FromRequestParts<S> for TextClient
where
    S: Send + Sync,
    Arc<Identity>: FromRef<S>,
{
    type Rejection = AuthError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthError> {
        let identity = Arc::<Identity>::from_ref(state);
        Ok(Self(identity.verify_text(bearer(&parts.headers)?)?))
    }
}

impl<S> FromRequestParts<S> for Peer
where
    S: Send + Sync,
    Arc<Identity>: FromRef<S>,
{
    type Rejection = AuthError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthError> {
        let identity = Arc::<Identity>::from_ref(state);
        Ok(Self(identity.verify_peer(bearer(&parts.headers)?)?))
    }
}

/// The one bearer token of a request.
fn bearer(headers: &HeaderMap) -> Result<&str, AuthError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(AuthError::Missing) };
    let value = value.to_str().map_err(|_| TokenRefusal::Malformed)?;
    let (scheme, token) = value.split_once(' ').ok_or(TokenRefusal::Malformed)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token) } else { Err(AuthError::Missing) }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        log(&error);
        let problem = Self::new(error.status(), error.code(), error.to_string());
        match error.retry_ms() {
            Some(ms) => problem.retry_after(u32::try_from(ms.div_ceil(1_000)).unwrap_or(u32::MAX)),
            None => problem,
        }
    }
}

impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        let mut response = Problem::from(self).into_response();
        if response.status() == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The caller learns that a token was refused; why is for us.
fn log(error: &AuthError) {
    match error {
        AuthError::Token(reason) => tracing::info!(%reason, "a token was refused"),
        AuthError::Pass(reason) => tracing::info!(%reason, "a shift pass was refused"),
        AuthError::Store(reason) => tracing::error!(%reason, "the identity store does not answer"),
        AuthError::SignIn(reason) => tracing::info!(%reason, "a sign-in was refused"),
        AuthError::Origin => tracing::warn!("a request came from another site"),
        AuthError::Missing | AuthError::SessionEnded | AuthError::Forbidden | AuthError::Hidden => {}
    }
}
