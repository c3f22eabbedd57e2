//! What is found by the root actor of a supervisor, without a message to it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock, Weak};

use ractor::{ActorCell, ActorId};

/// By the roots of the supervisors of this process that are not over. It keeps nothing alive.
pub(super) struct Roots<T>(LazyLock<RwLock<HashMap<ActorId, Weak<T>>>>);

impl<T> Roots<T> {
    pub(super) const fn new() -> Self {
        Self(LazyLock::new(RwLock::default))
    }

    pub(super) fn add(&self, root: &ActorCell, found: &Arc<T>) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(root.get_id(), Arc::downgrade(found));
    }

    pub(super) fn remove(&self, root: &ActorCell) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&root.get_id());
    }

    pub(super) fn find(&self, cell: &ActorCell) -> Option<Arc<T>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&cell.get_id())?
            .upgrade()
    }

    /// Whether the actor is such a root.
    pub(super) fn has(&self, cell: &ActorCell) -> bool {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(&cell.get_id())
    }
}
