//! The clock of authority: it goes on while the machine is suspended. And the one atomic that every
//! admission reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::engine::{BootTime, Renewal};

/// `Instant` stops while a Linux machine is suspended, so a node that wakes would hold its lease for
/// valid although it ended long ago.
#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: ClockId = ClockId::Boottime;

/// Elsewhere the monotonic clock is the best there is. On macOS it counts a suspended machine.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: ClockId = ClockId::Monotonic;

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

/// Until when a node admits starts and messages: one atomic, read at every admission, without a lock.
///
/// It serves one lease. Once it is over, by time or by [`close`](Self::close), it never admits again;
/// a node that joins anew takes a new one. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct AuthorityClock(Arc<AtomicU64>);

/// A time that is never before any other: the authority is over for good.
const CLOSED: u64 = 0;

impl AuthorityClock {
    /// A clock that admits until that time.
    #[must_use]
    pub fn new(until: BootTime) -> Self {
        Self(Arc::new(AtomicU64::new(nanoseconds(until))))
    }

    /// Whether what comes now is admitted.
    ///
    /// The answer is true for the moment of the call. A process that is paused between this call and
    /// its effect acts on an old answer; the epoch fences that.
    #[must_use]
    pub fn admits(&self, now: BootTime) -> bool {
        nanoseconds(now) < self.0.load(Ordering::Acquire)
    }

    /// A confirmed renewal: admits until that time, unless it is over by now. An earlier time than the
    /// one that stands changes nothing.
    pub fn renewed(&self, until: BootTime, now: BootTime) -> Renewal {
        let (until, now) = (nanoseconds(until), nanoseconds(now));
        let next = |stands: u64| {
            Some(if now < stands {
                stands.max(until)
            } else {
                CLOSED
            })
        };
        match self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, next)
        {
            Ok(stood) if now < stood && stood < until => Renewal::Taken,
            Ok(stood) if now < stood => Renewal::Old,
            _ => Renewal::TooLate,
        }
    }

    /// Ends the authority for good.
    pub fn close(&self) {
        self.0.store(CLOSED, Ordering::Release);
    }
}

/// Enough for 584 years.
fn nanoseconds(time: BootTime) -> u64 {
    u64::try_from(time.since_boot().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{AuthorityClock, BootTime, Clock, Renewal, now};
    use std::time::Duration;

    fn at(seconds: u64) -> BootTime {
        BootTime::new(Duration::from_secs(seconds))
    }

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

    #[test]
    fn admits_until_the_time_and_not_at_it() {
        let authority = AuthorityClock::new(at(7));
        assert!(authority.admits(at(6)));
        assert!(!authority.admits(at(7)));
        assert!(!authority.admits(at(8)));
    }

    #[test]
    fn a_renewal_moves_it_on_and_an_earlier_one_changes_nothing() {
        let authority = AuthorityClock::new(at(7));
        assert_eq!(authority.renewed(at(9), at(3)), Renewal::Taken);
        assert!(authority.admits(at(8)));
        assert_eq!(authority.renewed(at(8), at(4)), Renewal::Old);
        assert!(authority.admits(at(8)));
    }

    #[test]
    fn a_renewal_that_comes_too_late_ends_it_for_good() {
        let authority = AuthorityClock::new(at(7));
        assert_eq!(authority.renewed(at(9), at(7)), Renewal::TooLate);
        assert!(!authority.admits(at(0)));
        assert_eq!(authority.renewed(at(19), at(8)), Renewal::TooLate);
        assert!(!authority.admits(at(8)));
    }

    #[test]
    fn what_is_closed_stays_closed_for_every_clone() {
        let authority = AuthorityClock::new(at(7));
        let other = authority.clone();
        authority.close();
        assert!(!other.admits(at(0)));
        assert_eq!(other.renewed(at(9), at(0)), Renewal::TooLate);
        assert!(!authority.admits(at(0)));
    }

    #[test]
    fn renewals_and_a_close_from_many_threads_end_closed() {
        let authority = AuthorityClock::new(at(100));
        std::thread::scope(|scope| {
            for offset in 0..4 {
                let authority = authority.clone();
                scope.spawn(move || {
                    for step in 0..1_000 {
                        let _: Renewal = authority.renewed(at(100 + offset + step), at(1));
                    }
                });
            }
            scope.spawn(|| authority.close());
        });
        assert!(!authority.admits(at(0)));
    }
}
