//! House numbers.

use std::collections::BTreeMap;

use super::data::GazetteerData;
use super::fold::{key, words};

/// Most numbers returned for one query.
const FOUND_MAX: usize = 32;

/// A query read as a street, a number and perhaps a town.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    street: String,
    number: String,
    town: String,
}

/// House numbers by folded street name.
pub(crate) struct AddressIndex {
    /// Folded street name → range of `GazetteerData::addresses`.
    streets: BTreeMap<String, (usize, usize)>,
}

impl AddressIndex {
    pub(crate) fn of(data: &GazetteerData) -> Self {
        let mut streets: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for (at, address) in data.addresses.iter().enumerate() {
            streets
                .entry(key(&words(&address.street)))
                .and_modify(|range| range.1 = at + 1)
                .or_insert((at, at + 1));
        }
        Self { streets }
    }

    /// Indices of the addresses that fit a reading, and whether the street's name was only begun.
    pub(crate) fn find(&self, data: &GazetteerData, reading: &Reading) -> Vec<(usize, bool)> {
        let mut found = Vec::new();
        let beginning = self
            .streets
            .range(reading.street.clone()..)
            .take_while(|(name, _)| name.starts_with(&reading.street));
        for (name, &(from, to)) in beginning.take(FOUND_MAX) {
            let fits = |address: &super::place::Address| {
                number_key(&address.number) == reading.number
                    && (reading.town.is_empty()
                        || address
                            .city
                            .as_ref()
                            .is_some_and(|city| key(&words(city)).starts_with(&reading.town)))
            };
            let numbers = (from..to).filter(|&at| data.addresses.get(at).is_some_and(fits));
            found.extend(numbers.map(|at| (at, *name != reading.street)));
        }
        found.truncate(FOUND_MAX);
        found
    }

    /// Whether the street's numbers stand in more than one town.
    pub(crate) fn in_several_towns(&self, data: &GazetteerData, street: &str) -> bool {
        let Some(&(from, to)) = self.streets.get(&key(&words(street))) else {
            return false;
        };
        let mut towns = data.addresses[from..to].iter().filter_map(|address| address.city.as_ref());
        let first = towns.next();
        towns.any(|town| Some(town) != first)
    }
}

impl Reading {
    /// The folded name of the street.
    pub(crate) fn street(&self) -> &str {
        &self.street
    }
}

/// The ways to read a query as an address; none if it holds no number.
///
/// `Ringstraße 12`, `12 Ringstraße`, `Ringstraße 12 a`, `Ringstraße 12, Krems`, `온돌대로12길34`.
pub(crate) fn readings(query: &[String]) -> Vec<Reading> {
    let mut readings = Vec::new();
    for (at, word) in query.iter().enumerate() {
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            let (number, next) = number_at(query, at);
            let (before, after) = (&query[..at], &query[next..]);
            if !before.is_empty() {
                readings.push(Reading { street: key(before), number, town: key(after) });
            } else if !after.is_empty() {
                readings.push(Reading { street: key(after), number, town: String::new() });
            }
        } else if let Some(split) = word
            .rfind(|c: char| !c.is_ascii_digit())
            .map(|i| i + word[i..].chars().next().map_or(1, char::len_utf8))
            && split < word.len()
        {
            let street = format!("{}{}", key(&query[..at]), &word[..split]);
            readings.push(Reading { street, number: word[split..].to_owned(), town: key(&query[at + 1..]) });
        }
    }
    readings
}

/// The number that starts at a word, with a letter or sub-number that follows apart (`12 a`, `12-3`).
fn number_at(query: &[String], at: usize) -> (String, usize) {
    let mut number = number_key(&query[at]);
    let mut next = at + 1;
    if let Some(more) = query.get(next) {
        let letter = more.len() == 1 && more.bytes().all(|b| b.is_ascii_alphabetic());
        let sub = at > 0 && more.bytes().all(|b| b.is_ascii_digit());
        if letter || sub {
            number = number_key(&format!("{number}{}{more}", if sub { "-" } else { "" }));
            next += 1;
        }
    }
    (number, next)
}

/// A house number for comparison: `12 A` → `12a`, `12-3` → `12-3`, `34번지` → `34`.
fn number_key(number: &str) -> String {
    let number = number.trim().trim_end_matches("번지").trim_end_matches('호');
    let joined = words(number);
    let mut out = String::new();
    for word in joined {
        if out.ends_with(|c: char| c.is_ascii_digit()) && word.starts_with(|c: char| c.is_ascii_digit()) {
            out.push('-');
        }
        out.push_str(&word);
    }
    out
}

/// The name of an address as it is shown: number after the street, and the town where it is needed.
pub(crate) fn shown(street: &str, number: &str, town: Option<&str>) -> String {
    match town {
        Some(town) => format!("{street} {number}, {town}"),
        None => format!("{street} {number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String, String)> {
        readings(&words(text)).into_iter().map(|r| (r.street, r.number, r.town)).collect()
    }

    fn one(street: &str, number: &str, town: &str) -> (String, String, String) {
        (street.into(), number.into(), town.into())
    }

    #[test]
    fn no_number_no_reading() {
        for text in ["", "Ringstraße", "강남역", "12"] {
            assert!(readings(&words(text)).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn ways_to_write_an_address() {
        assert_eq!(read("Ringstraße 12"), [one("ringstrasse", "12", "")]);
        assert_eq!(read("12 Ringstraße"), [one("ringstrasse", "12", "")]);
        assert_eq!(read("Ringstraße 12 A"), [one("ringstrasse", "12a", "")]);
        assert_eq!(read("Ringstraße 12, Krems"), [one("ringstrasse", "12", "krems")]);
        assert!(read("온돌대로12길 34").contains(&one("온돌대로12길", "34", "")));
        assert!(read("온돌대로 12-3").contains(&one("온돌대로", "12-3", "")));
        assert!(read("온돌대로12길34").contains(&one("온돌대로12길", "34", "")));
    }

    #[test]
    fn numbers_that_are_one() {
        for (a, b) in [("12 A", "12a"), ("34번지", "34"), ("12 - 3", "12-3")] {
            assert_eq!(number_key(a), number_key(b), "{a} {b}");
        }
        assert_ne!(number_key("12-3"), number_key("123"));
    }
}
