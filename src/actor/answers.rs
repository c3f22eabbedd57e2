//! Answers to callers. To answer wakes the caller, and a waker can be any code: one may panic, or block
//! its thread.
//!
//! So whoever drives only collects the answers. Each is given in a task of its own, when no lock is held
//! and the token is let go; a waker that blocks keeps that task alone. A task that is dropped before its
//! turn, since the runtime is shutting down, answers then.
//!
//! Absent on purpose: the answer to a launch that succeeded or failed, which the launch's own task gives.

use std::fmt;

use super::drop_queue::DropQueue;
use super::plan::{Reply, Ticket};
use super::unwind::guard;
use crate::engine::Exit;

/// Something to tell; answers the exits that were told to nobody.
pub(super) type Told = Box<dyn FnOnce() -> Vec<Exit> + Send>;

/// One answer to one caller.
pub(super) enum Answer {
    Reply(Ticket, Reply),
    /// What a question was about.
    Told(Told),
    /// None: the ticket reads as "supervisor down".
    None(Ticket),
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer")
    }
}

impl Answer {
    /// Gives it here and now. No lock may be held.
    pub(super) fn give(self, drops: &DropQueue) {
        // Of a waker that panics nobody else hears; its caller has the answer all the same.
        drop(guard(|| match self {
            Self::Reply(ticket, reply) => {
                if let Some(undelivered) = ticket.answer(reply) {
                    drops.put_reply(undelivered);
                }
            }
            Self::Told(told) => told().into_iter().for_each(|exit| drops.put_exit(exit)),
            Self::None(ticket) => drop(ticket),
        }));
        drops.wake();
    }
}

/// An answer on its way.
pub(super) struct Delivery {
    answer: Option<Answer>,
    drops: DropQueue,
}

impl Delivery {
    pub(super) const fn new(answer: Answer, drops: DropQueue) -> Self {
        Self {
            answer: Some(answer),
            drops,
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            answer.give(&self.drops);
        }
    }
}
