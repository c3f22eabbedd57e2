//! What the handle, the root, the launch tasks and the driver task of one supervisor hold together.
//!
//! The inbox is locked for a push, the driver by the holder of the token alone. Neither lock is
//! held while the other is taken, except that the driver takes from the inbox; no user value is
//! dropped and no user code runs under either.

mod heard;
mod launches;
mod ways_in;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use ractor::{ActorCell, ActorStatus};
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};

use heard::Starts;
pub(super) use launches::Counting;

use super::answers::Answer;
use super::clock::Clock;
use super::drive::Driver;
use super::drop_queue::DropQueue;
use super::inbox::{Inbox, Item};
use super::launch;
use super::life::{Hold, Left, Life};
use super::lines::Lines;
use super::log::{Children, Line, Speaker};
use super::plan::{Actors, Ticket};
use super::spawn::{Home, Naming, ParentLink, RootArguments};
use crate::engine::{Input, Mark, ShutdownReport, StopCause};
use crate::names;

pub(crate) struct Shared {
    name: Arc<str>,
    pub(super) naming: Naming,
    /// The session whose tree this is a part of.
    home: Option<Home>,
    /// Whose child this is.
    pub(super) parent_link: Option<ParentLink>,
    root: ActorCell,
    runtime: Handle,
    pub(super) clock: Clock,
    pub(super) inbox: Inbox,
    pub(super) driver: Mutex<Driver>,
    pub(super) drops: DropQueue,
    pub(super) lines: Lines,
    pub(super) speaker: Arc<Speaker>,
    /// Wakes the driver task: a timer to set anew, or something to drive when the root does not.
    pub(super) wake: Notify,
    /// Whether the log has been told of its start.
    announced: AtomicBool,
    /// Whether the sessions are being stopped.
    stopping: AtomicBool,
    /// Whether all sessions are gone; wakes the root's `post_stop`.
    finished: AtomicBool,
    finished_wake: Notify,
    /// Whether the root's task is done.
    root_gone: AtomicBool,
    /// How it ended, once all is over.
    outcome: OnceLock<Option<Outcome>>,
    /// The callers that wait for that.
    waiters: Mutex<Vec<oneshot::Sender<()>>>,
    /// Launches of which something is left, and the driver task.
    launches: AtomicUsize,
    /// Whether they are counted: where a parent waits for that.
    counting: Counting,
    /// Wakes the driver task, each time one of them is gone.
    launches_wake: Notify,
    /// The starts of sessions that the root was told of.
    pub(super) starts: Starts,
}

/// Its name alone. The rest holds the handles of others, and these hold it; and it shows values of
/// the user's, whose code would run under a lock.
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
    pub(super) fn new(root: ActorCell, arguments: RootArguments, counting: Counting) -> Arc<Self> {
        let runtime = arguments.runtime;
        let (drops, lines) = match &arguments.parent_link {
            Some(parent_link) => (
                parent_link.parent.drops.clone(),
                parent_link.parent.lines.clone(),
            ),
            None => {
                let drops = DropQueue::new(runtime.clone());
                let lines = Lines::new(runtime.clone(), drops.clone());
                (drops, lines)
            }
        };
        let speaker = Speaker {
            name: Arc::clone(&arguments.name),
            home: arguments.home.as_ref().map(|home| Arc::clone(&home.id)),
            children: match arguments.naming {
                Naming::Sessions => Children::Sessions,
                _ => Children::Static,
            },
        };
        Arc::new(Self {
            counting,
            name: arguments.name,
            naming: arguments.naming,
            home: arguments.home,
            parent_link: arguments.parent_link,
            root,
            runtime,
            clock: Clock::start(),
            inbox: Inbox::new(),
            driver: Mutex::new(Driver::new(arguments.machine)),
            drops,
            lines,
            speaker: Arc::new(speaker),
            wake: Notify::new(),
            announced: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            finished: AtomicBool::new(false),
            finished_wake: Notify::new(),
            root_gone: AtomicBool::new(false),
            outcome: OnceLock::new(),
            waiters: Mutex::default(),
            launches: AtomicUsize::new(1),
            launches_wake: Notify::new(),
            starts: Starts::default(),
        })
    }

    /// Whether the children are sessions; else they are the children of a static supervisor.
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
            (Naming::Children, _) => Some(names::child(&self.name, key)),
            (Naming::OfSession, Some(home)) => {
                Some(names::session_child(home.sessions.name(), key, &home.id))
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

    /// Whether ractor shows the root's end, which it does before it drops the root, and that tells
    /// us. A caller that saw it is not answered as if there were something left to ask.
    pub(crate) fn is_seen_ended(&self) -> bool {
        self.root.get_status() == ActorStatus::Stopped
    }

    /// Something of a launch is gone. The last release reports that. Answers what
    /// [`drive`](Self::drive) does.
    pub(super) fn release(self: &Arc<Self>, life: &Arc<Life>, hold: Hold) -> usize {
        match life.release(hold) {
            Left::Nothing => {
                self.gone(life);
                1
            }
            Left::State => self.report(Input::Joined { key: life.key() }),
            Left::More => 0,
        }
    }

    /// Nothing of a launch is left but, perhaps, the session's own children. They are waited for,
    /// so that a restart does not meet their names.
    fn gone(self: &Arc<Self>, life: &Arc<Life>) {
        let orphans = life.take_orphans();
        if orphans.is_empty() {
            self.released(life);
            return;
        }
        let (shared, life) = (Arc::clone(self), Arc::clone(life));
        drop(self.runtime().spawn(async move {
            launch::all_gone(orphans, shared.root()).await;
            shared.released(&life);
        }));
    }

    /// Reports that nothing of a launch is left. Without a mark it was killed. If ractor killed it
    /// because the root was killed first, no event reports that, and the engine would take it for a
    /// crash. So the report waits for a root that is woken twice, which a killed one never is, or
    /// for the end of the root's loop.
    fn released(self: &Arc<Self>, life: &Life) {
        self.launch_gone();
        self.tell_of(life, Input::Released { key: life.key() });
    }

    /// Stuck children are all that is left of a launch.
    pub(super) fn outlived(self: &Arc<Self>, life: &Life) {
        self.tell_of(life, Input::Outlived { key: life.key() });
    }

    fn tell_of(self: &Arc<Self>, life: &Life, input: Input<Actors>) {
        if life.mark() == Mark::Missing {
            self.inbox.defer(Item::Input(input));
            self.notify();
        } else {
            self.report(input);
        }
    }

    /// It is up: its start is logged, and its end will be.
    pub(super) fn announce(&self) {
        if self.outcome.get().is_none() {
            self.announced.store(true, Ordering::Release);
            drop(self.lines.push(Line::Started(Arc::clone(&self.speaker))));
            self.lines.write();
        }
    }

    /// Whether the log is to be told of its end; not again after that.
    pub(super) fn take_announced(&self) -> bool {
        self.announced.swap(false, Ordering::AcqRel)
    }

    pub(super) fn begin_stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(super) fn finish(&self) {
        self.finished.store(true, Ordering::Release);
        self.finished_wake.notify_one();
        self.wake.notify_one();
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }

    /// The root's task is done, or its start came to nothing.
    pub(super) fn root_gone(&self) {
        self.root_gone.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    pub(super) fn is_root_gone(&self) -> bool {
        self.root_gone.load(Ordering::Acquire)
    }

    /// The parent stops this supervisor, by the way that a caller would go, so that its events are
    /// read to the end.
    pub(super) fn stop_for_parent(self: &Arc<Self>, within: Option<Duration>) {
        let (ticket, _) = Ticket::new();
        let stop = Item::Input(Input::StopSupervisor { within, ticket });
        // A root that is gone needs no stop.
        self.command(stop).ok();
    }

    /// The restart limit was reached; the parent is to know.
    pub(super) fn gave_up(&self) {
        if let Some(parent_link) = &self.parent_link {
            parent_link.life.mark_gave_up();
        }
    }

    /// Whether all is over.
    pub(super) fn is_over(&self) -> bool {
        self.outcome.get().is_some()
    }

    /// All is over. Without an outcome if the runtime was shut down before that.
    pub(super) fn over(&self, outcome: Option<Outcome>) {
        let outcome = self.outcome.get_or_init(|| outcome);
        if let Some(parent_link) = &self.parent_link {
            parent_link
                .life
                .tree_over(outcome.map(|outcome| outcome.report));
        }
        // A waker may be any code, so each is woken in a task of its own.
        for waiter in std::mem::take(&mut *self.lock_waiters()) {
            self.deliver(Answer::Told(Box::new(move || {
                waiter.send(()).ok();
                Vec::new()
            })));
        }
    }

    fn lock_waiters(&self) -> MutexGuard<'_, Vec<oneshot::Sender<()>>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when all is over, for any number of waiters.
    pub(crate) async fn wait_over(&self) -> Option<Outcome> {
        let (waiter, over) = oneshot::channel();
        {
            let mut waiters = self.lock_waiters();
            if let Some(outcome) = self.outcome.get() {
                return *outcome;
            }
            // Those who have given up are not kept.
            if waiters.len() == waiters.capacity() {
                waiters.retain(|waiter| !waiter.is_closed());
            }
            waiters.push(waiter);
        }
        drop(over.await);
        self.outcome.get().copied().flatten()
    }

    /// Returns when all sessions are gone. For one waiter.
    pub(super) async fn wait_finished(&self) {
        while !self.is_finished() {
            self.finished_wake.notified().await;
        }
    }
}
