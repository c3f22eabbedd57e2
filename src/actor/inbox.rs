//! The one queue of a supervisor, and the seat of its driver: commands of callers, reports of
//! launches and sessions, exits that the root has read, ticks of the timer, in one order.
//!
//! A thread that pushes an item and finds the seat free takes it and drives (`drive`). If the seat
//! is taken, the item stays in the queue, and the present driver handles it. A driver that has done
//! its share hands the seat over to the driver task; so does a thread outside of the runtime.
//! An item is large, so it stays in its pusher's place unless it is queued.
//!
//! Some items wait for a **fence** first: a message to the root that comes back. ractor asks the root
//! for its own kill first, then for exits, then for messages. So an item behind a fence, which is the
//! second message that comes back after it, is handled after every exit that its pusher can have
//! seen, and never if the root was killed before it was pushed.
//!
//! Invariants, all under the one lock:
//! 1. the seat is free only while `items` is empty, or while a command waits for its fence: then
//!    only what came before the last fence that has come back is driven, so that no restart makes
//!    new events which the root would have to read first;
//! 2. only the holder of a taken seat drives; one that was handed over is the driver task's;
//! 3. behind the door, once it is shut, nothing is queued any more.

mod verdicts;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::fences::{Fenced, Fences, Hearing, NEVER, let_through, shrink};
use super::progress::{Progress, RootStage};
pub(crate) use verdicts::{Next, Refused, Rest, Turn};

/// Who drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seat {
    Free,
    Taken,
    /// The driver task has been woken, and takes it.
    HandedOver,
}

/// Whether anything is still queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Open,
    Shut,
}

/// The queue of one supervisor. It looks into no item.
#[derive(Debug)]
pub(crate) struct Inbox<I>(Mutex<Queue<I>>);

#[derive(Debug)]
struct Queue<I> {
    items: VecDeque<I>,
    /// Commands that wait for a fence, and the reports of killed sessions that do. The fences that
    /// each waits for only grow from the first to the last.
    commands: VecDeque<Fenced<I>>,
    releases: VecDeque<Fenced<I>>,
    /// So many have waited, of both kinds.
    waited: u64,
    fences: Fences,
    /// So many items may be driven while commands wait.
    granted: usize,
    seat: Seat,
    door: Door,
}

impl<I> Inbox<I> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Queue {
            items: VecDeque::new(),
            commands: VecDeque::new(),
            releases: VecDeque::new(),
            waited: 0,
            fences: Fences::new(),
            granted: 0,
            seat: Seat::Free,
            door: Door::Open,
        }))
    }

    /// Pushes an item that waits for nothing but its turn.
    pub(crate) fn push(&self, item: &mut Option<I>) -> Result<Next, Refused> {
        let mut queue = self.lock();
        if queue.door == Door::Shut {
            return Err(Refused);
        }
        Ok(queue.push(item))
    }

    /// Pushes a command behind a fence, for the exits that its caller may have seen. A root that
    /// reads no messages does not hold it up.
    pub(crate) fn push_command(
        &self,
        item: &mut Option<I>,
        progress: &Progress,
    ) -> Result<Next, Refused> {
        let mut queue = self.lock();
        let stage = progress.root();
        if queue.door == Door::Shut || stage >= RootStage::Gone {
            return Err(Refused);
        }
        if stage != RootStage::Open || queue.fences.hearing == Hearing::Deaf {
            return Ok(queue.push(item));
        }
        let (after, next) = queue.fence();
        let fenced = queue.fenced(item, after);
        queue.commands.extend(fenced);
        Ok(next)
    }

    /// Pushes the report of a killed session behind a fence, for the proof that the root was not
    /// killed before it: ractor then kills the sessions, and no event tells of that. Only the end
    /// of the root's loop, or of the root, can stand in for the proof. `killed`: whether a root
    /// that is starting shows its end. It may show that a moment after ractor has killed the
    /// sessions. What passes by then is taken for a crash, and the launch that follows is refused
    /// its link.
    pub(crate) fn push_release(
        &self,
        item: &mut Option<I>,
        progress: &Progress,
        killed: impl FnOnce() -> bool,
    ) -> Result<Next, Refused> {
        let mut queue = self.lock();
        if queue.door == Door::Shut {
            return Err(Refused);
        }
        let (after, next) = match progress.root() {
            RootStage::LoopEnded | RootStage::Reported => return Ok(queue.push(item)),
            RootStage::Starting if !killed() => return Ok(queue.push(item)),
            RootStage::Starting | RootStage::Gone => (NEVER, Next::Nothing),
            RootStage::Open => queue.fence(),
        };
        let fenced = queue.fenced(item, after);
        queue.releases.extend(fenced);
        Ok(next)
    }

    /// Takes the seat for a caller's command that needs no fence, if it is free and the root is not
    /// gone. Commands that wait for one were asked before it.
    #[inline]
    pub(crate) fn take_seat(&self, progress: &Progress) -> bool {
        let mut queue = self.lock();
        let free = queue.seat == Seat::Free
            && queue.commands.is_empty()
            && queue.door == Door::Open
            && progress.root() < RootStage::Gone;
        if free {
            queue.seat = Seat::Taken;
        }
        free
    }

    /// A fence has come back from the root.
    pub(crate) fn fence_back(&self) -> Next {
        let mut queue = self.lock();
        let back = queue.fences.back();
        queue.let_through(|fenced| fenced.after <= back);
        queue.granted = queue.items.len();
        queue.drive()
    }

    /// The root takes no messages any more: commands need not wait for it.
    pub(crate) fn root_is_deaf(&self) -> Next {
        let mut queue = self.lock();
        queue.fences.hearing = Hearing::Deaf;
        let commands = std::mem::take(&mut queue.commands);
        let commands = commands.into_iter().map(|fenced| fenced.item);
        queue.items.extend(commands);
        queue.drive()
    }

    /// The root's loop has ended, or the root has: nothing waits for it any more.
    pub(crate) fn pass_all(&self) -> Next {
        let mut queue = self.lock();
        queue.let_through(|_| true);
        queue.drive()
    }

    /// Leaves the seat, and what was to be handled first, to the driver task, which has to be
    /// woken.
    pub(crate) fn hand_over(&self, first: &mut Option<I>) -> Result<(), Refused> {
        let mut queue = self.lock();
        queue.seat = Seat::HandedOver;
        if first.is_some() && queue.door == Door::Shut {
            return Err(Refused);
        }
        if let Some(item) = first.take() {
            queue.granted += 1;
            queue.items.push_front(item);
        }
        Ok(())
    }

    /// What the driver task takes over, if it was handed the seat.
    pub(crate) fn take_over(&self) -> Next {
        let mut queue = self.lock();
        if queue.seat != Seat::HandedOver {
            return Next::Nothing;
        }
        queue.seat = Seat::Taken;
        Next::Drive
    }

    /// Whether the driver task has been handed the seat and has not taken it yet.
    pub(crate) fn is_handed_over(&self) -> bool {
        self.lock().seat == Seat::HandedOver
    }

    /// The driver's next items, at most `budget`. Without any, and with nothing else to do, it
    /// leaves the seat.
    #[inline]
    pub(crate) fn next(&self, budget: usize, rest: Rest, into: &mut VecDeque<I>) -> Turn {
        let mut queue = self.lock();
        let queue = &mut *queue;
        let open = if queue.commands.is_empty() {
            queue.items.len()
        } else {
            queue.granted.min(queue.items.len())
        };
        if rest == Rest::Nothing && open == 0 {
            queue.seat = Seat::Free;
            shrink(&mut queue.items);
            return Turn::Done;
        }
        if budget == 0 {
            queue.seat = Seat::HandedOver;
            return Turn::HandOver;
        }
        let count = budget.min(open);
        queue.granted = queue.granted.saturating_sub(count);
        into.extend(queue.items.drain(..count));
        Turn::GoOn
    }

    /// Ends: what is still queued is handed back, to be dropped outside the lock.
    pub(crate) fn shut(&self) -> Vec<I> {
        let mut queue = self.lock();
        queue.door = Door::Shut;
        let queue = &mut *queue;
        let mut left = Vec::from(std::mem::take(&mut queue.items));
        for fenced in [&mut queue.releases, &mut queue.commands] {
            let fenced = std::mem::take(fenced);
            left.extend(fenced.into_iter().map(|fenced| fenced.item));
        }
        left
    }

    fn lock(&self) -> MutexGuard<'_, Queue<I>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<I> Queue<I> {
    fn push(&mut self, item: &mut Option<I>) -> Next {
        match self.seat {
            Seat::Free if self.commands.is_empty() => {
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
    fn fence(&mut self) -> (u64, Next) {
        match self.fences.next() {
            (after, 0) => (after, Next::Nothing),
            (after, missing) => (after, Next::SendFences(missing)),
        }
    }

    fn let_through(&mut self, open: impl Fn(&Fenced<I>) -> bool) {
        let waiting = [&mut self.releases, &mut self.commands];
        let_through(waiting, &mut self.items, open);
    }

    /// What waits behind all that waits already.
    fn fenced(&mut self, item: &mut Option<I>, after: u64) -> Option<Fenced<I>> {
        let place = self.waited;
        self.waited += 1;
        item.take().map(|item| Fenced { item, place, after })
    }

    fn drive(&mut self) -> Next {
        if self.items.is_empty() || self.seat != Seat::Free {
            return Next::Nothing;
        }
        self.seat = Seat::Taken;
        Next::Drive
    }
}

#[cfg(test)]
mod tests;
