//! Why a session is over for good. It is decided where the session is given up, and kept with its plan
//! until nothing of it is left. Then those who follow the supervisor and those who wait for its end
//! are told the same.

use std::fmt;

use super::exit::Exit;
use super::expiry::Expiry;
use super::limit::Limit;
use super::restart::Policy;
use super::stop::StopCause;

/// How a session ended, and why it does not come back.
///
/// As text: `shutdown; idle for 40ms`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SessionEnd {
    /// How its last incarnation ended; [`NotRunning`](Exit::NotRunning) if none ran when it was given
    /// up.
    pub exit: Exit,
    /// Why it is over: the first reason for which it was to end and not to come back.
    pub why: EndReason,
}

/// Why a session is over for good.
///
/// Of several reasons it is the first: a session that is idle and is then stopped while it ends was
/// over for being idle.
///
/// Its text is a part of a sentence: "idle for 40ms".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason {
    /// It ended by itself, or somebody outside of the supervisor ended it, and its restart rule does
    /// not bring it back.
    Itself,
    /// It was idle, or its lifetime was over.
    Expired(Expiry),
    /// A caller stopped it. Also if one restarted it by hand, it survived its kill, and its restart
    /// rule does not bring it back.
    Requested,
    /// Its supervisor stops or drains: why that began to.
    Supervisor(StopCause),
    /// It used up this restart limit, and is not parked.
    Limit(Limit),
    /// All sessions together used up this restart limit when it failed.
    TotalLimit(Limit),
    /// More sessions were parked than may be, and it was parked longest.
    Discarded,
    /// It was not started, or not again: the start failed or took too long, the start function
    /// answered ignore, or its callers had gone before its turn came.
    NotStarted,
}

/// That in a plan, without what the session's rules know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Itself,
    Idle,
    Lifetime,
    Requested,
    Supervisor(StopCause),
    Limit,
    TotalLimit,
    Discarded,
    NotStarted,
}

impl Over {
    /// As it is told. `own` and `total`: the limits of the session and of all.
    pub(super) fn told(
        self,
        policy: &Policy,
        own: Option<Limit>,
        total: Option<Limit>,
    ) -> EndReason {
        let idle = || policy.idle_timeout.map(|timeout| timeout.get());
        let lifetime = || policy.max_lifetime.map(|longest| longest.get());
        let told = match self {
            Self::Itself => Some(EndReason::Itself),
            Self::Idle => idle().map(|timeout| EndReason::Expired(Expiry::Idle(timeout))),
            Self::Lifetime => {
                lifetime().map(|longest| EndReason::Expired(Expiry::Lifetime(longest)))
            }
            Self::Requested => Some(EndReason::Requested),
            Self::Supervisor(cause) => Some(EndReason::Supervisor(cause)),
            Self::Limit => own.map(EndReason::Limit),
            Self::TotalLimit => total.map(EndReason::TotalLimit),
            Self::Discarded => Some(EndReason::Discarded),
            Self::NotStarted => Some(EndReason::NotStarted),
        };
        debug_assert!(told.is_some(), "{self:?}, and no such rule");
        told.unwrap_or(EndReason::Itself)
    }
}

impl From<Expiry> for Over {
    fn from(expiry: Expiry) -> Self {
        match expiry {
            Expiry::Idle(_) => Self::Idle,
            Expiry::Lifetime(_) => Self::Lifetime,
        }
    }
}

impl EndReason {
    /// Its stable name, such as `expired`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Itself => "itself",
            Self::Expired(_) => "expired",
            Self::Requested => "requested",
            Self::Supervisor(_) => "supervisor",
            Self::Limit(_) => "limit",
            Self::TotalLimit(_) => "total_limit",
            Self::Discarded => "discarded",
            Self::NotStarted => "not_started",
        }
    }
}

/// What is told of one that is discarded.
pub(super) const PARKED_LONGEST: &str =
    "more sessions are parked than may be, and it was parked longest";

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Itself => f.write_str("ended by itself"),
            Self::Expired(expiry) => expiry.fmt(f),
            Self::Requested => f.write_str("stopped by a caller"),
            Self::Supervisor(cause) => write!(f, "its supervisor stops: {cause}"),
            Self::Limit(limit) => write!(f, "used up {limit}"),
            Self::TotalLimit(limit) => write!(f, "all together used up {limit}"),
            Self::Discarded => f.write_str(PARKED_LONGEST),
            Self::NotStarted => f.write_str("not started"),
        }
    }
}

impl fmt::Display for SessionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.exit, self.why)
    }
}
