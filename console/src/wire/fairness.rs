//! How work, waiting and takings were shared.

use ondol_core::ids::FleetId;
use serde::{Deserialize, Serialize};

use super::{RuleView, Standing};
use ondol_engine::http::Moment;

/// A window of time, fleet by fleet. Whoever belongs to a fleet sees that one alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FairnessView {
    /// The first moment that counts: later than asked for if the window held too much.
    pub from: Moment,
    /// The first moment that does not, at the latest the newest that the journal knows.
    pub to: Moment,
    /// The fleets, in the order of names.
    pub fleets: Vec<FleetView>,
    /// Questions by the rule that chose, in the order of names, at most [`super::RULES_MAX`]; empty for whoever belongs to a fleet.
    pub rules: Vec<RuleCount>,
    /// Gini coefficient of takings in an hour over the drivers of all fleets; absent if nobody earned anything, and for
    /// whoever belongs to a fleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gini_takings: Option<f64>,
    /// What was left out; absent if nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<LeftOut>,
    /// Who says so.
    pub standing: Standing,
}

/// What a window does not tell of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// Entries of the journal before `from`, because the window that was asked for held too many.
    pub entries: u64,
    /// Shifts that began before it and were too many to look up.
    pub shifts: usize,
}

/// A rule and how often it chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleCount {
    /// The rule.
    pub rule: RuleView,
    /// Questions.
    pub asked: u64,
}

/// What the drivers of a fleet had together. Money is in the currency's smallest unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetView {
    /// The fleet.
    pub fleet: FleetId,
    /// Its drivers who were on duty.
    pub drivers: usize,
    /// Seconds on duty without breaks.
    pub available_s: u64,
    /// Of these, on the way to riders.
    pub to_pickup_s: u64,
    /// Of these, with riders.
    pub with_rider_s: u64,
    /// The rest of them.
    pub idle_s: u64,
    /// The part that is idle, 0 to 1; absent without time on duty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_share: Option<f64>,
    /// Questions.
    pub asked: u64,
    /// Answered with yes.
    pub taken: u64,
    /// Answered with no.
    pub declined: u64,
    /// Not answered in time; a question may never have arrived.
    pub unanswered: u64,
    /// Times that one of theirs was the nearest who came into question.
    pub nearest: u64,
    /// Of these, times that somebody else was asked all the same.
    pub passed_over: u64,
    /// Trips that ended, those from the street included.
    pub rides: u64,
    /// What was taken for them, as drivers told it.
    pub takings: i64,
    /// In an hour on duty; absent under an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takings_per_h: Option<i64>,
    /// Gini coefficient of the takings in an hour of its drivers: 0 if all earned alike; absent if nobody earned anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gini_takings: Option<f64>,
}
