//! The queue of deferred drops. The drop of a user's value may panic or block its thread, so it
//! runs on a thread of tokio's blocking pool and delays nothing else.
//!
//! A task per drop would not do: a runtime has few workers, and each drop that blocks would take
//! one of them. Nor would a thread per drop: most drops take no time, and a thread costs more than
//! they do. So one thread takes the values in turn, and a second one looks after it every
//! [`PATIENCE`]: if values have waited that long, more threads come for them, at most [`MOST`].
//!
//! Values that are known to be harmless do not come here (`outbox`). Nor does the state of a
//! session that ends in an orderly way or fails: it is dropped in the session's own task. So the
//! paths that must be quick do not pay for this. If the blocking pool is used up by others, the
//! values wait for a free thread. On a runtime of one thread a task drops them: a caller that is
//! told of an end there finds the rest of it done. There is no order between the drops.
//!
//! Invariant: while a value waits, a thread that comes for it has been asked for. If the runtime
//! drops that request, since it is shutting down, the values are dropped then and there. So nothing
//! stays here that holds, as the specs of a supervisor may, the supervisor itself.

use std::any::Any;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use ractor::ActorProcessingErr;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::oneshot;

use super::log;
use super::unwind::{Panicked, guard};

/// After this time without progress more threads come.
const PATIENCE: Duration = Duration::from_millis(20);

/// At most so many threads drop at a time.
const MOST: usize = 64;

/// Something whose drop may run a user's code.
#[derive(Debug)]
#[expect(dead_code, reason = "it is kept only to be dropped elsewhere")]
pub(super) enum Deferred {
    Cause(ActorProcessingErr),
    /// Anything else.
    State(Box<dyn Any + Send>),
}

impl Deferred {
    pub(super) fn of(value: impl Any + Send) -> Self {
        Self::State(Box::new(value))
    }
}

/// A log that is told of drops that panic. No lock may be held.
pub(super) trait PanicLog: Debug + Send + Sync {
    fn drop_panicked(self: Arc<Self>, panicked: Panicked);
}

/// The queue. The supervisors of one tree share it.
#[derive(Clone, Debug)]
pub(super) struct DropQueue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    queue: Mutex<Waiting>,
    /// Whether a value may wait for which no thread was asked, or behind a drop that may block, so
    /// that most drives need not look.
    uncalled: AtomicBool,
    /// Notified when nothing waits any more.
    empty: Condvar,
    runtime: Handle,
    /// The log that drops that panic are told to. It holds this queue.
    log: OnceLock<Weak<dyn PanicLog>>,
}

#[derive(Debug, Default)]
struct Waiting {
    waiting: VecDeque<Deferred>,
    /// Threads that drop, or were asked for.
    threads: usize,
    /// Values that were taken so far.
    taken: u64,
    watch: Watch,
}

/// Whether a thread looks after the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Watch {
    #[default]
    Off,
    On,
}

impl DropQueue {
    pub(super) fn new(runtime: Handle) -> Self {
        Self(Arc::new(Inner {
            queue: Mutex::default(),
            uncalled: AtomicBool::new(false),
            empty: Condvar::new(),
            runtime,
            log: OnceLock::new(),
        }))
    }

    /// Sets the log that drops that panic are told to.
    pub(super) fn log_to(&self, log: Weak<dyn PanicLog>) {
        drop(self.0.log.set(log));
    }

    /// Keeps a value until [`wake`](Self::wake), which has to follow. Locks may be held.
    pub(super) fn put(&self, value: Deferred) {
        let mut queue = self.0.lock();
        queue.waiting.push_back(value);
        let watched = queue.watch == Watch::On || !self.0.has_workers();
        if queue.threads == 0 || !watched {
            self.0.uncalled.store(true, Ordering::Release);
        }
    }

    /// Asks for a thread, if values wait and none comes. If one is at work, the value that it drops
    /// may block, so a second one looks after it. No lock may be held, since a runtime that is
    /// shutting down drops the request, and the values with it, at once.
    #[inline]
    pub(super) fn wake(&self) {
        if self.0.uncalled.load(Ordering::Acquire) {
            self.0.call_if_needed();
        }
    }

    /// Returns when what waits now has been taken, or after this time. On a busy machine a thread
    /// that drops may have had no turn yet, and a value that waits for that is not stuck.
    pub(super) async fn caught_up(&self, patience: Duration) {
        if self.0.lock().threads == 0 {
            return;
        }
        // Its drop wakes this task.
        let (last, dropped) = oneshot::channel::<Infallible>();
        self.drop_later([Deferred::of(last)]);
        drop(tokio::time::timeout(patience, dropped).await);
    }

    /// Drops values elsewhere. No lock may be held.
    pub(super) fn drop_later(&self, values: impl IntoIterator<Item = Deferred>) {
        for value in values {
            self.put(value);
        }
        self.wake();
    }
}

impl Inner {
    fn has_workers(&self) -> bool {
        self.runtime.runtime_flavor() != RuntimeFlavor::CurrentThread
    }

    fn call_if_needed(self: &Arc<Self>) {
        let mut queue = self.lock();
        self.uncalled.store(false, Ordering::Release);
        if queue.waiting.is_empty() {
            return;
        }
        if queue.threads > 0 {
            return self.watch(queue);
        }
        queue.threads = 1;
        drop(queue);
        self.call(1);
    }

    /// Asks for threads that were counted already.
    fn call(self: &Arc<Self>, threads: usize) {
        for _ in 0..threads {
            let dropper = Dropper(Arc::clone(self));
            if self.has_workers() {
                drop(self.runtime.spawn_blocking(move || drop(dropper)));
            } else {
                drop(self.runtime.spawn(async move { drop(dropper) }));
            }
        }
    }

    /// The next value for a thread that drops; without one it leaves.
    fn next(self: &Arc<Self>) -> Option<Deferred> {
        let mut queue = self.lock();
        let Some(value) = queue.waiting.pop_front() else {
            queue.threads -= 1;
            self.empty.notify_one();
            return None;
        };
        queue.taken += 1;
        if !queue.waiting.is_empty() {
            self.watch(queue);
        }
        Some(value)
    }

    /// Has a thread look after those that drop, if none does. On one thread there is none to spare.
    fn watch(self: &Arc<Self>, mut queue: MutexGuard<'_, Waiting>) {
        if queue.watch == Watch::On || !self.has_workers() {
            return;
        }
        queue.watch = Watch::On;
        drop(queue);
        let watcher = Watcher(Some(Arc::clone(self)));
        drop(self.runtime.spawn_blocking(move || watcher.watch()));
    }

    /// The log is not held while the value is dropped: that may never end.
    fn drop_guarded(&self, value: Deferred) {
        let Err(panicked) = guard(|| drop(value)) else {
            return;
        };
        match self.log.get().and_then(Weak::upgrade) {
            Some(log) => log.drop_panicked(panicked),
            None => log::tell_drop_panicked(panicked),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops all that waits when it is dropped itself: at the end of its thread's way to it, or with a
/// request that was dropped.
struct Dropper(Arc<Inner>);

impl Drop for Dropper {
    fn drop(&mut self) {
        while let Some(value) = self.0.next() {
            self.0.drop_guarded(value);
        }
    }
}

/// Looks whether values wait too long.
struct Watcher(Option<Arc<Inner>>);

impl Watcher {
    fn watch(mut self) {
        let Some(inner) = self.0.take() else {
            return;
        };
        let mut queue = inner.lock();
        loop {
            let taken = queue.taken;
            let due = taken.saturating_add(queue.waiting.len() as u64);
            let waits = |queue: &mut Waiting| !queue.waiting.is_empty();
            let (after, _) = inner
                .empty
                .wait_timeout_while(queue, PATIENCE, waits)
                .unwrap_or_else(PoisonError::into_inner);
            queue = after;
            if queue.waiting.is_empty() {
                queue.watch = Watch::Off;
                return;
            }
            if queue.taken >= due {
                continue;
            }
            // Without any progress each drop seems to block; else the threads are merely too few.
            let wanted = if queue.taken == taken {
                queue.waiting.len()
            } else {
                queue.threads
            };
            let more = wanted.min(MOST.saturating_sub(queue.threads));
            queue.threads += more;
            drop(queue);
            inner.call(more);
            queue = inner.lock();
        }
    }
}

/// If the request was dropped.
impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(inner) = &self.0 {
            inner.lock().watch = Watch::Off;
        }
    }
}
