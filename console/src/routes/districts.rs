//! Take a district by hand, give it back, and answer for bans that are old.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ondol_core::command::{Command, Refusal};
use ondol_core::ids::DistrictId;
use ondol_engine::http::{Problem, StrictJson};
use ondol_engine::identity::OperatorSession;
use ondol_engine::identity::policy::{Object, Operation, allow};
use ondol_engine::store::AuditAction;

use super::audit;
use crate::state::{ConsoleState, Inner};
use crate::view::districts;
use crate::wire::{ConfirmRequest, DistrictView, WaiveRequest};

type Id = Result<Path<DistrictId>, PathRejection>;

/// `POST /console/v1/districts/{id}/take`.
pub(crate) async fn take(
    State(state): State<ConsoleState>,
    session: OperatorSession,
    path: Id,
    StrictJson(wish): StrictJson<ConfirmRequest>,
) -> Result<Json<DistrictView>, Problem> {
    let district = confirmed(path, &wish.confirm, &session, Operation::MoveDistrict)?;
    act(&state, &session, "take", Command::TakeDistrict { district: district.clone() }, district).await
}

/// `POST /console/v1/districts/{id}/give-back`.
pub(crate) async fn give_back(
    State(state): State<ConsoleState>,
    session: OperatorSession,
    path: Id,
    StrictJson(wish): StrictJson<ConfirmRequest>,
) -> Result<Json<DistrictView>, Problem> {
    let district = confirmed(path, &wish.confirm, &session, Operation::MoveDistrict)?;
    act(&state, &session, "give back", Command::GiveBackDistrict { district: district.clone() }, district)
        .await
}

/// `POST /console/v1/districts/{id}/waive-bans`: for some hours drivers begin shifts here although nobody knows whom
/// central has barred meanwhile; for none, no longer.
pub(crate) async fn waive_bans(
    State(state): State<ConsoleState>,
    session: OperatorSession,
    path: Id,
    StrictJson(wish): StrictJson<WaiveRequest>,
) -> Result<Json<DistrictView>, Problem> {
    let district = confirmed(path, &wish.confirm, &session, Operation::WaiveBans)?;
    let for_ms = u64::from(wish.hours) * 3_600_000;
    let wanted = district.clone();
    state.handle.read(move |node| node.may_waive_bans(&wanted, for_ms)).await??;
    let reason = format!("for {} h", wish.hours);
    audit(&state, &session, AuditAction::BansWaived, district.as_str(), &reason).await?;
    act(&state, &session, "waive bans", Command::WaiveBans { district: district.clone(), for_ms }, district)
        .await
}

fn confirmed(
    path: Id,
    confirm: &DistrictId,
    session: &OperatorSession,
    operation: Operation,
) -> Result<DistrictId, Problem> {
    let Path(district) = path.map_err(|_| Problem::from(Refusal::OtherDistrict))?;
    let object = Object { district: Some(&district), ..Object::default() };
    allow(&session.caller, operation, &object).check()?;
    if *confirm == district {
        Ok(district)
    } else {
        Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "not_confirmed",
            "confirm must name the district of the address",
        ))
    }
}

async fn act(
    state: &Inner,
    session: &OperatorSession,
    what: &str,
    command: Command,
    district: DistrictId,
) -> Result<Json<DistrictView>, Problem> {
    state.handle.request(command).await?;
    tracing::warn!(operator = %session.operator.subject, %district, what, "an operator decided about a district");
    let caller = session.caller.clone();
    let views = state.handle.read_at(move |node, now| districts(node, &caller, now)).await?;
    let view = views.into_iter().find(|view| view.district == district);
    Ok(Json(view.ok_or(Refusal::OtherDistrict)?))
}
