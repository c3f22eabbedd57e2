//! Callers that share a launch which another caller asked for (D3), and those that have gone away
//! before their turn.
//!
//! A start that ensures shares the launch that is under way when it comes. A restart by hand shares
//! the next launch that is made after it was asked, never one that had begun before.

use super::Engine;
use crate::engine::child::Origin;
use crate::engine::io::{Discard, Domain, Life, Refusal, Reply};
use crate::engine::waiting::{Queued, ShareCaller, StartCaller};

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
                Queued::Start {
                    spec,
                    caller: StartCaller::Ensure(ticket),
                } => {
                    specs.push(spec);
                    waiting.joined.push(ShareCaller::Ensure(ticket));
                }
                Queued::Restart(ticket) if origin != Origin::First => {
                    waiting.joined.push(ShareCaller::Restart(ticket));
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

    fn take_joined(&mut self, slot: u32) -> Vec<ShareCaller<D>> {
        let waiting = self
            .table
            .get_mut(slot)
            .and_then(|child| child.waiting.as_mut());
        waiting.map_or_else(Vec::new, |waiting| std::mem::take(&mut waiting.joined))
    }

    /// Answers all who share the launch.
    pub(super) fn answer_joined(&mut self, slot: u32, tell: impl Fn(ShareCaller<D>) -> Reply<D>) {
        let joined = self.take_joined(slot);
        if joined.is_empty() {
            return;
        }
        for caller in joined {
            self.answer(tell(caller));
        }
        self.tidy_waiting(slot);
    }

    /// Tells all who share the launch that it runs.
    pub(super) fn answer_joined_that_it_runs(&mut self, slot: u32) {
        if !self.has_joined(slot) {
            return;
        }
        let child = self.table.get(slot);
        match child.and_then(|child| child.life.life()?.found()) {
            Some(found) => self.answer_joined(slot, |caller| caller.joined(found.clone())),
            None => self.answer_joined(slot, |caller| caller.refused(Refusal::Down)),
        }
    }

    pub(super) fn drop_joined_that_are_gone(&mut self, slot: u32) {
        let joined = self.take_joined(slot);
        if joined.is_empty() {
            return;
        }
        let (gone, there): (Vec<_>, Vec<_>) = joined.into_iter().partition(ShareCaller::is_gone);
        for caller in gone {
            self.discard(Discard::Caller(caller.into()));
        }
        if let Some(child) = self.table.get_mut(slot) {
            child.waiting().joined = there;
        }
        self.tidy_waiting(slot);
    }
}
