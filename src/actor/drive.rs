//! Driving: feeds items to the engine, carries out its effects, and arms the one timer.
//!
//! The holder of the inbox's seat drives: the thread that pushed an item and found the seat free,
//! if it is in the supervisor's runtime, or the driver task. A pusher hands the seat over to the driver
//! task after [`BUDGET`] items, so no caller works for others without end. Driving never awaits and
//! runs no user code: values of the user's are dropped, callers are answered and the log is written
//! after the lock is released (`outbox`).

mod broken;

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use super::carry;
use super::driver::{Begin, Drained, Ended, Taken, Timer};
use super::fences::shrink;
use super::inbox::{Rest, Turn};
use super::log;
use super::outbox::Outbox;
use super::progress::RootStage;
use super::shared::{Actors, Driver, Item, Machine, Shared};
use super::unwind::guard;
use crate::engine::{Listening, Moment};

/// A pusher takes at most this many items before the rest is left to the driver task. So many are taken
/// from the inbox at once.
const BUDGET: usize = 64;

/// The driver task takes at most this many in one turn, and begins no more of them after
/// [`LONG_TURN`]. With a share as small as a pusher's it would fall behind as soon as more came in
/// between two of its turns, and never catch up while that lasts.
const SHARE: usize = 1_024;

/// In a turn of the driver task its thread does nothing else.
const LONG_TURN: Duration = Duration::from_millis(2);

/// At most this many steps of what is due without an item (a page of a list, a part of a stop) are done
/// in one drive. So a small stop is told to all in one drive, and a long list lets others in between.
const STEPS: usize = 4;

impl Driver {
    /// Ends: what the engine holds is handed over, to be dropped outside the lock, and what became
    /// of all.
    pub(super) fn end(
        &mut self,
        outbox: &mut Outbox<'_>,
    ) -> (Option<Ended<Actors>>, Drained<Actors>) {
        self.lists.drop_all(&mut self.machine, outbox);
        for value in self.machine.take_apart() {
            outbox.discard(value);
        }
        self.machine = Machine::idle();
        self.free_room();
        self.engine = Taken::Apart;
        (self.ended.take(), self.drained.take().unwrap_or_default())
    }

    #[cold]
    fn free_room(&mut self) {
        self.room = Vec::new();
    }
}

impl Shared {
    pub(super) fn lock_driver(&self) -> MutexGuard<'_, Driver> {
        self.driver.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drives. The caller holds the seat. Answers how many tasks of others were made or woken on
    /// this thread: a caller that is about to run a user's code has to [step
    /// aside](Self::step_aside) for them.
    #[inline]
    pub(super) fn drive(self: &Arc<Self>, first: &mut Option<Item>) -> usize {
        self.drive_from(first, Begin::Handle, BUDGET)
    }

    /// Drives for a start of an id that is new. What is not handled is left where it was.
    #[inline]
    pub(super) fn drive_if_new(self: &Arc<Self>, first: &mut Option<Item>) {
        self.drive_from(first, Begin::IfNew, BUDGET);
    }

    /// Drives for the driver task, if it was handed the seat.
    ///
    /// It goes on until nothing is left, and then each thread handles what its own sessions push, which
    /// its cache still holds. In a stop it takes no more than was queued and hands the rest over again:
    /// there it is cheaper that one thread does all of the driving, in large parts.
    pub(super) fn take_over(self: &Arc<Self>) {
        if let Some(queued) = self.inbox.take_over() {
            let budget = if self.is_stopping() {
                queued.clamp(BUDGET, SHARE)
            } else {
                SHARE
            };
            self.drive_from(&mut None, Begin::Handle, budget);
        }
    }

    fn drive_from(
        self: &Arc<Self>,
        first: &mut Option<Item>,
        begin: Begin,
        budget: usize,
    ) -> usize {
        let mut outbox = Outbox::of(self);
        let driven = {
            let mut driver = self.lock_driver();
            let driver = &mut *driver;
            guard(|| {
                self.look_who_listens(driver);
                outbox.take_room(&mut driver.room);
                self.begin(driver, first, begin, &mut outbox);
                let turn = self.go_round(driver, budget, &mut outbox);
                outbox.publish();
                outbox.leave_room(&mut driver.room);
                turn
            })
        };
        let woken = match driven {
            Ok(Turn::HandOver) => {
                self.wake.notify_one();
                1
            }
            Ok(Turn::Done | Turn::GoOn) => 0,
            Err(panicked) => self.broken(panicked),
        };
        woken + outbox.flush(self)
    }

    /// Handles what the drive begins with.
    #[inline]
    fn begin(
        self: &Arc<Self>,
        driver: &mut Driver,
        first: &mut Option<Item>,
        begin: Begin,
        outbox: &mut Outbox<'_>,
    ) {
        if first.is_none() {
            return;
        }
        let now = self.clock.now();
        outbox.at(now);
        match (begin, first.take()) {
            (Begin::Handle, Some(item)) => self.handle(now, driver, item, outbox),
            (Begin::IfNew, Some(Item::Input(input))) => {
                *first = driver.machine.handle_if_new(now, input).map(Item::Input);
                carry::out_all(self, driver, outbox);
            }
            (Begin::IfNew, item) => *first = item,
            (Begin::Handle, None) => {}
        }
    }

    /// Does what is due, then the next items, until nothing is left or the budget is used up.
    #[inline]
    fn go_round(
        self: &Arc<Self>,
        driver: &mut Driver,
        mut budget: usize,
        outbox: &mut Outbox<'_>,
    ) -> Turn {
        let step = budget / STEPS;
        let mut end = None;
        loop {
            let rest = self.step(driver, outbox);
            if rest == Rest::Work {
                budget = budget.saturating_sub(step);
            }
            let share = budget.min(BUDGET);
            match self.inbox.next(share, rest, &mut driver.items) {
                Turn::GoOn => {}
                turn => {
                    shrink(&mut driver.items);
                    return turn;
                }
            }
            let now = self.clock.now();
            outbox.at(now);
            let end = *end.get_or_insert(now.after(LONG_TURN));
            budget = if now < end {
                budget.saturating_sub(driver.items.len())
            } else {
                0
            };
            // One by one, so that a fault leaves the others where they are.
            while let Some(item) = driver.items.pop_front() {
                self.handle(now, driver, item, outbox);
            }
        }
    }

    fn handle(
        self: &Arc<Self>,
        now: Moment,
        driver: &mut Driver,
        item: Item,
        outbox: &mut Outbox<'_>,
    ) {
        if driver.engine == Taken::Apart {
            return outbox.discard_item(item);
        }
        match item {
            Item::Input(input) => {
                driver.machine.handle(now, input);
                carry::out_all(self, driver, outbox);
            }
            Item::Query(query) if self.progress.root() < RootStage::Gone => {
                // One that begins to listen does so after what was told so far.
                outbox.publish();
                driver.lists.ask(&mut driver.machine, query, outbox);
                self.look_who_listens(driver);
            }
            item @ Item::Query(_) => outbox.discard_item(item),
            Item::Tick => driver.timer = Timer::Fired,
        }
    }

    /// The engine tells each step while somebody listens. If nobody does any more, the room for events
    /// is freed.
    #[inline]
    fn look_who_listens(&self, driver: &mut Driver) {
        let listened = self.feed().is_some_and(|feed| feed.is_listened());
        if !listened && driver.room.capacity() > 0 {
            driver.free_room();
        }
        driver.machine.listen(if listened {
            Listening::On
        } else {
            log::listening()
        });
    }

    /// The timer has fired.
    pub(super) fn tick(self: &Arc<Self>) {
        self.lock_driver().disarm();
        self.push(Item::Tick);
    }

    /// One step of what is due, and of the lists.
    #[inline]
    fn step(self: &Arc<Self>, driver: &mut Driver, outbox: &mut Outbox<'_>) -> Rest {
        let mut due = driver.machine.poll_timeout();
        if driver.timer == Timer::Fired || due == Some(Moment::START) {
            let now = self.clock.now();
            outbox.at(now);
            let is_due = |due: Option<Moment>| due.is_some_and(|at| at <= now);
            if is_due(due) {
                match driver.timer {
                    Timer::Fired => driver.machine.handle_timeout(now),
                    Timer::Off | Timer::Armed(_) => driver.machine.proceed(now),
                }
                carry::out_all(self, driver, outbox);
                due = driver.machine.poll_timeout();
            }
            if driver.timer == Timer::Fired && !is_due(due) {
                driver.timer = Timer::Off;
            }
        }
        let mut goes_on = driver.timer == Timer::Fired || due == Some(Moment::START);
        if !driver.lists.is_empty() {
            if self.progress.root() >= RootStage::Gone {
                driver.lists.drop_all(&mut driver.machine, outbox);
            }
            driver.lists.page(&mut driver.machine, outbox);
            goes_on |= !driver.lists.is_empty();
        }
        if goes_on {
            return Rest::Work;
        }
        if let Some(at) = due
            && driver.armed().is_none_or(|armed| at < armed)
        {
            driver.timer = Timer::Armed(at);
            self.wake.notify_one();
        }
        Rest::Nothing
    }
}
