//! What callers are told, in one enum whatever they asked, so that the models judge it in one
//! place.
//!
//! That an answer is one of its request need not be judged: another one does not compile.

use std::sync::Arc;
use std::time::Duration;

use session_supervisor::engine::{
    AwaitAnswer, BeginAnswer, Caller, Cancellation, DeleteAnswer, EnsureAnswer, Exit, Failure,
    GoneAnswer, LaunchCaller, LeaseAnswer, MoreTimeAnswer, NotStarted, ProgressAnswer, Refusal,
    Rejection, Reply, RestartAnswer, RestartChildAnswer, SessionEnd, StartAnswer, StartChildAnswer,
    StopAnswer, Taken,
};

use crate::domain::{SimDomain, SimFound, Ticket, Waiter};

#[derive(Clone, Debug)]
pub(crate) enum Told {
    Running(SimFound),
    Joined(SimFound),
    Failed(Failure),
    TimedOut(Duration),
    Parked,
    ClaimTaken(Taken),
    MaxSessions(usize),
    Rejected(Rejection),
    Stopped,
    Stuck,
    Down,
    NotFound,
    Ended(Exit),
    Gone(SessionEnd),
    Begun,
    ChildFailed { role: Arc<str>, failure: Failure },
    Present,
    Restarting,
    Deleted,
    Leased,
    Stopping,
    Draining,
    Progress(ProgressAnswer),
    MoreTime(MoreTimeAnswer),
}

/// Who is told, and what.
pub(crate) fn told(reply: &Reply<SimDomain>) -> (Ticket, Told) {
    match reply {
        Reply::Start(Waiter(ticket), answer) => (*ticket, answer.into()),
        Reply::Ensure(Waiter(ticket), answer) => (*ticket, answer.into()),
        Reply::Restart(Waiter(ticket), answer) => (*ticket, answer.into()),
        Reply::Lease(Waiter(ticket), answer) => (*ticket, answer.into()),
        Reply::MoreTime(Waiter(ticket), answer) => (*ticket, Told::MoreTime(*answer)),
        Reply::DrainProgress(Waiter(ticket), answer) => (*ticket, Told::Progress(*answer)),
        Reply::Stop(Waiter(ticket), answer) => (*ticket, answer.into()),
        Reply::Gone(Waiter(ticket), answer) => (*ticket, answer.into()),
        Reply::Await(Waiter(ticket), answer) => (*ticket, answer.into()),
        Reply::StartChild(Waiter(ticket), answer) => (*ticket, answer.into()),
        Reply::RestartChild(Waiter(ticket), answer) => (*ticket, answer.into()),
        Reply::Delete(Waiter(ticket), answer) => (*ticket, answer.into()),
        Reply::Begin(Waiter(ticket), answer) => (*ticket, answer.into()),
    }
}

/// For whom a launch is made.
pub(crate) fn launches_for(caller: &LaunchCaller<SimDomain>) -> Ticket {
    match caller {
        LaunchCaller::Start(Waiter(ticket))
        | LaunchCaller::Ensure(Waiter(ticket))
        | LaunchCaller::Restart(Waiter(ticket))
        | LaunchCaller::StartChild(Waiter(ticket))
        | LaunchCaller::RestartChild(Waiter(ticket)) => *ticket,
    }
}

/// Who is not told anything.
pub(crate) fn untold(caller: &Caller<SimDomain>) -> Ticket {
    match caller {
        Caller::Start(Waiter(ticket))
        | Caller::Ensure(Waiter(ticket))
        | Caller::Restart(Waiter(ticket))
        | Caller::Lease(Waiter(ticket))
        | Caller::MoreTime(Waiter(ticket))
        | Caller::DrainProgress(Waiter(ticket))
        | Caller::Drain(Waiter(ticket))
        | Caller::Stop(Waiter(ticket))
        | Caller::Gone(Waiter(ticket))
        | Caller::Await(Waiter(ticket))
        | Caller::StartChild(Waiter(ticket))
        | Caller::RestartChild(Waiter(ticket))
        | Caller::Delete(Waiter(ticket))
        | Caller::Begin(Waiter(ticket))
        | Caller::StopSupervisor(Waiter(ticket)) => *ticket,
    }
}

fn started() -> Told {
    panic!("a launch tells of its success itself")
}

impl From<Refusal> for Told {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Stopped => Self::Stopped,
            Refusal::Stuck => Self::Stuck,
            Refusal::Draining => Self::Draining,
            Refusal::Down => Self::Down,
        }
    }
}

impl From<Cancellation> for Told {
    fn from(why: Cancellation) -> Self {
        match why {
            Cancellation::TimedOut(after) => Self::TimedOut(after),
            Cancellation::Refused(refusal) => refusal.into(),
            Cancellation::WithOthers => Self::Restarting,
        }
    }
}

impl From<&Failure> for Told {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::TimedOut(after) => Self::TimedOut(*after),
            failure => Self::Failed(failure.clone()),
        }
    }
}

impl From<&NotStarted> for Told {
    fn from(why: &NotStarted) -> Self {
        match why {
            NotStarted::Failed(failure) => failure.into(),
            NotStarted::Parked => Self::Parked,
            NotStarted::ClaimTaken(taken) => Self::ClaimTaken((**taken).clone()),
            NotStarted::MaxSessions(max) => Self::MaxSessions(*max),
            NotStarted::Rejected(rejection) => Self::Rejected(rejection.clone()),
            NotStarted::Refused(refusal) => (*refusal).into(),
        }
    }
}

impl From<&StartAnswer<SimDomain>> for Told {
    fn from(answer: &StartAnswer<SimDomain>) -> Self {
        match answer {
            StartAnswer::Started(_) => started(),
            StartAnswer::Running(found) => Self::Running(found.clone()),
            StartAnswer::NotStarted(why) => why.into(),
        }
    }
}

impl From<&AwaitAnswer<SimDomain>> for Told {
    fn from(answer: &AwaitAnswer<SimDomain>) -> Self {
        match answer {
            AwaitAnswer::Running(found) => Self::Running(found.clone()),
            AwaitAnswer::NotFound => Self::NotFound,
            AwaitAnswer::Parked => Self::Parked,
            AwaitAnswer::Stuck => Self::Stuck,
            AwaitAnswer::Draining => Self::Draining,
            AwaitAnswer::Down => Self::Down,
        }
    }
}

impl From<&EnsureAnswer<SimDomain>> for Told {
    fn from(answer: &EnsureAnswer<SimDomain>) -> Self {
        match answer {
            EnsureAnswer::Started(_) => started(),
            EnsureAnswer::Joined(found) => Self::Joined(found.clone()),
            EnsureAnswer::Running(found) => Self::Running(found.clone()),
            EnsureAnswer::NotStarted(why) => why.into(),
        }
    }
}

impl From<&RestartAnswer<SimDomain>> for Told {
    fn from(answer: &RestartAnswer<SimDomain>) -> Self {
        match answer {
            RestartAnswer::Started(_) => started(),
            RestartAnswer::Joined(found) => Self::Joined(found.clone()),
            RestartAnswer::NotFound => Self::NotFound,
            RestartAnswer::Failed(failure) => failure.into(),
            RestartAnswer::MaxSessions(max) => Self::MaxSessions(*max),
            RestartAnswer::Rejected(rejection) => Self::Rejected(rejection.clone()),
            RestartAnswer::Refused(refusal) => (*refusal).into(),
        }
    }
}

impl From<&LeaseAnswer> for Told {
    fn from(answer: &LeaseAnswer) -> Self {
        match answer {
            LeaseAnswer::Leased => Self::Leased,
            LeaseAnswer::NotFound => Self::NotFound,
            LeaseAnswer::Stopping => Self::Stopping,
            LeaseAnswer::Parked => Self::Parked,
            LeaseAnswer::Refused(refusal) => (*refusal).into(),
        }
    }
}

impl From<&StopAnswer> for Told {
    fn from(answer: &StopAnswer) -> Self {
        match answer {
            StopAnswer::Ended(exit) => Self::Ended(exit.clone()),
            StopAnswer::NotFound => Self::NotFound,
            StopAnswer::Stuck => Self::Stuck,
        }
    }
}

impl From<&GoneAnswer> for Told {
    fn from(answer: &GoneAnswer) -> Self {
        match answer {
            GoneAnswer::Ended(end) => Self::Gone(end.clone()),
            GoneAnswer::NotFound => Self::NotFound,
        }
    }
}

impl From<&StartChildAnswer<SimDomain>> for Told {
    fn from(answer: &StartChildAnswer<SimDomain>) -> Self {
        match answer {
            StartChildAnswer::Started(_) => started(),
            StartChildAnswer::Running(found) => Self::Running(found.clone()),
            StartChildAnswer::Present => Self::Present,
            StartChildAnswer::Restarting => Self::Restarting,
            StartChildAnswer::Failed(failure) => failure.into(),
            StartChildAnswer::Refused(refusal) => (*refusal).into(),
        }
    }
}

impl From<&RestartChildAnswer<SimDomain>> for Told {
    fn from(answer: &RestartChildAnswer<SimDomain>) -> Self {
        match answer {
            RestartChildAnswer::Started(_) => started(),
            RestartChildAnswer::Running(found) => Self::Running(found.clone()),
            RestartChildAnswer::NotFound => Self::NotFound,
            RestartChildAnswer::Restarting => Self::Restarting,
            RestartChildAnswer::Failed(failure) => failure.into(),
            RestartChildAnswer::Refused(refusal) => (*refusal).into(),
        }
    }
}

impl From<&DeleteAnswer<SimDomain>> for Told {
    fn from(answer: &DeleteAnswer<SimDomain>) -> Self {
        match answer {
            DeleteAnswer::Deleted => Self::Deleted,
            DeleteAnswer::NotFound => Self::NotFound,
            DeleteAnswer::Running(found) => Self::Running(found.clone()),
            DeleteAnswer::Restarting => Self::Restarting,
            DeleteAnswer::Refused(refusal) => (*refusal).into(),
        }
    }
}

impl From<&BeginAnswer> for Told {
    fn from(answer: &BeginAnswer) -> Self {
        match answer {
            BeginAnswer::Begun => Self::Begun,
            BeginAnswer::ChildFailed { role, failure } => Self::ChildFailed {
                role: Arc::clone(role),
                failure: failure.clone(),
            },
            BeginAnswer::Down => Self::Down,
        }
    }
}
