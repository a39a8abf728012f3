//! Which node is asked first.

use crate::clock::UtcMs;

/// The order in which endpoints are tried, pure.
///
/// The first of the list is preferred whenever it answers; one that failed is tried last until
/// `hold_ms` have passed, so that a dead edge costs one wait and not one for each text.
#[derive(Debug, Clone)]
pub struct Endpoints {
    down_until: Vec<UtcMs>,
    hold_ms: u64,
}

impl Endpoints {
    /// Returns the order of `count` endpoints that are thought to be up.
    #[must_use]
    pub fn new(count: usize, hold_ms: u64) -> Self {
        Self { down_until: vec![UtcMs(i64::MIN); count], hold_ms }
    }

    /// Returns all endpoints: those thought to be up, `prefer` first and then in the order of the
    /// list, then the others.
    #[must_use]
    pub fn order(&self, prefer: Option<usize>, now: UtcMs) -> Vec<usize> {
        let rest = (0..self.down_until.len()).filter(|index| Some(*index) != prefer);
        let all = prefer.filter(|index| *index < self.down_until.len()).into_iter().chain(rest);
        let (up, down): (Vec<usize>, Vec<usize>) = all.partition(|index| now >= self.down_until[*index]);
        up.into_iter().chain(down).collect()
    }

    /// Notes that an endpoint did not answer.
    pub fn failed(&mut self, index: usize, now: UtcMs) {
        if let Some(until) = self.down_until.get_mut(index) {
            *until = now.plus_ms(self.hold_ms);
        }
    }

    /// Notes that an endpoint answered.
    pub fn answered(&mut self, index: usize) {
        if let Some(until) = self.down_until.get_mut(index) {
            *until = UtcMs(i64::MIN);
        }
    }

    /// Tells which endpoints are thought to be up.
    #[must_use]
    pub fn up(&self, now: UtcMs) -> Vec<bool> {
        self.down_until.iter().map(|until| now >= *until).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_first_is_tried_last_and_comes_back() {
        let mut endpoints = Endpoints::new(2, 15_000);
        assert_eq!(endpoints.order(None, UtcMs(0)), [0, 1]);
        endpoints.failed(0, UtcMs(0));
        assert_eq!(endpoints.order(None, UtcMs(14_999)), [1, 0]);
        assert_eq!(endpoints.order(None, UtcMs(15_000)), [0, 1]);
        endpoints.failed(0, UtcMs(15_000));
        endpoints.failed(1, UtcMs(15_000));
        assert_eq!(
            endpoints.order(None, UtcMs(15_001)),
            [0, 1],
            "with none up, all are tried in the list's order"
        );
        endpoints.answered(0);
        assert_eq!(endpoints.up(UtcMs(15_001)), [true, false]);
    }

    #[test]
    fn the_node_that_holds_a_booking_is_asked_first_while_it_is_up() {
        let mut endpoints = Endpoints::new(3, 15_000);
        assert_eq!(endpoints.order(Some(1), UtcMs(0)), [1, 0, 2]);
        assert_eq!(endpoints.order(Some(9), UtcMs(0)), [0, 1, 2]);
        endpoints.failed(1, UtcMs(0));
        assert_eq!(endpoints.order(Some(1), UtcMs(1)), [0, 2, 1]);
    }
}
