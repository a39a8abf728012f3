//! Goal: two nodes end with the same history, and nobody else can put a word in.
//! Method: central and an edge in one process, each with its own store, speaking real HTTP on the loopback; a
//! forger with the edge's or with a stranger's key. Simulated time runs faster than the wall's.

mod forger;
mod sites;

use ondol_core::command::{Answer, Command};
use ondol_core::ids::{BookingId, SubjectId};
use ondol_core::journal::Lane;
use ondol_core::node::Mode;
use reqwest::StatusCode;
use serde_json::json;

use super::check::{PageRefusal, Parties};
use super::wire::PullAnswer;
use crate::identity::{EnrolRequest, SigningKey};
use crate::store::KeyCursor;
use forger::Forger;
use sites::{Pair, chain, district, series, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_and_keys_travel_both_ways() {
    let pair = Pair::new().await;
    let (central, edge) = (pair.central.start().await, pair.edge.start().await);
    let rider = SubjectId::from_number(9);
    let mut request = crate::run::tests::bench::request(1);
    let sealed = central.handle.vault().seal(rider, &"강남역 11번 출구").unwrap();
    request.personal = Some(sealed.clone());
    let book = |number, request| Command::Book {
        booking: BookingId::from_number(number),
        district: district(),
        zone: "hanbuk-1".parse().unwrap(),
        request,
    };
    assert_eq!(central.handle.request(book(1, request)).await, Ok(Answer::Booked { repeat: false }));
    until("the edge has central's booking", async || edge.has_booking(1).await).await;
    assert_eq!(edge.handle.vault().open::<String>(&sealed).as_deref(), Some("강남역 11번 출구"));

    // What arrives at the edge goes up, with a key that the edge made.
    let sealed = edge.handle.vault().seal(SubjectId::from_number(10), &"시청").unwrap();
    let mut request = crate::run::tests::bench::request(2);
    request.personal = Some(sealed.clone());
    edge.handle.request(book(2, request)).await.unwrap();
    until("central has the edge's booking", async || central.has_booking(2).await).await;
    assert_eq!(central.handle.vault().open::<String>(&sealed).as_deref(), Some("시청"));

    // A person who is forgotten at central is forgotten at the edge.
    central.handle.erase(rider).await.unwrap();
    until("the edge has forgotten", async || {
        edge.handle.vault().open::<String>(&request_text(&edge).await).is_none()
    })
    .await;
    until("both boards say the same", async || central.state_hash().await == edge.state_hash().await).await;
    for node in [&central, &edge] {
        node.handle.store().verify().await.unwrap();
    }
}

async fn request_text(edge: &sites::Running) -> ondol_core::fact::Sealed {
    let look = |node: &ondol_core::node::Node| {
        let (_, record) = node.board().booking(BookingId::from_number(1)).expect("it has arrived");
        record.request().and_then(|request| request.personal.clone()).expect("it was sealed")
    };
    edge.handle.read(look).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_renewed_and_a_cut_is_noticed_and_heals() {
    // Slow enough that a busy machine does not lose leases by itself.
    let pair = Pair::at_speed(5.0).await;
    let (central, edge) = (pair.central.start().await, pair.edge.start().await);
    until("the lease runs", async || {
        central.mode().await == Mode::Normal && edge.mode().await == Mode::Normal && edge.lease_runs().await
    })
    .await;
    let life = central.handle.incarnation();
    central.stop().await;
    until("the edge notices that central is gone", async || edge.mode().await != Mode::Normal).await;
    let central = pair.central.start().await;
    assert!(central.handle.incarnation() > life);
    until("both are normal again", async || {
        central.mode().await == Mode::Normal && edge.mode().await == Mode::Normal
    })
    .await;
    until("both boards say the same", async || central.state_hash().await == edge.state_hash().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_and_neighbours_are_refused() {
    let pair = Pair::new().await;
    let (central, edge) = (pair.central.start().await, pair.edge.start().await);
    let to_central = central.identity_url();
    let call = |path: &str, token: Option<String>, nonce: Option<&str>, body: serde_json::Value| {
        let mut request = reqwest::Client::new().post(format!("{to_central}{path}")).body(body.to_string());
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(nonce) = nonce {
            request = request.header("x-ondol-nonce", nonce);
        }
        async move { request.send().await.unwrap().status() }
    };
    let pull = |district: &str| {
        json!({"districts": [district], "cursors": [], "keys_after": {"incarnation": 0, "seq": 0},
               "limit": 10, "wait_ms": 0})
    };
    let token = || Some(edge.identity.peer_token(&"central".parse().unwrap()));
    let nonce = Some("0123456789abcdef");
    let lease = json!({"district": "hanbuk", "epoch": {"central_term": 9, "edge_term": 0}, "sent_at": 0, "heads": []});
    let mut unknown_field = pull("hanbuk");
    unknown_field["all"] = json!(true);
    let cases = [
        ("nobody", StatusCode::UNAUTHORIZED, call("/sync/v1/pull", None, nonce, pull("hanbuk")).await),
        (
            "a forged token",
            StatusCode::UNAUTHORIZED,
            call("/sync/v1/pull", Some("a.b.c".into()), nonce, pull("hanbuk")).await,
        ),
        (
            "a stranger's token",
            StatusCode::UNAUTHORIZED,
            call("/sync/v1/pull", Some(pair.stranger_token().await), nonce, pull("hanbuk")).await,
        ),
        (
            "a neighbour's district",
            StatusCode::FORBIDDEN,
            call("/sync/v1/pull", token(), nonce, pull("hannam")).await,
        ),
        ("no nonce", StatusCode::BAD_REQUEST, call("/sync/v1/pull", token(), None, pull("hanbuk")).await),
        (
            "a short nonce",
            StatusCode::BAD_REQUEST,
            call("/sync/v1/pull", token(), Some("x"), pull("hanbuk")).await,
        ),
        (
            "an unknown field",
            StatusCode::BAD_REQUEST,
            call("/sync/v1/pull", token(), nonce, unknown_field).await,
        ),
        (
            "an edge that plays central",
            StatusCode::FORBIDDEN,
            call("/sync/v1/lease", token(), nonce, lease).await,
        ),
        (
            "a made-up enrolment",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            call("/sync/v1/enrol", None, None, json!({})).await,
        ),
        ("the edge itself", StatusCode::OK, call("/sync/v1/pull", token(), nonce, pull("hanbuk")).await),
    ];
    for (who, expected, got) in cases {
        assert_eq!(got, expected, "{who}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_enrolled_once() {
    let pair = Pair::new().await;
    let central = pair.central.start().await;
    let token = central.identity.enrol_token(&"edge-new".parse().unwrap(), &district()).unwrap();
    let request = EnrolRequest::make(token, &SigningKey::from_seed(&[77; 32]));
    let enrol = || async {
        let url = format!("{}/sync/v1/enrol", central.identity_url());
        reqwest::Client::new().post(url).json(&request).send().await.unwrap().status()
    };
    assert_eq!(enrol().await, StatusCode::OK);
    assert_eq!(enrol().await, StatusCode::CONFLICT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_pages_are_not_taken() {
    for forger in [Forger::unsigned(), Forger::signed_by_a_stranger(), Forger::answering_an_old_call()] {
        let pair = Pair::new().await;
        let name = forger.name;
        let entries = chain(&series("edge-a", 1, "hanbuk", Lane::Bookings), 3);
        let served = forger.serve(&pair, entries).await;
        let central = pair.central.start().await;
        until("the forger has been asked often", async || served.calls() > 3).await;
        assert!(central.handle.store().heads().0.is_empty(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poisoned_series_waits_and_the_others_go_on() {
    let pair = Pair::new().await;
    let bookings = series("edge-a", 1, "hanbuk", Lane::Bookings);
    let safety = series("edge-a", 1, "hanbuk", Lane::Safety);
    let mut entries = chain(&bookings, 3);
    entries[1].payload = "{\"altered\":true}".into();
    entries.extend(chain(&safety, 2));
    let served = Forger::honest().serve(&pair, entries).await;
    let central = pair.central.start().await;
    until("what can go in is in", async || central.handle.store().heads().of(&safety).seq == 2).await;
    until("the poisoned series is asked for no more", async || served.asked_after(&bookings) == u64::MAX)
        .await;
    let heads = central.handle.store().heads();
    assert_eq!(heads.of(&bookings).seq, 1, "nothing is skipped");
    central.handle.store().verify().await.unwrap();
}

#[test]
fn an_edge_tells_its_own_district_only() {
    let (edge, central) = ("edge-a".parse().unwrap(), "central".parse().unwrap());
    let districts = [district()];
    let from_edge =
        Parties { sender: &edge, sender_is_central: false, receiver: &central, districts: &districts };
    let from_central =
        Parties { sender: &central, sender_is_central: true, receiver: &edge, districts: &districts };
    let page = |entries| PullAnswer {
        entries,
        heads: ondol_core::journal::Heads::default(),
        keys: Vec::new(),
        key_cursor: KeyCursor::default(),
        more: false,
    };
    let cases = [
        ("edge-a", "hanbuk", Lane::Bookings, true, true),
        ("edge-a", "hanbuk", Lane::Safety, true, true),
        ("edge-a", "hanbuk", Lane::Roster, false, true),
        ("edge-a", "hannam", Lane::Bookings, false, false),
        ("edge-a", "all", Lane::Roster, false, true),
        ("edge-b", "hanbuk", Lane::Bookings, false, true),
        ("central", "hanbuk", Lane::Bookings, true, true),
        ("central", "all", Lane::Roster, true, true),
        ("central", "hannam", Lane::Bookings, false, false),
    ];
    for (origin, of, lane, edge_may, central_may) in cases {
        let entries = chain(&series(origin, 1, of, lane), 1);
        assert_eq!(from_edge.check(&page(entries.clone())).is_ok(), edge_may, "edge tells {origin} {of}");
        assert_eq!(from_central.check(&page(entries)).is_ok(), central_may, "central tells {origin} {of}");
    }
    let own = series("edge-a", 1, "hanbuk", Lane::Bookings);
    let spoilt: [fn(&mut ondol_core::journal::Entry); 6] = [
        |e| e.payload = "x".repeat(ondol_core::journal::PAYLOAD_MAX + 1),
        |e| e.payload = "\0".into(),
        |e| e.key = "k\0".into(),
        |e| e.kind = "k".repeat(200),
        |e| e.seq = u64::MAX,
        |e| e.seq = 0,
    ];
    for (i, spoil) in spoilt.iter().enumerate() {
        let mut entries = chain(&own, 1);
        spoil(&mut entries[0]);
        let refused = from_edge.check(&page(entries));
        assert!(matches!(refused, Err(PageRefusal::Unstorable { .. })), "case {i}: {refused:?}");
    }
    assert_eq!(from_edge.check(&page(chain(&own, 2_001))), Err(PageRefusal::TooMany));
}
