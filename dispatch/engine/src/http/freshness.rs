//! Who decided, and how fresh that is: part of every answer about state.

use ondol_core::ids::NodeId;
use ondol_core::units::UtcMs;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Who answers, and under which authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Authority {
    /// The node that answers.
    pub node: NodeId,
    /// The node that dispatches the district, as far as this one knows; absent where no district is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<NodeId>,
}

/// An answer about state.
///
/// JSON: the members of `body`, with `authority` and `as_of` beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fresh<T> {
    /// Who decided.
    pub authority: Authority,
    /// When this was true, RFC 3339.
    pub as_of: String,
    /// What was asked for.
    #[serde(flatten)]
    pub body: T,
}

impl<T> Fresh<T> {
    /// Returns `body` as `node` knew it at `as_of`.
    #[must_use]
    pub fn new(node: NodeId, holder: Option<NodeId>, as_of: UtcMs, body: T) -> Self {
        Self { authority: Authority { node, holder }, as_of: rfc3339(as_of), body }
    }
}

/// A moment as RFC 3339 in UTC with milliseconds, such as `2022-10-15T06:30:00.000Z`.
///
/// Moments outside the years 0 to 9999 have no such form and give the nearest that has one.
#[must_use]
pub fn rfc3339(at: UtcMs) -> String {
    const FIRST_MS: i64 = -62_167_219_200_000;
    const LAST_MS: i64 = 253_402_300_799_999;
    let ms = at.0.clamp(FIRST_MS, LAST_MS);
    let moment =
        OffsetDateTime::from_unix_timestamp(ms.div_euclid(1_000)).expect("the years 0 to 9999 are in range");
    let text = moment.format(&Rfc3339).expect("RFC 3339 can say the years 0 to 9999");
    format!("{}.{:03}Z", text.trim_end_matches('Z'), ms.rem_euclid(1_000))
}
