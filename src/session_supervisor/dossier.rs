//! What is known of a session's past, and what would follow if it failed now.

use std::future::Future;
use std::sync::Arc;

use crate::actor::shared::Query;
use crate::ask;
use crate::error::SupervisorDown;
use crate::info::{Dossier, Explanation};
use crate::{SessionId, SessionSupervisor};

impl SessionSupervisor {
    /// The last exits of a session, with their causes and with what was decided. `None` for an
    /// unknown id.
    ///
    /// The last 8 are kept, over restarts and while the session is parked, and are gone with it. So
    /// nothing is kept of a session that has been forgotten; its last
    /// [event](Self::subscribe) tells how it ended. A restart that failed counts as an exit without
    /// a run. Of an error the text is kept, not the error.
    ///
    /// A session that has never ended keeps nothing for it.
    ///
    /// # Errors
    ///
    /// The supervisor has ended.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ractor::{Actor, ActorProcessingErr, ActorRef};
    /// # struct Chat;
    /// # #[ractor::actor(message = (), state = (), arguments = ())]
    /// # impl Chat {
    /// #     async fn handle(&self, _: ActorRef<()>, _: (), _: &mut ()) -> Result<(), ActorProcessingErr> {
    /// #         Err("no paper".into())
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use session_supervisor::{ChildSpec, Options, SessionSupervisor};
    /// # let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
    /// let chat = sessions.start_session("alice", ChildSpec::new(|_| (Chat, ()))).await.unwrap();
    /// chat.cast(()).unwrap();
    /// # chat.get_cell().wait(None).await.ok();
    /// let dossier = sessions.dossier("alice").await.unwrap().unwrap();
    /// assert_eq!(
    ///     dossier.exits[0].to_string(),
    ///     "ended abnormally: failed: no paper; restarts at once, 1 of 3 in 5s",
    /// );
    /// # sessions.stop().await.unwrap();
    /// # }
    /// ```
    pub fn dossier(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<Option<Dossier>, SupervisorDown>> + Send + 'static + use<>
    {
        let shared = Arc::clone(&self.shared);
        let id = SessionId::parse(id);
        async move {
            let Ok(id) = id else {
                return ask::alive(&shared).map(|()| None);
            };
            let clock = shared.clock();
            ask::query(&shared, |reply| Query::dossier(id, clock, reply)).await
        }
    }

    /// What the supervisor would do if a session failed now: restart it after a pause, and how many
    /// restarts are left then; park it, and for how long; or end it. `None` for an unknown id.
    ///
    /// The supervisor decides this by the same code as when the session fails. It is true for this
    /// moment: restarts leave the window of a limit as time passes.
    ///
    /// # Errors
    ///
    /// The supervisor has ended.
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
    /// sessions.start_session("alice", ChildSpec::new(|_| (Chat, ()))).await.unwrap();
    /// let explanation = sessions.explain("alice").await.unwrap().unwrap();
    /// assert_eq!(
    ///     explanation.to_string(),
    ///     r#"session "alice" runs; if it fails now: restarts at once, 1 of 3 in 5s"#,
    /// );
    /// # sessions.stop().await.unwrap();
    /// # }
    /// ```
    pub fn explain(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<Option<Explanation>, SupervisorDown>> + Send + 'static + use<>
    {
        let shared = Arc::clone(&self.shared);
        let id = SessionId::parse(id);
        async move {
            let Ok(id) = id else {
                return ask::alive(&shared).map(|()| None);
            };
            let clock = shared.clock();
            ask::query(&shared, |reply| Query::explain(id, clock, reply)).await
        }
    }
}
