//! A point in time as the engine knows it: the duration since the supervisor started.
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
        Duration::from_nanos(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// The duration since the start of the supervisor.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        self.since(Self::START)
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
