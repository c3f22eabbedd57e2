//! How the root reads the events of many starts in one turn.
//!
//! ractor sends the root an event for each start, and no caller waits for the root to read it. One
//! turn of the root for each event took a twentieth of the time of a start. So when the root has
//! read the events of all starts, it waits for further ones inside its handler. An event does not
//! wake it there; a kill, a stop and a message do (R52 in `docs/ractor.md`). A fence, which is a
//! message, follows every event that must be read soon.
//!
//! All other events and messages are read after [`LONGEST`], which tokio rounds up by a millisecond.
//! These are the event of an end that the session has reported itself, which only frees memory, and
//! what other actors send.
//! A message wakes the root only if the root has polled its port of messages since the last one. So
//! the root does not wait twice in a row: between two waits it polls all of its ports. Nor does it wait
//! after the first start behind a message: where each start is followed by a stop or by a question, a
//! wait would only set a timer and be ended.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

/// A wait ends when the number of starts is a multiple of this. By then at most so many events are in
/// the root's port; each of them keeps the memory of an actor.
pub(super) const SIZE: u64 = 64;

/// The longest wait. One caller starts 64 sessions in less than half a millisecond.
const LONGEST: Duration = Duration::from_millis(5);

/// Whether the root waits, and what wakes it.
///
/// The root stores the waker before it sets `root_waits`. [`end`](Self::end) resets `root_waits` before
/// it takes the waker. If another wait has begun in between, that wait ends early.
#[derive(Debug, Default)]
pub(super) struct Batch {
    root_waits: AtomicBool,
    waker: Mutex<Option<Waker>>,
    /// Whether the root does not wait the next time that it could. Only the root uses it.
    skips_one: AtomicBool,
}

impl Batch {
    /// Ends a wait, if the root waits.
    pub(super) fn end(&self) {
        if self.root_waits() && self.root_waits.swap(false, Ordering::SeqCst) {
            let waker = self.swap_waker(None);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    pub(super) fn root_waits(&self) -> bool {
        self.root_waits.load(Ordering::SeqCst)
    }

    /// Whether the root waits now that it has read all events of starts. It does every other time.
    pub(super) fn is_due(&self) -> bool {
        let skips = self.skips_one.load(Ordering::Relaxed);
        self.skips_one.store(!skips, Ordering::Relaxed);
        !skips
    }

    /// The root does not wait after the next start.
    pub(super) fn skip_one(&self) {
        self.skips_one.store(true, Ordering::Relaxed);
    }

    /// Waits until the batch is complete, a fence is sent, or the longest wait is over. Only the root
    /// calls it.
    ///
    /// It calls `all_read` after `root_waits` is set. A session first counts its start, or a caller its
    /// fence, and then reads `root_waits`. So either that thread sees that the root waits, or `all_read`
    /// sees what it has counted.
    pub(super) async fn wait(&self, all_read: impl Fn() -> bool) {
        let waiting = Waiting(self);
        let mut polled = false;
        let woken = poll_fn(|context| {
            if std::mem::replace(&mut polled, true) {
                return Poll::Ready(());
            }
            waiting.begin(context.waker());
            if all_read() {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        });
        // The root goes on in the same way after a wake and after the longest wait.
        tokio::time::timeout(LONGEST, woken).await.ok();
    }

    fn swap_waker(&self, waker: Option<Waker>) -> Option<Waker> {
        let mut place = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, waker)
    }
}

/// A wait of the root. Its drop ends the wait, also when the root is killed.
struct Waiting<'a>(&'a Batch);

impl Waiting<'_> {
    fn begin(&self, waker: &Waker) {
        drop(self.0.swap_waker(Some(waker.clone())));
        self.0.root_waits.store(true, Ordering::SeqCst);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.root_waits.store(false, Ordering::SeqCst);
        drop(self.0.swap_waker(None));
    }
}
