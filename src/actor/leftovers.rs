//! What is left to do after a step of driving, when no lock is held: the log is written, and values of
//! the user's are buried.
//!
//! A line that shows a value of the user's is written where that is dropped, and so is what comes after
//! it in the same drive, so that the order is kept. The rest of the log is written at once.
//!
//! Absent on purpose: any cost of a log that nobody listens to.

use std::sync::Arc;

use super::graveyard::Grave;
use super::log;
use super::plan::Actors;
use super::shared::Shared;
use crate::engine::{Discard, Exit, Failure, Note, Seen};

#[derive(Debug, Default)]
pub(super) struct Leftovers {
    lines: Vec<Line>,
    graves: Vec<Grave>,
}

/// One line of the log.
#[derive(Debug)]
pub(super) struct Line {
    session: Option<Arc<str>>,
    incarnation: u64,
    note: Note,
}

impl Leftovers {
    pub(super) fn note(&mut self, session: Option<Arc<str>>, incarnation: u64, note: Note) {
        if log::is_heard() {
            self.lines.push(Line {
                session,
                incarnation,
                note,
            });
            return;
        }
        match note {
            Note::Exited(exit) => self.discard(Discard::Exit(exit)),
            Note::StartFailed(Failure::Failed(cause))
            | Note::RestartFailed(Failure::Failed(cause)) => {
                self.discard(Discard::Exit(Exit::Failed { cause }));
            }
            _ => {}
        }
    }

    /// What was told to somebody who has gone away.
    pub(super) fn untold(&mut self, exits: impl IntoIterator<Item = Exit>) {
        for exit in exits {
            self.discard(Discard::Exit(exit));
        }
    }

    pub(super) fn discard(&mut self, value: Discard<Actors>) {
        // Only the last holder's drop runs a user's code, and `into_inner` tells who that is.
        match value {
            Discard::Spec(plan) => {
                let plan = Arc::into_inner(plan);
                self.graves.extend(plan.map(Box::new).map(Grave::Plan));
            }
            Discard::Exit(Exit::Failed { cause }) | Discard::Seen(Seen::Failed(cause)) => {
                let cause = Arc::into_inner(cause);
                self.graves.extend(cause.map(Grave::Cause));
            }
            Discard::Exit(_) | Discard::Seen(_) => {}
            Discard::Life(life) => drop(life),
        }
    }

    /// Writes and buries all. No lock may be held.
    pub(super) fn settle(self, shared: &Arc<Shared>) {
        let Self { mut lines, graves } = self;
        let harmless = lines
            .iter()
            .position(|line| log::holds_user_values(&line.note))
            .unwrap_or(lines.len());
        let rest = lines.split_off(harmless);
        for line in lines {
            line.write(shared);
        }
        if rest.is_empty() && graves.is_empty() {
            return;
        }
        shared.bury(rest.into_iter().map(Grave::Line).chain(graves));
    }
}

impl Line {
    pub(super) fn write(&self, shared: &Shared) {
        log::write(
            shared,
            self.session.as_deref(),
            self.incarnation,
            &self.note,
        );
    }
}
