//! The graph under a map as it is, so that other routers can be measured beside ours on the same one.

use ondol_core::position::Position;

use super::RoadMap;

/// The graph in which turns have a price.
#[derive(Debug, Clone, PartialEq)]
pub struct StateGraph {
    /// Where the arc of each state ends.
    pub states: Vec<Position>,
    /// Turns: the states before and after, and the time to the end of the latter in ms, turn and drive together.
    pub turns: Vec<(u32, u32, u32)>,
}

impl RoadMap {
    /// The graph that travel times come from, at the times of now.
    #[must_use]
    pub fn state_graph(&self) -> StateGraph {
        let (graph, times) = (self.hierarchy.turns(), self.hierarchy.times());
        let end = |arc| self.network.nodes[self.network.head(arc) as usize].position();
        let states = 0..u32::try_from(graph.arcs.len()).expect("states are numbered by u32");
        let turns =
            states.flat_map(|state| graph.turns(state).map(move |(next, turn_ms)| (state, next, turn_ms)));
        let drive_ms = |state: u32| times.arc_ms(graph.arcs[state as usize]);
        StateGraph {
            states: graph.arcs.iter().map(|arc| end(*arc)).collect(),
            turns: turns.map(|(state, next, turn_ms)| (state, next, turn_ms + drive_ms(next))).collect(),
        }
    }

    /// Milliseconds from each of the states `sources` to the state `target` of [`RoadMap::state_graph`].
    ///
    /// # Panics
    ///
    /// If there is no such state.
    #[must_use]
    pub fn state_times_ms(&self, sources: &[u32], target: u32) -> Vec<Option<u32>> {
        let sources: Vec<_> = sources.iter().map(|state| vec![(*state, 0)]).collect();
        self.hierarchy.many_to_one(&self.hierarchy.times(), &sources, &vec![(target, 0)])
    }
}
