//! Shortest ways: least time, of equal ones the least length.
//!
//! All ways to one node are found together and kept, because the policy asks for the same pickups again and again.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::rc::Rc;

use ondol_core::ids::DistrictId;
use ondol_core::position::Position;
use ondol_core::travel::TravelTimes;

use super::town::Town;

/// Memory for ways that are kept, in bytes; the ones that were used least lately go first.
const KEPT_BYTES: usize = 768 << 20;
/// "No way", "no edge".
const NONE: u32 = u32::MAX;

/// A street between two nodes in one direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub from: usize,
    pub to: usize,
    pub length_mm: u64,
    pub time_s: u32,
}

/// A node on a way: when it is reached, and after how much road.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stop {
    pub node: usize,
    pub at_s: u32,
    pub length_mm: u64,
}

/// The roads of a town.
pub(super) struct Roads<'a> {
    edges: &'a [Edge],
    /// Edges that end at a node: `into[starts[n]..starts[n + 1]]`.
    starts: Vec<u32>,
    into: Vec<u32>,
    node_at: HashMap<Position, usize>,
    kept: RefCell<Kept>,
}

/// All ways to one node.
struct Ways {
    /// Seconds from each node.
    time_s: Vec<u32>,
    /// The edge by which each node's way begins.
    first: Vec<u32>,
}

#[derive(Default)]
struct Kept {
    most: usize,
    clock: u64,
    ways: HashMap<usize, (u64, Rc<Ways>)>,
    /// By when each was used last.
    by_age: BTreeMap<u64, usize>,
}

impl<'a> Roads<'a> {
    pub(super) fn new(town: &'a Town) -> Self {
        let count = town.nodes.len();
        let mut starts = vec![0; count + 1];
        for edge in &town.edges {
            starts[edge.to + 1] += 1;
        }
        for node in 0..count {
            starts[node + 1] += starts[node];
        }
        let mut next = starts.clone();
        let mut into = vec![0; town.edges.len()];
        for (number, edge) in (0..).zip(&town.edges) {
            into[next[edge.to] as usize] = number;
            next[edge.to] += 1;
        }
        let most = (KEPT_BYTES / (8 * count.max(1))).max(2);
        Self {
            edges: &town.edges,
            starts,
            into,
            node_at: town.nodes.iter().enumerate().map(|(number, node)| (node.position, number)).collect(),
            kept: RefCell::new(Kept { most, ..Kept::default() }),
        }
    }

    /// The nodes after `from` on the way to `to`; `None` without a road.
    pub(super) fn way(&self, from: usize, to: usize) -> Option<Vec<Stop>> {
        let ways = self.to(to);
        let (mut way, mut at) = (Vec::new(), Stop { node: from, at_s: 0, length_mm: 0 });
        while at.node != to {
            let edge = self.edges.get(ways.first[at.node] as usize)?;
            at =
                Stop { node: edge.to, at_s: at.at_s + edge.time_s, length_mm: at.length_mm + edge.length_mm };
            way.push(at);
        }
        Some(way)
    }

    /// Seconds of driving to a node from each node, [`u32::MAX`] without a road.
    pub(super) fn times_s(&self, to: usize) -> Vec<u32> {
        self.to(to).time_s.clone()
    }

    /// Seconds of driving; `None` without a road.
    #[cfg(test)]
    pub(super) fn time_s(&self, from: usize, to: usize) -> Option<u32> {
        Some(self.to(to).time_s[from]).filter(|time_s| *time_s != NONE)
    }

    fn to(&self, node: usize) -> Rc<Ways> {
        let mut kept = self.kept.borrow_mut();
        kept.clock += 1;
        let now = kept.clock;
        if let Some((used, ways)) = kept.ways.get_mut(&node) {
            let before = std::mem::replace(used, now);
            let ways = Rc::clone(ways);
            kept.by_age.remove(&before);
            kept.by_age.insert(now, node);
            return ways;
        }
        if kept.ways.len() >= kept.most
            && let Some((_, oldest)) = kept.by_age.pop_first()
        {
            kept.ways.remove(&oldest);
        }
        let ways = Rc::new(self.search(node));
        kept.ways.insert(node, (now, Rc::clone(&ways)));
        kept.by_age.insert(now, node);
        ways
    }

    /// Dijkstra's search, backwards from the end.
    fn search(&self, end: usize) -> Ways {
        let count = self.starts.len() - 1;
        let mut best = vec![(NONE, u64::MAX); count];
        let mut first = vec![NONE; count];
        let mut heap = BinaryHeap::from([Reverse((0, 0, end))]);
        best[end] = (0, 0);
        while let Some(Reverse((time_s, length_mm, node))) = heap.pop() {
            if (time_s, length_mm) != best[node] {
                continue;
            }
            for number in &self.into[self.starts[node] as usize..self.starts[node + 1] as usize] {
                let edge = &self.edges[*number as usize];
                let reached = (time_s.saturating_add(edge.time_s), length_mm + edge.length_mm);
                if reached.0 < NONE && reached < best[edge.from] {
                    best[edge.from] = reached;
                    first[edge.from] = *number;
                    heap.push(Reverse((reached.0, reached.1, edge.from)));
                }
            }
        }
        Ways { time_s: best.into_iter().map(|(time_s, _)| time_s).collect(), first }
    }
}

impl TravelTimes for Roads<'_> {
    fn durations_s(&self, target: Position, sources: &[Position]) -> Vec<Option<u32>> {
        let Some(target) = self.node_at.get(&target) else { return vec![None; sources.len()] };
        let ways = self.to(*target);
        let time_s = |source| self.node_at.get(source).map(|node| ways.time_s[*node]).filter(|s| *s != NONE);
        sources.iter().map(time_s).collect()
    }

    fn district_at(&self, _position: Position) -> Option<DistrictId> {
        None
    }
}
