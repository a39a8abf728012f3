//! Classes of street.

use serde::{Deserialize, Serialize};

use super::Tags;

/// How important a street is, from the most to the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoadClass {
    /// Limited access, carriageways apart.
    Motorway,
    /// The most important other roads.
    Trunk,
    /// Between large towns; a city's arterials.
    Primary,
    /// Between towns; a city's main streets.
    Secondary,
    /// Between villages; streets that gather traffic.
    Tertiary,
    /// Small roads without houses.
    Unclassified,
    /// Streets of houses.
    Residential,
    /// Walking pace, people first.
    LivingStreet,
    /// Yards, car parks, forecourts.
    Service,
}

/// Kinds of way that exist on paper only.
const NOT_THERE: &[&str] = &["construction", "proposed", "planned", "abandoned", "razed", "disused", "no"];

impl RoadClass {
    /// The class of a way, or nothing if cars do not use such ways at all.
    ///
    /// Tracks, pedestrian streets and bus roads count only where a tag lets cars or taxis in.
    pub(crate) fn of(tags: &Tags) -> Option<Self> {
        let highway = tags.get("highway")?;
        if NOT_THERE.contains(&highway) || tags.is("area", "yes") {
            return None;
        }
        Some(match highway {
            "motorway" | "motorway_link" => Self::Motorway,
            "trunk" | "trunk_link" => Self::Trunk,
            "primary" | "primary_link" => Self::Primary,
            "secondary" | "secondary_link" => Self::Secondary,
            "tertiary" | "tertiary_link" => Self::Tertiary,
            "unclassified" | "road" => Self::Unclassified,
            "residential" => Self::Residential,
            "living_street" => Self::LivingStreet,
            "service" if !tags.is("service", "emergency_access") => Self::Service,
            "track" | "pedestrian" | "busway" | "bus_guideway" if lets_cars_in(tags) => Self::Service,
            _ => return None,
        })
    }

    /// All classes, most important first.
    pub const ALL: [Self; 9] = [
        Self::Motorway,
        Self::Trunk,
        Self::Primary,
        Self::Secondary,
        Self::Tertiary,
        Self::Unclassified,
        Self::Residential,
        Self::LivingStreet,
        Self::Service,
    ];

    /// The word in GeoJSON and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Motorway => "motorway",
            Self::Trunk => "trunk",
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::Tertiary => "tertiary",
            Self::Unclassified => "unclassified",
            Self::Residential => "residential",
            Self::LivingStreet => "living_street",
            Self::Service => "service",
        }
    }
}

fn lets_cars_in(tags: &Tags) -> bool {
    ["taxi", "psv", "motorcar", "motor_vehicle"]
        .iter()
        .any(|key| tags.is_any(key, &["yes", "designated", "permissive", "destination"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_that_no_taxi_uses_have_no_class() {
        for highway in [
            "footway",
            "cycleway",
            "steps",
            "path",
            "construction",
            "track",
            "pedestrian",
            "busway",
            "corridor",
            "raceway",
        ] {
            assert_eq!(RoadClass::of(&Tags::of(&[("highway", highway)])), None, "{highway}");
        }
        assert_eq!(RoadClass::of(&Tags::of(&[("name", "no highway")])), None);
        assert_eq!(RoadClass::of(&Tags::of(&[("highway", "service"), ("area", "yes")])), None);
        assert_eq!(
            RoadClass::of(&Tags::of(&[("highway", "service"), ("service", "emergency_access")])),
            None
        );
    }

    #[test]
    fn streets_have_their_class() {
        for (tags, class) in [
            (&[("highway", "motorway_link")][..], RoadClass::Motorway),
            (&[("highway", "road")], RoadClass::Unclassified),
            (&[("highway", "living_street")], RoadClass::LivingStreet),
            (&[("highway", "pedestrian"), ("taxi", "yes")], RoadClass::Service),
            (&[("highway", "track"), ("motor_vehicle", "yes")], RoadClass::Service),
        ] {
            assert_eq!(RoadClass::of(&Tags::of(tags)), Some(class), "{tags:?}");
        }
    }
}
