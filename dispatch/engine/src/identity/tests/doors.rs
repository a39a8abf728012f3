//! The extractors, as a door uses them.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::routing::{get, post};
use tower::ServiceExt as _;

use super::*;

fn door(identity: Arc<Identity>) -> Router {
    Router::new()
        .route(
            "/driver",
            get(|DriverSession(bearer): DriverSession| async move { bearer.driver.to_string() }),
        )
        .route("/peer", get(|Peer(peer): Peer| async move { peer.node.to_string() }))
        .route("/text", get(|TextClient(text): TextClient| async move { text.node.to_string() }))
        .route("/operator", post(|session: OperatorSession| async move { session.operator.login }))
        .with_state(identity)
}

type Sent<'a> = &'a [(header::HeaderName, &'a str)];

async fn status(door: &Router, method: &str, path: &str, headers: Sent<'_>) -> StatusCode {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    door.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
}

#[tokio::test]
async fn nobody_enters_without_or_with_another_s_token() {
    let Pair { central, edge, _stores, .. } = pair().await;
    let door = door(central.clone());
    let peer = format!("Bearer {}", edge.peer_token(central.node()).token);
    let text = format!("Bearer {}", edge.text_token(vec!["north".parse().unwrap()], 60_000));
    let basic = peer.replace("Bearer", "Basic");
    let double = format!("{peer}, {peer}");
    let cases: [(&str, Sent<'_>, StatusCode); 12] = [
        ("/driver", &[], StatusCode::UNAUTHORIZED),
        ("/peer", &[], StatusCode::UNAUTHORIZED),
        ("/text", &[], StatusCode::UNAUTHORIZED),
        ("/driver", &[(header::AUTHORIZATION, &peer)], StatusCode::UNAUTHORIZED),
        ("/driver", &[(header::AUTHORIZATION, &text)], StatusCode::UNAUTHORIZED),
        ("/text", &[(header::AUTHORIZATION, &peer)], StatusCode::UNAUTHORIZED),
        ("/peer", &[(header::AUTHORIZATION, &text)], StatusCode::UNAUTHORIZED),
        ("/peer", &[(header::AUTHORIZATION, &basic)], StatusCode::UNAUTHORIZED),
        ("/peer", &[(header::AUTHORIZATION, &double)], StatusCode::UNAUTHORIZED),
        (
            "/peer",
            &[(header::AUTHORIZATION, &peer), (header::AUTHORIZATION, &peer)],
            StatusCode::UNAUTHORIZED,
        ),
        ("/peer", &[(header::AUTHORIZATION, &peer)], StatusCode::OK),
        ("/text", &[(header::AUTHORIZATION, &text)], StatusCode::OK),
    ];
    for (path, headers, expected) in cases {
        assert_eq!(status(&door, "GET", path, headers).await, expected, "{path} {headers:?}");
    }
}

#[tokio::test]
async fn an_operator_enters_with_a_cookie_from_an_own_page() {
    let Pair { central, _stores, .. } = pair().await;
    let new = NewOperator {
        login: "kim".into(),
        password: "ondol stays warm".into(),
        role: Role::Operator,
        fleet: None,
        districts: Districts::All,
    };
    central.add_operator(new).await.unwrap();
    let signed_in = central.sign_in("kim", "ondol stays warm", "127.0.0.1").await.unwrap();
    let cookie = signed_in.set_cookie.to_str().unwrap().split(';').next().unwrap();
    let door = door(central.clone());
    let own = (header::ORIGIN, "http://127.0.0.1:8080");
    let cases: [(Sent<'_>, StatusCode); 4] = [
        (std::slice::from_ref(&own), StatusCode::UNAUTHORIZED),
        (&[(header::COOKIE, cookie)], StatusCode::FORBIDDEN),
        (&[(header::COOKIE, cookie), (header::ORIGIN, "https://evil.example")], StatusCode::FORBIDDEN),
        (&[(header::COOKIE, cookie), own.clone()], StatusCode::OK),
    ];
    for (headers, expected) in cases {
        assert_eq!(status(&door, "POST", "/operator", headers).await, expected, "{headers:?}");
    }
}
