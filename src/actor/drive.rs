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

use tokio::sync::oneshot;

use super::carry;
use super::inbox::{Item, Next, Query, Rest, Stage};
use super::leftovers::Leftovers;
use super::plan::{Sessions, Ticket};
use super::shared::Shared;
use crate::SessionId;
use crate::engine::{Cursor, Engine, Info, Moment, SessionState, Settings, ShutdownReport};
use crate::info::SessionInfo;

/// At most this many items are taken before the rest is left to the bell.
const BUDGET: usize = 64;

/// So many entries of a list are taken in one step, so that others are answered in between.
const PAGE: usize = 256;

/// What the holder of the token works with.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(super) engine: Engine<Sessions>,
    settings: Settings,
    lists: VecDeque<List>,
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
    pub(super) tickets: Vec<Ticket>,
}

#[derive(Debug)]
struct List {
    cursor: Cursor,
    taken: Vec<SessionInfo>,
    reply: oneshot::Sender<Vec<SessionInfo>>,
}

impl Driver {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            engine: Engine::new(settings),
            settings,
            lists: VecDeque::new(),
            items: VecDeque::new(),
            armed: None,
            ended: None,
        }
    }

    fn query(&mut self, query: Query, leftovers: &mut Leftovers) {
        match query {
            Query::Info(id, reply) => {
                let info = self.engine.info(&id).map(|info| tell(&info));
                if let Err(Some(info)) = reply.send(info) {
                    leftovers.untold([info]);
                }
            }
            Query::Count(reply) => drop(reply.send(self.engine.counts())),
            Query::List(reply) => {
                let list = List {
                    cursor: self.engine.open_list(),
                    taken: Vec::with_capacity(self.engine.counts().specs),
                    reply,
                };
                self.lists.push_back(list);
            }
        }
    }

    /// One page of the list that has waited longest.
    fn page(&mut self, leftovers: &mut Leftovers) {
        let Some(mut list) = self.lists.pop_front() else {
            return;
        };
        for _ in 0..PAGE {
            match self.engine.next_in_list(&list.cursor) {
                Some(Some(info)) => list.taken.push(tell(&info)),
                Some(None) => {}
                None => {
                    self.engine.close_list(list.cursor);
                    if let Err(taken) = list.reply.send(list.taken) {
                        leftovers.untold(taken);
                    }
                    return;
                }
            }
        }
        self.lists.push_back(list);
    }

    /// Ends: the engine is handed over, to be dropped outside the lock, and what became of all.
    pub(super) fn end(&mut self, leftovers: &mut Leftovers) -> (Engine<Sessions>, Option<Ended>) {
        self.drop_lists(leftovers);
        let empty = Engine::new(self.settings);
        (
            std::mem::replace(&mut self.engine, empty),
            self.ended.take(),
        )
    }

    /// Drops the questions that will not be answered any more.
    fn drop_lists(&mut self, leftovers: &mut Leftovers) {
        for list in std::mem::take(&mut self.lists) {
            self.engine.close_list(list.cursor);
            leftovers.untold(list.taken);
        }
    }

    /// When the timer rings.
    pub(super) const fn armed(&self) -> Option<Moment> {
        self.armed
    }
}

fn tell(info: &Info<'_, Sessions>) -> SessionInfo {
    let cell = match info.state {
        SessionState::Running | SessionState::Stopping | SessionState::Zombie => {
            info.life.and_then(|life| life.cell()).cloned()
        }
        SessionState::Starting | SessionState::Restarting | SessionState::Parked => None,
    };
    SessionInfo {
        id: SessionId::checked(Arc::clone(info.id)),
        state: info.state,
        incarnation: info.incarnation,
        restarts: info.restarts,
        cell,
        last_exit: info.last_exit.cloned(),
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
        let mut leftovers = Leftovers::default();
        let mut budget = BUDGET;
        let next = loop {
            let rest = self.step(&mut budget, &mut leftovers);
            if rest == Rest::Work {
                budget = 0;
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
    fn step(self: &Arc<Self>, budget: &mut usize, leftovers: &mut Leftovers) -> Rest {
        let mut driver = self.lock_driver();
        let driver = &mut *driver;
        let mut items = std::mem::take(&mut driver.items);
        let stage = self.inbox.take(*budget, &mut items);
        *budget -= items.len().min(*budget);
        let now = self.clock.now();
        for item in items.drain(..) {
            match item {
                Item::Input(input) => {
                    driver.engine.handle(now, input);
                    carry::out_all(self, driver, leftovers);
                }
                Item::Query(query) if stage < Stage::RootGone => driver.query(query, leftovers),
                Item::Query(query) => drop(query),
                Item::Tick => {}
            }
        }
        driver.items = items;
        if driver.engine.poll_timeout().is_some_and(|at| at <= now) {
            driver.engine.handle_timeout(now);
            carry::out_all(self, driver, leftovers);
        }
        if stage >= Stage::RootGone {
            driver.drop_lists(leftovers);
        }
        driver.page(leftovers);
        let wake = driver.engine.poll_timeout();
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
