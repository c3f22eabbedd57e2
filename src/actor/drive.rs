//! Driving: takes items from the inbox, feeds the engine, carries out its effects, and arms the one
//! timer.
//!
//! The holder of the token drives. A report that finds the token free is driven by the thread that
//! pushed it. A command wakes the root. What is left after [`BUDGET`] items waits for the next
//! wake-up, which the root handles while its loop runs and the driver task after that. Driving
//! never awaits and runs no user code: values of the user's are dropped, callers are answered and
//! the log is written elsewhere (`outbox`).

use std::collections::VecDeque;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::carry;
use super::inbox::{Item, Next, Rest, Stage};
use super::log::Line;
use super::machine::Machine;
use super::outbox::Outbox;
use super::plan::Ticket;
use super::query::Lists;
use super::shared::Shared;
use super::unwind::{Panicked, guard};
use crate::engine::{Caller, Discard, Moment, ShutdownReport, StopCause};

/// At most this many items are taken before the rest is left to the next wake-up.
const BUDGET: usize = 64;

/// A step of what is due without an item (a page of a list, a part of a stop) counts as so many. So
/// a small stop is told to all in one drive, and a long list lets others in between.
const STEP: usize = 16;

/// What the holder of the token works with.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(super) machine: Machine,
    lists: Lists,
    /// Kept for its memory.
    items: VecDeque<Item>,
    /// When the driver task's timer fires.
    armed: Option<Moment>,
    /// Whether the timer has rung and not all that was due is done. What is due is left to the timer, since
    /// that gives others their turns first.
    ticking: bool,
    pub(super) ended: Option<Ended>,
}

/// How the supervisor ended, for those who wait for that.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) report: ShutdownReport,
    pub(super) cause: StopCause,
    pub(super) tickets: Vec<Ticket<ShutdownReport>>,
}

impl Driver {
    pub(super) fn new(machine: Machine) -> Self {
        Self {
            machine,
            lists: Lists::default(),
            items: VecDeque::new(),
            armed: None,
            ticking: false,
            ended: None,
        }
    }

    /// Ends: what the engine holds is handed over, to be dropped outside the lock, and what became
    /// of all.
    pub(super) fn end(&mut self, outbox: &mut Outbox<'_>) -> Option<Ended> {
        self.lists.drop_all(&mut self.machine, outbox);
        for value in self.machine.take_apart() {
            outbox.discard(value);
        }
        self.machine = Machine::idle();
        self.ended.take()
    }

    /// Whether something is due since time has passed, and the timer has rung for it.
    fn is_due(&self, now: Moment) -> bool {
        self.ticking && self.machine.poll_timeout().is_some_and(|at| at <= now)
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

    /// Drives. The caller holds the token. Answers how many tasks of others were made or woken on
    /// this thread: a caller that is about to run a user's code has to [step
    /// aside](Self::step_aside) for them.
    pub(super) fn drive(self: &Arc<Self>) -> usize {
        // The pusher may be a task of another runtime, or of none.
        let _runtime = self.runtime().enter();
        let mut outbox = Outbox::of(self);
        let mut budget = BUDGET;
        let next = loop {
            let rest = match guard(|| self.step(&mut budget, &mut outbox)) {
                Ok(rest) => rest,
                Err(panicked) => return outbox.flush(self) + self.broken(panicked),
            };
            if rest == Rest::Work {
                budget = budget.saturating_sub(STEP);
            }
            match self.inbox.pause(rest, budget) {
                Next::Drive => {}
                next => break next,
            }
        };
        self.go_on(next) + outbox.flush(self)
    }

    /// Feeds what is queued to the engine, then does one step of what is due.
    fn step(self: &Arc<Self>, budget: &mut usize, outbox: &mut Outbox<'_>) -> Rest {
        let mut driver = self.lock_driver();
        let driver = &mut *driver;
        let stage = self.inbox.take(*budget, &mut driver.items);
        *budget -= driver.items.len().min(*budget);
        let now = self.clock.now();
        // One by one, so that a fault leaves the others where they are.
        while let Some(item) = driver.items.pop_front() {
            match item {
                Item::Input(input) => {
                    driver.machine.handle(now, input);
                    carry::out_all(self, driver, outbox);
                }
                Item::Query(query) if stage < Stage::RootGone => {
                    driver.lists.ask(&mut driver.machine, query, outbox);
                }
                item @ Item::Query(_) => outbox.discard_item(item),
                Item::Tick => driver.ticking = true,
            }
        }
        if driver.is_due(now) {
            driver.machine.handle_timeout(now);
            carry::out_all(self, driver, outbox);
        } else if driver.machine.is_under_way() {
            driver.machine.proceed(now);
            carry::out_all(self, driver, outbox);
        }
        if stage >= Stage::RootGone {
            driver.lists.drop_all(&mut driver.machine, outbox);
        }
        driver.lists.page(&mut driver.machine, outbox);
        driver.ticking = driver.is_due(now);
        if driver.ticking || driver.machine.is_under_way() || !driver.lists.is_empty() {
            return Rest::Work;
        }
        if let Some(at) = driver.machine.poll_timeout()
            && driver.armed.is_none_or(|armed| at < armed)
        {
            driver.armed = Some(at);
            self.wake.notify_one();
        }
        Rest::Nothing
    }

    /// The timer has fired.
    pub(super) fn tick(self: &Arc<Self>) {
        self.lock_driver().armed = None;
        self.push(self.inbox.report(Item::Tick));
    }

    /// Driving has met a fault of ours. What is known of the children cannot be relied on any more,
    /// so all of them are killed, and so is the root. The root's own supervisor may start another.
    /// Every caller is told that the supervisor is down, from now on too. The driver task does the
    /// rest.
    pub(super) fn broken(self: &Arc<Self>, Panicked(panic): Panicked) -> usize {
        let mut outbox = Outbox::of(self);
        for item in self.inbox.close() {
            outbox.discard_item(item);
        }
        let mut lives = Vec::new();
        // What is broken may break again.
        let taken = guard(|| {
            let mut driver = self.lock_driver();
            let driver = &mut *driver;
            for item in driver.items.drain(..) {
                outbox.discard_item(item);
            }
            if let Some(ended) = driver.ended.take() {
                for ticket in ended.tickets {
                    outbox.unanswered(Caller::StopSupervisor(ticket));
                }
            }
            for value in driver.machine.take_apart() {
                if let Discard::Life(life) = &value {
                    lives.push(Arc::clone(life));
                }
                outbox.discard(value);
            }
            driver.lists.drop_all(&mut driver.machine, &mut outbox);
            driver.machine = Machine::idle();
        });
        for life in lives {
            if let Some(cell) = life.cell() {
                life.note_orphans();
                cell.kill();
            }
        }
        let line = Line::Broken(Arc::clone(&self.speaker), panic);
        drop(self.lines.push(line));
        self.lines.write();
        self.finish();
        self.root().kill();
        drop(taken);
        outbox.flush(self)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use ractor::{ActorProcessingErr, ActorRef, ActorStatus};
    use tokio::sync::Notify;

    use crate::actor::inbox::{Item, Query};
    use crate::actor::shared::Shared;
    use crate::error::{RestartError, StartError, StopError, SupervisorDown};
    use crate::{ChildSpec, Launch, Options, SessionSupervisor, Supervisor, TreeSpec};

    struct Idle;

    #[ractor::actor(message = (), state = (), arguments = Option<Arc<Notify>>)]
    impl Idle {
        async fn pre_start(
            &self,
            _myself: ActorRef<()>,
            gate: Option<Arc<Notify>>,
        ) -> Result<(), ActorProcessingErr> {
            if let Some(gate) = gate {
                gate.notified().await;
            }
            Ok(())
        }

        async fn post_stop(
            &self,
            myself: ActorRef<()>,
            _state: &mut (),
        ) -> Result<(), ActorProcessingErr> {
            match myself.get_name() {
                Some(name) if name.ends_with("/lingers") => std::future::pending().await,
                _ => Ok(()),
            }
        }
    }

    fn idle() -> ChildSpec<Idle> {
        ChildSpec::from_fn(|_| async { Ok(Launch::Actor(Idle, None)) })
    }

    /// Paused time passes when no task has anything left to do.
    async fn until_idle() {
        tokio::time::sleep(Duration::from_secs(2)).await;
    }

    /// The next drive meets a fault.
    fn inject(shared: &Arc<Shared>) {
        let look = Query::Look(Box::new(|_| panic!("an injected fault")));
        shared.command(Item::Query(look)).unwrap();
    }

    /// With all that can be under way: one that runs, one that starts, one that stops, callers that
    /// wait.
    #[tokio::test(start_paused = true)]
    async fn a_fault_leaves_no_caller_waiting_and_no_session_alive() {
        let sessions = SessionSupervisor::start(Options::new().unique_name()).await;
        let sessions = sessions.unwrap();
        let shared = crate::actor::directory::find(&sessions.get_cell()).unwrap();
        let runs = sessions.start_session("runs", idle()).await.unwrap();
        let lingers = sessions.start_session("lingers", idle()).await.unwrap();
        let gate = Arc::new(Notify::new());
        let held = Arc::clone(&gate);
        let hangs = ChildSpec::from_fn(move |_| {
            let gate = Arc::clone(&held);
            async move { Ok(Launch::Actor(Idle, Some(gate))) }
        });
        let start = tokio::spawn(sessions.start_session("starts", hangs));
        let stop = tokio::spawn(sessions.stop_session("lingers"));
        let restart = tokio::spawn(sessions.restart_session("lingers"));
        until_idle().await;
        assert_eq!(lingers.get_status(), ActorStatus::Stopping);
        let down = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move { shared.wait_over().await.is_none() }
        });
        tokio::task::yield_now().await;
        inject(&shared);
        assert!(matches!(
            start.await.unwrap(),
            Err(StartError::SupervisorDown)
        ));
        assert_eq!(stop.await.unwrap(), Err(StopError::SupervisorDown));
        assert!(matches!(
            restart.await.unwrap(),
            Err(RestartError::SupervisorDown)
        ));
        assert!(down.await.unwrap(), "there is no outcome");
        for cell in [runs.get_cell(), lingers.get_cell(), sessions.get_cell()] {
            cell.wait(None).await.ok();
            assert_eq!(cell.get_status(), ActorStatus::Stopped);
        }
        assert_eq!(sessions.count_sessions().await, Err(SupervisorDown));
        assert_eq!(sessions.stop().await, Err(SupervisorDown));
        let again = sessions.start_session("runs", idle()).await;
        assert!(matches!(again, Err(StartError::SupervisorDown)));
        until_idle().await;
        assert_eq!(Arc::strong_count(&gate), 1, "the launch's value is kept");
    }

    #[tokio::test(start_paused = true)]
    async fn a_parent_sees_the_end_and_starts_another() {
        let name = "a-fault-below-a-parent";
        let tree = TreeSpec::one_for_one().child(
            "sessions",
            SessionSupervisor::child_spec(Options::new().name(name)),
        );
        let tree = Supervisor::start(tree.unique_name()).await.unwrap();
        let sessions = SessionSupervisor::where_is(name).unwrap();
        let runs = sessions.start_session("runs", idle()).await.unwrap();
        let shared = crate::actor::directory::find(&sessions.get_cell()).unwrap();
        inject(&shared);
        shared.wait_over().await;
        until_idle().await;
        let again = SessionSupervisor::where_is(name).expect("it is back");
        assert_ne!(again.get_cell().get_id(), sessions.get_cell().get_id());
        assert_eq!(runs.get_status(), ActorStatus::Stopped);
        again.start_session("runs", idle()).await.unwrap();
        let report = tree.stop().await.unwrap();
        assert_eq!((report.stopped, report.stuck), (2, 0));
    }

    /// While its children are started, and while it stops.
    #[tokio::test(start_paused = true)]
    async fn a_fault_of_a_static_supervisor_fails_its_start_or_its_stop() {
        let tree = || {
            let lingers = TreeSpec::one_for_one().name("a-fault-in-a-tree");
            lingers.child("a", idle()).child("lingers", idle())
        };
        let root = Supervisor::start(tree()).await.unwrap();
        let shared = crate::actor::directory::find(&root.get_cell()).unwrap();
        inject(&shared);
        let stop = root.stop().await;
        assert_eq!(stop, Err(SupervisorDown));
        root.get_cell().wait(None).await.ok();
        assert_eq!(shared.wait_over().await.map(|outcome| outcome.cause), None);
        // All names are free again.
        let root = Supervisor::start(tree()).await.unwrap();
        root.stop_within(Duration::ZERO).await.unwrap();
    }
}
