//! What is known of the end of a launch, and what it leaves to the next one. Most launches have
//! nothing of it while they run, so it is in a box of its own.

use std::sync::Arc;

use super::kept::Kept;
use super::watched::Watcher;
use crate::actor::checkpoint::Slot;
use crate::actor::linked::Orphans;
use crate::engine::ShutdownReport;

/// What is known of the end.
#[derive(Debug)]
pub(super) struct End<T> {
    pub(super) cause: Option<Kept>,
    /// What was below the session. Its names may be held a little longer than the session's own.
    /// Few sessions have any, and none before its end.
    pub(super) orphans: Option<Box<Orphans>>,
    pub(super) tree: Tree<T>,
    /// Where its incarnation saves, once it has asked for that.
    pub(super) slot: Option<Arc<Slot>>,
    /// Whether stuck children are all that is left of that.
    pub(super) outlived: bool,
    /// Those who wait for the end of a callback. Few sessions ever have any.
    watchers: Option<Box<Watchers>>,
}

#[derive(Debug, Default)]
struct Watchers(Vec<Watcher>);

impl<T> Default for End<T> {
    fn default() -> Self {
        Self {
            cause: None,
            orphans: None,
            tree: Tree::None,
            slot: None,
            outlived: false,
            watchers: None,
        }
    }
}

impl<T> End<T> {
    /// Of a launch to which the one before has left this, in a box.
    pub(super) fn with(slot: Option<Arc<Slot>>) -> Box<Self> {
        let nothing = Self::default();
        Box::new(Self { slot, ..nothing })
    }

    pub(super) fn watchers_mut(&mut self) -> &mut Vec<Watcher> {
        &mut self.watchers.get_or_insert_default().0
    }

    pub(super) fn take_watchers(&mut self) -> Vec<Watcher> {
        self.watchers
            .take()
            .map_or_else(Vec::new, |watchers| watchers.0)
    }
}

/// What there is to hold of a life that is a supervisor itself. The supervisor holds its life, and
/// that it holds the supervisor has to end with it, or nothing would ever free the two.
#[derive(Debug)]
pub(super) enum Tree<T> {
    /// It is none, or none yet.
    None,
    Held(T),
    /// Its driver task is done. What became of its children, unless the runtime was shut down
    /// before that was known.
    Over(Option<ShutdownReport>),
}
