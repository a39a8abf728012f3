//! Names and house numbers from tags.

use std::collections::BTreeMap;

use super::collect::Raw;
use super::near::Near;
use crate::gazetteer::{Address, Kind, Place, Places};
use crate::names::{Names, clean, has_hangul};
use crate::point::Point;
use crate::tags::{RoadClass, Tags};

/// An exit belongs to the nearest station within this distance, in metres.
const EXIT_OF_STATION_M: f64 = 600.0;
/// Things of one kind and name within this distance are one thing, in metres.
const SAME_THING_M: f64 = 150.0;
/// Longest house number kept, in characters.
const NUMBER_MAX_CHARS: usize = 24;
/// Most house numbers behind one tag (`2;4;6`).
const NUMBERS_MAX: usize = 16;

/// The places and addresses of everything that was read.
pub(crate) fn places(raw: &Raw) -> Places {
    let mut found = Places::default();
    let mut exits: Vec<(Point, Tags)> = Vec::new();
    let mut take = |tags: &Tags, point: Point| {
        addresses_of(tags, point, &mut found.addresses);
        if is_exit(tags) {
            exits.push((point, tags.clone()));
        } else if let Some(place) = place_of(tags, point) {
            found.places.push(place);
        }
    };
    for (id, tags) in &raw.tagged {
        if let Some(point) = raw.point(*id) {
            take(tags, point);
        }
    }
    for way in raw.ways.iter().filter(|way| !way.tags.is_empty() && way.tags.get("highway").is_none()) {
        if let Some(point) = middle(&raw.line(way)) {
            take(&way.tags, point);
        }
    }
    for way in raw.ways.iter().filter(|way| is_street_of_people(&way.tags)) {
        if let (Some(names), Some(point)) = (Names::of(&way.tags), middle(&raw.line(way))) {
            found.ways.push((names, point));
        }
    }
    found.places = merged(found.places);
    let mut stations = Near::within(EXIT_OF_STATION_M);
    for station in found.places.iter().filter(|place| place.kind == Kind::Station) {
        stations.add(station.point, station.clone());
    }
    let named_exits: Vec<Place> =
        exits.iter().filter_map(|(point, tags)| exit_of(tags, *point, &stations)).collect();
    found.places.extend(merged(named_exits));
    found.addresses.sort();
    found.addresses.dedup_by(|a, b| {
        a.street == b.street && a.number == b.number && a.city == b.city && a.point == b.point
    });
    found
}

/// Ways that somebody would name as where they are, whether or not a taxi may drive there.
fn is_street_of_people(tags: &Tags) -> bool {
    RoadClass::of(tags).is_some()
        || tags
            .is_any("highway", &["pedestrian", "footway", "path", "steps", "track", "cycleway", "bridleway"])
}

/// What a thing with these tags is, if anybody would name it to a taxi.
fn place_of(tags: &Tags, point: Point) -> Option<Place> {
    let (kind, rank) = kind_of(tags)?;
    // A stand without a name gets one from its street later.
    let names = Names::of(tags).or_else(|| (kind == Kind::Stand).then(Names::default))?;
    let (code, capacity) = if kind == Kind::Stand {
        (tags.get("ref").and_then(clean), tags.get("capacity").and_then(|value| value.parse().ok()))
    } else {
        (None, None)
    };
    Some(Place { kind, names, point, rank, code, capacity })
}

/// Kind and rank by tags; the first rule that fits.
fn kind_of(tags: &Tags) -> Option<(Kind, u8)> {
    if tags.is("amenity", "taxi") {
        return Some((Kind::Stand, 60));
    }
    if tags.is_any("railway", &["station", "halt"]) || tags.get("station").is_some() {
        return Some((Kind::Station, 90));
    }
    if tags.is_any("aeroway", &["aerodrome", "terminal"]) {
        return Some((Kind::Station, 95));
    }
    if tags.is_any("amenity", &["bus_station", "ferry_terminal"]) || tags.is("public_transport", "station") {
        return Some((Kind::Station, 80));
    }
    if let Some(place) = tags.get("place") {
        return Some((
            Kind::Place,
            match place {
                "city" => 100,
                "town" => 90,
                "suburb" | "borough" => 80,
                "village" | "quarter" => 70,
                "neighbourhood" | "square" => 60,
                "hamlet" | "isolated_dwelling" | "locality" | "farm" => 40,
                _ => return None,
            },
        ));
    }
    if tags.is_any(
        "amenity",
        &["hospital", "university", "townhall", "theatre", "marketplace", "courthouse", "conference_centre"],
    ) || tags.is_any("leisure", &["stadium", "sports_centre"])
        || tags.is_any("tourism", &["hotel", "museum", "attraction", "theme_park", "zoo"])
        || tags.is_any("shop", &["mall", "department_store"])
    {
        return Some((Kind::Poi, 70));
    }
    // Street furniture carries names, too, but nobody goes there.
    const FURNITURE: [&str; 12] = [
        "bench",
        "waste_basket",
        "recycling",
        "vending_machine",
        "parking_space",
        "parking_entrance",
        "telephone",
        "post_box",
        "hunting_stand",
        "grit_bin",
        "bicycle_parking",
        "drinking_water",
    ];
    if tags.is_any("amenity", &FURNITURE) {
        return None;
    }
    if ["amenity", "shop", "tourism", "healthcare", "office"].iter().any(|key| tags.get(key).is_some()) {
        return Some((Kind::Poi, 50));
    }
    if ["leisure", "historic", "man_made", "landuse"].iter().any(|key| tags.get(key).is_some())
        || tags.get("building").is_some_and(|value| value != "no")
    {
        return Some((Kind::Poi, 40));
    }
    if tags.is("highway", "bus_stop") || tags.is_any("railway", &["tram_stop"]) {
        return Some((Kind::Poi, 30));
    }
    None
}

fn is_exit(tags: &Tags) -> bool {
    tags.is("railway", "subway_entrance")
        || (tags.is("railway", "train_station_entrance") && tags.get("ref").is_some())
}

/// `강남역 11번 출구`, `Gangnam Station Exit 11`: the exit named after the nearest station.
fn exit_of(tags: &Tags, point: Point, stations: &Near<Place>) -> Option<Place> {
    let number = tags.get("ref").and_then(clean);
    let nearest = stations
        .around(point)
        .map(|station| (station.point.distance_m(point), station))
        .filter(|(distance_m, _)| *distance_m <= EXIT_OF_STATION_M)
        .min_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, station)| station);
    let names = match (nearest, &number) {
        (Some(station), Some(number)) => exit_names(&station.names, number),
        _ => Names::of(tags)?,
    };
    Some(Place { kind: Kind::Exit, names, point, rank: 70, code: number, capacity: None })
}

/// The names of exit `number` of a station.
pub(crate) fn exit_names(station: &Names, number: &str) -> Names {
    let english = |name: &str| format!("{name} Exit {number}");
    let mut names = if has_hangul(&station.local) {
        let mut names = Names::one(&format!("{} {number}번 출구", station.local));
        if let Some(short) = station.local.strip_suffix('역').filter(|short| !short.is_empty()) {
            names.add(format!("{short} {number}번 출구"));
        }
        names.en = station.en.as_deref().map(english);
        names
    } else {
        Names::one(&english(&station.local))
    };
    for other in station.others.iter().take(4) {
        names.add(if has_hangul(other) { format!("{other} {number}번 출구") } else { english(other) });
    }
    if let Some(short) = station.en.as_deref().and_then(|en| en.strip_suffix(" Station")) {
        names.add(english(short));
    }
    names
}

fn addresses_of(tags: &Tags, point: Point, addresses: &mut Vec<Address>) {
    let Some(street) = tags.get("addr:street").or_else(|| tags.get("addr:place")).and_then(clean) else {
        return;
    };
    let Some(numbers) = tags.get("addr:housenumber") else {
        return;
    };
    let city = tags.get("addr:city").and_then(clean);
    for number in numbers.split([';', ',']).take(NUMBERS_MAX) {
        let number: String =
            number.trim().chars().filter(|c| !c.is_control()).take(NUMBER_MAX_CHARS).collect();
        if number.chars().any(|c| c.is_ascii_digit()) {
            addresses.push(Address { street: street.clone(), number, city: city.clone(), point });
        }
    }
}

/// Merges things of the same kind and name that lie together (a building and the node inside it).
fn merged(places: Vec<Place>) -> Vec<Place> {
    let mut by_name: BTreeMap<(Kind, String), Near<usize>> = BTreeMap::new();
    let mut kept: Vec<Place> = Vec::new();
    for place in places {
        if place.names.local.is_empty() {
            kept.push(place);
            continue;
        }
        let same = by_name
            .entry((place.kind, place.names.local.clone()))
            .or_insert_with(|| Near::within(SAME_THING_M));
        let first = same
            .around(place.point)
            .copied()
            .filter(|at| kept[*at].point.distance_m(place.point) <= SAME_THING_M);
        match first.min() {
            Some(at) => {
                let other = &mut kept[at];
                other.rank = other.rank.max(place.rank);
                if other.names.en.is_none() {
                    other.names.en = place.names.en;
                }
                other.code = other.code.take().or(place.code);
            }
            None => {
                same.add(place.point, kept.len());
                kept.push(place);
            }
        }
    }
    kept.sort_by(|a, b| order(a).cmp(&order(b)));
    kept
}

/// Without a name first, then by kind and name.
fn order(place: &Place) -> Option<(Kind, &str)> {
    (!place.names.local.is_empty()).then_some((place.kind, place.names.local.as_str()))
}

/// The mean of a line's points: inside for all but the oddest buildings.
fn middle(line: &[Point]) -> Option<Point> {
    let count = i64::try_from(line.len()).ok().filter(|count| *count > 0)?;
    let mean = |value: fn(&Point) -> i32| line.iter().map(|p| i64::from(value(p))).sum::<i64>() / count;
    Some(Point {
        lat_e6: i32::try_from(mean(|p| p.lat_e6)).ok()?,
        lon_e6: i32::try_from(mean(|p| p.lon_e6)).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lat: f64, lon: f64) -> Point {
        Point::new(lat, lon).unwrap()
    }

    #[test]
    fn what_nobody_would_name_to_a_taxi() {
        for tags in [
            &[("name", "Donau"), ("waterway", "river")][..],
            &[("amenity", "bench"), ("name", "In memory of")],
            &[("amenity", "restaurant")],
            &[("place", "sea"), ("name", "서해")],
            &[("highway", "crossing"), ("name", "x")],
        ] {
            assert_eq!(place_of(&Tags::of(tags), at(1.0, 1.0)), None, "{tags:?}");
        }
    }

    #[test]
    fn kinds() {
        for (tags, kind) in [
            (&[("amenity", "taxi")][..], Kind::Stand),
            (&[("railway", "station"), ("name", "Krems")], Kind::Station),
            (&[("amenity", "bus_station"), ("name", "터미널")], Kind::Station),
            (&[("place", "village"), ("name", "Stein")], Kind::Place),
            (&[("amenity", "hospital"), ("name", "병원")], Kind::Poi),
            (&[("building", "yes"), ("name", "Rathaus")], Kind::Poi),
        ] {
            assert_eq!(place_of(&Tags::of(tags), at(1.0, 1.0)).map(|p| p.kind), Some(kind), "{tags:?}");
        }
    }

    #[test]
    fn exits_are_named_after_their_station_in_both_languages() {
        let station = Place {
            kind: Kind::Station,
            names: Names::pair("강남역", "Gangnam Station"),
            point: at(37.4979, 127.0276),
            rank: 90,
            code: None,
            capacity: None,
        };
        let tags = Tags::of(&[("railway", "subway_entrance"), ("ref", "11")]);
        let mut stations = Near::within(EXIT_OF_STATION_M);
        stations.add(station.point, station);
        let exit = exit_of(&tags, at(37.4985, 127.0273), &stations).unwrap();
        assert_eq!(exit.names.local, "강남역 11번 출구");
        assert_eq!(exit.names.en.as_deref(), Some("Gangnam Station Exit 11"));
        assert_eq!(exit.names.others, ["강남 11번 출구", "Gangnam Exit 11"]);
        assert_eq!(exit_of(&tags, at(37.6, 127.0273), &stations), None, "no station near, no name");
    }

    #[test]
    fn one_address_for_each_number() {
        let mut found = Vec::new();
        addresses_of(
            &Tags::of(&[("addr:street", "Ringstraße"), ("addr:housenumber", "2; 4a")]),
            at(1.0, 1.0),
            &mut found,
        );
        addresses_of(
            &Tags::of(&[("addr:street", "Ringstraße"), ("addr:housenumber", "s/n")]),
            at(1.0, 1.0),
            &mut found,
        );
        addresses_of(&Tags::of(&[("addr:housenumber", "9")]), at(1.0, 1.0), &mut found);
        assert_eq!(found.iter().map(|a| a.number.as_str()).collect::<Vec<_>>(), ["2", "4a"]);
    }
}
