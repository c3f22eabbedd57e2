//! Of how many events the root has been told, and how many it has read.
//!
//! ractor tells the root of a start on the session's own thread, where the root may be the next to
//! run (R47 in `docs/ractor.md`). The session's first callback may block that thread, so the
//! session yields before it. Once the root has read of all starts that it was told of, it has had
//! its turn, and the session need not yield.
//!
//! The root reads events in their order. So when it has read as many as it had been told at some
//! moment, it has read all that it had been told by then (`inbox`).
//!
//! Invariants:
//! 1. a start is counted as told before ractor tells the root, and the end of a session as soon as
//!    it can be linked;
//! 2. no more starts are counted as read than as told, whatever events others send to the root.

use std::sync::atomic::{AtomicU64, Ordering};

/// The starts and ends of the children of one supervisor. The starts of a static supervisor's
/// children are not counted as read.
#[derive(Debug, Default)]
pub(in crate::actor) struct Events {
    starts_told: AtomicU64,
    starts_read: AtomicU64,
    /// The actor whose start was told last.
    last: AtomicU64,
    ends_told: AtomicU64,
    ends_read: AtomicU64,
}

impl Events {
    /// The `post_start` of a session went well, so ractor tells the root of its start next.
    pub(in crate::actor) fn start_told(&self, actor: u64) {
        self.last.store(actor, Ordering::Relaxed);
        self.starts_told.fetch_add(1, Ordering::Relaxed);
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

    /// A session can be linked, so the root may be told of its end from now on.
    pub(in crate::actor) fn end_told(&self) {
        self.ends_told.fetch_add(1, Ordering::Release);
    }

    /// The root has read of the end of a child. Called by the root alone.
    pub(in crate::actor) fn end_read(&self) {
        self.ends_read.fetch_add(1, Ordering::Release);
    }

    /// Of how many events the root has been told at most.
    pub(in crate::actor) fn told(&self) -> u64 {
        self.starts_told.load(Ordering::Relaxed) + self.ends_told.load(Ordering::Acquire)
    }

    /// How many of them it has read.
    pub(in crate::actor) fn read(&self) -> u64 {
        self.starts_read.load(Ordering::Relaxed) + self.ends_read.load(Ordering::Acquire)
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
        events.end_told();
        assert_eq!((events.told(), events.read()), (3, 2));
        events.end_read();
        assert_eq!((events.told(), events.read()), (3, 3));
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
