//! What the handle, the root, the launch tasks and the driver task of one supervisor hold together.
//!
//! Two locks: the driver's, which the holder of the seat holds while it drives, and the inbox's,
//! for a push or a take. A driver takes from the inbox under its own lock; nobody who holds the
//! inbox's takes another. No user value is dropped and no user code runs under either.

mod actors;
mod arguments;
mod batch;
mod events;
mod launches;
mod ways_in;

use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ractor::{ActorCell, ActorStatus};
use tokio::runtime::Handle;
use tokio::sync::Notify;

pub(crate) use actors::{Actors, Found, Item, Life, Machine, Order, Plan, Query};
pub(super) use actors::{Driver, Launch};
pub(crate) use arguments::{Home, Naming, ParentLink, RootArguments};
use arguments::{OfSessions, Own};
pub(super) use events::{Events, MoreStarts};
pub(super) use launches::Counting;

use super::clock::Clock;
use super::completion::Completion;
use super::drop_queue::{Deferred, DropQueue};
use super::feed::Feed;
use super::held_claims::HeldClaims;
use super::inbox::Inbox;
use super::last_failure::LastFailure;
use super::launch_pool::LaunchPool;
use super::life::{Hold, Left};
use super::lines::Lines;
use super::linked;
use super::log::{Children, Line, Speaker, Stands};
use super::progress::{Progress, RootStage, Work};
use super::ticket::Ticket;
use crate::engine::{DrainOrder, Input, Meter, ShutdownReport, StopWay};
use crate::info::ChildFailure;
use crate::names;
use crate::options::Grouping;

/// What all who hold a supervisor share.
///
/// Public for the compiler alone, as [`Found`].
pub struct Shared {
    name: Arc<str>,
    pub(super) naming: Naming,
    own: Own,
    /// Whose child this is.
    pub(super) parent_link: Option<ParentLink>,
    runtime: Handle,
    pub(super) clock: Clock,
    pub(super) inbox: Inbox<Item>,
    pub(super) driver: Mutex<Driver>,
    pub(super) drops: DropQueue,
    pub(super) lines: Lines,
    pub(super) speaker: Arc<Speaker>,
    /// Wakes the driver task: a timer to set anew, something to drive, an end.
    pub(super) wake: Notify,
    /// How far it is.
    pub(crate) progress: Progress,
    /// Wakes the root's `post_stop` when all sessions are gone.
    finished_wake: Notify,
    /// Its root, and its end.
    pub(crate) completion: Arc<Completion>,
    /// That of a static supervisor is its parent's.
    pub(super) launch_pool: Arc<LaunchPool<Launch>>,
    /// Launches of which something is left, and the driver task.
    launches: AtomicUsize,
    /// Whether they are counted: where a parent waits for that.
    counting: Counting,
    /// Wakes the driver task, each time one of them is gone.
    launches_wake: Notify,
    /// The starts of sessions that the root was told of.
    pub(super) events: Events,
    pub(crate) claims: HeldClaims,
    /// What happens to its sessions. That of a session's tree is a part of its supervisor's. None
    /// outside any session supervisor.
    feed: Option<Arc<Feed>>,
    pub(super) last_failure: LastFailure,
}

/// Its name alone. The rest holds the handles of others, and these hold it; and it shows values of
/// the user's, whose code would run under a lock.
impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Shared");
        shown.field("name", &self.name).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(root: ActorCell, arguments: RootArguments, counting: Counting) -> Arc<Self> {
        let launch_pool = launches::pool_of(&arguments);
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
            stands: (arguments.parent_link.as_ref()).map_or(Stands::Alone, |_| Stands::Below),
        };
        let claims = match arguments.naming {
            Naming::Sessions => HeldClaims::of_sessions(),
            Naming::Children | Naming::OfSession | Naming::Unregistered => HeldClaims::none(),
        };
        // Only sessions are counted.
        let meter = arguments.machine.meter();
        let feed = match (&meter, &arguments.home) {
            (Some(meter), _) => Some(Arc::new(Feed::new(runtime.clone(), Arc::clone(meter)))),
            (None, Some(home)) => home.sessions.feed.clone(),
            (None, None) => None,
        };
        let clock = match &arguments.parent_link {
            Some(parent_link) => parent_link.parent.clock.start_another(),
            None => Clock::start(),
        };
        Arc::new(Self {
            counting,
            name: arguments.name,
            naming: arguments.naming,
            own: match (meter, arguments.home) {
                (Some(meter), _) => Own::Sessions(Some(Box::new(OfSessions {
                    grouping: arguments.group_of.map(Grouping::from),
                    meter,
                }))),
                (None, Some(home)) => Own::Home(home),
                (None, None) => Own::Sessions(None),
            },
            parent_link: arguments.parent_link,
            runtime,
            clock,
            inbox: Inbox::new(),
            driver: Mutex::new(Driver::new(arguments.machine)),
            drops,
            lines,
            speaker: Arc::new(speaker),
            wake: Notify::new(),
            progress: Progress::new(),
            finished_wake: Notify::new(),
            completion: Arc::new(Completion::new(root)),
            launch_pool,
            launches: AtomicUsize::new(1),
            launches_wake: Notify::new(),
            events: Events::of(arguments.naming),
            claims,
            feed,
            last_failure: LastFailure::default(),
        })
    }

    /// Whether the children are sessions; else they are the children of a static supervisor.
    pub(crate) const fn has_sessions(&self) -> bool {
        matches!(self.naming, Naming::Sessions)
    }

    /// The session whose tree this is a part of. None if the children are sessions themselves.
    pub(crate) const fn home(&self) -> Option<&Home> {
        match &self.own {
            Own::Home(home) => Some(home),
            Own::Sessions(_) => None,
        }
    }

    fn of_sessions(&self) -> Option<&OfSessions> {
        match &self.own {
            Own::Sessions(of_sessions) => of_sessions.as_deref(),
            Own::Home(_) => None,
        }
    }

    /// What says of which group a session is, if there is a quota.
    pub(crate) fn group_of(&self) -> Option<&Grouping> {
        self.of_sessions()?.grouping.as_ref()
    }

    /// What is counted of sessions. None if the children are no sessions.
    pub(crate) fn meter(&self) -> Option<&Meter> {
        Some(&self.of_sessions()?.meter)
    }

    /// The name of a child in the registry; `None` if it is not registered.
    pub(crate) fn child_name(&self, key: &str) -> Option<String> {
        match (self.naming, self.home()) {
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

    /// Where what happens to its sessions, or to the children of a session's tree, is told.
    pub(crate) const fn feed(&self) -> Option<&Arc<Feed>> {
        self.feed.as_ref()
    }

    pub(crate) const fn clock(&self) -> Clock {
        self.clock
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// The time of day of what happens now, as events tell it: since 1970.
    #[cfg(feature = "dashboard")]
    pub(crate) fn time_of_day(&self) -> Duration {
        let now = self.clock.wall(self.clock.now());
        now.duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default()
    }

    pub(crate) fn root(&self) -> &ActorCell {
        self.completion.root()
    }

    /// Whether ractor shows the root's end, which it does before it drops the root, and that tells
    /// us. A caller that saw it is not answered as if there were something left to ask.
    pub(crate) fn is_seen_ended(&self) -> bool {
        self.root().get_status() == ActorStatus::Stopped
    }

    /// Something of a launch is gone. The last release reports that. Answers what
    /// [`drive`](Self::drive) does.
    #[inline]
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
        let Some(orphans) = life.take_orphans() else {
            return self.released(life);
        };
        if life.is_told_by_the_event() {
            self.have_root_read();
        }
        let (shared, life) = (Arc::clone(self), Arc::clone(life));
        drop(self.runtime().spawn(async move {
            linked::all_gone(*orphans, shared.root()).await;
            shared.released(&life);
        }));
    }

    /// Reports that nothing of a launch is left. Without a mark it was killed. If ractor killed it
    /// because the root was killed first, no event reports that, and the engine would take it for a
    /// crash. So that report waits for the proof that the root was not. The same proof says that the
    /// root has read the reason of an end that the supervisor had not asked for.
    #[inline]
    fn released(self: &Arc<Self>, life: &Life) {
        self.launch_gone();
        self.tell_of(life, Input::Released { key: life.key() });
    }

    /// Stuck children are all that is left of a launch.
    pub(super) fn outlived(self: &Arc<Self>, life: &Life) {
        self.tell_of(life, Input::Outlived { key: life.key() });
    }

    #[inline]
    fn tell_of(self: &Arc<Self>, life: &Life, input: Input<Actors>) {
        if life.is_told_by_the_event() {
            self.report_behind_fence(input);
        } else {
            self.report(input);
        }
    }

    /// It is up: its start is logged, and its end will be.
    pub(super) fn announce(&self) {
        if !self.completion.is_over() {
            self.progress.announce();
            drop(self.lines.push(Line::Started(Arc::clone(&self.speaker))));
            self.lines.write();
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.progress.work() >= Work::Draining
    }

    /// All children are gone.
    pub(super) fn finish(&self) {
        self.progress.work_is(Work::Finished);
        self.finished_wake.notify_one();
        self.wake.notify_one();
    }

    /// The root's task is done, or its start came to nothing.
    pub(super) fn root_gone(&self) {
        self.progress.root_is(RootStage::Gone);
        self.wake.notify_one();
    }

    /// The parent stops this supervisor, by the way that a caller would go, so that its events are
    /// read to the end.
    /// The children of a static supervisor drain by their own rules.
    pub(super) fn stop_for_parent(self: &Arc<Self>, way: StopWay, within: Option<Duration>) {
        let stop = match way {
            StopWay::Drain if self.has_sessions() => {
                let order = DrainOrder::of_parent(within);
                let (ticket, _) = Ticket::new();
                Input::Drain { order, ticket }
            }
            StopWay::Drain | StopWay::AtOnce => {
                let (ticket, _) = Ticket::new();
                Input::StopSupervisor { within, ticket }
            }
        };
        // A root that is gone needs no stop.
        self.command(Item::Input(stop)).ok();
    }

    /// The restart limit was reached; the parent is to know.
    pub(super) fn gave_up(&self) {
        if let Some(parent_link) = &self.parent_link {
            let failure = self.last_failure.get();
            parent_link.life.mark_gave_up(failure.clone(), &self.drops);
            if let Some(failure) = failure {
                let role = Arc::clone(&parent_link.role);
                let parent = &parent_link.parent.last_failure;
                parent.note_below(role, parent_link.incarnation, failure);
            }
        }
    }

    /// That for which it gave up, if it did.
    pub(crate) fn failure(&self) -> Option<ChildFailure> {
        self.last_failure.get()
    }

    /// All is over. Without a report if the runtime was shut down before that.
    pub(super) fn over(&self, report: Option<ShutdownReport>) {
        let (report, waiters) = self.completion.over(report);
        if let Some(parent_link) = &self.parent_link {
            parent_link.life.tree_over(report);
        }
        // A waker may be any code, so each is woken in a task of its own.
        for waiter in waiters {
            self.tell(Box::new(move || {
                waiter.send(()).ok();
                Vec::new()
            }));
        }
    }

    /// The supervisor has ended: nothing asks for groups any more. No lock may be held.
    pub(super) fn drop_group_of(&self) {
        let group_of = self.group_of().and_then(Grouping::end);
        self.drops.drop_later(group_of.map(Deferred::of));
    }

    /// Returns when all sessions are gone. For one waiter.
    pub(super) async fn wait_finished(&self) {
        while self.progress.work() < Work::Finished {
            self.finished_wake.notified().await;
        }
    }
}

/// The user's function may hold anything, whose drop may panic or block.
impl Drop for Shared {
    fn drop(&mut self) {
        self.drop_group_of();
    }
}
