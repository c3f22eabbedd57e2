//! How long to wait before something is tried again.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::hash::random;

/// Pauses that double from a first one up to a longest one, each spread evenly over its upper half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

/// Pauses that there cannot be: the first is zero, or above the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidBackoff {
    /// The first one.
    pub first: Duration,
    /// The longest one.
    pub longest: Duration,
}

impl fmt::Display for InvalidBackoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, longest } = self;
        write!(
            f,
            "pauses from {first:?} to {longest:?}: the first must be above zero and not above the longest"
        )
    }
}

impl Error for InvalidBackoff {}

impl Default for Backoff {
    /// From 50 ms to 2 s.
    fn default() -> Self {
        Self {
            first: Duration::from_millis(50),
            longest: Duration::from_secs(2),
        }
    }
}

impl Backoff {
    /// Pauses from `first` to `longest`.
    ///
    /// # Errors
    ///
    /// If `first` is zero or above `longest`.
    pub fn new(first: Duration, longest: Duration) -> Result<Self, InvalidBackoff> {
        if first.is_zero() || first > longest {
            return Err(InvalidBackoff { first, longest });
        }
        Ok(Self { first, longest })
    }

    /// The pause after this failure, if there were `failures` before it. The random number spreads it.
    #[must_use]
    pub fn pause(&self, failures: u32, random: u64) -> Duration {
        let factor = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
        let full = self.first.saturating_mul(factor).min(self.longest);
        let half = full / 2;
        let spread = u64::try_from((full - half).as_nanos()).unwrap_or(u64::MAX - 1);
        let part = Duration::from_nanos(random % (spread + 1));
        half.saturating_add(part).min(full)
    }
}

/// What is tried again and again, and how often it has failed.
#[derive(Clone, Debug)]
pub struct Retry {
    backoff: Backoff,
    seed: u64,
    /// How many random numbers were drawn.
    drawn: u64,
    failures: u32,
}

impl Retry {
    /// Something that has not failed yet. Pauses of the same seed are the same.
    #[must_use]
    pub const fn new(backoff: Backoff, seed: u64) -> Self {
        Self {
            backoff,
            seed,
            drawn: 0,
            failures: 0,
        }
    }

    /// It has failed. Answers how long to wait before it is tried again.
    pub fn failed(&mut self) -> Duration {
        let pause = self
            .backoff
            .pause(self.failures, random(self.seed, self.drawn));
        self.failures = self.failures.saturating_add(1);
        self.drawn = self.drawn.wrapping_add(1);
        pause
    }

    /// It has succeeded: the pauses begin anew.
    pub const fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// How often it has failed since it last succeeded.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, InvalidBackoff, Retry};
    use std::collections::BTreeSet;
    use std::time::Duration;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn pauses_double_to_the_longest() {
        let backoff = Backoff::new(ms(100), ms(1_000)).unwrap();
        let fulls = [100, 200, 400, 800, 1_000, 1_000].map(ms);
        for (failures, full) in (0..).zip(fulls) {
            for random in [0, 1, 17, u64::MAX] {
                let pause = backoff.pause(failures, random);
                assert!(full / 2 <= pause && pause <= full, "{failures}: {pause:?}");
            }
        }
        for failures in [31, 32, 33, u32::MAX] {
            assert!(backoff.pause(failures, 5) >= ms(500));
        }
    }

    #[test]
    fn extreme_pauses_saturate() {
        let backoff = Backoff::new(Duration::MAX, Duration::MAX).unwrap();
        assert!(backoff.pause(u32::MAX, u64::MAX) >= Duration::MAX / 2);
        let nano = Duration::from_nanos(1);
        let backoff = Backoff::new(nano, nano).unwrap();
        assert!(backoff.pause(9, u64::MAX) <= nano);
    }

    #[test]
    fn a_first_pause_of_zero_or_above_the_longest_is_refused() {
        for (first, longest) in [(ms(0), ms(1)), (ms(2), ms(1))] {
            let error = InvalidBackoff { first, longest };
            assert_eq!(Backoff::new(first, longest), Err(error));
        }
        let error = Backoff::new(ms(2), ms(1)).unwrap_err().to_string();
        let rule = "the first must be above zero and not above the longest";
        assert_eq!(error, format!("pauses from 2ms to 1ms: {rule}"));
    }

    #[test]
    fn a_seed_repeats_its_pauses_and_another_does_not() {
        let pauses = |seed| {
            let mut retry = Retry::new(Backoff::default(), seed);
            (0..20).map(|_| retry.failed()).collect::<Vec<_>>()
        };
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
    }

    #[test]
    fn a_success_begins_anew_with_other_numbers() {
        let mut retry = Retry::new(Backoff::default(), 7);
        let mut first = BTreeSet::new();
        for _ in 0..50 {
            let pause = retry.failed();
            assert!(pause <= ms(50));
            assert!(retry.failed() > ms(49));
            assert_eq!(retry.failures(), 2);
            retry.succeeded();
            first.insert(pause);
        }
        assert!(first.len() > 45);
    }
}
