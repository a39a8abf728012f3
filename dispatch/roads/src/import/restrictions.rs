//! From restriction relations to sequences of arcs that no taxi may drive.
//!
//! A restriction that cannot be read without guessing is left out and counted: a member is missing from the
//! extract or closed to taxis anyway, a way goes on beyond the junction where it should end, or ways do not meet.

use std::collections::{BTreeMap, BTreeSet};

use super::collect::Raw;
use super::relation::{Element, RawRelation, Role};
use super::segments::RawSegment;
use crate::arc::ArcId;
use crate::tags::{Restriction, restriction};

/// Most ways of one role that are read.
const MEMBERS_MAX: usize = 16;
/// Most segments between the first and the last street of a restriction.
const VIA_MAX: usize = 16;
/// Most steps in search of the path that a restriction over ways means; honest ones take a dozen.
const STEPS_MAX: usize = 1_000;

/// What came of the restrictions of an import.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Bans {
    /// Sequences of two or more arcs that must not be driven one after the other.
    pub(crate) chains: Vec<Vec<ArcId>>,
    /// Restrictions that bind taxis and were understood.
    pub(crate) taken: usize,
    /// Restrictions that hold at some hours only.
    pub(crate) conditional: usize,
    /// Restrictions that could not be read without guessing.
    pub(crate) unusable: usize,
}

/// Reads all restrictions of `raw`; `ways` names the way that each segment was cut from.
pub(crate) fn bans(raw: &Raw, segments: &[RawSegment], ways: &[i64]) -> Bans {
    let streets = Streets::of(segments, ways);
    let mut bans = Bans::default();
    let mut chains = BTreeSet::new();
    for relation in &raw.restrictions {
        let only = match restriction(&relation.tags) {
            Restriction::NotForTaxis => continue,
            Restriction::Conditional => {
                bans.conditional += 1;
                continue;
            }
            Restriction::No => false,
            Restriction::Only => true,
        };
        match streets.paths(relation) {
            Some(paths) if only => {
                bans.taken += 1;
                chains.extend(streets.all_but(&paths));
            }
            Some(paths) => {
                bans.taken += 1;
                chains.extend(paths);
            }
            None => bans.unusable += 1,
        }
    }
    bans.chains = chains.into_iter().collect();
    bans
}

/// The open arcs, by way and by the node they leave from.
struct Streets<'a> {
    segments: &'a [RawSegment],
    of_way: BTreeMap<i64, Vec<ArcId>>,
    leaving: BTreeMap<i64, Vec<ArcId>>,
}

impl<'a> Streets<'a> {
    fn of(segments: &'a [RawSegment], ways: &[i64]) -> Self {
        let mut streets = Self { segments, of_way: BTreeMap::new(), leaving: BTreeMap::new() };
        for ((number, segment), way) in (0_u32..).zip(segments).zip(ways) {
            let along = segment.forward_ms.map(|_| ArcId::along(number));
            let against = segment.backward_ms.map(|_| ArcId::against(number));
            for arc in along.into_iter().chain(against) {
                streets.of_way.entry(*way).or_default().push(arc);
                streets.leaving.entry(streets.tail(arc)).or_default().push(arc);
            }
        }
        streets
    }

    fn tail(&self, arc: ArcId) -> i64 {
        let segment = &self.segments[arc.segment() as usize];
        if arc.is_reversed() { segment.to } else { segment.from }
    }

    fn head(&self, arc: ArcId) -> i64 {
        self.tail(arc.reverse())
    }

    fn arcs_of(&self, way: i64) -> &[ArcId] {
        self.of_way.get(&way).map_or(&[], Vec::as_slice)
    }

    fn leaving(&self, node: i64) -> &[ArcId] {
        self.leaving.get(&node).map_or(&[], Vec::as_slice)
    }

    /// The sequences of arcs that a relation speaks of, or nothing if that takes guessing.
    fn paths(&self, relation: &RawRelation) -> Option<Vec<Vec<ArcId>>> {
        let ways = |role| {
            let ids = relation.with_role(role).filter_map(|element| match element {
                Element::Way(id) => Some(id),
                Element::Node(_) => None,
            });
            ids.collect::<Vec<i64>>()
        };
        let (from, via_ways, to) = (ways(Role::From), ways(Role::Via), ways(Role::To));
        let via_nodes: Vec<i64> = relation
            .with_role(Role::Via)
            .filter_map(|element| match element {
                Element::Node(id) => Some(id),
                Element::Way(_) => None,
            })
            .collect();
        let within = |ways: &[i64]| (1..=MEMBERS_MAX).contains(&ways.len());
        if !(within(&from) && within(&to)) {
            return None;
        }
        let mut paths = Vec::new();
        for from in &from {
            for to in &to {
                let path = match (&via_nodes[..], &via_ways[..]) {
                    ([node], []) => self.at_node(*from, *node, *to),
                    ([], via) if within(via) => self.over_ways(*from, via, *to),
                    _ => None,
                };
                paths.push(path?);
            }
        }
        Some(paths)
    }

    fn at_node(&self, from: i64, node: i64, to: i64) -> Option<Vec<ArcId>> {
        let first = only_one(self.arcs_of(from).iter().filter(|arc| self.head(**arc) == node))?;
        let last = only_one(self.arcs_of(to).iter().filter(|arc| self.tail(**arc) == node))?;
        Some(vec![*first, *last])
    }

    fn over_ways(&self, from: i64, via: &[i64], to: i64) -> Option<Vec<ArcId>> {
        let mut walk = Walk { via, to, found: Vec::new(), steps_left: STEPS_MAX };
        for first in self.arcs_of(from) {
            self.walk(vec![*first], &mut walk);
        }
        if walk.steps_left == 0 { None } else { only_one(walk.found.into_iter()) }
    }

    /// Goes on along the ways between, every segment once, and notes each path that ends on the last way.
    fn walk(&self, path: Vec<ArcId>, walk: &mut Walk) {
        walk.steps_left = walk.steps_left.saturating_sub(1);
        if walk.steps_left == 0 {
            return;
        }
        let last = path[path.len() - 1];
        let node = self.head(last);
        let uses = |way: &i64| self.arcs_of(*way).iter().any(|arc| path[1..].contains(arc));
        if walk.via.iter().all(uses) {
            let ends = self.arcs_of(walk.to).iter().filter(|arc| self.tail(**arc) == node);
            walk.found.extend(ends.map(|end| [&path[..], &[*end]].concat()));
        }
        if path.len() > VIA_MAX {
            return;
        }
        for next in walk.via.iter().flat_map(|way| self.arcs_of(*way)).filter(|arc| self.tail(**arc) == node)
        {
            if path.iter().all(|arc| arc.segment() != next.segment()) {
                self.walk([&path[..], &[*next]].concat(), walk);
            }
        }
    }

    /// What one must not drive if one must follow one of `paths`: once a path was entered beyond its first
    /// street, every turn off it; with a single node between, every turn but those named.
    fn all_but(&self, paths: &[Vec<ArcId>]) -> Vec<Vec<ArcId>> {
        let mut chains = Vec::new();
        for path in paths {
            for at in (if path.len() == 2 { 1 } else { 2 })..path.len() {
                let so_far = &path[..at];
                let allowed = |exit: &ArcId| {
                    paths.iter().any(|other| other.starts_with(so_far) && other.get(at) == Some(exit))
                };
                let exits = self.leaving(self.head(path[at - 1])).iter();
                chains.extend(exits.filter(|exit| !allowed(exit)).map(|exit| [so_far, &[*exit]].concat()));
            }
        }
        chains
    }
}

/// A search for paths over the ways of a restriction.
struct Walk<'a> {
    via: &'a [i64],
    to: i64,
    found: Vec<Vec<ArcId>>,
    steps_left: usize,
}

/// The one item, or nothing if there are none or several.
fn only_one<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    items.next().filter(|_| items.next().is_none())
}
