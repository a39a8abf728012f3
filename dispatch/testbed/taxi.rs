//! Taxis by number, for programs that measure a node with many of them.

use ondol_core::booking::Needs;
use ondol_core::command::{Attach, Slot};
use ondol_core::fact::{Driver, Lang, ShiftStart, Vehicle};
use ondol_core::ids::{DeviceId, DistrictId, DriverId, ShiftId, SubjectId, VehicleId};
use ondol_core::position::Position;
use ondol_core::shift::{Duty, Serialiser};
use ondol_core::units::UtcMs;

/// The driver, as the office lists one.
pub(crate) fn driver(district: &DistrictId, number: u128) -> Driver {
    Driver {
        driver: DriverId::from_number(number),
        subject: SubjectId::from_number(number),
        fleet: "blue".parse().expect("a name of a fleet"),
        district: district.clone(),
        phone: None,
        personal: None,
        lang: Lang::Ko,
        secret_digest: String::new(),
        home: None,
        vehicle: Vehicle {
            vehicle: VehicleId::from_number(number),
            plate: format!("서울33바{number:04}"),
            seats: 4,
            needs: Needs::default(),
        },
        banned: false,
    }
}

/// The driver's phone begins a shift.
pub(crate) fn attach(district: &DistrictId, number: u128, position: Position, at: UtcMs) -> Attach {
    let (device, listed) = (DeviceId::from_number(number), driver(district, number));
    let start = ShiftStart {
        driver: listed.driver,
        vehicle: listed.vehicle,
        fleet: listed.fleet,
        serialiser: Serialiser::Device { device },
        at,
    };
    Attach {
        shift: ShiftId::from_number(number),
        device,
        driver: listed.driver,
        district: listed.district,
        start,
        attach_epoch: 1,
        slot: Slot::default(),
        duty: (1, Duty::Available),
        position: Some(position),
        keeps_capsules: false,
    }
}
