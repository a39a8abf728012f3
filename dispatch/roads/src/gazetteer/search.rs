//! The index over the gazetteer, and its questions: what is called so, and what is here.

use std::collections::{BTreeMap, BTreeSet};

use rstar::RTree;
use rstar::primitives::GeomWithData;
use serde::Serialize;

use super::address::{AddressIndex, readings, shown};
use super::data::GazetteerData;
use super::fold::{key, words};
use super::place::{Kind, Place};
use crate::names::Names;
use crate::point::{Plane, Point};

/// Longest text searched for, in bytes; longer texts are cut.
pub const SEARCH_TEXT_MAX: usize = 400;
/// Most hits returned.
const LIMIT_MAX: usize = 100;
/// Most keys looked at for one query.
const KEYS_MAX: usize = 20_000;
/// Distance at which nearness counts half, in metres.
const NEAR_M: f64 = 3_000.0;
/// A place or number within this distance names a position, in metres.
const HERE_M: f64 = 30.0;

/// Something found.
///
/// JSON: `{"name", "kind", "lat", "lon", "score"}`, as `ondol map search --json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// Its name in the language it was asked for.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Latitude in degrees.
    pub lat: f64,
    /// Longitude in degrees.
    pub lon: f64,
    /// How well it fits, 0 to 1.
    pub score: f64,
    /// What the signs say, for screens in the local language.
    #[serde(skip)]
    pub name_local: String,
    /// In English, if known.
    #[serde(skip)]
    pub name_en: Option<String>,
    /// Code of a stand (`12`) or number of an exit.
    #[serde(skip)]
    pub code: Option<String>,
}

/// What an index key leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Entry {
    Street(u32),
    Place(u32),
}

/// A folded name, or its end from some word on.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    text: Box<str>,
    entry: Entry,
    /// Which of the entry's names, as [`Names::all`] counts them.
    name: u8,
    /// Whether the key is the whole name.
    whole: bool,
}

/// The gazetteer with its index.
pub(crate) struct Gazetteer {
    data: GazetteerData,
    keys: Vec<Key>,
    addresses: AddressIndex,
    plane: Plane,
    points: RTree<GeomWithData<[f64; 2], Spot>>,
}

/// What lies at an indexed point.
#[derive(Debug, Clone, Copy)]
enum Spot {
    Address(u32),
    Place(u32),
}

impl Gazetteer {
    pub(crate) fn of(data: GazetteerData, plane: Plane) -> Self {
        let mut keys = Vec::new();
        for (number, street) in (0_u32..).zip(&data.streets) {
            add_keys(&mut keys, &street.names, Entry::Street(number));
        }
        for (number, place) in (0_u32..).zip(&data.places) {
            add_keys(&mut keys, &place.names, Entry::Place(number));
        }
        keys.sort_unstable();
        let addresses = (0_u32..).zip(&data.addresses).map(|(number, a)| (a.point, Spot::Address(number)));
        let places = (0_u32..).zip(&data.places).map(|(number, p)| (p.point, Spot::Place(number)));
        let spots =
            addresses.chain(places).map(|(point, spot)| GeomWithData::new(plane.flat(point), spot)).collect();
        Self { keys, addresses: AddressIndex::of(&data), plane, points: RTree::bulk_load(spots), data }
    }

    /// The stands in order of their code, numbers first.
    pub(crate) fn stands(&self) -> Vec<&Place> {
        let mut stands: Vec<&Place> =
            self.data.places.iter().filter(|place| place.kind == Kind::Stand).collect();
        stands.sort_by_key(|stand| {
            let code = stand.code.clone().unwrap_or_default();
            (code.parse::<u32>().unwrap_or(u32::MAX), code)
        });
        stands
    }

    /// What is called like `text`, best first, at most `limit`; nearer things are preferred.
    pub(crate) fn search(&self, text: &str, near: Option<Point>, limit: usize) -> Vec<Hit> {
        let text = text.get(..text.floor_char_boundary(SEARCH_TEXT_MAX)).unwrap_or_default();
        let query = words(text);
        if query.is_empty() {
            return Vec::new();
        }
        let mut hits = self.stand_by_code(text);
        hits.extend(self.by_address(&query, near));
        let mut by_name: BTreeMap<Entry, (u8, f64)> = BTreeMap::new();
        self.by_beginning(&query, &mut by_name);
        if query.len() > 1 {
            self.by_all_words(&query, &mut by_name);
        }
        hits.extend(by_name.into_iter().map(|(entry, (name, fit))| self.hit(entry, name, fit, near)));
        for hit in &mut hits {
            hit.score = (hit.score * nearness(hit, near) * 1_000.0).round() / 1_000.0;
        }
        // Of names that fold to one, the one spelled like the query.
        let otherwise = |hit: &Hit| hit.name.to_lowercase() != text.trim().to_lowercase();
        hits.sort_by(|a, b| {
            let by_score = b.score.total_cmp(&a.score);
            by_score.then_with(|| {
                (otherwise(a), a.name.len(), &a.name).cmp(&(otherwise(b), b.name.len(), &b.name))
            })
        });
        let mut seen = BTreeSet::new();
        hits.retain(|hit| seen.insert((hit.kind, hit.name.clone(), Point::new(hit.lat, hit.lon))));
        hits.truncate(limit.min(LIMIT_MAX));
        hits
    }

    /// The nearest house number or named place within 30 m; numbers first.
    pub(crate) fn here(&self, point: Point) -> Option<Hit> {
        let flat = self.plane.flat(point);
        let near: Vec<Spot> = self
            .points
            .nearest_neighbor_iter_with_distance_2(&flat)
            .take_while(|(_, distance_2)| *distance_2 <= HERE_M * HERE_M)
            .take(16)
            .map(|(spot, _)| spot.data)
            .collect();
        let address = near.iter().find_map(|spot| match spot {
            Spot::Address(number) => Some(self.address_hit(*number as usize, 1.0)),
            Spot::Place(_) => None,
        });
        address.or_else(|| {
            near.first().map(|spot| match spot {
                Spot::Address(number) => self.address_hit(*number as usize, 1.0),
                Spot::Place(number) => self.hit(Entry::Place(*number), 0, 1.0, None),
            })
        })
    }

    /// The nearest named place at any distance up to `within_m`.
    pub(crate) fn nearest_place(&self, point: Point, within_m: f64) -> Option<Hit> {
        let flat = self.plane.flat(point);
        self.points
            .nearest_neighbor_iter_with_distance_2(&flat)
            .take_while(|(_, distance_2)| *distance_2 <= within_m * within_m)
            .find_map(|(spot, _)| match spot.data {
                Spot::Place(number) => Some(self.hit(Entry::Place(number), 0, 0.5, None)),
                Spot::Address(_) => None,
            })
    }

    /// `#12`, or `12` alone: the stand with that code.
    fn stand_by_code(&self, text: &str) -> Vec<Hit> {
        let text = text.trim();
        let (code, fit) = text.strip_prefix('#').map_or((text, 0.95), |code| (code.trim(), 1.0));
        let code = code.to_ascii_lowercase();
        let places = (0_u32..).zip(&self.data.places);
        places
            .filter(|(_, place)| place.kind == Kind::Stand && place.code.as_deref() == Some(code.as_str()))
            .map(|(number, _)| Hit { score: fit, ..self.hit(Entry::Place(number), 0, 1.0, None) })
            .collect()
    }

    fn by_address(&self, query: &[String], near: Option<Point>) -> Vec<Hit> {
        let mut hits = Vec::new();
        for reading in readings(query) {
            let found = self.addresses.find(&self.data, &reading);
            // No such number is mapped: the street itself is the next best answer.
            if !found.iter().any(|(_, only_begun)| !only_begun) {
                let mut streets = BTreeMap::new();
                self.by_beginning(&[reading.street().to_owned()], &mut streets);
                let whole = streets
                    .into_iter()
                    .filter(|(entry, (_, fit))| matches!(entry, Entry::Street(_)) && *fit >= 1.0);
                hits.extend(whole.map(|(entry, (name, _))| self.hit(entry, name, 0.95, near)));
            }
            hits.extend(
                found
                    .into_iter()
                    .map(|(at, only_begun)| self.address_hit(at, if only_begun { 0.80 } else { 1.0 })),
            );
        }
        hits
    }

    /// Names that begin like the query, or have an end that does (`강남역 11번`, `Bento` for `São Bento`).
    fn by_beginning(&self, query: &[String], found: &mut BTreeMap<Entry, (u8, f64)>) {
        let wanted = key(query);
        let from = self.keys.partition_point(|key| *key.text < *wanted);
        for key in self.keys[from..].iter().take(KEYS_MAX).take_while(|key| key.text.starts_with(&wanted)) {
            #[allow(clippy::cast_precision_loss, reason = "lengths of names")]
            let share = wanted.len() as f64 / key.text.len() as f64;
            let fit = match (key.whole, key.text.len() == wanted.len()) {
                (true, true) => 1.0,
                (true, false) => 0.70 + 0.15 * share,
                (false, true) => 0.65,
                (false, false) => 0.50 + 0.10 * share,
            };
            keep_better(found, key.entry, key.name, fit);
        }
    }

    /// Entries in which every word of the query begins some word, in any order.
    fn by_all_words(&self, query: &[String], found: &mut BTreeMap<Entry, (u8, f64)>) {
        let mut common: Option<BTreeMap<Entry, u8>> = None;
        for word in query {
            let from = self.keys.partition_point(|key| *key.text < **word);
            let beginning =
                self.keys[from..].iter().take(KEYS_MAX).take_while(|key| key.text.starts_with(word.as_str()));
            let mut entries: BTreeMap<Entry, u8> = BTreeMap::new();
            for key in beginning {
                let name = entries.entry(key.entry).or_insert(key.name);
                *name = key.name.min(*name);
            }
            common = Some(match common {
                None => entries,
                Some(before) => before.into_iter().filter(|(entry, _)| entries.contains_key(entry)).collect(),
            });
        }
        for (entry, name) in common.into_iter().flatten() {
            keep_better(found, entry, name, 0.5);
        }
    }

    fn hit(&self, entry: Entry, name: u8, fit: f64, near: Option<Point>) -> Hit {
        let (names, kind, point, rank, code) = match entry {
            Entry::Street(number) => {
                let street = &self.data.streets[number as usize];
                let point = match near {
                    Some(near) => street
                        .points
                        .iter()
                        .copied()
                        .min_by(|a, b| a.distance_m(near).total_cmp(&b.distance_m(near))),
                    None => street.points.first().copied(),
                };
                (&street.names, Kind::Street, point.unwrap_or(street.points[0]), street.rank, None)
            }
            Entry::Place(number) => {
                let place = &self.data.places[number as usize];
                (&place.names, place.kind, place.point, place.rank, place.code.clone())
            }
        };
        Hit {
            name: names.all().nth(usize::from(name)).unwrap_or(&names.local).to_owned(),
            kind,
            lat: point.lat(),
            lon: point.lon(),
            score: fit * (0.85 + 0.15 * f64::from(rank.min(100)) / 100.0),
            name_local: names.local.clone(),
            name_en: names.en.clone(),
            code,
        }
    }

    fn address_hit(&self, at: usize, fit: f64) -> Hit {
        let address = &self.data.addresses[at];
        let town =
            address.city.as_deref().filter(|_| self.addresses.in_several_towns(&self.data, &address.street));
        let name = shown(&address.street, &address.number, town);
        Hit {
            name_local: name.clone(),
            name,
            kind: Kind::Address,
            lat: address.point.lat(),
            lon: address.point.lon(),
            score: fit,
            name_en: None,
            code: None,
        }
    }
}

/// Every name as a whole, and from each of its words on.
fn add_keys(keys: &mut Vec<Key>, names: &Names, entry: Entry) {
    for (name, text) in (0_u8..).zip(names.all()) {
        let words = words(text);
        for from in 0..words.len().min(12) {
            keys.push(Key { text: key(&words[from..]).into_boxed_str(), entry, name, whole: from == 0 });
        }
    }
}

fn keep_better(found: &mut BTreeMap<Entry, (u8, f64)>, entry: Entry, name: u8, fit: f64) {
    let best = found.entry(entry).or_insert((name, fit));
    if fit > best.1 {
        *best = (name, fit);
    }
}

/// 1 next door, towards 0.6 far away; 1 if nobody said where they are.
fn nearness(hit: &Hit, near: Option<Point>) -> f64 {
    match (near, Point::new(hit.lat, hit.lon)) {
        (Some(near), Some(point)) => 0.6 + 0.4 * NEAR_M / (NEAR_M + near.distance_m(point)),
        _ => 1.0,
    }
}
