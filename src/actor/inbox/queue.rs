//! What is in the inbox, and who drives. All of it is under the inbox's lock.

use std::collections::VecDeque;

use super::CROWD;
use super::verdicts::Next;
use crate::actor::fences::{Fenced, Fences, let_through};

/// Who drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    Free,
    Taken,
    /// The driver task has been woken, and takes it, unless a pusher does before.
    HandedOver,
}

/// Whether anything is still queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Open,
    Shut,
}

#[derive(Debug)]
pub(super) struct Queue<I> {
    pub(super) items: VecDeque<I>,
    /// Commands that wait for a fence, and the reports of killed sessions that do. The fences that
    /// each waits for only grow from the first to the last.
    pub(super) commands: VecDeque<Fenced<I>>,
    pub(super) releases: VecDeque<Fenced<I>>,
    /// How many have waited, of both kinds.
    waited: u64,
    pub(super) fences: Fences,
    /// How many items may be driven while commands wait.
    pub(super) granted: usize,
    pub(super) seat: Seat,
    pub(super) door: Door,
}

impl<I> Queue<I> {
    pub(super) const fn new() -> Self {
        Self {
            items: VecDeque::new(),
            commands: VecDeque::new(),
            releases: VecDeque::new(),
            waited: 0,
            fences: Fences::new(),
            granted: 0,
            seat: Seat::Free,
            door: Door::Open,
        }
    }

    pub(super) fn push(&mut self, item: &mut Option<I>) -> Next {
        match self.seat {
            Seat::Free if self.commands.is_empty() => {
                self.seat = Seat::Taken;
                Next::Drive
            }
            Seat::HandedOver if self.commands.is_empty() && self.items.len() >= CROWD => {
                self.items.extend(item.take());
                self.seat = Seat::Taken;
                Next::Drive
            }
            Seat::Free | Seat::Taken | Seat::HandedOver => {
                self.items.extend(item.take());
                Next::Nothing
            }
        }
    }

    /// For how many fences an item waits that is pushed now, and how many to send for that.
    pub(super) fn fence(&mut self) -> (u64, Next) {
        match self.fences.next() {
            (after, 0) => (after, Next::Nothing),
            (after, missing) => (after, Next::SendFences(missing)),
        }
    }

    pub(super) fn let_through(&mut self, open: impl Fn(&Fenced<I>) -> bool) {
        let waiting = [&mut self.releases, &mut self.commands];
        let_through(waiting, &mut self.items, open);
    }

    /// What waits behind all that waits already.
    pub(super) fn fenced(&mut self, item: &mut Option<I>, after: u64) -> Option<Fenced<I>> {
        let place = self.waited;
        self.waited += 1;
        item.take().map(|item| Fenced { item, place, after })
    }

    pub(super) fn drive(&mut self) -> Next {
        if self.items.is_empty() || self.seat != Seat::Free {
            return Next::Nothing;
        }
        self.seat = Seat::Taken;
        Next::Drive
    }

    /// Nothing is queued any more. Answers what was.
    pub(super) fn shut(&mut self) -> Vec<I> {
        self.door = Door::Shut;
        let mut left = Vec::from(std::mem::take(&mut self.items));
        for fenced in [&mut self.releases, &mut self.commands] {
            let fenced = std::mem::take(fenced);
            left.extend(fenced.into_iter().map(|fenced| fenced.item));
        }
        left
    }
}
