//! What a child spec can start, and the references that a start yields.

use std::any::TypeId;
use std::fmt;

use ractor::{Actor, ActorCell, ActorRef, Message};

use crate::actor::directory;
use crate::actor::root::RootMsg;
use crate::actor::shared::Found;
use crate::actor::task::TaskMsg;
use crate::error::StartError;
use crate::{SessionSupervisor, Supervisor};

mod sealed {
    use crate::actor::shared::Found;

    pub trait Sealed {
        type Found;

        /// A reference to what was started or found.
        fn reference(found: Found) -> Option<Self::Found>;
    }
}

/// What a child spec can start: an actor, a [`Task`], a [`Supervisor`], a [`SessionSupervisor`],
/// or [`AnyActor`].
pub trait Child: sealed::Sealed<Found = Self::Ref> + Send + Sync + 'static {
    /// What a start yields.
    type Ref: fmt::Debug + Send + 'static;
}

impl<A: Actor> sealed::Sealed for A {
    type Found = ActorRef<A::Msg>;

    fn reference(found: Found) -> Option<Self::Found> {
        match found.tree {
            Some(_) => None,
            None => typed(found.cell),
        }
    }
}

impl<A: Actor> Child for A {
    type Ref = ActorRef<A::Msg>;
}

impl sealed::Sealed for Supervisor {
    type Found = Self;

    fn reference(found: Found) -> Option<Self> {
        found.tree.filter(|tree| !tree.has_sessions()).map(Self::of)
    }
}

impl Child for Supervisor {
    type Ref = Self;
}

impl sealed::Sealed for SessionSupervisor {
    type Found = Self;

    fn reference(found: Found) -> Option<Self> {
        found.tree.filter(|tree| tree.has_sessions()).map(Self::of)
    }
}

impl Child for SessionSupervisor {
    type Ref = Self;
}

/// A future that is supervised; see [`ChildSpec::task`](crate::ChildSpec::task).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Task;

impl sealed::Sealed for Task {
    type Found = ActorCell;

    fn reference(found: Found) -> Option<ActorCell> {
        match found.tree {
            Some(_) => None,
            None => typed::<TaskMsg>(found.cell).map(|task| task.get_cell()),
        }
    }
}

impl Child for Task {
    type Ref = ActorCell;
}

/// An actor whose type has been erased; see [`ChildSpec::erase`](crate::ChildSpec::erase).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AnyActor;

impl sealed::Sealed for AnyActor {
    type Found = ActorCell;

    fn reference(found: Found) -> Option<ActorCell> {
        Some(found.cell)
    }
}

impl Child for AnyActor {
    type Ref = ActorCell;
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

/// A typed reference, if the actor is one of the user's and takes messages of the type.
///
/// A root takes messages of a type that users have too. Only for that type the actor is looked up
/// among the roots.
pub(crate) fn typed<M: Message>(cell: ActorCell) -> Option<ActorRef<M>> {
    let of_a_root = TypeId::of::<M>() == TypeId::of::<RootMsg>();
    match cell.is_message_type_of::<M>() {
        Some(true) if of_a_root && directory::is_root(&cell) => None,
        Some(true) => Some(cell.into()),
        Some(false) | None => None,
    }
}
