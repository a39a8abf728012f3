//! Cutting blocks between avenues again and again into streets.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::line::{Axis, Line};
use super::names;
use super::streets::{Mesh, Quarter, Streets};
use super::terrain::{Bank, Curved, apart_m};
use crate::names::Names;
use crate::tags::RoadClass;

/// Junctions nearer than this become one, in metres.
const MERGE_M: f64 = 18.0;

/// A block that is still to be cut, bounded by four lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) u: [f64; 2],
    pub(crate) v: [f64; 2],
    /// Lines at the low and high `u`, then at the low and high `v`.
    pub(crate) west: usize,
    pub(crate) east: usize,
    pub(crate) inner: usize,
    pub(crate) outer: usize,
}

impl Streets<'_> {
    /// Cuts a block into smaller ones until they have the size of their quarter.
    pub(crate) fn cut(&mut self, mesh: usize, block: Block, rng: &mut ChaCha8Rng) {
        let Mesh { quarter, bank, .. } = self.meshes[mesh];
        let (smallest_m, play, bend_m) = match quarter {
            Quarter::OldTown => (95.0, 0.14, 16.0),
            Quarter::NewTown => (140.0, 0.05, 5.0),
            Quarter::Estates => (210.0, 0.10, 24.0),
            Quarter::Green => return,
        };
        let avenue = if rng.random_bool(0.5) { block.inner } else { block.west };
        let parent = self.lines[avenue].names.clone();
        let mut todo = vec![(block, 0_u32)];
        while let Some((block, depth)) = todo.pop() {
            let [wide_m, deep_m] = self.size_m(bank, &block);
            if wide_m.max(deep_m) < smallest_m * 1.9 || depth > 8 {
                if quarter == Quarter::Estates && wide_m.min(deep_m) > 120.0 && rng.random_bool(0.6) {
                    self.blind_street(bank, &block, &parent, rng);
                }
                continue;
            }
            let axis = if wide_m > deep_m { Axis::Away } else { Axis::East };
            let share = rng.random_range(0.5 - play..0.5 + play);
            let line = self.street(bank, axis, &block, share, depth, &parent, rng);
            self.lines[line].bend_m = rng.random_range(-bend_m..bend_m);
            let at = self.lines[line].fixed;
            let (a, b) = match axis {
                Axis::Away => (
                    Block { u: [block.u[0], at], east: line, ..block },
                    Block { u: [at, block.u[1]], west: line, ..block },
                ),
                Axis::East => (
                    Block { v: [block.v[0], at], outer: line, ..block },
                    Block { v: [at, block.v[1]], inner: line, ..block },
                ),
            };
            todo.push((a, depth + 1));
            todo.push((b, depth + 1));
        }
    }

    /// A new street across a block from side to side.
    #[allow(clippy::too_many_arguments, reason = "one call; a struct would only rename them")]
    fn street(
        &mut self,
        bank: Bank,
        axis: Axis,
        block: &Block,
        share: f64,
        depth: u32,
        parent: &Names,
        rng: &mut ChaCha8Rng,
    ) -> usize {
        let (low, high, [from, to], [fixed_low, fixed_high]) = match axis {
            Axis::Away => (block.inner, block.outer, block.v, block.u),
            Axis::East => (block.west, block.east, block.u, block.v),
        };
        let fixed = fixed_low + share * (fixed_high - fixed_low);
        let class = match depth {
            0 => RoadClass::Tertiary,
            1..=4 => RoadClass::Residential,
            _ => RoadClass::LivingStreet,
        };
        let names = self.next_side_street(parent);
        let mut line = Line::straight(bank, axis, fixed, [from, to], class, names);
        for (end, side) in [low, high].into_iter().enumerate() {
            let (junction, flat) = self.join(side, fixed);
            line.pulled[end] = flat;
            line.junctions.push((if end == 0 { from } else { to }, junction));
        }
        line.one_way = (class != RoadClass::Tertiary && rng.random_bool(0.38)).then(|| rng.random_bool(0.5));
        self.lines.push(line);
        self.lines.len() - 1
    }

    /// A street that ends inside a block.
    fn blind_street(&mut self, bank: Bank, block: &Block, parent: &Names, rng: &mut ChaCha8Rng) {
        let fixed = block.u[0] + rng.random_range(0.4..0.6) * (block.u[1] - block.u[0]);
        let to = block.v[0] + rng.random_range(0.5..0.7) * (block.v[1] - block.v[0]);
        let names = self.next_side_street(parent);
        let mut line = Line::straight(bank, Axis::Away, fixed, [block.v[0], to], RoadClass::Service, names);
        let (junction, flat) = self.join(block.inner, fixed);
        let end = self.terrain.flat(Curved { bank, u: fixed, v: to });
        line.pulled = [flat, end];
        let last = self.new_junction(end);
        line.junctions = vec![(block.v[0], junction), (to, last)];
        self.lines.push(line);
    }

    fn next_side_street(&mut self, parent: &Names) -> Names {
        let number = self.numbered.entry(parent.local.clone()).or_insert(0);
        *number += 1;
        names::side_street(parent, *number)
    }

    /// The junction of line `at` at a coordinate: one that is near, or a new one.
    fn join(&mut self, at: usize, coordinate: f64) -> (i64, [f64; 2]) {
        let flat = self.flat(&self.lines[at], coordinate);
        let near = self.lines[at].junctions.iter().map(|(_, junction)| *junction);
        let near = near.min_by(|a, b| apart_m(self.at(*a), flat).total_cmp(&apart_m(self.at(*b), flat)));
        match near.filter(|junction| apart_m(self.at(*junction), flat) < MERGE_M) {
            Some(junction) => (junction, self.at(junction)),
            None => {
                let junction = self.new_junction(flat);
                self.lines[at].junctions.push((coordinate, junction));
                (junction, flat)
            }
        }
    }

    fn size_m(&self, bank: Bank, block: &Block) -> [f64; 2] {
        let at = |u, v| self.terrain.flat(Curved { bank, u, v });
        let [u, v] = [f64::midpoint(block.u[0], block.u[1]), f64::midpoint(block.v[0], block.v[1])];
        [apart_m(at(block.u[0], v), at(block.u[1], v)), apart_m(at(u, block.v[0]), at(u, block.v[1]))]
    }
}
