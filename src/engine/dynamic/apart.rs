//! Taking the engine of a session supervisor apart.

use super::{Engine, Mode};
use crate::engine::apart;
use crate::engine::child::{Child, Plan, Then};
use crate::engine::io::{Caller, Discard, Domain};

impl<D: Domain> Engine<D> {
    /// Hands out every value that may be a user's, and every ticket. Nothing is decided after that.
    pub fn take_apart(&mut self) -> Vec<Discard<D>> {
        let mut values = Vec::new();
        if let Mode::Stopping(stop) = std::mem::replace(&mut self.mode, Mode::Ended) {
            values.extend(stop.into_callers().map(Discard::Caller));
        }
        for effect in std::mem::take(&mut self.effects) {
            apart::effect(effect, &mut values);
        }
        self.take_crowds_apart(&mut values);
        self.claims = None;
        for child in self.table.take_all() {
            take_child_apart(child, &mut values);
        }
        self.show_counts();
        values
    }
}

fn take_child_apart<D: Domain>(child: Child<D>, into: &mut Vec<Discard<D>>) {
    child.life.take_apart(into);
    match child.plan {
        Plan::Forget { exit, .. } => into.push(Discard::Exit(exit)),
        Plan::After { then, .. } => {
            if let Then::Relaunch(ticket) = then {
                into.push(Discard::Caller(Caller::Restart(ticket)));
            }
        }
        Plan::Restart { manual, .. } => {
            into.extend(manual.map(|ticket| Discard::Caller(Caller::Restart(ticket))));
        }
        Plan::InLine { caller, .. } => {
            into.extend(caller.map(|caller| Discard::Caller(caller.into())));
        }
        Plan::Launch(_) | Plan::Run | Plan::Park { .. } => {}
    }
    if let Some(history) = child.history {
        history.into_values(|value| into.push(value));
    }
    if let Some(waiting) = child.waiting {
        for request in waiting.queue {
            apart::request(request.into_parts(), into);
        }
        let joined = waiting.joined.into_iter().map(Caller::from);
        let stops = waiting.stops.into_iter().map(Caller::Stop);
        let watchers = waiting.watchers.into_callers();
        into.extend(joined.chain(stops).chain(watchers).map(Discard::Caller));
    }
}
