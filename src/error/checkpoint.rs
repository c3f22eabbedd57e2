//! The errors of a checkpoint.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// Why a checkpoint is neither read nor written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// It holds a value of another type, which stays there.
    #[error("the checkpoint of {key} holds a value of type {saved}, not {asked}")]
    WrongType {
        /// The id of the session, or the role of the child.
        key: Arc<str>,
        /// The name of the type of the value that it holds.
        saved: &'static str,
        /// The name of the type that was asked for.
        asked: &'static str,
    },
    /// A later incarnation has been launched, and the checkpoint is its own now. Or this
    /// incarnation asked for its checkpoint only when it was over.
    #[error("the checkpoint of {key} is not that of this incarnation any more")]
    Superseded {
        /// The id of the session, or the role of the child.
        key: Arc<str>,
    },
    /// The session, or the child, is gone for good, and its checkpoint with it.
    #[error("{key} is gone, and its checkpoint with it")]
    Gone {
        /// The id of the session, or the role of the child.
        key: Arc<str>,
    },
}

/// A value that was not saved, with the reason.
#[derive(Error)]
#[error("the value was not saved: {reason}")]
#[non_exhaustive]
pub struct SaveError<T> {
    /// The value.
    pub value: Arc<T>,
    /// Why.
    pub reason: CheckpointError,
}

impl<T> Clone for SaveError<T> {
    fn clone(&self) -> Self {
        Self {
            value: Arc::clone(&self.value),
            reason: self.reason.clone(),
        }
    }
}

/// The value may be a secret, and need not be `Debug`.
impl<T> fmt::Debug for SaveError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaveError")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}
