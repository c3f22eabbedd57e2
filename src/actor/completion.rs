//! The end of a supervisor, for those that wait for it and ask nothing else of it.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use ractor::ActorCell;
use tokio::sync::oneshot;

use super::roots::Roots;
use crate::engine::{ShutdownReport, StopCause};

/// The completions of the supervisors that are not over.
pub(super) static COMPLETIONS: Roots<Completion> = Roots::new();

/// How a supervisor ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) report: ShutdownReport,
    pub(crate) cause: StopCause,
}

/// The root of a supervisor, how all of it ended, and the callers that wait for that.
#[derive(Debug)]
pub(crate) struct Completion {
    root: ActorCell,
    /// Once all is over. Without an outcome if the runtime was shut down before that.
    outcome: OnceLock<Option<Outcome>>,
    waiters: Mutex<Vec<oneshot::Sender<()>>>,
}

impl Completion {
    pub(super) const fn new(root: ActorCell) -> Self {
        Self {
            root,
            outcome: OnceLock::new(),
            waiters: Mutex::new(Vec::new()),
        }
    }

    pub(super) const fn root(&self) -> &ActorCell {
        &self.root
    }

    /// Whether all is over.
    pub(super) fn is_over(&self) -> bool {
        self.outcome.get().is_some()
    }

    /// All is over. Answers the outcome, which is the first that was set, and the callers to wake.
    pub(super) fn over(
        &self,
        outcome: Option<Outcome>,
    ) -> (Option<Outcome>, Vec<oneshot::Sender<()>>) {
        let outcome = *self.outcome.get_or_init(|| outcome);
        (outcome, std::mem::take(&mut *self.lock()))
    }

    /// Returns when all is over, for any number of waiters.
    pub(crate) async fn wait_over(&self) -> Option<Outcome> {
        let (waiter, over) = oneshot::channel();
        {
            let mut waiters = self.lock();
            if let Some(outcome) = self.outcome.get() {
                return *outcome;
            }
            // Those who have given up are not kept.
            if waiters.len() == waiters.capacity() {
                waiters.retain(|waiter| !waiter.is_closed());
            }
            waiters.push(waiter);
        }
        drop(over.await);
        self.outcome.get().copied().flatten()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<oneshot::Sender<()>>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
