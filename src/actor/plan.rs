//! What the engine passes on: the types of the shell behind its [`Domain`].
//!
//! A [`Plan`] is what a user writes (`spec.rs`), without its type.

use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;

use ractor::{ActorCell, ActorProcessingErr};
use tokio::sync::oneshot;

use super::guarded::drop_guarded;
use super::life::Life;
use super::shared::Shared;
use crate::engine::{self, Context, Domain, Policy};

/// The types behind both engines.
#[derive(Debug)]
pub(crate) struct Actors;

impl Domain for Actors {
    type Spec = Arc<Plan>;
    type Life = Arc<Life>;
    type Found = Found;
    type Ticket<A> = Ticket<A>;
}

/// How to start a session, and by which rules it lives.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) policy: Policy,
    pub(crate) starter: Arc<StartFunction>,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl engine::Spec for Arc<Plan> {
    fn policy(&self) -> &Policy {
        &self.policy
    }
}

/// A user's start function, with a guard around the drop of what it has captured: several specs are
/// often dropped in one go, as those of a tree are, and two that panic then would end the process.
pub(crate) struct StartFunction(Option<Box<dyn Starter>>);

impl StartFunction {
    pub(crate) fn new(starter: impl Starter) -> Self {
        Self(Some(Box::new(starter)))
    }

    /// Calls it and spawns the actor.
    pub(super) fn start(&self, order: Order) -> Starting {
        match &self.0 {
            Some(starter) => starter.start(order),
            // It is taken only by the last who holds it.
            None => Box::pin(ready(Err(SpawnFailure::Refused))),
        }
    }

    /// Whether it starts a supervisor.
    pub(crate) fn is_tree(&self) -> bool {
        self.0.as_ref().is_some_and(|starter| starter.is_tree())
    }

    /// What is to be dropped.
    pub(super) fn take(mut self) -> Option<Box<dyn Starter>> {
        self.0.take()
    }
}

impl Drop for StartFunction {
    fn drop(&mut self) {
        if let Some(starter) = self.0.take() {
            drop_guarded(starter);
        }
    }
}

/// A user's start function behind one type.
pub(crate) trait Starter: Send + Sync + 'static {
    /// Calls it and spawns the actor.
    fn start(&self, order: Order) -> Starting;

    /// Whether it starts a supervisor.
    fn is_tree(&self) -> bool {
        false
    }
}

pub(crate) type Starting = Pin<Box<dyn Future<Output = Result<Found, SpawnFailure>> + Send>>;

/// A launch, as its starter sees it.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) context: Context,
    pub(crate) life: Arc<Life>,
    pub(crate) shared: Arc<Shared>,
}

/// A launch to be made.
pub(super) type Launch = (Arc<Plan>, Order);

/// Why no actor was spawned and linked.
#[derive(Debug)]
pub(crate) enum SpawnFailure {
    Ignored,
    /// The name, which another actor has.
    NameTaken(String),
    /// The supervisor is ending and takes no more links.
    Refused,
    Failed(ActorProcessingErr),
}

/// A caller that waits for an answer of one type. A ticket that is dropped unanswered reads as
/// "supervisor down" (`ask`).
pub(crate) struct Ticket<A>(oneshot::Sender<A>);

impl<A> fmt::Debug for Ticket<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket")
    }
}

impl<A> engine::Ticket for Ticket<A> {
    fn is_gone(&self) -> bool {
        self.0.is_closed()
    }
}

impl<A> Ticket<A> {
    pub(crate) fn new() -> (Self, oneshot::Receiver<A>) {
        let (sender, receiver) = oneshot::channel();
        (Self(sender), receiver)
    }

    /// A caller that went away does not matter (D13), but what it is not told may hold a value of
    /// the user's and is handed back. Wakes the caller, whose waker may be any code: see `answers`.
    pub(super) fn answer(self, answer: A) -> Option<A> {
        self.0.send(answer).err()
    }
}

/// An actor that runs, and what there is to hold of it if it is a supervisor itself.
///
/// Public for the compiler alone: the sealed trait behind [`Child`](crate::Child) names it.
#[derive(Clone, Debug)]
pub struct Found {
    pub(crate) cell: ActorCell,
    pub(crate) tree: Option<Arc<Shared>>,
}

impl Found {
    /// An actor that is no supervisor.
    pub(crate) const fn actor(cell: ActorCell) -> Self {
        Self { cell, tree: None }
    }
}
