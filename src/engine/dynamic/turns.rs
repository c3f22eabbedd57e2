//! Whose turn it is in a drain of at most so many sessions at a time (D30).
//!
//! A session has its turn from when it is asked until it is gone or known to be stuck. While others
//! wait, it must not keep them waiting until the deadline, or they would be killed unasked. So a
//! turn has its share of the time: that from its begin to the deadline, divided by the rounds that
//! are still to be made. When others end sooner, or the deadline moves, the share grows.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use super::STEP;
use crate::engine::moment::Moment;

/// How much there is to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// When the drain is to be over.
    pub(super) deadline: Moment,
    /// How many sessions wait for their turn.
    pub(super) waiting: usize,
}

#[derive(Debug)]
pub(super) struct Turns {
    at_most: Option<NonZeroUsize>,
    /// The sessions that have their turn, by when it is over, as far as was known when it was last
    /// looked at.
    taken: BTreeSet<(Moment, u32)>,
    /// Those whose turn is over and that are not gone.
    over: BTreeSet<u32>,
}

impl Turns {
    pub(super) const fn new(at_most: Option<NonZeroUsize>) -> Self {
        Self {
            at_most,
            taken: BTreeSet::new(),
            over: BTreeSet::new(),
        }
    }

    /// At most that many from now on, if that is fewer.
    pub(super) fn limit(&mut self, at_most: Option<NonZeroUsize>) {
        self.at_most = self.at_most.into_iter().chain(at_most).min();
    }

    /// All turns are to be taken anew, except for those that are over.
    pub(super) fn clear(&mut self) {
        self.taken.clear();
    }

    /// Any number from now on.
    pub(super) fn lift(&mut self) {
        *self = Self::new(None);
    }

    /// Whether one more session may be asked.
    pub(super) fn has_room(&self) -> bool {
        let taken = self.taken.len() + self.over.len();
        self.at_most.is_none_or(|most| taken < most.get())
    }

    /// Whether some sessions wait for the end of a turn that has not been ended yet.
    pub(super) fn is_short(&self, waiting: usize) -> bool {
        self.at_most
            .is_some_and(|most| waiting > most.get().saturating_sub(self.taken.len()))
    }

    /// When the turn of a session is over that has had it since then.
    pub(super) fn end(&self, asked: Moment, load: Load) -> Moment {
        self.share(asked, load, self.taken.len())
    }

    /// When a turn that began then is over, if so many have theirs.
    fn share(&self, asked: Moment, load: Load, taken: usize) -> Moment {
        let Some(most) = self.at_most else {
            return load.deadline;
        };
        let free = most.get().saturating_sub(taken);
        let rounds = load.waiting.saturating_sub(free).div_ceil(most.get());
        let rounds = u32::try_from(rounds).unwrap_or(u32::MAX).saturating_add(1);
        asked.after(load.deadline.since(asked) / rounds)
    }

    /// A session is asked now and has its turn. Answers when that is over.
    pub(super) fn begin(&mut self, now: Moment, slot: u32, load: Load) -> Moment {
        let end = self.share(now, load, self.taken.len() + 1);
        self.take(end, slot);
        end
    }

    /// A session has its turn until then.
    pub(super) fn take(&mut self, end: Moment, slot: u32) {
        if self.at_most.is_some() && !self.over.contains(&slot) {
            self.taken.insert((end, slot));
        }
    }

    /// The turn of a session is over later than was known.
    pub(super) fn prolong(&mut self, before: Moment, end: Moment, slot: u32) {
        if self.taken.remove(&(before, slot)) {
            self.taken.insert((end, slot));
        }
    }

    /// The session is gone, or known to be stuck. `end`: when its turn would have been over.
    pub(super) fn leave(&mut self, end: Moment, slot: u32) {
        self.taken.remove(&(end, slot));
        self.over.remove(&slot);
    }

    /// When a turn is over that others wait for.
    pub(super) fn next_end(&self, waiting: usize) -> Option<Moment> {
        let first = self.taken.first().filter(|_| self.is_short(waiting));
        first.map(|(end, _)| *end)
    }

    /// Ends a turn that is over and that others wait for. `end` says when that of a session is over
    /// as it is now, and learns of a later end.
    pub(super) fn end_one(
        &mut self,
        now: Moment,
        load: Load,
        mut end: impl FnMut(&Self, u32) -> Moment,
    ) -> Option<u32> {
        for _ in 0..STEP {
            let before = self.next_end(load.waiting).filter(|end| *end <= now)?;
            let (_, slot) = *self.taken.first()?;
            let end = end(self, slot);
            if end <= now {
                self.taken.remove(&(before, slot));
                self.over.insert(slot);
                return Some(slot);
            }
            self.prolong(before, end, slot);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::time::Duration;

    use super::{Load, Turns};
    use crate::engine::moment::Moment;

    const fn at(seconds: u64) -> Moment {
        Moment::new(Duration::from_secs(seconds))
    }

    fn load(waiting: usize) -> Load {
        Load {
            deadline: at(60),
            waiting,
        }
    }

    #[test]
    fn a_turn_has_its_share_of_the_time_and_more_when_others_end_sooner() {
        let mut turns = Turns::new(NonZeroUsize::new(2));
        // Five sessions: three rounds.
        assert_eq!(turns.begin(at(0), 0, load(4)), at(20));
        assert!(turns.has_room());
        assert_eq!(turns.begin(at(0), 1, load(3)), at(20));
        assert!(!turns.has_room());
        // One ends at once, and the next has its turn.
        turns.leave(at(20), 1);
        assert_eq!(turns.begin(at(10), 2, load(2)), at(35));
        assert_eq!(turns.next_end(2), Some(at(20)));
        // There are only two rounds left by now.
        assert_eq!(turns.end(at(0), load(2)), at(30));
        let end = |turns: &Turns, slot| turns.end(at(if slot == 0 { 0 } else { 10 }), load(2));
        assert_eq!(turns.end_one(at(20), load(2), end), None);
        assert_eq!(turns.next_end(2), Some(at(30)));
        assert_eq!(turns.end_one(at(30), load(2), end), Some(0));
        // It is not gone, so nobody is asked in its place, and nobody else's turn is ended for it.
        assert!(!turns.has_room());
        assert_eq!(turns.end_one(at(50), load(2), |_, _| at(50)), Some(2));
        assert!(!turns.is_short(2));
        turns.leave(at(30), 0);
        assert!(turns.has_room());
    }

    #[test]
    fn while_nobody_waits_no_turn_is_over_before_the_deadline() {
        let mut turns = Turns::new(NonZeroUsize::new(2));
        assert_eq!(turns.begin(at(0), 0, load(0)), at(60));
        assert_eq!(turns.next_end(0), None);
        assert_eq!(turns.end_one(at(100), load(0), |_, _| at(60)), None);
    }
}
