//! What the engine only passes on (specs, lives, tickets), and what it asks of that.

use std::fmt::Debug;
use std::num::NonZeroU64;
use std::sync::Arc;

use super::claim::Claim;
use super::exit::{Cause, Mark};
use super::expiry::Use;
use super::incarnation::Key;
use super::moment::Moment;
use super::report::ShutdownReport;
use super::restart::Policy;

/// The types that the engine passes on without looking inside.
pub trait Domain {
    /// A child spec: cheap to clone.
    type Spec: Spec;
    /// What the shell keeps of one launch: cheap to clone.
    type Life: Life<Found = Self::Found>;
    /// One that runs, as a caller gets to hold it: cheap to clone.
    type Found: Clone + Debug;
    /// A caller that waits for an answer of one type.
    type Ticket<A>: Ticket;
}

/// A caller that waits, as far as the engine looks at it.
pub trait Ticket: Debug {
    /// Whether the caller has gone away. Once it has, it never comes back.
    fn is_gone(&self) -> bool;
}

/// A child spec, as far as the engine looks at it.
pub trait Spec: Clone + Debug {
    /// The rules of the session.
    fn policy(&self) -> &Policy;
    /// What people call the child.
    fn label(&self) -> Option<&Arc<str>> {
        None
    }
    /// What a session claims, each claim once.
    fn claims(&self) -> &[Claim] {
        &[]
    }
    /// The number by which a program tells the child from a later one of the same id.
    fn tag(&self) -> Option<NonZeroU64> {
        None
    }
    /// Whether it is a supervisor, whose children are told of in the log.
    fn has_children(&self) -> bool {
        false
    }
    /// The group of the child, if it has one.
    fn group(&self) -> Option<&Arc<str>> {
        None
    }
}

/// What the launches of one child leave to each other, in its domain.
pub(super) type Checkpoint<D> = <<D as Domain>::Life as Life>::Checkpoint;

/// One launch, as far as the engine looks at it.
pub trait Life: Clone + Debug {
    /// What a caller gets to hold of it.
    type Found;
    /// What it leaves to the next launch of the same child. There is one of it at most, so the
    /// engine moves it and never clones it.
    type Checkpoint: Debug;
    /// The life of a launch that begins now, and has from now on what the one before has left.
    fn new(key: Key, checkpoint: Option<Self::Checkpoint>) -> Self;
    /// What it leaves. It is taken out: a second call answers nothing, and nothing comes after it.
    fn leave(&self) -> Option<Self::Checkpoint> {
        None
    }
    /// What a caller gets to hold of it, as soon as there is an actor.
    fn found(&self) -> Option<Self::Found>;
    /// The number of its actor, as soon as there is one.
    fn actor(&self) -> Option<u64>;
    /// The mark that the actor has left.
    fn mark(&self) -> Mark;
    /// The text of the error with which the actor or its start failed, if one has. It is as long as
    /// that error is there, and longer.
    fn error_text(&self) -> Option<Arc<str>> {
        None
    }
    /// Why it failed, if it has left that mark, and the text of that. The cause is taken out: a second
    /// call answers the text alone.
    fn failure(&self) -> (Option<Cause>, Option<Arc<str>>) {
        (None, None)
    }
    /// Whether its actor is ending by itself.
    fn ending(&self) -> Ending;
    /// When its actor was last in use, if its rules ask for that.
    fn used(&self) -> Use {
        Use::Until(Moment::START)
    }
    /// What became of its own children, if it is a supervisor and has ended.
    fn report(&self) -> Option<ShutdownReport> {
        None
    }
    /// Whether it is a supervisor of which only its own children are left.
    fn is_outlived(&self) -> bool {
        false
    }
}

/// Whether an actor is ending by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is draining or stopping.
    Yes,
    /// It is not.
    No,
}
