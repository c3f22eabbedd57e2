//! Waiting for a session without changing anything: until it runs, and until it is gone.

use std::future::Future;
use std::sync::Arc;

use ractor::{ActorCell, ActorRef, ActorStatus, Message};

use crate::ask;
use crate::child::typed;
use crate::engine::{AwaitAnswer, GoneAnswer, Request, SessionEnd};
use crate::error::{AwaitError, SupervisorDown, WaitEndError};
use crate::{SessionId, SessionSupervisor, names};

impl SessionSupervisor {
    /// The running session of an id, or, if it is starting, restarting or ending, the session as
    /// soon as it runs. Never starts one.
    ///
    /// It waits as long as that is open, without a limit of its own: for a start or a restart under
    /// way, for a pause, for a stop, and then for a start of the same id that has waited for that
    /// stop. It blocks nobody.
    ///
    /// # Errors
    ///
    /// `NotFound` if nothing of the id is known, or nothing any more. `Parked`, although a parked
    /// session may be tried again later. `Stuck` if what is left of it does not end.
    /// `WrongMessageType` if it takes messages of another type, as a tree does; for that use
    /// [`ensure_session`](Self::ensure_session). `SupervisorDown` also while the supervisor stops.
    /// `Draining` while it [drains](Self::drain), unless the session runs and has not been asked to
    /// end.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing, and a caller that goes away costs nothing.
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
    /// # use session_supervisor::error::AwaitError;
    /// # let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
    /// let unknown = sessions.await_session::<()>("alice").await;
    /// assert_eq!(unknown.unwrap_err(), AwaitError::NotFound);
    ///
    /// let starts = sessions.start_session("alice", ChildSpec::new(|_| (Chat, ())));
    /// let (started, awaited) = tokio::join!(starts, sessions.await_session::<()>("alice"));
    /// assert_eq!(started.unwrap().get_id(), awaited.unwrap().get_id());
    /// # sessions.stop().await.unwrap();
    /// # }
    /// ```
    pub fn await_session<M: Message>(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<ActorRef<M>, AwaitError>> + Send + 'static + use<M> {
        let shared = Arc::clone(&self.shared);
        let id = SessionId::parse(id);
        async move {
            let Ok(id) = id else {
                return ask::not_found(&shared, AwaitError::NotFound, AwaitError::SupervisorDown);
            };
            loop {
                let request = |ticket| Request::AwaitRunning { ticket };
                let found = match ask::session(&shared, id.shared(), request).await {
                    Ok(AwaitAnswer::Running(found)) => found,
                    Ok(AwaitAnswer::NotFound) => return Err(AwaitError::NotFound),
                    Ok(AwaitAnswer::Parked) => return Err(AwaitError::Parked),
                    Ok(AwaitAnswer::Stuck) => return Err(AwaitError::Stuck),
                    Ok(AwaitAnswer::Draining) => return Err(AwaitError::Draining),
                    Ok(AwaitAnswer::Down) | Err(SupervisorDown) => {
                        return Err(AwaitError::SupervisorDown);
                    }
                };
                let cell = found.cell.clone();
                let actor = if found.tree.is_none() {
                    typed(found.cell)
                } else {
                    None
                };
                match actor {
                    Some(actor) => return Ok(actor),
                    // A supervisor that has come to its end meanwhile is not told from another
                    // actor. Asked once more, the question waits until that end is known.
                    None if cell.get_status() >= ActorStatus::Stopping => {}
                    None => return Err(AwaitError::WrongMessageType),
                }
            }
        }
    }

    /// Waits until nothing of the session is known any more, whatever ends it, and tells how it
    /// ended and why it is over. It ends nothing itself, and a restart is not an end.
    ///
    /// The reason is the first for which the session was to end and not to come back, and those who
    /// [follow](Self::subscribe) the supervisor are told the same with
    /// [`Gone`](crate::EventKind::Gone).
    ///
    /// It waits for the session that is known when it is first polled, not for a later one of the
    /// same id. When it returns, the session is gone and released, as after
    /// [`stop_session`](Self::stop_session). It waits without a limit of its own, also for a
    /// session that is parked or stuck.
    ///
    /// # Errors
    ///
    /// `NotFound`: nothing of the id is known. `SupervisorDown`: the supervisor had ended before the
    /// call, or it has ended since, and the session was stuck by then.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing, and a caller that goes away costs nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ractor::Actor;
    /// # struct Chat;
    /// # #[ractor::actor(message = (), state = (), arguments = ())]
    /// # impl Chat {}
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # use std::time::Duration;
    /// # use session_supervisor::{ChildSpec, Options, SessionSupervisor};
    /// use session_supervisor::{EndReason, Exit, Expiry};
    ///
    /// # let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
    /// const MINUTE: Duration = Duration::from_secs(60);
    /// let chat = ChildSpec::new(|_start| (Chat, ())).idle_timeout(MINUTE);
    /// sessions.start_session("alice", chat).await.unwrap();
    /// let end = sessions.wait_end("alice").await.unwrap();
    /// assert_eq!(end.exit, Exit::Shutdown);
    /// assert_eq!(end.why, EndReason::Expired(Expiry::Idle(MINUTE)));
    /// # sessions.stop().await.unwrap();
    /// # }
    /// ```
    pub fn wait_end(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<SessionEnd, WaitEndError>> + Send + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        let id = SessionId::parse(id);
        async move {
            let Ok(id) = id else {
                let down = WaitEndError::SupervisorDown;
                return ask::not_found(&shared, WaitEndError::NotFound, down);
            };
            let request = |ticket| Request::AwaitGone { of: None, ticket };
            match ask::session(&shared, id.shared(), request).await {
                Ok(GoneAnswer::Ended(end)) => Ok(end),
                Ok(GoneAnswer::NotFound) => Err(WaitEndError::NotFound),
                Err(SupervisorDown) => Err(WaitEndError::SupervisorDown),
            }
        }
    }

    /// Waits for the end of exactly the session that this actor is, or was, an incarnation of, and
    /// tells how it ended and why: pass what the start returned. As [`wait_end`](Self::wait_end), but
    /// if that session is over already this is `None` at once, also if its id has been started anew
    /// since. How it ended is not known any more then.
    ///
    /// # Errors
    ///
    /// `NotFound`: the actor does not bear the name of a session of this supervisor. `SupervisorDown`
    /// as with [`wait_end`](Self::wait_end).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing, and a caller that goes away costs nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ractor::Actor;
    /// # struct Chat;
    /// # #[ractor::actor(message = (), state = (), arguments = ())]
    /// # impl Chat {}
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use session_supervisor::{ChildSpec, EndReason, Options, SessionSupervisor};
    /// # let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
    /// # let spec = ChildSpec::new(|_| (Chat, ()));
    /// let first = sessions.start_session("alice", spec.clone()).await.unwrap();
    /// let end = tokio::spawn(sessions.wait_end_of(&first.get_cell()));
    /// # tokio::task::yield_now().await;
    /// sessions.stop_session("alice").await.unwrap();
    /// let end = end.await.unwrap().unwrap().expect("it was known");
    /// assert_eq!(end.why, EndReason::Requested);
    ///
    /// sessions.start_session("alice", spec).await.unwrap();
    /// assert_eq!(sessions.wait_end_of(&first.get_cell()).await, Ok(None));
    /// # sessions.stop().await.unwrap();
    /// # }
    /// ```
    pub fn wait_end_of(
        &self,
        session: &ActorCell,
    ) -> impl Future<Output = Result<Option<SessionEnd>, WaitEndError>> + Send + 'static + use<>
    {
        let shared = Arc::clone(&self.shared);
        let name = session.get_name().unwrap_or_default();
        let id = names::id_of(self.name(), &name).map(Arc::from);
        let of = Some(session.get_id().pid());
        async move {
            let Some(id) = id else {
                let down = WaitEndError::SupervisorDown;
                return ask::not_found(&shared, WaitEndError::NotFound, down);
            };
            let request = |ticket| Request::AwaitGone { of, ticket };
            match ask::session(&shared, id, request).await {
                Ok(GoneAnswer::Ended(end)) => Ok(Some(end)),
                Ok(GoneAnswer::NotFound) => Ok(None),
                Err(SupervisorDown) => Err(WaitEndError::SupervisorDown),
            }
        }
    }
}
