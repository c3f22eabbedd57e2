//! How the sessions of a part end here, so that they are started elsewhere.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use ractor::ActorCell;
use session_supervisor::error::SupervisorDown;
use session_supervisor::{SessionId, SessionSupervisor};
use tokio::time::{Instant, timeout};

use super::walks::Sorted;
use super::{DurableSupervisor, Inner};
use crate::error::{HandOverError, WriteError};
use crate::journal::Written;
use crate::part::Part;

/// How many sessions are looked at in one go.
const PAGE: usize = 1_000;

/// The least time that the store has to write the last states of sessions that end. A store that never
/// answers must not keep their part for ever.
const WRITES: Duration = Duration::from_secs(3);

/// A session that is to end, remembered or not.
#[derive(Clone)]
pub(super) struct Found {
    id: SessionId,
    cell: Option<ActorCell>,
}

impl DurableSupervisor {
    /// Hands a part over: its sessions are stopped, each by its own rule, stay remembered however they
    /// end, and are known here no longer. It returns when what they have saved is written, so that
    /// the next owner of the part finds it. No session of the part may be started meanwhile.
    ///
    /// One that does not end within the time is killed. The store has the same time to write, and 3 s at
    /// least. [`Part::ALL`] is all of them.
    ///
    /// # Errors
    ///
    /// The supervisor has ended, something could not be written or a call of the store has not returned, or
    /// sessions are stuck: those are still known, and it can be called again.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the sessions stay remembered, and may go on running.
    pub fn hand_over(
        &self,
        part: Part,
        within: Duration,
    ) -> impl Future<Output = Result<(), HandOverError>> + Send + 'static {
        let durable = self.clone();
        async move {
            let inner = &durable.inner;
            let begun = Instant::now();
            inner.journal.hand_over(part);
            let ended = end(inner, part, within).await;
            inner.follower.catch_up().await;
            let left = within.saturating_sub(begun.elapsed()).max(WRITES);
            let written = timeout(left, written(inner.journal.settled_part(part))).await;
            let sessions = inner.journal.handed_over(part);
            if sessions > 0 {
                return Err(HandOverError::Stuck { sessions });
            }
            written.unwrap_or(Err(WriteError::Unanswered))?;
            Ok(ended?)
        }
    }
}

/// Waits for all of them. Answers the first error.
async fn written(all: Vec<Written>) -> Result<(), WriteError> {
    let mut written = Ok(());
    for settled in all {
        written = written.and(settled.wait().await.map(drop));
    }
    written
}

async fn end(inner: &Inner, part: Part, within: Duration) -> Result<(), SupervisorDown> {
    let sessions = &inner.sessions;
    let theirs = || {
        inner
            .walks
            .of(part, |sorted| walk(sessions.clone(), sorted))
    };
    let stopped = async {
        stop(sessions, theirs().await?).await;
        Ok(())
    };
    // Dropped, the stops go on.
    if let Ok(stopped) = timeout(within, stopped).await {
        return stopped;
    }
    let theirs = theirs().await?;
    for cell in theirs.iter().filter_map(|found| found.cell.as_ref()) {
        cell.kill();
    }
    stop(sessions, theirs).await;
    Ok(())
}

/// Looks at each session once.
async fn walk(
    sessions: SessionSupervisor,
    mut sorted: Sorted<Found>,
) -> Result<Sorted<Found>, SupervisorDown> {
    let mut after = None;
    loop {
        let page = sessions.list_page(after, PAGE).await?;
        for info in page.sessions {
            let id: &str = info.id.as_ref();
            sorted.add(id, || Found {
                id: info.id.clone(),
                cell: info.cell.clone(),
            });
        }
        after = page.next;
        if after.is_none() {
            return Ok(sorted);
        }
    }
}

/// Stops them all at once, and waits until they have ended. What is stuck is not waited for.
async fn stop(sessions: &SessionSupervisor, theirs: Vec<Found>) {
    let stops = theirs
        .into_iter()
        .map(|found| Box::pin(sessions.stop_session(found.id.as_ref())));
    let mut stops: Vec<_> = stops.collect();
    // The first poll of each asks for it; they are answered in whatever order.
    poll_fn(|context| {
        stops.retain_mut(|stop| stop.as_mut().poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
    for stop in stops {
        let stop: Pin<Box<_>> = stop;
        drop(stop.await);
    }
}
