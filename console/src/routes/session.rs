//! Sign in, sign out, who am I.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use ondol_core::face::Role;
use ondol_engine::http::{Problem, StrictJson};
use ondol_engine::identity::{AuthError, ClientAddress, Operator, OperatorSession};

use crate::state::{ConsoleState, Inner};
use crate::wire::{SessionView, SignIn};

/// `POST /console/v1/session`: the session is in the cookie.
pub(crate) async fn sign_in(
    State(state): State<ConsoleState>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    StrictJson(wish): StrictJson<SignIn>,
) -> Result<Response, Problem> {
    if !state.identity.is_own_page(&headers) {
        return Err(AuthError::Origin.into());
    }
    let signed_in = state.identity.sign_in(&wish.account, &wish.password, &address).await?;
    let mut response = Json(view(&state, &signed_in.operator)).into_response();
    response.headers_mut().insert(header::SET_COOKIE, signed_in.set_cookie);
    Ok(response)
}

/// `GET /console/v1/session`.
pub(crate) async fn show(
    State(state): State<ConsoleState>,
    session: OperatorSession,
) -> Result<Json<SessionView>, Problem> {
    Ok(Json(view(&state, &session.operator)))
}

/// `DELETE /console/v1/session`: without one there is nothing to end, which is no error.
pub(crate) async fn sign_out(
    State(state): State<ConsoleState>,
    method: Method,
    headers: HeaderMap,
) -> Result<(StatusCode, [(header::HeaderName, HeaderValue); 1]), Problem> {
    let clear = state.identity.sign_out(&method, &headers).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, clear)]))
}

fn view(state: &Inner, operator: &Operator) -> SessionView {
    SessionView {
        account: operator.login.clone(),
        role: operator.role.as_str().to_owned(),
        fleet: operator.fleet.clone(),
        node: state.handle.node_id().clone(),
        central: *state.handle.role() == Role::Central,
    }
}
