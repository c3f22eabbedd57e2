//! What the inbox says to a pusher and to a driver.

/// What the pusher of an item has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Next {
    /// Somebody else drives.
    Nothing,
    /// Drive, and begin with the item, if it was left to you: the seat is yours.
    Drive,
    /// Send so many fences to the root.
    SendFences(u64),
}

/// Who handles an item that its pusher leaves to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Left {
    /// The present driver, or the next one.
    ToOthers,
    /// The driver task, which was handed the seat and has to be woken.
    ToDriverTask,
}

/// The supervisor is gone: the item is left to its pusher, since it may hold values of the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

/// What a driver does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Turn {
    /// It goes on.
    GoOn,
    /// Nothing is left: the seat is free.
    Done,
    /// It has done its share: wake the driver task.
    HandOver,
}

/// Whether the engine has more to do at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    Nothing,
    Work,
}
