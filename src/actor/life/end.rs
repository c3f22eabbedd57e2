//! What is known of the end of a launch, and what it leaves to the next one. Most launches have
//! nothing of it while they run, so it is in a box of its own.

use std::sync::Arc;

use super::kept::Kept;
use crate::actor::checkpoint::Slot;
use crate::actor::linked::Orphans;
use crate::engine::ShutdownReport;

/// What is known of the end.
#[derive(Debug)]
pub(super) struct End<T> {
    pub(super) cause: Option<Kept>,
    /// The text of that error, or of the one with which the start failed.
    pub(super) text: Option<Arc<str>>,
    /// What was below the session. Its names may be held a little longer than the session's own.
    /// Few sessions have any, and none before its end.
    pub(super) orphans: Option<Box<Orphans>>,
    pub(super) tree: Tree<T>,
    /// Where its incarnation saves, once it has asked for that.
    pub(super) slot: Option<Arc<Slot>>,
    /// Whether stuck children are all that is left of that.
    pub(super) outlived: bool,
}

impl<T> Default for End<T> {
    fn default() -> Self {
        Self {
            cause: None,
            text: None,
            orphans: None,
            tree: Tree::None,
            slot: None,
            outlived: false,
        }
    }
}

impl<T> End<T> {
    /// Of a launch to which the one before has left this, in a box.
    pub(super) fn with(slot: Option<Arc<Slot>>) -> Box<Self> {
        let nothing = Self::default();
        Box::new(Self { slot, ..nothing })
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
