//! The handle: a session supervisor whose sessions outlive the process.

mod calls;
mod directory;
mod handing_over;
mod opening;
mod shared;
mod starting;
mod walks;

use std::fmt;
use std::sync::Arc;

use session_supervisor::SessionSupervisor;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::engine::Standing;
use crate::follow::Follower;
use crate::journal::Journal;
use crate::kinds::Kinds;
use crate::restore::RestoreReport;
use crate::stats::Stats;

pub use shared::{ReadParts, TakenOver};
use walks::Walks;

/// A [`SessionSupervisor`] that remembers its sessions: what ran is started again when the store is
/// opened the next time, with what it has saved. Cheap to clone.
///
/// # What is remembered, and what forgets it
///
/// A session is remembered before anything of it runs: a start that has returned `Ok` is on the disk,
/// and so is one that has begun to run. It is forgotten when it is [stopped](Self::stop_session) by a
/// caller, and when it ends in order by itself. Everything else leaves it remembered: a crash, a kill,
/// the park, the end of the supervisor, of the process, of the machine.
///
/// One that its supervisor ends, since its idle timeout or its lifetime is over, is remembered too, and
/// rests: it is not restored with the others, and starts again with what it has saved when it is
/// [ensured](Self::ensure_session) or [resumed](Self::resume_session). So it can be used whether it
/// rests or not. Only a [stop](Self::stop_session) of its id removes it.
///
/// What is remembered has its id and its claims, whether it runs, waits, rests or is set aside.
///
/// The sessions can be found, listed and watched by [`sessions`](Self::sessions). What is started
/// there directly is not remembered.
#[derive(Clone)]
pub struct DurableSupervisor {
    inner: Arc<Inner>,
}

struct Inner {
    sessions: SessionSupervisor,
    journal: Journal,
    kinds: Arc<Kinds>,
    follower: Follower,
    restored: watch::Receiver<Option<RestoreReport>>,
    /// The places of the sessions that are being restored.
    restores: Arc<Semaphore>,
    /// Walks over all sessions, to find those of the parts that are handed over.
    walks: Walks<handing_over::Found>,
}

impl fmt::Debug for DurableSupervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DurableSupervisor")
            .field("name", &self.inner.sessions.name())
            .finish_non_exhaustive()
    }
}

/// A session that is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RememberedInfo {
    /// Its id, as the store has it.
    pub id: Arc<str>,
    /// The name of its kind; empty if it cannot be read.
    pub kind: Arc<str>,
    /// What it is doing.
    pub standing: Standing,
}

impl DurableSupervisor {
    /// The supervisor, to find, list and watch sessions.
    #[must_use]
    pub fn sessions(&self) -> &SessionSupervisor {
        &self.inner.sessions
    }

    /// All sessions that are remembered, in no order. It sends no message and does not read the store.
    #[must_use]
    pub fn list_remembered(&self) -> Vec<RememberedInfo> {
        let all = self.inner.journal.all().into_iter();
        all.map(|(id, kind, standing)| RememberedInfo { id, kind, standing })
            .collect()
    }

    /// What the session of an id is doing, if it is remembered.
    #[must_use]
    pub fn remembered(&self, id: &str) -> Option<Standing> {
        Some(self.inner.journal.look(id)?.1)
    }

    /// How the store is doing, in numbers. It counts all ids that are remembered.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.journal.stats()
    }

    /// Waits until all that was remembered is restored, and says what was not. `None` if the runtime
    /// was shut down before that.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub fn restored(&self) -> impl Future<Output = Option<RestoreReport>> + Send + 'static + use<> {
        let mut restored = self.inner.restored.clone();
        async move {
            let report = restored.wait_for(Option::is_some).await.ok()?;
            report.clone()
        }
    }

    /// Waits for the end of the supervisor, until all of its sessions are known to have ended.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let ended = self.inner.sessions.wait();
        let follower = self.inner.follower.clone();
        async move {
            ended.await;
            follower.ended().await;
        }
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.inner.journal
    }

    /// Waits for a place to restore a session, in the order of the requests. It is never None: the places
    /// are never closed.
    pub(crate) async fn place_to_restore(&self) -> Option<OwnedSemaphorePermit> {
        let places = Arc::clone(&self.inner.restores);
        places.acquire_owned().await.ok()
    }
}
