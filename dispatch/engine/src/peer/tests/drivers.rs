//! Goal: over the wire central dispatches through its edge to a driver whose phone reaches the edge alone, and believes an
//! edge about its own district only.
//! Method: central and an edge in one process, each with its own store, and a driver who beats at the edge.

use ondol_core::booking::Status;
use ondol_core::command::{Command, Relay};
use ondol_core::ids::{AssignmentId, BookingId, DriverId};
use reqwest::StatusCode;
use serde_json::json;

use super::neighbours::{attach, beat, driver, status_in};
use super::sites::{Pair, district, east, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn central_dispatches_through_its_edge() {
    // Slow enough that a busy machine does not lose leases by itself.
    let pair = Pair::at_speed(5.0).await;
    let (central, edge) = (pair.central.start().await, pair.edge.start().await);
    central.handle.request(Command::ListDriver(driver(district()))).await.unwrap();
    until("the edge has the roster and stands by", async || {
        let listed = |node: &ondol_core::node::Node| node.board().driver(DriverId::from_number(2)).is_some();
        edge.handle.read(listed).await.unwrap() && edge.lease_runs().await && central.lease_runs().await
    })
    .await;
    let session = attach(&edge, district()).await;
    let book = Command::Book {
        booking: BookingId::from_number(1),
        district: district(),
        zone: "hanbuk-1".parse().unwrap(),
        request: crate::run::tests::bench::request(1),
    };
    central.handle.request(book).await.unwrap();
    until("central sees that the edge asks its driver", async || {
        beat(&edge, district(), &session).await;
        status_in(&central, district()).await == Some(Status::Offered)
    })
    .await;
    let asked = |node: &ondol_core::node::Node| {
        let (_, record) = node.board().booking(BookingId::from_number(1)).unwrap();
        record.assignments.keys().map(|asked: &AssignmentId| asked.origin.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(central.handle.read(asked).await.unwrap(), ["edge-a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_tells_of_its_own_drivers_only() {
    let pair = Pair::new().await;
    let (central, edge) = (pair.central.start().await, pair.edge.start().await);
    let own = edge.identity.peer_token(&"central".parse().unwrap()).token;
    let send = |token: String, body: serde_json::Value| {
        let url = format!("{}/sync/v1/drivers", central.identity_url());
        let request = reqwest::Client::new().post(url).header("authorization", format!("Bearer {token}"));
        let request = request.header("x-ondol-nonce", "0123456789abcdef").body(body.to_string());
        async move { request.send().await.unwrap().status() }
    };
    let relay = |district| json!(Relay { district, drivers: Vec::new() });
    assert_eq!(send("a.b.c".into(), relay(district())).await, StatusCode::UNAUTHORIZED);
    assert_eq!(send(own.clone(), relay(east())).await, StatusCode::FORBIDDEN, "another's district");
    let unknown = json!({"district": district(), "drivers": [], "surge": 2});
    assert_eq!(send(own.clone(), unknown).await, StatusCode::BAD_REQUEST, "an unknown field");
    assert_eq!(send(own, relay(district())).await, StatusCode::OK);
}
