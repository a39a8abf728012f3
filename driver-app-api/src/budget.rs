//! How much one device may say. A device beats every 5 s and hands in a few reports a minute; what says much
//! more is broken or hostile.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ondol_core::ids::DeviceId;
use ondol_core::units::Ticks;

/// Messages that may come at once: the outbox of a long cut, in batches.
pub(crate) const BURST: u64 = 60;
/// Simulated time that earns one more message.
const MESSAGE_EVERY_MS: u64 = 200;
/// Devices whose budgets are remembered, more than a large city has on duty; beyond, those that have a whole budget are
/// forgotten, for which all are looked at.
const DEVICES_MAX: usize = 40_000;

/// How many messages may still come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    left: u64,
    counted_at: Ticks,
}

impl Budget {
    /// Returns a whole budget.
    pub(crate) fn new(now: Ticks) -> Self {
        Self { left: BURST, counted_at: now }
    }

    /// Spends one message; false if there is none left.
    pub(crate) fn spend(&mut self, now: Ticks) -> bool {
        let earned = now.since_ms(self.counted_at) / MESSAGE_EVERY_MS;
        self.counted_at = self.counted_at.plus_ms(earned * MESSAGE_EVERY_MS);
        self.left = self.left.saturating_add(earned).min(BURST);
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    fn is_whole_at(&self, now: Ticks) -> bool {
        self.left + now.since_ms(self.counted_at) / MESSAGE_EVERY_MS >= BURST
    }
}

/// The budgets of all devices over HTTP.
#[derive(Debug, Default)]
pub(crate) struct Budgets(Mutex<BTreeMap<DeviceId, Budget>>);

impl Budgets {
    /// Spends one message of `device`; false if it has none left, or if too many devices have spent theirs.
    pub(crate) fn spend(&self, device: DeviceId, now: Ticks) -> bool {
        let mut budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if budgets.len() >= DEVICES_MAX && !budgets.contains_key(&device) {
            budgets.retain(|_, budget| !budget.is_whole_at(now));
            if budgets.len() >= DEVICES_MAX {
                return false;
            }
        }
        budgets.entry(device).or_insert_with(|| Budget::new(now)).spend(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_and_earned() {
        let mut budget = Budget::new(Ticks(0));
        assert!((0..BURST).all(|_| budget.spend(Ticks(0))));
        assert!(!budget.spend(Ticks(199)));
        assert!(budget.spend(Ticks(200)) && !budget.spend(Ticks(399)));
        assert!((0..BURST).all(|_| budget.spend(Ticks(1_000_000))));
        assert!(!budget.spend(Ticks(1_000_000)), "a long silence earns one burst");
    }

    #[test]
    fn one_device_does_not_spend_another_s_and_memory_is_bounded() {
        let budgets = Budgets::default();
        let device = |number: usize| DeviceId::from_number(number as u128);
        assert!((0..BURST).all(|_| budgets.spend(device(0), Ticks(0))));
        assert!(!budgets.spend(device(0), Ticks(0)) && budgets.spend(device(1), Ticks(0)));
        assert!((2..DEVICES_MAX).all(|number| budgets.spend(device(number), Ticks(0))));
        assert!(!budgets.spend(device(DEVICES_MAX), Ticks(0)));
        assert!(budgets.spend(device(DEVICES_MAX), Ticks(MESSAGE_EVERY_MS)), "whole budgets are forgotten");
        assert!(budgets.0.lock().unwrap().len() < DEVICES_MAX);
    }
}
