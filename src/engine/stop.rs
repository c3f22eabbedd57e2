//! Why the supervisor stops, in what way a session is asked to stop, and why it is killed instead.

use std::fmt;
use std::time::Duration;

/// Why a session is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kill {
    /// So its shutdown rule says.
    ByRule,
    /// It was asked to stop, and has not within the grace of its shutdown rule.
    Grace(Duration),
    /// The deadline of the supervisor's stop has come. It may not have been asked.
    Deadline,
    /// The supervisor drains a few sessions at a time, others wait for their turn, and it has taken
    /// its share of the time.
    Turn,
}

/// In what way a session is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopWay {
    /// After the callback that runs now; messages in its mailbox are dropped.
    AtOnce,
    /// After all messages that are in its mailbox now; it takes no more.
    Drain,
}

/// Why the supervisor stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum StopCause {
    /// A caller asked.
    #[default]
    Requested,
    /// A caller has the supervisor drained.
    Drained,
    /// A restart limit was reached.
    Escalated,
    /// Somebody else stopped or drained the root.
    Foreign,
    /// The root was killed, or its parent ended.
    Killed,
    /// A significant child has ended.
    AutoShutdown,
    /// A child of a group did not start.
    FailedStart,
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByRule => f.write_str("its shutdown rule"),
            Self::Grace(grace) => write!(f, "not stopped within its grace of {grace:?}"),
            Self::Deadline => f.write_str("the deadline of its supervisor's stop has come"),
            Self::Turn => f.write_str("its share of the time of its supervisor's drain is over"),
        }
    }
}

impl fmt::Display for StopCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requested => "requested",
            Self::Drained => "drained",
            Self::Escalated => "restart limit reached",
            Self::Foreign => "stopped from outside",
            Self::Killed => "killed",
            Self::AutoShutdown => "a significant child ended",
            Self::FailedStart => "a child did not start",
        })
    }
}
