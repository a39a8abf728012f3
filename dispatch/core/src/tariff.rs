//! What a trip costs: a regulated tariff as data, and one computation in whole numbers, so that server, edge and
//! device come to the same amount to the last won.
//!
//! ```text
//! |── base fare, covers base_distance_m ──|─ unit ─|─ unit ─|─ unit … (complete units are charged)
//! ```
//!
//! Distance and time below the slow speed fill the same units: 131 m or 30 s each in Seoul. The slow speed is not
//! set apart: it is the one at which both fill a unit in the same time (131 m in 30 s are 15.72 km/h).
//! Absent on purpose: surge, tolls, tips and call fees.
//!
//! **Source**: Seoul's medium taxis count distance and slow time together (부분 동시병산); surcharges for the night
//! and for leaving the area add up; tens of won are rounded half up.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::fact::Quote;
use crate::units::{Money, UtcMs};

/// Largest tariff that is read, in bytes.
pub const TARIFF_MAX: usize = 16 * 1024;
/// Most night steps of a tariff.
pub const NIGHT_STEPS_MAX: usize = 12;

const DAY_S: i64 = 86_400;

/// A regulated tariff, checked when it was read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Tariff(Written);

/// What the meter counted on one trip with the rider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meter {
    /// Metres driven, fast and slow.
    pub distance_m: u32,
    /// Seconds stood or driven below the slow speed; see [`Tariff::is_slow`].
    pub slow_s: u32,
    /// Seconds from boarding to drop-off: places the units in the night's steps.
    pub duration_s: u32,
    /// Boarding, on the civil clock.
    pub started_at: UtcMs,
    /// True if the trip leaves the area in which the taxi is licensed.
    pub out_of_area: bool,
}

/// A fare and what it is made of; the parts add up to `total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breakdown {
    /// What is to be paid.
    pub total: Money,
    /// The base fare by day.
    pub base: Money,
    /// Complete units beyond the base, by day.
    pub metered: Money,
    /// What the night adds to both.
    pub night: Money,
    /// What leaving the area adds to both.
    pub out_of_area: Money,
    /// What rounding adds or takes away.
    pub rounding: Money,
    /// Complete units beyond the base.
    pub units: u64,
}

/// A tariff that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidTariff {
    /// Larger than any tariff.
    #[error("a tariff has at most {TARIFF_MAX} bytes, this one has {0}")]
    TooLarge(usize),
    /// Not the JSON of a tariff.
    #[error("the tariff is not readable: {0}")]
    Unreadable(String),
    /// The name in quotes and receipts.
    #[error("the tariff's id {0:?} is not a name: use 1 to 64 of a-z, 0-9 and -")]
    Id(String),
    /// A number outside of its range.
    #[error("{field} is {value}, it must be {least} to {most}")]
    Range {
        /// The field.
        field: &'static str,
        /// What was written.
        value: i64,
        /// The least that is allowed.
        least: i64,
        /// The most that is allowed.
        most: i64,
    },
    /// More steps than [`NIGHT_STEPS_MAX`].
    #[error("a tariff has at most {NIGHT_STEPS_MAX} night steps, this one has {0}")]
    TooManySteps(usize),
    /// Two steps claim the same minute, or a step has none.
    #[error("the night step from {0} is empty or overlaps another one")]
    Steps(String),
    /// A surcharge whose unit fare is no whole amount.
    #[error("a surcharge of {0} % on the unit fare gives no whole amount")]
    Fraction(u32),
}

impl Tariff {
    /// Seoul's medium taxi since 2023-02-01.
    ///
    /// # Panics
    ///
    /// Never: a test reads the built-in text.
    #[must_use]
    pub fn seoul() -> Self {
        Self::from_json(include_str!("../data/tariff-seoul-2023-02-01.json"))
            .expect("the built-in tariff is valid")
    }

    /// Reads a tariff; `data/tariff-seoul-2023-02-01.json` is the example of the format.
    ///
    /// # Errors
    ///
    /// [`InvalidTariff`] names the first field that cannot stand.
    pub fn from_json(text: &str) -> Result<Self, InvalidTariff> {
        if text.len() > TARIFF_MAX {
            return Err(InvalidTariff::TooLarge(text.len()));
        }
        let written: Written =
            serde_json::from_str(text).map_err(|error| InvalidTariff::Unreadable(error.to_string()))?;
        Self::try_from(written)
    }

    /// The name that quotes and receipts carry.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Its name for people, in Korean.
    #[must_use]
    pub fn name_ko(&self) -> &str {
        &self.0.name_ko
    }

    /// Its name for people, in English.
    #[must_use]
    pub fn name_en(&self) -> &str {
        &self.0.name_en
    }

    /// When it came into force.
    #[must_use]
    pub fn starts_at(&self) -> UtcMs {
        self.0.starts_at
    }

    /// True if `distance_m` in `elapsed_ms` is below the slow speed, so that the time counts as well.
    #[must_use]
    pub fn is_slow(&self, distance_m: u32, elapsed_ms: u64) -> bool {
        u128::from(distance_m) * u128::from(self.0.unit_time_s) * 1_000
            < u128::from(elapsed_ms) * u128::from(self.0.unit_distance_m)
    }

    /// The fare of a trip.
    ///
    /// The base fare is that of the moment of boarding. Each complete unit is charged at the surcharge in force when
    /// it became complete; where in the trip that was is not recorded, so progress counts as even over `duration_s`.
    /// Within one step of the night the fare therefore never falls as distance or time grow; where a trip crosses
    /// into another step, a longer distance in the same time may move one unit into the cheaper step.
    #[must_use]
    pub fn fare(&self, meter: &Meter) -> Breakdown {
        let tariff = &self.0;
        let outside = if meter.out_of_area { tariff.out_of_area_percent } else { 0 };
        let boarding_s = self.local_second(meter.started_at);
        let units = self.units_after(meter, meter.duration_s.into());

        let base = tariff.base_fare;
        let step = tariff.step_at(boarding_s);
        let base_at_night = step.map_or(base, |step| step.base_fare);
        let base_outside = match (outside, step) {
            (0, _) => base_at_night,
            (_, step) => {
                let percent = 100 + outside + step.map_or(0, |step| step.add_percent);
                round_half_up(base * i64::from(percent), 100 * tariff.round_to) * tariff.round_to
            }
        };
        let metered = amount(units, tariff.unit_fare, 100);
        let night_units = self.night_of_units(meter, boarding_s, units);
        let outside_units = amount(units, tariff.unit_fare, outside);

        let exact = base_outside + metered + night_units + outside_units;
        let total = round_half_up(exact, tariff.round_to) * tariff.round_to;
        Breakdown {
            total: Money(total),
            base: Money(base),
            metered: Money(metered),
            night: Money(base_at_night - base + night_units),
            out_of_area: Money(base_outside - base_at_night + outside_units),
            rounding: Money(total - exact),
            units,
        }
    }

    /// What a trip that begins at `at` will cost about, for quotes: a planned drive has a length and a duration, and
    /// whatever it takes longer than at the tariff's `estimate_flow_kmh` counts as slow.
    ///
    /// That speed is an assumption of ours, not of the regulation: 40 km/h gives the city's published examples to
    /// within 100 won at plausible mean speeds (7 km at 20 km/h by day, 10 km at 27 km/h late at night).
    #[must_use]
    pub fn estimate(&self, distance_m: u32, duration_s: u32, at: UtcMs) -> Breakdown {
        let flowing_s = u64::from(distance_m) * 3_600 / (u64::from(self.0.estimate_flow_kmh) * 1_000);
        let slow_s = u32::try_from(u64::from(duration_s).saturating_sub(flowing_s)).unwrap_or(duration_s);
        self.fare(&Meter { distance_m, slow_s, duration_s, started_at: at, out_of_area: false })
    }

    /// The estimate as it is shown before booking, with the tariff that binds.
    #[must_use]
    pub fn quote(&self, distance_m: u32, duration_s: u32, at: UtcMs) -> Quote {
        Quote { fare: self.estimate(distance_m, duration_s, at).total, tariff: self.0.id.clone() }
    }

    /// Complete units beyond the base `elapsed_s` into the trip.
    fn units_after(&self, meter: &Meter, elapsed_s: i64) -> u64 {
        let tariff = &self.0;
        // In metre-seconds, of which a unit has unit_distance_m × unit_time_s: both ways fill it without fractions.
        let (metres_fill, seconds_fill) = (u64::from(tariff.unit_time_s), u64::from(tariff.unit_distance_m));
        let all = u64::from(meter.distance_m) * metres_fill + u64::from(meter.slow_s) * seconds_fill;
        let base = u128::from(tariff.base_distance_m) * u128::from(metres_fill);
        let unit = u128::from(metres_fill * seconds_fill);
        let (elapsed, duration) = match (u128::try_from(elapsed_s), u128::from(meter.duration_s)) {
            (Ok(elapsed), duration) if elapsed < duration => (elapsed, duration),
            (Ok(_), _) => (1, 1),
            (Err(_), _) => return 0,
        };
        // elapsed / duration of `all`, less the base, in whole units.
        let filled = (u128::from(all) * elapsed).saturating_sub(base * duration) / (unit * duration);
        u64::try_from(filled).expect("at most all / unit")
    }

    /// What the night adds to the units: each stretch of the trip within one step adds its share.
    fn night_of_units(&self, meter: &Meter, boarding_s: i64, units: u64) -> i64 {
        let (mut elapsed_s, mut before, mut sum) = (0, 0, 0);
        while before < units {
            let now_s = (boarding_s + elapsed_s).rem_euclid(DAY_S);
            let step = self.0.step_at(now_s);
            elapsed_s += self.0.until_change_s(now_s);
            // A unit that becomes complete at the very moment of change belongs to the stretch before.
            let after = self.units_after(meter, elapsed_s);
            sum += amount(after - before, self.0.unit_fare, step.map_or(0, |step| step.add_percent));
            before = after;
        }
        sum
    }

    fn local_second(&self, at: UtcMs) -> i64 {
        (at.0.div_euclid(1_000) + i64::from(self.0.utc_offset_min) * 60).rem_euclid(DAY_S)
    }
}

/// `units` at `percent` of `unit_fare`; the division is exact, see [`InvalidTariff::Fraction`].
fn amount(units: u64, unit_fare: i64, percent: u32) -> i64 {
    i64::try_from(units).expect("units fit: each has a metre or a second")
        * (unit_fare * i64::from(percent) / 100)
}

/// `amount / step` to the nearest, halves up; amounts are positive.
fn round_half_up(amount: i64, step: i64) -> i64 {
    (amount * 2 + step) / (step * 2)
}

/// The tariff as written in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    name_ko: String,
    name_en: String,
    source: String,
    starts_at: UtcMs,
    utc_offset_min: i32,
    base_fare: i64,
    base_distance_m: u32,
    unit_fare: i64,
    unit_distance_m: u32,
    unit_time_s: u32,
    night: Vec<NightStep>,
    out_of_area_percent: u32,
    round_to: i64,
    estimate_flow_kmh: u32,
}

/// A stretch of the day with a surcharge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NightStep {
    from: TimeOfDay,
    to: TimeOfDay,
    add_percent: u32,
    base_fare: i64,
}

/// Seconds since local midnight; `HH:MM` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct TimeOfDay(i64);

#[derive(Debug, Error)]
#[error("{0:?} is not a time of day: write 00:00 to 23:59")]
struct NotATime(String);

impl TryFrom<String> for TimeOfDay {
    type Error = NotATime;
    fn try_from(text: String) -> Result<Self, NotATime> {
        let digits =
            |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<i64>().ok()).flatten();
        let parsed = text.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2);
        match parsed.map(|(hours, minutes)| (digits(hours), digits(minutes))) {
            Some((Some(hours @ 0..24), Some(minutes @ 0..60))) => Ok(Self((hours * 60 + minutes) * 60)),
            _ => Err(NotATime(text.chars().take(16).collect())),
        }
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        format!("{:02}:{:02}", time.0 / 3_600, time.0 / 60 % 60)
    }
}

impl NightStep {
    fn covers(&self, second: i64) -> bool {
        (second - self.from.0).rem_euclid(DAY_S) < self.length_s()
    }

    fn length_s(&self) -> i64 {
        (self.to.0 - self.from.0).rem_euclid(DAY_S)
    }
}

impl Written {
    fn step_at(&self, second: i64) -> Option<&NightStep> {
        self.night.iter().find(|step| step.covers(second))
    }

    /// Seconds from `second` of the day until the surcharge may change; a day where there is none.
    fn until_change_s(&self, second: i64) -> i64 {
        self.night
            .iter()
            .flat_map(|step| [step.from, step.to])
            .map(|edge| match (edge.0 - second).rem_euclid(DAY_S) {
                0 => DAY_S,
                wait_s => wait_s,
            })
            .min()
            .unwrap_or(DAY_S)
    }

    fn check(&self) -> Result<(), InvalidTariff> {
        let well_formed = (1..=64).contains(&self.id.len())
            && self.id.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !well_formed {
            return Err(InvalidTariff::Id(self.id.chars().take(64).collect()));
        }
        range("utc_offset_min", self.utc_offset_min.into(), -840, 840)?;
        range("base_fare", self.base_fare, 0, 1_000_000)?;
        range("base_distance_m", self.base_distance_m.into(), 0, 100_000)?;
        range("unit_fare", self.unit_fare, 1, 100_000)?;
        range("unit_distance_m", self.unit_distance_m.into(), 1, 10_000)?;
        range("unit_time_s", self.unit_time_s.into(), 1, 3_600)?;
        range("out_of_area_percent", self.out_of_area_percent.into(), 0, 200)?;
        range("round_to", self.round_to, 1, 10_000)?;
        range("estimate_flow_kmh", self.estimate_flow_kmh.into(), 1, 200)?;
        self.check_night()
    }

    fn check_night(&self) -> Result<(), InvalidTariff> {
        if self.night.len() > NIGHT_STEPS_MAX {
            return Err(InvalidTariff::TooManySteps(self.night.len()));
        }
        for (i, step) in self.night.iter().enumerate() {
            range("add_percent", step.add_percent.into(), 0, 200)?;
            range("base_fare", step.base_fare, self.base_fare, 1_000_000)?;
            let overlaps =
                self.night[..i].iter().any(|other| other.covers(step.from.0) || step.covers(other.from.0));
            if step.length_s() == 0 || overlaps {
                return Err(InvalidTariff::Steps(step.from.into()));
            }
        }
        let percents = self.night.iter().map(|step| step.add_percent).chain([self.out_of_area_percent]);
        match percents.into_iter().find(|percent| self.unit_fare * i64::from(*percent) % 100 != 0) {
            Some(percent) => Err(InvalidTariff::Fraction(percent)),
            None => Ok(()),
        }
    }
}

fn range(field: &'static str, value: i64, least: i64, most: i64) -> Result<(), InvalidTariff> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(InvalidTariff::Range { field, value, least, most })
    }
}

impl TryFrom<Written> for Tariff {
    type Error = InvalidTariff;
    fn try_from(written: Written) -> Result<Self, InvalidTariff> {
        written.check()?;
        Ok(Self(written))
    }
}

impl From<Tariff> for Written {
    fn from(tariff: Tariff) -> Self {
        tariff.0
    }
}

#[cfg(test)]
mod tests;
