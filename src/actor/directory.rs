//! Which actors of this process are roots of session supervisors, so that a name or a cell can be
//! turned into a handle without a message.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock, Weak};

use ractor::{ActorCell, ActorId};

use super::shared::Shared;

static ROOTS: LazyLock<RwLock<HashMap<ActorId, Weak<Shared>>>> = LazyLock::new(RwLock::default);

pub(super) fn add(shared: &Arc<Shared>) {
    ROOTS
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(shared.root().get_id(), Arc::downgrade(shared));
}

pub(super) fn remove(shared: &Shared) {
    ROOTS
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&shared.root().get_id());
}

/// What the holders of a supervisor hold, if the actor is its root.
pub(crate) fn find(cell: &ActorCell) -> Option<Arc<Shared>> {
    ROOTS
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&cell.get_id())?
        .upgrade()
}

/// Whether the actor is the root of a supervisor that is not over.
pub(crate) fn is_root(cell: &ActorCell) -> bool {
    ROOTS
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .contains_key(&cell.get_id())
}
