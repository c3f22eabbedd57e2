//! What goes into the engine and what comes out of it.
//!
//! No type of the runtime occurs here. What the engine only passes on (specs, lives, tickets) are the
//! associated types of a [`Domain`]. What is asked is in `request`, what is answered in `answers`.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

pub(super) use super::answers::{
    BeginAnswer, Cancellation, DeleteAnswer, EnsureAnswer, NotStarted, Refusal, RestartAnswer,
    RestartChildAnswer, StartAnswer, StartChildAnswer, StopAnswer,
};
pub(super) use super::callers::{Caller, LaunchCaller, Reply};
use super::exit::{Cause, Exit, Mark, Seen};
use super::incarnation::Key;
pub(super) use super::note::{Kill, Note};
use super::report::ShutdownReport;
pub(super) use super::request::{ChildRequest, Request};
use super::restart::Policy;

/// The types that the engine passes on without looking inside.
pub trait Domain {
    /// A child spec: cheap to clone.
    type Spec: Spec;
    /// What the shell keeps of one launch: cheap to clone.
    type Life: Life<Found = Self::Found>;
    /// One that runs, as a caller gets to hold it: cheap to clone.
    type Found: Clone + Debug;
    /// A caller that waits for an answer of one type.
    type Ticket<A>: Ticket;
}

/// A caller that waits, as far as the engine looks at it.
pub trait Ticket: Debug {
    /// Whether the caller has gone away. Once it has, it never comes back.
    fn is_gone(&self) -> bool;
}

/// A child spec, as far as the engine looks at it.
pub trait Spec: Clone + Debug {
    /// The rules of the session.
    fn policy(&self) -> &Policy;
}

/// One launch, as far as the engine looks at it.
pub trait Life: Clone + Debug {
    /// What a caller gets to hold of it.
    type Found;
    /// The life of a launch that begins now.
    fn new(key: Key) -> Self;
    /// What a caller gets to hold of it, as soon as there is an actor.
    fn found(&self) -> Option<Self::Found>;
    /// The number of its actor, as soon as there is one.
    fn actor(&self) -> Option<u64>;
    /// The mark that the actor has left.
    fn mark(&self) -> Mark;
    /// Why it failed, if it has left that mark. It is taken out: a second call answers nothing.
    fn cause(&self) -> Option<Cause> {
        None
    }
    /// Whether its actor is ending by itself.
    fn ending(&self) -> Ending;
    /// What became of its own children, if it is a supervisor and has ended.
    fn report(&self) -> Option<ShutdownReport> {
        None
    }
    /// Whether it is a supervisor of which only its own children are left.
    fn is_outlived(&self) -> bool {
        false
    }
}

/// Whether an actor is ending by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is draining or stopping.
    Yes,
    /// It is not.
    No,
}

/// What the engine is told.
#[derive(Debug)]
pub enum Input<D: Domain> {
    /// A caller asks something for one session.
    Asked {
        /// Its id.
        id: Arc<str>,
        /// What.
        request: Request<D>,
    },
    /// A caller asks something for one child of a group.
    AskedChild {
        /// Its role.
        role: Arc<str>,
        /// What.
        request: ChildRequest<D>,
    },
    /// A group is to start its children.
    Begin {
        /// Who waits for it.
        ticket: D::Ticket<BeginAnswer>,
    },
    /// A caller stops the supervisor.
    StopSupervisor {
        /// The longest time it may take.
        within: Option<Duration>,
        /// Who asks.
        ticket: D::Ticket<ShutdownReport>,
    },
    /// A launch succeeded.
    Started {
        /// Which.
        key: Key,
        /// Whether a cancellation had come first.
        recall: Recall,
    },
    /// A launch failed, and stuck children of the tree that it had begun are left. Once they end, it fails again.
    StartOutlived {
        /// Which.
        key: Key,
        /// Why.
        failure: Failure,
    },
    /// A launch failed.
    StartFailed {
        /// Which.
        key: Key,
        /// Why.
        failure: Failure,
    },
    /// A supervision event told of the end of an actor that is linked to the supervisor.
    Exited {
        /// The id in its name, if it bears a session's. A group knows its children by their actors.
        id: Option<Arc<str>>,
        /// The actor.
        actor: u64,
        /// What the event said.
        seen: Seen,
    },
    /// The session has begun its `post_stop`, so its stop no longer waits for a turn.
    PostStop {
        /// Which.
        key: Key,
    },
    /// The session's last callback is done and its mark is set: it tells of its end before the event
    /// does.
    Ended {
        /// Which.
        key: Key,
    },
    /// The actor's task is done, but its state has not been dropped yet.
    Joined {
        /// Which.
        key: Key,
    },
    /// Nothing of the launch is left.
    Released {
        /// Which.
        key: Key,
    },
    /// Only stuck children are left of the launch: it was that of a supervisor, whose stop is over.
    Outlived {
        /// Which.
        key: Key,
    },
    /// The root's loop has ended because of a foreign stop: no event will be read any more.
    LoopEnded,
    /// The root is gone.
    RootGone,
}

/// Whether a launch had been cancelled before it succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recall {
    /// It had not: the callers that waited were told that it runs.
    InTime,
    /// It had: the callers that waited were told that it does not run.
    TooLate,
}

/// Why a launch did not succeed.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The start function or `pre_start` failed.
    Failed(Cause),
    /// The start function answered ignore.
    Ignored,
    /// The name is held by another actor.
    NameTaken(Arc<str>),
    /// It was cancelled.
    Cancelled,
    /// It took longer than this.
    TimedOut(Duration),
}

/// What the start function of a launch is told.
#[derive(Clone, Debug)]
pub struct Context {
    /// The session's id, or the child's role.
    pub id: Arc<str>,
    /// The number of this life of the id.
    pub incarnation: u64,
    /// The number of this launch since the last exit.
    pub attempt: u32,
    /// How the last incarnation ended.
    pub last_exit: Option<Exit>,
}

/// What the shell is told to do.
#[derive(Debug)]
pub enum Effect<D: Domain> {
    /// Call the start function and spawn the actor.
    Launch {
        /// What the start function is told.
        context: Context,
        /// How.
        spec: D::Spec,
        /// The launch.
        life: D::Life,
        /// Who waits for it.
        caller: Option<LaunchCaller<D>>,
    },
    /// Cancel a launch, and tell the caller that waits for it.
    Cancel {
        /// The launch.
        life: D::Life,
        /// What to tell.
        why: Cancellation,
    },
    /// Ask a session to stop.
    Stop {
        /// Which.
        life: D::Life,
        /// In what way.
        way: StopWay,
        /// How long it may take; a supervisor of its own shares this time out among its children.
        within: Option<Duration>,
    },
    /// A session that was asked to stop has less time than it was told: one that is a supervisor of its
    /// own shares it out anew.
    StopWithin {
        /// Which.
        life: D::Life,
        /// How long it may take from now on.
        within: Duration,
    },
    /// Kill a session.
    Kill {
        /// Which.
        life: D::Life,
    },
    /// Answer a caller.
    Answer(Reply<D>),
    /// Drop a value outside.
    Discard(Discard<D>),
    /// The supervisor begins to stop.
    BeginStop {
        /// Why.
        cause: StopCause,
    },
    /// Tell the log.
    Note {
        /// The session, or the child.
        id: Arc<str>,
        /// Its incarnation.
        incarnation: u64,
        /// What happened.
        note: Note,
    },
    /// All sessions are gone: the root can end.
    Finished {
        /// What became of them.
        report: ShutdownReport,
        /// Why the supervisor stops.
        cause: StopCause,
        /// Who waits for it.
        tickets: Vec<D::Ticket<ShutdownReport>>,
    },
    /// A stop came after [`Effect::Finished`], but before the root's end: it is answered with the
    /// tickets that were named there (D12).
    JoinEnd {
        /// Who waits for it.
        ticket: D::Ticket<ShutdownReport>,
    },
}

/// A value whose drop may run a user's code.
#[derive(Debug)]
pub enum Discard<D: Domain> {
    /// A spec.
    Spec(D::Spec),
    /// An exit that holds a user's error.
    Exit(Exit),
    /// What an event said.
    Seen(Seen),
    /// A launch.
    Life(D::Life),
    /// Why a launch failed.
    Failure(Failure),
    /// A caller that has gone, or will not be answered.
    Caller(Caller<D>),
}

/// In what way a session is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopWay {
    /// After the callback that runs now; messages in its mailbox are dropped.
    AtOnce,
    /// After all messages that are in its mailbox now; it takes no more.
    Drain,
}

/// Why the supervisor stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// A caller asked.
    Requested,
    /// A restart limit was reached.
    Escalated,
    /// Somebody else stopped or drained the root.
    Foreign,
    /// The root was killed, or its parent ended.
    Killed,
    /// A significant child has ended.
    AutoShutdown,
    /// A child of a group did not start.
    FailedStart,
}
