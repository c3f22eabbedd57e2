//! The caller's place for an answer.

use std::fmt;

use tokio::sync::oneshot;

use crate::engine;

/// A caller that waits for an answer of one type. A ticket that is dropped unanswered reads as
/// "supervisor down" (`ask`).
pub(crate) struct Ticket<A>(oneshot::Sender<A>);

impl<A> fmt::Debug for Ticket<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket")
    }
}

impl<A> engine::Ticket for Ticket<A> {
    fn is_gone(&self) -> bool {
        self.0.is_closed()
    }
}

impl<A> Ticket<A> {
    pub(crate) fn new() -> (Self, oneshot::Receiver<A>) {
        let (sender, receiver) = oneshot::channel();
        (Self(sender), receiver)
    }

    /// A caller that went away does not matter (D13), but what it is not told may hold a value of
    /// the user's and is handed back. Wakes the caller, whose waker may be any code: see `answers`.
    pub(super) fn answer(self, answer: A) -> Option<A> {
        self.0.send(answer).err()
    }
}
