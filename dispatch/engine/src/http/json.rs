//! JSON bodies from outside: bounded in size and depth, known fields only, one sentence when refused.

use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use super::Problem;

/// Largest body, in bytes.
pub const BODY_MAX: usize = 64 * 1024;

/// Deepest nesting of lists and objects.
pub const DEPTH_MAX: usize = 32;

/// Longest sentence that repeats what the parser said.
const SENTENCE_MAX: usize = 240;

/// A JSON body. Its type says `deny_unknown_fields`, so that nothing is silently ignored.
#[derive(Debug, Clone)]
pub struct StrictJson<T>(
    /// The body.
    pub T,
);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for StrictJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let is_json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|value| value.trim().eq_ignore_ascii_case("application/json"));
        if !is_json {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send the body as application/json",
            ));
        }
        let body = axum::body::to_bytes(request.into_body(), BODY_MAX).await.map_err(|error| {
            if is_late(&error) {
                return Problem::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "body_too_slow",
                    "the body did not arrive in time; send the same request again",
                )
                .retry_after(1);
            }
            Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                format!("a body has at most {BODY_MAX} bytes"),
            )
        })?;
        strict_json(&body).map(Self)
    }
}

/// True if the server gave up waiting for the body.
fn is_late(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut)
        {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Reads `body`, at most [`DEPTH_MAX`] deep.
///
/// # Errors
///
/// 400 `invalid_request` with one sentence that says what is wrong and where.
pub fn strict_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if depth(body) > DEPTH_MAX {
        return Err(Problem::invalid(format!("the body is nested more than {DEPTH_MAX} deep")));
    }
    serde_json::from_slice(body).map_err(|error| {
        let said: String = error.to_string().chars().filter(|c| !c.is_control()).take(SENTENCE_MAX).collect();
        Problem::invalid(format!("the body is not what this request takes: {said}"))
    })
}

/// Deepest nesting, counted outside texts; serde's own limit is 128.
fn depth(body: &[u8]) -> usize {
    let (mut deepest, mut depth, mut in_text, mut escaped) = (0, 0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
