//! Callers that want to know when a session runs, or when it is gone, and change nothing (D25).

use super::Engine;
use crate::engine::child::Plan;
use crate::engine::io::{AwaitAnswer, Caller, Discard, Domain, Refusal, Reply, StopAnswer, Ticket};
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
        let answer = match self.table.find(id) {
            slot if !self.serving() => self.if_it_runs(slot),
            None => AwaitAnswer::NotFound,
            Some(slot) => match self.whereabouts(slot) {
                Whereabouts::Runs(found) => AwaitAnswer::Running(found),
                Whereabouts::Parked => AwaitAnswer::Parked,
                Whereabouts::Stuck => AwaitAnswer::Stuck,
                Whereabouts::Open => {
                    let gone = self.add_watcher(slot, |watchers| &mut watchers.runs, ticket);
                    self.discard_all(gone.into_iter().map(Caller::Await));
                    return;
                }
            },
        };
        self.answer(Reply::Await(ticket, answer));
    }

    fn if_it_runs(&self, slot: Option<u32>) -> AwaitAnswer<D> {
        let whereabouts = slot.map_or(Whereabouts::Open, |slot| self.whereabouts(slot));
        not_serving(self.closed(), &whereabouts)
    }

    /// Answers when nothing of the session is known any more.
    pub(super) fn tell_when_gone(&mut self, id: &str, ticket: D::Ticket<StopAnswer>) {
        match self.table.find(id) {
            None => self.answer(Reply::Stop(ticket, StopAnswer::NotFound)),
            Some(slot) => {
                let gone = self.add_watcher(slot, |watchers| &mut watchers.gone, ticket);
                self.discard_all(gone.into_iter().map(Caller::Stop));
            }
        }
    }

    /// Has a caller wait. Answers those who have gone away.
    fn add_watcher<T: Ticket>(
        &mut self,
        slot: u32,
        list: impl FnOnce(&mut Watchers<D>) -> &mut Vec<T>,
        ticket: T,
    ) -> Vec<T> {
        match self.table.get_mut(slot) {
            Some(child) => add(list(&mut child.waiting().watchers), ticket),
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
        let whereabouts = self.whereabouts(slot);
        if matches!(whereabouts, Whereabouts::Open) && self.serving() {
            return;
        }
        let (serving, closed) = (self.serving(), self.closed());
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        for ticket in std::mem::take(&mut child.waiting().watchers.runs) {
            let answer = match &whereabouts {
                whereabouts if !serving => not_serving(closed, whereabouts),
                Whereabouts::Runs(found) => AwaitAnswer::Running(found.clone()),
                Whereabouts::Parked => AwaitAnswer::Parked,
                Whereabouts::Stuck => AwaitAnswer::Stuck,
                Whereabouts::Open => AwaitAnswer::NotFound,
            };
            self.answer(Reply::Await(ticket, answer));
        }
        self.tidy_waiting(slot);
    }

    fn has_watchers(&self, slot: u32) -> bool {
        let waiting = self
            .table
            .get(slot)
            .and_then(|child| child.waiting.as_ref());
        waiting.is_some_and(|waiting| !waiting.watchers.runs.is_empty())
    }
}

/// Has a caller wait. Answers those who have gone away: they are looked for whenever the list would
/// grow, so that it holds at most twice as many as wait.
pub(super) fn add<T: Ticket>(list: &mut Vec<T>, ticket: T) -> Vec<T> {
    let mut gone = Vec::new();
    if list.len() == list.capacity() {
        gone = list.extract_if(.., |ticket| ticket.is_gone()).collect();
    }
    list.push(ticket);
    gone
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
