//! The pages of `web/`, carried inside the executable: riders at `/`, operators at `/console/`.
//!
//! A debug build reads them from `web/dist`, so that they can be rebuilt while a node runs. A build without
//! them still serves everything else, and says at `/` how to make them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

/// What `npm run build` in `web/` made.
#[derive(RustEmbed)]
#[folder = "../web/dist"]
#[allow_missing = true]
struct Files;

const NOT_BUILT: &str = "The pages are not built. Run `cargo xtask web` (or `npm ci && npm run build` in web/) \
                         and build this program again. The APIs work without them.\n";

/// Serves the pages. `nodes` are the URLs of all nodes that a rider's page may ask, as in the list of endpoints:
/// the page's security policy lets it ask nobody else.
pub fn router(nodes: &[String]) -> Router {
    let mut connect = String::from("'self'");
    for url in nodes.iter().filter(|url| is_origin(url)) {
        connect.push(' ');
        connect.push_str(url);
    }
    let policies = Arc::new(Policies { rider: policy(&connect), console: policy("'self'") });
    Router::new()
        .route("/", get(rider))
        .route("/console", get(|| async { Redirect::permanent("/console/") }))
        .route("/console/", get(console))
        .route("/assets/{*file}", get(asset))
        .route("/offline.js", get(|State(p): State<Arc<Policies>>| async move { top(&p, "offline.js") }))
        .route(
            "/manifest.webmanifest",
            get(|State(p): State<Arc<Policies>>| async move { top(&p, "manifest.webmanifest") }),
        )
        .route("/icon.svg", get(|State(p): State<Arc<Policies>>| async move { top(&p, "icon.svg") }))
        .route("/icon-192.png", get(|State(p): State<Arc<Policies>>| async move { top(&p, "icon-192.png") }))
        .route("/icon-512.png", get(|State(p): State<Arc<Policies>>| async move { top(&p, "icon-512.png") }))
        .with_state(policies)
}

struct Policies {
    rider: HeaderValue,
    console: HeaderValue,
}

/// Nothing inline, nothing from elsewhere; the map's workers and pictures are our own.
fn policy(connect: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
         connect-src {connect}; worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("origins were checked to be plain header text")
}

/// True for `scheme://host[:port]` in letters that mean nothing in a policy.
fn is_origin(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    rest.is_some_and(|host| {
        !host.is_empty()
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
    })
}

async fn rider(State(policies): State<Arc<Policies>>) -> Response {
    page("index.html", &policies.rider)
}

async fn console(State(policies): State<Arc<Policies>>) -> Response {
    page("console/index.html", &policies.console)
}

fn page(name: &str, policy: &HeaderValue) -> Response {
    let Some(file) = Files::get(name) else {
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        return (StatusCode::SERVICE_UNAVAILABLE, [kind], NOT_BUILT).into_response();
    };
    answer(file, "no-cache", policy)
}

/// Names hold the hash of the content, so a copy is good for ever.
async fn asset(State(policies): State<Arc<Policies>>, Path(file): Path<String>) -> Response {
    match Files::get(&format!("assets/{file}")) {
        Some(file) => answer(file, "public, max-age=31536000, immutable", &policies.console),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn top(policies: &Policies, name: &'static str) -> Response {
    match Files::get(name) {
        // A service worker asks for itself under the policy that came with it.
        Some(file) => answer(file, "no-cache", &policies.rider),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn answer(file: EmbeddedFile, cache: &'static str, policy: &HeaderValue) -> Response {
    let kind = HeaderValue::from_str(file.metadata.mimetype())
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
        (header::CONTENT_SECURITY_POLICY, policy.clone()),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (headers, file.data.into_owned()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_url_can_widen_the_policy() {
        for bad in [
            "",
            "http://",
            "javascript:alert(1)",
            "http://a b",
            "http://a; script-src *",
            "http://a/b",
            "http://'unsafe-inline'",
            "//a",
            "*",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
        assert!(is_origin("http://127.0.0.1:8080") && is_origin("https://edge-a.taxi.example"));
        assert!(is_origin("http://[::1]:8080"));
    }

    #[test]
    fn nothing_inline_is_ever_allowed() {
        let policy = policy("'self' http://127.0.0.1:8081");
        let text = policy.to_str().unwrap();
        assert!(text.starts_with("default-src 'none'") && !text.contains("unsafe"), "{text}");
        assert!(text.contains("connect-src 'self' http://127.0.0.1:8081;"), "{text}");
    }
}
