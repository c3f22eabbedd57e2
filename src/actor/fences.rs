//! The messages to the root that come back, and which of them an item waits for.

use std::collections::VecDeque;

/// An empty queue keeps room for so many items, and not for the largest crowd that it has seen.
const KEPT: usize = 32;

/// A fence that does not come back.
pub(super) const NEVER: u64 = u64::MAX;

/// An item that waits.
#[derive(Debug)]
pub(super) struct Fenced<T> {
    pub(super) item: T,
    /// It counts when so many fences have come back.
    pub(super) after: u64,
}

/// The messages that were sent to the root, and those that have come back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fences {
    sent: u64,
    back: u64,
    pub(super) hearing: Hearing,
}

/// Whether the root takes messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hearing {
    Hears,
    /// It is being drained, or has ended. Once it is deaf, it stays so.
    Deaf,
}

/// Whether another message is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Send {
    Yes,
    No,
}

impl Fences {
    pub(super) const fn new() -> Self {
        Self {
            sent: 0,
            back: 0,
            hearing: Hearing::Hears,
        }
    }

    /// One has come back. A message that is none of ours is no fence. Answers how many have.
    pub(super) fn back(&mut self) -> u64 {
        self.back = self.sent.min(self.back + 1);
        self.back
    }

    /// How many fences have to come back for an item that is pushed now.
    ///
    /// The root may have taken the last message already, before an exit that the pusher has seen.
    /// So one message that is under way is not enough. Of two, it takes the second one after it is
    /// done with the first, and that lies ahead.
    pub(super) const fn next(&mut self) -> (u64, Send) {
        if self.sent - self.back >= 2 {
            return (self.back + 2, Send::No);
        }
        self.sent += 1;
        (self.sent, Send::Yes)
    }
}

/// Queues what waits first and need not wait any more.
pub(super) fn let_through<T>(
    fenced: &mut VecDeque<Fenced<T>>,
    items: &mut VecDeque<T>,
    open: impl Fn(&Fenced<T>) -> bool,
) {
    while fenced.front().is_some_and(&open) {
        items.extend(fenced.pop_front().map(|fenced| fenced.item));
    }
    if fenced.is_empty() {
        shrink(fenced);
    }
}

/// Frees what an empty queue does not keep.
#[inline]
pub(super) fn shrink<T>(queue: &mut VecDeque<T>) {
    if queue.capacity() > KEPT {
        queue.shrink_to(KEPT);
    }
}
