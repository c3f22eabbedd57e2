//! The signal that tells a task to stop.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Tells a [task](crate::ChildSpec::task) that it is to stop. Cheap to clone; each incarnation has a
/// signal of its own.
///
/// The signal is set when the task is asked to stop, and at the latest when its future is gone. So
/// what the future has spawned can end by it too, also when the future failed or was killed. A
/// signal that is set stays set.
///
/// ```
/// # use session_supervisor::{ChildSpec, Exit, Options, SessionSupervisor};
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// # let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
/// let clock = ChildSpec::task(|_start, stop| async move {
///     let mut ticks = tokio::time::interval(Duration::from_secs(1));
///     loop {
///         tokio::select! {
///             _ = ticks.tick() => println!("tick"),
///             () = stop.requested() => return Ok(()),
///         }
///     }
/// });
/// sessions.start_session("clock", clock).await.unwrap();
/// assert_eq!(sessions.stop_session("clock").await, Ok(Exit::Shutdown));
/// # }
/// ```
#[derive(Clone)]
pub struct StopSignal(Arc<Signal>);

struct Signal {
    requested: AtomicBool,
    waiters: Notify,
}

impl StopSignal {
    pub(super) fn new() -> Self {
        Self(Arc::new(Signal {
            requested: AtomicBool::new(false),
            waiters: Notify::new(),
        }))
    }

    /// Whether it is set.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.requested.load(Ordering::Acquire)
    }

    /// Waits until it is set, or returns at once if it is. The future holds nothing but the signal,
    /// so it may be spawned or given away:
    /// `axum::serve(..).with_graceful_shutdown(stop.requested())`.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped misses nothing: the next one returns at once if the signal was set
    /// meanwhile.
    pub fn requested(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let signal = Arc::clone(&self.0);
        async move {
            // Made before the look, it receives what is notified after it.
            let notified = signal.waiters.notified();
            if !signal.requested.load(Ordering::Acquire) {
                notified.await;
            }
        }
    }

    /// Sets it. The wakers of those that wait are called, and may panic.
    pub(super) fn request(&self) {
        if !self.0.requested.swap(true, Ordering::AcqRel) {
            self.0.waiters.notify_waiters();
        }
    }
}

impl fmt::Debug for StopSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopSignal")
            .field("requested", &self.is_requested())
            .finish()
    }
}
