//! Restart limits: at most *n* restarts within a window.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::moment::Moment;

/// Above this many restarts per window, moments are kept in this many buckets instead of one by
/// one, so that memory does not grow with the limit. A bucket expires with its oldest restart: a
/// large limit may then let through a restart `window / 1024` early, and never refuses one too
/// early.
const BUCKETS: u32 = 1_024;

/// At most `max` restarts within `window`; a restart exactly one window old still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    max: u32,
    window: Duration,
}

/// After this life a backoff begins anew, if there is no restart limit whose window says it (D10).
const HEALTHY: Duration = Duration::from_secs(5);

/// After a life of what length a backoff begins anew.
pub(super) fn healthy(limit: Option<Limit>) -> Duration {
    limit.map_or(HEALTHY, Limit::window)
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let restarts = if self.max == 1 { "restart" } else { "restarts" };
        write!(f, "{} {restarts} in {:?}", self.max, self.window)
    }
}

impl Limit {
    /// A limit, or `None` if the window is zero.
    #[must_use]
    pub const fn new(max: u32, window: Duration) -> Option<Self> {
        if window.is_zero() {
            None
        } else {
            Some(Self { max, window })
        }
    }

    /// How many restarts are allowed.
    #[must_use]
    pub const fn max(self) -> u32 {
        self.max
    }

    /// Within what time.
    #[must_use]
    pub const fn window(self) -> Duration {
        self.window
    }
}

/// The restarts that were let through lately.
#[derive(Debug, Default)]
pub struct Window {
    /// The last ones. Most sessions never have more.
    last: Option<(Moment, u32)>,
    /// Those before.
    log: VecDeque<(Moment, u32)>,
    counted: u32,
}

impl Window {
    /// Whether one more restart is within the limit; if it is, it is counted.
    ///
    // OTP: supervisor:add_restart/1 also counts a restart exactly one period old, and the (n+1)th
    // is the fatal one.
    pub fn admit(&mut self, now: Moment, limit: Limit) -> Admission {
        let admission = self.judge(now, limit);
        if admission == Admission::Counted {
            self.count(now, limit);
        }
        admission
    }

    /// The same, but nothing is counted.
    #[inline]
    pub(super) fn judge(&self, now: Moment, limit: Limit) -> Admission {
        if self.counted_at(now, limit) >= limit.max {
            Admission::Refused
        } else {
            Admission::Counted
        }
    }

    /// How many restarts count at this moment.
    #[inline]
    pub(super) fn counted_at(&self, now: Moment, limit: Limit) -> u32 {
        let over = |(moment, _): &&(Moment, u32)| now.since(*moment) > limit.window;
        let kept = self.log.iter().chain(&self.last);
        let over: u32 = kept.take_while(over).map(|(_, count)| count).sum();
        self.counted - over
    }

    /// Counts one that is within the limit.
    pub(super) fn count(&mut self, now: Moment, limit: Limit) {
        while let Some((moment, count)) = self.log.front().copied().or(self.last) {
            if now.since(moment) <= limit.window {
                break;
            }
            if self.log.pop_front().is_none() {
                self.last = None;
            }
            self.counted -= count;
        }
        self.counted += 1;
        let width = if limit.max <= BUCKETS {
            Duration::ZERO
        } else {
            limit.window / BUCKETS
        };
        match &mut self.last {
            Some((moment, count)) if now.since(*moment) <= width => *count += 1,
            last => self.log.extend(last.replace((now, 1))),
        }
    }

    /// How many restarts count at the moment of the last one.
    #[must_use]
    pub const fn counted(&self) -> u32 {
        self.counted
    }

    /// Forgets all restarts, and the memory that held them.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// What [`Window::admit`] decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Admission {
    /// The restart is within the limit and has been counted.
    Counted,
    /// The limit is used up; nothing was counted.
    Refused,
}

#[cfg(test)]
mod tests {
    use super::{Admission, BUCKETS, Limit, Window};
    use crate::engine::Moment;
    use std::time::Duration;

    fn at(ms: u64) -> Moment {
        Moment::new(Duration::from_millis(ms))
    }

    #[test]
    fn the_edge_is_inclusive_and_one_past_it_is_free() {
        let limit = Limit::new(1, Duration::from_millis(100)).unwrap();
        let mut window = Window::default();
        assert_eq!(window.admit(at(0), limit), Admission::Counted);
        assert_eq!(window.admit(at(100), limit), Admission::Refused);
        assert_eq!(window.admit(at(101), limit), Admission::Counted);
    }

    #[test]
    fn zero_restarts_refuse_the_first() {
        let limit = Limit::new(0, Duration::MAX).unwrap();
        assert_eq!(Window::default().admit(at(0), limit), Admission::Refused);
    }

    #[test]
    fn memory_does_not_grow_with_the_limit() {
        let limit = Limit::new(u32::MAX, Duration::from_secs(5)).unwrap();
        let mut window = Window::default();
        for ms in 0..100_000 {
            assert_eq!(window.admit(at(ms), limit), Admission::Counted);
        }
        assert!(window.log.len() <= BUCKETS as usize + 1);
    }

    #[test]
    fn a_large_limit_still_refuses() {
        let limit = Limit::new(5_000, Duration::from_secs(5)).unwrap();
        let mut window = Window::default();
        let counted = (0..10_000)
            .filter(|i| window.admit(at(i / 10), limit) == Admission::Counted)
            .count();
        assert_eq!(counted, 5_000);
    }
}
