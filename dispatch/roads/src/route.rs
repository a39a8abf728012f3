//! Routes: from a place on a street to another, by the quickest way.

use serde::Serialize;

use crate::arc::ArcId;
use crate::hierarchy::{Arrival, Departure, Hierarchy, Times};
use crate::network::{Network, Segment};
use crate::point::{Point, length_m};
use crate::snap::OnStreet;

/// A way to drive.
///
/// JSON: `{"distance_m", "duration_s", "geometry": [[lon, lat], …]}`, as `ondol map route --json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Route {
    /// Length in metres.
    pub distance_m: u32,
    /// Driving time in seconds.
    pub duration_s: u32,
    /// The line, `(lon, lat)` in degrees as in GeoJSON; at least two points.
    pub geometry: Vec<(f64, f64)>,
}

/// Length and driving time without the line, for quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Leg {
    /// Length in metres.
    pub distance_m: u32,
    /// Driving time in seconds.
    pub duration_s: u32,
}

/// A place this near to a junction is at the junction, in metres: a one-way street that happens to begin or
/// end there does not bind it.
pub(crate) const AT_JUNCTION_M: f64 = 1.0;

/// Where a place is: places at the same junction are one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Site {
    Junction(u32),
    Segment(u32),
}

pub(crate) fn site(network: &Network, place: &OnStreet) -> Site {
    let segment = &network.segments[place.segment as usize];
    at_junction(segment, place).map_or(Site::Segment(place.segment), Site::Junction)
}

/// How one leaves a place: a taxi that stands may set off in every direction that is open.
pub(crate) fn departure(
    network: &Network,
    hierarchy: &Hierarchy,
    times: &Times,
    place: &OnStreet,
) -> Departure {
    let turns = hierarchy.turns();
    match site(network, place) {
        Site::Junction(junction) => turns
            .beginning(junction)
            .iter()
            .filter_map(|arc| Some((turns.plain(*arc)?, times.arc_ms(*arc))))
            .collect(),
        Site::Segment(segment) => [ArcId::along(segment), ArcId::against(segment)]
            .into_iter()
            .filter_map(|arc| Some((turns.plain(arc)?, times.arc_ms(arc) - driven_ms(times, arc, place))))
            .collect(),
    }
}

/// How one reaches a place: on every arc that passes it.
pub(crate) fn arrival(network: &Network, hierarchy: &Hierarchy, times: &Times, place: &OnStreet) -> Arrival {
    let turns = hierarchy.turns();
    match site(network, place) {
        Site::Junction(junction) => turns
            .beginning(junction)
            .iter()
            .flat_map(|arc| turns.states(arc.reverse()).map(|state| (state, 0)))
            .collect(),
        Site::Segment(segment) => [ArcId::along(segment), ArcId::against(segment)]
            .into_iter()
            .flat_map(|arc| {
                turns.states(arc).map(move |state| (state, times.arc_ms(arc) - driven_ms(times, arc, place)))
            })
            .collect(),
    }
}

/// The junction at which a place lies, if it does.
pub(crate) fn at_junction(segment: &Segment, place: &OnStreet) -> Option<u32> {
    let length_m = f64::from(segment.length_cm) / 100.0;
    if place.share * length_m < AT_JUNCTION_M {
        Some(segment.from)
    } else if (1.0 - place.share) * length_m < AT_JUNCTION_M {
        Some(segment.to)
    } else {
        None
    }
}

/// Time from the beginning of an arc to a place on its segment.
fn driven_ms(times: &Times, arc: ArcId, place: &OnStreet) -> u32 {
    part_ms(times.arc_ms(arc), share_along(arc, place))
}

fn share_along(arc: ArcId, place: &OnStreet) -> f64 {
    if arc.is_reversed() { 1.0 - place.share } else { place.share }
}

/// The share of an arc that lies before a place, if the place is in its middle.
pub(crate) fn driven_share(network: &Network, arc: ArcId, place: &OnStreet) -> Option<f64> {
    (site(network, place) == Site::Segment(arc.segment())).then(|| share_along(arc, place))
}

/// How two places of the same [`Site`] are driven between: without leaving it, or round about.
///
/// The hierarchy alone would take the end of an arc for a way to what lies behind on it.
fn within_site(
    network: &Network,
    hierarchy: &Hierarchy,
    times: &Times,
    [from, to]: [&OnStreet; 2],
) -> Option<(u32, Option<Around>)> {
    let Site::Segment(segment) = site(network, from) else {
        return Some((0, None));
    };
    let along = Some(ArcId::along(segment)).filter(|_| from.share <= to.share);
    let against = Some(ArcId::against(segment)).filter(|_| from.share >= to.share);
    let open = along.into_iter().chain(against).filter(|arc| hierarchy.turns().plain(*arc).is_some());
    let direct =
        open.map(|arc| (driven_ms(times, arc, to).saturating_sub(driven_ms(times, arc, from)), None));
    // Off this arc by a turn first: then its end is reached again only after its beginning.
    let leaving: Vec<(u32, Departure)> = departure(network, hierarchy, times, from)
        .into_iter()
        .map(|(state, ms)| {
            let turns = hierarchy.turns().turns(state);
            let next = turns.map(|(next, turn_ms)| {
                (
                    next,
                    ms.saturating_add(turn_ms)
                        .saturating_add(times.arc_ms(hierarchy.turns().arcs[next as usize])),
                )
            });
            (state, next.collect())
        })
        .collect();
    let arrival = arrival(network, hierarchy, times, to);
    let around = leaving.iter().filter_map(|(first, departure)| {
        let (ms, [leave, reach]) = best_ends(hierarchy, times, departure, &arrival)?;
        Some((ms, Some(Around { first: Some(*first), leave, reach })))
    });
    // Of equal times the direct one: it comes first, and `min_by_key` keeps the first.
    direct.chain(around).min_by_key(|(ms, _)| *ms)
}

/// A way over at least one junction: the states between which the hierarchy knows the way, and the one before.
struct Around {
    first: Option<u32>,
    leave: u32,
    reach: u32,
}

/// Time between two places of the same [`Site`].
pub(crate) fn within_site_ms(
    network: &Network,
    hierarchy: &Hierarchy,
    times: &Times,
    places: [&OnStreet; 2],
) -> Option<u32> {
    within_site(network, hierarchy, times, places).map(|(ms, _)| ms)
}

/// The arcs of the quickest way between two places, the first and last one in part, and its time in ms.
///
/// Without arcs if both lie on one arc and it is driven straight on, or at one junction.
pub(crate) fn way(
    network: &Network,
    hierarchy: &Hierarchy,
    times: &Times,
    [from, to]: [&OnStreet; 2],
) -> Option<(u32, Vec<ArcId>)> {
    let (ms, around) = if site(network, from) == site(network, to) {
        within_site(network, hierarchy, times, [from, to])?
    } else {
        let departure = departure(network, hierarchy, times, from);
        let (ms, [leave, reach]) =
            best_ends(hierarchy, times, &departure, &arrival(network, hierarchy, times, to))?;
        (ms, Some(Around { first: None, leave, reach }))
    };
    let Some(Around { first, leave, reach }) = around else {
        return Some((ms, Vec::new()));
    };
    let first = first.map(|state| hierarchy.turns().arcs[state as usize]);
    Some((ms, first.into_iter().chain(hierarchy.path(times, leave, reach)?).collect()))
}

/// The quickest way between two places; nothing if no street leads there.
pub(crate) fn route(
    network: &Network,
    hierarchy: &Hierarchy,
    times: &Times,
    from: &OnStreet,
    to: &OnStreet,
) -> Option<Route> {
    let (ms, arcs) = way(network, hierarchy, times, [from, to])?;
    let mut line = Vec::new();
    if arcs.is_empty() && from.segment == to.segment {
        append(&mut line, &between(network, from, to));
    }
    for (at, arc) in arcs.iter().enumerate() {
        let begins_inside = at == 0 && site(network, from) == Site::Segment(arc.segment());
        let ends_inside = at + 1 == arcs.len() && site(network, to) == Site::Segment(arc.segment());
        let part = match (begins_inside, ends_inside) {
            (true, true) => between(network, from, to),
            (true, false) => to_end(network, from, network.head(*arc)),
            (false, true) => {
                let mut part = to_end(network, to, network.tail(*arc));
                part.reverse();
                part
            }
            (false, false) => line_of(network, *arc),
        };
        append(&mut line, &part);
    }
    // A place at a junction is a step away from it.
    if line.first() != Some(&from.point) {
        line.insert(0, from.point);
    }
    if line.len() == 1 || line.last() != Some(&to.point) {
        line.push(to.point);
    }
    Some(Route {
        distance_m: whole(length_m(&line)),
        duration_s: seconds(ms),
        geometry: line.iter().map(|point| (point.lon(), point.lat())).collect(),
    })
}

/// The pair of states with the least total time, and that time.
fn best_ends(
    hierarchy: &Hierarchy,
    times: &Times,
    from: &Departure,
    to: &Arrival,
) -> Option<(u32, [u32; 2])> {
    let sources: Vec<Departure> = from.iter().map(|end| vec![*end]).collect();
    let pairs = to.iter().flat_map(|end| {
        let found = hierarchy.many_to_one(times, &sources, &vec![*end]);
        let found = from.iter().zip(found).filter_map(|((leave, _), ms)| Some((ms?, [*leave, end.0])));
        found.collect::<Vec<_>>()
    });
    pairs.min_by_key(|(ms, _)| *ms)
}

/// The line from a place on a segment to the junction `end`, which is one of the segment's two.
fn to_end(network: &Network, place: &OnStreet, end: u32) -> Vec<Point> {
    let segment = &network.segments[place.segment as usize];
    let line = network.line(segment);
    let after = place.after as usize;
    let mut part = vec![place.point];
    if end == segment.to {
        part.extend_from_slice(&line[after + 1..]);
    } else {
        part.extend(line[..=after].iter().rev());
    }
    part
}

/// The line between two places on the same segment.
fn between(network: &Network, from: &OnStreet, to: &OnStreet) -> Vec<Point> {
    let line = network.line(&network.segments[from.segment as usize]);
    let (first, last, turned) = if from.share <= to.share { (from, to, false) } else { (to, from, true) };
    let mut part = vec![first.point];
    part.extend_from_slice(&line[first.after as usize + 1..=last.after as usize]);
    part.push(last.point);
    if turned {
        part.reverse();
    }
    part
}

fn line_of(network: &Network, arc: ArcId) -> Vec<Point> {
    let mut line = network.line(&network.segments[arc.segment() as usize]);
    if arc.is_reversed() {
        line.reverse();
    }
    line
}

/// Adds points, leaving out repeated ones.
fn append(line: &mut Vec<Point>, more: &[Point]) {
    for point in more {
        if line.last() != Some(point) {
            line.push(*point);
        }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a u32 is a u32")]
pub(crate) fn part_ms(ms: u32, share: f64) -> u32 {
    (f64::from(ms) * share.clamp(0.0, 1.0)).round() as u32
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a route is shorter than the earth is round"
)]
fn whole(metres: f64) -> u32 {
    metres.round() as u32
}

/// Whole seconds, rounded to the nearest.
pub(crate) fn seconds(ms: u32) -> u32 {
    ms.saturating_add(500) / 1_000
}
