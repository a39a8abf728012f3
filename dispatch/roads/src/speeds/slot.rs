//! Hours of the week with about the same traffic.

use serde::{Deserialize, Serialize};

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 24 * HOUR_S;

/// Days with about the same traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Day {
    /// Monday to Friday.
    Workday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

/// An hour of a workday, a Saturday or a Sunday, in local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot(u8);

impl Slot {
    /// How many there are.
    pub const COUNT: usize = 3 * 24;

    /// The slot of a moment in seconds since 1970, where clocks are `utc_offset_s` ahead of UTC.
    #[must_use]
    pub fn at(unix_s: i64, utc_offset_s: i32) -> Self {
        let local_s = unix_s.saturating_add(i64::from(utc_offset_s));
        // The first of January 1970 was a Thursday.
        let day = match (local_s.div_euclid(DAY_S) + 4).rem_euclid(7) {
            0 => 2,
            6 => 1,
            _ => 0,
        };
        let hour = local_s.rem_euclid(DAY_S) / HOUR_S;
        Self(u8::try_from(day * 24 + hour).expect("there are 72 slots"))
    }

    /// The kind of day.
    #[must_use]
    pub fn day(self) -> Day {
        match self.0 / 24 {
            0 => Day::Workday,
            1 => Day::Saturday,
            _ => Day::Sunday,
        }
    }

    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_told_by_the_local_clock() {
        // 2008-05-23 was a Friday; 17:30 UTC is 10:30 in San Francisco in summer.
        let friday_s = 1_211_563_800;
        for (unix_s, offset_h, slot) in [
            (friday_s, -7, 10),
            (friday_s, 0, 17),
            (friday_s + 7 * 3_600, -7, 17),
            (friday_s + 7 * 3_600, 0, 24),
            (friday_s + 86_400, -7, 24 + 10),
            (friday_s + 2 * 86_400, -7, 48 + 10),
            (friday_s + 3 * 86_400, -7, 10),
            (0, 0, 0),
            (-1, 0, 23),
        ] {
            let at = Slot::at(unix_s, offset_h * 3_600);
            assert_eq!(at, Slot(slot), "{unix_s} {offset_h}");
            let day = [Day::Workday, Day::Saturday, Day::Sunday][usize::from(slot) / 24];
            assert_eq!(at.day(), day);
        }
    }
}
