//! The journal: what was decided, in the order in which each node decided it.
//!
//! A *series* is (origin, incarnation, district, lane). It is dense, has one writer, and each entry
//! carries the hash of the one before:
//!
//! ```text
//! central/7/gangnam/bookings   1 ── 2 ── 3 ── 4 (head)
//! edge-a/2/gangnam/bookings    1 ── 2 (head)       ⟵ a peer that holds 1 asks for "after 1"
//! ```
//!
//! Every start of a node opens a new incarnation, so that a node restored from a backup cannot reuse
//! a number. Here are no disks: the shell stores entries and this module checks them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::hlc::Hlc;
use crate::ids::{DistrictId, NodeId, ZoneId};
use crate::planted;

/// SHA-256 of an entry; hexadecimal in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hash(pub [u8; 32]);

/// What an entry is about; lanes of one origin are independent series, so that an urgent one never waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Who may dispatch: grants, takeovers, returns.
    Safety,
    /// Bookings, offers, trips and shifts.
    Bookings,
    /// Drivers, vehicles, stands, bans: written by central alone.
    Roster,
}

impl Lane {
    /// All lanes, most urgent first.
    pub const ALL: [Self; 3] = [Self::Safety, Self::Bookings, Self::Roster];

    /// The name in SQL and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safety => "safety",
            Self::Bookings => "bookings",
            Self::Roster => "roster",
        }
    }
}

/// One writer's dense sequence of entries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Series {
    /// The node that writes it.
    pub origin: NodeId,
    /// Which life of that node.
    pub incarnation: u32,
    /// The district it concerns, or `all`.
    pub district: DistrictId,
    /// What it is about.
    pub lane: Lane,
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.origin, self.incarnation, self.district, self.lane.as_str())
    }
}

/// Text that names no series.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a series is named NODE/LIFE/DISTRICT/LANE, such as edge-hanbuk/7/hanbuk/bookings")]
pub struct InvalidSeries;

impl std::str::FromStr for Series {
    type Err = InvalidSeries;
    /// Reads what [`Series`] writes.
    fn from_str(text: &str) -> Result<Self, InvalidSeries> {
        let parts: Vec<&str> = text.split('/').collect();
        let [origin, incarnation, district, lane] = parts[..] else { return Err(InvalidSeries) };
        Ok(Self {
            origin: origin.parse().map_err(|_| InvalidSeries)?,
            incarnation: incarnation.parse().map_err(|_| InvalidSeries)?,
            district: district.parse().map_err(|_| InvalidSeries)?,
            lane: Lane::ALL.into_iter().find(|known| known.as_str() == lane).ok_or(InvalidSeries)?,
        })
    }
}

/// The last entry of a series that a node holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Head {
    /// Its number; 0 before the first.
    pub seq: u64,
    /// Its hash; zeros before the first.
    pub hash: Hash,
}

/// The heads of all series that a node holds.
///
/// JSON: a list of `[origin, district, lane, [[incarnation, seq, hash], …]]`. Each start of a node adds lives, and every
/// pull and renewal carries all of them: names are written once and not for each life.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "WrittenHeads", into = "Vec<Lives>")]
pub struct Heads(pub BTreeMap<Series, Head>);

/// Incarnation, and number and hash of its head.
type Life = (u32, u64, Hash);

/// The heads of one node's lives in a district and lane.
#[derive(Serialize, Deserialize)]
struct Lives(NodeId, DistrictId, Lane, Vec<Life>);

/// Heads as some release writes them.
#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenHeads {
    /// This one.
    Lives(Vec<Lives>),
    /// The releases before: a peer that is brought up to date later still says it so.
    Each(Vec<(Series, Head)>),
}

impl From<WrittenHeads> for Heads {
    fn from(written: WrittenHeads) -> Self {
        let all = match written {
            WrittenHeads::Lives(all) => all,
            WrittenHeads::Each(pairs) => return Self(pairs.into_iter().collect()),
        };
        let mut heads = BTreeMap::new();
        for Lives(origin, district, lane, lives) in all {
            for (incarnation, seq, hash) in lives {
                let (origin, district) = (origin.clone(), district.clone());
                heads.insert(Series { origin, incarnation, district, lane }, Head { seq, hash });
            }
        }
        Self(heads)
    }
}

impl From<Heads> for Vec<Lives> {
    fn from(heads: Heads) -> Self {
        let mut all: BTreeMap<(NodeId, DistrictId, Lane), Vec<Life>> = BTreeMap::new();
        for (series, head) in heads.0 {
            let lives = all.entry((series.origin, series.district, series.lane)).or_default();
            lives.push((series.incarnation, head.seq, head.hash));
        }
        all.into_iter()
            .map(|((origin, district, lane), lives)| Lives(origin, district, lane, lives))
            .collect()
    }
}

impl Heads {
    /// The head of `series`, or the empty head.
    #[must_use]
    pub fn of(&self, series: &Series) -> Head {
        self.0.get(series).copied().unwrap_or_default()
    }

    /// The heads of all series that concern `district` or the whole platform.
    #[must_use]
    pub fn of_district(&self, district: &DistrictId) -> Self {
        let all = DistrictId::all();
        let concerns = |series: &Series| series.district == *district || series.district == all;
        Self(self.0.iter().filter(|(series, _)| concerns(series)).map(|(s, h)| (s.clone(), *h)).collect())
    }

    /// The series that concern `district` or the whole platform and of which `other` holds more than this side.
    pub fn behind<'a>(&self, other: &'a Self, district: &DistrictId) -> impl Iterator<Item = &'a Series> {
        let concerns = |series: &Series| series.district == *district || series.district == DistrictId::all();
        other
            .0
            .iter()
            .filter(move |(series, head)| concerns(series) && self.of(series).seq < head.seq)
            .map(|(series, _)| series)
    }
}

/// One entry, as stored, hashed and sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The series it belongs to.
    pub series: Series,
    /// Its number in the series, from 1, without gaps.
    pub seq: u64,
    /// The zone it concerns; `all` where it concerns the district.
    pub zone: ZoneId,
    /// When it was written, for display and last-writer rules.
    pub hlc: Hlc,
    /// The kind of its fact, such as `booking_accepted`.
    pub kind: String,
    /// The version of that kind's payload.
    pub schema_version: u16,
    /// The thing it is about, such as the booking's id: for finding entries again.
    pub key: String,
    /// The fact as JSON: the exact text that was hashed.
    pub payload: String,
    /// Hash of the entry before; zeros for the first.
    pub prev_hash: Hash,
    /// Hash over everything above.
    pub hash: Hash,
}

/// Largest payload of one entry, in bytes.
pub const PAYLOAD_MAX: usize = 16 * 1024;

/// Why an entry does not continue its series.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChainBreak {
    /// Entries between the head and this one are missing: fetch from the head again.
    #[error("{series} jumps from {head} to {seq}: entries between are missing")]
    Gap {
        /// The series.
        series: Series,
        /// Number of the head that is held.
        head: u64,
        /// Number that came.
        seq: u64,
    },
    /// The entry's own hash does not fit its content: it was changed after it was written.
    #[error("{series} entry {seq} was altered: its hash does not fit its content")]
    Altered {
        /// The series.
        series: Series,
        /// Number of the altered entry.
        seq: u64,
    },
    /// The entry continues another past than the one held: two writers used the same series.
    #[error("{series} entry {seq} continues another history than the one held here")]
    Fork {
        /// The series.
        series: Series,
        /// Number where the histories part.
        seq: u64,
    },
}

impl Entry {
    /// The hash that the entry's content gives.
    ///
    /// Every field goes in with its length before it, so that no two entries give the same bytes.
    #[must_use]
    pub fn compute_hash(&self) -> Hash {
        let mut hasher = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        };
        part(b"ondol-journal/1");
        part(self.series.origin.as_str().as_bytes());
        part(&self.series.incarnation.to_be_bytes());
        part(self.series.district.as_str().as_bytes());
        part(self.series.lane.as_str().as_bytes());
        part(&self.seq.to_be_bytes());
        part(self.zone.as_str().as_bytes());
        part(&self.hlc.wall_ms.to_be_bytes());
        part(&self.hlc.logical.to_be_bytes());
        part(self.kind.as_bytes());
        part(&self.schema_version.to_be_bytes());
        part(self.key.as_bytes());
        part(self.payload.as_bytes());
        part(&self.prev_hash.0);
        Hash(hasher.finalize().into())
    }

    /// Checks that the entry continues a series whose head is `head`.
    ///
    /// # Errors
    ///
    /// [`ChainBreak`] if entries are missing between, if it was altered, or if it continues another past.
    pub fn continues(&self, head: Head) -> Result<(), ChainBreak> {
        let (series, seq) = (self.series.clone(), self.seq);
        if planted!("skip-gap", seq != head.seq + 1, false) {
            return Err(ChainBreak::Gap { series, head: head.seq, seq });
        }
        if self.compute_hash() != self.hash {
            return Err(ChainBreak::Altered { series, seq });
        }
        if planted!("skip-gap", self.prev_hash != head.hash, false) {
            return Err(ChainBreak::Fork { series, seq });
        }
        Ok(())
    }

    /// The head that a series has once this entry is its last.
    #[must_use]
    pub fn as_head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A page of a journal is two thousand of them: one piece of text each.
        let mut text = [0; 64];
        for (digits, byte) in text.chunks_exact_mut(2).zip(self.0) {
            digits[0] = DIGITS[usize::from(byte >> 4)];
            digits[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&text).expect("hexadecimal digits are ASCII"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a hash is 64 hexadecimal digits")]
pub struct InvalidHash;

impl std::str::FromStr for Hash {
    type Err = InvalidHash;
    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        if text.len() != 64 {
            return Err(InvalidHash);
        }
        let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let (Some(high), Some(low)) = (value(digits[0]), value(digits[1])) else {
                return Err(InvalidHash);
            };
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: u64, prev: Head) -> Entry {
        let mut entry = Entry {
            series: Series {
                origin: "central".parse().unwrap(),
                incarnation: 1,
                district: "gangnam".parse().unwrap(),
                lane: Lane::Bookings,
            },
            seq,
            zone: "z1".parse().unwrap(),
            hlc: Hlc { wall_ms: 5, logical: 0 },
            kind: "booking_accepted".into(),
            schema_version: 1,
            key: "k".into(),
            payload: "{}".into(),
            prev_hash: prev.hash,
            hash: Hash::default(),
        };
        entry.hash = entry.compute_hash();
        entry
    }

    #[test]
    fn refuses_gap_alteration_and_fork() {
        let first = entry(1, Head::default());
        let second = entry(2, first.as_head());
        assert_eq!(first.continues(Head::default()), Ok(()));
        assert!(matches!(second.continues(Head::default()), Err(ChainBreak::Gap { head: 0, seq: 2, .. })));
        let mut altered = second.clone();
        altered.payload = "{ }".into();
        assert!(matches!(altered.continues(first.as_head()), Err(ChainBreak::Altered { seq: 2, .. })));
        let mut other_past = entry(1, Head::default());
        other_past.payload = "{\"a\":1}".into();
        other_past.hash = other_past.compute_hash();
        assert!(matches!(second.continues(other_past.as_head()), Err(ChainBreak::Fork { seq: 2, .. })));
    }

    #[test]
    fn heads_are_read_as_they_are_written() {
        let mut heads = Heads::default();
        for (origin, incarnation, lane) in [
            ("central", 1, Lane::Safety),
            ("central", 2, Lane::Safety),
            ("edge", 1, Lane::Safety),
            ("edge", 1, Lane::Bookings),
        ] {
            let series = Series {
                origin: origin.parse().unwrap(),
                incarnation,
                lane,
                ..entry(1, Head::default()).series
            };
            heads.0.insert(series, Head { seq: u64::from(incarnation) + 7, hash: Hash([5; 32]) });
        }
        let text = serde_json::to_string(&heads).unwrap();
        assert_eq!(text.matches("central").count(), 1, "{text}");
        assert_eq!(serde_json::from_str::<Heads>(&text).unwrap(), heads);
        let before: Vec<(Series, Head)> = heads.0.clone().into_iter().collect();
        let before = serde_json::to_string(&before).unwrap();
        assert!(before.starts_with(r#"[[{"origin":"central","#), "{before}");
        assert_eq!(serde_json::from_str::<Heads>(&before).unwrap(), heads, "as releases before wrote them");
        assert!(serde_json::from_str::<Heads>(r#"[["central","gangnam","safety",[[1,7]]]]"#).is_err());
    }

    #[test]
    fn a_hash_is_read_as_it_is_written_and_nothing_else_is_one() {
        let hash = Hash(std::array::from_fn(|at| u8::try_from(at * 8 + 7).unwrap()));
        let text = hash.to_string();
        assert!(text.starts_with("070f171f") && text.ends_with("f7ff") && text.len() == 64, "{text}");
        assert_eq!(text.parse(), Ok(hash));
        assert_eq!(text.to_uppercase().parse(), Ok(hash));
        let not_one =
            ["", "07", "+7", " 7", "g7", "é"].map(|start| format!("{start}{}", &text[start.len()..]));
        for text in not_one.iter().skip(2).chain([&text[2..].to_owned(), &format!("{text}0"), &String::new()])
        {
            assert_eq!(text.parse::<Hash>(), Err(InvalidHash), "{text}");
        }
    }

    #[test]
    fn a_series_is_read_as_it_is_written() {
        let series = entry(1, Head::default()).series;
        assert_eq!(series.to_string().parse(), Ok(series));
        for text in
            ["", "central/1/gangnam", "central/1/gangnam/lunch", "central/x/gangnam/safety", "a/1/b/safety/c"]
        {
            assert_eq!(text.parse::<Series>(), Err(InvalidSeries), "{text}");
        }
    }

    #[test]
    fn every_field_changes_the_hash() {
        let original = entry(1, Head::default());
        let changes: [fn(&mut Entry); 10] = [
            |e| e.series.origin = "edge".parse().unwrap(),
            |e| e.series.incarnation = 2,
            |e| e.series.lane = Lane::Safety,
            |e| e.seq = 9,
            |e| e.zone = "z2".parse().unwrap(),
            |e| e.hlc.logical = 1,
            |e| e.kind.push('x'),
            |e| e.schema_version = 2,
            |e| e.key.push('x'),
            |e| e.payload.push(' '),
        ];
        for (i, change) in changes.iter().enumerate() {
            let mut changed = original.clone();
            change(&mut changed);
            assert_ne!(changed.compute_hash(), original.hash, "change {i}");
        }
    }
}
