//! Sweeps over the elimination tree of a contraction hierarchy.
//!
//! All upward arcs of a node lead to its ancestors in the tree. So the times from one end are pushed up to the
//! root, and those to the other ends are pulled down along the union of their ancestors, every node once.

use cch::bundle::INVALID_ID;
use cch::{Cch, INF_WEIGHT};

/// A set of nodes that holds the ancestors of all its members, each after its own ancestors.
pub(crate) struct Union {
    nodes: Vec<u32>,
    inside: Vec<bool>,
}

impl Union {
    pub(crate) fn new(nodes: usize) -> Self {
        Self { nodes: Vec::new(), inside: vec![false; nodes] }
    }

    /// Adds states and all their ancestors.
    pub(crate) fn add(&mut self, cch: &Cch, states: impl Iterator<Item = u32>) {
        for state in states {
            let first = self.nodes.len();
            let mut node = cch.rank[state as usize];
            while node != INVALID_ID && !std::mem::replace(&mut self.inside[node as usize], true) {
                self.nodes.push(node);
                node = cch.elimination_tree_parent[node as usize];
            }
            self.nodes[first..].reverse();
        }
    }

    pub(crate) fn clear(&mut self) {
        for node in self.nodes.drain(..) {
            self.inside[node as usize] = false;
        }
    }
}

/// Times found so far for every node, for several ends side by side; infinite where nothing was found.
pub(crate) struct Board<const LANES: usize> {
    ms: Vec<[u32; LANES]>,
}

impl<const LANES: usize> Board<LANES> {
    pub(crate) fn new(nodes: usize) -> Self {
        Self { ms: vec![[INF_WEIGHT; LANES]; nodes] }
    }

    /// Starts a lane at `states`, each with a head start, and pushes their times up to all their ancestors.
    ///
    /// `touched` must be empty or hold only what other lanes touched; it takes up what this one does.
    pub(crate) fn start(
        &mut self,
        cch: &Cch,
        weights: &[u32],
        states: impl Iterator<Item = (u32, u32)> + Clone,
        touched: &mut Union,
        lane: usize,
    ) {
        touched.add(cch, states.clone().map(|(state, _)| state));
        for (state, ms) in states {
            let slot = &mut self.ms[cch.rank[state as usize] as usize][lane];
            *slot = (*slot).min(ms);
        }
        // From the members to the root: the other way round than they are kept.
        for &x in touched.nodes.iter().rev() {
            let so_far = self.ms[x as usize][lane];
            if so_far < INF_WEIGHT {
                let arcs = up_arcs(cch, x);
                for (&y, &ms) in cch.up_head[arcs.clone()].iter().zip(&weights[arcs]) {
                    let slot = &mut self.ms[y as usize][lane];
                    *slot = (*slot).min(so_far + ms);
                }
            }
        }
    }

    /// Completes the times of all nodes of `union` from those of their ancestors.
    pub(crate) fn pull(&mut self, cch: &Cch, weights: &[u32], union: &Union) {
        for &x in &union.nodes {
            let arcs = up_arcs(cch, x);
            let mut best = self.ms[x as usize];
            for (&y, &ms) in cch.up_head[arcs.clone()].iter().zip(&weights[arcs]) {
                for (best, above) in best.iter_mut().zip(&self.ms[y as usize]) {
                    // No overflow: both are at most what stands for infinity, less than half of what fits.
                    *best = (*best).min(above + ms);
                }
            }
            self.ms[x as usize] = best;
        }
    }

    /// The times of a state, one for each lane.
    pub(crate) fn at(&self, cch: &Cch, state: u32) -> &[u32; LANES] {
        &self.ms[cch.rank[state as usize] as usize]
    }

    pub(crate) fn clear(&mut self, touched: &Union) {
        for x in &touched.nodes {
            self.ms[*x as usize] = [INF_WEIGHT; LANES];
        }
    }
}

fn up_arcs(cch: &Cch, x: u32) -> std::ops::Range<usize> {
    cch.up_first_out[x as usize] as usize..cch.up_first_out[x as usize + 1] as usize
}
