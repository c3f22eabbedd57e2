//! What callers ask for one child: start, stop, restart and delete, and the queue where they wait.
//!
//! While the group begins, or a set is stopped or started, all wait, in one order. Otherwise a caller that asks
//! for a child that is starting or stopping waits for that, and those who ask for others do not.
//!
//! The launch itself answers the callers that wait for it when it succeeds or fails.

use std::sync::Arc;

use super::child::{Origin, Then};
use super::{FirstStart, Mode, OrderedEngine};
use crate::engine::exit::Exit;
use crate::engine::io::{Answer, Discard, Domain, Request, Ticket};
use crate::engine::lifecycle::State;
use crate::engine::moment::Moment;

/// A request whose turn has not come.
#[derive(Debug)]
pub(super) struct Queued<D: Domain> {
    role: Arc<str>,
    pub(super) request: Request<D>,
    /// It was not carried out when it came.
    pub(super) waited: bool,
}

impl<D: Domain> Queued<D> {
    /// Whether every caller that wanted it has gone. What is carried out as it comes is wanted, and so is every stop.
    fn is_abandoned(&self) -> bool {
        self.waited
            && match &self.request {
                Request::Start { ticket, .. }
                | Request::Ensure { ticket, .. }
                | Request::Restart { ticket }
                | Request::Delete { ticket } => ticket.is_gone(),
                Request::Stop { .. } => false,
            }
    }
}

/// How a child looks to a caller that asks for it.
enum Look<L> {
    Unknown,
    Running(L),
    /// This one does not run.
    NotRunning(u32),
    Restarting,
    Stuck,
}

impl<D: Domain> OrderedEngine<D> {
    pub(super) fn asked(&mut self, now: Moment, role: Arc<str>, request: Request<D>) {
        match (&self.mode, request) {
            (Mode::Stopping(_) | Mode::Ended, Request::Stop { ticket }) => {
                self.stop(now, &role, ticket);
            }
            (Mode::Stopping(_) | Mode::Ended, request) => self.refuse(request, Answer::Down),
            (_, request) => self.queue.push_back(Queued {
                role,
                request,
                waited: false,
            }),
        }
    }

    /// Carries out the requests whose turn has come, in their order.
    pub(super) fn serve(&mut self, now: Moment) {
        while let Some((at, look)) = self.first_ready() {
            let Some(queued) = self.queue.remove(at) else {
                return;
            };
            if queued.is_abandoned() {
                self.drop_request(queued.request);
                continue;
            }
            let Queued { role, request, .. } = queued;
            match (request, look) {
                (Request::Stop { ticket }, _) => {
                    self.stopped_in_queue(at, &role);
                    self.stop(now, &role, ticket);
                }
                (request, Some(look)) => self.carry_out(now, role, request, look),
                (request, None) => self.refuse(request, Answer::NotFound),
            }
        }
    }

    /// The place in the queue of the first request whose turn has come, and how its child looks; for a
    /// stop, which always has its turn, that does not matter.
    fn first_ready(&self) -> Option<(usize, Option<Look<D::Life>>)> {
        if self.queue.is_empty() || self.busy() {
            return None;
        }
        let mut waiting: Vec<&str> = Vec::new();
        for (at, Queued { role, request, .. }) in self.queue.iter().enumerate() {
            if let Request::Stop { .. } = request {
                return Some((at, None));
            }
            if !waiting.contains(&&**role) {
                match self.turn(role, request) {
                    Some(look) => return Some((at, Some(look))),
                    None => waiting.push(role),
                }
            }
        }
        None
    }

    /// A stop is for all that were in the queue before it.
    fn stopped_in_queue(&mut self, before: usize, role: &str) {
        let mut later = self.queue.split_off(before);
        for queued in std::mem::take(&mut self.queue) {
            if &*queued.role == role {
                self.refuse(queued.request, Answer::Stopped);
            } else {
                self.queue.push_back(queued);
            }
        }
        self.queue.append(&mut later);
    }

    /// How the child looks, if the request can be carried out.
    fn turn(&self, role: &str, request: &Request<D>) -> Option<Look<D::Life>> {
        let look = self.look(role)?;
        let launches = match (&look, request) {
            (Look::NotRunning(slot), Request::Restart { .. } | Request::Delete { .. })
                if self.get(*slot).is_some_and(|child| !child.life.is_down()) =>
            {
                return None;
            }
            (Look::Unknown, Request::Start { .. })
            | (Look::NotRunning(_), Request::Restart { .. }) => true,
            _ => false,
        };
        // It would run beside a set that is down, or be started before its turn.
        (!launches || !self.set_pending()).then_some(look)
    }

    /// How a child looks, unless it will look otherwise soon.
    fn look(&self, role: &str) -> Option<Look<D::Life>> {
        let Some(child) = self.find(role) else {
            return Some(Look::Unknown);
        };
        match child.life.state() {
            State::Stuck(_) => Some(Look::Stuck),
            State::Running => child.life.running().cloned().map(Look::Running),
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

    /// OTP: supervisor:start_child/2, restart_child/2 and delete_child/2.
    fn carry_out(&mut self, now: Moment, role: Arc<str>, request: Request<D>, look: Look<D::Life>) {
        match (request, look) {
            (Request::Start { spec, ticket }, Look::Unknown) => {
                let slot = self.append(role, spec, FirstStart::WithGroup);
                self.launch(now, slot, Origin::First, Some(ticket));
            }
            (request @ Request::Start { .. }, Look::NotRunning(_)) => {
                self.refuse(request, Answer::Present);
            }
            (Request::Restart { ticket }, Look::NotRunning(slot)) => {
                self.launch(now, slot, Origin::Manual, Some(ticket));
            }
            (request, Look::NotRunning(slot)) => {
                self.forget_child(slot);
                self.refuse(request, Answer::Deleted);
            }
            (request, Look::Unknown) => self.refuse(request, Answer::NotFound),
            (request, Look::Running(life)) => self.refuse(request, Answer::Running(life)),
            (request, Look::Restarting) => self.refuse(request, Answer::Restarting),
            (request, Look::Stuck) => self.refuse(request, Answer::Stuck),
        }
    }

    /// OTP: supervisor:terminate_child/2. The strategy does not come in: no other child is stopped.
    fn stop(&mut self, now: Moment, role: &str, ticket: D::Ticket) {
        let turn_comes = matches!(self.mode, Mode::Stopping(_));
        let Some(slot) = self.find(role).map(|child| child.slot) else {
            self.answer(ticket, Answer::NotFound);
            return;
        };
        let Some(child) = self.get_mut(slot) else {
            return;
        };
        let pending = child.again.take();
        match child.life.state() {
            State::Stuck(_) => {
                child.then.give_up();
                self.answer(ticket, Answer::Stuck);
            }
            State::Down => self.answer(ticket, Answer::Ended(Exit::NotRunning)),
            State::Ended { .. } => {
                // Its restart is what is stopped here; how it had ended is no answer to that.
                let before = pending.and_then(|_| child.exit.take());
                child.stops.push(ticket);
                if let Some(exit) = before {
                    self.discard(Discard::Exit(exit));
                }
                self.hurry(now, slot);
            }
            State::Launching => {
                child.stops.push(ticket);
                self.cancel(now, slot, Answer::Stopped);
            }
            State::Cancelled { .. } | State::Stopping { .. } | State::Killed { .. } => {
                child.then.give_up();
                child.stops.push(ticket);
            }
            State::Running => {
                child.stops.push(ticket);
                if !turn_comes {
                    self.begin_stop(now, slot, Then::Rest);
                }
            }
        }
    }

    /// The group stops: requests that wait for a launch are refused, and stops join.
    pub(super) fn refuse_all(&mut self, now: Moment) {
        for queued in std::mem::take(&mut self.queue) {
            self.asked(now, queued.role, queued.request);
        }
    }

    /// Drops a request whose caller has gone.
    fn drop_request(&mut self, request: Request<D>) {
        let (spec, ticket) = request.into_parts();
        if let Some(spec) = spec {
            self.discard(Discard::Spec(spec));
        }
        self.discard(Discard::Ticket(ticket));
    }

    /// Answers a request without a launch.
    fn refuse(&mut self, request: Request<D>, answer: Answer<D>) {
        let (spec, ticket) = request.into_parts();
        if let Some(spec) = spec {
            self.discard(Discard::Spec(spec));
        }
        self.answer(ticket, answer);
    }
}
