//! Takes connections in for all doors: how many there may be, and how long one may take to say what it wants.
//!
//! Without these bounds a caller who sends one byte a minute would hold a connection for ever, and one address
//! could hold them all. HTTP/1 only: browsers speak nothing else without TLS, and a proxy that ends TLS speaks it too.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::response::Response;
use futures_util::StreamExt as _;
use futures_util::stream::unfold;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ondol_engine::http::{Places, network_of};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tower::ServiceExt as _;

/// Before listening again when no connection can be taken in, for want of file descriptors for example.
const REST: Duration = Duration::from_secs(1);

/// The bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Connections at the same time; more wait in the system's queue.
    pub(crate) connections_max: usize,
    /// Connections of one address; more are closed at once. The machine itself is many: a proxy runs there.
    pub(crate) of_address_max: usize,
    /// From the connection, or the answer before, to the end of a request's headers.
    pub(crate) headers_within: Duration,
    /// From there to the end of its body.
    pub(crate) body_within: Duration,
}

impl Default for Bounds {
    /// Room for the sockets of a large city's 24,000 shifts, 10,000 riders who follow, and requests; a whole cell of a
    /// mobile network may come from one address.
    fn default() -> Self {
        Self {
            connections_max: 40_000,
            of_address_max: 1_000,
            headers_within: Duration::from_secs(20),
            body_within: Duration::from_secs(20),
        }
    }
}

/// Serves `router` for ever.
pub(crate) async fn listen(listener: TcpListener, router: Router, bounds: Bounds) -> Infallible {
    let room = Arc::new(Semaphore::new(bounds.connections_max));
    let addresses: Places<IpAddr> = Places::new(bounds.connections_max);
    loop {
        let permit = Arc::clone(&room).acquire_owned().await.expect("nobody closes the semaphore");
        let (stream, address) = match listener.accept().await {
            Ok(taken) => taken,
            Err(error) if is_of_the_caller(&error) => continue,
            Err(error) => {
                tracing::error!(%error, "no connection can be taken in");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        let ip = address.ip().to_canonical();
        let of_address_max = if ip.is_loopback() { bounds.connections_max } else { bounds.of_address_max };
        // Dropping the stream closes it.
        let Ok(place) = addresses.take(network_of(ip), of_address_max) else { continue };
        let router = router.clone();
        tokio::spawn(async move {
            converse(stream, address, router, bounds).await;
            drop((place, permit));
        });
    }
}

/// Serves one connection until it ends.
async fn converse(stream: TcpStream, address: SocketAddr, router: Router, bounds: Bounds) {
    // Answers are small; a system that will not send them at once sends them later.
    let _delayed = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        async move { Ok::<Response, Infallible>(answer(router, request, address, bounds.body_within).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.headers_within)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(router: Router, request: Request<Incoming>, from: SocketAddr, within: Duration) -> Response {
    let mut request = request.map(|body| in_time(Body::new(body), within));
    request.extensions_mut().insert(ConnectInfo(from));
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// The body, which fails if it is not complete `within`.
fn in_time(body: Body, within: Duration) -> Body {
    if body.is_end_stream() {
        return body;
    }
    let until = Instant::now() + within;
    Body::from_stream(unfold(Some(body.into_data_stream()), move |data| async move {
        let mut data = data?;
        match timeout_at(until, data.next()).await {
            Ok(piece) => piece.map(|piece| (piece.map_err(io::Error::other), Some(data))),
            Err(_) => Some((Err(io::Error::from(io::ErrorKind::TimedOut)), None)),
        }
    }))
}

/// True if the caller hung up before it was taken in: the next one may fare better at once.
fn is_of_the_caller(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};
    use ondol_engine::http::StrictJson;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const LONG: Duration = Duration::from_secs(30);
    const SHORT: Duration = Duration::from_millis(50);

    /// A door with these bounds; returns where it listens.
    async fn door(bounds: Bounds) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/", get(async |ConnectInfo(from): ConnectInfo<SocketAddr>| from.ip().to_string()))
            .route("/wish", post(async |StrictJson(wish): StrictJson<u32>| wish.to_string()));
        tokio::spawn(listen(listener, router, bounds));
        address
    }

    fn bounds() -> Bounds {
        Bounds { headers_within: LONG, body_within: LONG, ..Bounds::default() }
    }

    async fn send(to: SocketAddr, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// Everything that comes until the other side closes; the bound is for a door that never does.
    async fn all(mut stream: TcpStream) -> String {
        let mut text = Vec::new();
        tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut text))
            .await
            .expect("it closes")
            .unwrap();
        String::from_utf8(text).unwrap()
    }

    #[tokio::test]
    async fn who_never_ends_the_headers_is_cut_off() {
        let door = door(Bounds { headers_within: SHORT, ..bounds() }).await;
        for text in ["", "GET / HTTP/1.1\r\nhost: a\r\n"] {
            assert!(!all(send(door, text).await).await.contains("200"), "{text:?}");
        }
    }

    #[tokio::test]
    async fn who_never_ends_the_body_is_told_so() {
        let door = door(Bounds { body_within: SHORT, ..bounds() }).await;
        let head =
            "POST /wish HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\n";
        let late = all(send(door, &format!("{head}content-length: 9\r\n\r\n7")).await).await;
        assert!(late.starts_with("HTTP/1.1 408") && late.contains("body_too_slow"), "{late}");
        let whole = all(send(door, &format!("{head}content-length: 1\r\n\r\n7")).await).await;
        assert!(whole.starts_with("HTTP/1.1 200"), "{whole}");
    }

    #[tokio::test]
    async fn a_full_door_serves_who_waits_once_another_leaves() {
        let door = door(Bounds { connections_max: 1, ..bounds() }).await;
        let first = send(door, "GET / HTTP/1.1\r\nhost: a\r\n").await;
        let second = send(door, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        let mut waiting = [0; 1];
        let early = tokio::time::timeout(SHORT, second.peek(&mut waiting)).await;
        assert!(early.is_err(), "there is no room yet");
        drop(first);
        assert!(all(second).await.ends_with("127.0.0.1"), "and the door knows who asks");
    }
}
