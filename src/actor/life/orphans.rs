//! What of the actors below a session may outlive it for a moment and still hold its names.
//!
//! A supervisor of ours waits for its children itself.

use super::end::Tree;
use super::{Hold, Life};
use crate::actor::linked::{Linked, Orphans, below};

impl<C, T: Clone> Life<C, T> {
    /// Notes what is below the session now, since it is about to end and ractor will kill that
    /// without waiting for it.
    pub(crate) fn note_orphans(&self) {
        let Some(cell) = self.cell() else {
            return;
        };
        // A supervisor of ours waits for its children itself.
        if self.holds(Hold::Tree) {
            return;
        }
        let found = below(cell);
        if !found.is_empty() {
            let mut inner = self.lock();
            let end = inner.end.or_nothing(&self.bits);
            end.orphans.get_or_insert_default().sure.extend(found);
        }
    }

    /// Notes what the session remembers, since it has ended.
    pub(crate) fn note_remembered(&self, linked: &Linked) {
        let mut remembered = Orphans::default();
        linked.leave_to(&mut remembered);
        if !remembered.is_empty() {
            let mut inner = self.lock();
            let end = inner.end.or_nothing(&self.bits);
            let orphans = end.orphans.get_or_insert_default();
            orphans.sure.append(&mut remembered.sure);
            orphans.doubtful.append(&mut remembered.doubtful);
        }
    }

    /// Those that are to be waited for, if there are any. A supervisor of ours has waited for its own
    /// already, and those that are left are stuck children.
    pub(crate) fn take_orphans(&self) -> Option<Box<Orphans>> {
        self.of_end(|end| match end.tree {
            Tree::None => end.orphans.take(),
            Tree::Held(_) | Tree::Over(_) => None,
        })
    }
}
