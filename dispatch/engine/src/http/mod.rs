//! What all doors share: problem documents, strict JSON, places in addresses, request ids, how fresh an answer is, and the map drawn.
//!
//! Problems follow RFC 9457 with two members of our own: a stable `code`, and `retry`, which says whether
//! the same request may succeed later, unchanged. The message outside is written for the caller; what
//! went wrong inside is logged here once and not shown.

mod drawing;
mod freshness;
mod json;
mod lat_lon;
mod moment;
mod places;
mod request_id;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ondol_core::command::Refusal;
use serde::Serialize;

use crate::run::{RequestError, Unavailable};

pub use drawing::{KeptBy, drawing};
pub use freshness::{Authority, Fresh, rfc3339};
pub use json::{BODY_MAX, DEPTH_MAX, StrictJson, strict_json};
pub use lat_lon::lat_lon;
pub use moment::{InvalidMoment, Moment};
pub use places::{NoPlace, Place, Places, network_of};
pub use request_id::{REQUEST_ID_HEADER, RequestId, request_id};

/// A problem document (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Names the kind of problem: `urn:ondol:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for every problem of this kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// One sentence for the caller.
    pub detail: String,
    /// Stable, in snake case, for programs.
    pub code: String,
    /// True if the same request may succeed later, unchanged.
    pub retry: bool,
    /// Seconds to wait before that, sent as `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
}

impl Problem {
    /// Returns the problem `code`; the title is the code in words.
    #[must_use]
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        let mut title = code.replace('_', " ");
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Self {
            kind: format!("urn:ondol:problem:{code}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            code: code.to_owned(),
            retry: false,
            retry_after_s: None,
        }
    }

    /// The same request may succeed after `after_s` seconds.
    #[must_use]
    pub fn retry_after(mut self, after_s: u32) -> Self {
        self.retry = true;
        self.retry_after_s = Some(after_s);
        self
    }

    /// 400 `invalid_request`: a value is malformed.
    #[must_use]
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
    }

    /// 404 `not_found`: nothing there, or nothing that this caller may know of.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address")
    }

    /// 401 `unauthenticated`: no credential, or one that does not count.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "sign in first")
    }

    /// 403 `forbidden`: the caller is known and may not do this.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "you may not do this")
    }

    /// 429 `too_many_requests`: a budget is used up until `after_s` from now.
    #[must_use]
    pub fn too_many(after_s: u32) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "too many requests; wait a little")
            .retry_after(after_s)
    }

    /// 503 `unavailable`: this node cannot answer now; nothing is known to have changed.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "this node cannot answer at the moment; send the same request again, here or to another node",
        )
        .retry_after(1)
    }

    /// 500 `internal`: a fault of ours; `cause` is logged and not shown.
    #[must_use]
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request met a fault of ours");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong here; it was noted")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after_s = self.retry_after_s;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The one table of what a refusal is over HTTP.
fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::OutOfRange => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Banned => StatusCode::FORBIDDEN,
        Refusal::UnknownBooking
        | Refusal::UnknownShift
        | Refusal::UnknownDriver
        | Refusal::UnknownStand
        | Refusal::UnknownSeries
        | Refusal::OtherDistrict => StatusCode::NOT_FOUND,
        Refusal::KeyReused
        | Refusal::StaleAttach
        | Refusal::AlreadyBoarded
        | Refusal::NotAvailable
        | Refusal::ShiftBusy
        | Refusal::AlreadyAssigned
        | Refusal::EtaUnknown
        | Refusal::DriverHeard
        | Refusal::NoOffer
        | Refusal::NoTrip
        | Refusal::OpenBookingExists
        | Refusal::DriverElsewhere
        | Refusal::ShiftEnded
        | Refusal::StillWritten
        | Refusal::NotStuck
        | Refusal::OwnPast
        | Refusal::CapsuleForeign
        | Refusal::CapsuleRolledBack
        | Refusal::NotOwner => StatusCode::CONFLICT,
        Refusal::Closed | Refusal::OfferLapsed | Refusal::CapsuleExpired => StatusCode::GONE,
        Refusal::OtherNode => StatusCode::MISDIRECTED_REQUEST,
        Refusal::RosterTooOld | Refusal::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let problem = Self::new(status_of(&refusal), refusal.code(), refusal.to_string());
        if refusal.is_transient() { problem.retry_after(1) } else { problem }
    }
}

impl From<Unavailable> for Problem {
    fn from(_: Unavailable) -> Self {
        Self::unavailable()
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Refused(refusal) => refusal.into(),
            RequestError::Unavailable => Self::unavailable(),
        }
    }
}

#[cfg(test)]
mod tests;
