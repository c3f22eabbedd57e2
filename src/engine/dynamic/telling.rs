//! What is told of the sessions: to the log, to those who follow each step, and to the dossier of the
//! session.

use std::sync::Arc;

use super::{Engine, Listening};
use crate::engine::child::Child;
use crate::engine::decision::Decision;
use crate::engine::dossier::{Exits, Record};
use crate::engine::event::{EventKind, Happening};
use crate::engine::exit::{Cause, Exit};
use crate::engine::io::{Discard, Domain};
use crate::engine::moment::Moment;

impl<D: Domain> Engine<D> {
    /// Somebody follows each step from now on, or nobody does any more.
    pub const fn listen(&mut self, listening: Listening) {
        self.listening = listening;
    }

    /// Tells a step that only those want to know who follow each.
    pub(super) fn step_taken(&mut self, slot: u32, kind: EventKind) {
        if self.listening == Listening::On {
            self.note(slot, kind);
        }
    }

    /// Tells what has happened, if anybody reads of it.
    pub(super) fn note(&mut self, slot: u32, happening: impl Into<Happening>) {
        let happening = happening.into();
        if !self.listening.wants(&happening.kind) {
            if let Some(cause) = happening.error {
                self.discard_exit(slot, Exit::Failed { cause });
            }
            return;
        }
        if let Some(child) = self.table.get(slot) {
            let effect = child.life.noted(happening);
            self.effects.push_back(effect);
        }
    }

    /// Discards an exit. Only the error in it is a user's value, and most are kept as that of the last
    /// exit: then this is not the last that there is of it.
    pub(super) fn discard_exit(&mut self, slot: u32, exit: Exit) {
        if let Exit::Failed { cause } = &exit
            && !self
                .table
                .known(slot)
                .is_some_and(|child| keeps(child, cause))
        {
            self.discard(Discard::Exit(exit));
        }
    }

    /// Tells an exit, a restart that failed, or what follows one of them, and decides how the log
    /// tells it. Keeps it if the session stays.
    pub(super) fn record(&mut self, now: Moment, slot: u32, happening: impl Into<Happening>) {
        let mut happening = happening.into();
        if let Some(decision) = happening.kind.decision()
            && decision.state().is_some()
            && let Some(child) = self.table.get_mut(slot)
        {
            keep(now, child, &happening.kind, *decision);
        }
        let exits = self.table.get_mut(slot).and_then(Child::exits_mut);
        if let Some(exits) = exits {
            happening.judge(now, &mut exits.repeats);
        }
        self.note(slot, happening);
    }
}

/// Whether its last incarnation ended with this error.
fn keeps<D: Domain>(child: &Child<D>, error: &Cause) -> bool {
    matches!(child.last_exit(), Some(Exit::Failed { cause }) if Arc::ptr_eq(cause, error))
}

#[inline]
fn keep<D: Domain>(now: Moment, child: &mut Child<D>, kind: &EventKind, decision: Decision) {
    if let EventKind::Decided(_) = kind {
        if let Some(exits) = child.exits_mut() {
            exits.decided(decision);
        }
        return;
    }
    let record = Record {
        at: now,
        incarnation: child.life.incarnation,
        kind: kind.clone(),
    };
    match &mut child.history().exits {
        Some(exits) => exits.add(record),
        exits @ None => *exits = Some(Exits::new(record)),
    }
}
