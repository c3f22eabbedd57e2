//! What is left to do after a step of driving, when no lock is held: the log is written, and values of
//! the user's are buried.
//!
//! A line that shows a value of the user's is written where that is dropped, and so is what comes after
//! it in the same drive, so that the order is kept. The rest of the log is written at once.
//!
//! Absent on purpose: any cost of a log that nobody listens to.

use std::sync::Arc;

use super::graveyard::{Grave, Graveyard};
use super::log;
use super::plan::Actors;
use super::shared::Shared;
use crate::engine::{Discard, Exit, Failure, Note, Seen};

#[derive(Debug)]
pub(super) struct Leftovers<'a> {
    graveyard: &'a Graveyard,
    lines: Vec<Line>,
}

/// One line of the log.
#[derive(Debug)]
pub(super) struct Line {
    session: Option<Arc<str>>,
    incarnation: u64,
    note: Note,
}

impl<'a> Leftovers<'a> {
    pub(super) const fn of(shared: &'a Shared) -> Self {
        Self {
            graveyard: &shared.graveyard,
            lines: Vec::new(),
        }
    }

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
            Note::Exited { exit, .. } => self.discard(Discard::Exit(exit)),
            Note::StartFailed(failure) | Note::RestartFailed { failure, .. } => {
                self.discard(Discard::Failure(failure));
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
                if let Some(plan) = Arc::into_inner(plan) {
                    self.graveyard.put(Grave::Plan(Box::new(plan)));
                }
            }
            Discard::Exit(Exit::Failed { cause })
            | Discard::Seen(Seen::Failed(cause))
            | Discard::Failure(Failure::Failed(cause)) => {
                if let Some(cause) = Arc::into_inner(cause) {
                    self.graveyard.put(Grave::Cause(cause));
                }
            }
            Discard::Exit(_) | Discard::Seen(_) | Discard::Failure(_) => {}
            Discard::Life(life) => drop(life),
            Discard::Ticket(ticket) => drop(ticket),
        }
    }

    /// Writes and buries all. No lock may be held.
    pub(super) fn settle(self, shared: &Arc<Shared>) {
        let mut lines = self.lines;
        let harmless = lines
            .iter()
            .position(|line| log::holds_user_values(&line.note))
            .unwrap_or(lines.len());
        let rest = lines.split_off(harmless);
        for line in lines {
            line.write(shared);
        }
        shared.bury(rest.into_iter().map(Grave::Line));
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
