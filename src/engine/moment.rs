//! A point in time as the engine knows it: the duration since the supervisor started.
//!
//! Absent on purpose: a clock. Moments come in as arguments, so tests write them as literals.

use std::time::Duration;

/// A point in time, counted from the start of the supervisor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

impl Moment {
    /// The start of the supervisor.
    pub const START: Self = Self(Duration::ZERO);

    /// The moment that lies `since_start` after the start.
    #[must_use]
    pub const fn new(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// The moment `delay` later; saturating, so that `Duration::MAX` means "never".
    #[must_use]
    pub const fn after(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(delay))
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The duration since the start of the supervisor.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        self.0
    }
}
