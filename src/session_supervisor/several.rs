//! What concerns several sessions at once: pages of the list, a stop of some, a message to all.
//!
//! A predicate and the copies of a message are the caller's code. They run in the caller's task.

use std::future::Future;
use std::sync::Arc;

use ractor::Message;

use crate::actor::item::PageQuery;
use crate::actor::shared::{Query, Shared};
use crate::child::typed;
use crate::engine::{SessionState, StopAnswer};
use crate::error::{StopError, SupervisorDown};
use crate::info::{Broadcast, PageMark, SessionInfo, SessionPage, Stopped};
use crate::{SessionId, SessionSupervisor, ask};

/// How many sessions are looked at in one go.
const PAGE: usize = 1_000;

impl SessionSupervisor {
    /// At most `most` sessions, in the order of their first start, behind those of an earlier page;
    /// `None` is the beginning. At least one is taken, if there is one.
    ///
    /// A session that is alive while all pages are taken appears exactly once. Sessions may come
    /// and go between two pages, also the one at which a page has ended.
    ///
    /// A page costs what it holds, if the last session of the one before is still known, and
    /// otherwise a look at each session. Others are answered meanwhile. A page of at most 256 sessions
    /// does not wait for longer ones.
    ///
    /// # Errors
    ///
    /// [`SupervisorDown`] if the supervisor has ended.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ractor::Actor;
    /// # struct Chat;
    /// # #[ractor::actor(message = (), state = (), arguments = ())]
    /// # impl Chat {}
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use session_supervisor::{ChildSpec, Options, SessionSupervisor};
    /// # let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
    /// for id in ["ann", "bob", "eve"] {
    ///     sessions.start_session(id, ChildSpec::new(|_| (Chat, ()))).await.unwrap();
    /// }
    /// let first = sessions.list_page(None, 2).await.unwrap();
    /// let second = sessions.list_page(first.next, 2).await.unwrap();
    /// assert_eq!((first.sessions.len(), second.sessions.len()), (2, 1));
    /// assert!(second.next.is_none());
    /// # sessions.stop().await.unwrap();
    /// # }
    /// ```
    pub fn list_page(
        &self,
        after: Option<PageMark>,
        most: usize,
    ) -> impl Future<Output = Result<SessionPage, SupervisorDown>> + Send + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        async move { page(&shared, after, most).await }
    }

    /// Stops the sessions that the predicate picks, as [`stop_session`](Self::stop_session) does,
    /// all at once, and returns what became of each.
    ///
    /// The predicate sees each session as it is at some moment of the walk, in the caller's task. A
    /// session that is started meanwhile may be missed, and one that has been stopped and started
    /// anew since it was seen is stopped.
    ///
    /// # Errors
    ///
    /// [`SupervisorDown`] if the supervisor has ended before all were seen.
    ///
    /// # Cancel safety
    ///
    /// Dropped before all sessions were seen, it stops none. Dropped after that, those that were
    /// picked are stopped all the same.
    pub fn stop_where<F>(
        &self,
        mut predicate: F,
    ) -> impl Future<Output = Result<Vec<Stopped>, SupervisorDown>> + Send + 'static + use<F>
    where
        F: FnMut(&SessionInfo) -> bool + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        async move {
            let mut picked = Vec::new();
            each(&shared, |info| {
                if predicate(&info) {
                    picked.push(info.id);
                }
            })
            .await?;
            let ids = picked.iter().map(SessionId::shared).collect();
            let answers = ask::stop_sessions(&shared, ids).await;
            let ends = answers.into_iter().map(|answer| match answer {
                Ok(StopAnswer::Ended(exit)) => Ok(exit),
                Ok(StopAnswer::NotFound) => Err(StopError::NotFound),
                Ok(StopAnswer::Stuck) => Err(StopError::Stuck),
                Err(SupervisorDown) => Err(StopError::SupervisorDown),
            });
            let stopped = picked.into_iter().zip(ends);
            Ok(stopped.map(|(id, end)| Stopped { id, end }).collect())
        }
    }

    /// Sends a copy of the message to each running session that takes messages of its type, and
    /// tells how many have it in their mailbox.
    ///
    /// The copies are made in the caller's task. A session that is starting or restarting gets
    /// none.
    ///
    /// # Errors
    ///
    /// [`SupervisorDown`] if the supervisor has ended before all were seen.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is done, it has sent the message to some.
    pub fn broadcast<M: Message + Clone + Sync>(
        &self,
        message: M,
    ) -> impl Future<Output = Result<Broadcast, SupervisorDown>> + Send + 'static + use<M> {
        let shared = Arc::clone(&self.shared);
        async move {
            let mut told = Broadcast::default();
            each(&shared, |info| {
                let runs = info.state == SessionState::Running;
                let Some(session) = info.cell.filter(|_| runs).and_then(typed::<M>) else {
                    return;
                };
                match session.send_message(message.clone()) {
                    Ok(()) => told.sent += 1,
                    Err(_) => told.refused += 1,
                }
            })
            .await?;
            Ok(told)
        }
    }
}

async fn page(
    shared: &Arc<Shared>,
    after: Option<PageMark>,
    most: usize,
) -> Result<SessionPage, SupervisorDown> {
    let most = most.max(1);
    let query = |reply| Query::Page(PageQuery { after, most, reply });
    ask::query(shared, query).await
}

/// Looks at each session.
async fn each(
    shared: &Arc<Shared>,
    mut look: impl FnMut(SessionInfo),
) -> Result<(), SupervisorDown> {
    let mut after = None;
    loop {
        let SessionPage { sessions, next } = page(shared, after, PAGE).await?;
        sessions.into_iter().for_each(&mut look);
        match next {
            None => return Ok(()),
            next => after = next,
        }
    }
}
