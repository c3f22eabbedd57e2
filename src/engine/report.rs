//! What a supervisor's stop made of its children, and of theirs.

use std::time::Duration;

use super::exit::Exit;
use super::stop::StopCause;

/// Why a supervisor ended, and what became of the sessions that were known when it began to stop,
/// and, where they are supervisors, of their own children. The five counts add up to their number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Why it began to stop. What came meanwhile, such as a stop while it drained, changes nothing of
    /// that.
    pub cause: StopCause,
    /// Ended gracefully.
    pub stopped: usize,
    /// Ended with an error or a panic.
    pub failed: usize,
    /// Were killed: by their rule, since their grace was over, at the deadline, or by others.
    pub killed: usize,
    /// Were killed and are stuck in code that never awaits.
    pub stuck: usize,
    /// Were starting, restarting or parked, or were children of a tree that did not run: on demand,
    /// or terminated.
    pub not_running: usize,
    /// How long the stop took.
    #[cfg_attr(feature = "serde", serde(serialize_with = "super::serial::seconds"))]
    pub took: Duration,
}

impl ShutdownReport {
    /// Of a supervisor that begins to stop.
    pub(super) fn of(cause: StopCause) -> Self {
        Self {
            cause,
            ..Self::default()
        }
    }

    /// Counts one that ended.
    pub(super) fn tally(&mut self, exit: &Exit) {
        match exit {
            Exit::Normal { .. } | Exit::Shutdown => self.stopped += 1,
            Exit::Failed { .. } => self.failed += 1,
            Exit::Killed => self.killed += 1,
            Exit::NotRunning => self.not_running += 1,
        }
    }

    /// Adds what a child says of its own children. How long that took is part of how long this
    /// takes.
    pub(super) fn add(&mut self, child: Option<Self>) {
        if let Some(child) = child {
            self.stopped += child.stopped;
            self.failed += child.failed;
            self.killed += child.killed;
            self.stuck += child.stuck;
            self.not_running += child.not_running;
        }
    }
}
