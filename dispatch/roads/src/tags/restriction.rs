//! What a turn restriction means for a taxi.
//!
//! **Source**: wiki.openstreetmap.org, *Relation:restriction*, *Conditional restrictions*.

use super::Tags;

/// Keys that state a restriction, from the most to the least specific; the first that is set decides.
/// (A taxi is a public service vehicle, and a motorcar.)
const KEYS: [&str; 5] = [
    "restriction:taxi",
    "restriction:psv",
    "restriction:motorcar",
    "restriction:motor_vehicle",
    "restriction",
];
/// Keys that state a restriction for some hours, days or loads only.
const CONDITIONAL: [&str; 9] = [
    "restriction:taxi:conditional",
    "restriction:psv:conditional",
    "restriction:motorcar:conditional",
    "restriction:motor_vehicle:conditional",
    "restriction:conditional",
    "day_on",
    "day_off",
    "hour_on",
    "hour_off",
];
/// Words of `except` that let a taxi turn.
const TAXI: [&str; 4] = ["taxi", "psv", "motorcar", "motor_vehicle"];

/// What a restriction asks of a taxi.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Restriction {
    /// This turn is forbidden.
    No,
    /// Every other turn is forbidden.
    Only,
    /// It holds at some hours only: a plan made now may be wrong on arrival, so it is left out and counted.
    Conditional,
    /// It does not bind a taxi.
    NotForTaxis,
}

/// Reads the tags of a relation of type `restriction`.
pub(crate) fn restriction(tags: &Tags) -> Restriction {
    let excepted = tags
        .get("except")
        .is_some_and(|except| except.split([';', ',']).any(|word| TAXI.contains(&word.trim())));
    if excepted {
        return Restriction::NotForTaxis;
    }
    // Opening hours on the side: the plain key holds only then.
    if CONDITIONAL.iter().any(|key| tags.get(key).is_some()) {
        return Restriction::Conditional;
    }
    let Some(value) = KEYS.iter().find_map(|key| tags.get(key)) else {
        return Restriction::NotForTaxis;
    };
    if value.starts_with("no_") {
        Restriction::No
    } else if value.starts_with("only_") {
        Restriction::Only
    } else {
        Restriction::NotForTaxis
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restrictions_for_taxis() {
        for (tags, want) in [
            (&[("restriction", "no_left_turn")][..], Restriction::No),
            (&[("restriction", "no_entry")], Restriction::No),
            (&[("restriction", "only_straight_on")], Restriction::Only),
            (&[("restriction:motorcar", "no_u_turn")], Restriction::No),
            (&[("restriction", "no_left_turn"), ("restriction:taxi", "none")], Restriction::NotForTaxis),
            (&[("restriction:hgv", "no_left_turn")], Restriction::NotForTaxis),
            (&[("restriction:bus", "only_right_turn")], Restriction::NotForTaxis),
            (&[("restriction", "no_left_turn"), ("except", "bus")], Restriction::No),
            (&[("restriction", "no_left_turn"), ("except", "bicycle;taxi")], Restriction::NotForTaxis),
            (&[("restriction", "no_left_turn"), ("except", "psv")], Restriction::NotForTaxis),
            (&[("restriction:conditional", "no_left_turn @ (07:00-09:00)")], Restriction::Conditional),
            (&[("restriction", "no_left_turn"), ("hour_on", "07:00")], Restriction::Conditional),
            (&[("restriction", "yes")], Restriction::NotForTaxis),
            (&[], Restriction::NotForTaxis),
        ] {
            assert_eq!(restriction(&Tags::of(tags)), want, "{tags:?}");
        }
    }
}
