//! How a child is told to end, killed and given up, and the timers of all that. Each engine decides
//! the order in which its children are stopped.

use super::{Left, Lifecycle, Rest, State, Step, Supervisor, Timer};
use crate::engine::event::{EventKind, Happening};
use crate::engine::exit::Mark;
use crate::engine::io::{Cancellation, Domain, Effect, Life, StopWay};
use crate::engine::moment::Moment;
use crate::engine::repeats::Repeats;
use crate::engine::shutdown::{Force, KILL_BOUND, Shutdown, verdict};
use crate::engine::stop::Kill;
use std::time::Duration;

/// What has come of a child's timer, or of the deadline of its supervisor's stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) enum Due {
    /// Nothing that matters to others.
    #[default]
    Nothing,
    /// Its launch has taken longer than this, and was cancelled.
    TimedOut(Duration),
    /// It is to be given up.
    GiveUp,
}

impl<D: Domain> Lifecycle<D> {
    /// Tells one that runs to end, by its own rule.
    pub(in crate::engine) fn stop(&mut self, step: &mut Step<'_, D>) {
        let state = self.state();
        match state {
            State::Running => self.tell_to_end(step),
            State::Down
            | State::Launching
            | State::Cancelled { .. }
            | State::Stopping { .. }
            | State::Killed { .. }
            | State::Ended { .. }
            | State::Stuck(_) => state.impossible("it is told to end"),
        }
    }

    pub(super) fn tell_to_end(&mut self, step: &mut Step<'_, D>) {
        let rule = self.policy().shutdown;
        self.tell_to_end_by(rule, rule.way(), EventKind::Stopping, step);
    }

    pub(super) fn tell_to_end_by(
        &mut self,
        rule: Shutdown,
        way: StopWay,
        note: EventKind,
        step: &mut Step<'_, D>,
    ) {
        match rule.patience(step.now, step.deadline()) {
            Force::Killed(since) => {
                self.set(State::Killed { since });
                self.note(EventKind::Killing(rule.kill()), step);
                self.kill_it(step);
                step.timer = Timer::At(step.now.after(KILL_BOUND));
            }
            Force::Asked(until) => {
                self.set(State::Stopping { until });
                self.note(note, step);
                let within = rule.within(step.now, step.deadline());
                self.tell(step, |life| Effect::Stop { life, way, within });
                if until.is_some_and(|at| at <= step.now) {
                    self.kill(step);
                } else {
                    step.timer = Timer::of(until);
                }
            }
        }
    }

    /// The time that it had to stop is over.
    fn kill(&mut self, step: &mut Step<'_, D>) {
        let deadline = match step.supervisor {
            Supervisor::Stops { deadline } => deadline,
            Supervisor::Serves => None,
        };
        let why = self.rule().kill_asked(step.now, deadline);
        self.kill_for(why, step);
    }

    fn kill_for(&mut self, why: Kill, step: &mut Step<'_, D>) {
        self.set(State::Killed { since: step.now });
        self.note(EventKind::Killing(why), step);
        self.kill_it(step);
        step.timer = Timer::At(verdict(step.now, step.last_end));
    }

    /// Its timer has gone off. `repeats`: how often it has crashed lately, if it has ever ended.
    pub(in crate::engine) fn due(
        &mut self,
        repeats: Option<&mut Repeats>,
        step: &mut Step<'_, D>,
    ) -> Due {
        let state = self.state();
        match state {
            State::Launching => {
                let timeout = self.policy().start_timeout;
                let mut told = Happening::from(EventKind::StartTimedOut { timeout });
                if let Some(repeats) = repeats {
                    told.judge(step.now, repeats);
                }
                self.note(told, step);
                self.cancel(Cancellation::TimedOut(timeout), step);
                Due::TimedOut(timeout)
            }
            State::Stopping { .. } => {
                self.kill(step);
                Due::Nothing
            }
            State::Cancelled { since }
            | State::Killed { since }
            | State::Ended {
                due: Some(since), ..
            } => self.judge_patience(since, step),
            State::Down | State::Running | State::Ended { due: None, .. } | State::Stuck(_) => {
                state.impossible("its timer has gone off");
                Due::Nothing
            }
        }
    }

    /// The deadline of its supervisor's stop has come.
    pub(in crate::engine) fn cut(&mut self, step: &mut Step<'_, D>) -> Due {
        match self.state() {
            // Past the deadline this kills.
            State::Running => {
                self.tell_to_end(step);
                Due::Nothing
            }
            State::Stopping { .. } => {
                self.kill(step);
                Due::Nothing
            }
            State::Ended { due, rest } => self.should_be_gone(due, rest, step),
            State::Down
            | State::Launching
            | State::Cancelled { .. }
            | State::Killed { .. }
            | State::Stuck(_) => Due::Nothing,
        }
    }

    /// Its turn in the drain of its supervisor is over, and others wait for theirs.
    pub(in crate::engine) fn turn_over(&mut self, step: &mut Step<'_, D>) -> Due {
        let state = self.state();
        match state {
            State::Stopping { .. } => {
                self.kill_for(Kill::Turn, step);
                Due::Nothing
            }
            State::Ended { due, rest } => self.should_be_gone(due, rest, step),
            State::Killed { .. } => Due::Nothing,
            State::Down
            | State::Launching
            | State::Cancelled { .. }
            | State::Running
            | State::Stuck(_) => {
                state.impossible("its turn is over");
                Due::Nothing
            }
        }
    }

    /// Its exit is known, and nothing of it should be left any more.
    fn should_be_gone(&mut self, due: Option<Moment>, rest: Rest, step: &mut Step<'_, D>) -> Due {
        let due = due.map_or(step.now, |at| at.min(step.now));
        let state = State::Ended {
            due: Some(due),
            rest,
        };
        self.set(state);
        self.judge_patience(due, step)
    }

    /// Whether a child that should be gone since then is given up now.
    fn judge_patience(&self, since: Moment, step: &mut Step<'_, D>) -> Due {
        let verdict = verdict(since, step.last_end);
        let stops = matches!(step.supervisor, Supervisor::Stops { .. });
        if step.now < verdict {
            step.timer = Timer::At(verdict);
            Due::Nothing
        } else if stops && self.is_outliving() {
            // It is about to reach the same verdict on its own children, and reports it.
            step.timer = Timer::At(step.now.after(KILL_BOUND));
            Due::Nothing
        } else {
            Due::GiveUp
        }
    }

    /// Whether it is a supervisor that has ended and will say what became of its own children.
    fn is_outliving(&self) -> bool {
        let passing = match self.state() {
            State::Ended { rest, .. } => rest == Rest::Passing,
            _ => true,
        };
        passing && self.life().is_some_and(Life::is_outlived)
    }

    /// It is stuck.
    pub(in crate::engine) fn give_up(&mut self, step: &mut Step<'_, D>) {
        let state = self.state();
        let left = match state {
            State::Cancelled { .. } => Left::Launch,
            State::Killed { .. } => Left::Actor,
            State::Ended { .. } => Left::Rest,
            State::Down
            | State::Launching
            | State::Running
            | State::Stopping { .. }
            | State::Stuck(_) => return state.impossible("it is given up"),
        };
        self.set(State::Stuck(left));
        self.count_no_start(step);
        step.timer = Timer::Off;
        self.note(EventKind::Stuck, step);
    }

    /// It has ended, and a caller or the supervisor's stop waits for its release.
    pub(in crate::engine) fn hurry(&mut self, step: &mut Step<'_, D>) {
        let state = self.state();
        match state {
            State::Ended { due, rest } => {
                // A killed child is only being dropped, and stuck children do not end soon: neither
                // has time left.
                let overdue = rest == Rest::Stuck || self.mark() == Mark::Missing;
                let patience = if overdue {
                    Some(step.now)
                } else {
                    let rule = self.policy().shutdown;
                    rule.patience(step.now, step.deadline()).due()
                };
                if let Some(patience) = patience
                    && due.is_none_or(|at| patience < at)
                {
                    let due = Some(patience);
                    self.set(State::Ended { due, rest });
                    step.timer = Timer::At(patience.after(KILL_BOUND));
                }
            }
            State::Down
            | State::Launching
            | State::Cancelled { .. }
            | State::Running
            | State::Stopping { .. }
            | State::Killed { .. }
            | State::Stuck(_) => state.impossible("its release is waited for"),
        }
    }

    /// One that was asked to stop has less time than it was told.
    pub(in crate::engine) fn stop_within(&self, within: Duration, step: &mut Step<'_, D>) {
        let state = self.state();
        match state {
            State::Stopping { .. } => {
                let way = self.way();
                self.tell(step, |life| Effect::StopWithin { life, way, within });
            }
            State::Down
            | State::Launching
            | State::Cancelled { .. }
            | State::Running
            | State::Killed { .. }
            | State::Ended { .. }
            | State::Stuck(_) => state.impossible("it has less time"),
        }
    }
}
