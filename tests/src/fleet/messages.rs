//! How long messages between riders, drivers and the dispatch take.
//!
//! Nobody knows of a message that was lost; who hears no answer in time says the same again, to the same one. So nobody
//! is ever planned for two riders, and no rider for two taxis, because a text did not arrive: it only takes longer.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::degraded::{Degraded, Delays};

/// A message that was lost so often arrives.
const TRIES_MAX: u32 = 20;

pub(super) struct Messages {
    delays: Delays,
    loss: f64,
    again_after_s: u32,
    rng: ChaCha8Rng,
}

impl Messages {
    pub(super) fn new(degraded: &Degraded) -> Self {
        Self {
            delays: degraded.delay_s,
            loss: degraded.loss,
            again_after_s: degraded.offer_timeout_s,
            rng: ChaCha8Rng::seed_from_u64(degraded.seed),
        }
    }

    /// True if a driver may hear of an order later than it was given.
    pub(super) fn are_slow_to_drivers(&self) -> bool {
        self.delays.offer != [0, 0] || self.loss > 0.0
    }

    /// Seconds that an order takes on average.
    pub(super) fn expected_order_s(&self) -> u32 {
        self.expected_s(self.delays.offer)
    }

    /// Seconds over which riders are gathered. An order that is on its way cannot be changed: it is given with others, once
    /// in the time that passes on average from a driver's word to the order that follows from it.
    pub(super) fn window_s(&self) -> u32 {
        (self.expected_s(self.delays.status) + self.expected_s(self.delays.offer)).max(1)
    }

    fn expected_s(&self, [least, longest]: [u32; 2]) -> u32 {
        let again_s = f64::from(self.again_after_s) * self.loss / (1.0 - self.loss);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most nine times ten days"
        )]
        let again_s = again_s.round() as u32;
        u32::midpoint(least, longest) + again_s
    }

    pub(super) fn rider_word_s(&mut self) -> u32 {
        self.takes_s(self.delays.request)
    }

    pub(super) fn driver_word_s(&mut self) -> u32 {
        self.takes_s(self.delays.status)
    }

    pub(super) fn order_s(&mut self) -> u32 {
        self.takes_s(self.delays.offer)
    }

    fn takes_s(&mut self, [least, longest]: [u32; 2]) -> u32 {
        let mut lost = 0;
        while lost < TRIES_MAX && self.loss > 0.0 && self.rng.random_bool(self.loss) {
            lost += 1;
        }
        lost * self.again_after_s + self.rng.random_range(least..=longest)
    }
}
