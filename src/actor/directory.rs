//! Which actors of this process are roots of supervisors, so that a name or a cell can be turned
//! into a handle without a message.
//!
//! What waits below `shared` for the end of a supervisor finds its completion in the same way.

use std::sync::Arc;

use ractor::ActorCell;

use super::completion::COMPLETIONS;
use super::roots::Roots;
use super::shared::Shared;

static SUPERVISORS: Roots<Shared> = Roots::new();

pub(super) fn add(shared: &Arc<Shared>) {
    COMPLETIONS.add(shared.root(), &shared.completion);
    SUPERVISORS.add(shared.root(), shared);
}

pub(super) fn remove(shared: &Shared) {
    SUPERVISORS.remove(shared.root());
    COMPLETIONS.remove(shared.root());
}

/// What the holders of a supervisor hold, if the actor is its root.
pub(crate) fn find(cell: &ActorCell) -> Option<Arc<Shared>> {
    SUPERVISORS.find(cell)
}

/// Whether the actor is the root of a supervisor that is not over.
pub(crate) fn is_root(cell: &ActorCell) -> bool {
    SUPERVISORS.has(cell)
}
