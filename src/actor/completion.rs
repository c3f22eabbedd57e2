//! The end of a supervisor, for those that wait for it and ask nothing else of it.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use ractor::ActorCell;
use tokio::sync::oneshot;

use super::roots::Roots;
use crate::engine::ShutdownReport;

/// The completions of the supervisors that are not over.
pub(super) static COMPLETIONS: Roots<Completion> = Roots::new();

/// The root of a supervisor, how all of it ended, and the callers that wait for that.
#[derive(Debug)]
pub(crate) struct Completion {
    root: ActorCell,
    /// Once all is over. Without a report if the runtime was shut down before that.
    report: OnceLock<Option<ShutdownReport>>,
    waiters: Mutex<Vec<oneshot::Sender<()>>>,
}

impl Completion {
    pub(super) const fn new(root: ActorCell) -> Self {
        Self {
            root,
            report: OnceLock::new(),
            waiters: Mutex::new(Vec::new()),
        }
    }

    pub(super) const fn root(&self) -> &ActorCell {
        &self.root
    }

    /// Whether all is over.
    pub(super) fn is_over(&self) -> bool {
        self.report.get().is_some()
    }

    /// All is over. Answers the report, which is the first that was set, and the callers to wake.
    pub(super) fn over(
        &self,
        report: Option<ShutdownReport>,
    ) -> (Option<ShutdownReport>, Vec<oneshot::Sender<()>>) {
        let report = *self.report.get_or_init(|| report);
        (report, std::mem::take(&mut *self.lock()))
    }

    /// Returns when all is over, for any number of waiters.
    pub(crate) async fn wait_over(&self) -> Option<ShutdownReport> {
        let (waiter, over) = oneshot::channel();
        {
            let mut waiters = self.lock();
            if let Some(report) = self.report.get() {
                return *report;
            }
            // Those who have given up are not kept.
            if waiters.len() == waiters.capacity() {
                waiters.retain(|waiter| !waiter.is_closed());
            }
            waiters.push(waiter);
        }
        drop(over.await);
        self.report.get().copied().flatten()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<oneshot::Sender<()>>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
