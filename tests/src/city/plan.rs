//! Who wants a ride, when, and through which door: made from a seed before anything runs.

use ondol_core::booking::Door;
use ondol_core::fact::Lang;
use ondol_core::position::Position;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::geo::City;

/// Doors with their weights.
const DOORS: [(Door, u32); 5] =
    [(Door::App, 25), (Door::Web, 25), (Door::Sms, 15), (Door::Phone, 17), (Door::Street, 18)];
/// Farthest that a rider who texts walks to a stand, in metres; from elsewhere the text names the street.
const STAND_M: f64 = 1_200.0;
/// Nobody asks in the first and the last simulated seconds.
const FIRST_S: f64 = 30.0;
const LAST_S: f64 = 60.0;

/// A ride that somebody wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// Its number, the same in every run of a seed.
    pub number: u32,
    /// When the rider asks, in milliseconds of the city's own time.
    pub at_ms: u64,
    /// Through which door.
    pub door: Door,
    /// Where the rider is.
    pub pickup: Position,
    /// The stand where that is, if it is one: its number is what a text names.
    pub stand: Option<u16>,
    /// Where the rider wants to go.
    pub dropoff: Position,
    /// The rider's language.
    pub lang: Lang,
}

/// Makes the wishes of a made-up city: a Poisson stream of `count` on average.
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn made_up(city: &City, seed: u64, duration_s: u64, count: u32) -> Vec<Wish> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(1);
    let (mut at_s, end_s) = (FIRST_S, duration_s as f64 - LAST_S);
    let mean_gap_s = (end_s - FIRST_S).max(1.0) / f64::from(count);
    let mut wishes = Vec::new();
    loop {
        // The gap between two of a Poisson stream.
        at_s -= (1.0 - rng.random::<f64>()).ln() * mean_gap_s;
        if at_s >= end_s {
            return wishes;
        }
        let (pickup, dropoff) = city.ride(&mut rng);
        let number = u32::try_from(wishes.len()).unwrap_or(u32::MAX);
        wishes.push(wish(city, number, (at_s * 1_000.0) as u64, (pickup, dropoff), &mut rng));
    }
}

/// Gives a ride its door and its rider.
#[must_use]
pub fn wish(
    city: &City,
    number: u32,
    at_ms: u64,
    (pickup, dropoff): (Position, Position),
    rng: &mut ChaCha8Rng,
) -> Wish {
    let door = door(rng);
    let lang = if rng.random_bool(0.8) { Lang::Ko } else { Lang::En };
    let stands = city.stands();
    let mut wish = Wish { number, at_ms, door, pickup, stand: None, dropoff, lang };
    // A text names a stand more often than anything else: the number is painted on the pole.
    if door == Door::Sms {
        let near = stands.iter().map(|stand| (stand.position.distance_m(pickup), stand));
        let nearest = near.filter(|(m, _)| *m <= STAND_M).min_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, stand)) = nearest {
            wish.stand = Some(stand.number);
            wish.pickup = stand.position;
        }
    }
    wish
}

fn door(rng: &mut ChaCha8Rng) -> Door {
    let mut left = rng.random_range(0..DOORS.iter().map(|(_, weight)| weight).sum());
    for (door, weight) in DOORS {
        if left < weight {
            return door;
        }
        left -= weight;
    }
    Door::App
}

#[cfg(test)]
mod tests {
    use super::*;
    use ondol_roads::{RoadMap, generate};

    #[test]
    fn a_seed_is_a_city_with_enough_at_every_door() {
        let city = City::of(RoadMap::of(generate::city(1)), 2).unwrap();
        let make = |seed| made_up(&city, seed, 2_700, 300);
        let wishes = make(1);
        assert_eq!(wishes, make(1));
        assert_ne!(wishes, make(2));
        assert!(wishes.len() >= 240, "{}", wishes.len());
        let in_the_cut = |wish: &&Wish| (900_000..2_430_000).contains(&wish.at_ms);
        assert!(wishes.iter().filter(in_the_cut).count() >= 100);
        for (door, _) in DOORS {
            let of_door = wishes.iter().filter(in_the_cut).filter(|wish| wish.door == door).count();
            assert!(of_door >= 12, "{door:?}: {of_door}");
        }
        assert!(wishes.iter().all(|wish| city.edge_of(wish.pickup).is_some()));
    }
}
