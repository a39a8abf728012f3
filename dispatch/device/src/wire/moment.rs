//! RFC 3339 text for moments, to the millisecond, for `#[serde(with = "moment")]`.

use ondol_core::units::UtcMs;
use serde::{Deserialize, Deserializer, Serializer, de, ser};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Writes a moment in UTC, such as `2022-10-15T06:33:00.250Z`.
///
/// # Errors
///
/// Those of the serializer, and one for a moment outside the years 0 to 9999.
pub fn serialize<S: Serializer>(moment: &UtcMs, serializer: S) -> Result<S::Ok, S::Error> {
    let text = format(*moment).ok_or_else(|| ser::Error::custom("a moment outside the years 0 to 9999"))?;
    serializer.serialize_str(&text)
}

/// Reads a moment with any offset.
///
/// # Errors
///
/// Those of the deserializer, and one for text that is not RFC 3339.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UtcMs, D::Error> {
    let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| de::Error::custom("write a moment as RFC 3339, such as 2022-10-15T06:33:00Z"))
}

/// The moment as text; `None` outside the years 0 to 9999.
#[must_use]
pub fn format(moment: UtcMs) -> Option<String> {
    let nanoseconds = i128::from(moment.0) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()?.format(&Rfc3339).ok()
}

/// The moment that `text` names, cut to milliseconds; `None` if it is not RFC 3339.
#[must_use]
pub fn parse(text: &str) -> Option<UtcMs> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).ok().map(UtcMs)
}
