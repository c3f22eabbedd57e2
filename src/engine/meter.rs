//! Counting what a supervisor does, for anybody to read at any time (D34).
//!
//! Only the engine counts what is decided, and it counts with `&mut` access to itself, so there is one
//! writer at a time; the lock under which the shell drives hands the numbers over from one thread to
//! the next. So a number needs no atomic addition (`number`). Who sees one sees all that was counted
//! before it. That lets [`Meter::read`] read ends before starts, so no end is shown without its start.
//! A caller that has had an answer sees all that was counted before it, since the way of the answer
//! orders the two.
//!
//! The numbers lie in one allocation that begins at a cache line of its own, so counting touches no line
//! of another's. What is not counted by the engine has a line of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::answers::NotStarted;
use super::counts::Counts;
use super::exit::Exit;
use super::failure::Failure;
use super::moment::Moment;
use super::number::{Distribution, Number, Shape, Unit};
use super::rejection::Rejection;
use super::stats::{Exits, LIFETIME, RESTART_DELAY, Rejected, START_STOP, Starts, Stats};

static STARTS: Shape = Shape::new(&START_STOP, Unit::Nanosecond);
static STOPS: Shape = Shape::new(&START_STOP, Unit::Nanosecond);
static DELAYS: Shape = Shape::new(&RESTART_DELAY, Unit::Nanosecond);
static LIVES: Shape = Shape::new(&LIFETIME, Unit::Microsecond);

/// What came of a start that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoStart {
    Failed,
    Ignored,
    NameTaken,
    TimedOut,
    Stopped,
}

impl From<&Failure> for NoStart {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Failed(_) => Self::Failed,
            Failure::Ignored => Self::Ignored,
            Failure::NameTaken(_) => Self::NameTaken,
            Failure::TimedOut(_) => Self::TimedOut,
            // The supervisor was ending when it was launched.
            Failure::Cancelled => Self::Stopped,
        }
    }
}

/// What others than the engine count, on a cache line of its own. Two, since some processors fetch
/// lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart {
    events_lost: AtomicU64,
}

/// The numbers of one supervisor.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Meter {
    starting: Number,
    running: Number,
    restarting: Number,
    stopping: Number,
    parked: Number,
    stuck: Number,
    supervisors: Number,
    start_duration: Distribution,
    failed: Number,
    ignored: Number,
    name_taken: Number,
    timed_out: Number,
    stopped: Number,
    lifetime: Distribution,
    exits: [Number; 4],
    stop_duration: Distribution,
    restart_delay: Distribution,
    trials: Number,
    kills: Number,
    parks: Number,
    claim_taken: Number,
    max_sessions: Number,
    quota: Number,
    start_rate: Number,
    apart: Apart,
}

impl Meter {
    /// How many sessions there are.
    pub(super) fn show(&self, counts: Counts) {
        self.starting.set(counts.starting as u64);
        self.running.set(counts.active as u64);
        self.restarting.set(counts.restarting as u64);
        self.stopping.set(counts.stopping as u64);
        self.parked.set(counts.parked as u64);
        self.stuck.set(counts.stuck as u64);
        self.supervisors.set(counts.supervisors as u64);
    }

    /// A launch has succeeded.
    pub(super) fn started(&self, launched: Moment, now: Moment) {
        self.start_duration.add(now.nanos_since(launched), &STARTS);
    }

    /// A start is over, and has not succeeded.
    pub(super) fn not_started(&self, why: NoStart) {
        let number = match why {
            NoStart::Failed => &self.failed,
            NoStart::Ignored => &self.ignored,
            NoStart::NameTaken => &self.name_taken,
            NoStart::TimedOut => &self.timed_out,
            NoStart::Stopped => &self.stopped,
        };
        number.add(1);
    }

    /// A session has ended that had started.
    pub(super) fn exited(&self, exit: &Exit, started: Moment, now: Moment) {
        let kind = match exit {
            Exit::Normal { .. } => 0,
            Exit::Shutdown => 1,
            Exit::Killed => 2,
            Exit::Failed { .. } => 3,
            Exit::NotRunning => return,
        };
        self.exits[kind].add(1);
        self.lifetime.add(now.nanos_since(started), &LIVES);
    }

    /// The same session had been told to end.
    pub(super) fn stopped(&self, told: Moment, now: Moment) {
        self.stop_duration.add(now.nanos_since(told), &STOPS);
    }

    /// A restart was decided, after this pause.
    pub(super) fn restarts(&self, delay: Duration) {
        let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        self.restart_delay.add(nanos, &DELAYS);
    }

    /// A parked session is tried again by itself.
    pub(super) fn tries(&self) {
        self.trials.add(1);
    }

    /// A session is killed.
    pub(super) fn kills(&self) {
        self.kills.add(1);
    }

    /// A session is parked.
    pub(super) fn parks(&self) {
        self.parks.add(1);
    }

    /// A new session is not started.
    pub(super) fn refuses(&self, why: &NotStarted) {
        match why {
            NotStarted::ClaimTaken(_) => self.claim_taken.add(1),
            NotStarted::MaxSessions(_) => self.has_no_place(),
            NotStarted::Rejected(rejection) => self.rejects(rejection),
            NotStarted::Failed(_) | NotStarted::Parked | NotStarted::Refused(_) => {}
        }
    }

    /// There is no place for a session.
    pub(super) fn has_no_place(&self) {
        self.max_sessions.add(1);
    }

    /// A session is not admitted.
    pub(super) fn rejects(&self, why: &Rejection) {
        match why {
            Rejection::Quota { .. } => self.quota.add(1),
            Rejection::StartRate { .. } => self.start_rate.add(1),
        }
    }

    /// A subscriber of the change feed has lost so many events. Any thread may say so.
    pub fn lose_events(&self, lost: u64) {
        self.apart.events_lost.fetch_add(lost, Ordering::Relaxed);
    }

    /// All numbers, as they are now. It does not wait.
    #[must_use]
    pub fn read(&self) -> Stats {
        // Ends before starts, so that no end is shown without its start.
        let stop_duration = self.stop_duration.read(&STOPS);
        let lifetime = self.lifetime.read(&LIVES);
        let [normal, shutdown, killed, failed] = self.exits.each_ref().map(Number::get);
        let start_duration = self.start_duration.read(&STARTS);
        let restart_delay = self.restart_delay.read(&DELAYS);
        Stats {
            sessions: self.counts(),
            starts: Starts {
                started: start_duration.count(),
                failed: self.failed.get(),
                ignored: self.ignored.get(),
                name_taken: self.name_taken.get(),
                timed_out: self.timed_out.get(),
                stopped: self.stopped.get(),
            },
            exits: Exits {
                normal,
                shutdown,
                killed,
                failed,
            },
            restarts: restart_delay.count() + self.trials.get(),
            kills: self.kills.get(),
            parks: self.parks.get(),
            rejected: Rejected {
                claim_taken: self.claim_taken.get(),
                max_sessions: self.max_sessions.get(),
                quota: self.quota.get(),
                start_rate: self.start_rate.get(),
            },
            events_lost: self.apart.events_lost.load(Ordering::Relaxed),
            start_duration,
            stop_duration,
            restart_delay,
            lifetime,
        }
    }

    /// The sums are made of what was read, so that they fit.
    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        counts.starting = self.starting.size();
        counts.active = self.running.size();
        counts.restarting = self.restarting.size();
        counts.stopping = self.stopping.size();
        counts.parked = self.parked.size();
        counts.stuck = self.stuck.size();
        counts.specs = counts.starting
            + counts.active
            + counts.restarting
            + counts.stopping
            + counts.parked
            + counts.stuck;
        counts.supervisors = self.supervisors.size().min(counts.specs);
        counts.workers = counts.specs - counts.supervisors;
        counts
    }
}

/// That of a supervisor that has not done anything.
impl Default for Stats {
    fn default() -> Self {
        Meter::default().read()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{Meter, NoStart};
    use crate::engine::counts::Counts;
    use crate::engine::exit::Exit;
    use crate::engine::moment::Moment;
    use crate::engine::stats::{LIFETIME, START_STOP};

    const AT: Moment = Moment::new(Duration::from_secs(7));

    #[test]
    fn a_duration_lies_in_the_first_bucket_whose_bound_is_not_shorter() {
        let nano = Duration::from_nanos(1);
        let meter = Meter::default();
        let started = |took| meter.started(AT, AT.after(took));
        started(Duration::ZERO);
        for bound in START_STOP {
            started(bound);
            started(bound + nano);
        }
        let starts = meter.read();
        let mut expected = [2; START_STOP.len() + 1];
        expected[START_STOP.len()] = 1;
        assert_eq!(starts.start_duration.buckets(), expected);
        assert_eq!(starts.start_duration.count(), 33);
        assert_eq!(starts.starts.started, 33);
        let bounds: Duration = START_STOP.iter().sum();
        assert_eq!(starts.start_duration.sum(), 2 * bounds + 16 * nano);
    }

    #[test]
    fn the_lifetimes_of_a_million_sessions_add_up_for_years() {
        let meter = Meter::default();
        let year = Duration::from_secs(365 * 86_400);
        for _ in 0..1_000 {
            let end = AT.after(year + Duration::from_nanos(999));
            meter.exited(&Exit::Shutdown, AT, end);
        }
        let stats = meter.read();
        assert_eq!(stats.lifetime.sum(), 1_000 * year);
        assert_eq!(stats.lifetime.mean(), Some(year));
        assert_eq!(stats.lifetime.buckets()[LIFETIME.len()], 1_000);
        assert_eq!(stats.exits.shutdown, 1_000);
    }

    #[test]
    fn the_sums_are_those_of_what_was_read() {
        let meter = Meter::default();
        let counts = Counts {
            active: 3,
            parked: 2,
            specs: 5,
            supervisors: 1,
            workers: 4,
            ..Counts::default()
        };
        meter.show(counts);
        for why in [NoStart::Failed, NoStart::TimedOut, NoStart::TimedOut] {
            meter.not_started(why);
        }
        meter.restarts(Duration::ZERO);
        meter.tries();
        let stats = meter.read();
        assert_eq!(stats.sessions, counts);
        assert_eq!((stats.starts.failed, stats.starts.timed_out), (1, 2));
        assert_eq!(stats.starts.total(), 3);
        assert_eq!((stats.restarts, stats.restart_delay.count()), (2, 1));
    }

    #[test]
    fn events_may_be_lost_on_any_thread() {
        let meter = Arc::new(Meter::default());
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let meter = Arc::clone(&meter);
                std::thread::spawn(move || (0..1_000).for_each(|_| meter.lose_events(1)))
            })
            .collect();
        for thread in threads {
            thread.join().expect("it counts");
        }
        assert_eq!(meter.read().events_lost, 4_000);
    }
}
