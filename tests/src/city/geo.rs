//! Where things are in the city, and how one gets from here to there.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use ondol_core::ids::DistrictId;
use ondol_core::position::Position;
use ondol_core::units::Ticks;
use ondol_roads::RoadMap;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// Junctions that people are found at.
const JUNCTIONS: usize = 4_000;
/// Tries to find two junctions that are as far apart as a ride is long.
const TRIES: usize = 40;
/// Shortest and longest ride of a made-up city, straight, in metres.
const RIDE_M: std::ops::Range<f64> = 600.0..1_900.0;
/// What a straight line is multiplied with where no street leads, and its speed.
const DETOUR: f64 = 1.4;
const STRAIGHT_MPS: f64 = 6.0;

/// The map with what people need of it.
pub struct City {
    map: RoadMap,
    /// Junctions in districts that have an edge, with the district's place in the list.
    junctions: Vec<(Position, usize)>,
    served: Vec<DistrictId>,
    stands: Vec<TextStand>,
}

/// A stand that can be named in a text.
#[derive(Debug, Clone)]
pub struct TextStand {
    /// The number on its pole.
    pub number: u16,
    /// Where it is.
    pub position: Position,
    /// The place of its district in the list.
    pub district: usize,
}

impl City {
    /// Loads the map; the first `edges` districts have an edge.
    ///
    /// # Errors
    ///
    /// If the map cannot be loaded or has not so many districts.
    pub fn load(dir: &Path, edges: usize) -> Result<Self> {
        let map = RoadMap::load(dir).with_context(|| format!("map {}", dir.display()))?;
        Self::of(map, edges)
    }

    /// Takes a map that is loaded already.
    ///
    /// # Errors
    ///
    /// If it has not so many districts.
    pub fn of(map: RoadMap, edges: usize) -> Result<Self> {
        let districts = map.districts().context("the map has no districts")?;
        let served: Vec<DistrictId> = districts.all().iter().take(edges).map(|one| one.id.clone()).collect();
        ensure!(served.len() == edges, "the map has {} districts for {edges} edges", served.len());
        let place = |position: Position| {
            let (district, _) = districts.locate(position)?;
            served.iter().position(|known| *known == district)
        };
        let junctions: Vec<(Position, usize)> =
            map.junctions(JUNCTIONS).into_iter().filter_map(|at| Some((at, place(at)?))).collect();
        ensure!(!junctions.is_empty(), "the map has no junction in a district with an edge");
        let stands = map
            .stands()
            .into_iter()
            .filter_map(|stand| {
                let number = stand.code.as_str().parse().ok().filter(|n| (1..=9_999).contains(n))?;
                let district = place(stand.position)?;
                Some(TextStand { number, position: stand.position, district })
            })
            .collect();
        Ok(Self { junctions, served, stands, map })
    }

    /// The map.
    #[must_use]
    pub fn map(&self) -> &RoadMap {
        &self.map
    }

    /// Stands that can be named in a text.
    #[must_use]
    pub fn stands(&self) -> &[TextStand] {
        &self.stands
    }

    /// The place in the list of edges of the district that holds `position`.
    #[must_use]
    pub fn edge_of(&self, position: Position) -> Option<usize> {
        let (district, _) = self.map.districts()?.locate(position)?;
        self.served.iter().position(|known| *known == district)
    }

    /// Some junction of `district`, or of any if the map has none there.
    pub fn somewhere(&self, district: Option<&DistrictId>, rng: &mut ChaCha8Rng) -> Position {
        let wanted = district.and_then(|wanted| self.served.iter().position(|known| known == wanted));
        let some = |rng: &mut ChaCha8Rng| self.junctions[rng.random_range(0..self.junctions.len())];
        (0..TRIES)
            .map(|_| some(rng))
            .find(|(_, place)| wanted.is_none_or(|wanted| wanted == *place))
            .unwrap_or_else(|| some(rng))
            .0
    }

    /// Two junctions as far apart as a ride is long.
    pub fn ride(&self, rng: &mut ChaCha8Rng) -> (Position, Position) {
        let pickup = self.somewhere(None, rng);
        (pickup, self.ride_from(pickup, rng))
    }

    /// Somewhere to go from `pickup`.
    pub fn ride_from(&self, pickup: Position, rng: &mut ChaCha8Rng) -> Position {
        let mut dropoff = self.somewhere(None, rng);
        for _ in 0..TRIES {
            if RIDE_M.contains(&pickup.distance_m(dropoff)) {
                break;
            }
            dropoff = self.somewhere(None, rng);
        }
        dropoff
    }

    /// The way from `from` to `to`, begun at `at`.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a city is small")]
    pub fn drive(&self, from: Position, to: Position, at: Ticks) -> Drive {
        match self.map.route(from, to) {
            Ok(route) => {
                let line = route.geometry.iter().filter_map(|(lon, lat)| Position::new(*lat, *lon).ok());
                Drive::along(line.collect(), route.distance_m, route.duration_s, at)
            }
            Err(_) => {
                let duration_s = (from.distance_m(to) * DETOUR / STRAIGHT_MPS).ceil() as u32;
                Drive::straight(from, to, duration_s, at)
            }
        }
    }
}

/// A drive under way.
#[derive(Debug, Clone)]
pub struct Drive {
    /// Points with the metres driven up to each.
    line: Vec<(f64, Position)>,
    /// Metres by road.
    pub distance_m: u32,
    /// Seconds by road.
    pub duration_s: u32,
    starts_at: Ticks,
}

impl Drive {
    /// A drive that looks for no streets.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a city is small")]
    pub fn straight(from: Position, to: Position, duration_s: u32, at: Ticks) -> Self {
        Self::along(vec![from, to], (from.distance_m(to) * DETOUR) as u32, duration_s, at)
    }

    fn along(points: Vec<Position>, distance_m: u32, duration_s: u32, starts_at: Ticks) -> Self {
        let mut line = Vec::with_capacity(points.len());
        let mut driven_m = 0.0;
        let mut last: Option<Position> = None;
        for point in points {
            driven_m += last.map_or(0.0, |last| last.distance_m(point));
            line.push((driven_m, point));
            last = Some(point);
        }
        Self { line, distance_m, duration_s: duration_s.max(1), starts_at }
    }

    /// When it is over.
    #[must_use]
    pub fn ends_at(&self) -> Ticks {
        self.starts_at.plus_ms(u64::from(self.duration_s) * 1_000)
    }

    /// Where the vehicle is at `now`; nothing for a drive without a line.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a drive lasts hours at most")]
    pub fn position(&self, now: Ticks) -> Option<Position> {
        let (length_m, end) = *self.line.last()?;
        let share = now.since_ms(self.starts_at) as f64 / (f64::from(self.duration_s) * 1_000.0);
        if share >= 1.0 {
            return Some(end);
        }
        let driven_m = share * length_m;
        let after = self.line.partition_point(|(m, _)| *m <= driven_m);
        let (before, next) = (self.line.get(after.checked_sub(1)?)?, self.line.get(after)?);
        let part = if next.0 > before.0 { (driven_m - before.0) / (next.0 - before.0) } else { 1.0 };
        let mix = |a: f64, b: f64| a + (b - a) * part;
        Position::new(mix(before.1.lat(), next.1.lat()), mix(before.1.lon(), next.1.lon())).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_passes_its_points_in_time() {
        let at = |lon| Position::new(37.5, lon).unwrap();
        let drive = Drive::along(vec![at(127.0), at(127.001), at(127.004)], 400, 100, Ticks(1_000));
        assert_eq!(drive.position(Ticks(0)), Some(at(127.0)));
        assert_eq!(drive.position(Ticks(26_000)), Some(at(127.001)));
        assert_eq!(drive.position(Ticks(51_000)), Some(at(127.002)));
        assert_eq!(drive.position(Ticks(101_000)), Some(at(127.004)));
        assert_eq!(drive.ends_at(), Ticks(101_000));
    }
}
