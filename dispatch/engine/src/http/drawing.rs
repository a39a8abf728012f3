//! The map that pages draw, as every door that shows one answers it.

use std::fmt::Display;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

use super::Problem;

/// Who may keep an answer for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptBy {
    /// Whoever passes it on: it is the same for everybody.
    Anyone,
    /// The browser that asked: whoever has no session is refused.
    TheCaller,
}

/// Ten minutes: a map changes by hand.
const SHARED: HeaderValue = HeaderValue::from_static("public, max-age=600");
const OWN: HeaderValue = HeaderValue::from_static("private, max-age=600");

/// Answers with the GeoJSON `gzipped`, or with what `plain` unpacks for a caller who takes no gzip.
///
/// # Errors
///
/// 500 if it cannot be unpacked.
pub fn drawing<E: Display>(
    asked: &HeaderMap,
    gzipped: &[u8],
    plain: impl FnOnce() -> Result<Vec<u8>, E>,
    kept_by: KeptBy,
) -> Result<Response, Problem> {
    let mut response = if takes_gzip(asked) {
        let mut response = gzipped.to_vec().into_response();
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        plain().map_err(|error| Problem::internal(&error))?.into_response()
    };
    let cache = match kept_by {
        KeptBy::Anyone => SHARED,
        KeptBy::TheCaller => OWN,
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/geo+json"));
    headers.insert(header::CACHE_CONTROL, cache);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    Ok(response)
}

/// True if `Accept-Encoding` names gzip with a weight that is not nought (RFC 9110, 12.5.3).
fn takes_gzip(asked: &HeaderMap) -> bool {
    asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
            let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
            name.trim().eq_ignore_ascii_case("gzip") && weight.is_some_and(|weight| weight > 0.0)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_goes_to_those_who_take_it() {
        for (asked, gzipped) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("deflate, gzip ;q=1.0, *;q=0", true),
            ("", false),
            ("br", false),
            ("gzip;q=0", false),
            ("gzip;q=0.0, br", false),
            ("gzippy", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(asked))]);
            let plain = || Ok::<_, std::convert::Infallible>(b"{}".to_vec());
            let answer = drawing(&headers, b"packed", plain, KeptBy::Anyone).unwrap();
            assert_eq!(answer.headers().contains_key(header::CONTENT_ENCODING), gzipped, "{asked:?}");
            assert_eq!(answer.headers()[header::VARY], "accept-encoding");
            assert_eq!(answer.headers()[header::CACHE_CONTROL], "public, max-age=600");
        }
    }

    #[test]
    fn what_cannot_be_unpacked_is_a_problem_and_what_needs_a_session_is_kept_by_its_caller_alone() {
        let broken = drawing(&HeaderMap::new(), b"", || Err("torn"), KeptBy::Anyone).unwrap_err();
        assert_eq!(broken.status, 500);
        let plain = || Ok::<_, std::convert::Infallible>(Vec::new());
        let answer = drawing(&HeaderMap::new(), b"", plain, KeptBy::TheCaller).unwrap();
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "private, max-age=600");
    }
}
