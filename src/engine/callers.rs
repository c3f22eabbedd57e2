//! Callers that wait, and the pairs of a caller and its answer. A ticket takes only the answers of
//! its own request, so an answer that does not fit does not compile.

use super::answers::{
    Answer, AwaitAnswer, BeginAnswer, Cancellation, DeleteAnswer, EnsureAnswer, GoneAnswer,
    LeaseAnswer, Refusal, RestartAnswer, RestartChildAnswer, StartAnswer, StartChildAnswer,
    StopAnswer,
};
use super::domain::{Domain, Ticket};
use super::drain::{DrainAnswer, MoreTimeAnswer, ProgressAnswer};
use super::exit::Cause;
use super::failure::Failure;
use super::report::ShutdownReport;

/// A caller that is told something.
///
/// ```
/// use session_supervisor::engine::{DeleteAnswer, Domain, Reply};
///
/// fn tell<D: Domain>(caller: D::Ticket<DeleteAnswer<D>>) -> Reply<D> {
///     Reply::Delete(caller, DeleteAnswer::NotFound)
/// }
/// ```
///
/// The answer of another request does not compile:
///
/// ```compile_fail,E0308
/// use session_supervisor::engine::{DeleteAnswer, Domain, Reply, StopAnswer};
///
/// fn tell<D: Domain>(caller: D::Ticket<DeleteAnswer<D>>) -> Reply<D> {
///     Reply::Delete(caller, StopAnswer::NotFound)
/// }
/// ```
#[derive(Debug)]
pub enum Reply<D: Domain> {
    /// It starts a session.
    Start(D::Ticket<StartAnswer<D>>, StartAnswer<D>),
    /// It starts a session, or shares a start.
    Ensure(D::Ticket<EnsureAnswer<D>>, EnsureAnswer<D>),
    /// It restarts a session by hand.
    Restart(D::Ticket<RestartAnswer<D>>, RestartAnswer<D>),
    /// It leases a session.
    Lease(D::Ticket<LeaseAnswer>, LeaseAnswer),
    /// It is a session that asks for more time.
    MoreTime(D::Ticket<MoreTimeAnswer>, MoreTimeAnswer),
    /// It follows a drain.
    DrainProgress(D::Ticket<ProgressAnswer>, ProgressAnswer),
    /// It stops a session or a child.
    Stop(D::Ticket<StopAnswer>, StopAnswer),
    /// It waits for the end of a session.
    Gone(D::Ticket<GoneAnswer>, GoneAnswer),
    /// It waits until a session runs.
    Await(D::Ticket<AwaitAnswer<D>>, AwaitAnswer<D>),
    /// It adds a child.
    StartChild(D::Ticket<StartChildAnswer<D>>, StartChildAnswer<D>),
    /// It starts a child again.
    RestartChild(D::Ticket<RestartChildAnswer<D>>, RestartChildAnswer<D>),
    /// It has a child forgotten.
    Delete(D::Ticket<DeleteAnswer<D>>, DeleteAnswer<D>),
    /// It has the children started.
    Begin(D::Ticket<BeginAnswer>, BeginAnswer),
}

impl<D: Domain> Reply<D> {
    /// The caller, and the value of a user's that is in the answer.
    pub(super) fn take_apart(self) -> (Caller<D>, Option<Cause>) {
        match self {
            Self::Start(ticket, answer) => (Caller::Start(ticket), answer.into_cause()),
            Self::Ensure(ticket, answer) => (Caller::Ensure(ticket), answer.into_cause()),
            Self::Restart(ticket, answer) => (Caller::Restart(ticket), answer.into_cause()),
            Self::Lease(ticket, answer) => (Caller::Lease(ticket), answer.into_cause()),
            Self::MoreTime(ticket, answer) => (Caller::MoreTime(ticket), answer.into_cause()),
            Self::DrainProgress(ticket, answer) => {
                (Caller::DrainProgress(ticket), answer.into_cause())
            }
            Self::Stop(ticket, answer) => (Caller::Stop(ticket), answer.into_cause()),
            Self::Gone(ticket, answer) => (Caller::Gone(ticket), answer.into_cause()),
            Self::Await(ticket, answer) => (Caller::Await(ticket), answer.into_cause()),
            Self::StartChild(ticket, answer) => (Caller::StartChild(ticket), answer.into_cause()),
            Self::RestartChild(ticket, answer) => {
                (Caller::RestartChild(ticket), answer.into_cause())
            }
            Self::Delete(ticket, answer) => (Caller::Delete(ticket), answer.into_cause()),
            Self::Begin(ticket, answer) => (Caller::Begin(ticket), answer.into_cause()),
        }
    }
}

/// A caller that will not be answered.
#[derive(Debug)]
pub enum Caller<D: Domain> {
    /// It starts a session.
    Start(D::Ticket<StartAnswer<D>>),
    /// It starts a session, or shares a start.
    Ensure(D::Ticket<EnsureAnswer<D>>),
    /// It restarts a session by hand.
    Restart(D::Ticket<RestartAnswer<D>>),
    /// It leases a session.
    Lease(D::Ticket<LeaseAnswer>),
    /// It is a session that asks for more time.
    MoreTime(D::Ticket<MoreTimeAnswer>),
    /// It follows a drain.
    DrainProgress(D::Ticket<ProgressAnswer>),
    /// It stops a session or a child.
    Stop(D::Ticket<StopAnswer>),
    /// It waits for the end of a session.
    Gone(D::Ticket<GoneAnswer>),
    /// It waits until a session runs.
    Await(D::Ticket<AwaitAnswer<D>>),
    /// It adds a child.
    StartChild(D::Ticket<StartChildAnswer<D>>),
    /// It starts a child again.
    RestartChild(D::Ticket<RestartChildAnswer<D>>),
    /// It has a child forgotten.
    Delete(D::Ticket<DeleteAnswer<D>>),
    /// It has the children started.
    Begin(D::Ticket<BeginAnswer>),
    /// It stops the supervisor.
    StopSupervisor(D::Ticket<ShutdownReport>),
    /// It has the supervisor drained.
    Drain(D::Ticket<DrainAnswer>),
}

/// A caller for whom a launch is made.
#[derive(Debug)]
pub enum LaunchCaller<D: Domain> {
    /// It starts a session.
    Start(D::Ticket<StartAnswer<D>>),
    /// It starts a session, or shares a start.
    Ensure(D::Ticket<EnsureAnswer<D>>),
    /// It restarts a session by hand.
    Restart(D::Ticket<RestartAnswer<D>>),
    /// It adds a child.
    StartChild(D::Ticket<StartChildAnswer<D>>),
    /// It starts a child again.
    RestartChild(D::Ticket<RestartChildAnswer<D>>),
}

impl<D: Domain> LaunchCaller<D> {
    /// The launch has succeeded.
    pub fn started(self, found: D::Found) -> Reply<D> {
        match self {
            Self::Start(ticket) => Reply::Start(ticket, StartAnswer::Started(found)),
            Self::Ensure(ticket) => Reply::Ensure(ticket, EnsureAnswer::Started(found)),
            Self::Restart(ticket) => Reply::Restart(ticket, RestartAnswer::Started(found)),
            Self::StartChild(ticket) => Reply::StartChild(ticket, StartChildAnswer::Started(found)),
            Self::RestartChild(ticket) => {
                Reply::RestartChild(ticket, RestartChildAnswer::Started(found))
            }
        }
    }

    /// The launch has failed.
    pub fn failed(self, failure: Failure) -> Reply<D> {
        match self {
            Self::Start(ticket) => Reply::Start(ticket, failure.into()),
            Self::Ensure(ticket) => Reply::Ensure(ticket, failure.into()),
            Self::Restart(ticket) => Reply::Restart(ticket, failure.into()),
            Self::StartChild(ticket) => Reply::StartChild(ticket, failure.into()),
            Self::RestartChild(ticket) => Reply::RestartChild(ticket, failure.into()),
        }
    }

    /// The launch was cancelled.
    pub fn cancelled(self, why: Cancellation) -> Reply<D> {
        match why {
            Cancellation::TimedOut(after) => self.failed(Failure::TimedOut(after)),
            Cancellation::Refused(refusal) => self.refused(refusal),
            Cancellation::WithOthers => match self {
                Self::StartChild(ticket) => Reply::StartChild(ticket, StartChildAnswer::Restarting),
                Self::RestartChild(ticket) => {
                    Reply::RestartChild(ticket, RestartChildAnswer::Restarting)
                }
                // A session belongs to no set; one that did would be stopped for it.
                session @ (Self::Start(_) | Self::Ensure(_) | Self::Restart(_)) => {
                    session.refused(Refusal::Stopped)
                }
            },
        }
    }

    /// No launch is made.
    pub(super) fn refused(self, refusal: Refusal) -> Reply<D> {
        match self {
            Self::Start(ticket) => Reply::Start(ticket, refusal.into()),
            Self::Ensure(ticket) => Reply::Ensure(ticket, refusal.into()),
            Self::Restart(ticket) => Reply::Restart(ticket, refusal.into()),
            Self::StartChild(ticket) => Reply::StartChild(ticket, refusal.into()),
            Self::RestartChild(ticket) => Reply::RestartChild(ticket, refusal.into()),
        }
    }

    /// Whether it has gone away.
    pub(super) fn is_gone(&self) -> bool {
        match self {
            Self::Start(ticket) => ticket.is_gone(),
            Self::Ensure(ticket) => ticket.is_gone(),
            Self::Restart(ticket) => ticket.is_gone(),
            Self::StartChild(ticket) => ticket.is_gone(),
            Self::RestartChild(ticket) => ticket.is_gone(),
        }
    }
}

impl<D: Domain> From<LaunchCaller<D>> for Caller<D> {
    fn from(caller: LaunchCaller<D>) -> Self {
        match caller {
            LaunchCaller::Start(ticket) => Self::Start(ticket),
            LaunchCaller::Ensure(ticket) => Self::Ensure(ticket),
            LaunchCaller::Restart(ticket) => Self::Restart(ticket),
            LaunchCaller::StartChild(ticket) => Self::StartChild(ticket),
            LaunchCaller::RestartChild(ticket) => Self::RestartChild(ticket),
        }
    }
}
