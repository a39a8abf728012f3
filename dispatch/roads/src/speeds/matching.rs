//! From two positions of a taxi to the streets between them.
//!
//! A fix may lie on any street near it. Of all pairs of such places that two fixes offer, the one counts that is
//! driven soonest, where a place costs as much as walking to it.

use super::{Fix, Step, Traversal};
use crate::arc::ArcId;
use crate::hierarchy::{Hierarchy, Times};
use crate::network::Network;
use crate::route::{arrival, departure, driven_share, site, way, within_site_ms};
use crate::snap::{OnStreet, Snapper};

/// A fix lies on a street within this distance, in metres.
const NEAR_M: f64 = 40.0;
/// Streets looked at for one fix.
const PLACES_MAX: usize = 3;
/// What it costs a place to lie beside its fix, in ms for each metre.
const ASIDE_MS_PER_M: f64 = 500.0;
/// No taxi is faster than this many times a free street's pace.
const FASTEST: u64 = 3;

/// The pieces of the way that was driven in `step`, or nothing if no taxi can have driven it.
pub(crate) fn driven(
    network: &Network,
    hierarchy: &Hierarchy,
    snapper: &Snapper,
    times: &Times,
    step: &Step,
) -> Option<Vec<Traversal>> {
    let places = places(network, hierarchy, snapper, times, [&step.from, &step.to])?;
    pieces(network, hierarchy, times, [&places[0], &places[1]], step.took_ms())
}

/// The two places on streets that two fixes most likely mean.
fn places(
    network: &Network,
    hierarchy: &Hierarchy,
    snapper: &Snapper,
    times: &Times,
    fixes: [&Fix; 2],
) -> Option<[OnStreet; 2]> {
    let [from, to] = fixes.map(|fix| snapper.near(network, fix.position.into(), NEAR_M, PLACES_MAX));
    let departures: Vec<_> = from.iter().map(|place| departure(network, hierarchy, times, place)).collect();
    let aside_ms = |place: &OnStreet| place.distance_m * ASIDE_MS_PER_M;
    let pairs = to.iter().flat_map(|to| {
        let found = hierarchy.many_to_one(times, &departures, &arrival(network, hierarchy, times, to));
        let costs = from.iter().zip(found).filter_map(|(from, ms)| {
            let same = site(network, from) == site(network, to);
            let ms = if same { within_site_ms(network, hierarchy, times, [from, to]) } else { ms }?;
            Some((f64::from(ms) + aside_ms(from) + aside_ms(to), [*from, *to]))
        });
        costs.collect::<Vec<_>>()
    });
    pairs.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, places)| places)
}

/// The pieces of the way between two places that was driven in `took_ms`, or nothing if that is impossible.
pub(crate) fn pieces(
    network: &Network,
    hierarchy: &Hierarchy,
    times: &Times,
    [from, to]: [&OnStreet; 2],
    took_ms: u32,
) -> Option<Vec<Traversal>> {
    let (way_ms, arcs) = way(network, hierarchy, times, [from, to])?;
    let arcs = match &arcs[..] {
        [] if from.share <= to.share => vec![ArcId::along(from.segment)],
        [] => vec![ArcId::against(from.segment)],
        _ => arcs,
    };
    let last = arcs.len() - 1;
    let parts: Vec<(ArcId, u32, u32)> = arcs
        .iter()
        .enumerate()
        .map(|(at, arc)| {
            let begin = if at == 0 { driven_share(network, *arc, from).unwrap_or(0.0) } else { 0.0 };
            let end = if at == last { driven_share(network, *arc, to).unwrap_or(1.0) } else { 1.0 };
            let part = |ms: u32| crate::route::part_ms(ms, (end - begin).max(0.0));
            (*arc, part(network.free_ms(*arc).unwrap_or(0)), part(times.arc_ms(*arc)))
        })
        .collect();
    let free_ms: u64 = parts.iter().map(|(_, free_ms, _)| u64::from(*free_ms)).sum();
    if free_ms == 0 || free_ms > FASTEST * u64::from(took_ms) || way_ms == 0 {
        return None;
    }
    // Turns take their share; what is left is spread as the times that are known today say.
    let share = |now_ms: u32| u64::from(now_ms) * u64::from(took_ms) / u64::from(way_ms);
    let traversal = |(arc, free_ms, now_ms): (ArcId, u32, u32)| Traversal {
        arc,
        class: network.segments[arc.segment() as usize].class,
        free_ms,
        took_ms: u32::try_from(share(now_ms)).unwrap_or(u32::MAX),
    };
    Some(parts.into_iter().map(traversal).collect())
}
