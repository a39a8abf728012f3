//! Districts and their zones as areas on the map.
//!
//! **Shape**: GeoJSON `FeatureCollection`, one `Polygon` per zone with `properties.district` and `properties.zone`.
//! Zones of all districts are tried in order; the first that holds a position wins, so a shared border is settled.

use std::path::Path;

use geo::{Contains, Coord, Euclidean, InterpolateLine, LineString, Polygon};
use ondol_core::ids::{DistrictId, ZoneId};
use ondol_core::position::Position;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::error::MapError;
use crate::point::Bbox;

/// Most zones of one map.
pub const ZONES_MAX: usize = 1_000;
/// Most places on the border of a district that are looked at.
pub const BORDER_MAX: usize = 64;
/// Most corners of one zone.
const CORNERS_MAX: usize = 10_000;
/// Largest districts file, in bytes.
const FILE_MAX: u64 = 8 << 20;

/// A dispatch area.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// Its name.
    pub id: ZoneId,
    /// Its area, `[lon, lat]` in degrees.
    pub polygon: Polygon<f64>,
}

/// The area of one edge: one or more zones.
#[derive(Debug, Clone, PartialEq)]
pub struct District {
    /// Its name.
    pub id: DistrictId,
    /// Its zones.
    pub zones: Vec<Zone>,
}

/// All districts of a map.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Districts {
    districts: Vec<District>,
}

impl Districts {
    /// Districts in their order; not empty, ids unique, unless made by `default()`.
    #[must_use]
    pub fn all(&self) -> &[District] {
        &self.districts
    }

    /// Places on the border of a district, in order and at most [`BORDER_MAX`]; none if the map does not have it.
    #[must_use]
    pub fn border(&self, district: &DistrictId) -> Vec<Position> {
        let zones =
            self.districts.iter().filter(|known| known.id == *district).flat_map(|known| &known.zones);
        let zones: Vec<&Zone> = zones.collect();
        let each = (BORDER_MAX / zones.len().max(1)).max(1);
        let places = zones.into_iter().flat_map(|zone| {
            (0..each).filter_map(move |at| {
                #[allow(clippy::cast_precision_loss, reason = "at most 64 places")]
                let share = at as f64 / each as f64;
                let place = Euclidean.point_at_ratio_from_start(zone.polygon.exterior(), share)?;
                Position::new(place.y(), place.x()).ok()
            })
        });
        places.take(BORDER_MAX).collect()
    }

    /// The district and zone that hold `position`.
    #[must_use]
    pub fn locate(&self, position: Position) -> Option<(DistrictId, ZoneId)> {
        let coord = Coord { x: position.lon(), y: position.lat() };
        let zones = self
            .districts
            .iter()
            .flat_map(|district| district.zones.iter().map(move |zone| (district, zone)));
        zones
            .into_iter()
            .find(|(_, zone)| zone.polygon.contains(&coord) || zone.polygon.exterior().contains(&coord))
            .map(|(district, zone)| (district.id.clone(), zone.id.clone()))
    }

    /// The district and zone that hold `position`, or else the nearest by straight line.
    ///
    /// A taxi that leaves the map a little still belongs somewhere.
    #[must_use]
    pub fn locate_or_nearest(&self, position: Position) -> Option<(DistrictId, ZoneId)> {
        use geo::{Distance, Point};
        let point = Point::new(position.lon(), position.lat());
        self.locate(position).or_else(|| {
            let zones = self
                .districts
                .iter()
                .flat_map(|district| district.zones.iter().map(move |zone| (district, zone)));
            zones
                .map(|(district, zone)| (Euclidean.distance(&point, &zone.polygon), district, zone))
                .min_by(|a, b| a.0.total_cmp(&b.0))
                .map(|(_, district, zone)| (district.id.clone(), zone.id.clone()))
        })
    }

    /// Splits the box of a map into `count` districts `d1`, `d2`, … of two zones each, across its longer side.
    ///
    /// Each gets about as many of the `junctions` as the next: half of a harbour town's box may be water.
    /// `seed` moves the borders a little; the same seed gives the same borders.
    #[must_use]
    pub fn split(bbox: Bbox, junctions: &[Position], count: usize, seed: u64) -> Self {
        let count = count.clamp(1, 99);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let whole = grown(bbox);
        let side = if (whole.max_lon - whole.min_lon) * bbox.centre().0.to_radians().cos()
            >= whole.max_lat - whole.min_lat
        {
            Side::Lon
        } else {
            Side::Lat
        };
        let along: Vec<f64> = junctions.iter().map(|junction| side.of(*junction)).collect();
        let cuts: Vec<f64> = (1..count)
            .map(|at| {
                #[allow(clippy::cast_precision_loss, reason = "at most 99 districts")]
                let share = (at as f64 + rng.random_range(-0.04..=0.04)) / count as f64;
                share
            })
            .collect();
        let districts = side.cut(whole, &along, &cuts).into_iter().enumerate().map(|(at, part)| {
            let name = format!("d{}", at + 1);
            let across: Vec<f64> = junctions
                .iter()
                .filter(|junction| part.contains(**junction))
                .map(|junction| side.other().of(*junction))
                .collect();
            let zones =
                side.other().cut(part, &across, &[0.5]).into_iter().enumerate().map(|(half, part)| Zone {
                    id: ZoneId::new(&format!("{name}-{}", half + 1))
                        .expect("d, digits and a hyphen make a name"),
                    polygon: rectangle(part),
                });
            District { id: DistrictId::new(&name).expect("d and digits make a name"), zones: zones.collect() }
        });
        Self { districts: districts.collect() }
    }

    /// Makes districts of zones given in order.
    pub(crate) fn of_zones(zones: Vec<(DistrictId, ZoneId, Polygon<f64>)>) -> Result<Self, String> {
        if zones.is_empty() || zones.len() > ZONES_MAX {
            return Err(format!("{} zones; 1 to {ZONES_MAX} are possible", zones.len()));
        }
        let mut districts: Vec<District> = Vec::new();
        for (district, id, polygon) in zones {
            if districts.iter().flat_map(|d| &d.zones).any(|zone| zone.id == id) {
                return Err(format!("zone {id} is there twice"));
            }
            let corners = polygon.exterior().0.len();
            if !(4..=CORNERS_MAX).contains(&corners) {
                return Err(format!("zone {id} has {corners} corners; 4 to {CORNERS_MAX} are possible"));
            }
            let zone = Zone { id, polygon };
            match districts.iter_mut().find(|known| known.id == district) {
                Some(known) => known.zones.push(zone),
                None => districts.push(District { id: district, zones: vec![zone] }),
            }
        }
        Ok(Self { districts })
    }

    /// Reads districts from a GeoJSON file.
    ///
    /// # Errors
    ///
    /// [`MapError::Unreadable`], [`MapError::TooLarge`] or [`MapError::BadDistricts`].
    pub fn read(file: &Path) -> Result<Self, MapError> {
        let length = std::fs::metadata(file).map_err(|e| MapError::unreadable(file, e))?.len();
        if length > FILE_MAX {
            return Err(MapError::too_large(file, "bytes of districts", FILE_MAX));
        }
        let bytes = std::fs::read(file).map_err(|e| MapError::unreadable(file, e))?;
        Self::from_geojson(&bytes).map_err(|detail| MapError::BadDistricts { file: file.to_owned(), detail })
    }

    /// Reads districts from GeoJSON.
    ///
    /// # Errors
    ///
    /// One sentence about the first rule that is broken.
    pub fn from_geojson(bytes: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(bytes).map_err(|e| format!("JSON: {e}"))?;
        let features = value["features"].as_array().ok_or("it is no FeatureCollection")?;
        let zones = features.iter().take(ZONES_MAX + 1).enumerate().map(|(at, feature)| {
            let name = |key: &str| {
                feature["properties"][key].as_str().ok_or(format!("feature {at} has no property {key:?}"))
            };
            let district = DistrictId::new(name("district")?).map_err(|e| format!("feature {at}: {e}"))?;
            let zone = ZoneId::new(name("zone")?).map_err(|e| format!("feature {at}: {e}"))?;
            let polygon = polygon(&feature["geometry"])
                .ok_or(format!("feature {at} is no Polygon of positions on the earth"))?;
            Ok::<_, String>((district, zone, polygon))
        });
        Self::of_zones(zones.collect::<Result<_, _>>()?)
    }

    /// The districts as GeoJSON.
    #[must_use]
    pub fn to_geojson(&self) -> Vec<u8> {
        let ring = |line: &LineString<f64>| {
            let corner = |c: &Coord<f64>| json!([(c.x * 1e6).round() / 1e6, (c.y * 1e6).round() / 1e6]);
            Value::from(line.0.iter().map(corner).collect::<Vec<_>>())
        };
        let features = self.districts.iter().flat_map(|district| {
            district.zones.iter().map(move |zone| {
                let rings: Vec<Value> = std::iter::once(zone.polygon.exterior())
                    .chain(zone.polygon.interiors())
                    .map(ring)
                    .collect();
                json!({
                    "type": "Feature",
                    "properties": { "district": district.id.as_str(), "zone": zone.id.as_str() },
                    "geometry": { "type": "Polygon", "coordinates": rings },
                })
            })
        });
        json!({ "type": "FeatureCollection", "features": features.collect::<Vec<_>>() })
            .to_string()
            .into_bytes()
    }
}

/// A side of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Lat,
    Lon,
}

impl Side {
    fn of(self, position: Position) -> f64 {
        match self {
            Self::Lat => position.lat(),
            Self::Lon => position.lon(),
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Lat => Self::Lon,
            Self::Lon => Self::Lat,
        }
    }

    /// Cuts a box where these shares of `values` lie below, or evenly if the values lie too close together.
    fn cut(self, boxed: Bbox, values: &[f64], shares: &[f64]) -> Vec<Bbox> {
        const THINNEST_DEG: f64 = 0.000_5;
        let (low, high) = match self {
            Self::Lat => (boxed.min_lat, boxed.max_lat),
            Self::Lon => (boxed.min_lon, boxed.max_lon),
        };
        let borders =
            |inner: Vec<f64>| -> Vec<f64> { std::iter::once(low).chain(inner).chain([high]).collect() };
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let mut found = borders(shares.iter().filter_map(|share| quantile(&sorted, *share)).collect());
        if found.len() != shares.len() + 2 || found.windows(2).any(|span| span[1] - span[0] < THINNEST_DEG) {
            found = borders(shares.iter().map(|share| low + share * (high - low)).collect());
        }
        let part = |span: &[f64]| match self {
            Self::Lat => Bbox { min_lat: span[0], max_lat: span[1], ..boxed },
            Self::Lon => Bbox { min_lon: span[0], max_lon: span[1], ..boxed },
        };
        found.windows(2).map(part).collect()
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a length is an index"
)]
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    sorted.get((share * sorted.len() as f64) as usize).copied()
}

/// The box with a margin, so that its outermost streets lie inside.
fn grown(bbox: Bbox) -> Bbox {
    const MARGIN_DEG: f64 = 0.01;
    Bbox {
        min_lat: (bbox.min_lat - MARGIN_DEG).max(-90.0),
        min_lon: (bbox.min_lon - MARGIN_DEG).max(-180.0),
        max_lat: (bbox.max_lat + MARGIN_DEG).min(90.0),
        max_lon: (bbox.max_lon + MARGIN_DEG).min(180.0),
    }
}

fn rectangle(b: Bbox) -> Polygon<f64> {
    let corners =
        [(b.min_lon, b.min_lat), (b.max_lon, b.min_lat), (b.max_lon, b.max_lat), (b.min_lon, b.max_lat)];
    Polygon::new(LineString::from(corners.to_vec()), Vec::new())
}

fn polygon(geometry: &Value) -> Option<Polygon<f64>> {
    if geometry["type"] != "Polygon" {
        return None;
    }
    let mut rings = geometry["coordinates"].as_array()?.iter().take(100).map(ring);
    let outer = rings.next()??;
    Some(Polygon::new(outer, rings.collect::<Option<_>>()?))
}

fn ring(value: &Value) -> Option<LineString<f64>> {
    let corners = value.as_array()?.iter().take(CORNERS_MAX + 1).map(|corner| {
        let position = Position::new(corner[1].as_f64()?, corner[0].as_f64()?).ok()?;
        Some(Coord { x: position.lon(), y: position.lat() })
    });
    corners.collect::<Option<Vec<_>>>().map(LineString::new)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn at(lat: f64, lon: f64) -> Position {
        Position::new(lat, lon).unwrap()
    }

    const BOX: Bbox = Bbox { min_lat: 37.0, min_lon: 127.0, max_lat: 37.1, max_lon: 127.2 };

    #[test]
    fn refuses_what_is_no_set_of_districts() {
        for (json, why) in [
            ("", "JSON"),
            ("[]", "FeatureCollection"),
            (r#"{"features":[]}"#, "0 zones"),
            (r#"{"features":[{"properties":{"zone":"a"}}]}"#, "no property \"district\""),
            (r#"{"features":[{"properties":{"district":"A B","zone":"a"}}]}"#, "is not a name"),
            (
                r#"{"features":[{"properties":{"district":"a","zone":"a"},"geometry":{"type":"Point","coordinates":[1,2]}}]}"#,
                "no Polygon",
            ),
            (
                r#"{"features":[{"properties":{"district":"a","zone":"a"},"geometry":{"type":"Polygon","coordinates":[[[1,99],[2,1],[3,3],[1,99]]]}}]}"#,
                "no Polygon",
            ),
            (
                r#"{"features":[{"properties":{"district":"a","zone":"a"},"geometry":{"type":"Polygon","coordinates":[[[1,1],[2,1]]]}}]}"#,
                "corners",
            ),
        ] {
            let error = Districts::from_geojson(json.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{json}: {error}");
        }
        let twice = Districts::split(BOX, &[], 1, 1).to_geojson();
        let twice = String::from_utf8(twice).unwrap().replace("d1-2", "d1-1");
        assert!(Districts::from_geojson(twice.as_bytes()).unwrap_err().contains("twice"));
    }

    #[test]
    fn a_split_covers_its_box_and_survives_the_file() {
        let districts = Districts::split(BOX, &[], 2, 7);
        assert_eq!(districts, Districts::split(BOX, &[], 2, 7));
        assert_eq!(districts.all().iter().map(|d| d.id.as_str()).collect::<Vec<_>>(), ["d1", "d2"]);
        for row in 0..=20 {
            for column in 0..=20 {
                let position = at(37.0 + f64::from(row) * 0.005, 127.0 + f64::from(column) * 0.01);
                assert!(districts.locate(position).is_some(), "{position:?}");
            }
        }
        assert_eq!(districts.locate(at(37.05, 127.01)).unwrap().0.as_str(), "d1");
        assert_eq!(districts.locate(at(37.05, 127.19)).unwrap().0.as_str(), "d2");
        let again = Districts::from_geojson(&districts.to_geojson()).unwrap();
        assert_eq!(again.locate(at(37.05, 127.01)), districts.locate(at(37.05, 127.01)));
    }

    #[test]
    fn districts_share_the_streets_not_the_water() {
        // Nine of ten junctions lie in the western fifth of the box.
        let junctions: Vec<Position> = (0..1_000)
            .map(|n| {
                at(
                    37.0 + f64::from(n % 37) * 0.002,
                    127.0 + f64::from(n % 100) * if n % 10 == 0 { 0.002 } else { 0.000_4 },
                )
            })
            .collect();
        for count in [2, 3, 5] {
            let districts = Districts::split(BOX, &junctions, count, 7);
            let mut held = BTreeMap::new();
            for junction in &junctions {
                *held.entry(districts.locate(*junction).unwrap()).or_insert(0_usize) += 1;
            }
            assert_eq!(held.len(), 2 * count, "{held:?}");
            let fair = junctions.len() / (2 * count);
            assert!(held.values().all(|held| (fair / 2..fair * 2).contains(held)), "{held:?}");
        }
        let on_one_spot = Districts::split(BOX, &vec![at(37.05, 127.1); 50], 3, 7);
        assert_eq!(on_one_spot.all().len(), 3);
        assert!(on_one_spot.locate(at(37.05, 127.1)).is_some());
    }

    #[test]
    fn a_border_goes_around_its_district() {
        use geo::Distance as _;
        let districts = Districts::split(BOX, &[], 2, 7);
        let border = districts.border(&"d1".parse().unwrap());
        assert!((BORDER_MAX / 2..=BORDER_MAX).contains(&border.len()), "{}", border.len());
        // Positions are rounded to a millionth of a degree, so to one side of the line or the other.
        let is_at = |place: &Position, zone: &Zone| {
            Euclidean.distance(&geo::Point::new(place.lon(), place.lat()), &zone.polygon) < 1e-6
        };
        let zones = &districts.all()[0].zones;
        assert!(border.iter().all(|place| zones.iter().any(|zone| is_at(place, zone))));
        let lons = || border.iter().map(|place| place.lon());
        let (west, east) = (lons().fold(f64::MAX, f64::min), lons().fold(f64::MIN, f64::max));
        assert!(west < 127.01 && (127.08..127.12).contains(&east), "from {west} to {east}");
        assert_eq!(districts.border(&"d9".parse().unwrap()), Vec::new());
    }

    #[test]
    fn outside_belongs_to_nobody_unless_the_nearest_is_asked_for() {
        let districts = Districts::split(BOX, &[], 2, 7);
        assert_eq!(districts.locate(at(36.0, 127.19)), None);
        assert_eq!(districts.locate_or_nearest(at(36.0, 127.19)).unwrap().0.as_str(), "d2");
    }
}
