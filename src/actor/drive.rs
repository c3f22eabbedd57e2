//! Driving: takes items from the inbox, feeds the engine, carries out its effects, and arms the one
//! timer.
//!
//! Who drives: whoever holds the token. A report that finds nobody driving is driven by whoever
//! pushed it; a command rings the root's bell; what is left after [`BUDGET`] items goes to the bell,
//! which the root hears while its loop runs and the undertaker after that. Driving never awaits and
//! runs no user code: values of the user's are dropped in a task of their own.
//!
//! Absent on purpose: decisions.

use std::collections::VecDeque;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::carry;
use super::inbox::{Item, Next, Rest, Stage};
use super::leftovers::Leftovers;
use super::machine::Machine;
use super::plan::Ticket;
use super::shared::Shared;
use super::tell::Lists;
use crate::engine::{Moment, ShutdownReport, StopCause};

/// At most this many items are taken before the rest is left to the bell.
const BUDGET: usize = 64;

/// A step of what is due without an item (a page of a list, a part of a stop) counts as so many. So a
/// small stop is told to all in one drive, and a long list lets others in between.
const STEP: usize = 16;

/// What the holder of the token works with.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(super) machine: Machine,
    lists: Lists,
    /// Kept for its memory.
    items: VecDeque<Item>,
    /// When the undertaker's timer rings.
    armed: Option<Moment>,
    pub(super) ended: Option<Ended>,
}

/// How the supervisor ended, for those who wait for that.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) report: ShutdownReport,
    pub(super) cause: StopCause,
    pub(super) tickets: Vec<Ticket>,
}

impl Driver {
    pub(super) fn new(machine: Machine) -> Self {
        Self {
            machine,
            lists: Lists::default(),
            items: VecDeque::new(),
            armed: None,
            ended: None,
        }
    }

    /// Ends: the engine is handed over, to be dropped outside the lock, and what became of all.
    pub(super) fn end(&mut self, leftovers: &mut Leftovers<'_>) -> (Machine, Option<Ended>) {
        self.lists.drop_all(&mut self.machine, leftovers);
        let machine = std::mem::replace(&mut self.machine, Machine::idle());
        (machine, self.ended.take())
    }

    /// When the timer rings.
    pub(super) const fn armed(&self) -> Option<Moment> {
        self.armed
    }
}

impl Shared {
    pub(super) fn lock_driver(&self) -> MutexGuard<'_, Driver> {
        self.driver.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drives. The caller holds the token.
    pub(super) fn drive(self: &Arc<Self>) {
        // The pusher may be a task of another runtime, or of none.
        let _runtime = self.runtime().enter();
        let mut leftovers = Leftovers::of(self);
        let mut budget = BUDGET;
        let next = loop {
            let rest = self.step(&mut budget, &mut leftovers);
            if rest == Rest::Work {
                budget = budget.saturating_sub(STEP);
            }
            match self.inbox.pause(rest, budget) {
                Next::Drive => {}
                next => break next,
            }
        };
        leftovers.settle(self);
        self.go_on(next);
    }

    /// Feeds what is queued to the engine, then does one step of what is due.
    fn step(self: &Arc<Self>, budget: &mut usize, leftovers: &mut Leftovers<'_>) -> Rest {
        let mut driver = self.lock_driver();
        let driver = &mut *driver;
        let mut items = std::mem::take(&mut driver.items);
        let stage = self.inbox.take(*budget, &mut items);
        *budget -= items.len().min(*budget);
        let now = self.clock.now();
        for item in items.drain(..) {
            match item {
                Item::Input(input) => {
                    driver.machine.handle(now, input);
                    carry::out_all(self, driver, leftovers);
                }
                Item::Query(query) if stage < Stage::RootGone => {
                    driver.lists.ask(&mut driver.machine, query, leftovers);
                }
                Item::Query(query) => drop(query),
                Item::Tick => {}
            }
        }
        driver.items = items;
        if driver.machine.poll_timeout().is_some_and(|at| at <= now) {
            driver.machine.handle_timeout(now);
            carry::out_all(self, driver, leftovers);
        }
        if stage >= Stage::RootGone {
            driver.lists.drop_all(&mut driver.machine, leftovers);
        }
        driver.lists.page(&mut driver.machine, leftovers);
        let wake = driver.machine.poll_timeout();
        if wake.is_some_and(|at| at <= now) || !driver.lists.is_empty() {
            return Rest::Work;
        }
        if let Some(at) = wake
            && driver.armed.is_none_or(|armed| at < armed)
        {
            driver.armed = Some(at);
            self.bell.notify_one();
        }
        Rest::Nothing
    }

    /// The timer has rung.
    pub(super) fn tick(self: &Arc<Self>) {
        self.lock_driver().armed = None;
        let next = self.inbox.report(Item::Tick);
        self.go_on(next);
    }
}
