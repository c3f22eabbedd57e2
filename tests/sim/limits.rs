//! Restart limits and pauses, computed the naive way: every restart is kept for ever and counted
//! anew.

use std::time::Duration;

use session_supervisor::engine::{Limit, Moment};

/// All restarts that were ever counted.
#[derive(Debug, Default)]
pub(crate) struct Log(pub(crate) Vec<Moment>);

impl Log {
    /// Whether one more restart is within the limit.
    pub(crate) fn allows(&self, now: Moment, limit: Limit) -> bool {
        self.within(now, limit) < limit.max()
    }

    /// How many restarts count now.
    pub(crate) fn within(&self, now: Moment, limit: Limit) -> u32 {
        let recent = |at: &&Moment| now.since_start() - at.since_start() <= limit.window();
        u32::try_from(self.0.iter().filter(recent).count()).unwrap()
    }
}

/// The pause before an attempt that follows `failures` failed ones (D7).
pub(crate) fn pause(failures: u32) -> Duration {
    let mut pause = match failures {
        0 => return Duration::ZERO,
        _ => Duration::from_millis(10),
    };
    for _ in 1..failures {
        pause = (pause * 4).min(Duration::from_secs(1));
    }
    pause
}
