//! Names of spool files.

use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};
use uuid::Uuid;

use crate::clock::UtcMs;
use crate::dialogue::budget::Urgency;

/// `IN<date>_<time>_<serial>_<sender>_<part>.txt`
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InboxName {
    /// `YYYYMMDD_HHMMSS` of the text centre, local time.
    pub stamp: String,
    /// Tells texts of one second and sender apart.
    pub serial: String,
    /// The sender, as it is.
    pub sender: String,
    /// Part of a long text, from 0.
    pub part: u8,
}

/// `OUT<priority><date>_<time>_<serial>_<recipient>_<id>.txt`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxName {
    /// Urgent texts sort first.
    pub urgency: Urgency,
    /// When it was made.
    pub made_at: UtcMs,
    /// Tells texts of one second apart, 0 to 99: gammu-smsd sends in order of names.
    pub serial: u8,
    /// The recipient, E.164.
    pub to: String,
    /// Our id.
    pub id: Uuid,
}

impl InboxName {
    /// Reads the name of an inbox file, `None` if it is not one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let stem = name.strip_prefix("IN")?.strip_suffix(".txt")?;
        let (rest, part) = stem.rsplit_once('_')?;
        let mut pieces = rest.splitn(4, '_');
        let (date, clock, serial, sender) = (pieces.next()?, pieces.next()?, pieces.next()?, pieces.next()?);
        let digits =
            |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        let fine = digits(date, 8)
            && digits(clock, 6)
            && (2..=4).contains(&serial.len())
            && digits(serial, serial.len())
            && (1..=32).contains(&sender.len())
            && digits(part, 2);
        if !fine {
            return None;
        }
        Some(Self {
            stamp: format!("{date}_{clock}"),
            serial: serial.to_owned(),
            sender: sender.to_owned(),
            part: part.parse().ok()?,
        })
    }

    /// Returns the moment of the stamp, local time being `utc_offset_min` ahead of UTC; `None` if it is no date.
    #[must_use]
    pub fn sent_at(&self, utc_offset_min: i32) -> Option<UtcMs> {
        let format = format_description!("[year][month][day]_[hour][minute][second]");
        let local = PrimitiveDateTime::parse(&self.stamp, &format).ok()?.assume_utc().unix_timestamp();
        Some(UtcMs((local - i64::from(utc_offset_min) * 60) * 1_000))
    }

    /// Writes the name.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("IN{}_{}_{}_{:02}.txt", self.stamp, self.serial, self.sender, self.part)
    }
}

impl OutboxName {
    /// Writes the name; `None` if the moment is not on the calendar.
    #[must_use]
    pub fn file_name(&self, utc_offset_min: i32) -> Option<String> {
        let priority = match self.urgency {
            Urgency::Urgent => 'A',
            Urgency::Plain => 'C',
        };
        let stamp = stamp(self.made_at, utc_offset_min)?;
        Some(format!("OUT{priority}{stamp}_{:02}_{}_{}.txt", self.serial % 100, self.to, self.id.simple()))
    }

    /// Reads recipient and id of a file that was written here; `None` for any other.
    #[must_use]
    pub fn recipient_and_id(name: &str) -> Option<(String, Uuid)> {
        let stem = name.strip_prefix("OUT")?.rsplit_once('.')?.0;
        let (rest, id) = stem.rsplit_once('_')?;
        let (_, to) = rest.rsplit_once('_')?;
        Some((to.to_owned(), Uuid::try_parse(id).ok()?))
    }
}

/// `YYYYMMDD_HHMMSS` of `at` in local time.
pub(super) fn stamp(at: UtcMs, utc_offset_min: i32) -> Option<String> {
    let format = format_description!("[year][month][day]_[hour][minute][second]");
    let local: OffsetDateTime = UtcMs(at.0 + i64::from(utc_offset_min) * 60_000).to_datetime()?;
    local.to_offset(UtcOffset::UTC).format(&format).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_inbox_file_is_none() {
        for name in [
            "",
            "IN.txt",
            "IN20260302_090000_00_+821012345678_00.bin",
            "IN20260302_090000_00_+821012345678.txt",
            "IN2026032_090000_00_+821012345678_00.txt",
            "IN20260302_090000_00__00.txt",
            "IN20260302_090000_00_+821012345678_0x.txt",
            ".IN20260302_090000_00_+821012345678_00.txt",
            "../IN20260302_090000_00_+821012345678_00.txt",
        ] {
            assert_eq!(InboxName::parse(name), None, "{name}");
        }
        let no_date = InboxName::parse("IN20269999_090000_00_+821012345678_00.txt").unwrap();
        assert_eq!(no_date.sent_at(540), None);
    }

    #[test]
    fn a_name_is_read_as_gammu_writes_it() {
        let name = "IN20260302_090000_01_+821012345678_02.txt";
        let read = InboxName::parse(name).unwrap();
        assert_eq!((read.sender.as_str(), read.part, read.serial.as_str()), ("+821012345678", 2, "01"));
        assert_eq!(read.sent_at(540), Some(UtcMs(1_772_409_600_000)));
        assert_eq!(read.file_name(), name);
        assert_eq!(InboxName::parse("IN20260302_090000_00_KAKAO_T_00.txt").unwrap().sender, "KAKAO_T");
    }

    #[test]
    fn our_id_survives_in_the_name() {
        let id = Uuid::from_u128(0xabc);
        let name = OutboxName {
            urgency: Urgency::Urgent,
            made_at: UtcMs(1_772_409_600_000),
            serial: 7,
            to: "+821012345678".to_owned(),
            id,
        }
        .file_name(540)
        .unwrap();
        assert_eq!(name, "OUTA20260302_090000_07_+821012345678_00000000000000000000000000000abc.txt");
        assert_eq!(OutboxName::recipient_and_id(&name), Some(("+821012345678".to_owned(), id)));
        assert_eq!(OutboxName::recipient_and_id("OUTC20261124_132708_00_+821012345678_sms0.smsbackup"), None);
    }
}
