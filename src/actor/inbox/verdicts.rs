//! What the inbox says to a pusher and to a driver.

/// What the pusher of an item has to do.
#[derive(Debug)]
#[must_use]
pub(crate) enum Next<I> {
    /// Somebody else drives.
    Nothing,
    /// Drive, and begin with this, if it is anything: the seat is yours.
    Drive(Option<I>),
    /// Send a fence to the root.
    SendFence,
}

/// The supervisor is gone: the item is handed back, since it may hold values of the user's.
#[derive(Debug)]
pub(crate) struct Refused<I>(pub(in crate::actor) I);

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
