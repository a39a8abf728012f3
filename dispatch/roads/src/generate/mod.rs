//! The built-in city: a believable town of 8 × 8 km from a seed, so that nothing needs downloading.
//!
//! A river with five bridges parts Hanbuk (north, older, narrow) from Hannam (south, newer, wider). Avenues
//! follow the river near it and straighten away from it; between them blocks are cut again and again into
//! streets, some one-way, some blind. Names are Korean with their official romanisation; house numbers
//! follow the Korean rule (odd on the left, two for every 20 m). It lies in open sea, where no real street is.
//!
//! The same seed gives the same city.

mod areas;
mod blocks;
mod line;
mod names;
mod streets;
mod terrain;
mod town;

use std::path::Path;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::build::{self, BuiltMap, Ingredients};
use crate::error::MapError;
use crate::import::{Bans, Progress};
use crate::meta::{ImportReport, Source};
use streets::Streets;
use terrain::Terrain;

/// Generates the city of `seed` into the map directory `out`, with its two districts `hanbuk` and `hannam`.
///
/// # Errors
///
/// [`MapError::Unwritable`] or [`MapError::NotOurs`], with `out` as it was.
pub fn generate(seed: u64, out: &Path, progress: &mut dyn FnMut(Progress)) -> Result<ImportReport, MapError> {
    progress(Progress::Joining);
    let built = city(seed);
    progress(Progress::Writing(out.to_owned()));
    built.write(out)?;
    Ok(built.meta.report())
}

/// The city of `seed` in memory.
///
/// # Panics
///
/// Never: a city's avenues are two-way and meet.
#[must_use]
pub fn city(seed: u64) -> BuiltMap {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let terrain = Terrain::new(&mut rng);
    let streets = Streets::lay_out(&terrain, &mut rng);
    let segments = streets.segments(&mut rng);
    let places = town::places(&terrain, &streets, &mut rng);
    let shapes = areas::shapes(&terrain, &streets);
    let districts = Some(areas::districts(&terrain));
    let sources = vec![Source { file: format!("seed {seed}"), format: "synthetic".to_owned() }];
    build::build(Ingredients { segments, bans: Bans::default(), places, shapes, districts, sources })
        .expect("avenues are two-way and meet")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::map::RoadMap;
    use crate::tags::RoadClass;
    use ondol_core::position::Position;

    const SEEDS: std::ops::Range<u64> = 0..6;

    #[test]
    fn the_same_seed_gives_the_same_city_and_another_seed_another() {
        let (a, b, c) = (city(3), city(3), city(4));
        assert!(a.network == b.network && a.gazetteer == b.gazetteer && a.overview == b.overview);
        assert!(a.network != c.network && a.gazetteer != c.gazetteer);
    }

    #[test]
    fn every_city_has_what_a_taxi_town_needs() {
        for seed in SEEDS {
            let built = city(seed);
            let counts = built.meta.counts;
            assert!(counts.nodes > 1_500 && counts.nodes < 12_000, "seed {seed}: {counts:?}");
            assert!(counts.left_out * 50 < counts.segments, "seed {seed}: {counts:?}");
            assert!(
                counts.stands >= 40 && counts.stations >= 10 && counts.exits >= 40,
                "seed {seed}: {counts:?}"
            );
            assert!(counts.names > 300 && counts.addresses > 5_000, "seed {seed}: {counts:?}");
            let bridges = built.network.segments.iter().filter(|s| s.bridge).count();
            assert!(bridges >= 4, "seed {seed}: {bridges} bridges");
            let one_way = built
                .network
                .segments
                .iter()
                .filter(|s| s.backward_ms.is_none() || s.forward_ms.is_none())
                .count();
            assert!(
                one_way * 20 > counts.segments && one_way * 2 < counts.segments,
                "seed {seed}: {one_way} of {counts:?}"
            );
            assert!(
                RoadClass::ALL
                    .iter()
                    .filter(|c| built.network.segments.iter().any(|s| s.class == **c))
                    .count()
                    >= 5
            );
            let width_m =
                (built.meta.bbox.max_lon - built.meta.bbox.min_lon) * 111_195.0 * 37.4_f64.to_radians().cos();
            assert!((7_000.0..9_000.0).contains(&width_m), "seed {seed}: {width_m} m wide");
        }
    }

    #[test]
    fn the_river_parts_two_districts_that_hold_everything() {
        for seed in SEEDS {
            let map = RoadMap::of(city(seed));
            let districts = map.districts().unwrap();
            assert_eq!(
                districts.all().iter().map(|d| d.id.as_str()).collect::<Vec<_>>(),
                ["hanbuk", "hannam"]
            );
            assert!(districts.all().iter().all(|d| d.zones.len() >= 2));
            let mut in_each = [0_usize; 2];
            for junction in map.junctions(5_000) {
                let (district, _) = districts
                    .locate(junction)
                    .unwrap_or_else(|| panic!("seed {seed}: {junction:?} is nowhere"));
                in_each[usize::from(district.as_str() == "hannam")] += 1;
            }
            assert!(in_each.iter().all(|count| *count > 500), "seed {seed}: {in_each:?}");
        }
    }

    #[test]
    fn names_are_korean_and_english_and_codes_are_unique() {
        for seed in SEEDS {
            let built = city(seed);
            for names in built.network.names.iter().chain(built.gazetteer.places.iter().map(|p| &p.names)) {
                let en = names.en.as_deref().unwrap_or_else(|| panic!("seed {seed}: {names:?}"));
                assert!(crate::names::has_hangul(&names.local) && en.is_ascii(), "seed {seed}: {names:?}");
            }
            let codes: Vec<_> = built
                .gazetteer
                .places
                .iter()
                .filter(|p| p.kind == crate::Kind::Stand)
                .map(|p| p.code.clone())
                .collect();
            assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len(), "seed {seed}");
        }
    }

    #[test]
    fn stands_lie_on_streets_and_reach_each_other() {
        for seed in SEEDS {
            let map = RoadMap::of(city(seed));
            let stands: Vec<Position> = map.stands().iter().map(|stand| stand.position).collect();
            for stand in &stands {
                assert!(map.snap(*stand).unwrap().distance_m < 60.0, "seed {seed}: {stand:?}");
            }
            let times = map.durations_to(stands[0], &stands);
            assert!(times.iter().all(|t| t.is_some_and(|t| t < 2_400)), "seed {seed}: {times:?}");
        }
    }
}
