//! Why a taxi was asked, question by question.

use ondol_core::fact::Release;
use ondol_core::ids::{AssignmentId, BookingId, DistrictId, FleetId, NodeId, ShiftId};
use serde::{Deserialize, Serialize};

use super::Standing;
use ondol_engine::http::Moment;

/// Who was asked for a booking, under which rule, and who else came into question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionsView {
    /// The booking.
    pub booking: BookingId,
    /// Its code.
    pub code: String,
    /// The questions, the first first, at most [`super::QUESTIONS_MAX`]; of a street hail there is none.
    pub questions: Vec<QuestionView>,
    /// Later questions that did not fit.
    pub left_out: usize,
    /// Who says so.
    pub standing: Standing,
}

/// One shift was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionView {
    /// Names the question, and the assignment that comes of it.
    pub assignment: AssignmentId,
    /// The district in which the shift was asked.
    pub district: DistrictId,
    /// The node that asked.
    pub asked_by: NodeId,
    /// When.
    pub asked_at: Moment,
    /// The rule that chose.
    pub rule: RuleView,
    /// The shift that was asked.
    pub taxi: TaxiRef,
    /// Its way to the pickup, in seconds.
    pub eta_s: u32,
    /// The other candidates that were kept, best first, at most [`super::OTHERS_MAX`].
    pub others: Vec<OtherView>,
    /// Shifts that are neither, and had been asked for this booking before, with how that had ended.
    pub asked_before: Vec<AskedBefore>,
    /// In an exchange: the assignment that its driver was asked to take over from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<AssignmentId>,
    /// What came of it.
    pub outcome: QuestionOutcome,
    /// When that came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome_at: Option<Moment>,
    /// The assignment that took over from it in an exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchanged_for: Option<AssignmentId>,
}

/// A rule of matching, in words too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleView {
    /// The name in the journal.
    pub name: String,
    /// A sentence in Korean; absent for a rule of another release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ko: Option<String>,
    /// A sentence in English; absent for a rule of another release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
}

/// A shift as the caller may know it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaxiRef {
    /// The shift; absent if it is of a fleet that the caller may not see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<ShiftId>,
    /// Its vehicle's plate, if known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plate: Option<String>,
    /// Its fleet, if known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetId>,
}

/// A shift that came into question and was not asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherView {
    /// The shift.
    pub taxi: TaxiRef,
    /// Its way to the pickup, and in an exchange what a change costs, in seconds.
    pub cost_s: u32,
}

/// A shift that had been asked before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedBefore {
    /// The shift.
    pub taxi: TaxiRef,
    /// How that had ended.
    pub outcome: Release,
}

/// What came of a question: an answer, or how it or what came of it ended without a trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuestionOutcome {
    /// Nothing yet.
    Asked,
    /// The driver said yes, and the taxi comes, came or carried the rider.
    Accepted,
    /// The driver said yes, and another taxi took over on the way.
    Exchanged,
    /// It ended without a trip.
    #[serde(untagged)]
    Ended(Release),
}
