//! Simulated time on the wall's clock: the only place of the city where a clock is read.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use ondol_core::units::{Now, Ticks, UtcMs};
use ondol_device::wire::moment;

use super::config::ClockConfig;

/// Simulated time. Ticks count from the clock's making.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    speed: f64,
    started: Instant,
    /// The simulated moment at `started`.
    utc_at_start: UtcMs,
    /// The simulated moment at which the city's own time is zero.
    epoch: UtcMs,
}

impl Clock {
    /// Starts the clock that all processes of the system share.
    ///
    /// # Errors
    ///
    /// If a moment is not RFC 3339, or the machine's clock is before 1970.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    pub fn start(config: &ClockConfig) -> Result<Self> {
        let read = |key: &str, text: &str| {
            moment::parse(text).with_context(|| format!("clock.{key}: {text:?} is no RFC 3339 moment"))
        };
        let (wall_start, sim_start) =
            (read("wall_start_at", &config.wall_start_at)?, read("sim_start_at", &config.sim_start_at)?);
        let elapsed_ms = since_1970()?.as_secs_f64() * 1_000.0 - wall_start.0 as f64;
        Ok(Self {
            speed: config.speed,
            started: Instant::now(),
            utc_at_start: UtcMs(sim_start.0 + (elapsed_ms * config.speed) as i64),
            epoch: sim_start,
        })
    }

    /// Starts a clock that goes as the machine's does.
    ///
    /// # Errors
    ///
    /// If the machine's clock is before 1970.
    pub fn of_the_wall() -> Result<Self> {
        let since_1970 = since_1970()?.as_millis();
        let utc = UtcMs(i64::try_from(since_1970).context("the machine's clock is wrong")?);
        Ok(Self { speed: 1.0, started: Instant::now(), utc_at_start: utc, epoch: utc })
    }

    /// The present.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn now(&self) -> Now {
        let ms = (self.started.elapsed().as_secs_f64() * 1_000.0 * self.speed) as u64;
        Now { utc: self.utc_at_start.plus_ms(ms), ticks: Ticks(ms) }
    }

    /// How long `simulated_ms` last on the wall.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn wall(&self, simulated_ms: u64) -> Duration {
        Duration::from_secs_f64(simulated_ms as f64 / 1_000.0 / self.speed)
    }

    /// Completes at `at`, or at once if that has passed.
    pub async fn until(&self, at: Ticks) {
        tokio::time::sleep_until((self.started + self.wall(at.0)).into()).await;
    }

    /// Completes after `ms` simulated milliseconds.
    pub async fn pass(&self, ms: u64) {
        tokio::time::sleep(self.wall(ms)).await;
    }

    /// The moment at which the city's own time is zero.
    #[must_use]
    pub fn epoch(&self) -> UtcMs {
        self.epoch
    }

    /// A wait for an answer: `simulated_ms`, but never less than a loaded machine needs.
    #[must_use]
    pub fn patience(&self, simulated_ms: u64) -> Duration {
        self.wall(simulated_ms).max(Duration::from_millis(1_500))
    }
}

fn since_1970() -> Result<Duration> {
    SystemTime::now().duration_since(UNIX_EPOCH).context("the machine's clock is wrong")
}
