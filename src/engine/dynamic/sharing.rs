//! Callers that share a launch which another caller asked for (D3), and those that have gone away
//! before their turn.
//!
//! A start that ensures shares the launch that is under way when it comes. A restart by hand shares
//! the next launch that is made after it was asked, never one that had begun before.

use std::collections::VecDeque;

use super::Engine;
use super::crowds::{Crowd, Shared};
use crate::engine::child::Origin;
use crate::engine::io::{Caller, Domain, Failure, Life, Refusal, StopAnswer};
use crate::engine::waiters::Waiters;
use crate::engine::waiting::{Queued, ShareCaller, StartCaller};

/// What is told to all who share a launch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sharers;

impl Sharers {
    /// The launch has failed.
    pub(super) const fn failed<D: Domain>(self, failure: Failure) -> Shared<D> {
        Shared::Failed(failure)
    }

    /// Nothing comes of the launch.
    pub(super) const fn refused<D: Domain>(self, refusal: Refusal) -> Shared<D> {
        Shared::Refused(refusal)
    }
}

impl<D: Domain> Engine<D> {
    /// Has a request wait for its turn.
    pub(super) fn enqueue(&mut self, slot: u32, request: Queued<D>) {
        let gone = match self.table.get_mut(slot) {
            Some(child) => child.waiting().queue.add(request),
            None => vec![request],
        };
        for request in gone {
            self.discard_request(request.into_parts());
        }
    }

    /// Has a caller share what becomes of the launch.
    pub(super) fn join(&mut self, slot: u32, caller: ShareCaller<D>) {
        let gone = match self.table.get_mut(slot) {
            Some(child) => child.waiting().joined.add(caller),
            None => vec![caller],
        };
        self.discard_all(gone.into_iter().map(Caller::from));
    }

    /// Has a stop wait for the end.
    pub(super) fn wait_for_end(&mut self, slot: u32, ticket: D::Ticket<StopAnswer>) {
        let gone = match self.table.get_mut(slot) {
            Some(child) => child.waiting().stops.add(ticket),
            None => vec![ticket],
        };
        self.discard_all(gone.into_iter().map(Caller::Stop));
    }

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
        let mut specs = VecDeque::new();
        let mut gone = Vec::new();
        while let Some(request) = waiting.queue.pop_front() {
            match request {
                Queued::Start {
                    spec,
                    caller: StartCaller::Ensure(ticket),
                } => {
                    specs.push_back(spec);
                    gone.append(&mut waiting.joined.add(ShareCaller::Ensure(ticket)));
                }
                Queued::Restart(ticket) if origin != Origin::First => {
                    gone.append(&mut waiting.joined.add(ShareCaller::Restart(ticket)));
                }
                other => {
                    waiting.queue.push_front(other);
                    break;
                }
            }
        }
        if !specs.is_empty() {
            self.tell_all(Crowd::Specs(specs));
        }
        self.discard_all(gone.into_iter().map(Caller::from));
    }

    pub(super) fn has_joined(&self, slot: u32) -> bool {
        let waiting = self
            .table
            .get(slot)
            .and_then(|child| child.waiting.as_ref());
        waiting.is_some_and(|waiting| !waiting.joined.is_empty())
    }

    fn take_joined(&mut self, slot: u32) -> Waiters<ShareCaller<D>> {
        let waiting = self
            .table
            .get_mut(slot)
            .and_then(|child| child.waiting.as_mut());
        waiting.map_or_else(Waiters::default, |waiting| {
            std::mem::take(&mut waiting.joined)
        })
    }

    /// Answers all who share the launch.
    pub(super) fn answer_joined(&mut self, slot: u32, tell: impl FnOnce(Sharers) -> Shared<D>) {
        let joined = self.take_joined(slot);
        if joined.is_empty() {
            return;
        }
        self.tell_all(Crowd::Joined(joined, tell(Sharers)));
        self.tidy_waiting(slot);
    }

    /// Tells all who share the launch that it runs.
    pub(super) fn answer_joined_that_it_runs(&mut self, slot: u32) {
        if !self.has_joined(slot) {
            return;
        }
        let child = self.table.get(slot);
        match child.and_then(|child| child.life.life()?.found()) {
            Some(found) => self.answer_joined(slot, |_| Shared::Runs(found)),
            None => self.answer_joined(slot, |callers| callers.refused(Refusal::Down)),
        }
    }

    pub(super) fn drop_joined_that_are_gone(&mut self, slot: u32) {
        if !self.has_joined(slot) {
            return;
        }
        let gone = match self.table.get_mut(slot) {
            Some(child) => child.waiting().joined.take_gone(),
            None => return,
        };
        self.discard_all(gone.into_iter().map(Caller::from));
        self.tidy_waiting(slot);
    }
}
