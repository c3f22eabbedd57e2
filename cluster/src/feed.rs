//! The feed of a node: what has happened to its cluster, for those who follow that.
//!
//! All parts of a node tell it what they learn. One lock puts that in one order, so the picture, the counts
//! and the readers agree: a snapshot is exactly the sum of the events before it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use session_supervisor::{Feed, Listener};
use tokio::runtime::Handle;

use crate::clock::{Clock, time_of_day};
use crate::engine::{BootTime, EventKind, NodeName, Picture, Shards, Snapshot};
use crate::event::Event;
use crate::meter::Meter;

/// What a node tells.
pub(crate) struct NodeFeed {
    picture: Mutex<Picture>,
    feed: Arc<Feed<Event>>,
    meter: Arc<Meter>,
    node: NodeName,
    clock: Clock,
    /// The time of the machine and that of the clock when the node was started.
    started: (SystemTime, BootTime),
}

impl fmt::Debug for NodeFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NodeFeed").field(&self.node).finish()
    }
}

impl NodeFeed {
    /// It must be made within a tokio runtime.
    pub(crate) fn new(node: NodeName, shards: Shards, clock: Clock, meter: Arc<Meter>) -> Self {
        let started = (time_of_day(), clock.now());
        Self {
            picture: Mutex::new(Picture::new(node.clone(), shards)),
            feed: Arc::new(Feed::new(Handle::current(), Arc::clone(&meter))),
            meter,
            node,
            clock,
            started,
        }
    }

    /// Something is known. What that changes is counted, and told to the subscribers.
    pub(crate) fn tell<T>(
        &self,
        what: impl FnOnce(&mut Picture, BootTime, &mut Vec<EventKind>) -> T,
    ) -> T {
        let now = self.clock.now();
        let mut kinds = Vec::new();
        let mut picture = self.picture.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = what(&mut picture, now, &mut kinds);
        if kinds.is_empty() {
            return answer;
        }
        for kind in &kinds {
            self.meter.happened(kind, &self.node);
        }
        let events = kinds.into_iter().map(|kind| self.event(kind, now));
        self.feed.publish(events.collect::<Vec<_>>());
        drop(picture);
        self.feed.wake();
        answer
    }

    /// The node has left: nothing is told after this.
    pub(crate) fn end(&self) {
        self.tell(|picture, _, _| picture.left());
        self.feed.end(self.event(EventKind::Left, self.clock.now()));
        self.feed.wake();
    }

    /// Looks at what all events so far say.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Picture) -> T) -> T {
        let picture = self.picture.lock().unwrap_or_else(PoisonError::into_inner);
        look(&picture)
    }

    /// Begins to listen, with all that was so before.
    pub(crate) fn listen(&self) -> (Snapshot, Listener<Event>) {
        let picture = self.picture.lock().unwrap_or_else(PoisonError::into_inner);
        let mut listener = self.feed.listen();
        // It is up to date: nothing has to be kept beyond what is kept for all.
        listener.unpin();
        let mut snapshot = picture.snapshot().clone();
        snapshot.revision = listener.after();
        (snapshot, listener)
    }

    /// Goes on to listen for one that knows what has happened up to this revision, if all that followed
    /// is kept.
    pub(crate) fn listen_from(&self, revision: u64) -> Option<Listener<Event>> {
        self.feed.listen_from(revision)
    }

    fn event(&self, kind: EventKind, now: BootTime) -> Event {
        let (time, began) = self.started;
        Event {
            revision: 0,
            time: time.checked_add(now.since(began)).unwrap_or(time),
            kind,
        }
    }
}

#[cfg(test)]
mod tests;
