//! What happened, on its way out of the engine, and how the log tells it.

use super::{EventKind, Severity};
use crate::engine::exit::Cause;
use crate::engine::moment::Moment;
use crate::engine::repeats::{Repeat, Repeats};

/// What happened, with the user's error that leaves the engine with it.
#[derive(Debug)]
pub(in crate::engine) struct Happening {
    pub(in crate::engine) kind: EventKind,
    pub(in crate::engine) error: Option<Cause>,
    /// How the log tells it.
    pub(in crate::engine) repeat: Repeat,
}

impl Happening {
    pub(in crate::engine) const fn new(kind: EventKind, error: Option<Cause>) -> Self {
        Self {
            kind,
            error,
            repeat: Repeat::None,
        }
    }

    /// Decides how the log tells it: an exit, a restart that failed, or what follows one of them.
    pub(in crate::engine) fn judge(&mut self, now: Moment, repeats: &mut Repeats) {
        self.repeat = match self.kind.severity() {
            Severity::Detail => Repeat::None,
            Severity::Warning if self.kind.state().is_some() => repeats.crash(now),
            // It does not come back, or not soon.
            Severity::Warning | Severity::Error => repeats.number(),
        };
    }

    /// The same within a tree that is brought back as a whole: what ends it is a crash like others.
    pub(in crate::engine) fn judge_in_tree(&mut self, now: Moment, repeats: &mut Repeats) {
        self.repeat = match self.kind.severity() {
            Severity::Detail => Repeat::None,
            Severity::Warning | Severity::Error => repeats.crash(now),
        };
    }
}

impl From<EventKind> for Happening {
    fn from(kind: EventKind) -> Self {
        Self::new(kind, None)
    }
}
