//! Taking the engine of a static supervisor apart.

use super::child::Child;
use super::{Mode, OrderedEngine};
use crate::engine::apart;
use crate::engine::io::{Caller, Discard, Domain};

impl<D: Domain> OrderedEngine<D> {
    /// Hands out every value that may be a user's, and every ticket. Nothing is decided after that.
    pub fn take_apart(&mut self) -> Vec<Discard<D>> {
        let mut values = Vec::new();
        match std::mem::replace(&mut self.mode, Mode::Ended) {
            Mode::Beginning(tickets) => {
                let callers = tickets.into_iter().map(Caller::Begin);
                values.extend(callers.map(Discard::Caller));
            }
            Mode::Stopping(stop) => stop.take_apart(&mut values),
            Mode::New | Mode::Serving | Mode::Ended => {}
        }
        for effect in std::mem::take(&mut self.effects) {
            apart::effect(effect, &mut values);
        }
        for queued in std::mem::take(&mut self.queue) {
            apart::request(queued.into_parts(), &mut values);
        }
        for child in std::mem::take(&mut self.children) {
            take_child_apart(child, &mut values);
        }
        values
    }
}

fn take_child_apart<D: Domain>(child: Child<D>, into: &mut Vec<Discard<D>>) {
    child.life.take_apart(into);
    into.extend(child.exit.map(Discard::Exit));
    into.extend(child.past.into_iter().flat_map(|past| past.into_values()));
    let stops = child.stops.into_iter().map(Caller::Stop);
    into.extend(stops.map(Discard::Caller));
}
