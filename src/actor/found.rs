//! What a caller gets to hold of an actor that runs.

use ractor::ActorCell;

/// An actor that runs, and what there is to hold of it if it is a supervisor itself.
///
/// Public for the compiler alone: the sealed trait behind [`Child`](crate::Child) names it.
#[derive(Clone, Debug)]
pub struct Found<T> {
    pub(crate) cell: ActorCell,
    pub(crate) tree: Option<T>,
}

impl<T> Found<T> {
    /// An actor that is no supervisor.
    pub(crate) const fn actor(cell: ActorCell) -> Self {
        Self { cell, tree: None }
    }
}
