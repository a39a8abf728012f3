//! The street network: junctions, and the segments of street between them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::arc::ArcId;
use crate::connected::largest_component;
use crate::import::RawSegment;
use crate::names::Names;
use crate::point::{Point, length_m};
use crate::tags::RoadClass;
use crate::turns::TurnGraph;

/// Longest turn restriction of a stored map, in arcs.
const BAN_MAX: usize = 64;

/// A piece of street between two junctions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Segment {
    /// Junction where the line begins.
    pub(crate) from: u32,
    /// Junction where it ends: another one, for loops are cut in two.
    pub(crate) to: u32,
    pub(crate) class: RoadClass,
    /// Index into [`Network::names`].
    pub(crate) name: Option<u32>,
    pub(crate) bridge: bool,
    /// Length in centimetres.
    pub(crate) length_cm: u32,
    /// Driving time along the line in ms; `None` against a one-way.
    pub(crate) forward_ms: Option<u32>,
    /// Driving time against the line in ms.
    pub(crate) backward_ms: Option<u32>,
    /// Points between the ends.
    pub(crate) inner: Vec<Point>,
}

/// Junctions and segments; one who stands on a street can reach every other, by turns that are allowed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Network {
    pub(crate) nodes: Vec<Point>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) names: Vec<Names>,
    /// Sequences of two or more arcs that must not be driven one after the other.
    pub(crate) bans: Vec<Vec<ArcId>>,
    /// Order in which the contraction hierarchy takes the states of the [`TurnGraph`]: computed once, at import.
    pub(crate) order: Vec<u32>,
}

/// What the largest connected part left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct LeftOut {
    pub(crate) nodes: usize,
    pub(crate) segments: usize,
}

impl Network {
    /// Joins segments at their junctions and keeps the largest part in which every street leads to every other.
    ///
    /// `bans` speak of the segments by their place in `raw`. Nothing if no two junctions can reach each other.
    pub(crate) fn join(raw: &[RawSegment], bans: &[Vec<ArcId>]) -> Option<(Self, LeftOut)> {
        let mut ids: BTreeMap<i64, u32> = BTreeMap::new();
        for segment in raw {
            ids.entry(segment.from).or_default();
            ids.entry(segment.to).or_default();
        }
        for (number, slot) in ids.values_mut().enumerate() {
            *slot = u32::try_from(number).ok()?;
        }
        let whole = Self::of_all(raw, &ids, bans)?;
        let turns = TurnGraph::of(&whole);
        let kept = largest_component(turns.arcs.len(), &turns.pairs());
        // One state alone is a one-way street that nobody comes back to.
        if kept.iter().filter(|kept| **kept).count() < 2 {
            return None;
        }
        let mut open = vec![false; whole.segments.len() * 2];
        // The other direction of a street that is kept stays, too, though it may lead back only to itself: a ring
        // without an end to turn at is two one-way rings. One who stands there may set off either way.
        for (arc, kept) in turns.arcs.iter().zip(&kept) {
            open[arc.index()] |= *kept;
            open[arc.reverse().index()] |= *kept;
        }
        let mut network = whole.only(&open);
        let left_out =
            LeftOut { nodes: ids.len() - network.nodes.len(), segments: raw.len() - network.segments.len() };
        network.order = network.contraction_order();
        Some((network, left_out))
    }

    /// Every segment, connected or not.
    fn of_all(raw: &[RawSegment], ids: &BTreeMap<i64, u32>, bans: &[Vec<ArcId>]) -> Option<Self> {
        let mut network = Self { bans: bans.to_vec(), ..Self::default() };
        let mut points = vec![None; ids.len()];
        let mut names: BTreeMap<&Names, u32> = BTreeMap::new();
        for segment in raw {
            let (from, to) = (ids[&segment.from], ids[&segment.to]);
            points[from as usize].get_or_insert(*segment.line.first()?);
            points[to as usize].get_or_insert(*segment.line.last()?);
            let name = segment.names.as_ref().map(|found| {
                *names.entry(found).or_insert_with(|| {
                    network.names.push(found.clone());
                    u32::try_from(network.names.len() - 1).expect("there are fewer names than segments")
                })
            });
            network.segments.push(Segment {
                from,
                to,
                class: segment.class,
                name,
                bridge: segment.bridge,
                length_cm: centimetres(length_m(&segment.line)),
                forward_ms: segment.forward_ms,
                backward_ms: segment.backward_ms,
                inner: segment.line[1..segment.line.len() - 1].to_vec(),
            });
        }
        network.nodes = points.into_iter().collect::<Option<_>>()?;
        Some(network)
    }

    /// The part of the network that consists of the arcs marked as `open`.
    fn only(self, open: &[bool]) -> Self {
        let mut segments = vec![None; self.segments.len()];
        let mut nodes = vec![None; self.nodes.len()];
        let mut names = vec![None; self.names.len()];
        let mut part = Self::default();
        for (number, mut segment) in (0_u32..).zip(self.segments) {
            segment.forward_ms = segment.forward_ms.filter(|_| open[ArcId::along(number).index()]);
            segment.backward_ms = segment.backward_ms.filter(|_| open[ArcId::against(number).index()]);
            if segment.forward_ms.is_none() && segment.backward_ms.is_none() {
                continue;
            }
            let mut node = |old: u32| renumber(&mut nodes, &self.nodes, &mut part.nodes, old);
            (segment.from, segment.to) = (node(segment.from), node(segment.to));
            segment.name = segment.name.map(|old| renumber(&mut names, &self.names, &mut part.names, old));
            segments[number as usize] = u32::try_from(part.segments.len()).ok();
            part.segments.push(segment);
        }
        let arc = |old: &ArcId| {
            let new = segments[old.segment() as usize].map(ArcId::along).filter(|_| open[old.index()])?;
            Some(if old.is_reversed() { new.reverse() } else { new })
        };
        part.bans = self.bans.iter().filter_map(|chain| chain.iter().map(arc).collect()).collect();
        part
    }

    /// Checks what a stored file claims, so that nothing later can index out of bounds.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let nodes = self.nodes.len();
        if nodes < 2 || self.segments.is_empty() {
            return Err("it has no streets");
        }
        let inner = self.segments.iter().flat_map(|segment| &segment.inner);
        if !self.nodes.iter().chain(inner).all(|point| point.is_on_earth()) {
            return Err("a point is off the earth");
        }
        let is_node = |node: u32| (node as usize) < nodes;
        if !self.segments.iter().all(|s| is_node(s.from) && is_node(s.to) && s.from != s.to) {
            return Err("a street does not lead from one junction to another");
        }
        if !self.segments.iter().all(|s| s.name.is_none_or(|name| (name as usize) < self.names.len())) {
            return Err("a street has no such name");
        }
        let too_long = |ms: Option<u32>| ms.is_some_and(|ms| ms > cch::INF_WEIGHT / 4);
        if self.segments.iter().any(|s| too_long(s.forward_ms) || too_long(s.backward_ms)) {
            return Err("a street takes for ever");
        }
        let is_chain = |chain: &Vec<ArcId>| {
            (2..=BAN_MAX).contains(&chain.len())
                && chain.iter().all(|arc| self.free_ms(*arc).is_some())
                && chain.windows(2).all(|pair| self.head(pair[0]) == self.tail(pair[1]))
        };
        if !self.bans.iter().all(is_chain) {
            return Err("a turn restriction is no way to drive");
        }
        let states = TurnGraph::states_of(self);
        let mut seen = vec![false; states];
        let is_permutation = self.order.len() == states
            && self
                .order
                .iter()
                .all(|&node| seen.get_mut(node as usize).is_some_and(|seen| !std::mem::replace(seen, true)));
        if is_permutation { Ok(()) } else { Err("its contraction order is no permutation") }
    }

    /// The line of a segment with both ends.
    pub(crate) fn line(&self, segment: &Segment) -> Vec<Point> {
        let mut line = Vec::with_capacity(segment.inner.len() + 2);
        line.push(self.nodes[segment.from as usize]);
        line.extend_from_slice(&segment.inner);
        line.push(self.nodes[segment.to as usize]);
        line
    }

    /// Every direction of every segment that is open, in order.
    pub(crate) fn open_arcs(&self) -> impl Iterator<Item = ArcId> {
        let segments = 0..u32::try_from(self.segments.len()).expect("segments are numbered by u32");
        let both = segments.flat_map(|segment| [ArcId::along(segment), ArcId::against(segment)]);
        both.filter(|arc| self.free_ms(*arc).is_some())
    }

    /// The junction where an arc begins.
    pub(crate) fn tail(&self, arc: ArcId) -> u32 {
        let segment = &self.segments[arc.segment() as usize];
        if arc.is_reversed() { segment.to } else { segment.from }
    }

    /// The junction where an arc ends.
    pub(crate) fn head(&self, arc: ArcId) -> u32 {
        self.tail(arc.reverse())
    }

    /// Driving time along an arc on a free street, in ms; nothing if it is closed or there is no such arc.
    pub(crate) fn free_ms(&self, arc: ArcId) -> Option<u32> {
        let segment = self.segments.get(arc.segment() as usize)?;
        if arc.is_reversed() { segment.backward_ms } else { segment.forward_ms }
    }

    /// The arcs that begin at each junction, open or closed.
    pub(crate) fn beginning(&self) -> Vec<Vec<ArcId>> {
        let mut beginning = vec![Vec::new(); self.nodes.len()];
        for (number, segment) in (0_u32..).zip(&self.segments) {
            beginning[segment.from as usize].push(ArcId::along(number));
            beginning[segment.to as usize].push(ArcId::against(number));
        }
        beginning
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "coordinates only guide the bisection, and state numbers fit a u32"
    )]
    fn contraction_order(&self) -> Vec<u32> {
        let turns = TurnGraph::of(self);
        let (tails, heads): (Vec<u32>, Vec<u32>) = turns.pairs().into_iter().unzip();
        let middle = |arc: &ArcId| {
            let [a, b] = [self.tail(*arc), self.head(*arc)].map(|node| self.nodes[node as usize]);
            (f64::midpoint(a.lat(), b.lat()) as f32, f64::midpoint(a.lon(), b.lon()) as f32)
        };
        let (latitudes, longitudes): (Vec<f32>, Vec<f32>) = turns.arcs.iter().map(middle).unzip();
        cch::inertial_order(turns.arcs.len() as u32, &tails, &heads, &latitudes, &longitudes)
    }
}

/// The number of `all[old]` in `part`, where it is put when it is met first.
fn renumber<T: Clone>(known: &mut [Option<u32>], all: &[T], part: &mut Vec<T>, old: u32) -> u32 {
    *known[old as usize].get_or_insert_with(|| {
        part.push(all[old as usize].clone());
        u32::try_from(part.len() - 1).expect("a part has no more items than the whole, numbered by u32")
    })
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "segments are shorter than 1,000 km"
)]
fn centimetres(metres: f64) -> u32 {
    (metres * 100.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Breaks a network; the number is a junction that does not exist.
    type Break = fn(&mut Network, u32);

    fn sound() -> Network {
        crate::generate::city(1).network
    }

    #[test]
    fn a_stored_network_that_would_lead_astray_is_refused() {
        assert_eq!(sound().check(), Ok(()));
        let nowhere = u32::try_from(sound().nodes.len()).unwrap();
        let broken: [(&str, Break); 12] = [
            ("no streets", |n, _| n.segments.clear()),
            ("no streets", |n, _| n.nodes.truncate(1)),
            ("off the earth", |n, _| n.nodes[0].lat_e6 = 91_000_000),
            ("off the earth", |n, _| n.segments[0].inner.push(Point { lat_e6: 0, lon_e6: i32::MIN })),
            ("from one junction to another", |n, nowhere| n.segments[0].to = nowhere),
            ("from one junction to another", |n, _| n.segments[0].to = n.segments[0].from),
            ("no such name", |n, _| n.segments[0].name = Some(u32::MAX)),
            ("for ever", |n, _| n.segments[0].forward_ms = Some(u32::MAX)),
            ("no way to drive", |n, _| n.bans.push(vec![ArcId(0)])),
            ("no way to drive", |n, _| n.bans.push(vec![ArcId(0), ArcId(0)])),
            ("no way to drive", |n, _| n.bans.push(vec![ArcId(0), ArcId(u32::MAX)])),
            ("no permutation", |n, _| n.order[1] = n.order[0]),
        ];
        for (says, break_it) in broken {
            let mut network = sound();
            break_it(&mut network, nowhere);
            let refusal = network.check().expect_err(says);
            assert!(refusal.contains(says), "{refusal}");
        }
    }
}
