//! Goal: a dead or stuck node costs one bounded wait, and the preferred one is used again when it answers.
//! Method: two nodes over HTTP on the loopback, one of them away.

#![allow(clippy::unwrap_used, reason = "a failing unwrap fails the test")]

mod common;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use common::http::{RENEWED, TOKEN, serve, serve_on};
use common::{MORNING, RIDER, city};
use ondol_sms::clock::{ClockConfig, SimClock};
use ondol_sms::dialogue::{NodeAnswer, NodeRequest};
use ondol_sms::node::{Answered, Endpoint, HttpNode, HttpNodeConfig, NodeApi as _};
use ondol_sms::wire::code;
use tempfile::TempDir;
use tokio::net::TcpListener;

const HOLD_MS: u64 = 15_000;

fn nodes(dir: &TempDir, token: &str, addresses: &[std::net::SocketAddr]) -> HttpNode {
    let token_file = dir.path().join("token");
    std::fs::write(&token_file, token).unwrap();
    let endpoints = addresses
        .iter()
        .enumerate()
        .map(|(index, address)| Endpoint {
            name: format!("node-{index}"),
            url: format!("http://{address}/").parse().unwrap(),
        })
        .collect();
    let config = HttpNodeConfig { endpoints, token_file, answer_within_ms: 100, hold_ms: HOLD_MS };
    HttpNode::new(config, SimClock::new(ClockConfig::default()).unwrap()).unwrap()
}

fn who() -> NodeRequest {
    NodeRequest::Rider { phone: RIDER.to_owned() }
}

/// Any node can answer this.
fn where_is() -> NodeRequest {
    NodeRequest::Places { query: "station".to_owned(), near: None }
}

#[tokio::test]
async fn with_no_node_the_request_fails_with_each_reason() {
    let dir = TempDir::new().unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nodes = nodes(&dir, TOKEN, &[gone, gone]);
    let error = nodes.ask(&who(), None, MORNING).await.unwrap_err();
    assert!(error.0.contains("node-0") && error.0.contains("node-1"), "{error}");
    assert!(!error.0.contains("82101234"), "no number in what is logged: {error}");
}

#[tokio::test]
async fn it_falls_over_and_comes_back() {
    let dir = TempDir::new().unwrap();
    let edge = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let edge_address = edge.local_addr().unwrap();
    drop(edge);
    let (central_address, central, _serving) = serve(city()).await;
    let nodes = nodes(&dir, TOKEN, &[edge_address, central_address]);
    assert!(matches!(
        nodes.ask(&who(), None, MORNING).await,
        Ok(Answered { answer: NodeAnswer::Rider(_), .. })
    ));
    assert_eq!(central.calls.load(Ordering::SeqCst), 1);

    let (edge, _serving) = serve_on(TcpListener::bind(edge_address).await.unwrap(), city());
    nodes.ask(&who(), None, MORNING.plus_ms(HOLD_MS - 1)).await.unwrap();
    assert_eq!(edge.calls.load(Ordering::SeqCst), 0, "it is held back for a while");
    nodes.ask(&where_is(), None, MORNING.plus_ms(HOLD_MS)).await.unwrap();
    assert_eq!(edge.calls.load(Ordering::SeqCst), 1);
    assert_eq!(central.calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_number_is_looked_up_at_each_node_until_one_knows_it() {
    let dir = TempDir::new().unwrap();
    let (north_address, north, _north_serving) = serve(city()).await;
    let (south_address, south, _south_serving) = serve(city()).await;
    let (central_address, central, _central_serving) = serve(city()).await;
    let nodes = nodes(&dir, TOKEN, &[north_address, south_address, central_address]);
    south.node.add_driver(RIDER, ondol_messages::Lang::Ko);
    let answered = nodes.ask(&who(), None, MORNING).await.unwrap();
    assert!(matches!(answered.answer, NodeAnswer::Rider(facts) if facts.driver.is_some()));
    assert_eq!(answered.node, "node-1");
    let asked = |door: &common::http::Door| door.calls.load(Ordering::SeqCst);
    assert_eq!([asked(&north), asked(&south), asked(&central)], [1, 1, 0]);
    // A stranger is a stranger everywhere, and the preferred node says so.
    let stranger = NodeRequest::Rider { phone: "821099990000".to_owned() };
    let answered = nodes.ask(&stranger, None, MORNING).await.unwrap();
    assert!(matches!(answered.answer, NodeAnswer::Rider(facts) if facts.driver.is_none()));
    assert_eq!(answered.node, "node-0");
    assert_eq!([asked(&north), asked(&south), asked(&central)], [2, 2, 1]);
}

#[tokio::test]
async fn a_node_that_takes_the_call_and_says_nothing_is_not_waited_for() {
    let dir = TempDir::new().unwrap();
    let stuck = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stuck_address = stuck.local_addr().unwrap();
    let (central_address, _central, _serving) = serve(city()).await;
    let nodes = nodes(&dir, TOKEN, &[stuck_address, central_address]);
    let begun = Instant::now();
    assert!(matches!(
        nodes.ask(&who(), None, MORNING).await,
        Ok(Answered { answer: NodeAnswer::Rider(_), .. })
    ));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    drop(stuck);
}

#[tokio::test]
async fn a_refusal_is_an_answer_and_a_new_token_is_read() {
    let dir = TempDir::new().unwrap();
    let (address, door, _serving) = serve(city()).await;
    let nodes = nodes(&dir, "an-old-token", &[address]);
    assert!(nodes.ask(&who(), None, MORNING).await.is_err(), "a wrong token is no answer");
    std::fs::write(dir.path().join("token"), TOKEN).unwrap();
    let request = NodeRequest::Drive {
        phone: RIDER.to_owned(),
        request: ondol_sms::wire::DriverCommandRequest {
            command_id: uuid::Uuid::from_u128(1),
            command: ondol_sms::wire::DriverCommand::Off {},
            driver_code: None,
            sent_at: MORNING,
        },
    };
    let answer = nodes.ask(&request, None, MORNING).await.unwrap().answer;
    assert!(matches!(answer, NodeAnswer::Refused(problem) if problem.code == code::DRIVER_UNKNOWN));
    assert!(matches!(door.node.calls().last(), Some(NodeRequest::Drive { phone, .. }) if phone == RIDER));
}

#[tokio::test]
async fn the_node_that_serves_it_is_found_and_then_preferred() {
    let dir = TempDir::new().unwrap();
    let (first_address, first, _serving) = serve(city()).await;
    let (second_address, second, _also_serving) = serve(city()).await;
    let nodes = nodes(&dir, TOKEN, &[first_address, second_address]);
    first.elsewhere.store(true, Ordering::SeqCst);
    let answered = nodes.ask(&where_is(), None, MORNING).await.unwrap();
    assert_eq!(answered.node, "node-1");
    nodes.ask(&where_is(), Some("node-1"), MORNING).await.unwrap();
    assert_eq!(first.calls.load(Ordering::SeqCst), 1, "the preferred one is asked first");
    // With all of them well and none serving it, the refusal is the answer.
    second.elsewhere.store(true, Ordering::SeqCst);
    let refused = nodes.ask(&where_is(), None, MORNING).await.unwrap().answer;
    assert!(matches!(refused, NodeAnswer::Refused(problem) if problem.code == code::OUTSIDE_SERVICE_AREA));
}

#[tokio::test]
async fn the_token_is_renewed_by_the_node_that_signed_it() {
    let dir = TempDir::new().unwrap();
    let (first_address, first, _serving) = serve(city()).await;
    let (second_address, second, _also_serving) = serve(city()).await;
    let nodes = nodes(&dir, TOKEN, &[first_address, second_address]);
    let file = || std::fs::read_to_string(dir.path().join("token")).unwrap();
    first.elsewhere.store(true, Ordering::SeqCst);
    second.elsewhere.store(true, Ordering::SeqCst);
    assert!(nodes.renew_token(MORNING).await.is_err(), "whoever signed it is none of these");
    assert_eq!(file(), TOKEN, "the old one stays");
    second.elsewhere.store(false, Ordering::SeqCst);
    nodes.renew_token(MORNING).await.unwrap();
    assert_eq!(file(), RENEWED);
    // It is shown from now on: these nodes refuse it, because they know the first one only.
    assert!(!nodes.refuses_us("node-1"));
    nodes.ask(&where_is(), None, MORNING).await.unwrap_err();
    assert!(nodes.refuses_us("node-0") && nodes.refuses_us("node-1"));
    std::fs::write(dir.path().join("token"), TOKEN).unwrap();
    nodes.ask(&where_is(), Some("node-1"), MORNING).await.unwrap();
    assert!(!nodes.refuses_us("node-1"), "and whoever writes a good one is heard");
}
