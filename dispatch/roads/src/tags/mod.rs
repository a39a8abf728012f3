//! What the tags of a street mean for a taxi.
//!
//! **Source**: wiki.openstreetmap.org, *Key:access*, *Key:oneway*, *Key:maxspeed*, *OSM tags for routing*.

mod access;
mod class;
mod restriction;
mod speed;

pub(crate) use access::{Directions, blocks_cars, directions};
pub use class::RoadClass;
pub(crate) use restriction::{Restriction, restriction};
pub(crate) use speed::speed_kmh;

/// Longest value kept, in bytes (the OSM API's own limit is 255 characters).
pub(crate) const VALUE_MAX: usize = 1024;

/// The tags of one element that some rule reads; everything else was dropped while reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tags(Vec<(String, String)>);

impl Tags {
    /// Keeps `key = value` if a rule reads the key; a value that is too long is dropped.
    pub(crate) fn keep(&mut self, key: &str, value: &str) {
        if is_read(key) && value.len() <= VALUE_MAX && self.0.len() < 64 {
            self.0.push((key.to_owned(), value.trim().to_owned()));
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(k, _)| k == key)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    pub(crate) fn is(&self, key: &str, value: &str) -> bool {
        self.get(key) == Some(value)
    }

    pub(crate) fn is_any(&self, key: &str, values: &[&str]) -> bool {
        self.get(key).is_some_and(|value| values.contains(&value))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        let mut tags = Self::default();
        for (key, value) in pairs {
            tags.keep(key, value);
        }
        tags
    }
}

/// Keys that any rule reads.
fn is_read(key: &str) -> bool {
    const READ: &[&str] = &[
        "access",
        "addr:city",
        "addr:housename",
        "addr:housenumber",
        "addr:place",
        "addr:street",
        "aeroway",
        "alt_name",
        "amenity",
        "area",
        "barrier",
        "brand",
        "bridge",
        "building",
        "capacity",
        "day_off",
        "day_on",
        "except",
        "healthcare",
        "highway",
        "historic",
        "hour_off",
        "hour_on",
        "int_name",
        "junction",
        "landuse",
        "leisure",
        "loc_name",
        "man_made",
        "maxspeed",
        "maxspeed:backward",
        "maxspeed:forward",
        "motor_vehicle",
        "motorcar",
        "name",
        "name:en",
        "name:ko",
        "natural",
        "office",
        "official_name",
        "old_name",
        "oneway",
        "oneway:motor_vehicle",
        "oneway:psv",
        "oneway:taxi",
        "place",
        "psv",
        "public_transport",
        "railway",
        "ref",
        "restriction",
        "restriction:conditional",
        "restriction:motor_vehicle",
        "restriction:motor_vehicle:conditional",
        "restriction:motorcar",
        "restriction:motorcar:conditional",
        "restriction:psv",
        "restriction:psv:conditional",
        "restriction:taxi",
        "restriction:taxi:conditional",
        "service",
        "shop",
        "short_name",
        "station",
        "taxi",
        "tourism",
        "tunnel",
        "type",
        "vehicle",
        "water",
        "waterway",
    ];
    READ.binary_search(&key).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_only_what_a_rule_reads_and_bounds_it() {
        let long = "x".repeat(VALUE_MAX + 1);
        let tags = Tags::of(&[("name", " Ringstraße "), ("source", "survey"), ("ref", &long), ("water", "")]);
        assert_eq!(tags.get("name"), Some("Ringstraße"));
        assert_eq!((tags.get("source"), tags.get("ref"), tags.get("water")), (None, None, None));
    }

    #[test]
    fn the_list_of_keys_is_sorted() {
        for key in ["access", "addr:street", "oneway:taxi", "waterway", "type", "maxspeed:forward"] {
            assert!(is_read(key), "{key}");
        }
    }
}
