//! Goal: a node tells the text process what is a number's own, does what a number may do, and refuses the rest in one
//! sentence, changing nothing.
//! Method: the whole text door over a real node, central or an edge, asked as the text process asks.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod bench;
mod bookings;
mod drivers;
mod notices;
mod riders;
mod scope;
#[path = "../../../dispatch/testbed/mod.rs"]
mod testbed;

use bench::{Bench, DRIVER, RIDER, about, booking, commands, home, said, wish};
use ondol_engine::identity::{Issuer, SigningKey, TEXT_LIFE_MS, enrol_token, text_token};
use serde_json::{Value, json};
use testbed::key;
use uuid::Uuid;

/// Every route with a body that it would take; `None` for those that are read.
fn routes() -> Vec<(String, Option<Value>)> {
    vec![
        (format!("/riders/{RIDER}"), None),
        ("/places?q=역".replace('역', "%EC%97%AD"), None),
        ("/notices?after=0".to_owned(), None),
        ("/bookings".to_owned(), Some(wish(2))),
        (booking(1, "cancel"), Some(about(RIDER, Some("nonce")))),
        (booking(1, "keep"), Some(about(RIDER, None))),
        (booking(1, "pickup"), Some(moved())),
        (commands(DRIVER), Some(said(1, json!({"kind": "on"}), Some("4821")))),
        ("/notices/ack".to_owned(), Some(json!({"outbox": "central", "results": []}))),
        ("/reports".to_owned(), Some(report())),
    ]
}

fn moved() -> Value {
    let mut body = about(RIDER, Some("nonce"));
    body["pickup"] = wish(1)["destination"].clone();
    body
}

fn report() -> Value {
    json!({"report_id": Uuid::from_u128(800), "phone": RIDER, "kind": "sos", "at": "2026-03-02T09:00:00Z"})
}

#[tokio::test]
async fn nobody_speaks_for_texts_without_a_text_process_s_token() {
    let bench = Bench::central().await;
    bench.book(1).await;
    let now = bench.node.now();
    let districts = || vec![home()];
    let of = |name: &str, seed: u8| Issuer::new(name.parse().unwrap(), SigningKey::from_seed(&[seed; 32]));
    let central = Issuer::new("central".parse().unwrap(), key("central"));
    let mut ended = text_token(&central, districts(), 1_000, now);
    bench.node.clock.advance_ms(120_000);
    let now = bench.node.now();
    let bad = [
        ("nothing", String::new()),
        ("made up", "x".repeat(200)),
        ("another node's calls", bench.node.identity.peer_token(&"edge-a".parse().unwrap()).token),
        ("a node's entry", enrol_token(&central, &"edge-a".parse().unwrap(), &home(), now)),
        ("a node nobody knows", text_token(&of("edge-x", 66), districts(), TEXT_LIFE_MS, now)),
        ("a key that is not central's", text_token(&of("central", 66), districts(), TEXT_LIFE_MS, now)),
        ("for no district", bench.token_of(&[])),
        ("ended", std::mem::take(&mut ended)),
    ];
    for (path, body) in routes() {
        let open = match &body {
            Some(body) => bench.post_in_the_open(&path, body).await,
            None => bench.get_in_the_open(&path).await,
        };
        assert_eq!(open.code(), (401, "sign_in_needed"), "{path}");
        for (what, token) in &bad {
            let answer = match &body {
                Some(body) => bench.post_as(token, &path, body).await,
                None => bench.get_as(token, &path).await,
            };
            assert_eq!(answer.code(), (401, "token_refused"), "{path}: {what}");
        }
    }
    assert_eq!(bench.node.bookings().await, 1);
    let facts = bench.get(&format!("/riders/{RIDER}")).await;
    assert_eq!(facts.body["open"][0]["state"], "open", "nothing was changed: {}", facts.body);
    assert_eq!(facts.body["driver"], Value::Null);
    let driver = bench.get(&format!("/riders/{DRIVER}")).await;
    assert_eq!(driver.body["driver"]["state"], "off_duty", "{}", driver.body);
}

#[tokio::test]
async fn fields_that_nobody_knows_are_refused() {
    let bench = Bench::central().await;
    bench.book(1).await;
    for (path, body) in routes() {
        let answer = match body {
            Some(mut body) => {
                body["role"] = json!("operator");
                bench.post(&path, &body).await
            }
            // What a rider's path holds is one number, and it takes no questions.
            None if path.starts_with("/riders") => continue,
            None => bench.get(&format!("{path}&role=operator")).await,
        };
        assert_eq!(answer.code(), (400, "invalid_request"), "{path}: {}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
    }
    assert_eq!(bench.node.bookings().await, 1);
}
