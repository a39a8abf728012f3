//! The clock: the only place where time is read.
//!
//! Every process of a system has the same speed and epoch, so that a demo or a scenario can pass an
//! hour in a minute: `civil = sim_start_at + (wall − wall_start_at) × speed`. Timers count on a clock that
//! never steps and goes on while the machine sleeps (`CLOCK_BOOTTIME`; Rust's `Instant` stops).

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use ondol_core::units::{Now, Ticks, UtcMs};
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::watch;

use crate::config::ClockConfig;

/// Tells the time to everything that needs it. [`RealClock`] in a process, [`ManualClock`] in a test.
pub trait Clock: Send + Sync + 'static {
    /// The present, in simulated time.
    fn now(&self) -> Now;

    /// Completes at `at`, or at once if that has passed.
    fn sleep_until(&self, at: Ticks) -> BoxFuture<'_, ()>;

    /// Simulated seconds per second of wall time.
    fn speed(&self) -> f64;
}

/// A clock shared by the parts of a process.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clocks, scaled.
#[derive(Debug, Clone)]
pub struct RealClock {
    speed: f64,
    wall_start_ms: i64,
    sim_start_ms: i64,
}

impl RealClock {
    /// Returns the clock that `config` describes; at speed 1 and without an epoch it is the machine's own.
    #[must_use]
    pub fn new(config: &ClockConfig) -> Self {
        let wall_start_ms = config.wall_start_at.map_or_else(wall_ms, |start| start.0);
        let sim_start_ms = config.sim_start_at.map_or(wall_start_ms, |start| start.0);
        Self { speed: config.speed, wall_start_ms, sim_start_ms }
    }
}

impl Clock for RealClock {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    fn now(&self) -> Now {
        let wall_elapsed_ms = (wall_ms() - self.wall_start_ms) as f64;
        Now {
            utc: UtcMs(self.sim_start_ms + (wall_elapsed_ms * self.speed) as i64),
            ticks: Ticks((boot_s() * 1_000.0 * self.speed) as u64),
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn sleep_until(&self, at: Ticks) -> BoxFuture<'_, ()> {
        let ahead_ms = at.since_ms(self.now().ticks) as f64;
        Box::pin(tokio::time::sleep(Duration::from_secs_f64(ahead_ms / 1_000.0 / self.speed)))
    }

    fn speed(&self) -> f64 {
        self.speed
    }
}

/// The machine's civil clock in milliseconds since 1970; only [`RealClock`] and the choice of a new
/// incarnation may look at it.
pub(crate) fn wall_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|elapsed| i64::try_from(elapsed.as_millis()).ok())
        .unwrap_or(0)
}

/// Seconds since the machine started, time asleep included.
#[allow(clippy::cast_precision_loss)]
fn boot_s() -> f64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A clock that moves only when told, for tests.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<Now>,
}

impl ManualClock {
    /// Returns a clock that stands at `utc`.
    #[must_use]
    pub fn at(utc: UtcMs) -> Arc<Self> {
        Arc::new(Self { now: watch::Sender::new(Now { utc, ticks: Ticks(1_000_000) }) })
    }

    /// Moves both clocks on and wakes whoever waits.
    pub fn advance_ms(&self, ms: u64) {
        self.now.send_modify(|now| {
            now.utc = now.utc.plus_ms(ms);
            now.ticks = now.ticks.plus_ms(ms);
        });
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        *self.now.borrow()
    }

    fn sleep_until(&self, at: Ticks) -> BoxFuture<'_, ()> {
        let mut receiver = self.now.subscribe();
        Box::pin(async move {
            // The sender lives in `self`, which this future borrows, so waiting cannot fail.
            let _reached = receiver.wait_for(|now| now.ticks >= at).await;
        })
    }

    fn speed(&self) -> f64 {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_and_epoch_scale_the_civil_clock() {
        let wall_start_at = UtcMs(wall_ms() - 1_000);
        let config = ClockConfig {
            speed: 60.0,
            wall_start_at: Some(wall_start_at),
            sim_start_at: Some(UtcMs(1_000_000)),
        };
        let elapsed_ms = RealClock::new(&config).now().utc.since_ms(UtcMs(1_000_000));
        assert!((60_000..120_000).contains(&elapsed_ms), "{elapsed_ms}");
    }

    #[test]
    fn two_processes_with_one_epoch_agree() {
        let config = ClockConfig { speed: 50.0, wall_start_at: Some(UtcMs(5)), sim_start_at: Some(UtcMs(9)) };
        let (one, other) = (RealClock::new(&config).now(), RealClock::new(&config).now());
        assert!(other.utc.since_ms(one.utc) < 5_000);
    }

    #[tokio::test]
    async fn a_manual_clock_wakes_when_moved() {
        let clock = ManualClock::at(UtcMs(0));
        let at = clock.now().ticks.plus_ms(500);
        let waiting = tokio::spawn({
            let clock = Arc::clone(&clock);
            async move { clock.sleep_until(at).await }
        });
        clock.advance_ms(499);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        clock.advance_ms(1);
        waiting.await.unwrap();
    }
}
