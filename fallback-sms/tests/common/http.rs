//! The text door of a node over HTTP, with the rules of the node in memory.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use ondol_sms::clock::UtcMs;
use ondol_sms::dialogue::{NodeAnswer, NodeRequest};
use ondol_sms::node::{FakeNode, NodeApi as _};
use ondol_sms::wire::{
    AckRequest, BookRequest, CancelRequest, DriverCommandRequest, Empty, KeepRequest, MoveRequest,
    PlacesAnswer, Report, TokenAnswer,
};
use serde::Deserialize;
use uuid::Uuid;

use super::MORNING;

pub const TOKEN: &str = "token-of-the-text-role";
pub const RENEWED: &str = "the-token-that-follows";

#[derive(Clone)]
pub struct Door {
    pub node: FakeNode,
    /// Another node serves everything that is asked here.
    pub elsewhere: Arc<AtomicBool>,
    pub calls: Arc<AtomicU64>,
}

/// Serves the node on a free port of the loopback.
pub async fn serve(node: FakeNode) -> (SocketAddr, Door, tokio::task::AbortHandle) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (door, handle) = serve_on(listener, node);
    (address, door, handle)
}

pub fn serve_on(listener: tokio::net::TcpListener, node: FakeNode) -> (Door, tokio::task::AbortHandle) {
    let door = Door { node, elsewhere: Arc::default(), calls: Arc::default() };
    let routes = Router::new()
        .route("/text/v1/places", get(places))
        .route("/text/v1/riders/{phone}", get(rider))
        .route("/text/v1/bookings", post(book))
        .route("/text/v1/bookings/{id}/cancel", post(cancel))
        .route("/text/v1/bookings/{id}/pickup", post(relocate))
        .route("/text/v1/bookings/{id}/keep", post(keep))
        .route("/text/v1/drivers/{phone}/commands", post(drive))
        .route("/text/v1/notices", get(notices))
        .route("/text/v1/notices/ack", post(ack))
        .route("/text/v1/reports", post(report))
        .route("/text/v1/token", post(renew))
        .with_state(door.clone());
    let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (door, task.abort_handle())
}

fn answer(door: &Door, headers: &HeaderMap, request: &NodeRequest) -> Response {
    let now: UtcMs = MORNING;
    door.calls.fetch_add(1, Ordering::SeqCst);
    let bearer = format!("Bearer {TOKEN}");
    if headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) != Some(bearer.as_str()) {
        return (StatusCode::UNAUTHORIZED, "{\"code\":\"token_wrong\"}").into_response();
    }
    if door.elsewhere.load(Ordering::SeqCst) {
        return (StatusCode::MISDIRECTED_REQUEST, "{\"code\":\"outside_service_area\"}").into_response();
    }
    match door.node.answer(request, now) {
        NodeAnswer::Rider(facts) => Json(*facts).into_response(),
        NodeAnswer::Places(places) => Json(PlacesAnswer { places }).into_response(),
        NodeAnswer::Booking(view) => Json(*view).into_response(),
        NodeAnswer::Driver(state) => Json(*state).into_response(),
        NodeAnswer::Refused(problem) => (StatusCode::CONFLICT, Json(problem)).into_response(),
    }
}

#[derive(Deserialize)]
struct PlaceQuery {
    q: Option<String>,
    stand: Option<u16>,
}

async fn places(State(door): State<Door>, headers: HeaderMap, Query(query): Query<PlaceQuery>) -> Response {
    let request = match (query.q, query.stand) {
        (_, Some(code)) => NodeRequest::Stand { code },
        (query, None) => NodeRequest::Places { query: query.unwrap_or_default(), near: None },
    };
    answer(&door, &headers, &request)
}

async fn rider(State(door): State<Door>, headers: HeaderMap, Path(phone): Path<String>) -> Response {
    answer(&door, &headers, &NodeRequest::Rider { phone })
}

async fn book(State(door): State<Door>, headers: HeaderMap, Json(request): Json<BookRequest>) -> Response {
    answer(&door, &headers, &NodeRequest::Book(Box::new(request)))
}

async fn cancel(
    State(door): State<Door>,
    headers: HeaderMap,
    Path(booking_id): Path<Uuid>,
    Json(request): Json<CancelRequest>,
) -> Response {
    answer(&door, &headers, &NodeRequest::Cancel { booking_id, request })
}

async fn relocate(
    State(door): State<Door>,
    headers: HeaderMap,
    Path(booking_id): Path<Uuid>,
    Json(request): Json<MoveRequest>,
) -> Response {
    answer(&door, &headers, &NodeRequest::Move { booking_id, request: Box::new(request) })
}

async fn keep(
    State(door): State<Door>,
    headers: HeaderMap,
    Path(booking_id): Path<Uuid>,
    Json(request): Json<KeepRequest>,
) -> Response {
    answer(&door, &headers, &NodeRequest::Keep { booking_id, request })
}

async fn drive(
    State(door): State<Door>,
    headers: HeaderMap,
    Path(phone): Path<String>,
    Json(request): Json<DriverCommandRequest>,
) -> Response {
    answer(&door, &headers, &NodeRequest::Drive { phone, request })
}

#[derive(Deserialize)]
struct NoticeQuery {
    #[serde(default)]
    outbox: String,
    after: i64,
}

async fn notices(State(door): State<Door>, Query(query): Query<NoticeQuery>) -> Response {
    Json(door.node.notices("fake", &query.outbox, query.after, 0).await.unwrap()).into_response()
}

async fn renew(State(door): State<Door>, headers: HeaderMap) -> Response {
    // Whoever may ask for anything may renew; what is asked is of no matter.
    let asked = answer(&door, &headers, &NodeRequest::Stand { code: 0 });
    if asked.status().is_success() {
        Json(TokenAnswer { token: RENEWED.to_owned() }).into_response()
    } else {
        asked
    }
}

async fn ack(State(door): State<Door>, Json(request): Json<AckRequest>) -> Response {
    door.node.acknowledge("fake", &request).await.unwrap();
    Json(Empty {}).into_response()
}

async fn report(State(door): State<Door>, Json(report): Json<Report>) -> Response {
    door.node.report("fake", &report).await.unwrap();
    Json(Empty {}).into_response()
}
