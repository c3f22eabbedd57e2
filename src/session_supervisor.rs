//! What the handle of a session supervisor can be asked. Its length is the documentation of every
//! call.

mod admission;
mod claims;
mod dossier;
pub(crate) mod draining;
pub(crate) mod feed;
pub(crate) mod leases;
mod several;
mod stats;
mod watching;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ractor::{ActorCell, ActorRef, ActorStatus};

use crate::actor::directory;
use crate::actor::shared::{Machine, Query};
use crate::ask;
use crate::child::{Child, typed};
use crate::engine::{
    Counts, EnsureAnswer, Exit, Failure, NotStarted, Refusal, Request, RestartAnswer,
    ShutdownReport, StartAnswer, StopAnswer, Taken,
};
use crate::error::{
    EnsureError, FindChildError, FindError, NotASupervisor, RejectReason, RestartAsError,
    RestartError, StartError, StartSupervisorError, StopError, SupervisorDown,
};
use crate::info::{Ensured, SessionInfo};
use crate::options::Checked;
use crate::spec::ChildSpec;
use crate::{Options, SessionId, SessionSupervisor, names};

impl SessionSupervisor {
    /// Starts a supervisor without a parent. It runs until it is stopped, also when all handles are
    /// dropped.
    ///
    /// It waits for the root actor and runs no code of the user's. It must be polled within a tokio
    /// runtime; the supervisor and its sessions run on that one.
    ///
    /// # Errors
    ///
    /// `InvalidOptions` before anything is started, `NameTaken` with the holder, `Failed` outside a
    /// runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is done, it leaves no supervisor behind.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use session_supervisor::{Options, SessionSupervisor};
    ///
    /// let sessions = SessionSupervisor::start(Options::new().name("chats")).await.unwrap();
    /// assert_eq!(SessionSupervisor::where_is("chats").unwrap().name(), "chats");
    /// sessions.stop().await.unwrap();
    /// # }
    /// ```
    pub fn start(
        options: Options,
    ) -> impl Future<Output = Result<Self, StartSupervisorError>> + Send + 'static {
        Self::start_under(None, options)
    }

    /// Starts a supervisor linked to another ractor actor.
    ///
    /// ractor kills the children of an actor that ends, without `post_stop`. For an orderly end,
    /// stop the supervisor in the parent's `post_stop`. The parent needs a supervision handler of
    /// its own: ractor's default one ends it when any child ends.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); `Failed` also if the parent is stopping.
    ///
    /// # Cancel safety
    ///
    /// As [`start`](Self::start).
    pub fn start_link(
        parent: ActorCell,
        options: Options,
    ) -> impl Future<Output = Result<Self, StartSupervisorError>> + Send + 'static {
        Self::start_under(Some(parent), options)
    }

    /// The spec of a session supervisor that is a child of a [`Supervisor`](crate::Supervisor): a
    /// supervisor, permanent, and waited for without end when it is stopped. Each of these can be
    /// overridden.
    ///
    /// It keeps the name that its options give it, and is found by that, not by its role; a
    /// [unique](Options::unique_name) one is new at each restart. One that is restarted begins
    /// empty. It cannot be a session itself, which bears a name of its own.
    ///
    /// With [`Shutdown::Drain`](crate::Shutdown::Drain) it is [drained](Self::drain) whenever its
    /// parent stops it, and what is left after that time is killed.
    ///
    /// OTP: the module's `child_spec/1`.
    ///
    /// ```
    /// use session_supervisor::{Options, SessionSupervisor, Shutdown};
    /// use std::time::Duration;
    ///
    /// let spec = SessionSupervisor::child_spec(Options::new().name("chats"))
    ///     .shutdown(Shutdown::Drain(Duration::from_secs(30)));
    /// # let _ = spec;
    /// ```
    pub fn child_spec(options: Options) -> ChildSpec<Self> {
        ChildSpec::supervisor(options)
    }

    async fn start_under(
        parent: Option<ActorCell>,
        options: Options,
    ) -> Result<Self, StartSupervisorError> {
        let Checked {
            name,
            settings,
            group_of,
        } = options
            .check()
            .map_err(StartSupervisorError::InvalidOptions)?;
        let shared = ask::start(name, Machine::sessions(settings), group_of, parent).await?;
        Ok(Self { shared })
    }

    /// The running supervisor of this name, from ractor's registry. `None` if there is none, or if
    /// the name belongs to another kind of actor. Sends no message.
    ///
    /// Where an error is wanted, `where_is(name).ok_or(SupervisorDown)?` is one.
    #[must_use]
    pub fn where_is(name: &str) -> Option<Self> {
        let cell = ractor::registry::where_is(name)?;
        Self::try_from(cell).ok()
    }

    /// The supervisor's name in ractor's registry.
    #[must_use]
    pub fn name(&self) -> &str {
        self.shared.name()
    }

    /// The root actor: to link, to monitor, to wait for its end.
    #[must_use]
    pub fn get_cell(&self) -> ActorCell {
        self.shared.root().clone()
    }

    /// Starts a session under an id and returns its reference when its `pre_start` is done.
    ///
    /// If the id is starting, stopping, restarting or ending by itself, the start waits until that
    /// operation completes, then is handled as if it had just arrived. Two incarnations of one id
    /// never overlap. Other callers do not wait meanwhile, whatever the start function does.
    ///
    /// The wait has no limit of its own. A session may hang in its `post_stop` after a stop by
    /// others, or its restarts may keep failing within its restart limit. Then the start waits
    /// until [`stop_session`](Self::stop_session) ends it.
    ///
    /// # Errors
    ///
    /// Bad input (`InvalidId`, `InvalidSpec`, `InvalidGroup`) before anything is asked.
    /// `AlreadyStarted` and `Parked` come before `ClaimTaken`, that before `MaxSessions`, and that
    /// before `Rejected`. A start that fails leaves nothing behind and is not retried. `TimedOut` is
    /// answered at once; the launch keeps its id and its place, stopping, until it is gone.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first poll, it does nothing. Dropped after it, the session is started all
    /// the same, unless the start still waited: for the id, or for its launch among others
    /// ([`max_concurrent_launches`](Options::max_concurrent_launches)).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ractor::Actor;
    /// # struct Chat;
    /// # #[ractor::actor(message = (), state = (), arguments = ())]
    /// # impl Chat {}
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use session_supervisor::{ChildSpec, Exit, Options, SessionSupervisor};
    /// # let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
    /// let alice = sessions.start_session("alice", ChildSpec::new(|_| (Chat, ()))).await.unwrap();
    /// alice.cast(()).unwrap();
    /// assert_eq!(sessions.stop_session("alice").await.unwrap(), Exit::Shutdown);
    /// # sessions.stop().await.unwrap();
    /// # }
    /// ```
    pub fn start_session<C: Child>(
        &self,
        id: &str,
        spec: ChildSpec<C>,
    ) -> impl Future<Output = Result<C::Ref, StartError>> + Send + 'static + use<C> {
        let shared = Arc::clone(&self.shared);
        let id = SessionId::parse(id);
        async move {
            let id = id.map_err(StartError::InvalidId)?;
            let spec = spec.for_session().map_err(StartError::InvalidSpec)?;
            let spec = admission::in_group(&shared, &id, spec)?;
            let request = |ticket| Request::Start { spec, ticket };
            match ask::session(&shared, id.shared(), request).await {
                Ok(StartAnswer::Started(found)) => {
                    C::reference(found).ok_or(StartError::SupervisorDown)
                }
                Ok(StartAnswer::Running(found)) => {
                    let cell = found.cell;
                    Err(StartError::AlreadyStarted { id, cell })
                }
                Ok(StartAnswer::NotStarted(why)) => Err(start_error(id, why)),
                Err(SupervisorDown) => Err(StartError::SupervisorDown),
            }
        }
    }

    /// Returns the running session of an id, or starts one. Callers that ask at once share one
    /// start.
    ///
    /// Waits like [`start_session`](Self::start_session). Callers that wait for one launch share
    /// its outcome. The caller whose spec is used gets [`Ensured::Created`], and the others get
    /// [`Ensured::Joined`]. If the launch fails, all of them get the error. The spec is used only
    /// if the session does not run and no other caller is starting it; its claims are passed over
    /// otherwise. Two actor types with one message type cannot be told apart.
    ///
    /// # Errors
    ///
    /// `WrongMessageType` if the running session takes messages of another type; it is left alone.
    /// Else as [`start_session`](Self::start_session).
    ///
    /// # Cancel safety
    ///
    /// As [`start_session`](Self::start_session).
    pub fn ensure_session<C: Child>(
        &self,
        id: &str,
        spec: ChildSpec<C>,
    ) -> impl Future<Output = Result<Ensured<C::Ref>, EnsureError>> + Send + 'static + use<C> {
        let shared = Arc::clone(&self.shared);
        let id = SessionId::parse(id);
        async move {
            let id = id.map_err(StartError::InvalidId)?;
            let spec = spec.for_session().map_err(StartError::InvalidSpec)?;
            let spec = admission::in_group(&shared, &id, spec)?;
            loop {
                let spec = Arc::clone(&spec);
                let request = |ticket| Request::Ensure { spec, ticket };
                let found = match ask::session(&shared, id.shared(), request).await {
                    Ok(EnsureAnswer::Started(found)) => Ensured::Created(found),
                    Ok(EnsureAnswer::Joined(found)) => Ensured::Joined(found),
                    Ok(EnsureAnswer::Running(found)) => Ensured::Existing(found),
                    Ok(EnsureAnswer::NotStarted(why)) => return Err(start_error(id, why).into()),
                    Err(SupervisorDown) => return Err(StartError::SupervisorDown.into()),
                };
                let cell = match &found {
                    Ensured::Created(found) | Ensured::Existing(found) | Ensured::Joined(found) => {
                        found.cell.clone()
                    }
                };
                match found.filter_map(C::reference) {
                    Some(found) => return Ok(found),
                    // A supervisor that has come to its end meanwhile is not told from another
                    // actor. Asked once more, the question waits until that end is known.
                    None if cell.get_status() >= ActorStatus::Stopping => {}
                    None => return Err(EnsureError::WrongMessageType { id, cell }),
                }
            }
        }
    }

    /// Stops a session by its shutdown rule and forgets it, whatever its restart kind.
    ///
    /// When it returns, the session is gone and released: its actor has ended, its state is
    /// dropped, its id and name are free. A session that is starting, waiting for a restart or
    /// parked is ended without a run (`Exit::NotRunning`). Callers that stop an id at the same time
    /// get the same answer. Starts that waited for the id get `StartError::Stopped`.
    ///
    /// One exception: while others stop or drain the supervisor's actor, the state of a killed
    /// session lies in an event that is not read any more. It is dropped with the supervisor's
    /// actor, and the answer does not wait for that.
    ///
    /// A session that awaits its own stop in its handler waits for itself until it is killed; ask
    /// from a spawned task, or use `myself.stop(..)`.
    ///
    /// # Errors
    ///
    /// `NotFound`: nothing of this id is alive. `Stuck`: it survived its kill for 1 s, or, of a
    /// tree, one of its children did.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first poll, it does nothing. Dropped after it, the session is stopped all
    /// the same.
    pub fn stop_session(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<Exit, StopError>> + Send + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        let id = SessionId::parse(id);
        async move {
            let Ok(id) = id else {
                return ask::not_found(&shared, StopError::NotFound, StopError::SupervisorDown);
            };
            match ask::session(&shared, id.shared(), |ticket| Request::Stop { ticket }).await {
                Ok(StopAnswer::Ended(exit)) => Ok(exit),
                Ok(StopAnswer::NotFound) => Err(StopError::NotFound),
                Ok(StopAnswer::Stuck) => Err(StopError::Stuck),
                Err(SupervisorDown) => Err(StopError::SupervisorDown),
            }
        }
    }

    /// Restarts a session by hand. A running one is stopped by its rule and launched anew. One that
    /// waits for a restart is launched at once. A parked one is resumed with an empty restart
    /// limit.
    ///
    /// It is not counted against any limit. A session that is starting is restarted when that is
    /// done. One that is ending is restarted if it comes back; if it ends for good, as after a stop
    /// or for being idle, the answer is `NotFound`. Callers that wait for one launch share it. However many ask at
    /// once, the session is launched at most twice: a launch that had begun before a caller asked
    /// does not count for that caller.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown id. If the launch fails the caller gets the error, and the rules
    /// go on: the session is tried again and counted, a parked one is parked again, a temporary one
    /// is forgotten.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first poll, it does nothing. Dropped after it, the session is restarted
    /// all the same, unless the restart still waited for the id.
    pub fn restart_session(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<ActorCell, RestartError>> + Send + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        let id = SessionId::parse(id);
        async move {
            let Ok(id) = id else {
                return ask::not_found(
                    &shared,
                    RestartError::NotFound,
                    RestartError::SupervisorDown,
                );
            };
            match ask::session(&shared, id.shared(), |ticket| Request::Restart { ticket }).await {
                Ok(RestartAnswer::Started(found) | RestartAnswer::Joined(found)) => Ok(found.cell),
                Ok(RestartAnswer::NotFound) => Err(RestartError::NotFound),
                Ok(RestartAnswer::Failed(failure)) => Err(restart_failed(id, failure)),
                Ok(RestartAnswer::MaxSessions(max)) => Err(RestartError::MaxSessions { max }),
                Ok(RestartAnswer::Rejected(rejection)) => {
                    let (reason, retry_after) = RejectReason::of(rejection);
                    Err(RestartError::Rejected {
                        reason,
                        retry_after,
                    })
                }
                Ok(RestartAnswer::Refused(Refusal::Stopped)) => Err(RestartError::Stopped),
                Ok(RestartAnswer::Refused(Refusal::Stuck)) => Err(RestartError::Stuck),
                Ok(RestartAnswer::Refused(Refusal::Draining)) => Err(RestartError::Draining),
                Ok(RestartAnswer::Refused(Refusal::Down)) | Err(SupervisorDown) => {
                    Err(RestartError::SupervisorDown)
                }
            }
        }
    }

    /// As [`restart_session`](Self::restart_session), with a typed reference.
    ///
    /// # Errors
    ///
    /// As [`restart_session`](Self::restart_session); `WrongMessageType` if the session takes
    /// messages of another type. It was restarted all the same.
    ///
    /// # Cancel safety
    ///
    /// As [`restart_session`](Self::restart_session).
    pub fn restart_session_as<M: ractor::Message>(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<ActorRef<M>, RestartAsError>> + Send + 'static + use<M> {
        let restarted = self.restart_session(id);
        let id = SessionId::parse(id);
        async move {
            let cell = restarted.await?;
            // A bad id is not found.
            let id = id.map_err(|_| RestartError::NotFound)?;
            match typed(cell.clone()) {
                Some(session) => Ok(session),
                None => Err(RestartAsError::WrongMessageType { id, cell }),
            }
        }
    }

    /// The running session of an id: past its `pre_start`, registered, and linked to this
    /// supervisor. A session that unlinked itself is listed, but not found. Reads ractor's registry
    /// and sends no message.
    #[must_use]
    pub fn find_session(&self, id: &str) -> Option<ActorCell> {
        let cell = names::by_session(self.shared.name(), id, |name| {
            ractor::registry::where_is(name)
        })?;
        ask::linked(cell, self.shared.root())
    }

    /// As [`find_session`](Self::find_session), with a typed reference.
    ///
    /// # Errors
    ///
    /// `NotFound`, or `WrongMessageType` if the session takes messages of another type.
    pub fn find_session_as<M: ractor::Message>(&self, id: &str) -> Result<ActorRef<M>, FindError> {
        let cell = self.find_session(id).ok_or(FindError::NotFound)?;
        typed(cell).ok_or(FindError::WrongMessageType)
    }

    /// The running child of a session that is a tree: past its `pre_start`, registered under
    /// `"{supervisor}/{role}/{id}"`, and linked to the session. A supervisor with a name of its own
    /// is found by that. Reads ractor's registry and sends no message.
    #[must_use]
    pub fn find_child(&self, id: &str, role: &str) -> Option<ActorCell> {
        let session = self.find_session(id)?;
        let name = names::session_child(self.shared.name(), role, id);
        ask::linked(ractor::registry::where_is(name)?, &session)
    }

    /// As [`find_child`](Self::find_child), with a typed reference.
    ///
    /// # Errors
    ///
    /// `NotFound`, or `WrongMessageType` if the child takes messages of another type.
    pub fn find_child_as<M: ractor::Message>(
        &self,
        id: &str,
        role: &str,
    ) -> Result<ActorRef<M>, FindChildError> {
        let cell = self.find_child(id, role).ok_or(FindChildError::NotFound)?;
        typed(cell).ok_or(FindChildError::WrongMessageType)
    }

    /// Whether a session of this id runs, as [`find_session`](Self::find_session) sees it. The
    /// answer may be stale as soon as it is given.
    #[must_use]
    pub fn is_running(&self, id: &str) -> bool {
        self.find_session(id).is_some()
    }

    /// What is known of an id; `None` for one that is not.
    ///
    /// # Errors
    ///
    /// [`SupervisorDown`] if the supervisor has ended.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub fn session_info(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<Option<SessionInfo>, SupervisorDown>> + Send + 'static + use<>
    {
        let shared = Arc::clone(&self.shared);
        let id = SessionId::parse(id);
        async move {
            let Ok(id) = id else {
                return ask::alive(&shared).map(|()| None);
            };
            let clock = shared.clock();
            ask::query(&shared, |reply| Query::info(id, clock, reply)).await
        }
    }

    /// All sessions, in the order of their first start; a restart does not move one.
    ///
    /// The list is taken in pages, so that other callers are answered in between. It is taken only
    /// while its caller waits for it, and few are taken at once: further ones wait in line. It
    /// therefore does not show a single instant. A session that is alive throughout appears exactly once.
    ///
    /// OTP: `which_children/1`.
    ///
    /// # Errors
    ///
    /// [`SupervisorDown`] if the supervisor has ended.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub fn list_sessions(
        &self,
    ) -> impl Future<Output = Result<Vec<SessionInfo>, SupervisorDown>> + Send + 'static + use<>
    {
        let shared = Arc::clone(&self.shared);
        async move { ask::query(&shared, Query::List).await }
    }

    /// How many sessions there are, by state. Costs the same however many there are.
    ///
    /// OTP: `count_children/1`.
    ///
    /// # Errors
    ///
    /// [`SupervisorDown`] if the supervisor has ended.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub fn count_sessions(
        &self,
    ) -> impl Future<Output = Result<Counts, SupervisorDown>> + Send + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        async move { ask::query(&shared, Query::count).await }
    }

    /// Stops all sessions, each by its own rule and in parallel, then the supervisor.
    ///
    /// Starts are refused from now on. Listing, counting and `stop_session` still work. At most
    /// 1,000 sessions at a time have been asked to stop and have not begun their `post_stop`; after
    /// 10 ms without progress the next ones are asked. A session's grace begins when its own stop
    /// is sent.
    ///
    /// When it returns, all sessions have ended and all names are free, except for sessions that
    /// are stuck. A second stop joins the first and gets the same report. To give the sessions time
    /// for their messages, a few at a time, [drain](Self::drain) the supervisor.
    ///
    /// # Errors
    ///
    /// [`SupervisorDown`] if the supervisor has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first poll, it does nothing. Dropped after it, the supervisor is stopped
    /// all the same.
    pub fn stop(
        &self,
    ) -> impl Future<Output = Result<ShutdownReport, SupervisorDown>> + Send + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        async move { ask::stop(&shared, None).await }
    }

    /// As [`stop`](Self::stop), but kills what is left after `timeout`. All sessions are asked to
    /// stop in time before that. Of two stops with a timeout the earlier deadline wins. Zero kills
    /// at once.
    ///
    /// # Errors
    ///
    /// As [`stop`](Self::stop).
    ///
    /// # Cancel safety
    ///
    /// As [`stop`](Self::stop).
    pub fn stop_within(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<ShutdownReport, SupervisorDown>> + Send + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        async move { ask::stop(&shared, Some(timeout)).await }
    }

    /// Waits for the end of the supervisor, whatever ends it, and returns its report, which says
    /// [why it ended](ShutdownReport::cause). Starts no stop.
    ///
    /// It returns when all sessions have ended, stuck ones excepted. Any number of callers may
    /// wait, also after the end. The result is `None` if the runtime was shut down before the
    /// supervisor had ended, or if a fault of this crate has ended it.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use session_supervisor::{Options, SessionSupervisor, StopCause};
    ///
    /// let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
    /// let end = tokio::spawn(sessions.wait());
    /// let report = sessions.stop().await.unwrap();
    /// assert_eq!(end.await.unwrap(), Some(report));
    /// assert_eq!(report.cause, StopCause::Requested);
    /// # }
    /// ```
    pub fn wait(&self) -> impl Future<Output = Option<ShutdownReport>> + Send + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        async move { shared.completion.wait_over().await }
    }
}

impl TryFrom<ActorCell> for SessionSupervisor {
    type Error = NotASupervisor;

    /// The supervisor whose root the actor is, for instance of
    /// `myself.try_get_supervisor()` in a session.
    fn try_from(cell: ActorCell) -> Result<Self, NotASupervisor> {
        match directory::find(&cell) {
            Some(shared) if shared.has_sessions() => Ok(Self { shared }),
            Some(_) | None => Err(NotASupervisor::new(cell, "session supervisor")),
        }
    }
}

fn start_error(id: SessionId, why: NotStarted) -> StartError {
    match why {
        NotStarted::Failed(failure) => start_failed(id, failure),
        NotStarted::Parked => StartError::Parked,
        NotStarted::ClaimTaken(taken) => {
            let Taken { claim, holder } = *taken;
            let holder = SessionId::checked(holder);
            StartError::ClaimTaken { claim, holder }
        }
        NotStarted::MaxSessions(max) => StartError::MaxSessions { max },
        NotStarted::Rejected(rejection) => {
            let (reason, retry_after) = RejectReason::of(rejection);
            StartError::Rejected {
                reason,
                retry_after,
            }
        }
        NotStarted::Refused(Refusal::Stopped) => StartError::Stopped,
        NotStarted::Refused(Refusal::Stuck) => StartError::Stuck,
        NotStarted::Refused(Refusal::Draining) => StartError::Draining,
        NotStarted::Refused(Refusal::Down) => StartError::SupervisorDown,
    }
}

fn start_failed(id: SessionId, failure: Failure) -> StartError {
    match failure {
        Failure::Failed(cause) => StartError::Failed { id, cause },
        Failure::Ignored => StartError::Ignored,
        Failure::NameTaken(name) => {
            let cell = ask::holder(&name);
            StartError::NameTaken { id, cell }
        }
        Failure::TimedOut(_) => StartError::TimedOut,
        // The supervisor was ending when it was launched.
        Failure::Cancelled => StartError::SupervisorDown,
    }
}

fn restart_failed(id: SessionId, failure: Failure) -> RestartError {
    match failure {
        Failure::Failed(cause) => RestartError::Failed { id, cause },
        Failure::Ignored => RestartError::Ignored,
        Failure::NameTaken(name) => {
            let cell = ask::holder(&name);
            RestartError::NameTaken { id, cell }
        }
        Failure::TimedOut(_) => RestartError::TimedOut,
        // The supervisor was ending when it was launched.
        Failure::Cancelled => RestartError::SupervisorDown,
    }
}
