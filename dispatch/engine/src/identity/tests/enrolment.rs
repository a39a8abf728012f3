//! Nodes: tokens between them, signatures, enrolment.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

#[tokio::test]
async fn a_node_knows_its_peer_and_only_its_peer() {
    let Pair { central, edge, clock, _stores } = pair().await;
    let token = edge.peer_token(central.node()).token;
    let peer = central.verify_peer(&token).unwrap();
    assert_eq!(peer, PeerNode { node: "edge-a".parse().unwrap(), standing: known_edge().standing });
    assert_eq!(edge.verify_peer(&token), Err(TokenRefusal::Audience), "meant for central");
    let own = central.peer_token(central.node()).token;
    assert_eq!(central.verify_peer(&own), Err(TokenRefusal::Claims), "a node is not its own peer");
    let text = edge.text_token(vec!["north".parse().unwrap()], 1_000_000);
    assert_eq!(central.verify_peer(&text), Err(TokenRefusal::Audience));
    clock.advance_ms(PEER_LIFE_MS + 5_000);
    assert_eq!(central.verify_peer(&token), Err(TokenRefusal::Expired));
}

#[tokio::test]
async fn the_text_process_of_an_edge_is_known_at_central_too() {
    let Pair { central, edge, _stores, .. } = pair().await;
    let token = edge.text_token(vec!["north".parse().unwrap()], TEXT_LIFE_MS);
    for node in [&central, &edge] {
        assert_eq!(node.verify_text(&token).unwrap().node.as_str(), "edge-a");
    }
    let too_far = edge.text_token(vec!["south".parse().unwrap()], TEXT_LIFE_MS);
    assert_eq!(central.verify_text(&too_far), Err(TokenRefusal::District));
    let nowhere = edge.text_token(Vec::new(), TEXT_LIFE_MS);
    assert_eq!(central.verify_text(&nowhere), Err(TokenRefusal::Claims));
    assert_eq!(central.verify_text(&edge.peer_token(central.node()).token), Err(TokenRefusal::Audience));
}

#[tokio::test]
async fn a_text_token_is_renewed_by_its_signer_and_goes_with_the_first() {
    let Pair { central, edge, clock, _stores } = pair().await;
    let first = edge.text_token(vec!["north".parse().unwrap()], TEXT_LIFE_MS);
    assert_eq!(token_ends_at(&first), Some(UtcMs(START.0 + TEXT_LIFE_MS.cast_signed())));
    let shown = |node: &Identity, token: &str| node.verify_text(token);
    clock.advance_ms(TEXT_LIFE_MS - 60_000);
    let process = shown(&central, &first).unwrap();
    assert_eq!(central.renew_text(&process), None, "central did not sign it");
    let second = edge.renew_text(&process).unwrap();
    clock.advance_ms(TEXT_LIFE_MS / 2);
    assert_eq!(shown(&central, &first), Err(TokenRefusal::Expired));
    assert_eq!(shown(&central, &second).unwrap(), process, "the same districts, the same id");
    edge.revoke_token(process.token, "operator").await.unwrap();
    assert_eq!(shown(&edge, &second), Err(TokenRefusal::Revoked));
    assert_eq!(token_ends_at("rubbish"), None);
}

#[tokio::test]
async fn a_page_is_taken_from_its_signer_only() {
    let Pair { central, edge, _stores, .. } = pair().await;
    let page = b"entries";
    let signature = edge.sign(page);
    assert!(central.is_signed_by(edge.node(), page, &signature));
    assert!(!central.is_signed_by(edge.node(), b"entries!", &signature));
    assert!(!central.is_signed_by(central.node(), page, &signature));
    assert!(!central.is_signed_by(&"edge-b".parse().unwrap(), page, &signature));
    assert!(!central.is_signed_by(edge.node(), page, "rubbish"));
}

#[tokio::test]
async fn a_node_is_enrolled_once_and_both_sides_trust_each_other() {
    let Pair { central, _stores, .. } = pair().await;
    let new = key(50);
    let token = central.enrol_token(&"edge-b".parse().unwrap(), &"south".parse().unwrap()).unwrap();
    let request = EnrolRequest::make(token.clone(), &new);
    let answer = central.enrol(&request).await.unwrap();
    let trusted = central_key(&token, new.public(), &answer).unwrap();
    assert_eq!(trusted, known_central());

    let config = IdentityConfig {
        node: "edge-b".parse().unwrap(),
        standing: Standing::Edge("south".parse().unwrap()),
        key: new,
        known: vec![trusted],
        districts: Districts::Some(vec!["south".parse().unwrap()]),
        origins: Vec::new(),
        transport: Transport::Tls,
    };
    let fresh = fresh().await;
    let edge =
        Identity::open(config, IdentityStore::new(&fresh.store), ManualClock::at(START)).await.unwrap();
    let peer = central.verify_peer(&edge.peer_token(central.node()).token).unwrap();
    assert_eq!(peer.standing, Standing::Edge("south".parse().unwrap()));
    assert!(edge.verify_peer(&central.peer_token(edge.node()).token).is_ok());

    let again = EnrolRequest::make(token, &key(51));
    assert!(matches!(central.enrol(&again).await, Err(EnrolRefusal::Used)));
}

#[tokio::test]
async fn enrolments_that_are_refused() {
    let Pair { central, edge, clock, _stores } = pair().await;
    let (node, district) = ("edge-b".parse().unwrap(), "south".parse().unwrap());
    assert!(matches!(edge.enrol_token(&node, &district), Err(EnrolRefusal::OtherNode)));
    let token = central.enrol_token(&node, &district).unwrap();
    let good = EnrolRequest::make(token.clone(), &key(50));
    assert!(matches!(edge.enrol(&good).await, Err(EnrolRefusal::OtherNode)));
    let not_held = EnrolRequest { key: key(51).public(), ..good.clone() };
    assert!(matches!(central.enrol(&not_held).await, Err(EnrolRefusal::Signature)));
    let no_token = EnrolRequest::make(edge.peer_token(central.node()).token, &key(50));
    assert!(matches!(central.enrol(&no_token).await, Err(EnrolRefusal::Token(_))));
    clock.advance_ms(ENROL_LIFE_MS + 5_000);
    let late = central.enrol(&good).await;
    assert!(matches!(late, Err(EnrolRefusal::Token(TokenRefusal::Expired))), "{late:?}");
}

#[tokio::test]
async fn an_edge_takes_no_answer_from_a_false_central() {
    let Pair { central, _stores, .. } = pair().await;
    let own = key(50).public();
    let token = central.enrol_token(&"edge-b".parse().unwrap(), &"south".parse().unwrap()).unwrap();
    let good = central.enrol(&EnrolRequest::make(token.clone(), &key(50))).await.unwrap();
    let false_key = EnrolAnswer { key: key(66).public(), ..good.clone() };
    assert!(central_key(&token, own, &false_key).is_err());
    // Somebody between the two, who answers with a key of its own and signs well with it.
    let signature = URL_SAFE_NO_PAD.encode(key(66).sign(own.to_string().as_bytes()));
    let well_signed = EnrolAnswer { signature, ..false_key };
    assert!(central_key(&token, own, &well_signed).is_err());
    assert!(central_key(&token, key(51).public(), &good).is_err(), "an answer to another node");
    assert!(central_key("rubbish", own, &good).is_err());
    assert!(central_key(&token, own, &good).is_ok());
}

#[tokio::test]
async fn a_stolen_edge_is_trusted_no_longer_whatever_the_configuration_says() {
    let fresh = fresh().await;
    let clock = ManualClock::at(START);
    let config = || IdentityConfig {
        node: "central".parse().unwrap(),
        standing: Standing::Central,
        key: key(CENTRAL_SEED),
        known: vec![known_edge()],
        districts: Districts::All,
        origins: Vec::new(),
        transport: Transport::Tls,
    };
    let edge = pair().await.edge;
    let central = Identity::open(config(), IdentityStore::new(&fresh.store), clock.clone()).await.unwrap();
    let (call, page) = (edge.peer_token(central.node()).token, edge.sign(b"page"));
    assert!(central.verify_peer(&call).is_ok());
    assert_eq!(central.distrust(central.node()).await.unwrap(), 0, "a node goes on trusting itself");
    assert_eq!(central.distrust(edge.node()).await.unwrap(), 1);
    let restarted = Identity::open(config(), IdentityStore::new(&fresh.store), clock).await.unwrap();
    for node in [&central, &restarted] {
        assert_eq!(node.verify_peer(&call), Err(TokenRefusal::UnknownKey));
        assert!(!node.is_signed_by(edge.node(), b"page", &page));
    }
    let token = restarted.enrol_token(edge.node(), &"north".parse().unwrap()).unwrap();
    let old = restarted.enrol(&EnrolRequest::make(token.clone(), &key(EDGE_SEED))).await;
    assert!(matches!(old, Err(EnrolRefusal::Token(TokenRefusal::Revoked))), "{old:?}");
    assert!(
        restarted.enrol(&EnrolRequest::make(token, &key(50))).await.is_ok(),
        "a new key uses the same token"
    );
}
