//! What should be: the children in their order, moved by what is fed in and by what the engine says
//! it does.
//!
//! The model knows which children are down, marked or alive. `decisions` says what follows, and
//! `checks` what must follow at once.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use session_supervisor::engine::{
    ChildState, Exit, FirstStart, KILL_BOUND, Mark, Moment, OrderedSettings, Recall, Restart,
    Shutdown, ShutdownReport, Significance, Spec, StopCause, StopOrder, Strategy,
};

use crate::children::kept::KeptExit;
use crate::domain::SimSpec;
use crate::limits::Log;
use crate::world::Run;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Begin,
    First,
    Restart,
    Manual,
}

/// What the model knows of a launch beside the world.
#[derive(Debug)]
pub(crate) struct Launched {
    pub(crate) origin: Origin,
    /// It ran, for all to see.
    pub(crate) ran: bool,
    pub(crate) ignored: bool,
    /// It took too long, and was not stopped since.
    pub(crate) retried: bool,
    /// Its end is to be in the report.
    pub(crate) counted: Counted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    No,
    AsItEnds,
    Reason,
    NotRunning,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) role: usize,
    pub(crate) spec: SimSpec,
    pub(crate) first_start: FirstStart,
    pub(crate) has_run: bool,
    /// It is to be started, not before this.
    pub(crate) pending: Option<(Origin, Moment)>,
    pub(crate) run: Option<usize>,
    pub(crate) incarnation: u64,
    pub(crate) attempt: u32,
    pub(crate) restarts: u64,
    pub(crate) step: u32,
    pub(crate) failures: u32,
    pub(crate) last: Option<KeptExit>,
}

/// What the engine must say next.
#[derive(Debug)]
pub(crate) enum Expected {
    Restarting {
        role: usize,
        failures: u32,
        shortest: Duration,
        longest: Duration,
    },
    LimitReached(usize),
    Stops(StopCause, Option<usize>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    New,
    Beginning,
    Serving,
    Stopping,
}

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) settings: OrderedSettings,
    pub(crate) entries: Vec<Entry>,
    pub(crate) launched: Vec<Launched>,
    pub(crate) log: Log,
    pub(crate) mode: Mode,
    pub(crate) deadline: Option<Moment>,
    /// When the deadline became what it is.
    pub(crate) deadline_set: Moment,
    /// When a child was last asked to stop; before that, when the stop began.
    pub(crate) asked: Moment,
    /// Of whom it was said that what follows is decided later.
    pub(crate) undecided: BTreeSet<usize>,
    pub(crate) last_end: Moment,
    /// Who ended while the group began.
    pub(crate) early: VecDeque<(usize, Mark, Significance)>,
    pub(crate) expected: VecDeque<Expected>,
    pub(crate) report: ShutdownReport,
    /// How many the report must be about.
    pub(crate) known: usize,
    pub(crate) failed_start: Option<usize>,
    /// Of these callers, those that waited for the beginning are told of its end by a stop.
    pub(crate) cut_off: usize,
}

impl Entry {
    pub(crate) fn temporary(&self) -> bool {
        self.spec.policy().restart == Restart::Temporary
    }
}

impl Model {
    pub(crate) fn new(settings: OrderedSettings) -> Self {
        Self {
            settings,
            entries: Vec::new(),
            launched: Vec::new(),
            log: Log::default(),
            mode: Mode::New,
            deadline: None,
            deadline_set: Moment::START,
            asked: Moment::START,
            undecided: BTreeSet::new(),
            last_end: Moment::START,
            early: VecDeque::new(),
            expected: VecDeque::new(),
            report: ShutdownReport::default(),
            known: 0,
            failed_start: None,
            cut_off: 0,
        }
    }

    pub(crate) fn add(&mut self, role: usize, spec: SimSpec, first_start: FirstStart) {
        self.entries.push(Entry {
            role,
            spec,
            first_start,
            has_run: false,
            pending: None,
            run: None,
            incarnation: 0,
            attempt: 0,
            restarts: 0,
            step: 0,
            failures: 0,
            last: None,
        });
    }

    pub(crate) fn position(&self, role: usize) -> Option<usize> {
        self.entries.iter().position(|entry| entry.role == role)
    }

    pub(crate) fn get(&self, role: usize) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.role == role)
    }

    pub(crate) fn entry(&mut self, role: usize) -> &mut Entry {
        let entry = self.entries.iter_mut().find(|entry| entry.role == role);
        entry.expect("the role is known")
    }

    pub(crate) fn past_deadline(&self, now: Moment) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// When the patience with one that should be gone is over: it is given up later if others end.
    pub(crate) fn verdict(&self, since: Moment) -> Moment {
        let last = self.last_end.min(since.after(KILL_BOUND * 10));
        since.max(last).after(KILL_BOUND)
    }

    /// Whether only a caller starts it.
    pub(crate) fn waits_for_request(&self, entry: &Entry, runs: &[Run]) -> bool {
        let down = entry.pending.is_none() && entry.run.is_none_or(|run| runs[run].gone());
        let fresh = !entry.has_run || entry.temporary();
        entry.first_start == FirstStart::OnDemand && down && fresh
    }

    pub(crate) fn together(&self) -> bool {
        self.stopping() && self.settings.stop_order == StopOrder::Together
    }

    /// When the next is asked at the latest: its share of the time, each that is left having the
    /// same.
    pub(crate) fn next_request(&self, runs: &[Run]) -> Option<Moment> {
        let deadline = self.deadline.filter(|_| self.stopping())?;
        let untold = |entry: &&Entry| self.state(entry, runs) == Some(ChildState::Running);
        let asked = |entry: &&Entry| entry.spec.policy().shutdown != Shutdown::BrutalKill;
        let untold = self.entries.iter().filter(untold);
        let shares = 1 + u32::try_from(untold.filter(asked).count()).unwrap();
        Some(self.asked.after(deadline.since(self.asked) / shares))
    }

    pub(crate) fn stopping(&self) -> bool {
        self.mode == Mode::Stopping
    }

    pub(crate) fn in_order(&self) -> bool {
        self.mode == Mode::Beginning || self.settings.strategy != Strategy::OneForOne
    }

    /// Whether something of an entry is left that is not stuck.
    pub(crate) fn lives(&self, entry: &Entry, runs: &[Run]) -> bool {
        let run = entry.run.map(|run| &runs[run]);
        run.is_some_and(|run| !run.gone() && !run.stuck)
    }

    /// Whether a launch has not come to its end, for good or bad.
    pub(crate) fn launching(&self, index: usize, run: &Run) -> bool {
        let launched = &self.launched[index];
        if run.gone() || (run.judged() && !run.stuck) {
            return false;
        }
        match run.reported {
            _ if run.stuck => launched.retried,
            false => run.cancelled.is_none() || launched.retried,
            true => run.recall == Recall::TooLate && launched.retried,
        }
    }

    pub(crate) fn restarting(&self, entry: &Entry, runs: &[Run]) -> bool {
        entry.run.is_some_and(|index| {
            self.launched[index].origin == Origin::Restart && self.launching(index, &runs[index])
        })
    }

    pub(crate) fn busy(&self, runs: &[Run]) -> bool {
        match self.mode {
            Mode::New | Mode::Beginning => true,
            Mode::Stopping => false,
            Mode::Serving => {
                self.in_order()
                    && self.entries.iter().any(|entry| {
                        let moves = entry.pending.is_some() || self.restarting(entry, runs);
                        moves && self.lives(entry, runs)
                    })
            }
        }
    }

    /// Whether a set is down that others must not run beside.
    pub(crate) fn set_pending(&self, runs: &[Run]) -> bool {
        self.in_order()
            && self
                .entries
                .iter()
                .any(|entry| entry.pending.is_some() || self.restarting(entry, runs))
    }

    pub(crate) fn state(&self, entry: &Entry, runs: &[Run]) -> Option<ChildState> {
        let down = match entry.pending {
            Some((Origin::Begin, _)) => ChildState::Starting,
            Some(_) if !entry.temporary() => ChildState::Restarting,
            Some(_) | None => ChildState::NotRunning,
        };
        let Some(index) = entry.run else {
            return Some(down);
        };
        let (run, launched) = (&runs[index], &self.launched[index]);
        let restart = launched.origin == Origin::Restart;
        Some(if run.gone() {
            down
        } else if run.stuck {
            ChildState::Stuck
        } else if run.judged() {
            let temporary = entry.temporary() && entry.first_start == FirstStart::WithGroup;
            let added = launched.origin == Origin::First && !launched.ran;
            return (!temporary && !added).then_some(down);
        } else if run.reported {
            if run.stopped.is_some() || run.killed.is_some() {
                ChildState::Stopping
            } else {
                ChildState::Running
            }
        } else if run.cancelled.is_none() {
            if restart {
                ChildState::Restarting
            } else {
                ChildState::Starting
            }
        } else if (restart && launched.retried) || entry.pending.is_some() {
            ChildState::Restarting
        } else {
            ChildState::Stopping
        })
    }

    /// The stop of the group is taken. `because`: the child whose end was the reason.
    pub(crate) fn stop(&mut self, now: Moment, because: Option<usize>, runs: &[Run]) {
        if self.stopping() {
            return;
        }
        self.asked = now;
        for at in 0..self.entries.len() {
            let entry = &self.entries[at];
            let seen = self.state(entry, runs).is_some() || because == Some(entry.role);
            let culprit = because == Some(entry.role);
            self.known += usize::from(seen);
            match entry.run.filter(|&run| !runs[run].gone()) {
                None if culprit => {
                    let last = entry.last.as_ref();
                    let exit = last.map_or(Exit::NotRunning, KeptExit::exit);
                    self.tally(&exit);
                }
                None => self.tally(&Exit::NotRunning),
                Some(run) => {
                    let leaving = runs[run].judged() && !runs[run].stuck;
                    self.launched[run].counted = match (leaving, culprit, seen) {
                        (false, ..) => Counted::AsItEnds,
                        (true, true, _) => Counted::Reason,
                        (true, false, true) => Counted::NotRunning,
                        (true, false, false) => Counted::No,
                    };
                }
            }
            self.entries[at].pending = None;
        }
        for launched in &mut self.launched {
            launched.retried = false;
        }
        self.early.clear();
        self.mode = Mode::Stopping;
    }

    fn tally(&mut self, exit: &Exit) {
        match exit {
            Exit::Normal { .. } | Exit::Shutdown => self.report.stopped += 1,
            Exit::Failed { .. } => self.report.failed += 1,
            Exit::Killed => self.report.killed += 1,
            _ => self.report.not_running += 1,
        }
    }

    /// Books what became of runs of which nothing is left, and forgets the children that go with
    /// them.
    pub(crate) fn bury(&mut self, runs: &[Run]) {
        for at in (0..self.entries.len()).rev() {
            // One whose state is lost in an event is gone before the engine has seen it.
            let seen = |run: &Run| run.gone() && (run.judged() || !run.reported);
            let Some(index) = self.entries[at].run.filter(|&index| seen(&runs[index])) else {
                continue;
            };
            let run = &runs[index];
            let counted = std::mem::replace(&mut self.launched[index].counted, Counted::No);
            if counted != Counted::No {
                let in_time = run.judged() && run.recall == Recall::InTime;
                let exit = match &self.entries[at].last {
                    _ if run.stuck => Exit::Killed,
                    _ if counted == Counted::NotRunning => Exit::NotRunning,
                    Some(exit) if in_time || counted == Counted::Reason => exit.exit(),
                    _ => Exit::NotRunning,
                };
                self.tally(&exit);
                if let Some(below) = run.life.0.report.get()
                    && run.recall == Recall::InTime
                    && counted == Counted::AsItEnds
                {
                    self.report.stopped += below.stopped;
                    self.report.stuck += below.stuck;
                    self.known += below.stopped + below.stuck;
                }
            }
            let launched = &self.launched[index];
            let added = launched.origin == Origin::First && !launched.ran && !launched.ignored;
            let entry = &mut self.entries[at];
            if added || (entry.temporary() && entry.first_start == FirstStart::WithGroup) {
                self.entries.remove(at);
            } else if entry.temporary() {
                entry.pending = None;
                entry.has_run = false;
            }
        }
    }
}
