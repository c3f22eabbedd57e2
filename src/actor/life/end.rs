//! What is known of the end of a launch, and what it leaves to the next one. Most launches have
//! nothing of it while they run, so it is in a box of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use super::bits::KNOWN;
use super::kept::Kept;
use super::watched::Watcher;
use super::{Hold, Life};
use crate::actor::checkpoint::Slot;
use crate::actor::linked::Orphans;
use crate::actor::span::IncarnationSpan;
use crate::engine::ShutdownReport;

/// The end, in its box, if anything is known of it.
#[derive(Debug)]
pub(super) struct Known<T>(Option<Box<End<T>>>);

impl<T> Known<T> {
    /// Of a launch to which the one before has left this, if it has. Answers the bits of the launch
    /// as well.
    pub(super) fn new(left: Option<Option<Arc<Slot>>>) -> (Self, u16) {
        let Some(slot) = left else {
            return (Self(None), 0);
        };
        let nothing = End::default();
        (Self(Some(Box::new(End { slot, ..nothing }))), KNOWN)
    }

    pub(super) fn get(&self) -> Option<&End<T>> {
        self.0.as_deref()
    }

    pub(super) fn get_mut(&mut self) -> Option<&mut End<T>> {
        self.0.as_deref_mut()
    }

    /// The end, to be added to. `bits`: those of the launch.
    pub(super) fn or_nothing(&mut self, bits: &AtomicU16) -> &mut End<T> {
        self.0.get_or_insert_with(|| {
            bits.fetch_or(KNOWN, Ordering::AcqRel);
            Box::default()
        })
    }
}

impl<C, T: Clone> Life<C, T> {
    /// Looks at what is known of the end, if anything is.
    pub(super) fn of_end<R>(&self, look: impl FnOnce(&mut End<T>) -> Option<R>) -> Option<R> {
        if self.bits.load(Ordering::Acquire) & KNOWN == 0 {
            return None;
        }
        look(self.lock().end.get_mut()?)
    }

    /// The launch is that of a supervisor, whose children are held from now on.
    pub(crate) fn hold_tree(&self, tree: T) {
        self.hold(Hold::Tree);
        self.lock().end.or_nothing(&self.bits).tree = Tree::Held(tree);
    }

    /// The supervisor has come to its end, on whichever road. Only what became of its children is
    /// kept.
    pub(crate) fn tree_over(&self, report: Option<ShutdownReport>) {
        let mut inner = self.lock();
        let end = inner.end.or_nothing(&self.bits);
        let held = std::mem::replace(&mut end.tree, Tree::Over(report));
        drop(inner);
        drop(held);
    }

    /// What there is to hold of it, if it is a supervisor itself that is not over.
    pub(crate) fn tree(&self) -> Option<T> {
        self.of_end(|end| match &end.tree {
            Tree::Held(tree) => Some(tree.clone()),
            Tree::None | Tree::Over(_) => None,
        })
    }

    /// Stuck children are all that is left of the tree. Answers whether its launch will tell of
    /// that, which has not come to its end; else the caller does.
    pub(crate) fn mark_outlived(&self) -> bool {
        let mut inner = self.lock();
        inner.end.or_nothing(&self.bits).outlived = true;
        let launching = self.holds(Hold::Launch);
        let waker = inner.waker.take().filter(|_| launching);
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
        launching
    }

    /// Whether the tree was told to be [outlived](Self::mark_outlived).
    pub(crate) fn is_marked_outlived(&self) -> bool {
        self.of_end(|end| Some(end.outlived)) == Some(true)
    }
}

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
    /// The span of its callbacks, while they may run.
    pub(super) span: Option<Arc<IncarnationSpan>>,
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
            text: None,
            orphans: None,
            tree: Tree::None,
            slot: None,
            span: None,
            outlived: false,
            watchers: None,
        }
    }
}

impl<T> End<T> {
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
