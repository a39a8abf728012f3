//! Who is free near a place?

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use ondol_core::command::Refusal;
use ondol_core::ids::DistrictId;
use ondol_core::node::{NearShift, Node};
use ondol_core::position::Position;
use ondol_core::units::Now;
use ondol_engine::http::{Problem, lat_lon};
use ondol_engine::identity::OperatorSession;
use ondol_engine::identity::policy::{Caller, Object, Operation, allow};
use serde::Deserialize;

use crate::input::out_of_range;
use crate::state::ConsoleState;
use crate::view::{sees, utc_of};
use crate::wire::{NEAR_MAX, NearTaxi, NearView, Standing};

/// Where, and how many.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    at: String,
    #[serde(default = "ten")]
    most: usize,
}

fn ten() -> usize {
    10
}

/// `GET /console/v1/districts/{id}/taxis/near?at=LAT,LON&most=`: those of the caller's fleet; without `most`, ten.
pub(crate) async fn near(
    State(state): State<ConsoleState>,
    session: OperatorSession,
    path: Result<Path<DistrictId>, PathRejection>,
    query: Result<Query<Wish>, QueryRejection>,
) -> Result<Json<NearView>, Problem> {
    let Path(district) = path.map_err(|_| Problem::from(Refusal::OtherDistrict))?;
    let Query(wish) = query.map_err(|error| Problem::invalid(error.body_text()))?;
    let object = Object { district: Some(&district), ..Object::default() };
    allow(&session.caller, Operation::SeeBoard, &object).check()?;
    let at = lat_lon(&wish.at, "at")?;
    if !(1..=NEAR_MAX).contains(&wish.most) {
        return Err(out_of_range(format!("most is {}, it must be 1 to {NEAR_MAX}", wish.most)));
    }
    let caller = session.caller;
    let (taxis, as_of) = state
        .handle
        .read_at(move |node, now| {
            let is_served = node.config().districts.contains_key(&district);
            let taxis = is_served.then(|| free(node, &district, at, wish.most, &caller, now));
            (taxis.ok_or(Refusal::OtherDistrict), now.utc)
        })
        .await?;
    let standing = Standing { authority: state.handle.node_id().clone(), as_of: as_of.into() };
    Ok(Json(NearView { taxis: taxis?, standing }))
}

fn free(
    node: &Node,
    district: &DistrictId,
    at: Position,
    most: usize,
    caller: &Caller,
    now: Now,
) -> Vec<NearTaxi> {
    let near = node.nearest_free(district, at, most, now, |shift| {
        let fleet = shift.start.as_ref().map(|start| &start.fleet);
        sees(caller, Operation::SeeBoard, district, fleet)
    });
    near.into_iter().filter_map(|near| taxi(node, near, now)).collect()
}

fn taxi(node: &Node, near: NearShift<'_>, now: Now) -> Option<NearTaxi> {
    let NearShift { shift, position, distance_m } = near;
    let start = shift.start.as_ref()?;
    let contact = node.contacts().get(&shift.id);
    Some(NearTaxi {
        shift: shift.id,
        plate: start.vehicle.plate.clone(),
        fleet: start.fleet.clone(),
        seats: start.vehicle.seats,
        position,
        distance_m: whole(distance_m),
        heard_at: contact.map(|contact| utc_of(now, contact.heard_at).into()),
        by_text: shift.home().is_some(),
    })
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most 20,016 km, never negative"
)]
fn whole(metres: f64) -> u32 {
    metres.round() as u32
}
