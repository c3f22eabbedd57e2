//! Answers to callers. An answer wakes the caller, and a waker can be any code: it may panic, or
//! block its thread.
//!
//! The drive therefore only collects the answers. Each is given in a task of its own, when no lock
//! is held and the token is released, so a waker that blocks delays that task alone. A task that is
//! dropped before its turn, because the runtime is shutting down, answers in its drop.
//!
//! The answer to a launch that succeeded or failed is given by the task of the launch.

use std::fmt;

use super::drop_queue::DropQueue;
use super::plan::{Reply, Ticket};
use super::unwind::guard;
use crate::engine::Exit;

/// Delivers an answer and returns the exits that could not be delivered.
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
        // A waker that panics affects no other caller, and its own has the answer all the same.
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
