//! A place in an address.

use ondol_core::position::Position;

use super::Problem;

/// Reads `LAT,LON` in degrees, as `37.55,126.97`; `field` names it to the caller.
///
/// # Errors
///
/// 400 `invalid_request` if it is not so written or not on the earth.
pub fn lat_lon(text: &str, field: &str) -> Result<Position, Problem> {
    let malformed = || Problem::invalid(format!("{field} is written LAT,LON in degrees, as 37.55,126.97"));
    let (lat, lon) = text.split_once(',').ok_or_else(malformed)?;
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| malformed());
    Position::new(number(lat)?, number(lon)?).map_err(|error| Problem::invalid(error.to_string()))
}
