//! Avenues, and the streets that cut the blocks between them.
//!
//! Every street is a line in curved coordinates on which others end or which others cross; the places where
//! they do are its junctions. Cuts always end on lines that are there already, so no two lines cross unseen.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::blocks::Block;
use super::line::{Axis, Line};
use super::names;
use super::terrain::{Bank, Curved, Terrain, apart_m};
use crate::import::{RawSegment, times_ms};
use crate::names::Names;
use crate::point::Point;
use crate::tags::{RoadClass, Tags};

/// Distance between the points that draw a curve, in metres.
const STEP_M: f64 = 60.0;
/// Wait at the signals where avenues cross, in ms.
const SIGNAL_MS: u32 = 6_000;

/// Avenues from west to east: where they lie, and whether a bridge continues them.
const NORTH_SOUTH: [(f64, bool); 9] = [
    (0.03, false),
    (0.14, true),
    (0.27, false),
    (0.38, true),
    (0.50, true),
    (0.62, true),
    (0.74, false),
    (0.86, true),
    (0.97, false),
];
/// Avenues from the river outwards; the first is the riverside road.
const EAST_WEST: [f64; 5] = [0.0, 0.22, 0.46, 0.70, 0.94];
/// The ring: second avenues from either end, fourth from the river.
const RING: (usize, usize, usize) = (1, 7, 3);

/// The character of the blocks between four avenues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quarter {
    /// Small crooked blocks.
    OldTown,
    /// Regular middle-sized blocks.
    NewTown,
    /// Large blocks with blind streets between apartment houses.
    Estates,
    /// A hill or park with no street inside.
    Green,
}

/// One mesh between avenues: a neighbourhood.
#[derive(Debug, Clone)]
pub(crate) struct Mesh {
    pub(crate) quarter: Quarter,
    pub(crate) bank: Bank,
    pub(crate) u: [f64; 2],
    pub(crate) v: [f64; 2],
}

/// All streets of the city.
#[derive(Debug)]
pub(crate) struct Streets<'a> {
    pub(crate) terrain: &'a Terrain,
    pub(crate) lines: Vec<Line>,
    pub(crate) meshes: Vec<Mesh>,
    /// Flat metres of each junction, by its number from 1.
    pub(crate) junctions: Vec<[f64; 2]>,
    /// Crossings of avenues: number, bank, index from the west, index from the river.
    pub(crate) crossings: Vec<(i64, Bank, usize, usize)>,
    /// Side streets numbered so far, by name of their avenue.
    pub(crate) numbered: BTreeMap<String, u32>,
}

impl<'a> Streets<'a> {
    /// Lays out avenues, then cuts the meshes between them.
    pub(crate) fn lay_out(terrain: &'a Terrain, rng: &mut ChaCha8Rng) -> Self {
        let mut streets = Self {
            terrain,
            lines: Vec::new(),
            meshes: Vec::new(),
            junctions: Vec::new(),
            crossings: Vec::new(),
            numbered: BTreeMap::new(),
        };
        let mut roots: Vec<(&str, &str)> = names::ROOTS.to_vec();
        roots.shuffle(rng);
        let west_east: Vec<f64> =
            NORTH_SOUTH.iter().map(|(u, _)| u + rng.random_range(-0.018..0.018)).collect();
        for bank in [Bank::North, Bank::South] {
            let outwards: Vec<f64> = EAST_WEST
                .iter()
                .map(|v| if *v == 0.0 { 0.0 } else { v + rng.random_range(-0.03..0.03) })
                .collect();
            streets.avenues(bank, &west_east, &outwards, &mut roots);
        }
        let blocks = streets.meshes_between_avenues(rng);
        for (mesh, block) in blocks {
            streets.cut(mesh, block, rng);
        }
        streets
    }

    /// Avenues of one bank with their crossings.
    fn avenues(&mut self, bank: Bank, west_east: &[f64], outwards: &[f64], roots: &mut Vec<(&str, &str)>) {
        let last = outwards[outwards.len() - 1];
        let first_line = self.lines.len();
        for (at, &u) in west_east.iter().enumerate() {
            let root = roots.pop().unwrap_or(("온돌", "Ondol"));
            let (class, names) = if NORTH_SOUTH[at].1 {
                (RoadClass::Primary, names::avenue(root))
            } else {
                (RoadClass::Secondary, names::road(root))
            };
            let mut line = Line::straight(bank, Axis::Away, u, [0.0, last], class, names);
            if at == RING.0 || at == RING.1 {
                line.ring = Some([0.0, outwards[RING.2]]);
            }
            self.lines.push(line);
        }
        for (at, &v) in outwards.iter().enumerate() {
            let span = [west_east[0], west_east[west_east.len() - 1]];
            let (class, names) = match (at, bank) {
                (0, Bank::North) => (RoadClass::Primary, Names::pair("강변북로", "Gangbyeonbuk-ro")),
                (0, Bank::South) => (RoadClass::Primary, Names::pair("강변남로", "Gangbyeonnam-ro")),
                (2, _) => (RoadClass::Primary, names::avenue(roots.pop().unwrap_or(("온돌", "Ondol")))),
                _ => (RoadClass::Secondary, names::road(roots.pop().unwrap_or(("온돌", "Ondol")))),
            };
            let mut line = Line::straight(bank, Axis::East, v, span, class, names);
            if at == RING.2 {
                line.ring = Some([west_east[RING.0], west_east[RING.1]]);
            }
            self.lines.push(line);
        }
        for (i, &u) in west_east.iter().enumerate() {
            for (j, &v) in outwards.iter().enumerate() {
                let junction = self.new_junction(self.terrain.flat(Curved { bank, u, v }));
                self.lines[first_line + i].junctions.push((v, junction));
                self.lines[first_line + west_east.len() + j].junctions.push((u, junction));
                self.crossings.push((junction, bank, i, j));
            }
        }
    }

    /// The meshes between avenues of both banks, with their characters.
    fn meshes_between_avenues(&mut self, rng: &mut ChaCha8Rng) -> Vec<(usize, Block)> {
        let per_bank = NORTH_SOUTH.len() + EAST_WEST.len();
        let mut blocks = Vec::new();
        for (bank_at, bank) in [Bank::North, Bank::South].into_iter().enumerate() {
            let first = bank_at * per_bank;
            let green = [(rng.random_range(0..3), 3), (rng.random_range(4..8), rng.random_range(1..3))];
            for i in 0..NORTH_SOUTH.len() - 1 {
                for j in 0..EAST_WEST.len() - 1 {
                    let (west, east) = (first + i, first + i + 1);
                    let (inner, outer) = (first + NORTH_SOUTH.len() + j, first + NORTH_SOUTH.len() + j + 1);
                    let central = (2..6).contains(&i) && j < 2;
                    let quarter = match (bank, central) {
                        _ if green.contains(&(i, j)) => Quarter::Green,
                        (Bank::North, true) => Quarter::OldTown,
                        (Bank::South, true) => Quarter::NewTown,
                        _ => [Quarter::OldTown, Quarter::NewTown, Quarter::NewTown, Quarter::Estates]
                            [rng.random_range(0..4)],
                    };
                    let block = Block {
                        u: [self.lines[west].fixed, self.lines[east].fixed],
                        v: [self.lines[inner].fixed, self.lines[outer].fixed],
                        west,
                        east,
                        inner,
                        outer,
                    };
                    self.meshes.push(Mesh { quarter, bank, u: block.u, v: block.v });
                    blocks.push((self.meshes.len() - 1, block));
                }
            }
        }
        blocks
    }

    pub(crate) fn new_junction(&mut self, flat: [f64; 2]) -> i64 {
        self.junctions.push(flat);
        i64::try_from(self.junctions.len()).expect("a city has fewer junctions than i64 numbers")
    }

    /// Flat metres of a junction.
    pub(crate) fn at(&self, junction: i64) -> [f64; 2] {
        self.junctions[usize::try_from(junction - 1).expect("junctions are numbered from 1")]
    }

    /// Flat metres of a line at a coordinate.
    pub(crate) fn flat(&self, line: &Line, coordinate: f64) -> [f64; 2] {
        let place = |coordinate| match line.axis {
            Axis::Away => Curved { bank: line.bank, u: line.fixed, v: coordinate },
            Axis::East => Curved { bank: line.bank, u: coordinate, v: line.fixed },
        };
        let flat = self.terrain.flat(place(coordinate));
        if line.is_avenue() {
            return flat;
        }
        let share = (coordinate - line.start) / (line.end - line.start);
        let ends = [self.terrain.flat(place(line.start)), self.terrain.flat(place(line.end))];
        let [dx, dy] = [ends[1][0] - ends[0][0], ends[1][1] - ends[0][1]];
        let length = dx.hypot(dy).max(1.0);
        let bend = line.bend_m * (share * std::f64::consts::PI).sin();
        let aside = [-dy / length * bend, dx / length * bend];
        std::array::from_fn(|xy| {
            let pull = (1.0 - share) * (line.pulled[0][xy] - ends[0][xy])
                + share * (line.pulled[1][xy] - ends[1][xy]);
            flat[xy] + pull + aside[xy]
        })
    }

    /// The streets as segments between junctions, and the bridges.
    pub(crate) fn segments(&self, rng: &mut ChaCha8Rng) -> Vec<RawSegment> {
        let signals: Vec<i64> = self.crossings.iter().map(|(junction, ..)| *junction).collect();
        let mut segments = Vec::new();
        for line in &self.lines {
            let mut stops = line.junctions.clone();
            stops.sort_by(|a, b| a.0.total_cmp(&b.0));
            for pair in stops.windows(2) {
                let ((a, from), (b, to)) = (pair[0], pair[1]);
                if from == to {
                    continue;
                }
                let (names, class) = line.called(f64::midpoint(a, b));
                let flat = self.between(line, (a, from), (b, to));
                let mut segment = self.segment(from, to, &flat, class, names, &signals);
                match line.one_way {
                    Some(true) => segment.backward_ms = None,
                    Some(false) => segment.forward_ms = None,
                    None => {}
                }
                segments.push(segment);
            }
        }
        segments.extend(self.bridges(&signals, rng));
        segments
    }

    fn bridges(&self, signals: &[i64], rng: &mut ChaCha8Rng) -> Vec<RawSegment> {
        let end = |bank, at| {
            self.crossings
                .iter()
                .find(|(_, b, i, j)| *b == bank && *i == at && *j == 0)
                .map(|(junction, ..)| *junction)
        };
        let with_bridge = NORTH_SOUTH.iter().enumerate().filter(|(_, (_, bridge))| *bridge).map(|(at, _)| at);
        let bridge = |(at, (ko, en)): (usize, (&str, &str))| {
            let (from, to) = (end(Bank::North, at)?, end(Bank::South, at)?);
            let [a, b] = [self.at(from), self.at(to)];
            let bow = rng.random_range(-12.0..12.0);
            let middle = [f64::midpoint(a[0], b[0]) + bow, f64::midpoint(a[1], b[1])];
            let class = if at == RING.0 || at == RING.1 { RoadClass::Trunk } else { RoadClass::Primary };
            let mut segment = self.segment(from, to, &[a, middle, b], class, Names::pair(ko, en), signals);
            segment.bridge = true;
            Some(segment)
        };
        with_bridge.zip(names::BRIDGES).filter_map(bridge).collect()
    }

    fn segment(
        &self,
        from: i64,
        to: i64,
        flat: &[[f64; 2]],
        class: RoadClass,
        names: Names,
        signals: &[i64],
    ) -> RawSegment {
        let line: Vec<Point> = flat.iter().map(|place| self.terrain.point(*place)).collect();
        let wait = |junction: i64| if signals.contains(&junction) { SIGNAL_MS } else { 0 };
        let [forward_ms, backward_ms] = times_ms(&line, &Tags::default(), class, [wait(to), wait(from)])
            .expect("a city's streets are short");
        RawSegment {
            from,
            to,
            line,
            class,
            names: Some(names),
            bridge: false,
            forward_ms: Some(forward_ms),
            backward_ms: Some(backward_ms),
        }
    }

    /// The curve of a line between two of its junctions.
    fn between(&self, line: &Line, (a, from): (f64, i64), (b, to): (f64, i64)) -> Vec<[f64; 2]> {
        let [start, end] = [self.at(from), self.at(to)];
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a city's streets are short"
        )]
        let pieces = (apart_m(start, end) / STEP_M).ceil().max(1.0) as u32;
        let inner = (1..pieces).map(|at| self.flat(line, a + (b - a) * f64::from(at) / f64::from(pieces)));
        std::iter::once(start).chain(inner).chain([end]).collect()
    }

    /// The curve of a whole line from its first to its last junction.
    pub(crate) fn curve(&self, line: &Line) -> Vec<[f64; 2]> {
        let mut stops = line.junctions.clone();
        stops.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut curve: Vec<[f64; 2]> = Vec::new();
        for pair in stops.windows(2) {
            let again = usize::from(!curve.is_empty());
            curve.extend(self.between(line, pair[0], pair[1]).into_iter().skip(again));
        }
        curve
    }
}
