//! What a user writes to describe a static supervisor: its children in their order, its strategy
//! and its limit. Also the child specs that start such a tree, or a session supervisor, as a child.
//!
//! Setters do not fail: the call that starts the tree fails with the first bad value.

use std::sync::Arc;
use std::time::Duration;

use crate::actor::plan::{Makes, SpawnFailure, Starter, Starting};
use crate::actor::shared::{Found, Machine, Order, Plan};
use crate::actor::spawn::{self, Design};
use crate::child::Child;
use crate::engine::{
    AutoShutdown, ChildKind, Discard, FirstStart, Limit, OrderedEngine, OrderedSettings, Policy,
    Restart, Shutdown, StopOrder, Strategy,
};
use crate::error::{InvalidValue, StartSupervisorError};
use crate::fault::Fault;
use crate::names::{self, Naming};
use crate::options::random_seed;
use crate::spec::{ChildSpec, StartContext};
use crate::{Options, SessionSupervisor, Supervisor};

/// OTP's `max_restarts` and `max_seconds` for a tree are 1 in 5 s in Erlang and 3 in 5 s in Elixir.
const RESTARTS: u32 = 3;
const WINDOW: Duration = Duration::from_secs(5);

/// The children of a [`Supervisor`] in the order of their starts, and its rules. Cheap to clone.
///
/// A restart of the tree starts all children that are described here, and none that was added later
/// with [`start_child`](Supervisor::start_child).
///
/// A child is known by its role: 1 to 512 bytes, no control character, no `/`, not `session`. It is
/// [`Permanent`](Restart::Permanent) unless its spec says otherwise.
///
/// ```
/// # struct Actor;
/// # #[ractor::actor(message = (), state = (), arguments = ())]
/// # impl Actor {}
/// # fn manager() -> ChildSpec<Actor> { ChildSpec::new(|_| (Actor, ())) }
/// # fn recorder() -> ChildSpec<Actor> { ChildSpec::new(|_| (Actor, ())) }
/// use session_supervisor::{ChildSpec, TreeSpec};
/// use std::time::Duration;
///
/// let tree = TreeSpec::rest_for_one()
///     .child("recorder", recorder())
///     .child("manager", manager())
///     .restart_limit(5, Duration::from_secs(60));
/// # let _ = tree;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TreeSpec {
    name: Option<Naming>,
    settings: OrderedSettings,
    seed: Option<u64>,
    children: Vec<(Arc<str>, Arc<Plan>, FirstStart)>,
    fault: Fault,
}

impl TreeSpec {
    /// A tree without children yet.
    pub fn new(strategy: Strategy) -> Self {
        Self {
            name: None,
            settings: OrderedSettings {
                strategy,
                limit: Limit::new(RESTARTS, WINDOW),
                ..OrderedSettings::default()
            },
            seed: None,
            children: Vec::new(),
            fault: Fault::default(),
        }
    }

    pub(crate) const fn strategy(mut self, strategy: Strategy) -> Self {
        self.settings.strategy = strategy;
        self
    }

    /// A tree that restarts only the child that ended.
    pub fn one_for_one() -> Self {
        Self::new(Strategy::OneForOne)
    }

    /// A tree that restarts all children when one ends.
    pub fn one_for_all() -> Self {
        Self::new(Strategy::OneForAll)
    }

    /// A tree that restarts the child that ended and those after it.
    pub fn rest_for_one() -> Self {
        Self::new(Strategy::RestForOne)
    }

    /// The supervisor's name in ractor's registry: 1 to 512 bytes, no control character, no `/`.
    /// Default: [`Supervisor::NAME`] for one without a parent, none for one that is a child. A tree
    /// that is a session has the session's name and takes no other.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        match names::check_supervisor(&name) {
            Ok(()) => self.name = Some(Naming::Given(name)),
            Err(rule) => self
                .fault
                .add("name", format_args!("{name:?}"), rule.to_string()),
        }
        self
    }
    /// Gives the supervisor a new name at each start, so that several can run side by side, as in
    /// tests.
    pub fn unique_name(mut self) -> Self {
        self.name = Some(Naming::Unique);
        self
    }

    /// Adds a child at the end. Its role must be new.
    pub fn child<C: Child>(self, role: impl Into<String>, spec: ChildSpec<C>) -> Self {
        self.add(role.into(), spec, FirstStart::WithGroup)
    }

    /// Adds a child at the end that is not started with the tree: it does not run until a caller
    /// asks for it with [`restart_child`](Supervisor::restart_child). Its role must be new.
    ///
    /// It keeps its place in the order and belongs to the tree's description. After a restart of
    /// the tree it is known again, unlike one that [`start_child`](Supervisor::start_child) adds,
    /// and waits again until it is asked for. Before it has run, no strategy starts it and no rule
    /// of automatic shutdown counts it. Then it is a child like any other, with one exception: a
    /// [`Temporary`](Restart::Temporary) one that ended is not forgotten and can be asked for
    /// again.
    ///
    /// ```
    /// # struct Actor;
    /// # #[ractor::actor(message = (), state = (), arguments = ())]
    /// # impl Actor {}
    /// # fn recorder() -> session_supervisor::ChildSpec<Actor> { session_supervisor::ChildSpec::new(|_| (Actor, ())) }
    /// # fn agent() -> session_supervisor::ChildSpec<Actor> { session_supervisor::ChildSpec::new(|_| (Actor, ())) }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use session_supervisor::{Supervisor, TreeSpec};
    ///
    /// let tree = TreeSpec::one_for_one()
    ///     .unique_name()
    ///     .child("recorder", recorder())
    ///     .child_on_demand("agent", agent());
    /// let tree = Supervisor::start(tree).await.unwrap();
    /// assert!(tree.find_child("agent").is_none());
    /// tree.restart_child("agent").await.unwrap();
    /// assert!(tree.find_child("agent").is_some());
    /// tree.stop().await.unwrap();
    /// # }
    /// ```
    pub fn child_on_demand<C: Child>(self, role: impl Into<String>, spec: ChildSpec<C>) -> Self {
        self.add(role.into(), spec, FirstStart::OnDemand)
    }

    fn add<C: Child>(mut self, role: String, spec: ChildSpec<C>, first_start: FirstStart) -> Self {
        if let Err(rule) = names::check_role(&role) {
            self.fault
                .add("role", format_args!("{role:?}"), rule.to_string());
        }
        if self.children.iter().any(|(other, ..)| **other == *role) {
            let rule = "must be the role of one child only";
            self.fault.add("role", format_args!("{role:?}"), rule);
        }
        match spec.for_child() {
            Ok(plan) => self.children.push((role.into(), plan, first_start)),
            Err(InvalidValue { field, value, rule }) => {
                let rule = format!("{rule} (in the spec of {role})");
                self.fault.add(field, value, rule);
            }
        }
        self
    }

    /// Sets how often the tree may restart children within `window`. A restart of several children
    /// counts once. A restart above the limit ends the tree. Default: 3 in 5 s. The window must be
    /// longer than zero.
    ///
    /// OTP: `max_restarts` and `max_seconds`, which are 1 and 5 in Erlang.
    pub fn restart_limit(mut self, max: u32, window: Duration) -> Self {
        match Limit::new(max, window) {
            Some(limit) => self.settings.limit = Some(limit),
            None => self.fault.add_zero("restart_limit.window", window),
        }
        self
    }
    /// Removes the restart limit: children are restarted without end.
    pub fn without_restart_limit(mut self) -> Self {
        self.settings.limit = None;
        self
    }

    /// Sets whether the end of significant children ends the tree. Default: never. Then a
    /// significant child is like any other, while OTP refuses it.
    pub fn auto_shutdown(mut self, rule: AutoShutdown) -> Self {
        self.settings.auto_shutdown = rule;
        self
    }

    /// Stops all children at once, each by its own rule, when the supervisor stops. Default: in
    /// reverse order, each when the one after it is gone. A set of children that is restarted is
    /// always stopped in order.
    ///
    /// Use it for children that do not need each other while they stop. The stop then takes as long
    /// as the slowest of them.
    pub fn stop_together(mut self) -> Self {
        self.settings.stop_order = StopOrder::Together;
        self
    }

    /// The seed of the jitter, for runs that can be repeated. Default: a random one.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// What is to be started, or the first bad value.
    pub(crate) fn check(self) -> Result<Design, InvalidValue> {
        self.fault.check()?;
        let settings = OrderedSettings {
            seed: self.seed.unwrap_or_else(random_seed),
            ..self.settings
        };
        Ok(Design {
            name: self.name.map(|name| name.name(Supervisor::NAME)),
            machine: Machine::Children(Box::new(OrderedEngine::new(settings, self.children))),
            group_of: None,
        })
    }

    pub(crate) fn fault(&self) -> Fault {
        self.fault.clone()
    }
}

/// A supervisor that is a child: counted as one, and waited for without end.
///
// OTP: supervisor:child_spec/0 has `shutdown => infinity` for `type => supervisor`.
fn policy() -> Policy {
    Policy {
        kind: ChildKind::Supervisor,
        shutdown: Shutdown::Infinity,
        ..Policy::default()
    }
}

impl ChildSpec<Supervisor> {
    /// A tree, described anew for every incarnation. As a session it is found by the session's id,
    /// and its children by that id and their roles ([`find_child`](SessionSupervisor::find_child)).
    ///
    /// The start is done when all children have been started, one after another. The start timeout
    /// is for all of them together. A start that takes longer, or is stopped before it is done, is
    /// killed.
    ///
    /// ```
    /// # use ractor::Actor;
    /// # struct Recorder; struct Agent;
    /// # #[ractor::actor(message = String, state = (), arguments = ())]
    /// # impl Recorder {}
    /// # #[ractor::actor(message = String, state = (), arguments = ())]
    /// # impl Agent {}
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use session_supervisor::{ChildSpec, Options, SessionSupervisor, TreeSpec};
    ///
    /// let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
    /// let chat = ChildSpec::tree(|_start| {
    ///     TreeSpec::one_for_all()
    ///         .child("recorder", ChildSpec::new(|_| (Recorder, ())))
    /// });
    /// let alice = sessions.start_session("alice", chat).await.unwrap();
    /// alice.start_child("agent", ChildSpec::new(|_| (Agent, ()))).await.unwrap();
    /// let agent = sessions.find_child_as::<String>("alice", "agent").unwrap();
    /// agent.cast("hello".to_owned()).unwrap();
    /// sessions.stop().await.unwrap();
    /// # }
    /// ```
    pub fn tree<F>(describe: F) -> Self
    where
        F: Fn(StartContext) -> TreeSpec + Send + Sync + 'static,
    {
        Self::made_by(policy(), Tree(describe))
    }
}

/// Describes a tree.
struct Tree<F>(F);

impl<F> Starter<Order, Found> for Tree<F>
where
    F: Fn(StartContext) -> TreeSpec + Send + Sync + 'static,
{
    fn start(&self, order: Order) -> Starting<Found> {
        let spec = (self.0)(StartContext::of(&order));
        Box::pin(async move {
            let mut spec = spec;
            if order.shared.has_sessions()
                && let Some(naming) = &spec.name
            {
                let name = match naming {
                    Naming::Given(name) => name.clone(),
                    Naming::Unique => "a unique one".to_owned(),
                };
                let rule = "a tree that is a session bears the session's name";
                spec.fault.add("name", format_args!("{name:?}"), rule);
            }
            if let Err(fault) = spec.fault.clone().check() {
                // What its children have captured may block in its drop.
                for (_, plan, _) in spec.children {
                    order.shared.discard(Discard::Spec(plan));
                }
                return Err(refused(fault));
            }
            begin(order, spec.check()).await
        })
    }

    fn makes(&self) -> Makes {
        Makes::Tree
    }
}

async fn begin(order: Order, design: Result<Design, InvalidValue>) -> Result<Found, SpawnFailure> {
    match design {
        Ok(design) => spawn::start_child(order, design).await,
        Err(fault) => Err(refused(fault)),
    }
}

fn refused(fault: InvalidValue) -> SpawnFailure {
    SpawnFailure::Failed(Box::new(StartSupervisorError::InvalidOptions(fault)))
}

impl ChildSpec<SessionSupervisor> {
    pub(crate) fn supervisor(options: Options) -> Self {
        let fault = options.fault();
        let spec = Self::made_by(policy(), Sessions(options)).restart(Restart::Permanent);
        spec.with_fault(fault)
    }
}

/// Starts a session supervisor.
struct Sessions(Options);

impl Starter<Order, Found> for Sessions {
    fn start(&self, order: Order) -> Starting<Found> {
        let design = self.0.clone().check().and_then(|checked| {
            let name = checked.name;
            if order.shared.has_sessions() {
                let mut fault = Fault::default();
                let rule =
                    "a session supervisor needs a name of its own, so it cannot be a session";
                fault.add("name", format_args!("{name:?}"), rule);
                fault.check()?;
            }
            Ok(Design {
                name: Some(name),
                machine: Machine::sessions(checked.settings),
                group_of: checked.group_of,
            })
        });
        Box::pin(begin(order, design))
    }

    fn makes(&self) -> Makes {
        Makes::Tree
    }
}
