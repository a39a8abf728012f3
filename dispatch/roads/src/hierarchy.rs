//! Shortest driving times: the one place that knows the contraction hierarchy.
//!
//! Built by the `cch` crate; the sweep over the elimination tree is our own, because the crate's query
//! object checks every arc when it is made, cannot be pinned twice, and starts at junctions only, while
//! taxis and riders stand between them. Checked against Dijkstra and against the crate's own query.
//!
//! **Units**: milliseconds throughout.

use std::sync::{Mutex, PoisonError};

use cch::bundle::INVALID_ID;
use cch::graph::Graph;
use cch::{Cch, INF_WEIGHT, Metric};

use crate::network::Network;

/// Most scratch spaces kept for threads that ask at the same time.
const SCRATCH_MAX: usize = 8;

/// A junction and the time between it and where a taxi or rider really is.
pub(crate) type End = (u32, u32);

/// The one or two junctions by which a place on a street is reached or left.
pub(crate) type Ends = [Option<End>; 2];

/// One direction of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arc {
    pub(crate) tail: u32,
    pub(crate) head: u32,
    pub(crate) ms: u32,
    pub(crate) segment: u32,
    pub(crate) reversed: bool,
}

/// The hierarchy of one network.
pub(crate) struct Hierarchy {
    cch: Cch,
    metric: Metric,
    /// The quickest arc for each pair of neighbours, in order of (tail, head).
    arcs: Vec<Arc>,
    scratch: Mutex<Vec<Scratch>>,
}

impl Hierarchy {
    /// Builds the hierarchy of `network` in its stored order.
    pub(crate) fn of(network: &Network) -> Self {
        let arcs = quickest_arcs(network);
        let mut first_out = vec![0; network.nodes.len() + 1];
        for arc in &arcs {
            first_out[arc.tail as usize + 1] += 1;
        }
        for node in 0..network.nodes.len() {
            first_out[node + 1] += first_out[node];
        }
        let graph = Graph {
            first_out,
            head: arcs.iter().map(|arc| arc.head).collect(),
            weight: arcs.iter().map(|arc| arc.ms).collect(),
        };
        let cch = Cch::build(&graph, &network.order);
        let metric = cch.customize(&graph.weight);
        Self { cch, metric, arcs, scratch: Mutex::new(Vec::new()) }
    }

    /// Times from each of `sources` to `target`.
    pub(crate) fn many_to_one(&self, sources: &[Ends], target: &Ends) -> Vec<Option<u32>> {
        self.pinned(target, &self.metric.backward, sources, &self.metric.forward)
    }

    /// Times from `source` to each of `targets`.
    pub(crate) fn one_to_many(&self, source: &Ends, targets: &[Ends]) -> Vec<Option<u32>> {
        self.pinned(source, &self.metric.forward, targets, &self.metric.backward)
    }

    /// The arcs of the quickest way between two junctions, in driving order.
    pub(crate) fn path(&self, from: u32, to: u32) -> Option<Vec<Arc>> {
        let nodes = cch::node_path(&self.cch.view(), &self.metric.view(), from, to)?;
        nodes.windows(2).map(|pair| self.arc(pair[0], pair[1])).collect()
    }

    /// Every arc that a quickest way may use.
    #[cfg(test)]
    pub(crate) fn arcs(&self) -> &[Arc] {
        &self.arcs
    }

    fn arc(&self, tail: u32, head: u32) -> Option<Arc> {
        self.arcs.binary_search_by_key(&(tail, head), |arc| (arc.tail, arc.head)).ok().map(|at| self.arcs[at])
    }

    /// One upward sweep from the pinned side, then one from each of the others; they meet at common ancestors.
    fn pinned(
        &self,
        pinned: &Ends,
        pinned_ms: &[u32],
        others: &[Ends],
        others_ms: &[u32],
    ) -> Vec<Option<u32>> {
        let mut scratch = self.take_scratch();
        self.sweep(pinned, pinned_ms, &mut scratch.pinned);
        let times = others
            .iter()
            .map(|ends| {
                self.sweep(ends, others_ms, &mut scratch.moving);
                let Reach { ms, touched } = &scratch.moving;
                let meetings =
                    touched.iter().map(|&x| ms[x as usize].saturating_add(scratch.pinned.ms[x as usize]));
                let best = meetings.min().filter(|best| *best < INF_WEIGHT);
                scratch.moving.clear();
                best
            })
            .collect();
        scratch.pinned.clear();
        self.give_back(scratch);
        times
    }

    /// Relaxes the arcs of all ancestors of `ends`, lowest first; every ancestor is marked as touched.
    fn sweep(&self, ends: &Ends, weights: &[u32], reach: &mut Reach) {
        let Cch { rank, elimination_tree_parent: parent, up_first_out, up_head, .. } = &self.cch;
        // Two walks towards the root, merged: a parent's number is always higher than its child's.
        let mut walks = [INVALID_ID; 2];
        for (walk, end) in walks.iter_mut().zip(ends) {
            if let Some((node, offset_ms)) = end {
                *walk = rank[*node as usize];
                let ms = &mut reach.ms[*walk as usize];
                *ms = (*ms).min(*offset_ms);
            }
        }
        loop {
            let x = walks[0].min(walks[1]);
            if x == INVALID_ID {
                return;
            }
            reach.touched.push(x);
            let so_far = reach.ms[x as usize];
            if so_far < INF_WEIGHT {
                let arcs = up_first_out[x as usize] as usize..up_first_out[x as usize + 1] as usize;
                for (&y, &ms) in up_head[arcs.clone()].iter().zip(&weights[arcs]) {
                    let slot = &mut reach.ms[y as usize];
                    *slot = (*slot).min(so_far.saturating_add(ms));
                }
            }
            for walk in &mut walks {
                if *walk == x {
                    *walk = parent[x as usize];
                }
            }
        }
    }

    fn take_scratch(&self) -> Scratch {
        let kept = self.scratch.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(|| Scratch {
            pinned: Reach::new(self.cch.node_count()),
            moving: Reach::new(self.cch.node_count()),
        })
    }

    fn give_back(&self, scratch: Scratch) {
        let mut kept = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < SCRATCH_MAX {
            kept.push(scratch);
        }
    }
}

/// Space for one query, kept so that a query allocates nothing but its answer.
struct Scratch {
    pinned: Reach,
    moving: Reach,
}

/// Times found so far, by number in the hierarchy; all infinite except at `touched`.
struct Reach {
    ms: Vec<u32>,
    touched: Vec<u32>,
}

impl Reach {
    fn new(nodes: usize) -> Self {
        Self { ms: vec![INF_WEIGHT; nodes], touched: Vec::new() }
    }

    fn clear(&mut self) {
        for x in self.touched.drain(..) {
            self.ms[x as usize] = INF_WEIGHT;
        }
    }
}

/// The quickest arc for each pair of different neighbours, in order of (tail, head).
fn quickest_arcs(network: &Network) -> Vec<Arc> {
    let mut arcs = Vec::with_capacity(network.arcs());
    for (number, segment) in network.segments.iter().enumerate() {
        let number = u32::try_from(number).expect("segments are numbered by u32");
        let mut add = |tail, head, ms: Option<u32>, reversed| {
            if let Some(ms) = ms.filter(|_| tail != head) {
                arcs.push(Arc { tail, head, ms, segment: number, reversed });
            }
        };
        add(segment.from, segment.to, segment.forward_ms, false);
        add(segment.to, segment.from, segment.backward_ms, true);
    }
    arcs.sort_by_key(|arc| (arc.tail, arc.head, arc.ms, arc.segment));
    arcs.dedup_by_key(|arc| (arc.tail, arc.head));
    arcs
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use proptest::prelude::*;

    use super::*;
    use crate::import::RawSegment;
    use crate::point::Point;
    use crate::tags::RoadClass;

    /// The oracle: Dijkstra from several junctions with head starts.
    pub(crate) fn dijkstra_ms(nodes: usize, arcs: &[Arc], starts: &[End]) -> Vec<Option<u32>> {
        let mut out: Vec<Vec<(u32, u32)>> = vec![Vec::new(); nodes];
        for arc in arcs {
            out[arc.tail as usize].push((arc.head, arc.ms));
        }
        let mut best: Vec<Option<u32>> = vec![None; nodes];
        let mut queue: BinaryHeap<Reverse<(u32, u32)>> =
            starts.iter().map(|(node, ms)| Reverse((*ms, *node))).collect();
        while let Some(Reverse((ms, node))) = queue.pop() {
            if best[node as usize].is_some() {
                continue;
            }
            best[node as usize] = Some(ms);
            for &(head, more) in &out[node as usize] {
                queue.push(Reverse((ms + more, head)));
            }
        }
        best
    }

    /// A network of random two-way and one-way streets between points on a grid, its largest part.
    fn random_network() -> impl Strategy<Value = Network> {
        let street = (0_i64..40, 0_i64..40, 1_u32..60_000, prop::option::of(1_u32..60_000));
        prop::collection::vec(street, 20..160).prop_filter_map("two junctions reach each other", |streets| {
            let point =
                |id: i64| Point::new(37.0 + 0.01 * (id % 7) as f64, 127.0 + 0.01 * (id / 7) as f64).unwrap();
            let segments: Vec<RawSegment> = streets
                .into_iter()
                .map(|(from, to, forward, backward)| RawSegment {
                    from,
                    to,
                    line: vec![point(from), point(to)],
                    class: RoadClass::Residential,
                    names: None,
                    bridge: false,
                    forward_ms: Some(forward),
                    backward_ms: backward,
                })
                .collect();
            Network::join(&segments).map(|(network, _)| network)
        })
    }

    proptest! {
        #[test]
        fn times_equal_dijkstra(network in random_network(), picks in prop::collection::vec((0_u32..1_000, 0_u32..9_000), 6)) {
            let nodes = network.nodes.len();
            let hierarchy = Hierarchy::of(&network);
            let end = |(node, ms): (u32, u32)| Some((node % u32::try_from(nodes).unwrap(), ms));
            let target: Ends = [end(picks[0]), end(picks[1])];
            let sources: Vec<Ends> = vec![[end(picks[2]), end(picks[3])], [end(picks[4]), None], [None, end(picks[5])]];
            let found = hierarchy.many_to_one(&sources, &target);
            for (ends, found) in sources.iter().zip(&found) {
                let starts: Vec<End> = ends.iter().flatten().copied().collect();
                let best = dijkstra_ms(nodes, hierarchy.arcs(), &starts);
                let wanted = target.iter().flatten().filter_map(|(node, ms)| best[*node as usize].map(|b| b + ms)).min();
                prop_assert_eq!(*found, wanted);
                // The other way round must agree, and scratch must be clean.
                prop_assert_eq!(hierarchy.one_to_many(ends, &[target])[0], wanted);
            }
            prop_assert_eq!(hierarchy.many_to_one(&sources, &target), found);
        }

        #[test]
        fn paths_take_as_long_as_they_claim(network in random_network(), from in 0_u32..1_000, to in 0_u32..1_000) {
            let nodes = u32::try_from(network.nodes.len()).unwrap();
            let (from, to) = (from % nodes, to % nodes);
            let hierarchy = Hierarchy::of(&network);
            let path = hierarchy.path(from, to).expect("the kept part is strongly connected");
            let total: u32 = path.iter().map(|arc| arc.ms).sum();
            prop_assert_eq!(Some(total), dijkstra_ms(nodes as usize, hierarchy.arcs(), &[(from, 0)])[to as usize]);
            prop_assert!(path.windows(2).all(|pair| pair[0].head == pair[1].tail));
            prop_assert_eq!(cch::distance(&hierarchy.cch.view(), &hierarchy.metric.view(), from, to), total);
        }
    }

    #[test]
    fn an_end_that_is_nowhere_is_not_reached() {
        let built = crate::generate::city(1);
        let hierarchy = Hierarchy::of(&built.network);
        assert_eq!(
            hierarchy.many_to_one(&[[None, None], [Some((0, 5)), None]], &[Some((0, 7)), None]),
            [None, Some(12)]
        );
    }
}
