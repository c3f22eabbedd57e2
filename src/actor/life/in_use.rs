//! When a session handles messages, for its idle timeout. The session writes it and the engine reads
//! it, so no message is sent for each message that is handled. Its other callbacks are not written
//! down: a supervision event is no use, also if it is being handled when the engine looks.
//!
//! A session without an idle timeout writes nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::engine::{Moment, Use};

/// Nothing is recorded.
const OFF: u64 = 0;
/// It starts, or handles a message.
const NOW: u64 = u64::MAX;

/// One of these two, or one nanosecond more than had passed when it was last done with that.
#[derive(Debug, Default)]
pub(in crate::actor) struct InUse(AtomicU64);

impl InUse {
    /// Records from now on. Until its start is over the session is in use.
    pub(in crate::actor) fn record(&self) {
        self.0.store(NOW, Ordering::Release);
    }

    fn is_recorded(&self) -> bool {
        self.0.load(Ordering::Relaxed) != OFF
    }

    /// A message is going to be handled.
    pub(in crate::actor) fn begin(&self) {
        if self.is_recorded() {
            self.0.store(NOW, Ordering::Release);
        }
    }

    /// It is handled, or the start is over.
    pub(in crate::actor) fn end(&self, now: impl FnOnce() -> Moment) {
        if self.is_recorded() {
            let nanos = u64::try_from(now().since_start().as_nanos()).unwrap_or(NOW);
            let mark = nanos.saturating_add(1).min(NOW - 1);
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
    fn what_is_in_use_is_so_until_it_is_done() {
        let at = |seconds| Moment::new(Duration::from_secs(seconds));
        let in_use = InUse::default();
        in_use.end(|| panic!("the clock is not read"));
        assert_eq!(in_use.last(), Use::Until(Moment::START));
        in_use.record();
        assert_eq!(in_use.last(), Use::Now);
        in_use.end(|| at(3));
        assert_eq!(in_use.last(), Use::Until(at(3)));
        in_use.begin();
        assert_eq!(in_use.last(), Use::Now);
        in_use.end(|| at(4));
        assert_eq!(in_use.last(), Use::Until(at(4)));
    }
}
