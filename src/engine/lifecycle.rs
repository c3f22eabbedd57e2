//! What happens to one child under either supervisor, from the order of a launch to its release.
//!
//! A child has one state. Each event has one method (`launching`, `stopping`, `ending`), and each
//! method matches all states. A method emits effects, sets the child's timer, and returns what the
//! engine of the supervisor must know. That engine decides what follows: queues, restarts, limits,
//! parking, sets. A test prints the table of all steps into `docs/lifecycle.md` (`transitions`).
//!
//! An event that is impossible in a state fails a debug assertion and changes nothing.

mod ending;
mod expiring;
mod launching;
mod step;
mod stopping;
mod transitions;

use std::sync::Arc;

use super::domain::{Domain, Ending, Life, Spec};
use super::event::Happening;
use super::exit::{Exit, Mark, Seen};
use super::incarnation::Launch;
use super::io::{Discard, Effect, Recall};
use super::meter::{Meter, NoStart};
use super::moment::Moment;
use super::restart::Policy;

pub(super) use ending::{End, Told, Was};
pub(super) use launching::{How, Lost};
pub(super) use step::{Step, Supervisor, Timer};
pub(super) use stopping::Due;

/// What is kept of a child, and of its present launch.
#[derive(Debug)]
pub(super) struct Lifecycle<D: Domain> {
    /// The id of a session, or the role of another child.
    pub(super) id: Arc<str>,
    pub(super) spec: D::Spec,
    /// Launches so far: the number of the present or last incarnation.
    pub(super) incarnation: u64,
    /// Launches since the last exit.
    pub(super) attempt: u32,
    /// The hash of the id, if there is an index of ids. It takes no room here.
    pub(super) hash: u32,
    current: Option<Current<D>>,
}

/// A launch of which something is left.
#[derive(Debug)]
struct Current<D: Domain> {
    launch: Launch,
    life: D::Life,
    started: Moment,
    state: State,
    /// The event of its end, if that came before the report of its start.
    early: Option<Box<Seen>>,
    join: Join,
    /// A start that succeeds after its cancellation does not count as a run.
    recall: Recall,
    stopped_by: StoppedBy,
    counted: Counted,
}

/// How far a child has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing is left of its last launch, or there was none.
    Down,
    /// The start function or `pre_start` is at work. Timer: the start timeout.
    Launching,
    /// The launch was cancelled, or has failed, and is not gone. Timer: the kill bound.
    Cancelled { since: Moment },
    /// It runs, or it has ended and we do not know yet.
    Running,
    /// It was asked to stop, and may take until then. Timer: that moment.
    Stopping { until: Option<Moment> },
    /// It was killed. Timer: the kill bound.
    Killed { since: Moment },
    /// Its exit is known, and something of it is left. If a caller or the supervisor's stop waits
    /// for the release, it should be gone at `due`. Timer: `due` and the kill bound.
    Ended { due: Option<Moment>, rest: Rest },
    /// It should be gone, and is not.
    Stuck(Left),
}

/// What is left of one that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Something that will be gone soon, as far as is known.
    Passing,
    /// It was a supervisor, and only stuck children of its own are left.
    Stuck,
}

/// What is left of one that is stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// A launch whose outcome has not been reported.
    Launch,
    /// An actor that has not ended.
    Actor,
    /// Something of an actor that has ended.
    Rest,
}

/// By which rule it is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StoppedBy {
    /// Its shutdown rule.
    Rule,
    /// The gentle form of that, since it expires or its supervisor drains.
    Gently,
}

/// As what the start of a launch counts in the totals. It counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    /// It is under way.
    NotYet,
    /// It was cancelled, and may have succeeded before. If not, this is what came of it.
    Perhaps(NoStart),
    /// It has succeeded, so its end counts too.
    Started,
    /// It has not.
    NotStarted,
}

/// Whether the actor's task is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Join {
    Pending,
    Done,
}

/// How the last incarnation ended.
#[derive(Debug)]
pub(super) struct Last {
    pub(super) actor: Option<u64>,
    pub(super) exit: Exit,
}

impl<D: Domain> Lifecycle<D> {
    /// A child that has not been launched.
    pub(super) const fn new(id: Arc<str>, spec: D::Spec) -> Self {
        Self {
            id,
            spec,
            incarnation: 0,
            attempt: 0,
            hash: 0,
            current: None,
        }
    }

    pub(super) fn state(&self) -> State {
        self.current
            .as_ref()
            .map_or(State::Down, |current| current.state)
    }

    /// Whether a launch is under way, be it one that was cancelled.
    pub(super) const fn is_launching(&self) -> bool {
        match &self.current {
            Some(current) => {
                matches!(current.state, State::Launching | State::Cancelled { .. })
            }
            None => false,
        }
    }

    /// Whether nothing is left of its last launch.
    pub(super) const fn is_down(&self) -> bool {
        self.current.is_none()
    }

    /// Whether this is its present launch.
    pub(super) fn is_of(&self, launch: Launch) -> bool {
        self.current
            .as_ref()
            .is_some_and(|current| current.launch == launch)
    }

    pub(super) fn policy(&self) -> &Policy {
        self.spec.policy()
    }

    /// The life of the present launch.
    pub(super) fn life(&self) -> Option<&D::Life> {
        self.current.as_ref().map(|current| &current.life)
    }

    /// The number of the actor of the present launch.
    pub(super) fn actor(&self) -> Option<u64> {
        self.life()?.actor()
    }

    /// When its actor was started, if that was and something of it is left.
    pub(super) fn began(&self) -> Option<Moment> {
        let current = self.current.as_ref()?;
        match current.state {
            State::Running
            | State::Stopping { .. }
            | State::Killed { .. }
            | State::Ended { .. } => Some(current.started),
            State::Stuck(Left::Actor | Left::Rest) => Some(current.started),
            State::Down
            | State::Launching
            | State::Cancelled { .. }
            | State::Stuck(Left::Launch) => None,
        }
    }

    /// The mark that the actor of the present launch has left.
    pub(super) fn mark(&self) -> Mark {
        self.life().map_or(Mark::Missing, Life::mark)
    }

    /// The text of the error with which the present launch failed, or its actor.
    pub(super) fn error_text(&self) -> Option<Arc<str>> {
        self.life()?.error_text()
    }

    /// What a caller gets to hold of it, if it runs and is not ending by itself.
    pub(super) fn running(&self) -> Option<D::Found> {
        let current = self.current.as_ref()?;
        if current.state == State::Running && current.life.ending() == Ending::No {
            return current.life.found();
        }
        None
    }

    /// Tells the shell to do something with the present launch.
    fn tell(&self, step: &mut Step<'_, D>, what: impl FnOnce(D::Life) -> Effect<D>) {
        debug_assert!(!self.is_down(), "nothing is left that could be told");
        if let Some(current) = &self.current {
            step.effect(what(current.life.clone()));
        }
    }

    fn kill_it(&self, step: &mut Step<'_, D>) {
        step.count(Meter::kills);
        self.tell(step, |life| Effect::Kill { life });
    }

    /// The present launch has come to nothing, if it has not succeeded. It counts once.
    fn count_no_start(&mut self, step: &Step<'_, D>) {
        if let Some(current) = &mut self.current
            && let Counted::Perhaps(why) = current.counted
        {
            current.counted = Counted::NotStarted;
            step.count(|meter| meter.not_started(why));
        }
    }

    /// Tells what has happened to the child.
    #[inline]
    pub(super) fn note(&self, happening: impl Into<Happening>, step: &mut Step<'_, D>) {
        let happening = happening.into();
        if step.listening.wants(&happening.kind) {
            step.effect(self.noted(happening));
        }
    }

    /// What is told of the child.
    #[inline]
    pub(super) fn noted(&self, happening: Happening) -> Effect<D> {
        let Happening {
            kind,
            error,
            repeat,
        } = happening;
        Effect::Note {
            id: Arc::clone(&self.id),
            label: self.spec.label().cloned(),
            tag: self.spec.tag(),
            incarnation: self.incarnation,
            kind,
            error,
            repeat,
        }
    }

    /// Hands out every value that may be the user's.
    pub(super) fn take_apart(self, into: &mut Vec<Discard<D>>) {
        into.push(Discard::Spec(self.spec));
        if let Some(current) = self.current {
            into.extend(current.early.map(|seen| Discard::Seen(*seen)));
            into.extend(current.life.leave().map(Discard::Checkpoint));
            into.push(Discard::Life(current.life));
        }
    }
}

impl State {
    /// Whether the exit of the present launch is known.
    pub(super) const fn has_ended(self) -> bool {
        match self {
            Self::Ended { .. } | Self::Stuck(Left::Rest) => true,
            Self::Down
            | Self::Launching
            | Self::Cancelled { .. }
            | Self::Running
            | Self::Stopping { .. }
            | Self::Killed { .. }
            | Self::Stuck(Left::Launch | Left::Actor) => false,
        }
    }

    /// Whether there is an actor, as far as is known, that has not ended.
    pub(super) const fn is_alive(self) -> bool {
        match self {
            Self::Running
            | Self::Stopping { .. }
            | Self::Killed { .. }
            | Self::Stuck(Left::Actor) => true,
            Self::Down
            | Self::Launching
            | Self::Cancelled { .. }
            | Self::Ended { .. }
            | Self::Stuck(Left::Launch | Left::Rest) => false,
        }
    }

    /// Whether it is stuck.
    pub(super) const fn is_stuck(self) -> bool {
        matches!(self, Self::Stuck(_))
    }

    /// Fails a debug assertion: the event is impossible in this state.
    #[cold]
    #[track_caller]
    fn impossible(self, what: &str) {
        debug_assert!(false, "{what}: impossible for a child that is {self:?}");
    }
}
