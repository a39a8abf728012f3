//! Districts that dispatch apart, and riders whom one lends to another.

use std::collections::BTreeMap;
use std::ops::Range;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::degraded::{Degraded, Partition};
use super::town::Town;

/// Rounds in which cells may still change.
const ROUNDS_MAX: usize = 200;
/// How often a rider is lent to the same neighbour, as in the product.
const LENT_MAX: u32 = 3;

/// Who dispatches what.
pub(super) struct Cells {
    partition: Option<Partition>,
    lend_after_s: Option<u32>,
    /// The cell of each node.
    of_node: Vec<usize>,
    /// Where a rider is who was lent.
    lent_to: BTreeMap<usize, usize>,
    /// How often each rider was lent to each cell.
    tried: BTreeMap<(usize, usize), u32>,
    /// Since when each known rider has had no taxi; who has one is missing.
    alone_since_s: BTreeMap<usize, u32>,
    /// How often riders were lent.
    pub lent: u64,
}

impl Cells {
    pub(super) fn new(town: &Town, degraded: &Degraded) -> Self {
        let of_node = degraded.partition.map_or_else(Vec::new, |p| k_means(town, p.cells, degraded.seed));
        Self {
            partition: degraded.partition,
            lend_after_s: degraded.lend_after_s,
            of_node,
            lent_to: BTreeMap::new(),
            tried: BTreeMap::new(),
            alone_since_s: BTreeMap::new(),
            lent: 0,
        }
    }

    /// Moments at which who dispatches what changes.
    pub(super) fn turns_s(&self) -> impl Iterator<Item = u32> {
        self.partition.into_iter().flat_map(|partition| [partition.from_s, partition.to_s])
    }

    /// The numbers of those that dispatch.
    pub(super) fn at(&self, now_s: u32) -> Range<usize> {
        0..self.partition(now_s).map_or(1, |partition| partition.cells)
    }

    fn partition(&self, now_s: u32) -> Option<Partition> {
        self.partition.filter(|partition| (partition.from_s..partition.to_s).contains(&now_s))
    }

    /// Who dispatches what is free at this node.
    pub(super) fn of_node(&self, node: usize, now_s: u32) -> usize {
        self.partition(now_s).map_or(0, |_| self.of_node[node])
    }

    /// Who dispatches this request, whose rider waits at `node`: its one holder.
    pub(super) fn holder(&self, request: usize, node: usize, now_s: u32) -> usize {
        let own = self.of_node(node, now_s);
        self.partition(now_s).and_then(|_| self.lent_to.get(&request).copied()).unwrap_or(own)
    }

    /// A rider is known and has no taxi, from now on. Returns when something may be done about it.
    pub(super) fn alone(&mut self, request: usize, now_s: u32) -> Option<u32> {
        self.alone_since_s.insert(request, now_s);
        self.lend_after_s.filter(|_| self.partition.is_some()).map(|after_s| now_s + after_s)
    }

    /// A rider has a taxi, or has gone.
    pub(super) fn not_alone(&mut self, request: usize) {
        self.alone_since_s.remove(&request);
    }

    /// True of a rider who is known and has no taxi.
    pub(super) fn is_alone(&self, request: usize) -> bool {
        self.alone_since_s.contains_key(&request)
    }

    /// Riders who have been alone for long enough to be lent, or given back, in the order in which they came to be.
    pub(super) fn long_alone(&self, now_s: u32) -> Vec<usize> {
        let Some(after_s) = self.lend_after_s.filter(|_| self.partition(now_s).is_some()) else {
            return Vec::new();
        };
        let long = self.alone_since_s.iter().filter(|(_, since_s)| now_s - **since_s >= after_s);
        let mut long: Vec<(u32, usize)> = long.map(|(request, since_s)| (*since_s, *request)).collect();
        long.sort_unstable();
        long.into_iter().map(|(_, request)| request).collect()
    }

    /// A rider who was lent in vain is the own district's again.
    pub(super) fn give_back(&mut self, request: usize) -> bool {
        self.lent_to.remove(&request).is_some()
    }

    /// Lends a rider to the neighbour that has been tried least, of these to the one with the nearest free taxi: `free` is
    /// where taxis stand free in each cell, `drives_s` how long they take from each node to the pickup.
    pub(super) fn lend(
        &mut self,
        request: usize,
        own: usize,
        free: &mut [Vec<usize>],
        drives_s: &[u32],
    ) -> bool {
        let tried = |cell: usize| self.tried.get(&(request, cell)).copied().unwrap_or(0);
        let near = |cell: usize| {
            let drives = free[cell].iter().enumerate().map(|(taxi, node)| (drives_s[*node], taxi));
            drives
                .filter(|(drive_s, _)| *drive_s < u32::MAX)
                .min()
                .map(|(drive_s, taxi)| (tried(cell), drive_s, cell, taxi))
        };
        let others = (0..free.len()).filter(|cell| *cell != own && tried(*cell) < LENT_MAX);
        let Some((_, _, cell, taxi)) = others.filter_map(near).min() else { return false };
        free[cell].swap_remove(taxi);
        *self.tried.entry((request, cell)).or_default() += 1;
        self.lent_to.insert(request, cell);
        self.lent += 1;
        true
    }
}

/// The cell of each node: nodes that lie together, by Lloyd's method. The first centres are drawn far from one another.
fn k_means(town: &Town, cells: usize, seed: u64) -> Vec<usize> {
    let middle =
        town.nodes.iter().map(|node| node.position.lat()).sum::<f64>() / town.nodes.len().max(1) as f64;
    let narrow = middle.to_radians().cos();
    let points: Vec<[f64; 2]> =
        town.nodes.iter().map(|node| [node.position.lat(), node.position.lon() * narrow]).collect();
    let mut centres = first_centres(&points, cells, seed);
    let mut of_node = vec![usize::MAX; points.len()];
    for _ in 0..ROUNDS_MAX {
        let nearest: Vec<usize> = points.iter().map(|point| nearest(&centres, *point).0).collect();
        if nearest == of_node {
            break;
        }
        of_node = nearest;
        let mut sums = vec![([0.0; 2], 0_u32); centres.len()];
        for (point, cell) in points.iter().zip(&of_node) {
            let (sum, count) = &mut sums[*cell];
            *sum = [sum[0] + point[0], sum[1] + point[1]];
            *count += 1;
        }
        for (centre, (sum, count)) in centres.iter_mut().zip(sums).filter(|(_, (_, count))| *count > 0) {
            *centre = sum.map(|along| along / f64::from(count));
        }
    }
    of_node
}

/// Points drawn one after the other, each with a chance that grows with the square of its distance from those before.
fn first_centres(points: &[[f64; 2]], count: usize, seed: u64) -> Vec<[f64; 2]> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut centres = vec![points[rng.random_range(0..points.len())]];
    while centres.len() < count {
        let weights: Vec<f64> = points.iter().map(|point| nearest(&centres, *point).1).collect();
        let mut left = rng.random_range(0.0..1.0) * weights.iter().sum::<f64>();
        let next = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        centres.push(points[next.unwrap_or(0)]);
    }
    centres
}

/// The nearest centre, and the square of its distance.
fn nearest(centres: &[[f64; 2]], point: [f64; 2]) -> (usize, f64) {
    let away = |centre: &[f64; 2]| (centre[0] - point[0]).powi(2) + (centre[1] - point[1]).powi(2);
    let all = centres.iter().map(away).enumerate();
    all.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
}
