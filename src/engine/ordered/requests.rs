//! What callers ask for one child: start, stop, restart and delete, and the queue where they wait.
//!
//! While the group begins, or a set is stopped or started, all wait, in one order. Otherwise a
//! caller that asks for a child that is starting or stopping waits for that, and those who ask for
//! others do not.
//!
//! The launch itself answers the callers that wait for it when it succeeds or fails.

use std::sync::Arc;

use super::child::{Origin, Then};
use super::{FirstStart, Mode, OrderedEngine};
use crate::engine::exit::Exit;
use crate::engine::io::{
    Caller, ChildRequest, DeleteAnswer, Discard, Domain, LaunchCaller, Refusal, Reply,
    RestartChildAnswer, StartChildAnswer, StopAnswer, Ticket,
};
use crate::engine::lifecycle::State;
use crate::engine::moment::Moment;

/// A request whose turn has not come.
#[derive(Debug)]
pub(super) struct Queued<D: Domain> {
    role: Arc<str>,
    ask: Ask<D>,
    /// It was not carried out when it came.
    pub(super) waited: bool,
}

impl<D: Domain> Queued<D> {
    /// How something is to be started, if that is asked, and who asks.
    pub(super) fn into_parts(self) -> (Option<D::Spec>, Caller<D>) {
        match self.ask {
            Ask::Stop(ticket) => (None, Caller::Stop(ticket)),
            Ask::Change(change) => change.into_parts(),
        }
    }
}

/// What is asked.
#[derive(Debug)]
enum Ask<D: Domain> {
    /// A stop always has its turn, and is wanted even if its caller has gone.
    Stop(D::Ticket<StopAnswer>),
    Change(Change<D>),
}

/// A request that is carried out if the child looks as it must, and else is refused.
#[derive(Debug)]
enum Change<D: Domain> {
    Start {
        spec: D::Spec,
        ticket: D::Ticket<StartChildAnswer<D>>,
    },
    Restart(D::Ticket<RestartChildAnswer<D>>),
    Delete(D::Ticket<DeleteAnswer<D>>),
}

impl<D: Domain> Change<D> {
    fn is_gone(&self) -> bool {
        match self {
            Self::Start { ticket, .. } => ticket.is_gone(),
            Self::Restart(ticket) => ticket.is_gone(),
            Self::Delete(ticket) => ticket.is_gone(),
        }
    }

    fn into_parts(self) -> (Option<D::Spec>, Caller<D>) {
        match self {
            Self::Start { spec, ticket } => (Some(spec), Caller::StartChild(ticket)),
            Self::Restart(ticket) => (None, Caller::RestartChild(ticket)),
            Self::Delete(ticket) => (None, Caller::Delete(ticket)),
        }
    }
}

/// How a child looks to a caller that asks for it.
enum Look<F> {
    Unknown,
    Running(F),
    /// This one does not run.
    NotRunning(u32),
    Restarting,
    Stuck,
}

impl<D: Domain> OrderedEngine<D> {
    pub(super) fn asked(&mut self, now: Moment, role: Arc<str>, request: ChildRequest<D>) {
        let ask = match request {
            ChildRequest::Stop { ticket } => Ask::Stop(ticket),
            ChildRequest::Start { spec, ticket } => Ask::Change(Change::Start { spec, ticket }),
            ChildRequest::Restart { ticket } => Ask::Change(Change::Restart(ticket)),
            ChildRequest::Delete { ticket } => Ask::Change(Change::Delete(ticket)),
        };
        match self.mode {
            Mode::Stopping(_) | Mode::Ended => self.asked_too_late(now, &role, ask),
            Mode::New | Mode::Beginning(_) | Mode::Serving => self.queue.push_back(Queued {
                role,
                ask,
                waited: false,
            }),
        }
    }

    /// A request comes when the group stops, or is left from before.
    fn asked_too_late(&mut self, now: Moment, role: &str, ask: Ask<D>) {
        match ask {
            Ask::Stop(ticket) => self.stop(now, role, ticket),
            Ask::Change(change) => self.refuse(change, Refusal::Down),
        }
    }

    /// Carries out the requests whose turn has come, in their order.
    pub(super) fn serve(&mut self, now: Moment) {
        while let Some((at, look)) = self.first_ready() {
            let Some(Queued { role, ask, waited }) = self.queue.remove(at) else {
                return;
            };
            match ask {
                Ask::Stop(ticket) => {
                    self.stopped_in_queue(at, &role);
                    self.stop(now, &role, ticket);
                }
                // What is carried out as it comes is wanted.
                Ask::Change(change) if waited && change.is_gone() => {
                    self.discard_request(change.into_parts());
                }
                Ask::Change(change) => self.carry_out(now, role, change, look),
            }
        }
    }

    /// The place in the queue of the first request whose turn has come, and how its child looks. To
    /// a stop that does not matter.
    fn first_ready(&self) -> Option<(usize, Look<D::Found>)> {
        if self.queue.is_empty() || self.busy() {
            return None;
        }
        let mut waiting: Vec<&str> = Vec::new();
        for (at, Queued { role, ask, .. }) in self.queue.iter().enumerate() {
            let change = match ask {
                Ask::Stop(_) => return Some((at, Look::Unknown)),
                Ask::Change(change) => change,
            };
            if !waiting.contains(&&**role) {
                match self.turn(role, change) {
                    Some(look) => return Some((at, look)),
                    None => waiting.push(role),
                }
            }
        }
        None
    }

    /// A stop is for all that were in the queue before it.
    fn stopped_in_queue(&mut self, before: usize, stopped: &str) {
        let mut later = self.queue.split_off(before);
        for queued in std::mem::take(&mut self.queue) {
            match queued {
                Queued {
                    role,
                    ask: Ask::Change(change),
                    ..
                } if &*role == stopped => self.refuse(change, Refusal::Stopped),
                queued => self.queue.push_back(queued),
            }
        }
        self.queue.append(&mut later);
    }

    /// How the child looks, if the request can be carried out.
    fn turn(&self, role: &str, change: &Change<D>) -> Option<Look<D::Found>> {
        let look = self.look(role)?;
        let launches = match (&look, change) {
            (Look::NotRunning(slot), Change::Restart(_) | Change::Delete(_))
                if self.get(*slot).is_some_and(|child| !child.life.is_down()) =>
            {
                return None;
            }
            (Look::Unknown, Change::Start { .. }) | (Look::NotRunning(_), Change::Restart(_)) => {
                true
            }
            _ => false,
        };
        // It would run beside a set that is down, or be started before its turn.
        (!launches || !self.set_pending()).then_some(look)
    }

    /// How a child looks, unless it will look otherwise soon.
    fn look(&self, role: &str) -> Option<Look<D::Found>> {
        let Some(child) = self.find(role) else {
            return Some(Look::Unknown);
        };
        match child.life.state() {
            State::Stuck(_) => Some(Look::Stuck),
            State::Running => child.life.running().map(Look::Running),
            State::Ended { .. } if child.to_be_forgotten() => None,
            State::Down | State::Ended { .. } if child.comes_back() => Some(Look::Restarting),
            State::Down | State::Ended { .. } => Some(Look::NotRunning(child.slot)),
            State::Launching | State::Cancelled { .. }
                if child.then == Then::Failed(Origin::Restart) =>
            {
                Some(Look::Restarting)
            }
            State::Launching
            | State::Cancelled { .. }
            | State::Stopping { .. }
            | State::Killed { .. } => None,
        }
    }

    fn carry_out(&mut self, now: Moment, role: Arc<str>, change: Change<D>, look: Look<D::Found>) {
        match change {
            Change::Start { spec, ticket } => self.start_child(now, role, spec, ticket, look),
            Change::Restart(ticket) => self.restart_child(now, ticket, look),
            Change::Delete(ticket) => self.delete_child(ticket, look),
        }
    }

    /// OTP: supervisor:start_child/2.
    fn start_child(
        &mut self,
        now: Moment,
        role: Arc<str>,
        spec: D::Spec,
        ticket: D::Ticket<StartChildAnswer<D>>,
        look: Look<D::Found>,
    ) {
        let answer = match look {
            Look::Unknown => {
                let slot = self.append(role, spec, FirstStart::WithGroup);
                let caller = LaunchCaller::StartChild(ticket);
                return self.launch(now, slot, Origin::First, Some(caller));
            }
            Look::Running(found) => StartChildAnswer::Running(found),
            Look::NotRunning(_) => StartChildAnswer::Present,
            Look::Restarting => StartChildAnswer::Restarting,
            Look::Stuck => Refusal::Stuck.into(),
        };
        self.discard(Discard::Spec(spec));
        self.answer(Reply::StartChild(ticket, answer));
    }

    /// OTP: supervisor:restart_child/2.
    fn restart_child(
        &mut self,
        now: Moment,
        ticket: D::Ticket<RestartChildAnswer<D>>,
        look: Look<D::Found>,
    ) {
        let answer = match look {
            Look::NotRunning(slot) => {
                let caller = LaunchCaller::RestartChild(ticket);
                return self.launch(now, slot, Origin::Manual, Some(caller));
            }
            Look::Unknown => RestartChildAnswer::NotFound,
            Look::Running(found) => RestartChildAnswer::Running(found),
            Look::Restarting => RestartChildAnswer::Restarting,
            Look::Stuck => Refusal::Stuck.into(),
        };
        self.answer(Reply::RestartChild(ticket, answer));
    }

    /// OTP: supervisor:delete_child/2.
    fn delete_child(&mut self, ticket: D::Ticket<DeleteAnswer<D>>, look: Look<D::Found>) {
        let answer = match look {
            Look::NotRunning(slot) => {
                self.forget_child(slot);
                DeleteAnswer::Deleted
            }
            Look::Unknown => DeleteAnswer::NotFound,
            Look::Running(found) => DeleteAnswer::Running(found),
            Look::Restarting => DeleteAnswer::Restarting,
            Look::Stuck => Refusal::Stuck.into(),
        };
        self.answer(Reply::Delete(ticket, answer));
    }

    /// OTP: supervisor:terminate_child/2. The strategy does not come in: no other child is stopped.
    fn stop(&mut self, now: Moment, role: &str, ticket: D::Ticket<StopAnswer>) {
        let turn_comes = matches!(self.mode, Mode::Stopping(_));
        let Some(slot) = self.find(role).map(|child| child.slot) else {
            self.answer(Reply::Stop(ticket, StopAnswer::NotFound));
            return;
        };
        let Some(child) = self.get_mut(slot) else {
            return;
        };
        let pending = child.again.take();
        match child.life.state() {
            State::Stuck(_) => {
                child.then.give_up();
                self.answer(Reply::Stop(ticket, StopAnswer::Stuck));
            }
            State::Down => {
                let exit = Exit::NotRunning;
                self.answer(Reply::Stop(ticket, StopAnswer::Ended(exit)));
            }
            State::Ended { .. } => {
                // Its restart is what is stopped here; how it had ended is no answer to that.
                let before = pending.and_then(|_| child.exit.take());
                self.wait_for_end(slot, ticket);
                if let Some(exit) = before {
                    self.discard(Discard::Exit(exit));
                }
                self.hurry(now, slot);
            }
            State::Launching => {
                self.wait_for_end(slot, ticket);
                self.cancel(now, slot, Refusal::Stopped.into());
            }
            State::Cancelled { .. } | State::Stopping { .. } | State::Killed { .. } => {
                child.then.give_up();
                self.wait_for_end(slot, ticket);
            }
            State::Running => {
                self.wait_for_end(slot, ticket);
                if !turn_comes {
                    self.begin_stop(now, slot, Then::Rest);
                }
            }
        }
    }

    /// Has a stop wait for the end of a child.
    fn wait_for_end(&mut self, slot: u32, ticket: D::Ticket<StopAnswer>) {
        let gone = match self.get_mut(slot) {
            Some(child) => child.stops.add(ticket),
            None => vec![ticket],
        };
        for ticket in gone {
            self.discard(Discard::Caller(Caller::Stop(ticket)));
        }
    }

    /// The group stops: changes are refused, and stops join.
    pub(super) fn refuse_all(&mut self, now: Moment) {
        for Queued { role, ask, .. } in std::mem::take(&mut self.queue) {
            self.asked_too_late(now, &role, ask);
        }
    }

    /// Answers a change that is not carried out, however the child looks.
    fn refuse(&mut self, change: Change<D>, refusal: Refusal) {
        match change {
            Change::Start { spec, ticket } => {
                self.discard(Discard::Spec(spec));
                self.answer(Reply::StartChild(ticket, refusal.into()));
            }
            Change::Restart(ticket) => self.answer(Reply::RestartChild(ticket, refusal.into())),
            Change::Delete(ticket) => self.answer(Reply::Delete(ticket, refusal.into())),
        }
    }

    /// Drops a request that will not be answered.
    pub(super) fn discard_request(&mut self, (spec, caller): (Option<D::Spec>, Caller<D>)) {
        if let Some(spec) = spec {
            self.discard(Discard::Spec(spec));
        }
        self.discard(Discard::Caller(caller));
    }
}
