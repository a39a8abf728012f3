//! What a peer may tell: checked before anything of it reaches the core or the store.
//!
//! A peer may be stolen, faulty or of another release. What it may not tell, and what no store of ours holds, is
//! left out with the rest of its series and reported; everything else of the page goes on.

use std::collections::BTreeSet;

use ondol_core::ids::{DistrictId, NodeId, SubjectId};
use ondol_core::journal::{Entry, Heads, Lane, PAYLOAD_MAX, Series};
use ondol_core::node::Poison;
use thiserror::Error;

use super::subjects;
use super::wire::PullAnswer;
use crate::store::PAGE_ENTRIES_MAX;
use crate::vault::SubjectKey;

/// Most subject keys in an answer.
const KEYS_MAX: usize = 8_000;
/// Longest kind and key of an entry, in bytes.
const WORD_MAX: usize = 128;
/// Latest stamp that is taken: the end of the year 9999.
const STAMP_MAX_MS: i64 = 253_402_300_799_999;

/// Why something of a page is left out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum PageRefusal {
    #[error("the page has more entries or keys than were asked for")]
    TooMany,
    #[error("{series} is not this peer's to tell")]
    Foreign { series: Series },
    #[error(
        "{series} is of this node's own past, which its store lacks: if the store was restored from a copy, run `ondol node take-back`"
    )]
    OwnPast { series: Series },
    #[error("{series} entry {seq} cannot be stored: {why}")]
    Unstorable { series: Series, seq: u64, why: &'static str },
    #[error("a person's key {why}")]
    Key { why: &'static str },
}

impl PageRefusal {
    /// Why the series waits, as staff is told.
    pub(super) fn poison(&self) -> Option<(Series, Poison)> {
        let why = match self {
            Self::Foreign { .. } => Poison::NotAllowed,
            Self::OwnPast { .. } => Poison::OwnPast,
            Self::Unstorable { .. } => Poison::Broken,
            Self::TooMany | Self::Key { .. } => return None,
        };
        self.series().map(|series| (series.clone(), why))
    }

    /// The series that waits because of it.
    pub(super) fn series(&self) -> Option<&Series> {
        match self {
            Self::Foreign { series } | Self::OwnPast { series } | Self::Unstorable { series, .. } => {
                Some(series)
            }
            Self::TooMany | Self::Key { .. } => None,
        }
    }
}

/// Who sends a page, and who receives it.
pub(super) struct Parties<'a> {
    pub(super) sender: &'a NodeId,
    /// Central may relay every series of the districts; an edge tells its own, and gives central its own past back.
    pub(super) sender_is_central: bool,
    pub(super) receiver: &'a NodeId,
    /// The receiver's present life.
    pub(super) incarnation: u32,
    /// What the receiver holds.
    pub(super) held: &'a Heads,
    /// The receiver's store has lost the end of its past and takes it back from edges.
    pub(super) takes_back: bool,
    pub(super) districts: &'a [DistrictId],
}

impl Parties<'_> {
    /// Leaves in `page` what may be taken in, and returns what may not, once for each series.
    ///
    /// # Errors
    ///
    /// [`PageRefusal::TooMany`] if the page as a whole is not what was asked for.
    pub(super) fn sift(&self, page: &mut PullAnswer) -> Result<Vec<PageRefusal>, PageRefusal> {
        if page.entries.len() > PAGE_ENTRIES_MAX || page.keys.len() > KEYS_MAX {
            return Err(PageRefusal::TooMany);
        }
        let mut refused = Vec::new();
        let mut out: BTreeSet<Series> = BTreeSet::new();
        page.entries.retain(|entry| {
            if out.contains(&entry.series) {
                return false;
            }
            let Err(refusal) = self.check_entry(entry) else { return true };
            out.insert(entry.series.clone());
            refused.push(refusal);
            false
        });
        let named: BTreeSet<SubjectId> = page.entries.iter().flat_map(subjects::of_entry).collect();
        page.keys.retain(|key| {
            let Err(refusal) = self.check_key(key, &named) else { return true };
            refused.push(refusal);
            false
        });
        Ok(refused)
    }

    fn check_entry(&self, entry: &Entry) -> Result<(), PageRefusal> {
        let series = &entry.series;
        let foreign = || PageRefusal::Foreign { series: series.clone() };
        let in_district = self.districts.contains(&series.district);
        if !in_district && series.district != DistrictId::all() {
            return Err(foreign());
        }
        if !self.sender_is_central {
            // An edge never writes the roster, and nothing for the whole platform.
            let wrote_it = series.origin == *self.sender && series.lane != Lane::Roster && in_district;
            if !wrote_it && series.origin != *self.receiver {
                return Err(foreign());
            }
            // Nothing proves that this node wrote it, so an edge could make up what central decided.
            let is_past = series.incarnation < self.incarnation && entry.seq > self.held.of(series).seq;
            if !wrote_it && is_past && !self.takes_back {
                return Err(PageRefusal::OwnPast { series: series.clone() });
            }
        }
        let why = if entry.payload.len() > PAYLOAD_MAX {
            "its payload is too large"
        } else if entry.kind.len() > WORD_MAX || entry.key.len() > WORD_MAX {
            "its kind or key is too long"
        } else if [&entry.payload, &entry.kind, &entry.key].iter().any(|text| text.contains('\0')) {
            "PostgreSQL stores no NUL"
        } else if i64::try_from(entry.seq).is_err() || entry.seq == 0 {
            "its number is out of range"
        } else if !(0..=STAMP_MAX_MS).contains(&entry.hlc.wall_ms) {
            "its stamp is out of range"
        } else {
            return Ok(());
        };
        Err(PageRefusal::Unstorable { series: series.clone(), seq: entry.seq, why })
    }

    /// Central tells keys and tombstones; an edge tells keys of those whose text it sends.
    fn check_key(&self, key: &SubjectKey, named: &BTreeSet<SubjectId>) -> Result<(), PageRefusal> {
        if self.sender_is_central && key.is_well_formed() { Ok(()) } else { key_of_edge(key, named) }
    }
}

/// Says whether an edge may tell a key: of somebody whose text it sends, and not erased.
pub(super) fn key_of_edge(key: &SubjectKey, named: &BTreeSet<SubjectId>) -> Result<(), PageRefusal> {
    let why = if !key.is_well_formed() {
        "has a form that no store holds"
    } else if key.wrapped.is_none() {
        "was erased by an edge; central alone erases"
    } else if !named.contains(&key.subject) {
        "comes without a text of that person"
    } else {
        return Ok(());
    };
    Err(PageRefusal::Key { why })
}
