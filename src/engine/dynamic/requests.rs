//! What callers ask for one id: start, stop, restart by hand, and the queue where they wait (D3).
//!
//! A start that succeeds is answered by its launch; those who share it are answered in `sharing`.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Engine;
use super::pace::NO_BATCH;
use crate::engine::child::{Origin, Plan, Then, Told};
use crate::engine::exit::Exit;
use crate::engine::io::{Answer, Discard, Domain, Request, Ticket};
use crate::engine::moment::Moment;
use crate::engine::table::{Place, SessionState};

/// Whether a start may share the outcome of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    Yes,
    No,
}

impl<D: Domain> Engine<D> {
    pub(super) fn start(
        &mut self,
        now: Moment,
        id: Arc<str>,
        spec: D::Spec,
        ticket: D::Ticket,
        share: Share,
    ) {
        if !self.serving() {
            self.refuse(spec, ticket, Answer::Down);
            return;
        }
        let slot = if self.is_full() {
            match self.table.find(&id) {
                Some(slot) => slot,
                None => return self.refuse_full(spec, ticket),
            }
        } else {
            match self.table.reserve(&id) {
                Place::Known(slot) => slot,
                Place::New(slot) => {
                    return self.first_launch(now, slot, id, spec, ticket, VecDeque::new());
                }
            }
        };
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        match (&child.plan, child.life.running()) {
            (Plan::Run, Some(life)) => {
                let life = life.clone();
                self.refuse(spec, ticket, Answer::Running(life));
            }
            (Plan::Park { .. }, _) => self.refuse(spec, ticket, Answer::Parked),
            (Plan::After { .. }, _) if child.life.state().is_stuck() => {
                self.refuse(spec, ticket, Answer::Stuck);
            }
            (Plan::Launch(origin) | Plan::InLine { origin, .. }, _)
                if share == Share::Yes && origin.is_asked() && child.queue_is_empty() =>
            {
                child.waiting().joined.push(ticket);
                self.discard(Discard::Spec(spec));
            }
            _ => child.waiting().queue.push_back(match share {
                Share::Yes => Request::Ensure { spec, ticket },
                Share::No => Request::Start { spec, ticket },
            }),
        }
    }

    pub(super) fn stop(&mut self, now: Moment, id: &str, ticket: D::Ticket) {
        let Some(slot) = self.table.find(id) else {
            self.answer(ticket, Answer::NotFound);
            return;
        };
        self.empty_queue(slot, || Answer::Stopped);
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        if child.life.state().is_stuck() {
            let then = child.take_then();
            self.answer(ticket, Answer::Stuck);
            self.dismiss(then, || Answer::Stuck);
            return;
        }
        child.waiting().stops.push(ticket);
        match &mut child.plan {
            Plan::Launch(_) => self.cancel(
                now,
                slot,
                Told::Stopped,
                Then::Remove,
                SessionState::Stopping,
            ),
            Plan::InLine { .. } => self.end_in_line(now, slot, Told::Stopped),
            Plan::Run => self.begin_stop(now, slot, Then::Remove, NO_BATCH),
            Plan::After { then, .. } => {
                let then = std::mem::replace(then, Then::Remove);
                self.dismiss(then, || Answer::Stopped);
            }
            Plan::Restart { manual, .. } => {
                if let Some(manual) = manual.take() {
                    self.answer(manual, Answer::Stopped);
                }
                self.leave(now, slot, Exit::NotRunning);
            }
            Plan::Park { .. } => self.leave(now, slot, Exit::NotRunning),
            Plan::Forget { .. } => self.hurry(now, slot),
        }
    }

    /// A child that waits in line will not be launched.
    pub(super) fn end_in_line(&mut self, now: Moment, slot: u32, told: Told) {
        if let Some(ticket) = self.leave_line(slot) {
            self.answer(ticket, told.answer());
        }
        self.answer_joined(slot, || told.answer());
        self.leave(now, slot, Exit::NotRunning);
    }

    pub(super) fn restart(&mut self, now: Moment, id: &str, ticket: D::Ticket) {
        if !self.serving() {
            self.answer(ticket, Answer::Down);
            return;
        }
        let Some(slot) = self.table.find(id) else {
            self.answer(ticket, Answer::NotFound);
            return;
        };
        let max = self.settings.max_sessions;
        let full = self.is_full();
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
                    ticket: first,
                    ..
                },
                _,
            ) if *origin != Origin::First => {
                *origin = match origin {
                    Origin::Trial | Origin::Resume => Origin::Resume,
                    _ => Origin::Manual,
                };
                let resumed = *origin == Origin::Resume;
                match first {
                    Some(_) => child.waiting().joined.push(ticket),
                    None => *first = Some(ticket),
                }
                if resumed {
                    child.begin_anew();
                }
            }
            (Plan::Park { .. }, _) if released && full => {
                self.answer(ticket, Answer::MaxSessions(max));
            }
            (Plan::Park { .. }, _) if released => {
                self.leave_parked(slot);
                if let Some(child) = self.table.get_mut(slot) {
                    child.begin_anew();
                }
                self.launch(now, slot, Origin::Resume, Some(ticket));
            }
            (Plan::After { .. }, _) if child.life.state().is_stuck() => {
                self.answer(ticket, Answer::Stuck);
            }
            _ => child.waiting().queue.push_back(Request::Restart { ticket }),
        }
    }

    /// The turn of those who wait, now that the child runs, is parked or is stuck.
    pub(super) fn next_in_queue(&mut self, now: Moment, slot: u32) {
        if !self.serving() {
            self.empty_queue(slot, || Answer::Down);
            return;
        }
        let mut later = VecDeque::new();
        while let Some(child) = self.table.get_mut(slot) {
            let released = child.life.is_down();
            // An actor that is ending by itself is no answer to anybody; its exit decides (D3).
            let decided = match &child.plan {
                Plan::Run => child.life.running().is_some(),
                Plan::Park { .. } => true,
                Plan::After { .. } => child.life.state().is_stuck(),
                Plan::InLine { .. }
                | Plan::Launch(_)
                | Plan::Restart { .. }
                | Plan::Forget { .. } => false,
            };
            if !decided {
                break;
            }
            let Some(waiting) = child.waiting.as_mut() else {
                break;
            };
            let Some(request) = waiting.queue.pop_front() else {
                break;
            };
            if request.ticket().is_gone() {
                self.drop_request(request);
                continue;
            }
            let id = Arc::clone(&child.life.id);
            // A parked child whose last incarnation is not released yet answers starts at once, and
            // keeps the restarts by hand until it is.
            let wait = matches!(child.plan, Plan::Park { .. }) && !released;
            match request {
                Request::Restart { .. } if wait => later.push_back(request),
                request => self.asked(now, id, request),
            }
        }
        if !later.is_empty() {
            match self.table.get_mut(slot) {
                Some(child) => {
                    later.append(&mut child.waiting().queue);
                    child.waiting().queue = later;
                }
                None => self.refuse_all(later, || Answer::NotFound),
            }
        }
        self.tidy_waiting(slot);
    }

    /// The turn of those who waited for an id that is now free.
    pub(super) fn next_for_free_id(
        &mut self,
        now: Moment,
        id: &Arc<str>,
        mut queue: VecDeque<Request<D>>,
    ) {
        while let Some(request) = queue.pop_front() {
            if request.ticket().is_gone() {
                self.drop_request(request);
                continue;
            }
            match request {
                Request::Start { spec, ticket } | Request::Ensure { spec, ticket }
                    if self.serving() =>
                {
                    if self.is_full() {
                        self.refuse_full(spec, ticket);
                        continue;
                    }
                    match self.table.reserve(id) {
                        Place::New(slot) => {
                            let id = Arc::clone(id);
                            return self.first_launch(now, slot, id, spec, ticket, queue);
                        }
                        Place::Known(_) => {
                            debug_assert!(false, "the id is free");
                            self.refuse(spec, ticket, Answer::Down);
                        }
                    }
                }
                Request::Start { spec, ticket } | Request::Ensure { spec, ticket } => {
                    self.refuse(spec, ticket, Answer::Down);
                }
                Request::Restart { ticket } if self.serving() => {
                    self.answer(ticket, Answer::NotFound);
                }
                Request::Restart { ticket } => self.answer(ticket, Answer::Down),
                Request::Stop { ticket } | Request::Delete { ticket } => {
                    self.answer(ticket, Answer::NotFound);
                }
            }
        }
    }

    /// Answers all who wait for their turn.
    pub(super) fn empty_queue(&mut self, slot: u32, answer: impl Fn() -> Answer<D>) {
        let Some(waiting) = self
            .table
            .get_mut(slot)
            .and_then(|child| child.waiting.as_mut())
        else {
            return;
        };
        let queue = std::mem::take(&mut waiting.queue);
        self.refuse_all(queue, answer);
        self.tidy_waiting(slot);
    }

    fn refuse_all(&mut self, queue: VecDeque<Request<D>>, answer: impl Fn() -> Answer<D>) {
        for request in queue {
            match request {
                Request::Start { spec, ticket } | Request::Ensure { spec, ticket } => {
                    self.refuse(spec, ticket, answer());
                }
                Request::Stop { ticket }
                | Request::Restart { ticket }
                | Request::Delete { ticket } => {
                    self.answer(ticket, answer());
                }
            }
        }
    }

    /// Answers all who wait for the end.
    pub(super) fn answer_stops(&mut self, slot: u32, answer: impl Fn() -> Answer<D>) {
        let Some(waiting) = self
            .table
            .get_mut(slot)
            .and_then(|child| child.waiting.as_mut())
        else {
            return;
        };
        for ticket in std::mem::take(&mut waiting.stops) {
            self.answer(ticket, answer());
        }
        self.tidy_waiting(slot);
    }

    pub(super) fn tidy_waiting(&mut self, slot: u32) {
        if let Some(child) = self.table.get_mut(slot)
            && child
                .waiting
                .as_ref()
                .is_some_and(|waiting| waiting.is_empty())
        {
            child.waiting = None;
        }
    }

    pub(super) fn refuse(&mut self, spec: D::Spec, ticket: D::Ticket, answer: Answer<D>) {
        self.discard(Discard::Spec(spec));
        self.answer(ticket, answer);
    }

    /// Refuses the callers that wait for what now does not follow.
    pub(super) fn dismiss(&mut self, then: Then<D>, answer: impl Fn() -> Answer<D>) {
        if let Then::Relaunch(ticket) = then {
            self.answer(ticket, answer());
        }
    }
}
