//! How work, waiting and takings were shared between fleets in a window, from the same reckoning as `ondol journal fairness`.
//!
//! It is made beside the loop, from the store. Drivers are not told apart here: that is for whoever has the journal.

use axum::Json;
use axum::extract::{Query, State, rejection::QueryRejection};
use axum::http::StatusCode;
use ondol_core::fairness::{DriverShare, Fairness, FleetShare, Span, fairness, gini};
use ondol_core::ids::{DistrictId, ShiftId};
use ondol_core::node::Node;
use ondol_core::shift::{Duty, ShiftRecord};
use ondol_core::units::UtcMs;
use ondol_engine::http::{Moment, Problem};
use ondol_engine::identity::OperatorSession;
use ondol_engine::identity::policy::{Caller, Object, Operation, allow};
use ondol_engine::store::{WINDOW_ENTRIES_MAX, Window, WindowError};
use serde::Deserialize;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::input::out_of_range;
use crate::state::{ConsoleState, Inner};
use crate::view::{rule, sees};
use crate::wire::{FAIRNESS_MAX_MS, FairnessView, FleetView, LeftOut, RULES_MAX, RuleCount, Standing};

/// The window, if no beginning is asked for: a day.
const WINDOW_MS: i64 = 24 * 3_600_000;
/// Whoever finds a report being made comes again after so long, in seconds.
const AGAIN_S: u32 = 5;

/// The window asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    from: Option<Moment>,
    to: Option<Moment>,
}

/// `GET /console/v1/fairness?from=&to=`: without `to`, to now; without `from`, from a day before.
pub(crate) async fn show(
    State(state): State<ConsoleState>,
    session: OperatorSession,
    query: Result<Query<Wish>, QueryRejection>,
) -> Result<Json<FairnessView>, Problem> {
    let Query(wish) = query.map_err(|error| Problem::invalid(error.body_text()))?;
    allow(&session.caller, Operation::ReadRecord, &Object::default()).check()?;
    let now = state.handle.now().utc;
    let asked = span(&wish, now)?;
    let _alone = alone(&state.reporting)?;
    let window = window(&state, &session.caller, asked).await?;
    let left_out = left_out(&window);
    let reckoned = move || fairness(&window.board, &window.duties, window.span);
    // A week of a town takes a while: not on a thread that answers requests.
    let found = tokio::task::spawn_blocking(reckoned).await.map_err(|error| Problem::internal(&error))?;
    let standing = Standing { authority: state.handle.node_id().clone(), as_of: now.into() };
    Ok(Json(view(&session.caller, &found, left_out, standing)))
}

/// Waits for nobody: one report is made at a time.
///
/// # Errors
///
/// 503 `report_running`.
fn alone(reporting: &Semaphore) -> Result<SemaphorePermit<'_>, Problem> {
    reporting.try_acquire().map_err(|_| {
        let detail = "this report is being made for somebody else; ask again in a moment";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "report_running", detail).retry_after(AGAIN_S)
    })
}

/// The window that is asked for.
///
/// # Errors
///
/// 422 `out_of_range` if it ends in the future or before it begins, or is longer than a week.
fn span(wish: &Wish, now: UtcMs) -> Result<Span, Problem> {
    let to = wish.to.map_or(now, |to| to.0);
    let from = wish.from.map_or(UtcMs(to.0 - WINDOW_MS), |from| from.0);
    if to > now {
        return Err(out_of_range("to lies in the future"));
    }
    if from >= to {
        return Err(out_of_range("from must lie before to"));
    }
    if to.since_ms(from) > FAIRNESS_MAX_MS.cast_signed() {
        return Err(out_of_range("a window has at most 7 days"));
    }
    Ok(Span { from, to })
}

async fn window(state: &Inner, caller: &Caller, asked: Span) -> Result<Window, Problem> {
    let caller = caller.clone();
    let (districts, on_duty) = state.handle.read(move |node| look(node, &caller, asked)).await?;
    let window = state.handle.store().window(&districts, asked, on_duty, WINDOW_ENTRIES_MAX).await;
    window.map_err(|error| match error {
        WindowError::TooFull(_) => {
            let detail = format!("{error}: use `ondol journal fairness` on the node's machine");
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "window_too_full", detail)
        }
        WindowError::Store(error) => {
            tracing::error!(%error, "the journal cannot be read for a fairness report");
            Problem::unavailable()
        }
    })
}

/// The districts that `caller` sees, and their shifts on duty in the window.
fn look(node: &Node, caller: &Caller, span: Span) -> (Vec<DistrictId>, Vec<(DistrictId, ShiftId)>) {
    let served = node.config().districts.keys();
    let districts: Vec<DistrictId> =
        served.filter(|district| sees(caller, Operation::ReadRecord, district, None)).cloned().collect();
    let mut on_duty = Vec::new();
    for district in &districts {
        let shifts = node.board().district(district).into_iter().flat_map(|board| board.shifts.values());
        let of_then = shifts.filter(|shift| was_on_duty(shift, span));
        on_duty.extend(of_then.map(|shift| (district.clone(), shift.id)));
    }
    (districts, on_duty)
}

fn was_on_duty(shift: &ShiftRecord, span: Span) -> bool {
    let had_ended = matches!(shift.duty, Some((_, Duty::Ended, at)) if at <= span.from);
    shift.start.as_ref().is_some_and(|start| start.at < span.to) && !had_ended
}

fn left_out(window: &Window) -> Option<LeftOut> {
    let left_out = LeftOut { entries: window.entries_left_out, shifts: window.shifts_left_out };
    (left_out != LeftOut { entries: 0, shifts: 0 }).then_some(left_out)
}

/// What `caller` sees of it: of figures that hold for all fleets together, whoever belongs to one sees none.
fn view(caller: &Caller, found: &Fairness, left_out: Option<LeftOut>, standing: Standing) -> FairnessView {
    let is_seen = |fleet: &&FleetShare| {
        let object = Object { fleet: Some(&fleet.fleet), ..Object::default() };
        allow(caller, Operation::ReadRecord, &object).check().is_ok()
    };
    let is_above = caller.fleet.is_none();
    let rules = found.rules.iter().filter(|_| is_above).take(RULES_MAX);
    FairnessView {
        from: found.from.into(),
        to: found.to.into(),
        fleets: found.fleets.iter().filter(is_seen).map(|fleet| fleet_view(fleet, &found.drivers)).collect(),
        rules: rules.map(|(name, asked)| RuleCount { rule: rule(name), asked: *asked }).collect(),
        gini_takings: found.gini_takings.filter(|_| is_above),
        left_out,
        standing,
    }
}

fn fleet_view(of: &FleetShare, drivers: &[DriverShare]) -> FleetView {
    let share = &of.share;
    let own = drivers.iter().filter(|driver| driver.fleet == of.fleet);
    let hourly = own.filter_map(|driver| u64::try_from(driver.share.takings_per_h()?).ok()).collect();
    FleetView {
        fleet: of.fleet.clone(),
        drivers: of.drivers,
        available_s: share.available_s,
        to_pickup_s: share.to_pickup_s,
        with_rider_s: share.with_rider_s,
        idle_s: share.idle_s,
        idle_share: share.idle_share(),
        asked: share.asked,
        taken: share.taken,
        declined: share.declined,
        unanswered: share.unanswered,
        nearest: share.nearest,
        passed_over: share.passed_over,
        rides: share.rides,
        takings: share.takings,
        takings_per_h: share.takings_per_h(),
        gini_takings: gini(hourly),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMs = UtcMs(1_772_442_000_000);

    fn wish(from_h: Option<i64>, to_h: Option<i64>) -> Wish {
        let moment = |hours: i64| Moment(UtcMs(NOW.0 + hours * 3_600_000));
        Wish { from: from_h.map(moment), to: to_h.map(moment) }
    }

    #[test]
    fn a_window_ends_by_now_after_it_begins_and_has_a_week_at_most() {
        for (from_h, to_h) in [(Some(0), None), (Some(-1), Some(-1)), (Some(-1), Some(-2)), (None, Some(1))] {
            let refused = span(&wish(from_h, to_h), NOW).unwrap_err();
            assert_eq!((refused.status, refused.code.as_str()), (422, "out_of_range"), "{from_h:?} {to_h:?}");
        }
        assert!(span(&wish(Some(-169), None), NOW).is_err(), "a week and an hour");
        let week = span(&wish(Some(-170), Some(-2)), NOW).unwrap();
        assert_eq!(week.to.since_ms(week.from), FAIRNESS_MAX_MS.cast_signed());
        let day = span(&wish(None, None), NOW).unwrap();
        assert_eq!((day.from, day.to), (UtcMs(NOW.0 - WINDOW_MS), NOW));
    }

    #[test]
    fn one_report_is_made_at_a_time() {
        let reporting = Semaphore::new(1);
        let first = alone(&reporting);
        let refused = alone(&reporting).unwrap_err();
        assert_eq!((refused.status, refused.code.as_str(), refused.retry), (503, "report_running", true));
        drop(first);
        assert!(alone(&reporting).is_ok());
    }
}
