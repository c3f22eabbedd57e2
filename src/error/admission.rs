//! Why a session is not admitted.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::SessionId;
use crate::engine::Rejection;
use crate::names::NameError;

/// What is used up, so that a session is rejected for now.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RejectReason {
    /// The [start rate](crate::Options::start_rate) is used up.
    #[error("start rate of {n} in {per:?} reached")]
    StartRate {
        /// How many sessions may be new within a window.
        n: u32,
        /// The length of the window.
        per: Duration,
    },
    /// The [quota](crate::Options::quota) of the session's group is used up.
    #[error("quota of {max} for group {group:?} reached")]
    Quota {
        /// The group.
        group: Arc<str>,
        /// How many sessions it may have.
        max: usize,
    },
}

impl RejectReason {
    /// What is used up, and after what time a start would succeed, if that is known.
    pub(crate) fn of(rejection: Rejection) -> (Self, Option<Duration>) {
        match rejection {
            Rejection::StartRate { rate, retry_after } => {
                let (n, per) = (rate.n(), rate.per());
                (Self::StartRate { n, per }, Some(retry_after))
            }
            Rejection::Quota { group, max } => (Self::Quota { group, max }, None),
        }
    }
}

/// A group of a [quota](crate::Options::quota) that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{group:?}, of session {id}, is not a group: it {rule}")]
#[non_exhaustive]
pub struct InvalidGroup {
    /// The session that was to be started.
    pub id: SessionId,
    /// The group that the quota's function says it is of.
    pub group: Arc<str>,
    /// The rule that it breaks.
    pub rule: NameError,
}
