//! Taking the engine of a static supervisor apart.
//!
//! Absent on purpose: any order among the values.

use super::member::{Member, Phase};
use super::{Group, Mode};
use crate::engine::apart;
use crate::engine::io::{Discard, Domain};

impl<D: Domain> Group<D> {
    /// Hands out every value that may be a user's, and every ticket. Nothing is decided after that.
    pub fn take_apart(&mut self) -> Vec<Discard<D>> {
        let mut values = Vec::new();
        match std::mem::replace(&mut self.mode, Mode::Ended) {
            Mode::Beginning(tickets) => values.extend(tickets.into_iter().map(Discard::Ticket)),
            Mode::Stopping(stop) => stop.take_apart(&mut values),
            Mode::New | Mode::Serving | Mode::Ended => {}
        }
        for effect in std::mem::take(&mut self.effects) {
            apart::effect(effect, &mut values);
        }
        for (_, request) in std::mem::take(&mut self.queue) {
            apart::request(request, &mut values);
        }
        for member in std::mem::take(&mut self.members) {
            take_member_apart(member, &mut values);
        }
        values
    }
}

fn take_member_apart<D: Domain>(member: Member<D>, into: &mut Vec<Discard<D>>) {
    into.push(Discard::Spec(member.spec));
    if let Phase::Leaving {
        exit: Some(exit), ..
    } = member.phase
    {
        into.push(Discard::Exit(exit));
    }
    into.extend(member.last.map(|last| Discard::Exit(last.exit)));
    if let Some(current) = member.current {
        apart::launch(current, into);
    }
    into.extend(member.stops.into_iter().map(Discard::Ticket));
}
