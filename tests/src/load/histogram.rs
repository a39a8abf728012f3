//! How long things took: counts in buckets a thirty-second part wide, so that hours of a city fit into ten kilobytes.
//!
//! ```text
//! µs:  0 1 2 … 63 │ 64 66 68 … 126 │ 128 132 … 252 │ …   32 buckets for each doubling
//! ```

use std::time::Duration;

/// Buckets for each doubling.
const STEPS: u64 = 32;
/// Buckets of one microsecond, below the first doubling.
const EXACT: u64 = 2 * STEPS;
/// Doublings above; the last bucket takes in everything that is longer: twelve days.
const DOUBLINGS: u64 = 34;

/// Times that were counted.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    number: u64,
    max: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        let buckets = usize::try_from(EXACT + DOUBLINGS * STEPS).expect("a small number");
        Self { counts: vec![0; buckets], number: 0, max: Duration::ZERO }
    }
}

impl Histogram {
    /// Counts one.
    pub fn add(&mut self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = bucket_of(us).min(self.counts.len() - 1);
        self.counts[bucket] += 1;
        self.number += 1;
        self.max = self.max.max(time);
    }

    /// How many were counted.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The longest.
    #[must_use]
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The time that `per_cent` of 100 did not exceed, at most a thirty-second part too long; zero if none was counted.
    #[must_use]
    pub fn quantile(&self, per_cent: u64) -> Duration {
        let wanted = (self.number * per_cent).div_ceil(100).max(1);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return end_of(bucket).min(self.max);
            }
        }
        Duration::ZERO
    }
}

fn bucket_of(us: u64) -> usize {
    let bucket = if us < EXACT {
        us
    } else {
        let doublings = u64::from(us.ilog2() - EXACT.ilog2());
        let step = (us >> (doublings + 1)) - STEPS;
        EXACT + doublings * STEPS + step
    };
    usize::try_from(bucket).expect("fewer than 2,048 buckets")
}

/// The longest time of a bucket.
fn end_of(bucket: usize) -> Duration {
    let bucket = bucket as u64;
    let Some(above) = bucket.checked_sub(EXACT) else { return Duration::from_micros(bucket) };
    let (doublings, step) = (above / STEPS, above % STEPS);
    Duration::from_micros(((STEPS + step + 1) << (doublings + 1)) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_lies_in_the_bucket_that_ends_at_or_just_after_it() {
        for us in (0..5_000).chain([65_535, 65_536, 1_000_000, 3_600_000_000]) {
            let end = u64::try_from(end_of(bucket_of(us)).as_micros()).unwrap();
            assert!(end >= us && end <= us + us / 32, "{us} µs ends at {end}");
            assert!(us == 0 || bucket_of(us - 1) <= bucket_of(us), "{us}");
        }
    }

    #[test]
    fn quantiles_are_of_all_that_was_counted() {
        let mut waits = Histogram::default();
        assert_eq!((waits.quantile(99), waits.number()), (Duration::ZERO, 0));
        for ms in 1..=100 {
            waits.add(Duration::from_millis(ms));
        }
        let near = |per_cent, ms: u64| {
            let seen = waits.quantile(per_cent).as_micros();
            let ms = u128::from(ms) * 1_000;
            assert!((ms..=ms + ms / 32).contains(&seen), "{per_cent} %: {seen} µs");
        };
        near(50, 50);
        near(95, 95);
        near(99, 99);
        assert_eq!(waits.quantile(100), Duration::from_millis(100));
        waits.add(Duration::from_secs(u64::MAX / 2));
        assert_eq!((waits.max(), waits.number()), (Duration::from_secs(u64::MAX / 2), 101));
    }
}
