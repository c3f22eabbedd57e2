//! Random numbers that a seed repeats (SplitMix64), and those of a history that was drawn before,
//! or of a part of it (`shrink`).

/// What was drawn in a history: before its first step, in each step, and after the last one.
pub(crate) type Draws = Vec<Vec<u64>>;

#[derive(Debug)]
pub(crate) struct Rng {
    source: Source,
    /// What was drawn, if that is kept.
    drawn: Option<Draws>,
}

#[derive(Debug)]
enum Source {
    Seed(u64),
    /// What is left of the present part, and the parts after it.
    Again {
        now: std::vec::IntoIter<u64>,
        later: std::vec::IntoIter<Vec<u64>>,
    },
}

/// What a part yields that has nothing left: rarely is anything done at a chance like that.
const NOTHING: u64 = 99;

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            source: Source::Seed(seed),
            drawn: None,
        }
    }

    /// The same, and what is drawn is kept.
    pub(crate) fn kept(seed: u64) -> Self {
        Self {
            drawn: Some(vec![Vec::new()]),
            ..Self::new(seed)
        }
    }

    pub(crate) fn again(draws: Draws) -> Self {
        let mut later = draws.into_iter();
        let now = later.next().unwrap_or_default().into_iter();
        Self {
            source: Source::Again { now, later },
            drawn: None,
        }
    }

    pub(crate) fn drawn(&mut self) -> Draws {
        self.drawn.take().unwrap_or_default()
    }

    /// How many steps the history has.
    pub(crate) fn steps(&mut self, least: usize, more: usize) -> usize {
        if let Source::Again { later, .. } = &self.source {
            // The last part comes after the steps.
            return later.len().saturating_sub(1);
        }
        let drawn = self.drawn.take();
        let steps = least + self.below(more);
        self.drawn = drawn;
        steps
    }

    /// A step begins, or what comes after the last one.
    pub(crate) fn next_part(&mut self) {
        if let Source::Again { now, later } = &mut self.source {
            *now = later.next().unwrap_or_default().into_iter();
        }
        if let Some(drawn) = &mut self.drawn {
            drawn.push(Vec::new());
        }
    }

    pub(crate) fn next(&mut self) -> u64 {
        let drawn = match &mut self.source {
            Source::Seed(seed) => split_mix(seed),
            Source::Again { now, .. } => now.next().unwrap_or(NOTHING),
        };
        if let Some(part) = self.drawn.as_mut().and_then(|drawn| drawn.last_mut()) {
            part.push(drawn);
        }
        drawn
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

fn split_mix(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
