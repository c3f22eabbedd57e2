//! The only clock that is read: tokio's, which is monotonic and can be paused in tests.
//!
//! A jump of the wall clock changes no window and no pause.

use tokio::time::Instant;

use crate::engine::Moment;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
        }
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
