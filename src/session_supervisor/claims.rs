//! Finding a session by what it claims.

use crate::engine::claim_of;
use crate::{SessionId, SessionSupervisor, ask};

impl SessionSupervisor {
    /// The session that has a [claim](crate::ChildSpec::claim), whatever it is doing: it may be
    /// starting, parked, stopping, or gone and not released yet. `None` if the claim is free, if
    /// there can be no such claim, or if the supervisor has ended.
    ///
    /// It sends no message and waits for no session. After a start that succeeded it finds that
    /// session, and after the answer of [`stop_session`](Self::stop_session) it does not find it
    /// any more. Else the answer may be stale as soon as it is given.
    ///
    /// With the id all other calls can be made: [`find_session_as`](Self::find_session_as) for the
    /// running actor, [`session_ref`](Self::session_ref) for an address.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ractor::Actor;
    /// # struct Inbox;
    /// # #[ractor::actor(message = String, state = (), arguments = ())]
    /// # impl Inbox {}
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use session_supervisor::{ChildSpec, Options, SessionSupervisor};
    /// # let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
    /// // One session for each user and device, found by either of its keys.
    /// let inbox = ChildSpec::new(|_| (Inbox, ())).claim("device", "alice/phone");
    /// sessions.start_session("connection-17", inbox).await.unwrap();
    ///
    /// let id = sessions.find_by_claim("device", "alice/phone").unwrap();
    /// assert_eq!(id, "connection-17");
    /// sessions.find_session_as::<String>(&id).unwrap().cast("hello".to_owned()).unwrap();
    /// assert_eq!(sessions.find_by_claim("device", "alice/laptop"), None);
    /// # sessions.stop().await.unwrap();
    /// # }
    /// ```
    #[must_use]
    pub fn find_by_claim(&self, kind: &str, value: &str) -> Option<SessionId> {
        let claim = claim_of(kind, value).ok()?;
        let holder = self.shared.claims.holder(&claim)?;
        ask::alive(&self.shared).ok()?;
        Some(SessionId::checked(holder))
    }
}
