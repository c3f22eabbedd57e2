//! A supervisor over a store that several processes share: it runs the sessions that it is told to take
//! over, until it is told to hand them over.

use std::sync::Arc;
use std::time::Duration;

use session_supervisor::error::SupervisorDown;
use session_supervisor::{Options, SessionSupervisor};
use tokio::sync::watch;

use super::DurableSupervisor;
use super::opening::{Unfinished, read_where};
use crate::error::OpenError;
use crate::journal::Journal;
use crate::kinds::Kinds;
use crate::restore::{RestoreReport, restore};
use crate::session_store::SessionStore;

/// Sessions that were taken over: all of them are known, and their restore goes on.
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
    /// itself: who decides which process runs which sessions [takes them over](Self::take_over) and
    /// [hands them over](Self::hand_over), and starts nothing of other ids here. Only the store can
    /// keep two processes apart that both believe they own an id; it answers
    /// [`StoreError::Fenced`](crate::StoreError::Fenced) to the one that does not.
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
        let store: Box<dyn SessionStore> = Box::new(store);
        async move {
            let kinds = Arc::new(kinds.valid()?);
            let journal = Journal::start(store)?;
            journal.is_shared();
            let sessions = SessionSupervisor::start(options).await;
            let sessions = sessions.map_err(OpenError::Start)?;
            let unfinished = Unfinished(Some(sessions.clone()));
            let durable = Self::over(sessions, kinds, journal, Vec::new()).await?;
            unfinished.done();
            Ok(durable)
        }
    }

    /// The name of the kind of a session that is remembered; empty if it cannot be read.
    #[must_use]
    pub fn kind(&self, id: &str) -> Option<Arc<str>> {
        self.inner.journal.kind(id)
    }

    /// Takes over what is remembered of these ids: it is read, and restored in the background as by
    /// [`open`](Self::open). When it returns, all of these ids are known, and a start of one does what
    /// it should. It goes through the whole store, so several shares are better taken over at once.
    ///
    /// # Errors
    ///
    /// The store could not be read. Nothing is restored then, and what was read is left to be
    /// [handed over](Self::hand_over).
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is restored; some may be known.
    pub fn take_over(
        &self,
        mine: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> impl Future<Output = Result<TakenOver, OpenError>> + Send + 'static {
        let durable = self.clone();
        async move {
            let inner = &durable.inner;
            let order = read_where(&inner.journal, &inner.kinds, &mine).await?;
            let (done, restored) = watch::channel(None);
            drop(tokio::spawn(restore(durable.clone(), order, mine, done)));
            Ok(TakenOver(restored))
        }
    }

    /// Hands these sessions over: they are stopped, each by its own rule, stay remembered however they
    /// end, and are known here no longer. It returns when what they have saved is on the disk, so that
    /// whoever takes them over finds it. Nobody may start one of them meanwhile.
    ///
    /// One that does not end within the time is killed.
    ///
    /// # Errors
    ///
    /// [`HandOverError`](crate::error::HandOverError): the supervisor has ended, something could not be
    /// written, or sessions are stuck. What is handed over is not known here any more all the same.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the sessions stay remembered, and may go on running.
    pub fn hand_over(
        &self,
        theirs: impl Fn(&str) -> bool + Clone + Send + Sync + 'static,
        within: Duration,
    ) -> impl Future<Output = Result<(), crate::error::HandOverError>> + Send + 'static {
        let durable = self.clone();
        async move {
            let inner = &durable.inner;
            inner.journal.hand_over(&theirs);
            let ended = end(&inner.sessions, theirs.clone(), within).await;
            let written = durable.flush().await;
            let stuck = inner.journal.handed_over(&theirs);
            written?;
            match ended {
                Ok(()) | Err(SupervisorDown) if stuck > 0 => {
                    Err(crate::error::HandOverError::Stuck { sessions: stuck })
                }
                ended => Ok(ended?),
            }
        }
    }
}

async fn end(
    sessions: &SessionSupervisor,
    theirs: impl Fn(&str) -> bool + Clone + Send + Sync + 'static,
    within: Duration,
) -> Result<(), SupervisorDown> {
    let picks = theirs.clone();
    let stopped = sessions.stop_where(move |info| picks(info.id.as_ref()));
    // Dropped, the stops go on.
    if let Ok(stopped) = tokio::time::timeout(within, stopped).await {
        return stopped.map(drop);
    }
    for info in sessions.list_sessions().await? {
        if theirs(info.id.as_ref())
            && let Some(cell) = info.cell
        {
            cell.kill();
        }
    }
    let rest = sessions.stop_where(move |info| theirs(info.id.as_ref()));
    rest.await.map(drop)
}
