//! May a taxi pass, and in which directions.

use super::{RoadClass, Tags};

/// Directions in which a taxi may drive along a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Directions {
    Both,
    Forward,
    Backward,
}

/// Access keys from the most to the least specific; the first that is set decides.
const KEYS: [&str; 6] = ["taxi", "psv", "motorcar", "motor_vehicle", "vehicle", "access"];

/// Values that keep a taxi out. (`destination` and `customers` let it in: its passenger wants to go there.)
const CLOSED: &[&str] = &[
    "no",
    "private",
    "agricultural",
    "forestry",
    "agricultural;forestry",
    "delivery",
    "military",
    "emergency",
    "residents",
    "permit",
    "use_sidepath",
];

/// Barriers that stop cars unless a tag says otherwise.
const SOLID: &[&str] = &[
    "block",
    "bollard",
    "bump_gate",
    "cattle_barrier",
    "chain",
    "cycle_barrier",
    "debris",
    "fence",
    "full-height_turnstile",
    "guard_rail",
    "jersey_barrier",
    "kissing_gate",
    "log",
    "motorcycle_barrier",
    "planter",
    "stile",
    "turnstile",
    "wall",
];

/// The directions open to a taxi on a way of `class`; `None` if it is closed.
pub(crate) fn directions(tags: &Tags, class: RoadClass) -> Option<Directions> {
    if !lets_pass(tags).unwrap_or(true) {
        return None;
    }
    let oneway =
        ["oneway:taxi", "oneway:psv", "oneway:motor_vehicle", "oneway"].iter().find_map(|key| tags.get(key));
    match oneway {
        Some("yes" | "true" | "1") => Some(Directions::Forward),
        Some("-1" | "reverse") => Some(Directions::Backward),
        Some("no" | "false" | "0" | "alternating") => Some(Directions::Both),
        // The direction changes with the hour; a plan made now may be wrong on arrival.
        Some("reversible") => None,
        _ if class == RoadClass::Motorway && tags.is("highway", "motorway") => Some(Directions::Forward),
        _ if tags.is_any("junction", &["roundabout", "circular"]) => Some(Directions::Forward),
        _ => Some(Directions::Both),
    }
}

/// Whether a node with these tags stops cars on the way across it.
pub(crate) fn blocks_cars(tags: &Tags) -> bool {
    let Some(barrier) = tags.get("barrier") else {
        return false;
    };
    match lets_pass(tags) {
        Some(open) => !open,
        None => SOLID.contains(&barrier),
    }
}

/// What the most specific access tag says, if one is set.
fn lets_pass(tags: &Tags) -> Option<bool> {
    KEYS.iter().find_map(|key| tags.get(key)).map(|value| !CLOSED.contains(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn street(tags: &[(&str, &str)]) -> Option<Directions> {
        let tags = Tags::of(tags);
        directions(&tags, RoadClass::of(&tags).unwrap_or(RoadClass::Residential))
    }

    #[test]
    fn closed_streets_have_no_direction() {
        for tags in [
            &[("access", "no")][..],
            &[("access", "private")],
            &[("motor_vehicle", "no")],
            &[("vehicle", "forestry")],
            &[("access", "yes"), ("motorcar", "no")],
            &[("psv", "yes"), ("taxi", "no")],
            &[("oneway", "reversible")],
        ] {
            assert_eq!(street(tags), None, "{tags:?}");
        }
    }

    #[test]
    fn the_most_specific_key_decides() {
        for tags in [
            &[("access", "no"), ("motor_vehicle", "yes")][..],
            &[("motor_vehicle", "no"), ("taxi", "yes")],
            &[("motor_vehicle", "destination")],
            &[("access", "customers")],
            &[("access", "something new")],
        ] {
            assert_eq!(street(tags), Some(Directions::Both), "{tags:?}");
        }
    }

    #[test]
    fn one_way_streets() {
        for (tags, want) in [
            (&[("oneway", "yes")][..], Directions::Forward),
            (&[("oneway", "1")], Directions::Forward),
            (&[("oneway", "-1")], Directions::Backward),
            (&[("oneway", "yes"), ("oneway:taxi", "no")], Directions::Both),
            (&[("oneway", "yes"), ("oneway:psv", "no")], Directions::Both),
            (&[("junction", "roundabout")], Directions::Forward),
            (&[("junction", "roundabout"), ("oneway", "-1")], Directions::Backward),
            (&[("highway", "motorway")], Directions::Forward),
            (&[("highway", "motorway"), ("oneway", "no")], Directions::Both),
            (&[("highway", "motorway_link")], Directions::Both),
            (&[("oneway", "gibberish")], Directions::Both),
        ] {
            assert_eq!(street(tags), Some(want), "{tags:?}");
        }
    }

    #[test]
    fn barriers() {
        for (tags, blocked) in [
            (&[("barrier", "bollard")][..], true),
            (&[("barrier", "bollard"), ("motor_vehicle", "yes")], false),
            (&[("barrier", "gate")], false),
            (&[("barrier", "gate"), ("access", "private")], true),
            (&[("barrier", "toll_booth")], false),
            (&[("access", "private")], false),
        ] {
            assert_eq!(blocks_cars(&Tags::of(tags)), blocked, "{tags:?}");
        }
    }
}
