//! From a taxi's positions, as they come in, to steps of 45 s and more.
//!
//! ```text
//! already told ──▶│   may still come, newest first   │◀── told ──▶│ newer
//!            closed_until_s                      first.at_s    until_s
//! ```
//!
//! A phone hands in what is new first and what a cut kept back after it, some of it twice. **Each moment counts once**:
//! whoever hands in an hour again, or tells it otherwise, has told that hour already. A taxi that stays where it is
//! says nothing until it has left; the time that it stood in traffic then counts, and of a long stop a few minutes.

use ondol_core::position::Position;

/// Two fixes must lie this far apart before the way between them is told, in metres.
const STEP_MIN_M: f64 = 150.0;
/// Two fixes farther apart in time than this are not joined, in seconds.
const GAP_MAX_S: i64 = 240;
/// No taxi is faster than this, in metres per second.
const FASTEST_M_PER_S: f64 = 50.0;
/// A phone that tells more often than this, in seconds, is not listened to more often: a step costs as much as a question
/// for a way, and two fixes that lie close together say more about the phone's errors than about the street.
const APART_S: i64 = 45;

/// A position of one taxi.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fix {
    /// When it was there, in seconds since 1970.
    pub at_s: i64,
    /// Where the taxi said it was.
    pub position: Position,
}

/// Two fixes of one taxi, at most a few minutes apart, between which it drove.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    pub(crate) from: Fix,
    pub(crate) to: Fix,
}

impl Step {
    /// When it began, in seconds since 1970.
    #[must_use]
    pub fn begins_at_s(&self) -> i64 {
        self.from.at_s
    }

    pub(super) fn took_ms(&self) -> u32 {
        u32::try_from((self.to.at_s - self.from.at_s) * 1_000).expect("a gap is a few minutes")
    }
}

/// Joins fixes in order of time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Joint {
    /// Where the next step begins.
    anchor: Option<Fix>,
}

impl Joint {
    /// The step that ends with `fix`, if one does.
    pub(crate) fn push(&mut self, fix: Fix) -> Option<Step> {
        let from = self.anchor.replace(fix)?;
        let gap_s = fix.at_s.saturating_sub(from.at_s);
        if !(1..=GAP_MAX_S).contains(&gap_s) {
            return None;
        }
        let moved_m = from.position.distance_m(fix.position);
        if moved_m < STEP_MIN_M {
            self.anchor = Some(from);
            return None;
        }
        #[allow(clippy::cast_precision_loss, reason = "at most a few minutes")]
        let possible = moved_m <= FASTEST_M_PER_S * gap_s as f64;
        possible.then_some(Step { from, to: fix })
    }

    /// The same, but passes over a fix that comes too soon after the last step.
    fn push_apart(&mut self, fix: Fix) -> Option<Step> {
        let is_soon = |from: Fix| (0..APART_S).contains(&fix.at_s.saturating_sub(from.at_s));
        if self.anchor.is_some_and(is_soon) { None } else { self.push(fix) }
    }
}

/// What is kept of one taxi, so that its next fixes can be joined to the last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trail {
    /// Up to here nothing counts any more, in seconds since 1970.
    closed_until_s: i64,
    told: Option<Told>,
}

/// A time without a gap, of which everything has been told.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Told {
    first: Fix,
    joint: Joint,
    until_s: i64,
}

/// What came of some fixes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Taken {
    /// The steps that they make.
    pub steps: Vec<Step>,
    /// Fixes of moments of which has been told before.
    pub repeated: usize,
}

impl Trail {
    /// Of a taxi of which nothing up to `closed_until_s` counts any more, in seconds since 1970.
    #[must_use]
    pub fn after(closed_until_s: i64) -> Self {
        Self { closed_until_s, told: None }
    }

    /// The newest moment that was told, in seconds since 1970.
    #[must_use]
    pub fn until_s(&self) -> i64 {
        self.told.map_or(self.closed_until_s, |told| told.until_s)
    }

    /// Takes in fixes in any order.
    pub fn take(&mut self, mut fixes: Vec<Fix>) -> Taken {
        fixes.sort_by_key(|fix| fix.at_s);
        let until_s = self.until_s();
        let next = fixes.iter().find(|fix| fix.at_s > until_s);
        if self.told.is_some() && next.is_some_and(|next| next.at_s.saturating_sub(until_s) > GAP_MAX_S) {
            // After a cut: what lies in it may still come, what lies before it is closed.
            *self = Self::after(until_s);
        }
        let (closed_until_s, told) = (self.closed_until_s, self.told);
        let is_told = |at_s| told.is_some_and(|told| (told.first.at_s..=told.until_s).contains(&at_s));
        let handed_in = fixes.len();
        fixes.retain(|fix| fix.at_s > closed_until_s && !is_told(fix.at_s));
        let repeated = handed_in - fixes.len();
        let newer =
            fixes.split_off(fixes.partition_point(|fix| told.is_some_and(|told| fix.at_s < told.first.at_s)));
        let mut steps = self.take_older(&fixes);
        steps.extend(self.take_newer(&newer));
        Taken { steps, repeated }
    }

    /// Joins what comes late to the oldest that is known.
    fn take_older(&mut self, fixes: &[Fix]) -> Vec<Step> {
        let (Some(told), Some(oldest)) = (&mut self.told, fixes.first()) else { return Vec::new() };
        let mut joint = Joint::default();
        let mut steps: Vec<Step> = fixes.iter().filter_map(|fix| joint.push_apart(*fix)).collect();
        steps.extend(joint.push(told.first));
        told.first = *oldest;
        steps
    }

    fn take_newer(&mut self, fixes: &[Fix]) -> Vec<Step> {
        let (Some(oldest), Some(newest)) = (fixes.first(), fixes.last()) else { return Vec::new() };
        let begun = || Told { first: *oldest, joint: Joint::default(), until_s: oldest.at_s };
        let told = self.told.get_or_insert_with(begun);
        told.until_s = newest.at_s;
        fixes.iter().filter_map(|fix| told.joint.push_apart(*fix)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A taxi that drives north at 10 m/s, where it is at `at_s`.
    fn fix(at_s: i64) -> Fix {
        #[allow(clippy::cast_precision_loss)]
        let lat = 37.0 + 0.000_09 * at_s as f64;
        Fix { at_s, position: Position::new(lat, 127.0).unwrap() }
    }

    /// One fix every 5 s.
    fn fixes(moments: std::ops::Range<i64>) -> Vec<Fix> {
        moments.step_by(5).map(fix).collect()
    }

    fn spans(taken: &Taken) -> Vec<(i64, i64)> {
        taken.steps.iter().map(|step| (step.from.at_s, step.to.at_s)).collect()
    }

    #[test]
    fn what_comes_as_it_happens_makes_steps_of_45_s_across_batches() {
        let mut trail = Trail::after(0);
        let batches = [10..40, 40..70, 70..100, 100..160];
        let told: Vec<_> = batches.into_iter().flat_map(|batch| spans(&trail.take(fixes(batch)))).collect();
        assert_eq!(told, [(10, 55), (55, 100), (100, 145)]);
    }

    #[test]
    fn what_is_handed_in_again_is_not_told_again() {
        let mut trail = Trail::after(0);
        assert_eq!(spans(&trail.take(fixes(10..100))).len(), 1);
        let again = trail.take(fixes(10..110));
        assert_eq!((spans(&again), again.repeated), (vec![(55, 100)], 18));
    }

    /// As a phone does after a cut of twenty minutes: the newest first, then what is before it, and again what was not
    /// acknowledged.
    #[test]
    fn what_a_cut_kept_back_is_joined_to_what_came_before_it() {
        let mut trail = Trail::after(0);
        trail.take(fixes(10..100));
        let newest = trail.take(fixes(1_000..1_200));
        assert_eq!(spans(&newest), [(1_000, 1_045), (1_045, 1_090), (1_090, 1_135), (1_135, 1_180)]);
        let before = trail.take(fixes(840..1_000));
        assert_eq!(spans(&before), [(840, 885), (885, 930), (930, 975), (975, 1_000)]);
        let mut mixed = fixes(700..840);
        mixed.extend(fixes(1_190..1_230));
        mixed.reverse();
        let taken = trail.take(mixed);
        assert_eq!((spans(&taken).len(), taken.repeated), (4, 2), "{:?}", spans(&taken));
        assert_eq!(spans(&taken).last(), Some(&(1_180, 1_225)), "the present goes on where it was");
        assert_eq!(trail.take(fixes(40..100)).repeated, 12, "what was told before the cut stays told");
    }

    #[test]
    fn another_phone_of_the_driver_tells_nothing_that_was_told() {
        let mut first = Trail::after(0);
        first.take(fixes(10..100));
        let mut second = Trail::after(first.until_s());
        let taken = second.take(fixes(10..200));
        assert_eq!((spans(&taken), taken.repeated), (vec![(100, 145), (145, 190)], 18));
    }

    #[test]
    fn a_wait_in_traffic_counts_and_of_a_long_stop_a_few_minutes() {
        let stands = |from: i64, to: i64| (from..to).step_by(5).map(|at_s| Fix { at_s, ..fix(100) });
        let waits: Vec<Fix> = stands(100, 220).chain(fixes(220..230)).collect();
        assert_eq!(spans(&Trail::after(0).take(waits)), [(100, 220)]);
        let leaves = Fix { at_s: 1_000, ..fix(145) };
        let stops: Vec<Fix> = stands(100, 1_000).chain([leaves]).collect();
        assert_eq!(spans(&Trail::after(0).take(stops)), [(835, 1_000)]);
    }

    proptest! {
        /// Whatever is handed in, in whatever order: of no second two steps are told.
        #[test]
        fn no_moment_is_told_twice(batches in prop::collection::vec(prop::collection::vec(1_i64..3_000, 0..60), 1..12)) {
            let mut trail = Trail::after(0);
            let mut told: Vec<(i64, i64)> = Vec::new();
            for batch in batches {
                let (offered, before_s) = (batch.len(), trail.until_s());
                let taken = trail.take(batch.into_iter().map(fix).collect());
                prop_assert!(taken.repeated <= offered && trail.until_s() >= before_s);
                told.extend(spans(&taken));
            }
            told.sort_unstable();
            prop_assert!(told.iter().all(|(from, to)| from < to && to - from <= GAP_MAX_S));
            prop_assert!(told.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{told:?}");
        }
    }
}
