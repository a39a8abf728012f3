//! Dijkstra with turns: slow, simple, and without the hierarchy or its states.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};

use crate::arc::ArcId;
use crate::network::Network;
use crate::turns::{BACK_MS, Prices};

/// A network as one drives it, turn by turn.
pub(crate) struct Slow<'a> {
    network: &'a Network,
    prices: Prices,
    leaving: HashMap<u32, Vec<ArcId>>,
    /// By their last arc.
    banned: HashMap<ArcId, Vec<&'a [ArcId]>>,
    /// Arcs that a restriction of three or more speaks of: one's way is remembered while it leads over them.
    remembered: BTreeSet<ArcId>,
    /// … and so far back as the longest restriction looks.
    memory: usize,
}

/// When the end and the beginning of each arc are reached, in ms.
pub(crate) struct Reached {
    pub(crate) end_ms: HashMap<ArcId, u32>,
    pub(crate) entered_ms: HashMap<ArcId, u32>,
}

impl<'a> Slow<'a> {
    pub(crate) fn of(network: &'a Network) -> Self {
        let mut leaving: HashMap<u32, Vec<ArcId>> = HashMap::new();
        for arc in network.open_arcs() {
            leaving.entry(network.tail(arc)).or_default().push(arc);
        }
        let mut banned: HashMap<ArcId, Vec<&[ArcId]>> = HashMap::new();
        for chain in &network.bans {
            banned.entry(chain[chain.len() - 1]).or_default().push(chain);
        }
        let remembered = network.bans.iter().filter(|chain| chain.len() > 2).flatten().copied().collect();
        let memory = network.bans.iter().map(|chain| chain.len() - 1).max().unwrap_or(1);
        Self { network, prices: Prices::of(network), leaving, banned, remembered, memory }
    }

    /// Without any restriction.
    pub(crate) fn lawless(network: &'a Network) -> Self {
        Self { banned: HashMap::new(), remembered: BTreeSet::new(), ..Self::of(network) }
    }

    /// Best times to the ends of all arcs from `starts`, each with the time to its own end.
    pub(crate) fn ends_ms(&self, starts: &[(ArcId, u32)]) -> HashMap<ArcId, u32> {
        self.reached(starts).end_ms
    }

    pub(crate) fn reached(&self, starts: &[(ArcId, u32)]) -> Reached {
        let mut queue: BinaryHeap<Reverse<(u32, Vec<ArcId>)>> =
            starts.iter().map(|(arc, ms)| Reverse((*ms, vec![*arc]))).collect();
        let mut done: BTreeSet<Vec<ArcId>> = BTreeSet::new();
        let mut reached = Reached { end_ms: HashMap::new(), entered_ms: HashMap::new() };
        while let Some(Reverse((ms, way))) = queue.pop() {
            if !done.insert(way.clone()) {
                continue;
            }
            reached.end_ms.entry(way[way.len() - 1]).or_insert(ms);
            for (next, turn_ms) in self.turns(&way) {
                let entered = ms + turn_ms;
                let known = reached.entered_ms.entry(next).or_insert(entered);
                *known = (*known).min(entered);
                let mut way =
                    if self.remembered.contains(&way[way.len() - 1]) { way.clone() } else { vec![] };
                way.push(next);
                way.drain(..way.len().saturating_sub(self.memory));
                if !done.contains(&way) {
                    queue.push(Reverse((entered + self.network.free_ms(next).unwrap(), way)));
                }
            }
        }
        reached
    }

    /// Time from the end of the first arc of `path` to the end of its last; nothing if that must not be driven.
    pub(crate) fn drive_ms(&self, path: &[ArcId]) -> Option<u32> {
        let mut total = 0;
        for at in 1..path.len() {
            let (_, turn_ms) = self.turns(&path[..at]).into_iter().find(|(next, _)| *next == path[at])?;
            total += turn_ms + self.network.free_ms(path[at])?;
        }
        Some(total)
    }

    /// What one may turn into at the end of `way`, and at which price.
    fn turns(&self, way: &[ArcId]) -> Vec<(ArcId, u32)> {
        let last = way[way.len() - 1];
        let is_allowed = |next: &&ArcId| {
            let whole = [way, &[**next]].concat();
            self.banned.get(*next).is_none_or(|chains| !chains.iter().any(|chain| whole.ends_with(chain)))
        };
        let exits: Vec<ArcId> =
            self.leaving[&self.network.head(last)].iter().filter(is_allowed).copied().collect();
        let onward: Vec<(ArcId, u32)> = exits
            .iter()
            .filter(|next| next.segment() != last.segment())
            .map(|next| (*next, self.prices.turn_ms(self.network, last, *next)))
            .collect();
        if onward.is_empty() { exits.into_iter().map(|back| (back, BACK_MS)).collect() } else { onward }
    }
}
