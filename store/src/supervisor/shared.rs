//! A supervisor over a store that several processes share: it runs the sessions of the parts that it is
//! told to take over, until it is told to hand them over.

use std::sync::Arc;
use std::time::Duration;

use session_supervisor::error::SupervisorDown;
use session_supervisor::{Options, SessionSupervisor};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::DurableSupervisor;
use super::opening::{Restores, read};
use crate::error::{HandOverError, OpenError, WriteError};
use crate::journal::Written;
use crate::kinds::Kinds;
use crate::part::{Part, Parts};
use crate::restore::{RestoreReport, restore};
use crate::session_store::{SessionStore, StoreError};

/// The least time that the store has to write what sessions have saved that end: a store that never answers
/// must not keep their part for ever.
const WRITES: Duration = Duration::from_secs(3);

/// A part that was taken over: its sessions are known, and their restore goes on.
#[derive(Debug)]
pub struct TakenOver(watch::Receiver<Option<RestoreReport>>);

impl TakenOver {
    /// Waits until they are restored, and says which are not. `None` if the runtime was shut down
    /// before that.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn restored(mut self) -> Option<RestoreReport> {
        let report = self.0.wait_for(Option::is_some).await.ok()?;
        report.clone()
    }
}

impl DurableSupervisor {
    /// Starts a supervisor over a store that several processes share. It reads and restores nothing by
    /// itself: whoever decides which process runs which sessions has it [take over](Self::take_over) and
    /// [hand over](Self::hand_over) parts, and starts nothing of other ids here. What is written for an
    /// id of no such part is refused by a store that has been taken over by others.
    ///
    /// It must be polled within a tokio runtime.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), but that nothing is read.
    ///
    /// # Cancel safety
    ///
    /// As [`open`](Self::open).
    pub fn open_shared(
        options: Options,
        kinds: Kinds,
        store: impl SessionStore,
    ) -> impl Future<Output = Result<Self, OpenError>> + Send + 'static {
        Self::opened(options, kinds, Box::new(store), Restores::WhatIsTakenOver)
    }

    /// The name of the kind of a session that is remembered; empty if it cannot be read.
    #[must_use]
    pub fn kind(&self, id: &str) -> Option<Arc<str>> {
        self.inner.journal.kind(id)
    }

    /// Takes over a part: what is remembered of it is read, and restored in the background as by
    /// [`open`](Self::open). When it returns, all of its ids are known, and the store refuses whoever had
    /// the part before.
    ///
    /// # Errors
    ///
    /// The store could not be read, or has seen a later owner. Nothing is restored then.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is restored. The store may have noted the epoch.
    pub fn take_over(
        &self,
        part: Part,
    ) -> impl Future<Output = Result<TakenOver, OpenError>> + Send + 'static {
        let durable = self.clone();
        async move {
            let (taken, refused) = durable.take_over_many(vec![part]).await?;
            match refused.into_iter().next() {
                Some((_, error)) => Err(OpenError::Store(error)),
                None => Ok(taken),
            }
        }
    }

    /// [Takes over](Self::take_over) several parts, by one call of the store. Answers the parts that the
    /// store refuses, since it has seen a later owner; the others are taken over all the same.
    ///
    /// # Errors
    ///
    /// The store could not be read. Nothing is restored then.
    ///
    /// # Cancel safety
    ///
    /// As [`take_over`](Self::take_over).
    ///
    /// # Examples
    ///
    /// ```
    /// use session_supervisor::Options;
    /// use session_supervisor_store::{DurableSupervisor, Kinds, MemoryStore, Part};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (options, store) = (Options::new().unique_name(), MemoryStore::new());
    /// let chats = DurableSupervisor::open_shared(options, Kinds::new(), store).await.unwrap();
    /// let parts = (0..4).filter_map(|shard| Part::shard(shard, 4, 7)).collect();
    /// let (taken, refused) = chats.take_over_many(parts).await.unwrap();
    /// assert!(refused.is_empty());
    /// assert_eq!(taken.restored().await.unwrap().restored, 0);
    /// # }
    /// ```
    pub fn take_over_many(
        &self,
        parts: Vec<Part>,
    ) -> impl Future<Output = Result<(TakenOver, Vec<(Part, StoreError)>), OpenError>> + Send + 'static
    {
        let durable = self.clone();
        async move {
            let inner = &durable.inner;
            let mut all: Parts = parts.iter().copied().collect();
            let (order, refused) = read(&inner.journal, &inner.kinds, parts).await?;
            for (part, _) in &refused {
                all.remove(*part);
            }
            let (done, restored) = watch::channel(None);
            let mine = move |id: &str| all.has(id);
            drop(tokio::spawn(restore(durable.clone(), order, mine, done)));
            Ok((TakenOver(restored), refused))
        }
    }

    /// Hands a part over: its sessions are stopped, each by its own rule, stay remembered however they
    /// end, and are known here no longer. It returns when what they have saved is written, so that
    /// whoever takes the part over finds it. Nobody may start one of them meanwhile.
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
            let ended = end(&inner.sessions, part, within).await;
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

async fn end(
    sessions: &SessionSupervisor,
    part: Part,
    within: Duration,
) -> Result<(), SupervisorDown> {
    let stopped = sessions.stop_where(move |info| part.has(info.id.as_ref()));
    // Dropped, the stops go on.
    if let Ok(stopped) = timeout(within, stopped).await {
        return stopped.map(drop);
    }
    for info in sessions.list_sessions().await? {
        if part.has(info.id.as_ref())
            && let Some(cell) = info.cell
        {
            cell.kill();
        }
    }
    let rest = sessions.stop_where(move |info| part.has(info.id.as_ref()));
    rest.await.map(drop)
}
