//! Whose device it is.

use axum::http::StatusCode;
use ondol_core::command::Refusal;
use ondol_core::fact::Driver;
use ondol_core::ids::{DeviceId, DriverId};
use ondol_device::wire::Who;
use ondol_engine::http::Problem;
use ondol_engine::identity::policy::{Caller, Districts, Object, Operation, Owner, allow};
use ondol_engine::identity::{Bearer, Standing, is_driver_secret};
use ondol_engine::vault::E164;

use crate::state::DriverState;

/// Lets a device speak for itself only.
///
/// # Errors
///
/// 404 for anything said in another device's name.
pub(crate) fn speaks_for_itself(bearer: &Bearer, device: DeviceId) -> Result<(), Problem> {
    let caller = Caller {
        role: ondol_engine::identity::Role::Driver,
        fleet: Some(bearer.fleet.clone()),
        districts: Districts::Some(vec![bearer.district.clone()]),
    };
    let owner = if device == bearer.device { Owner::Caller } else { Owner::Other };
    let shift = Object { district: Some(&bearer.district), fleet: Some(&bearer.fleet), owner };
    Ok(allow(&caller, Operation::ServeShift, &shift).check()?)
}

/// Counts a message over HTTP.
///
/// # Errors
///
/// 429 if the device has said too much.
pub(crate) fn within_budget(state: &DriverState, bearer: &Bearer) -> Result<(), Problem> {
    if state.budgets.spend(bearer.device, state.handle.now().ticks) {
        Ok(())
    } else {
        Err(Problem::too_many(1))
    }
}

/// The driver of that number, if the secret is the driver's.
///
/// # Errors
///
/// Nothing but `None` tells a wrong number from a wrong secret; [`Problem`] if this node cannot tell now.
pub(crate) async fn recognise(
    state: &DriverState,
    phone: &E164,
    secret: &str,
) -> Result<Option<Driver>, Problem> {
    let key = state.handle.vault().phone_key(phone);
    let found = state
        .handle
        .read(move |node| node.board().driver_by_phone(&key).map(|(_, driver)| driver.clone()))
        .await?;
    // An unknown number takes as long as a wrong secret.
    let (driver, digest) = match &found {
        Some(driver) => (driver.driver, driver.secret_digest.as_str()),
        None => (DriverId::from_number(0), ""),
    };
    let matches = is_driver_secret(&state.secret_key, driver, secret, digest);
    Ok(found.filter(|_| matches))
}

/// Says whether this node may give `driver` a shift pass.
///
/// # Errors
///
/// The refusals of a sign-in: barred, served by text, another node's, or a roster too old to tell.
pub(crate) async fn may_sign_in(state: &DriverState, driver: &Driver) -> Result<(), Problem> {
    if driver.banned {
        return Err(Refusal::Banned.into());
    }
    if driver.home.is_some() {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "served_by_text",
            "you are registered for text messages; ask your company to register you for the app",
        ));
    }
    let Standing::Edge(own) = state.identity.standing() else { return Ok(()) };
    if driver.district != *own {
        return Err(Refusal::OtherDistrict.into());
    }
    let own = own.clone();
    // An operator may answer for what the edge does not know.
    let may_begin = state
        .handle
        .read_at(move |node, now| node.knows_bans(&own, now) || node.bans_waived_until(&own, now).is_some())
        .await?;
    if may_begin { Ok(()) } else { Err(Refusal::RosterTooOld.into()) }
}

/// Says whether the roster still lets the bearer of a pass work: a barred driver ends the shift and begins none.
///
/// # Errors
///
/// [`Refusal::UnknownDriver`] or [`Refusal::Banned`].
pub(crate) async fn may_work(state: &DriverState, bearer: &Bearer) -> Result<(), Problem> {
    let (district, driver) = (bearer.district.clone(), bearer.driver);
    let (listed, on_duty) = state
        .handle
        .read(move |node| {
            let board = node.board().district(&district);
            let listed = board.and_then(|board| board.drivers.get(&driver)).map(|(_, driver)| driver.banned);
            (listed, board.is_some_and(|board| board.shift_of(driver).is_some()))
        })
        .await?;
    match listed {
        None => Err(Refusal::UnknownDriver.into()),
        Some(true) if !on_duty => Err(Refusal::Banned.into()),
        Some(true | false) => Ok(()),
    }
}

/// Whose shift it is, from pass and roster.
///
/// # Errors
///
/// [`Refusal::UnknownDriver`] if the roster here does not list the driver.
pub(crate) async fn who(state: &DriverState, bearer: &Bearer) -> Result<Who, Problem> {
    let (district, driver) = (bearer.district.clone(), bearer.driver);
    let listed = state
        .handle
        .read(move |node| {
            let board = node.board().district(&district)?;
            board.drivers.get(&driver).map(|(_, driver)| (driver.fleet.clone(), driver.vehicle.clone()))
        })
        .await?;
    let (fleet, vehicle) = listed.ok_or(Refusal::UnknownDriver)?;
    Ok(Who { driver, district: bearer.district.clone(), fleet, vehicle })
}
