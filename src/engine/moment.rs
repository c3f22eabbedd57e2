//! A point in time as the engine knows it: the duration since the supervisor started. And a span of
//! time that a rule keeps.
//!
//! Moments come in as arguments, so tests write them as literals.

use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

/// A point in time, counted from the start of the supervisor. Kept in nanoseconds, one more than
/// have passed: every child keeps some, and an `Option` of one costs nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(NonZeroU64);

impl Moment {
    /// The start of the supervisor.
    pub const START: Self = Self(NonZeroU64::MIN);

    /// The moment after all others, 584 years after the start: never.
    pub const NEVER: Self = Self(NonZeroU64::MAX);

    /// The moment that lies `since_start` after the start.
    #[must_use]
    pub const fn new(since_start: Duration) -> Self {
        Self::START.after(since_start)
    }

    /// The moment `delay` later; saturating, so that `Duration::MAX` means [`NEVER`](Self::NEVER).
    #[must_use]
    pub const fn after(self, delay: Duration) -> Self {
        let nanos = delay.as_nanos();
        if nanos > u64::MAX as u128 {
            Self::NEVER
        } else {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "it was compared just before"
            )]
            Self(self.0.saturating_add(nanos as u64))
        }
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    /// The same in nanoseconds.
    pub(super) const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.get().saturating_sub(earlier.0.get())
    }

    /// The duration since the start of the supervisor.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        self.since(Self::START)
    }
}

/// A duration longer than zero, in eight bytes: rules of a session keep some, and an `Option` of one
/// costs nothing. At most 584 years.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(NonZeroU64);

impl Span {
    /// This duration; none if it is zero.
    #[must_use]
    pub fn new(duration: Duration) -> Option<Self> {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        NonZeroU64::new(nanos).map(Self)
    }

    /// The same as a duration.
    #[must_use]
    pub const fn get(self) -> Duration {
        Duration::from_nanos(self.0.get())
    }

    /// Between 90 % and all of it, as `random` says.
    pub(super) const fn nearly(self, random: u64) -> Duration {
        let nanos = self.0.get();
        Duration::from_nanos(nanos - random % (nanos / 10 + 1))
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.get(), f)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Default for Moment {
    fn default() -> Self {
        Self::START
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Moment({:?})", self.since_start())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Span;

    #[test]
    fn a_span_is_longer_than_zero() {
        assert_eq!(Span::new(Duration::ZERO), None);
        let span = |duration| Span::new(duration).map(Span::get);
        let second = Duration::from_secs(1);
        assert_eq!(span(second), Some(second));
        assert_eq!(span(Duration::MAX), Some(Duration::from_nanos(u64::MAX)));
    }

    #[test]
    fn nearly_all_is_between_nine_tenths_and_all() {
        for nanos in [1, 9, 10, 1_000, u64::MAX] {
            let all = Duration::from_nanos(nanos);
            let span = Span::new(all).expect("longer than zero");
            assert_eq!(span.nearly(0), all);
            let least = span.nearly(nanos / 10);
            assert_eq!(least, Duration::from_nanos(nanos - nanos / 10));
            for random in [1, 7, u64::MAX / 3, u64::MAX] {
                let nearly = span.nearly(random);
                assert!(least <= nearly && nearly <= all, "{nearly:?} of {all:?}");
            }
        }
    }
}
