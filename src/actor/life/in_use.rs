//! When a session handles messages, for its idle timeout. The session writes it and the engine reads
//! it, so no message is sent for each message that is handled. A supervision event is no use, also if
//! it is being handled when the engine looks.
//!
//! A session without an idle timeout writes no times, and does not read the clock.
//!
//! A callback that runs can be watched: then the session learns at its end that somebody waits for
//! that (`watched`). Only the session's task writes; a watcher may add that it watches.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::engine::{Moment, Use};

/// A callback runs.
const RUNS: u64 = 1 << 63;
/// Somebody waits for its end.
const WATCHED: u64 = 1 << 62;
/// The rest: 0 if no times are recorded; this if it starts or handles a message; else one nanosecond
/// more than had passed when it was last done with that.
const IN_USE: u64 = WATCHED - 1;
/// The greatest moment that can be recorded.
const LATEST: u64 = IN_USE - 1;

#[derive(Debug, Default)]
pub(in crate::actor) struct InUse(AtomicU64);

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
        self.0.store(RUNS | IN_USE, Ordering::Release);
    }

    /// A message is going to be handled.
    pub(in crate::actor) fn begin(&self) {
        // Between two callbacks nobody else writes.
        let mark = match self.mark() {
            0 => 0,
            _ => IN_USE,
        };
        self.0.store(RUNS | mark, Ordering::Release);
    }

    /// It is handled, or the start is over.
    pub(in crate::actor) fn end(&self, now: impl FnOnce() -> Moment) -> Watched {
        self.leave(match self.mark() {
            0 => 0,
            _ => {
                let nanos = u64::try_from(now().since_start().as_nanos()).unwrap_or(LATEST);
                nanos.saturating_add(1).min(LATEST)
            }
        })
    }

    /// A callback that is no use is going to run.
    pub(in crate::actor) fn begin_event(&self) {
        self.0.store(RUNS | self.mark(), Ordering::Release);
    }

    /// It is done.
    pub(in crate::actor) fn end_event(&self) -> Watched {
        self.leave(self.mark())
    }

    fn mark(&self) -> u64 {
        self.0.load(Ordering::Relaxed) & IN_USE
    }

    fn leave(&self, mark: u64) -> Watched {
        if self.0.swap(mark, Ordering::AcqRel) & WATCHED == 0 {
            Watched::No
        } else {
            Watched::Yes
        }
    }

    /// Watches the callback that runs, if one does.
    pub(super) fn watch(&self) -> Runs {
        let watched = |state: u64| (state & RUNS != 0).then_some(state | WATCHED);
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
        match self.0.load(Ordering::Acquire) & IN_USE {
            IN_USE => Use::Now,
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
    fn only_messages_move_the_moment_and_events_do_not_hide_it() {
        let at = |seconds| Moment::new(Duration::from_secs(seconds));
        let in_use = InUse::default();
        let no_clock = || panic!("the clock is not read");
        assert_eq!(in_use.end(no_clock), Watched::No);
        assert_eq!(in_use.last(), Use::Until(Moment::START));
        in_use.record();
        assert_eq!(in_use.last(), Use::Now);
        assert_eq!(in_use.end(|| at(3)), Watched::No);
        assert_eq!(in_use.last(), Use::Until(at(3)));
        in_use.begin_event();
        assert_eq!(in_use.last(), Use::Until(at(3)));
        assert_eq!(in_use.end_event(), Watched::No);
        assert_eq!(in_use.last(), Use::Until(at(3)));
        in_use.begin();
        assert_eq!(in_use.last(), Use::Now);
        assert_eq!(in_use.end(|| at(4)), Watched::No);
        assert_eq!(in_use.last(), Use::Until(at(4)));
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
            in_use.begin_event();
            assert_eq!(in_use.watch(), Runs::Watched);
            assert_eq!(in_use.end_event(), Watched::Yes);
            // With recorded times it is the same.
            in_use.record();
            assert_eq!(in_use.watch(), Runs::Watched);
            assert_eq!(in_use.last(), Use::Now);
            assert_eq!(in_use.end(|| at(3)), Watched::Yes);
            in_use.begin_event();
            assert_eq!(in_use.watch(), Runs::Watched);
            assert_eq!(in_use.last(), Use::Until(at(3)));
            assert_eq!(in_use.end_event(), Watched::Yes);
            assert_eq!(in_use.last(), Use::Until(at(3)));
        }
    }
}
