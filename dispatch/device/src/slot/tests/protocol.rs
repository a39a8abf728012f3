//! Goal: nodes and phones that are shipped keep to one another's word over a network that loses, doubles and reorders
//! everything, while nodes and phones die at any moment: a phone has one active assignment at most and overwrites none,
//! its attach epochs only rise, no node attaches it under a lower one than it knows, and once everything arrives again
//! all agree on who is bound by what, and where.
//!
//! Method: random stories in which the test carries every message; what is stored, said and answered is looked at in
//! `town` and in `bench::check_step`. Nodes send no replacements: those are the device's own stories.

use ondol_core::booking::Party;
use proptest::sample::Index;

use super::town::{NODES, PHONES, Town};
use super::*;

/// How long it takes until all agree, at most: a phone returns to central 80 s after it heard it again, and a node that
/// cannot know whether a question was read waits for its answer.
const AGREES_WITHIN_S: u64 = 240;

#[derive(Debug, Clone)]
enum Turn {
    Book(usize, u64),
    Undo(usize, u64, Party),
    /// Everything that is on the way arrives, oldest first.
    All,
    Deliver(Index),
    Twice(Index),
    Lose(Index),
    Entries(usize),
    Pass(u64),
    Wish(usize, u8),
    RestartNode(usize),
    CrashPhone(usize, usize),
}

fn turn() -> impl Strategy<Value = Turn> {
    let (node, phone, number) = (0..NODES, 0..PHONES, 0..4_u64);
    prop_oneof![
        4 => (node.clone(), number.clone()).prop_map(|(node, n)| Turn::Book(node, n)),
        1 => (node.clone(), number.clone()).prop_map(|(node, n)| Turn::Undo(node, n, Party::Rider)),
        1 => (node.clone(), number).prop_map(|(node, n)| Turn::Undo(node, n, Party::Operator)),
        8 => Just(Turn::All),
        8 => any::<Index>().prop_map(Turn::Deliver),
        3 => any::<Index>().prop_map(Turn::Twice),
        3 => any::<Index>().prop_map(Turn::Lose),
        3 => node.clone().prop_map(Turn::Entries),
        8 => (1..8_000_u64).prop_map(Turn::Pass),
        10 => (phone.clone(), 0..8_u8).prop_map(|(phone, which)| Turn::Wish(phone, which)),
        1 => node.prop_map(Turn::RestartNode),
        2 => (phone, 0..4_usize).prop_map(|(phone, outputs)| Turn::CrashPhone(phone, outputs)),
    ]
}

fn play(town: &mut Town, turn: Turn) {
    let on_the_way = town.on_the_way();
    match turn {
        Turn::Book(node, number) => town.book(node, number),
        Turn::Undo(node, number, by) => town.undo(node, number, by),
        Turn::All => (0..on_the_way).for_each(|_| town.deliver(0, false)),
        Turn::Deliver(which) if on_the_way > 0 => town.deliver(which.index(on_the_way), false),
        Turn::Twice(which) if on_the_way > 0 => town.deliver(which.index(on_the_way), true),
        Turn::Lose(which) if on_the_way > 0 => town.lose(which.index(on_the_way)),
        Turn::Deliver(_) | Turn::Twice(_) | Turn::Lose(_) => {}
        Turn::Entries(from) => town.carry_entries(from),
        Turn::Pass(ms) => town.pass(ms),
        Turn::Wish(phone, which) => town.wish(phone, which),
        Turn::RestartNode(node) => town.restart_node(node),
        Turn::CrashPhone(phone, outputs) => town.crash_after(phone, outputs),
    }
}

proptest! {
    #![proptest_config(repeatable(192))]

    #[test]
    fn whatever_the_network_does_no_driver_is_doubled_no_epoch_falls_and_all_agree_in_the_end(
        turns in prop::collection::vec(turn(), 1..120)
    ) {
        let mut town = Town::new();
        for turn in turns {
            play(&mut town, turn);
        }
        (0..PHONES).for_each(|phone| town.crash_after(phone, usize::MAX));
        town.rest(AGREES_WITHIN_S);
        prop_assert!(town.nodes_agree());
        for phone in 0..PHONES {
            let (held, unsent) = town.held(phone);
            prop_assert_eq!(unsent, 0, "phone {} has told everything", phone);
            let at = town.attached_at(phone);
            prop_assert_eq!(at.len(), 1, "phone {} has one node: {:?}", phone, &at);
            prop_assert_eq!(town.attached_to(phone), Some(at[0]));
            for node in 0..NODES {
                prop_assert_eq!(town.bound(node, phone), held.clone(), "node {}, phone {}", node, phone);
                let waits_for = town.waits_for(node, phone);
                prop_assert!(waits_for.is_empty(), "node {node} waits for phone {phone}: {waits_for:?}");
            }
        }
    }
}
