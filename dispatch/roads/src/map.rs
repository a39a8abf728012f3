//! A map in use: the face of this crate.

use std::path::Path;

use ondol_core::ids::{DistrictId, StandId};
use ondol_core::position::Position;
use ondol_core::travel::TravelTimes;
use serde::Serialize;

use crate::build::BuiltMap;
use crate::districts::Districts;
use crate::error::{MapError, RouteError};
use crate::gazetteer::{Gazetteer, Hit, Kind};
use crate::hierarchy::{Hierarchy, Times};
use crate::meta::Meta;
use crate::network::Network;
use crate::overview::OVERVIEW_MAX_BYTES;
use crate::point::{Bbox, Plane, Point};
use crate::route::{self, Leg, Route, arrival, departure, seconds, site, within_site_ms};
use crate::snap::{OnStreet, SNAP_MAX_M, Snapper};
use crate::store;

mod compare;
mod live;

pub use compare::StateGraph;

/// A position belongs to the nearest named street within this distance, in metres.
const REVERSE_STREET_M: f64 = 200.0;
/// … or to the nearest named place within this distance, in metres.
const REVERSE_PLACE_M: f64 = 2_000.0;
/// Junctions looked at to split a map into districts of about the same size.
const DISTRICT_JUNCTIONS: usize = 20_000;

/// Streets, travel times, places and districts of one area, in memory.
///
/// Everything takes `&self` and may be asked from several threads; one pickup and twenty taxis take well under
/// a millisecond.
///
/// # Example
///
/// ```
/// use ondol_core::position::Position;
/// use ondol_roads::{RoadMap, generate};
///
/// let map = RoadMap::of(generate::city(7));
/// let stand = &map.stands()[0];
/// let times = map.durations_to(stand.position, &[map.stands()[1].position]);
/// assert!(times[0].is_some());
/// ```
pub struct RoadMap {
    meta: Meta,
    network: Network,
    hierarchy: Hierarchy,
    snapper: Snapper,
    gazetteer: Gazetteer,
    districts: Option<Districts>,
    overview_gz: Vec<u8>,
}

/// A position on the nearest street.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapped {
    /// Where on the street.
    pub position: Position,
    /// How far that is from the position asked for, in metres.
    pub distance_m: f64,
    /// The street's name, if it has one.
    pub street: Option<String>,
}

/// A taxi stand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stand {
    /// The code painted on its pole, `12` for `#12`.
    pub code: StandId,
    /// What the signs say.
    pub name: String,
    /// In English, if known.
    pub name_en: Option<String>,
    /// Where it is.
    pub position: Position,
    /// Cars that fit, if known.
    pub capacity: Option<u16>,
}

impl RoadMap {
    /// Loads the map directory `dir`.
    ///
    /// # Errors
    ///
    /// [`MapError::BadMap`], [`MapError::OtherFormat`], [`MapError::BadDistricts`] or [`MapError::Unreadable`].
    pub fn load(dir: &Path) -> Result<Self, MapError> {
        let store::Stored { meta, network, gazetteer, districts, overview_gz } = store::read(dir)?;
        let plane = plane(meta.bbox);
        Ok(Self {
            hierarchy: Hierarchy::of(&network),
            snapper: Snapper::of(&network, plane),
            gazetteer: Gazetteer::of(gazetteer, plane),
            meta,
            network,
            districts,
            overview_gz,
        })
    }

    /// Uses a map that was just built, without writing it.
    ///
    /// # Panics
    ///
    /// Never: packing to memory does not fail.
    #[must_use]
    pub fn of(built: BuiltMap) -> Self {
        let BuiltMap { meta, network, gazetteer, districts, overview } = built;
        let plane = plane(meta.bbox);
        Self {
            hierarchy: Hierarchy::of(&network),
            snapper: Snapper::of(&network, plane),
            gazetteer: Gazetteer::of(gazetteer, plane),
            overview_gz: store::gzip(&overview).expect("writing to memory does not fail"),
            meta,
            network,
            districts,
        }
    }

    /// The quickest way by car.
    ///
    /// # Errors
    ///
    /// [`RouteError::StartOffRoad`], [`RouteError::EndOffRoad`] or [`RouteError::NoWay`].
    pub fn route(&self, from: Position, to: Position) -> Result<Route, RouteError> {
        let from = self.on_street(from).ok_or(RouteError::StartOffRoad { limit_m: SNAP_MAX_M })?;
        let to = self.on_street(to).ok_or(RouteError::EndOffRoad { limit_m: SNAP_MAX_M })?;
        route::route(&self.network, &self.hierarchy, &self.hierarchy.times(), &from, &to)
            .ok_or(RouteError::NoWay)
    }

    /// Length and time of the quickest way, for a quote.
    ///
    /// # Errors
    ///
    /// As for [`RoadMap::route`].
    pub fn leg(&self, from: Position, to: Position) -> Result<Leg, RouteError> {
        let Route { distance_m, duration_s, .. } = self.route(from, to)?;
        Ok(Leg { distance_m, duration_s })
    }

    /// Seconds from each of `sources` to `target`, as from taxis to a pickup.
    ///
    /// **Shape**: one value per source, in their order; `None` where a position is off every street.
    #[must_use]
    pub fn durations_to(&self, target: Position, sources: &[Position]) -> Vec<Option<u32>> {
        let times = self.hierarchy.times();
        self.durations(target, sources, |pinned, others| {
            let (network, hierarchy) = (&self.network, &self.hierarchy);
            let ends: Vec<_> =
                others.iter().map(|place| departure(network, hierarchy, &times, place)).collect();
            let found = hierarchy.many_to_one(&times, &ends, &arrival(network, hierarchy, &times, pinned));
            let exact = |(ms, from): (Option<u32>, &OnStreet)| self.exact_ms(&times, [from, pinned], ms);
            found.into_iter().zip(others).map(exact).collect()
        })
    }

    /// Seconds from `source` to each of `targets`, as from a taxi to the ends of several trips.
    ///
    /// **Shape**: as [`RoadMap::durations_to`].
    #[must_use]
    pub fn durations_from(&self, source: Position, targets: &[Position]) -> Vec<Option<u32>> {
        let times = self.hierarchy.times();
        self.durations(source, targets, |pinned, others| {
            let (network, hierarchy) = (&self.network, &self.hierarchy);
            let ends: Vec<_> =
                others.iter().map(|place| arrival(network, hierarchy, &times, place)).collect();
            let found = hierarchy.one_to_many(&times, &departure(network, hierarchy, &times, pinned), &ends);
            let exact = |(ms, to): (Option<u32>, &OnStreet)| self.exact_ms(&times, [pinned, to], ms);
            found.into_iter().zip(others).map(exact).collect()
        })
    }

    /// Seconds from each of `sources` to each of `targets`, on all processors.
    ///
    /// **Shape**: one row for each source, in their order; `None` where a position is off every street.
    #[must_use]
    pub fn durations_table(&self, sources: &[Position], targets: &[Position]) -> Vec<Vec<Option<u32>>> {
        let times = self.hierarchy.times();
        let places = |positions: &[Position]| {
            let places = positions.iter().map(|position| self.on_street(*position));
            places.collect::<Vec<Option<OnStreet>>>()
        };
        let (from, to) = (places(sources), places(targets));
        let network = &self.network;
        let departures: Vec<_> =
            from.iter().flatten().map(|place| departure(network, &self.hierarchy, &times, place)).collect();
        let arrivals: Vec<_> =
            to.iter().flatten().map(|place| arrival(network, &self.hierarchy, &times, place)).collect();
        let mut rows = self.hierarchy.table(&times, &departures, &arrivals).into_iter();
        let sites: Vec<_> =
            to.iter().map(|place| place.map(|place| (site(network, &place), place))).collect();
        let row = |from: &Option<OnStreet>| {
            let Some(from) = from else {
                return vec![None; targets.len()];
            };
            let here = site(network, from);
            let mut found = rows.next().unwrap_or_default().into_iter();
            let cells = sites.iter().map(|to| {
                let (there, to) = to.as_ref()?;
                let ms = found.next().flatten();
                if *there == here { self.exact_ms(&times, [from, to], ms) } else { ms }.map(seconds)
            });
            cells.collect()
        };
        from.iter().map(row).collect()
    }

    /// The nearest place on a street; nothing if every street is farther than [`SNAP_MAX_M`].
    #[must_use]
    pub fn snap(&self, position: Position) -> Option<Snapped> {
        let place = self.on_street(position)?;
        Some(Snapped {
            position: place.point.position(),
            distance_m: place.distance_m,
            street: self.street_name(place.segment).map(str::to_owned),
        })
    }

    /// What is called like `text`, best first, at most `limit` (and never more than 100).
    ///
    /// Finds streets, house numbers, places, stations, exits (`강남역 11번 출구`) and stands (`#12`), exactly or by
    /// their beginning, in every language mapped; nearer ones are preferred if `near` is given.
    #[must_use]
    pub fn search(&self, text: &str, near: Option<Position>, limit: usize) -> Vec<Hit> {
        self.gazetteer.search(text, near.map(Point::from), limit)
    }

    /// What to call a position: its house number, the place there, its street, or else the nearest named place.
    #[must_use]
    pub fn reverse(&self, position: Position) -> Option<Hit> {
        let point = Point::from(position);
        self.gazetteer
            .here(point)
            .or_else(|| self.street_here(point))
            .or_else(|| self.gazetteer.nearest_place(point, REVERSE_PLACE_M))
    }

    /// The stands in order of their code.
    #[must_use]
    pub fn stands(&self) -> Vec<Stand> {
        let stand = |place: &crate::gazetteer::Place| {
            Some(Stand {
                code: StandId::new(place.code.as_deref()?).ok()?,
                name: place.names.local.clone(),
                name_en: place.names.en.clone(),
                position: place.point.position(),
                capacity: place.capacity,
            })
        };
        self.gazetteer.stands().into_iter().filter_map(stand).collect()
    }

    /// The districts stored with the map, if there are any.
    #[must_use]
    pub fn districts(&self) -> Option<&Districts> {
        self.districts.as_ref()
    }

    /// `count` districts `d1`, `d2`, … with about as many streets each, for a map that has none.
    #[must_use]
    pub fn default_districts(&self, count: usize, seed: u64) -> Districts {
        Districts::split(self.meta.bbox, &self.junctions(DISTRICT_JUNCTIONS), count, seed)
    }

    /// The map that the console draws, as GeoJSON (at most 16 MiB).
    ///
    /// # Errors
    ///
    /// [`MapError::BadMap`] if the stored file is broken.
    pub fn overview_geojson(&self) -> Result<Vec<u8>, MapError> {
        store::gunzip(&self.overview_gz, OVERVIEW_MAX_BYTES as u64)
            .map_err(|e| MapError::bad_map(Path::new("map.geojson.gz"), e))
    }

    /// The same in gzip, ready for `Content-Encoding: gzip`.
    #[must_use]
    pub fn overview_geojson_gz(&self) -> &[u8] {
        &self.overview_gz
    }

    /// The box around all streets.
    #[must_use]
    pub fn bbox(&self) -> Bbox {
        self.meta.bbox
    }

    /// What the map holds and where it comes from; its attribution must be shown with it.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Positions of junctions spread over the map, at most `limit`: starting points for simulated fleets and riders.
    #[must_use]
    pub fn junctions(&self, limit: usize) -> Vec<Position> {
        let step = self.network.nodes.len().div_ceil(limit.max(1)).max(1);
        self.network.nodes.iter().step_by(step).map(|point| point.position()).collect()
    }

    /// What the tests' slow oracle reads.
    #[cfg(test)]
    pub(crate) fn parts(&self) -> Parts<'_> {
        Parts { network: &self.network, snapper: &self.snapper, plane: plane(self.meta.bbox) }
    }

    fn on_street(&self, position: Position) -> Option<OnStreet> {
        self.snapper.nearest(&self.network, position.into())
    }

    /// Snaps everything once, asks for the places that are on a street, and puts the answers in their order.
    fn durations(
        &self,
        pinned: Position,
        others: &[Position],
        ask_ms: impl Fn(&OnStreet, &[OnStreet]) -> Vec<Option<u32>>,
    ) -> Vec<Option<u32>> {
        let Some(pinned) = self.on_street(pinned) else {
            return vec![None; others.len()];
        };
        let places: Vec<Option<OnStreet>> = others.iter().map(|position| self.on_street(*position)).collect();
        let on_street: Vec<OnStreet> = places.iter().flatten().copied().collect();
        let mut times = ask_ms(&pinned, &on_street).into_iter();
        places.iter().map(|place| place.and_then(|_| times.next().flatten()).map(seconds)).collect()
    }

    /// What the hierarchy says, unless both places are on one segment or at one junction.
    fn exact_ms(&self, times: &Times, [from, to]: [&OnStreet; 2], ms: Option<u32>) -> Option<u32> {
        if site(&self.network, from) == site(&self.network, to) {
            within_site_ms(&self.network, &self.hierarchy, times, [from, to])
        } else {
            ms
        }
    }

    fn street_name(&self, segment: u32) -> Option<&str> {
        let name = self.network.segments[segment as usize].name?;
        Some(&self.network.names[name as usize].local)
    }

    fn street_here(&self, point: Point) -> Option<Hit> {
        let is_named = |segment: u32| self.network.segments[segment as usize].name.is_some();
        let place = self.snapper.nearest_where(&self.network, point, REVERSE_STREET_M, is_named)?;
        let names = &self.network.names[self.network.segments[place.segment as usize].name? as usize];
        Some(Hit {
            name: names.local.clone(),
            kind: Kind::Street,
            lat: place.point.lat(),
            lon: place.point.lon(),
            score: 1.0,
            name_local: names.local.clone(),
            name_en: names.en.clone(),
            code: None,
            town: self.gazetteer.town(place.point).map(str::to_owned),
        })
    }
}

/// What the tests' slow oracle reads.
#[cfg(test)]
pub(crate) struct Parts<'a> {
    pub(crate) network: &'a Network,
    pub(crate) snapper: &'a Snapper,
    pub(crate) plane: Plane,
}

impl TravelTimes for RoadMap {
    fn durations_s(&self, target: Position, sources: &[Position]) -> Vec<Option<u32>> {
        self.durations_to(target, sources)
    }

    fn district_at(&self, position: Position) -> Option<DistrictId> {
        self.districts()?.locate(position).map(|(district, _)| district)
    }
}

impl std::fmt::Debug for RoadMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoadMap")
            .field("counts", &self.meta.counts)
            .field("bbox", &self.meta.bbox)
            .finish_non_exhaustive()
    }
}

fn plane(bbox: Bbox) -> Plane {
    let (lat, lon) = bbox.centre();
    Plane::around(lat, lon)
}
