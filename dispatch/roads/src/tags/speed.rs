//! How fast a taxi really drives.

use super::{RoadClass, Tags};

/// Share of the signed limit that traffic keeps on average between junctions.
const OF_LIMIT: f64 = 0.85;
/// Beyond this a limit is a typing error, in km/h.
const LIMIT_MAX_KMH: f64 = 150.0;
/// What `maxspeed=none` means to a taxi, in km/h.
const UNLIMITED_KMH: f64 = 130.0;

/// Mean driving speed along and against a way, in km/h: its limit, or its class's, at the pace of traffic.
pub(crate) fn speed_kmh(tags: &Tags, class: RoadClass) -> (f64, f64) {
    let default = default_limit_kmh(tags.get("highway").unwrap_or(class.as_str()), class);
    let both = tags.get("maxspeed").and_then(limit_kmh);
    let one = |key| tags.get(key).and_then(limit_kmh).or(both).unwrap_or(default) * OF_LIMIT;
    (one("maxspeed:forward"), one("maxspeed:backward"))
}

/// The limit where no sign is mapped, in km/h.
fn default_limit_kmh(highway: &str, class: RoadClass) -> f64 {
    if highway.ends_with("_link") {
        return 45.0;
    }
    match class {
        RoadClass::Motorway => 100.0,
        RoadClass::Trunk => 80.0,
        RoadClass::Primary => 55.0,
        RoadClass::Secondary => 50.0,
        RoadClass::Tertiary => 45.0,
        RoadClass::Unclassified => 40.0,
        RoadClass::Residential => 30.0,
        RoadClass::LivingStreet | RoadClass::Service => 15.0,
    }
}

/// Reads `50`, `30 mph`, `none`, `walk`, `KR:urban`, `DE:zone:30`, `50;30`; nothing if it is none of these.
fn limit_kmh(value: &str) -> Option<f64> {
    let slowest =
        value.split([';', '|', ',']).filter_map(|part| one_limit_kmh(part.trim())).reduce(f64::min)?;
    (slowest > 0.0).then_some(slowest.min(LIMIT_MAX_KMH))
}

fn one_limit_kmh(value: &str) -> Option<f64> {
    let value = value.to_ascii_lowercase();
    match value.as_str() {
        "none" => return Some(UNLIMITED_KMH),
        "walk" | "walking" => return Some(7.0),
        _ => {}
    }
    if let Some((country, zone)) = value.split_once(':')
        && country.len() == 2
    {
        return match zone {
            "urban" => Some(if country == "gb" { 48.0 } else { 50.0 }),
            "rural" => Some(if country == "kr" { 60.0 } else { 90.0 }),
            "trunk" => Some(100.0),
            "motorway" => Some(if country == "kr" { 100.0 } else { 120.0 }),
            "living_street" | "walk" => Some(15.0),
            "bicycle_road" | "school" => Some(30.0),
            other => other.trim_start_matches("zone").trim_start_matches(':').parse().ok(),
        };
    }
    let (number, factor) = if let Some(number) = value.strip_suffix("mph") {
        (number, 1.609_344)
    } else if let Some(number) = value.strip_suffix("knots") {
        (number, 1.852)
    } else {
        (
            value
                .strip_suffix("km/h")
                .or_else(|| value.strip_suffix("kmh"))
                .or_else(|| value.strip_suffix("kph"))
                .unwrap_or(&value),
            1.0,
        )
    };
    number
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|speed| speed.is_finite() && *speed > 0.0)
        .map(|speed| speed * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_say_nothing() {
        for value in
            ["", "signals", "variable", "fast", "0", "-30", "NaN", "inf mph", "KR:", "KR:unknown", "national"]
        {
            assert_eq!(limit_kmh(value), None, "{value:?}");
        }
    }

    #[test]
    fn limits() {
        for (value, kmh) in [
            ("50", 50.0),
            ("50 km/h", 50.0),
            ("20 mph", 32.186_88),
            ("20mph", 32.186_88),
            ("10 knots", 18.52),
            ("none", 130.0),
            ("walk", 7.0),
            ("KR:urban", 50.0),
            ("DE:rural", 90.0),
            ("DE:zone:30", 30.0),
            ("DE:zone30", 30.0),
            ("FR:30", 30.0),
            ("50;30", 30.0),
            ("9999", 150.0),
        ] {
            let found = limit_kmh(value).unwrap_or_else(|| panic!("{value:?} has no limit"));
            assert!((found - kmh).abs() < 1e-9, "{value:?}: {found}");
        }
    }

    #[test]
    fn each_direction_its_own_limit_or_the_class_default() {
        let class = RoadClass::Primary;
        assert_eq!(
            speed_kmh(&Tags::of(&[("highway", "primary")]), class),
            (55.0 * OF_LIMIT, 55.0 * OF_LIMIT)
        );
        assert_eq!(
            speed_kmh(&Tags::of(&[("highway", "primary_link")]), class),
            (45.0 * OF_LIMIT, 45.0 * OF_LIMIT)
        );
        let tags = Tags::of(&[("highway", "primary"), ("maxspeed", "60"), ("maxspeed:backward", "40")]);
        assert_eq!(speed_kmh(&tags, class), (60.0 * OF_LIMIT, 40.0 * OF_LIMIT));
    }
}
