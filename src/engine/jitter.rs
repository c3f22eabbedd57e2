//! Seeded random numbers for the jitter of pauses and lifetimes.
//!
//! The seed is an argument, so that a run can be repeated.

use super::incarnation::Launch;

/// The numbers that one engine draws.
#[derive(Debug)]
pub(super) struct Jitter {
    seed: u64,
    drawn: u64,
}

impl Jitter {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// The next number: no two pauses share one, also of children that ended together.
    pub(super) const fn draw(&mut self) -> u64 {
        self.drawn = self.drawn.wrapping_add(1);
        random(self.seed, self.drawn)
    }

    /// The number that [`draw`](Self::draw) answers next.
    pub(super) const fn peek(&self) -> u64 {
        random(self.seed, self.drawn.wrapping_add(1))
    }

    /// The number that belongs to a launch. It is drawn from a sequence of its own, so no pause
    /// depends on whether it was asked for.
    pub(super) const fn of(&self, launch: Launch) -> u64 {
        random(!self.seed, launch.0)
    }
}

/// The `n`th number of the sequence that belongs to `seed` (SplitMix64).
pub(super) const fn random(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
