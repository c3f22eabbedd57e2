//! What callers ask for one id: start, stop, restart by hand, and the queue where they wait (D3).
//!
//! Absent on purpose: answers to a start that succeeds. Whoever made the launch gives them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Engine;
use crate::engine::child::{Child, Origin, Phase, Then};
use crate::engine::exit::Exit;
use crate::engine::io::{Answer, Discard, Domain, Ending, Life, Note, Request};
use crate::engine::moment::Moment;
use crate::engine::table::SessionState;

impl<D: Domain> Engine<D> {
    pub(super) fn start(&mut self, now: Moment, id: Arc<str>, spec: D::Spec, ticket: D::Ticket) {
        if !self.serving() {
            self.refuse(spec, ticket, Answer::Down);
            return;
        }
        let Some(slot) = self.table.find(&id) else {
            self.first_start(now, id, spec, ticket);
            return;
        };
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        match (&child.phase, &child.current) {
            (Phase::Running, Some(current)) if current.life.ending() == Ending::No => {
                let life = current.life.clone();
                self.refuse(spec, ticket, Answer::Running(life));
            }
            (Phase::Parked, _) => self.refuse(spec, ticket, Answer::Parked),
            (Phase::Zombie { .. }, _) => self.refuse(spec, ticket, Answer::Zombie),
            _ => child
                .waiting()
                .queue
                .push_back(Request::Start { spec, ticket }),
        }
    }

    /// Makes the child and launches it, if there is a place. Answers its slot.
    fn first_start(
        &mut self,
        now: Moment,
        id: Arc<str>,
        spec: D::Spec,
        ticket: D::Ticket,
    ) -> Option<u32> {
        let max = self.settings.max_sessions;
        if self.table.counts().places() >= max {
            self.refuse(spec, ticket, Answer::MaxSessions(max));
            return None;
        }
        let slot = self.table.insert(Child {
            id,
            spec,
            phase: Phase::Launching(Origin::First),
            incarnation: 0,
            attempt: 0,
            history: None,
            current: None,
            waiting: None,
        });
        self.launch(now, slot, Origin::First, Some(ticket));
        Some(slot)
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
        if let Phase::Zombie { then } = &mut child.phase {
            let then = std::mem::replace(then, Then::Remove);
            self.answer(ticket, Answer::Zombie);
            self.dismiss(then, || Answer::Zombie);
            return;
        }
        child.waiting().stops.push(ticket);
        match &mut child.phase {
            Phase::Launching(_) => self.cancel(
                now,
                slot,
                Answer::Stopped,
                Then::Remove,
                SessionState::Stopping,
            ),
            Phase::Running => self.begin_stop(now, slot, Then::Remove, 0),
            Phase::Cancelling { then, .. } | Phase::Stopping { then, .. } => {
                let then = std::mem::replace(then, Then::Remove);
                self.dismiss(then, || Answer::Stopped);
            }
            Phase::Restarting { manual, .. } => {
                if let Some(manual) = manual.take() {
                    self.answer(manual, Answer::Stopped);
                }
                self.leave(now, slot, Exit::NotRunning);
            }
            Phase::Parked => self.leave(now, slot, Exit::NotRunning),
            Phase::Leaving { .. } => self.hurry(now, slot),
            Phase::Zombie { .. } => {}
        }
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
        let full = self.table.counts().places() >= max;
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        let released = child.current.is_none();
        match (&mut child.phase, &child.current) {
            (Phase::Running, Some(current)) if current.life.ending() == Ending::No => {
                self.begin_stop(now, slot, Then::Relaunch(ticket), 0);
            }
            (Phase::Restarting { due, manual }, _) if manual.is_none() => {
                *due = now;
                *manual = Some(ticket);
                self.relaunch_if_due(now, slot);
            }
            (Phase::Parked, _) if released && full => {
                self.answer(ticket, Answer::MaxSessions(max));
            }
            (Phase::Parked, _) if released => {
                if let Some(history) = &mut child.history {
                    history.window.clear();
                    history.step = 0;
                }
                self.launch(now, slot, Origin::Resume, Some(ticket));
            }
            (Phase::Zombie { .. }, _) => self.answer(ticket, Answer::Zombie),
            _ => child.waiting().queue.push_back(Request::Restart { ticket }),
        }
    }

    /// The turn of those who wait, now that the child runs, is parked or is a zombie.
    pub(super) fn next_in_queue(&mut self, now: Moment, slot: u32) {
        if !self.serving() {
            self.empty_queue(slot, || Answer::Down);
            return;
        }
        let mut later = VecDeque::new();
        while let Some(child) = self.table.get_mut(slot) {
            let released = child.current.is_none();
            // An actor that is ending by itself is no answer to anybody; its exit decides (D3).
            let settled = match (&child.phase, &child.current) {
                (Phase::Running, Some(current)) => current.life.ending() == Ending::No,
                (Phase::Parked | Phase::Zombie { .. }, _) => true,
                _ => false,
            };
            if !settled {
                break;
            }
            let Some(waiting) = child.waiting.as_mut() else {
                break;
            };
            let Some(request) = waiting.queue.pop_front() else {
                break;
            };
            let id = Arc::clone(&child.id);
            // A parked child whose last incarnation is not released yet answers starts at once, and
            // keeps the restarts by hand until it is.
            let wait = matches!(child.phase, Phase::Parked) && !released;
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
            match request {
                Request::Start { spec, ticket } if self.serving() => {
                    if let Some(slot) = self.first_start(now, Arc::clone(id), spec, ticket) {
                        if let Some(child) = self.table.get_mut(slot)
                            && !queue.is_empty()
                        {
                            child.waiting().queue = queue;
                        }
                        return;
                    }
                }
                Request::Start { spec, ticket } => self.refuse(spec, ticket, Answer::Down),
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
                Request::Start { spec, ticket } => self.refuse(spec, ticket, answer()),
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

    fn tidy_waiting(&mut self, slot: u32) {
        if let Some(child) = self.table.get_mut(slot)
            && child
                .waiting
                .as_ref()
                .is_some_and(|waiting| waiting.queue.is_empty() && waiting.stops.is_empty())
        {
            child.waiting = None;
        }
    }

    fn refuse(&mut self, spec: D::Spec, ticket: D::Ticket, answer: Answer<D>) {
        self.discard(Discard::Spec(spec));
        self.answer(ticket, answer);
    }

    /// Tells whoever would have been told of what now does not follow.
    pub(super) fn dismiss(&mut self, then: Then<D>, answer: impl Fn() -> Answer<D>) {
        if let Then::Relaunch(ticket) = then {
            self.answer(ticket, answer());
        }
    }

    /// Sets a session aside that used up its limit, or whose resumption failed.
    pub(super) fn park(&mut self, now: Moment, slot: u32) {
        self.set_timer(slot, None);
        self.table.set_phase(slot, Phase::Parked);
        self.note(slot, Note::Parked);
        self.next_in_queue(now, slot);
    }
}
