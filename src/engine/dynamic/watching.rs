//! Callers that want to know when a session runs, or when it is gone, and change nothing (D25).

use super::Engine;
use super::crowds::Crowd;
use crate::engine::child::Plan;
use crate::engine::io::{AwaitAnswer, Caller, Discard, Domain, GoneAnswer, Refusal, Reply, Ticket};
use crate::engine::waiters::Waiters;
use crate::engine::waiting::Watchers;

/// Where a session is, for those who wait until it runs.
enum Whereabouts<D: Domain> {
    Runs(D::Found),
    Parked,
    Stuck,
    /// That is not decided yet.
    Open,
}

impl<D: Domain> Engine<D> {
    /// Answers when the session runs, or when it is certain that it does not come to that by
    /// itself.
    pub(super) fn tell_when_running(&mut self, id: &str, ticket: D::Ticket<AwaitAnswer<D>>) {
        let slot = self.table.find(id);
        match (self.decided(slot), slot) {
            (None, Some(slot)) => {
                let gone = self.add_watcher(slot, |watchers| &mut watchers.runs, ticket);
                self.discard_all(gone.into_iter().map(Caller::Await));
            }
            (answer, _) => {
                let answer = answer.unwrap_or(AwaitAnswer::NotFound);
                self.answer(Reply::Await(ticket, answer));
            }
        }
    }

    /// What those are told who wait until the session runs; none if that is not decided yet.
    fn decided(&self, slot: Option<u32>) -> Option<AwaitAnswer<D>> {
        let whereabouts = slot.map_or(Whereabouts::Open, |slot| self.whereabouts(slot));
        if !self.serving() {
            return Some(not_serving(self.closed(), &whereabouts));
        }
        match whereabouts {
            _ if slot.is_none() => Some(AwaitAnswer::NotFound),
            Whereabouts::Runs(found) => Some(AwaitAnswer::Running(found)),
            Whereabouts::Parked => Some(AwaitAnswer::Parked),
            Whereabouts::Stuck => Some(AwaitAnswer::Stuck),
            Whereabouts::Open => None,
        }
    }

    /// Answers when nothing of the session is known any more.
    pub(super) fn tell_when_gone(
        &mut self,
        id: &str,
        of: Option<u64>,
        ticket: D::Ticket<GoneAnswer>,
    ) {
        let is_meant = |slot: &u32| {
            let child = self.table.get(*slot);
            of.is_none_or(|actor| child.is_some_and(|child| child.has_had(actor)))
        };
        match self.table.find(id).filter(is_meant) {
            None => self.answer(Reply::Gone(ticket, GoneAnswer::NotFound)),
            Some(slot) => {
                let gone = self.add_watcher(slot, |watchers| &mut watchers.gone, ticket);
                self.discard_all(gone.into_iter().map(Caller::Gone));
            }
        }
    }

    /// Has a caller wait. Answers those who have gone away.
    fn add_watcher<T: Ticket>(
        &mut self,
        slot: u32,
        list: impl FnOnce(&mut Watchers<D>) -> &mut Waiters<T>,
        ticket: T,
    ) -> Vec<T> {
        match self.table.get_mut(slot) {
            Some(child) => list(&mut child.waiting().watchers).add(ticket),
            None => vec![ticket],
        }
    }

    pub(super) fn discard_all(&mut self, callers: impl Iterator<Item = Caller<D>>) {
        for caller in callers {
            self.discard(Discard::Caller(caller));
        }
    }

    fn whereabouts(&self, slot: u32) -> Whereabouts<D> {
        let Some(child) = self.table.get(slot) else {
            return Whereabouts::Open;
        };
        match &child.plan {
            // An actor that is ending by itself is no answer to anybody; its exit decides (D3).
            Plan::Run => child
                .life
                .running()
                .map_or(Whereabouts::Open, Whereabouts::Runs),
            Plan::Park { .. } => Whereabouts::Parked,
            Plan::After { .. } if child.life.state().is_stuck() => Whereabouts::Stuck,
            Plan::After { .. }
            | Plan::InLine { .. }
            | Plan::Launch(_)
            | Plan::Restart { .. }
            | Plan::Forget { .. } => Whereabouts::Open,
        }
    }

    /// It may have been decided now whether the session runs.
    pub(super) fn tell_watchers(&mut self, slot: u32) {
        if !self.has_watchers(slot) {
            return;
        }
        let Some(answer) = self.decided(Some(slot)) else {
            return;
        };
        if let Some(child) = self.table.get_mut(slot) {
            let runs = std::mem::take(&mut child.waiting().watchers.runs);
            self.tell_all(Crowd::Awaits(runs, answer));
            self.tidy_waiting(slot);
        }
    }

    /// Nothing is left of the session that these waited for. They go on waiting if one that waited
    /// for the id is being started now.
    pub(super) fn go_on_watching(&mut self, id: &str, runs: Waiters<D::Ticket<AwaitAnswer<D>>>) {
        if runs.is_empty() {
            return;
        }
        let slot = self.table.find(id);
        match (self.decided(slot), slot) {
            (None, Some(slot)) => {
                if let Some(child) = self.table.get_mut(slot) {
                    child.waiting().watchers.runs = runs;
                }
            }
            (answer, _) => {
                let answer = answer.unwrap_or(AwaitAnswer::NotFound);
                self.tell_all(Crowd::Awaits(runs, answer));
            }
        }
    }

    fn has_watchers(&self, slot: u32) -> bool {
        let waiting = self
            .table
            .get(slot)
            .and_then(|child| child.waiting.as_ref());
        waiting.is_some_and(|waiting| !waiting.watchers.runs.is_empty())
    }
}

/// What a supervisor that starts nothing any more answers. While it drains, a session runs until it
/// has its turn.
fn not_serving<D: Domain>(closed: Refusal, whereabouts: &Whereabouts<D>) -> AwaitAnswer<D> {
    match (closed, whereabouts) {
        (Refusal::Draining, Whereabouts::Runs(found)) => AwaitAnswer::Running(found.clone()),
        (Refusal::Draining, _) => AwaitAnswer::Draining,
        (Refusal::Down | Refusal::Stopped | Refusal::Stuck, _) => AwaitAnswer::Down,
    }
}
