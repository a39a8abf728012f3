//! `POST /driver/v1/sign-in`: number and secret for a shift pass.

use axum::Json;
use axum::extract::State;
use ondol_core::units::UtcMs;
use ondol_engine::http::{Problem, StrictJson};
use ondol_engine::identity::{AuthError, Bearer, ClientAddress, PASS_LIFE_MS, SignInRefusal};
use ondol_engine::vault::E164;
use uuid::Uuid;

use crate::auth::{may_sign_in, recognise};
use crate::state::DriverState;
use crate::wire::{SignIn, SignedIn};

/// Gives a driver's device its shift pass.
///
/// # Errors
///
/// 401 `wrong_credentials`, 429 `too_many_tries`, and what [`may_sign_in`] refuses.
pub(crate) async fn sign_in(
    State(state): State<DriverState>,
    ClientAddress(address): ClientAddress,
    StrictJson(request): StrictJson<SignIn>,
) -> Result<Json<SignedIn>, Problem> {
    let phone: E164 = request.phone.parse().map_err(|error| Problem::invalid(format!("phone: {error}")))?;
    // Counted by the number's hash: the bound on tries keeps no number in clear.
    let account = format!("driver {}", state.handle.vault().phone_key(&phone).0);
    state.identity.try_once(&account, &address).map_err(AuthError::from)?;
    let driver = recognise(&state, &phone, &request.secret).await?;
    let Some(driver) = driver else {
        state.identity.tried_badly(&account, &address);
        return Err(AuthError::SignIn(SignInRefusal::Wrong).into());
    };
    state.identity.tried_well(&account, &address);
    may_sign_in(&state, &driver).await?;
    let bearer = Bearer {
        driver: driver.driver,
        fleet: driver.fleet.clone(),
        district: driver.district.clone(),
        device: request.key.device(),
        jkt: request.key.thumbprint(),
        expires_at: UtcMs(0),
        token: Uuid::nil(),
    };
    let (pass, issued) = state.identity.issue_pass(&bearer, PASS_LIFE_MS);
    Ok(Json(SignedIn {
        pass,
        expires_at: issued.expires_at,
        driver: issued.driver,
        device: issued.device,
        fleet: issued.fleet,
        district: issued.district,
        lang: driver.lang,
        plate: driver.vehicle.plate,
    }))
}
