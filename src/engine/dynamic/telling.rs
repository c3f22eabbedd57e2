//! What is told of the sessions: to the log, to those who follow each step, and to the dossier of the
//! session.

use super::Engine;
use crate::engine::child::Extra;
use crate::engine::dossier::{Exits, Record};
use crate::engine::event::{EventKind, Happening};
use crate::engine::io::Domain;
use crate::engine::moment::Moment;

/// Whether somebody follows each step of the sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listening {
    /// Only what the log may tell is told.
    Off,
    /// Each change of what a session shows is told.
    On,
}

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

    /// Tells what has happened.
    pub(super) fn note(&mut self, slot: u32, happening: impl Into<Happening>) {
        if let Some(child) = self.table.get(slot) {
            let effect = child.life.noted(happening.into());
            self.effects.push_back(effect);
        }
    }

    /// Tells what has happened: an exit, a restart that failed, or what follows one of them. Keeps
    /// it if the session stays, and decides how the log tells it.
    pub(super) fn record(&mut self, now: Moment, slot: u32, happening: impl Into<Happening>) {
        let mut happening = happening.into();
        let stays = happening
            .kind
            .decision()
            .is_some_and(|decision| decision.state().is_some());
        if let Some(child) = self.table.get_mut(slot) {
            let incarnation = child.life.incarnation;
            let extra = if stays {
                Some(child.extra_mut())
            } else {
                child.extra_if_any()
            };
            if let Some(Extra { exits, repeats, .. }) = extra {
                happening.judge(now, repeats);
                if stays {
                    keep(exits, now, incarnation, &happening.kind);
                }
            }
        }
        self.note(slot, happening);
    }
}

fn keep(exits: &mut Option<Box<Exits>>, now: Moment, incarnation: u64, kind: &EventKind) {
    match (kind, exits) {
        (EventKind::Decided(decision), Some(exits)) => exits.decided(*decision),
        (EventKind::Decided(_), None) => {}
        (kind, exits) => {
            let record = Record {
                at: now,
                incarnation,
                kind: kind.clone(),
            };
            match exits {
                Some(exits) => exits.add(record),
                None => *exits = Some(Box::new(Exits::new(record))),
            }
        }
    }
}
