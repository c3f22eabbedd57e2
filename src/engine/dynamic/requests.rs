//! What callers ask for one id: start, stop, restart by hand, and the queue where they wait (D3).
//!
//! A start that succeeds is answered by its launch; those who share it are answered in `sharing`.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Engine;
use super::crowds::{Crowd, Start};
use super::pace::NO_BATCH;
use crate::engine::child::{Origin, Plan, Then};
use crate::engine::counts::SessionState;
use crate::engine::end::Over;
use crate::engine::exit::Exit;
use crate::engine::io::{
    Caller, Discard, Domain, LaunchCaller, NotStarted, Refusal, Reply, Request, RestartAnswer,
    StopAnswer, Ticket,
};
use crate::engine::moment::Moment;
use crate::engine::table::Place;
use crate::engine::waiters::{Waiters, Waits};
use crate::engine::waiting::{Queued, ShareCaller, StartCaller, Waiting};

impl<D: Domain> Engine<D> {
    pub(super) fn asked(&mut self, now: Moment, id: Arc<str>, request: Request<D>) {
        match request {
            Request::Start { spec, ticket } => {
                self.start(now, id, spec, StartCaller::Start(ticket));
            }
            Request::Ensure { spec, ticket } => {
                self.start(now, id, spec, StartCaller::Ensure(ticket));
            }
            Request::Stop { ticket } => self.stop(now, &id, ticket),
            Request::Restart { ticket } => self.restart(now, &id, ticket),
            Request::Lease { lease, ticket } => self.lease(&id, lease, ticket),
            Request::MoreTime { time, ticket } => self.more_time(now, &id, time, ticket),
            Request::AwaitRunning { ticket } => self.tell_when_running(&id, ticket),
            Request::AwaitGone { of, ticket } => self.tell_when_gone(&id, of, ticket),
        }
    }

    pub(super) fn start(
        &mut self,
        now: Moment,
        id: Arc<str>,
        spec: D::Spec,
        caller: StartCaller<D>,
    ) {
        if !self.serving() {
            let refusal = self.closed();
            self.refuse(spec, caller.not_started(refusal));
            return;
        }
        let slot = if let Some(why) = self.refusal(now, &spec) {
            match self.table.find(&id) {
                Some(slot) => slot,
                None => return self.refuse_new(&id, spec, caller, why),
            }
        } else {
            match self.table.reserve(&id) {
                Place::Known(slot) => slot,
                Place::New(place) => {
                    return self.first_launch(now, place, id, spec, caller, None);
                }
            }
        };
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        match (&child.plan, child.life.running()) {
            (Plan::Run, Some(found)) => self.refuse(spec, caller.running(found)),
            (Plan::Park { .. }, _) => self.refuse(spec, caller.not_started(NotStarted::Parked)),
            (Plan::After { .. }, _) if child.life.state().is_stuck() => {
                self.refuse(spec, caller.not_started(Refusal::Stuck));
            }
            (Plan::Launch(origin) | Plan::InLine { origin, .. }, _)
                if origin.is_asked() && child.queue_is_empty() =>
            {
                match caller {
                    StartCaller::Ensure(ticket) => {
                        self.join(slot, ShareCaller::Ensure(ticket));
                        self.discard(Discard::Spec(spec));
                    }
                    StartCaller::Start(_) => self.enqueue(slot, Queued::Start { spec, caller }),
                }
            }
            _ => self.enqueue(slot, Queued::Start { spec, caller }),
        }
    }

    pub(super) fn stop(&mut self, now: Moment, id: &str, ticket: D::Ticket<StopAnswer>) {
        self.stop_in_crowds(id);
        let Some(slot) = self.table.find(id) else {
            self.answer(Reply::Stop(ticket, StopAnswer::NotFound));
            return;
        };
        self.empty_queue(slot, Refusal::Stopped);
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        if child.life.state().is_stuck() {
            let then = match &mut child.plan {
                Plan::After { then, .. } => then.give_up(Over::Requested),
                _ => Then::Remove(Over::Requested),
            };
            self.answer(Reply::Stop(ticket, StopAnswer::Stuck));
            self.dismiss(then, Refusal::Stuck);
            return;
        }
        self.wait_for_end(slot, ticket);
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        match &mut child.plan {
            Plan::Launch(_) => self.cancel(
                now,
                slot,
                Refusal::Stopped,
                Then::Remove(Over::Requested),
                SessionState::Stopping,
            ),
            Plan::InLine { .. } => {
                self.end_in_line(now, slot, Refusal::Stopped, Over::Requested);
            }
            Plan::Run => self.begin_stop(now, slot, Then::Remove(Over::Requested), NO_BATCH),
            Plan::After { then, .. } => {
                let then = then.give_up(Over::Requested);
                self.dismiss(then, Refusal::Stopped);
            }
            Plan::Restart { manual, .. } => {
                if let Some(manual) = manual.take() {
                    self.answer(Reply::Restart(manual, Refusal::Stopped.into()));
                }
                self.withdraw(now, slot, Over::Requested);
            }
            Plan::Park { .. } => self.withdraw(now, slot, Over::Requested),
            Plan::Forget { .. } => self.hurry(now, slot),
        }
    }

    /// A child that waits in line will not be launched.
    pub(super) fn end_in_line(&mut self, now: Moment, slot: u32, refusal: Refusal, why: Over) {
        if let Some(caller) = self.leave_line(slot) {
            self.answer(caller.refused(refusal));
        }
        self.answer_joined(slot, |caller| caller.refused(refusal));
        self.leave(now, slot, Exit::NotRunning, why);
    }

    pub(super) fn restart(&mut self, now: Moment, id: &str, ticket: D::Ticket<RestartAnswer<D>>) {
        if !self.serving() {
            let refusal = self.closed();
            self.answer(Reply::Restart(ticket, refusal.into()));
            return;
        }
        let Some(slot) = self.table.find(id) else {
            self.answer(Reply::Restart(ticket, RestartAnswer::NotFound));
            return;
        };
        let child = self.table.get(slot);
        let no_place = match child.map(|child| &child.plan) {
            Some(Plan::Park { .. }) => self.no_place(now, slot),
            _ => None,
        };
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        let released = child.life.is_down();
        match (&mut child.plan, child.life.running()) {
            (Plan::Run, Some(_)) => {
                self.begin_stop(now, slot, Then::Relaunch(ticket), NO_BATCH);
            }
            (Plan::Restart { due, manual }, _) if manual.is_none() => {
                *due = now;
                *manual = Some(ticket);
                self.relaunch_if_due(now, slot);
            }
            // It waits for what this asks for, and has not been launched yet.
            (
                Plan::InLine {
                    origin,
                    caller: first,
                    ..
                },
                _,
            ) if *origin != Origin::First => {
                *origin = match origin {
                    Origin::Trial | Origin::Resume => Origin::Resume,
                    _ => Origin::Manual,
                };
                let resumed = *origin == Origin::Resume;
                let joins = match first {
                    Some(_) => Some(ticket),
                    None => {
                        *first = Some(LaunchCaller::Restart(ticket));
                        None
                    }
                };
                if resumed {
                    child.begin_anew();
                }
                if let Some(ticket) = joins {
                    self.join(slot, ShareCaller::Restart(ticket));
                }
            }
            (Plan::Park { .. }, _) if released => {
                if let Some(no_place) = no_place {
                    match &no_place {
                        RestartAnswer::MaxSessions(_) => self.meter.has_no_place(),
                        RestartAnswer::Rejected(rejection) => self.meter.rejects(rejection),
                        _ => debug_assert!(false, "a place is all that it lacks"),
                    }
                    return self.answer(Reply::Restart(ticket, no_place));
                }
                self.leave_parked(slot);
                if let Some(child) = self.table.get_mut(slot) {
                    child.begin_anew();
                }
                let caller = LaunchCaller::Restart(ticket);
                self.launch(now, slot, Origin::Resume, Some(caller));
            }
            (Plan::After { .. }, _) if child.life.state().is_stuck() => {
                self.answer(Reply::Restart(ticket, Refusal::Stuck.into()));
            }
            _ => self.enqueue(slot, Queued::Restart(ticket)),
        }
    }

    /// The turn of those who wait, now that the child runs, is parked or is stuck.
    pub(super) fn next_in_queue(&mut self, now: Moment, slot: u32) {
        if !self.serving() {
            let refusal = self.closed();
            self.empty_queue(slot, refusal);
            return;
        }
        // Most sessions are waited for by nobody.
        if self
            .table
            .get(slot)
            .is_none_or(|child| child.waiting.is_none())
        {
            return;
        }
        self.tell_watchers(slot);
        let mut later = Vec::new();
        while let Some(child) = self.table.get_mut(slot) {
            let Some(waiting) = child.waiting.as_mut() else {
                break;
            };
            let released = child.life.is_down();
            // An actor that is ending by itself is no answer to anybody; its exit decides (D3).
            let answer = match &child.plan {
                Plan::Run => child.life.running().map(Start::Running),
                Plan::Park { .. } => Some(Start::Parked),
                Plan::After { .. } if child.life.state().is_stuck() => Some(Start::Stuck),
                Plan::After { .. }
                | Plan::InLine { .. }
                | Plan::Launch(_)
                | Plan::Restart { .. }
                | Plan::Forget { .. } => None,
            };
            let Some(answer) = answer else {
                break;
            };
            let mut starts = VecDeque::new();
            let next = loop {
                match waiting.queue.pop_front() {
                    Some(Queued::Start { spec, caller }) => starts.push_back((spec, caller)),
                    Some(Queued::Restart(ticket)) => break Some(ticket),
                    None => break None,
                }
            };
            let id = Arc::clone(&child.life.id);
            // A parked child whose last incarnation is not released yet answers starts at once, and
            // keeps the restarts by hand until it is.
            let wait = matches!(child.plan, Plan::Park { .. }) && !released;
            if !starts.is_empty() {
                self.tell_all(Crowd::Starts(starts, answer));
            }
            match next {
                Some(ticket) if Ticket::is_gone(&ticket) => {
                    self.discard(Discard::Caller(Caller::Restart(ticket)));
                }
                Some(ticket) if wait => later.push(ticket),
                Some(ticket) => self.restart(now, &id, ticket),
                None => break,
            }
        }
        for ticket in later.into_iter().rev() {
            match self.table.get_mut(slot) {
                Some(child) => child.waiting().queue.push_front(Queued::Restart(ticket)),
                None => self.answer(Reply::Restart(ticket, RestartAnswer::NotFound)),
            }
        }
        self.tidy_waiting(slot);
    }

    /// The turn of those who waited for an id that is now free.
    pub(super) fn next_for_free_id(
        &mut self,
        now: Moment,
        id: &Arc<str>,
        mut queue: Waiters<Queued<D>>,
    ) {
        while let Some(request) = queue.pop_front() {
            if !self.may_serve() {
                queue.push_front(request);
                return self.tell_all(Crowd::Queue(Arc::clone(id), queue));
            }
            if request.is_gone() {
                self.discard_request(request.into_parts());
                continue;
            }
            match request {
                Queued::Start { spec, caller } if self.serving() => {
                    if let Some(why) = self.refusal(now, &spec) {
                        self.refuse_new(id, spec, caller, why);
                        continue;
                    }
                    match self.table.reserve(id) {
                        Place::New(place) => {
                            let id = Arc::clone(id);
                            let waiting = Waiting::of(queue).map(Box::new);
                            return self.first_launch(now, place, id, spec, caller, waiting);
                        }
                        Place::Known(_) => {
                            debug_assert!(false, "the id is free");
                            self.refuse(spec, caller.not_started(Refusal::Down));
                        }
                    }
                }
                Queued::Restart(ticket) if self.serving() => {
                    self.answer(Reply::Restart(ticket, RestartAnswer::NotFound));
                }
                request => {
                    let refusal = self.closed();
                    self.refuse_queued(request, refusal);
                }
            }
        }
    }
}
