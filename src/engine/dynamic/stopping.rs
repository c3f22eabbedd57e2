//! How the supervisor ends (D12): everything that does not run is ended at once, the running
//! sessions are told to stop in order of first start, as many at a time as `pace` allows, and a
//! deadline turns the rest into kills. All of it advances by a cursor, in bounded steps.
//!
//! A foreign end takes the same path, and so does a drain (`draining`).

use super::pace::{NO_BATCH, Pace};
use super::waits::Draining;
use super::{Engine, Mode, STEP};
use crate::engine::child::{Plan, Then};
use crate::engine::counts::SessionState;
use crate::engine::end::Over;
use crate::engine::incarnation::Key;
use crate::engine::io::{Caller, Domain, Effect, Reply, StopCause};
use crate::engine::lifecycle::State;
use crate::engine::moment::Moment;
use crate::engine::report::ShutdownReport;
use crate::engine::restart::ChildKind;
use crate::engine::table::Cursor;
use crate::engine::waiters::Waiters;

#[derive(Debug)]
pub(super) struct Stop<D: Domain> {
    pub(super) began: Moment,
    pub(super) deadline: Option<Moment>,
    pub(super) stage: Stage,
    pace: Pace,
    pub(super) report: ShutdownReport,
    pub(super) tickets: Waiters<D::Ticket<ShutdownReport>>,
    /// What a drain has beside that, if it is one or if one has joined it.
    pub(super) drain: Option<Box<Draining<D>>>,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// Ends what does not run.
    Sweep(Cursor),
    /// Tells the running ones to stop.
    Pace(Cursor),
    /// Kills what is left at the deadline.
    Kill(Cursor),
    /// Waits for the ends.
    Wait,
    /// The deadline has passed: waits for the killed.
    Cut,
}

impl<D: Domain> Stop<D> {
    pub(super) fn into_callers(self) -> impl Iterator<Item = Caller<D>> {
        let drain = self.drain.into_iter();
        let stops = self.tickets.into_iter().map(Caller::StopSupervisor);
        stops.chain(drain.flat_map(|drain| drain.into_callers()))
    }

    /// When there is something to do. `waiting`: how many sessions have not been asked.
    pub(super) fn wake(&self, waiting: usize) -> Option<Moment> {
        match self.stage {
            Stage::Sweep(_) | Stage::Kill(_) => Some(Moment::START),
            Stage::Pace(_) if self.has_room() => Some(Moment::START),
            Stage::Pace(_) => {
                let next = match &self.drain {
                    Some(drain) if !drain.turns.has_room() => drain.turns.next_end(waiting),
                    Some(_) | None => Some(self.pace.look()),
                };
                self.deadline.into_iter().chain(next).min()
            }
            Stage::Wait => self.deadline,
            Stage::Cut => None,
        }
    }

    /// Whether one more session may be asked.
    fn has_room(&self) -> bool {
        let turns = self.drain.as_ref().map(|drain| &drain.turns);
        self.pace.has_room() && turns.is_none_or(|turns| turns.has_room())
    }
}

impl<D: Domain> Engine<D> {
    /// Begins to stop, or joins the stop under way; of two deadlines the earlier wins. A drain under
    /// way becomes a stop.
    pub(super) fn stop_supervisor(
        &mut self,
        now: Moment,
        cause: StopCause,
        deadline: Option<Moment>,
        ticket: Option<D::Ticket<ShutdownReport>>,
    ) {
        match &mut self.mode {
            Mode::Ended => {
                if let Some(ticket) = ticket {
                    self.effect(Effect::JoinEnd { ticket });
                }
            }
            Mode::Stopping(stop) => {
                let gone = ticket.map_or_else(Vec::new, |ticket| stop.tickets.add(ticket));
                if stop.drains() {
                    stop.drain.iter_mut().for_each(|drain| drain.stop());
                    self.effect(Effect::BeginStop { cause });
                }
                self.discard_all(gone.into_iter().map(Caller::StopSupervisor));
                self.shorten(now, deadline);
            }
            Mode::Serving => self.enter_stop(now, cause, deadline, ticket),
        }
    }

    pub(super) fn enter_stop(
        &mut self,
        now: Moment,
        cause: StopCause,
        deadline: Option<Moment>,
        ticket: Option<D::Ticket<ShutdownReport>>,
    ) {
        let cursor = self.table.open();
        let running = self.table.counts().active;
        self.mode = Mode::Stopping(Stop {
            began: now,
            deadline,
            stage: Stage::Sweep(cursor),
            pace: Pace::new(now, running, deadline),
            report: ShutdownReport::of(cause),
            tickets: ticket.map_or_else(Waiters::default, Waiters::from),
            drain: None,
        });
        self.effect(Effect::BeginStop { cause });
    }

    /// The stop under way has less time, if this deadline is earlier than its own.
    pub(super) fn shorten(&mut self, now: Moment, deadline: Option<Moment>) {
        if let Mode::Stopping(stop) = &mut self.mode {
            let before = stop.deadline;
            stop.deadline = before.into_iter().chain(deadline).min();
            if stop.deadline != before {
                stop.pace.hurry(now, stop.deadline);
                // Supervisors that stop already are to share out what is left now.
                self.sweep_again(now);
            }
        }
    }

    /// Looks at all children once more, because what can come has changed.
    pub(super) fn sweep_again(&mut self, now: Moment) {
        let cursor = self.table.open();
        match &mut self.mode {
            Mode::Stopping(stop) => {
                let before = std::mem::replace(&mut stop.stage, Stage::Sweep(cursor));
                self.close_stage(before);
            }
            // Only stuck children are left, and there is no report any more that could wait for
            // them.
            Mode::Ended => {
                while let Some(slot) = self.table.advance(&cursor) {
                    if self.lost(slot) {
                        self.release(now, slot);
                    }
                }
                self.table.close(cursor);
            }
            Mode::Serving => self.table.close(cursor),
        }
    }

    pub(super) fn close_stage(&mut self, stage: Stage) {
        match stage {
            Stage::Sweep(cursor) | Stage::Pace(cursor) | Stage::Kill(cursor) => {
                self.table.close(cursor);
            }
            Stage::Wait | Stage::Cut => {}
        }
    }

    /// Why a session is over that ends since the supervisor does. When that has ended, only stuck
    /// ones are left, of each of which it was decided before.
    pub(super) const fn closing(&self) -> Over {
        Over::Supervisor(match &self.mode {
            Mode::Stopping(stop) => stop.report.cause,
            Mode::Serving | Mode::Ended => StopCause::Requested,
        })
    }

    /// From when on no child is asked any more.
    pub(super) const fn deadline(&self) -> Option<Moment> {
        match &self.mode {
            Mode::Stopping(stop) => stop.deadline,
            Mode::Serving | Mode::Ended => None,
        }
    }

    /// One bounded step.
    pub(super) fn step_stop(&mut self, now: Moment) {
        let Mode::Stopping(stop) = &mut self.mode else {
            return;
        };
        let due = stop.deadline.is_some_and(|deadline| deadline <= now);
        match std::mem::replace(&mut stop.stage, Stage::Wait) {
            Stage::Sweep(cursor) => {
                if self.step_over(&cursor, |engine, slot| engine.sweep(now, slot)) {
                    let next = self.table.open();
                    let next = if due {
                        Stage::Kill(next)
                    } else {
                        Stage::Pace(next)
                    };
                    self.table.close(cursor);
                    self.set_stage(next);
                    if let Some(drain) = self.draining() {
                        drain.swept();
                    }
                } else {
                    self.set_stage(Stage::Sweep(cursor));
                }
            }
            stage @ (Stage::Pace(_) | Stage::Wait) if due => {
                self.close_stage(stage);
                let cursor = self.table.open();
                self.set_stage(Stage::Kill(cursor));
            }
            Stage::Pace(cursor) => self.pace(now, cursor),
            Stage::Kill(cursor) => {
                if self.step_over(&cursor, |engine, slot| engine.cut_short(now, slot)) {
                    self.table.close(cursor);
                    self.set_stage(Stage::Cut);
                } else {
                    self.set_stage(Stage::Kill(cursor));
                }
            }
            stage @ (Stage::Wait | Stage::Cut) => self.set_stage(stage),
        }
    }

    fn set_stage(&mut self, stage: Stage) {
        if let Mode::Stopping(stop) = &mut self.mode {
            stop.stage = stage;
        }
    }

    /// Walks on by at most a step. Answers whether the end was reached.
    fn step_over(&mut self, cursor: &Cursor, mut visit: impl FnMut(&mut Self, u32)) -> bool {
        for _ in 0..STEP {
            match self.table.advance(cursor) {
                Some(slot) => visit(self, slot),
                None => return true,
            }
        }
        false
    }

    fn sweep(&mut self, now: Moment, slot: u32) {
        let (refusal, why) = (self.closed(), self.closing());
        self.empty_queue(slot, refusal);
        if self.lost(slot) {
            self.release(now, slot);
            return;
        }
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        let state = child.life.state();
        match &mut child.plan {
            Plan::Launch(_) => {
                let then = Then::Remove(why);
                self.cancel(now, slot, refusal, then, SessionState::Stopping);
            }
            Plan::InLine { .. } => self.end_in_line(now, slot, refusal, why),
            Plan::After { then, .. } => {
                let then = then.give_up(why);
                self.dismiss(then, refusal);
                if let State::Stopping { .. } = state {
                    self.tell_of_deadline(now, slot);
                }
                self.drain_waits(now, slot);
            }
            Plan::Restart { manual, .. } => {
                if let Some(manual) = manual.take() {
                    self.answer(Reply::Restart(manual, refusal.into()));
                }
                self.withdraw(now, slot, why);
            }
            Plan::Park { .. } => self.withdraw(now, slot, why),
            Plan::Forget { .. } => self.hurry(now, slot),
            Plan::Run => {}
        }
    }

    /// A supervisor among the sessions that stops already may have less time now.
    fn tell_of_deadline(&mut self, now: Moment, slot: u32) {
        let Some(deadline) = self.deadline() else {
            return;
        };
        let supervisor = self
            .table
            .get(slot)
            .is_some_and(|child| child.life.policy().kind == ChildKind::Supervisor);
        if supervisor {
            let within = deadline.since(now);
            self.step(now, slot, |child, step| {
                child.life.stop_within(within, step);
            });
        }
    }

    /// Tells the next running sessions to stop, as many as the window allows.
    fn pace(&mut self, now: Moment, cursor: Cursor) {
        self.end_turns(now);
        let Mode::Stopping(stop) = &mut self.mode else {
            debug_assert!(false, "nothing is paced but a stop");
            return;
        };
        stop.pace.open_if_due(now);
        let batch = stop.pace.batch();
        for _ in 0..STEP {
            let Mode::Stopping(stop) = &mut self.mode else {
                debug_assert!(false, "the stop is over in the middle of a step");
                return;
            };
            if !stop.has_room() {
                break;
            }
            let Some(slot) = self.table.advance(&cursor) else {
                self.table.close(cursor);
                return;
            };
            let runs = self
                .table
                .get(slot)
                .is_some_and(|child| matches!(child.plan, Plan::Run));
            if runs {
                stop.pace.asked();
                self.ask_to_end(now, slot, batch);
            }
        }
        self.set_stage(Stage::Pace(cursor));
    }

    /// A session that was told to stop is in its `post_stop`, has ended, or is given up.
    pub(super) const fn stop_finished(&mut self, batch: u32) {
        if let Mode::Stopping(stop) = &mut self.mode {
            stop.pace.moved(batch);
        }
    }

    /// A session in its `post_stop` does not delay the others (D12).
    pub(super) fn post_stop_begins(&mut self, key: Key) {
        if let Some(slot) = self.launched(key)
            && let Some(child) = self.table.get_mut(slot)
        {
            let batch = child.take_batch();
            self.stop_finished(batch);
        }
    }

    /// The deadline has come for this child.
    fn cut_short(&mut self, now: Moment, slot: u32) {
        let Some(child) = self.table.get(slot) else {
            return;
        };
        let runs = match child.plan {
            Plan::Run => true,
            Plan::After { .. } | Plan::Forget { .. } => false,
            // The sweep has ended those.
            Plan::InLine { .. } | Plan::Launch(_) | Plan::Restart { .. } | Plan::Park { .. } => {
                debug_assert!(false, "it does not run, and is no more swept");
                return;
            }
        };
        if runs {
            self.drain_waits(now, slot);
        }
        let why = self.closing();
        let due = self.step(now, slot, |child, step| {
            if runs {
                let then = Then::Remove(why);
                child.plan_after(now, then, SessionState::Stopping, NO_BATCH);
            }
            child.life.cut(step)
        });
        self.is_due(now, slot, due);
    }
}
