//! Leases: what keeps a session from being ended while it is idle.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::actor::shared::Shared;
use crate::ask;
use crate::engine::{Input, LeaseAnswer, LeaseNumber, Refusal, Request};
use crate::error::{LeaseError, SupervisorDown};
use crate::{SessionId, SessionSupervisor};

/// A lease of a session. While it exists, the session is not ended for being
/// [idle](crate::ChildSpec::idle_timeout).
///
/// Hold one for each socket, request or job that needs the session. It holds over the session's
/// restarts, and while it is parked. When the last one is dropped, the idle time begins anew.
///
/// It prevents nothing else. Once the session ends for good in another way (it is stopped, ends by
/// itself, or reaches its [`max_lifetime`](crate::ChildSpec::max_lifetime)), the lease is void, and
/// a later session of the same id knows nothing of it.
///
/// It can be dropped anywhere, also after the end of the supervisor: a drop waits for nothing.
#[must_use = "a lease that is dropped keeps no session"]
pub struct Lease {
    shared: Arc<Shared>,
    id: SessionId,
    number: LeaseNumber,
}

impl Lease {
    /// The id of the session.
    #[must_use]
    pub const fn id(&self) -> &SessionId {
        &self.id
    }

    /// One that has not been granted yet.
    fn new(shared: Arc<Shared>, id: SessionId) -> Self {
        // Unique within the process, so within each supervisor too.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            shared,
            id,
            number: LeaseNumber(NEXT.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.report_from_a_drop(Input::LeaseEnded {
            id: self.id.shared(),
            lease: self.number,
        });
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lease").field(&self.id).finish()
    }
}

impl SessionSupervisor {
    /// Leases a session: while the [`Lease`] exists, the session is not ended for being
    /// [idle](crate::ChildSpec::idle_timeout).
    ///
    /// A session that is starting or restarting can be leased too. The answer waits for no session.
    /// A session without an idle timeout can be leased; that changes nothing.
    ///
    /// # Errors
    ///
    /// `NotFound`: no session of this id is known. `Stopping`: it is being ended for good, perhaps
    /// since it was idle. A start of the id waits for that end, so start it again and lease that.
    /// `Parked` and `Stuck`: it does not run. `Draining`: the supervisor [drains](Self::drain), and
    /// ends each session. `SupervisorDown`: the supervisor has ended, or stops.
    ///
    /// # Cancel safety
    ///
    /// Safe: dropped at any time, it leaves no lease behind.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ractor::Actor;
    /// # struct Chat;
    /// # #[ractor::actor(message = String, state = (), arguments = ())]
    /// # impl Chat {}
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// use session_supervisor::error::LeaseError;
    /// use session_supervisor::{ChildSpec, Options, SessionSupervisor};
    /// use std::time::Duration;
    ///
    /// let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
    /// let chat = ChildSpec::new(|_| (Chat, ())).idle_timeout(Duration::from_secs(60));
    /// // A session that was there may be ended between the two calls.
    /// let socket = loop {
    ///     sessions.ensure_session("alice", chat.clone()).await.unwrap();
    ///     match sessions.lease("alice").await {
    ///         Err(LeaseError::NotFound | LeaseError::Stopping) => {}
    ///         lease => break lease.unwrap(),
    ///     }
    /// };
    /// tokio::time::sleep(Duration::from_secs(3_600)).await;
    /// assert!(sessions.is_running("alice"));
    /// drop(socket);
    /// tokio::time::sleep(Duration::from_secs(61)).await;
    /// assert!(!sessions.is_running("alice"));
    /// # sessions.stop().await.unwrap();
    /// # }
    /// ```
    pub fn lease(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<Lease, LeaseError>> + Send + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        let id = SessionId::parse(id);
        async move {
            let Ok(id) = id else {
                return ask::not_found(&shared, LeaseError::NotFound, LeaseError::SupervisorDown);
            };
            // It is there before it is asked for. So however this ends, the drop of one that is not
            // given to the caller says that it is over.
            let lease = Lease::new(Arc::clone(&shared), id.clone());
            let number = lease.number;
            let request = |ticket| Request::Lease {
                lease: number,
                ticket,
            };
            match ask::session(&shared, id.shared(), request).await {
                Ok(LeaseAnswer::Leased) => Ok(lease),
                Ok(LeaseAnswer::NotFound) => Err(LeaseError::NotFound),
                Ok(LeaseAnswer::Stopping | LeaseAnswer::Refused(Refusal::Stopped)) => {
                    Err(LeaseError::Stopping)
                }
                Ok(LeaseAnswer::Parked) => Err(LeaseError::Parked),
                Ok(LeaseAnswer::Refused(Refusal::Stuck)) => Err(LeaseError::Stuck),
                Ok(LeaseAnswer::Refused(Refusal::Draining)) => Err(LeaseError::Draining),
                Ok(LeaseAnswer::Refused(Refusal::Down)) | Err(SupervisorDown) => {
                    Err(LeaseError::SupervisorDown)
                }
            }
        }
    }
}
