//! The clock of authority: it goes on while the machine is suspended.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};

use crate::engine::BootTime;

/// `Instant` stops while a Linux machine is suspended, so a node that wakes would hold its lease for
/// valid although it ended long ago.
#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: ClockId = ClockId::Boottime;

/// Elsewhere the monotonic clock is the best there is. On macOS it counts a suspended machine.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: ClockId = ClockId::Monotonic;

/// The time of day, for people alone: it can be set back, and it differs between nodes.
pub(crate) fn time_of_day() -> SystemTime {
    SystemTime::now()
}

/// The time since this machine was started, with the time that it was suspended. Never goes back.
#[must_use]
pub fn now() -> BootTime {
    let time = clock_gettime(CLOCK);
    // The kernel gives neither negative seconds nor more than 999,999,999 nanoseconds.
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    BootTime::new(Duration::new(seconds, nanoseconds.min(999_999_999)))
}

/// The clock that a node reads: the machine's, or that one moved by a test.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Offset>);

/// Moves the clock it belongs to. For tests: nothing else moves.
#[derive(Clone, Debug)]
pub struct Offset(Arc<AtomicI64>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub const fn real() -> Self {
        Self(None)
    }

    /// A clock that a test moves.
    #[must_use]
    pub fn movable() -> (Self, Offset) {
        let offset = Offset(Arc::new(AtomicI64::new(0)));
        (Self(Some(offset.clone())), offset)
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> BootTime {
        let real = now();
        let Some(Offset(offset)) = &self.0 else {
            return real;
        };
        let moved = nanoseconds(real).saturating_add_signed(offset.load(Ordering::SeqCst));
        BootTime::new(Duration::from_nanos(moved))
    }
}

impl Offset {
    /// Moves the clock forward, as a suspended machine finds it.
    pub fn forward(&self, by: Duration) {
        self.shift(by, 1);
    }

    /// Moves the clock back, which no real one does.
    pub fn back(&self, by: Duration) {
        self.shift(by, -1);
    }

    fn shift(&self, by: Duration, sign: i64) {
        let by = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        self.0.fetch_add(by.saturating_mul(sign), Ordering::SeqCst);
    }
}

/// Enough for 584 years.
fn nanoseconds(time: BootTime) -> u64 {
    u64::try_from(time.since_boot().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{BootTime, Clock, now};
    use std::time::Duration;

    #[test]
    fn the_clock_goes_on() {
        let first = now();
        assert!(first.since_boot() > Duration::ZERO);
        assert!(now() >= first);
    }

    #[test]
    fn a_movable_clock_moves_alone() {
        let (clock, offset) = Clock::movable();
        let before = now();
        offset.forward(Duration::from_secs(3600));
        assert!(clock.now().since_boot() >= before.since_boot() + Duration::from_secs(3600));
        assert!(now().since_boot() < before.since_boot() + Duration::from_secs(3600));
        offset.back(Duration::from_secs(3600));
        assert!(clock.now().since_boot() < before.since_boot() + Duration::from_secs(3600));
    }

    #[test]
    fn a_clock_moved_before_the_start_stands_at_it() {
        let (clock, offset) = Clock::movable();
        offset.back(Duration::MAX);
        assert_eq!(clock.now(), BootTime::default());
    }
}
