//! What a rider asks, and whom the roster lists.

use ondol_core::booking::{Door, Needs};
use ondol_core::fact::{Driver, Lang, Request, Vehicle};
use ondol_core::ids::{DriverId, SubjectId, VehicleId};
use ondol_core::position::Position;

pub(crate) fn plain() -> Request {
    Request::plain(Door::Web, at(0.0), SubjectId::from_number(0))
}

pub(crate) fn at(east: f64) -> Position {
    Position::new(37.5, 127.0 + east).unwrap()
}

/// Number 5 takes a wheelchair.
pub(crate) fn vehicle(number: u128) -> Vehicle {
    Vehicle {
        vehicle: VehicleId::from_number(number),
        plate: format!("서울33바{number:04}"),
        seats: 4,
        needs: Needs { wheelchair: number == 5, ..Needs::default() },
    }
}

pub(crate) fn driver(number: u128) -> Driver {
    Driver {
        driver: DriverId::from_number(number),
        subject: SubjectId::from_number(1_000 + number),
        fleet: "blue".parse().unwrap(),
        district: "north".parse().unwrap(),
        phone: None,
        personal: None,
        lang: Lang::Ko,
        secret_digest: String::new(),
        home: (number >= 50).then(|| "edge".parse().unwrap()),
        vehicle: vehicle(number),
        banned: false,
    }
}
