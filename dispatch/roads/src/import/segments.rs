//! From ways to segments: pieces of street between two junctions.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::collect::{Raw, RawEdge, RawWay};
use crate::names::{Names, clean};
use crate::point::{Point, length_m};
use crate::tags::{Directions, RoadClass, Tags, blocks_cars, directions, speed_kmh};

/// Mean wait at a traffic signal, in ms (many junctions have one signal per carriageway).
const SIGNAL_MS: u32 = 5_000;
/// Longest segment that counts, in metres: beyond it the data is broken.
const LENGTH_MAX_M: f64 = 1_000_000.0;

/// A piece of street between two junctions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RawSegment {
    /// OSM id of the junction where the line begins (negative: made up here).
    pub(crate) from: i64,
    /// OSM id of the junction where it ends.
    pub(crate) to: i64,
    /// The line with both ends.
    pub(crate) line: Vec<Point>,
    pub(crate) class: RoadClass,
    pub(crate) names: Option<Names>,
    pub(crate) bridge: bool,
    /// Driving time along the line in ms, if allowed.
    pub(crate) forward_ms: Option<u32>,
    /// Driving time against the line in ms, if allowed.
    pub(crate) backward_ms: Option<u32>,
}

/// The way of a segment that was cut from none.
const NO_WAY: i64 = i64::MIN;

/// The segments of everything that was read, in a fixed order, and the id of the way that each was cut from.
pub(crate) fn segments(raw: &Raw) -> (Vec<RawSegment>, Vec<i64>) {
    let streets: Vec<Street> = raw.ways.iter().filter_map(Street::of).collect();
    let junctions = junctions(&streets, &raw.edges);
    let closed: HashSet<i64> =
        raw.tagged.iter().filter(|(_, tags)| blocks_cars(tags)).map(|(id, _)| *id).collect();
    let signals: HashSet<i64> = raw
        .tagged
        .iter()
        .filter(|(_, tags)| tags.is("highway", "traffic_signals"))
        .map(|(id, _)| *id)
        .collect();
    let mut cutter = Cutter {
        raw,
        junctions,
        closed,
        signals,
        next_made_up: i64::MIN,
        found: Vec::new(),
        ways: Vec::new(),
    };
    for street in &streets {
        cutter.cut(street);
    }
    cutter.add_edges(&raw.edges);
    cutter.ways.resize(cutter.found.len(), NO_WAY);
    (cutter.found, cutter.ways)
}

/// A drivable way.
struct Street<'a> {
    way: &'a RawWay,
    class: RoadClass,
    directions: Directions,
    names: Option<Names>,
}

impl<'a> Street<'a> {
    fn of(way: &'a RawWay) -> Option<Self> {
        let class = RoadClass::of(&way.tags)?;
        let directions = directions(&way.tags, class)?;
        (way.refs.len() >= 2).then(|| Self { way, class, directions, names: street_names(&way.tags) })
    }
}

/// A street without a name is called by its number.
fn street_names(tags: &Tags) -> Option<Names> {
    Names::of(tags).or_else(|| tags.get("ref").and_then(clean).map(|number| Names::one(&number)))
}

/// Nodes where a street ends or meets another.
fn junctions(streets: &[Street], edges: &[RawEdge]) -> HashSet<i64> {
    let mut seen: HashMap<i64, bool> = HashMap::new();
    for street in streets {
        let refs = &street.way.refs;
        for (at, id) in refs.iter().enumerate() {
            let is_end = at == 0 || at + 1 == refs.len();
            seen.entry(*id).and_modify(|junction| *junction = true).or_insert(is_end);
        }
    }
    let ends = edges.iter().flat_map(|edge| [edge.from, edge.to]);
    seen.into_iter().filter(|(_, junction)| *junction).map(|(id, _)| id).chain(ends).collect()
}

struct Cutter<'a> {
    raw: &'a Raw,
    junctions: HashSet<i64>,
    closed: HashSet<i64>,
    signals: HashSet<i64>,
    next_made_up: i64,
    found: Vec<RawSegment>,
    /// The way of each found segment; edges of street graphs come last and have none.
    ways: Vec<i64>,
}

impl Cutter<'_> {
    /// Cuts a way at junctions, at barriers, and where its nodes are missing from the extract.
    fn cut(&mut self, street: &Street) {
        let mut piece: Vec<(i64, Point)> = Vec::new();
        for &id in &street.way.refs {
            let Some(point) = self.raw.point(id) else {
                self.add(street, &piece);
                piece.clear();
                continue;
            };
            if self.closed.contains(&id) {
                let before = self.made_up();
                piece.push((before, point));
                self.add(street, &piece);
                piece = vec![(self.made_up(), point)];
                continue;
            }
            piece.push((id, point));
            if self.junctions.contains(&id) && piece.len() > 1 {
                self.add(street, &piece);
                piece = vec![(id, point)];
            }
        }
        self.add(street, &piece);
    }

    fn made_up(&mut self) -> i64 {
        self.next_made_up += 1;
        self.next_made_up
    }

    fn add(&mut self, street: &Street, piece: &[(i64, Point)]) {
        let (Some(&(from, _)), Some(&(to, _))) = (piece.first(), piece.last()) else {
            return;
        };
        if piece.len() < 2 {
            return;
        }
        if from == to {
            // A loop becomes two streets, so that a segment's two ends are never one junction.
            let middle = piece.len() / 2;
            if piece[middle].0 != from {
                self.add(street, &piece[..=middle]);
                self.add(street, &piece[middle..]);
            }
            return;
        }
        let line: Vec<Point> = piece.iter().map(|(_, point)| *point).collect();
        let inner = piece[1..piece.len() - 1].iter().filter(|(id, _)| self.signals.contains(id)).count();
        let waits = [self.signal_ms(inner, to), self.signal_ms(inner, from)];
        let Some([forward_ms, backward_ms]) = times_ms(&line, &street.way.tags, street.class, waits) else {
            return;
        };
        self.ways.push(street.way.id);
        self.found.push(RawSegment {
            from,
            to,
            line,
            class: street.class,
            names: street.names.clone(),
            bridge: is_bridge(&street.way.tags),
            forward_ms: matches!(street.directions, Directions::Both | Directions::Forward)
                .then_some(forward_ms),
            backward_ms: matches!(street.directions, Directions::Both | Directions::Backward)
                .then_some(backward_ms),
        });
    }

    /// The wait at `inner` signals on the way and one at its `end`, if there is one.
    fn signal_ms(&self, inner: usize, end: i64) -> u32 {
        let signals = inner + usize::from(self.signals.contains(&end));
        u32::try_from(signals.min(20)).unwrap_or(20) * SIGNAL_MS
    }

    /// Adds the edges of a street graph; an edge and its mirror image become one two-way segment.
    fn add_edges(&mut self, edges: &[RawEdge]) {
        let mut known: BTreeMap<(i64, i64, Vec<Point>), usize> = BTreeMap::new();
        // A loop is cut in its middle; the made-up junction of a line serves its mirror image, too.
        let mut middles: BTreeMap<Point, i64> = BTreeMap::new();
        for edge in edges {
            let (Some(from), Some(to)) = (self.raw.point(edge.from), self.raw.point(edge.to)) else {
                continue;
            };
            let line = if edge.line.is_empty() { vec![from, to] } else { edge.line.clone() };
            if edge.from != edge.to {
                self.add_edge(edge, (edge.from, edge.to), line, &mut known);
            } else if line.len() >= 3 {
                let at = line.len() / 2;
                let middle = match middles.get(&line[at]) {
                    Some(known) => *known,
                    None => *middles.entry(line[at]).or_insert(self.made_up()),
                };
                self.add_edge(edge, (edge.from, middle), line[..=at].to_vec(), &mut known);
                self.add_edge(edge, (middle, edge.to), line[at..].to_vec(), &mut known);
            }
        }
    }

    fn add_edge(
        &mut self,
        edge: &RawEdge,
        (from, to): (i64, i64),
        line: Vec<Point>,
        known: &mut BTreeMap<(i64, i64, Vec<Point>), usize>,
    ) {
        let Some(class) = RoadClass::of(&edge.tags) else {
            return;
        };
        if directions(&edge.tags, class).is_none() {
            return;
        }
        let Some([ms, _]) = times_ms(&line, &edge.tags, class, [self.signal_ms(0, to); 2]) else {
            return;
        };
        let mirrored: Vec<Point> = line.iter().rev().copied().collect();
        if let Some(&at) = known.get(&(to, from, mirrored))
            && self.found[at].backward_ms.is_none()
        {
            self.found[at].backward_ms = Some(ms);
            return;
        }
        let mut names = street_names(&edge.tags);
        if let Some(names) = &mut names {
            edge.more_names.iter().for_each(|name| names.add(name.clone()));
        }
        known.insert((from, to, line.clone()), self.found.len());
        self.found.push(RawSegment {
            from,
            to,
            line,
            class,
            names,
            bridge: is_bridge(&edge.tags),
            forward_ms: Some(ms),
            backward_ms: None,
        });
    }
}

fn is_bridge(tags: &Tags) -> bool {
    tags.get("bridge").is_some_and(|value| value != "no")
}

/// Driving times along and against a line, or nothing if its length is absurd.
pub(crate) fn times_ms(line: &[Point], tags: &Tags, class: RoadClass, waits: [u32; 2]) -> Option<[u32; 2]> {
    let length = length_m(line);
    let (forward_kmh, backward_kmh) = speed_kmh(tags, class);
    (length < LENGTH_MAX_M).then(|| {
        [
            drive_ms(length, forward_kmh).saturating_add(waits[0]),
            drive_ms(length, backward_kmh).saturating_add(waits[1]),
        ]
    })
}

/// Milliseconds for `length_m` metres at `kmh`; at least one, so that no cycle is free.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "below 1,000 km at more than 1 km/h"
)]
pub(crate) fn drive_ms(length_m: f64, kmh: f64) -> u32 {
    ((length_m * 3_600.0 / kmh.max(1.0)).round() as u32).max(1)
}
