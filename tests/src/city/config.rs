//! The file that says which city to play, and against what.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

/// `load.toml`. Paths are relative to the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CityConfig {
    /// Makes people and demand; the same seed is the same city.
    pub seed: u64,
    /// How long the city is awake, in simulated seconds.
    pub duration_s: u64,
    /// The roster file that the nodes were given: drivers and an operator, with their secrets.
    pub roster: PathBuf,
    /// The map directory.
    pub map: PathBuf,
    /// Where clients write down what they were told.
    pub record: PathBuf,
    /// Spool folders of the text process, as gammu-smsd has them.
    pub spool: PathBuf,
    /// Folder through which a person at a terminal takes part.
    #[serde(default)]
    pub visitor: Option<PathBuf>,
    /// Central's address.
    pub central: String,
    /// The edges' addresses, in the order of the map's districts.
    pub edges: Vec<String>,
    /// How many rides people want.
    #[serde(default)]
    pub demand: DemandConfig,
    /// A recorded fleet instead of a made-up one.
    #[serde(default)]
    pub replay: Option<ReplayConfig>,
    /// Bookings without a pause, and nobody who drives: for runs in which processes are killed.
    #[serde(default)]
    pub crash: Option<CrashConfig>,
    /// Simulated time.
    pub clock: ClockConfig,
}

/// Bookings without a pause.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CrashConfig {
    /// How many in a second of the wall.
    pub bookings_per_s: f64,
    /// How many in all.
    pub bookings: u32,
}

impl Default for CrashConfig {
    fn default() -> Self {
        Self { bookings_per_s: 8.0, bookings: 1_400 }
    }
}

/// How many rides people want.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DemandConfig {
    /// Wishes over the whole run, on average.
    pub wishes: u32,
    /// How long a rider waits for a taxi to be found, in simulated seconds.
    pub patience_s: u64,
    /// Drivers who come to work, at most.
    pub shifts_max: usize,
}

impl Default for DemandConfig {
    fn default() -> Self {
        Self { wishes: 300, patience_s: 900, shifts_max: 340 }
    }
}

/// A recorded fleet.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayConfig {
    /// Fixes, CSV: `unix,cab,lat,lon,occupied`.
    pub fixes: PathBuf,
    /// Trips for the fleet's silence, CSV: `pickup_unix,cab,pickup_lat,pickup_lon,dropoff_unix,dropoff_lat,dropoff_lon`.
    #[serde(default)]
    pub demand: Option<PathBuf>,
}

/// Simulated time: `sim_start_at + (wall − wall_start_at) × speed`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockConfig {
    /// Simulated seconds in a second.
    pub speed: f64,
    /// A moment of the wall, RFC 3339.
    pub wall_start_at: String,
    /// The simulated moment that it is, RFC 3339.
    pub sim_start_at: String,
}

impl CityConfig {
    /// Reads and checks the file.
    ///
    /// # Errors
    ///
    /// One sentence that names the key that is wrong.
    pub fn load(file: &Path) -> Result<Self> {
        let name = || format!("configuration {}", file.display());
        let text = std::fs::read_to_string(file).with_context(name)?;
        let mut config: Self = toml::from_str(&text).with_context(name)?;
        config.check().with_context(name)?;
        let base = file.parent().unwrap_or(Path::new("."));
        let own = [&mut config.roster, &mut config.map, &mut config.record, &mut config.spool]
            .into_iter()
            .chain(&mut config.visitor);
        let replayed = config.replay.iter_mut().flat_map(|replay| {
            let ReplayConfig { fixes, demand } = replay;
            std::iter::once(fixes).chain(demand)
        });
        for path in own.into_iter().chain(replayed) {
            *path = base.join(&*path);
        }
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        ensure!((60..=86_400).contains(&self.duration_s), "duration_s must be 60 to 86400");
        ensure!((1..=32).contains(&self.edges.len()), "edges must list 1 to 32 addresses");
        ensure!((1.0..=60.0).contains(&self.clock.speed), "clock.speed must be 1 to 60");
        ensure!((1..=20_000).contains(&self.demand.wishes), "demand.wishes must be 1 to 20000");
        ensure!((60..=7_200).contains(&self.demand.patience_s), "demand.patience_s must be 60 to 7200");
        ensure!((1..=2_000).contains(&self.demand.shifts_max), "demand.shifts_max must be 1 to 2000");
        if let Some(crash) = &self.crash {
            let fine = (0.1..=200.0).contains(&crash.bookings_per_s);
            ensure!(fine, "crash.bookings_per_s must be 0.1 to 200");
            ensure!((1..=100_000).contains(&crash.bookings), "crash.bookings must be 1 to 100000");
        }
        for url in self.edges.iter().chain([&self.central]) {
            let fine = url.starts_with("http://") && !url.ends_with('/');
            ensure!(fine, "{url:?}: an address is http://HOST:PORT, without a slash at its end");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"
seed = 1
duration_s = 2700
roster = "roster.json"
map = "map"
record = "load"
spool = "sms/spool"
central = "http://127.0.0.1:7400"
edges = ["http://127.0.0.1:7401", "http://127.0.0.1:7402"]

[clock]
speed = 20.0
wall_start_at = "2026-01-01T00:00:00Z"
sim_start_at = "2022-10-15T15:19:00+09:00"
"#;

    fn read(text: &str) -> Result<CityConfig> {
        let config: CityConfig = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (from, to, hint) in [
            ("duration_s = 2700", "duration_s = 1", "duration_s"),
            ("speed = 20.0", "speed = 0.0", "clock.speed"),
            ("http://127.0.0.1:7400", "127.0.0.1:7400", "without a slash"),
            ("[clock]", "[crash]\nbookings = 0\n[clock]", "crash.bookings"),
            ("seed = 1", "seed = 1\ncolour = 2", "colour"),
        ] {
            let error = format!("{:#}", read(&SAMPLE.replace(from, to)).unwrap_err());
            assert!(error.contains(hint), "{to}: {error}");
        }
    }

    #[test]
    fn the_demos_file_is_right() {
        assert_eq!(read(SAMPLE).unwrap().demand.wishes, 300);
    }
}
