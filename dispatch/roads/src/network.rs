//! The street network: junctions, and the segments of street between them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::connected::largest_component;
use crate::import::RawSegment;
use crate::names::Names;
use crate::point::{Point, length_m};
use crate::tags::RoadClass;

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

/// Junctions and segments; every junction can be reached from every other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Network {
    pub(crate) nodes: Vec<Point>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) names: Vec<Names>,
    /// Order in which the contraction hierarchy takes the nodes: computed once, at import.
    pub(crate) order: Vec<u32>,
}

/// What the largest connected part left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct LeftOut {
    pub(crate) nodes: usize,
    pub(crate) segments: usize,
}

impl Network {
    /// Joins segments at their junctions and keeps the largest strongly connected part.
    ///
    /// Nothing if no two junctions can reach each other.
    pub(crate) fn join(raw: &[RawSegment]) -> Option<(Self, LeftOut)> {
        let mut ids: BTreeMap<i64, u32> = BTreeMap::new();
        for segment in raw {
            ids.entry(segment.from).or_default();
            ids.entry(segment.to).or_default();
        }
        for (number, slot) in ids.values_mut().enumerate() {
            *slot = u32::try_from(number).ok()?;
        }
        let ends: Vec<(u32, u32)> = raw.iter().map(|s| (ids[&s.from], ids[&s.to])).collect();
        let arcs = raw.iter().zip(&ends).flat_map(|(segment, &(from, to))| {
            [segment.forward_ms.map(|_| (from, to)), segment.backward_ms.map(|_| (to, from))]
                .into_iter()
                .flatten()
        });
        let kept = largest_component(ids.len(), &arcs.collect::<Vec<_>>());

        let mut renumbered: Vec<Option<u32>> = vec![None; ids.len()];
        let mut network = Self::default();
        let mut names: BTreeMap<&Names, u32> = BTreeMap::new();
        for (segment, &(from, to)) in raw.iter().zip(&ends) {
            if !(kept[from as usize] && kept[to as usize]) {
                continue;
            }
            let mut node = |old: u32, point: Point| {
                *renumbered[old as usize].get_or_insert_with(|| {
                    network.nodes.push(point);
                    u32::try_from(network.nodes.len() - 1).expect("there are fewer nodes than u32 ids before")
                })
            };
            let (from, to) = (node(from, *segment.line.first()?), node(to, *segment.line.last()?));
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
        let left_out =
            LeftOut { nodes: ids.len() - network.nodes.len(), segments: raw.len() - network.segments.len() };
        if network.nodes.len() < 2 {
            return None;
        }
        network.order = network.contraction_order();
        Some((network, left_out))
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
        let mut seen = vec![false; nodes];
        let is_permutation = self.order.len() == nodes
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

    /// Directed arcs: one for each direction that is open.
    pub(crate) fn arcs(&self) -> usize {
        self.segments
            .iter()
            .map(|s| usize::from(s.forward_ms.is_some()) + usize::from(s.backward_ms.is_some()))
            .sum()
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "coordinates only guide the bisection, and node ids fit a u32"
    )]
    fn contraction_order(&self) -> Vec<u32> {
        let (tails, heads): (Vec<u32>, Vec<u32>) = self.segments.iter().map(|s| (s.from, s.to)).unzip();
        let latitudes: Vec<f32> = self.nodes.iter().map(|p| p.lat() as f32).collect();
        let longitudes: Vec<f32> = self.nodes.iter().map(|p| p.lon() as f32).collect();
        cch::inertial_order(self.nodes.len() as u32, &tails, &heads, &latitudes, &longitudes)
    }
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
        let broken: [(&str, Break); 9] = [
            ("no streets", |n, _| n.segments.clear()),
            ("no streets", |n, _| n.nodes.truncate(1)),
            ("off the earth", |n, _| n.nodes[0].lat_e6 = 91_000_000),
            ("off the earth", |n, _| n.segments[0].inner.push(Point { lat_e6: 0, lon_e6: i32::MIN })),
            ("from one junction to another", |n, nowhere| n.segments[0].to = nowhere),
            ("from one junction to another", |n, _| n.segments[0].to = n.segments[0].from),
            ("no such name", |n, _| n.segments[0].name = Some(u32::MAX)),
            ("for ever", |n, _| n.segments[0].forward_ms = Some(u32::MAX)),
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
