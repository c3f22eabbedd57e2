//! The one queue of a supervisor, and the seat of its driver: commands of callers, reports of
//! launches and sessions, exits that the root has read, ticks of the timer, in one order.
//!
//! A thread that pushes an item and finds the seat free takes it and drives (`drive`). If the seat
//! is taken, the item stays in the queue, and the present driver handles it. A driver that has done
//! its share hands the seat over to the driver task; so does a thread outside of the runtime. If more
//! comes in than the driver task gets done in its turns, its pusher takes the seat back.
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
//! 2. only the holder of a taken seat drives. One that was handed over is taken by the driver task, or,
//!    while no command waits, by the pusher of an item behind a [`CROWD`];
//! 3. behind the door, once it is shut, nothing is queued any more.

mod queue;
mod verdicts;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::fences::{Messages, NEVER, shrink};
use super::progress::{Progress, RootStage};
use queue::{Door, Queue, Seat};
pub(crate) use verdicts::{Left, Next, Refused, Rest, Turn};

/// Behind so many items a pusher does not wait for the driver task. Before it has its turn, tokio may
/// poll several hundred tasks, and in a storm each of them pushes three items.
const CROWD: usize = 512;

/// The queue of one supervisor. It looks into no item.
#[derive(Debug)]
pub(crate) struct Inbox<I>(Mutex<Queue<I>>);

impl<I> Inbox<I> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Queue::new()))
    }

    /// Pushes an item that waits for nothing but its turn.
    pub(crate) fn push(&self, item: &mut Option<I>) -> Result<Next, Refused> {
        let mut queue = self.lock();
        if queue.door == Door::Shut {
            return Err(Refused);
        }
        Ok(queue.push(item))
    }

    /// Pushes an item for others to handle: the present driver, or the driver task.
    pub(crate) fn leave(&self, item: &mut Option<I>) -> Result<Left, Refused> {
        let mut queue = self.lock();
        if queue.door == Door::Shut {
            return Err(Refused);
        }
        queue.items.extend(item.take());
        if queue.seat != Seat::Free || !queue.commands.is_empty() {
            return Ok(Left::ToOthers);
        }
        queue.seat = Seat::HandedOver;
        Ok(Left::ToDriverTask)
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
        if stage != RootStage::Open || queue.fences.messages == Messages::Refused {
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

    /// Whether a fence is on its way to the root.
    pub(crate) fn is_fence_out(&self) -> bool {
        self.lock().fences.are_out()
    }

    /// The root takes no messages any more: commands need not wait for it.
    pub(crate) fn root_takes_no_more(&self) -> Next {
        let mut queue = self.lock();
        queue.fences.messages = Messages::Refused;
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

    /// The driver task takes the seat, if it was handed over. Answers how many items are queued.
    pub(crate) fn take_over(&self) -> Option<usize> {
        let mut queue = self.lock();
        match queue.seat {
            Seat::HandedOver => {
                queue.seat = Seat::Taken;
                Some(queue.items.len())
            }
            Seat::Free | Seat::Taken => None,
        }
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
        self.lock().shut()
    }

    fn lock(&self) -> MutexGuard<'_, Queue<I>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{CROWD, Inbox, Left, Next, Refused, Rest, Turn};
    use crate::actor::progress::{Progress, RootStage};

    #[derive(Debug)]
    enum Item {
        Tick,
    }

    fn open() -> (Inbox<Item>, Progress) {
        let progress = Progress::new();
        progress.root_is(RootStage::Open);
        (Inbox::new(), progress)
    }

    /// Pushes an item. Answers as well whether it is left to the pusher.
    fn push(inbox: &Inbox<Item>) -> Result<(Next, bool), Refused> {
        let mut item = Some(Item::Tick);
        let next = inbox.push(&mut item)?;
        Ok((next, item.is_some()))
    }

    fn command(inbox: &Inbox<Item>, progress: &Progress) -> Result<Next, Refused> {
        inbox.push_command(&mut Some(Item::Tick), progress)
    }

    /// How many items the driver takes from the queue before it leaves the seat.
    fn drive(inbox: &Inbox<Item>, next: Next) -> usize {
        let driven = (next == Next::Drive).then(|| share(inbox));
        driven.unwrap_or(0)
    }

    fn share(inbox: &Inbox<Item>) -> usize {
        let mut items = std::collections::VecDeque::new();
        while inbox.next(64 - items.len(), Rest::Nothing, &mut items) == Turn::GoOn {}
        items.len()
    }

    #[test]
    fn an_item_waits_for_a_fence_that_the_root_takes_after_it() {
        let (inbox, progress) = open();
        let command = || command(&inbox, &progress).unwrap();
        // The root may take the first one without having asked for exits since.
        assert_eq!(command(), Next::SendFences(2));
        // It may have taken the first one already, and not the second.
        assert_eq!(command(), Next::Nothing);
        assert_eq!(drive(&inbox, inbox.fence_back()), 0);
        assert_eq!(command(), Next::SendFences(1));
        assert_eq!(drive(&inbox, inbox.fence_back()), 2);
        assert_eq!(drive(&inbox, inbox.fence_back()), 1);
        // A message that is none of ours brings nothing forward.
        assert_eq!(drive(&inbox, inbox.fence_back()), 0);
        assert_eq!(command(), Next::SendFences(2));
        assert_eq!(drive(&inbox, inbox.fence_back()), 0);
        assert_eq!(drive(&inbox, inbox.fence_back()), 1);
    }

    #[test]
    fn while_a_command_waits_only_what_came_before_the_last_fence_is_driven() {
        let (inbox, progress) = open();
        assert!(command(&inbox, &progress).is_ok());
        assert_eq!(push(&inbox), Ok((Next::Nothing, false)));
        // The item.
        assert_eq!(drive(&inbox, inbox.fence_back()), 1);
        assert!(command(&inbox, &progress).is_ok());
        assert_eq!(push(&inbox), Ok((Next::Nothing, false)));
        // The item and the first command.
        assert_eq!(drive(&inbox, inbox.fence_back()), 2);
        assert_eq!(push(&inbox), Ok((Next::Nothing, false)));
        assert_eq!(drive(&inbox, inbox.fence_back()), 2);
        assert_eq!(push(&inbox), Ok((Next::Drive, true)));
    }

    #[test]
    fn a_start_does_not_overtake_a_command_that_waits() {
        let (inbox, progress) = open();
        assert!(inbox.take_seat(&progress));
        assert_eq!(drive(&inbox, Next::Drive), 0);
        assert!(command(&inbox, &progress).is_ok());
        assert!(!inbox.take_seat(&progress));
    }

    #[test]
    fn the_release_of_a_killed_session_waits_for_the_proof_that_the_root_was_not_killed() {
        let release = |inbox: &Inbox<Item>, progress: &Progress, killed: bool| {
            let mut item = Some(Item::Tick);
            let next = inbox.push_release(&mut item, progress, || killed);
            (next.unwrap(), item.is_some())
        };
        let (inbox, progress) = open();
        assert_eq!(
            release(&inbox, &progress, false),
            (Next::SendFences(2), false)
        );
        assert_eq!(drive(&inbox, inbox.root_takes_no_more()), 0);
        progress.root_is(RootStage::Gone);
        assert_eq!(release(&inbox, &progress, true), (Next::Nothing, false));
        progress.root_is(RootStage::Reported);
        assert_eq!(drive(&inbox, inbox.pass_all()), 2);
        let (inbox, progress) = (Inbox::new(), Progress::new());
        assert_eq!(release(&inbox, &progress, false), (Next::Drive, true));
        assert_eq!(drive(&inbox, Next::Drive), 0);
        assert_eq!(release(&inbox, &progress, true), (Next::Nothing, false));
        progress.root_is(RootStage::LoopEnded);
        assert_eq!(drive(&inbox, inbox.pass_all()), 1);
    }

    /// Between two turns of the driver task come three items of each of sixty tasks.
    #[test]
    fn more_than_the_driver_task_gets_done_does_not_pile_up() {
        let (inbox, _) = open();
        assert_eq!(push(&inbox), Ok((Next::Drive, true)));
        assert_eq!(inbox.hand_over(&mut Some(Item::Tick)), Ok(()));
        let mut queued = 1;
        for n in 1..10_000 {
            let (next, is_left) = push(&inbox).unwrap();
            queued += usize::from(!is_left);
            if next == Next::Drive || (n % 180 == 0 && inbox.take_over().is_some()) {
                queued -= share(&inbox);
            }
            assert!(queued <= CROWD, "{queued} are queued");
        }
        assert!(queued > 64, "a pusher took the seat back too early");
    }

    /// What comes in then would make the root read more before it sends the fence back.
    #[test]
    fn while_a_command_waits_no_pusher_takes_the_seat_back() {
        let (inbox, progress) = open();
        assert_eq!(push(&inbox), Ok((Next::Drive, true)));
        assert_eq!(inbox.hand_over(&mut None), Ok(()));
        assert!(command(&inbox, &progress).is_ok());
        for _ in 0..2 * CROWD {
            assert_eq!(push(&inbox), Ok((Next::Nothing, false)));
        }
        assert_eq!(inbox.take_over(), Some(2 * CROWD));
        assert_eq!(share(&inbox), 0);
    }

    #[test]
    fn what_is_left_to_others_takes_no_seat() {
        let (inbox, _) = open();
        let leave = || inbox.leave(&mut Some(Item::Tick)).unwrap();
        assert_eq!(leave(), Left::ToDriverTask);
        for _ in 0..2 * CROWD {
            assert_eq!(leave(), Left::ToOthers);
        }
        assert_eq!(inbox.take_over(), Some(2 * CROWD + 1));
    }

    #[test]
    fn behind_a_shut_door_nothing_is_queued_and_what_was_is_handed_back() {
        let (inbox, progress) = open();
        assert_eq!(push(&inbox), Ok((Next::Drive, true)));
        assert_eq!(push(&inbox), Ok((Next::Nothing, false)));
        assert!(command(&inbox, &progress).is_ok());
        assert_eq!(inbox.shut().len(), 2);
        assert!(push(&inbox).is_err());
        assert!(inbox.leave(&mut None).is_err());
        assert!(command(&inbox, &progress).is_err());
        assert!(inbox.push_release(&mut None, &progress, || false).is_err());
        assert!(!inbox.take_seat(&progress));
    }
}
