//! The people of a demo: drivers of two fleets and an operator at each node.
//!
//! The same seed makes the same drivers; passwords are new in every run. The load reads the drivers from the same file.

use serde::Serialize;

use super::configs::District;
use crate::chance::Chance;

/// One driver in so many has a feature phone and belongs to the edge of the district.
const FEATURE_PHONE_ONE_IN: usize = 6;
/// Common family names and given names, so that lists look as they would.
const FAMILIES: [&str; 10] = ["김", "이", "박", "최", "정", "강", "조", "윤", "장", "임"];
const GIVEN: [&str; 12] =
    ["민준", "서연", "도윤", "지우", "하늘", "영수", "미경", "성호", "은주", "상철", "정희", "동현"];
const FLEETS: [&str; 2] = ["hanbit", "saebyeok"];

/// A roster file as `ondol node roster` reads it.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Roster {
    pub(crate) drivers: Vec<Driver>,
    pub(crate) operators: Vec<Operator>,
}

/// A driver with the usual vehicle.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Driver {
    driver: String,
    vehicle: String,
    name: String,
    phone: String,
    fleet: &'static str,
    district: String,
    /// The edge that serves the driver by text; absent for drivers with the app.
    home: Option<String>,
    lang: &'static str,
    secret: String,
    plate: String,
    seats: u8,
    needs: Needs,
}

/// What a vehicle offers.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Needs {
    wheelchair: bool,
    pet: bool,
    luggage: bool,
}

/// Somebody who may sign in at a console.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Operator {
    login: &'static str,
    password: String,
    role: &'static str,
}

impl Roster {
    /// Makes `count` drivers, spread evenly over the districts that have an edge, and one operator above fleets.
    pub(crate) fn central(seed: u64, count: usize, districts: &[District], password: &str) -> Roster {
        Roster::spread(seed, count, districts.iter().filter(|district| district.edge.is_some()), password)
    }

    /// As [`Roster::central`], over all districts, and everybody with the app.
    pub(crate) fn with_app(seed: u64, count: usize, districts: &[District], password: &str) -> Roster {
        let mut roster = Roster::spread(seed, count, districts.iter(), password);
        roster.drivers.iter_mut().for_each(|driver| driver.home = None);
        roster
    }

    fn spread<'a>(
        seed: u64,
        count: usize,
        districts: impl Iterator<Item = &'a District> + Clone,
        password: &str,
    ) -> Roster {
        let mut chance = Chance::new(seed);
        let placed = districts.cycle().take(count).enumerate();
        let drivers = placed.map(|(n, district)| driver(n, district, &mut chance)).collect();
        Roster { drivers, operators: vec![operator(password)] }
    }

    /// Returns an edge's roster: its drivers come from central, its operators' accounts do not.
    pub(crate) fn edge(password: &str) -> Roster {
        Roster { drivers: Vec::new(), operators: vec![operator(password)] }
    }
}

/// What the operator types to sign in.
pub(crate) const LOGIN: &str = "demo";

fn operator(password: &str) -> Operator {
    Operator { login: LOGIN, password: password.to_owned(), role: "operator" }
}

fn driver(n: usize, district: &District, chance: &mut Chance) -> Driver {
    let edge = district.edge.as_ref().map(|(name, _)| name.clone());
    let family = FAMILIES[chance.below(FAMILIES.len())];
    let given = GIVEN[chance.below(GIVEN.len())];
    Driver {
        driver: id(chance),
        vehicle: id(chance),
        name: format!("{family}{given}"),
        // 010-0… is given to nobody in Korea.
        phone: format!("010-0{:03}-{:04}", n / 10_000, n % 10_000),
        fleet: FLEETS[chance.below(FLEETS.len())],
        district: district.id.clone(),
        home: if chance.below(FEATURE_PHONE_ONE_IN) == 0 { edge } else { None },
        lang: "ko",
        secret: format!("{:06}", chance.below(1_000_000)),
        plate: format!("서울{}아{:04}", 30 + n / 10_000, n % 10_000),
        seats: 4,
        needs: Needs {
            wheelchair: chance.below(10) == 0,
            pet: chance.below(3) > 0,
            luggage: chance.below(4) > 0,
        },
    }
}

/// A UUID of version 4.
fn id(chance: &mut Chance) -> String {
    let (high, low) = (chance.next(), chance.next());
    let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0xfff);
    format!("{a:08x}-{b:04x}-4{c:03x}-{:04x}-{:012x}", (low >> 48) & 0x3fff | 0x8000, low & 0xffff_ffff_ffff)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn districts() -> Vec<District> {
        let district = |id: &str, edge: Option<(String, u16)>| District {
            id: id.into(),
            zones: vec![format!("{id}-1")],
            edge,
        };
        vec![
            district("a", Some(("edge-a".into(), 1))),
            district("b", Some(("edge-b".into(), 2))),
            district("c", None),
        ]
    }

    #[test]
    fn the_same_seed_makes_the_same_people() {
        let make = |seed| Roster::central(seed, 80, &districts(), "x");
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
    }

    #[test]
    fn everybody_is_somebody_else_and_belongs_to_a_served_district() {
        let roster = Roster::central(1, 600, &districts(), "x");
        for of in [|d: &Driver| d.driver.clone(), |d: &Driver| d.phone.clone(), |d: &Driver| d.plate.clone()]
        {
            assert_eq!(roster.drivers.iter().map(of).collect::<BTreeSet<_>>().len(), 600);
        }
        assert!(roster.drivers.iter().all(|driver| driver.district != "c"));
        for home in ["edge-a", "edge-b"] {
            let homed = roster.drivers.iter().filter(|driver| driver.home.as_deref() == Some(home));
            let homed: Vec<_> = homed.map(|driver| format!("edge-{}", driver.district)).collect();
            assert!(homed.len() >= 10 && homed.iter().all(|edge| edge == home), "{home}: {homed:?}");
        }
    }

    #[test]
    fn drivers_with_the_app_are_everywhere() {
        let roster = Roster::with_app(1, 30, &districts(), "x");
        for id in ["a", "b", "c"] {
            assert_eq!(roster.drivers.iter().filter(|driver| driver.district == id).count(), 10, "{id}");
        }
        assert!(roster.drivers.iter().all(|driver| driver.home.is_none()));
    }

    #[test]
    fn ids_are_random_uuids_by_their_form() {
        let id = id(&mut Chance::new(7));
        assert_eq!((id.len(), &id[14..15]), (36, "4"));
        assert!("89ab".contains(&id[19..20]), "{id}");
    }
}
