//! The only clock that is read: tokio's, which is monotonic and can be paused in tests.
//!
//! A jump of the wall clock changes no window and no pause.

use std::time::SystemTime;

use tokio::time::Instant;

use crate::engine::Moment;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
    /// What the machine's clock said then. It is read once, so that no event is told to be before
    /// the one before.
    wall: SystemTime,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// One that starts now, and has the same time of day as this one.
    pub(super) fn start_another(&self) -> Self {
        let start = Instant::now();
        let wall = self.wall(Moment::new(start.saturating_duration_since(self.start)));
        Self { start, wall }
    }

    /// The time of day at a moment.
    pub(super) fn wall(&self, moment: Moment) -> SystemTime {
        let since = moment.since_start();
        self.wall.checked_add(since).unwrap_or(self.wall)
    }

    pub(crate) fn now(&self) -> Moment {
        Moment::new(Instant::now().saturating_duration_since(self.start))
    }

    /// Returns at `moment`, or never if that is what it means or lies beyond what an `Instant` can
    /// say.
    pub(crate) async fn sleep_until(&self, moment: Moment) {
        match self.start.checked_add(moment.since_start()) {
            Some(at) if moment < Moment::NEVER => tokio::time::sleep_until(at).await,
            _ => std::future::pending().await,
        }
    }
}
