//! What a supervisor tells of its sessions.
//!
//! Absent on purpose: `Counts`, `SessionState` and `Exit`, which are the engine's own words.

use std::time::Duration;

use ractor::ActorCell;

use crate::SessionId;
use crate::engine::{Exit, Report, SessionState};

/// What is known of one session at the moment it was asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionInfo {
    /// Its id.
    pub id: SessionId,
    /// What it is doing.
    pub state: SessionState,
    /// The number of its present or last incarnation, from 1. Every launch takes the next one, a
    /// failed attempt too.
    pub incarnation: u64,
    /// How many restarts were decided since its first start; restarts by hand are not counted.
    pub restarts: u64,
    /// Its actor, while it runs, stops, or is a zombie. It names this incarnation: look it up again
    /// after a restart.
    pub cell: Option<ActorCell>,
    /// How its last incarnation ended.
    pub last_exit: Option<Exit>,
}

/// What [`ensure_session`](crate::SessionSupervisor::ensure_session) found or made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a session that is there was either made or found"
)]
pub enum Ensured<R> {
    /// The session did not run and has been started.
    Created(R),
    /// It ran already.
    Existing(R),
}

impl<R> Ensured<R> {
    /// The reference, whether the session was made or found.
    pub fn into_inner(self) -> R {
        match self {
            Self::Created(reference) | Self::Existing(reference) => reference,
        }
    }

    pub(crate) fn map<T>(self, change: impl FnOnce(R) -> T) -> Ensured<T> {
        match self {
            Self::Created(reference) => Ensured::Created(change(reference)),
            Self::Existing(reference) => Ensured::Existing(change(reference)),
        }
    }
}

/// What became of the sessions that were known when the supervisor began to stop. The five counts
/// add up to their number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Ended gracefully.
    pub stopped: usize,
    /// Ended with an error or a panic.
    pub failed: usize,
    /// Were killed: by their rule, since their grace was over, at the deadline, or by others.
    pub killed: usize,
    /// Were killed and are stuck in code that never awaits.
    pub zombies: usize,
    /// Were starting, restarting or parked.
    pub not_running: usize,
    /// How long the stop took.
    pub took: Duration,
}

impl From<Report> for ShutdownReport {
    fn from(report: Report) -> Self {
        let Report {
            stopped,
            failed,
            killed,
            zombies,
            not_running,
            took,
        } = report;
        Self {
            stopped,
            failed,
            killed,
            zombies,
            not_running,
            took,
        }
    }
}
