//! The wake-ups of a future that an actor polls: each is a message to that actor, of which at most
//! one waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use ractor::ActorCell;

/// The waker of one actor's future.
pub(super) struct Wakeups {
    sender: Arc<Sender>,
    waker: Waker,
}

struct Sender {
    actor: ActorCell,
    /// Whether a message is on its way that has not been handled yet.
    sent: AtomicBool,
}

impl Wakeups {
    pub(super) fn of(actor: ActorCell) -> Self {
        let sender = Arc::new(Sender {
            actor,
            sent: AtomicBool::new(false),
        });
        Self {
            waker: Waker::from(Arc::clone(&sender)),
            sender,
        }
    }

    pub(super) fn wake(&self) {
        self.waker.wake_by_ref();
    }

    /// The context of the next poll. A wake-up from now on needs a message of its own, and one that
    /// came before is seen by that poll.
    pub(super) fn context(&self) -> Context<'_> {
        self.sender.sent.swap(false, Ordering::AcqRel);
        Context::from_waker(&self.waker)
    }
}

impl Wake for Sender {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    /// An actor that is ending takes no message. It polls the future in its `post_stop`, or not any
    /// more.
    fn wake_by_ref(self: &Arc<Self>) {
        if !self.sent.swap(true, Ordering::AcqRel) {
            self.actor.send_message::<super::TaskMsg>(()).ok();
        }
    }
}
