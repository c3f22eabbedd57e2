//! What a user writes to start a session or another child: the child spec, its start function, and
//! what the start function is told.
//!
//! The id is not part of the spec, so one spec serves any number of sessions.

mod before_start;
mod checkpoint;
mod claims;
mod expiry;
mod from_fn;
mod label;
mod sibling;
mod task;

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr};

use crate::actor::plan::{Makes, StartFunction, Starter};
use crate::actor::shared::{Found, Life, Order, Plan, Shared};
use crate::child::{AnyActor, Child};
use crate::engine::{
    Backoff, ChildKind, Context, Exit, Limit, OwnLimit, Policy, Restart, Shutdown, Significance,
};
use crate::error::InvalidValue;
use crate::fault::Fault;
use crate::{SessionId, SessionSupervisor, Supervisor};
use checkpoint::Launched;
use expiry::Place;
use from_fn::FromFn;

/// What the start function of a launch is told.
///
/// A session has an id and a session supervisor. A child of a [`Supervisor`] has a role and a tree.
/// A child in the tree of a session has all four.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StartContext {
    /// The id of the session. None for a child outside any session; see [`key`](Self::key).
    pub id: Option<SessionId>,
    /// The role of a child in a tree.
    pub role: Option<Arc<str>>,
    /// The number of this incarnation, from 1. Every launch takes the next number, a failed one
    /// too.
    pub incarnation: u64,
    /// The number of launches since the last exit, this one included.
    pub attempt: u32,
    /// How the last incarnation ended. None at the first start.
    pub last_exit: Option<Exit>,
    /// The session supervisor, for instance to start another session. A launch that waits for that
    /// keeps its place among the launches under way ([`max_concurrent_launches`]). None for a child
    /// outside any session.
    ///
    /// [`max_concurrent_launches`]: crate::Options::max_concurrent_launches
    pub supervisor: Option<SessionSupervisor>,
    /// The tree that the child belongs to.
    pub tree: Option<Supervisor>,
    launched: Launched,
}

impl StartContext {
    pub(crate) fn of(order: &Order) -> Self {
        Self::new(order.context.clone(), &order.life, &order.shared)
    }

    pub(crate) fn new(context: Context, life: &Arc<Life>, shared: &Arc<Shared>) -> Self {
        let key = context.id;
        let (session, role) = match (shared.has_sessions(), shared.home()) {
            (true, _) => (Some((key, shared)), None),
            (false, Some(home)) => (Some((Arc::clone(&home.id), &home.sessions)), Some(key)),
            (false, None) => (None, Some(key)),
        };
        let tree = role.is_some().then(|| Supervisor::of(Arc::clone(shared)));
        let (id, supervisor) = session
            .map(|(id, sessions)| {
                let sessions = SessionSupervisor::of(Arc::clone(sessions));
                (SessionId::checked(id), sessions)
            })
            .unzip();
        Self {
            id,
            role,
            incarnation: context.incarnation,
            attempt: context.attempt,
            last_exit: context.last_exit,
            supervisor,
            tree,
            launched: Launched::of(life),
        }
    }

    /// The id of the session, or the role of a child outside any session. Every launch has it: use
    /// it to load data or to name the child in the log.
    #[must_use]
    pub fn key(&self) -> &str {
        let id = self.id.as_deref();
        id.or(self.role.as_deref()).unwrap_or_default()
    }
}

/// What a start function answers: an actor to spawn, or nothing.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "OTP's two answers: a child, or ignore"
)]
pub enum Launch<A: Actor> {
    /// Spawn this actor with these arguments.
    Actor(A, A::Arguments),
    /// Start nothing, without that being an error. A first start fails with `Ignored`; at a restart
    /// the session is forgotten.
    ///
    /// OTP: `ignore`.
    Ignore,
}

/// How to start a session or another child, and the rules for its restarts and its stop. Cheap to
/// clone.
///
/// The start function is called anew for every incarnation, in a task of its own: it may await,
/// block, panic or ask the supervisor without affecting other sessions, as long as
/// fewer than [`max_concurrent_launches`](crate::Options::max_concurrent_launches) do so at once.
///
/// Setters do not fail. The first bad value is kept and is the error of the call that uses the
/// spec, before anything is asked; in a [`tree`](ChildSpec::tree) it fails the start.
///
/// ```
/// # use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef};
/// use session_supervisor::{Backoff, ChildSpec, Restart, Shutdown};
/// use std::time::Duration;
/// # struct Chat;
/// # #[ractor::actor(message = (), state = (), arguments = ())]
/// # impl Chat {}
///
/// let spec = ChildSpec::new(|_start| (Chat, ()))
///     .restart(Restart::Permanent)
///     .shutdown(Shutdown::Timeout(Duration::from_secs(2)))
///     .restart_limit(5, Duration::from_secs(60))
///     .backoff(Backoff::exponential(Duration::from_millis(100), Duration::from_secs(10)));
/// # let _ = spec;
/// ```
#[must_use]
pub struct ChildSpec<C: Child = AnyActor> {
    plan: Arc<Plan>,
    /// None: the default of the place where it is started.
    restart: Option<Restart>,
    fault: Fault,
    child: PhantomData<fn() -> C>,
}

impl<C: Child> Clone for ChildSpec<C> {
    fn clone(&self) -> Self {
        Self {
            plan: Arc::clone(&self.plan),
            restart: self.restart,
            fault: self.fault.clone(),
            child: PhantomData,
        }
    }
}

impl<C: Child> fmt::Debug for ChildSpec<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildSpec")
            .field("policy", &self.plan.policy)
            .field("restart", &self.restart)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

impl<A: Actor> ChildSpec<A> {
    /// A session whose actor and arguments are made by a plain function.
    ///
    /// For one that awaits use [`from_fn`](Self::from_fn): an async closure does not fit here. A
    /// type that is no actor is refused by the compiler, with a note about `ractor::factory::Worker`.
    /// That is only another way to be an actor: write `#[ractor::actor(..)]` above its `impl`.
    pub fn new<F>(start: F) -> Self
    where
        F: Fn(StartContext) -> (A, A::Arguments) + Send + Sync + 'static,
    {
        Self::from_fn(move |context| {
            let (actor, arguments) = start(context);
            std::future::ready(Ok(Launch::Actor(actor, arguments)))
        })
    }

    /// A session whose actor and arguments are made by an async function, which may fail or answer
    /// [`Launch::Ignore`].
    ///
    /// ```
    /// # use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef};
    /// use session_supervisor::{ChildSpec, Launch};
    /// # struct Chat;
    /// # #[ractor::actor(message = (), state = String, arguments = String)]
    /// # impl Chat {
    /// #     async fn pre_start(&self, _me: ActorRef<()>, text: String) -> Result<String, ActorProcessingErr> { Ok(text) }
    /// # }
    /// # async fn load(id: &str) -> Result<String, std::io::Error> { Ok(id.to_owned()) }
    ///
    /// let spec = ChildSpec::from_fn(|start| async move {
    ///     Ok(Launch::Actor(Chat, load(start.key()).await?))
    /// });
    /// # let _ = spec;
    /// ```
    pub fn from_fn<F, Fut>(start: F) -> Self
    where
        F: Fn(StartContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Launch<A>, ActorProcessingErr>> + Send + 'static,
    {
        Self::made_by(Policy::default(), FromFn::new(start))
    }

    /// As [`from_fn`](Self::from_fn), with a value that is cloned for every start.
    pub fn from_fn_with<S, F, Fut>(store: S, start: F) -> Self
    where
        S: Clone + Send + Sync + 'static,
        F: Fn(S, StartContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Launch<A>, ActorProcessingErr>> + Send + 'static,
    {
        Self::from_fn(move |context| start(store.clone(), context))
    }
}

impl<C: Child> ChildSpec<C> {
    pub(crate) fn made_by(policy: Policy, starter: impl Starter<Order, Found>) -> Self {
        Self {
            plan: Arc::new(Plan {
                policy,
                terms: None,
                starter: Arc::new(StartFunction::new(starter)),
            }),
            restart: None,
            fault: Fault::default(),
            child: PhantomData,
        }
    }

    /// Sets when the child is restarted after it ended. Default: [`Restart::Transient`] for a
    /// session, [`Restart::Permanent`] for a child of a [`Supervisor`].
    ///
    /// ractor's default supervision handler stops an actor when one linked to it ends. If that one
    /// failed or was killed, the child counts as failed too. A child that handles such a failure
    /// itself and goes on with other messages does not.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = Some(restart);
        self
    }

    /// Sets whether the child counts as a worker or a supervisor. Default: a worker, unless it is
    /// made as a supervisor.
    pub fn kind(self, kind: ChildKind) -> Self {
        self.with(|policy| policy.kind = kind)
    }

    /// Marks the child as significant: its end can end its [`Supervisor`], as
    /// [`auto_shutdown`](crate::TreeSpec::auto_shutdown) says. It must be transient or temporary. A
    /// session cannot be significant.
    pub fn significant(self) -> Self {
        self.with(|policy| policy.significance = Significance::Significant)
    }

    /// Sets how the child is stopped. Default: it is asked, and killed after 5 s; a supervisor is
    /// waited for without end.
    pub fn shutdown(self, shutdown: Shutdown) -> Self {
        self.with(|policy| policy.shutdown = shutdown)
    }

    /// Sets how long the start function and `pre_start` may take together, at restarts too.
    /// Default: 30 s. It must be longer than zero.
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        if timeout.is_zero() {
            self.fault.add_zero("start_timeout", timeout);
            return self;
        }
        self.with(|policy| policy.start_timeout = timeout)
    }

    /// Sets how often this session may be restarted within `window` before it is parked, or before
    /// what [`on_restart_limit`](crate::Options::on_restart_limit) says happens. Default: the
    /// supervisor's [`session_restart_limit`](crate::Options::session_restart_limit). The window
    /// must be longer than zero.
    pub fn restart_limit(mut self, max: u32, window: Duration) -> Self {
        match Limit::new(max, window) {
            Some(limit) => self.with(|policy| policy.limit = OwnLimit::Own(limit)),
            None => {
                self.fault.add_zero("restart_limit.window", window);
                self
            }
        }
    }

    /// Removes the restart limit: the session is restarted without end.
    pub fn without_restart_limit(self) -> Self {
        self.with(|policy| policy.limit = OwnLimit::Unlimited)
    }

    /// Sets the pause before a restart. Default: that of the supervisor, which is
    /// [`Backoff::default`], or none with [`Options::otp`](crate::Options::otp). For children of a
    /// tree it is [`Backoff::default`].
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        if let Some((first, max)) = backoff.fault() {
            let rule = format!("must be longer than zero and at most the maximum of {max:?}");
            self.fault
                .add("backoff.first", format_args!("{first:?}"), rule);
            return self;
        }
        self.with(|policy| policy.backoff = Some(backoff))
    }

    /// The same spec without its actor's type, for lists of different sessions. A start then yields
    /// an [`ActorCell`](ractor::ActorCell).
    pub fn erase(self) -> ChildSpec {
        ChildSpec {
            plan: self.plan,
            restart: self.restart,
            fault: self.fault,
            child: PhantomData,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut Arc::make_mut(&mut self.plan).policy);
        self
    }

    /// Takes over the fault of a builder from which the spec was made.
    pub(crate) fn with_fault(mut self, fault: Fault) -> Self {
        self.fault.join(fault);
        self
    }

    /// The plan of a session, or the first bad value.
    pub(crate) fn for_session(mut self) -> Result<Arc<Plan>, InvalidValue> {
        if self.plan.policy.significance == Significance::Significant {
            self.fault
                .add("significant", true, "has no effect on a session");
        }
        self.check_expiry(match self.plan.starter.makes() {
            Makes::Actor => Place::Session,
            Makes::Task => Place::Task,
            Makes::Tree => Place::Tree,
        });
        self.checked(Restart::Transient)
    }

    /// The plan of a child of a static supervisor, or the first bad value.
    pub(crate) fn for_child(mut self) -> Result<Arc<Plan>, InvalidValue> {
        self.check_expiry(Place::Child);
        self.check_no_claims();
        let policy = &self.plan.policy;
        let restart = self.restart.unwrap_or(Restart::Permanent);
        let limit = match policy.limit {
            OwnLimit::Inherited => None,
            OwnLimit::Own(limit) => Some(limit.to_string()),
            OwnLimit::Unlimited => Some("none".to_owned()),
        };
        if let Some(limit) = limit {
            let rule = "the children of a tree share the tree's limit";
            self.fault.add("restart_limit", limit, rule);
        } else if policy.significance == Significance::Significant && restart == Restart::Permanent
        {
            let rule = "a significant child must be transient or temporary";
            self.fault.add("significant", true, rule);
        }
        self.checked(restart)
    }

    fn checked(mut self, usual: Restart) -> Result<Arc<Plan>, InvalidValue> {
        self.fault.check()?;
        let restart = self.restart.unwrap_or(usual);
        if self.plan.policy.restart != restart {
            Arc::make_mut(&mut self.plan).policy.restart = restart;
        }
        Ok(self.plan)
    }
}
