//! Ends: from the event, or from what the child tells itself, to the release.
//!
//! An incarnation has ended when its exit is known and nothing of it is left. The exit is judged at
//! its first report: the supervision event, the child's own report, or else the release. What was
//! asked and the mark decide what it was; ractor's reasons do not.

use super::{Counted, Join, Last, Left, Lifecycle, Rest, State, Step, Timer};
use crate::engine::event::ExitCause;
use crate::engine::exit::{Asked, Exit, Mark, Seen, judge};
use crate::engine::io::{Discard, Domain, Failure, Life, Recall};
use crate::engine::moment::Moment;
use crate::engine::report::ShutdownReport;
use crate::engine::shutdown::KILL_BOUND;
use std::time::Duration;

/// What the event of an end is to a child.
#[derive(Debug, Default)]
pub(in crate::engine) enum Told {
    /// It waits for the report of the start.
    #[default]
    Early,
    /// It ends with it.
    Ends(Seen),
    /// Its exit is known.
    Late(Seen),
}

/// An end that has just been judged.
#[derive(Debug)]
pub(in crate::engine) struct End {
    /// What it was doing.
    pub(in crate::engine) was: Was,
    pub(in crate::engine) exit: Exit,
    /// The same, without the user's error.
    pub(in crate::engine) cause: ExitCause,
    pub(in crate::engine) asked: Asked,
    pub(in crate::engine) recall: Recall,
    /// How long it lived.
    pub(in crate::engine) lived: Duration,
}

/// What a child was doing that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Was {
    Running,
    /// It had been asked to stop, or killed.
    Stopping,
    Stuck,
}

impl<D: Domain> Lifecycle<D> {
    /// The event of the end of its actor was read.
    pub(in crate::engine) fn seen(&mut self, seen: Seen, step: &mut Step<'_, D>) -> Told {
        let state = self.state();
        match state {
            State::Launching | State::Cancelled { .. } | State::Stuck(Left::Launch) => {
                match &mut self.current {
                    Some(current) if current.early.is_none() => {
                        current.early = Some(Box::new(seen));
                    }
                    _ => step.discard(Discard::Seen(seen)),
                }
                Told::Early
            }
            State::Running
            | State::Stopping { .. }
            | State::Killed { .. }
            | State::Stuck(Left::Actor) => Told::Ends(seen),
            State::Ended { .. } | State::Stuck(Left::Rest) => Told::Late(seen),
            State::Down => {
                state.impossible("an event tells of its end");
                Told::Late(seen)
            }
        }
    }

    /// It has ended. Judges the exit by the mark and the event. `told`: when it was told to end.
    /// `keep` stores the exit as the last one and returns the one before; a start that succeeded
    /// after its cancellation is not stored.
    #[inline]
    pub(in crate::engine) fn end(
        &mut self,
        mark: Mark,
        seen: Option<Seen>,
        told: Option<Moment>,
        step: &mut Step<'_, D>,
        keep: impl FnOnce(Last) -> Option<Last>,
    ) -> Option<End> {
        let state = self.state();
        let (was, due) = match state {
            State::Running => (Was::Running, None),
            State::Stopping { until } => (Was::Stopping, until),
            State::Killed { since } => (Was::Stopping, Some(since)),
            State::Stuck(Left::Actor) => (Was::Stuck, None),
            State::Down
            | State::Launching
            | State::Cancelled { .. }
            | State::Ended { .. }
            | State::Stuck(Left::Launch | Left::Rest) => {
                state.impossible("it has ended");
                return None;
            }
        };
        let current = self.current.as_mut()?;
        let rest = Rest::Passing;
        current.state = match was {
            Was::Stuck => State::Stuck(Left::Rest),
            Was::Running | Was::Stopping => State::Ended { due, rest },
        };
        step.timer = Timer::of(due.map(|due| due.after(KILL_BOUND)));
        let asked = match was {
            Was::Running => Asked::No,
            Was::Stopping | Was::Stuck => Asked::Yes,
        };
        let lived = step.now.since(current.started);
        let (cause, text) = current.life.failure();
        let (exit, left, seen) = judge(asked, mark, cause, seen);
        if current.counted == Counted::Started {
            step.count(|meter| meter.exited(&exit, current.started, step.now));
            if let Some(told) = told {
                step.count(|meter| meter.stopped(told, step.now));
            }
        }
        let cause = ExitCause::of(&exit, text);
        // A start that succeeds after its cancellation does not count as a run.
        if current.recall == Recall::InTime {
            let last = Last {
                actor: current.life.actor(),
                exit: exit.clone(),
            };
            if let Some(before) = keep(last) {
                step.discard_exit(before.exit);
            }
        }
        if let Some(left) = left {
            step.discard(Discard::Failure(Failure::Failed(left)));
        }
        if let Some(seen) = seen {
            step.discard(Discard::Seen(seen));
        }
        Some(End {
            was,
            exit,
            cause,
            asked,
            recall: current.recall,
            lived,
        })
    }

    /// It has ended, and only stuck children of its own are left.
    pub(in crate::engine) fn outlived(&mut self) {
        let state = self.state();
        match state {
            State::Ended { due, .. } => self.set(State::Ended {
                due,
                rest: Rest::Stuck,
            }),
            State::Stuck(Left::Rest) => {}
            State::Down
            | State::Launching
            | State::Cancelled { .. }
            | State::Running
            | State::Stopping { .. }
            | State::Killed { .. }
            | State::Stuck(Left::Launch | Left::Actor) => state.impossible("its rest is stuck"),
        }
    }

    /// It will be started again after its release, for which no caller waits.
    pub(in crate::engine) fn will_restart(&mut self) {
        let state = self.state();
        match state {
            State::Down => {}
            State::Ended { rest, .. } => self.set(State::Ended { due: None, rest }),
            State::Launching
            | State::Cancelled { .. }
            | State::Running
            | State::Stopping { .. }
            | State::Killed { .. }
            | State::Stuck(_) => state.impossible("it will be started again"),
        }
    }

    /// It will be forgotten after its release: its timer is the one of that.
    pub(in crate::engine) fn will_be_forgotten(&self, step: &mut Step<'_, D>) {
        let state = self.state();
        match state {
            State::Ended { due, .. } => {
                step.timer = Timer::of(due.map(|due| due.after(KILL_BOUND)));
            }
            State::Down
            | State::Launching
            | State::Cancelled { .. }
            | State::Running
            | State::Stopping { .. }
            | State::Killed { .. }
            | State::Stuck(_) => state.impossible("it will be forgotten"),
        }
    }

    /// The actor's task is done, but its state has not been dropped yet.
    pub(in crate::engine) fn joined(&mut self) {
        let state = self.state();
        match (state, &mut self.current) {
            (
                State::Running
                | State::Stopping { .. }
                | State::Killed { .. }
                | State::Ended { .. }
                | State::Stuck(Left::Actor | Left::Rest),
                Some(current),
            ) => current.join = Join::Done,
            (
                State::Down
                | State::Launching
                | State::Cancelled { .. }
                | State::Stuck(Left::Launch),
                _,
            )
            | (_, None) => state.impossible("its task is done"),
        }
    }

    /// Whether its release depends on an event. If no event is read any more, the join counts
    /// instead.
    pub(in crate::engine) fn is_lost(&self) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|current| current.join == Join::Done && !current.state.has_ended())
    }

    /// What became of its own children, if it was a supervisor that ran.
    pub(in crate::engine) fn report(&self) -> Option<ShutdownReport> {
        self.life()?.report()
    }

    /// Whether its present launch counts as a run.
    pub(in crate::engine) fn recall(&self) -> Recall {
        self.current
            .as_ref()
            .map_or(Recall::InTime, |current| current.recall)
    }

    /// Nothing of one that has ended is left.
    #[inline]
    pub(in crate::engine) fn release(&mut self, step: &mut Step<'_, D>) {
        let state = self.state();
        match state {
            State::Ended { due, .. } => {
                // Without one the timer is not its own.
                if due.is_some() {
                    step.timer = Timer::Off;
                }
                self.forget(step);
            }
            State::Stuck(Left::Rest) => self.forget(step),
            State::Down
            | State::Launching
            | State::Cancelled { .. }
            | State::Running
            | State::Stopping { .. }
            | State::Killed { .. }
            | State::Stuck(Left::Launch | Left::Actor) => state.impossible("nothing of it is left"),
        }
    }
}
