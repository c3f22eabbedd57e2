//! The queue of the log. Its lines are in the order of what happened (D22), since they are pushed
//! under the lock under which that was decided. One thread of tokio's blocking pool writes them at
//! a time, outside every lock and every caller's span. A subscriber that panics loses its line; one
//! that blocks delays the log alone.
//!
//! Invariant: while a line waits, a thread that writes has been asked for. If the runtime drops
//! that request, since it is shutting down, the lines are written then and there.
//!
//! The supervisors of one tree share a queue. It writes to the subscriber that was current where
//! the topmost of them was started, or if there was none, to the one that is current when it
//! writes.
//!
//! `log` decides what a line says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tracing::dispatcher::{self, Dispatch};
use tracing::subscriber::NoSubscriber;

use super::drop_queue::{Deferred, DropQueue, PanicLog};
use super::log::{self, Line};
use super::unwind::{Panicked, guard};

/// More lines than this do not wait: what comes then is counted and lost, as the next line says.
const MOST: usize = 1 << 16;

/// How long the end of a supervisor waits for its last lines. A log that blocks does not hold up a
/// program that ends.
const PATIENCE: Duration = Duration::from_millis(50);

/// The queue of one tree of supervisors.
#[derive(Clone, Debug)]
pub(super) struct Lines(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    queue: Mutex<Queue>,
    /// Notified when nothing waits any more.
    empty: Notify,
    runtime: Handle,
    dispatch: Option<Dispatch>,
    drops: DropQueue,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Line>,
    writer: Writer,
    pushed: u64,
    written: u64,
    lost: u64,
}

/// Whether a thread writes, or was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Writer {
    #[default]
    None,
    UnderWay,
}

impl Lines {
    pub(super) fn new(runtime: Handle, drops: DropQueue) -> Self {
        let current = |dispatch: &Dispatch| {
            let present = !dispatch.is::<NoSubscriber>();
            present.then(|| dispatch.clone())
        };
        let lines = Self(Arc::new(Inner {
            queue: Mutex::default(),
            empty: Notify::new(),
            runtime,
            // A subscriber is the user's code.
            dispatch: guard(|| dispatcher::get_default(current)).unwrap_or(None),
            drops,
        }));
        let inner = Arc::downgrade(&lines.0);
        lines.0.drops.log_to(inner);
        lines
    }

    /// Puts a line into the queue, which [`write`](Self::write) has to follow. Locks may be held. A
    /// line that no subscriber wants, or for which there is no place, is handed back.
    pub(super) fn push(&self, line: Line) -> Option<Line> {
        if !log::is_wanted(&line) {
            return Some(line);
        }
        let mut queue = self.0.lock();
        if queue.waiting.len() >= MOST {
            queue.lost += 1;
            return Some(line);
        }
        queue.pushed += 1;
        queue.waiting.push_back(line);
        None
    }

    /// Runs this with the subscriber to which the lines are written.
    pub(super) fn in_its_subscriber<T>(&self, code: impl FnOnce() -> T) -> T {
        match &self.0.dispatch {
            Some(dispatch) => dispatcher::with_default(dispatch, code),
            None => code(),
        }
    }

    /// Drops a value of the user's here and now. No lock may be held.
    pub(super) fn drop_guarded<T>(&self, value: T) {
        if let Err(panicked) = guard(|| drop(value)) {
            self.drop_panicked(panicked);
        }
    }

    /// Such a drop has panicked. No lock may be held.
    pub(super) fn drop_panicked(&self, Panicked(text): Panicked) {
        drop(self.push(Line::DropPanicked(text)));
        self.write();
    }

    /// Asks for a thread that writes, if lines wait and none does. No lock may be held.
    pub(super) fn write(&self) {
        let mut queue = self.0.lock();
        if queue.writer == Writer::UnderWay || queue.waiting.is_empty() {
            return;
        }
        queue.writer = Writer::UnderWay;
        drop(queue);
        let scribe = Scribe(Arc::clone(&self.0));
        drop(self.0.runtime.spawn_blocking(move || drop(scribe)));
    }

    /// Returns when all that was pushed so far is written, or after a short time without that.
    pub(super) async fn written(&self) {
        let due = self.0.lock().pushed;
        let all = async {
            loop {
                // Made before the look, it receives what is notified after it.
                let empty = self.0.empty.notified();
                if self.0.lock().written >= due {
                    return;
                }
                empty.await;
            }
        };
        drop(tokio::time::timeout(PATIENCE, all).await);
    }
}

impl PanicLog for Inner {
    fn drop_panicked(self: Arc<Self>, panicked: Panicked) {
        Lines(self).drop_panicked(panicked);
    }
}

/// A subscriber is the user's code, its drop too.
impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(dispatch) = self.dispatch.take() {
            self.drops.drop_later([Deferred::of(dispatch)]);
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all(&self) {
        let mut written = 0_u64;
        loop {
            let mut queue = self.lock();
            queue.written += written;
            written = 0;
            let batch = std::mem::take(&mut queue.waiting);
            let lost = std::mem::take(&mut queue.lost);
            if batch.is_empty() {
                queue.writer = Writer::None;
                drop(queue);
                self.empty.notify_waiters();
                return;
            }
            drop(queue);
            written += batch.len() as u64;
            for line in batch {
                log::write(line);
            }
            if lost > 0 {
                log::lost(lost);
            }
        }
    }
}

/// Writes all that waits when it is dropped itself: at the end of its thread's way to it, or with a
/// request that was dropped.
struct Scribe(Arc<Inner>);

impl Drop for Scribe {
    fn drop(&mut self) {
        match &self.0.dispatch {
            Some(dispatch) => dispatcher::with_default(dispatch, || self.0.write_all()),
            None => self.0.write_all(),
        }
    }
}
