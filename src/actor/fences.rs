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
    /// Its place among all that wait.
    pub(super) place: u64,
    /// It counts when so many fences have come back.
    pub(super) after: u64,
}

/// The messages that were sent to the root, and those that have come back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fences {
    sent: u64,
    back: u64,
    pub(super) messages: Messages,
}

/// Whether the root takes messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Messages {
    Taken,
    /// It is being drained, or has ended. It never takes any again.
    Refused,
}

impl Fences {
    pub(super) const fn new() -> Self {
        Self {
            sent: 0,
            back: 0,
            messages: Messages::Taken,
        }
    }

    /// One has come back. A message that is none of ours is no fence. Answers how many have.
    pub(super) fn back(&mut self) -> u64 {
        self.back = self.sent.min(self.back + 1);
        self.back
    }

    /// Whether any has not come back yet.
    pub(super) const fn are_out(&self) -> bool {
        self.sent > self.back
    }

    /// How many fences have to come back for an item that is pushed now, and how many messages are
    /// to be sent for that.
    ///
    /// ractor asks the root's ports one after the other, that of the messages last. Between the two
    /// an exit can come that the pusher has seen, and after it the message. So the first one that
    /// comes back is no proof, whenever it was sent. The root takes the second one after it is done
    /// with the first, and that lies ahead: it has asked all its ports since.
    pub(super) const fn next(&mut self) -> (u64, u64) {
        let after = self.back + 2;
        let missing = after - self.sent;
        self.sent = after;
        (after, missing)
    }
}

/// Queues what need not wait any more, of both kinds, in the order in which it was pushed.
pub(super) fn let_through<T>(
    waiting: [&mut VecDeque<Fenced<T>>; 2],
    items: &mut VecDeque<T>,
    open: impl Fn(&Fenced<T>) -> bool,
) {
    let place = |queue: &VecDeque<Fenced<T>>| {
        let front = queue.front().filter(|fenced| open(fenced));
        front.map(|fenced| fenced.place)
    };
    let [releases, commands] = waiting;
    loop {
        let queue = match (place(releases), place(commands)) {
            (None, None) => break,
            (Some(_), None) => &mut *releases,
            (None, Some(_)) => &mut *commands,
            (Some(release), Some(command)) if release < command => &mut *releases,
            (Some(_), Some(_)) => &mut *commands,
        };
        items.extend(queue.pop_front().map(|fenced| fenced.item));
    }
    for queue in [releases, commands] {
        if queue.is_empty() {
            shrink(queue);
        }
    }
}

/// Frees what an empty queue does not keep.
#[inline]
pub(super) fn shrink<T>(queue: &mut VecDeque<T>) {
    if queue.capacity() > KEPT {
        queue.shrink_to(KEPT);
    }
}
