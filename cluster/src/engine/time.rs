//! A moment of the clock that goes on while the machine is suspended.

use std::time::Duration;

/// A moment, as the time since the machine was started. Moments of two machines cannot be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootTime(Duration);

impl BootTime {
    /// The moment at this time after the machine's start.
    #[must_use]
    pub const fn new(since_boot: Duration) -> Self {
        Self(since_boot)
    }

    /// How long after the machine's start it is.
    #[must_use]
    pub const fn since_boot(self) -> Duration {
        self.0
    }

    /// The moment later by `pause`, or the last one that there is.
    #[must_use]
    pub const fn after(self, pause: Duration) -> Self {
        Self(self.0.saturating_add(pause))
    }

    /// How long after an earlier moment it is: zero, if that is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::BootTime;
    use std::time::Duration;

    #[test]
    fn moments_saturate() {
        let last = BootTime::new(Duration::MAX);
        assert_eq!(last.after(Duration::from_secs(1)), last);
        assert_eq!(BootTime::default().since(last), Duration::ZERO);
        assert_eq!(last.since(BootTime::default()), Duration::MAX);
    }
}
