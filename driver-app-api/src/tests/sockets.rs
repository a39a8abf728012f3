//! Sockets: handshakes and frames that are refused, then a trip from the question to the rider on board.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::bench::{Bench, ORIGIN, Phone};
use super::testbed::place;

/// Bound on a wait that should end at once; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn listen(bench: &Bench) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = bench.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn ticket(bench: &Bench, phone: &Phone) -> String {
    let (_, answer) = bench.post("/driver/v1/socket-ticket", Some(&phone.token), &json!({})).await;
    answer["ticket"].as_str().unwrap().to_owned()
}

async fn open(address: SocketAddr, query: &str, origin: Option<&str>) -> Result<Socket, u16> {
    let mut request = format!("ws://{address}/driver/v1/socket{query}").into_client_request().unwrap();
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn say(socket: &mut Socket, kind: &str, body: &Value) {
    let text = json!({"type": kind, "body": body}).to_string();
    socket.send(Message::Text(text.into())).await.unwrap();
}

async fn hear(socket: &mut Socket) -> Value {
    loop {
        let message = tokio::time::timeout(PATIENCE, socket.next()).await.expect("a message in time");
        match message.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(text.as_str()).unwrap(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Reads until the end; the code it was closed with, if it was closed with one.
async fn closed(socket: &mut Socket) -> Option<u16> {
    let mut code = None;
    while let Some(message) = tokio::time::timeout(PATIENCE, socket.next()).await.expect("an end in time") {
        match message {
            Ok(Message::Close(frame)) => code = frame.map(|frame| frame.code.into()),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    code
}

#[tokio::test]
async fn handshakes_that_are_refused() {
    let bench = Bench::new().await;
    let (phone, address) = (bench.phone(9).await, listen(&bench).await);
    assert_eq!(open(address, "", None).await.unwrap_err(), 401);
    assert_eq!(open(address, "?ticket=", None).await.unwrap_err(), 401);
    assert_eq!(open(address, "?ticket=made-up", None).await.unwrap_err(), 401);
    let by_token = format!("?ticket={}", phone.token);
    assert_eq!(open(address, &by_token, None).await.unwrap_err(), 401, "a token is no ticket");

    let query = format!("?ticket={}", ticket(&bench, &phone).await);
    for foreign in ["https://evil.example", "null", "http://127.0.0.1:8081"] {
        assert_eq!(open(address, &query, Some(foreign)).await.unwrap_err(), 403, "{foreign}");
    }
    assert!(open(address, &query, Some(ORIGIN)).await.is_ok(), "a refused origin uses nothing up");
    assert_eq!(open(address, &query, Some(ORIGIN)).await.unwrap_err(), 401, "used");

    let query = format!("?ticket={}", ticket(&bench, &phone).await);
    bench.clock.advance_ms(60_000);
    assert_eq!(open(address, &query, None).await.unwrap_err(), 401, "too late");
}

#[tokio::test]
async fn frames_that_end_a_socket_and_one_that_does_not() {
    let bench = Bench::new().await;
    let (phone, address) = (bench.phone(9).await, listen(&bench).await);
    let fresh =
        async || open(address, &format!("?ticket={}", ticket(&bench, &phone).await), None).await.unwrap();

    let mut socket = fresh().await;
    for bad in ["", "{", "[]", r#"{"type":"attach","body":{}}"#, r#"{"type":"beat","body":{"x":1}}"#] {
        socket.send(Message::Text(bad.into())).await.unwrap();
        let answer = hear(&mut socket).await;
        assert_eq!(answer["body"]["code"], "invalid_request", "{bad}: {answer}");
    }
    socket.send(Message::Binary(vec![1, 2, 3].into())).await.unwrap();
    assert_eq!(closed(&mut socket).await, Some(1003));

    let mut socket = fresh().await;
    // The node may close while this is still being written.
    let _sent = socket.send(Message::Text("x".repeat(65 * 1_024).into())).await;
    assert_ne!(closed(&mut socket).await, Some(1000), "a message beyond 64 KiB");

    let mut socket = fresh().await;
    for _ in 0..61 {
        let _sent = socket.send(Message::Text("{}".into())).await;
    }
    assert_eq!(closed(&mut socket).await, Some(1008));

    let mut older = fresh().await;
    let mut newer = fresh().await;
    assert_eq!(closed(&mut older).await, Some(4001));
    bench.identity.revoke_driver(phone.signed_in.driver, "kim").await.unwrap();
    assert_eq!(closed(&mut newer).await, Some(4002), "revoked");
}

#[tokio::test]
async fn a_silent_socket_is_closed() {
    let bench = Bench::new().await;
    let (phone, address) = (bench.phone(9).await, listen(&bench).await);
    let query = format!("?ticket={}", ticket(&bench, &phone).await);
    let mut socket = open(address, &query, None).await.unwrap();
    socket.send(Message::Text("{}".into())).await.unwrap();
    hear(&mut socket).await;
    bench.clock.advance_ms(60_001);
    assert_eq!(closed(&mut socket).await, Some(4003));
}

#[tokio::test]
async fn a_trip_shows_the_rider_s_number_from_acceptance_to_boarding_only() {
    let bench = Bench::new().await;
    let (phone, address) = (bench.phone(9).await, listen(&bench).await);
    let (_, attached) = bench.post("/driver/v1/attach", Some(&phone.token), &phone.attach(1)).await;
    let query = format!("?ticket={}", ticket(&bench, &phone).await);
    let mut socket = open(address, &query, None).await.unwrap();
    say(&mut socket, "beat", &phone.beat(&attached["session"], &json!({}))).await;
    assert_eq!(hear(&mut socket).await["body"]["messages"], json!([]));

    let booking = bench.book(3).await;
    bench.clock.advance_ms(2_000);
    let push = hear(&mut socket).await;
    assert_eq!((&push["type"], &push["body"]["kind"]), (&json!("push"), &json!("offer")), "{push}");
    let offer = &push["body"]["offer"];
    assert_eq!(offer["ride"]["pickup_label"], "시청");
    assert_eq!(offer["ride"]["note"], "정문 앞");
    assert!(!push.to_string().contains("+8210"), "no number before acceptance");

    let report = |number: u32, what: Value| {
        phone.reports(&json!([{"number": number, "at": "2026-03-02T09:00:02Z", "what": what}]))
    };
    let assignment = offer["assignment"].clone();
    let step = |kind: &str| json!({"kind": kind, "booking": booking, "assignment": assignment});
    say(&mut socket, "reports", &report(1, step("assigned"))).await;
    // The answer and the confirmation are two; either may be first.
    let both = [hear(&mut socket).await, hear(&mut socket).await];
    let confirm = both.iter().find(|message| message["type"] == "push").unwrap();
    assert_eq!(confirm["body"]["kind"], "confirm", "{confirm}");
    assert_eq!(confirm["body"]["rider_phone"], "+821099990001");

    let held = |boarded: bool| {
        json!({"current": {
            "booking": booking, "assignment": assignment, "confirmed": false, "boarded": boarded,
        }})
    };
    say(&mut socket, "beat", &phone.beat(&attached["session"], &held(false))).await;
    let answer = hear(&mut socket).await;
    assert_eq!(
        answer["body"]["messages"][0]["rider_phone"], "+821099990001",
        "a lost push is repeated: {answer}"
    );

    let mut boarded = step("boarded");
    boarded["pin"] = json!("verified");
    say(&mut socket, "reports", &report(2, boarded)).await;
    assert_eq!(hear(&mut socket).await["body"]["results"][0]["outcome"]["outcome"], "stored");
    say(&mut socket, "beat", &phone.beat(&attached["session"], &held(true))).await;
    let answer = hear(&mut socket).await;
    assert_eq!(answer["type"], "beat");
    assert!(!answer.to_string().contains("+8210"), "no number after boarding: {answer}");
}

#[tokio::test]
async fn fixes_wait_for_who_learns_from_them_however_they_came_and_all_are_acknowledged() {
    let bench = Bench::new().await;
    let (phone, address) = (bench.phone(9).await, listen(&bench).await);
    let fix = |number: u64, at: &str| json!({"number": number, "at": at, "position": place(0)});
    let batch = |fixes: Value| {
        let device = phone.signed_in.device;
        json!({"shift": uuid::Uuid::from_u128(500), "device": device, "fixes": fixes})
    };
    let wrong_clock = [fix(3, "2026-03-02T09:02:00Z"), fix(2, "2026-03-01T09:00:00Z")];
    let first = batch(json!([wrong_clock[0], wrong_clock[1], fix(1, "2026-03-02T08:59:59Z")]));
    let (_, answer) = bench.post("/driver/v1/positions", Some(&phone.token), &first).await;
    assert_eq!(answer["stored"], json!([3, 2, 1]));
    let query = format!("?ticket={}", ticket(&bench, &phone).await);
    let mut socket = open(address, &query, None).await.unwrap();
    say(&mut socket, "positions", &batch(json!([fix(4, "2026-03-02T09:00:00Z")]))).await;
    assert_eq!(hear(&mut socket).await["body"]["stored"], json!([4]));
    let taken = bench.tracks.take(9).await;
    let numbers = taken.iter().map(|track| track.fixes.iter().map(|fix| fix.number).collect::<Vec<_>>());
    assert_eq!(numbers.collect::<Vec<_>>(), [vec![1], vec![4]]);
    assert!(taken.iter().all(|track| track.device == phone.signed_in.device));
}
