//! Why the supervisor stops, in what way a session is asked to stop, and why it is killed instead.

/// Why a session is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kill {
    /// So its shutdown rule says.
    ByRule,
    /// It has not stopped in time.
    Overdue,
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
