//! The rules that a [`FakeNode`](super::FakeNode) keeps.

use ondol_messages::Lang;
use uuid::Uuid;

use super::World;
use crate::clock::UtcMs;
use crate::dialogue::{MOVE_FREELY_M, NodeAnswer, NodeRequest};
use crate::wire::{
    Accepted, BookRequest, BookingState, BookingView, DriverAnswer, DriverCommand, DriverFacts, DriverTrip,
    Mode, Problem, Proof, RiderFacts, ShiftState, Standing, VehicleView, code,
};

impl World {
    pub(super) fn answer(&mut self, request: &NodeRequest, now: UtcMs) -> Result<NodeAnswer, &'static str> {
        let view = |view: BookingView| NodeAnswer::Booking(Box::new(view));
        match request {
            NodeRequest::Rider { phone } => Ok(NodeAnswer::Rider(Box::new(self.facts(phone, now)))),
            NodeRequest::Places { query, .. } => {
                let folded = |text: &str| text.to_lowercase().replace(' ', "");
                let wanted = folded(query);
                let found = self.places.iter().filter(|place| folded(&place.name).contains(&wanted)).take(8);
                Ok(NodeAnswer::Places(found.cloned().collect()))
            }
            NodeRequest::Stand { code } => {
                let found = self.places.iter().filter(|place| place.stand_code == Some(*code)).take(1);
                Ok(NodeAnswer::Places(found.cloned().collect()))
            }
            NodeRequest::Book(request) => self.book(request, now).map(view),
            NodeRequest::Cancel { booking_id, request } => {
                let booking = self.booking(*booking_id, &request.phone)?;
                changeable(booking, request.proof, 0.0)?;
                booking.state = BookingState::Cancelled;
                Ok(view(booking.clone()))
            }
            NodeRequest::Move { booking_id, request } => {
                let booking = self.booking(*booking_id, &request.phone)?;
                let distance_m = booking.pickup.position.distance_m(request.pickup.position);
                changeable(booking, request.proof, distance_m)?;
                booking.pickup = request.pickup.clone();
                Ok(view(booking.clone()))
            }
            NodeRequest::Keep { booking_id, request } => {
                Ok(view(self.booking(*booking_id, &request.phone)?.clone()))
            }
            NodeRequest::Drive { phone, request } => {
                let driver = self.drivers.get(phone).ok_or(code::DRIVER_UNKNOWN)?;
                match (&driver.text_code, &request.driver_code) {
                    (Some(_), None) => return Err(code::DRIVER_CODE_NEEDED),
                    (Some(wanted), Some(given)) if wanted != given => {
                        return Err(code::DRIVER_CODE_WRONG);
                    }
                    (Some(_) | None, _) => {}
                }
                if self.commands.insert(request.command_id) {
                    self.drive(phone, &request.command)?;
                }
                Ok(NodeAnswer::Driver(Box::new(self.driver_answer(phone, now))))
            }
        }
    }

    fn facts(&self, phone: &str, now: UtcMs) -> RiderFacts {
        let driver = self.drivers.get(phone);
        RiderFacts {
            lang: None,
            open: self
                .order
                .iter()
                .filter_map(|id| self.bookings.get(id))
                .filter(|(number, view)| number == phone && is_open(view.state))
                .map(|(_, view)| view.clone())
                .take(4)
                .collect(),
            saved: self.saved.get(phone).cloned().unwrap_or_default(),
            last_pickup: None,
            driver: driver.map(|driver| DriverFacts { lang: driver.lang, state: driver.state }),
            near: None,
            standing: standing(now),
        }
    }

    fn book(&mut self, request: &BookRequest, now: UtcMs) -> Result<BookingView, &'static str> {
        if let Some((_, view)) = self.bookings.get(&request.booking_id) {
            return Ok(view.clone());
        }
        let has_open =
            self.bookings.values().any(|(phone, view)| *phone == request.phone && is_open(view.state));
        if has_open && request.proof == Proof::Number {
            return Err(code::OPEN_BOOKING);
        }
        let count = self.order.len() + 1;
        let view = BookingView {
            booking_id: request.booking_id,
            code: format!("K{count:03}"),
            pin: format!("{:04}", 4820 + count),
            state: BookingState::Open,
            pickup: request.pickup.clone(),
            pickup_at: request.pickup_at,
            vehicle: None,
            accepted: Accepted::AcceptedLocal,
            standing: standing(now),
        };
        self.bookings.insert(request.booking_id, (request.phone.clone(), view.clone()));
        self.order.push(request.booking_id);
        Ok(view)
    }

    fn booking(&mut self, booking_id: Uuid, phone: &str) -> Result<&mut BookingView, &'static str> {
        match self.bookings.get_mut(&booking_id) {
            Some((owner, view)) if owner == phone => Ok(view),
            Some(_) | None => Err(code::BOOKING_UNKNOWN),
        }
    }

    fn drive(&mut self, phone: &str, command: &DriverCommand) -> Result<(), &'static str> {
        let driver = self.drivers.get_mut(phone).ok_or(code::DRIVER_UNKNOWN)?;
        match command {
            DriverCommand::On { stand } => {
                driver.state = ShiftState::Free;
                driver.stand = *stand;
            }
            DriverCommand::Off {} if driver.trip.is_some() => return Err(code::TRIP_OPEN),
            DriverCommand::Off {} => driver.state = ShiftState::OffDuty,
            DriverCommand::At { stand } => driver.stand = Some(*stand),
            DriverCommand::Accept { offer } => match driver.offer {
                Some((letter, booking_id)) if letter.to_string() == *offer => {
                    driver.offer = None;
                    driver.trip = Some(booking_id);
                    driver.state = ShiftState::ToPickup;
                    if let Some((_, view)) = self.bookings.get_mut(&booking_id) {
                        view.state = BookingState::Assigned;
                        view.vehicle =
                            Some(VehicleView { plate: "서울33바1234".to_owned(), eta_s: Some(300) });
                    }
                }
                Some(_) | None => {
                    let over = driver.withdrawn.is_some_and(|letter| letter.to_string() == *offer);
                    return Err(if over { code::OFFER_LAPSED } else { code::OFFER_UNKNOWN });
                }
            },
            DriverCommand::Decline { .. } => {
                driver.offer = None;
                driver.state = ShiftState::Free;
            }
            DriverCommand::Arrived {} if driver.trip.is_some() => driver.state = ShiftState::AtPickup,
            DriverCommand::Boarded { pin } => {
                let booking = driver.trip.and_then(|id| self.bookings.get_mut(&id));
                match booking {
                    Some((_, view)) if view.pin == *pin => {
                        view.state = BookingState::Boarded;
                        driver.state = ShiftState::Boarded;
                    }
                    Some(_) => return Err(code::PIN_WRONG),
                    None => return Err(code::NO_SUCH_TRIP),
                }
            }
            DriverCommand::Ended { fare } => match driver.trip.take() {
                Some(id) => {
                    driver.fares.push(*fare);
                    driver.state = ShiftState::Free;
                    if let Some((_, view)) = self.bookings.get_mut(&id) {
                        view.state = BookingState::Completed;
                    }
                }
                None => return Err(code::NO_SUCH_TRIP),
            },
            DriverCommand::Break {} => driver.state = ShiftState::OnBreak,
            DriverCommand::Problem { .. } | DriverCommand::Status {} => {}
            DriverCommand::Arrived {} => return Err(code::NO_SUCH_TRIP),
        }
        Ok(())
    }

    fn driver_answer(&self, phone: &str, now: UtcMs) -> DriverAnswer {
        let driver = self.drivers.get(phone);
        let trip = driver.and_then(|driver| driver.trip).and_then(|id| self.bookings.get(&id));
        DriverAnswer {
            lang: driver.map_or(Lang::Ko, |driver| driver.lang),
            state: driver.map_or(ShiftState::OffDuty, |driver| driver.state),
            stand: driver.and_then(|driver| driver.stand),
            queue_position: driver.and_then(|driver| driver.stand).map(|_| 1),
            trip: trip.map(|(_, view)| DriverTrip {
                code: view.code.clone(),
                pickup: view.pickup.clone(),
                destination: None,
            }),
            standing: standing(now),
        }
    }
}

/// After assignment, or beyond 300 m, the number must have answered a nonce; on board nothing changes.
fn changeable(booking: &BookingView, proof: Proof, moved_m: f64) -> Result<(), &'static str> {
    match booking.state {
        BookingState::Boarded => Err(code::ALREADY_BOARDED),
        BookingState::Completed | BookingState::Unserved => Err(code::BOOKING_UNKNOWN),
        BookingState::Assigned | BookingState::Arrived if proof == Proof::Number => Err(code::PROOF_NEEDED),
        BookingState::Open | BookingState::Cancelled if proof == Proof::Number && moved_m > MOVE_FREELY_M => {
            Err(code::PROOF_NEEDED)
        }
        BookingState::Open | BookingState::Assigned | BookingState::Arrived | BookingState::Cancelled => {
            Ok(())
        }
    }
}

fn is_open(state: BookingState) -> bool {
    match state {
        BookingState::Open | BookingState::Assigned | BookingState::Arrived | BookingState::Boarded => true,
        BookingState::Completed | BookingState::Cancelled | BookingState::Unserved => false,
    }
}

pub(super) fn problem(code: &str) -> Problem {
    Problem {
        kind: "about:blank".to_owned(),
        title: String::new(),
        status: 409,
        detail: String::new(),
        code: code.to_owned(),
        retry: serde_json::Value::Null,
    }
}

fn standing(now: UtcMs) -> Standing {
    Standing { authority: "fake".to_owned(), as_of: now, mode: Mode::Normal }
}
