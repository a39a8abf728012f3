//! Routes: from a place on a street to another, by the quickest way.

use serde::Serialize;

use crate::hierarchy::{Arc, End, Ends, Hierarchy};
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

/// Junctions by which one leaves a place on a street, with the time to them.
pub(crate) fn ends_from(network: &Network, place: &OnStreet) -> Ends {
    let segment = &network.segments[place.segment as usize];
    if let Some(junction) = at_junction(segment, place) {
        return [Some((junction, 0)), None];
    }
    [
        segment.forward_ms.map(|ms| (segment.to, part_ms(ms, 1.0 - place.share))),
        segment.backward_ms.map(|ms| (segment.from, part_ms(ms, place.share))),
    ]
}

/// Junctions by which one reaches a place on a street, with the time from them.
pub(crate) fn ends_to(network: &Network, place: &OnStreet) -> Ends {
    let segment = &network.segments[place.segment as usize];
    if let Some(junction) = at_junction(segment, place) {
        return [Some((junction, 0)), None];
    }
    [
        segment.forward_ms.map(|ms| (segment.from, part_ms(ms, place.share))),
        segment.backward_ms.map(|ms| (segment.to, part_ms(ms, 1.0 - place.share))),
    ]
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

/// Time between two places on the same segment without leaving it, if its directions allow.
pub(crate) fn along_ms(network: &Network, from: &OnStreet, to: &OnStreet) -> Option<u32> {
    if from.segment != to.segment {
        return None;
    }
    let segment = &network.segments[from.segment as usize];
    if from.share <= to.share {
        segment.forward_ms.map(|ms| part_ms(ms, to.share - from.share))
    } else {
        segment.backward_ms.map(|ms| part_ms(ms, from.share - to.share))
    }
}

/// The quickest way between two places; nothing if no street leads there.
pub(crate) fn route(
    network: &Network,
    hierarchy: &Hierarchy,
    from: &OnStreet,
    to: &OnStreet,
) -> Option<Route> {
    let direct = along_ms(network, from, to).map(|ms| (ms, None));
    let around = best_ends(hierarchy, ends_from(network, from), ends_to(network, to))
        .map(|(ms, leave, reach)| (ms, Some((leave, reach))));
    // Of equal times the direct one: it comes first, and `min_by_key` keeps the first.
    let (ms, ends) = direct.into_iter().chain(around).min_by_key(|(ms, _)| *ms)?;
    let mut line = Vec::new();
    match ends {
        None => append(&mut line, &between(network, from, to)),
        Some((leave, reach)) => {
            append(&mut line, &to_end(network, from, leave));
            for arc in hierarchy.path(leave, reach)? {
                append(&mut line, &line_of(network, arc));
            }
            let mut last = to_end(network, to, reach);
            last.reverse();
            append(&mut line, &last);
        }
    }
    if line.len() == 1 {
        line.push(line[0]);
    }
    Some(Route {
        distance_m: whole(length_m(&line)),
        duration_s: seconds(ms),
        geometry: line.iter().map(|point| (point.lon(), point.lat())).collect(),
    })
}

/// The pair of junctions with the least total time, and that time.
fn best_ends(hierarchy: &Hierarchy, from: Ends, to: Ends) -> Option<(u32, u32, u32)> {
    let leaving: Vec<End> = from.into_iter().flatten().collect();
    let mut best: Option<(u32, u32, u32)> = None;
    for (reach, last_ms) in to.into_iter().flatten() {
        let sources: Vec<Ends> = leaving.iter().map(|end| [Some(*end), None]).collect();
        let times = hierarchy.many_to_one(&sources, &[Some((reach, last_ms)), None]);
        for ((leave, _), ms) in leaving.iter().zip(times) {
            let found = ms.map(|ms| (ms, *leave, reach));
            best = best.into_iter().chain(found).min_by_key(|(ms, _, _)| *ms);
        }
    }
    best
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

fn line_of(network: &Network, arc: Arc) -> Vec<Point> {
    let mut line = network.line(&network.segments[arc.segment as usize]);
    if arc.reversed {
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
fn part_ms(ms: u32, share: f64) -> u32 {
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
