//! Moments, and the clock that a demo may run faster than the wall.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// A moment on the civil clock, in milliseconds since 1970-01-01T00:00:00Z; RFC 3339 in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcMs(pub i64);

impl UtcMs {
    /// Returns the moment `ms` milliseconds later.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)))
    }

    /// Milliseconds from `earlier` to this moment; zero if `earlier` lies after.
    #[must_use]
    pub fn since_ms(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// Returns the moment as a calendar date and time at UTC, or `None` outside the years ±9999.
    #[must_use]
    pub fn to_datetime(self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000).ok()
    }

    /// Returns the moment `text` (RFC 3339) names, cut to whole milliseconds.
    ///
    /// # Errors
    ///
    /// One sentence if `text` is not a date and time of RFC 3339.
    pub fn parse(text: &str) -> Result<Self, String> {
        let moment = OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| "is not a moment of RFC 3339 such as 2026-01-31T18:30:00Z".to_owned())?;
        i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000))
            .map(Self)
            .map_err(|_| "lies too far away".to_owned())
    }
}

impl Serialize for UtcMs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self
            .to_datetime()
            .and_then(|moment| moment.to_offset(UtcOffset::UTC).format(&Rfc3339).ok())
            .ok_or_else(|| serde::ser::Error::custom("the moment lies outside the years 0 to 9999"))?;
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for UtcMs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

/// The `[clock]` table of the configuration: simulated time runs `speed` times as fast as the wall,
/// from `sim_start_at` at the wall's `wall_start_at`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockConfig {
    /// Simulated seconds per second of the wall; 1 in service.
    #[serde(default = "one")]
    pub speed: f64,
    /// The wall's moment at which the simulated clock starts.
    #[serde(default)]
    pub wall_start_at: Option<UtcMs>,
    /// What the simulated clock shows then.
    #[serde(default)]
    pub sim_start_at: Option<UtcMs>,
}

fn one() -> f64 {
    1.0
}

impl Default for ClockConfig {
    fn default() -> Self {
        Self { speed: 1.0, wall_start_at: None, sim_start_at: None }
    }
}

/// A running clock.
#[derive(Debug, Clone, Copy)]
pub struct SimClock {
    speed: f64,
    wall_start: UtcMs,
    sim_start: UtcMs,
}

impl SimClock {
    /// Starts the clock that `config` describes.
    ///
    /// # Errors
    ///
    /// One sentence that names the key if the speed is not between 0.01 and 1,000, or if only one
    /// of the two starts is given.
    pub fn new(config: ClockConfig) -> Result<Self, String> {
        if !(0.01..=1000.0).contains(&config.speed) {
            return Err(format!("clock.speed is {}: use a number from 0.01 to 1000", config.speed));
        }
        let (wall_start, sim_start) = match (config.wall_start_at, config.sim_start_at) {
            (Some(wall), Some(sim)) => (wall, sim),
            (None, None) => (wall_now(), wall_now()),
            _ => return Err("clock.wall_start_at and clock.sim_start_at belong together".to_owned()),
        };
        Ok(Self { speed: config.speed, wall_start, sim_start })
    }

    /// Returns the simulated present.
    #[must_use]
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "ms fit 53 bits for millennia"
    )]
    pub fn now(&self) -> UtcMs {
        let elapsed_ms = wall_now().0.saturating_sub(self.wall_start.0) as f64 * self.speed;
        UtcMs(self.sim_start.0.saturating_add(elapsed_ms as i64))
    }

    /// Returns how long `sim_ms` of simulated time lasts on the wall, in milliseconds, at least one.
    #[must_use]
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive and small"
    )]
    pub fn wall_ms(&self, sim_ms: u64) -> u64 {
        ((sim_ms as f64 / self.speed) as u64).max(1)
    }
}

fn wall_now() -> UtcMs {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcMs(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_impossible_clocks() {
        assert!(
            SimClock::new(ClockConfig { speed: 0.0, ..Default::default() })
                .unwrap_err()
                .contains("clock.speed")
        );
        assert!(SimClock::new(ClockConfig { speed: f64::NAN, ..Default::default() }).is_err());
        let half = ClockConfig { sim_start_at: Some(UtcMs(0)), ..Default::default() };
        assert!(SimClock::new(half).unwrap_err().contains("belong together"));
        for bad in ["", "tomorrow", "2026-13-01T00:00:00Z", "2026-01-01", "1700000000000"] {
            assert!(UtcMs::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_two_moments_have_one_spelling_in_all_configurations() {
        let keys = |at: &str| {
            format!("wall_start{at} = '2026-01-01T00:00:00Z'\nsim_start{at} = '2026-01-01T00:00:00Z'")
        };
        assert!(toml::from_str::<ClockConfig>(&keys("_at")).is_ok());
        let error = toml::from_str::<ClockConfig>(&keys("")).unwrap_err().to_string();
        assert!(error.contains("wall_start"), "{error}");
    }

    #[test]
    fn a_moment_keeps_its_milliseconds_in_json() {
        let at = UtcMs(1_700_000_000_123);
        let json = serde_json::to_string(&at).unwrap();
        assert_eq!(json, r#""2023-11-14T22:13:20.123Z""#);
        assert_eq!(serde_json::from_str::<UtcMs>(&json).unwrap(), at);
        assert_eq!(UtcMs::parse("2023-11-15T07:13:20.123+09:00").unwrap(), at);
    }

    #[test]
    fn a_fast_clock_shortens_waits() {
        let clock = SimClock::new(ClockConfig {
            speed: 20.0,
            wall_start_at: Some(UtcMs(0)),
            sim_start_at: Some(UtcMs(0)),
        })
        .unwrap();
        assert_eq!(clock.wall_ms(3_000), 150);
        assert_eq!(clock.wall_ms(0), 1);
    }
}
