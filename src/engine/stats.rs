//! What a supervisor has done so far and what its sessions are doing now, as numbers. `meter` counts
//! them.

use std::fmt;
use std::time::Duration;

use super::counts::Counts;

/// How many bounds a histogram has.
pub const BOUNDS: usize = 16;

/// The bounds of starts and stops.
pub(super) static START_STOP: [Duration; BOUNDS] = [
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// The bounds of restart delays.
pub(super) static RESTART_DELAY: [Duration; BOUNDS] = [
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(2 * 60),
    Duration::from_secs(5 * 60),
];

/// The bounds of lifetimes.
pub(super) static LIFETIME: [Duration; BOUNDS] = [
    Duration::from_millis(10),
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(3_600),
    Duration::from_secs(4 * 3_600),
    Duration::from_secs(12 * 3_600),
    Duration::from_secs(86_400),
    Duration::from_secs(7 * 86_400),
    Duration::from_secs(30 * 86_400),
];

/// What a session supervisor has done since its start, and what its sessions are doing now.
///
/// Totals never become less. Those of different kinds are read one after another while the supervisor
/// goes on, so they may be of slightly different moments. No end is shown without its start: at any time
/// the exits are at most as many as the starts that succeeded. When nothing is under way, the difference
/// of the two is the number of sessions that run.
///
/// The default is that of a supervisor that has not done anything.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Stats {
    /// How many sessions there are, by state, as
    /// [`count_sessions`](crate::SessionSupervisor::count_sessions) answers. They are
    /// read one after another: a session that changes its state meanwhile may be in two of them or in
    /// none. All are 0 when the supervisor has ended.
    pub sessions: Counts,
    /// Starts, by what came of them: first starts, restarts and trials of parked sessions alike.
    pub starts: Starts,
    /// Ends of sessions that had started, by their kind. One that is started again after its end counts
    /// each time.
    pub exits: Exits,
    /// Restarts that were decided by the rules, trials of parked sessions too. Those by hand are not
    /// counted.
    pub restarts: u64,
    /// Sessions that the supervisor killed. What others kill is only an exit.
    pub kills: u64,
    /// How often a session was parked: when it used up its restart limit, and again after each trial
    /// and each resumption that failed.
    pub parks: u64,
    /// Starts of new sessions, and resumptions of parked ones, that were refused for want of
    /// something.
    pub rejected: Rejected,
    /// Events that were lost to those who [subscribe](crate::SessionSupervisor::subscribe) and read
    /// too slowly. They count when the reader is told.
    pub events_lost: u64,
    /// How long the starts took that succeeded: from the call of the start function until the session
    /// ran. Time in line for a launch does not count.
    pub start_duration: Histogram,
    /// How long the stops of running sessions took, whether a caller or a rule asked for them: from the request until the
    /// end was known. Those that ended with a kill are among them.
    pub stop_duration: Histogram,
    /// The pauses before restarts, as they were decided; trials of parked sessions are not among them.
    pub restart_delay: Histogram,
    /// How long sessions ran that have ended.
    pub lifetime: Histogram,
}

/// Starts by what came of them. Each start that is over counts once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Starts {
    /// The session ran.
    pub started: u64,
    /// The start function or `pre_start` failed or panicked.
    pub failed: u64,
    /// The start function answered ignore.
    pub ignored: u64,
    /// The session's name was held by another actor.
    pub name_taken: u64,
    /// It took longer than its start timeout. It counts when the launch is gone, or known to be stuck.
    pub timed_out: u64,
    /// It was given up, since the session or the supervisor was stopped meanwhile. It counts when the
    /// launch is gone, or known to be stuck.
    pub stopped: u64,
}

impl Starts {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.started + self.failed + self.ignored + self.name_taken + self.timed_out + self.stopped
    }
}

/// Ends of sessions, by the kind of their [`Exit`](crate::Exit).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Exits {
    /// Gracefully, by itself: `Exit::Normal`.
    pub normal: u64,
    /// Gracefully, since the supervisor asked: `Exit::Shutdown`.
    pub shutdown: u64,
    /// By a kill, by the supervisor or by others: `Exit::Killed`.
    pub killed: u64,
    /// By an error or a panic: `Exit::Failed`.
    pub failed: u64,
}

impl Exits {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.normal + self.shutdown + self.killed + self.failed
    }
}

/// Starts of new sessions, and resumptions of parked ones, that were refused, by what they wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Rejected {
    /// Another session had a claim that the new one makes.
    pub claim_taken: u64,
    /// All places were taken: [`max_sessions`](crate::Options::max_sessions).
    pub max_sessions: u64,
    /// All places of the session's group were taken: [`quota`](crate::Options::quota).
    pub quota: u64,
    /// As many sessions were new as may be: [`start_rate`](crate::Options::start_rate).
    pub start_rate: u64,
}

impl Rejected {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.claim_taken + self.max_sessions + self.quota + self.start_rate
    }
}

/// How long something took, each time: a distribution in fixed buckets.
///
/// The upper bounds of the buckets are, for the
///
/// - durations of starts and stops: 100 µs, 250 µs, 500 µs, 1 ms, 2.5 ms, 5 ms, 10 ms, 25 ms, 50 ms,
///   100 ms, 250 ms, 500 ms, 1 s, 5 s, 10 s, 30 s;
/// - restart delays: 1 ms, 5 ms, 10 ms, 25 ms, 50 ms, 100 ms, 250 ms, 500 ms, 1 s, 2.5 s, 5 s, 10 s,
///   30 s, 1 min, 2 min, 5 min;
/// - lifetimes: 10 ms, 100 ms, 1 s, 5 s, 10 s, 30 s, 1 min, 5 min, 15 min, 30 min, 1 h, 4 h, 12 h, 1 d,
///   7 d, 30 d;
///
/// and one more bucket holds what took longer.
#[derive(Clone, PartialEq, Eq)]
pub struct Histogram {
    pub(super) bounds: &'static [Duration; BOUNDS],
    pub(super) buckets: [u64; BOUNDS + 1],
    pub(super) sum: Duration,
}

impl Histogram {
    /// One that another crate of this repository has counted.
    #[doc(hidden)]
    #[must_use]
    pub const fn counted(
        bounds: &'static [Duration; BOUNDS],
        buckets: [u64; BOUNDS + 1],
        sum: Duration,
    ) -> Self {
        Self {
            bounds,
            buckets,
            sum,
        }
    }

    /// The upper bounds of the buckets, each longer than the one before. A duration that equals a
    /// bound lies below it. The last bucket has none.
    #[must_use]
    pub const fn bounds(&self) -> &'static [Duration] {
        self.bounds
    }

    /// How many durations lie in each bucket. There is one more bucket than there are bounds: the
    /// last one holds what is longer than all of them.
    #[must_use]
    pub const fn buckets(&self) -> &[u64] {
        &self.buckets
    }

    /// How many durations were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// What they add up to, to a microsecond for each lifetime and to a nanosecond for the others.
    #[must_use]
    pub const fn sum(&self) -> Duration {
        self.sum
    }

    /// Their mean; `None` if there was none yet.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        let mean = self.sum.as_nanos().checked_div(self.count().into())?;
        Some(Duration::from_nanos(
            u64::try_from(mean).unwrap_or(u64::MAX),
        ))
    }
}

/// The buckets that hold something, by their bounds.
impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bounds = self.bounds.iter().map(|bound| format!("up to {bound:?}"));
        let names = bounds.chain(["longer".to_owned()]);
        let buckets = names.zip(self.buckets).filter(|(_, count)| *count > 0);
        f.debug_map()
            .entries(buckets)
            .entry(&"sum", &self.sum)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Histogram, LIFETIME, RESTART_DELAY, START_STOP, Stats};

    #[test]
    fn the_bounds_ascend_and_are_those_in_the_documentation() {
        let stats = Stats::default();
        let all = [
            (&stats.start_duration, &START_STOP),
            (&stats.stop_duration, &START_STOP),
            (&stats.restart_delay, &RESTART_DELAY),
            (&stats.lifetime, &LIFETIME),
        ];
        for (histogram, bounds) in all {
            assert_eq!(histogram.bounds(), bounds.as_slice());
            assert!(bounds.is_sorted_by(|a, b| a < b), "{bounds:?}");
            assert_eq!(histogram.buckets().len(), bounds.len() + 1);
        }
        assert_eq!(documented("durations of starts and stops"), START_STOP);
        assert_eq!(documented("restart delays"), RESTART_DELAY);
        assert_eq!(documented("lifetimes"), LIFETIME);
    }

    /// The durations that the documentation lists for this.
    fn documented(what: &str) -> Vec<Duration> {
        let begin = format!("/// - {what}: ");
        let (_, list) = include_str!("stats.rs").split_once(&begin).expect(what);
        let (list, _) = list.split_once(';').expect("the end of the list");
        let list = list.replace("\n///", "");
        let durations = list.split(',').map(|item| {
            let (number, unit) = item.trim().split_once(' ').expect("a number and a unit");
            let unit = match unit {
                "µs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "min" => 60.0,
                "h" => 3_600.0,
                "d" => 86_400.0,
                other => panic!("{other} is no unit"),
            };
            let number: f64 = number.parse().expect("a number");
            Duration::from_secs_f64(number * unit)
        });
        durations.collect()
    }

    #[test]
    fn a_histogram_without_durations_has_no_mean() {
        let nothing: Histogram = Stats::default().lifetime;
        assert_eq!(nothing.count(), 0);
        assert_eq!(nothing.mean(), None);
        assert_eq!(nothing.sum(), Duration::ZERO);
    }
}
