//! Leases: a session that is leased is not ended for being idle, over its restarts too (D26).

use super::Engine;
use crate::engine::child::{Plan, Then};
use crate::engine::io::{Caller, Discard, Domain, LeaseAnswer, Refusal, Reply, Ticket};
use crate::engine::leases::{Last, LeaseNumber};
use crate::engine::moment::Moment;

impl<D: Domain> Engine<D> {
    /// Leases a session, unless it is known that nothing of it will go on.
    pub(super) fn lease(&mut self, id: &str, lease: LeaseNumber, ticket: D::Ticket<LeaseAnswer>) {
        // It has said already that the lease is over.
        if ticket.is_gone() {
            self.discard(Discard::Caller(Caller::Lease(ticket)));
            return;
        }
        let answer = self.try_lease(id, lease);
        self.answer(Reply::Lease(ticket, answer));
    }

    fn try_lease(&mut self, id: &str, lease: LeaseNumber) -> LeaseAnswer {
        if !self.serving() {
            return LeaseAnswer::Refused(self.closed());
        }
        let Some(slot) = self.table.find(id) else {
            return LeaseAnswer::NotFound;
        };
        let Some(child) = self.table.get_mut(slot) else {
            return LeaseAnswer::NotFound;
        };
        match &child.plan {
            Plan::InLine { .. } | Plan::Launch(_) | Plan::Run | Plan::Restart { .. } => {}
            Plan::After { .. } if child.life.state().is_stuck() => {
                return LeaseAnswer::Refused(Refusal::Stuck);
            }
            Plan::After { then, .. } => match then {
                Then::Relaunch(_) | Then::Retry => {}
                Then::Remove(_) => return LeaseAnswer::Stopping,
                Then::Park => return LeaseAnswer::Parked,
            },
            Plan::Park { .. } => return LeaseAnswer::Parked,
            Plan::Forget { .. } => return LeaseAnswer::NotFound,
        }
        child.extra_mut().leases.begin(lease);
        LeaseAnswer::Leased
    }

    /// A lease is over. If it was one of another session that had the id, nothing changes.
    pub(super) fn lease_ended(&mut self, now: Moment, id: &str, lease: LeaseNumber) {
        let Some(slot) = self.table.find(id) else {
            return;
        };
        let child = self.table.get_mut(slot);
        if let Some(child) = child.filter(|child| child.extra().is_some())
            && child.extra_mut().leases.end(now, lease) == Last::Yes
        {
            self.watch(now, slot);
        }
    }
}
