//! Why something failed or ended, without the user's error: with its text.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::exit::{Cause, Exit, own_text};
use crate::engine::failure::Failure;

/// How an incarnation ended, as plain data: an [`Exit`] with the text of its error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(tag = "kind", rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum ExitCause {
    /// Gracefully and by itself.
    Normal {
        /// The reason given to ractor's `stop`; `"Drained"` after a drain.
        reason: Option<Arc<str>>,
    },
    /// Gracefully, because the supervisor asked.
    Shutdown,
    /// It was killed.
    Killed,
    /// A callback returned an error or panicked.
    Failed {
        /// The text of the error and of its sources, cut after 1,024 bytes.
        error: Arc<str>,
    },
    /// It was not running.
    NotRunning,
}

/// Why a launch did not succeed, as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(tag = "kind", rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum StartFailure {
    /// The start function or `pre_start` failed.
    Failed {
        /// The text of the error and of its sources, cut after 1,024 bytes.
        error: Arc<str>,
    },
    /// The start function answered ignore.
    Ignored,
    /// Another actor has its name.
    NameTaken {
        /// The name.
        name: Arc<str>,
    },
    /// It was cancelled.
    Cancelled,
    /// It took too long.
    TimedOut {
        /// The timeout.
        #[cfg_attr(
            feature = "serde",
            serde(serialize_with = "crate::engine::serial::seconds")
        )]
        timeout: Duration,
    },
}

/// What stands for the text of an error that nobody has told.
const UNTOLD: &str = "its error did not reach the supervisor";

impl ExitCause {
    /// The same without the user's error, of which this is the text.
    pub(in crate::engine) fn of(exit: &Exit, error: Option<Arc<str>>) -> Self {
        match exit {
            Exit::Normal { reason } => Self::Normal {
                reason: reason.as_deref().map(Arc::from),
            },
            Exit::Shutdown => Self::Shutdown,
            Exit::Killed => Self::Killed,
            Exit::Failed { cause } => Self::Failed {
                error: told(error.or_else(|| own_text(cause))),
            },
            Exit::NotRunning => Self::NotRunning,
        }
    }
}

impl fmt::Display for ExitCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal { reason: None } => f.write_str("normal"),
            Self::Normal { reason: Some(text) } => write!(f, "normal ({text})"),
            Self::Shutdown => f.write_str("shutdown"),
            Self::Killed => f.write_str("killed"),
            Self::Failed { error } => write!(f, "failed: {error}"),
            Self::NotRunning => f.write_str("was not running"),
        }
    }
}

impl StartFailure {
    /// The same without the user's error, of which this is the text. That is handed back.
    pub(in crate::engine) fn of(
        failure: Failure,
        error: Option<Arc<str>>,
    ) -> (Self, Option<Cause>) {
        match failure {
            Failure::Failed(cause) => (Self::Failed { error: told(error) }, Some(cause)),
            Failure::Ignored => (Self::Ignored, None),
            Failure::NameTaken(name) => (Self::NameTaken { name }, None),
            Failure::Cancelled => (Self::Cancelled, None),
            Failure::TimedOut(timeout) => (Self::TimedOut { timeout }, None),
        }
    }
}

impl fmt::Display for StartFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { error } => f.write_str(error),
            Self::Ignored => f.write_str("ignored by the start function"),
            Self::NameTaken { name } => write!(f, "the name {name:?} is taken"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::TimedOut { timeout } => write!(f, "timed out after {timeout:?}"),
        }
    }
}

fn told(error: Option<Arc<str>>) -> Arc<str> {
    error.unwrap_or_else(|| UNTOLD.into())
}
