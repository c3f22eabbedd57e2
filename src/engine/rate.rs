//! A start rate: at most *n* new sessions within any window.
//!
//! A window includes its begin and not its end, so a start that is exactly one window old does not
//! count any more. A restart of that age still counts (`limit`), as it does in OTP.
//!
//! A bucket of tokens would be smaller, and would let 2 *n* starts through within a window: those
//! that were saved up, and those that are added meanwhile.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use super::moment::{Moment, Span};

/// Above this many starts per window, moments are kept in this many buckets instead of one by one,
/// so that memory does not grow with the rate. A bucket expires with its last start: a large rate
/// may then refuse a start up to `window / 1024` longer than it has to, and never lets one through
/// too early.
const BUCKETS: u32 = 1_024;

/// At most `n` new sessions within any `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartRate {
    n: NonZeroU32,
    per: Span,
}

impl fmt::Display for StartRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} starts in {}", self.n, self.per)
    }
}

impl StartRate {
    /// A rate, or `None` if one of the two is zero.
    #[must_use]
    pub fn new(n: u32, per: Duration) -> Option<Self> {
        let (n, per) = (NonZeroU32::new(n)?, Span::new(per)?);
        Some(Self { n, per })
    }

    /// How many sessions.
    #[must_use]
    pub const fn n(self) -> u32 {
        self.n.get()
    }

    /// Within what time.
    #[must_use]
    pub const fn per(self) -> Duration {
        self.per.get()
    }
}

/// The starts that count now.
#[derive(Debug)]
pub(super) struct Starts {
    rate: StartRate,
    /// The oldest first.
    buckets: VecDeque<Bucket>,
    counted: u32,
}

/// Some starts that expire together.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    first: Moment,
    last: Moment,
    starts: u32,
}

impl Starts {
    /// None so far.
    pub(super) const fn new(rate: StartRate) -> Self {
        Self {
            rate,
            buckets: VecDeque::new(),
            counted: 0,
        }
    }

    /// The rate.
    pub(super) const fn rate(&self) -> StartRate {
        self.rate
    }

    /// After what time one more start is within the rate, if no other comes first; none: it is now.
    pub(super) fn wait(&mut self, now: Moment) -> Option<Duration> {
        let per = self.rate.per();
        while let Some(oldest) = self.buckets.front() {
            if now.since(oldest.last) < per {
                break;
            }
            self.counted -= oldest.starts;
            self.buckets.pop_front();
        }
        if self.counted < self.rate.n() {
            return None;
        }
        let oldest = self.buckets.front()?;
        Some(oldest.last.after(per).since(now))
    }

    /// Counts a start that is within the rate.
    pub(super) fn count(&mut self, now: Moment) {
        debug_assert_eq!(self.wait(now), None, "the start was to be refused");
        let width = if self.rate.n() <= BUCKETS {
            Duration::ZERO
        } else {
            self.rate.per() / BUCKETS
        };
        match self.buckets.back_mut() {
            Some(bucket) if now.since(bucket.first) <= width => {
                bucket.last = now;
                bucket.starts += 1;
            }
            _ => self.buckets.push_back(Bucket {
                first: now,
                last: now,
                starts: 1,
            }),
        }
        self.counted += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, StartRate, Starts};
    use crate::engine::Moment;
    use std::time::Duration;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn at(n: u64) -> Moment {
        Moment::new(ms(n))
    }

    fn starts(n: u32, per: Duration) -> Starts {
        Starts::new(StartRate::new(n, per).expect("a rate"))
    }

    /// Starts one if it may. Answers the wait.
    fn start(starts: &mut Starts, now: Moment) -> Option<Duration> {
        let wait = starts.wait(now);
        if wait.is_none() {
            starts.count(now);
        }
        wait
    }

    #[test]
    fn a_start_counts_for_one_window_and_not_at_its_end() {
        let mut starts = starts(2, ms(100));
        assert_eq!(start(&mut starts, at(0)), None);
        assert_eq!(start(&mut starts, at(60)), None);
        assert_eq!(start(&mut starts, at(60)), Some(ms(40)));
        assert_eq!(start(&mut starts, at(99)), Some(ms(1)));
        assert_eq!(start(&mut starts, at(100)), None);
        assert_eq!(start(&mut starts, at(100)), Some(ms(60)));
        assert_eq!(start(&mut starts, at(160)), None);
    }

    #[test]
    fn a_start_that_is_refused_takes_nothing() {
        let mut starts = starts(1, ms(100));
        assert_eq!(start(&mut starts, at(0)), None);
        for n in 1..100 {
            assert_eq!(start(&mut starts, at(n)), Some(ms(100 - n)));
        }
        assert_eq!(start(&mut starts, at(100)), None);
    }

    #[test]
    fn a_rate_needs_a_number_and_a_window() {
        assert_eq!(StartRate::new(0, ms(1)), None);
        assert_eq!(StartRate::new(1, Duration::ZERO), None);
        let longest = StartRate::new(1, Duration::MAX).expect("a rate");
        let mut starts = Starts::new(longest);
        assert_eq!(start(&mut starts, at(5)), None);
        let wait = start(&mut starts, at(6)).expect("it lasts for ever");
        assert!(wait > Duration::from_secs(3_600 * 24 * 365 * 500));
    }

    /// Every window of every history holds at most so many starts, and each wait is the shortest
    /// one.
    #[test]
    fn each_start_is_counted_as_in_a_list_of_all() {
        for n in [1, 2, 3, 7] {
            let (mut starts, mut all) = (starts(n, ms(20)), Vec::<u64>::new());
            let mut seed = u64::from(n);
            let mut now = 0;
            for _ in 0..5_000 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                now += (seed >> 60) / 3;
                let recent: Vec<_> = all.iter().filter(|&&start| now - start < 20).collect();
                let wait = start(&mut starts, at(now));
                if recent.len() < n as usize {
                    assert_eq!(wait, None);
                    all.push(now);
                } else {
                    let first_to_go = recent[recent.len() - n as usize];
                    assert_eq!(wait, Some(ms(first_to_go + 20 - now)));
                }
            }
        }
    }

    #[test]
    fn a_large_rate_is_kept_in_few_buckets_and_never_exceeded() {
        const N: usize = 5_000;
        let window = ms(1_024);
        let mut starts = starts(5_000, window);
        let mut all = Vec::new();
        for now in (0..40_000).map(|n| at(n / 8)) {
            let wait = start(&mut starts, now);
            let oldest = all.len().checked_sub(N).map(|at| all[at]);
            match wait {
                None => all.push(now),
                // No longer than a bucket more than it has to.
                Some(wait) => {
                    let oldest: Moment = oldest.expect("so many were started");
                    let least = oldest.after(window).since(now);
                    assert!(wait <= least + window / BUCKETS, "{wait:?} for {least:?}");
                }
            }
            assert!(starts.buckets.len() <= BUCKETS as usize + 2);
        }
        for (first, next) in all.iter().zip(&all[N..]) {
            assert!(next.since(*first) >= window, "too many within a window");
        }
        assert!(all.len() > 4 * N, "{} starts", all.len());
    }

    #[test]
    fn the_wait_of_a_large_rate_is_true() {
        let mut starts = starts(2_000, ms(1_000));
        for n in 0..2_000 {
            assert_eq!(start(&mut starts, at(n / 4)), None);
        }
        let now = at(700);
        let wait = start(&mut starts, now).expect("all are counted");
        let before = now.after(wait - Duration::from_nanos(1));
        assert_eq!(start(&mut starts, before), Some(Duration::from_nanos(1)));
        assert_eq!(start(&mut starts, now.after(wait)), None);
    }
}
