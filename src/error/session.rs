//! The errors of calls that wait for a session, or send to it.

use std::error::Error as StdError;
use std::fmt;

use ractor::ActorCell;
use thiserror::Error;

use super::{EnsureError, RestartError};
use crate::SessionId;
use crate::engine::SessionState;

/// Why a session is not waited for any longer, or does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AwaitError {
    /// Nothing of this id is known, or nothing any more.
    #[error("no such session")]
    NotFound,
    /// It is parked.
    #[error("the session is parked until it is tried again, restarted by hand, or stopped")]
    Parked,
    /// What is left of it is stuck in code that never awaits.
    #[error("the last incarnation of the session is stuck")]
    Stuck,
    /// It runs, but takes messages of another type.
    #[error("the session takes messages of another type")]
    WrongMessageType,
    /// It does not run, and the supervisor drains, so it will not.
    #[error("the supervisor is draining")]
    Draining,
    /// The supervisor has ended or is stopping.
    #[error("the supervisor is down")]
    SupervisorDown,
}

/// Why the end of a session is not waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WaitEndError {
    /// Nothing of this id is known.
    #[error("no such session")]
    NotFound,
    /// The supervisor has ended.
    #[error("the supervisor is down")]
    SupervisorDown,
}

/// Why a restart by hand yields no typed reference.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum RestartAsError {
    /// It was restarted and runs, but takes messages of another type.
    #[error("session {id} runs, but takes messages of another type")]
    WrongMessageType {
        /// The id.
        id: SessionId,
        /// The session.
        cell: ActorCell,
    },
    /// It was not restarted.
    #[error(transparent)]
    Restart(#[from] RestartError),
}

/// Why no session takes a message.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum NotTaken {
    /// No session of this id is known, and the reference starts none.
    #[error("no session of this id runs")]
    NotRunning,
    /// The session is known and takes no messages now, and the reference does not wait for it, or
    /// waiting is of no use: it is parked or stuck.
    #[error("the session takes no messages now: it is {state}")]
    Unavailable {
        /// What it is doing. One that ends by itself, or that others have stopped, is `Stopping`.
        state: SessionState,
    },
    /// It runs, but takes messages of another type.
    #[error("the session takes messages of another type")]
    WrongMessageType,
    /// It was started again and again, and ended each time before it took the message.
    #[error("the session ends as soon as it is started")]
    KeepsEnding,
    /// It does not run and could not be started.
    #[error(transparent)]
    NotStarted(EnsureError),
    /// It does not run, and the supervisor drains, so it will not.
    #[error("the supervisor is draining")]
    Draining,
    /// The supervisor has ended.
    #[error("the supervisor is down")]
    SupervisorDown,
}

/// A message that no session has taken, with the reason.
///
/// Its text says the reason, and its source is that of the reason: the error of a session that could
/// not be started.
#[derive(Clone)]
#[non_exhaustive]
pub struct CastError<M> {
    /// The message; `None` only if ractor should ever keep one that it refuses.
    pub message: Option<M>,
    /// Why.
    pub reason: NotTaken,
}

/// The message may be a secret, and need not be `Debug`.
impl<M> fmt::Debug for CastError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CastError")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl<M> fmt::Display for CastError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the message was not taken: {}", self.reason)
    }
}

impl<M> StdError for CastError<M> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.reason.source()
    }
}

/// Why a call has no answer.
///
/// The text of one that was not taken says the reason, and its source is that of the reason, as of a
/// [`CastError`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CallError {
    /// No session has taken the message: nothing of it was done.
    NotTaken(NotTaken),
    /// A session took it, and ended before it answered, or dropped the reply. It may have done some
    /// of it.
    Unanswered,
    /// A session took it and ended before it answered, and no session has taken it again. The first
    /// may have done some of it. Only of [`call_again`](crate::SessionRef::call_again).
    NotTakenAgain(NotTaken),
    /// There was no answer in time. It may still be handled.
    TimedOut,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTaken(reason) => write!(f, "the message was not taken: {reason}"),
            Self::Unanswered => f.write_str("the session took the message and did not answer it"),
            Self::NotTakenAgain(reason) => write!(
                f,
                "a session took the message and ended before it answered, and then {reason}"
            ),
            Self::TimedOut => f.write_str("there was no answer in time"),
        }
    }
}

impl StdError for CallError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::NotTaken(reason) | Self::NotTakenAgain(reason) => reason.source(),
            Self::Unanswered | Self::TimedOut => None,
        }
    }
}
