//! What callers are told. Each request has an answer type of its own, which holds exactly what can
//! come of it.
//!
//! A caller whose ticket is dropped unanswered is told that the supervisor is down; an answer has a
//! word for that only where the engine says it.

mod causes;

use std::sync::Arc;
use std::time::Duration;

use super::claim::Taken;
use super::domain::Domain;
use super::end::SessionEnd;
use super::exit::Exit;
use super::failure::Failure;
use super::rejection::Rejection;
pub(crate) use causes::Answer;

/// Why a request is not carried out, whichever it is: so those are answered that wait in one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A stop of that session or child came in between.
    Stopped,
    /// What is left of it is stuck.
    Stuck,
    /// The supervisor drains.
    Draining,
    /// The supervisor stops.
    Down,
}

/// Why a launch is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancellation {
    /// It took longer than this.
    TimedOut(Duration),
    /// What it was made for is refused now.
    Refused(Refusal),
    /// The child is restarted with others. Sessions never are.
    WithOthers,
}

/// Why a session is not started.
#[derive(Debug)]
pub enum NotStarted {
    /// The launch failed.
    Failed(Failure),
    /// It is parked.
    Parked,
    /// Another session has a claim that it needs.
    ClaimTaken(Box<Taken>),
    /// The limit of sessions is reached.
    MaxSessions(usize),
    /// It is not admitted.
    Rejected(Rejection),
    /// The request is refused.
    Refused(Refusal),
}

/// What the caller of [`Request::Start`](super::Request::Start) is told.
#[derive(Debug)]
pub enum StartAnswer<D: Domain> {
    /// It was launched for this caller, and runs.
    Started(D::Found),
    /// It runs already.
    Running(D::Found),
    /// It is not started.
    NotStarted(NotStarted),
}

/// What the caller of [`Request::Ensure`](super::Request::Ensure) is told.
#[derive(Debug)]
pub enum EnsureAnswer<D: Domain> {
    /// It was launched for this caller, and runs.
    Started(D::Found),
    /// It was launched for another caller, and runs.
    Joined(D::Found),
    /// It runs already.
    Running(D::Found),
    /// It is not started, perhaps not for another caller either.
    NotStarted(NotStarted),
}

/// What the caller of [`Request::Restart`](super::Request::Restart) is told.
#[derive(Debug)]
pub enum RestartAnswer<D: Domain> {
    /// It was launched for this caller, and runs.
    Started(D::Found),
    /// It was launched for another caller, and runs.
    Joined(D::Found),
    /// No such session.
    NotFound,
    /// The launch failed.
    Failed(Failure),
    /// It is parked, and the limit of sessions is reached.
    MaxSessions(usize),
    /// It is parked, and has no place in its group.
    Rejected(Rejection),
    /// The request is refused.
    Refused(Refusal),
}

/// What the caller of [`Request::Lease`](super::Request::Lease) is told.
#[derive(Debug)]
pub enum LeaseAnswer {
    /// It is leased.
    Leased,
    /// No such session.
    NotFound,
    /// It is being ended for good.
    Stopping,
    /// It is parked.
    Parked,
    /// The request is refused.
    Refused(Refusal),
}

/// What the caller of a stop of one session or child is told. A stop is never refused.
#[derive(Clone, Debug)]
pub enum StopAnswer {
    /// It is gone. How it ended.
    Ended(Exit),
    /// There is none.
    NotFound,
    /// It does not end.
    Stuck,
}

/// What the caller of [`Request::AwaitGone`](super::Request::AwaitGone) is told.
#[derive(Clone, Debug)]
pub enum GoneAnswer {
    /// It is gone.
    Ended(SessionEnd),
    /// There is none.
    NotFound,
}

/// What the caller of [`Request::AwaitRunning`](super::Request::AwaitRunning) is told.
#[derive(Debug)]
pub enum AwaitAnswer<D: Domain> {
    /// It runs.
    Running(D::Found),
    /// Nothing of it is known, or nothing any more.
    NotFound,
    /// It is parked.
    Parked,
    /// What is left of it is stuck.
    Stuck,
    /// It does not run, and the supervisor drains.
    Draining,
    /// The supervisor stops.
    Down,
}

impl<D: Domain> Clone for AwaitAnswer<D> {
    fn clone(&self) -> Self {
        match self {
            Self::Running(found) => Self::Running(found.clone()),
            Self::NotFound => Self::NotFound,
            Self::Parked => Self::Parked,
            Self::Stuck => Self::Stuck,
            Self::Draining => Self::Draining,
            Self::Down => Self::Down,
        }
    }
}

/// What the caller of [`ChildRequest::Start`](super::ChildRequest::Start) is told.
#[derive(Debug)]
pub enum StartChildAnswer<D: Domain> {
    /// It was launched, and runs.
    Started(D::Found),
    /// It runs already.
    Running(D::Found),
    /// It is known already, and does not run.
    Present,
    /// It is being restarted.
    Restarting,
    /// The launch failed.
    Failed(Failure),
    /// The request is refused.
    Refused(Refusal),
}

/// What the caller of [`ChildRequest::Restart`](super::ChildRequest::Restart) is told.
#[derive(Debug)]
pub enum RestartChildAnswer<D: Domain> {
    /// It was launched, and runs.
    Started(D::Found),
    /// It runs already.
    Running(D::Found),
    /// No such child.
    NotFound,
    /// It is being restarted.
    Restarting,
    /// The launch failed.
    Failed(Failure),
    /// The request is refused.
    Refused(Refusal),
}

/// What the caller of [`ChildRequest::Delete`](super::ChildRequest::Delete) is told.
#[derive(Debug)]
pub enum DeleteAnswer<D: Domain> {
    /// It is forgotten.
    Deleted,
    /// No such child.
    NotFound,
    /// It runs.
    Running(D::Found),
    /// It is being restarted.
    Restarting,
    /// The request is refused.
    Refused(Refusal),
}

/// What the caller of [`Input::Begin`](super::Input::Begin) is told.
#[derive(Debug)]
pub enum BeginAnswer {
    /// All children are started.
    Begun,
    /// A child did not start, so the group does not either.
    ChildFailed {
        /// Which.
        role: Arc<str>,
        /// Why.
        failure: Failure,
    },
    /// The group was stopped before.
    Down,
}

impl From<Refusal> for Cancellation {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Refusal> for NotStarted {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<D: Domain> From<Refusal> for StartAnswer<D> {
    fn from(refusal: Refusal) -> Self {
        Self::NotStarted(refusal.into())
    }
}

impl<D: Domain> From<Refusal> for EnsureAnswer<D> {
    fn from(refusal: Refusal) -> Self {
        Self::NotStarted(refusal.into())
    }
}

impl<D: Domain> From<Refusal> for RestartAnswer<D> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<D: Domain> From<Refusal> for StartChildAnswer<D> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<D: Domain> From<Refusal> for RestartChildAnswer<D> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<D: Domain> From<Refusal> for DeleteAnswer<D> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<D: Domain> From<Failure> for StartAnswer<D> {
    fn from(failure: Failure) -> Self {
        Self::NotStarted(NotStarted::Failed(failure))
    }
}

impl<D: Domain> From<Failure> for EnsureAnswer<D> {
    fn from(failure: Failure) -> Self {
        Self::NotStarted(NotStarted::Failed(failure))
    }
}

impl<D: Domain> From<Failure> for RestartAnswer<D> {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl<D: Domain> From<Failure> for StartChildAnswer<D> {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl<D: Domain> From<Failure> for RestartChildAnswer<D> {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
