//! What goes into the engine and what comes out of it.
//!
//! No type of the runtime occurs here: what the engine only passes on is a type of a [`Domain`].
//! What is asked is in `request`, what is answered in `answers` and `drain`.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

pub(super) use super::answers::{
    AwaitAnswer, BeginAnswer, Cancellation, DeleteAnswer, EnsureAnswer, GoneAnswer, LeaseAnswer,
    NotStarted, Refusal, RestartAnswer, RestartChildAnswer, StartAnswer, StartChildAnswer,
    StopAnswer,
};
pub(super) use super::callers::{Caller, LaunchCaller, Reply};
use super::claim::Claim;
pub(super) use super::domain::{Checkpoint, Domain, Life, Spec, Ticket};
use super::drain::{DrainAnswer, DrainEnds, DrainOrder, DrainProgress, ProgressAnswer};
use super::event::EventKind;
use super::exit::{Cause, Exit, Seen};
pub(super) use super::failure::Failure;
use super::incarnation::Key;
use super::leases::LeaseNumber;
use super::repeats::Repeat;
use super::report::ShutdownReport;
pub(super) use super::request::{ChildRequest, Request};
pub(super) use super::stop::{StopCause, StopWay};
use super::sums::Sums;

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
    /// A lease is over, granted or not.
    LeaseEnded {
        /// The id for which it was asked.
        id: Arc<str>,
        /// Which.
        lease: LeaseNumber,
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
    /// A caller has the supervisor drained.
    Drain {
        /// How.
        order: DrainOrder,
        /// Who asks.
        ticket: D::Ticket<DrainAnswer>,
    },
    /// A caller asks how far a drain is, as soon as it is further than this.
    DrainProgress {
        /// What the caller knows.
        seen: Option<DrainProgress>,
        /// Who asks.
        ticket: D::Ticket<ProgressAnswer>,
    },
    /// A launch succeeded.
    Started {
        /// Which.
        key: Key,
        /// Whether a cancellation had come first.
        recall: Recall,
    },
    /// A launch failed, and stuck children of the tree that it had begun are left. Once they end,
    /// it fails again.
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
    /// The session's last callback is done and its mark is set: it tells of its end before the
    /// event does.
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
    /// What the log has summed up of its children, if it is the tree of a session and has ended
    /// before.
    pub sums: Option<Sums>,
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
    /// A session that was asked to stop has less time than it was told: one that is a supervisor of
    /// its own shares it out anew.
    StopWithin {
        /// Which.
        life: D::Life,
        /// In what way it was asked.
        way: StopWay,
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
    /// A session has this claim from now on: say so to those who look for it.
    Claimed {
        /// The claim.
        claim: Claim,
        /// The session.
        id: Arc<str>,
    },
    /// No session has this claim any more.
    Unclaimed {
        /// The claim.
        claim: Claim,
    },
    /// The supervisor begins to stop.
    BeginStop {
        /// Why.
        cause: StopCause,
    },
    /// Something has happened: tell those who listen, and the log.
    Note {
        /// The session, or the child.
        id: Arc<str>,
        /// What people call it.
        label: Option<Arc<str>>,
        /// The number by which a program tells it from a later one of the same id.
        tag: Option<NonZeroU64>,
        /// Its incarnation.
        incarnation: u64,
        /// What happened.
        kind: EventKind,
        /// The error of which `kind` has the text. Nobody else may have it.
        error: Option<Cause>,
        /// How the log tells it.
        repeat: Repeat,
    },
    /// A drain is over. [`Effect::Finished`] follows, and those who wait for the drain are told with
    /// those who wait for that.
    Drained {
        /// What became of the sessions.
        ends: DrainEnds,
        /// Who waits for it.
        tickets: Vec<D::Ticket<DrainAnswer>>,
    },
    /// All sessions are gone: the root can end.
    Finished {
        /// What became of them, and why the supervisor stops.
        report: ShutdownReport,
        /// Who waits for it.
        tickets: Vec<D::Ticket<ShutdownReport>>,
    },
    /// A stop came after [`Effect::Finished`], but before the root's end: it is answered with the
    /// tickets that were named there (D12).
    JoinEnd {
        /// Who waits for it.
        ticket: D::Ticket<ShutdownReport>,
    },
    /// The same for a drain.
    JoinDrain {
        /// Who waits for it.
        ticket: D::Ticket<DrainAnswer>,
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
    /// What a child has left whose launches are over for good.
    Checkpoint(Checkpoint<D>),
    /// Why a launch failed.
    Failure(Failure),
    /// A caller that has gone, or will not be answered.
    Caller(Caller<D>),
}

/// Whether supervision events can still come. Of an end that is told after that, the release says all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Events {
    Read,
    /// The root's loop has ended, or the root has.
    Over,
}
