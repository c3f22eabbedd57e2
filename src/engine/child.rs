//! One child: what is kept of an id while it is known.
//!
//! `dynamic` decides the transitions and `table` carries out the change of phase, so that the counts
//! can never disagree with the children.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::exit::{Exit, Mark, Seen};
use super::incarnation::Launch;
use super::io::{Answer, Domain, Life, Recall, Request};
use super::limit::Window;
use super::moment::Moment;
use super::table::SessionState;

/// What is kept of an id.
#[derive(Debug)]
pub(super) struct Child<D: Domain> {
    pub(super) id: Arc<str>,
    pub(super) spec: D::Spec,
    /// Changed by `Table::set_phase` alone, which keeps the counts.
    pub(super) phase: Phase<D>,
    /// Launches of this id so far: the number of the present or last incarnation.
    pub(super) incarnation: u64,
    /// Launches since the last exit.
    pub(super) attempt: u32,
    /// What only a session that has ended before has.
    pub(super) history: Option<Box<History>>,
    /// The present launch, until nothing of it is left.
    pub(super) current: Option<Current<D>>,
    pub(super) waiting: Option<Box<Waiting<D>>>,
}

/// What is kept of earlier incarnations.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Restarts that were decided since the first start.
    pub(super) restarts: u64,
    /// Steps of the backoff since it was last reset.
    pub(super) step: u32,
    pub(super) window: Window,
    pub(super) last: Option<Last>,
    /// Set from the moment it is parked until a trial has lived long enough.
    pub(super) parking: Option<Parking>,
}

/// That a session used up its restart limit, and what was tried since.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parking {
    /// Its place among all that were ever parked.
    pub(super) order: u64,
    /// How many trials were made.
    pub(super) trials: u32,
}

/// How the last incarnation ended.
#[derive(Debug)]
pub(super) struct Last {
    pub(super) actor: Option<u64>,
    pub(super) exit: Exit,
}

/// A launch of which something is left.
#[derive(Debug)]
pub(super) struct Current<D: Domain> {
    pub(super) launch: Launch,
    pub(super) life: D::Life,
    pub(super) started: Moment,
    pub(super) exit: ExitSeen,
    pub(super) join: Join,
    /// A start that succeeds after its cancellation does not count as a run: no caller was told that it ran.
    pub(super) recall: Recall,
    pub(super) rest: Rest,
}

impl<D: Domain> Current<D> {
    pub(super) const fn new(now: Moment, launch: Launch, life: D::Life) -> Self {
        Self {
            launch,
            life,
            started: now,
            exit: ExitSeen::Unreported,
            join: Join::Pending,
            recall: Recall::InTime,
            rest: Rest::Passing,
        }
    }

    /// The launch has succeeded: the event of its end, if that came before. `None` if this was reported
    /// already.
    pub(super) fn report_start(&mut self, now: Moment, recall: Recall) -> Option<Option<Seen>> {
        let early = match std::mem::replace(&mut self.exit, ExitSeen::No) {
            ExitSeen::Unreported => None,
            ExitSeen::Early(seen) => Some(*seen),
            known @ (ExitSeen::No | ExitSeen::Judged) => {
                self.exit = known;
                return None;
            }
        };
        self.started = now;
        self.recall = recall;
        Some(early)
    }

    /// Whether it has ended and no patience is left with what there still is of it: it was killed, so the
    /// rest is a drop, or only stuck children are left.
    pub(super) fn is_overdue(&self) -> bool {
        let killed = matches!(self.exit, ExitSeen::Judged) && self.life.mark() == Mark::Missing;
        killed || self.rest == Rest::Stuck
    }

    /// Whether it is a supervisor that has ended and will say what became of its own children.
    pub(super) fn is_outliving(&self) -> bool {
        self.rest == Rest::Passing && self.life.is_outlived()
    }
}

/// What is left of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Something that will be gone soon, as far as is known.
    Passing,
    /// It was a supervisor, and only stuck ones among its children are left.
    Stuck,
}

/// How far the end of the present incarnation is known.
#[derive(Debug)]
pub(super) enum ExitSeen {
    /// Not at all, and the start has not been reported either.
    Unreported,
    /// Not at all.
    No,
    /// The event came before the report of the start.
    Early(Box<Seen>),
    /// It has been judged.
    Judged,
}

/// Whether the actor's task is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    Pending,
    Done,
}

/// Who waits for this id.
#[derive(Debug)]
pub(super) struct Waiting<D: Domain> {
    /// Starts and restarts whose turn has not come.
    pub(super) queue: VecDeque<Request<D>>,
    /// Callers that share what becomes of the launch that is under way, or in line for one.
    pub(super) joined: Vec<D::Ticket>,
    /// Stops that wait for the end.
    pub(super) stops: Vec<D::Ticket>,
}

impl<D: Domain> Waiting<D> {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.joined.is_empty() && self.stops.is_empty()
    }
}

impl<D: Domain> Default for Waiting<D> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            joined: Vec::new(),
            stops: Vec::new(),
        }
    }
}

/// Why a launch was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A caller started the id.
    First,
    /// It ended and its rule brings it back.
    Restart,
    /// A caller restarts it by hand.
    Manual,
    /// A caller resumes it from being parked.
    Resume,
    /// It is parked and tried again.
    Trial,
}

impl Origin {
    /// Whether a caller asked for it.
    pub(super) const fn is_asked(self) -> bool {
        match self {
            Self::First | Self::Manual | Self::Resume => true,
            Self::Restart | Self::Trial => false,
        }
    }
}

/// What callers are told who wait for a launch that is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    TimedOut(Duration),
    Stopped,
    Down,
}

impl Told {
    pub(super) const fn answer<D: Domain>(self) -> Answer<D> {
        match self {
            Self::TimedOut(after) => Answer::TimedOut(after),
            Self::Stopped => Answer::Stopped,
            Self::Down => Answer::Down,
        }
    }
}

/// What follows when nothing of the present launch is left.
#[derive(Debug)]
pub(super) enum Then<D: Domain> {
    /// It is forgotten.
    Remove,
    /// It is launched anew, by hand.
    Relaunch(D::Ticket),
    /// It is launched again by the rule of failed attempts.
    Retry,
    /// It is parked again.
    Park,
}

/// Whether others can see the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    As(SessionState),
    Hidden,
}

/// Whether the supervisor's report counts a child that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tally {
    /// It was known when the stop was taken.
    Count,
    /// It had ended before.
    Skip,
}

/// Whether a session that is being stopped has been killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Force {
    /// Asked; when it will be killed.
    Asked(Option<Moment>),
    /// Killed; since when.
    Killed(Moment),
}

/// Where a child stands.
#[derive(Debug)]
pub(super) enum Phase<D: Domain> {
    /// It will be launched when others have been (D23). `place`: see `dynamic::line`.
    InLine {
        origin: Origin,
        ticket: Option<D::Ticket>,
        place: u64,
    },
    /// A launch task is at work. Timer: the start timeout.
    Launching(Origin),
    /// The launch was cancelled and is not gone yet. Timer: the kill bound.
    Cancelling {
        then: Then<D>,
        shown: SessionState,
        since: Moment,
    },
    /// It runs, or it has ended and we do not know yet.
    Running,
    /// It was told to end. Timer: the grace, then the kill bound. `batch`: see `dynamic::stopping`.
    Stopping {
        then: Then<D>,
        force: Force,
        batch: u64,
    },
    /// It waits for its pause, for the release of the last incarnation, or for both. Timer: the
    /// pause. `manual`: who restarts it by hand, if somebody does.
    Restarting {
        due: Moment,
        manual: Option<D::Ticket>,
    },
    /// It has ended and will be forgotten at the release. `force`: from when on it should be gone, if
    /// somebody waits; the timer is that and the kill bound.
    Leaving {
        exit: Exit,
        force: Option<Moment>,
        tally: Tally,
    },
    /// It used up its restart limit. Timer: when it is tried again.
    Parked { retry: Option<Moment> },
    /// It survived its kill.
    Stuck { then: Then<D> },
}

impl<D: Domain> Phase<D> {
    /// What others see of it.
    pub(super) const fn shown(&self) -> Shown {
        match self {
            Self::Launching(origin) | Self::InLine { origin, .. } => Shown::As(match origin {
                Origin::First => SessionState::Starting,
                _ => SessionState::Restarting,
            }),
            Self::Restarting { .. } => Shown::As(SessionState::Restarting),
            Self::Cancelling { shown, .. } => Shown::As(*shown),
            Self::Running => Shown::As(SessionState::Running),
            Self::Stopping { .. } => Shown::As(SessionState::Stopping),
            Self::Leaving { .. } => Shown::Hidden,
            Self::Parked { .. } => Shown::As(SessionState::Parked),
            Self::Stuck { .. } => Shown::As(SessionState::Stuck),
        }
    }
}

impl<D: Domain> Phase<D> {
    /// Whether a launch is under way, as far as others must wait for it (D23).
    pub(super) const fn is_launching(&self) -> bool {
        matches!(self, Self::Launching(_) | Self::Cancelling { .. })
    }
}

impl<D: Domain> Child<D> {
    pub(super) fn waiting(&mut self) -> &mut Waiting<D> {
        self.waiting.get_or_insert_default()
    }

    pub(super) fn history(&mut self) -> &mut History {
        self.history.get_or_insert_default()
    }

    /// How the last incarnation ended.
    pub(super) fn last_exit(&self) -> Option<&Exit> {
        let last = self.history.as_ref()?.last.as_ref()?;
        Some(&last.exit)
    }

    /// A caller resumes it: its limit, its pauses and its trials begin anew.
    pub(super) fn begin_anew(&mut self) {
        if let Some(history) = &mut self.history {
            history.window.clear();
            history.step = 0;
            history.parking = None;
        }
    }

    pub(super) fn queue_is_empty(&self) -> bool {
        self.waiting
            .as_ref()
            .is_none_or(|waiting| waiting.queue.is_empty())
    }

    /// The backoff begins anew.
    pub(super) fn reset_backoff(&mut self) {
        if let Some(history) = &mut self.history {
            history.step = 0;
        }
    }
}
