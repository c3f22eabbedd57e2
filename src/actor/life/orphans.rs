//! The session's own children: who they are, and who of them may outlive it for a moment and still hold
//! their names.
//!
//! Absent on purpose: the children of a supervisor of ours, which waits for them itself.

use ractor::{ActorCell, SupervisionEvent};

use super::{Hold, Life, Tree};

impl Life {
    /// Remembers the children that the session has now, since it is about to end and ractor will kill
    /// them without waiting for them.
    pub(crate) fn note_orphans(&self) {
        let Some(cell) = self.cell() else {
            return;
        };
        // A supervisor of ours waits for its children itself.
        if self.holds(Hold::Tree) {
            return;
        }
        let children = cell.get_children();
        if !children.is_empty() {
            let mut inner = self.lock();
            inner.end.get_or_insert_default().orphans.extend(children);
        }
    }

    /// Learns who the session's own children are.
    pub(crate) fn know_children(&self) {
        let children = self.cell().map_or_else(Vec::new, ActorCell::get_children);
        if !children.is_empty() {
            let children = children
                .into_iter()
                .map(|child| (child.get_id().pid(), child));
            let mut inner = self.lock();
            inner.end.get_or_insert_default().children.extend(children);
        }
    }

    /// Follows who they are.
    pub(crate) fn know_child(&self, event: &SupervisionEvent) {
        match event {
            SupervisionEvent::ActorStarted(child) => {
                let mut inner = self.lock();
                let end = inner.end.get_or_insert_default();
                end.children.insert(child.get_id().pid(), child.clone());
            }
            SupervisionEvent::ActorTerminated(child, ..)
            | SupervisionEvent::ActorFailed(child, _) => {
                if let Some(end) = &mut self.lock().end {
                    end.children.remove(&child.get_id().pid());
                }
            }
            // Which variants there are depends on ractor's features.
            _ => {}
        }
    }

    /// The session was killed: remembers the children that were killed with it.
    pub(crate) fn note_known_children(&self) {
        if let Some(end) = &mut self.lock().end {
            // Whoever has another parent by now was not.
            let known = std::mem::take(&mut end.children).into_values();
            let killed = known.filter(|child| child.try_get_supervisor().is_none());
            end.orphans.extend(killed);
        }
    }

    /// The children that are to be waited for. A supervisor of ours has waited for its own already, and
    /// those that are left are zombies.
    pub(crate) fn take_orphans(&self) -> Vec<ActorCell> {
        match &mut self.lock().end {
            Some(end) if matches!(end.tree, Tree::None) => std::mem::take(&mut end.orphans),
            Some(_) | None => Vec::new(),
        }
    }
}
