//! Of how many starts the root has been told, and how many it has read.
//!
//! ractor tells the root of a start on the session's own thread, where the root may be the next to
//! run (R47 in `docs/ractor.md`). The session's first callback may block that thread, so the
//! session yields before it. Once the root has read of all starts that it was told of, it has had
//! its turn, and the session need not yield. Nor need it if its start was told in an earlier poll of its
//! task: after that poll the thread ran what was in the slot.
//!
//! Invariants:
//! 1. a start is counted as told before ractor tells the root;
//! 2. no more are counted as read than as told, whatever events others send to the root.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    /// The actor whose start was told on this thread last.
    static TOLD_HERE: Cell<u64> = const { Cell::new(0) };
}

/// The starts of the sessions of one supervisor. Those of a static supervisor's children are not
/// counted as read.
#[derive(Debug, Default)]
pub(in crate::actor) struct Events {
    starts_told: AtomicU64,
    starts_read: AtomicU64,
    /// The actor whose start was told last.
    last: AtomicU64,
}

impl Events {
    /// The `post_start` of a session went well, so ractor tells the root of its start next.
    pub(in crate::actor) fn start_told(&self, actor: u64) {
        self.last.store(actor, Ordering::Relaxed);
        self.starts_told.fetch_add(1, Ordering::Relaxed);
        TOLD_HERE.set(actor);
    }

    /// Whether the start of this actor may have been told in the poll of its task that asks. It was not
    /// if it was told on another thread, or before another one on this thread.
    pub(in crate::actor) fn may_be_told_just_now(actor: u64) -> bool {
        TOLD_HERE.get() == actor
    }

    /// Whether this was the last one told. That saves a look at its name.
    pub(in crate::actor) fn was_last(&self, actor: u64) -> bool {
        self.last.load(Ordering::Relaxed) == actor
    }

    /// The root has read that a session has started. Called by the root alone.
    ///
    /// Any actor can send such an event (R46), so no more are counted than the root was told of.
    pub(in crate::actor) fn start_read(&self) {
        let read = self.starts_read.load(Ordering::Relaxed);
        // The event came after the count, so that is seen here.
        if read < self.starts_told.load(Ordering::Relaxed) {
            self.starts_read.store(read + 1, Ordering::Release);
        }
    }

    /// Whether the root has read of all starts. Asked by a session whose own start was told.
    ///
    /// `starts_read` is read first. So a start that is told meanwhile can only make the answer
    /// `false`, which costs a needless yield.
    pub(in crate::actor) fn all_starts_read(&self) -> bool {
        let read = self.starts_read.load(Ordering::Acquire);
        read >= self.starts_told.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::Events;

    #[test]
    fn all_are_read_when_as_many_were_read_as_told() {
        let events = Events::default();
        assert!(events.all_starts_read());
        events.start_told(1);
        events.start_told(2);
        events.start_read();
        assert!(!events.all_starts_read());
        events.start_read();
        assert!(events.all_starts_read());
    }

    #[test]
    fn starts_that_were_not_told_count_for_no_later_start() {
        let events = Events::default();
        events.start_read();
        events.start_read();
        events.start_told(1);
        assert!(!events.all_starts_read());
        events.start_read();
        events.start_read();
        events.start_told(2);
        assert!(!events.all_starts_read());
    }
}
