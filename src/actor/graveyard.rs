//! The queue of values that are dropped elsewhere: a value of a user's, whose drop may panic or block
//! its thread, is dropped in a thread of tokio's blocking pool, so that it holds up nobody.
//!
//! Why not in a task: a runtime has few workers, and each drop that blocks keeps one of them from
//! everybody. Why not each in a thread of its own: most drops take no time, and a thread costs more than
//! they do. So one thread takes them in turn, and a second one looks after it every [`PATIENCE`]: if
//! values have waited that long, more threads come for them, at most [`MOST`]. Values that are known to
//! be harmless do not come here (`leftovers`), nor does the state of a session that ends in an orderly way
//! or fails, which is dropped in the session's own task; so the paths that must be quick do not pay for
//! this. A runtime whose blocking pool is used up by others drops these values when a thread is free. On a
//! runtime of one thread a task drops them: who is told of an end there finds the rest of it done.
//!
//! Invariant: while a value waits, a thread that comes for it has been asked for. If the runtime drops
//! that request unheard, since it is shutting down, the values are dropped then and there. So nothing
//! stays here that holds, as the specs of a supervisor may, the supervisor itself.
//!
//! Absent on purpose: an order between the drops, and a wait for them.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use ractor::ActorProcessingErr;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::lines::WeakLines;
use super::unwind::{drop_panicked, guard};

/// After this time without progress more threads come.
const PATIENCE: Duration = Duration::from_millis(20);

/// At most so many threads drop at a time.
const MOST: usize = 64;

/// Something whose drop may run a user's code.
#[derive(Debug)]
#[expect(dead_code, reason = "it is kept only to be dropped elsewhere")]
pub(super) enum Grave {
    Cause(ActorProcessingErr),
    /// Anything else.
    State(Box<dyn Any + Send>),
}

impl Grave {
    pub(super) fn of(value: impl Any + Send) -> Self {
        Self::State(Box::new(value))
    }
}

/// The queue. The supervisors of one tree share it.
#[derive(Clone, Debug)]
pub(super) struct Graveyard(Arc<Yard>);

#[derive(Debug)]
struct Yard {
    pit: Mutex<Pit>,
    /// Whether a value may wait for which no thread was asked, so that most drives need not look.
    uncalled: AtomicBool,
    /// Rung when nothing waits any more.
    empty: Condvar,
    runtime: Handle,
    /// The log that is told of drops that panic. It holds this queue.
    lines: OnceLock<WeakLines>,
}

#[derive(Debug, Default)]
struct Pit {
    waiting: VecDeque<Grave>,
    /// Threads that drop, or were asked for.
    diggers: usize,
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

impl Graveyard {
    pub(super) fn new(runtime: Handle) -> Self {
        Self(Arc::new(Yard {
            pit: Mutex::default(),
            uncalled: AtomicBool::new(false),
            empty: Condvar::new(),
            runtime,
            lines: OnceLock::new(),
        }))
    }

    /// Which log is told of drops that panic.
    pub(super) fn tell(&self, lines: WeakLines) {
        drop(self.0.lines.set(lines));
    }

    /// Keeps a value until [`dig`](Self::dig), which has to follow. Locks may be held.
    pub(super) fn put(&self, grave: Grave) {
        let mut pit = self.0.lock();
        pit.waiting.push_back(grave);
        if pit.diggers == 0 {
            self.0.uncalled.store(true, Ordering::Release);
        }
    }

    /// Asks for a thread, if values wait and none comes. No lock may be held, since a runtime that is
    /// shutting down drops the request, and the values with it, at once.
    pub(super) fn dig(&self) {
        if !self.0.uncalled.load(Ordering::Acquire) {
            return;
        }
        let mut pit = self.0.lock();
        self.0.uncalled.store(false, Ordering::Release);
        if pit.diggers > 0 || pit.waiting.is_empty() {
            return;
        }
        pit.diggers = 1;
        drop(pit);
        self.0.call(1);
    }

    /// Drops values elsewhere. No lock may be held.
    pub(super) fn bury(&self, graves: impl IntoIterator<Item = Grave>) {
        for grave in graves {
            self.put(grave);
        }
        self.dig();
    }
}

impl Yard {
    fn has_workers(&self) -> bool {
        self.runtime.runtime_flavor() != RuntimeFlavor::CurrentThread
    }

    /// Asks for threads that were counted already.
    fn call(self: &Arc<Self>, diggers: usize) {
        for _ in 0..diggers {
            let digger = Digger(Arc::clone(self));
            if self.has_workers() {
                drop(self.runtime.spawn_blocking(move || drop(digger)));
            } else {
                drop(self.runtime.spawn(async move { drop(digger) }));
            }
        }
    }

    /// The next value for a thread that drops; without one it leaves.
    fn next(self: &Arc<Self>) -> Option<Grave> {
        let mut pit = self.lock();
        let Some(grave) = pit.waiting.pop_front() else {
            pit.diggers -= 1;
            self.empty.notify_one();
            return None;
        };
        pit.taken += 1;
        if pit.watch == Watch::Off && !pit.waiting.is_empty() && self.has_workers() {
            pit.watch = Watch::On;
            drop(pit);
            let watcher = Watcher(Some(Arc::clone(self)));
            drop(self.runtime.spawn_blocking(move || watcher.watch()));
        }
        Some(grave)
    }

    /// While the value is dropped, the log is not held: that may take for ever.
    fn drop_guarded(&self, grave: Grave) {
        let Err(panicked) = guard(|| drop(grave)) else {
            return;
        };
        match self.lines.get().and_then(WeakLines::upgrade) {
            Some(lines) => lines.drop_panicked(panicked),
            None => drop_panicked(panicked),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pit> {
        self.pit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops all that waits when it is dropped itself: at the end of its thread's way to it, or with a
/// request that was not heard.
struct Digger(Arc<Yard>);

impl Drop for Digger {
    fn drop(&mut self) {
        while let Some(grave) = self.0.next() {
            self.0.drop_guarded(grave);
        }
    }
}

/// Looks whether values wait too long.
struct Watcher(Option<Arc<Yard>>);

impl Watcher {
    fn watch(mut self) {
        let Some(yard) = self.0.take() else {
            return;
        };
        let mut pit = yard.lock();
        loop {
            let taken = pit.taken;
            let due = taken.saturating_add(pit.waiting.len() as u64);
            let waits = |pit: &mut Pit| !pit.waiting.is_empty();
            let (after, _) = yard
                .empty
                .wait_timeout_while(pit, PATIENCE, waits)
                .unwrap_or_else(PoisonError::into_inner);
            pit = after;
            if pit.waiting.is_empty() {
                pit.watch = Watch::Off;
                return;
            }
            if pit.taken >= due {
                continue;
            }
            // Without any progress each drop seems to block; else the threads are merely too few.
            let wanted = if pit.taken == taken {
                pit.waiting.len()
            } else {
                pit.diggers
            };
            let more = wanted.min(MOST.saturating_sub(pit.diggers));
            pit.diggers += more;
            drop(pit);
            yard.call(more);
            pit = yard.lock();
        }
    }
}

/// If the request was not heard.
impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(yard) = &self.0 {
            yard.lock().watch = Watch::Off;
        }
    }
}
