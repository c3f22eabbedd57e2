//! How many sessions are let in: the start rate and the quota of a group.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Options;
use crate::engine::StartRate;

impl Options {
    /// Sets how many sessions may be new within a window. At most `n` sessions are newly started
    /// within any `per`. A further start fails with
    /// [`Rejected`](crate::error::StartError::Rejected) and the time after which it would succeed,
    /// if no other start came first.
    ///
    /// Only the start of an id that is not known counts, and it counts from when it is accepted: a
    /// place in line ([`max_concurrent_launches`](Self::max_concurrent_launches)) comes after that.
    /// A start that fails, or that is cancelled, has counted. One that is refused, for whatever
    /// reason, has not. Restarts of every kind are neither counted nor refused, and nor is an
    /// `ensure_session` that finds the session or joins its start. A start that waits for its turn
    /// is decided when that comes.
    ///
    /// A window includes its begin, not its end: a session may start exactly `per` after another.
    /// Memory does not grow with `n`: above 1,024, a start may be refused for longer than it has to,
    /// by a 1,024th of `per` at most.
    ///
    /// Default: no limit. `n` must be at least 1, `per` longer than zero.
    ///
    /// # Examples
    ///
    /// ```
    /// # struct Chat;
    /// # #[ractor::actor(message = (), state = (), arguments = ())]
    /// # impl Chat {}
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// use session_supervisor::error::StartError;
    /// use session_supervisor::{ChildSpec, Options, SessionSupervisor};
    /// use std::time::Duration;
    ///
    /// let options = Options::new().unique_name().start_rate(1, Duration::from_secs(1));
    /// let sessions = SessionSupervisor::start(options).await.unwrap();
    /// let chat = ChildSpec::new(|_| (Chat, ()));
    /// sessions.start_session("alice", chat.clone()).await.unwrap();
    /// let Err(StartError::Rejected { retry_after: Some(wait), .. }) =
    ///     sessions.start_session("bob", chat.clone()).await
    /// else {
    ///     panic!("one in each second");
    /// };
    /// tokio::time::sleep(wait).await;
    /// sessions.start_session("bob", chat).await.unwrap();
    /// # sessions.stop().await.unwrap();
    /// # }
    /// ```
    pub fn start_rate(mut self, n: u32, per: Duration) -> Self {
        match StartRate::new(n, per) {
            Some(rate) => self.settings.start_rate = Some(rate),
            None if n == 0 => self.fault.add("start_rate.n", n, "must be at least 1"),
            None => self.fault.add_zero("start_rate.per", per),
        }
        self
    }

    /// Sets how many sessions of one group, for instance of one tenant, there may be. No session is
    /// started or resumed while `max` others of its group take a place. It fails with
    /// [`Rejected`](crate::error::StartError::Rejected).
    ///
    /// What takes a place is what [`max_sessions`](Self::max_sessions) counts: starting, running,
    /// restarting, stopping and stuck sessions, and those in line. A parked session takes none and
    /// needs one to be resumed; a trial without one waits for its next pause. No other restart is
    /// refused.
    ///
    /// A place is free as soon as the session has ended. One exception: a session may have ended
    /// while code of it still blocks a thread. It is stuck then, and counts again, although its place
    /// may be taken already. So a group may have more than `max` until that code ends.
    ///
    /// `group_of_id` says of which group the session of an id is: of none, if it answers `None`, and
    /// then it has no quota. It answers an owned text, a `String` or an `Arc<str>`. It is called for
    /// each start, also if that finds the session there, in the caller's own task and before anything
    /// is asked. So it may take its time without delaying others. If it takes a lock, do not hold that
    /// lock while you start a session. A start for which it panics is
    /// [`Failed`](crate::error::StartError::Failed), and nothing is asked. A group has 1 to 512 bytes
    /// and no control characters; another one is
    /// [`InvalidGroup`](crate::error::StartError::InvalidGroup). A session keeps the group of its
    /// first start, whatever the function says later. It may hold the supervisor's own handle: when
    /// the supervisor has ended, the function is dropped.
    ///
    /// [`count_group`](crate::SessionSupervisor::count_group) and
    /// [`groups`](crate::SessionSupervisor::groups) tell how many there are, and
    /// [`SessionInfo::group`](crate::SessionInfo::group) tells the group of a session.
    ///
    /// Default: no limit. A `max` of 0 is legal: only sessions without a group are started.
    ///
    /// # Examples
    ///
    /// ```
    /// # struct Chat;
    /// # #[ractor::actor(message = (), state = (), arguments = ())]
    /// # impl Chat {}
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use session_supervisor::{ChildSpec, Options, SessionSupervisor};
    ///
    /// // "acme/alice" is a session of the tenant "acme".
    /// let options = Options::new()
    ///     .unique_name()
    ///     .quota(|id| Some(id.split_once('/')?.0.to_owned()), 2);
    /// let sessions = SessionSupervisor::start(options).await.unwrap();
    /// let chat = ChildSpec::new(|_| (Chat, ()));
    /// sessions.start_session("acme/alice", chat.clone()).await.unwrap();
    /// sessions.start_session("acme/bob", chat.clone()).await.unwrap();
    /// let third = sessions.start_session("acme/eve", chat.clone()).await.unwrap_err();
    /// assert!(third.is_retryable());
    /// sessions.start_session("globex/eve", chat).await.unwrap();
    /// assert_eq!(sessions.count_group("acme").await, Ok(2));
    /// # sessions.stop().await.unwrap();
    /// # }
    /// ```
    pub fn quota<F, G>(mut self, group_of_id: F, max: usize) -> Self
    where
        F: Fn(&str) -> Option<G> + Send + Sync + 'static,
        G: Into<Arc<str>>,
    {
        self.settings.quota = Some(max);
        let group_of_id = move |id: &str| group_of_id(id).map(G::into);
        self.group_of = Some(GroupOf(Arc::new(group_of_id)));
        self
    }
}

/// What says of which group the session of an id is: code of the user's. Clones share it.
#[derive(Clone)]
pub(crate) struct GroupOf(Arc<GroupOfId>);

type GroupOfId = dyn Fn(&str) -> Option<Arc<str>> + Send + Sync;

impl GroupOf {
    /// Calls it. It may panic, and may block its thread.
    fn call(&self, id: &str) -> Option<Arc<str>> {
        (self.0)(id)
    }
}

/// The same, as a supervisor has it until its end. It may hold the supervisor's own handle, so it
/// must not be kept for as long as there is a handle.
#[derive(Debug)]
pub(crate) struct Grouping(Mutex<Option<GroupOf>>);

impl Grouping {
    /// Of which group the session of an id is. That may panic, and may block its thread. After the
    /// end of the supervisor, where nothing is started any more, it is of none.
    pub(crate) fn call(&self, id: &str) -> Option<Arc<str>> {
        let group_of = self.lock().clone();
        group_of?.call(id)
    }

    /// The supervisor has ended. The function is handed back, to be dropped outside of any lock.
    pub(crate) fn end(&self) -> Option<GroupOf> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<GroupOf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<GroupOf> for Grouping {
    fn from(group_of: GroupOf) -> Self {
        Self(Mutex::new(Some(group_of)))
    }
}

impl fmt::Debug for GroupOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupOf")
    }
}
