//! What can be asked of the store of a supervisor, in numbers.

use crate::session_store::StoreError;
use crate::writer::chain;

/// How a store is doing: [`DurableSupervisor::stats`](crate::DurableSupervisor::stats).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// How many sessions are remembered and known to the supervisor.
    pub running: usize,
    /// How many are remembered and do not run.
    pub kept: usize,
    /// How many are set aside, since they cannot be read.
    pub set_aside: usize,
    /// How many ids have changes that are not written yet.
    pub waiting: usize,
    /// How many bytes have these.
    pub waiting_bytes: usize,
    /// What was written so far.
    pub writes: Writes,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Writes {
    /// How many writes succeeded.
    pub succeeded: u64,
    /// How many changes were in them.
    pub changes: u64,
    /// How many writes failed.
    pub failed: u64,
    /// Why the last one failed. None: the last write succeeded. It stays if the store has panicked:
    /// nothing is written any more then.
    pub failing: Option<String>,
}

impl Writes {
    pub(crate) fn succeeded(&mut self, changes: usize) {
        self.succeeded += 1;
        self.changes += changes as u64;
        self.failing = None;
    }

    pub(crate) fn panicked(&mut self, why: &str) {
        self.failed += 1;
        self.failing = Some(format!("the store panicked: {why}"));
    }

    pub(crate) fn failed(&mut self, error: &StoreError) {
        self.failed += 1;
        self.failing = Some(chain(error));
    }
}
