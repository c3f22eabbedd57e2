//! One session: what is kept of an id while it is known.
//!
//! Where it stands is in its `lifecycle`; what is to become of it is decided in `dynamic`. Both
//! change through `table` alone, so that the counts can never disagree with the sessions.

use super::counts::{SessionState, Shown};
use super::dossier::Exits;
use super::end::Over;
use super::exit::Exit;
use super::io::{Checkpoint, Discard, Domain, LaunchCaller, RestartAnswer, Spec};
use super::leases::Leases;
use super::lifecycle::{Last, Lifecycle};
use super::limit::Window;
use super::moment::Moment;
use super::sums::Sums;
use super::waiting::Waiting;

/// What is kept of an id.
#[derive(Debug)]
pub(super) struct Child<D: Domain> {
    /// What has happened to it.
    pub(super) life: Lifecycle<D>,
    /// What is to become of it. The counts follow from this and its state, so both are changed
    /// through `Table::change` alone.
    pub(super) plan: Plan<D>,
    /// What only a session has that has ended before, or that uses more than a start.
    pub(super) history: Option<Box<History<D>>>,
    pub(super) waiting: Option<Box<Waiting<D>>>,
}

/// What only a session has that uses it.
#[derive(Debug)]
pub(super) struct Extra<D: Domain> {
    pub(super) leases: Leases,
    /// What the last launch has left to the next one. While a launch is under way or runs, its life
    /// has it.
    checkpoint: Option<Checkpoint<D>>,
}

impl<D: Domain> Default for Extra<D> {
    fn default() -> Self {
        Self {
            leases: Leases::default(),
            checkpoint: None,
        }
    }
}

/// What is kept of earlier incarnations.
#[derive(Debug)]
pub(super) struct History<D: Domain> {
    /// Restarts that were decided since the first start.
    pub(super) restarts: u64,
    /// Steps of the backoff since it was last reset.
    pub(super) step: u32,
    pub(super) window: Window,
    pub(super) last: Option<Last>,
    /// Its first incarnation, when that has ended. Until then it is the present one.
    pub(super) first: Option<First>,
    /// Set from the moment it is parked until a trial has lived long enough.
    pub(super) parking: Option<Parking>,
    /// Its last exits, after which it stayed.
    pub(super) exits: Option<Exits>,
    pub(super) extra: Option<Box<Extra<D>>>,
}

/// The first incarnation of a session.
#[derive(Clone, Copy, Debug)]
pub(super) struct First {
    /// The number of its actor.
    pub(super) actor: u64,
    pub(super) started: Moment,
}

impl<D: Domain> Default for History<D> {
    fn default() -> Self {
        Self {
            restarts: 0,
            step: 0,
            window: Window::default(),
            last: None,
            first: None,
            parking: None,
            exits: None,
            extra: None,
        }
    }
}

impl<D: Domain> History<D> {
    /// What may be the user's. Each is handed to `discard`.
    pub(super) fn into_values(self: Box<Self>, mut discard: impl FnMut(Discard<D>)) {
        let Self { last, extra, .. } = *self;
        if let Some(last) = last {
            discard(Discard::Exit(last.exit));
        }
        if let Some(checkpoint) = extra.and_then(|extra| extra.checkpoint) {
            discard(Discard::Checkpoint(checkpoint));
        }
    }
}

/// That a session used up its restart limit, and what was tried since.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parking {
    /// Its place among all that were ever parked.
    pub(super) order: u64,
    /// How many trials were made.
    pub(super) trials: u32,
}

impl Parking {
    /// Of one that is not among the parked yet.
    pub(super) const NEW: Self = Self {
        order: 0,
        trials: 0,
    };
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
    /// What others see of a child that is launched for that.
    pub(super) const fn shown(self) -> SessionState {
        match self {
            Self::First => SessionState::Starting,
            Self::Restart | Self::Manual | Self::Resume | Self::Trial => SessionState::Restarting,
        }
    }

    /// Whether a caller asked for it.
    pub(super) const fn is_asked(self) -> bool {
        match self {
            Self::First | Self::Manual | Self::Resume => true,
            Self::Restart | Self::Trial => false,
        }
    }
}

/// What follows when nothing of the present launch is left.
#[derive(Debug)]
pub(super) enum Then<D: Domain> {
    /// It is forgotten.
    Remove(Over),
    /// It is launched anew, by hand.
    Relaunch(D::Ticket<RestartAnswer<D>>),
    /// It is launched again by the rule of failed attempts.
    Retry,
    /// It is parked again.
    Park,
}

impl<D: Domain> Then<D> {
    /// Nothing follows any more, for this reason unless there was one already. Answers what would
    /// have followed.
    pub(super) fn give_up(&mut self, why: Over) -> Self {
        let first = match self {
            Self::Remove(first) => *first,
            Self::Relaunch(_) | Self::Retry | Self::Park => why,
        };
        std::mem::replace(self, Self::Remove(first))
    }
}

/// Whether the supervisor's report counts a child that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tally {
    /// It was known when the stop was taken.
    Count,
    /// It had ended before.
    Skip,
}

/// What is to become of a child. Where it stands now is in its lifecycle.
#[derive(Debug)]
pub(super) enum Plan<D: Domain> {
    /// It will be launched when others have been (D23). `place`: see `dynamic::line`.
    InLine {
        origin: Origin,
        caller: Option<LaunchCaller<D>>,
        place: u64,
    },
    /// It is being launched, to run.
    Launch(Origin),
    /// It runs.
    Run,
    /// What follows when nothing of the present launch is left, and what others see until then.
    /// `since`: from when on it is so. `batch`: see `dynamic::stopping`.
    After {
        then: Then<D>,
        shown: SessionState,
        since: Moment,
        batch: u32,
    },
    /// It waits for its pause, for the release of the last incarnation, or for both. Timer: the
    /// pause. `manual`: who restarts it by hand, if somebody does.
    Restart {
        due: Moment,
        manual: Option<D::Ticket<RestartAnswer<D>>>,
    },
    /// It used up its restart limit. Timer: when it is tried again.
    Park { retry: Option<Moment> },
    /// It has ended, and will be forgotten at the release.
    Forget { exit: Exit, tally: Tally, why: Over },
}

impl<D: Domain> Plan<D> {
    /// What others see of it.
    const fn shown(&self) -> Shown {
        match self {
            Self::Launch(origin) | Self::InLine { origin, .. } => Shown::As(origin.shown()),
            Self::Run => Shown::As(SessionState::Running),
            Self::After { shown, .. } => Shown::As(*shown),
            Self::Restart { .. } => Shown::As(SessionState::Restarting),
            Self::Park { .. } => Shown::As(SessionState::Parked),
            Self::Forget { .. } => Shown::Hidden,
        }
    }
}

impl<D: Domain> Child<D> {
    /// What others see of it.
    pub(super) const fn shown(&self) -> Shown {
        self.plan.shown()
    }

    /// Whether a launch is under way, as far as others must wait for it (D23).
    pub(super) const fn is_launching(&self) -> bool {
        self.life.is_launching()
    }

    /// Changes what is to become of it. Returns the plan before.
    pub(super) fn set_plan(&mut self, plan: Plan<D>) -> Plan<D> {
        if let Plan::Restart { .. } | Plan::Park { .. } = plan {
            self.life.will_restart();
        }
        std::mem::replace(&mut self.plan, plan)
    }

    /// Plans what follows when nothing of the present launch is left.
    pub(super) fn plan_after(
        &mut self,
        now: Moment,
        then: Then<D>,
        shown: SessionState,
        batch: u32,
    ) -> Plan<D> {
        let since = self.ends_since().unwrap_or(now);
        self.set_plan(Plan::After {
            then,
            shown,
            since,
            batch,
        })
    }

    /// Since when its present launch is to end.
    pub(super) const fn ends_since(&self) -> Option<Moment> {
        match self.plan {
            Plan::After { since, .. } => Some(since),
            _ => None,
        }
    }

    /// Why its present launch is made, until it has succeeded or failed.
    pub(super) fn origin(&self) -> Origin {
        match self.plan {
            Plan::Launch(origin) | Plan::InLine { origin, .. } => origin,
            _ => {
                debug_assert!(false, "no launch is under way");
                Origin::First
            }
        }
    }

    /// Takes the batch of its stop; it has none else.
    pub(super) const fn take_batch(&mut self) -> u32 {
        match &mut self.plan {
            Plan::After { batch, .. } => std::mem::replace(batch, 0),
            _ => 0,
        }
    }

    /// Takes what follows when nothing of the present launch is left. Without a plan it is
    /// forgotten.
    pub(super) fn take_then(&mut self) -> Then<D> {
        match &mut self.plan {
            Plan::After { then, .. } => then.give_up(Over::NotStarted),
            Plan::Forget { why, .. } => Then::Remove(*why),
            _ => Then::Remove(Over::NotStarted),
        }
    }

    pub(super) fn waiting(&mut self) -> &mut Waiting<D> {
        self.waiting.get_or_insert_default()
    }

    pub(super) fn extra(&self) -> Option<&Extra<D>> {
        self.history.as_ref()?.extra.as_deref()
    }

    pub(super) fn exits_mut(&mut self) -> Option<&mut Exits> {
        self.history.as_mut()?.exits.as_mut()
    }

    /// What the log has summed up of its children, if it is a tree and has ended before.
    pub(super) fn sums(&mut self) -> Option<Sums> {
        if !self.life.spec.has_children() {
            return None;
        }
        let exits = self.history.as_mut()?.exits.as_mut()?;
        Some(exits.sums.get_or_insert_default().clone())
    }

    pub(super) fn extra_mut(&mut self) -> &mut Extra<D> {
        self.history().extra.get_or_insert_default()
    }

    /// Keeps what its last launch has left for the next one.
    pub(super) fn keep(&mut self, checkpoint: Checkpoint<D>) {
        let kept = &mut self.extra_mut().checkpoint;
        debug_assert!(kept.is_none(), "two launches have left something");
        *kept = Some(checkpoint);
    }

    /// What its last launch has left, for the next one.
    pub(super) fn take_checkpoint(&mut self) -> Option<Checkpoint<D>> {
        let extra = self.history.as_mut()?.extra.as_mut()?;
        extra.checkpoint.take()
    }

    pub(super) fn history(&mut self) -> &mut History<D> {
        self.history.get_or_insert_default()
    }

    /// How the last incarnation ended.
    pub(super) fn last_exit(&self) -> Option<&Exit> {
        let last = self.history.as_ref()?.last.as_ref()?;
        Some(&last.exit)
    }

    /// Its first incarnation, if that was started.
    pub(super) fn first(&self) -> Option<First> {
        let first = self.history.as_ref().and_then(|history| history.first);
        first.or_else(|| {
            Some(First {
                actor: self.life.actor()?,
                started: self.life.began()?,
            })
        })
    }

    /// Whether it is the session of which this actor is or was an incarnation. One that bears its
    /// id and came earlier was another session's, since numbers of actors only grow.
    pub(super) fn has_had(&self, actor: u64) -> bool {
        self.first().is_some_and(|first| first.actor <= actor)
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
