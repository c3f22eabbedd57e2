//! Taking the engine of a session supervisor apart.

use super::{Engine, Mode};
use crate::engine::apart;
use crate::engine::child::{Child, Phase, Then};
use crate::engine::io::{Discard, Domain};

impl<D: Domain> Engine<D> {
    /// Hands out every value that may be a user's, and every ticket. Nothing is decided after that.
    pub fn take_apart(&mut self) -> Vec<Discard<D>> {
        let mut values = Vec::new();
        if let Mode::Stopping(stop) = std::mem::replace(&mut self.mode, Mode::Ended) {
            values.extend(stop.into_tickets().map(Discard::Ticket));
        }
        for effect in std::mem::take(&mut self.effects) {
            apart::effect(effect, &mut values);
        }
        for child in self.table.take_all() {
            take_child_apart(child, &mut values);
        }
        values
    }
}

fn take_child_apart<D: Domain>(child: Child<D>, into: &mut Vec<Discard<D>>) {
    into.push(Discard::Spec(child.spec));
    match child.phase {
        Phase::Leaving { exit, .. } => into.push(Discard::Exit(exit)),
        Phase::Cancelling { then, .. } | Phase::Stopping { then, .. } | Phase::Stuck { then } => {
            if let Then::Relaunch(ticket) = then {
                into.push(Discard::Ticket(ticket));
            }
        }
        Phase::Restarting { manual, .. } => into.extend(manual.map(Discard::Ticket)),
        Phase::InLine { ticket, .. } => into.extend(ticket.map(Discard::Ticket)),
        Phase::Launching(_) | Phase::Running | Phase::Parked { .. } => {}
    }
    if let Some(last) = child.history.and_then(|history| history.last) {
        into.push(Discard::Exit(last.exit));
    }
    if let Some(current) = child.current {
        apart::launch(current, into);
    }
    if let Some(waiting) = child.waiting {
        for request in waiting.queue {
            apart::request(request, into);
        }
        let callers = waiting.joined.into_iter().chain(waiting.stops);
        into.extend(callers.map(Discard::Ticket));
    }
}
