//! Pulls of a node from its peers.

use std::ops::Range;

use ondol_core::face::Input;
use ondol_core::journal::{Entry, Heads};
use ondol_core::units::Ticks;

use super::{Ask, Caller, Event, Reply, World, node_id};
use crate::faults::clock::Ms;
use crate::faults::net::Place;

/// A pull without an answer is made again after this time.
const PULL_AGAIN_MS: Ms = 3_000;

/// Who waits for entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pull {
    pub(super) node: usize,
    pub(super) life: u32,
    /// Tells a late answer from the one awaited.
    tag: u64,
    asked: Ms,
    /// The same by the node's clock.
    asked_at: Ticks,
}

impl World {
    /// A node asks a peer for what it lacks, unless another pull has been planned since this one.
    pub(super) fn pull(&mut self, node: usize, life: u32, peer: usize, tag: u64) {
        if self.nodes[node].pulls.get(&peer) != Some(&tag) {
            return;
        }
        if !self.runs(node, Some(life), || Event::PullDue { node, life, peer, tag }) {
            return;
        }
        let tag = tag + 1;
        self.nodes[node].pulls.insert(peer, tag);
        let heads = self.nodes[node].node.as_ref().expect("it runs").board().heads().clone();
        let asked = self.agenda.now();
        let asked_at = self.nodes[node].clock.read(asked).ticks;
        let pull = Pull { node, life, tag, asked, asked_at };
        self.ask(Place::Node(node), peer, Ask::Pull(heads), Caller::Pull(pull));
        self.agenda.after(PULL_AGAIN_MS, Event::PullDue { node, life, peer, tag });
    }

    /// A peer's page has come.
    pub(super) fn pulled(&mut self, pull: Pull, peer: usize, entries: Vec<Entry>, heads: Heads, full: bool) {
        let Pull { node, life, tag, asked, asked_at } = pull;
        let again = |entries: &Vec<Entry>, heads: &Heads| Event::Answered {
            caller: Caller::Pull(pull),
            from: peer,
            reply: Box::new(Reply::Page { entries: entries.clone(), heads: heads.clone(), full }),
        };
        if !self.runs(node, Some(life), || again(&entries, &heads)) {
            return;
        }
        if self.nodes[node].pulls.get(&peer) == Some(&tag) {
            let tag = tag + 1;
            self.nodes[node].pulls.insert(peer, tag);
            let Range { start, end } = self.town.pull_every_ms;
            let wait = if full { 1 } else { self.any_ms(start, end) };
            self.agenda.after(wait, Event::PullDue { node, life, peer, tag });
        }
        let now = self.agenda.now();
        let place = &self.nodes[node];
        // Nothing proves to central that it wrote what an edge gives back: somebody has to ask for it.
        let believes = node != 0 || place.takes_back_at.is_some_and(|at| at <= now);
        let (me, life) = (node_id(node), place.life);
        let entries: Vec<Entry> = entries
            .into_iter()
            .filter(|entry| entry.series.origin != me || (believes && entry.series.incarnation < life))
            .collect();
        self.node_input(node, Input::Page { from: node_id(peer), entries, heads: heads.clone(), asked_at });
        let place = &mut self.nodes[node];
        let running = place.node.as_ref();
        if running.is_some_and(|n| {
            n.config().districts.keys().all(|d| n.board().covers(n.board().heads(), &heads, d))
        }) {
            place.level_at = place.level_at.max(asked);
            self.checkers.knows_its_past(&node_id(node));
        }
    }

    /// For how long an edge has not been level with central, in this life.
    pub(super) fn out_of_touch_ms(&self, node: usize) -> Ms {
        if node == 0 { 0 } else { self.agenda.now() - self.nodes[node].level_at }
    }
}
