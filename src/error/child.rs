//! The errors of calls about one child of a static supervisor.

use std::sync::Arc;

use ractor::ActorCell;
use thiserror::Error;

use crate::engine::{Cause, Failure};
use crate::fault::InvalidValue;
use crate::names::InvalidRole;

/// Why a child of a [`Supervisor`](crate::Supervisor) was not started.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum StartChildError {
    /// The role breaks a rule; nothing was asked.
    #[error(transparent)]
    InvalidRole(InvalidRole),
    /// The spec was given a bad value; nothing was asked.
    #[error("invalid child spec: {0}")]
    InvalidSpec(InvalidValue),
    /// A child of this role runs; it was left alone.
    #[error("child {role} is already started")]
    AlreadyStarted {
        /// The role.
        role: Arc<str>,
        /// The running child.
        cell: ActorCell,
    },
    /// A child of this role is known and does not run: restart it, or delete it first.
    #[error("child {role} is already present")]
    AlreadyPresent {
        /// The role.
        role: Arc<str>,
    },
    /// A child of this role is being restarted.
    #[error("the child is being restarted")]
    Restarting,
    /// The start function answered `Launch::Ignore`; unless it is temporary, the child is kept as
    /// one that does not run.
    #[error("the start was ignored by the start function")]
    Ignored,
    /// The start function or `pre_start` returned an error or panicked.
    #[error("child {role} failed to start")]
    Failed {
        /// The role.
        role: Arc<str>,
        /// The error as it was made, or the text of the panic.
        #[source]
        cause: Cause,
    },
    /// The start function and `pre_start` took longer than the start timeout.
    #[error("the child took longer to start than its start timeout")]
    TimedOut,
    /// Another actor has the name.
    #[error("the registry name of child {role} is taken")]
    NameTaken {
        /// The role.
        role: Arc<str>,
        /// Who has it, unless it has gone meanwhile.
        cell: Option<ActorCell>,
    },
    /// It was terminated before it was started.
    #[error("the child was stopped before it was started")]
    Stopped,
    /// The last incarnation was killed and is stuck in code that never awaits.
    #[error("the last incarnation of the child is stuck")]
    Stuck,
    /// The supervisor has ended or is stopping.
    #[error("the supervisor is down")]
    SupervisorDown,
}

impl StartChildError {
    /// Why a child of a tree did not start.
    pub(crate) fn of_failure(role: &Arc<str>, failure: Failure, holder: Option<ActorCell>) -> Self {
        let role = Arc::clone(role);
        match failure {
            Failure::Failed(cause) => Self::Failed { role, cause },
            Failure::Ignored => Self::Ignored,
            Failure::NameTaken(_) => Self::NameTaken { role, cell: holder },
            Failure::TimedOut(_) => Self::TimedOut,
            Failure::Cancelled => Self::Stopped,
        }
    }
}

/// Why a child was not restarted by hand.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum RestartChildError {
    /// No child of this role is known.
    #[error("no such child")]
    NotFound,
    /// It runs.
    #[error("the child runs")]
    Running {
        /// The child.
        cell: ActorCell,
    },
    /// It could not be started; it is kept as one that does not run.
    #[error(transparent)]
    Start(StartChildError),
}

/// Why a child was not terminated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TerminateChildError {
    /// No child of this role is known.
    #[error("no such child")]
    NotFound,
    /// It was killed and is stuck in code that never awaits.
    #[error("the child was killed, but is stuck in code that never awaits")]
    Stuck,
    /// The supervisor has ended.
    #[error("the supervisor is down")]
    SupervisorDown,
}

/// Why a child was not forgotten.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum DeleteChildError {
    /// No child of this role is known.
    #[error("no such child")]
    NotFound,
    /// It runs: terminate it first.
    #[error("the child runs")]
    Running {
        /// The child.
        cell: ActorCell,
    },
    /// It is being restarted: terminate it first.
    #[error("the child is being restarted")]
    Restarting,
    /// It was killed and is stuck in code that never awaits.
    #[error("the child is stuck")]
    Stuck,
    /// It was terminated before its turn came.
    #[error("the child was stopped meanwhile")]
    Stopped,
    /// The supervisor has ended or is stopping.
    #[error("the supervisor is down")]
    SupervisorDown,
}

/// Why no typed reference to a child was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FindChildError {
    /// No child of this role runs.
    #[error("no child of this role runs")]
    NotFound,
    /// It runs, but takes messages of another type.
    #[error("the child takes messages of another type")]
    WrongMessageType,
}
