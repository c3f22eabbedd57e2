//! What the handle of a static supervisor can be asked.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ractor::{ActorCell, ActorRef};

use crate::actor::directory;
use crate::actor::shared::Query;
use crate::ask;
use crate::child::{Child, typed};
use crate::engine::{
    ChildRequest, Counts, DeleteAnswer, Exit, Failure, Refusal, RestartChildAnswer, ShutdownReport,
    StartChildAnswer, StopAnswer,
};
use crate::error::{
    DeleteChildError, FindChildError, InvalidRole, NotASupervisor, RestartChildError,
    StartChildError, StartSupervisorError, SupervisorDown, TerminateChildError,
};
use crate::info::{ChildFailure, ChildInfo};
use crate::spec::ChildSpec;
use crate::{Supervisor, TreeSpec, names};

impl Supervisor {
    /// Starts a supervisor without a parent, and all its children. It runs until it is stopped,
    /// also when all handles are dropped.
    ///
    /// It waits for the `pre_start` of each child, one after another.
    ///
    /// # Errors
    ///
    /// `InvalidOptions` before anything is started; `NameTaken` with the holder; `ChildFailed` with
    /// the role of the child that did not start, when those before it have been stopped in reverse
    /// order; `Failed` outside a runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is done, it leaves nothing behind: what was started is killed.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use session_supervisor::{Options, SessionSupervisor, Supervisor, TreeSpec};
    ///
    /// let tree = TreeSpec::one_for_one()
    ///     .name("app")
    ///     .child("rooms", SessionSupervisor::child_spec(Options::new().name("rooms")));
    /// let app = Supervisor::start(tree).await.unwrap();
    /// assert!(SessionSupervisor::where_is("rooms").is_some());
    /// app.stop().await.unwrap();
    /// assert!(SessionSupervisor::where_is("rooms").is_none());
    /// # }
    /// ```
    pub fn start(
        tree: TreeSpec,
    ) -> impl Future<Output = Result<Self, StartSupervisorError>> + Send + 'static {
        Self::start_under(None, tree)
    }

    /// Starts a supervisor linked to another ractor actor, as
    /// [`SessionSupervisor::start_link`](crate::SessionSupervisor::start_link) does.
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
        tree: TreeSpec,
    ) -> impl Future<Output = Result<Self, StartSupervisorError>> + Send + 'static {
        Self::start_under(Some(parent), tree)
    }

    /// How it ended, once all of it has ended. `None` if its runtime was shut down before that, or
    /// if it had an internal fault.
    pub(crate) fn ended(
        &self,
    ) -> impl Future<Output = Option<ShutdownReport>> + Send + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        async move { shared.completion.wait_over().await }
    }

    /// That for which it gave up, if it did.
    pub(crate) fn failure(&self) -> Option<ChildFailure> {
        self.shared.failure()
    }

    async fn start_under(
        parent: Option<ActorCell>,
        tree: TreeSpec,
    ) -> Result<Self, StartSupervisorError> {
        let design = tree.check().map_err(StartSupervisorError::InvalidOptions)?;
        let name = design.name.unwrap_or_else(|| Self::NAME.to_owned());
        let shared = ask::start(name, design.machine, None, parent).await?;
        Ok(Self { shared })
    }

    /// The spec of a supervisor that is a child of another one. Its stop is waited for without
    /// limit. It is registered if its spec names it, or if its parent is registered.
    pub fn child_spec(tree: TreeSpec) -> ChildSpec<Self> {
        let fault = tree.fault();
        ChildSpec::tree(move |_| tree.clone()).with_fault(fault)
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

    /// The supervisor's name: in ractor's registry, or, if it is not registered, in the log.
    #[must_use]
    pub fn name(&self) -> &str {
        self.shared.name()
    }

    /// The root actor: to link, to monitor, to wait for its end.
    #[must_use]
    pub fn get_cell(&self) -> ActorCell {
        self.shared.root().clone()
    }

    /// Adds a child at the end, starts it, and returns its reference when its `pre_start` is done.
    ///
    /// If the role is starting or stopping, the start waits until that is done. The child is lost
    /// when the supervisor itself is restarted, by its parent or as a session: only what its
    /// [`TreeSpec`] describes comes back. Describe a child there if it must survive, with
    /// [`child_on_demand`](TreeSpec::child_on_demand) if it is not to run from the beginning.
    ///
    /// OTP: `start_child/2`.
    ///
    /// # Errors
    ///
    /// Bad input (`InvalidRole`, `InvalidSpec`) before anything is asked. `AlreadyStarted`,
    /// `AlreadyPresent` or `Restarting` if the role is known. A start that fails leaves nothing
    /// behind; one that is `Ignored` leaves the child as one that does not run, unless it is
    /// temporary.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first poll, it does nothing. Dropped after it, the child is started all
    /// the same, unless the request still waits for its turn: then it is dropped with its caller.
    pub fn start_child<C: Child>(
        &self,
        role: &str,
        spec: ChildSpec<C>,
    ) -> impl Future<Output = Result<C::Ref, StartChildError>> + Send + 'static + use<C> {
        let shared = Arc::clone(&self.shared);
        let role: Arc<str> = role.into();
        async move {
            if let Err(rule) = names::check_role(&role) {
                let role = role.as_ref().to_owned();
                return Err(StartChildError::InvalidRole(InvalidRole { role, rule }));
            }
            let spec = spec.for_child().map_err(StartChildError::InvalidSpec)?;
            let key = Arc::clone(&role);
            let request = |ticket| ChildRequest::Start { spec, ticket };
            match ask::child(&shared, key, request).await {
                Ok(StartChildAnswer::Started(found)) => {
                    C::reference(found).ok_or(StartChildError::SupervisorDown)
                }
                Ok(StartChildAnswer::Running(found)) => {
                    let cell = found.cell;
                    Err(StartChildError::AlreadyStarted { role, cell })
                }
                Ok(StartChildAnswer::Present) => Err(StartChildError::AlreadyPresent { role }),
                Ok(StartChildAnswer::Restarting) => Err(StartChildError::Restarting),
                Ok(StartChildAnswer::Failed(failure)) => Err(start_failed(&role, failure)),
                Ok(StartChildAnswer::Refused(refusal)) => Err(start_refused(refusal)),
                Err(SupervisorDown) => Err(StartChildError::SupervisorDown),
            }
        }
    }

    /// Stops a child by its shutdown rule, whatever its restart kind and the strategy. It is kept
    /// as one that does not run, unless it is temporary.
    ///
    /// When it returns, the child is gone and released. One that does not run is
    /// [`Exit::NotRunning`]; one that waits for a restart is not restarted.
    ///
    /// OTP: `terminate_child/2`.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown role. `Stuck`: it survived its kill for 1 s.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first poll, it does nothing. Dropped after it, the child is stopped all
    /// the same.
    pub fn terminate_child(
        &self,
        role: &str,
    ) -> impl Future<Output = Result<Exit, TerminateChildError>> + Send + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        let role: Arc<str> = role.into();
        async move {
            match ask::child(&shared, role, |ticket| ChildRequest::Stop { ticket }).await {
                Ok(StopAnswer::Ended(exit)) => Ok(exit),
                Ok(StopAnswer::NotFound) => Err(TerminateChildError::NotFound),
                Ok(StopAnswer::Stuck) => Err(TerminateChildError::Stuck),
                Err(SupervisorDown) => Err(TerminateChildError::SupervisorDown),
            }
        }
    }

    /// Starts a child again that does not run, or one [on demand](TreeSpec::child_on_demand) for
    /// the first time. It is not counted against the limit. Of several calls at once one starts it,
    /// and the others are told that it runs.
    ///
    /// OTP: `restart_child/2`.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown role, `Running` or `Start(Restarting)` if it does run. If the
    /// start fails, the child is kept as one that does not run.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first poll, it does nothing. Dropped after it, the child is started all
    /// the same, unless the request still waits for its turn: then it is dropped with its caller.
    pub fn restart_child(
        &self,
        role: &str,
    ) -> impl Future<Output = Result<ActorCell, RestartChildError>> + Send + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        let role: Arc<str> = role.into();
        async move {
            let key = Arc::clone(&role);
            let request = |ticket| ChildRequest::Restart { ticket };
            let error = match ask::child(&shared, key, request).await {
                Ok(RestartChildAnswer::Started(found)) => return Ok(found.cell),
                Ok(RestartChildAnswer::NotFound) => return Err(RestartChildError::NotFound),
                Ok(RestartChildAnswer::Running(found)) => {
                    let cell = found.cell;
                    return Err(RestartChildError::Running { cell });
                }
                Ok(RestartChildAnswer::Restarting) => StartChildError::Restarting,
                Ok(RestartChildAnswer::Failed(failure)) => start_failed(&role, failure),
                Ok(RestartChildAnswer::Refused(refusal)) => start_refused(refusal),
                Err(SupervisorDown) => StartChildError::SupervisorDown,
            };
            Err(RestartChildError::Start(error))
        }
    }

    /// Forgets a child that does not run.
    ///
    /// OTP: `delete_child/2`.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown role; `Running`, `Restarting` or `Stuck` if it is in that
    /// state.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first poll, it does nothing. Dropped after it, the child is forgotten all
    /// the same, unless the request still waits for its turn: then it is dropped with its caller.
    pub fn delete_child(
        &self,
        role: &str,
    ) -> impl Future<Output = Result<(), DeleteChildError>> + Send + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        let role: Arc<str> = role.into();
        async move {
            match ask::child(&shared, role, |ticket| ChildRequest::Delete { ticket }).await {
                Ok(DeleteAnswer::Deleted) => Ok(()),
                Ok(DeleteAnswer::NotFound) => Err(DeleteChildError::NotFound),
                Ok(DeleteAnswer::Running(found)) => {
                    let cell = found.cell;
                    Err(DeleteChildError::Running { cell })
                }
                Ok(DeleteAnswer::Restarting) => Err(DeleteChildError::Restarting),
                Ok(DeleteAnswer::Refused(Refusal::Stopped)) => Err(DeleteChildError::Stopped),
                Ok(DeleteAnswer::Refused(Refusal::Stuck)) => Err(DeleteChildError::Stuck),
                Ok(DeleteAnswer::Refused(Refusal::Down | Refusal::Draining))
                | Err(SupervisorDown) => Err(DeleteChildError::SupervisorDown),
            }
        }
    }

    /// The children, in the order of their starts.
    ///
    /// OTP: `which_children/1`, which has the reverse order.
    ///
    /// # Errors
    ///
    /// [`SupervisorDown`] if the supervisor has ended.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub fn which_children(
        &self,
    ) -> impl Future<Output = Result<Vec<ChildInfo>, SupervisorDown>> + Send + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        async move { ask::query(&shared, Query::children).await }
    }

    /// How many children there are, by state and kind. Those that do not run are in no state: only
    /// `specs` and the kinds count them.
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
    pub fn count_children(
        &self,
    ) -> impl Future<Output = Result<Counts, SupervisorDown>> + Send + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        async move { ask::query(&shared, Query::count).await }
    }

    /// The running child of a role: past its `pre_start`, registered, and linked to this
    /// supervisor. Reads ractor's registry and sends no message.
    ///
    /// Children of a supervisor that is not registered itself are not registered. A supervisor with
    /// a name of its own, as every session supervisor is, is found by that name.
    /// [`which_children`](Self::which_children) lists them all.
    #[must_use]
    pub fn find_child(&self, role: &str) -> Option<ActorCell> {
        let cell = ractor::registry::where_is(self.shared.child_name(role)?)?;
        ask::linked(cell, self.shared.root())
    }

    /// As [`find_child`](Self::find_child), with a typed reference.
    ///
    /// # Errors
    ///
    /// `NotFound`, or `WrongMessageType` if the child takes messages of another type.
    pub fn find_child_as<M: ractor::Message>(
        &self,
        role: &str,
    ) -> Result<ActorRef<M>, FindChildError> {
        let cell = self.find_child(role).ok_or(FindChildError::NotFound)?;
        typed(cell).ok_or(FindChildError::WrongMessageType)
    }

    /// Stops all children, one after another in reverse order (or all at once, if the spec says
    /// [`stop_together`](TreeSpec::stop_together)), each by its own rule, then the supervisor.
    ///
    /// When it returns, all children have ended (stuck ones excepted) and all names are free. A
    /// second stop joins the first and gets the same report. Children that are supervisors add what
    /// became of their own children to the report. While the supervisor begins, its start fails when
    /// those that run are stopped.
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

    /// As [`stop`](Self::stop), but kills what is left after `timeout`. Of two stops with a timeout
    /// the earlier deadline wins. Zero kills at once.
    ///
    /// Every child is asked to stop before it is killed. A child is asked as soon as the one after
    /// it is gone, and at the latest when its share of the time has come. Its share is the time
    /// left, divided among the children that are left. Slow children then stop beside each other.
    /// Supervisors among them are told how long they may take, and share that time out in the same
    /// way.
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
    /// It returns when all children have ended, stuck ones excepted. Any number of callers may
    /// wait, also after the end. The result is `None` if the runtime was shut down before the
    /// supervisor had ended, or if a fault of this crate has ended it.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub fn wait(&self) -> impl Future<Output = Option<ShutdownReport>> + Send + 'static + use<> {
        self.ended()
    }
}

impl TryFrom<ActorCell> for Supervisor {
    type Error = NotASupervisor;

    /// The supervisor whose root the actor is, for instance of a session that is a tree.
    fn try_from(cell: ActorCell) -> Result<Self, NotASupervisor> {
        match directory::find(&cell) {
            Some(shared) if !shared.has_sessions() => Ok(Self { shared }),
            Some(_) | None => Err(NotASupervisor::new(cell, "supervisor")),
        }
    }
}

fn start_failed(role: &Arc<str>, failure: Failure) -> StartChildError {
    match &failure {
        // The supervisor was ending when it was launched.
        Failure::Cancelled => StartChildError::SupervisorDown,
        Failure::NameTaken(name) => {
            let holder = ask::holder(name);
            StartChildError::of_failure(role, failure, holder)
        }
        Failure::Failed(_) | Failure::Ignored | Failure::TimedOut(_) => {
            StartChildError::of_failure(role, failure, None)
        }
    }
}

fn start_refused(refusal: Refusal) -> StartChildError {
    match refusal {
        Refusal::Stopped => StartChildError::Stopped,
        Refusal::Stuck => StartChildError::Stuck,
        // Only a session supervisor drains.
        Refusal::Down | Refusal::Draining => StartChildError::SupervisorDown,
    }
}
