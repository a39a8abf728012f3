//! Feature-phone drivers: the edge they are homed to puts their assignments in line.
//!
//! Every decision is in the journal before a text leaves, so that a restart neither forgets nor repeats it.

use super::Node;
use crate::board::{DistrictBoard, TEXTS_MAX};
use crate::booking::{BookingRecord, Payment};
use crate::command::{Answer, HomeAnswer, HomeCommand, HomeWish, Notice, NoticeText, Recipient, Refusal};
use crate::face::Output;
use crate::fact::{Driver, Fact, Fare, PinCheck, Release, ShiftStart, Step, district_wide};
use crate::ids::{AssignmentId, BookingId, CommandId, DistrictId, DriverId, ShiftId, StandId};
use crate::journal::{Lane, Series};
use crate::pin::PIN_TRIES;
use crate::planted;
use crate::shift::{Duty, Serialiser, ShiftRecord};
use crate::stand::place;
use crate::units::{Money, Now};

/// A plausible fare, in the tariff's currency.
pub(super) const FARE_MAX: i64 = 2_000_000;

impl Node {
    pub(super) fn home(&mut self, command: HomeCommand, now: Now) -> Result<Answer, Refusal> {
        let (district, driver) = self.board.driver(command.driver).ok_or(Refusal::UnknownDriver)?;
        if driver.home.as_ref() != Some(&self.config.id) {
            return Err(Refusal::OtherNode);
        }
        let (district, driver) = (district.clone(), driver.clone());
        let shift = self.home_shift(&district, driver.driver);
        // A carrier delivers twice and a text process asks again: the same text gets the same answer, and acts once.
        let id = command.command;
        if let Some(said) = self.said_before(&district, driver.driver, &id) {
            return said.map(Answer::Home);
        }
        let before = self.board.head(&self.bookings_series(&district));
        let said = match command.what {
            HomeWish::On { stand } => self.home_on(&district, &driver, &id, stand, now),
            wish => shift
                .ok_or(Refusal::NotAvailable)
                .and_then(|shift| self.home_wish(&district, shift, wish, now)),
        };
        // What was acted upon is remembered beyond a restart, in the same commit as the act.
        if let Ok(answer) = &said
            && self.board.head(&self.bookings_series(&district)) != before
        {
            let (driver, answer) = (driver.driver, answer.clone());
            let fact = Fact::TextAnswered { driver, command: id, answer };
            self.append(&district, district_wide(), fact, now);
        }
        let lately = self.home_said.entry(driver.driver).or_default();
        if lately.len() >= TEXTS_MAX {
            lately.pop_front();
        }
        lately.push_back((id, said.clone()));
        said.map(Answer::Home)
    }

    /// The shift that the driver's texts are about: the one on duty here, else one that was ended elsewhere with a
    /// booking which the driver has not brought to its end, else one with a trip that an operator brought to its end.
    fn home_shift(&self, district: &DistrictId, driver: DriverId) -> Option<ShiftId> {
        let board = self.district(district)?;
        let is_here = |shift: &ShiftRecord| shift.home() == Some(&self.config.id);
        let is_the_drivers = |shift: &&ShiftRecord| {
            is_here(shift) && shift.start.as_ref().is_some_and(|start| start.driver == driver)
        };
        let is_bound = |shift: &&ShiftRecord| {
            board.bonds_of(shift.id).any(|(record, id)| record.assignments[id].binds())
        };
        let on_duty = board.shifts_of(driver).find(|shift| is_here(shift));
        on_duty
            .or_else(|| board.ended_with_bonds().filter(is_the_drivers).find(is_bound))
            .or_else(|| {
                let closed = board.with_closed_trip().filter(is_the_drivers);
                closed.max_by_key(|shift| shift.start.as_ref().map(|start| start.at))
            })
            .map(|shift| shift.id)
    }

    /// What a text was answered before, in this life or by the journal.
    fn said_before(
        &self,
        district: &DistrictId,
        driver: DriverId,
        command: &CommandId,
    ) -> Option<Result<HomeAnswer, Refusal>> {
        if planted!("inbox-not-idempotent", false, true) {
            return None;
        }
        let mut lately = self.home_said.get(&driver).into_iter().flatten();
        if let Some((_, said)) = lately.find(|(id, _)| id == command) {
            return Some(said.clone());
        }
        let mut texts = self.district(district)?.texts.get(&driver)?.iter();
        texts.find(|text| text.command == *command).map(|text| Ok(text.answer.clone()))
    }

    fn bookings_series(&self, district: &DistrictId) -> Series {
        Series {
            origin: self.config.id.clone(),
            incarnation: self.config.incarnation,
            district: district.clone(),
            lane: Lane::Bookings,
        }
    }

    fn home_on(
        &mut self,
        district: &DistrictId,
        driver: &Driver,
        command: &CommandId,
        stand: Option<StandId>,
        now: Now,
    ) -> Result<HomeAnswer, Refusal> {
        self.check_stand(district, stand.as_ref())?;
        let known = self
            .district(district)
            .and_then(|board| board.shift_of(driver.driver))
            .map(|shift| (shift.id, shift.home() == Some(&self.config.id), shift.duty()));
        let shift = match known {
            Some((_, false, _)) => return Err(Refusal::DriverElsewhere),
            Some((shift, true, duty)) => {
                if duty == Some(Duty::Paused) {
                    self.home_duty(district, shift, Duty::Available, now);
                }
                shift
            }
            None if driver.banned => return Err(Refusal::Banned),
            None => {
                // The text names the shift, so that the same text again starts the same one.
                let shift = ShiftId(command.0);
                if self.district(district).is_some_and(|board| board.shifts.contains_key(&shift)) {
                    return Ok(HomeAnswer::OffDuty);
                }
                let start = ShiftStart {
                    driver: driver.driver,
                    vehicle: driver.vehicle.clone(),
                    fleet: driver.fleet.clone(),
                    serialiser: Serialiser::Home { node: self.config.id.clone(), term: 1 },
                    at: now.utc,
                };
                self.append(district, district_wide(), Fact::ShiftStarted { shift, start }, now);
                shift
            }
        };
        if let Some(held) = self.held(district, shift) {
            return Ok(held);
        }
        if stand.is_some() {
            self.wait_at(district, shift, stand, now);
        }
        Ok(HomeAnswer::OnDuty { place: self.place_in_queue(district, shift) })
    }

    /// What a driver who wants to wait for bookings is told instead while there is one under way, of which an edge that
    /// was restored may have known nothing for a while: such a driver waits in no queue.
    fn held(&self, district: &DistrictId, shift: ShiftId) -> Option<HomeAnswer> {
        let bond = self.home_bond(district, shift).filter(|bond| !bond.is_question)?;
        Some(match bond.boarded {
            Some(pin) => HomeAnswer::Boarded { pin },
            None => HomeAnswer::Assigned { booking: bond.booking },
        })
    }

    fn home_wish(
        &mut self,
        district: &DistrictId,
        shift: ShiftId,
        wish: HomeWish,
        now: Now,
    ) -> Result<HomeAnswer, Refusal> {
        let bond = self.home_bond(district, shift);
        match wish {
            HomeWish::On { .. } => Err(Refusal::OutOfRange),
            HomeWish::Off => match bond {
                Some(Bond { is_question: false, .. }) => Err(Refusal::ShiftBusy),
                question => {
                    if let Some(question) = question {
                        let what = Step::Released { reason: Release::Declined };
                        self.step_at_home(district, question.booking, &question.id, what, now);
                    }
                    self.wait_at(district, shift, None, now);
                    self.home_duty(district, shift, Duty::Ended, now);
                    Ok(HomeAnswer::OffDuty)
                }
            },
            HomeWish::At { stand } => {
                self.check_stand(district, Some(&stand))?;
                if let Some(held) = self.held(district, shift) {
                    return Ok(held);
                }
                self.wait_at(district, shift, Some(stand), now);
                Ok(HomeAnswer::OnDuty { place: self.place_in_queue(district, shift) })
            }
            HomeWish::Accept { letter } => self.home_accept(district, shift, bond, letter, now),
            HomeWish::Decline { letter } => match bond {
                Some(bond) if bond.is_question && bond.id.letter() == letter => {
                    let what = Step::Released { reason: Release::Declined };
                    self.step_at_home(district, bond.booking, &bond.id, what, now);
                    Ok(HomeAnswer::Declined)
                }
                Some(_) | None => Err(Refusal::NoOffer),
            },
            HomeWish::Arrived => {
                let bond =
                    bond.filter(|bond| !bond.is_question && bond.boarded.is_none()).ok_or(Refusal::NoTrip)?;
                if !bond.arrived {
                    self.step_at_home(district, bond.booking, &bond.id, Step::Arrived, now);
                }
                Ok(HomeAnswer::Arrived)
            }
            HomeWish::Boarded { pin } => {
                let bond = bond.filter(|bond| !bond.is_question).ok_or(Refusal::NoTrip)?;
                self.home_boarded(district, &bond, &pin, now)
            }
            HomeWish::Ended { amount } => {
                // The driver's own word stands, also after an operator has closed the trip.
                let bond = bond.filter(|bond| bond.boarded.is_some());
                let bond = bond.or_else(|| self.closed_bond(district, shift)).ok_or(Refusal::NoTrip)?;
                self.home_ended(district, shift, &bond, amount, now)
            }
            HomeWish::Pause => {
                let paused = self
                    .district(district)
                    .and_then(|board| board.shifts.get(&shift))
                    .is_some_and(|shift| shift.duty() == Some(Duty::Paused));
                let duty = if paused { Duty::Available } else { Duty::Paused };
                self.home_duty(district, shift, duty, now);
                Ok(if paused {
                    HomeAnswer::OnDuty { place: self.place_in_queue(district, shift) }
                } else {
                    HomeAnswer::Paused
                })
            }
            HomeWish::Problem => match bond {
                Some(bond) if bond.boarded.is_some() => Err(Refusal::AlreadyBoarded),
                Some(bond) if !bond.is_question => {
                    let what = Step::Released { reason: Release::GivenBack };
                    self.step_at_home(district, bond.booking, &bond.id, what, now);
                    Ok(HomeAnswer::GivenBack)
                }
                Some(_) | None => Err(Refusal::NoTrip),
            },
        }
    }

    fn home_accept(
        &mut self,
        district: &DistrictId,
        shift: ShiftId,
        bond: Option<Bond>,
        letter: char,
        now: Now,
    ) -> Result<HomeAnswer, Refusal> {
        let Some(bond) = bond.filter(|bond| bond.id.letter() == letter) else {
            let was_asked = self.over.get(&shift).is_some_and(|over| over.letter() == letter);
            return Err(if was_asked { Refusal::OfferLapsed } else { Refusal::NoOffer });
        };
        // An older bond, of a past that came back, may happen to have the same letter: what was asked last is meant.
        if self.letters.get(&(bond.shift, letter)).is_some_and(|asked| *asked != bond.id) {
            return Err(Refusal::OfferLapsed);
        }
        if bond.is_question {
            let in_time = self
                .questions
                .get(&bond.id)
                .is_some_and(|question| question.withdrawn.is_none() && now.ticks < question.lapses_at);
            if !in_time {
                return Err(Refusal::OfferLapsed);
            }
            let place = self.last_known_place_of(district, bond.shift);
            self.step_at_home(district, bond.booking, &bond.id, Step::Assigned, now);
            self.leave_stand(district, bond.shift, now);
            if let Some(place) = place {
                self.last_seen.insert(bond.shift, place);
            }
        }
        Ok(HomeAnswer::Assigned { booking: bond.booking })
    }

    fn home_boarded(
        &mut self,
        district: &DistrictId,
        bond: &Bond,
        pin: &str,
        now: Now,
    ) -> Result<HomeAnswer, Refusal> {
        if let Some(pin) = bond.boarded {
            return Ok(HomeAnswer::Boarded { pin });
        }
        let tries = self.pin_tries.entry(bond.id.clone()).or_insert(0);
        let check = if pin == self.config.pin_key.pin(bond.booking) {
            PinCheck::Verified
        } else {
            *tries += 1;
            if *tries < PIN_TRIES {
                return Ok(HomeAnswer::WrongPin { left: PIN_TRIES - *tries });
            }
            PinCheck::Unverified
        };
        self.pin_tries.remove(&bond.id);
        if !bond.arrived {
            self.step_at_home(district, bond.booking, &bond.id, Step::Arrived, now);
        }
        self.step_at_home(district, bond.booking, &bond.id, Step::Boarded { pin: check }, now);
        Ok(HomeAnswer::Boarded { pin: check })
    }

    fn home_ended(
        &mut self,
        district: &DistrictId,
        shift: ShiftId,
        bond: &Bond,
        amount: Money,
        now: Now,
    ) -> Result<HomeAnswer, Refusal> {
        if !(0..=FARE_MAX).contains(&amount.0) {
            return Err(Refusal::OutOfRange);
        }
        let record = self.district(district).and_then(|board| board.bookings.get(&bond.booking));
        let request = record.and_then(|record| record.request());
        let payment = request.map_or(Payment::Cash, |request| request.payment);
        let dropoff = request.and_then(|request| request.dropoff);
        let boarded_at =
            record.and_then(|record| record.assignments.get(&bond.id)).and_then(|bond| bond.boarded);
        let duration_ms = boarded_at.map_or(0, |(at, _)| now.utc.since_ms(at).max(0));
        let duration_s = u32::try_from(duration_ms / 1_000).unwrap_or(u32::MAX);
        let fare = Fare { revision: 0, amount, distance_m: 0, duration_s, payment };
        self.step_at_home(district, bond.booking, &bond.id, Step::Done { fare: fare.clone() }, now);
        if let Some(dropoff) = dropoff {
            self.last_seen.insert(shift, dropoff);
            self.keep_if_free(district, shift);
        }
        Ok(HomeAnswer::Ended { fare })
    }

    /// Journals a step of a bond whose serialiser this edge is, and tells the driver if it was not the driver's wish.
    pub(super) fn step_at_home(
        &mut self,
        district: &DistrictId,
        booking: BookingId,
        assignment: &AssignmentId,
        what: Step,
        now: Now,
    ) {
        let Some(record) = self.district(district).and_then(|board| board.bookings.get(&booking)) else {
            return;
        };
        let Some(bond) = record.assignments.get(assignment) else { return };
        if matches!(what, Step::Released { .. }) && (bond.boarded.is_some() || bond.released.is_some()) {
            return;
        }
        let (shift, is_question) = (bond.shift, bond.is_question());
        let zone = record.zone().cloned().unwrap_or_else(district_wide);
        if is_question && matches!(what, Step::Released { .. }) {
            self.over.insert(shift, assignment.clone());
        }
        if matches!(what, Step::Released { .. } | Step::Done { .. }) {
            self.pin_tries.remove(assignment);
        }
        let told = match &what {
            Step::Released { reason } => {
                !matches!(reason, Release::Declined | Release::GivenBack | Release::Lapsed)
            }
            Step::Assigned | Step::Arrived | Step::Boarded { .. } | Step::Done { .. } => false,
        };
        self.questions.remove(assignment);
        let fact = Fact::Stepped { booking, assignment: assignment.clone(), shift, what, at: now.utc };
        self.append(district, zone, fact, now);
        if told && let Some(driver) = self.driver_of(district, shift) {
            self.outputs.push_back(Output::Notify(Notice {
                id: format!("{assignment}/withdrawn"),
                to: Recipient::Driver { driver },
                text: NoticeText::DriverWithdrawn { code: Self::code(booking), letter: assignment.letter() },
                urgent: true,
                expires_at: now.utc.plus_ms(600_000),
            }));
        }
    }

    /// A question of an earlier life of this node has no timer any more: it ends now. So does one of this life to a
    /// driver who turns out to have a booking.
    pub(super) fn release_stale_home_questions(&mut self, now: Now) {
        let me = &self.config;
        let homed = self.board.districts().flat_map(|(id, board)| {
            let here = board.on_duty().filter(|shift| shift.home() == Some(&me.id));
            here.flat_map(|shift| board.bonds_of(shift.id))
                .map(move |(record, bond)| (id, board, record, bond))
        });
        let is_busy = |board: &DistrictBoard, shift| {
            board.bonds_of(shift).any(|(record, id)| record.assignments[id].binds())
        };
        let stale: Vec<_> = homed
            .map(|(district, board, record, id)| (district, board, record, id, &record.assignments[id]))
            .filter(|(.., bond)| bond.is_question())
            .filter(|(_, board, _, id, bond)| id.incarnation != me.incarnation || is_busy(board, bond.shift))
            .map(|(district, _, record, id, _)| (district.clone(), record.id, id.clone()))
            .collect();
        for (district, booking, assignment) in stale {
            let what = Step::Released { reason: Release::Withdrawn };
            self.step_at_home(&district, booking, &assignment, what, now);
        }
    }

    pub(super) fn is_homed_here(&self, district: &DistrictId, shift: ShiftId) -> bool {
        self.district(district)
            .and_then(|board| board.shifts.get(&shift))
            .is_some_and(|shift| shift.home() == Some(&self.config.id))
    }

    fn driver_of(&self, district: &DistrictId, shift: ShiftId) -> Option<DriverId> {
        self.district(district)?.shifts.get(&shift)?.start.as_ref().map(|start| start.driver)
    }

    fn home_bond(&self, district: &DistrictId, shift: ShiftId) -> Option<Bond> {
        let (record, id) = self.district(district)?.bonds_of(shift).next()?;
        Some(Bond::of(record, id))
    }

    /// The driver's last trip, if an operator closed it and the driver has not told its end.
    fn closed_bond(&self, district: &DistrictId, shift: ShiftId) -> Option<Bond> {
        let (record, id) = self.district(district)?.closed_trip_of(shift)?;
        Some(Bond::of(record, id))
    }

    fn check_stand(&self, district: &DistrictId, stand: Option<&StandId>) -> Result<(), Refusal> {
        let known = stand.is_none_or(|stand| {
            self.district(district).is_some_and(|board| board.stands.contains_key(stand))
        });
        if known { Ok(()) } else { Err(Refusal::UnknownStand) }
    }

    fn home_duty(&mut self, district: &DistrictId, shift: ShiftId, duty: Duty, now: Now) {
        let number = self
            .district(district)
            .and_then(|board| board.shifts.get(&shift))
            .and_then(|shift| shift.duty)
            .map_or(1, |(number, ..)| number.saturating_add(1));
        self.append(district, district_wide(), Fact::DutyChanged { shift, number, duty, at: now.utc }, now);
    }

    fn wait_at(&mut self, district: &DistrictId, shift: ShiftId, stand: Option<StandId>, now: Now) {
        let known = self
            .district(district)
            .and_then(|board| board.shifts.get(&shift))
            .and_then(|shift| shift.waits_at().map(|(stand, _)| stand.clone()));
        if known != stand {
            self.append(district, district_wide(), Fact::StandChanged { shift, stand, at: now.utc }, now);
        }
    }

    fn place_in_queue(&self, district: &DistrictId, shift: ShiftId) -> Option<usize> {
        place(self.district(district)?, shift).map(|place| place.place)
    }

    /// A driver with a booking waits in no queue.
    pub(super) fn leave_stand(&mut self, district: &DistrictId, shift: ShiftId, now: Now) {
        self.wait_at(district, shift, None, now);
    }
}

/// A bond of a feature-phone driver's, or a question.
struct Bond {
    id: AssignmentId,
    booking: BookingId,
    shift: ShiftId,
    is_question: bool,
    arrived: bool,
    /// How the rider was recognised, once on board.
    boarded: Option<PinCheck>,
}

impl Bond {
    fn of(record: &BookingRecord, id: &AssignmentId) -> Self {
        let bond = &record.assignments[id];
        Self {
            id: id.clone(),
            booking: record.id,
            shift: bond.shift,
            is_question: bond.is_question(),
            arrived: bond.arrived_at.is_some(),
            boarded: bond.boarded.map(|(_, pin)| pin),
        }
    }
}
