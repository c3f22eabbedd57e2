//! Whether a callback of a session runs, and when the last one did, for its idle timeout. The session
//! writes it and the engine reads it, so no message is sent for each message that is handled.
//!
//! A session without an idle timeout writes no times, and does not read the clock.
//!
//! A callback that runs can be watched: then the session learns at its end that somebody waits for
//! that (`watched`). Only the session's task writes; a watcher may change "it runs" to "it runs and
//! is watched".

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::engine::{Moment, Use};

/// No callback runs, and no times are recorded.
const IDLE: u64 = 0;
/// A callback runs, and times are recorded.
const NOW: u64 = u64::MAX;
/// The same, and it is watched.
const NOW_WATCHED: u64 = u64::MAX - 1;
/// A callback runs, and no times are recorded.
const RUNS: u64 = u64::MAX - 2;
/// The same, and it is watched.
const RUNS_WATCHED: u64 = u64::MAX - 3;
/// The greatest moment that can be recorded.
const LATEST: u64 = u64::MAX - 4;

/// One of these, or one nanosecond more than had passed when a callback was last done.
#[derive(Debug, Default)]
pub(in crate::actor) struct InUse(AtomicU64);

/// What was recorded before a callback.
#[derive(Clone, Copy, Debug)]
pub(in crate::actor) struct Before(u64);

/// Whether somebody waits for the end of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(in crate::actor) enum Watched {
    Yes,
    No,
}

/// Whether a callback runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runs {
    /// It does, and its end will be told as watched.
    Watched,
    No,
}

impl InUse {
    /// Records times from now on. Until its start is over the session is in use.
    pub(in crate::actor) fn record(&self) {
        self.0.store(NOW, Ordering::Release);
    }

    /// A callback begins.
    pub(in crate::actor) fn begin(&self) -> Before {
        let before = self.0.load(Ordering::Relaxed);
        // Between two callbacks nobody else writes.
        let runs = if before == IDLE { RUNS } else { NOW };
        self.0.store(runs, Ordering::Release);
        Before(before)
    }

    /// A callback that counts as use is done.
    pub(in crate::actor) fn end(&self, now: impl FnOnce() -> Moment) -> Watched {
        let mark = match self.0.load(Ordering::Relaxed) {
            IDLE | RUNS | RUNS_WATCHED => IDLE,
            _ => {
                let nanos = u64::try_from(now().since_start().as_nanos()).unwrap_or(LATEST);
                nanos.saturating_add(1).min(LATEST)
            }
        };
        self.end_as_before(Before(mark))
    }

    /// A callback that does not count as use is done.
    pub(in crate::actor) fn end_as_before(&self, Before(mark): Before) -> Watched {
        match self.0.swap(mark, Ordering::AcqRel) {
            NOW_WATCHED | RUNS_WATCHED => Watched::Yes,
            _ => Watched::No,
        }
    }

    /// Watches the callback that runs, if one does.
    pub(super) fn watch(&self) -> Runs {
        let watched = |state| match state {
            NOW | NOW_WATCHED => Some(NOW_WATCHED),
            RUNS | RUNS_WATCHED => Some(RUNS_WATCHED),
            _ => None,
        };
        let changed = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, watched);
        if changed.is_ok() {
            Runs::Watched
        } else {
            Runs::No
        }
    }

    /// When it was last in use.
    pub(super) fn last(&self) -> Use {
        match self.0.load(Ordering::Acquire) {
            NOW | NOW_WATCHED | RUNS | RUNS_WATCHED => Use::Now,
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

    use super::{InUse, Runs, Watched};
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
        let no_clock = || panic!("the clock is not read");
        assert_eq!(in_use.end(no_clock), Watched::No);
        assert_eq!(in_use.last(), Use::Until(Moment::START));
        in_use.record();
        assert_eq!(in_use.last(), Use::Now);
        assert_eq!(in_use.end(|| at(3)), Watched::No);
        assert_eq!(in_use.last(), Use::Until(at(3)));
        let before = in_use.begin();
        assert_eq!(in_use.last(), Use::Now);
        assert_eq!(in_use.end_as_before(before), Watched::No);
        assert_eq!(in_use.last(), Use::Until(at(3)));
    }

    #[test]
    fn a_callback_is_watched_only_while_it_runs_and_its_end_tells_so_once() {
        let at = |seconds| Moment::new(Duration::from_secs(seconds));
        let in_use = InUse::default();
        for _ in 0..2 {
            assert_eq!(in_use.watch(), Runs::No);
            in_use.begin();
            assert_eq!(in_use.watch(), Runs::Watched);
            assert_eq!(in_use.watch(), Runs::Watched);
            assert_eq!(in_use.end(|| at(1)), Watched::Yes);
            in_use.begin();
            assert_eq!(in_use.end(|| at(2)), Watched::No);
            // With recorded times it is the same.
            in_use.record();
            assert_eq!(in_use.watch(), Runs::Watched);
            assert_eq!(in_use.last(), Use::Now);
            assert_eq!(in_use.end(|| at(3)), Watched::Yes);
            let before = in_use.begin();
            assert_eq!(in_use.watch(), Runs::Watched);
            assert_eq!(in_use.end_as_before(before), Watched::Yes);
            assert_eq!(in_use.last(), Use::Until(at(3)));
            in_use.0.store(super::IDLE, super::Ordering::Relaxed);
        }
    }
}
