//! Random numbers that a seed repeats (SplitMix64).

#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `from` up to and without `to`.
    pub(crate) fn within(&mut self, from: u64, to: u64) -> u64 {
        from + self.number() % (to - from)
    }

    pub(crate) fn place(&mut self, bound: usize) -> usize {
        usize::try_from(self.within(0, bound as u64)).expect("few")
    }

    /// True in so many of 1,000.
    pub(crate) fn chance(&mut self, permille: u64) -> bool {
        self.within(0, 1_000) < permille
    }
}
