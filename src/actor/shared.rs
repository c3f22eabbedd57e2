//! What the handle, the root, the keepers and the undertaker of one supervisor hold together.
//!
//! Absent on purpose: a lock around more than one of its parts. The inbox is locked for a push, the
//! driver only by whoever holds the token; no user value is dropped and no user code runs under
//! either.

mod launches;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use ractor::{ActorCell, ActorStatus};
use tokio::runtime::Handle;
use tokio::sync::Notify;

pub(super) use launches::Counting;

use super::birth::{Birth, Home, Naming, Nest};
use super::clock::Clock;
use super::drive::Driver;
use super::graveyard::Graveyard;
use super::inbox::{Inbox, Item, Next, Refused, Ripe, Stage};
use super::keeper;
use super::life::{Hold, Left, Life};
use super::log;
use super::plan::{Actors, Ticket};
use crate::engine::{Input, Mark, ShutdownReport, StopCause};
use crate::names;

pub(crate) struct Shared {
    name: Arc<str>,
    pub(super) naming: Naming,
    /// The session whose tree this is a part of.
    home: Option<Home>,
    /// Whose child this is.
    pub(super) nest: Option<Nest>,
    root: ActorCell,
    runtime: Handle,
    pub(super) clock: Clock,
    pub(super) inbox: Inbox,
    pub(super) driver: Mutex<Driver>,
    pub(super) graveyard: Graveyard,
    /// Rung for the undertaker: a timer to set anew, or something to drive when the root does not.
    pub(super) bell: Notify,
    /// Whether the log has been told of its start.
    announced: AtomicBool,
    /// Whether the sessions are being stopped.
    stopping: AtomicBool,
    /// Whether all sessions are gone; rung for the root's `post_stop`.
    finished: AtomicBool,
    finished_bell: Notify,
    /// Whether the root's task is done.
    root_gone: AtomicBool,
    /// How it ended, once all is over; rung then for whoever waits for that.
    outcome: OnceLock<Option<Outcome>>,
    over_bell: Notify,
    /// Launches of which something is left, and the undertaker.
    launches: AtomicUsize,
    /// Whether they are counted: where a parent waits for that.
    counting: Counting,
    /// Rung for the undertaker, each time one of them is gone.
    launches_bell: Notify,
}

/// Its name alone. The rest holds the handles of others, and these hold it; and it shows values of the
/// user's, whose code would run under a lock.
impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Shared");
        shown.field("name", &self.name).finish_non_exhaustive()
    }
}

/// How a supervisor ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) report: ShutdownReport,
    pub(crate) cause: StopCause,
}

impl Shared {
    pub(super) fn new(root: ActorCell, birth: Birth, counting: Counting) -> Arc<Self> {
        Arc::new(Self {
            counting,
            name: birth.name,
            naming: birth.naming,
            home: birth.home,
            nest: birth.nest,
            root,
            runtime: birth.runtime,
            clock: Clock::start(),
            inbox: Inbox::new(),
            driver: Mutex::new(Driver::new(birth.machine)),
            graveyard: Graveyard::default(),
            bell: Notify::new(),
            announced: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            finished: AtomicBool::new(false),
            finished_bell: Notify::new(),
            root_gone: AtomicBool::new(false),
            outcome: OnceLock::new(),
            over_bell: Notify::new(),
            launches: AtomicUsize::new(1),
            launches_bell: Notify::new(),
        })
    }

    /// Whether the children are sessions; else they are the members of a static supervisor.
    pub(crate) const fn has_sessions(&self) -> bool {
        matches!(self.naming, Naming::Sessions)
    }

    /// The session whose tree this is a part of.
    pub(crate) const fn home(&self) -> Option<&Home> {
        self.home.as_ref()
    }

    /// The name of a child in the registry; `None` if it is not registered.
    pub(crate) fn child_name(&self, key: &str) -> Option<String> {
        match (self.naming, &self.home) {
            (Naming::Sessions, _) => Some(names::session(&self.name, key)),
            (Naming::Members, _) => Some(names::member(&self.name, key)),
            (Naming::OfSession, Some(home)) => {
                Some(names::session_member(home.sessions.name(), key, &home.id))
            }
            (Naming::OfSession, None) | (Naming::Unregistered, _) => None,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(crate) const fn root(&self) -> &ActorCell {
        &self.root
    }

    /// Whether ractor shows the root's end, which it does before it drops the root, and that tells us. Whoever
    /// saw it shall not be answered as if there were something left to ask.
    pub(crate) fn is_seen_ended(&self) -> bool {
        self.root.get_status() == ActorStatus::Stopped
    }

    /// A caller's command. A start he drives himself if nobody does and if no end that the root has not
    /// read yet could change its answer; that saves waking the root.
    pub(crate) fn command(self: &Arc<Self>, item: Item) -> Result<(), Refused> {
        if self.is_seen_ended() {
            return Err(Refused);
        }
        let independent = match item.start_of() {
            Some(id) if self.inbox.claim() == Next::Drive => {
                Some(self.lock_driver().machine.starts_whatever_ended(id))
            }
            _ => None,
        };
        let (next, taken) = match self.inbox.command(item) {
            Ok(next) => (next, Ok(())),
            Err(refused) => (Next::Nothing, Err(refused)),
        };
        // A token that was claimed has to go on, also after a refusal: others may have queued meanwhile.
        self.go_on(match independent {
            None => next,
            Some(true) => Next::Drive,
            Some(false) => self.inbox.leave(),
        });
        taken
    }

    /// A report of what has happened.
    pub(crate) fn report(self: &Arc<Self>, input: Input<Actors>) {
        let next = self.inbox.report(Item::Input(input));
        self.go_on(next);
    }

    /// Something of a launch is gone. Whoever lets go last reports that.
    pub(super) fn let_go(self: &Arc<Self>, life: &Arc<Life>, hold: Hold) {
        match life.let_go(hold) {
            Left::Nothing => self.gone(life),
            Left::State => self.report(Input::Joined { key: life.key() }),
            Left::More => {}
        }
    }

    /// Nothing of a launch is left but, perhaps, the session's own children. They are waited for, so
    /// that a restart does not meet their names.
    fn gone(self: &Arc<Self>, life: &Arc<Life>) {
        let orphans = life.take_orphans();
        if orphans.is_empty() {
            self.released(life);
            return;
        }
        let (shared, life) = (Arc::clone(self), Arc::clone(life));
        drop(self.runtime().spawn(async move {
            keeper::all_gone(orphans, shared.root()).await;
            shared.released(&life);
        }));
    }

    /// Reports that nothing of a launch is left. Without a mark it was killed, perhaps by ractor since
    /// the root was killed first: then no event tells of it, and the engine would take it for a crash.
    /// So the report waits for a root that hears its bell twice, which a killed one never does, or for the
    /// end of the root's loop.
    fn released(self: &Arc<Self>, life: &Life) {
        self.launch_gone();
        self.tell_of(life, Input::Released { key: life.key() });
    }

    /// Zombies are all that is left of a launch.
    pub(super) fn outlived(self: &Arc<Self>, life: &Life) {
        self.tell_of(life, Input::Outlived { key: life.key() });
    }

    fn tell_of(self: &Arc<Self>, life: &Life, input: Input<Actors>) {
        if life.mark() == Mark::Missing {
            self.inbox.defer(Item::Input(input));
            self.ring();
        } else {
            self.report(input);
        }
    }

    /// An exit that the root has read.
    pub(super) fn exited(self: &Arc<Self>, input: Input<Actors>) {
        let next = self.inbox.exit(Item::Input(input));
        self.go_on(next);
    }

    /// The root has heard its bell.
    pub(super) fn hear(self: &Arc<Self>) {
        self.go_on(self.inbox.answer_bell());
        let (next, ripe) = self.inbox.recall();
        self.go_on(next);
        if ripe == Ripe::Next {
            self.ring();
        }
    }

    /// The undertaker has heard the bell in the root's place. Should the root be on its way to its end, which
    /// may be a kill, then what was deferred waits for that.
    pub(super) fn hear_for_the_root(self: &Arc<Self>) {
        self.go_on(self.inbox.answer_bell());
        let ending = || self.root().get_status() >= ActorStatus::Stopping;
        self.go_on(self.inbox.recall_for_the_root(ending));
    }

    /// After a drive that has left more to the bell: whoever has been answered in it may wait in a slot of
    /// this thread that no other takes from, and tokio would let its task go on for a hundred bells.
    pub(super) async fn others_first(&self) {
        if self.inbox.is_rung() {
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn go_on(self: &Arc<Self>, next: Next) {
        match next {
            Next::Nothing => {}
            Next::Drive => self.drive(),
            Next::Ring => self.ring(),
        }
    }

    /// Rings the bell of whoever drives: the root while its loop runs, else the undertaker. A root
    /// that is draining takes no messages any more, but the undertaker always listens.
    pub(super) fn ring(&self) {
        let heard = self.inbox.stage() == Stage::Open && self.root().send_message::<()>(()).is_ok();
        if !heard {
            self.bell.notify_one();
        }
    }

    /// Whether the root hears the bell. Once it does not, it never will again. In the instant in which a
    /// drain has closed its mailbox but does not show yet, the end of its loop picks up what was rung.
    pub(super) fn root_listens(&self) -> bool {
        self.inbox.stage() == Stage::Open && self.root().get_status() < ActorStatus::Draining
    }

    /// It has come to stand; the log is told, and will be told of its end.
    pub(super) fn announce(&self) {
        if self.outcome.get().is_none() {
            self.announced.store(true, Ordering::Release);
            log::started(self);
        }
    }

    pub(super) fn is_announced(&self) -> bool {
        self.announced.load(Ordering::Acquire)
    }

    pub(super) fn begin_stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(super) fn finish(&self) {
        self.finished.store(true, Ordering::Release);
        self.finished_bell.notify_one();
        self.bell.notify_one();
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }

    /// The root's task is done, or its start came to nothing.
    pub(super) fn root_gone(&self) {
        self.root_gone.store(true, Ordering::Release);
        self.bell.notify_one();
    }

    pub(super) fn is_root_gone(&self) -> bool {
        self.root_gone.load(Ordering::Acquire)
    }

    /// The parent stops this supervisor, by the way that a caller would go, so that its events are read
    /// to the end.
    pub(super) fn stop_for_parent(self: &Arc<Self>) {
        let (ticket, _) = Ticket::new();
        let within = None;
        let stop = Item::Input(Input::StopSupervisor { within, ticket });
        // A root that is gone needs no stop.
        drop(self.command(stop));
    }

    /// The restart limit was reached; the parent is to know.
    pub(super) fn gave_up(&self) {
        if let Some(nest) = &self.nest {
            nest.life.mark_gave_up();
        }
    }

    /// Whether all is over.
    pub(super) fn is_over(&self) -> bool {
        self.outcome.get().is_some()
    }

    /// All is over. Without an outcome if the runtime was shut down before that.
    pub(super) fn over(&self, outcome: Option<Outcome>) {
        let outcome = self.outcome.get_or_init(|| outcome);
        if let Some(nest) = &self.nest {
            nest.life.tree_over(outcome.map(|outcome| outcome.report));
        }
        self.over_bell.notify_waiters();
    }

    /// Returns when all is over, for any number of waiters.
    pub(crate) async fn wait_over(&self) -> Option<Outcome> {
        loop {
            // Made before the look, it hears a bell that is rung after it.
            let bell = self.over_bell.notified();
            if let Some(outcome) = self.outcome.get() {
                return *outcome;
            }
            bell.await;
        }
    }

    /// Returns when all sessions are gone. For one waiter.
    pub(super) async fn wait_finished(&self) {
        while !self.is_finished() {
            self.finished_bell.notified().await;
        }
    }
}
