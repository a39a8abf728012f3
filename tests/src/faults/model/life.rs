//! How people live in a scenario: cars need time for their ways, riders have patience, and nobody acts by chance alone.
//!
//! What riders want and where cars stand is drawn before the run, so that every way of dispatching meets the same
//! demand. A rider is served when the car has reached the rider, the rider has got in and was brought to the end.

use std::ops::Range;

use ondol_core::booking::Door;
use ondol_core::command::HomeWish;
use ondol_core::ids::{AssignmentId, BookingId};
use ondol_core::position::Position;
use ondol_core::shift::Duty;
use ondol_core::travel::{StraightLine, TravelTimes as _};
use ondol_device::Input;
use rand::RngExt;

use super::driver::Deed;
use super::people::RiderDeed;
use super::{Event, World};
use crate::faults::clock::Ms;

/// A driver who is busy hands the car over after this time, and the next one is ready after as long.
const HANDS_OVER_AGAIN_MS: Ms = 60_000;
/// How long a free driver drives to be somewhere else.
const MOVES_FOR_MS: Ms = 180_000;
/// A rider who has gone tells a node that does not answer again after this time.
pub(super) const CANCELS_AGAIN_MS: Ms = 60_000;

/// What a town's people do, and what they want.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    /// Drivers with the app first.
    pub(crate) cars: Vec<Car>,
    /// When the driver of each car with the app gives it to the next one.
    pub(crate) hand_overs: Vec<Vec<Ms>>,
    /// In the order in which they ask.
    pub(crate) wishes: Vec<Wish>,
    /// The side of a district, which is a square. Districts lie in a row, so that they touch.
    pub(crate) side_m: f64,
    /// Rows of stands in a district, and stands in a row.
    pub(crate) stand_rows: u32,
    /// How long a driver looks at a question before answering.
    pub(crate) answer_ms: Range<Ms>,
    /// Of 100 questions, how many get a yes, and how many a no; the others get no answer.
    pub(crate) yes_per_cent: u32,
    pub(crate) no_per_cent: u32,
    /// From the car's arrival until the rider has got in.
    pub(crate) boarding_ms: Ms,
    /// How long a driver waits for a rider who is not there.
    pub(crate) waits_for_rider_ms: Ms,
    /// A free driver drives somewhere else after this time on average; 0 for never.
    pub(crate) moves_every_ms: Ms,
    /// A rider who has had no answer through the telephone or by text turns to the page after this time.
    pub(crate) other_door_ms: Ms,
    /// A rider who has had no answer tries again after this time.
    pub(crate) rider_again_ms: Ms,
}

/// A car as the run begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Car {
    pub(crate) district: usize,
    pub(crate) position: Position,
}

/// A ride that somebody wants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    /// When the rider asks.
    pub(crate) at: Ms,
    /// How long before the car is wanted; 0 for at once.
    pub(crate) ahead_ms: Ms,
    pub(crate) district: usize,
    pub(crate) pickup: Position,
    pub(crate) dropoff: Position,
    /// How long the ride takes.
    pub(crate) ride_ms: Ms,
    pub(crate) door: Door,
    pub(crate) is_medical: bool,
    /// The rider pays by card, which central charges.
    pub(crate) by_card: bool,
    /// How long the rider waits for a car to come.
    pub(crate) patience_ms: Ms,
    /// Whose patience is over goes without a word.
    pub(crate) goes_silently: bool,
}

impl Wish {
    /// When a car is wanted.
    pub(crate) fn wanted_at(&self) -> Ms {
        self.at + self.ahead_ms
    }
}

/// A car on its way to a rider.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    from: Position,
    to: Position,
    left_at: Ms,
    pub(super) arrives_at: Ms,
}

/// What has become of a rider, as riders and drivers saw it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ride {
    /// When the rider was told that the booking is taken.
    pub(crate) told_at: Option<Ms>,
    /// The car that came, and when.
    pub(crate) met: Option<(usize, Ms)>,
    /// When the rider was at the end of the ride.
    pub(crate) ended_at: Option<Ms>,
    /// When the rider gave up.
    pub(crate) gone_at: Option<Ms>,
}

impl Life {
    /// The stands of a district, in rows and columns.
    pub(super) fn stands_of(&self, district: usize) -> impl Iterator<Item = Position> {
        let share = |n: u32| (f64::from(n) + 0.5) / f64::from(self.stand_rows);
        let rows = (0..self.stand_rows).flat_map(|row| (0..self.stand_rows).map(move |column| (row, column)));
        rows.map(move |(row, column)| at(district, self.side_m, share(row), share(column)))
    }
}

/// The place in a district's square at these shares of its side, from the south-west.
pub(crate) fn at(district: usize, side_m: f64, north: f64, east: f64) -> Position {
    const M_PER_DEGREE_LAT: f64 = 111_195.0;
    const M_PER_DEGREE_LON: f64 = 88_200.0;
    let row = f64::from(u32::try_from(district).expect("few districts"));
    let east_m = side_m * (row - 1.0 + east);
    let (lat, lon) = (37.5 + side_m * north / M_PER_DEGREE_LAT, 126.8 + east_m / M_PER_DEGREE_LON);
    Position::new(lat, lon).expect("a town of a few kilometres near Seoul")
}

/// How long a car needs from one place to another, by the same rule that nodes plan with.
pub(crate) fn drive_ms(from: Position, to: Position) -> Ms {
    let seconds = StraightLine.durations_s(to, &[from])[0].expect("a straight line leads everywhere");
    Ms::from(seconds) * 1_000
}

impl Way {
    pub(crate) fn new(from: Position, to: Position, now: Ms) -> Self {
        Self { from, to, left_at: now, arrives_at: now + drive_ms(from, to) }
    }

    /// Where the car is.
    pub(crate) fn position(&self, now: Ms) -> Position {
        if now >= self.arrives_at {
            return self.to;
        }
        #[allow(clippy::cast_precision_loss, reason = "a drive takes minutes")]
        let share = (now - self.left_at) as f64 / (self.arrives_at - self.left_at) as f64;
        let between = |a: f64, b: f64| a + (b - a) * share;
        let (from, to) = (self.from, self.to);
        Position::new(between(from.lat(), to.lat()), between(from.lon(), to.lon())).unwrap_or(self.from)
    }
}

impl World {
    fn life(&self) -> &Life {
        self.town.life.as_ref().expect("asked only where people live")
    }

    /// After how long a driver answers a question, and how; none if not at all.
    pub(super) fn driver_decides(&mut self) -> Option<(Ms, bool)> {
        let Life { answer_ms, yes_per_cent, no_per_cent, .. } = self.life();
        let (answer_ms, yes, no) = (answer_ms.clone(), *yes_per_cent, *no_per_cent);
        let wait = self.people.random_range(answer_ms);
        let roll = if self.healing { 0 } else { self.people.random_range(0..100) };
        (roll < yes + no).then_some((wait, roll < yes))
    }

    /// What a driver with the app does next on a trip, and when.
    pub(super) fn driver_goes_on(
        &mut self,
        device: usize,
        assignment: AssignmentId,
        stage: u8,
    ) -> Option<(Ms, Deed)> {
        let trip = self.devices[device].device.as_ref()?.trip()?;
        let (booking, pickup) = (trip.booking, trip.offer.as_ref().map(|offer| offer.ride.pickup));
        let now = self.agenda.now();
        Some(match stage {
            1 => {
                self.stops_where_it_is(device);
                let from = self.devices[device].position;
                let way = Way::new(from, pickup.unwrap_or(from), now);
                self.devices[device].way = Some(way);
                (way.arrives_at - now, Deed::Arrive(assignment))
            }
            2 if self.meets(booking, device) => {
                (self.boarding_ms(booking), Deed::Board { assignment, slips: false })
            }
            2 => (self.life().waits_for_rider_ms, Deed::NoShow(assignment)),
            _ => (self.ride_ms(booking), Deed::End(assignment)),
        })
    }

    /// Drivers give their cars to the next ones as they have planned it.
    pub(super) fn place_hand_overs(&mut self) {
        for (car, moments) in self.life().hand_overs.clone().into_iter().enumerate() {
            for (turn, at) in moments.into_iter().enumerate() {
                let device = car + turn * self.town.app_cars;
                self.agenda.at(at, Event::Driver { device, life: 0, deed: Deed::HandOver });
            }
        }
    }

    /// A driver who is free ends the shift, and the next one begins in the same car; one who is not does so later.
    pub(super) fn hands_over(&mut self, device: usize) {
        if self.healing {
            return;
        }
        let running = self.devices[device].device.as_ref();
        if !running.is_some_and(|device| device.trip().is_none() && device.offers().next().is_none()) {
            self.agenda.after(HANDS_OVER_AGAIN_MS, Event::Driver { device, life: 0, deed: Deed::HandOver });
            return;
        }
        self.stops_where_it_is(device);
        let next = device + self.town.app_cars;
        self.devices[next].position = self.devices[device].position;
        self.agenda.after(HANDS_OVER_AGAIN_MS, Event::DeviceStarts { device: next });
        self.device_input(device, Input::Wish(ondol_device::Wish::Duty(Duty::Ended)));
    }

    /// A driver whose trip has ended or was taken away stands where the car is by now.
    pub(super) fn stops_where_it_is(&mut self, device: usize) -> bool {
        let now = self.agenda.now();
        let place = &mut self.devices[device];
        let Some(way) = place.way.take() else { return false };
        place.position = way.position(now);
        true
    }

    /// The car of a feature-phone driver, numbered after those with the app.
    pub(super) fn car_of_phone(&self, phone: usize) -> usize {
        self.town.devices + phone
    }

    /// How long a feature-phone driver needs before writing `wish`; none to write nothing.
    pub(super) fn phone_goes_on(&mut self, phone: usize, wish: HomeWish) -> Option<(Ms, HomeWish)> {
        let booking = self.phones[phone].booking;
        let car = self.car_of_phone(phone);
        match (&wish, booking) {
            (HomeWish::Arrived, Some(booking)) => {
                let from = self.phones[phone].position;
                let pickup = self.rider_of(booking).map_or(from, |rider| self.riders[rider].request.pickup);
                self.phones[phone].position = pickup;
                Some((drive_ms(from, pickup), wish))
            }
            (HomeWish::Boarded { .. }, Some(booking)) if self.meets(booking, car) => {
                Some((self.boarding_ms(booking), wish))
            }
            // Nobody is there.
            (HomeWish::Boarded { .. }, Some(_)) => Some((self.life().waits_for_rider_ms, HomeWish::Problem)),
            (HomeWish::Ended { .. }, Some(booking)) => Some((self.ride_ms(booking), wish)),
            // Where the last trip ended the edge knows by itself.
            (HomeWish::At { .. }, _) => None,
            _ => Some((self.any_ms(2_000, 10_000), wish)),
        }
    }

    /// The car stands where the rider waits: true if the rider gets in.
    fn meets(&mut self, booking: BookingId, car: usize) -> bool {
        let now = self.agenda.now();
        let Some(rider) = self.rider_of(booking) else { return false };
        let ride = &mut self.riders[rider].ride;
        if ride.gone_at.is_some() {
            self.counts.dead_runs += 1;
            return false;
        }
        // Who ordered for later comes out when it is time.
        let wanted_at = self.town.life.as_ref().map_or(0, |life| life.wishes[rider].wanted_at());
        ride.met.get_or_insert((car, now.max(wanted_at))).0 == car
    }

    /// From now until the rider of a booking sits in the car.
    fn boarding_ms(&self, booking: BookingId) -> Ms {
        let met = self.rider_of(booking).and_then(|rider| self.riders[rider].ride.met);
        let waits_ms = met.map_or(0, |(_, at)| at.saturating_sub(self.agenda.now()));
        waits_ms + self.life().boarding_ms
    }

    /// A free driver drives to another place nearby; and again after a while.
    pub(super) fn moves(&mut self, device: usize) {
        let (side_m, every_ms) = (self.life().side_m, self.life().moves_every_ms);
        let now = self.agenda.now();
        self.stops_where_it_is(device);
        let to = at(self.devices[device].edge, side_m, self.people.random(), self.people.random());
        let place = &mut self.devices[device];
        if place.device.as_ref().is_some_and(|device| device.trip().is_none()) && !self.healing {
            let way = Way::new(place.position, to, now);
            place.way = Some(way);
            // The car is on its way for a few minutes and stands wherever it is by then.
            self.agenda.after(MOVES_FOR_MS, Event::Driver { device, life: 0, deed: Deed::Look });
        }
        let wait = self.any_ms(every_ms / 2, every_ms * 3 / 2);
        self.agenda.after(wait, Event::Driver { device, life: 0, deed: Deed::Drive });
    }

    /// How long the ride of a booking takes.
    fn ride_ms(&self, booking: BookingId) -> Ms {
        self.rider_of(booking).map_or(0, |rider| self.life().wishes[rider].ride_ms)
    }

    /// The rider was brought to the end of the ride by this car, which stands there now.
    pub(super) fn brought(&mut self, booking: BookingId, car: usize) -> Option<Position> {
        let now = self.agenda.now();
        let rider = self.rider_of(booking)?;
        let person = &mut self.riders[rider];
        if person.ride.met.is_some_and(|(by, _)| by == car) {
            person.ride.ended_at.get_or_insert(now);
        }
        person.request.dropoff
    }

    /// The rider of a booking.
    pub(super) fn rider_of(&self, booking: BookingId) -> Option<usize> {
        self.rider_of.get(&booking).copied()
    }

    /// The rider's patience is over: unless a car has come, the rider goes and says so.
    pub(super) fn rider_leaves(&mut self, rider: usize) {
        let now = self.agenda.now();
        let person = &mut self.riders[rider];
        if person.ride.met.is_none() {
            person.ride.gone_at.get_or_insert(now);
            let silently = self.town.life.as_ref().is_some_and(|life| life.wishes[rider].goes_silently);
            if person.acknowledged && !silently {
                self.rider_does(rider, RiderDeed::Cancel);
            }
        }
    }

    /// True if the rider does nothing more about the booking.
    pub(super) fn has_left(&self, rider: usize, deed: RiderDeed) -> bool {
        let stays = matches!(deed, RiderDeed::Cancel | RiderDeed::Heard | RiderDeed::Leave);
        self.riders[rider].ride.gone_at.is_some() && !stays
    }

    /// True if the moment for which the rider ordered ahead is over.
    pub(super) fn has_come_too_late(&self, rider: usize) -> bool {
        let wish = self.town.life.as_ref().map(|life| life.wishes[rider]);
        wish.is_some_and(|wish| wish.ahead_ms > 0 && self.agenda.now() > wish.wanted_at())
    }

    /// True while a rider who telephones hears nothing and has not turned to the page yet.
    pub(super) fn waits_for_telephone(&self, rider: usize) -> bool {
        let (now, life) = (self.agenda.now(), self.life());
        let calls = self.riders[rider].request.door == Door::Phone;
        calls && now < self.net.telephone_cut.min(life.wishes[rider].at + life.other_door_ms)
    }

    /// Riders ask as they want to, and go when their patience is over.
    pub(super) fn place_wishes(&mut self) {
        for (rider, wish) in self.life().wishes.clone().into_iter().enumerate() {
            let deed = self.place_rider(rider, wish);
            self.agenda.at(wish.at, Event::Rider { rider, deed });
            self.agenda
                .at(wish.wanted_at() + wish.patience_ms, Event::Rider { rider, deed: RiderDeed::Leave });
        }
        self.place_hand_overs();
    }
}
