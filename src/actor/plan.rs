//! What the engine passes on: the types of the shell behind its [`Domain`].
//!
//! A [`Plan`] is what a user writes (`spec.rs`), without its type.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ractor::{ActorCell, ActorProcessingErr};
use tokio::sync::oneshot;

use super::life::Life;
use super::shared::Shared;
use crate::engine::{self, Cause, Context, Domain, Exit, Failure, Policy, ShutdownReport};

/// The types behind both engines.
#[derive(Debug)]
pub(crate) struct Actors;

impl Domain for Actors {
    type Spec = Arc<Plan>;
    type Life = Arc<Life>;
    type Ticket = Ticket;
}

/// How to start a session, and by which rules it lives.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) policy: Policy,
    /// In a box, so that it can be told who holds it last.
    pub(crate) starter: Arc<Box<dyn Starter>>,
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

/// A user's start function behind one type.
pub(crate) trait Starter: Send + Sync + 'static {
    /// Calls it and spawns the actor.
    fn start(&self, order: Order) -> Starting;
}

pub(crate) type Starting = Pin<Box<dyn Future<Output = Result<Found, SpawnFailure>> + Send>>;

/// A launch, as its starter sees it.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) context: Context,
    pub(crate) life: Arc<Life>,
    pub(crate) shared: Arc<Shared>,
}

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

/// A caller that waits for an answer. A ticket that is dropped unanswered reads as "supervisor
/// down".
#[derive(Debug)]
pub(crate) struct Ticket(oneshot::Sender<Reply>);

impl engine::Ticket for Ticket {
    fn is_gone(&self) -> bool {
        self.0.is_closed()
    }
}

impl Ticket {
    pub(crate) fn new() -> (Self, oneshot::Receiver<Reply>) {
        let (sender, receiver) = oneshot::channel();
        (Self(sender), receiver)
    }

    /// A caller that went away does not matter (D13), but what it is not told may hold a value of
    /// the user's and is handed back. Wakes the caller, whose waker may be any code: see `answers`.
    pub(super) fn answer(self, reply: Reply) -> Option<Reply> {
        self.0.send(reply).err()
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

    /// What a launch has spawned some time ago.
    pub(crate) fn of(life: &Life, cell: ActorCell) -> Self {
        Self {
            cell,
            tree: life.tree(),
        }
    }
}

/// The reply to a caller.
#[derive(Debug)]
pub(crate) enum Reply {
    Started(Found),
    Running(Found),
    Joined(Found),
    Ignored,
    Failed(Cause),
    NameTaken(Option<ActorCell>),
    TimedOut,
    Parked,
    MaxSessions(usize),
    Stopped,
    Stuck,
    NotFound,
    Ended(Exit),
    Report(ShutdownReport),
    Begun,
    ChildFailed { role: Arc<str>, failure: Failure },
    Present,
    Restarting,
    Deleted,
    Down,
}
