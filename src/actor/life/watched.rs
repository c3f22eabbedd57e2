//! Callers that wait until a callback of a session is over, to learn whether the session runs on.
//!
//! A caller whose reply was dropped cannot tell whether the session does not answer it, or is about
//! to end: the callback that dropped the reply may yet fail. Only its end decides that. A watcher is
//! in the list before the callback is looked at, so the session misses none.

use tokio::sync::oneshot;

use super::Life;
use super::in_use::Runs;
use crate::engine::{Ending, Mark};

/// What follows a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterCallback {
    /// It went well, and the session is not ending.
    RunsOn,
    /// The session has ended, or is ending.
    Ended,
}

pub(crate) type Watcher = oneshot::Sender<AfterCallback>;

/// What is left to do for those who watch, when no lock is held.
#[derive(Debug)]
pub(crate) struct Told {
    now: Option<(Watcher, AfterCallback)>,
    gone: Vec<Watcher>,
}

impl Told {
    pub(crate) const fn ended(watcher: Watcher) -> Self {
        Self {
            now: Some((watcher, AfterCallback::Ended)),
            gone: Vec::new(),
        }
    }

    pub(crate) fn tell(self) {
        drop(self.gone);
        if let Some((watcher, what)) = self.now {
            watcher.send(what).ok();
        }
    }
}

impl<C, T: Clone> Life<C, T> {
    /// Has a caller wait for the end of the callback that runs now. If none runs, what follows is
    /// known. Callers that have gone away are looked for whenever the list would grow.
    pub(crate) fn watch_callback(&self, watcher: Watcher) -> Told {
        let mut inner = self.lock();
        let end = inner.end.or_nothing(&self.bits);
        let list = end.watchers_mut();
        let mut gone = Vec::new();
        if list.len() == list.capacity() {
            gone = list.extract_if(.., |watcher| watcher.is_closed()).collect();
        }
        list.push(watcher);
        let mut now = None;
        if self.in_use.watch() == Runs::No {
            now = list.pop().map(|watcher| (watcher, self.after_callback()));
            // The others, if there are any, are told in the session's task.
            if list.is_empty() {
                drop(end.take_watchers());
            }
        }
        drop(inner);
        Told { now, gone }
    }

    /// Those who wait for a callback that went well.
    pub(crate) fn take_watchers(&self) -> Vec<Watcher> {
        let mut inner = self.lock();
        let end = inner.end.get_mut();
        end.map_or_else(Vec::new, |end| end.take_watchers())
    }

    /// Tells one of them, when ractor has had its turn: by then it has taken a stop that the callback
    /// asked for.
    pub(crate) fn tell_watcher(&self, watcher: Watcher) {
        watcher.send(self.after_callback()).ok();
    }

    /// What follows the last callback, while none runs.
    fn after_callback(&self) -> AfterCallback {
        if self.mark() == Mark::Missing && self.shown() == Ending::No {
            AfterCallback::RunsOn
        } else {
            AfterCallback::Ended
        }
    }
}
