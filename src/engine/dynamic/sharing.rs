//! Callers that share a launch which another caller asked for (D3), and those that have gone away
//! before their turn.
//!
//! A start that ensures shares the launch that is under way when it comes. A restart by hand shares
//! the next launch that is made after it was asked, never one that had begun before.

use super::Engine;
use crate::engine::child::Origin;
use crate::engine::io::{Answer, Discard, Domain, Request, Ticket};

impl<D: Domain> Engine<D> {
    /// A launch is ordered for a caller: those who wait first in the queue for the same share it.
    pub(super) fn share_launch(&mut self, slot: u32, origin: Origin) {
        if !origin.is_asked() {
            return;
        }
        let Some(waiting) = self
            .table
            .get_mut(slot)
            .and_then(|child| child.waiting.as_mut())
        else {
            return;
        };
        let mut specs = Vec::new();
        while let Some(request) = waiting.queue.pop_front() {
            match request {
                Request::Ensure { spec, ticket } => {
                    specs.push(spec);
                    waiting.joined.push(ticket);
                }
                Request::Restart { ticket } if origin != Origin::First => {
                    waiting.joined.push(ticket);
                }
                other => {
                    waiting.queue.push_front(other);
                    break;
                }
            }
        }
        for spec in specs {
            self.discard(Discard::Spec(spec));
        }
    }

    pub(super) fn has_joined(&self, slot: u32) -> bool {
        let waiting = self
            .table
            .get(slot)
            .and_then(|child| child.waiting.as_ref());
        waiting.is_some_and(|waiting| !waiting.joined.is_empty())
    }

    fn take_joined(&mut self, slot: u32) -> Vec<D::Ticket> {
        let waiting = self
            .table
            .get_mut(slot)
            .and_then(|child| child.waiting.as_mut());
        waiting.map_or_else(Vec::new, |waiting| std::mem::take(&mut waiting.joined))
    }

    /// Answers all who share the launch.
    pub(super) fn answer_joined(&mut self, slot: u32, answer: impl Fn() -> Answer<D>) {
        let joined = self.take_joined(slot);
        if joined.is_empty() {
            return;
        }
        for ticket in joined {
            self.answer(ticket, answer());
        }
        self.tidy_waiting(slot);
    }

    /// Tells all who share the launch that it runs.
    pub(super) fn answer_joined_with_life(&mut self, slot: u32) {
        let child = self.table.get(slot);
        if let Some(life) = child.and_then(|child| child.life.life()).cloned() {
            self.answer_joined(slot, || Answer::Joined(life.clone()));
        }
    }

    pub(super) fn drop_joined_that_are_gone(&mut self, slot: u32) {
        let joined = self.take_joined(slot);
        if joined.is_empty() {
            return;
        }
        let (gone, there): (Vec<_>, Vec<_>) = joined.into_iter().partition(Ticket::is_gone);
        for ticket in gone {
            self.discard(Discard::Ticket(ticket));
        }
        if let Some(child) = self.table.get_mut(slot) {
            child.waiting().joined = there;
        }
        self.tidy_waiting(slot);
    }

    /// Drops a request whose caller has gone before its turn.
    pub(super) fn drop_request(&mut self, request: Request<D>) {
        let (spec, ticket) = request.into_parts();
        if let Some(spec) = spec {
            self.discard(Discard::Spec(spec));
        }
        self.discard(Discard::Ticket(ticket));
    }
}
