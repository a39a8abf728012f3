//! Bookings from the wish to the end of the trip, and how many taxis were free meanwhile.
//!
//! Riders and drivers of a load meet here: the driver hears the PIN that the rider was told, and both sides together
//! tell how long it took from an acknowledgement to the question on a driver's phone.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ondol_core::ids::BookingId;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::figures::{Asked, Figures, Operation};

/// Bookings at which riders may still look: the newest.
const LOOKED_AT_MAX: usize = 4_096;

/// How the bookings that counted went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Wished for.
    pub wished: u64,
    /// Of these, while a taxi of the district was free that no earlier rider waited for.
    pub with_free_taxi: u64,
    /// Acknowledged.
    pub acknowledged: u64,
    /// Offered to a driver.
    pub offered: u64,
    /// Trips that were driven to their end.
    pub served: u64,
}

/// One booking.
#[derive(Debug)]
struct Ride {
    district: usize,
    had_free_taxi: bool,
    /// The booking's question, if it counts.
    asked: Option<Asked>,
    /// Since when the offer is due, if that counts.
    offer: Option<Asked>,
    was_offered: bool,
    /// From the acknowledgement on: what opens the booking, and what the rider says at boarding.
    told: Option<(String, String)>,
}

#[derive(Debug)]
struct Books {
    rides: HashMap<BookingId, Ride>,
    /// Free taxis less riders without an offer, by district.
    spare: Vec<i64>,
    recent: VecDeque<String>,
    counts: Counts,
}

/// All bookings of a load. It holds those alone whose trips have not ended.
#[derive(Debug)]
pub struct Ledger(Mutex<Books>);

impl Ledger {
    /// An empty one, for so many districts.
    #[must_use]
    pub fn new(districts: usize) -> Self {
        Self(Mutex::new(Books {
            rides: HashMap::new(),
            spare: vec![0; districts],
            recent: VecDeque::new(),
            counts: Counts::default(),
        }))
    }

    /// A taxi of `district` has become free (1), or is no longer (−1).
    pub fn taxi(&self, district: usize, change: i64) {
        self.books().spare[district] += change;
    }

    /// A rider is about to book in `district`.
    pub fn wish(&self, booking: BookingId, district: usize, asked: Option<Asked>) {
        let mut books = self.books();
        let had_free_taxi = books.spare[district] > 0;
        books.spare[district] -= 1;
        if asked.is_some() {
            books.counts.wished += 1;
            books.counts.with_free_taxi += u64::from(had_free_taxi);
        }
        let ride = Ride { district, had_free_taxi, asked, offer: None, was_offered: false, told: None };
        books.rides.insert(booking, ride);
    }

    /// The rider was told that the booking is taken in.
    pub fn acknowledged(&self, booking: BookingId, token: String, pin: String, figures: &Figures) {
        let mut books = self.books();
        let Books { rides, recent, counts, .. } = &mut *books;
        let Some(ride) = rides.get_mut(&booking) else { return };
        counts.acknowledged += u64::from(ride.asked.is_some());
        if ride.had_free_taxi {
            ride.offer = figures.follow(ride.asked, Operation::Offer, Instant::now());
        }
        if ride.was_offered {
            // The driver's phone was quicker than the rider's.
            figures.answer(ride.offer.take(), Ok(()));
        }
        if recent.len() >= LOOKED_AT_MAX {
            recent.pop_front();
        }
        recent.push_back(token.clone());
        ride.told = Some((token, pin));
    }

    /// The booking was not taken in, or its rider has given up.
    pub fn given_up(&self, booking: BookingId) {
        let mut books = self.books();
        if let Some(ride) = books.rides.remove(&booking)
            && !ride.was_offered
        {
            books.spare[ride.district] += 1;
        }
    }

    /// A driver's phone shows the booking; one that nobody of this load made is passed over.
    pub fn offered(&self, booking: BookingId, figures: &Figures) {
        let mut books = self.books();
        let Books { rides, spare, counts, .. } = &mut *books;
        let Some(ride) = rides.get_mut(&booking) else { return };
        if !std::mem::replace(&mut ride.was_offered, true) {
            spare[ride.district] += 1;
            counts.offered += u64::from(ride.asked.is_some());
            figures.answer(ride.offer.take(), Ok(()));
        }
    }

    /// What the rider says at boarding; nothing if no rider of this load stands there.
    #[must_use]
    pub fn pin(&self, booking: BookingId) -> Option<String> {
        self.books().rides.get(&booking)?.told.as_ref().map(|(_, pin)| pin.clone())
    }

    /// The trip is over.
    pub fn ended(&self, booking: BookingId) {
        let mut books = self.books();
        if let Some(ride) = books.rides.remove(&booking) {
            books.counts.served += u64::from(ride.asked.is_some());
        }
    }

    /// What opens one of the newest bookings.
    pub fn any_token(&self, rng: &mut ChaCha8Rng) -> Option<String> {
        let books = self.books();
        let number = books.recent.len();
        if number == 0 { None } else { Some(books.recent[rng.random_range(0..number)].clone()) }
    }

    /// What opens each booking whose trip has not ended.
    #[must_use]
    pub fn open(&self) -> Vec<(BookingId, String)> {
        let books = self.books();
        let told =
            books.rides.iter().filter_map(|(booking, ride)| Some((*booking, ride.told.as_ref()?.0.clone())));
        told.collect()
    }

    /// How the bookings went until now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.books().counts
    }

    /// A panic elsewhere leaves nothing half changed that anybody would still report.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    struct Town {
        ledger: Ledger,
        figures: Figures,
    }

    impl Town {
        fn new() -> Self {
            let town = Self { ledger: Ledger::new(2), figures: Figures::default() };
            town.figures.count(true);
            town
        }

        fn wish(&self, number: u128, district: usize) -> BookingId {
            let booking = BookingId::from_number(number);
            let asked = self.figures.ask(Operation::Booking, Instant::now());
            self.ledger.wish(booking, district, asked);
            booking
        }

        fn acknowledge(&self, booking: BookingId) {
            self.ledger.acknowledged(booking, format!("token-{booking}"), "1234".into(), &self.figures);
        }

        /// Offers that were due, and that came.
        fn offers(&self) -> (u64, u64) {
            self.figures.all().get(&Operation::Offer).map_or((0, 0), |tally| (tally.sent, tally.ok))
        }
    }

    #[test]
    fn an_offer_is_due_where_a_taxi_was_free_that_nobody_waited_for() {
        let town = Town::new();
        town.ledger.taxi(0, 1);
        let [first, second, elsewhere] = [town.wish(1, 0), town.wish(2, 0), town.wish(3, 1)];
        [first, second, elsewhere].into_iter().for_each(|booking| town.acknowledge(booking));
        assert_eq!(town.offers(), (1, 0), "one taxi for three riders, of whom one is elsewhere");
        town.ledger.offered(second, &town.figures);
        assert_eq!(town.offers(), (1, 0), "that one was not due");
        town.ledger.offered(first, &town.figures);
        town.ledger.offered(first, &town.figures);
        assert_eq!(town.offers(), (1, 1));
        let counts = town.ledger.counts();
        assert_eq!((counts.wished, counts.with_free_taxi, counts.acknowledged, counts.offered), (3, 1, 3, 2));
    }

    #[test]
    fn an_offer_before_the_acknowledgement_took_no_time() {
        let town = Town::new();
        town.ledger.taxi(0, 1);
        let booking = town.wish(1, 0);
        town.ledger.offered(booking, &town.figures);
        town.acknowledge(booking);
        assert_eq!(town.offers(), (1, 1));
    }

    #[test]
    fn who_gives_up_waits_for_nobody_and_what_has_ended_is_forgotten() {
        let town = Town::new();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        town.ledger.taxi(0, 1);
        let refused = town.wish(1, 0);
        town.ledger.given_up(refused);
        let booking = town.wish(2, 0);
        assert_eq!(town.ledger.any_token(&mut rng), None, "nobody has been told anything");
        town.acknowledge(booking);
        assert_eq!(town.offers(), (1, 0), "the taxi is still free");
        assert_eq!(town.ledger.pin(booking).as_deref(), Some("1234"));
        assert_eq!(town.ledger.open(), [(booking, format!("token-{booking}"))]);
        town.ledger.ended(booking);
        assert_eq!((town.ledger.open().len(), town.ledger.pin(booking)), (0, None));
        assert_eq!(town.ledger.counts().served, 1);
        assert!(town.ledger.any_token(&mut rng).is_some(), "a rider may look back");
    }
}
