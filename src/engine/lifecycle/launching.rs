//! Launches: from the order to the report, with the start timeout and cancellation (D16).
//!
//! The shell knows who won a race between a report and a cancellation, and says so with the report.

use std::sync::Arc;

use super::{Counted, Current, Join, Left, Lifecycle, State, Step, StoppedBy, Timer};
use crate::engine::event::EventKind;
use crate::engine::exit::{Exit, Seen};
use crate::engine::incarnation::Key;
use crate::engine::io::{
    Cancellation, Checkpoint, Context, Discard, Domain, Effect, LaunchCaller, Life, Recall,
};
use crate::engine::meter::NoStart;
use crate::engine::shutdown::KILL_BOUND;
use crate::engine::sums::Sums;

/// What it means that a launch has succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum How {
    /// It runs.
    Runs,
    /// It was cancelled, but too late: the callers that waited were told that it runs.
    RunsAfterAll,
    /// It had been cancelled in time, so it was told to end.
    Late,
    /// It is stuck, and was killed.
    Stuck,
}

/// What a launch was that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Lost {
    /// The callers that waited are told of the failure.
    Launching,
    /// It had been cancelled, or had failed before.
    Cancelled,
    /// The same, and it was stuck.
    Stuck,
}

impl<D: Domain> Lifecycle<D> {
    /// Orders a launch. Nothing of an earlier one may be left but the exit and the checkpoint.
    pub(in crate::engine) fn launch(
        &mut self,
        key: Key,
        last_exit: Option<Exit>,
        checkpoint: Option<Checkpoint<D>>,
        sums: Option<Sums>,
        caller: Option<LaunchCaller<D>>,
        step: &mut Step<'_, D>,
    ) {
        debug_assert!(self.is_down(), "two launches of one child");
        self.incarnation += 1;
        self.attempt = self.attempt.saturating_add(1);
        let life = D::Life::new(key, checkpoint);
        self.current = Some(Current {
            launch: key.launch,
            life: life.clone(),
            started: step.now,
            state: State::Launching,
            early: None,
            join: Join::Pending,
            recall: Recall::InTime,
            stopped_by: StoppedBy::Rule,
            counted: Counted::NotYet,
        });
        step.effect(Effect::Launch {
            context: Context {
                id: Arc::clone(&self.id),
                incarnation: self.incarnation,
                attempt: self.attempt,
                last_exit,
                sums,
            },
            spec: self.spec.clone(),
            life,
            caller,
        });
        step.timer = Timer::At(step.now.after(self.policy().start_timeout));
    }

    /// The launch has succeeded. Returns the event of the end as well, if that came first. `None`:
    /// the success is known already.
    #[inline]
    pub(in crate::engine) fn started(
        &mut self,
        recall: Recall,
        step: &mut Step<'_, D>,
    ) -> Option<(How, Option<Seen>)> {
        let state = self.state();
        let how = match (state, recall) {
            (State::Launching, Recall::InTime) => How::Runs,
            (State::Cancelled { .. }, Recall::InTime) => How::RunsAfterAll,
            (State::Cancelled { .. }, Recall::TooLate) => How::Late,
            (State::Stuck(Left::Launch), _) => How::Stuck,
            (
                State::Running
                | State::Stopping { .. }
                | State::Killed { .. }
                | State::Ended { .. }
                | State::Stuck(Left::Actor | Left::Rest),
                _,
            ) => return None,
            // Without a cancellation no start is too late.
            (State::Launching, Recall::TooLate) | (State::Down, _) => {
                state.impossible("its launch has succeeded");
                return None;
            }
        };
        let current = self.current.as_mut()?;
        let launched = std::mem::replace(&mut current.started, step.now);
        current.recall = recall;
        let early = current.early.take().map(|seen| *seen);
        match how {
            How::Runs | How::RunsAfterAll => {
                current.state = State::Running;
                current.counted = Counted::Started;
                step.timer = Timer::Off;
                step.count(|meter| meter.started(launched, step.now));
                let took = step.now.since(launched);
                self.note(EventKind::Started { took }, step);
            }
            How::Late => {
                self.count_no_start(step);
                self.tell_to_end(step);
            }
            How::Stuck => {
                current.state = State::Stuck(Left::Actor);
                self.kill_it(step);
            }
        }
        Some((how, early))
    }

    /// The launch has failed, and nothing of it is left. Returns what it was.
    pub(in crate::engine) fn start_failed(&mut self, step: &mut Step<'_, D>) -> Option<Lost> {
        let state = self.state();
        let lost = Self::lost(state)?;
        step.timer = Timer::Off;
        self.count_no_start(step);
        self.forget(step);
        Some(lost)
    }

    /// The launch has failed, and stuck children of a tree are left of it. Returns what it was. The
    /// engine gives it up next, unless it is stuck already.
    pub(in crate::engine) fn start_outlived(&mut self, step: &Step<'_, D>) -> Option<Lost> {
        let state = self.state();
        let lost = Self::lost(state)?;
        match lost {
            Lost::Launching => self.set(State::Cancelled { since: step.now }),
            Lost::Cancelled | Lost::Stuck => {}
        }
        Some(lost)
    }

    fn lost(state: State) -> Option<Lost> {
        match state {
            State::Launching => Some(Lost::Launching),
            State::Cancelled { .. } => Some(Lost::Cancelled),
            State::Stuck(Left::Launch) => Some(Lost::Stuck),
            State::Down
            | State::Running
            | State::Stopping { .. }
            | State::Killed { .. }
            | State::Ended { .. }
            | State::Stuck(Left::Actor | Left::Rest) => {
                state.impossible("its launch has failed");
                None
            }
        }
    }

    /// Cancels the launch under way. The caller that waits for it is told why.
    pub(in crate::engine) fn cancel(&mut self, why: Cancellation, step: &mut Step<'_, D>) {
        let state = self.state();
        match state {
            State::Launching => {
                self.set(State::Cancelled { since: step.now });
                if let Some(current) = &mut self.current {
                    current.counted = Counted::Perhaps(match why {
                        Cancellation::TimedOut(_) => NoStart::TimedOut,
                        Cancellation::Refused(_) | Cancellation::WithOthers => NoStart::Stopped,
                    });
                }
                self.tell(step, |life| Effect::Cancel { life, why });
                step.timer = Timer::At(step.now.after(KILL_BOUND));
            }
            State::Down
            | State::Cancelled { .. }
            | State::Running
            | State::Stopping { .. }
            | State::Killed { .. }
            | State::Ended { .. }
            | State::Stuck(_) => state.impossible("its launch is cancelled"),
        }
    }

    pub(super) const fn set(&mut self, state: State) {
        if let Some(current) = &mut self.current {
            current.state = state;
        }
    }

    /// Nothing of the present launch is left.
    #[inline]
    pub(super) fn forget(&mut self, step: &mut Step<'_, D>) {
        if let Some(current) = self.current.take() {
            if let Some(seen) = current.early {
                step.discard(Discard::Seen(*seen));
            }
            step.checkpoint = current.life.leave();
            step.discard(Discard::Life(current.life));
        }
    }
}
