//! A place on the earth.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Mean radius of the earth.
pub(crate) const EARTH_M: f64 = 6_371_008.8;

/// A WGS84 position, kept in whole microdegrees (about 0.1 m) so that it compares, hashes and
/// travels without rounding.
///
/// JSON: `{"lat": 37.4979, "lon": 127.0276}` in degrees.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Degrees", into = "Degrees")]
pub struct Position {
    lat_e6: i32,
    lon_e6: i32,
}

/// A latitude or longitude that is not on the earth.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum InvalidPosition {
    /// Latitude beyond the poles or not a number.
    #[error("latitude {0} is not between -90 and 90 degrees")]
    Latitude(f64),
    /// Longitude beyond the date line or not a number.
    #[error("longitude {0} is not between -180 and 180 degrees")]
    Longitude(f64),
}

impl Position {
    /// Returns the position at `lat`, `lon` degrees.
    ///
    /// # Errors
    ///
    /// [`InvalidPosition`] if a value is off the earth or not a number.
    #[allow(clippy::cast_possible_truncation, reason = "the range was checked: 180e6 fits an i32")]
    pub fn new(lat: f64, lon: f64) -> Result<Self, InvalidPosition> {
        if !(-90.0..=90.0).contains(&lat) {
            return Err(InvalidPosition::Latitude(lat));
        }
        if !(-180.0..=180.0).contains(&lon) {
            return Err(InvalidPosition::Longitude(lon));
        }
        Ok(Self { lat_e6: (lat * 1e6).round() as i32, lon_e6: (lon * 1e6).round() as i32 })
    }

    /// Latitude in degrees.
    #[must_use]
    pub fn lat(self) -> f64 {
        f64::from(self.lat_e6) / 1e6
    }

    /// Longitude in degrees.
    #[must_use]
    pub fn lon(self) -> f64 {
        f64::from(self.lon_e6) / 1e6
    }

    /// Latitude and longitude in whole microdegrees.
    pub(crate) fn microdegrees(self) -> (i32, i32) {
        (self.lat_e6, self.lon_e6)
    }

    /// Straight-line distance in metres on a sphere of 6,371,008.8 m (haversine); within 0.6 % of the ellipsoid.
    #[must_use]
    pub fn distance_m(self, other: Self) -> f64 {
        let (lat_a, lat_b) = (self.lat().to_radians(), other.lat().to_radians());
        let half_lat = ((lat_b - lat_a) / 2.0).sin();
        let half_lon = ((other.lon() - self.lon()).to_radians() / 2.0).sin();
        let h = half_lat * half_lat + lat_a.cos() * lat_b.cos() * half_lon * half_lon;
        2.0 * EARTH_M * h.min(1.0).sqrt().asin()
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6},{:.6}", self.lat(), self.lon())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Degrees {
    lat: f64,
    lon: f64,
}

impl TryFrom<Degrees> for Position {
    type Error = InvalidPosition;
    fn try_from(degrees: Degrees) -> Result<Self, InvalidPosition> {
        Self::new(degrees.lat, degrees.lon)
    }
}

impl From<Position> for Degrees {
    fn from(position: Position) -> Self {
        Self { lat: position.lat(), lon: position.lon() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_not_on_the_earth() {
        for (lat, lon) in [(90.1, 0.0), (-91.0, 0.0), (f64::NAN, 0.0), (0.0, 180.5), (0.0, f64::INFINITY)] {
            assert!(Position::new(lat, lon).is_err(), "{lat},{lon}");
        }
        assert!(serde_json::from_str::<Position>(r#"{"lat":1,"lon":2,"alt":3}"#).is_err());
    }

    #[test]
    fn json_round_trip_is_exact() {
        let position = Position::new(37.497_912, 127.027_619).unwrap();
        let json = serde_json::to_string(&position).unwrap();
        assert_eq!(json, r#"{"lat":37.497912,"lon":127.027619}"#);
        assert_eq!(serde_json::from_str::<Position>(&json).unwrap(), position);
    }

    #[test]
    fn seoul_to_busan_is_about_325_km() {
        let seoul = Position::new(37.5665, 126.978).unwrap();
        let busan = Position::new(35.1796, 129.0756).unwrap();
        assert!((seoul.distance_m(busan) - 325_000.0).abs() < 1_500.0);
    }
}
