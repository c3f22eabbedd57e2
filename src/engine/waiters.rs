//! Callers that wait in one list, and what is kept of those who have gone away.

use std::collections::VecDeque;
use std::collections::vec_deque;

use super::domain::Ticket;

/// How many are kept before the first look for callers that have gone away.
const FEW: usize = 4;

/// Something that waits for a caller.
pub(crate) trait Waits {
    /// Whether its caller has gone away. Once it has, it never comes back.
    fn is_gone(&self) -> bool;
}

impl<T: Ticket> Waits for T {
    fn is_gone(&self) -> bool {
        Ticket::is_gone(self)
    }
}

/// Callers that wait, in the order in which they came.
///
/// Nobody is told when a caller goes away. So those are looked for whenever the list is full, and
/// afterwards it has room for as many again as are left: it never holds more than [`FEW`], or than
/// twice as many as waited when it was last looked through, and each look is paid for by as many
/// who came since the one before.
#[derive(Debug)]
pub(crate) struct Waiters<T>(VecDeque<T>);

impl<T> Default for Waiters<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Waiters<T> {
    pub(crate) const fn new() -> Self {
        Self(VecDeque::new())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn front(&self) -> Option<&T> {
        self.0.front()
    }

    pub(crate) fn pop_front(&mut self) -> Option<T> {
        self.0.pop_front()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// One that was taken out goes on waiting.
    pub(crate) fn push_front(&mut self, waiter: T) {
        self.0.push_front(waiter);
    }
}

impl<T: Waits> Waiters<T> {
    /// Has one more wait. Answers those who have gone away, if it has looked for them.
    #[must_use]
    pub(crate) fn add(&mut self, waiter: T) -> Vec<T> {
        let gone = if self.0.len() == self.0.capacity() {
            self.take_gone()
        } else {
            Vec::new()
        };
        self.0.push_back(waiter);
        gone
    }

    /// Takes out those who have gone away.
    #[must_use]
    pub(crate) fn take_gone(&mut self) -> Vec<T> {
        let all = std::mem::take(&mut self.0);
        let (gone, there): (Vec<_>, Vec<_>) = all.into_iter().partition(Waits::is_gone);
        self.0.reserve_exact(FEW.max(2 * there.len()));
        self.0.extend(there);
        gone
    }
}

impl<T> From<T> for Waiters<T> {
    fn from(waiter: T) -> Self {
        let mut list = VecDeque::with_capacity(FEW);
        list.push_back(waiter);
        Self(list)
    }
}

impl<T> IntoIterator for Waiters<T> {
    type Item = T;
    type IntoIter = vec_deque::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::{FEW, Waiters, Waits};

    #[derive(Debug, PartialEq, Eq)]
    enum Caller {
        There(usize),
        Gone,
    }

    impl Waits for Caller {
        fn is_gone(&self) -> bool {
            *self == Self::Gone
        }
    }

    #[test]
    fn of_those_who_have_gone_no_more_are_kept_than_of_those_who_wait() {
        let mut waiters = Waiters::default();
        let mut looked_at = 0;
        for there in 0..1_000 {
            for _ in 0..7 {
                let before = waiters.0.len();
                let gone = waiters.add(Caller::Gone);
                looked_at += if gone.is_empty() { 0 } else { before };
                assert!(waiters.0.len() <= FEW.max(2 * (there + 1)), "{there}");
            }
            let gone = waiters.add(Caller::There(there));
            assert!(gone.iter().all(Waits::is_gone));
        }
        assert!(looked_at <= 3 * 8_000, "{looked_at} were looked at");
        let there = waiters.into_iter().filter(|caller| !caller.is_gone());
        let there: Vec<_> = there.collect();
        let all: Vec<_> = (0..1_000).map(Caller::There).collect();
        assert_eq!(there, all, "in their order");
    }
}
