//! Why the supervisor stops, in what way a session is asked to stop, and why it is killed instead.

use std::time::Duration;

/// Why a session is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// A caller asked.
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
