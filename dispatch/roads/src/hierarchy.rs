//! Shortest driving times: the one place that knows the contraction hierarchy.
//!
//! Built by the `cch` crate over the [`TurnGraph`], whose nodes are the *states* of a taxi: the arc it is on. The
//! sweep over the elimination tree is our own, because the crate's query object checks every arc when it is made,
//! cannot be pinned twice, and starts and ends at states only, while taxis and riders stand in the middle of arcs.
//! Checked against Dijkstra and against the crate's own query.
//!
//! **Units**: milliseconds throughout. The time *to a state* is the time to the end of its arc.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use cch::graph::Graph;
use cch::{Cch, INF_WEIGHT, Metric};

use crate::arc::ArcId;
use crate::network::Network;
use crate::sweep::{Board, Union};
use crate::turns::TurnGraph;

/// Most scratch spaces kept for threads that ask at the same time.
const SCRATCH_MAX: usize = 8;
/// Targets of a table that are swept together.
const LANES: usize = 16;
/// The longest that an arc may take, in ms: so the sum over a way stays below what stands for infinity.
pub(crate) const ARC_MAX_MS: u32 = INF_WEIGHT / 4;

/// How a place is left: states that a taxi there is in, each with the time to the end of its arc.
pub(crate) type Departure = Vec<(u32, u32)>;
/// How a place is reached: states that pass it, each with the time from it to the end of their arc.
pub(crate) type Arrival = Vec<(u32, u32)>;

/// The hierarchy of one network, and the times of its arcs now.
pub(crate) struct Hierarchy {
    turns: TurnGraph,
    cch: Cch,
    now: RwLock<Arc<Times>>,
    scratch: Mutex<Vec<Scratch>>,
}

/// Driving times at one moment; queries that began with them end with them.
pub(crate) struct Times {
    /// By arc; that of a closed arc means nothing.
    arc_ms: Vec<u32>,
    metric: Metric,
}

impl Times {
    /// Driving time along a whole arc.
    pub(crate) fn arc_ms(&self, arc: ArcId) -> u32 {
        self.arc_ms[arc.index()]
    }
}

impl Hierarchy {
    /// Builds the hierarchy of `network` in its stored order, for free streets.
    pub(crate) fn of(network: &Network) -> Self {
        let turns = TurnGraph::of(network);
        let graph = Graph {
            first_out: turns.first_out.clone(),
            head: turns.head.clone(),
            weight: turns.turn_ms.clone(),
        };
        let cch = Cch::build(&graph, &network.order);
        let arcs =
            (0..u32::try_from(network.segments.len() * 2).expect("arcs are numbered by u32")).map(ArcId);
        let free_ms: Vec<u32> = arcs.map(|arc| network.free_ms(arc).unwrap_or(ARC_MAX_MS)).collect();
        let now = RwLock::new(Arc::new(customized(&cch, &turns, free_ms)));
        Self { turns, cch, now, scratch: Mutex::new(Vec::new()) }
    }

    pub(crate) fn turns(&self) -> &TurnGraph {
        &self.turns
    }

    /// The times now.
    pub(crate) fn times(&self) -> Arc<Times> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes other times for all arcs; queries that run meanwhile keep the old ones.
    ///
    /// # Panics
    ///
    /// If there is not one time for each arc.
    pub(crate) fn set_times(&self, arc_ms: Vec<u32>) {
        assert_eq!(arc_ms.len(), self.times().arc_ms.len(), "one time for each arc");
        let arc_ms = arc_ms.into_iter().map(|ms| ms.clamp(1, ARC_MAX_MS)).collect();
        let times = Arc::new(customized(&self.cch, &self.turns, arc_ms));
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = times;
    }

    /// Times from each of `sources` to `target`.
    pub(crate) fn many_to_one(
        &self,
        times: &Times,
        sources: &[Departure],
        target: &Arrival,
    ) -> Vec<Option<u32>> {
        let Metric { forward, backward } = &times.metric;
        let mut scratch = self.take_scratch();
        let Scratch { board, pinned, others } = &mut scratch;
        // Time left over at the end of the last arc is taken off at last, so that nothing is negative meanwhile.
        let bias = target.iter().map(|(_, rest)| *rest).max().unwrap_or(0);
        board.start(&self.cch, backward, target.iter().map(|(state, rest)| (*state, bias - rest)), pinned, 0);
        for source in sources {
            others.add(&self.cch, source.iter().map(|(state, _)| *state));
        }
        board.pull(&self.cch, forward, others);
        let answer = |source: &Departure| {
            let ends = source.iter().map(|(state, ms)| board.at(&self.cch, *state)[0].saturating_add(*ms));
            ends.min().filter(|best| *best < INF_WEIGHT).map(|best| best.saturating_sub(bias))
        };
        let answers = sources.iter().map(answer).collect();
        scratch.clear();
        self.give_back(scratch);
        answers
    }

    /// Times from `source` to each of `targets`.
    pub(crate) fn one_to_many(
        &self,
        times: &Times,
        source: &Departure,
        targets: &[Arrival],
    ) -> Vec<Option<u32>> {
        let Metric { forward, backward } = &times.metric;
        let mut scratch = self.take_scratch();
        let Scratch { board, pinned, others } = &mut scratch;
        board.start(&self.cch, forward, source.iter().copied(), pinned, 0);
        for target in targets {
            others.add(&self.cch, target.iter().map(|(state, _)| *state));
        }
        board.pull(&self.cch, backward, others);
        let answer = |target: &Arrival| {
            let ends = target.iter().map(|(state, rest)| (board.at(&self.cch, *state)[0], *rest));
            let reached = ends.filter(|(ms, _)| *ms < INF_WEIGHT);
            reached.map(|(ms, rest)| ms.saturating_sub(rest)).min()
        };
        let answers = targets.iter().map(answer).collect();
        scratch.clear();
        self.give_back(scratch);
        answers
    }

    /// Times from each of `sources` to each of `targets`, on all processors.
    ///
    /// **Shape**: one row for each source.
    pub(crate) fn table(
        &self,
        times: &Times,
        sources: &[Departure],
        targets: &[Arrival],
    ) -> Vec<Vec<Option<u32>>> {
        let mut union = Union::new(self.cch.node_count());
        for source in sources {
            union.add(&self.cch, source.iter().map(|(state, _)| *state));
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = targets.len().div_ceil(threads).next_multiple_of(LANES).max(LANES);
        let columns: Vec<Vec<Vec<u32>>> = std::thread::scope(|scope| {
            let parts = targets.chunks(share).map(|part| {
                let union = &union;
                scope.spawn(move || self.columns(times, sources, part, union))
            });
            let parts: Vec<_> = parts.collect();
            parts.into_iter().map(|part| part.join().expect("a sweep does not panic")).collect()
        });
        let known = |ms: &u32| Some(*ms).filter(|ms| *ms < INF_WEIGHT);
        let row = |source: usize| columns.iter().flat_map(|part| part[source].iter().map(known)).collect();
        (0..sources.len()).map(row).collect()
    }

    /// Times from all sources to a part of the targets: a row for each source, [`INF_WEIGHT`] where no way leads.
    fn columns(
        &self,
        times: &Times,
        sources: &[Departure],
        targets: &[Arrival],
        union: &Union,
    ) -> Vec<Vec<u32>> {
        let Metric { forward, backward } = &times.metric;
        let mut board = Board::<LANES>::new(self.cch.node_count());
        let mut pinned = Union::new(self.cch.node_count());
        let mut rows = vec![Vec::with_capacity(targets.len()); sources.len()];
        for batch in targets.chunks(LANES) {
            let mut bias = [0; LANES];
            for (lane, target) in batch.iter().enumerate() {
                bias[lane] = target.iter().map(|(_, rest)| *rest).max().unwrap_or(0);
                let starts = target.iter().map(|(state, rest)| (*state, bias[lane] - rest));
                board.start(&self.cch, backward, starts, &mut pinned, lane);
            }
            board.pull(&self.cch, forward, union);
            for (source, row) in sources.iter().zip(&mut rows) {
                let mut best = [INF_WEIGHT; LANES];
                for (state, ms) in source {
                    for (best, at) in best.iter_mut().zip(board.at(&self.cch, *state)) {
                        *best = (*best).min(at.saturating_add(*ms));
                    }
                }
                let answers = best.iter().zip(bias).take(batch.len());
                row.extend(
                    answers.map(|(ms, bias)| if *ms < INF_WEIGHT { ms.saturating_sub(bias) } else { *ms }),
                );
            }
            board.clear(union);
            board.clear(&pinned);
            pinned.clear();
        }
        rows
    }

    /// The arcs of the quickest way from one state to another, in driving order, both included.
    pub(crate) fn path(&self, times: &Times, from: u32, to: u32) -> Option<Vec<ArcId>> {
        let states = cch::node_path(&self.cch.view(), &times.metric.view(), from, to)?;
        Some(states.into_iter().map(|state| self.turns.arcs[state as usize]).collect())
    }

    fn take_scratch(&self) -> Scratch {
        let kept = self.scratch.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let states = self.cch.node_count();
        kept.unwrap_or_else(|| Scratch {
            board: Board::new(states),
            pinned: Union::new(states),
            others: Union::new(states),
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
    board: Board<1>,
    pinned: Union,
    others: Union,
}

impl Scratch {
    fn clear(&mut self) {
        self.board.clear(&self.pinned);
        self.board.clear(&self.others);
        self.pinned.clear();
        self.others.clear();
    }
}

fn customized(cch: &Cch, turns: &TurnGraph, arc_ms: Vec<u32>) -> Times {
    let entered = turns.head.iter().map(|state| arc_ms[turns.arcs[*state as usize].index()]);
    let weights: Vec<u32> =
        entered.zip(&turns.turn_ms).map(|(drive, turn)| drive.saturating_add(*turn)).collect();
    Times { metric: cch.customize(&weights), arc_ms }
}
#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::import::RawSegment;
    use crate::oracle::slow::Slow;
    use crate::point::Point;
    use crate::tags::RoadClass;

    /// A network of random two-way and one-way streets between points on a grid with random restrictions, its
    /// largest part.
    fn random_network() -> impl Strategy<Value = Network> {
        let street = (0_i64..30, 0_i64..30, 1_u32..60_000, prop::option::of(1_u32..60_000));
        let streets = prop::collection::vec(street, 20..120);
        let walks = prop::collection::vec((0_u32..240, prop::collection::vec(0_usize..8, 1..4)), 0..40);
        (streets, walks).prop_filter_map("two junctions reach each other", |(streets, walks)| {
            let point =
                |id: i64| Point::new(37.0 + 0.01 * (id % 7) as f64, 127.0 + 0.01 * (id / 7) as f64).unwrap();
            let segments: Vec<RawSegment> = streets
                .into_iter()
                .filter(|(from, to, ..)| from != to)
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
            let bans: Vec<Vec<ArcId>> = walks.iter().filter_map(|walk| random_ban(&segments, walk)).collect();
            Network::join(&segments, &bans).map(|(network, _)| network)
        })
    }

    /// A walk of two to four arcs from a random one.
    fn random_ban(segments: &[RawSegment], (first, choices): &(u32, Vec<usize>)) -> Option<Vec<ArcId>> {
        let ends = |arc: ArcId| {
            let segment = segments.get(arc.segment() as usize)?;
            let ms = if arc.is_reversed() { segment.backward_ms } else { segment.forward_ms };
            let ends =
                if arc.is_reversed() { (segment.to, segment.from) } else { (segment.from, segment.to) };
            ms.map(|_| ends)
        };
        let arcs = (0..u32::try_from(segments.len() * 2).unwrap()).map(ArcId);
        let mut walk = vec![ArcId(*first)];
        for choice in choices {
            let (_, here) = ends(walk[walk.len() - 1])?;
            let exits: Vec<ArcId> =
                arcs.clone().filter(|arc| ends(*arc).is_some_and(|(tail, _)| tail == here)).collect();
            walk.push(*exits.get(choice % exits.len().max(1))?);
        }
        Some(walk)
    }

    #[test]
    fn a_street_that_nobody_comes_back_to_is_no_network() {
        let point = |lat| Point::new(lat, 127.0).unwrap();
        let street = RawSegment {
            from: 1,
            to: 2,
            line: vec![point(37.0), point(37.01)],
            class: RoadClass::Residential,
            names: None,
            bridge: false,
            forward_ms: Some(5_000),
            backward_ms: None,
        };
        assert_eq!(Network::join(std::slice::from_ref(&street), &[]), None);
        let both = RawSegment { backward_ms: Some(5_000), ..street };
        assert_eq!(Network::join(&[both], &[]).map(|(network, _)| network.nodes.len()), Some(2));
    }

    fn state(network: &Network, pick: u32) -> u32 {
        pick % u32::try_from(network.open_arcs().count()).unwrap()
    }

    proptest! {
        #[test]
        fn times_equal_dijkstra(network in random_network(), picks in prop::collection::vec((0_u32..1_000, 0_u32..9_000), 6)) {
            let hierarchy = Hierarchy::of(&network);
            let times = hierarchy.times();
            let slow = Slow::of(&network);
            let arcs: Vec<ArcId> = network.open_arcs().collect();
            let end = |(pick, ms): (u32, u32)| (state(&network, pick), ms);
            let sources: Vec<Departure> = vec![vec![end(picks[0]), end(picks[1])], vec![end(picks[2])]];
            let target: Vec<ArcId> = [3, 4, 5].map(|at: usize| arcs[state(&network, picks[at].0) as usize]).to_vec();
            let arrival: Arrival =
                target.iter().flat_map(|arc| hierarchy.turns().states(*arc).map(|state| (state, 0))).collect();
            let found = hierarchy.many_to_one(&times, &sources, &arrival);
            for (source, found) in sources.iter().zip(&found) {
                let starts: Vec<(ArcId, u32)> = source.iter().map(|(state, ms)| (arcs[*state as usize], *ms)).collect();
                let best = slow.ends_ms(&starts);
                let wanted = target.iter().filter_map(|arc| best.get(arc).copied()).min();
                prop_assert_eq!(*found, wanted);
                // The other way round must agree, and scratch must be clean.
                prop_assert_eq!(hierarchy.one_to_many(&times, source, std::slice::from_ref(&arrival))[0], wanted);
            }
            prop_assert_eq!(&hierarchy.many_to_one(&times, &sources, &arrival), &found);
            let targets = vec![arrival; 2 * LANES + 3];
            for (row, found) in hierarchy.table(&times, &sources, &targets).iter().zip(&found) {
                prop_assert!(row.len() == targets.len() && row.iter().all(|ms| ms == found));
            }
        }

        #[test]
        fn every_street_leads_to_every_other(network in random_network(), from in 0_u32..1_000) {
            let from = from % u32::try_from(network.segments.len()).unwrap();
            let starts = network.open_arcs().filter(|arc| arc.segment() == from).map(|arc| (arc, 0));
            let reached = Slow::of(&network).ends_ms(&starts.collect::<Vec<_>>());
            for segment in 0..u32::try_from(network.segments.len()).unwrap() {
                prop_assert!([ArcId::along(segment), ArcId::against(segment)].iter().any(|arc| reached.contains_key(arc)));
            }
        }

        #[test]
        fn paths_take_as_long_as_they_claim(network in random_network(), from in 0_u32..1_000, to in 0_u32..1_000) {
            let (from, to) = (state(&network, from), state(&network, to));
            let hierarchy = Hierarchy::of(&network);
            let times = hierarchy.times();
            let slow = Slow::of(&network);
            let arcs: Vec<ArcId> = network.open_arcs().collect();
            let path = hierarchy.path(&times, from, to);
            let distance = cch::distance(&hierarchy.cch.view(), &times.metric.view(), from, to);
            // A street that is only ever reached with a memory has no way to its plain state.
            prop_assert_eq!(path.is_some(), distance < INF_WEIGHT);
            if let Some(path) = path {
                prop_assert_eq!((path[0], path[path.len() - 1]), (arcs[from as usize], arcs[to as usize]));
                prop_assert_eq!(slow.drive_ms(&path), Some(distance));
            }
        }

        #[test]
        fn new_times_are_those_of_a_network_that_always_had_them(network in random_network(), share in 1_u32..9) {
            let hierarchy = Hierarchy::of(&network);
            let before = hierarchy.times();
            let mut slower = network.clone();
            for (number, segment) in (1_u32..).zip(&mut slower.segments) {
                segment.forward_ms = segment.forward_ms.map(|ms| ms * (1 + number % share));
            }
            let arcs = (0..u32::try_from(network.segments.len() * 2).unwrap()).map(ArcId);
            hierarchy.set_times(arcs.map(|arc| slower.free_ms(arc).unwrap_or(1)).collect());
            let (now, fresh) = (hierarchy.times(), Hierarchy::of(&slower));
            prop_assert!(now.metric == fresh.times().metric);
            prop_assert!(before.metric == Hierarchy::of(&network).times().metric, "who asks meanwhile sees no change");
        }
    }
}
