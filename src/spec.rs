//! What a user writes to start a session: the child spec, its start function, and what that is told.
//!
//! Absent on purpose: the id. It is not part of the spec, so one spec serves any number of sessions.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, Message};

use crate::actor::plan::{Order, Plan, SpawnFailure, Starter, Starting};
use crate::actor::session::Session;
use crate::engine::{Backoff, Exit, Limit, OwnLimit, Policy, Restart, Shutdown};
use crate::error::{InvalidValue, StartError};
use crate::{SessionId, SessionSupervisor};

/// What the start function of a launch is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StartContext {
    /// The session's id.
    pub id: SessionId,
    /// Which life of the id this is, from 1. Every launch takes the next number, a failed one too.
    pub incarnation: u64,
    /// Which launch since the last exit this is, from 1.
    pub attempt: u32,
    /// How the last incarnation ended; none at the first start.
    pub last_exit: Option<Exit>,
    /// The supervisor, for instance to start another session.
    pub supervisor: SessionSupervisor,
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
    /// Start nothing, without that being an error. At a first start the caller is told, at a restart
    /// the session is forgotten.
    ///
    /// OTP: `ignore`.
    Ignore,
}

mod sealed {
    pub trait Sealed {}
}

/// What a child spec can start: an actor, or [`AnyActor`].
pub trait Child: sealed::Sealed + Send + Sync + 'static {
    /// What a start yields.
    type Ref: fmt::Debug + Send + 'static;

    #[doc(hidden)]
    fn reference(cell: ActorCell) -> Option<Self::Ref>;
}

impl<A: Actor> sealed::Sealed for A {}

impl<A: Actor> Child for A {
    type Ref = ActorRef<A::Msg>;

    fn reference(cell: ActorCell) -> Option<Self::Ref> {
        typed(cell)
    }
}

/// An actor whose type has been erased; see [`ChildSpec::erase`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AnyActor;

impl sealed::Sealed for AnyActor {}

impl Child for AnyActor {
    type Ref = ActorCell;

    fn reference(cell: ActorCell) -> Option<Self::Ref> {
        Some(cell)
    }
}

/// A typed reference, if the actor takes messages of the type.
pub(crate) fn typed<M: Message>(cell: ActorCell) -> Option<ActorRef<M>> {
    match cell.is_message_type_of::<M>() {
        Some(true) => Some(cell.into()),
        Some(false) | None => None,
    }
}

impl StartError {
    /// The running session of [`StartError::AlreadyStarted`], if it takes messages of this type.
    /// Two actor types with one message type cannot be told apart.
    #[must_use]
    pub fn already_started<M: Message>(&self) -> Option<ActorRef<M>> {
        match self {
            Self::AlreadyStarted { cell, .. } => typed(cell.clone()),
            _ => None,
        }
    }
}

/// How to start a session, and by which rules it lives. Cheap to clone.
///
/// The start function is called anew for every incarnation, in a task of its own: it may await,
/// block, panic or ask the supervisor without anybody else noticing.
///
/// Setters do not fail. The first bad value is kept and is the error of the call that uses the spec,
/// before anything is asked.
///
/// ```
/// # use ractor::{Actor, ActorProcessingErr, ActorRef};
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
    fault: Option<InvalidValue>,
    child: PhantomData<fn() -> C>,
}

impl<C: Child> Clone for ChildSpec<C> {
    fn clone(&self) -> Self {
        Self {
            plan: Arc::clone(&self.plan),
            fault: self.fault.clone(),
            child: PhantomData,
        }
    }
}

impl<C: Child> fmt::Debug for ChildSpec<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildSpec")
            .field("policy", &self.plan.policy)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

impl<A: Actor> ChildSpec<A> {
    /// A session whose actor and arguments are made by a plain function.
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
    /// # use ractor::{Actor, ActorProcessingErr, ActorRef};
    /// use session_supervisor::{ChildSpec, Launch};
    /// # struct Chat;
    /// # #[ractor::actor(message = (), state = String, arguments = String)]
    /// # impl Chat {
    /// #     async fn pre_start(&self, _me: ActorRef<()>, text: String) -> Result<String, ActorProcessingErr> { Ok(text) }
    /// # }
    /// # async fn load(id: &str) -> Result<String, std::io::Error> { Ok(id.to_owned()) }
    ///
    /// let spec = ChildSpec::from_fn(|start| async move {
    ///     Ok(Launch::Actor(Chat, load(&start.id).await?))
    /// });
    /// # let _ = spec;
    /// ```
    pub fn from_fn<F, Fut>(start: F) -> Self
    where
        F: Fn(StartContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Launch<A>, ActorProcessingErr>> + Send + 'static,
    {
        Self {
            plan: Arc::new(Plan {
                policy: Policy::default(),
                starter: Arc::new(FromFn {
                    start,
                    actor: PhantomData,
                }),
            }),
            fault: None,
            child: PhantomData,
        }
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
    /// When the session is started again after it ended. Default: [`Restart::Transient`].
    pub fn restart(self, restart: Restart) -> Self {
        self.with(|policy| policy.restart = restart)
    }

    /// How the session is stopped. Default: asked, and killed after 5 s.
    pub fn shutdown(self, shutdown: Shutdown) -> Self {
        self.with(|policy| policy.shutdown = shutdown)
    }

    /// How long the start function and `pre_start` may take together, at restarts too. Default: 30 s.
    /// It must be longer than zero.
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        if timeout.is_zero() {
            self.fault
                .get_or_insert_with(|| InvalidValue::zero("start_timeout", timeout));
            return self;
        }
        self.with(|policy| policy.start_timeout = timeout)
    }

    /// How often this session may be restarted within `window` before it is parked (or what
    /// [`on_restart_limit`](crate::Options::on_restart_limit) says). Default: the supervisor's
    /// [`session_restart_limit`](crate::Options::session_restart_limit). The window must be longer
    /// than zero.
    pub fn restart_limit(mut self, max: u32, window: Duration) -> Self {
        match Limit::new(max, window) {
            Some(limit) => self.with(|policy| policy.limit = OwnLimit::Own(limit)),
            None => {
                self.fault
                    .get_or_insert_with(|| InvalidValue::zero("restart_limit.window", window));
                self
            }
        }
    }

    /// The session is restarted without end.
    pub fn without_restart_limit(self) -> Self {
        self.with(|policy| policy.limit = OwnLimit::Unlimited)
    }

    /// The pause before a restart. Default: none.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        if let Some((first, max)) = backoff.fault() {
            self.fault.get_or_insert_with(|| InvalidValue {
                field: "backoff.first",
                value: format!("{first:?}"),
                rule: format!("must be longer than zero and at most the maximum of {max:?}"),
            });
            return self;
        }
        self.with(|policy| policy.backoff = backoff)
    }

    /// The same spec without its actor's type, for lists of different sessions. A start then yields
    /// an [`ActorCell`].
    pub fn erase(self) -> ChildSpec {
        ChildSpec {
            plan: self.plan,
            fault: self.fault,
            child: PhantomData,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut Arc::make_mut(&mut self.plan).policy);
        self
    }

    /// The plan, or the first bad value.
    pub(crate) fn check(self) -> Result<Arc<Plan>, InvalidValue> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self.plan),
        }
    }
}

/// A user's start function, with the actor that it makes.
struct FromFn<A, F> {
    start: F,
    actor: PhantomData<fn() -> A>,
}

impl<A, F, Fut> Starter for FromFn<A, F>
where
    A: Actor,
    F: Fn(StartContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Launch<A>, ActorProcessingErr>> + Send + 'static,
{
    fn start(&self, order: Order) -> Starting {
        let context = StartContext {
            id: SessionId::checked(Arc::clone(&order.context.id)),
            incarnation: order.context.incarnation,
            attempt: order.context.attempt,
            last_exit: order.context.last_exit.clone(),
            supervisor: SessionSupervisor::of(Arc::clone(&order.shared)),
        };
        let launch = (self.start)(context);
        Box::pin(async move {
            match launch.await {
                Ok(Launch::Actor(actor, arguments)) => {
                    Session::spawn(order, actor, arguments).await
                }
                Ok(Launch::Ignore) => Err(SpawnFailure::Ignored),
                Err(cause) => Err(SpawnFailure::Failed(cause)),
            }
        })
    }
}
