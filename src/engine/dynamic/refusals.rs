//! How requests are refused that wait for a session, and those who wait for its end.

use super::Engine;
use super::crowds::Crowd;
use crate::engine::callers::Caller;
use crate::engine::child::Then;
use crate::engine::io::{Discard, Domain, Refusal, Reply, StopAnswer};
use crate::engine::waiting::Queued;

impl<D: Domain> Engine<D> {
    /// Refuses all who wait for their turn.
    pub(super) fn empty_queue(&mut self, slot: u32, refusal: Refusal) {
        let Some(waiting) = self
            .table
            .get_mut(slot)
            .and_then(|child| child.waiting.as_mut())
        else {
            return;
        };
        let queue = std::mem::take(&mut waiting.queue);
        self.tell_all(Crowd::Refused(queue, refusal));
        self.tell_watchers(slot);
        self.tidy_waiting(slot);
    }

    pub(super) fn refuse_queued(&mut self, request: Queued<D>, refusal: Refusal) {
        match request {
            Queued::Start { spec, caller } => self.refuse(spec, caller.not_started(refusal)),
            Queued::Restart(ticket) => self.answer(Reply::Restart(ticket, refusal.into())),
        }
    }

    /// Tells all who wait for the end that it does not come.
    pub(super) fn answer_stops_stuck(&mut self, slot: u32) {
        let Some(waiting) = self
            .table
            .get_mut(slot)
            .and_then(|child| child.waiting.as_mut())
        else {
            return;
        };
        let stops = std::mem::take(&mut waiting.stops);
        if !stops.is_empty() {
            self.tell_all(Crowd::Stops(stops, StopAnswer::Stuck));
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

    /// Answers a start without a launch.
    pub(super) fn refuse(&mut self, spec: D::Spec, reply: Reply<D>) {
        self.discard(Discard::Spec(spec));
        self.answer(reply);
    }

    /// Refuses the caller that waits for what now does not follow.
    pub(super) fn dismiss(&mut self, then: Then<D>, refusal: Refusal) {
        if let Then::Relaunch(ticket) = then {
            self.answer(Reply::Restart(ticket, refusal.into()));
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
