//! The shell of a device, and the driver who holds it.

use std::collections::{BTreeSet, VecDeque};

use ondol_core::booking::{Needs, Payment};
use ondol_core::fact::Vehicle;
use ondol_core::ids::{AssignmentId, DeviceId, DriverId, ShiftId, VehicleId};
use ondol_core::position::Position;
use ondol_core::shift::Duty;
use ondol_core::units::Money;
use ondol_device::wire::{Endpoint, EndpointRole, Fare, KeptCapsule, Who};
use ondol_device::{Config, Device, Durable, Input, Message, Output, Wish, WishRefusal};
use rand::RngExt;

use super::life::Way;
use super::town::STAND_AT;
use super::{Ask, Caller, Event, Town, World, any_clock, district_of, node_id, spot};
use crate::faults::clock::{Clock, Ms};
use crate::faults::net::Place;

/// Capsules of trips that are over which a liar keeps.
const ENDED_MAX: usize = 8;
/// A driver has read what the screen shows within this time.
const SEES_AFTER_MS: Ms = 2_000;

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
    asked_home: bool,
    wakes_at: Option<Ms>,
    /// It dies after this many more outputs.
    pub(super) dies_after: Option<usize>,
    pub(super) off_ms: Ms,
    /// The capsules of its last trips that are over, which an honest phone throws away; the latest last.
    pub(super) ended: VecDeque<KeptCapsule>,
    /// What the driver has already decided to do.
    planned: BTreeSet<(AssignmentId, u8)>,
}

/// What a driver does with the phone.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    Answer {
        assignment: AssignmentId,
        yes: bool,
    },
    Arrive(AssignmentId),
    Board {
        assignment: AssignmentId,
        slips: bool,
    },
    End(AssignmentId),
    GiveBack(AssignmentId),
    NoShow(AssignmentId),
    Hail,
    /// Looks where the car is.
    Look,
    /// Ends the shift, and gives the car to the next driver.
    HandOver,
    /// Drives to the stand, or somewhere else.
    Drive,
    Duty(Duty),
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
                        self.checkers.attach_sent(device, attach.attach_epoch);
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

    /// The driver looks at the screen and decides what to do next.
    fn driver_looks(&mut self, device: usize) {
        let Some(running) = &self.devices[device].device else { return };
        let asked: Vec<_> = running.offers().map(|(offer, _)| offer.assignment.clone()).collect();
        let trip = running.trip().map(|trip| {
            let stage = 1 + u8::from(trip.arrived_at.is_some()) + u8::from(trip.boarded.is_some());
            (trip.assignment.clone(), stage)
        });
        let asked_home = running.asked_home().is_some();
        if asked_home != std::mem::replace(&mut self.devices[device].asked_home, asked_home) && asked_home {
            self.counts.asked_home += 1;
            self.plan(device, SEES_AFTER_MS, Deed::Look);
        }
        let lives = self.town.life.is_some();
        if lives && trip.is_none() && self.devices[device].way.is_some() {
            self.plan(device, 1, Deed::Look);
        }
        for assignment in asked {
            if self.devices[device].planned.insert((assignment.clone(), 0)) {
                if lives {
                    if let Some((wait, yes)) = self.driver_decides() {
                        self.plan(device, wait, Deed::Answer { assignment, yes });
                    }
                    continue;
                }
                let wait = self.any_ms(1_000, 9_000);
                let roll = if self.healing { 0 } else { self.people.random_range(0..100) };
                // Some do not answer at all.
                if roll < 92 {
                    self.plan(device, wait, Deed::Answer { assignment, yes: roll < 82 });
                }
            }
        }
        if let Some((assignment, stage)) = trip
            && self.devices[device].planned.insert((assignment.clone(), stage))
        {
            if lives {
                if let Some((wait, deed)) = self.driver_goes_on(device, assignment, stage) {
                    self.plan(device, wait, deed);
                }
                return;
            }
            let roll = if self.healing { 99 } else { self.people.random_range(0..100) };
            let wait = self.any_ms(4_000, 40_000);
            let slips = roll % 7 == 0;
            let deed = match stage {
                1 if roll < 4 => Deed::GiveBack(assignment),
                1 => Deed::Arrive(assignment),
                2 if roll < 4 => Deed::NoShow(assignment),
                2 => Deed::Board { assignment, slips },
                _ => Deed::End(assignment),
            };
            self.plan(device, wait, deed);
        }
    }

    fn plan(&mut self, device: usize, wait: Ms, deed: Deed) {
        let life = self.devices[device].life;
        self.agenda.after(wait, Event::Driver { device, life, deed });
    }

    pub(super) fn driver_does(&mut self, device: usize, life: u32, deed: Deed) {
        // Deeds of life 0 were planned before the run and are done in whichever life it is.
        if life != 0 && life != self.devices[device].life {
            return;
        }
        match deed {
            Deed::HandOver => return self.hands_over(device),
            Deed::Drive if self.town.life.is_some() => return self.moves(device),
            Deed::Drive => return self.drives(device),
            Deed::Look => {
                if self.devices[device].device.as_ref().is_some_and(|device| device.trip().is_none()) {
                    self.stops_where_it_is(device);
                }
                self.heads_home(device);
                self.device_input(device, Input::Fix(self.devices[device].position));
                return;
            }
            _ => {}
        }
        let Some(running) = &self.devices[device].device else { return };
        let trip = running.trip();
        let booking = trip.map(|trip| trip.booking);
        let is_current = |assignment: &AssignmentId| trip.is_some_and(|trip| trip.assignment == *assignment);
        let ride = trip.and_then(|trip| trip.offer.as_ref()).map(|offer| &offer.ride);
        let (pickup, booked) = (ride.map(|ride| ride.pickup), ride.map(|ride| ride.payment));
        let wish = match deed {
            Deed::Answer { assignment, yes: true } => Wish::Accept(assignment),
            Deed::Answer { assignment, yes: false } => Wish::Decline(assignment),
            Deed::Arrive(assignment) if is_current(&assignment) => Wish::Arrive,
            Deed::GiveBack(assignment) if is_current(&assignment) => Wish::GiveBack,
            Deed::NoShow(assignment) if is_current(&assignment) => Wish::NoShow,
            Deed::Board { assignment, slips } if is_current(&assignment) => {
                let right = booking.map(|booking| self.pin_key.pin(booking));
                Wish::Board { pin: if slips { Some("none".into()) } else { right } }
            }
            Deed::End(assignment) if is_current(&assignment) => {
                let amount = Money(self.people.random_range(4_800..30_000));
                // As booked; a hail is paid in the vehicle.
                let payment = booked.unwrap_or(Payment::Cash);
                Wish::End(Fare { revision: 0, amount, distance_m: 2_000, duration_s: 300, payment })
            }
            Deed::Hail if self.healing => return,
            Deed::Hail => Wish::Hail { pickup: self.devices[device].position },
            Deed::Duty(Duty::Paused) if self.healing => return,
            Deed::Duty(duty) => Wish::Duty(duty),
            Deed::Drive
            | Deed::Look
            | Deed::HandOver
            | Deed::Arrive(_)
            | Deed::GiveBack(_)
            | Deed::NoShow(_)
            | Deed::Board { .. }
            | Deed::End(_) => {
                return;
            }
        };
        if let (Wish::Arrive, Some(pickup)) = (&wish, pickup) {
            (self.devices[device].position, self.devices[device].way) = (pickup, None);
        }
        let ends = matches!(wish, Wish::End(_)).then_some(booking).flatten();
        if wish == Wish::Duty(Duty::Paused) {
            self.plan(device, 40_000, Deed::Duty(Duty::Available));
        }
        let result = self.device_input(device, Input::Wish(wish));
        if let (Some(booking), Some(Ok(()))) = (ends, &result)
            && self.town.life.is_some()
            && let Some(dropoff) = self.brought(booking, device)
        {
            self.devices[device].position = dropoff;
        }
        if let Some(Err(WishRefusal::WrongPin { .. })) = result
            && let Some(assignment) =
                self.devices[device].stored.current.as_ref().map(|t| t.assignment.clone())
        {
            self.plan(device, 2_000, Deed::Board { assignment, slips: false });
        }
        let position = self.devices[device].position;
        self.device_input(device, Input::Fix(position));
    }

    /// A driver who is asked home, and free, sets out for it; who is in a hurry is there at once.
    fn heads_home(&mut self, device: usize) {
        let now = self.agenda.now();
        let place = &mut self.devices[device];
        let asked = place.device.as_ref().and_then(Device::asked_home);
        let Some(home) = asked.and_then(|asked| asked.towards).filter(|home| *home != place.position) else {
            return;
        };
        if self.town.life.is_none() {
            place.position = home;
            return;
        }
        let way = Way::new(place.position, home, now);
        place.way = Some(way);
        self.plan(device, way.arrives_at - now, Deed::Look);
    }

    /// A free taxi drives to the stand of its district, or somewhere else, now and then in the next district.
    fn drives(&mut self, device: usize) {
        let place = &self.devices[device];
        let free = place.device.as_ref().is_some_and(|device| device.trip().is_none());
        let at = if self.chance(40) { STAND_AT } else { self.people.random_range(0..1_024) };
        if free {
            let (own, districts) = (self.devices[device].edge, self.town.districts);
            let goes_abroad = at % 4 == 3;
            let district = if goes_abroad { own % districts + 1 } else { own };
            self.devices[device].position = spot(district, at);
            let position = self.devices[device].position;
            self.device_input(device, Input::Fix(position));
        }
    }

    /// Faults are over: every driver is on duty and looks at the screen again.
    pub(super) fn drivers_settle(&mut self) {
        for device in 0..self.devices.len() {
            let DevicePlace { life, stored, .. } = &self.devices[device];
            // Where drivers take turns, some have not begun and some have gone home.
            if self.town.life.is_some() && (*life == 0 || stored.duty.duty == Duty::Ended) {
                continue;
            }
            self.start_device(device);
            self.devices[device].planned.retain(|(_, stage)| *stage > 0);
            self.device_input(device, Input::Wish(Wish::Duty(Duty::Available)));
            self.driver_looks(device);
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
