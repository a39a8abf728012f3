//! The street: where a rider and a driver meet without any network.
//!
//! A rider stands at the pickup and knows a PIN; a driver who gets there asks for it. Nothing else passes between
//! them: a driver learns of a rider's change of mind only from a node, or by finding nobody.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use ondol_core::ids::BookingId;
use ondol_core::pin::booking_code;
use ondol_core::position::Position;
use tokio::sync::mpsc::UnboundedSender;

/// A driver at a pickup looks around this far for the rider, in metres. A code is three letters: somebody at the other end
/// of the town may have the same one.
const IN_SIGHT_M: f64 = 500.0;

/// What a rider lives through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lived {
    /// Got into the taxi with this plate.
    Boarded {
        /// The plate.
        plate: String,
        /// The booking, as the driver's device names it.
        booking: Option<BookingId>,
    },
    /// Got out.
    Ended,
    /// The driver did not accept the PIN.
    WrongPin,
}

/// A rider at the pickup.
#[derive(Debug)]
struct Waiting {
    code: String,
    pin: String,
    /// From where to where; a visitor's are known to the nodes alone.
    places: Option<(Position, Position)>,
    is_riding: bool,
    rider: UnboundedSender<Lived>,
}

/// What a driver finds at the pickup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// Number of the rider's wish.
    pub wish: u32,
    /// What the rider says when asked.
    pub pin: String,
    /// Where the rider wants to go; absent for a visitor, whose booking says it.
    pub dropoff: Option<Position>,
}

/// Everybody who waits in the street.
#[derive(Debug, Default)]
pub struct Street(Mutex<People>);

#[derive(Debug, Default)]
struct People {
    /// By wish.
    waiting: HashMap<u32, Waiting>,
    /// Codes of all bookings that people of the city made.
    own: HashSet<String>,
}

impl Street {
    /// The rider of `wish` waits, knowing code and PIN of the booking.
    pub fn wait(
        &self,
        wish: u32,
        (code, pin): (&str, &str),
        places: (Position, Position),
        rider: UnboundedSender<Lived>,
    ) {
        self.lock().own.insert(code.to_owned());
        self.stand(wish, (code, pin), Some(places), rider);
    }

    /// A visitor waits, who booked without the city's knowledge.
    pub fn visit(&self, wish: u32, (code, pin): (&str, &str), rider: UnboundedSender<Lived>) {
        self.stand(wish, (code, pin), None, rider);
    }

    fn stand(
        &self,
        wish: u32,
        (code, pin): (&str, &str),
        places: Option<(Position, Position)>,
        rider: UnboundedSender<Lived>,
    ) {
        let (code, pin) = (code.to_owned(), pin.to_owned());
        self.lock().waiting.insert(wish, Waiting { code, pin, places, is_riding: false, rider });
    }

    /// True if a booking was made by nobody of the city.
    #[must_use]
    pub fn is_visitors(&self, code: &str) -> bool {
        !self.lock().own.contains(code)
    }

    /// The driver does not accept the PIN; a visitor thinks again and says another.
    pub fn refuse(&self, wish: u32) {
        let mut people = self.lock();
        if people.waiting.get(&wish).is_some_and(|waiting| waiting.places.is_none() && !waiting.is_riding)
            && let Some(waiting) = people.waiting.remove(&wish)
        {
            let _told = waiting.rider.send(Lived::WrongPin);
        }
    }

    /// The rider no longer waits; one who rides goes on riding.
    pub fn leave(&self, wish: u32) {
        let all = &mut self.lock().waiting;
        if all.get(&wish).is_some_and(|waiting| !waiting.is_riding) {
            all.remove(&wish);
        }
    }

    /// Where the rider of a code waits, as a driver who is at `from` and knows the town finds the place named in a text.
    #[must_use]
    pub fn pickup(&self, code: &str, from: Position) -> Option<Position> {
        let people = self.lock();
        let waiting = people.waiting.values().filter(|waiting| waiting.code == code && !waiting.is_riding);
        let pickups = waiting.filter_map(|waiting| waiting.places.map(|(pickup, _)| pickup));
        pickups.min_by(|a, b| a.distance_m(from).total_cmp(&b.distance_m(from)))
    }

    /// Looks for the rider of `booking` around `at`, if its rider still waits.
    #[must_use]
    pub fn meet(&self, booking: BookingId, at: Position) -> Option<Met> {
        self.meet_code(&booking_code(booking), at)
    }

    /// Looks for the rider of a code around `at`.
    #[must_use]
    pub fn meet_code(&self, code: &str, at: Position) -> Option<Met> {
        let people = self.lock();
        let is_in_sight =
            |waiting: &Waiting| waiting.places.is_none_or(|(pickup, _)| pickup.distance_m(at) <= IN_SIGHT_M);
        let mut waiting = people.waiting.iter();
        let (wish, waiting) = waiting
            .find(|(_, waiting)| waiting.code == code && !waiting.is_riding && is_in_sight(waiting))?;
        let dropoff = waiting.places.map(|(_, dropoff)| dropoff);
        Some(Met { wish: *wish, pin: waiting.pin.clone(), dropoff })
    }

    /// The rider gets in; false if the rider has gone or sits in another taxi.
    pub fn board(&self, wish: u32, plate: &str, booking: Option<BookingId>) -> bool {
        let all = &mut self.lock().waiting;
        let Some(waiting) = all.get_mut(&wish).filter(|waiting| !waiting.is_riding) else { return false };
        waiting.is_riding = true;
        // A rider who no longer listens rides all the same.
        let _told = waiting.rider.send(Lived::Boarded { plate: plate.to_owned(), booking });
        true
    }

    /// The rider gets out.
    pub fn end(&self, wish: u32) {
        if let Some(waiting) = self.lock().waiting.remove(&wish) {
            let _told = waiting.rider.send(Lived::Ended);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, People> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::unbounded_channel;

    #[test]
    fn nobody_gets_into_two_taxis() {
        let street = Street::default();
        let (rider, mut lived) = unbounded_channel();
        let here = Position::new(37.5, 127.0).unwrap();
        let booking = BookingId::from_number(5);
        street.wait(1, (&booking_code(booking), "0420"), (here, here), rider);
        assert_eq!(street.meet(booking, here).unwrap().pin, "0420");
        assert!(street.board(1, "A", Some(booking)));
        assert!(!street.board(1, "B", Some(booking)));
        assert_eq!(street.meet(booking, here), None);
        street.leave(1);
        street.end(1);
        assert_eq!(lived.try_recv(), Ok(Lived::Boarded { plate: "A".into(), booking: Some(booking) }));
        assert_eq!(lived.try_recv(), Ok(Lived::Ended));
        street.leave(1);
        assert!(!street.board(1, "B", None));
    }

    #[test]
    fn a_visitor_may_say_another_pin() {
        let street = Street::default();
        let booking = BookingId::from_number(5);
        let code = booking_code(booking);
        let here = Position::new(37.5, 127.0).unwrap();
        assert!(street.is_visitors(&code));
        let (rider, mut lived) = unbounded_channel();
        street.visit(9, (&code, "0000"), rider.clone());
        street.refuse(9);
        assert_eq!(lived.try_recv(), Ok(Lived::WrongPin));
        assert_eq!(street.meet(booking, here), None);
        street.visit(8, (&code, "0420"), rider);
        assert_eq!(street.meet(booking, here), Some(Met { wish: 8, pin: "0420".into(), dropoff: None }));
    }
    #[test]
    fn who_has_the_same_code_elsewhere_is_not_met() {
        let street = Street::default();
        let (rider, _lived) = unbounded_channel();
        let (here, elsewhere) = (Position::new(37.5, 127.0).unwrap(), Position::new(37.51, 127.0).unwrap());
        let booking = BookingId::from_number(5);
        let code = booking_code(booking);
        street.wait(1, (&code, "0420"), (elsewhere, here), rider.clone());
        assert_eq!(street.meet(booking, here), None);
        street.wait(2, (&code, "1111"), (here, elsewhere), rider);
        assert_eq!(street.meet(booking, here).map(|met| met.wish), Some(2));
        assert_eq!(street.meet_code(&code, elsewhere).map(|met| met.wish), Some(1));
        assert_eq!(
            (street.pickup(&code, here), street.pickup(&code, elsewhere)),
            (Some(here), Some(elsewhere))
        );
    }
}
