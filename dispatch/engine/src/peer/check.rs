//! What a peer may tell: checked before anything of it reaches the core.

use ondol_core::ids::{DistrictId, NodeId};
use ondol_core::journal::{Entry, Lane, PAYLOAD_MAX};
use thiserror::Error;

use super::wire::PullAnswer;
use crate::store::PAGE_ENTRIES_MAX;

/// Most subject keys in an answer.
pub(super) const KEYS_MAX: usize = 1_000;
/// Longest kind and key of an entry, in bytes.
const WORD_MAX: usize = 128;

/// Why a page is refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum PageRefusal {
    #[error("the page has more entries or keys than were asked for")]
    TooMany,
    #[error("{series} is not this peer's to tell")]
    Foreign { series: String },
    #[error("{series} entry {seq} cannot be stored: {why}")]
    Unstorable { series: String, seq: u64, why: &'static str },
}

/// Who sends a page, and who receives it.
pub(super) struct Parties<'a> {
    pub(super) sender: &'a NodeId,
    /// Central may relay every series of the districts; an edge tells its own, and gives central its own past back.
    pub(super) sender_is_central: bool,
    pub(super) receiver: &'a NodeId,
    pub(super) districts: &'a [DistrictId],
}

impl Parties<'_> {
    pub(super) fn check(&self, page: &PullAnswer) -> Result<(), PageRefusal> {
        if page.entries.len() > PAGE_ENTRIES_MAX || page.keys.len() > KEYS_MAX {
            return Err(PageRefusal::TooMany);
        }
        page.entries.iter().try_for_each(|entry| self.check_entry(entry))
    }

    fn check_entry(&self, entry: &Entry) -> Result<(), PageRefusal> {
        let series = &entry.series;
        let in_district = self.districts.contains(&series.district);
        let own_past = series.origin == *self.receiver;
        let may_tell = if self.sender_is_central {
            in_district || series.district == DistrictId::all()
        } else {
            // An edge never writes the roster, and nothing for the whole platform.
            let wrote_it = series.origin == *self.sender && series.lane != Lane::Roster && in_district;
            wrote_it || (own_past && (in_district || series.district == DistrictId::all()))
        };
        if !may_tell {
            return Err(PageRefusal::Foreign { series: series.to_string() });
        }
        let why = if entry.payload.len() > PAYLOAD_MAX {
            "its payload is too large"
        } else if entry.kind.len() > WORD_MAX || entry.key.len() > WORD_MAX {
            "its kind or key is too long"
        } else if [&entry.payload, &entry.kind, &entry.key].iter().any(|text| text.contains('\0')) {
            "PostgreSQL stores no NUL"
        } else if i64::try_from(entry.seq).is_err() || entry.seq == 0 {
            "its number is out of range"
        } else {
            return Ok(());
        };
        Err(PageRefusal::Unstorable { series: series.to_string(), seq: entry.seq, why })
    }
}
