//! The timers of many children, one each: a heap that knows where each child's entry is.
//!
//! A timer that is set and removed costs no allocation. In a mass stop that matters: in the heap of
//! a million sessions that have just been dropped, an allocation costs more than all the rest of a
//! stop.
//!
//! A step of a child sets its timer several times on the way to what it leaves. So the timer that was
//! set last waits outside of the heap until another one is set, or until the heap is asked.
//!
//! Invariants: an entry is not earlier than the one above it; `places` says where each entry is.
//!
//! What a timer means follows from the child's phase.

use super::moment::Moment;

/// Not in the heap.
const NONE: u32 = u32::MAX;

#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: Vec<(Moment, u32)>,
    /// By slot.
    places: Vec<u32>,
    /// The timer that was set last, if the heap does not have it yet.
    open: Option<(u32, Option<Moment>)>,
}

impl Timers {
    /// The earliest timer and whose it is; of two at one moment the one of the lower slot. All that
    /// were set have to be [flushed](Self::flush).
    pub(super) fn first(&self) -> Option<(Moment, u32)> {
        debug_assert!(self.open.is_none(), "a timer is set and not flushed");
        self.heap.first().copied()
    }

    /// The timer of a slot.
    pub(super) fn of(&self, slot: u32) -> Option<Moment> {
        debug_assert!(self.open.is_none(), "a timer is set and not flushed");
        let place = self.places.get(slot as usize).copied().unwrap_or(NONE);
        self.heap.get(place as usize).map(|(at, _)| *at)
    }

    /// Sets or removes the timer of a slot.
    #[inline]
    pub(super) fn set(&mut self, slot: u32, at: Option<Moment>) {
        if let Some((open, before)) = &mut self.open
            && *open == slot
        {
            *before = at;
            return;
        }
        if let Some((slot, at)) = self.open.replace((slot, at)) {
            self.put_in(slot, at);
        }
    }

    /// Puts into the heap what was set.
    #[inline]
    pub(super) fn flush(&mut self) {
        if let Some((slot, at)) = self.open.take() {
            self.put_in(slot, at);
        }
    }

    fn put_in(&mut self, slot: u32, at: Option<Moment>) {
        let place = self.places.get(slot as usize).copied().unwrap_or(NONE);
        match (place, at) {
            (NONE, None) => {}
            (NONE, Some(at)) => {
                if self.places.len() <= slot as usize {
                    self.places.resize(slot as usize + 1, NONE);
                }
                self.heap.push((at, slot));
                self.rise(self.heap.len() - 1);
            }
            (place, Some(at)) => {
                let place = place as usize;
                let earlier = (at, slot) < self.heap[place];
                self.heap[place] = (at, slot);
                if earlier {
                    self.rise(place);
                } else {
                    self.sink(place);
                }
            }
            (place, None) => {
                let place = place as usize;
                let removed = self.heap.swap_remove(place);
                self.places[slot as usize] = NONE;
                if let Some(moved) = self.heap.get(place) {
                    if *moved < removed {
                        self.rise(place);
                    } else {
                        self.sink(place);
                    }
                }
            }
        }
    }

    /// Moves an entry up to its place.
    fn rise(&mut self, mut at: usize) {
        let entry = self.heap[at];
        while at > 0 {
            let above = (at - 1) / 2;
            if self.heap[above] <= entry {
                break;
            }
            self.put(at, self.heap[above]);
            at = above;
        }
        self.put(at, entry);
    }

    /// Moves an entry down to its place. Most belong far below, so it goes all the way without a look
    /// at the entry, and from there up.
    fn sink(&mut self, mut at: usize) {
        let (top, entry) = (at, self.heap[at]);
        loop {
            let left = 2 * at + 1;
            let Some(mut below) = self.heap.get(left).copied() else {
                break;
            };
            let mut next = left;
            if let Some(right) = self.heap.get(left + 1)
                && *right < below
            {
                (below, next) = (*right, left + 1);
            }
            self.put(at, below);
            at = next;
        }
        while at > top {
            let above = (at - 1) / 2;
            if self.heap[above] <= entry {
                break;
            }
            self.put(at, self.heap[above]);
            at = above;
        }
        self.put(at, entry);
    }

    fn put(&mut self, at: usize, entry: (Moment, u32)) {
        self.heap[at] = entry;
        self.places[entry.1 as usize] = u32::try_from(at).unwrap_or(NONE);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::{Moment, Timers};

    #[test]
    fn it_is_a_sorted_map_from_slots_to_moments() {
        let mut timers = Timers::default();
        let mut model: BTreeMap<u32, Moment> = BTreeMap::new();
        let mut random = 7_u64;
        let mut next = |below: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) % below
        };
        for _ in 0..200_000 {
            let slot = u32::try_from(next(300)).expect("small");
            let at = (next(3) > 0).then(|| Moment::new(Duration::from_nanos(next(1_000))));
            timers.set(slot, at);
            match at {
                Some(at) => model.insert(slot, at),
                None => model.remove(&slot),
            };
            if next(2) == 0 {
                // More are set before the heap is asked.
                continue;
            }
            timers.flush();
            let first = model.iter().map(|(slot, at)| (*at, *slot)).min();
            assert_eq!(timers.first(), first);
        }
    }
}
