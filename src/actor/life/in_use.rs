//! When the callbacks of a session run, for its idle timeout. The session writes it and the engine
//! reads it, so no message is sent for each message that is handled.
//!
//! A session without an idle timeout writes nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::engine::{Moment, Use};

/// Nothing is recorded.
const OFF: u64 = 0;
/// A callback runs.
const NOW: u64 = u64::MAX;

/// One of these two, or one nanosecond more than had passed when a callback was last done.
#[derive(Debug, Default)]
pub(in crate::actor) struct InUse(AtomicU64);

/// What was recorded before a callback.
#[derive(Clone, Copy, Debug)]
pub(in crate::actor) struct Before(u64);

impl InUse {
    /// Records from now on. Until its start is over the session is in use.
    pub(in crate::actor) fn record(&self) {
        self.0.store(NOW, Ordering::Release);
    }

    fn is_recorded(&self) -> bool {
        self.0.load(Ordering::Relaxed) != OFF
    }

    /// A callback begins.
    pub(in crate::actor) fn begin(&self) -> Before {
        if self.is_recorded() {
            Before(self.0.swap(NOW, Ordering::AcqRel))
        } else {
            Before(OFF)
        }
    }

    /// A callback that counts as use is done.
    pub(in crate::actor) fn end(&self, now: impl FnOnce() -> Moment) {
        if self.is_recorded() {
            let nanos = u64::try_from(now().since_start().as_nanos()).unwrap_or(NOW);
            let mark = nanos.saturating_add(1).min(NOW - 1);
            self.0.store(mark, Ordering::Release);
        }
    }

    /// A callback that does not count as use is done.
    pub(in crate::actor) fn end_as_before(&self, Before(mark): Before) {
        if self.is_recorded() {
            self.0.store(mark, Ordering::Release);
        }
    }

    /// When it was last in use.
    pub(super) fn last(&self) -> Use {
        match self.0.load(Ordering::Acquire) {
            NOW => Use::Now,
            mark => {
                let nanos = mark.saturating_sub(1);
                Use::Until(Moment::new(Duration::from_nanos(nanos)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::InUse;
    use crate::actor::shared::Life;
    use crate::engine::{Moment, Use};

    #[test]
    fn what_is_kept_of_an_idle_session_does_not_grow() {
        let size = std::mem::size_of::<Life>();
        assert!(size <= 104, "{size} bytes");
    }

    #[test]
    fn only_what_counts_as_use_moves_the_moment() {
        let at = |seconds| Moment::new(Duration::from_secs(seconds));
        let in_use = InUse::default();
        in_use.end(|| panic!("the clock is not read"));
        assert_eq!(in_use.last(), Use::Until(Moment::START));
        in_use.record();
        assert_eq!(in_use.last(), Use::Now);
        in_use.end(|| at(3));
        assert_eq!(in_use.last(), Use::Until(at(3)));
        let before = in_use.begin();
        assert_eq!(in_use.last(), Use::Now);
        in_use.end_as_before(before);
        assert_eq!(in_use.last(), Use::Until(at(3)));
    }
}
