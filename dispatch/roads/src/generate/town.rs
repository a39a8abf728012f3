//! What stands along the streets: neighbourhoods, stations with exits, landmarks, stands, house numbers.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::names;
use super::streets::{Mesh, Quarter, Streets};
use super::terrain::{Bank, Curved, Terrain, apart_m};
use crate::gazetteer::{Address, Kind, Place, Places};
use crate::import::exit_names;
use crate::names::Names;
use crate::tags::RoadClass;

/// Korean house numbers grow by two for every 20 m of street.
const NUMBER_STEP_M: f64 = 20.0;
/// A house stands this far from the middle of its street, in metres.
const HOUSE_ASIDE_M: f64 = 14.0;
/// Taxi stands of a city at least.
const STANDS_MIN: usize = 44;

/// Everything with a name or number.
pub(crate) fn places(terrain: &Terrain, streets: &Streets, rng: &mut ChaCha8Rng) -> Places {
    let mut town = Town { terrain, streets, places: Vec::new(), stands: 0, roots: names::ROOTS.to_vec() };
    town.roots.shuffle(rng);
    town.bridges();
    town.stations(rng);
    town.landmarks(rng);
    town.neighbourhoods(rng);
    Places { places: town.places, addresses: addresses(terrain, streets, rng), ways: Vec::new() }
}

struct Town<'a> {
    terrain: &'a Terrain,
    streets: &'a Streets<'a>,
    places: Vec<Place>,
    stands: usize,
    roots: Vec<(&'static str, &'static str)>,
}

impl Town<'_> {
    fn add(&mut self, kind: Kind, names: Names, flat: [f64; 2], rank: u8) {
        self.places.push(Place {
            kind,
            names,
            point: self.terrain.point(flat),
            rank,
            code: None,
            capacity: None,
        });
    }

    /// A stand named after what it serves; codes count from 1 in the order of importance.
    fn add_stand(&mut self, of: &Names, flat: [f64; 2], rng: &mut ChaCha8Rng) {
        self.stands += 1;
        self.places.push(Place {
            kind: Kind::Stand,
            names: names::stand(of),
            point: self.terrain.point(flat),
            rank: 60,
            code: Some(self.stands.to_string()),
            capacity: Some(rng.random_range(3..=12)),
        });
    }

    fn bridges(&mut self) {
        let heads = |bank| self.streets.crossings.iter().filter(move |(_, b, _, j)| *b == bank && *j == 0);
        let pairs: Vec<([f64; 2], [f64; 2])> = heads(Bank::North)
            .zip(heads(Bank::South))
            .filter(|((_, _, i, _), _)| [1, 3, 4, 5, 7].contains(i))
            .map(|((north, ..), (south, ..))| (self.streets.at(*north), self.streets.at(*south)))
            .collect();
        for ((north, south), (ko, en)) in pairs.into_iter().zip(names::BRIDGES) {
            let middle = [f64::midpoint(north[0], south[0]), f64::midpoint(north[1], south[1])];
            self.add(Kind::Poi, Names::pair(ko, en), middle, 65);
        }
    }

    /// Two lines of stations where avenues cross, each with numbered exits on the corners and a stand.
    fn stations(&mut self, rng: &mut ChaCha8Rng) {
        let mut stops: Vec<i64> = self
            .streets
            .crossings
            .iter()
            .filter(|(_, bank, i, j)| match bank {
                // Line 1 runs east along the north bank, line 2 crosses the river in the middle.
                Bank::North => {
                    (*j == 2 && [0, 2, 3, 5, 6, 8].contains(i)) || (*i == 4 && [0, 1, 2, 3].contains(j))
                }
                Bank::South => (*j == 2 && [1, 3, 5, 7].contains(i)) || (*i == 4 && [0, 1, 2, 4].contains(j)),
            })
            .map(|(junction, ..)| *junction)
            .collect();
        // The best-known names belong to the middle.
        let centre_m = |junction: i64| apart_m(self.streets.at(junction), [0.0, 0.0]);
        stops.sort_by(|a, b| centre_m(*a).total_cmp(&centre_m(*b)));
        let fixed = [("강변", "Gangbyeon"), ("시청", "City Hall"), ("온돌", "Ondol"), ("터미널", "Terminal")];
        for (at, junction) in stops.into_iter().enumerate() {
            let root = fixed.get(at).copied().or_else(|| self.roots.get(at).copied()).unwrap_or(fixed[0]);
            let names = names::station(root);
            let flat = self.streets.at(junction);
            self.add(Kind::Station, names.clone(), flat, 90);
            let exits = [4, 4, 6, 8][rng.random_range(0..4)];
            for number in 1..=exits {
                let corner = f64::from(number - 1) / f64::from(exits) * std::f64::consts::TAU + 0.6;
                let out_m = rng.random_range(38.0..62.0);
                let place = [flat[0] + out_m * corner.sin(), flat[1] + out_m * corner.cos()];
                let number = number.to_string();
                self.places.push(Place {
                    kind: Kind::Exit,
                    names: exit_names(&names, &number),
                    point: self.terrain.point(place),
                    rank: 70,
                    code: Some(number),
                    capacity: None,
                });
            }
            self.add_stand(&names, [flat[0] + 30.0, flat[1] + 12.0], rng);
        }
    }

    /// One-of-a-kind places spread over the meshes, the great ones near the middle.
    fn landmarks(&mut self, rng: &mut ChaCha8Rng) {
        let mut meshes: Vec<&Mesh> = self.streets.meshes.iter().collect();
        meshes.shuffle(rng);
        let middle = |mesh: &Mesh| self.terrain.flat(mesh.middle());
        meshes.sort_by_key(|mesh| {
            let [x, y] = middle(mesh);
            #[allow(clippy::cast_possible_truncation, reason = "kilometres of a city")]
            let rings = (x.hypot(y) / 1_800.0) as i64;
            rings
        });
        for ((ko, en, rank, has_stand), mesh) in names::LANDMARKS.into_iter().zip(meshes.into_iter().cycle())
        {
            let names = Names::pair(ko, en);
            let kind = if ko.ends_with("터미널") { Kind::Station } else { Kind::Poi };
            let flat = match self
                .streets
                .crossings
                .iter()
                .find(|(_, bank, i, j)| (*bank, *i, *j) == (Bank::North, 6, 0))
            {
                Some((riverside, ..)) if ko.contains("여객선") => self.streets.at(*riverside),
                _ => self.beside_a_street(mesh, rng),
            };
            self.add(kind, names.clone(), flat, rank);
            if has_stand {
                self.add_stand(&names, flat, rng);
            }
        }
    }

    /// Each mesh is a neighbourhood with what neighbourhoods have.
    fn neighbourhoods(&mut self, rng: &mut ChaCha8Rng) {
        let meshes: Vec<Mesh> = self.streets.meshes.clone();
        let roots = self.roots.clone();
        for (mesh, root) in meshes.iter().zip(roots) {
            let names = names::neighbourhood(root);
            let flat = self.terrain.flat(mesh.middle());
            self.add(Kind::Place, names.clone(), flat, 60);
            if mesh.quarter == Quarter::Green {
                self.add(
                    Kind::Poi,
                    Names::pair(&format!("{}산공원", root.0), &format!("{}san Park", root.1)),
                    flat,
                    60,
                );
                continue;
            }
            for (at, (ko, en, rank)) in names::LOCAL.into_iter().enumerate() {
                let place = self.beside_a_street(mesh, rng);
                let (ko, en) = if at == 0 {
                    (
                        format!("{}{ko}", names.local),
                        format!("{}{en}", names.en.as_deref().unwrap_or_default()),
                    )
                } else {
                    (format!("{}{ko}", root.0), format!("{}{en}", root.1))
                };
                let local = Names::pair(&ko, &en);
                self.add(Kind::Poi, local.clone(), place, rank);
                if at == 0 && self.stands < STANDS_MIN + 8 {
                    self.add_stand(&local, place, rng);
                }
            }
        }
    }

    /// A place some metres beside a random street of a mesh.
    fn beside_a_street(&self, mesh: &Mesh, rng: &mut ChaCha8Rng) -> [f64; 2] {
        let wanted = self.terrain.flat(Curved {
            u: mesh.u[0] + rng.random_range(0.15..0.85) * (mesh.u[1] - mesh.u[0]),
            v: mesh.v[0] + rng.random_range(0.15..0.85) * (mesh.v[1] - mesh.v[0]),
            bank: mesh.bank,
        });
        let junctions = self.streets.junctions.iter();
        let nearest = junctions.min_by(|a, b| apart_m(**a, wanted).total_cmp(&apart_m(**b, wanted)));
        nearest.map_or(wanted, |at| {
            [at[0] + rng.random_range(-25.0..25.0), at[1] + rng.random_range(-25.0..25.0)]
        })
    }
}

impl Mesh {
    fn middle(&self) -> Curved {
        Curved {
            bank: self.bank,
            u: f64::midpoint(self.u[0], self.u[1]),
            v: f64::midpoint(self.v[0], self.v[1]),
        }
    }
}

/// Houses along every street, odd numbers on the left.
fn addresses(terrain: &Terrain, streets: &Streets, rng: &mut ChaCha8Rng) -> Vec<Address> {
    let mut addresses = Vec::new();
    for line in &streets.lines {
        let curve = streets.curve(line);
        let spacing_m = if line.class <= RoadClass::Tertiary { 40.0..90.0 } else { 24.0..60.0 };
        for (side, first) in [(1.0, 1), (-1.0, 2)] {
            let mut along_m = rng.random_range(8.0..30.0);
            let mut last = 0;
            while let Some(([x, y], [dx, dy])) = at_distance(&curve, along_m) {
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "streets are shorter than 10 km"
                )]
                let number = 2 * (along_m / NUMBER_STEP_M) as u32 + first;
                if number != last {
                    let house = [x - dy * side * HOUSE_ASIDE_M, y + dx * side * HOUSE_ASIDE_M];
                    addresses.push(Address {
                        street: line.names.local.clone(),
                        number: number.to_string(),
                        city: None,
                        point: terrain.point(house),
                    });
                    last = number;
                }
                along_m += rng.random_range(spacing_m.clone());
            }
        }
    }
    addresses
}

/// The place `along_m` metres along a curve, and the direction there; nothing beyond its end.
fn at_distance(curve: &[[f64; 2]], along_m: f64) -> Option<([f64; 2], [f64; 2])> {
    let mut left_m = along_m;
    for pair in curve.windows(2) {
        let length = apart_m(pair[0], pair[1]);
        if left_m <= length && length > 0.0 {
            let direction = [(pair[1][0] - pair[0][0]) / length, (pair[1][1] - pair[0][1]) / length];
            return Some((
                [pair[0][0] + direction[0] * left_m, pair[0][1] + direction[1] * left_m],
                direction,
            ));
        }
        left_m -= length;
    }
    None
}
