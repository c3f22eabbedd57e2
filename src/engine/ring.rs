//! The last things that have happened, each with its number, for those who follow them.
//!
//! Invariants:
//! 1. what is kept has the numbers up to [`revision`](Ring::revision), without a gap;
//! 2. at most so many are kept as the ring was made for, and beside them what came after a
//!    [pin](Ring::pin): [`MOST_PINNED`] times as many in all, since one who has pinned may never go
//!    on. Only what came after a pin that [keeps all](Ring::keep_all) has no bound.

use std::collections::VecDeque;

/// How many times the usual number are kept for a pin.
const MOST_PINNED: usize = 16;

/// The last things that have happened.
#[derive(Debug)]
pub struct Ring<T> {
    kept: VecDeque<T>,
    /// The number of the last one.
    revision: u64,
    most: usize,
    pins: Vec<u64>,
    /// Pins without a bound.
    unbounded: Vec<u64>,
}

impl<T: Clone> Ring<T> {
    /// An empty one, of so many at most.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self::after(0, most)
    }

    /// The same, whose first thing has the number after this one.
    #[must_use]
    pub const fn after(revision: u64, most: usize) -> Self {
        Self {
            kept: VecDeque::new(),
            revision,
            most,
            pins: Vec::new(),
            unbounded: Vec::new(),
        }
    }

    /// The number of the last thing that has happened. The first one has number 1, or the one after
    /// that with which the ring was made.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Something has happened. `make` is told its number, and is given the oldest one if that is not
    /// kept any more, so that its memory can be used again.
    pub fn push(&mut self, make: impl FnOnce(u64, Option<T>) -> T) {
        let oldest = if self.may_trim(self.kept.len() + 1) {
            self.kept.pop_front()
        } else {
            None
        };
        self.revision += 1;
        self.kept.push_back(make(self.revision, oldest));
        self.trim();
    }

    /// Whether the oldest one need not be kept where there would be so many.
    fn may_trim(&self, kept: usize) -> bool {
        let most_pinned = self.most.saturating_mul(MOST_PINNED);
        kept > self.most
            && !self.is_pinned(&self.unbounded)
            && (kept > most_pinned || !self.is_pinned(&self.pins))
    }

    fn trim(&mut self) {
        while self.may_trim(self.kept.len()) {
            self.kept.pop_front();
        }
    }

    /// Whether somebody needs the oldest one.
    fn is_pinned(&self, pins: &[u64]) -> bool {
        let before = self.before();
        pins.iter().any(|&pin| pin <= before)
    }

    /// The number of the last one that is not kept.
    fn before(&self) -> u64 {
        self.revision - self.kept.len() as u64
    }

    /// Keeps what happens from now on, until that is [unpinned](Self::unpin). Answers the number
    /// of the last thing so far.
    pub fn pin(&mut self) -> u64 {
        self.pins.push(self.revision);
        self.revision
    }

    /// What came after this need not be kept any more for that who has pinned it.
    pub fn unpin(&mut self, pin: u64) {
        if let Some(at) = self.pins.iter().position(|&other| other == pin) {
            self.pins.swap_remove(at);
        }
        self.trim();
    }

    /// Keeps all that comes after this number, however much it is, until the pin is
    /// [moved](Self::move_pin) or [given up](Self::keep_no_more).
    pub fn keep_all(&mut self, after: u64) {
        self.unbounded.push(after);
    }

    /// One who keeps all has read further.
    pub fn move_pin(&mut self, from: u64, to: u64) {
        if let Some(pin) = self.unbounded.iter_mut().find(|pin| **pin == from) {
            *pin = to;
        }
        self.trim();
    }

    /// What came after this need not be kept any more for that who has kept all.
    pub fn keep_no_more(&mut self, pin: u64) {
        if let Some(at) = self.unbounded.iter().position(|&other| other == pin) {
            self.unbounded.swap_remove(at);
        }
        self.trim();
    }

    /// Nobody follows any more. What happens from now on is not told here, so no later reader finds
    /// what it has missed: a number is left out. Hands out what was kept.
    pub fn abandon(&mut self) -> VecDeque<T> {
        self.revision += 1;
        std::mem::take(&mut self.kept)
    }

    /// Whether all is kept that came after this number.
    #[must_use]
    pub fn holds(&self, after: u64) -> bool {
        self.before() <= after && after <= self.revision
    }

    /// Reads on after a number, at most so many. Answers how many of those that followed it are not
    /// kept any more; then nothing is read, and the reader goes on after them.
    ///
    /// # Errors
    ///
    /// How many are lost.
    pub fn read(&self, after: u64, most: usize, into: &mut VecDeque<T>) -> Result<(), u64> {
        let before = self.before();
        if after < before {
            return Err(before - after);
        }
        let from = usize::try_from(after - before).unwrap_or(usize::MAX);
        into.extend(self.kept.iter().skip(from).take(most).cloned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Ring;
    use std::collections::VecDeque;

    fn ring(most: usize, things: u64) -> Ring<u64> {
        let mut ring = Ring::new(most);
        for _ in 0..things {
            ring.push(|number, _| number);
        }
        ring
    }

    fn read(ring: &Ring<u64>, after: u64, most: usize) -> Result<Vec<u64>, u64> {
        let mut into = VecDeque::new();
        ring.read(after, most, &mut into)?;
        Ok(into.into())
    }

    #[test]
    fn the_oldest_are_lost_first_and_the_reader_knows_how_many() {
        let ring = ring(3, 10);
        assert_eq!(read(&ring, 7, 9), Ok(vec![8, 9, 10]));
        assert_eq!(read(&ring, 8, 1), Ok(vec![9]));
        assert_eq!(read(&ring, 10, 9), Ok(vec![]));
        assert_eq!(read(&ring, 6, 9), Err(1));
        assert_eq!(read(&ring, 0, 9), Err(7));
        assert!(ring.holds(7) && ring.holds(10));
        assert!(!ring.holds(6) && !ring.holds(11));
    }

    #[test]
    fn what_is_pinned_is_kept_until_it_is_not() {
        let mut ring = ring(2, 4);
        let pin = ring.pin();
        for _ in 0..5 {
            ring.push(|number, _| number);
        }
        assert_eq!(read(&ring, pin, 9), Ok(vec![5, 6, 7, 8, 9]));
        ring.unpin(pin);
        assert_eq!(read(&ring, pin, 9), Err(3));
        assert_eq!(read(&ring, 7, 9), Ok(vec![8, 9]));
    }

    #[test]
    fn one_who_has_pinned_and_does_not_go_on_loses_something_too() {
        let mut ring = ring(2, 4);
        let pin = ring.pin();
        for _ in 0..40 {
            ring.push(|number, _| number);
        }
        assert_eq!(ring.kept.len(), 32);
        assert_eq!(read(&ring, pin, 1), Err(8));
    }

    #[test]
    fn what_is_not_kept_any_more_is_handed_out_when_the_next_comes() {
        let mut ring = ring(2, 1);
        let push = |ring: &mut Ring<u64>| {
            let mut oldest = None;
            ring.push(|number, old| {
                oldest = old;
                number
            });
            oldest
        };
        assert_eq!(push(&mut ring), None);
        assert_eq!(push(&mut ring), Some(1));
        let pin = ring.pin();
        let oldest: Vec<_> = (0..3).map(|_| push(&mut ring)).collect();
        // Those before the pin go, those after it stay.
        assert_eq!(oldest, [Some(2), Some(3), None]);
        assert_eq!(read(&ring, pin, 9), Ok(vec![4, 5, 6]));
        ring.unpin(pin);
        assert_eq!(push(&mut ring), Some(5));
    }

    #[test]
    fn one_who_keeps_all_loses_nothing_and_what_it_has_read_is_let_go() {
        let mut ring = ring(2, 4);
        ring.keep_all(4);
        for _ in 0..40 {
            ring.push(|number, _| number);
        }
        assert_eq!(ring.kept.len(), 40);
        assert_eq!(read(&ring, 4, 1), Ok(vec![5]));
        ring.move_pin(4, 24);
        assert_eq!(ring.kept.len(), 20);
        assert_eq!(read(&ring, 24, 1), Ok(vec![25]));
        ring.keep_no_more(24);
        assert_eq!(ring.kept.len(), 2);
    }

    #[test]
    fn what_is_abandoned_leaves_a_number_out() {
        let mut ring = ring(3, 2);
        assert_eq!(ring.abandon(), [1, 2]);
        assert!(!ring.holds(2));
        ring.push(|number, _| number);
        assert_eq!(ring.revision(), 4);
        assert_eq!(read(&ring, 3, 9), Ok(vec![4]));
        assert_eq!(read(&ring, 2, 9), Err(1));
    }
}
