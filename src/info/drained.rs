//! What became of the sessions of a supervisor that drained.

use std::time::Duration;

use crate::SessionId;
use crate::engine::{DrainOutcome, ShutdownReport};

/// What became of a supervisor that [drained](crate::SessionSupervisor::drain).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DrainReport {
    /// Each session that was known when the drain began, in the order of their ends.
    pub sessions: Vec<DrainedSession>,
    /// How many ended how, and how long all of it took: the report of a stop, which also counts the
    /// children of sessions that are trees.
    pub summary: ShutdownReport,
}

/// What became of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DrainedSession {
    /// Its id.
    pub id: SessionId,
    /// How it ended. Its error, if it has failed, is told by the log.
    pub outcome: DrainOutcome,
    /// How long its end took: from the moment at which the drain asked it to end, or knew that it
    /// was ending by itself, until nothing of it was left. Of a stuck one, until it was known to be
    /// stuck. Zero if it did not run and there was nothing to wait for.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::engine::serial::seconds")
    )]
    pub took: Duration,
}
