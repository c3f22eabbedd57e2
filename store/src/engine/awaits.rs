//! For what those wait who are told of a write, and what they are told.

use std::sync::Arc;

use super::pending::Pending;

/// For what one waits.
#[derive(Debug)]
pub(super) enum Awaits {
    Record(u64),
    State(Arc<str>, u64),
    Awake(u64),
    /// Whatever it is.
    Settled,
}

/// What became of what was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It is durable.
    Written,
    /// It was not written, since the session has been forgotten meanwhile.
    Withdrawn,
    /// The write failed. A new record is not remembered; all else is tried again.
    Failed,
}

impl Awaits {
    /// What becomes of it if this is written.
    pub(super) fn outcome(&self, pending: &Pending) -> Outcome {
        let there = match self {
            Self::Record(revision) => pending.remembers(*revision),
            Self::State(slot, revision) => pending.saved(slot, *revision).is_some(),
            Self::Awake(revision) => pending.wakes(*revision),
            Self::Settled => true,
        };
        if there {
            Outcome::Written
        } else {
            Outcome::Withdrawn
        }
    }
}
