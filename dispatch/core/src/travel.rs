//! How long a car needs, and whose ground it stands on: given to the core as data.

use crate::ids::DistrictId;
use crate::position::Position;

/// Travel times by road, and where districts lie.
///
/// The map implements it; [`StraightLine`] stands in where a map is too old or absent.
pub trait TravelTimes {
    /// Seconds of driving from each of `sources` to `target`; `None` where no road leads.
    ///
    /// **Shape**: one value per source, in the order of `sources`.
    fn durations_s(&self, target: Position, sources: &[Position]) -> Vec<Option<u32>>;

    /// The district that holds `position`; `None` where the map draws none.
    fn district_at(&self, position: Position) -> Option<DistrictId>;
}

/// Straight line × 1.4 at a town's mean speed: what is left when the map is unusable.
#[derive(Debug, Clone, Copy, Default)]
pub struct StraightLine;

/// Mean detour factor of streets against the straight line.
const DETOUR: f64 = 1.4;
/// Mean speed in a town in metres per second (25 km/h).
const SPEED_M_PER_S: f64 = 25.0 / 3.6;

impl TravelTimes for StraightLine {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 20,000 km at 7 m/s")]
    fn durations_s(&self, target: Position, sources: &[Position]) -> Vec<Option<u32>> {
        sources
            .iter()
            .map(|source| Some((source.distance_m(target) * DETOUR / SPEED_M_PER_S).round() as u32))
            .collect()
    }

    fn district_at(&self, _position: Position) -> Option<DistrictId> {
        None
    }
}
