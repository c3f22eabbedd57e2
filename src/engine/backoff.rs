//! How long to wait before a restart.

use std::time::Duration;

/// The pause before a restart: none, constant, or growing.
///
/// The default restarts at once the first time, then after 10 ms, 40 ms, 160 ms, 640 ms and at
/// most 1 s. It begins anew after the session lived for the window of its restart limit.
/// OTP has no pause; [`Options::otp`](crate::Options::otp) has none either.
///
/// ```
/// use session_supervisor::Backoff;
/// use std::time::Duration;
///
/// let backoff = Backoff::exponential(Duration::from_millis(100), Duration::from_secs(10)).with_jitter();
/// # let _ = backoff;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    growth: Growth,
    jitter: Jitter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Growth {
    None,
    Constant,
    Double,
    /// At once the first time, then from `first` on, fourfold.
    AtOnceThenFourfold,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: FIRST_PAUSE,
            max: LONGEST_PAUSE,
            growth: Growth::AtOnceThenFourfold,
            jitter: Jitter::Off,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Jitter {
    #[default]
    Off,
    On,
}

impl Backoff {
    /// No pause: the first restart after an exit is immediate.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            first: Duration::ZERO,
            max: Duration::ZERO,
            growth: Growth::None,
            jitter: Jitter::Off,
        }
    }

    /// The same pause before every restart.
    #[must_use]
    pub const fn constant(delay: Duration) -> Self {
        Self {
            first: delay,
            max: delay,
            growth: Growth::Constant,
            jitter: Jitter::Off,
        }
    }

    /// A pause that begins with `first`, doubles with every restart and never exceeds `max`.
    ///
    /// A `first` above `max`, or of zero, is refused by the call that uses the spec. The pause
    /// begins anew after the session lived for the window of its restart limit.
    #[must_use]
    pub const fn exponential(first: Duration, max: Duration) -> Self {
        Self {
            first,
            max,
            growth: Growth::Double,
            jitter: Jitter::Off,
        }
    }

    /// Spreads each pause evenly over the upper half of its length, so that sessions which crashed
    /// together do not come back together. Never longer than without.
    #[must_use]
    pub const fn with_jitter(self) -> Self {
        Self {
            jitter: Jitter::On,
            ..self
        }
    }

    /// The pause before restart number `step` (from 0), with the random number that jitter uses.
    #[must_use]
    pub fn delay(&self, step: u32, random: u64) -> Duration {
        let full = match self.growth {
            Growth::None => return Duration::ZERO,
            Growth::Constant => self.first,
            Growth::Double => grown(self.first, 2, step, self.max),
            Growth::AtOnceThenFourfold => match step.checked_sub(1) {
                None => return Duration::ZERO,
                Some(step) => grown(self.first, 4, step, self.max),
            },
        };
        match self.jitter {
            Jitter::Off => full,
            Jitter::On => jittered(full, random),
        }
    }

    /// The longest that the pause before restart number `step` can be.
    pub(super) fn longest(&self, step: u32) -> Duration {
        let jitter = Jitter::Off;
        Self { jitter, ..*self }.delay(step, 0)
    }

    /// The first delay and the largest, if the first is zero or above the largest.
    pub(crate) fn fault(&self) -> Option<(Duration, Duration)> {
        let bad = self.growth == Growth::Double && (self.first.is_zero() || self.first > self.max);
        bad.then_some((self.first, self.max))
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The least pause after `failures` failed attempts in a row, whatever the backoff (D7).
pub(super) fn retry_pause(failures: u32) -> Duration {
    grown(FIRST_PAUSE, 4, failures.saturating_sub(1), LONGEST_PAUSE)
}

/// A pause spread evenly over the upper half of its length.
pub(super) fn jittered(full: Duration, random: u64) -> Duration {
    let half = full.as_nanos() / 2;
    let spread = u128::from(random) % (full.as_nanos() - half + 1);
    from_nanos(half + spread).min(full)
}

/// `first` times `factor` to the power of `times`, at most `max`; saturating, the bound is taken
/// last.
pub(super) fn grown(first: Duration, factor: u128, times: u32, max: Duration) -> Duration {
    let grown = first
        .as_nanos()
        .saturating_mul(factor.saturating_pow(times));
    if grown >= max.as_nanos() {
        max
    } else {
        from_nanos(grown)
    }
}

fn from_nanos(nanos: u128) -> Duration {
    const SECOND: u128 = 1_000_000_000;
    let seconds = u64::try_from(nanos / SECOND).unwrap_or(u64::MAX);
    let rest = u32::try_from(nanos % SECOND).unwrap_or(0);
    Duration::new(seconds, rest)
}

#[cfg(test)]
mod tests {
    use super::Backoff;
    use std::time::Duration;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn exponential_doubles_to_its_cap() {
        let backoff = Backoff::exponential(ms(100), ms(1_000));
        let delays: Vec<_> = (0..6).map(|step| backoff.delay(step, 0)).collect();
        assert_eq!(
            delays,
            [ms(100), ms(200), ms(400), ms(800), ms(1_000), ms(1_000)]
        );
        assert_eq!(backoff.delay(u32::MAX, 0), ms(1_000));
    }

    #[test]
    fn the_default_is_at_once_and_then_fourfold_to_a_second() {
        let delays: Vec<_> = (0..7)
            .map(|step| Backoff::default().delay(step, 0))
            .collect();
        let expected = [0, 10, 40, 160, 640, 1_000, 1_000].map(ms);
        assert_eq!(delays, expected);
        assert_eq!(Backoff::default().delay(u32::MAX, 0), ms(1_000));
        let retries: Vec<_> = (1..7).map(super::retry_pause).collect();
        assert_eq!(retries, [10, 40, 160, 640, 1_000, 1_000].map(ms));
    }

    #[test]
    fn extreme_values_saturate() {
        let backoff = Backoff::exponential(Duration::MAX, Duration::MAX).with_jitter();
        assert!(backoff.delay(u32::MAX, u64::MAX) <= Duration::MAX);
        let tiny = Backoff::exponential(Duration::from_nanos(1), Duration::MAX);
        assert!(tiny.delay(u32::MAX, 0) > ms(1));
    }

    #[test]
    fn jitter_stays_in_the_upper_half() {
        let backoff = Backoff::constant(ms(100)).with_jitter();
        for n in 0..1_000 {
            let delay = backoff.delay(0, crate::engine::jitter::random(7, n));
            assert!((ms(50)..=ms(100)).contains(&delay), "{delay:?}");
        }
        let spread: std::collections::HashSet<_> = (0..100)
            .map(|n| backoff.delay(0, crate::engine::jitter::random(7, n)))
            .collect();
        assert!(spread.len() > 90);
    }
}
