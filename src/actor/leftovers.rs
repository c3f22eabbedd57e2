//! What is left to do after a step of driving, when no lock is held: the log is written, and values of
//! the user's are dropped.
//!
//! What may run a user's code (a drop, the text of a cause) runs in a task of its own, so that it can
//! hold up neither the root nor whoever drives. The rest of the log is written at once; within one
//! drive its order is kept.
//!
//! Absent on purpose: any cost of a log that nobody listens to.

use std::sync::Arc;

use super::log;
use super::plan::{Plan, Sessions};
use super::shared::Shared;
use super::unwind::drop_guarded;
use crate::engine::{Discard, Exit, Note, Seen};

#[derive(Debug, Default)]
pub(super) struct Leftovers {
    lines: Vec<Line>,
    values: Vec<Value>,
}

/// One line of the log.
#[derive(Debug)]
struct Line {
    session: Option<Arc<str>>,
    incarnation: u64,
    note: Note,
}

/// A value whose drop may run a user's code.
#[derive(Debug)]
#[expect(dead_code, reason = "the values are kept only to be dropped elsewhere")]
enum Value {
    Plan(Arc<Plan>),
    Exit(Exit),
    Seen(Seen),
    Note(Note),
}

impl Leftovers {
    pub(super) fn note(&mut self, session: Option<Arc<str>>, incarnation: u64, note: Note) {
        if log::is_heard() {
            self.lines.push(Line {
                session,
                incarnation,
                note,
            });
        } else if log::holds_user_values(&note) {
            self.values.push(Value::Note(note));
        }
    }

    pub(super) fn discard(&mut self, value: Discard<Sessions>) {
        match value {
            Discard::Spec(plan) => self.values.push(Value::Plan(plan)),
            Discard::Exit(exit @ Exit::Failed { .. }) => self.values.push(Value::Exit(exit)),
            Discard::Seen(seen @ Seen::Failed(_)) => self.values.push(Value::Seen(seen)),
            Discard::Exit(_) | Discard::Seen(_) => {}
            Discard::Life(life) => drop(life),
        }
    }

    /// Writes and drops all. No lock may be held.
    pub(super) fn bury(self, shared: &Arc<Shared>) {
        let Self { mut lines, values } = self;
        let harmless = lines
            .iter()
            .position(|line| log::holds_user_values(&line.note))
            .unwrap_or(lines.len());
        let rest = lines.split_off(harmless);
        for line in lines {
            line.write(shared);
        }
        if rest.is_empty() && values.is_empty() {
            return;
        }
        let task = Arc::clone(shared);
        drop(shared.runtime().spawn(async move {
            for line in rest {
                line.write(&task);
                drop_guarded(line);
            }
            values.into_iter().for_each(drop_guarded);
        }));
    }
}

impl Line {
    fn write(&self, shared: &Shared) {
        log::write(
            shared.name(),
            self.session.as_deref(),
            self.incarnation,
            &self.note,
        );
    }
}
