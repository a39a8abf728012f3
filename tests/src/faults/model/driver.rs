//! The driver who holds the phone: what the driver decides, and where the car goes.

use ondol_core::booking::Payment;
use ondol_core::ids::AssignmentId;
use ondol_core::shift::Duty;
use ondol_core::units::Money;
use ondol_device::wire::Fare;
use ondol_device::{Device, Input, Wish, WishRefusal};
use rand::RngExt;

use super::life::Way;
use super::town::STAND_AT;
use super::{DevicePlace, Event, World, spot};
use crate::faults::clock::Ms;

/// A driver has read what the screen shows within this time.
const SEES_AFTER_MS: Ms = 2_000;

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
    /// The driver looks at the screen and decides what to do next.
    pub(super) fn driver_looks(&mut self, device: usize) {
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
