//! What joining histories brought to light.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Query, State, rejection::QueryRejection};
use ondol_core::ids::{BookingId, DistrictId, NodeId};
use ondol_core::node::Node;
use ondol_core::pin::booking_code;
use ondol_core::reconcile::{Conflict, Reconciliation, Resolution, report};
use ondol_core::units::{Now, UtcMs};
use ondol_engine::http::{Moment, Problem};
use ondol_engine::identity::OperatorSession;
use ondol_engine::identity::policy::{Caller, Object, Operation, allow};
use serde::Deserialize;

use crate::state::ConsoleState;
use crate::view::{object_fleet, sees};
use crate::wire::{CONFLICTS_MAX, ConflictView, OutageView, ReconciliationView, Standing};

/// The window, if none is asked for: a day.
const WINDOW_MS: i64 = 24 * 3_600_000;

/// The window asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Window {
    from: Option<Moment>,
}

/// `GET /console/v1/reconciliation?from=`: from then to now; without `from`, the last day.
pub(crate) async fn show(
    State(state): State<ConsoleState>,
    session: OperatorSession,
    query: Result<Query<Window>, QueryRejection>,
) -> Result<Json<ReconciliationView>, Problem> {
    let Query(window) = query.map_err(|error| Problem::invalid(error.body_text()))?;
    allow(&session.caller, Operation::ReadRecord, &Object::default()).check()?;
    let caller = session.caller;
    let from = window.from.map(|from| from.0);
    let (mut conflicts, districts, from, at) =
        state.handle.read_at(move |node, now| look(node, &caller, from, now)).await?;
    conflicts.sort_by_key(|conflict| (!conflict.open, std::cmp::Reverse(conflict.at)));
    conflicts.truncate(CONFLICTS_MAX);
    let standing = Standing { authority: state.handle.node_id().clone(), as_of: at.into() };
    Ok(Json(ReconciliationView { conflicts, from: from.into(), districts, standing }))
}

fn look(
    node: &Node,
    caller: &Caller,
    from: Option<UtcMs>,
    now: Now,
) -> (Vec<ConflictView>, Vec<OutageView>, UtcMs, UtcMs) {
    let from = from.unwrap_or(UtcMs(now.utc.0 - WINDOW_MS));
    let mut conflicts = Vec::new();
    let mut districts = Vec::new();
    for district in node.config().districts.keys() {
        if !sees(caller, Operation::ReadRecord, district, None) {
            continue;
        }
        let told = report(node.board(), district, from, now.utc.plus_ms(1));
        conflicts.extend(told.conflicts.iter().filter_map(|conflict| view(node, caller, district, conflict)));
        districts.push(outage(told));
    }
    (conflicts, districts, from, now.utc)
}

fn outage(told: Reconciliation) -> OutageView {
    let mut served: BTreeMap<NodeId, u64> = BTreeMap::new();
    for trip in told.served {
        *served.entry(trip.by).or_default() += 1;
    }
    OutageView { district: told.district, accepted: told.accepted, merged: told.merged, served }
}

fn view(node: &Node, caller: &Caller, district: &DistrictId, conflict: &Conflict) -> Option<ConflictView> {
    let booking: BookingId = *conflict.bookings.first()?;
    let (_, record) = node.board().booking(booking)?;
    if !sees(caller, Operation::ReadRecord, district, object_fleet(node, record)) {
        return None;
    }
    let open = matches!(conflict.resolution, Resolution::AskRider | Resolution::Operator);
    Some(ConflictView {
        kind: conflict.kind.as_str().to_owned(),
        booking,
        code: booking_code(booking),
        other: conflict.bookings.get(1).copied(),
        district: district.clone(),
        at: record.accepted.as_ref()?.at.into(),
        resolution: conflict.resolution.as_str().to_owned(),
        gave_way: conflict.gives_way.len(),
        open,
    })
}
