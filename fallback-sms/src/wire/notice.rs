//! Texts that a node wants sent, what became of them, and what an operator must hear of.

use std::collections::BTreeMap;

use ondol_messages::Lang;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::UtcMs;

/// A text that a node wants sent: a row of its durable outbox.
///
/// `template` and the names in `args` are those of [`crate::reply::TEMPLATES`] (`sms-…`); values
/// that would not fit one message are shortened, an unknown template is answered `refused`. A `phone`
/// that is left out is the depot's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Place in the node's outbox, rising.
    pub seq: i64,
    /// The same at every node that knows the notice: it is sent once.
    pub id: Uuid,
    /// The number, E.164.
    pub to: String,
    /// The reader's language.
    pub lang: Lang,
    /// Key of the catalogue.
    pub template: String,
    /// Values for the template.
    pub args: BTreeMap<String, String>,
    /// Whether it goes before others and may use the day's reserve (offers, PINs).
    pub urgent: bool,
    /// Not sent after this moment.
    pub expires_at: UtcMs,
    /// A question about a booking that the reader answers with 1 or 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Ask>,
}

/// A question about a booking: `1` keeps it, `2` cancels it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Which booking.
    pub booking_id: Uuid,
    /// Why it is asked.
    pub kind: AskKind,
}

/// Why a rider is asked about a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskKind {
    /// It waited through an outage.
    StillWanted,
    /// It may be the same as another of the same rider.
    MaybeDuplicate,
}

/// A page of notices, in order of `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticesAnswer {
    /// The node's name and incarnation: cursors belong to it, so that a node whose numbers may have started again is
    /// read from its start.
    pub outbox: String,
    /// At most [`super::NOTICES_MAX`].
    pub notices: Vec<Notice>,
}

/// What became of notices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AckRequest {
    /// The outbox the notices came from.
    pub outbox: String,
    /// At most [`super::NOTICES_MAX`].
    pub results: Vec<NoticeResult>,
}

/// What became of one notice. Later outcomes follow earlier ones; each may be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeResult {
    /// Which.
    pub id: Uuid,
    /// What.
    pub outcome: NoticeOutcome,
    /// When.
    pub at: UtcMs,
}

/// Outcomes of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeOutcome {
    /// Durable in the text process: the node need not show it again.
    Taken,
    /// The carrier has it.
    Sent,
    /// The phone has it, says a receipt.
    Delivered,
    /// The carrier gave it up.
    Failed,
    /// Its time ran out before it could be sent.
    Expired,
    /// It cannot be sent: unknown template or variable, a number outside the country list, a budget, or STOP.
    Refused,
    /// An offer got no answer from that number within 45 s: voice or an operator takes over.
    Unanswered,
}

/// Something an operator must hear of, sent until a node has taken it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Names this report.
    pub report_id: Uuid,
    /// The number it is about, E.164; empty for one about the whole text path.
    pub phone: String,
    /// What happened.
    pub kind: ReportKind,
    /// The person's words where they matter, at most [`super::REPORT_MAX_CHARS`]; hostile text, to be shown only as text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// When.
    pub at: UtcMs,
}

/// A token that follows the one that was shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenAnswer {
    /// The token.
    pub token: String,
}

impl std::fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenAnswer(…)")
    }
}

/// Kinds of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// Somebody wrote SOS.
    Sos,
    /// A driver has a problem.
    Problem,
    /// The number wants no more texts.
    Stopped,
    /// The number writes again after STOP.
    Resumed,
    /// A budget of texts is spent: pumping, or a very bad day.
    BudgetSpent,
    /// Two machines were answering each other.
    LoopStopped,
    /// A person wrote something no rule understands while a booking or a trip of theirs is open.
    NotUnderstood,
    /// Something of the text process's own is broken: a row that cannot be read, a text that cannot be made.
    SetAside,
}

impl ReportKind {
    /// True if somebody may be in danger or stuck: every node that can be reached is told, because nobody knows at
    /// which console somebody looks.
    #[must_use]
    pub fn is_for_every_node(self) -> bool {
        match self {
            Self::Sos | Self::Problem => true,
            Self::Stopped
            | Self::Resumed
            | Self::BudgetSpent
            | Self::LoopStopped
            | Self::NotUnderstood
            | Self::SetAside => false,
        }
    }
}
