//! A moment on the wire: RFC 3339 in UTC, to the millisecond.

use ondol_core::units::UtcMs;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// A civil moment, written `2026-11-24T13:35:00.250Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment(pub UtcMs);

/// A text that is no moment.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a moment: write it as in 2026-11-24T13:35:00Z")]
pub struct InvalidMoment(String);

/// Earliest moment that is taken: 1970-01-01.
const MIN_MS: i64 = 0;
/// Latest moment that is taken: 9999-12-31T23:59:59Z, the last one RFC 3339 can write.
const MAX_MS: i64 = 253_402_300_799_000;

impl TryFrom<String> for Moment {
    type Error = InvalidMoment;

    fn try_from(text: String) -> Result<Self, InvalidMoment> {
        let invalid = || InvalidMoment(text.chars().take(40).collect());
        if text.len() > 40 {
            return Err(invalid());
        }
        let moment = OffsetDateTime::parse(&text, &Rfc3339).map_err(|_| invalid())?;
        let ms = i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).map_err(|_| invalid())?;
        if (MIN_MS..=MAX_MS).contains(&ms) { Ok(Self(UtcMs(ms))) } else { Err(invalid()) }
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> String {
        let ms = moment.0.0.clamp(MIN_MS, MAX_MS);
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
            .expect("the bounds lie within the calendar")
            .to_offset(UtcOffset::UTC)
            .format(&Rfc3339)
            .expect("years 1970 to 9999 have an RFC 3339 form")
    }
}

impl From<UtcMs> for Moment {
    fn from(moment: UtcMs) -> Self {
        Self(moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_moment() {
        for bad in ["", "now", "2026-11-24", "2026-13-01T00:00:00Z", "1969-12-31T23:59:59Z", &"2".repeat(99)]
        {
            assert!(Moment::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Moment>("1764000000000").is_err(), "a bare number has no unit");
    }

    #[test]
    fn survives_text_to_the_millisecond() {
        let moment = Moment::try_from("2026-11-24T22:35:00.25+09:00".to_owned()).unwrap();
        assert_eq!(String::from(moment), "2026-11-24T13:35:00.25Z");
        assert_eq!(Moment::try_from(String::from(moment)), Ok(moment));
        assert_eq!(String::from(Moment(UtcMs(i64::MAX))), "9999-12-31T23:59:59Z");
    }
}
