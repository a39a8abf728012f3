//! Who needs a person.

use ondol_core::ids::BookingId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use ondol_engine::http::Moment;
use ondol_engine::vault::Hidden;

/// What came by text and waits for a person: at most [`ondol_engine::store::REPORTS_MAX`], SOS and problems first,
/// then the newest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportsView {
    /// The reports.
    pub reports: Vec<ReportRow>,
}

/// One report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportRow {
    /// Its id.
    pub report: Uuid,
    /// What happened: `sos`, `problem`, `not_understood`, `budget_spent`, `loop_stopped`, `set_aside`.
    pub kind: String,
    /// Somebody may be in danger or stuck.
    pub urgent: bool,
    /// The number, but for its middle; absent if it is about the text path itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_masked: Option<String>,
    /// The number is a driver's.
    pub is_driver: bool,
    /// The person's open booking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booking: Option<BookingId>,
    /// The person's words; empty if there were none, or if they are hidden.
    pub text: String,
    /// Why number and words are not shown, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Hidden>,
    /// When.
    pub at: Moment,
}
