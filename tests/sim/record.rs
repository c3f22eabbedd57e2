//! What is kept of a history: its story for people, or a hash for the oracle.

use session_supervisor::engine::{Counts, Effect, Moment};

use crate::domain::SimDomain;
use crate::oracle::Hash;

/// What is kept of the inputs and effects of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trace {
    Off,
    /// A hash of the effects.
    Hash,
    /// All of them, as lines.
    On,
}

/// What is kept of a history.
#[derive(Debug)]
pub(crate) struct Record {
    trace: Trace,
    pub(crate) hash: Hash,
    pub(crate) story: Vec<String>,
}

impl Record {
    pub(crate) const fn new(trace: Trace) -> Self {
        Self {
            trace,
            hash: Hash::new(),
            story: Vec::new(),
        }
    }

    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        if self.trace == Trace::On {
            self.story.push(line());
        }
    }

    pub(crate) fn effect(&mut self, now: Moment, effect: &Effect<SimDomain>) {
        self.tell(|| format!("    {effect:?}"));
        if self.trace == Trace::Hash {
            self.hash.effect(now, effect);
        }
    }

    /// What can be asked of the engine after a step.
    pub(crate) fn state(&mut self, due: Option<Moment>, counts: impl FnOnce() -> Counts) {
        if self.trace == Trace::Hash {
            self.hash.state(due, counts());
        }
    }
}
