//! Chance that is the same on every machine for the same seed.

/// A seeded source.
/// Source: SplitMix64, Steele, Lea and Flood, OOPSLA 2014.
pub(crate) struct Chance(u64);

impl Chance {
    /// Starts at `seed`.
    pub(crate) fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// Returns 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `bound`; the slight unevenness does not matter here.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("a usize fits 64 bits");
        usize::try_from(self.next() % bound).expect("a number below a usize is one")
    }

    /// Returns a number from `least` up to, not including, `most`.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least)
    }
}
