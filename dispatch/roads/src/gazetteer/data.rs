//! The gazetteer as it is stored: names grouped, no index.

use serde::{Deserialize, Serialize};

use super::fold::{key, words};
use super::place::{Address, Place, Places};
use crate::build::NamedStreet;
use crate::names::Names;
use crate::point::Point;
use crate::tags::RoadClass;

/// Segments of one name farther apart than this are two streets (every village has its Hauptstraße), in metres.
const ONE_STREET_M: f64 = 1_500.0;
/// The same in microdegrees of latitude, rounded up.
const ONE_STREET_LAT_E6: i32 = 13_600;
/// Most points kept to tell where a street runs.
const STREET_POINTS_MAX: usize = 128;

/// A street of one name in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Street {
    pub(crate) names: Names,
    /// Points along it; the first is the most central.
    pub(crate) points: Vec<Point>,
    /// How likely somebody means it, 0 to 100.
    pub(crate) rank: u8,
}

/// All that can be searched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GazetteerData {
    pub(crate) streets: Vec<Street>,
    pub(crate) places: Vec<Place>,
    /// In order of folded street name, then number.
    pub(crate) addresses: Vec<Address>,
}

impl GazetteerData {
    pub(crate) fn of(places: Places, named: Vec<NamedStreet>) -> Self {
        let streets = named.into_iter().flat_map(streets_apart).collect();
        let mut places_found = places.places;
        places_found.sort_by(|a, b| (a.kind, &a.names, a.point).cmp(&(b.kind, &b.names, b.point)));
        let mut addresses = places.addresses;
        addresses.sort_by_cached_key(|a| (key(&words(&a.street)), a.number.clone(), a.point));
        Self { streets, places: places_found, addresses }
    }

    /// Checks what a stored file claims.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let points = self.streets.iter().flat_map(|street| &street.points);
        let points =
            points.chain(self.places.iter().map(|p| &p.point)).chain(self.addresses.iter().map(|a| &a.point));
        if !points.into_iter().all(|point| point.is_on_earth()) {
            return Err("a place is off the earth");
        }
        if self.streets.iter().any(|street| street.points.is_empty()) {
            return Err("a street runs nowhere");
        }
        Ok(())
    }
}

/// Splits the segments of one name into the streets that they make on the ground.
fn streets_apart(named: NamedStreet) -> Vec<Street> {
    let NamedStreet { names, mut points, class } = named;
    points.sort_unstable();
    let mut groups: Vec<Vec<Point>> = Vec::new();
    for point in points {
        // Comparing latitudes first keeps a name that half a country shares cheap.
        let near = |other: &Point| {
            point.lat_e6 - other.lat_e6 <= ONE_STREET_LAT_E6 && other.distance_m(point) <= ONE_STREET_M
        };
        let near = |group: &Vec<Point>| group.iter().any(near);
        let mut touching: Vec<usize> = (0..groups.len()).filter(|&at| near(&groups[at])).collect();
        let Some(first) = (!touching.is_empty()).then(|| touching.remove(0)) else {
            groups.push(vec![point]);
            continue;
        };
        // The new point may bridge several groups.
        for at in touching.into_iter().rev() {
            let merged = groups.remove(at);
            groups[first].extend(merged);
        }
        groups[first].push(point);
    }
    let rank = match class {
        RoadClass::Motorway | RoadClass::Trunk => 55,
        RoadClass::Primary => 60,
        RoadClass::Secondary => 55,
        RoadClass::Tertiary => 50,
        RoadClass::Unclassified | RoadClass::Residential | RoadClass::LivingStreet => 45,
        RoadClass::Service => 35,
    };
    groups
        .into_iter()
        .map(|points| Street { names: names.clone(), points: central_first(points), rank })
        .collect()
}

/// The points thinned to the bound, the one nearest to their mean first.
fn central_first(points: Vec<Point>) -> Vec<Point> {
    let step = points.len().div_ceil(STREET_POINTS_MAX);
    let mut kept: Vec<Point> = points.into_iter().step_by(step.max(1)).collect();
    let count = i64::try_from(kept.len()).unwrap_or(1).max(1);
    let lat = kept.iter().map(|p| i64::from(p.lat_e6)).sum::<i64>() / count;
    let lon = kept.iter().map(|p| i64::from(p.lon_e6)).sum::<i64>() / count;
    let off = |p: &Point| (i64::from(p.lat_e6) - lat).abs() + (i64::from(p.lon_e6) - lon).abs();
    if let Some(at) = (0..kept.len()).min_by_key(|&at| off(&kept[at])) {
        kept.swap(0, at);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_streets_of_two_villages_are_two() {
        let at = |lat| Point::new(lat, 9.5).unwrap();
        let named = NamedStreet {
            names: Names::one("Landstrasse"),
            points: vec![at(47.0), at(47.01), at(47.02), at(47.2), at(47.201)],
            class: RoadClass::Primary,
        };
        let found = streets_apart(named);
        assert_eq!(found.iter().map(|s| s.points.len()).collect::<Vec<_>>(), [3, 2]);
        assert_eq!(found[0].points[0], at(47.01), "the middle comes first");
    }
}
