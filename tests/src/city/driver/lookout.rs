//! Drivers who look out for people in the street: who raises a hand is seen by the nearest free one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ondol_core::position::Position;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Farthest that a raised hand is seen, in metres.
const SEEN_M: f64 = 1_200.0;

/// Somebody raises a hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hail {
    /// Number of the wish.
    pub wish: u32,
    /// Where.
    pub pickup: Position,
    /// Where the rider wants to go.
    pub dropoff: Position,
}

/// All drivers who look out.
#[derive(Debug, Default)]
pub struct Lookouts(Arc<Mutex<HashMap<u32, Eyes>>>);

#[derive(Debug)]
struct Eyes {
    free_at: Option<Position>,
    driver: UnboundedSender<Hail>,
}

/// One driver's place among them; the driver is gone when it is dropped.
#[derive(Debug)]
pub struct Lookout {
    number: u32,
    all: Arc<Mutex<HashMap<u32, Eyes>>>,
}

impl Lookouts {
    /// Adds a driver.
    #[must_use]
    pub fn register(&self, number: u32) -> (Lookout, UnboundedReceiver<Hail>) {
        let (driver, hails) = unbounded_channel();
        let eyes = Eyes { free_at: None, driver };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number, eyes);
        (Lookout { number, all: Arc::clone(&self.0) }, hails)
    }

    /// Shows a raised hand to the nearest free driver; false if nobody sees it.
    #[must_use]
    pub fn raise_hand(&self, hail: &Hail) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let nearest = all
            .values_mut()
            .filter_map(|eyes| Some((eyes.free_at?.distance_m(hail.pickup), eyes)))
            .filter(|(distance_m, _)| *distance_m <= SEEN_M)
            .min_by(|a, b| a.0.total_cmp(&b.0));
        let Some((_, eyes)) = nearest else { return false };
        // One hand is enough for a driver until it says again that it is free.
        eyes.free_at = None;
        eyes.driver.send(hail.clone()).is_ok()
    }
}

impl Lookout {
    /// Says where the driver stands free, or that it is not free.
    pub fn at(&self, free_at: Option<Position>) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(eyes) = all.get_mut(&self.number) {
            eyes.free_at = free_at;
        }
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_free_driver_sees_a_hand_once() {
        let at = |lon| Position::new(37.5, lon).unwrap();
        let lookouts = Lookouts::default();
        let (near, mut sees) = lookouts.register(1);
        let (far, _blind) = lookouts.register(2);
        let hail = Hail { wish: 7, pickup: at(127.0), dropoff: at(127.1) };
        assert!(!lookouts.raise_hand(&hail), "nobody is free");
        near.at(Some(at(127.001)));
        far.at(Some(at(127.2)));
        assert!(lookouts.raise_hand(&hail));
        assert_eq!(sees.try_recv(), Ok(hail.clone()));
        assert!(!lookouts.raise_hand(&hail), "the far one is too far, the near one has a rider");
    }
}
