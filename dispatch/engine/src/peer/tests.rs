//! Goal: two nodes end with the same history, and nobody else can put a word in.
//! Method: central and an edge in one process, each with its own store, speaking real HTTP on the loopback; a
//! forger with the edge's or with a stranger's key. Simulated time runs faster than the wall's.

mod drivers;
mod forger;
mod neighbours;
mod pages;
mod sites;

use ondol_core::command::{Answer, Command};
use ondol_core::ids::{BookingId, SubjectId};
use ondol_core::journal::Lane;
use ondol_core::node::{Mode, Poison};
use reqwest::StatusCode;
use serde_json::json;

use crate::identity::{EnrolRequest, SigningKey};
use crate::vault::SubjectKey;
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
    let token = || Some(edge.identity.peer_token(&"central".parse().unwrap()).token);
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

    // As `ondol node join` does it; afterwards central takes calls signed with the new key.
    let token = central.identity.enrol_token(&"edge-new".parse().unwrap(), &district()).unwrap();
    let key = SigningKey::from_seed(&[78; 32]);
    let url = central.identity_url();
    let known = crate::peer::enrol_at(&format!("{url}/"), &token, &key).await.unwrap();
    assert_eq!(known.public, SigningKey::from_seed(&sites::CENTRAL_KEY).public());
    let again = crate::peer::enrol_at(url, &token, &key).await.unwrap_err();
    assert!(again.to_string().contains("used before"), "{again}");
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
    let stuck = |node: &ondol_core::node::Node| {
        let district = district();
        node.stuck(&district)
            .map(|(series, stuck)| (series.clone(), stuck.seq, stuck.why))
            .collect::<Vec<_>>()
    };
    assert_eq!(central.handle.read(stuck).await.unwrap(), [(bookings, 2, Poison::Broken)], "staff is told");
    central.handle.store().verify().await.unwrap();
}

/// A long history comes in as fast as the slower side can, not as both together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_page_is_fetched_while_one_is_taken_in() {
    let pair = Pair::new().await;
    let bookings = series("edge-a", 1, "hanbuk", Lane::Bookings);
    let served = Forger::honest().in_pages_of(2).serve(&pair, chain(&bookings, 7)).await;
    served.be_silent(true);
    let central = pair.central.start().await;
    // The loop stands still before the first page reaches it.
    let (go_on, stands) = std::sync::mpsc::channel::<()>();
    let (is_held, held) = tokio::sync::oneshot::channel();
    let handle = central.handle.clone();
    let holding = tokio::spawn(async move {
        let hold = move |_: &ondol_core::node::Node| {
            is_held.send(()).unwrap();
            stands.recv().unwrap();
        };
        handle.read(hold).await
    });
    held.await.unwrap();
    served.be_silent(false);
    until("the second page is asked for", async || served.all_asked_after(&bookings).contains(&2)).await;
    assert_eq!(central.handle.store().heads().of(&bookings).seq, 0, "and nothing is durable yet");
    go_on.send(()).unwrap();
    // Who holds the loop waits for an answer no longer than any caller, which may be over by now.
    holding.await.unwrap().ok();
    until("all of it is in", async || central.handle.store().heads().of(&bookings).seq == 7).await;
    let mut asked = served.all_asked_after(&bookings);
    asked.retain(|after| (1..7).contains(after));
    assert_eq!(asked, [2, 4, 6], "each page is asked for once");
    central.handle.store().verify().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_fetched_ahead_of_an_entry_that_does_not_go_in_is_let_go() {
    let pair = Pair::new().await;
    let bookings = series("edge-a", 1, "hanbuk", Lane::Bookings);
    let mut entries = chain(&bookings, 8);
    entries[3].payload = "{\"altered\":true}".into();
    let served = Forger::honest().in_pages_of(2).serve(&pair, entries).await;
    let central = pair.central.start().await;
    until("the poisoned series is asked for no more", async || served.asked_after(&bookings) == u64::MAX)
        .await;
    assert_eq!(central.handle.store().heads().of(&bookings).seq, 3, "nothing is skipped");
    let asked = served.all_asked_after(&bookings);
    assert!(asked.contains(&4), "the next page was fetched ahead: {asked:?}");
    assert!(asked.contains(&3), "and is asked for again from what is durable: {asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_no_store_holds_stop_nobody() {
    let pair = Pair::new().await;
    let bookings = series("edge-a", 1, "hanbuk", Lane::Bookings);
    let mut entries = chain(&bookings, 2);
    entries[1].hlc.wall_ms = i64::MIN;
    entries[1].hash = entries[1].compute_hash();
    let safety = series("edge-a", 1, "hanbuk", Lane::Safety);
    entries.extend(chain(&safety, 2));
    let key = |key_id: &str| SubjectKey {
        subject: SubjectId::from_number(1),
        key_id: key_id.into(),
        wrapped: None,
        erased_at: None,
    };
    let keys = vec![key("00000000"), key("\0"), key(&"0".repeat(9))];
    let served = Forger::honest().with_keys(keys).serve(&pair, entries).await;
    let central = pair.central.start().await;
    until("what can go in is in", async || {
        let heads = central.handle.store().heads();
        heads.of(&safety).seq == 2 && heads.of(&bookings).seq == 1
    })
    .await;
    let asked = served.calls();
    until("central goes on asking", async || served.calls() > asked + 2).await;
    central.stop().await;
    pair.central.start().await.stop().await;
}

/// Nothing proves that central wrote what an edge gives back: it is taken only if central's store has lost its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn central_takes_its_past_back_only_when_it_was_lost() {
    let pair = Pair::new().await;
    let (central, edge) = (pair.central.start().await, pair.edge.start().await);
    for number in 1..=3 {
        central.handle.request(crate::run::tests::bench::book(number)).await.unwrap();
    }
    until("the edge has it all", async || edge.has_booking(3).await).await;
    central.stop().await;
    pair.central.lose_all_but_first_entries().await;

    let central = pair.central.start().await;
    let own = series("edge-a", edge.handle.incarnation(), "hanbuk", Lane::Bookings);
    edge.handle.request(crate::run::tests::bench::book(9)).await.unwrap();
    until("the edge's own entries go in", async || central.handle.store().heads().of(&own).seq > 0).await;
    assert!(!central.has_booking(3).await, "and central's past does not");
    let whys = |node: &ondol_core::node::Node| {
        let district = district();
        node.stuck(&district).map(|(_, stuck)| stuck.why).collect::<Vec<_>>()
    };
    let whys = central.handle.read(whys).await.unwrap();
    assert!(!whys.is_empty() && whys.iter().all(|why| *why == Poison::OwnPast), "staff is told: {whys:?}");

    let now = central.handle.now().utc;
    central.handle.store().take_back_until(now.plus_ms(86_400_000)).await.unwrap();
    until("central has its past again", async || central.has_booking(3).await).await;
    until("both boards say the same", async || central.state_hash().await == edge.state_hash().await).await;
    central.handle.store().verify().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_peer_is_called_in_clear_beyond_this_machine() {
    let pair = Pair::new().await;
    let central = pair.central.start().await;
    for (url, may) in
        [("http://10.0.0.5:8080", false), ("https://edge.example", true), ("http://localhost:1", true)]
    {
        let started = pair.central.link_to(url, &central);
        assert_eq!(started.is_ok(), may, "{url}");
    }
}
