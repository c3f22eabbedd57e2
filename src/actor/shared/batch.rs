//! How the root comes to read of many starts in one turn.
//!
//! ractor tells the root of each start, and nobody waits for the root to read that. A turn of the root for
//! each was a twentieth of what a start takes. So when the root has read of all starts that it was told of,
//! it waits for further ones, inside its handler. An event wakes nobody there; a kill, a stop and a message
//! do (R52 in `docs/ractor.md`). Whatever is to be read soon has a message behind it: a fence.
//!
//! What has none is read after [`LONGEST`] at the latest: the event of an end that the session has reported
//! itself, which only frees what is in it, and what others send, events and messages. A message wakes the
//! root only if it has asked for messages since the last one. So it does not wait twice in a row: between two
//! waits it asks for everything.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

/// A wait ends at the next multiple of this. By then at most so many events lie in the root's port, and each
/// holds the actor that it tells of.
pub(super) const SIZE: u64 = 64;

/// How long the root waits at most. One caller starts 64 sessions in less than half a millisecond.
const LONGEST: Duration = Duration::from_millis(5);

/// Whether the root waits, and what wakes it.
///
/// While it waits the waker is there: it is put there before. Who ends a wait takes it afterwards; if another
/// wait has begun by then, that one ends early.
#[derive(Debug, Default)]
pub(super) struct Batch {
    root_waits: AtomicBool,
    waker: Mutex<Option<Waker>>,
    /// Whether the root has waited, and has not asked for everything since. Used by the root alone.
    has_waited: AtomicBool,
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

    /// Whether the root, which has read all that it knows of, waits for more. It does every other time.
    pub(super) fn is_due(&self) -> bool {
        let has_waited = self.has_waited.load(Ordering::Relaxed);
        self.has_waited.store(!has_waited, Ordering::Relaxed);
        !has_waited
    }

    /// Waits until the batch is complete, or something ends that. Called by the root alone.
    ///
    /// `all_read` is asked when others see that the root waits. So who counts a start or a message, and then
    /// finds that the root does not wait, is counted in the answer.
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
        // Which of the two comes first does not matter.
        tokio::time::timeout(LONGEST, woken).await.ok();
    }

    fn swap_waker(&self, waker: Option<Waker>) -> Option<Waker> {
        let mut place = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, waker)
    }
}

/// A wait of the root. Its drop ends it, also when the root is killed.
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
