//! The runtimes on which lives are led.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// A kind of runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One thread, on which time is paused.
    CurrentThread,
    SeveralThreads,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::CurrentThread, Self::SeveralThreads];

    pub(crate) fn make(self) -> Runtime {
        let runtime = match self {
            // The log is written on a thread of tokio's pool. How many of those come at once, and
            // stay, would depend on how busy the machine is.
            Self::CurrentThread => Builder::new_current_thread()
                .max_blocking_threads(1)
                .start_paused(true)
                .enable_all()
                .build(),
            // A thread that came for a blocked one stays, so that it is not counted as gone.
            Self::SeveralThreads => Builder::new_multi_thread()
                .worker_threads(2)
                .thread_keep_alive(Duration::from_secs(3_600))
                .enable_all()
                .build(),
        };
        runtime.expect("the machine has threads")
    }
}
