//! Points in whole microdegrees, and the flat metres around a map's centre.

use ondol_core::position::Position;
use serde::{Deserialize, Serialize};

/// Metres per degree of latitude on the sphere that [`Position::distance_m`] uses.
const M_PER_DEGREE: f64 = 6_371_008.8 * std::f64::consts::PI / 180.0;

/// A WGS84 point in whole microdegrees (about 0.1 m); the stored form of [`Position`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Point {
    /// Latitude in microdegrees.
    pub lat_e6: i32,
    /// Longitude in microdegrees.
    pub lon_e6: i32,
}

impl Point {
    /// Returns the point at `lat`, `lon` degrees, or nothing if that is not on the earth.
    pub(crate) fn new(lat: f64, lon: f64) -> Option<Self> {
        Position::new(lat, lon).ok().map(Self::from)
    }

    /// Latitude in degrees.
    pub(crate) fn lat(self) -> f64 {
        f64::from(self.lat_e6) / 1e6
    }

    /// Longitude in degrees.
    pub(crate) fn lon(self) -> f64 {
        f64::from(self.lon_e6) / 1e6
    }

    /// Whether the numbers lie on the earth (a stored file may say anything).
    pub(crate) fn is_on_earth(self) -> bool {
        self.lat_e6.unsigned_abs() <= 90_000_000 && self.lon_e6.unsigned_abs() <= 180_000_000
    }

    /// The same place as the core knows it.
    ///
    /// # Panics
    ///
    /// Never for points made by [`Point::new`] or checked by [`Point::is_on_earth`].
    pub(crate) fn position(self) -> Position {
        Position::new(self.lat(), self.lon()).expect("stored points were checked to lie on the earth")
    }

    /// Straight-line distance in metres.
    pub(crate) fn distance_m(self, other: Self) -> f64 {
        self.position().distance_m(other.position())
    }
}

impl From<Position> for Point {
    #[allow(clippy::cast_possible_truncation, reason = "a position is within 180 degrees")]
    fn from(position: Position) -> Self {
        Self { lat_e6: (position.lat() * 1e6).round() as i32, lon_e6: (position.lon() * 1e6).round() as i32 }
    }
}

/// The smallest box that holds some points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bbox {
    /// Southern edge, degrees.
    pub min_lat: f64,
    /// Western edge, degrees.
    pub min_lon: f64,
    /// Northern edge, degrees.
    pub max_lat: f64,
    /// Eastern edge, degrees.
    pub max_lon: f64,
}

impl Bbox {
    /// The box around `points`; `None` when there are none.
    pub(crate) fn around(points: impl IntoIterator<Item = Point>) -> Option<Self> {
        points.into_iter().fold(None, |bbox: Option<Self>, point| {
            let (lat, lon) = (point.lat(), point.lon());
            Some(match bbox {
                None => Self { min_lat: lat, min_lon: lon, max_lat: lat, max_lon: lon },
                Some(b) => Self {
                    min_lat: b.min_lat.min(lat),
                    min_lon: b.min_lon.min(lon),
                    max_lat: b.max_lat.max(lat),
                    max_lon: b.max_lon.max(lon),
                },
            })
        })
    }

    /// The middle of the box.
    #[must_use]
    pub fn centre(&self) -> (f64, f64) {
        (f64::midpoint(self.min_lat, self.max_lat), f64::midpoint(self.min_lon, self.max_lon))
    }

    /// Whether `position` lies in the box or on its edge.
    #[must_use]
    pub fn contains(&self, position: Position) -> bool {
        (self.min_lat..=self.max_lat).contains(&position.lat())
            && (self.min_lon..=self.max_lon).contains(&position.lon())
    }
}

/// Flat metres east and north of a centre: fit for nearest-neighbour search in a city or a small country.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plane {
    lat: f64,
    lon: f64,
    east_m_per_degree: f64,
}

impl Plane {
    pub(crate) fn around(lat: f64, lon: f64) -> Self {
        Self { lat, lon, east_m_per_degree: M_PER_DEGREE * lat.to_radians().cos() }
    }

    /// `[east, north]` in metres.
    pub(crate) fn flat(&self, point: Point) -> [f64; 2] {
        [(point.lon() - self.lon) * self.east_m_per_degree, (point.lat() - self.lat) * M_PER_DEGREE]
    }

    /// The point at `[east, north]` metres, or nothing if that leaves the earth.
    pub(crate) fn point(&self, [east_m, north_m]: [f64; 2]) -> Option<Point> {
        Point::new(self.lat + north_m / M_PER_DEGREE, self.lon + east_m / self.east_m_per_degree)
    }
}

/// Length of a line in metres.
pub(crate) fn length_m(points: &[Point]) -> f64 {
    points.windows(2).map(|pair| pair[0].distance_m(pair[1])).sum()
}
