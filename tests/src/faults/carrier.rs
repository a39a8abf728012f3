//! The carrier of one edge's texts: lines that take one text after the other, delay, loss, and texts that come twice.

use std::ops::Range;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::clock::Ms;

/// A text that would wait longer for a line is not sent any more.
const WAITS_MAX_MS: Ms = 600_000;

/// Lines to the carrier, both ways.
#[derive(Debug, Clone)]
pub(crate) struct Carrier {
    /// When each line takes the next text, and how long it needs for one.
    lines: Vec<(Ms, Ms)>,
    delay_ms: Range<Ms>,
    lost_per_mille: u32,
    twice_per_mille: u32,
    /// Texts carried so far, and texts for which the lines were taken for too long.
    pub(crate) carried: u64,
    pub(crate) crowded_out: u64,
}

impl Carrier {
    /// Lines that need these times for one text each.
    pub(crate) fn new(
        every_ms: impl Iterator<Item = Ms>,
        delay_ms: Range<Ms>,
        lost_per_mille: u32,
        twice_per_mille: u32,
    ) -> Self {
        let lines = every_ms.map(|every_ms| (0, every_ms)).collect();
        Self { lines, delay_ms, lost_per_mille, twice_per_mille, carried: 0, crowded_out: 0 }
    }

    /// Takes the line that is free first, and returns how long the text waits for it; none if for too long.
    pub(crate) fn wait_for_line(&mut self, now: Ms) -> Option<Ms> {
        let line = self.lines.iter_mut().min_by_key(|(free_at, every_ms)| (*free_at.max(&now), *every_ms));
        let wait = line.as_ref().map(|(free_at, _)| free_at.saturating_sub(now));
        let Some((free_at, every_ms)) = line.filter(|_| wait.is_some_and(|wait| wait <= WAITS_MAX_MS)) else {
            self.crowded_out += 1;
            return None;
        };
        *free_at = now.max(*free_at) + *every_ms;
        self.carried += 1;
        wait
    }

    /// After how long copies of a text arrive.
    pub(crate) fn carry(&mut self, now: Ms, rng: &mut ChaCha8Rng) -> Vec<Ms> {
        let Some(waits) = self.wait_for_line(now) else { return Vec::new() };
        if rng.random_range(0..1_000) < self.lost_per_mille {
            return Vec::new();
        }
        let twice = rng.random_range(0..1_000) < self.twice_per_mille;
        (0..=usize::from(twice)).map(|_| waits + rng.random_range(self.delay_ms.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn carrier(lines: &[Ms]) -> Carrier {
        Carrier::new(lines.iter().copied(), 5_000..5_001, 0, 0)
    }

    #[test]
    fn texts_wait_for_a_line_and_the_one_that_is_free_first_takes_them() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut two = carrier(&[4_000, 1_000]);
        let waits: Vec<_> = (0..4).map(|_| two.carry(0, &mut rng)).collect();
        // The fast line first, then the slow one, then the fast one twice more.
        assert_eq!(waits, [[5_000], [5_000], [6_000], [7_000]]);
        assert_eq!(two.carry(60_000, &mut rng), [5_000], "lines are free again after a while");
    }

    #[test]
    fn a_text_that_would_wait_for_too_long_is_given_up_and_counted() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut slow = carrier(&[WAITS_MAX_MS + 1]);
        assert_eq!(slow.carry(0, &mut rng).len(), 1);
        assert!(slow.carry(0, &mut rng).is_empty());
        assert_eq!((slow.carried, slow.crowded_out), (1, 1));
        assert!(Carrier::new(std::iter::empty(), 1..2, 0, 0).carry(0, &mut rng).is_empty(), "no line");
    }
}
