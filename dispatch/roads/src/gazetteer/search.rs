//! The index over the gazetteer, and its questions: what is called so, and what is here.

use std::collections::{BTreeMap, BTreeSet};

use rstar::primitives::GeomWithData;
use rstar::{PointDistance, RTree};

use super::address::{AddressIndex, readings, shown};
use super::data::GazetteerData;
use super::fold::{key, words};
use super::hit::Hit;
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
/// A street belongs to the nearest settlement within this distance, in metres.
const TOWN_M: f64 = 4_000.0;
/// A place or number within this distance names a position, in metres.
const HERE_M: f64 = 30.0;

/// What an index key leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Entry {
    Street(u32),
    Place(u32),
    Address(u32),
}

/// Something found, before it is told.
struct Found {
    entry: Entry,
    name: u8,
    point: Point,
    score: f64,
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
    /// House numbers and places.
    points: RTree<GeomWithData<[f64; 2], Entry>>,
    /// Settlements, to tell streets of the same name apart.
    towns: RTree<GeomWithData<[f64; 2], u32>>,
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
        let addresses = (0_u32..).zip(&data.addresses).map(|(number, a)| (a.point, Entry::Address(number)));
        let places = (0_u32..).zip(&data.places).map(|(number, p)| (p.point, Entry::Place(number)));
        let spots =
            addresses.chain(places).map(|(point, spot)| GeomWithData::new(plane.flat(point), spot)).collect();
        let towns = (0_u32..).zip(&data.places).filter(|(_, place)| is_town(place));
        let towns = towns.map(|(number, place)| GeomWithData::new(plane.flat(place.point), number)).collect();
        Self {
            keys,
            addresses: AddressIndex::of(&data),
            plane,
            points: RTree::bulk_load(spots),
            towns: RTree::bulk_load(towns),
            data,
        }
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
        let mut found = self.stand_by_code(text);
        found.extend(self.by_address(&query, near));
        let mut by_name: BTreeMap<Entry, (u8, f64)> = BTreeMap::new();
        self.by_beginning(&query, &mut by_name);
        if query.len() > 1 {
            self.by_all_words(&query, &mut by_name);
        }
        found.extend(by_name.into_iter().map(|(entry, (name, fit))| self.found(entry, name, fit, near)));
        // Only the best are told at length: thousands of names may begin with one letter.
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.entry.cmp(&b.entry)));
        let mut seen = BTreeSet::new();
        found.retain(|found| seen.insert(found.entry));
        found.truncate(2 * LIMIT_MAX);
        let mut hits: Vec<Hit> = found.iter().map(|found| self.hit(found)).collect();
        // Of names that fold to one, the one spelled like the query.
        let otherwise = |hit: &Hit| hit.name.to_lowercase() != text.trim().to_lowercase();
        hits.sort_by(|a, b| {
            let by_score = b.score.total_cmp(&a.score);
            by_score.then_with(|| {
                (otherwise(a), a.name.len(), &a.name).cmp(&(otherwise(b), b.name.len(), &b.name))
            })
        });
        hits.truncate(limit.min(LIMIT_MAX));
        hits
    }

    /// The nearest house number or named place within 30 m; numbers first.
    pub(crate) fn here(&self, point: Point) -> Option<Hit> {
        let flat = self.plane.flat(point);
        let near: Vec<Entry> = self
            .points
            .nearest_neighbor_iter_with_distance_2(&flat)
            .take_while(|(_, distance_2)| *distance_2 <= HERE_M * HERE_M)
            .take(16)
            .map(|(spot, _)| spot.data)
            .collect();
        let number = near.iter().find(|entry| matches!(entry, Entry::Address(_)));
        number.or(near.first()).map(|entry| self.hit(&self.found(*entry, 0, 1.0, None)))
    }

    /// The nearest named place at any distance up to `within_m`.
    pub(crate) fn nearest_place(&self, point: Point, within_m: f64) -> Option<Hit> {
        let flat = self.plane.flat(point);
        self.points
            .nearest_neighbor_iter_with_distance_2(&flat)
            .take_while(|(_, distance_2)| *distance_2 <= within_m * within_m)
            .find(|(spot, _)| matches!(spot.data, Entry::Place(_)))
            .map(|(spot, _)| self.hit(&self.found(spot.data, 0, 0.5, None)))
    }

    /// The settlement that a point belongs to: the nearest within 4 km.
    pub(crate) fn town(&self, point: Point) -> Option<&str> {
        let flat = self.plane.flat(point);
        let nearest = self.towns.nearest_neighbor(&flat)?;
        (nearest.distance_2(&flat) <= TOWN_M * TOWN_M)
            .then(|| self.data.places[nearest.data as usize].names.local.as_str())
    }

    /// `#12`, or `12` alone: the stand with that code.
    fn stand_by_code(&self, text: &str) -> Vec<Found> {
        let text = text.trim();
        let (code, fit) = text.strip_prefix('#').map_or((text, 0.95), |code| (code.trim(), 1.0));
        let code = code.to_ascii_lowercase();
        let places = (0_u32..).zip(&self.data.places);
        places
            .filter(|(_, place)| place.kind == Kind::Stand && place.code.as_deref() == Some(code.as_str()))
            .map(|(number, place)| Found {
                entry: Entry::Place(number),
                name: 0,
                point: place.point,
                score: fit,
            })
            .collect()
    }

    fn by_address(&self, query: &[String], near: Option<Point>) -> Vec<Found> {
        let mut all = Vec::new();
        for reading in readings(query) {
            let found = self.addresses.find(&self.data, &reading);
            // No such number is mapped: the street itself is the next best answer.
            if !found.iter().any(|(_, only_begun)| !only_begun) {
                let mut streets = BTreeMap::new();
                self.by_beginning(&[reading.street().to_owned()], &mut streets);
                let whole = streets
                    .into_iter()
                    .filter(|(entry, (_, fit))| matches!(entry, Entry::Street(_)) && *fit >= 1.0);
                all.extend(whole.map(|(entry, (name, _))| self.found(entry, name, 0.95, near)));
            }
            all.extend(found.into_iter().filter_map(|(at, only_begun)| {
                let entry = Entry::Address(u32::try_from(at).ok()?);
                Some(self.found(entry, 0, if only_begun { 0.80 } else { 1.0 }, near))
            }));
        }
        all
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

    /// Where an entry is and how well it fits.
    fn found(&self, entry: Entry, name: u8, fit: f64, near: Option<Point>) -> Found {
        let (point, rank) = match entry {
            Entry::Street(number) => {
                let street = &self.data.streets[number as usize];
                let from = |near: Point| {
                    move |a: &&Point, b: &&Point| a.distance_m(near).total_cmp(&b.distance_m(near))
                };
                let nearest = near.and_then(|near| street.points.iter().min_by(from(near)));
                (*nearest.unwrap_or(&street.points[0]), street.rank)
            }
            Entry::Place(number) => {
                let place = &self.data.places[number as usize];
                (place.point, place.rank)
            }
            Entry::Address(number) => (self.data.addresses[number as usize].point, 100),
        };
        let score = fit * (0.85 + 0.15 * f64::from(rank.min(100)) / 100.0) * nearness(point, near);
        Found { entry, name, point, score: (score * 1_000.0).round() / 1_000.0 }
    }

    fn hit(&self, found: &Found) -> Hit {
        let (name, names, kind, code) = match found.entry {
            Entry::Street(number) => {
                let names = &self.data.streets[number as usize].names;
                (called(names, found.name), names.clone(), Kind::Street, None)
            }
            Entry::Place(number) => {
                let place = &self.data.places[number as usize];
                (called(&place.names, found.name), place.names.clone(), place.kind, place.code.clone())
            }
            Entry::Address(number) => {
                let address = &self.data.addresses[number as usize];
                let needs_town = self.addresses.in_several_towns(&self.data, &address.street);
                let name =
                    shown(&address.street, &address.number, address.city.as_deref().filter(|_| needs_town));
                (name.clone(), Names::one(&name), Kind::Address, None)
            }
        };
        Hit {
            name,
            kind,
            lat: found.point.lat(),
            lon: found.point.lon(),
            score: found.score,
            name_local: names.local,
            name_en: names.en,
            code,
            town: self.town(found.point).filter(|_| kind != Kind::Place).map(str::to_owned),
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

/// Settlements that people give as where a street is.
fn is_town(place: &Place) -> bool {
    place.kind == Kind::Place && place.rank >= 60
}

fn called(names: &Names, name: u8) -> String {
    names.all().nth(usize::from(name)).unwrap_or(&names.local).to_owned()
}

/// 1 next door, towards 0.6 far away; 1 if nobody said where they are.
fn nearness(point: Point, near: Option<Point>) -> f64 {
    near.map_or(1.0, |near| 0.6 + 0.4 * NEAR_M / (NEAR_M + near.distance_m(point)))
}
