//! The errors of a drain.

use thiserror::Error;

use crate::error::InvalidValue;

/// Why a supervisor was not drained.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DrainError {
    /// The drain was given a bad value; nothing was asked.
    #[error("invalid drain: {0}")]
    InvalidDrain(InvalidValue),
    /// The supervisor has ended.
    #[error("the supervisor is down")]
    SupervisorDown,
}

/// Why a session has no more time to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AskForTimeError {
    /// No session of this id is known.
    #[error("no such session")]
    NotFound,
    /// No drain has asked the session to end, so none limits its time.
    #[error("the session is not being drained")]
    NotDraining,
    /// The supervisor has ended or is stopping, which leaves each session the time of its own rule.
    #[error("the supervisor is down")]
    SupervisorDown,
}
