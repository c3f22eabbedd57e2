//! What should be: one entry per known id, moved by what is fed in and by what the engine says it
//! does, and the verdicts that the engine must reach.
//!
//! The model knows what a state allows, not when the engine must act on it; `checks` does that.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use session_supervisor::engine::{
    EndReason, Exit, KILL_BOUND, Limit, Mark, Moment, OnRestartLimit, OwnLimit, Recall, Restart,
    SessionState, Settings, ShutdownReport, Spec, StopCause,
};

use crate::domain::SimSpec;
use crate::limits::{Log, pause};
use crate::sessions::drained::Drain;
use crate::world::Run;

pub(crate) const IDS: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    First,
    Restart,
    Manual,
    Resume,
    Trial,
}

/// That a session is parked, or on trial.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parking {
    /// Its place among all that were ever parked.
    pub(crate) order: u64,
    pub(crate) trials: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Stopped,
    Failed,
    Killed,
    NotRunning,
}

#[derive(Debug)]
pub(crate) struct Entry {
    /// Its number in the order of first starts.
    pub(crate) life: u64,
    pub(crate) spec: SimSpec,
    /// What others see; none: it only waits for its release.
    pub(crate) shown: Option<SessionState>,
    pub(crate) origin: Origin,
    pub(crate) run: usize,
    pub(crate) incarnation: u64,
    pub(crate) attempt: u32,
    pub(crate) restarts: u64,
    pub(crate) step: u32,
    pub(crate) log: Log,
    pub(crate) due: Moment,
    /// It was stopped: it will be forgotten, whatever comes.
    pub(crate) doomed: bool,
    /// When that was, if it was a caller.
    pub(crate) stopped: Option<Moment>,
    /// It is restarted by hand.
    pub(crate) relaunch: bool,
    pub(crate) parking: Option<Parking>,
    /// When it is tried again, while it is parked.
    pub(crate) retry: Option<Moment>,
    /// There was no place for it then, so it is not known when it is tried again.
    pub(crate) missed: bool,
    /// It had left its place, and took one again since it is stuck.
    pub(crate) came_back: bool,
    pub(crate) exit: Option<Outcome>,
    pub(crate) outcome: Outcome,
    /// Why it is over, once that is decided.
    pub(crate) why: Option<EndReason>,
}

impl Entry {
    pub(crate) fn parks(&self) -> bool {
        self.shown == Some(SessionState::Parked)
    }
}

/// A note that the engine must make next.
#[derive(Debug)]
pub(crate) enum Expected {
    Restarting {
        restarts: u64,
        shortest: Duration,
        longest: Duration,
    },
    LimitReached,
    TotalLimitReached,
    /// For having used up its limit, or for a trial that failed.
    Parked {
        used_up: bool,
    },
    Discarded(usize),
    Escalated(usize),
}

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) settings: Settings,
    pub(crate) entries: [Option<Entry>; IDS],
    pub(crate) total: Log,
    /// When sessions were new.
    pub(crate) starts: Vec<Moment>,
    pub(crate) serving: bool,
    /// Why it does not serve any more.
    pub(crate) cause: Option<StopCause>,
    /// Why the last session of each id was over.
    pub(crate) over: [Option<EndReason>; IDS],
    /// When the deadline of the stop is, at the earliest and at the latest: it moves for sessions
    /// that were granted time.
    pub(crate) deadline: Option<Moment>,
    pub(crate) must: Option<Moment>,
    /// What a drain has to do, once there is one.
    pub(crate) drain: Option<Drain>,
    pub(crate) last_end: Moment,
    pub(crate) lives: u64,
    pub(crate) parkings: u64,
    pub(crate) expected: VecDeque<Expected>,
    /// The lives that the report is about.
    pub(crate) counted: BTreeSet<u64>,
    pub(crate) report: ShutdownReport,
    /// How many of those in the report belong to supervisors below.
    pub(crate) below: usize,
}

impl Model {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            entries: [const { None }; IDS],
            total: Log::default(),
            starts: Vec::new(),
            serving: true,
            cause: None,
            over: [None; IDS],
            deadline: None,
            must: None,
            drain: None,
            last_end: Moment::START,
            lives: 0,
            parkings: 0,
            expected: VecDeque::new(),
            counted: BTreeSet::new(),
            report: ShutdownReport::default(),
            below: 0,
        }
    }

    pub(crate) fn entry(&mut self, id: usize) -> &mut Entry {
        self.entries[id].as_mut().expect("the id is known")
    }

    /// Whether the deadline of the supervisor's stop may have come.
    pub(crate) fn past_deadline(&self, now: Moment) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Whether it must have come.
    pub(crate) fn is_cut(&self, now: Moment) -> bool {
        self.must.is_some_and(|deadline| deadline <= now)
    }

    /// When the patience with one that should be gone is over: it is given up later if others end.
    pub(crate) fn verdict(&self, since: Moment) -> Moment {
        let last = self.last_end.min(since.after(KILL_BOUND * 10));
        since.max(last).after(KILL_BOUND)
    }

    pub(crate) fn shown(&self, id: usize) -> Option<SessionState> {
        self.entries[id].as_ref()?.shown
    }

    /// How many ids other than `but` take a place.
    pub(crate) fn places(&self, but: usize) -> usize {
        (0..IDS)
            .filter(|&id| id != but)
            .filter_map(|id| self.shown(id))
            .filter(|state| *state != SessionState::Parked)
            .count()
    }

    pub(crate) fn show(&mut self, id: usize, state: SessionState) {
        let entry = self.entry(id);
        entry.shown = Some(state);
        let life = entry.life;
        if !self.serving {
            self.counted.insert(life);
        }
    }

    pub(crate) fn forget(&mut self, id: usize, outcome: Outcome, why: EndReason) {
        let entry = self.entry(id);
        entry.why.get_or_insert(why);
        entry.shown = None;
        entry.doomed = true;
        entry.outcome = outcome;
    }

    /// The stop of the supervisor is taken. A drain becomes one.
    pub(crate) fn stop(&mut self, cause: StopCause) {
        self.cause.get_or_insert(cause);
        if let Some(drain) = &mut self.drain {
            drain.gently = false;
        }
        if self.serving {
            self.serving = false;
            let visible = self.entries.iter().flatten().filter(|e| e.shown.is_some());
            self.counted = visible.map(|entry| entry.life).collect();
        }
    }

    /// Drops the entries of which nothing is left, and books what became of them.
    pub(crate) fn bury(&mut self, now: Moment, runs: &[Run]) {
        for (id, slot) in self.entries.iter_mut().enumerate() {
            if let Some(entry) = slot
                && entry.shown.is_none()
                && runs[entry.run].gone()
            {
                if self.counted.contains(&entry.life) {
                    if entry.outcome != Outcome::NotRunning
                        && let Some(below) = runs[entry.run].life.0.report.get()
                    {
                        self.report.stopped += below.stopped;
                        self.report.stuck += below.stuck;
                        self.below += below.stopped + below.stuck;
                    }
                    match entry.outcome {
                        Outcome::Stopped => self.report.stopped += 1,
                        Outcome::Failed => self.report.failed += 1,
                        Outcome::Killed => self.report.killed += 1,
                        Outcome::NotRunning => self.report.not_running += 1,
                    }
                }
                if let Some(drain) = &mut self.drain {
                    drain.ended(now, id, entry);
                }
                self.over[id] = entry.why;
                *slot = None;
            }
        }
    }

    /// An exit was judged.
    pub(crate) fn exited(&mut self, now: Moment, id: usize, run: &Run, exit: &Exit) {
        self.last_end = now;
        self.drain_waits(now, id);
        let healthy = self.healthy(id);
        let serving = self.serving;
        let entry = self.entry(id);
        let outcome = match exit {
            Exit::Normal { .. } | Exit::Shutdown => Outcome::Stopped,
            Exit::Failed { .. } => Outcome::Failed,
            _ => Outcome::Killed,
        };
        // A start that succeeds after its cancellation does not count as a run.
        let outcome = if run.recall == Recall::TooLate {
            Outcome::NotRunning
        } else {
            entry.exit = Some(outcome);
            outcome
        };
        if run.stuck {
            return;
        }
        if entry.doomed || !serving {
            let asked = run.stopped.is_some() || run.killed.is_some();
            let comes_back = match entry.spec.policy().restart {
                Restart::Permanent => true,
                Restart::Transient => run.life.0.mark.get() != Mark::Orderly,
                Restart::Temporary => false,
            };
            let why = self.ends_itself(!asked && !comes_back);
            self.forget(id, outcome, why);
            return;
        }
        if run.recall == Recall::TooLate {
            self.launch_failed(now, id, outcome);
            return;
        }
        entry.attempt = 0;
        let healthy = now.since(run.started) >= healthy;
        if healthy {
            entry.step = 0;
        }
        // It has passed its trial.
        if healthy && !entry.relaunch && entry.parking.take().is_some() {
            entry.log = Log::default();
        }
        let policy = entry.spec.policy();
        let comes_back = match policy.restart {
            _ if entry.relaunch => {
                entry.due = now;
                entry.shown = Some(SessionState::Restarting);
                return;
            }
            Restart::Permanent => true,
            Restart::Transient => run.life.0.mark.get() != Mark::Orderly,
            Restart::Temporary => false,
        };
        if comes_back {
            self.decide(now, id, Duration::ZERO, Duration::ZERO);
        } else {
            self.forget(id, outcome, EndReason::Itself);
        }
    }

    /// A launch came to nothing: by an error, a timeout, or a success that came too late.
    pub(crate) fn launch_failed(&mut self, now: Moment, id: usize, outcome: Outcome) {
        let serving = self.serving;
        let entry = self.entry(id);
        let temporary = entry.spec.policy().restart == Restart::Temporary;
        match entry.origin {
            Origin::First => self.forget(id, outcome, EndReason::NotStarted),
            Origin::Manual if temporary => self.forget(id, outcome, EndReason::NotStarted),
            _ if entry.doomed || !serving => {
                let why = self.ends_itself(false);
                self.forget(id, outcome, why);
            }
            Origin::Resume | Origin::Trial => {
                self.expected.push_back(Expected::Parked { used_up: false });
            }
            Origin::Manual | Origin::Restart => {
                let pause = pause(entry.attempt);
                self.decide(now, id, pause, pause);
            }
        }
    }

    pub(crate) fn stuck_ended(&mut self, now: Moment, id: usize, run: &Run) {
        let serving = self.serving;
        let entry = self.entry(id);
        if run.cancelled.is_some() {
            self.launch_failed(now, id, Outcome::Killed);
        } else if entry.doomed || !serving {
            let why = self.ends_itself(false);
            self.forget(id, Outcome::Killed, why);
        } else if entry.spec.policy().restart == Restart::Temporary {
            self.forget(id, Outcome::Killed, EndReason::Requested);
        } else {
            entry.attempt = 0;
            self.decide(now, id, Duration::ZERO, pause(1));
        }
    }

    /// How many restarts count against the id's own limit now; none: it has no limit.
    pub(crate) fn counted_restarts(&self, now: Moment, id: usize) -> Option<u32> {
        let limit = self.own_limit(id)?;
        let log = &self.entries[id].as_ref()?.log;
        Some(log.within(now, limit))
    }

    /// A restart is due to be decided: says what the engine must say.
    fn decide(&mut self, now: Moment, id: usize, least: Duration, most: Duration) {
        if self.entry(id).parking.is_some() {
            self.expected.push_back(Expected::Parked { used_up: false });
            return;
        }
        let own = self.own_limit(id);
        let settings = self.settings;
        let log = &self.entry(id).log;
        if let Some(own) = own.filter(|limit| !log.allows(now, *limit)) {
            let limit = EndReason::Limit(own);
            match settings.on_limit {
                OnRestartLimit::Park if settings.max_parked > 0 => {
                    self.expected.push_back(Expected::Parked { used_up: true });
                }
                OnRestartLimit::Park | OnRestartLimit::Remove => {
                    self.expected.push_back(Expected::LimitReached);
                    let outcome = self.entry(id).exit.unwrap_or(Outcome::NotRunning);
                    self.forget(id, outcome, limit);
                }
                OnRestartLimit::Escalate => {
                    self.entry(id).why = Some(limit);
                    self.expected.push_back(Expected::LimitReached);
                    self.expected.push_back(Expected::Escalated(id));
                }
                other => unreachable!("{other:?} has no rule here"),
            }
            return;
        }
        let total = settings.total_limit;
        if let Some(limit) = total.filter(|limit| !self.total.allows(now, *limit)) {
            self.entry(id).why = Some(EndReason::TotalLimit(limit));
            self.expected.push_back(Expected::TotalLimitReached);
            self.expected.push_back(Expected::Escalated(id));
            return;
        }
        self.total.0.push(now);
        let entry = self.entry(id);
        entry.log.0.push(now);
        entry.restarts += 1;
        let (shortest, longest) = entry.spec.0.1.bounds(entry.step);
        entry.step += 1;
        let expected = Expected::Restarting {
            restarts: entry.restarts,
            shortest: shortest.max(least),
            longest: longest.max(most),
        };
        self.expected.push_back(expected);
    }

    /// The engine has parked an id; says what must follow.
    pub(crate) fn park(&mut self, now: Moment, id: usize, retry: Option<Duration>) {
        self.parkings += 1;
        let (order, settings) = (self.parkings, self.settings);
        let entry = self.entry(id);
        let parking = entry.parking.get_or_insert(Parking { order, trials: 0 });
        match (settings.park_trial, retry) {
            (None, None) => {}
            (Some((first, max)), Some(retry)) => {
                let mut full = first;
                for _ in 0..parking.trials {
                    full = (full * 2).min(max);
                }
                assert!((full / 2..=full).contains(&retry), "a trial in {retry:?}");
            }
            other => panic!("trials are {other:?}"),
        }
        entry.retry = retry.map(|retry| now.after(retry));
        entry.missed = false;
        entry.shown = Some(SessionState::Parked);
        entry.outcome = Outcome::NotRunning;
        let parked = self.entries.iter().flatten();
        let parked = parked.filter(|entry| entry.shown == Some(SessionState::Parked));
        let mut orders: Vec<_> = parked
            .filter_map(|entry| entry.parking.map(|parking| parking.order))
            .collect();
        orders.sort_unstable();
        if orders.len() > settings.max_parked {
            let longest = (0..IDS).find(|&id| {
                let parking = self.entries[id].as_ref().and_then(|entry| entry.parking);
                parking.is_some_and(|parking| parking.order == orders[0])
            });
            let longest = longest.expect("one is parked longest");
            self.expected.push_back(Expected::Discarded(longest));
        }
    }

    /// A trial that is due while all places are taken waits for another pause.
    pub(crate) fn miss_trials(&mut self, now: Moment) {
        let full = self.places(IDS) >= self.settings.max_sessions;
        for id in 0..IDS {
            let group = self.entries[id]
                .as_ref()
                .and_then(|entry| entry.spec.group());
            let full = full || self.group_is_full(group, id);
            if let Some(entry) = &mut self.entries[id] {
                entry.missed |= full && entry.retry.is_some_and(|retry| retry <= now);
            }
        }
    }

    fn own_limit(&self, id: usize) -> Option<Limit> {
        match self.entries[id].as_ref()?.spec.policy().limit {
            OwnLimit::Inherited => self.settings.session_limit,
            OwnLimit::Own(limit) => Some(limit),
            OwnLimit::Unlimited => None,
        }
    }

    /// After a life of this length the backoff begins anew (D10).
    fn healthy(&self, id: usize) -> Duration {
        self.own_limit(id)
            .or(self.settings.total_limit)
            .map_or(Duration::from_secs(5), Limit::window)
    }
}
