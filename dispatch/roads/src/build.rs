//! From what an import or the generator found to a whole map.

use std::collections::{BTreeMap, BTreeSet};

use crate::districts::Districts;
use crate::gazetteer::{GazetteerData, Kind, Place, Places};
use crate::import::{Bans, RawSegment};
use crate::meta::{Counts, FORMAT, Meta, OSM_ATTRIBUTION, SYNTHETIC_ATTRIBUTION, Source};
use crate::names::{Names, has_hangul};
use crate::network::Network;
use crate::overview::{self, Shape};
use crate::point::{Bbox, Plane, Point};
use crate::snap::Snapper;
use crate::tags::RoadClass;

/// A stand is named after a street within this distance, in metres.
const STAND_STREET_M: f64 = 120.0;

/// What goes into a map.
pub(crate) struct Ingredients {
    pub(crate) segments: Vec<RawSegment>,
    pub(crate) bans: Bans,
    pub(crate) places: Places,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) districts: Option<Districts>,
    pub(crate) sources: Vec<Source>,
}

/// A whole map in memory, ready to be written or used.
pub struct BuiltMap {
    /// What it holds and where it comes from.
    pub meta: Meta,
    pub(crate) network: Network,
    pub(crate) gazetteer: GazetteerData,
    pub(crate) districts: Option<Districts>,
    /// GeoJSON, not packed.
    pub(crate) overview: Vec<u8>,
}

/// Builds the map; nothing if no two junctions can reach each other.
pub(crate) fn build(ingredients: Ingredients) -> Option<BuiltMap> {
    let Ingredients { segments, bans, mut places, shapes, districts, sources } = ingredients;
    let (network, left_out) = Network::join(&segments, &bans.chains)?;
    drop(segments);
    let bbox = Bbox::around(network.segments.iter().flat_map(|segment| network.line(segment)))?;
    let (lat, lon) = bbox.centre();
    let snapper = Snapper::of(&network, Plane::around(lat, lon));
    number_stands(&mut places.places);
    name_stands(&mut places.places, &network, &snapper);
    let streets = streets(&network, std::mem::take(&mut places.ways));
    let names = streets.len();
    let gazetteer = GazetteerData::of(places, streets);
    let synthetic = sources.iter().all(|source| source.format == "synthetic");
    let attribution = if synthetic { SYNTHETIC_ATTRIBUTION } else { OSM_ATTRIBUTION };
    let overview = overview::geojson(&network, &gazetteer, &shapes, bbox, attribution);
    let count = |kind| gazetteer.places.iter().filter(|place| place.kind == kind).count();
    let meta = Meta {
        format: FORMAT,
        attribution: attribution.to_owned(),
        licence: if synthetic { "MIT OR Apache-2.0" } else { "ODbL-1.0" }.to_owned(),
        counts: Counts {
            nodes: network.nodes.len(),
            edges: network.open_arcs().count(),
            segments: network.segments.len(),
            left_out: left_out.segments,
            restrictions: bans.taken,
            restrictions_left_out: bans.unusable,
            restrictions_conditional: bans.conditional,
            names,
            addresses: gazetteer.addresses.len(),
            places: count(Kind::Place) + count(Kind::Poi),
            stations: count(Kind::Station),
            exits: count(Kind::Exit),
            stands: count(Kind::Stand),
        },
        sources,
        bbox,
    };
    Some(BuiltMap { meta, network, gazetteer, districts, overview })
}

/// A street as the gazetteer knows it: its names, and the middle of each of its segments.
pub(crate) struct NamedStreet {
    pub(crate) names: Names,
    pub(crate) points: Vec<Point>,
    pub(crate) class: RoadClass,
}

/// Streets by name: those of the network, and ways that only people use.
fn streets(network: &Network, ways: Vec<(Names, Point)>) -> Vec<NamedStreet> {
    let mut streets: BTreeMap<String, NamedStreet> = BTreeMap::new();
    let mut add = |names: &Names, point: Point, class: RoadClass| {
        let street = streets.entry(names.local.clone()).or_insert_with(|| NamedStreet {
            names: names.clone(),
            points: Vec::new(),
            class,
        });
        street.names.learn(names);
        street.points.push(point);
        street.class = street.class.min(class);
    };
    for segment in &network.segments {
        if let Some(name) = segment.name {
            let line = network.line(segment);
            add(&network.names[name as usize], line[line.len() / 2], segment.class);
        }
    }
    for (names, point) in ways {
        add(&names, point, RoadClass::Service);
    }
    streets.into_values().collect()
}

/// Gives every stand a code of its own: the mapped one where it is usable and free, else the next number.
fn number_stands(places: &mut [Place]) {
    let mut stands: Vec<&mut Place> = places.iter_mut().filter(|place| place.kind == Kind::Stand).collect();
    stands.sort_by_key(|stand| (stand.point.lat_e6, stand.point.lon_e6));
    let mut taken = BTreeSet::new();
    for stand in &mut stands {
        stand.code =
            stand.code.take().and_then(|code| stand_code(&code)).filter(|code| taken.insert(code.clone()));
    }
    let mut next = 1_u32;
    for stand in stands {
        while stand.code.is_none() {
            let code = next.to_string();
            next += 1;
            if taken.insert(code.clone()) {
                stand.code = Some(code);
            }
        }
    }
}

/// The code as it is painted and typed: letters, digits and hyphens of at most 8.
fn stand_code(mapped: &str) -> Option<String> {
    let code: String = mapped.trim().trim_start_matches('#').to_ascii_lowercase();
    let usable =
        (1..=8).contains(&code.len()) && code.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    usable.then_some(code)
}

/// Names the stands that the map leaves nameless after their street.
fn name_stands(places: &mut [Place], network: &Network, snapper: &Snapper) {
    for stand in places.iter_mut().filter(|place| place.kind == Kind::Stand && place.names.local.is_empty()) {
        let named = |segment: u32| network.segments[segment as usize].name.is_some();
        let street = snapper
            .nearest_where(network, stand.point, STAND_STREET_M, named)
            .and_then(|place| network.segments[place.segment as usize].name)
            .map(|name| &network.names[name as usize]);
        let code = stand.code.as_deref().unwrap_or_default();
        stand.names = match street {
            Some(street) if has_hangul(&street.local) => Names {
                local: format!("{} 택시 승강장", street.local),
                en: street.en.as_deref().map(|en| format!("{en} Taxi Stand")),
                others: Vec::new(),
            },
            Some(street) => Names::one(&format!("{} Taxi Stand", street.local)),
            None => Names::one(&format!("Taxi Stand {code}")),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stand(lat: f64, code: Option<&str>) -> Place {
        Place {
            kind: Kind::Stand,
            names: Names::default(),
            point: Point::new(lat, 1.0).unwrap(),
            rank: 60,
            code: code.map(str::to_owned),
            capacity: None,
        }
    }

    #[test]
    fn no_two_stands_share_a_code() {
        let mut places = vec![
            stand(3.0, Some("#2")),
            stand(2.0, Some("2")),
            stand(1.0, None),
            stand(4.0, Some("승강장")),
            stand(5.0, Some("B-7")),
        ];
        number_stands(&mut places);
        let codes: Vec<_> = places.iter().map(|place| place.code.as_deref().unwrap()).collect();
        assert_eq!(codes, ["3", "2", "1", "4", "b-7"]);
    }
}
