//! The graph in which turns have a price: its nodes are arcs of the network, its arcs are turns.
//!
//! | turn | price |
//! |---|---|
//! | at a junction of fewer than three streets | nothing |
//! | by less than 45 degrees | nothing |
//! | by 45 to 120 degrees | 3 s |
//! | by more | 6 s |
//! | back into the same street | 15 s, and only where no other way leads on |
//! | forbidden by a restriction | never |
//!
//! Prices do not tell left from right: a map does not say on which side its country drives.
//!
//! Where a restriction speaks of three streets or more, its second street has a second *state*, which one is in
//! only when one came by the first; so a state is the longest end of one's way that some restriction begins with.

use std::collections::{BTreeMap, BTreeSet};

use crate::arc::ArcId;
use crate::network::Network;
use crate::point::Point;

/// The price of a turn by [`BEND_DEGREES`] or more.
const TURN_MS: u32 = 3_000;
/// The price of a turn by more than [`TURN_DEGREES`].
const SHARP_MS: u32 = 6_000;
/// The price of turning back.
pub(crate) const BACK_MS: u32 = 15_000;
const BEND_DEGREES: f64 = 45.0;
const TURN_DEGREES: f64 = 120.0;
/// A street's direction is looked at over this length, in metres: the last piece of its line may be a kink.
const HEADING_M: f64 = 15.0;

/// An arc that is closed has no state.
const CLOSED: u32 = u32::MAX;

/// States and turns of one network, packed by the state that a turn begins in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TurnGraph {
    /// The arc of each state: first one for every open arc, then those that remember more.
    pub(crate) arcs: Vec<ArcId>,
    pub(crate) first_out: Vec<u32>,
    /// The state after each turn.
    pub(crate) head: Vec<u32>,
    /// The price of each turn.
    pub(crate) turn_ms: Vec<u32>,
    plain: Vec<u32>,
    remembering: BTreeMap<ArcId, Vec<u32>>,
    beginning: Vec<Vec<ArcId>>,
}

impl TurnGraph {
    /// All turns that `network` allows.
    pub(crate) fn of(network: &Network) -> Self {
        let memory = Memory::of(network);
        let mut graph = Self {
            arcs: memory.histories.iter().map(|history| history[history.len() - 1]).collect(),
            first_out: vec![0],
            head: Vec::new(),
            turn_ms: Vec::new(),
            plain: Vec::new(),
            remembering: BTreeMap::new(),
            beginning: network.beginning(),
        };
        let prices = Prices::of(network);
        for history in &memory.histories {
            let last = history[history.len() - 1];
            let back = last.reverse();
            let exits = &graph.beginning[network.head(last) as usize];
            let onward: Vec<(ArcId, u32)> = exits
                .iter()
                .filter(|exit| **exit != back)
                .filter_map(|exit| Some((*exit, memory.after(history, *exit)?)))
                .collect();
            let turning_back = exits
                .iter()
                .filter(|exit| onward.is_empty() && **exit == back)
                .filter_map(|exit| Some((*exit, memory.after(history, *exit)?)));
            for (exit, state) in onward.iter().copied().chain(turning_back) {
                graph.head.push(state);
                graph.turn_ms.push(if exit == back { BACK_MS } else { prices.turn_ms(network, last, exit) });
            }
            graph.first_out.push(u32::try_from(graph.head.len()).expect("turns are numbered by u32"));
        }
        for (state, arc) in (0_u32..).zip(&graph.arcs).skip(memory.plain_count) {
            graph.remembering.entry(*arc).or_default().push(state);
        }
        graph.plain = memory.plain;
        graph
    }

    /// How many states [`TurnGraph::of`] will make.
    pub(crate) fn states_of(network: &Network) -> usize {
        Memory::of(network).histories.len()
    }

    /// The state of one who is on `arc` and of whom nothing else is known, if it is open.
    pub(crate) fn plain(&self, arc: ArcId) -> Option<u32> {
        self.plain.get(arc.index()).copied().filter(|state| *state != CLOSED)
    }

    /// Every state on `arc`.
    pub(crate) fn states(&self, arc: ArcId) -> impl Iterator<Item = u32> {
        self.plain(arc).into_iter().chain(self.remembering.get(&arc).into_iter().flatten().copied())
    }

    /// The arcs that begin at a junction, open or closed.
    pub(crate) fn beginning(&self, junction: u32) -> &[ArcId] {
        &self.beginning[junction as usize]
    }

    /// The turns out of `state`: the state after each, and its price.
    pub(crate) fn turns(&self, state: u32) -> impl Iterator<Item = (u32, u32)> {
        let range = self.first_out[state as usize] as usize..self.first_out[state as usize + 1] as usize;
        self.head[range.clone()].iter().copied().zip(self.turn_ms[range].iter().copied())
    }

    /// All turns as pairs of states.
    pub(crate) fn pairs(&self) -> Vec<(u32, u32)> {
        let states = 0..u32::try_from(self.arcs.len()).expect("states are numbered by u32");
        states.flat_map(|state| self.turns(state).map(move |(next, _)| (state, next))).collect()
    }
}

/// Which ends of one's way matter to some restriction.
struct Memory<'a> {
    banned: BTreeSet<&'a [ArcId]>,
    /// What each state remembers: its arc last.
    histories: Vec<Vec<ArcId>>,
    plain_count: usize,
    plain: Vec<u32>,
    longer: BTreeMap<Vec<ArcId>, u32>,
}

impl<'a> Memory<'a> {
    fn of(network: &'a Network) -> Self {
        let mut plain = vec![CLOSED; network.segments.len() * 2];
        let mut histories = Vec::new();
        let number = |histories: &Vec<Vec<ArcId>>| u32::try_from(histories.len()).expect("states fit a u32");
        for arc in network.open_arcs() {
            plain[arc.index()] = number(&histories);
            histories.push(vec![arc]);
        }
        let plain_count = histories.len();
        let mut longer = BTreeMap::new();
        for chain in &network.bans {
            for length in 2..chain.len() {
                longer.entry(chain[..length].to_vec()).or_insert_with(|| {
                    histories.push(chain[..length].to_vec());
                    number(&histories) - 1
                });
            }
        }
        let banned = network.bans.iter().map(Vec::as_slice).collect();
        Self { banned, histories, plain_count, plain, longer }
    }

    /// The state after `history` and then `next`, unless that is forbidden.
    fn after(&self, history: &[ArcId], next: ArcId) -> Option<u32> {
        let whole = [history, &[next]].concat();
        let mut ends = (0..history.len()).map(|from| &whole[from..]);
        if ends.clone().any(|end| self.banned.contains(end)) {
            return None;
        }
        let remembered = ends.find_map(|end| self.longer.get(end).copied());
        remembered.or(Some(self.plain[next.index()])).filter(|state| *state != CLOSED)
    }
}

/// What turns cost: directions of arcs at their ends, and how many streets meet at each junction.
pub(crate) struct Prices {
    /// Degrees clockwise from north when an arc is entered.
    entered: Vec<f64>,
    streets: Vec<u32>,
}

impl Prices {
    pub(crate) fn of(network: &Network) -> Self {
        let mut streets = vec![0; network.nodes.len()];
        let mut entered = Vec::with_capacity(network.segments.len() * 2);
        for segment in &network.segments {
            streets[segment.from as usize] += 1;
            streets[segment.to as usize] += 1;
            let mut line = network.line(segment);
            entered.push(heading(&line));
            line.reverse();
            entered.push(heading(&line));
        }
        Self { entered, streets }
    }

    /// The price of turning from one arc into another that is not the same street.
    pub(crate) fn turn_ms(&self, network: &Network, last: ArcId, next: ArcId) -> u32 {
        if self.streets[network.head(last) as usize] < 3 {
            return 0;
        }
        // Arriving is leaving the other way, turned round.
        let arrived = self.entered[last.reverse().index()] + 180.0;
        let turned = (self.entered[next.index()] - arrived).rem_euclid(360.0);
        match turned.min(360.0 - turned) {
            by if by < BEND_DEGREES => 0,
            by if by <= TURN_DEGREES => TURN_MS,
            _ => SHARP_MS,
        }
    }
}

/// Degrees clockwise from north from the first point of a line to the first one that is [`HEADING_M`] away.
fn heading(line: &[Point]) -> f64 {
    let first = line[0];
    let far = line[1..].iter().find(|point| first.distance_m(**point) >= HEADING_M);
    let towards = far.unwrap_or(&line[line.len() - 1]);
    let north = towards.lat() - first.lat();
    let east = (towards.lon() - first.lon()) * first.lat().to_radians().cos();
    east.atan2(north).to_degrees()
}
