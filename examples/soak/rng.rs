//! The dice: SplitMix64, so that a seed gives the same load everywhere.
//!
//! The remainder of a division is fair enough for a load.

#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// The dice of one worker, for the same seed always the same.
    pub(crate) fn of(seed: u64, worker: u64) -> Self {
        let mut rng = Self(seed ^ worker.wrapping_mul(0xA076_1D64_78BD_642F));
        rng.next();
        rng
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let wide = u64::try_from(end).unwrap_or(u64::MAX);
        usize::try_from(self.next() % wide).unwrap_or(0)
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of several, of which there is at least one.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}
