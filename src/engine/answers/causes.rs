//! The value of a user's that an answer may hold: the cause of a failure. If no caller takes the
//! answer, that value is dropped on its own.

use super::{
    AwaitAnswer, BeginAnswer, DeleteAnswer, EnsureAnswer, GoneAnswer, LeaseAnswer, NotStarted,
    RestartAnswer, RestartChildAnswer, StartAnswer, StartChildAnswer, StopAnswer,
};
use crate::engine::domain::Domain;
use crate::engine::exit::{Cause, Exit};
use crate::engine::failure::Failure;

/// What a caller is told, as far as it may hold a value of a user's.
pub(crate) trait Answer {
    /// That value.
    fn into_cause(self) -> Option<Cause>;
}

impl Answer for Exit {
    fn into_cause(self) -> Option<Cause> {
        match self {
            Self::Failed { cause } => Some(cause),
            Self::Normal { .. } | Self::Shutdown | Self::Killed | Self::NotRunning => None,
        }
    }
}

impl Answer for Failure {
    fn into_cause(self) -> Option<Cause> {
        match self {
            Self::Failed(cause) => Some(cause),
            Self::Ignored | Self::NameTaken(_) | Self::Cancelled | Self::TimedOut(_) => None,
        }
    }
}

impl Answer for NotStarted {
    fn into_cause(self) -> Option<Cause> {
        match self {
            Self::Failed(failure) => failure.into_cause(),
            Self::Parked
            | Self::ClaimTaken(_)
            | Self::MaxSessions(_)
            | Self::Rejected(_)
            | Self::Refused(_) => None,
        }
    }
}

impl<D: Domain> Answer for StartAnswer<D> {
    fn into_cause(self) -> Option<Cause> {
        match self {
            Self::NotStarted(why) => why.into_cause(),
            Self::Started(_) | Self::Running(_) => None,
        }
    }
}

impl<D: Domain> Answer for EnsureAnswer<D> {
    fn into_cause(self) -> Option<Cause> {
        match self {
            Self::NotStarted(why) => why.into_cause(),
            Self::Started(_) | Self::Joined(_) | Self::Running(_) => None,
        }
    }
}

impl<D: Domain> Answer for RestartAnswer<D> {
    fn into_cause(self) -> Option<Cause> {
        match self {
            Self::Failed(failure) => failure.into_cause(),
            Self::Started(_) | Self::Joined(_) => None,
            Self::NotFound | Self::MaxSessions(_) | Self::Rejected(_) | Self::Refused(_) => None,
        }
    }
}

impl Answer for LeaseAnswer {
    fn into_cause(self) -> Option<Cause> {
        match self {
            Self::Leased | Self::NotFound | Self::Stopping | Self::Parked | Self::Refused(_) => {
                None
            }
        }
    }
}

impl Answer for StopAnswer {
    fn into_cause(self) -> Option<Cause> {
        match self {
            Self::Ended(exit) => exit.into_cause(),
            Self::NotFound | Self::Stuck => None,
        }
    }
}

impl Answer for GoneAnswer {
    fn into_cause(self) -> Option<Cause> {
        match self {
            Self::Ended(end) => end.exit.into_cause(),
            Self::NotFound => None,
        }
    }
}

impl<D: Domain> Answer for AwaitAnswer<D> {
    fn into_cause(self) -> Option<Cause> {
        None
    }
}

impl<D: Domain> Answer for StartChildAnswer<D> {
    fn into_cause(self) -> Option<Cause> {
        match self {
            Self::Failed(failure) => failure.into_cause(),
            Self::Started(_) | Self::Running(_) => None,
            Self::Present | Self::Restarting | Self::Refused(_) => None,
        }
    }
}

impl<D: Domain> Answer for RestartChildAnswer<D> {
    fn into_cause(self) -> Option<Cause> {
        match self {
            Self::Failed(failure) => failure.into_cause(),
            Self::Started(_) | Self::Running(_) => None,
            Self::NotFound | Self::Restarting | Self::Refused(_) => None,
        }
    }
}

impl<D: Domain> Answer for DeleteAnswer<D> {
    fn into_cause(self) -> Option<Cause> {
        match self {
            Self::Running(_) => None,
            Self::Deleted | Self::NotFound | Self::Restarting | Self::Refused(_) => None,
        }
    }
}

impl Answer for BeginAnswer {
    fn into_cause(self) -> Option<Cause> {
        match self {
            Self::ChildFailed { failure, .. } => failure.into_cause(),
            Self::Begun | Self::Down => None,
        }
    }
}
