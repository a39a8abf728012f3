//! `POST /text/v1/reports`: what an operator must hear of, kept until somebody has taken care of it.

use axum::Json;
use axum::extract::State;
use ondol_core::units::UtcMs;
use ondol_engine::http::{Problem, StrictJson};
use ondol_engine::identity::TextClient;
use ondol_engine::store::{ReportWords, TextReport};

use super::{Reach, TextDoor};
use crate::wire::{Empty, REPORT_MAX_CHARS, Report, ReportKind};

/// Answers once the report is on disk; the same report is kept once.
pub(super) async fn keep(
    State(door): State<TextDoor>,
    client: TextClient,
    StrictJson(report): StrictJson<Report>,
) -> Result<Json<Empty>, Problem> {
    Reach::of(&client).check_any(&door.handle).await?;
    let phone = if report.phone.is_empty() { None } else { Some(super::phone(&report.phone)?) };
    if report.text.chars().count() > REPORT_MAX_CHARS {
        return Err(Problem::invalid(format!("text has at most {REPORT_MAX_CHARS} characters")));
    }
    let kind = name(report.kind);
    // Counted and logged without the number or the words.
    metrics::counter!("ondol_text_reports_total", "kind" => kind).increment(1);
    tracing::warn!(report = %report.report_id, kind, "the text process reports");
    if !needs_a_person(report.kind) {
        return Ok(Json(Empty {}));
    }
    let text = report.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let sealed = ReportWords { phone, text }.seal(door.handle.vault());
    let kept = TextReport {
        id: report.report_id,
        kind: kind.to_owned(),
        urgent: report.kind.is_for_every_node(),
        sealed: sealed.map_err(|error| Problem::internal(&error))?,
        at: UtcMs(report.at.0),
    };
    let done = door.handle.store().keep_report(&kept, door.handle.now().utc).await;
    done.map_err(|error| Problem::internal(&error))?;
    Ok(Json(Empty {}))
}

/// A stop is the person's own wish, and nobody need do anything about it.
fn needs_a_person(kind: ReportKind) -> bool {
    match kind {
        ReportKind::Sos
        | ReportKind::Problem
        | ReportKind::BudgetSpent
        | ReportKind::LoopStopped
        | ReportKind::NotUnderstood
        | ReportKind::SetAside => true,
        ReportKind::Stopped | ReportKind::Resumed => false,
    }
}

fn name(kind: ReportKind) -> &'static str {
    match kind {
        ReportKind::Sos => "sos",
        ReportKind::Problem => "problem",
        ReportKind::Stopped => "stopped",
        ReportKind::Resumed => "resumed",
        ReportKind::BudgetSpent => "budget_spent",
        ReportKind::LoopStopped => "loop_stopped",
        ReportKind::NotUnderstood => "not_understood",
        ReportKind::SetAside => "set_aside",
    }
}
