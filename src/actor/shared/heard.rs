//! Whether the root has read of every start of a session.
//!
//! ractor tells the root of a start on the session's own thread, where the root may be the next to
//! run (R47 in `docs/ractor.md`). The session's first callback may block that thread, so the
//! session yields before it. Once the root has read of all starts that it was told of, it has had
//! its turn, and the session need not yield.
//!
//! Invariants:
//! 1. a start is counted as told before ractor tells the root;
//! 2. `heard` is not greater than `told`, whatever events others send to the root.

use std::sync::atomic::{AtomicU64, Ordering};

/// The starts of the sessions of one supervisor. Those of a static supervisor's children are not
/// counted.
#[derive(Debug, Default)]
pub(in crate::actor) struct Starts {
    told: AtomicU64,
    /// The actor of the last one.
    last: AtomicU64,
    heard: AtomicU64,
}

impl Starts {
    /// The `post_start` of a session went well, so ractor tells the root of its start next.
    pub(in crate::actor) fn told(&self, actor: u64) {
        self.last.store(actor, Ordering::Relaxed);
        self.told.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether this was the last one told. That saves a look at its name.
    pub(in crate::actor) fn was_last(&self, actor: u64) -> bool {
        self.last.load(Ordering::Relaxed) == actor
    }

    /// The root has read that a session has started. Called by the root alone.
    ///
    /// Any actor can send such an event (R46), so no more are counted than the root was told of.
    pub(in crate::actor) fn heard(&self) {
        let heard = self.heard.load(Ordering::Relaxed);
        // The event came after the count, so that is seen here.
        if heard < self.told.load(Ordering::Relaxed) {
            self.heard.store(heard + 1, Ordering::Release);
        }
    }

    /// Whether the root has read of all of them. Asked by a session whose own start was told.
    ///
    /// `heard` is read first. So a start that is told meanwhile can only make the answer `false`,
    /// which costs a needless yield.
    pub(in crate::actor) fn all_heard(&self) -> bool {
        let heard = self.heard.load(Ordering::Acquire);
        heard >= self.told.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::Starts;

    #[test]
    fn all_are_heard_when_as_many_were_heard_as_told() {
        let starts = Starts::default();
        assert!(starts.all_heard());
        starts.told(1);
        starts.told(1);
        starts.heard();
        assert!(!starts.all_heard());
        starts.heard();
        assert!(starts.all_heard());
    }

    #[test]
    fn events_that_were_not_told_count_for_no_later_start() {
        let starts = Starts::default();
        starts.heard();
        starts.heard();
        starts.told(1);
        assert!(!starts.all_heard());
        starts.heard();
        starts.heard();
        starts.told(1);
        assert!(!starts.all_heard());
    }
}
