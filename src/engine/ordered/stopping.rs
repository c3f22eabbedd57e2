//! How a group ends: launches are cancelled, what waits for a start is dropped, and the children
//! are stopped, each by its own rule (`pace` says when). A deadline turns the rest into kills.
//!
//! A start that fails, an escalation and a foreign end take the same path.

use std::sync::Arc;

use super::child::Tally;
use super::{Child, Mode, OrderedEngine};
use crate::engine::apart;
use crate::engine::exit::Exit;
use crate::engine::io::{
    BeginAnswer, Caller, Discard, Domain, Effect, Events, Failure, Refusal, Reply, StopCause,
};
use crate::engine::lifecycle::State;
use crate::engine::moment::Moment;
use crate::engine::report::ShutdownReport;
use crate::engine::waiters::Waiters;

#[derive(Debug)]
pub(super) struct Stop<D: Domain> {
    began: Moment,
    pub(super) deadline: Deadline,
    /// When a child was last asked to stop; before that, when the stop began.
    pub(super) asked: Moment,
    pub(super) report: ShutdownReport,
    tickets: Waiters<D::Ticket<ShutdownReport>>,
    /// Who waits for the beginning, if that was not over. They are told when the children are stopped.
    begins: Vec<D::Ticket<BeginAnswer>>,
    failed: Option<FailedChild>,
}

/// From when on no child is asked any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deadline {
    /// However long it takes.
    None,
    Ahead(Moment),
    /// It has come: those that were left are killed.
    Past(Moment),
}

impl Deadline {
    fn of(at: Option<Moment>) -> Self {
        at.map_or(Self::None, Self::Ahead)
    }

    /// When it is or was.
    const fn at(self) -> Option<Moment> {
        match self {
            Self::None => None,
            Self::Ahead(at) | Self::Past(at) => Some(at),
        }
    }

    /// When it is, until then.
    pub(super) const fn ahead(self) -> Option<Moment> {
        match self {
            Self::Ahead(at) => Some(at),
            Self::None | Self::Past(_) => None,
        }
    }

    /// Whether an earlier one takes its place. One that has come is the earliest.
    fn gives_way_to(self, new: Moment) -> bool {
        match self {
            Self::None => true,
            Self::Ahead(at) => new < at,
            Self::Past(_) => false,
        }
    }
}

/// The child that did not start.
#[derive(Debug)]
struct FailedChild {
    role: Arc<str>,
    failure: Failure,
}

impl<D: Domain> Stop<D> {
    pub(super) fn take_apart(self, into: &mut Vec<Discard<D>>) {
        into.extend(self.tickets.into_iter().map(apart::stop));
        if let Some(failed) = self.failed {
            into.push(Discard::Failure(failed.failure));
        }
        let callers = self.begins.into_iter().map(Caller::Begin);
        into.extend(callers.map(Discard::Caller));
    }

    fn new(now: Moment, cause: StopCause) -> Self {
        Self {
            began: now,
            deadline: Deadline::None,
            asked: now,
            report: ShutdownReport::of(cause),
            tickets: Waiters::default(),
            begins: Vec::new(),
            failed: None,
        }
    }
}

impl<D: Domain> OrderedEngine<D> {
    /// Begins to stop, or joins the stop under way; of two deadlines the earlier wins.
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
                if let Some(earlier) = deadline.filter(|new| stop.deadline.gives_way_to(*new)) {
                    stop.deadline = Deadline::Ahead(earlier);
                    self.tell_deadline(now, earlier);
                }
                for ticket in gone {
                    self.discard(apart::stop(ticket));
                }
            }
            Mode::New | Mode::Beginning(_) | Mode::Serving => {
                let mut stop = Stop::new(now, cause);
                stop.deadline = Deadline::of(deadline);
                stop.tickets = ticket.map_or_else(Waiters::default, Waiters::from);
                self.stop_serving(now, stop, None);
                if let Some(deadline) = deadline {
                    self.tell_deadline(now, deadline);
                }
            }
        }
    }

    /// Ends the group because of what became of one child.
    pub(super) fn end_because_of(&mut self, now: Moment, slot: u32, cause: StopCause) {
        self.stop_serving(now, Stop::new(now, cause), Some(slot));
    }

    /// OTP: supervisor:init_children/2 terminates those that are started when one is not.
    pub(super) fn begin_failed(&mut self, now: Moment, slot: u32, failure: Failure) {
        let role = self.get(slot).map(|child| Arc::clone(&child.life.id));
        let (Some(role), Mode::Beginning(_)) = (role, &self.mode) else {
            debug_assert!(false, "a launch of the beginning fails after it");
            self.discard(Discard::Failure(failure));
            return;
        };
        let mut stop = Stop::new(now, StopCause::FailedStart);
        stop.failed = Some(FailedChild { role, failure });
        self.stop_serving(now, stop, None);
    }

    /// `because`: a child that has just ended and takes the group with it; the report tells how.
    fn stop_serving(&mut self, now: Moment, stop: Stop<D>, because: Option<u32>) {
        let cause = stop.report.cause;
        let before = std::mem::replace(&mut self.mode, Mode::Stopping(stop));
        self.effect(Effect::BeginStop { cause });
        let begins = matches!(before, Mode::Beginning(_));
        if let (Mode::Beginning(tickets), Mode::Stopping(stop)) = (before, &mut self.mode) {
            stop.begins = tickets;
            // The root fails in its `pre_start`, so it will never read an event. What lies in one is
            // dropped with it, and nobody can wait for that.
            self.events = Events::Over;
        }
        self.ended_early.clear();
        let mut launching = Vec::new();
        let mut known = Vec::new();
        for child in &mut self.children {
            let seen = child.state().is_some();
            child.again = None;
            let state = child.life.state();
            let because = because == Some(child.slot);
            match state {
                State::Down => known.push(match child.last_exit() {
                    Some(exit) if because => exit.clone(),
                    _ => Exit::NotRunning,
                }),
                // The attempt that failed was no life; what counts is how it had ended before.
                State::Ended { .. } if because && child.exit.is_none() => {
                    child.exit = child.last_exit().cloned();
                }
                State::Launching => launching.push(child.slot),
                State::Cancelled { .. }
                | State::Stopping { .. }
                | State::Killed { .. }
                | State::Stuck(_) => child.then.give_up(),
                State::Ended { .. } | State::Running => {}
            }
            child.tally = match state {
                State::Down => Tally::Skip,
                State::Ended { .. } if because => Tally::Reason,
                State::Ended { .. } if seen => Tally::NotRunning,
                State::Ended { .. } => Tally::Skip,
                State::Launching
                | State::Cancelled { .. }
                | State::Running
                | State::Stopping { .. }
                | State::Killed { .. }
                | State::Stuck(_) => Tally::Ended,
            };
        }
        if let Mode::Stopping(stop) = &mut self.mode {
            for exit in known {
                stop.report.tally(&exit);
            }
        }
        for slot in launching {
            self.cancel(now, slot, Refusal::Down.into());
        }
        self.refuse_all(now);
        if begins {
            self.release_lost(now);
        }
    }

    /// From when on no child is asked any more.
    pub(super) const fn deadline(&self) -> Option<Moment> {
        match &self.mode {
            Mode::Stopping(stop) => stop.deadline.at(),
            _ => None,
        }
    }

    /// The deadline, until it has come.
    pub(super) const fn deadline_ahead(&self) -> Option<Moment> {
        match &self.mode {
            Mode::Stopping(stop) => stop.deadline.ahead(),
            _ => None,
        }
    }

    /// Once the deadline has come no child has a turn any more.
    pub(super) fn cut_short_if_due(&mut self, now: Moment) {
        let Mode::Stopping(stop) = &mut self.mode else {
            return;
        };
        match stop.deadline.at() {
            Some(at) if at <= now => stop.deadline = Deadline::Past(at),
            _ => return,
        }
        let slots: Vec<_> = self.children.iter().rev().map(|child| child.slot).collect();
        for slot in slots {
            let state = self.get(slot).map(|child| child.life.state());
            match state {
                Some(State::Ended { due: Some(due), .. }) if due <= now => {}
                Some(
                    State::Down
                    | State::Launching
                    | State::Cancelled { .. }
                    | State::Running
                    | State::Stopping { .. }
                    | State::Killed { .. }
                    | State::Ended { .. }
                    | State::Stuck(_),
                ) => {
                    let due = self.step(now, slot, |child, step| child.life.cut(step));
                    self.is_due(now, slot, due);
                }
                None => {}
            }
        }
    }

    /// Counts how a child ended that was known when the group began to stop.
    pub(super) fn tally(&mut self, slot: u32, exit: &Exit) {
        let Some(tally) = self.get(slot).map(|child| child.tally) else {
            return;
        };
        if let Mode::Stopping(stop) = &mut self.mode {
            match tally {
                Tally::Skip => {}
                Tally::Ended | Tally::Reason => stop.report.tally(exit),
                Tally::NotRunning => stop.report.tally(&Exit::NotRunning),
            }
        }
    }

    /// Ends when every child is gone or stuck.
    pub(super) fn finish_if_gone(&mut self, now: Moment) {
        if self.children.iter().any(Child::alive) {
            return;
        }
        let Mode::Stopping(mut stop) = std::mem::replace(&mut self.mode, Mode::Ended) else {
            return;
        };
        for ticket in stop.begins {
            let answer =
                stop.failed
                    .as_ref()
                    .map_or(BeginAnswer::Down, |failed| BeginAnswer::ChildFailed {
                        role: Arc::clone(&failed.role),
                        failure: failed.failure.clone(),
                    });
            self.answer(Reply::Begin(ticket, answer));
        }
        if let Some(failed) = stop.failed {
            self.discard(Discard::Failure(failed.failure));
        }
        let stuck = self.children.iter().filter(|child| child.is_stuck());
        stop.report.stuck += stuck.count();
        stop.report.took = now.since(stop.began);
        self.effect(Effect::Finished {
            report: stop.report,
            tickets: stop.tickets.into_iter().collect(),
        });
    }
}
