//! What the engine counts (D34), held after every step against what it was told and what it did,
//! counted again in the naive way. Nothing is taken from the engine's own numbers.
//!
//! What must hold:
//! 1. the sessions by state are those that the engine knows, and none when it is taken apart;
//! 2. each launch counts as one start, once, as soon as it is known what came of it: it runs, it
//!    failed, or it was cancelled and is gone, stuck, or came too late;
//! 3. an exit counts if and only if its start counted as one that succeeded, so what has started and
//!    not ended is there; with it count its life and, if it was told to end, the time since that;
//! 4. restarts, parkings, kills and refusals count as often as they are decided.

mod scenes;

use std::time::Duration;

use session_supervisor::engine::{
    Cancellation, Counts, Decision, Effect, EventKind, ExitCause, Exits, Failure, Histogram,
    Moment, Recall, Rejected, Rejection, SessionState, Starts,
};

use crate::domain::SimDomain;
use crate::sessions::sim::Sim;
use crate::told::{Told, told};
use crate::world::{Deed, Run};

/// What came of a start that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    Failed,
    Ignored,
    NameTaken,
    TimedOut,
    Stopped,
}

/// As what a launch counts so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Start {
    #[default]
    UnderWay,
    Cancelled(Lost),
    Started,
    NotStarted,
}

/// A distribution of durations.
#[derive(Debug, Default)]
struct Spread {
    durations: Vec<Duration>,
}

impl Spread {
    fn add(&mut self, duration: Duration) {
        self.durations.push(duration);
    }

    fn check(&self, counted: &Histogram, unit: Duration, what: &str) {
        let mut buckets = vec![0; counted.bounds().len() + 1];
        let mut sum = Duration::ZERO;
        for duration in &self.durations {
            let mut bounds = counted.bounds().iter();
            let bucket = bounds.position(|bound| duration <= bound);
            buckets[bucket.unwrap_or(counted.bounds().len())] += 1;
            sum += *duration;
        }
        assert_eq!(counted.buckets(), buckets, "the buckets of the {what}");
        let lost = sum.saturating_sub(counted.sum());
        let at_most = unit * u32::try_from(self.durations.len()).unwrap();
        assert!(counted.sum() <= sum && lost <= at_most, "the {what} add up");
    }
}

/// What should have been counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Of each run of the world.
    of_runs: Vec<Start>,
    starts: Starts,
    exits: Exits,
    restarts: u64,
    kills: u64,
    parks: u64,
    rejected: Rejected,
    start_duration: Spread,
    stop_duration: Spread,
    restart_delay: Spread,
    lifetime: Spread,
}

impl Tally {
    fn of(&mut self, run: usize) -> &mut Start {
        if self.of_runs.len() <= run {
            self.of_runs.resize(run + 1, Start::default());
        }
        &mut self.of_runs[run]
    }

    fn lost(&mut self, run: usize, why: Lost) {
        *self.of(run) = Start::NotStarted;
        *match why {
            Lost::Failed => &mut self.starts.failed,
            Lost::Ignored => &mut self.starts.ignored,
            Lost::NameTaken => &mut self.starts.name_taken,
            Lost::TimedOut => &mut self.starts.timed_out,
            Lost::Stopped => &mut self.starts.stopped,
        } += 1;
    }

    /// It is known that a launch does not succeed, if it was cancelled.
    fn lost_if_cancelled(&mut self, run: usize) {
        if let Start::Cancelled(why) = *self.of(run) {
            self.lost(run, why);
        }
    }

    fn follows(&mut self, decision: Decision) {
        match decision {
            Decision::Restart { after, .. } => {
                self.restarts += 1;
                self.restart_delay.add(after);
            }
            Decision::Park { .. } => self.parks += 1,
            _ => {}
        }
    }

    fn exited(&mut self, now: Moment, index: usize, run: &Run, cause: &ExitCause) {
        if *self.of(index) != Start::Started {
            return;
        }
        *match cause {
            ExitCause::Normal { .. } => &mut self.exits.normal,
            ExitCause::Shutdown => &mut self.exits.shutdown,
            ExitCause::Killed => &mut self.exits.killed,
            ExitCause::Failed { .. } => &mut self.exits.failed,
            other => panic!("{other:?} is no end of one that ran"),
        } += 1;
        self.lifetime.add(now.since(run.started));
        let told = run.stopped.into_iter().chain(run.killed).min();
        if let Some(told) = told {
            self.stop_duration.add(now.since(told));
        }
    }

    fn refused(&mut self, told: &Told) {
        *match told {
            Told::ClaimTaken(_) => &mut self.rejected.claim_taken,
            Told::MaxSessions(_) => &mut self.rejected.max_sessions,
            Told::Rejected(Rejection::Quota { .. }) => &mut self.rejected.quota,
            Told::Rejected(Rejection::StartRate { .. }) => &mut self.rejected.start_rate,
            _ => return,
        } += 1;
    }
}

fn lost_by(failure: &Failure) -> Lost {
    match failure {
        Failure::Failed(_) => Lost::Failed,
        Failure::Ignored => Lost::Ignored,
        Failure::NameTaken(_) => Lost::NameTaken,
        Failure::TimedOut(_) => Lost::TimedOut,
        Failure::Cancelled => Lost::Stopped,
    }
}

impl Sim {
    /// A run is about to report something.
    pub(super) fn tally_deed(&mut self, index: usize, deed: &Deed) {
        let so_far = *self.tally.of(index);
        match (deed, so_far) {
            (Deed::Started, _) if self.world.runs[index].recall == Recall::TooLate => {
                self.tally.lost_if_cancelled(index);
            }
            (Deed::StartFailed(failure) | Deed::StartOutlived(failure), Start::UnderWay) => {
                self.tally.lost(index, lost_by(failure));
            }
            (Deed::StartFailed(_), Start::Cancelled(why)) => self.tally.lost(index, why),
            _ => {}
        }
    }

    /// The engine is about to do something.
    pub(super) fn tally_effect(&mut self, effect: &Effect<SimDomain>) {
        let now = self.world.now;
        match effect {
            Effect::Launch {
                context,
                caller: None,
                ..
            } => {
                let id = self.index(&context.id);
                let trial = self.model.shown(id) == Some(SessionState::Parked);
                self.tally.restarts += u64::from(trial);
            }
            Effect::Cancel { life, why } => {
                let run = usize::try_from(life.0.key.launch.0 - 1).unwrap();
                let why = match why {
                    Cancellation::TimedOut(_) => Lost::TimedOut,
                    _ => Lost::Stopped,
                };
                *self.tally.of(run) = Start::Cancelled(why);
            }
            Effect::Kill { .. } => self.tally.kills += 1,
            Effect::Answer(reply) => self.tally.refused(&told(reply).1),
            Effect::Note { id, kind, .. } => {
                let id = self.index(id);
                let Some(entry) = &self.model.entries[id] else {
                    return;
                };
                let index = entry.run;
                let run = &self.world.runs[index];
                match kind {
                    EventKind::Started { .. } => {
                        *self.tally.of(index) = Start::Started;
                        self.tally.starts.started += 1;
                        self.tally.start_duration.add(now.since(run.launched));
                    }
                    EventKind::Exited {
                        cause, decision, ..
                    } => {
                        self.tally.exited(now, index, run, cause);
                        self.tally.follows(*decision);
                    }
                    EventKind::RestartFailed { decision, .. } | EventKind::Decided(decision) => {
                        self.tally.follows(*decision);
                    }
                    EventKind::Stuck => self.tally.lost_if_cancelled(index),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// What was counted is what should have been.
    pub(super) fn check_stats(&self) {
        let (stats, tally) = (self.engine.meter().read(), &self.tally);
        assert_eq!(stats.sessions, self.engine.counts(), "counts by state");
        assert_eq!(stats.starts, tally.starts, "starts by outcome");
        assert_eq!(stats.exits, tally.exits, "exits by kind");
        assert_eq!(stats.restarts, tally.restarts, "restarts");
        assert_eq!(stats.kills, tally.kills, "kills");
        assert_eq!(stats.parks, tally.parks, "parkings");
        assert_eq!(stats.rejected, tally.rejected, "refusals");
        let (exact, micro) = (Duration::ZERO, Duration::from_micros(1));
        for (spread, counted, unit, what) in [
            (
                &tally.start_duration,
                &stats.start_duration,
                exact,
                "starts",
            ),
            (&tally.stop_duration, &stats.stop_duration, exact, "stops"),
            (&tally.restart_delay, &stats.restart_delay, exact, "delays"),
            (&tally.lifetime, &stats.lifetime, micro, "lifetimes"),
        ] {
            spread.check(counted, unit, what);
        }
        self.check_what_follows();
    }

    /// Nothing is lost between the numbers.
    fn check_what_follows(&self) {
        let stats = self.engine.meter().read();
        let open = |run: &Run, start: Start| {
            let cancelled = matches!(start, Start::Cancelled(_));
            (start == Start::UnderWay || cancelled) && !run.gone()
        };
        let of_run = |index: usize| self.tally.of_runs.get(index).copied().unwrap_or_default();
        let runs = || self.world.runs.iter().enumerate();
        let under_way = runs().filter(|(index, run)| open(run, of_run(*index)));
        let launched = u64::try_from(self.world.runs.len()).unwrap();
        let under_way = u64::try_from(under_way.count()).unwrap();
        assert_eq!(launched, stats.starts.total() + under_way, "launches");
        let alive = runs().filter(|(index, run)| of_run(*index) == Start::Started && !run.judged());
        let alive = u64::try_from(alive.count()).unwrap();
        assert_eq!(stats.starts.started, stats.exits.total() + alive, "lives");
        assert_eq!(stats.lifetime.count(), stats.exits.total());
        assert_eq!(stats.start_duration.count(), stats.starts.started);
        assert!(stats.stop_duration.count() <= stats.exits.total());
    }

    /// The engine was taken apart.
    pub(super) fn check_stats_apart(&self) {
        let stats = self.engine.meter().read();
        assert_eq!(stats.sessions, Counts::default(), "sessions of no engine");
    }
}
