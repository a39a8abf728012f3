//! The shell of a device.

use std::collections::{BTreeSet, VecDeque};

use ondol_core::booking::Needs;
use ondol_core::fact::Vehicle;
use ondol_core::ids::{AssignmentId, DeviceId, DriverId, ShiftId, VehicleId};
use ondol_core::position::Position;
use ondol_core::shift::Duty;
use ondol_device::wire::{Endpoint, EndpointRole, KeptCapsule, Who};
use ondol_device::{Config, Device, Durable, Input, Message, Output, WishRefusal};
use rand::RngExt;

use super::driver::Deed;
use super::life::Way;
use super::{Ask, Caller, Event, Town, World, any_clock, district_of, node_id, spot};
use crate::faults::clock::{Clock, Ms};
use crate::faults::net::Place;

/// Capsules of trips that are over which a liar keeps.
const ENDED_MAX: usize = 8;

/// A driver's phone.
pub(crate) struct DevicePlace {
    /// Absent while the phone is off.
    pub(crate) device: Option<Device>,
    /// What it stored last: all that survives.
    pub(crate) stored: Durable,
    pub(super) life: u32,
    clock: Clock,
    /// The edge of its district.
    pub(crate) edge: usize,
    /// The number in its driver's id.
    driver: u128,
    pub(super) position: Position,
    /// Where the car is going, in a scenario.
    pub(super) way: Option<Way>,
    /// The driver knows that home is where to drive.
    pub(super) asked_home: bool,
    wakes_at: Option<Ms>,
    /// It dies after this many more outputs.
    pub(super) dies_after: Option<usize>,
    pub(super) off_ms: Ms,
    /// The capsules of its last trips that are over, which an honest phone throws away; the latest last.
    pub(super) ended: VecDeque<KeptCapsule>,
    /// What the driver has already decided to do.
    pub(super) planned: BTreeSet<(AssignmentId, u8)>,
}

impl World {
    pub(super) fn place_devices(&mut self) {
        for device in 0..self.town.devices {
            self.place_device(self.town.district_of_device(device), number(device));
            if device >= self.town.app_cars {
                continue;
            }
            let starts = self.any_ms(5_000, 25_000);
            self.agenda.at(starts, Event::DeviceStarts { device });
            if let Some(life) = &self.town.life {
                if life.moves_every_ms > 0 {
                    let wait = self.any_ms(starts, starts + life.moves_every_ms);
                    self.agenda.at(wait, Event::Driver { device, life: 0, deed: Deed::Drive });
                }
                continue;
            }
            for _ in 0..2 {
                let at = self.any_ms(60_000, 500_000);
                let deed = if self.chance(50) { Deed::Hail } else { Deed::Duty(Duty::Paused) };
                self.agenda.at(at, Event::Driver { device, life: 0, deed });
            }
            for _ in 0..6 {
                let at = self.any_ms(30_000, 500_000);
                self.agenda.at(at, Event::Driver { device, life: 0, deed: Deed::Drive });
            }
        }
    }

    fn place_device(&mut self, edge: usize, driver: u128) {
        let endpoints = self.town.nodes_of(edge).map(|node| {
            let role = if node == 0 { EndpointRole::Central } else { EndpointRole::Edge };
            Endpoint { node: node_id(node), role, url: format!("https://{}", node_id(node)) }
        });
        let endpoints = endpoints.collect();
        let clock = any_clock(&self.town, &mut self.people);
        let begins = clock.read(self.agenda.now()).utc;
        let id = number(self.devices.len());
        let (shift, id) = (ShiftId::from_number(id), DeviceId::from_number(id));
        let at = self.people.random_range(0..1_024);
        let car =
            self.town.life.as_ref().map(|life| life.cars[self.devices.len() % self.town.app_cars].position);
        self.devices.push(DevicePlace {
            device: None,
            stored: Durable::new(shift, id, endpoints, begins),
            life: 0,
            clock,
            edge,
            driver,
            position: car.unwrap_or_else(|| spot(edge, at)),
            way: None,
            asked_home: false,
            wakes_at: None,
            dies_after: None,
            off_ms: 0,
            ended: VecDeque::new(),
            planned: BTreeSet::new(),
        });
    }

    /// A driver who was not on duty begins two shifts. Nothing comes of it if the driver has begun them before.
    pub(super) fn begin_two_phones(&mut self, edge: usize) -> Vec<usize> {
        let driver = driver_of_two_phones(edge);
        if self.devices.iter().any(|place| place.driver == driver) {
            return Vec::new();
        }
        let first = self.devices.len();
        for device in [first, first + 1] {
            self.place_device(edge, driver);
            self.agenda.after(1, Event::DeviceStarts { device });
        }
        vec![first, first + 1]
    }

    /// Two drivers of the district begin their shifts late, one after the other. Nothing comes of it if they have.
    pub(super) fn begin_late_shifts(&mut self, edge: usize) -> Vec<DriverId> {
        let late = late_drivers(edge);
        if self.devices.iter().any(|place| late.contains(&place.driver)) {
            return Vec::new();
        }
        for driver in late {
            let device = self.devices.len();
            self.place_device(edge, driver);
            let wait = self.any_ms(1_000, 90_000);
            self.agenda.after(wait, Event::DeviceStarts { device });
        }
        late.map(DriverId::from_number).to_vec()
    }

    /// True if central has barred the driver before the shift could begin.
    pub(super) fn is_barred(&self, device: usize) -> bool {
        self.barred.contains(&DriverId::from_number(self.devices[device].driver))
    }

    /// True if the driver has begun another shift on another phone.
    pub(super) fn has_other_phone(&self, device: usize) -> bool {
        let driver = self.devices[device].driver;
        self.devices.iter().filter(|place| place.driver == driver).count() > 1
    }

    /// Whose device it is, as the shift pass says.
    pub(super) fn who(&self, device: usize) -> Who {
        let DevicePlace { edge, driver, .. } = self.devices[device];
        Who {
            driver: DriverId::from_number(driver),
            district: district_of(edge),
            fleet: "blue".parse().expect("a well-formed name"),
            vehicle: vehicle(driver),
        }
    }

    pub(super) fn device_of(&self, id: DeviceId) -> usize {
        let device = id.0.as_u128() - number(0);
        usize::try_from(device).expect("only these exist")
    }

    /// Switches the phone on: it knows what it stored.
    pub(super) fn start_device(&mut self, device: usize) {
        let now = self.agenda.now();
        let place = &mut self.devices[device];
        if place.device.is_some() {
            return;
        }
        place.life += 1;
        place.planned.clear();
        (place.wakes_at, place.dies_after) = (None, None);
        let config = Config { seed: device as u64, ..Config::default() };
        place.device = Some(Device::new(place.stored.clone(), config, place.clock.read(now)));
        let position = place.position;
        self.device_input(device, Input::Fix(position));
    }

    fn die(&mut self, device: usize) {
        let place = &mut self.devices[device];
        place.device = None;
        (place.dies_after, place.life) = (None, place.life + 1);
        let off_ms = place.off_ms.max(500);
        self.agenda.after(off_ms, Event::DeviceStarts { device });
    }

    pub(super) fn device_wakes(&mut self, device: usize, life: u32) {
        let now = self.agenda.now();
        let place = &mut self.devices[device];
        if place.life != life || place.wakes_at.is_some_and(|at| at > now) {
            return;
        }
        place.wakes_at = None;
        let read = place.clock.read(now);
        if let Some(running) = &mut place.device {
            running.handle_timeout(read);
            self.drain_device(device);
        }
    }

    pub(super) fn device_input(&mut self, device: usize, input: Input) -> Option<Result<(), WishRefusal>> {
        let place = &mut self.devices[device];
        let now = place.clock.read(self.agenda.now());
        let result = place.device.as_mut()?.handle(input, now);
        self.drain_device(device);
        Some(result)
    }

    /// Carries out outputs in order; a phone that dies in between has done a part of them.
    fn drain_device(&mut self, device: usize) {
        while let Some(output) = self.devices[device].device.as_mut().and_then(Device::poll_output) {
            match &mut self.devices[device].dies_after {
                Some(0) => return self.die(device),
                Some(left) => *left -= 1,
                None => {}
            }
            match output {
                Output::Changed => self.driver_looks(device),
                Output::Persist(durable) => {
                    self.checkers.now = self.agenda.now();
                    self.checkers.device_stored(device, &durable);
                    let kept = durable.capsules();
                    let place = &mut self.devices[device];
                    let over = place.stored.capsules().into_iter().find(|known| !kept.contains(known));
                    place.stored = *durable;
                    if let Some(over) = over {
                        self.trip_is_over(&over.assignment);
                        let ended = &mut self.devices[device].ended;
                        if ended.len() >= ENDED_MAX {
                            ended.pop_front();
                        }
                        ended.push_back(over);
                    }
                }
                Output::Send { to, request, message } => {
                    if let Message::Attach(attach) = &*message {
                        let kept = attach.capsules.iter().flatten();
                        let brought: Vec<_> = kept.map(|kept| kept.assignment.clone()).collect();
                        self.checkers.attach_sent(device, attach.attach_epoch, &brought);
                    }
                    let caller = Caller::Device { device, life: self.devices[device].life, request };
                    self.ask(Place::Device(device), super::node_of(&to), Ask::Device(*message), caller);
                }
            }
        }
        let now = self.agenda.now();
        let place = &mut self.devices[device];
        let Some(timeout) = place.device.as_ref().and_then(Device::poll_timeout) else { return };
        let at = place.clock.when(timeout).max(now + 1);
        if place.wakes_at.is_none_or(|planned| at < planned) {
            place.wakes_at = Some(at);
            let life = place.life;
            self.agenda.at(at, Event::DeviceWake { device, life });
        }
    }
}

/// The number in a device's ids: beyond all others, so that there may be any number of devices.
fn number(device: usize) -> u128 {
    0x1_0000 + device as u128
}

/// The number in the id of the driver who begins two shifts at once.
fn driver_of_two_phones(edge: usize) -> u128 {
    0x300 + edge as u128
}

/// The numbers in the ids of the drivers who begin late.
fn late_drivers(edge: usize) -> [u128; 2] {
    [0x400 + edge as u128, 0x500 + edge as u128]
}

pub(super) fn vehicle(number: u128) -> Vehicle {
    Vehicle {
        vehicle: VehicleId::from_number(number),
        plate: format!("서울33바{number:04}"),
        seats: 4,
        needs: Needs::default(),
    }
}

/// Drivers with the app who may begin a shift, with their districts.
pub(super) fn driver_numbers(town: &Town) -> Vec<(usize, u128)> {
    let mut drivers: Vec<_> =
        (0..town.devices).map(|device| (town.district_of_device(device), number(device))).collect();
    if town.life.is_none() {
        drivers.extend(town.edges().map(|edge| (edge, driver_of_two_phones(edge))));
        drivers.extend(town.edges().flat_map(|edge| late_drivers(edge).map(|number| (edge, number))));
    }
    drivers
}
