//! Clocks that were ahead, and clocks that were set back.

use super::passes::{bearer, proof};
use super::*;
use crate::clock::Clock as _;

const AHEAD_MS: u64 = 40 * 60 * 1_000;

#[tokio::test]
async fn a_node_whose_clock_was_ahead_is_heard_again_after_one_refusal() {
    let Pair { central, edge, _stores, .. } = pair().await;
    edge.raise_floor(START.plus_ms(AHEAD_MS));
    assert!(
        edge.verify_peer(&central.peer_token(edge.node()).token).is_ok(),
        "central is heard all the while"
    );

    let early = edge.peer_token(central.node());
    assert_eq!(central.verify_peer(&early.token), Err(TokenRefusal::TooEarly));
    edge.peer_refused(&early);
    assert_eq!(edge.now(), START.plus_ms(AHEAD_MS), "nobody has confirmed the clock yet");

    let call = edge.peer_token(central.node());
    assert!(central.verify_peer(&call.token).is_ok());
    edge.peer_answered(&call);
    assert_eq!(edge.now(), START);
}

#[tokio::test]
async fn two_nodes_that_were_ahead_together_are_not_cut_from_one_another() {
    let Pair { central, edge, _stores, .. } = pair().await;
    central.raise_floor(START.plus_ms(AHEAD_MS));
    edge.raise_floor(START.plus_ms(AHEAD_MS / 2));
    for (caller, callee) in [(&central, &edge), (&edge, &central)] {
        let call = caller.peer_token(callee.node());
        let heard = callee.verify_peer(&call.token);
        if heard.is_err() {
            caller.peer_refused(&call);
            let second = caller.peer_token(callee.node());
            assert!(callee.verify_peer(&second.token).is_ok(), "{} is not heard", caller.node());
            caller.peer_answered(&second);
            assert_eq!(caller.now(), START);
        }
    }
}

#[tokio::test]
async fn a_clock_that_was_set_back_is_confirmed_by_nobody() {
    let Pair { central, edge, clock, _stores } = pair().await;
    let (pass, _) = central.issue_pass(&bearer("north"), 60_000);
    clock.advance_ms(AHEAD_MS);
    let truth = clock.now().utc;
    let theirs = [central.peer_token(edge.node()).token, edge.peer_token(central.node()).token];
    assert!(edge.verify_peer(&theirs[0]).is_ok() && central.verify_peer(&theirs[1]).is_ok());

    // From here the edge's clock, and only its own, shows START again.
    let set_back = pair().await.edge;
    set_back.raise_floor(truth);
    let call = set_back.peer_token(central.node());
    assert!(central.verify_peer(&call.token).is_ok(), "signed by what the journal has seen");
    set_back.peer_refused(&call);
    let by_clock = set_back.peer_token(central.node());
    assert_eq!(central.verify_peer(&by_clock.token), Err(TokenRefusal::Expired));
    set_back.peer_refused(&by_clock);
    assert!(central.verify_peer(&set_back.peer_token(central.node()).token).is_ok());
    let expired = set_back.open_session(&pass, &proof(&pass, truth, 1)).unwrap_err();
    assert_eq!(expired, PassRefusal::Token(TokenRefusal::Expired));
}

#[tokio::test]
async fn an_answer_to_an_earlier_call_confirms_no_clock() {
    let Pair { central, edge, _stores, .. } = pair().await;
    edge.raise_floor(START.plus_ms(AHEAD_MS));
    let early = edge.peer_token(central.node());
    edge.peer_refused(&early);
    edge.peer_answered(&early);
    assert_eq!(edge.now(), START.plus_ms(AHEAD_MS));
}

#[tokio::test]
async fn a_neighbour_confirms_no_clock() {
    let Pair { edge, _stores, .. } = pair().await;
    edge.raise_floor(START.plus_ms(AHEAD_MS));
    let neighbour: ondol_core::ids::NodeId = "edge-b".parse().unwrap();
    edge.peer_refused(&edge.peer_token(&neighbour));
    edge.peer_answered(&edge.peer_token(&neighbour));
    assert_eq!(edge.now(), START.plus_ms(AHEAD_MS));
}
