//! Questions that are asked in a case, on a machine that may be busy: neither when they are
//! answered nor how far a start gets in its time is known.

use std::task::Poll;
use std::time::Duration;

use session_supervisor::error::StartError;
use session_supervisor::{Restart, SessionSupervisor};

use crate::holder::{Plan, spec};

/// Asks, and leaves the wait for the answer to a task. On a busy machine the answer may be there at
/// once. It may hold the trap, whose drop this thread must not be caught in: that is left to a
/// task, too.
pub(crate) async fn later<T: Send + 'static>(call: impl Future<Output = T> + Send + 'static) {
    let mut call = Box::pin(call);
    let asked = std::future::poll_fn(|context| Poll::Ready(call.as_mut().poll(context)));
    drop(match asked.await {
        Poll::Pending => tokio::spawn(async move { drop(call.await) }),
        Poll::Ready(answer) => tokio::spawn(async move { drop(answer) }),
    });
}

/// Starts that hang, until one of them was over only after it had made the trap: a busy machine may
/// let none of them begin in time.
pub(crate) async fn time_out(plan: &Plan, sessions: &SessionSupervisor, ids: &[String]) {
    let mut timeout = Duration::from_millis(1);
    while !plan.harm.is_made() {
        let starts: Vec<_> = ids
            .iter()
            .map(|id| {
                let id = format!("{id} within {timeout:?}");
                let spec = spec(plan).restart(Restart::Temporary);
                tokio::spawn(sessions.start_session(&id, spec.start_timeout(timeout)))
            })
            .collect();
        for start in starts {
            let over = start.await.unwrap();
            assert!(matches!(over, Err(StartError::TimedOut)));
        }
        timeout *= 2;
    }
}
